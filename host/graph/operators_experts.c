/*
 * operators_experts.c - the operators of a mixture of experts (arXiv 1701.06538,
 * 2401.04088): shape rules and costs.
 *
 * T rows, E experts, J of them chosen for a row, N outputs, K inputs.
 */
#include "graph/operators_inside.h"

#include <math.h>
#include <string.h>

ridge_status operator_shape_route(const struct ridge_graph *graph, const ridge_node *node,
                                  struct why *why) {
  const ridge_attrs *a = &node->attrs;
  WANT("width of the input", width(in(graph, node, 0)), a->experts);
  WANT("width of the chosen experts", width(out(graph, node, 0)), a->used);
  WANT("width of their weights", width(out(graph, node, 1)), a->used);
  WANT("chosen experts as i32", strcmp(out(graph, node, 0)->codec, "i32"), 0);
  if (a->used < 1 || a->used > a->experts)
    return bad(node, why, "experts used", a->used, a->experts);
  return same_rows(graph, node, why);
}

ridge_status operator_shape_expert_matmul(const struct ridge_graph *graph,
                                          const ridge_node *node, struct why *why) {
  const ridge_attrs *a = &node->attrs;
  const ridge_tensor *x = in(graph, node, 0), *w = in(graph, node, 1);
  WANT("rank of the weight", w->rank, 3);
  WANT("experts of the weight", w->dims[0], a->experts);
  WANT("width of the chosen experts", width(in(graph, node, 2)), a->used);
  WANT("chosen experts as i32", strcmp(in(graph, node, 2)->codec, "i32"), 0);
  if (width(x) != w->dims[2]) WANT("width of the input", width(x), a->used * w->dims[2]);
  WANT("width of the output", width(out(graph, node, 0)), a->used * w->dims[1]);
  return same_rows(graph, node, why);
}

ridge_status operator_shape_weighted_sum(const struct ridge_graph *graph,
                                         const ridge_node *node, struct why *why) {
  int64_t each = width(in(graph, node, 1)), n = width(out(graph, node, 0));
  WANT("width of the input", width(in(graph, node, 0)), each * n);
  WANT("rows of the weights", in(graph, node, 1)->dims[0], in(graph, node, 0)->dims[0]);
  return same_rows(graph, node, why);
}

/* Softmax over E, then J passes over it. */
struct operator_cost operator_cost_route(const struct ridge_graph *graph,
                                         const ridge_node *node,
                                         const struct cost_query *q) {
  double rows = rows_of(in(graph, node, 0), q), experts = (double)node->attrs.experts,
         used = (double)node->attrs.used;
  return (struct operator_cost){.flops = rows * experts * (5 + used),
                                .activation_bytes = 4 * rows * (experts + 2 * used)};
}

/* Rows that choose J of E each, evenly: an expert is read when any row has chosen it. */
static double experts_read(double experts, double used, double rows) {
  return rows <= 1 ? used * rows : experts * (1 - pow(1 - used / experts, rows));
}

struct operator_cost operator_cost_expert_matmul(const struct ridge_graph *graph,
                                                 const ridge_node *node,
                                                 const struct cost_query *q) {
  const ridge_tensor *w = in(graph, node, 1), *x = in(graph, node, 0),
                     *y = out(graph, node, 0);
  double rows = rows_of(x, q), used = (double)node->attrs.used;
  double one = (double)w->dims[1] * (double)w->dims[2];
  return (struct operator_cost){
      .flops = 2 * one * used * rows,
      .weight_bytes =
          experts_read((double)w->dims[0], used, rows) * one * q->weight_bits / 8,
      .activation_bytes = 4 * rows * (double)(width(x) + width(y)),
  };
}

struct operator_cost operator_cost_weighted_sum(const struct ridge_graph *graph,
                                                const ridge_node *node,
                                                const struct cost_query *q) {
  double rows = rows_of(in(graph, node, 0), q), all = (double)width(in(graph, node, 0)),
         n = (double)width(out(graph, node, 0));
  return (struct operator_cost){.flops = 2 * rows * all,
                                .activation_bytes = 4 * rows * (all + n)};
}
