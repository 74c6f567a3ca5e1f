/*
 * operators.c - each operator in one place: inputs, shape rule, cost, gradient rule.
 *
 * The reference kernels stand in plugins/kernels/portable; an operator is known to
 * the host by its row here and by its line in RIDGE_OP_MAP.  Cost formulas:
 * roofline of a layer, arXiv 2402.16363 with the corrections of docs/cost.md.
 */
#include "graph/operators_inside.h"

#include <stdlib.h>

/* --- shape rules ---------------------------------------------------------------- */

static ridge_status shape_embed(const struct ridge_graph *graph, const ridge_node *node,
                                struct why *why) {
  WANT("rank of the table", in(graph, node, 0)->rank, 2);
  WANT("width of the output", width(out(graph, node, 0)), width(in(graph, node, 0)));
  return RIDGE_OK;
}

static ridge_status shape_norm(const struct ridge_graph *graph, const ridge_node *node,
                               struct why *why) {
  int64_t all = width(in(graph, node, 0)), n = width(in(graph, node, 1));
  int64_t one = node->attrs.heads > 0 ? node->attrs.head_dim : all;
  if (node->attrs.heads > 0)
    WANT("width of the input", all, node->attrs.heads * node->attrs.head_dim);
  if (n != all) WANT("width of the weight", n, one);
  if (in(graph, node, 2) != NULL) WANT("width of the bias", width(in(graph, node, 2)), n);
  WANT("width of the output", width(out(graph, node, 0)), all);
  return same_rows(graph, node, why);
}

static ridge_status shape_matmul(const struct ridge_graph *graph, const ridge_node *node,
                                 struct why *why) {
  const ridge_tensor *x = in(graph, node, 0), *w = in(graph, node, 1),
                     *y = out(graph, node, 0);
  int64_t n = (node->attrs.flags & RIDGE_GLU_PAIRED) != 0 ? w->dims[0] / 2 : w->dims[0];
  WANT("rank of the weight", w->rank, 2);
  WANT("columns of the weight", w->dims[1], width(x));
  WANT("width of the output", width(y), n);
  if (in(graph, node, 2) != NULL)
    WANT("width of the bias", width(in(graph, node, 2)), w->dims[0]);
  if (in(graph, node, 3) != NULL)
    WANT("width of the residual", width(in(graph, node, 3)), n);
  return same_rows(graph, node, why);
}

static ridge_status shape_pair(const struct ridge_graph *graph, const ridge_node *node,
                               struct why *why) {
  WANT("width of the second input", width(in(graph, node, 1)), width(in(graph, node, 0)));
  WANT("width of the output", width(out(graph, node, 0)), width(in(graph, node, 0)));
  return same_rows(graph, node, why);
}

static ridge_status shape_one(const struct ridge_graph *graph, const ridge_node *node,
                              struct why *why) {
  WANT("width of the output", width(out(graph, node, 0)), width(in(graph, node, 0)));
  return same_rows(graph, node, why);
}

static ridge_status shape_rope_table(const struct ridge_graph *graph,
                                     const ridge_node *node, struct why *why) {
  WANT("width of the table", width(out(graph, node, 0)), node->attrs.dims);
  WANT("rotated dimensions modulo 2", node->attrs.dims % 2, 0);
  if (node->attrs.blend_to < node->attrs.blend_from)
    return bad(node, why, "end of the blend", (int64_t)node->attrs.blend_to,
               (int64_t)node->attrs.blend_from);
  if (in(graph, node, 1) != NULL)
    WANT("frequency factors", width(in(graph, node, 1)), node->attrs.dims / 2);
  return RIDGE_OK;
}

static ridge_status shape_rope(const struct ridge_graph *graph, const ridge_node *node,
                               struct why *why) {
  WANT("width", width(in(graph, node, 0)), node->attrs.heads * node->attrs.head_dim);
  WANT("width of the rope table", width(in(graph, node, 1)), node->attrs.dims);
  if (node->attrs.dims > node->attrs.head_dim)
    return bad(node, why, "rotated dimensions", node->attrs.dims, node->attrs.head_dim);
  return shape_one(graph, node, why);
}

static ridge_status shape_cache_put(const struct ridge_graph *graph, const ridge_node *node,
                                    struct why *why) {
  WANT("width", width(in(graph, node, 0)), node->attrs.kv_heads * node->attrs.head_dim);
  WANT("role of the cache", in(graph, node, 1)->role, RIDGE_CACHE);
  return RIDGE_OK;
}

static ridge_status shape_attention(const struct ridge_graph *graph, const ridge_node *node,
                                    struct why *why) {
  const ridge_attrs *a = &node->attrs;
  WANT("width of the queries", width(in(graph, node, 0)), a->heads * a->head_dim);
  WANT("role of the key cache", in(graph, node, 1)->role, RIDGE_CACHE);
  WANT("role of the value cache", in(graph, node, 2)->role, RIDGE_CACHE);
  if (a->kv_heads < 1 || a->heads % a->kv_heads != 0)
    return bad(node, why, "heads modulo key/value heads",
               a->kv_heads < 1 ? -1 : a->heads % a->kv_heads, 0);
  if (a->window < 0) return bad(node, why, "window", a->window, 0);
  if (!(a->softcap >= 0)) return bad(node, why, "soft cap", (int64_t)a->softcap, 0);
  return shape_one(graph, node, why);
}

static ridge_status shape_rows(const struct ridge_graph *graph, const ridge_node *node,
                               struct why *why) {
  WANT("width of the output", width(out(graph, node, 0)), width(in(graph, node, 0)));
  WANT("rows of the output", out(graph, node, 0)->dims[0], RIDGE_DIM_WANTED);
  return RIDGE_OK;
}

static ridge_status shape_slice(const struct ridge_graph *graph, const ridge_node *node,
                                struct why *why) {
  int64_t end = node->attrs.from + width(out(graph, node, 0));
  if (node->attrs.from < 0 || end > width(in(graph, node, 0)))
    return bad(node, why, "end of the slice", end, width(in(graph, node, 0)));
  return same_rows(graph, node, why);
}

static ridge_status shape_add_norm(const struct ridge_graph *graph, const ridge_node *node,
                                   struct why *why) {
  WANT("heads of a norm joined to a sum", node->attrs.heads, 0);
  WANT("width of the second input", width(in(graph, node, 1)), width(in(graph, node, 0)));
  WANT("width of the weight", width(in(graph, node, 2)), width(in(graph, node, 0)));
  WANT("width of the sum", width(out(graph, node, 0)), width(in(graph, node, 0)));
  WANT("width of the output", width(out(graph, node, 1)), width(in(graph, node, 0)));
  return same_rows(graph, node, why);
}

/* --- costs ---------------------------------------------------------------------- */

struct operator_cost operator_elementwise(const struct ridge_graph *graph,
                                          const ridge_node *node,
                                          const struct cost_query *q, double per_element) {
  struct operator_cost cost = {0};
  const ridge_tensor *y = out(graph, node, node->n_out - 1);
  cost.flops = per_element * rows_of(y, q) * (double)width(y);
  for (uint32_t i = 0; i < node->n_in; i++) {
    const ridge_tensor *x = in(graph, node, i);
    if (x == NULL) continue;
    if (x->role == RIDGE_WEIGHT)
      cost.weight_bytes += 4.0 * (double)width(x);
    else
      cost.activation_bytes += 4.0 * rows_of(x, q) * (double)width(x);
  }
  for (uint32_t i = 0; i < node->n_out; i++)
    cost.activation_bytes +=
        4.0 * rows_of(out(graph, node, i), q) * (double)width(out(graph, node, i));
  return cost;
}

static struct operator_cost cost_matmul(const struct ridge_graph *graph,
                                        const ridge_node *node,
                                        const struct cost_query *q) {
  const ridge_tensor *w = in(graph, node, 1), *x = in(graph, node, 0),
                     *y = out(graph, node, 0);
  double rows = rows_of(x, q);
  double weights = (double)w->dims[0] * (double)w->dims[1];
  return (struct operator_cost){
      .flops = 2 * weights * rows,
      .weight_bytes = weights * q->weight_bits / 8,
      .activation_bytes = 4 * rows * (double)(width(x) + width(y)),
  };
}

static struct operator_cost cost_attention(const struct ridge_graph *graph,
                                           const ridge_node *node,
                                           const struct cost_query *q) {
  const ridge_attrs *a = &node->attrs;
  double rows = rows_of(in(graph, node, 0), q);
  double depth =
      a->window > 0 && q->depth > (double)a->window ? (double)a->window : q->depth;
  double pairs = rows * depth * (double)a->heads;
  double each = 4.0 * (double)a->head_dim + (a->softcap > 0 ? 12 : 5);
  /* Rows of one sequence share what they read. */
  double most = rows * (double)a->window,
         reach = a->window > 0 && q->reach > most ? most : q->reach;
  return (struct operator_cost){
      .flops = pairs * each,
      .activation_bytes = 8 * rows * (double)width(in(graph, node, 0)),
      .cache_bytes = reach * 2.0 * (double)(a->kv_heads * a->head_dim) * q->cache_bits / 8,
  };
}

static struct operator_cost cost_cache_put(const struct ridge_graph *graph,
                                           const ridge_node *node,
                                           const struct cost_query *q) {
  double elements = rows_of(in(graph, node, 0), q) * (double)width(in(graph, node, 0));
  return (struct operator_cost){.flops = elements,
                                .activation_bytes = 4 * elements,
                                .cache_bytes = elements * q->cache_bits / 8};
}

static struct operator_cost cost_embed(const struct ridge_graph *graph,
                                       const ridge_node *node, const struct cost_query *q) {
  double elements = rows_of(out(graph, node, 0), q) * (double)width(out(graph, node, 0));
  return (struct operator_cost){.weight_bytes = elements * q->weight_bits / 8,
                                .activation_bytes = 4 * elements};
}

#define ELEMENTWISE(name, per_element)                                                     \
  static struct operator_cost cost_##name(const struct ridge_graph *graph,                 \
                                          const ridge_node *node,                          \
                                          const struct cost_query *q) {                    \
    return operator_elementwise(graph, node, q, (per_element));                            \
  }
ELEMENTWISE(one, 1)      /* a copy, a sum, a product                       */
ELEMENTWISE(rms, 4)      /* square, add, scale, weight                     */
ELEMENTWISE(layer, 7)    /* mean, centre, square, add, scale, weight, bias */
ELEMENTWISE(rope, 3)     /* two products and a sum for each of two         */
ELEMENTWISE(function, 6) /* an exponential counts about five               */
ELEMENTWISE(add_rms, 5)
ELEMENTWISE(add_layer, 8)

static struct operator_cost cost_nothing(const struct ridge_graph *graph,
                                         const ridge_node *node,
                                         const struct cost_query *q) {
  (void)graph, (void)node, (void)q;
  return (struct operator_cost){0};
}

/* --- the table ------------------------------------------------------------------ */

/*  operator        min max out  shape rule         cost             gradient */
#define OPERATOR_ROWS(X)                                                                   \
  X(EMBED, 2, 2, 1, shape_embed, cost_embed, GRADIENT_LATER)                               \
  X(RMSNORM, 2, 2, 1, shape_norm, cost_rms, GRADIENT_LATER)                                \
  X(LAYERNORM, 2, 3, 1, shape_norm, cost_layer, GRADIENT_LATER)                            \
  X(MATMUL, 2, 4, 1, shape_matmul, cost_matmul, GRADIENT_LATER)                            \
  X(ADD, 2, 2, 1, shape_pair, cost_one, GRADIENT_LATER)                                    \
  X(MUL, 2, 2, 1, shape_pair, cost_one, GRADIENT_LATER)                                    \
  X(SCALE, 1, 1, 1, shape_one, cost_one, GRADIENT_LATER)                                   \
  X(ACT, 1, 1, 1, shape_one, cost_function, GRADIENT_LATER)                                \
  X(GLU, 2, 2, 1, shape_pair, cost_function, GRADIENT_LATER)                               \
  X(ROPE_TABLE, 1, 2, 1, shape_rope_table, cost_function, GRADIENT_NONE)                   \
  X(ROPE, 2, 2, 1, shape_rope, cost_rope, GRADIENT_LATER)                                  \
  X(CACHE_PUT, 2, 2, 0, shape_cache_put, cost_cache_put, GRADIENT_NONE)                    \
  X(ATTENTION, 3, 3, 1, shape_attention, cost_attention, GRADIENT_LATER)                   \
  X(ROWS, 1, 1, 1, shape_rows, cost_one, GRADIENT_LATER)                                   \
  X(SLICE, 1, 1, 1, shape_slice, cost_nothing, GRADIENT_LATER)                             \
  X(SOFTCAP, 1, 1, 1, shape_one, cost_function, GRADIENT_LATER)                            \
  X(ADD_RMSNORM, 3, 3, 2, shape_add_norm, cost_add_rms, GRADIENT_LATER)                    \
  X(ADD_LAYERNORM, 3, 4, 2, shape_add_norm, cost_add_layer, GRADIENT_LATER)                \
  X(ROUTE, 1, 1, 2, operator_shape_route, operator_cost_route, GRADIENT_LATER)             \
  X(EXPERT_MATMUL, 3, 3, 1, operator_shape_expert_matmul, operator_cost_expert_matmul,     \
    GRADIENT_LATER)                                                                        \
  X(WEIGHTED_SUM, 2, 2, 1, operator_shape_weighted_sum, operator_cost_weighted_sum,        \
    GRADIENT_LATER)

const struct operator_facts *operator_facts(uint32_t op) {
  static const struct operator_facts facts[RIDGE_OP_COUNT] = {
#define X(id, min, max, n, shape_rule, cost_rule, gradient_rule)                           \
  [RIDGE_OP_##id] = {.min_in = min,                                                        \
                     .max_in = max,                                                        \
                     .n_out = n,                                                           \
                     .shape = shape_rule,                                                  \
                     .cost = cost_rule,                                                    \
                     .gradient = gradient_rule},
      OPERATOR_ROWS(X)
#undef X
  };
  return op < RIDGE_OP_COUNT ? &facts[op] : NULL;
}

const char *operator_name(uint32_t op) {
  static const char *const names[RIDGE_OP_COUNT] = {
#define X(id, name, doc) name,
      RIDGE_OP_MAP(X)
#undef X
  };
  return op < RIDGE_OP_COUNT ? names[op] : "?";
}

const char *act_name(uint32_t act) {
  static const char *const names[RIDGE_ACT_COUNT] = {
#define X(id, name) name,
      RIDGE_ACT_MAP(X)
#undef X
  };
  return act < RIDGE_ACT_COUNT ? names[act] : "?";
}

/* --- verification --------------------------------------------------------------- */

static ridge_status verify_node(const struct ridge_graph *graph, const ridge_node *node,
                                const bool *made, struct why *why) {
  const struct operator_facts *facts = operator_facts(node->op);
  if (facts == NULL)
    return why_set(why, RIDGE_INVALID, "node `%s` has no known operator", node->name);
  if (node->n_in < facts->min_in || node->n_in > facts->max_in ||
      node->n_out != facts->n_out)
    return why_set(why, RIDGE_INVALID, "node `%s` (%s) has %u inputs and %u outputs",
                   node->name, operator_name(node->op), node->n_in, node->n_out);
  for (uint32_t i = 0; i < node->n_in; i++) {
    if (node->in[i] == -1 && i >= facts->min_in) continue;
    if (node->in[i] < 0 || node->in[i] >= graph->n_tensors)
      return why_set(why, RIDGE_INVALID, "node `%s`: input %u is missing", node->name, i);
    const ridge_tensor *t = graph->tensors[node->in[i]];
    if (t->role == RIDGE_ACTIVATION && !made[node->in[i]])
      return why_set(why, RIDGE_INVALID, "node `%s` reads `%s` before any node has made it",
                     node->name, t->name);
  }
  for (uint32_t i = 0; i < node->n_out; i++) {
    if (node->out[i] < 0 || node->out[i] >= graph->n_tensors)
      return why_set(why, RIDGE_INVALID, "node `%s`: output %u is missing", node->name, i);
    if (made[node->out[i]])
      return why_set(why, RIDGE_INVALID, "two nodes make `%s`",
                     graph->tensors[node->out[i]]->name);
  }
  return facts->shape(graph, node, why);
}

ridge_status graph_verify(const struct ridge_graph *graph, struct why *why) {
  bool *made = calloc((size_t)graph->n_tensors + 1, sizeof *made);
  if (made == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory to verify the graph");
  ridge_status status = RIDGE_OK;
  for (int32_t i = 0; i < graph->n_order && status == RIDGE_OK; i++) {
    const ridge_node *node = graph->nodes[graph->order[i]];
    status = verify_node(graph, node, made, why);
    for (uint32_t k = 0; status == RIDGE_OK && k < node->n_out; k++)
      made[node->out[k]] = true;
  }
  for (uint32_t i = 0; i < graph->n_outputs && status == RIDGE_OK; i++)
    if (!made[graph->outputs[i]])
      status = why_set(why, RIDGE_INVALID, "no node makes the output `%s`",
                       graph->tensors[graph->outputs[i]]->name);
  free(made);
  return status;
}
