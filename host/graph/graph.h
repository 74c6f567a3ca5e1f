/*
 * graph.h - the host's side of ridge/graph.h: storage, operators, checks, cost.
 *
 * Ownership: nodes, tensors and their texts live in the graph's arena and never
 *            move until graph_free.
 */
#ifndef RIDGE_GRAPH_GRAPH_H
#define RIDGE_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/why.h"

#include <ridge/graph.h>

struct ridge_graph {
  struct arena arena;
  ridge_tensor **tensors;
  ridge_node **nodes;
  int32_t *order; /* live nodes as they are executed */
  int32_t n_tensors, room_tensors, n_nodes, room_nodes, n_order;
  int32_t outputs[2];
  uint32_t n_outputs;
  uint64_t changes;         /* rewrites so far: what a pass did is the difference */
  const ridge_host *caller; /* the pass that is working, told of its mistakes     */
  struct why why;           /* the last mistake                                   */
};

void graph_init(struct ridge_graph *);
void graph_free(struct ridge_graph *);
const ridge_graph_api *graph_api(void);
void graph_add_output(struct ridge_graph *, int32_t tensor);
/* A tensor of the usual kinds; names are copied. */
int32_t graph_weight(struct ridge_graph *, const char *name, const char *codec,
                     int64_t rows, int64_t cols, uint32_t rank);
int32_t graph_activation(struct ridge_graph *, const char *name, int64_t rows,
                         int64_t cols);

/* A tensor as the matrix that kernels see: a vector is one row, the matrices of experts
 * lie under one another. */
static inline int64_t graph_rows(const ridge_tensor *t) {
  return t->rank < 2 ? 1 : t->rank == 3 ? t->dims[0] * t->dims[1] : t->dims[0];
}
static inline int64_t graph_cols(const ridge_tensor *t) {
  return t->rank < 2 ? t->dims[0] : t->rank == 3 ? t->dims[2] : t->dims[1];
}
/* MATMUL and EXPERT_MATMUL: input 1 is the weight, each of its elements used at most
 * once for a row. */
static inline bool graph_is_product(const ridge_node *node) {
  return node->op == RIDGE_OP_MATMUL || node->op == RIDGE_OP_EXPERT_MATMUL;
}

/* What an operator needs to be known by; the one table is in operators.c. */
struct operator_cost {
  double flops, weight_bytes, activation_bytes, cache_bytes;
};
struct cost_query {
  double tokens, wanted;          /* T and R, or their means over steps              */
  double depth;                   /* mean positions a row attends to                 */
  double reach;                   /* cached positions read, each sequence's once     */
  double weight_bits, cache_bits; /* per element, scales included              */
};
/* What gradient a training graph adds for an operator. */
enum gradient_rule {
  GRADIENT_NONE,  /* nothing flows: ids, cache, row picking without parameters */
  GRADIENT_LATER, /* differentiable; the rule comes with the training graph    */
};
struct operator_facts {
  uint32_t min_in, max_in, n_out;
  ridge_status (*shape)(const struct ridge_graph *, const ridge_node *, struct why *);
  struct operator_cost (*cost)(const struct ridge_graph *, const ridge_node *,
                               const struct cost_query *);
  enum gradient_rule gradient;
};
const struct operator_facts *operator_facts(uint32_t op);
const char *operator_name(uint32_t op);
const char *act_name(uint32_t act);

/* Acyclic, inputs made before use, shapes and types agree, same outputs. */
RIDGE_MUST ridge_status graph_verify(const struct ridge_graph *, struct why *);
/* Live nodes by operator. */
void graph_census(const struct ridge_graph *, int32_t counts[RIDGE_OP_COUNT]);

#endif
