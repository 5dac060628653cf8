# nub_add_test(core.model.ssz LIBS nub_model [LABELS ...] [SOURCES ...]): builds test-ssz.c (the last word
# of the name) with GLib's test framework and registers it. With GROUPS each of them, a last word of paths in the
# program (/core/model/ssz/GROUP), is a test of its own, so that it can be skipped.
# A program that has nothing but skips to say exits with 77.

pkg_check_modules(NUB_TEST_GLIB REQUIRED IMPORTED_TARGET glib-2.0)

function(nub_add_test name)
    cmake_parse_arguments(arg "" "" "LIBS;LABELS;SOURCES;DEFINITIONS;GROUPS" ${ARGN})
    string(REGEX REPLACE "^.*\\." "" last ${name})
    set(target "test-${name}")
    if(NOT arg_SOURCES)
        set(arg_SOURCES "test-${last}.c")
    endif()
    add_executable(${target} ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE nub_flags ${arg_LIBS} PkgConfig::NUB_TEST_GLIB)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests") # what all rooms share
    target_compile_definitions(${target} PRIVATE NUB_SOURCE_DIR="${PROJECT_SOURCE_DIR}" NUB_BUILD_DIR="${PROJECT_BINARY_DIR}" ${arg_DEFINITIONS})
    set(tests ${name})
    if(arg_GROUPS)
        list(TRANSFORM arg_GROUPS PREPEND "${name}." OUTPUT_VARIABLE tests)
    endif()
    foreach(test ${tests})
        string(REPLACE "." "/" path "/${test}")
        if(arg_GROUPS)
            add_test(NAME ${test} COMMAND ${target} -p "${path}")
        else()
            add_test(NAME ${test} COMMAND ${target})
        endif()
        set_tests_properties(${test} PROPERTIES LABELS "${arg_LABELS}" SKIP_RETURN_CODE 77
            ENVIRONMENT "G_DEBUG=fatal-criticals;UBSAN_OPTIONS=print_stacktrace=1")
    endforeach()
endfunction()
