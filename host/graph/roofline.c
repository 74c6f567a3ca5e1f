/* roofline.c - one step of a Llama-like model on a device, operator by operator. */
#include "graph/roofline.h"

#include <math.h>

/* The letters of the paper, as numbers; bytes of an element with scales. */
struct letters {
  double B, T, S, h, e, H, G, f, V;
  double wb, ab, kb;
  int64_t layers;
};

static struct letters letters_of(const struct roofline_query *q) {
  const struct roofline_shape *s = &q->shape;
  return (struct letters){
      .B = (double)q->batch,
      .T = (double)q->tokens,
      .S = (double)q->context,
      .h = (double)s->dim,
      .e = (double)s->dim / (double)s->heads,
      .H = (double)s->heads,
      .G = (double)s->kv_heads,
      .f = (double)s->ffn,
      .V = (double)s->vocab,
      .wb = q->weight_bits / 8,
      .ab = q->activation_bits / 8,
      .kb = q->cache_bits / 8,
      .layers = s->layers,
  };
}

static void add(struct roofline_stage *stage, struct roofline_op op) {
  stage->op[stage->n++] = op;
}

static void add_linear(struct roofline_stage *stage, const struct letters *l,
                       const char *name, double in, double out, bool to_cache) {
  double rows = l->B * l->T;
  add(stage, (struct roofline_op){
                 .name = name,
                 .count = l->layers,
                 .ops = 2 * in * out * rows,
                 .weights = in * out * l->wb,
                 .in = in * rows * l->ab,
                 .out = to_cache ? 0 : out * rows * l->ab,
                 .cache_out = to_cache ? out * rows * l->kb : 0,
             });
}

static void add_linears(struct roofline_stage *stage, const struct letters *l) {
  double kv = l->h * l->G / l->H;
  add_linear(stage, l, "q", l->h, l->h, false);
  add_linear(stage, l, "k", l->h, kv, true);
  add_linear(stage, l, "v", l->h, kv, true);
  add_linear(stage, l, "o", l->h, l->h, false);
  add_linear(stage, l, "gate", l->h, l->f, false);
  add_linear(stage, l, "up", l->h, l->f, false);
  add_linear(stage, l, "down", l->f, l->h, false);
}

/* Three operators, scores written out between them. */
static void add_attention(struct roofline_stage *stage, const struct letters *l,
                          bool compat) {
  double scores = l->T * l->S * l->H * l->B, rows = l->T * l->e * l->B;
  double cached = l->S * l->e * l->G * l->B * l->kb;
  bool swapped = compat && l->T > 1; /* queries counted with the key/value heads */
  add(stage, (struct roofline_op){.name = "scores",
                                  .count = l->layers,
                                  .ops = 2 * scores * l->e,
                                  .in = rows * (swapped ? l->G : l->H) * l->ab,
                                  .out = scores * l->ab,
                                  .cache_in = cached});
  add(stage, (struct roofline_op){.name = "softmax",
                                  .count = l->layers,
                                  .ops = 5 * scores,
                                  .in = scores * l->ab,
                                  .out = scores * l->ab});
  add(stage, (struct roofline_op){.name = "values",
                                  .count = l->layers,
                                  .ops = 2 * scores * l->e,
                                  .in = scores * l->ab,
                                  .out = rows * l->H * l->ab,
                                  .cache_in = cached});
}

/* Tiles of `block` query rows: the cache is read once for each. */
static void add_fused_attention(struct roofline_stage *stage, const struct letters *l,
                                const struct roofline_query *q) {
  double scores = l->T * l->S * l->H * l->B, rows = l->T * l->e * l->H * l->B;
  double fits = q->device.on_chip > 0 ? ceil(q->device.on_chip / (l->kb * l->e)) : l->e;
  double block = fits < l->e ? fits : l->e, reads = ceil(l->T / block);
  double heads = q->compat && l->T > 1 ? l->H : l->G;
  add(stage,
      (struct roofline_op){.name = "attention",
                           .count = l->layers,
                           .ops = 4 * scores * l->e + 5 * scores,
                           .in = rows * l->ab,
                           .out = q->compat ? 2 * scores * l->ab : rows * l->ab,
                           .cache_in = reads * 2 * l->S * l->e * heads * l->B * l->kb});
}

static void add_elementwise(struct roofline_stage *stage, const struct letters *l,
                            bool compat) {
  double rows = l->B * l->T, wide = compat ? l->h : l->f;
  add(stage, (struct roofline_op){.name = "norm",
                                  .count = 2 * l->layers,
                                  .ops = (compat ? 7 : 4) * rows * l->h,
                                  .weights = compat ? 0 : l->h * l->wb,
                                  .in = rows * l->h * l->ab,
                                  .out = rows * l->h * l->ab});
  add(stage, (struct roofline_op){.name = "add",
                                  .count = 2 * l->layers,
                                  .ops = rows * l->h,
                                  .in = (compat ? 1 : 2) * rows * l->h * l->ab,
                                  .out = rows * l->h * l->ab});
  add(stage, (struct roofline_op){.name = "activation",
                                  .count = l->layers,
                                  .ops = 2 * rows * wide,
                                  .in = 2 * rows * wide * l->ab,
                                  .out = rows * wide * l->ab});
}

/* One row of each sequence is scored. */
static void add_head(struct roofline_stage *stage, const struct letters *l, bool compat) {
  double rows = compat ? 1 : l->B;
  add(stage, (struct roofline_op){.name = "head",
                                  .count = 1,
                                  .ops = (compat ? 1 : 2) * l->B * l->h * l->V,
                                  .weights = l->h * l->V * l->wb,
                                  .in = rows * l->h * l->ab,
                                  .out = rows * l->V * l->ab});
}

static bool is_narrow(const struct roofline_query *q) {
  return q->weight_bits <= 8 && q->activation_bits <= 8 && q->cache_bits <= 8;
}

static void sum_up(const struct roofline_query *q, struct roofline_stage *stage) {
  for (int i = 0; i < stage->n; i++) {
    struct roofline_op *op = &stage->op[i];
    op->bytes = op->weights + op->in + op->out + op->cache_in + op->cache_out;
    double compute = op->ops / stage->peak, memory = op->bytes / q->device.bandwidth;
    op->compute = compute > memory;
    op->seconds = op->compute ? compute : memory;
    stage->ops += op->ops * (double)op->count;
    stage->bytes += op->bytes * (double)op->count;
    stage->seconds += op->seconds * (double)op->count;
  }
}

/* Of one layer, a result counts once however often the operator comes again in the
 * whole model. */
static void measure_footprint(const struct roofline_query *q, const struct letters *l,
                              struct roofline_stage *stage) {
  double tables = q->compat ? 0 : (q->shape.tied ? 1 : 2) * l->h * l->V * l->wb;
  double norms = q->compat ? 0 : l->h * l->wb; /* the last one */
  stage->weights = tables + norms;
  for (int i = 0; i < stage->n; i++) {
    const struct roofline_op *op = &stage->op[i];
    if (op->count < l->layers) continue; /* the head */
    stage->weights += op->weights * (double)op->count;
    stage->activations += op->out * (double)(op->count / l->layers);
  }
  stage->cache = 2 * (double)l->layers * l->B * l->S * l->G * l->e * l->kb;
}

static ridge_status check(const struct roofline_query *q, struct why *why) {
  const struct roofline_shape *s = &q->shape;
  if (s->dim < 1 || s->layers < 1 || s->heads < 1 || s->kv_heads < 1 || s->ffn < 1 ||
      s->vocab < 1)
    return why_set(why, RIDGE_INVALID, "a shape's numbers must all be at least 1");
  if (s->dim % s->heads != 0 || s->heads % s->kv_heads != 0)
    return why_set(why, RIDGE_INVALID,
                   "a width of %lld, %lld heads and %lld key/value heads do not divide",
                   (long long)s->dim, (long long)s->heads, (long long)s->kv_heads);
  if (q->batch < 1 || q->tokens < 1 || q->context < q->tokens)
    return why_set(why, RIDGE_INVALID,
                   "%lld sequences of %lld tokens in a context of %lld: at least one of "
                   "each is needed, and the context holds the tokens",
                   (long long)q->batch, (long long)q->tokens, (long long)q->context);
  if (!(q->weight_bits > 0 && q->activation_bits > 0 && q->cache_bits > 0))
    return why_set(why, RIDGE_INVALID, "the bits of an element must be above 0");
  if (!(q->device.bandwidth > 0 && q->device.flops > 0))
    return why_set(why, RIDGE_INVALID, "device %s: bandwidth and peak must be above 0",
                   q->device.name);
  if (q->compat && is_narrow(q) && q->device.int8 <= 0)
    return why_set(why, RIDGE_INVALID,
                   "device %s has no int8 peak, and with all widths at 8 bits or less the "
                   "paper's program wants one; leave out compat",
                   q->device.name);
  return RIDGE_OK;
}

ridge_status roofline_step(const struct roofline_query *q, struct roofline_stage *out,
                           struct why *why) {
  *out = (struct roofline_stage){0};
  ridge_status status = check(q, why);
  if (status != RIDGE_OK) return status;
  struct letters l = letters_of(q);
  out->peak = is_narrow(q) && q->device.int8 > 0 ? q->device.int8 : q->device.flops;
  add_linears(out, &l);
  if (q->fused)
    add_fused_attention(out, &l, q);
  else
    add_attention(out, &l, q->compat);
  add_elementwise(out, &l, q->compat);
  add_head(out, &l, q->compat);
  sum_up(q, out);
  measure_footprint(q, &l, out);
  return RIDGE_OK;
}
