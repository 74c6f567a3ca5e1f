/* attention_flash_avx2.c - ridge/wide_attention.h for AVX2, FMA and F16C. */
#include "attention_flash.h"

struct wide_work flash_attend_avx2(const ridge_kernel_call *call, int64_t tile,
                                   int32_t thread, int32_t threads) {
  return wide_attend(call, tile, thread, threads);
}
