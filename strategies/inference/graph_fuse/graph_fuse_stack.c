/*
 * graph_fuse_stack.c - several matmuls of one input in one: gate and up with their
 * product, and query, key and value with a slice for each.
 *
 * Weights are stacked along their outputs.  Each output element is the same sum over
 * the same inputs as before, so stacking by itself changes no bit.
 */
#include "graph_fuse.h"

#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 192 };

/* "blk.0.attn_q+attn_k+attn_v": the first name, then the last words of the others. */
static void name_join(const struct fuse *f, const int32_t *matmuls, uint32_t n,
                      char name[NAME_ROOM]) {
  size_t at = 0;
  for (uint32_t i = 0; i < n && at < NAME_ROOM; i++) {
    const char *own = node_of(f, matmuls[i])->name, *dot = strrchr(own, '.');
    const char *word = i > 0 && dot != NULL ? dot + 1 : own;
    at += (size_t)snprintf(name + at, NAME_ROOM - at, "%s%s", i > 0 ? "+" : "", word);
  }
}

/* Can the weights of b lie under those of a?  One codec and width, used nowhere else,
 * and a bias for both or for none. */
static bool stackable(const struct fuse *f, const ridge_node *a, const ridge_node *b) {
  const ridge_tensor *v = tensor_of(f, a->in[1]), *w = tensor_of(f, b->in[1]);
  if (v->role != RIDGE_WEIGHT || w->role != RIDGE_WEIGHT) return false;
  if (v->n_parts > 0 || w->n_parts > 0 || a->in[1] == b->in[1]) return false;
  if (f->api->readers(f->graph, a->in[1], NULL, 0) != 1) return false;
  if (f->api->readers(f->graph, b->in[1], NULL, 0) != 1) return false;
  if ((input_of(a, 2) < 0) != (input_of(b, 2) < 0)) return false;
  return v->rank == 2 && w->rank == 2 && v->dims[1] == w->dims[1] &&
         strcmp(v->codec, w->codec) == 0;
}

/* Stack input `slot` of the matmuls: 1 their weights, 2 their biases.  -1: failed. */
static int32_t stack_inputs(struct fuse *f, const int32_t *matmuls, uint32_t n,
                            uint32_t slot, const char *name) {
  int32_t parts[RIDGE_MAX_PARTS];
  char full[NAME_ROOM + 8];
  for (uint32_t i = 0; i < n; i++) parts[i] = node_of(f, matmuls[i])->in[slot];
  snprintf(full, sizeof full, "%s.%s", name, slot == 1 ? "weight" : "bias");
  return f->api->stack(f->graph, full, parts, n);
}

/* One matmul in place of n; its output is still to be named. */
static ridge_status joined_matmul(struct fuse *f, const int32_t *matmuls, uint32_t n,
                                  const char *name, ridge_node *out) {
  const ridge_node *first = node_of(f, matmuls[0]);
  *out = *first;
  out->name = name;
  out->in[1] = stack_inputs(f, matmuls, n, 1, name);
  if (out->in[1] < 0) return RIDGE_INVALID;
  if (input_of(first, 2) < 0) return RIDGE_OK;
  out->in[2] = stack_inputs(f, matmuls, n, 2, name);
  return out->in[2] < 0 ? RIDGE_INVALID : RIDGE_OK;
}

ridge_status fuse_gate_up(struct fuse *f, int32_t index, bool *joined) {
  const ridge_node *glu = node_of(f, index);
  if (glu->op != RIDGE_OP_GLU) return RIDGE_OK;
  int32_t pair[2] = {private_matmul(f, glu->in[0]), private_matmul(f, glu->in[1])};
  if (pair[0] < 0 || pair[1] < 0) return RIDGE_OK;
  const ridge_node *gate = node_of(f, pair[0]), *up = node_of(f, pair[1]);
  bool fits = is_plain(gate) && is_plain(up) && gate->in[0] == up->in[0] &&
              stackable(f, gate, up) &&
              tensor_of(f, gate->in[1])->dims[0] == tensor_of(f, up->in[1])->dims[0];
  if (!fits) return RIDGE_OK;
  char name[NAME_ROOM];
  ridge_node node;
  name_join(f, pair, 2, name);
  ridge_status status = joined_matmul(f, pair, 2, name, &node);
  if (status != RIDGE_OK) return status;
  node.attrs.flags |= RIDGE_GLU_PAIRED;
  node.attrs.act = glu->attrs.act;
  node.out[0] = glu->out[0];
  *joined = true;
  return fuse_replace(f, &node, index, pair, 2);
}

/* ---- query, key, value ---- */

/* The plain matmuls that read what `index` reads and can be stacked with it, itself
 * first; in order of execution, so that the first place serves all. */
static uint32_t siblings(const struct fuse *f, int32_t index, int32_t *out) {
  enum { ROOM = 16 };
  const ridge_node *self = node_of(f, index);
  int32_t nodes[ROOM], n = f->api->readers(f->graph, self->in[0], nodes, ROOM);
  uint32_t found = 0;
  for (int32_t i = 0; i < n && i < ROOM && found < RIDGE_MAX_PARTS; i++) {
    const ridge_node *node = node_of(f, nodes[i]);
    if (node->op != RIDGE_OP_MATMUL || node->in[0] != self->in[0] || !is_plain(node))
      continue;
    if (f->api->is_output(f->graph, node->out[0])) continue;
    if (nodes[i] != index && !stackable(f, self, node)) continue;
    if (found == 0 && nodes[i] != index) return 0; /* an earlier one leads this group */
    out[found++] = nodes[i];
  }
  return found;
}

/* The tensor that the stacked matmul writes. */
static int32_t add_output(struct fuse *f, const int32_t *matmuls, uint32_t n,
                          const char *name) {
  char full[NAME_ROOM + 8];
  ridge_tensor wide = *tensor_of(f, node_of(f, matmuls[0])->out[0]);
  snprintf(full, sizeof full, "%s_out", name);
  wide.name = full;
  for (uint32_t i = 1; i < n; i++) {
    wide.dims[1] += tensor_of(f, node_of(f, matmuls[i])->out[0])->dims[1];
  }
  return f->api->add_tensor(f->graph, &wide);
}

/* The old output of `matmul` becomes columns of the wide one, from `from` on. */
static ridge_status become_slice(struct fuse *f, int32_t matmul, int32_t wide, int64_t from,
                                 int32_t before) {
  const ridge_node *old = node_of(f, matmul);
  char name[NAME_ROOM + 8];
  snprintf(name, sizeof name, "%s_slice", old->name);
  ridge_node slice = {
      .struct_size = sizeof slice,
      .name = name,
      .attrs = {.struct_size = sizeof slice.attrs, .layer = old->attrs.layer, .from = from},
      .in = {wide},
      .out = {old->out[0]},
      .op = RIDGE_OP_SLICE,
      .n_in = 1,
      .n_out = 1};
  if (f->api->add_node(f->graph, &slice, before) < 0) return RIDGE_INVALID;
  return RIDGE_OK;
}

ridge_status fuse_stack(struct fuse *f, int32_t index, bool *joined) {
  const ridge_node *self = node_of(f, index);
  int32_t group[RIDGE_MAX_PARTS];
  char name[NAME_ROOM];
  if (self->op != RIDGE_OP_MATMUL || !is_plain(self)) return RIDGE_OK;
  uint32_t n = siblings(f, index, group);
  if (n < 2) return RIDGE_OK;
  name_join(f, group, n, name);
  ridge_node node;
  ridge_status status = joined_matmul(f, group, n, name, &node);
  int32_t wide = status == RIDGE_OK ? add_output(f, group, n, name) : -1;
  if (wide < 0) return RIDGE_INVALID;

  node.out[0] = wide;
  if (f->api->add_node(f->graph, &node, index) < 0) return RIDGE_INVALID;
  int64_t from = 0;
  for (uint32_t i = 0; i < n && status == RIDGE_OK; i++) {
    status = become_slice(f, group[i], wide, from, index);
    from += tensor_of(f, node_of(f, group[i])->out[0])->dims[1];
  }
  for (uint32_t i = 0; i < n && status == RIDGE_OK; i++) {
    status = f->api->remove_node(f->graph, group[i]);
  }
  if (status == RIDGE_OK) f->host->count(f->host, NODES_REMOVED, n);
  *joined = true;
  return status;
}
