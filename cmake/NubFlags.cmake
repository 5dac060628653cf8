# The flags of every target, as interface targets:
#   nub_flags         warnings, hidden visibility, sanitizers
#   nub_freestanding  what may be linked into the guest: no libc headers, no libc calls

find_package(PkgConfig REQUIRED)

add_library(nub_flags INTERFACE)
target_compile_features(nub_flags INTERFACE c_std_11)
target_compile_options(nub_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wwrite-strings -Wpointer-arith -Wundef -Wvla -Wno-missing-field-initializers
    -fno-strict-aliasing -fvisibility=hidden
    $<$<BOOL:${NUB_WERROR}>:-Werror>)
if(NUB_SANITIZE)
    target_compile_options(nub_flags INTERFACE -fsanitize=${NUB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(nub_flags INTERFACE -fsanitize=${NUB_SANITIZE})
endif()

# gcc and clang find their own <stdint.h>, <stddef.h>, <stdbool.h>, <stdarg.h> here; libc's are hidden.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include
                OUTPUT_VARIABLE NUB_COMPILER_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE)
add_library(nub_freestanding INTERFACE)
target_link_libraries(nub_freestanding INTERFACE nub_flags)
target_compile_options(nub_freestanding INTERFACE -ffreestanding -nostdinc -isystem ${NUB_COMPILER_INCLUDE})
set_property(TARGET nub_flags nub_freestanding PROPERTY EXPORT_NAME "")
