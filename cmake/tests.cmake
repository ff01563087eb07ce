# Unit tests stand beside the code, src/ROOM/*_test.cc; one program of each room that has some.
find_package(GTest REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
find_package(Threads REQUIRED)
include(GoogleTest)

add_test(NAME rooms COMMAND ${CMAKE_SOURCE_DIR}/tools/check_rooms ${CMAKE_SOURCE_DIR})

foreach(room IN LISTS REEVE_ROOMS)
  file(GLOB tests CONFIGURE_DEPENDS src/${room}/*_test.cc)
  if(NOT tests)
    continue()
  endif()
  add_executable(test_${room} ${tests})
  target_link_libraries(test_${room} PRIVATE reeve_flags reeve_inner reeve ${RAPIDCHECK_LIBRARY} GTest::gtest
    GTest::gtest_main Threads::Threads)
  target_compile_definitions(test_${room} PRIVATE REEVE_VECTORS="${CMAKE_SOURCE_DIR}/../shared/vectors"
    REEVE_SOURCE="${CMAKE_SOURCE_DIR}")
  gtest_discover_tests(test_${room} TEST_PREFIX ${room}. DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 900)
endforeach()
