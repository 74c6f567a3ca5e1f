/*
 * builder_attention.c - positions and attention.
 *
 * H heads of width E, G key/value heads: q (T, H E), k and v (T, G E), apart or in one
 * matrix; norms of heads and rotation of q and k; scores over the cache; the output.
 */
#include "model/builder_inside.h"

#include <stdio.h>

/* --- rope ---------------------------------------------------------------------------- */

/* Factors by dimension: for all contexts, or short and long ones. */
static int32_t rope_factors(struct building *b) {
  const struct arch *a = b->arch;
  const char *name = "rope_freqs";
  if (builder_file_tensor(b, "rope_factors_long", "weight") != NULL)
    name = b->context > a->original_context ? "rope_factors_long" : "rope_factors_short";
  else if (builder_file_tensor(b, name, "weight") == NULL)
    return -1;
  return builder_weight(b, name, "weight", VECTOR(a->rope_dims / 2));
}

static int32_t rope_table(struct building *b, const char *name, const struct arch_rope *r,
                          int32_t factors) {
  int64_t dims = b->arch->rope_dims;
  int32_t y = builder_activation(b, name, RIDGE_DIM_TOKENS, dims);
  ridge_attrs attrs = {
      .dims = dims,
      .base = r->base,
      .freq_scale = r->scale,
      .blend_from = r->blend_from,
      .blend_to = r->blend_to,
      .amplitude = r->amplitude,
  };
  NODE(RIDGE_OP_ROPE_TABLE, name, y, attrs, b->positions, factors);
  return y;
}

static bool has_layers(const struct arch *a, bool local) {
  for (int64_t i = 0; i < a->layers; i++)
    if (arch_is_local(a, i) == local) return true;
  return false;
}

void builder_rope_tables(struct building *b) {
  const struct arch *a = b->arch;
  int32_t factors = rope_factors(b);
  bool one = a->local_rope.base == a->rope.base && a->local_rope.scale == a->rope.scale;
  if (one || has_layers(a, false)) b->rope = rope_table(b, "rope_table", &a->rope, factors);
  b->local_rope = b->rope;
  if (!one && has_layers(a, true))
    b->local_rope = rope_table(b, "rope_table_local", &a->local_rope, -1);
}

static int32_t turned(struct building *b, const char *what, int32_t x, int64_t heads) {
  const struct arch *a = b->arch;
  if (a->position == ARCH_LEARNED) return x;
  int32_t y = builder_activation(b, what, RIDGE_DIM_TOKENS, heads * a->head_dim);
  ridge_attrs attrs = {
      .heads = heads,
      .head_dim = a->head_dim,
      .dims = a->rope_dims,
      .flags = a->position == ARCH_ROPE_HALVES ? RIDGE_ROPE_NEOX : 0,
  };
  NODE(RIDGE_OP_ROPE, what, y, attrs, x,
       arch_is_local(a, b->layer) ? b->local_rope : b->rope);
  return y;
}

/* --- query, key, value -----------------------------------------------------------------
 */

static int32_t slice(struct building *b, const char *what, int32_t x, int64_t from,
                     int64_t n) {
  int32_t y = builder_activation(b, what, RIDGE_DIM_TOKENS, n);
  NODE(RIDGE_OP_SLICE, what, y, (ridge_attrs){.from = from}, x);
  return y;
}

/* A norm of each head where the file has one: one weight for all, or (heads, E). */
static int32_t head_norm(struct building *b, const char *what, int32_t x, int64_t heads) {
  const struct arch *a = b->arch;
  const ridge_file_tensor *file = builder_file_tensor(b, what, "weight");
  if (file == NULL) return x;
  bool each = file->rank == 2 && file->dims[0] > 1;
  char out_name[96];
  snprintf(out_name, sizeof out_name, "%s_out", what);
  int32_t y = builder_activation(b, out_name, RIDGE_DIM_TOKENS, heads * a->head_dim);
  int32_t w = each ? builder_flat_weight(b, what, heads, a->head_dim)
                   : builder_weight(b, what, "weight", VECTOR(a->head_dim));
  ridge_attrs attrs = {.eps = a->eps, .heads = heads, .head_dim = a->head_dim};
  NODE(a->row->norm == ARCH_RMSNORM ? RIDGE_OP_RMSNORM : RIDGE_OP_LAYERNORM, what, y, attrs,
       x, w);
  return y;
}

struct qkv {
  int32_t q, k, v;
};

static struct qkv project_qkv(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int64_t q_width = a->heads * a->head_dim, kv_width = a->kv_heads * a->head_dim;
  if (builder_file_tensor(b, "attn_qkv", "weight") == NULL)
    return (struct qkv){builder_project(b, "attn_q", x, q_width, a->dim),
                        builder_project(b, "attn_k", x, kv_width, a->dim),
                        builder_project(b, "attn_v", x, kv_width, a->dim)};
  int32_t qkv = builder_project(b, "attn_qkv", x, q_width + 2 * kv_width, a->dim);
  return (struct qkv){slice(b, "attn_q_out", qkv, 0, q_width),
                      slice(b, "attn_k_out", qkv, q_width, kv_width),
                      slice(b, "attn_v_out", qkv, q_width + kv_width, kv_width)};
}

/* --- the cache and attention over it -----------------------------------------------------
 */

static int32_t cache(struct building *b, const char *what) {
  const struct arch *a = b->arch;
  return builder_tensor(
      b, what,
      (ridge_tensor){
          .codec = b->cache_codec,
          .dims = {-1, a->kv_heads, -1, a->head_dim}, /* blocks, their length: the plan's */
          .rank = 4,
          .role = RIDGE_CACHE,
      });
}

static int32_t attend(struct building *b, struct qkv x) {
  const struct arch *a = b->arch;
  int32_t keys = cache(b, "cache_k"), values = cache(b, "cache_v");
  ridge_attrs put = {.kv_heads = a->kv_heads, .head_dim = a->head_dim};
  NODE(RIDGE_OP_CACHE_PUT, "put_k", -1, put, x.k, keys);
  put.flags = RIDGE_CACHE_VALUE;
  NODE(RIDGE_OP_CACHE_PUT, "put_v", -1, put, x.v, values);
  int32_t y =
      builder_activation(b, "attention_out", RIDGE_DIM_TOKENS, a->heads * a->head_dim);
  ridge_attrs attrs = {
      .heads = a->heads,
      .kv_heads = a->kv_heads,
      .head_dim = a->head_dim,
      .scale = a->attention_scale,
      .window = arch_is_local(a, b->layer) ? a->window : 0,
      .softcap = a->attention_cap,
  };
  NODE(RIDGE_OP_ATTENTION, "attention", y, attrs, x.q, keys, values);
  return y;
}

int32_t builder_attention(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  struct qkv qkv = project_qkv(b, x);
  qkv.q = head_norm(b, "attn_q_norm", qkv.q, a->heads);
  qkv.k = head_norm(b, "attn_k_norm", qkv.k, a->kv_heads);
  qkv.q = turned(b, "q_rope", qkv.q, a->heads);
  qkv.k = turned(b, "k_rope", qkv.k, a->kv_heads);
  return attend(b, qkv);
}

int32_t builder_attention_output(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  return builder_project(b, "attn_output", x, a->dim, a->heads * a->head_dim);
}
