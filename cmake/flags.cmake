# Flags for our own code. Everything is a warning, and every warning an error.
add_library(reeve_flags INTERFACE)
target_compile_options(reeve_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Werror
  -fno-omit-frame-pointer -fstack-protector-strong
  -fno-semantic-interposition)  # Nobody puts functions in the place of ours: calls may be direct, or inlined.
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT REEVE_SANITIZE)
  target_compile_options(reeve_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # GNU statement expressions (REEVE_TRY) are marked __extension__, which clang does not take as an answer.
  target_compile_options(reeve_flags INTERFACE -Wno-gnu-statement-expression)
endif()
if(REEVE_SANITIZE)
  add_compile_options(-fsanitize=${REEVE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REEVE_SANITIZE})
  add_compile_definitions(REEVE_SANITIZED)
endif()
if(REEVE_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # With each look at an object's type clang asks the kernel for a pipe, where the tests of failing calls count.
  add_compile_options(-fno-sanitize=vptr)
endif()
if(REEVE_FUZZ AND REEVE_SANITIZE)
  add_compile_options(-fsanitize=fuzzer-no-link)  # so that fuzzers see which ways are taken
endif()
if(REEVE_SANITIZE STREQUAL "thread")
  # What it adds has g++ 12 see optionals without a value where there are none. The other builds keep the warning. Fences it
  # does not know: ours stand between processes, of which it sees one.
  target_compile_options(reeve_flags INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()
