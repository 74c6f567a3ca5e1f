/* attention_flash.h - the tiled loop, once for each machine it is compiled for. */
#ifndef ATTENTION_FLASH_H
#define ATTENTION_FLASH_H

#include <ridge/wide_attention.h>

typedef struct wide_work flash_attend(const ridge_kernel_call *, int64_t tile,
                                      int32_t thread, int32_t threads);
extern flash_attend flash_attend_plain, flash_attend_avx2, flash_attend_avx512;

#endif
