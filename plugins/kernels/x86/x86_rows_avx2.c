/* x86_rows_avx2.c - the operators of ridge/wide_rows.h, wide_pick.h and wide_mixture.h for
 * AVX2, FMA and F16C. */
#include "x86.h"

#include <ridge/wide_mixture.h>
#include <ridge/wide_pick.h>
#include <ridge/wide_rows.h>

#define ROW_KERNEL(name, accepts_, scratch)                                                \
  const ridge_kernel x86_##name##_avx2 = {                                                 \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = accepts_,                                                                 \
      .scratch_bytes = scratch,                                                            \
      .run = wide_run_##name,                                                              \
  };
WIDE_ROW_MAP(ROW_KERNEL)
WIDE_PICK_MAP(ROW_KERNEL)
WIDE_MIXTURE_MAP(ROW_KERNEL)
