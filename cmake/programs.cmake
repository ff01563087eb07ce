# The programs: one short main each, of src/program.
function(reeve_program name folder)
  add_executable(program_${name} src/program/${name}.cc)
  target_link_libraries(program_${name} PRIVATE reeve_flags ${ARGN})
  set_target_properties(program_${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
  install(TARGETS program_${name} RUNTIME DESTINATION ${folder})
endfunction()

reeve_program(supervisor libexec/reeve reeve_inner reeve)
reeve_program(broker libexec/reeve reeve_inner reeve)
reeve_program(spawner libexec/reeve reeve_inner reeve)
reeve_program(echo libexec/reeve reeve)
reeve_program(reeve bin reeve_inner reeve)
# The tool's libraries throw; echo is written as a user's program is.
foreach(program supervisor broker spawner)
  target_compile_options(program_${program} PRIVATE -fno-exceptions)
  if(REEVE_STATIC)
    target_link_options(program_${program} PRIVATE -static-pie)
    set_target_properties(program_${program} PROPERTIES REEVE_IS_STATIC ON)
  endif()
endforeach()

# Programs in a preset cannot live with a sanitiser: it needs /proc and terabytes of address space. A sanitised build
# runs its services without one; the plain build is what tests the sandbox.
set(REEVE_SERVICE_PRESET parser)
if(REEVE_SANITIZE)
  set(REEVE_SERVICE_PRESET none)
endif()
configure_file(jobs/org.reeve.echo.plist.in lib/reeve/jobs/org.reeve.echo.plist @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/lib/reeve/jobs/org.reeve.echo.plist DESTINATION lib/reeve/jobs)
