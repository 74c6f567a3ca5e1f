/*
 * graph_fuse.h - what the files of graph.fuse share.
 *
 * A fusion is tried at one node.  It either changes nothing, or adds the joined node,
 * removes the old ones and sets *joined.
 */
#ifndef GRAPH_FUSE_H
#define GRAPH_FUSE_H

#include <ridge/seam/graph_pass.h>

struct fuse_params {
  bool qkv, gate_up, norm, bias, act, residual;
};

enum { NODES_REMOVED, EPILOGUES_JOINED, PAIRS_JOINED, NORMS_JOINED, STACKS_MADE };

struct fuse {
  const ridge_host *host;
  const ridge_graph_api *api;
  ridge_graph *graph; /* during a pass */
  struct fuse_params params;
};

/* graph_fuse_nodes.c: one matmul and what follows it; a sum and its norm. */
ridge_status fuse_bias(struct fuse *, int32_t node, bool *joined);
ridge_status fuse_act(struct fuse *, int32_t node, bool *joined);
ridge_status fuse_residual(struct fuse *, int32_t node, bool *joined);
ridge_status fuse_norm(struct fuse *, int32_t node, bool *joined);
/* graph_fuse_stack.c: several matmuls of one input. */
ridge_status fuse_gate_up(struct fuse *, int32_t node, bool *joined);
ridge_status fuse_stack(struct fuse *, int32_t node, bool *joined);

/* ---- questions about the graph ---- */

static inline const ridge_node *node_of(const struct fuse *f, int32_t node) {
  return f->api->node(f->graph, node);
}

static inline const ridge_tensor *tensor_of(const struct fuse *f, int32_t tensor) {
  return f->api->tensor(f->graph, tensor);
}

/* Input `slot` of a node; -1: it has none. */
static inline int32_t input_of(const ridge_node *node, uint32_t slot) {
  return slot < node->n_in ? node->in[slot] : -1;
}

/* The node that makes the tensor, if it is a matmul whose result nobody else reads;
 * else -1. */
static inline int32_t private_matmul(const struct fuse *f, int32_t tensor) {
  const ridge_tensor *t = tensor_of(f, tensor);
  if (t == NULL || t->producer < 0 || f->api->is_output(f->graph, tensor)) return -1;
  if (node_of(f, t->producer)->op != RIDGE_OP_MATMUL) return -1;
  return f->api->readers(f->graph, tensor, NULL, 0) == 1 ? t->producer : -1;
}

/* Nothing joined to it yet but a bias. */
static inline bool is_plain(const ridge_node *matmul) {
  return matmul->attrs.act == RIDGE_ACT_NONE && matmul->attrs.flags == 0 &&
         input_of(matmul, 3) < 0;
}

/* Put `joined` where node `at` stands, and take away `at` and the others. */
ridge_status fuse_replace(struct fuse *, const ridge_node *joined, int32_t at,
                          const int32_t *others, uint32_t n_others);

#endif
