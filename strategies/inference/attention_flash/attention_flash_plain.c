/* attention_flash_plain.c - ridge/wide_attention.h for any machine. */
#include "attention_flash.h"

struct wide_work flash_attend_plain(const ridge_kernel_call *call, int64_t tile,
                                    int32_t thread, int32_t threads) {
  return wide_attend(call, tile, thread, threads);
}
