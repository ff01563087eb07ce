# Whether supervisor, broker and spawner can be linked statically; REEVE_STATIC is OFF from here on where not. A start
# copies the map of the spawner's memory, which is a quarter as long then (docs/performance.md).
include(CheckCXXSourceCompiles)
include(CMakePushCheckState)

if(REEVE_SANITIZE)
  set(REEVE_STATIC OFF)  # Sanitisers come as shared libraries.
endif()
if(REEVE_STATIC)
  find_library(REEVE_EXPAT_ARCHIVE libexpat.a)
  find_library(REEVE_SODIUM_ARCHIVE libsodium.a)
  if(REEVE_EXPAT_ARCHIVE AND REEVE_SODIUM_ARCHIVE)
    cmake_push_check_state(RESET)
    set(CMAKE_REQUIRED_FLAGS -static-pie)
    set(CMAKE_REQUIRED_LIBRARIES ${REEVE_EXPAT_ARCHIVE} ${REEVE_SODIUM_ARCHIVE})
    check_cxx_source_compiles("#include <expat.h>\n#include <sodium.h>\n#include <string>
      int main() { return XML_ParserCreate(nullptr) == nullptr || sodium_init() < 0 || std::to_string(1).empty(); }"
      REEVE_LINKS_STATICALLY)
    cmake_pop_check_state()
  endif()
  if(NOT REEVE_LINKS_STATICALLY)
    set(REEVE_STATIC OFF)
  endif()
endif()
message(STATUS "Supervisor, broker and spawner are linked statically: ${REEVE_STATIC}")

# What is linked in place of a shared library by a program with the property REEVE_IS_STATIC.
function(reeve_either out shared archive)
  set(${out} "$<IF:$<BOOL:$<TARGET_PROPERTY:REEVE_IS_STATIC>>,${archive},${shared}>" PARENT_SCOPE)
endfunction()
