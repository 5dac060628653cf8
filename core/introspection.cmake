# Nub-1.gir and its typelib: what Python, JavaScript, Vala and others see of libnub. Warnings of the
# scanner are errors: an annotation that is missing is a bug of the header.
find_program(NUB_G_IR_SCANNER g-ir-scanner REQUIRED)
find_program(NUB_G_IR_COMPILER g-ir-compiler REQUIRED)

set(NUB_GIR "${CMAKE_CURRENT_BINARY_DIR}/Nub-1.gir")
set(NUB_TYPELIB "${CMAKE_CURRENT_BINARY_DIR}/Nub-1.typelib")

# The scanner follows `typedef struct tag Name` to its members, but not `typedef enum tag Name`. So it
# gets the enums of types.h once more, with their names for bindings.
file(READ include/nub/types.h types)
set(enums "/* Made from <nub/types.h>, for g-ir-scanner alone. */\n")
foreach(pair "nub_exit_reason NubExitReason" "nub_gas_model NubGasModel")
    separate_arguments(pair)
    list(GET pair 0 tag)
    list(GET pair 1 name)
    string(REGEX MATCH "enum ${tag} {[^}]*}" body "${types}")
    string(REPLACE "enum ${tag}" "enum" body "${body}")
    string(APPEND enums "typedef ${body} ${name};\n")
endforeach()

# Members that come out of a list get their sentences from it: a block such as error.h would have.
# nub_document_list(NubError NUB_ERROR_ DEF_FILE MACRO TEXT): MACRO(NAME, number, "sentence") in the file.
function(nub_document_list enum prefix file macro text)
    file(STRINGS "include/nub/${file}" lines REGEX "^${macro}\\(")
    set(block "/**\n * ${enum}:\n")
    foreach(line IN LISTS lines)
        string(REGEX MATCH "^${macro}\\(([A-Z0-9_]+), [0-9]+, \"([^\"]*)\"" unused "${line}")
        string(APPEND block " * @${prefix}${CMAKE_MATCH_1}: ${CMAKE_MATCH_2}\n")
    endforeach()
    set(enums "${enums}${block} *\n * ${text}\n *\n * Since: 0.1\n */\n" PARENT_SCOPE)
endfunction()
nub_document_list(NubError NUB_ERROR_ status.def NUB_STATUS
    "What a call did. The values are those of the plugin ABI. `TIMED_OUT` and `CANCELLED` arrive as errors of #GIOError instead.")
nub_document_list(NubHostCallNumber NUB_HOST_CALL_ host-calls.def NUB_HOST_CALL_LINE
    "The numbers of the standard host calls, and what the command calls them.")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS include/nub/types.h include/nub/status.def include/nub/host-calls.def)
file(CONFIGURE OUTPUT gir-enums.h CONTENT "${enums}" @ONLY)

set(NUB_GIR_HEADERS ${NUB_HEADERS})
list(FILTER NUB_GIR_HEADERS EXCLUDE REGEX "/(nub|plugin)\\.h$|\\.def$")
list(TRANSFORM NUB_GIR_HEADERS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")

add_custom_command(OUTPUT "${NUB_GIR}"
    COMMAND "${NUB_G_IR_SCANNER}" --quiet --warn-all --warn-error --no-libtool
            --namespace=Nub --nsversion=1 --identifier-prefix=Nub --symbol-prefix=nub
            --include=GLib-2.0 --include=GObject-2.0 --include=Gio-2.0 --pkg=gio-2.0 --pkg-export=nub
            --c-include=nub/nub.h "-I${CMAKE_CURRENT_SOURCE_DIR}/include"
            --library=nub "--library-path=$<TARGET_FILE_DIR:nub>" "-L$<TARGET_FILE_DIR:nub>"
            "--output=${NUB_GIR}" "${CMAKE_CURRENT_BINARY_DIR}/gir-enums.h" ${NUB_GIR_HEADERS}
    DEPENDS nub ${NUB_GIR_HEADERS} "${CMAKE_CURRENT_BINARY_DIR}/gir-enums.h"
    COMMENT "Scanning the headers of libnub" VERBATIM)
add_custom_command(OUTPUT "${NUB_TYPELIB}"
    COMMAND "${NUB_G_IR_COMPILER}" "${NUB_GIR}" --shared-library=$<TARGET_SONAME_FILE_NAME:nub> "--output=${NUB_TYPELIB}"
    DEPENDS "${NUB_GIR}"
    COMMENT "Compiling the typelib of libnub" VERBATIM)
add_custom_target(nub-introspection ALL DEPENDS "${NUB_TYPELIB}")

install(FILES "${NUB_GIR}" DESTINATION "${CMAKE_INSTALL_DATADIR}/gir-1.0")
install(FILES "${NUB_TYPELIB}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/girepository-1.0")

# Vala reads the GIR through a .vapi; its compiler is not needed to build nub, only to test this.
find_program(NUB_VAPIGEN vapigen)
if(NUB_VAPIGEN)
    set(NUB_VAPI "${CMAKE_CURRENT_BINARY_DIR}/nub.vapi")
    add_custom_command(OUTPUT "${NUB_VAPI}"
        COMMAND "${NUB_VAPIGEN}" --quiet --library=nub --pkg=gio-2.0 "--metadatadir=${CMAKE_CURRENT_SOURCE_DIR}"
                "--directory=${CMAKE_CURRENT_BINARY_DIR}" "${NUB_GIR}"
        DEPENDS "${NUB_GIR}" Nub-1.metadata
        COMMENT "Describing libnub to Vala" VERBATIM)
    add_custom_target(nub-vapi ALL DEPENDS "${NUB_VAPI}")
    install(FILES "${NUB_VAPI}" DESTINATION "${CMAKE_INSTALL_DATADIR}/vala/vapi")
else()
    message(STATUS "no vapigen: no nub.vapi, and core.vala is not tested")
endif()
