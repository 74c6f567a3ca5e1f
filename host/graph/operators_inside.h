/*
 * operators_inside.h - what the files of the operators' table share: inputs and outputs
 * of a node, the sentence of a shape that does not fit, element-wise cost.
 */
#ifndef RIDGE_GRAPH_OPERATORS_INSIDE_H
#define RIDGE_GRAPH_OPERATORS_INSIDE_H

#include "graph/graph.h"

static inline const ridge_tensor *in(const struct ridge_graph *graph,
                                     const ridge_node *node, uint32_t i) {
  if (i >= node->n_in || node->in[i] < 0) return NULL;
  return graph->tensors[node->in[i]];
}

static inline const ridge_tensor *out(const struct ridge_graph *graph,
                                      const ridge_node *node, uint32_t i) {
  return graph->tensors[node->out[i]];
}

static inline int64_t width(const ridge_tensor *t) { return graph_cols(t); }

static inline ridge_status bad(const ridge_node *node, struct why *why, const char *what,
                               int64_t found, int64_t wanted) {
  return why_set(why, RIDGE_INVALID, "node `%s`: %s is %lld, wanted %lld", node->name, what,
                 (long long)found, (long long)wanted);
}

static inline ridge_status want(const ridge_node *node, struct why *why, const char *what,
                                int64_t found, int64_t wanted) {
  return found == wanted ? RIDGE_OK : bad(node, why, what, found, wanted);
}

#define WANT(what, found, wanted)                                                          \
  do {                                                                                     \
    ridge_status status_ = want(node, why, (what), (found), (wanted));                     \
    if (status_ != RIDGE_OK) return status_;                                               \
  } while (0)

static inline ridge_status same_rows(const struct ridge_graph *graph,
                                     const ridge_node *node, struct why *why) {
  WANT("rows of the output", out(graph, node, 0)->dims[0], in(graph, node, 0)->dims[0]);
  return RIDGE_OK;
}

static inline double rows_of(const ridge_tensor *t, const struct cost_query *q) {
  if (t->dims[0] == RIDGE_DIM_TOKENS) return q->tokens;
  if (t->dims[0] == RIDGE_DIM_WANTED) return q->wanted;
  return (double)t->dims[0];
}

/* Element-wise work: some operations an element, every activation moved once. */
struct operator_cost operator_elementwise(const struct ridge_graph *, const ridge_node *,
                                          const struct cost_query *, double per_element);

/* operators_experts.c */
ridge_status operator_shape_route(const struct ridge_graph *, const ridge_node *,
                                  struct why *);
ridge_status operator_shape_expert_matmul(const struct ridge_graph *, const ridge_node *,
                                          struct why *);
ridge_status operator_shape_weighted_sum(const struct ridge_graph *, const ridge_node *,
                                         struct why *);
struct operator_cost operator_cost_route(const struct ridge_graph *, const ridge_node *,
                                         const struct cost_query *);
struct operator_cost operator_cost_expert_matmul(const struct ridge_graph *,
                                                 const ridge_node *,
                                                 const struct cost_query *);
struct operator_cost operator_cost_weighted_sum(const struct ridge_graph *,
                                                const ridge_node *,
                                                const struct cost_query *);

#endif
