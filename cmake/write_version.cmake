execute_process(COMMAND git -C ${SOURCE} rev-parse HEAD OUTPUT_VARIABLE commit
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND git -C ${SOURCE} diff HEAD --no-color OUTPUT_VARIABLE patch ERROR_QUIET)
# The patch goes into the program as bytes: a C string could not hold it safely.
file(WRITE ${OUT}/patch.tmp "${patch}")
file(READ ${OUT}/patch.tmp hex HEX)
string(LENGTH "${hex}" length)
math(EXPR length "${length} / 2")
if(length GREATER 262144) # keep the program small: a digest stands for a huge diff
  string(SHA256 digest "${patch}")
  file(WRITE ${OUT}/patch.tmp "a diff of ${length} bytes, SHA-256 ${digest}\n")
  file(READ ${OUT}/patch.tmp hex HEX)
endif()
string(REGEX REPLACE "(................................)" "\\1 \\\\\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT}/version.tmp "#define RIDGE_VERSION \"${VERSION}\"
#define RIDGE_COMMIT \"${commit}\"
#define RIDGE_COMPILER \"${COMPILER}\"
#define RIDGE_FLAGS \"${FLAGS}\"
#define RIDGE_PATCH_BYTES ${bytes} 0
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUT}/version.tmp ${OUT}/version.h)
