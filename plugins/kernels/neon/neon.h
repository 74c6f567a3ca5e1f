/*
 * neon.h - what the files of the part kernels.neon share.  Everything here is for aarch64,
 * where NEON is always there; the lanes are those of ridge/wide.h.
 */
#ifndef NEON_H
#define NEON_H

#include <ridge/kernel.h>

extern const ridge_kernel neon_matmul_f32, neon_matmul_f16, neon_matmul_bf16,
    neon_matmul_q8_0, neon_matmul_q4_0;
extern const ridge_kernel neon_attention;
extern const ridge_kernel neon_rmsnorm, neon_layernorm, neon_add_rmsnorm,
    neon_add_layernorm, neon_add, neon_mul, neon_scale, neon_softcap, neon_act, neon_glu,
    neon_rope, neon_cache_put, neon_embed, neon_rows, neon_slice, neon_rope_table,
    neon_route, neon_weighted_sum;

#endif
