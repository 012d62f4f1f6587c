# Installs the library, its headers and what find_package(sennit) needs.

include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/sennit")
install(TARGETS sennit EXPORT sennit_targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/sennit" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT sennit_targets NAMESPACE sennit:: FILE sennitTargets.cmake
        DESTINATION "${package_folder}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/sennitConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/sennitConfig.cmake"
                              INSTALL_DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sennitConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sennitConfig.cmake"
              "${PROJECT_BINARY_DIR}/sennitConfigVersion.cmake"
        DESTINATION "${package_folder}")
