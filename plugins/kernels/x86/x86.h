/*
 * x86.h - what the files of the part kernels.x86 share: kernels, shares, spans.
 *
 * Files named *_avx2.c are compiled for AVX2, FMA and F16C, *_avx512.c also for AVX-512
 * (F, BW, DQ, VL) and VNNI; they are entered only through tables whose fills need these.
 * Everything else is plain x86-64.
 * Letters: T rows of a call, K inner width, N outputs, D width of a head.
 */
#ifndef X86_H
#define X86_H

#include <ridge/wide_kernel.h>

#define X86_KERNELS(by)                                                                    \
  extern const ridge_kernel x86_attention_##by, x86_cache_put_##by, x86_rmsnorm_##by,      \
      x86_layernorm_##by, x86_add_rmsnorm_##by, x86_add_layernorm_##by, x86_add_##by,      \
      x86_mul_##by, x86_scale_##by, x86_act_##by, x86_glu_##by, x86_softcap_##by,          \
      x86_rope_##by, x86_embed_##by, x86_rows_##by, x86_slice_##by, x86_rope_table_##by,   \
      x86_route_##by, x86_weighted_sum_##by
X86_KERNELS(avx2);
X86_KERNELS(avx512);

#endif
