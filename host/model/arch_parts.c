/* arch_parts.c - a model's numbers for attention and for experts. */
#include "model/arch_inside.h"

#include <math.h>

/* Which layers have the window: each but the n-th ones, or a list. */
static void read_pattern(struct arch_reading *r) {
  struct arch *a = r->arch;
  const ridge_fact *fact = arch_fact(r, "attention.sliding_window_pattern");
  a->global_every = a->row->global_every;
  if (fact == NULL) return;
  if (fact->type != RIDGE_FACT_INTS) {
    arch_int(r, "attention.sliding_window_pattern", 0, MOST_LAYERS, &a->global_every);
    return;
  }
  a->local = fact->value.ints;
  if (r->status == RIDGE_OK && fact->count < (uint64_t)a->layers)
    r->status = why_set(r->why, RIDGE_CORRUPT,
                        "%s: `%s` lists %llu layers; the model has %lld", r->source->path,
                        fact->key, (unsigned long long)fact->count, (long long)a->layers);
}

void arch_read_attention(struct arch_reading *r) {
  struct arch *a = r->arch;
  a->window = a->row->window;
  a->attention_cap = a->row->attention_cap;
  a->logit_cap = a->row->logit_cap;
  arch_int_maybe(r, "attention.sliding_window", 0, INT32_MAX, &a->window);
  read_pattern(r);
  arch_real_maybe(r, "attn_logit_softcapping", 0, &a->attention_cap);
  arch_real_maybe(r, "final_logit_softcapping", 0, &a->logit_cap);
  arch_real_maybe(r, "attention.scale", 0, &a->attention_scale);
  if (r->status != RIDGE_OK || a->attention_scale > 0) return;
  bool wide = a->row->wide_layers > 0 && a->layers == a->row->wide_layers;
  a->attention_scale = 1 / sqrt((double)(wide ? a->dim / a->heads : a->head_dim));
}

/* Only what a softmax chooses from is known. */
static void check_gating(struct arch_reading *r) {
  enum { SOFTMAX = 1 };
  int64_t gating = SOFTMAX;
  arch_int_maybe(r, "expert_gating_func", 0, 255, &gating);
  if (r->status == RIDGE_OK && gating != SOFTMAX)
    r->status = why_set(r->why, RIDGE_UNSUPPORTED,
                        "%s: `%s.expert_gating_func` is %lld; only 1, softmax, is known "
                        "here",
                        r->source->path, r->arch->row->name, (long long)gating);
}

void arch_read_experts(struct arch_reading *r) {
  struct arch *a = r->arch;
  arch_int_maybe(r, "expert_count", 0, MOST_EXPERTS, &a->experts);
  if (r->status != RIDGE_OK || a->experts == 0) return;
  arch_int(r, "expert_used_count", 1, a->experts, &a->experts_used);
  a->expert_ffn = a->shared_ffn = a->ffn;
  arch_int_maybe(r, "expert_feed_forward_length", 1, MOST_DIM, &a->expert_ffn);
  arch_int_maybe(r, "expert_shared_feed_forward_length", 1, MOST_DIM, &a->shared_ffn);
  a->experts_sum_to_one = a->row->experts_sum_to_one;
  arch_flag_maybe(r, "expert_weights_norm", &a->experts_sum_to_one);
  a->experts_scale = 1;
  arch_real_maybe(r, "expert_weights_scale", 0, &a->experts_scale);
  if (a->experts_scale == 0) a->experts_scale = 1; /* as files write "none" */
  check_gating(r);
}
