# The linker: a library for `nub link`, `nub cc`, tests and the fuzz target.
add_library(nub_link STATIC
    link.c
    link-blocks.c
    link-code.c
    link-constants.c
    link-debug.c
    link-dwarf.c
    link-elf.c
    link-entries.c
    link-flow.c
    link-layout.c
    link-lower.c
    link-lower-alu.c
    link-lower-bits.c
    link-lower-jump.c
    link-lower-memory.c
    link-memory.c
    link-ops.c
    link-rv.c
    link-rvc.c
    link-select.c)
target_include_directories(nub_link PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(nub_link PUBLIC PkgConfig::NUB_TOOLS_GLIB PRIVATE nub_pvm nub_model nub_flags)

# Reads the side files that it writes.
add_library(nub_debug STATIC debug.c)
target_include_directories(nub_debug PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(nub_debug PUBLIC nub PRIVATE nub_flags)

# What gdb is told about a program: the protocol and a symbol file.
add_library(nub_debug_gdb STATIC debug-elf.c debug-gdb.c)
target_link_libraries(nub_debug_gdb PUBLIC nub_debug nub_pvm PRIVATE nub_flags)

# Runs clang and ld.lld for it.
add_library(nub_cc STATIC cc.c)
target_include_directories(nub_cc PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(nub_cc PUBLIC PkgConfig::NUB_TOOLS_GLIB PRIVATE nub_flags)
target_compile_definitions(nub_cc PRIVATE
    NUB_SDK_SOURCE="${PROJECT_SOURCE_DIR}/sdk"
    NUB_SDK_INSTALLED="${CMAKE_INSTALL_FULL_DATADIR}/nub/sdk"
    NUB_SYSROOT_BUILT="${PROJECT_BINARY_DIR}/third-party/guest/sysroot"
    NUB_SYSROOT_INSTALLED="${CMAKE_INSTALL_FULL_DATADIR}/nub/sysroot")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/sdk/" DESTINATION "${CMAKE_INSTALL_DATADIR}/nub/sdk" USE_SOURCE_PERMISSIONS)
# there when the target nub-third-party has built it
install(DIRECTORY "${PROJECT_BINARY_DIR}/third-party/guest/sysroot/" DESTINATION "${CMAKE_INSTALL_DATADIR}/nub/sysroot" OPTIONAL)
