/* placing.c - which weights stay in memory and which are streamed. */
#include "engine/placing.h"

#include <string.h>

struct listing {
  ridge_placed *rows;
  struct program_op **ops; /* NULL: pinned */
  int64_t n;
};

static void list_one(struct listing *list, const char *name, uint64_t bytes, int64_t layer,
                     struct program_op *op) {
  list->ops[list->n] = op;
  list->rows[list->n++] = (ridge_placed){
      .struct_size = sizeof(ridge_placed),
      .name = name,
      .bytes = bytes,
      .layer = layer,
      .pinned = op == NULL,
  };
}

/* Read by another op too: two places of use, so it is not worth moving. */
static bool read_twice(const struct program *p, const struct program_op *op) {
  for (int32_t i = 0; i < p->n_ops; i++) {
    const struct program_op *other = &p->ops[i];
    if (other == op || other->kind != PROGRAM_RUN || !graph_is_product(other->node))
      continue;
    if (other->node->in[1] == op->node->in[1]) return true;
  }
  return false;
}

static void list_all(struct listing *list, const struct weights *weights,
                     struct program *p) {
  for (int32_t i = 0; i < weights->n; i++) {
    const struct weight *w = &weights->items[i];
    const ridge_tensor *t = p->graph->tensors[w->tensor];
    bool elsewhere = w->read_in_place && weights_read_outside_products(p, w->tensor);
    if (elsewhere) list_one(list, t->name, weights_tensor_bytes(w->codec, t), -1, NULL);
  }
  for (int32_t i = 0; i < p->n_ops; i++) {
    struct program_op *op = &p->ops[i];
    if (op->kind != PROGRAM_RUN || !graph_is_product(op->node)) continue;
    int32_t tensor = op->node->in[1];
    const ridge_tensor *t = p->graph->tensors[tensor];
    bool here_too = t->n_parts == 0 && weights_read_outside_products(p, tensor);
    uint64_t packed = weights_pack_bytes(op);
    if (here_too && packed == 0) continue; /* the rows listed above serve this op too */
    uint64_t bytes = packed > 0 ? packed : weights_tensor_bytes(p->codec_of[tensor], t);
    list_one(list, t->name, bytes, op->node->attrs.layer, read_twice(p, op) ? NULL : op);
  }
}

static ridge_status mark(struct placing *placing, const struct listing *list,
                         struct why *why) {
  uint64_t last = 0, needed = 0;
  for (int64_t i = 0; i < list->n; i++) {
    const ridge_placed *row = &list->rows[i];
    if (row->stream == 0) {
      placing->resident_bytes += row->bytes;
      continue;
    }
    if (list->ops[i] == NULL)
      return why_set(why, RIDGE_INTERNAL, "%s wants to stream `%s`, which is pinned",
                     placing->by->plugin->id, row->name);
    list->ops[i]->streamed = true;
    placing->streamed_bytes += row->bytes;
    if (last + row->bytes > needed) needed = last + row->bytes;
    last = row->bytes;
  }
  if (placing->streamed_bytes > 0 && placing->ring_bytes < needed)
    return why_set(why, RIDGE_INVALID,
                   "%s gives the ring %llu bytes; two neighbours take %llu",
                   placing->by->plugin->id, (unsigned long long)placing->ring_bytes,
                   (unsigned long long)needed);
  return RIDGE_OK;
}

ridge_status placing_choose(struct placing *placing, struct weights *weights,
                            struct program *program, struct why *why) {
  if (placing->by == NULL) return RIDGE_OK;
  size_t most = (size_t)weights->n + (size_t)program->n_ops + 1;
  struct listing list = {
      .rows = arena_array(&weights->memory, most, sizeof *list.rows),
      .ops = arena_array(&weights->memory, most, sizeof(struct program_op *)),
  };
  list_all(&list, weights, program);
  uint64_t entered = instance_enter(placing->by);
  ridge_status status = placing->table->place(placing->by->self, list.rows, list.n,
                                              sizeof *list.rows, &placing->ring_bytes);
  status = instance_leave(placing->by, entered, status, RIDGE_SEAM_PLACEMENT, why);
  if (status < RIDGE_OK) return status;
  return mark(placing, &list, why);
}
