/* weights.c - what becomes of each weight: the chain's choices, and what they take. */
#include "engine/weights.h"

#include <stdlib.h>
#include <string.h>

int64_t weights_rows(const ridge_tensor *t) { return graph_rows(t); }
int64_t weights_cols(const ridge_tensor *t) { return graph_cols(t); }

uint64_t weights_row_bytes(const ridge_codec *codec, int64_t cols) {
  return (uint64_t)(cols / codec->block) * codec->block_bytes;
}

uint64_t weights_tensor_bytes(const ridge_codec *codec, const ridge_tensor *t) {
  return weights_row_bytes(codec, weights_cols(t)) * (uint64_t)weights_rows(t);
}

struct weight *weights_find(const struct weights *weights, int32_t tensor) {
  for (int32_t i = 0; i < weights->n; i++)
    if (weights->items[i].tensor == tensor) return &weights->items[i];
  return NULL;
}

/* --- the chain's choices ---------------------------------------------------------- */

static ridge_status ask_link(const struct weight_link *link, const ridge_tensor *tensor,
                             const char **codec, bool *edits, struct why *why) {
  uint64_t entered = instance_enter(link->by);
  ridge_status status = link->table->choose(link->by->self, tensor, codec, edits);
  return instance_leave(link->by, entered, status, RIDGE_SEAM_WEIGHTS, why);
}

static ridge_status choose_one(struct weights *weights, struct weight *weight,
                               struct ridge_graph *graph,
                               const struct provider_rules *rules, struct why *why) {
  const ridge_tensor *tensor = graph->tensors[weight->tensor];
  const char *before = weight->file_codec->name;
  for (int32_t i = 0; i < weights->n_chain; i++) {
    const char *codec = tensor->codec;
    bool edits = false;
    ridge_status status = ask_link(&weights->chain[i], tensor, &codec, &edits, why);
    if (status < RIDGE_OK) weights->blamed = weights->chain[i].by->plugin->id;
    if (status < RIDGE_OK) return status;
    if (status == RIDGE_DECLINED) continue;
    weight->edited |= edits;
    if (strcmp(codec, tensor->codec) == 0) continue;
    status = graph_api()->set_codec(graph, weight->tensor, codec);
    if (status != RIDGE_OK) return why_set(why, status, "%s", graph->why.text);
  }
  /* Vectors (norms, biases) are small and read by kernels as plain floats. */
  if (tensor->rank < 2 && strcmp(tensor->codec, "f32") != 0)
    (void)graph_api()->set_codec(graph, weight->tensor, "f32");
  weight->codec = provider_codec(rules, tensor->codec);
  if (weight->codec == NULL)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "tensor `%s` is to become `%s`, which no installed codec writes",
                   tensor->name, tensor->codec);
  if (weights_cols(tensor) % weight->codec->block != 0)
    return why_set(why, RIDGE_INVALID,
                   "tensor `%s`: rows of %lld do not divide into `%s` blocks of %lld",
                   tensor->name, (long long)weights_cols(tensor), tensor->codec,
                   (long long)weight->codec->block);
  weight->changed = weight->edited || strcmp(before, tensor->codec) != 0;
  if (weight->changed && weight->codec->encode == NULL)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "tensor `%s` is to become `%s`, a codec that is only read", tensor->name,
                   tensor->codec);
  return RIDGE_OK;
}

static ridge_status all_chosen(struct weights *weights, struct why *why) {
  for (int32_t i = 0; i < weights->n_chain; i++) {
    const struct weight_link *link = &weights->chain[i];
    if (!RIDGE_HAS(ridge_weights, link->table, chosen) || link->table->chosen == NULL)
      continue;
    uint64_t entered = instance_enter(link->by);
    ridge_status status = link->table->chosen(link->by->self);
    status = instance_leave(link->by, entered, status, RIDGE_SEAM_WEIGHTS, why);
    if (status < RIDGE_OK) weights->blamed = link->by->plugin->id;
    if (status < RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static void mark_use(const struct ridge_graph *graph, int32_t tensor, uint64_t use) {
  ridge_tensor *t = graph->tensors[tensor];
  if (t->role == RIDGE_WEIGHT) t->uses |= use;
  for (uint32_t i = 0; i < t->n_parts; i++) graph->tensors[t->parts[i]]->uses |= use;
}

/* Before the chain is asked: who is read whole, and who by single rows? */
static void mark_uses(const struct ridge_graph *graph) {
  for (int32_t i = 0; i < graph->n_order; i++) {
    const ridge_node *node = graph->nodes[graph->order[i]];
    for (uint32_t k = 0; k < node->n_in; k++)
      if (node->in[k] >= 0)
        mark_use(graph, node->in[k],
                 node->op == RIDGE_OP_EMBED ? RIDGE_USE_ROWS : RIDGE_USE_WHOLE);
  }
}

ridge_status weights_choose(struct weights *weights, const struct source *source,
                            struct ridge_graph *graph, const struct provider_rules *rules,
                            struct weight_link *chain, int32_t n_chain, struct why *why) {
  *weights = (struct weights){.source = source, .chain = chain, .n_chain = n_chain};
  weights->items =
      arena_array(&weights->memory, (size_t)graph->n_tensors + 1, sizeof *weights->items);
  mark_uses(graph);
  for (int32_t i = 0; i < graph->n_tensors; i++) {
    const ridge_tensor *tensor = graph->tensors[i];
    if (tensor->role != RIDGE_WEIGHT || tensor->n_parts > 0) continue;
    struct weight *weight = &weights->items[weights->n++];
    weight->tensor = i;
    weight->file = source_tensor(source, tensor->name);
    weight->file_codec = provider_codec(rules, tensor->codec);
    if (weight->file_codec == NULL)
      return why_set(why, RIDGE_UNSUPPORTED,
                     "%s: tensor `%s` is stored as `%s`, which no installed codec reads",
                     source->path, tensor->name, tensor->codec);
    if (weights_cols(tensor) % weight->file_codec->block != 0 ||
        weights_tensor_bytes(weight->file_codec, tensor) > weight->file->bytes)
      return why_set(why, RIDGE_CORRUPT,
                     "%s: tensor `%s` has %llu bytes, too few for its shape", source->path,
                     tensor->name, (unsigned long long)weight->file->bytes);
    weights->file_bytes += weight->file->bytes;
    ridge_status status = choose_one(weights, weight, graph, rules, why);
    if (status != RIDGE_OK) return status;
  }
  return all_chosen(weights, why);
}

/* --- what the program makes of them ------------------------------------------------ */

uint64_t weights_pack_bytes(const struct program_op *op) {
  const ridge_kernel *kernel = op->verdict.choice.kernel;
  if (provider_keyed_input(op->node->op) < 0) return 0;
  if (op->kind != PROGRAM_RUN || kernel->pack_bytes == NULL || kernel->pack == NULL)
    return 0;
  return kernel->pack_bytes(&op->site);
}

int32_t weights_packed_tensor(const struct program_op *op) {
  return op->node->in[provider_keyed_input(op->node->op)];
}

bool weights_read_outside_products(const struct program *program, int32_t tensor) {
  for (int32_t i = 0; i < program->n_ops; i++) {
    const struct program_op *op = &program->ops[i];
    if (op->kind != PROGRAM_RUN) continue;
    for (uint32_t k = 0; k < op->node->n_in; k++) {
      bool matrix = graph_is_product(op->node) && k == 1;
      if (op->node->in[k] == tensor && !matrix) return true;
    }
  }
  return false;
}

static void mark_in_place(struct weights *weights, const struct program *program) {
  for (int32_t i = 0; i < program->n_ops; i++) {
    const struct program_op *op = &program->ops[i];
    if (op->kind != PROGRAM_RUN) continue;
    int32_t packed = weights_pack_bytes(op) > 0 ? weights_packed_tensor(op) : -1;
    for (uint32_t k = 0; k < op->node->n_in; k++) {
      int32_t tensor = op->node->in[k];
      if (tensor < 0 || tensor == packed) continue;
      struct weight *weight = weights_find(weights, tensor);
      if (weight == NULL) continue;
      weight->read_in_place = true;
      if (op->node->op != RIDGE_OP_EMBED) weight->read_whole = true;
    }
  }
}

uint64_t weights_plan_bytes(struct weights *weights, const struct program *program) {
  uint64_t bytes = 0;
  mark_in_place(weights, program);
  for (int32_t i = 0; i < program->n_ops; i++) {
    const struct program_op *op = &program->ops[i];
    uint64_t packed = weights_pack_bytes(op);
    bytes += packed;
    if (op->kind != PROGRAM_RUN) continue;
    for (uint32_t k = 0; k < op->node->n_in; k++) {
      int32_t tensor = op->node->in[k];
      if (tensor < 0 || program->graph->tensors[tensor]->n_parts == 0) continue;
      if (packed > 0 && provider_keyed_input(op->node->op) == (int)k) continue;
      /* stacked and read in place: one copy */
      bytes +=
          weights_tensor_bytes(program->codec_of[tensor], program->graph->tensors[tensor]);
    }
  }
  for (int32_t i = 0; i < weights->n; i++) {
    const struct weight *weight = &weights->items[i];
    if (weight->read_in_place)
      bytes += weights_tensor_bytes(weight->codec, program->graph->tensors[weight->tensor]);
    /* What the format made stays until the model is closed, read or not. */
    if (weight->file->data != NULL && (weight->changed || !weight->read_in_place))
      bytes += weight->file->bytes;
  }
  return weights->resident_bytes = bytes;
}

void weights_free(struct weights *weights) {
  pages_free(&weights->pages);
  for (int32_t i = 0; i < weights->n; i++) free(weights->items[i].owned);
  arena_free(&weights->memory);
  *weights = (struct weights){0};
}
