# One library of each line of ROOMS: room_NAME, made of src/NAME/*.cc. tools/check_rooms holds their includes to it.
include(cmake/static.cmake)
find_package(EXPAT REQUIRED)

set(REEVE_ROOMS)
file(STRINGS ROOMS lines REGEX "^[a-z_]+ *\\|")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ROOMS)

# Public headers say <reeve/rooms/...>; in the source tree that is src/.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include/reeve)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/include/reeve/rooms SYMBOLIC)

# The seccomp filters, compiled from their rules at build time.
find_library(SECCOMP_LIBRARY seccomp REQUIRED)
add_executable(generate_filters tools/generate_filters.cc)
target_link_libraries(generate_filters PRIVATE reeve_flags ${SECCOMP_LIBRARY})
set(filters ${CMAKE_BINARY_DIR}/generated/sandbox/filters.hpp)
add_custom_command(OUTPUT ${filters} COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated/sandbox
  COMMAND generate_filters > ${filters} DEPENDS generate_filters VERBATIM)
add_custom_target(filters DEPENDS ${filters})

# Signatures. Clients do not link it.
find_library(SODIUM_LIBRARY sodium REQUIRED)

# Rooms that may throw: they use libraries that do. And four files: what users' code throws is looked at in one and
# ends the process in another, and the others use std::thread and Beast.
set(rooms_with_exceptions inspect)
set_source_files_properties(src/connection/thrown.cc src/connection/runtime.cc src/http/head.cc src/bsd/call.cc PROPERTIES COMPILE_OPTIONS -fexceptions)

foreach(line IN LISTS lines)
  string(REGEX REPLACE " *\\|.*" "" room "${line}")
  if(room STREQUAL "program")
    continue()  # One binary of each of its files: programs.cmake.
  endif()
  list(APPEND REEVE_ROOMS ${room})
  file(GLOB sources CONFIGURE_DEPENDS src/${room}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  add_library(room_${room} OBJECT ${sources})
  target_link_libraries(room_${room} PRIVATE reeve_flags)
  target_compile_definitions(room_${room} PRIVATE REEVE_INSTALL_PREFIX="${CMAKE_INSTALL_PREFIX}")
  if(NOT room IN_LIST rooms_with_exceptions)
    target_compile_options(room_${room} PRIVATE -fno-exceptions)
  endif()
endforeach()
target_include_directories(room_sandbox PRIVATE ${CMAKE_BINARY_DIR}/generated/sandbox)
add_dependencies(room_sandbox filters)

# What a program links to be a client or a service.
set(client_rooms vocab os quota object wire plist archive http contract channel port connection bootstrap message_port group bsd)
list(TRANSFORM client_rooms REPLACE "(.+)" "$<TARGET_OBJECTS:room_\\1>" OUTPUT_VARIABLE client_objects)
add_library(reeve STATIC ${client_objects})
add_library(reeve_shared SHARED ${client_objects})
set_target_properties(reeve_shared PROPERTIES OUTPUT_NAME reeve VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_options(reeve_shared PRIVATE LINKER:-Bsymbolic-functions)
foreach(library reeve reeve_shared)
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${library})
  target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_compile_features(${library} PUBLIC cxx_std_23)
endforeach()

# What C programs written for Mach link: one library, which has nothing outside but their names.
set(apple_rooms vocab os quota object wire contract channel port connection bootstrap apple)
list(TRANSFORM apple_rooms REPLACE "(.+)" "$<TARGET_OBJECTS:room_\\1>" OUTPUT_VARIABLE apple_objects)
target_include_directories(room_apple PRIVATE include/reeve-apple)
add_library(reeve_apple SHARED ${apple_objects})
set(exports ${CMAKE_SOURCE_DIR}/src/apple/exports)
set_target_properties(reeve_apple PROPERTIES OUTPUT_NAME reeve-apple VERSION ${PROJECT_VERSION} SOVERSION
  ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${exports})
target_link_options(reeve_apple PRIVATE LINKER:--version-script=${exports})
# A service in a preset finds no library but the system's: it has this one in itself.
add_library(reeve_apple_static STATIC ${apple_objects})
set_target_properties(reeve_apple_static PROPERTIES OUTPUT_NAME reeve-apple)
foreach(library reeve_apple reeve_apple_static)
  target_include_directories(${library} INTERFACE ${CMAKE_SOURCE_DIR}/include/reeve-apple)
endforeach()

# What only our own programs link: the broker's side, and the tool's.
set(service_rooms identity xml policy line sandbox broker spawn supervise inspect)
list(TRANSFORM service_rooms REPLACE "(.+)" "$<TARGET_OBJECTS:room_\\1>" OUTPUT_VARIABLE inner_objects)
add_library(reeve_inner STATIC ${inner_objects})
reeve_either(expat EXPAT::EXPAT "${REEVE_EXPAT_ARCHIVE}")
reeve_either(sodium "${SODIUM_LIBRARY}" "${REEVE_SODIUM_ARCHIVE}")
target_link_libraries(reeve_inner PUBLIC reeve ${expat} ${sodium})
