# The part kernels.neon, on a machine of another kind: where Debian's cross compiler and
# emulator are (gcc-aarch64-linux-gnu, qemu-user-static), it is built with them, and goes
# through the kernel tests.  The tests link no library but the C library: tests/cross.
find_program(RIDGE_CROSS_CC aarch64-linux-gnu-gcc)
find_program(RIDGE_CROSS_RUN NAMES qemu-aarch64-static qemu-aarch64)
mark_as_advanced(RIDGE_CROSS_CC RIDGE_CROSS_RUN)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  return() # the ordinary tests do it
endif()
foreach(tool CC RUN)
  if(NOT RIDGE_CROSS_${tool})
    set(package_CC gcc-aarch64-linux-gnu)
    set(package_RUN qemu-user-static)
    add_test(NAME cross_aarch64 COMMAND ${CMAKE_COMMAND} -E echo
      "skipped: ${package_${tool}} is not installed")
    set_tests_properties(cross_aarch64 PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
    return()
  endif()
endforeach()

set(cross_dir ${CMAKE_BINARY_DIR}/aarch64)
file(MAKE_DIRECTORY ${cross_dir}/plugins)
set(cross_flags -std=c17 -O2 -fPIC -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wstrict-prototypes -Wmissing-prototypes -Werror -ffp-contract=off -fno-math-errno
  -fno-trapping-math -D_GNU_SOURCE -I${CMAKE_SOURCE_DIR}/plugins/include)
set(cross_built "")
foreach(part portable neon)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/kernels/${part}/*.[ch]
    ${CMAKE_SOURCE_DIR}/plugins/include/ridge/*.h)
  set(units ${sources})
  list(FILTER units INCLUDE REGEX "\\.c$")
  add_custom_command(OUTPUT ${cross_dir}/plugins/${part}.so DEPENDS ${sources}
    COMMAND ${RIDGE_CROSS_CC} ${cross_flags} -fvisibility=hidden -shared ${units}
      -o ${cross_dir}/plugins/${part}.so -lm VERBATIM)
  list(APPEND cross_built ${cross_dir}/plugins/${part}.so)
endforeach()
file(GLOB cross_shims CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/cross/*)
foreach(test kernels_rows kernels_attention kernels_matmul)
  set(source ${CMAKE_SOURCE_DIR}/tests/exact/${test}.c)
  add_custom_command(OUTPUT ${cross_dir}/${test}
    DEPENDS ${source} ${CMAKE_SOURCE_DIR}/tests/exact/kernels_rig.h ${cross_shims}
    COMMAND ${RIDGE_CROSS_CC} ${cross_flags} "-DTEST_BUILD_DIR=\"${cross_dir}\""
      "-DRIG_PARTS=\"neon\"" "-DRIG_CODECS=\"f32\",\"f16\",\"bf16\",\"q8_0\",\"q4_0\""
      -I${CMAKE_SOURCE_DIR}/tests/cross -I${CMAKE_SOURCE_DIR}/tests
      -I${CMAKE_SOURCE_DIR}/host ${source} ${CMAKE_SOURCE_DIR}/tests/cross/machine_here.c
      -o ${cross_dir}/${test} -lm -lpthread -ldl VERBATIM)
  list(APPEND cross_built ${cross_dir}/${test})
  add_test(NAME cross_aarch64_${test}
    COMMAND ${RIDGE_CROSS_RUN} -L /usr/aarch64-linux-gnu ${cross_dir}/${test})
  set_tests_properties(cross_aarch64_${test} PROPERTIES FIXTURES_REQUIRED cross_aarch64
    TIMEOUT 300)
endforeach()
# Built when it is tested, not before: nobody waits for it otherwise.
add_custom_target(cross_aarch64 DEPENDS ${cross_built})
add_test(NAME cross_aarch64_build
  COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target cross_aarch64)
set_tests_properties(cross_aarch64_build PROPERTIES FIXTURES_SETUP cross_aarch64 TIMEOUT 300)
