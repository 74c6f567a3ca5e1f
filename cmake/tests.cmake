# A test is a C file: tests/{unit,exact,conform,fault,fuzz,client}/*.c and test_*.c beside
# a strategy.  Each is one program (cmocka), run from the build folder.
file(GLOB test_sources CONFIGURE_DEPENDS tests/unit/*.c tests/exact/*.c tests/conform/*.c
  tests/fault/*.c tests/fuzz/*.c tests/client/*.c strategies/*/*/test_*.c plugins/*/*/test_*.c)
add_library(ridge_testing STATIC tests/testing.c)
target_include_directories(ridge_testing PUBLIC tests)
target_link_libraries(ridge_testing PUBLIC ridge_host PkgConfig::cmocka)
target_compile_definitions(ridge_testing PUBLIC
  TEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TEST_BUILD_DIR="${CMAKE_BINARY_DIR}")
# Plugins made for the tests: build/bad/NAME.so, each with one fault (never built with
# sanitizers, which would find it before the host does); build/faulty/NAME.so, which only
# the conformance kit finds out; and build/good/NAME.so.
set(conform_plugins "")
foreach(kind bad good faulty)
  file(GLOB kind_sources CONFIGURE_DEPENDS tests/conform/${kind}/*.c)
  foreach(source ${kind_sources})
    cmake_path(GET source STEM name)
    add_library(${kind}_${name} MODULE ${source})
    target_include_directories(${kind}_${name} PRIVATE plugins/include)
    target_compile_options(${kind}_${name} PRIVATE -Wall -Wextra -Werror)
    set_target_properties(${kind}_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${kind})
    list(APPEND conform_plugins ${kind}_${name})
  endforeach()
endforeach()
get_property(all_plugins GLOBAL PROPERTY RIDGE_PLUGINS)
list(APPEND all_plugins ${conform_plugins})
# What a sanitizer makes ten times slower may take ten times longer.
set(test_seconds 300)
if(RIDGE_SANITIZE)
  set(test_seconds 3000)
endif()
foreach(source ${test_sources})
  cmake_path(GET source STEM name)
  if(NOT name MATCHES "^test_")
    set(name test_${name})
  endif()
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE ridge_testing)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_dependencies(${name} ridge ${all_plugins})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${test_seconds})
endforeach()
# What the comparison with llama.cpp computes, not what it measures.
find_program(RIDGE_PYTHON python3)
if(RIDGE_PYTHON)
  add_test(NAME bench_compare COMMAND ${RIDGE_PYTHON} -B ${CMAKE_SOURCE_DIR}/tests/bench/check_compare.py)
endif()
# Longer measurements: `ninja bench_NAME`, never part of the ordinary run.
file(GLOB bench_sources CONFIGURE_DEPENDS tests/bench/*.c)
foreach(source ${bench_sources})
  cmake_path(GET source STEM name)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(bench_${name} PRIVATE ridge_testing)
  add_dependencies(bench_${name} ${all_plugins})
endforeach()
