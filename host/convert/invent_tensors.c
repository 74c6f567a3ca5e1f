/*
 * invent_tensors.c - the tensors of a model that nobody trained: what its kind has.
 *
 * D width, Q and K widths of queries and keys, F ffn width, E experts.
 */
#include "convert/invent.h"

#include <math.h>

#define SMALL 0.02 /* of embeddings and biases, as GPT-2 has it */

/* dims: outermost first, 0 where there is no further one. */
static void add(struct invention *v, const char *name, const int64_t dims[3], double spread,
                float constant) {
  ridge_model_file *file = &v->source.file;
  ridge_file_tensor *t = &v->tensors[file->n_tensors];
  *t = (ridge_file_tensor){.struct_size = sizeof *t, .name = name, .codec = "f32"};
  t->bytes = sizeof(float);
  for (int i = 0; i < 3 && dims[i] > 0; i++) {
    t->dims[t->rank++] = dims[i];
    t->bytes *= (uint64_t)dims[i];
  }
  v->spread[file->n_tensors] = spread;
  v->constant[file->n_tensors] = constant;
  file->n_tensors++;
}

/* A layer's part, or one of the whole model where layer < 0. */
struct place {
  struct invention *v;
  int64_t layer;
};

static const char *named(struct place p, const char *part, const char *suffix) {
  return p.layer < 0 ? arena_format(&p.v->memory, "%s.%s", part, suffix)
                     : arena_format(&p.v->memory, "blk.%lld.%s.%s", (long long)p.layer,
                                    part, suffix);
}

static void add_vector(struct place p, const char *part, const char *suffix, int64_t n,
                       double spread, float constant) {
  add(p.v, named(p, part, suffix), (const int64_t[3]){n}, spread, constant);
}

static void add_norm(struct place p, const char *part) {
  add_vector(p, part, "weight", p.v->shape->dim, 0, 1);
  if (p.v->kind->layernorm) add_vector(p, part, "bias", p.v->shape->dim, 0, 0);
}

/* share: of the residual stream's variance. */
static void add_matrix(struct place p, const char *part, int64_t out, int64_t in,
                       double share, bool bias) {
  add(p.v, named(p, part, "weight"), (const int64_t[3]){out, in}, sqrt(share / (double)in),
      0);
  if (bias) add_vector(p, part, "bias", out, SMALL, 0);
}

static void add_experts(struct place p, const char *part, int64_t out, int64_t in,
                        double share) {
  add(p.v, named(p, part, "weight"), (const int64_t[3]){p.v->shape->experts, out, in},
      sqrt(share / (double)in), 0);
}

static double branch_share(struct place p) { return 0.5 / (double)p.v->shape->layers; }

static void add_attention(struct place p) {
  const struct shape *s = p.v->shape;
  const struct shape_kind *kind = p.v->kind;
  const int64_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
  if (kind->joined_qkv) {
    add_matrix(p, "attn_qkv", q + 2 * kv, s->dim, 1, kind->qkv_bias);
  } else {
    add_matrix(p, "attn_q", q, s->dim, 1, kind->qkv_bias);
    add_matrix(p, "attn_k", kv, s->dim, 1, kind->qkv_bias);
    add_matrix(p, "attn_v", kv, s->dim, 1, kind->qkv_bias);
  }
  if (kind->head_norms) {
    add_vector(p, "attn_q_norm", "weight", s->head_dim, 0, 1);
    add_vector(p, "attn_k_norm", "weight", s->head_dim, 0, 1);
  }
  add_matrix(p, "attn_output", s->dim, q, branch_share(p), kind->out_bias);
}

static void add_dense(struct place p) {
  const struct shape *s = p.v->shape;
  const struct shape_kind *kind = p.v->kind;
  if (kind->gated && !kind->joined_gate)
    add_matrix(p, "ffn_gate", s->ffn, s->dim, 1, false);
  add_matrix(p, "ffn_up", kind->joined_gate ? 2 * s->ffn : s->ffn, s->dim, 1,
             kind->out_bias);
  add_matrix(p, "ffn_down", s->dim, s->ffn, branch_share(p), kind->out_bias);
}

static void add_shared_expert(struct place p) {
  const struct shape *s = p.v->shape;
  add_vector(p, "ffn_gate_inp_shexp", "weight", s->dim, 1 / sqrt((double)s->dim), 0);
  add_matrix(p, "ffn_gate_shexp", s->shared_ffn, s->dim, 1, false);
  add_matrix(p, "ffn_up_shexp", s->shared_ffn, s->dim, 1, false);
  add_matrix(p, "ffn_down_shexp", s->dim, s->shared_ffn, branch_share(p), false);
}

static void add_mixture(struct place p) {
  const struct shape *s = p.v->shape;
  const int64_t width = s->expert_ffn > 0 ? s->expert_ffn : s->ffn;
  add_matrix(p, "ffn_gate_inp", s->experts, s->dim, 1, false);
  add_experts(p, "ffn_gate_exps", width, s->dim, 1);
  add_experts(p, "ffn_up_exps", width, s->dim, 1);
  add_experts(p, "ffn_down_exps", s->dim, width, branch_share(p));
  if (s->shared_ffn > 0) add_shared_expert(p);
}

static void add_layer(struct invention *v, int64_t layer) {
  const struct place p = {v, layer};
  add_norm(p, "attn_norm");
  add_attention(p);
  if (v->kind->post_norms) add_norm(p, "post_attention_norm");
  if (!v->kind->one_norm) add_norm(p, "ffn_norm");
  if (v->shape->experts > 0)
    add_mixture(p);
  else
    add_dense(p);
  if (v->kind->post_norms) add_norm(p, "post_ffw_norm");
}

void invent_tensors(struct invention *v) {
  const struct shape *s = v->shape;
  const struct place whole = {v, -1};
  const size_t most = (size_t)s->layers * 20 + 8;
  v->tensors = arena_array(&v->memory, most, sizeof *v->tensors);
  v->spread = arena_array(&v->memory, most, sizeof *v->spread);
  v->constant = arena_array(&v->memory, most, sizeof *v->constant);
  v->source.file.tensors = v->tensors;
  add(v, "token_embd.weight", (const int64_t[3]){s->vocab, s->dim}, SMALL, 0);
  if (v->kind->positions)
    add(v, "position_embd.weight",
        (const int64_t[3]){s->context + v->kind->first_row, s->dim}, SMALL, 0);
  for (int64_t i = 0; i < s->layers; i++) add_layer(v, i);
  add_norm(whole, "output_norm");
  if (!s->tied) add_matrix(whole, "output", s->vocab, s->dim, 1, v->kind->head_bias);
}
