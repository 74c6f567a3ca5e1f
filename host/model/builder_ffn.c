/*
 * builder_ffn.c - the feed-forward part of a layer: dense, or a mixture of experts.
 *
 * D width, F ffn width.  Of experts: the J best of E by a router's softmax, their
 * results weighted and added (arXiv 2401.04088 sec. 2.1); beside them, in some models,
 * a shared expert for every row, weighted by a gate of its own.
 */
#include "model/builder_inside.h"

#include <stdio.h>

/* --- dense -----------------------------------------------------------------------------
 */

/* Names of one feed-forward network: "ffn_up", or "ffn_up_shexp". */
struct ffn_names {
  const char *gate, *up, *down, *glu;
};
static const struct ffn_names plain = {"ffn_gate", "ffn_up", "ffn_down", "ffn_glu"},
                              shared = {"ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp",
                                        "ffn_glu_shexp"};

/* Does the file's `up` hold gate on up?  With as many rows as `up` alone would have, it
 * is the gate that is missing. */
static bool is_stacked(const struct building *b, const struct ffn_names *names,
                       int64_t width) {
  const ridge_file_tensor *up = builder_file_tensor(b, names->up, "weight");
  return builder_file_tensor(b, names->gate, "weight") == NULL && up != NULL &&
         up->dims[0] != width;
}

static int32_t stacked_glu(struct building *b, int32_t x, const struct ffn_names *names,
                           int64_t width) {
  int32_t y = builder_activation(b, names->glu, b->rows, width);
  int32_t w = builder_weight(b, names->up, "weight", MATRIX(2 * width, b->arch->dim));
  ridge_attrs attrs = {.act = b->arch->row->act, .flags = RIDGE_GLU_PAIRED};
  NODE(RIDGE_OP_MATMUL, names->up, y, attrs, x, w, builder_bias(b, names->up, 2 * width));
  return y;
}

static int32_t glu(struct building *b, int32_t x, const struct ffn_names *names,
                   int64_t width) {
  int64_t dim = b->arch->dim;
  if (is_stacked(b, names, width)) return stacked_glu(b, x, names, width);
  int32_t gate = builder_project(b, names->gate, x, width, dim);
  int32_t up = builder_project(b, names->up, x, width, dim);
  int32_t y = builder_activation(b, names->glu, b->rows, width);
  NODE(RIDGE_OP_GLU, names->glu, y, (ridge_attrs){.act = b->arch->row->act}, gate, up);
  return y;
}

static int32_t dense(struct building *b, int32_t x, const struct ffn_names *names,
                     int64_t width) {
  const struct arch *a = b->arch;
  int32_t y = -1;
  if (a->row->gated) {
    y = glu(b, x, names, width);
  } else {
    int32_t up = builder_project(b, names->up, x, width, a->dim);
    y = builder_activation(b, "ffn_act", b->rows, width);
    NODE(RIDGE_OP_ACT, "ffn_act", y, (ridge_attrs){.act = a->row->act}, up);
  }
  return builder_project(b, names->down, y, a->dim, width);
}

/* --- experts ---------------------------------------------------------------------------
 */

struct routing {
  int32_t experts, weights; /* (T, J) each */
};

static struct routing route(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int32_t scores = builder_project(b, "ffn_gate_inp", x, a->experts, a->dim);
  ridge_tensor ids = {.codec = "i32",
                      .dims = {b->rows, a->experts_used, 1, 1},
                      .rank = 2,
                      .role = RIDGE_ACTIVATION};
  struct routing r = {
      builder_tensor(b, "ffn_experts", ids),
      builder_activation(b, "ffn_expert_weights", b->rows, a->experts_used)};
  ridge_attrs attrs = {
      .experts = a->experts,
      .used = a->experts_used,
      .scale = a->experts_scale,
      .flags = a->experts_sum_to_one ? RIDGE_ROUTE_NORM : 0,
  };
  builder_node(b, RIDGE_OP_ROUTE, "ffn_route", &scores, 1,
               (const int32_t[]){r.experts, r.weights}, 2, attrs);
  return r;
}

/* y (T, J out) = x, (T, in) or (T, J in), by the matrices of the chosen experts. */
static int32_t project_chosen(struct building *b, const char *what, int32_t x,
                              struct routing r, int64_t out, int64_t in) {
  const struct arch *a = b->arch;
  char out_name[96];
  snprintf(out_name, sizeof out_name, "%s_out", what);
  int32_t y = builder_activation(b, out_name, b->rows, a->experts_used * out);
  int32_t w = builder_weight(b, what, "weight", EXPERTS(a->experts, out, in));
  ridge_attrs attrs = {.experts = a->experts, .used = a->experts_used};
  NODE(RIDGE_OP_EXPERT_MATMUL, what, y, attrs, x, w, r.experts);
  return y;
}

static int32_t weighted(struct building *b, const char *what, int32_t x, int32_t weights) {
  int32_t y = builder_activation(b, what, b->rows, b->arch->dim);
  NODE(RIDGE_OP_WEIGHTED_SUM, what, y, (ridge_attrs){0}, x, weights);
  return y;
}

/* The shared expert; its gate, where there is one, is a sigmoid for each row. */
static int32_t shared_expert(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int32_t y = dense(b, x, &shared, a->shared_ffn);
  if (builder_file_tensor(b, "ffn_gate_inp_shexp", "weight") == NULL) return y;
  int32_t score = builder_project(b, "ffn_gate_inp_shexp", x, 1, a->dim);
  int32_t gate = builder_activation(b, "ffn_shared_gate", b->rows, 1);
  NODE(RIDGE_OP_ACT, "ffn_shared_gate", gate, (ridge_attrs){.act = RIDGE_ACT_SIGMOID},
       score);
  return weighted(b, "ffn_shared", y, gate);
}

static int32_t mixture(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int64_t width = a->expert_ffn;
  struct routing r = route(b, x);
  int32_t gate = project_chosen(b, "ffn_gate_exps", x, r, width, a->dim);
  int32_t up = project_chosen(b, "ffn_up_exps", x, r, width, a->dim);
  int32_t y = builder_activation(b, "ffn_glu_exps", b->rows, a->experts_used * width);
  NODE(RIDGE_OP_GLU, "ffn_glu_exps", y, (ridge_attrs){.act = a->row->act}, gate, up);
  y = project_chosen(b, "ffn_down_exps", y, r, a->dim, width);
  y = weighted(b, "ffn_mixture", y, r.weights);
  if (builder_file_tensor(b, "ffn_up_shexp", "weight") == NULL) return y;
  return builder_add(b, "ffn_with_shared", y, shared_expert(b, x));
}

/* A model of experts may have layers without them: what the file has is built. */
int32_t builder_ffn(struct building *b, int32_t x) {
  if (builder_file_tensor(b, "ffn_gate_inp", "weight") == NULL)
    return dense(b, x, &plain, b->arch->ffn);
  if (b->arch->experts > 0) return mixture(b, x);
  if (b->status == RIDGE_OK)
    b->status = why_set(b->why, RIDGE_CORRUPT,
                        "%s: has a tensor `blk.%lld.ffn_gate_inp.weight`, which chooses "
                        "among experts, and `%s.expert_count` says there are none",
                        b->source->path, (long long)b->layer, b->arch->row->name);
  return -1;
}
