/* x86_rows_avx512.c - the row operators of ridge/wide_rows.h for AVX-512. */
#include "x86.h"

#include <ridge/wide_rows.h>

#define ROW_KERNEL(name, accepts_)                                                         \
  const ridge_kernel x86_##name##_avx512 = {                                               \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = accepts_,                                                                 \
      .run = wide_run_##name,                                                              \
  };
WIDE_ROW_MAP(ROW_KERNEL)
