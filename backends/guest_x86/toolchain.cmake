# The guest kernel's toolchain: the host's compiler without its operating system. Flags of the outer
# build (sanitizers, coverage, -march of a distribution) do not reach the image.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS "" CACHE STRING "cleared" FORCE)
set(CMAKE_ASM_FLAGS "" CACHE STRING "cleared" FORCE)
set(CMAKE_EXE_LINKER_FLAGS "" CACHE STRING "cleared" FORCE)
