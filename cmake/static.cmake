# Whether supervisor, broker and spawner can be linked statically; REEVE_STATIC is OFF from here on where not. A start
# copies the map of the spawner's memory, which is a quarter as long then (docs/performance.md).
include(CheckCXXSourceCompiles)

if(REEVE_SANITIZE)
  set(REEVE_STATIC OFF)  # Sanitisers come as shared libraries.
endif()
if(REEVE_STATIC)
  find_library(REEVE_EXPAT_ARCHIVE libexpat.a)
  find_library(REEVE_SODIUM_ARCHIVE libsodium.a)
  set(CMAKE_REQUIRED_FLAGS -static-pie)
  check_cxx_source_compiles("#include <string>\nint main(int n, char**) { return std::to_string(n).empty(); }" REEVE_LINKS_STATICALLY)
  unset(CMAKE_REQUIRED_FLAGS)
  if(REEVE_EXPAT_ARCHIVE AND REEVE_SODIUM_ARCHIVE AND REEVE_LINKS_STATICALLY)
    set(EXPAT_LIBRARY ${REEVE_EXPAT_ARCHIVE})
    set(SODIUM_LIBRARY ${REEVE_SODIUM_ARCHIVE})
  else()
    set(REEVE_STATIC OFF)
  endif()
endif()
message(STATUS "Supervisor, broker and spawner are linked statically: ${REEVE_STATIC}")
