/*
 * graph_fuse_nodes.c - fusions of one matmul with what follows it, and of a sum with
 * its norm.
 *
 * The joined node stands where the last of its parts stood: by then all inputs are
 * made, and nobody can have read the result before.
 */
#include "graph_fuse.h"

ridge_status fuse_replace(struct fuse *f, const ridge_node *joined, int32_t at,
                          const int32_t *others, uint32_t n_others) {
  if (f->api->add_node(f->graph, joined, at) < 0) return RIDGE_INVALID;
  ridge_status status = f->api->remove_node(f->graph, at);
  for (uint32_t i = 0; i < n_others && status == RIDGE_OK; i++) {
    status = f->api->remove_node(f->graph, others[i]);
  }
  if (status == RIDGE_OK) f->host->count(f->host, NODES_REMOVED, 1 + n_others);
  return status;
}

/* `matmul` with the output of `last` and an input more. */
static ridge_node extended(const ridge_node *matmul, const ridge_node *last, uint32_t slot,
                           int32_t tensor) {
  ridge_node joined = *matmul;
  while (joined.n_in <= slot) joined.in[joined.n_in++] = -1;
  joined.in[slot] = tensor;
  joined.out[0] = last->out[0];
  return joined;
}

static bool is_vector(const struct fuse *f, int32_t tensor) {
  const ridge_tensor *t = tensor_of(f, tensor);
  return t != NULL && t->role == RIDGE_WEIGHT && t->rank == 1;
}

ridge_status fuse_bias(struct fuse *f, int32_t index, bool *joined) {
  const ridge_node *add = node_of(f, index);
  if (add->op != RIDGE_OP_ADD || !is_vector(f, add->in[1])) return RIDGE_OK;
  int32_t matmul = private_matmul(f, add->in[0]);
  if (matmul < 0 || !is_plain(node_of(f, matmul)) || input_of(node_of(f, matmul), 2) >= 0) {
    return RIDGE_OK;
  }
  ridge_node node = extended(node_of(f, matmul), add, 2, add->in[1]);
  *joined = true;
  return fuse_replace(f, &node, index, &matmul, 1);
}

ridge_status fuse_act(struct fuse *f, int32_t index, bool *joined) {
  const ridge_node *act = node_of(f, index);
  if (act->op != RIDGE_OP_ACT) return RIDGE_OK;
  int32_t matmul = private_matmul(f, act->in[0]);
  if (matmul < 0 || !is_plain(node_of(f, matmul))) return RIDGE_OK;
  ridge_node node = *node_of(f, matmul);
  node.attrs.act = act->attrs.act;
  node.out[0] = act->out[0];
  *joined = true;
  return fuse_replace(f, &node, index, &matmul, 1);
}

/* Same symbolic rows, same width: an element for each element. */
static bool same_shape(const struct fuse *f, int32_t a, int32_t b) {
  const ridge_tensor *x = tensor_of(f, a), *y = tensor_of(f, b);
  return x->rank == 2 && y->rank == 2 && x->dims[0] == y->dims[0] &&
         x->dims[1] == y->dims[1];
}

ridge_status fuse_residual(struct fuse *f, int32_t index, bool *joined) {
  const ridge_node *add = node_of(f, index);
  if (add->op != RIDGE_OP_ADD || !same_shape(f, add->in[0], add->in[1])) return RIDGE_OK;
  /* The second term is the branch as a rule, but nothing depends on it. */
  for (int which = 1; which >= 0; which--) {
    int32_t matmul = private_matmul(f, add->in[which]), stream = add->in[1 - which];
    if (matmul < 0 || stream == add->in[which] || input_of(node_of(f, matmul), 3) >= 0)
      continue;
    ridge_node node = extended(node_of(f, matmul), add, 3, stream);
    *joined = true;
    return fuse_replace(f, &node, index, &matmul, 1);
  }
  return RIDGE_OK;
}

/* The first norm that reads the tensor, as a whole; -1: none. */
static int32_t norm_of(const struct fuse *f, int32_t tensor) {
  enum { ROOM = 16 };
  int32_t nodes[ROOM], n = f->api->readers(f->graph, tensor, nodes, ROOM);
  for (int32_t i = 0; i < n && i < ROOM; i++) {
    const ridge_node *node = node_of(f, nodes[i]);
    bool norm = node->op == RIDGE_OP_RMSNORM || node->op == RIDGE_OP_LAYERNORM;
    /* A norm over each head has no joined form. */
    if (norm && node->attrs.heads == 0 && node->in[0] == tensor) return nodes[i];
  }
  return -1;
}

/* The sum stays an output of its own: the next residual reads it. */
ridge_status fuse_norm(struct fuse *f, int32_t index, bool *joined) {
  const ridge_node *add = node_of(f, index);
  if (add->op != RIDGE_OP_ADD || !same_shape(f, add->in[0], add->in[1])) return RIDGE_OK;
  int32_t follower = norm_of(f, add->out[0]);
  if (follower < 0) return RIDGE_OK;
  const ridge_node *norm = node_of(f, follower);
  ridge_node node = *norm;
  node.op = norm->op == RIDGE_OP_RMSNORM ? RIDGE_OP_ADD_RMSNORM : RIDGE_OP_ADD_LAYERNORM;
  node.in[0] = add->in[0];
  node.in[1] = add->in[1];
  for (uint32_t i = 1; i < norm->n_in; i++) node.in[i + 1] = norm->in[i];
  node.n_in = norm->n_in + 1;
  node.out[0] = add->out[0];
  node.out[1] = norm->out[0];
  node.n_out = 2;
  *joined = true;
  return fuse_replace(f, &node, index, &follower, 1);
}
