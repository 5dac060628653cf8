# What others build against: headers, libnub, nub.pc, and the CMake package Nub with the targets
# nub::nub (embedders) and nub::plugin (modules: headers only).
include(CMakePackageConfigHelpers)

foreach(header ${NUB_HEADERS})
    install(FILES ${header} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/nub")
endforeach()
install(TARGETS nub LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# The imported targets are written by hand: an exported one would name the build's own helpers.
configure_package_config_file(NubConfig.cmake.in NubConfig.cmake
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Nub"
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(NubConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/NubConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/NubConfigVersion.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Nub")

# Relative to the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH NUB_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(nub.pc.in nub.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/nub.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
