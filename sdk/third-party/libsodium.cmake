# sodium-NAME.elf: libsodium's own tests, each with the library's portable code. They print what the .exp files beside
# them hold; sodium-random.c stands in for the system's randomness.
set(sodium "${NUB_SOURCES}/libsodium/src/libsodium")
file(GLOB_RECURSE sources "${sodium}/*.c")
# x86 and ARM code, and the sources of randomness that want a system
list(FILTER sources EXCLUDE REGEX "(sse|avx|xmm|aesni|armcrypto|sandy2x|/randombytes/(internal|sysrandom)/)")
file(STRINGS "${NUB_SOURCES}/libsodium/configure.ac" settings REGEX "^AC_INIT|^SODIUM_LIBRARY_VERSION_M")
string(REGEX MATCH "\\[libsodium\\],\\[([0-9.]+)\\]" _ "${settings}")
set(VERSION "${CMAKE_MATCH_1}")
string(REGEX MATCH "MAJOR=([0-9]+)" _ "${settings}")
set(SODIUM_LIBRARY_VERSION_MAJOR "${CMAKE_MATCH_1}")
string(REGEX MATCH "MINOR=([0-9]+)" _ "${settings}")
set(SODIUM_LIBRARY_VERSION_MINOR "${CMAKE_MATCH_1}")
configure_file("${sodium}/include/sodium/version.h.in" "${CMAKE_BINARY_DIR}/sodium/sodium/version.h" @ONLY)

add_library(sodium STATIC ${sources})
target_include_directories(sodium PUBLIC "${sodium}/include" "${sodium}/include/sodium" "${CMAKE_BINARY_DIR}/sodium"
                           PRIVATE "${CMAKE_BINARY_DIR}/sodium/sodium")
target_compile_options(sodium PRIVATE -fhosted)
target_compile_definitions(sodium PRIVATE CONFIGURED NATIVE_LITTLE_ENDIAN HAVE_TI_MODE HAVE_WEAK_SYMBOLS HAVE_INLINE_ASM
    HAVE_C_VARARRAYS RANDOMBYTES_CUSTOM_IMPLEMENTATION RANDOMBYTES_DEFAULT_IMPLEMENTATION=NULL)
target_link_libraries(sodium PRIVATE nub-libc)

foreach(test aead_xchacha20poly1305 auth box generichash hash kdf onetimeauth scalarmult secretbox secretbox_easy
             shorthash sign stream)
    add_executable(sodium-${test} "${NUB_SOURCES}/libsodium/test/default/${test}.c" sodium-random.c)
    target_compile_options(sodium-${test} PRIVATE -fhosted)
    target_include_directories(sodium-${test} PRIVATE "${NUB_SOURCES}/libsodium/test/quirks")
    # their mode for machines without files: the result goes to stdout
    target_compile_definitions(sodium-${test} PRIVATE BROWSER_TESTS)
    target_link_libraries(sodium-${test} PRIVATE sodium)
    nub_guest_program(sodium-${test} 16777216)
endforeach()
