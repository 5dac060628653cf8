# lua.elf: the stand-alone interpreter. `nub run -- lua.nub -` runs a script from stdin.
# With a C library a compiler must know setjmp: -fhosted takes back -ffreestanding.
file(GLOB lua "${NUB_SOURCES}/lua5.4/src/*.c")
list(FILTER lua EXCLUDE REGEX "/luac\\.c$")
add_executable(lua ${lua})
target_compile_options(lua PRIVATE -fhosted)
nub_guest_program(lua 67108864)
