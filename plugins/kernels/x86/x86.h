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

#include <ridge/kernel.h>
#include <stdio.h>
#include <string.h>

#define X86_KERNELS(by)                                                                    \
  extern const ridge_kernel x86_attention_##by, x86_cache_put_##by, x86_rmsnorm_##by,      \
      x86_layernorm_##by, x86_add_rmsnorm_##by, x86_add_layernorm_##by, x86_add_##by,      \
      x86_mul_##by, x86_scale_##by, x86_act_##by, x86_glu_##by, x86_softcap_##by,          \
      x86_rope_##by, x86_embed_##by, x86_rows_##by, x86_slice_##by, x86_rope_table_##by,   \
      x86_route_##by, x86_weighted_sum_##by
X86_KERNELS(avx2);
X86_KERNELS(avx512);

struct share {
  int64_t lo, hi;
};

/* The part of 0..n that falls to one thread.  Only which thread computes an output
 * hangs on it, never how the output is summed. */
static inline struct share share_of(int64_t n, int32_t thread, int32_t threads) {
  return (struct share){n * thread / threads, n * (thread + 1) / threads};
}

static inline bool has_input(const ridge_node *node, uint32_t slot) {
  return slot < node->n_in && node->in[slot] >= 0;
}

static inline float *span_row(const ridge_span *span, int64_t row) {
  return (float *)(void *)((char *)span->data + (uint64_t)row * span->stride);
}

static inline bool is_f32(const ridge_codec *codec) {
  return !codec || strcmp(codec->name, "f32") == 0;
}

/* Is the weight vector at `slot` absent or f32?  The other codecs are left to the
 * portable kernels: nobody stores vectors so. */
static inline ridge_status vector_is_f32(const ridge_kernel_site *site, uint32_t slot,
                                         char *why, size_t room) {
  if (!has_input(site->node, slot) || is_f32(site->in_codec[slot])) return RIDGE_OK;
  snprintf(why, room, "input %u is %s; here vectors are read as f32", (unsigned)slot,
           site->in_codec[slot]->name);
  return RIDGE_DECLINED;
}

/* Functions that x86_act.h has; others are left to the portable kernels. */
static inline ridge_status act_is_known(const ridge_kernel_site *site, char *why,
                                        size_t room) {
  if (site->node->attrs.act < RIDGE_ACT_COUNT) return RIDGE_OK;
  snprintf(why, room, "activation function %u is not known here",
           (unsigned)site->node->attrs.act);
  return RIDGE_DECLINED;
}

#endif
