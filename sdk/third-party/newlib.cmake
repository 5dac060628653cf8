# nub-libc: newlib's C library and mathematics in one archive. sdk/libc/ has the system layer, the configuration that
# newlib's own configure would write, and crt0. setjmp is newlib's own assembly.
set(newlib "${NUB_SOURCES}/newlib/newlib")
set(libc "${CMAKE_CURRENT_SOURCE_DIR}/../libc")

file(READ "${newlib}/acinclude.m4" versions)
string(REGEX MATCH "NEWLIB_MAJOR_VERSION\\],\\[([0-9]+)" _ "${versions}")
set(major "${CMAKE_MATCH_1}")
string(REGEX MATCH "NEWLIB_MINOR_VERSION\\],\\[([0-9]+)" _ "${versions}")
set(minor "${CMAKE_MATCH_1}")
string(REGEX MATCH "NEWLIB_PATCHLEVEL_VERSION\\],\\[([0-9]+)" _ "${versions}")
set(patch "${CMAKE_MATCH_1}")
file(CONFIGURE OUTPUT "${NUB_SYSROOT}/include/_newlib_version.h" CONTENT
"#define _NEWLIB_VERSION \"${major}.${minor}.${patch}\"
#define __NEWLIB__ ${major}
#define __NEWLIB_MINOR__ ${minor}
#define __NEWLIB_PATCHLEVEL__ ${patch}
")
# newlib's own newlib.h and _newlib_version.h are dummies, and so are the two that the machine has of its own
file(COPY "${newlib}/libc/include/" "${newlib}/libc/machine/riscv/sys" DESTINATION "${NUB_SYSROOT}/include"
     REGEX "newlib(_version)?\\.h$" EXCLUDE REGEX "/include/sys/(fenv|string)\\.h$" EXCLUDE)
# its math.h hides what takes a long double: ours brings that back, and finds the original by another name
file(RENAME "${NUB_SYSROOT}/include/math.h" "${NUB_SYSROOT}/include/newlib-math.h")
file(COPY "${libc}/newlib.h" "${libc}/math.h" DESTINATION "${NUB_SYSROOT}/include")

# whole directories, less what this machine has no use for: wide characters in streams, small variants of printf,
# processes and files; the four functions that the runtime has; and of long double the text and the mathematics, which
# newlib has for the x87 or not at all
set(sources)
foreach(directory ctype errno locale reent stdio stdlib string time)
    file(GLOB files "${newlib}/libc/${directory}/*.c")
    list(APPEND sources ${files})
endforeach()
file(GLOB math "${newlib}/libm/common/*.c" "${newlib}/libm/math/*.c" "${newlib}/libm/machine/riscv/*.c")
list(FILTER sources EXCLUDE REGEX "/reent/(exec|fcntl|mkdir|fstat64|lseek64|open64|stat64)r\\.c$")
list(FILTER sources EXCLUDE REGEX "/stdio/(nano-.*|.*64|.*getwc(_u)?|putwc(_u)?|fputwc_u|.*ws(_u)?|.*wchar(_u)?|fwide|.*w(printf|scanf))\\.c$")
list(FILTER sources EXCLUDE REGEX "/stdlib/(nano-.*|mallocr|arc4random.*|wcsto.*|strtorx|ldtoa)\\.c$")
list(FILTER sources EXCLUDE REGEX "/string/(memcpy|memmove|memset|memcmp)\\.c$")
list(FILTER math EXCLUDE REGEX "/(common/(.*l|nexttoward.*|sl_.*)|math/el_hypot|riscv/fesetround)\\.c$")
if(NOT no_musl) # musl.cmake says why
    list(FILTER math EXCLUDE REGEX "/(sf?_(fdim|fma|nextafter)|wf?_tgamma)\\.c$")
endif()
list(APPEND sources ${math}
    "${newlib}/libc/search/bsearch.c" "${newlib}/libc/search/qsort.c" "${newlib}/libc/stdlib/mallocr.c"
    "${newlib}/libc/signal/raise.c" "${newlib}/libc/signal/signal.c")

# projects say -lm
file(WRITE "${NUB_SYSROOT}/lib/libm.a" "!<arch>\n")

add_library(nub-libc STATIC ${sources} "${libc}/start.c" "${libc}/system.c" "${libc}/memory.c" "${libc}/fesetround.c"
            "${libc}/setjmp.S" "${libc}/long-double.c")
set_target_properties(nub-libc PROPERTIES OUTPUT_NAME c ARCHIVE_OUTPUT_DIRECTORY "${NUB_SYSROOT}/lib")
target_include_directories(nub-libc SYSTEM PUBLIC "${NUB_SYSROOT}/include")
target_compile_definitions(nub-libc PRIVATE _COMPILING_NEWLIB NO_EXEC INTERNAL_NEWLIB)

# each directory finds its own local.h
foreach(directory libc/string libc/time libm/common libm/math)
    file(GLOB files "${newlib}/${directory}/*.c")
    set_source_files_properties(${files} PROPERTIES INCLUDE_DIRECTORIES "${newlib}/${directory};${newlib}/libm/common")
endforeach()

foreach(name MALLOC FREE REALLOC CFREE MEMALIGN VALLOC PVALLOC MALLINFO MALLOC_STATS MALLOC_USABLE_SIZE MALLOPT)
    set_property(SOURCE "${newlib}/libc/stdlib/mallocr.c" APPEND PROPERTY COMPILE_DEFINITIONS DEFINE_${name})
endforeach()

# printf and scanf: one source, several functions
function(variant name source)
    add_library(newlib-${name} OBJECT "${newlib}/libc/stdio/${source}")
    target_compile_definitions(newlib-${name} PRIVATE _COMPILING_NEWLIB ${ARGN})
    target_include_directories(newlib-${name} SYSTEM PRIVATE "${NUB_SYSROOT}/include")
    target_sources(nub-libc PRIVATE $<TARGET_OBJECTS:newlib-${name}>)
endfunction()
variant(vfiprintf vfprintf.c INTEGER_ONLY)
variant(svfprintf vfprintf.c STRING_ONLY)
variant(svfiprintf vfprintf.c STRING_ONLY INTEGER_ONLY)
variant(vfiscanf vfscanf.c INTEGER_ONLY)
variant(svfscanf vfscanf.c STRING_ONLY)
variant(svfiscanf vfscanf.c STRING_ONLY INTEGER_ONLY)
set_source_files_properties("${libc}/setjmp.S" PROPERTIES INCLUDE_DIRECTORIES "${newlib}/libc")
set_source_files_properties("${libc}/long-double.c" PROPERTIES INCLUDE_DIRECTORIES "${newlib}/libc/stdlib")

# printf's %a takes the exponent by way of a double; frexpl is there, so it need not
set_source_files_properties("${newlib}/libc/stdio/vfprintf.c" PROPERTIES COMPILE_OPTIONS "-include;${libc}/printf-long.h")
