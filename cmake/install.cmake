# The installed tree. It works where it stands: nothing in it but the library's own prefix is an absolute path.
include(CMakePackageConfigHelpers)

install(TARGETS reeve reeve_shared EXPORT ReeveTargets ARCHIVE DESTINATION lib LIBRARY DESTINATION lib)
install(DIRECTORY include/reeve DESTINATION include)
foreach(room IN LISTS client_rooms)
  install(DIRECTORY src/${room} DESTINATION include/reeve/rooms FILES_MATCHING PATTERN "*.hpp"
    PATTERN uapi.hpp EXCLUDE PATTERN confine.hpp EXCLUDE PATTERN staged.hpp EXCLUDE PATTERN link_limits.hpp EXCLUDE)  # nothing that a public header reaches
endforeach()

# Apple's names, beside them: their headers are not for every program's include path.
install(TARGETS reeve_apple reeve_apple_static LIBRARY DESTINATION lib ARCHIVE DESTINATION lib)
install(DIRECTORY include/reeve-apple DESTINATION include)
configure_file(cmake/reeve-apple.pc.in reeve-apple.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/reeve-apple.pc DESTINATION lib/pkgconfig)

install(EXPORT ReeveTargets NAMESPACE Reeve:: DESTINATION lib/cmake/Reeve)
configure_package_config_file(cmake/ReeveConfig.cmake.in ${CMAKE_BINARY_DIR}/ReeveConfig.cmake
  INSTALL_DESTINATION lib/cmake/Reeve)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ReeveConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ReeveConfig.cmake ${CMAKE_BINARY_DIR}/ReeveConfigVersion.cmake
  DESTINATION lib/cmake/Reeve)

configure_file(cmake/reeve.pc.in reeve.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/reeve.pc DESTINATION lib/pkgconfig)

install(FILES man/reeve.1 DESTINATION share/man/man1)
install(FILES man/reeve.plist.5 DESTINATION share/man/man5)
install(FILES docs/errors.md docs/jobs.md docs/json.md docs/presets.md docs/filters.md docs/policy.md DESTINATION share/doc/reeve)
install(DIRECTORY templates/service DESTINATION share/reeve/templates USE_SOURCE_PERMISSIONS)
install(FILES completions/reeve.bash DESTINATION share/bash-completion/completions RENAME reeve)
configure_file(systemd/reeve-system.service.in reeve-system.service @ONLY)
configure_file(systemd/reeve.service.in reeve.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/reeve-system.service DESTINATION lib/systemd/system)
install(FILES ${CMAKE_BINARY_DIR}/reeve.service DESTINATION lib/systemd/user)
