# Flags that everything is compiled with, as one interface library.
add_library(ridge_compile INTERFACE)
target_compile_options(ridge_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wvla -Werror
  # One rounding per operation unless the source says fma: the numbers must not
  # depend on what the compiler finds to contract.
  -ffp-contract=off -fno-math-errno -fno-trapping-math
  -fno-omit-frame-pointer)
target_compile_definitions(ridge_compile INTERFACE _GNU_SOURCE)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
if(RIDGE_SANITIZE)
  target_compile_options(ridge_compile INTERFACE -fsanitize=${RIDGE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(ridge_compile INTERFACE -fsanitize=${RIDGE_SANITIZE})
endif()
