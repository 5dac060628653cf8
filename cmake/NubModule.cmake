# nub_add_module(NAME SOURCES...): a backend module NAME.so that includes <nub/plugin.h> like
# anyone's and exports nub_plugin_entry alone. Modules of the build tree are put together in
# ${CMAKE_BINARY_DIR}/modules, where a nub run from the build tree finds them.

set(NUB_MODULE_DIR "${CMAKE_BINARY_DIR}/modules")
set(NUB_MODULE_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/nub/1")
set(NUB_MODULE_MAP "${CMAKE_CURRENT_LIST_DIR}/nub-module.map")

function(nub_add_module name)
    add_library(${name} MODULE ${ARGN})
    target_link_libraries(${name} PRIVATE nub_flags nub_abi)
    target_link_options(${name} PRIVATE "LINKER:--version-script=${NUB_MODULE_MAP}")
    set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY "${NUB_MODULE_DIR}"
        LINK_DEPENDS "${NUB_MODULE_MAP}")
    set_property(GLOBAL APPEND PROPERTY NUB_MODULES ${name})
    install(TARGETS ${name} LIBRARY DESTINATION ${NUB_MODULE_INSTALL_DIR})
endfunction()
