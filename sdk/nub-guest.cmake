# nub-guest.cmake - a CMake toolchain file: existing projects compile for nub
#
#   cmake -S project -B build-nub --toolchain <sdk>/nub-guest.cmake
#   nub link build-nub/program -o program.nub
#
# With -DNUB_SYSROOT=DIRECTORY (include/, lib/libc.a, lib/libnub-rt.a: docs/toolchain.md) they have a C library, and what a
# project looks for is really looked for; without it they are freestanding.
#
# The flags are those of `nub cc` (tools/cc.c; a test compares the two lists).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_ASM_COMPILER clang-19)
set(CMAKE_AR llvm-ar-19)
set(CMAKE_RANLIB llvm-ranlib-19)
set(NUB_GUEST_FLAGS "--target=riscv64-unknown-elf -march=rv64emac_zba_zbb_zbs_zicond -mabi=lp64e -mcmodel=medlow -mno-relax -mno-strict-align -fno-pic -fvisibility=hidden -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-stack-protector -gline-tables-only -mllvm -partial-unrolling-threshold=28")
set(CMAKE_C_FLAGS_INIT "${NUB_GUEST_FLAGS} -ffreestanding -nostdlibinc -isystem ${CMAKE_CURRENT_LIST_DIR}/include")
if(NUB_SYSROOT)
    string(APPEND CMAKE_C_FLAGS_INIT " -fhosted -isystem ${NUB_SYSROOT}/include")
    set(CMAKE_C_STANDARD_LIBRARIES "-L${NUB_SYSROOT}/lib -lc -lnub-rt")
    list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NUB_SYSROOT)
else()
    # a test program needs an entry point that projects do not have
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
endif()
set(CMAKE_ASM_FLAGS_INIT "${NUB_GUEST_FLAGS}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld-19 -nostdlib -static -Wl,--emit-relocs,--gc-sections,--no-relax,-z,max-page-size=4096,-z,keep-text-section-prefix")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# nub_guest_runtime(TARGET): crt0, memcpy and their kin, as sources of the target
function(nub_guest_runtime target)
    file(GLOB sources "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/rt/*.c")
    target_sources(${target} PRIVATE ${sources})
    set_source_files_properties(${sources} TARGET_DIRECTORY ${target} PROPERTIES COMPILE_OPTIONS -fno-builtin)
endfunction()
