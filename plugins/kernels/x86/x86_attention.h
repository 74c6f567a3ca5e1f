/*
 * x86_attention.h - the kernel of ridge/wide_attention.h, for the machine this is compiled
 * for: the softmax of up to ATTENTION_STRETCH positions is taken as the definition has it,
 * longer contexts by stretches.
 */
#ifndef X86_ATTENTION_H
#define X86_ATTENTION_H

#include "x86.h"

#include <ridge/wide_attention.h>

enum { ATTENTION_STRETCH = 1024 }; /* scores of eight panels fill half of an L2 */

static uint64_t attention_scratch(const ridge_kernel_site *site) {
  return wide_attention_scratch(site, ATTENTION_STRETCH);
}

static void attention_run(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  wide_attend(call, ATTENTION_STRETCH, thread, threads);
}

#define ATTENTION_KERNEL(name)                                                             \
  const ridge_kernel name = {                                                              \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = wide_attention_accepts,                                                   \
      .scratch_bytes = attention_scratch,                                                  \
      .run = attention_run,                                                                \
  };

#endif
