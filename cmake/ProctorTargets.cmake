# proctor_warnings carries the warnings and sanitizers; every target of ours links it privately.
add_library(proctor_warnings INTERFACE)
target_compile_options(proctor_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual -Wcast-align -Wconversion -Wsign-conversion>
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra>
  $<$<BOOL:${PROCTOR_WERROR}>:-Werror>)
if(PROCTOR_SANITIZE)
  # Not vptr: it asks by a pipe whether an object can be read, so a process that is out of descriptors, as tests
  # make some, is told of faults that are none.
  target_compile_options(proctor_warnings INTERFACE -fsanitize=${PROCTOR_SANITIZE} -fno-sanitize=vptr
    -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(proctor_warnings INTERFACE -fsanitize=${PROCTOR_SANITIZE})
endif()

# proctor_library(<name> SOURCES ... [LINKS ...]): the static library proctor_<name>, known to others by
# its alias proctor::<name>. Its headers are included as "<folder>/<file>.hpp".
function(proctor_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(proctor_${name} STATIC ${ARG_SOURCES})
  add_library(proctor::${name} ALIAS proctor_${name})
  target_include_directories(proctor_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(proctor_${name} PUBLIC ${ARG_LINKS} PRIVATE proctor_warnings)
endfunction()

# proctor_test(<name> SOURCES ... [LINKS ...] [LABELS ...]): one Catch2 program, run by ctest as one test.
function(proctor_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${ARG_LINKS} proctor_test_main proctor_warnings)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${ARG_LABELS}")
endfunction()
