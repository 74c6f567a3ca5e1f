/* attention_flash_avx512.c - ridge/wide_attention.h for AVX-512. */
#include "attention_flash.h"

struct wide_work flash_attend_avx512(const ridge_kernel_call *call, int64_t tile,
                                     int32_t thread, int32_t threads) {
  return wide_attend(call, tile, thread, threads);
}
