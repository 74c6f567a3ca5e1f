/* neon_rows.c - the row operators of ridge/wide_rows.h, and attention. */
#include "neon.h"

#include <ridge/wide_attention.h>
#include <ridge/wide_mixture.h>
#include <ridge/wide_pick.h>
#include <ridge/wide_rows.h>

#define ROW_KERNEL(name, accepts_, scratch)                                                \
  const ridge_kernel neon_##name = {                                                       \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = accepts_,                                                                 \
      .scratch_bytes = scratch,                                                            \
      .run = wide_run_##name,                                                              \
  };
WIDE_ROW_MAP(ROW_KERNEL)
WIDE_PICK_MAP(ROW_KERNEL)
WIDE_MIXTURE_MAP(ROW_KERNEL)

enum { STRETCH = 1024 }; /* positions over which a softmax is taken at once */

static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  return wide_attention_scratch(site, STRETCH);
}

static void run(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  wide_attend(call, STRETCH, thread, threads);
}

const ridge_kernel neon_attention = {
    .struct_size = sizeof(ridge_kernel),
    .accepts = wide_attention_accepts,
    .scratch_bytes = scratch_bytes,
    .run = run,
};
