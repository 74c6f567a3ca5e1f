/* weights.c - choosing, changing, packing and binding a model's weights. */
#include "engine/weights.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int64_t rows_of(const ridge_tensor *t) { return t->rank < 2 ? 1 : t->dims[0]; }
static int64_t cols_of(const ridge_tensor *t) {
  return t->rank < 2 ? t->dims[0] : t->dims[1];
}

static uint64_t row_bytes(const ridge_codec *codec, int64_t cols) {
  return (uint64_t)(cols / codec->block) * codec->block_bytes;
}

uint64_t weights_tensor_bytes(const ridge_codec *codec, const ridge_tensor *t) {
  return row_bytes(codec, cols_of(t)) * (uint64_t)rows_of(t);
}

static struct weight *find_weight(const struct weights *weights, int32_t tensor) {
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
  if (cols_of(tensor) % weight->codec->block != 0)
    return why_set(why, RIDGE_INVALID,
                   "tensor `%s`: rows of %lld do not divide into `%s` blocks of %lld",
                   tensor->name, (long long)cols_of(tensor), tensor->codec,
                   (long long)weight->codec->block);
  weight->changed = weight->edited || strcmp(before, tensor->codec) != 0;
  if (weight->changed && weight->codec->encode == NULL)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "tensor `%s` is to become `%s`, a codec that is only read", tensor->name,
                   tensor->codec);
  return RIDGE_OK;
}

static ridge_status all_chosen(const struct weights *weights, struct why *why) {
  for (int32_t i = 0; i < weights->n_chain; i++) {
    const struct weight_link *link = &weights->chain[i];
    if (!RIDGE_HAS(ridge_weights, link->table, chosen) || link->table->chosen == NULL)
      continue;
    uint64_t entered = instance_enter(link->by);
    ridge_status status = link->table->chosen(link->by->self);
    status = instance_leave(link->by, entered, status, RIDGE_SEAM_WEIGHTS, why);
    if (status < RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

ridge_status weights_choose(struct weights *weights, const struct source *source,
                            struct ridge_graph *graph, const struct provider_rules *rules,
                            struct weight_link *chain, int32_t n_chain, struct why *why) {
  *weights = (struct weights){.source = source, .chain = chain, .n_chain = n_chain};
  weights->items =
      arena_array(&weights->memory, (size_t)graph->n_tensors + 1, sizeof *weights->items);
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
    if (cols_of(tensor) % weight->file_codec->block != 0 ||
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
  if (op->kind != PROGRAM_RUN || kernel->pack_bytes == NULL || kernel->pack == NULL)
    return 0;
  return kernel->pack_bytes(&op->site);
}

/* The input that is packed: where the codec of the kernel's key is. */
static int32_t packed_tensor(const struct program_op *op) {
  return op->node->in[op->node->op == RIDGE_OP_EMBED ? 0 : 1];
}

bool weights_read_outside_matmul(const struct program *program, int32_t tensor) {
  for (int32_t i = 0; i < program->n_ops; i++) {
    const struct program_op *op = &program->ops[i];
    if (op->kind != PROGRAM_RUN) continue;
    for (uint32_t k = 0; k < op->node->n_in; k++) {
      bool matrix = op->node->op == RIDGE_OP_MATMUL && k == 1;
      if (op->node->in[k] == tensor && !matrix) return true;
    }
  }
  return false;
}

static void mark_in_place(struct weights *weights, const struct program *program) {
  for (int32_t i = 0; i < program->n_ops; i++) {
    const struct program_op *op = &program->ops[i];
    if (op->kind != PROGRAM_RUN) continue;
    int32_t packed = weights_pack_bytes(op) > 0 ? packed_tensor(op) : -1;
    for (uint32_t k = 0; k < op->node->n_in; k++) {
      int32_t tensor = op->node->in[k];
      if (tensor < 0 || tensor == packed) continue;
      struct weight *weight = find_weight(weights, tensor);
      if (weight != NULL) weight->read_in_place = true;
    }
  }
}

uint64_t weights_plan_bytes(struct weights *weights, const struct program *program) {
  uint64_t bytes = 0;
  mark_in_place(weights, program);
  for (int32_t i = 0; i < program->n_ops; i++) {
    const struct program_op *op = &program->ops[i];
    bytes += weights_pack_bytes(op);
    if (op->kind != PROGRAM_RUN || weights_pack_bytes(op) > 0) continue;
    for (uint32_t k = 0; k < op->node->n_in;
         k++) { /* stacked and read in place: one copy */
      int32_t tensor = op->node->in[k];
      if (tensor >= 0 && program->graph->tensors[tensor]->n_parts > 0)
        bytes += weights_tensor_bytes(program->codec_of[tensor],
                                      program->graph->tensors[tensor]);
    }
  }
  for (int32_t i = 0; i < weights->n; i++) {
    const struct weight *weight = &weights->items[i];
    if (weight->read_in_place)
      bytes += weights_tensor_bytes(weight->codec, program->graph->tensors[weight->tensor]);
  }
  return weights->resident_bytes = bytes;
}

/* --- loading ------------------------------------------------------------------------ */

struct loading {
  struct weights *weights;
  struct program *program;
  struct pool *pool;
  void (*progress)(void *, uint64_t, uint64_t);
  void *ctx;
  uint64_t done, all, streamed;
};

static const uint8_t *file_rows(const struct weights *weights,
                                const struct weight *weight) {
  return weights->source->bytes.data + weight->file->offset;
}

/* Rows [lo, hi) of a changed weight, encoded into `to`; `values` is scratch. */
static ridge_status convert_rows(const struct weights *weights, const struct weight *weight,
                                 const ridge_tensor *tensor, int64_t lo, int64_t hi,
                                 float *values, uint8_t *to) {
  int64_t cols = cols_of(tensor);
  uint64_t from_stride = row_bytes(weight->file_codec, cols),
           to_stride = row_bytes(weight->codec, cols);
  const uint8_t *from = file_rows(weights, weight);
  for (int64_t r = lo; r < hi; r++)
    weight->file_codec->decode(from + (uint64_t)r * from_stride, values + (r - lo) * cols,
                               cols);
  for (int32_t i = 0; weight->edited && i < weights->n_chain; i++) {
    const struct weight_link *link = &weights->chain[i];
    if (link->table->edit == NULL) continue;
    ridge_status status = link->table->edit(link->by->self, tensor, values, lo, hi);
    if (status < RIDGE_OK) return status;
  }
  for (int64_t r = lo; r < hi; r++)
    weight->codec->encode(values + (r - lo) * cols, to + (uint64_t)(r - lo) * to_stride,
                          cols);
  return RIDGE_OK;
}

struct converting {
  const struct weights *weights;
  const struct weight *weight;
  const ridge_tensor *tensor;
  uint8_t *to;
  _Atomic int status;
};

static void convert_range(void *arg, int64_t lo, int64_t hi) {
  struct converting *job = arg;
  int64_t cols = cols_of(job->tensor);
  float *values = malloc((size_t)(hi - lo) * (size_t)cols * sizeof *values);
  ridge_status status = RIDGE_NO_MEMORY;
  uint64_t stride = row_bytes(job->weight->codec, cols);
  if (values != NULL)
    status = convert_rows(job->weights, job->weight, job->tensor, lo, hi, values,
                          job->to + (uint64_t)lo * stride);
  free(values);
  if (status < RIDGE_OK) job->status = status;
}

/* All rows of a weight in its final codec: the file's own bytes, or made ones that the
 * caller frees through *made. */
static ridge_status final_rows(struct loading *l, const struct weight *weight,
                               const uint8_t **rows, uint8_t **made, struct why *why) {
  const ridge_tensor *tensor = l->program->graph->tensors[weight->tensor];
  *made = NULL;
  if (!weight->changed) {
    *rows = file_rows(l->weights, weight);
    return RIDGE_OK;
  }
  if (weight->owned != NULL) {
    *rows = weight->owned;
    return RIDGE_OK;
  }
  uint64_t bytes = weights_tensor_bytes(weight->codec, tensor);
  if (posix_memalign((void **)made, 64, bytes + 64) != 0)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for `%s` (%llu MiB)", tensor->name,
                   (unsigned long long)(bytes >> 20));
  struct converting job = {l->weights, weight, tensor, *made, RIDGE_OK};
  pool_parallel(l->pool, rows_of(tensor), 16, convert_range, &job);
  for (int32_t i = 0; job.status == RIDGE_OK && i < l->weights->n_chain; i++) {
    const struct weight_link *link = &l->weights->chain[i];
    if (link->table->stored != NULL)
      link->table->stored(link->by->self, tensor, weight->file->bytes, bytes);
  }
  *rows = *made;
  if (job.status == RIDGE_OK) return RIDGE_OK;
  free(*made);
  *made = NULL;
  return why_set(why, job.status, "changing tensor `%s` failed", tensor->name);
}

/* A changed weight that nodes read in place is kept; told once to the chain. */
static ridge_status keep_changed(struct loading *l, struct weight *weight,
                                 struct why *why) {
  if (!weight->changed || !weight->read_in_place) return RIDGE_OK;
  const uint8_t *rows;
  uint8_t *made;
  ridge_status status = final_rows(l, weight, &rows, &made, why);
  if (status != RIDGE_OK) return status;
  weight->owned = made;
  weight->owned_bytes =
      weights_tensor_bytes(weight->codec, l->program->graph->tensors[weight->tensor]);
  return RIDGE_OK;
}

struct packing {
  const ridge_kernel *kernel;
  const ridge_kernel_site *site;
  const uint8_t *rows;
  uint64_t stride;
  int64_t from; /* first row of this part in the whole */
  void *packed;
};

static void pack_range(void *arg, int64_t lo, int64_t hi) {
  struct packing *job = arg;
  job->kernel->pack(job->site, job->rows + (uint64_t)(lo - job->from) * job->stride,
                    job->stride, lo, hi, job->packed);
}

/* The rows of a stacked weight, one part after the other, in memory of our own. */
static ridge_status stacked_rows(struct loading *l, const ridge_tensor *tensor,
                                 uint8_t **made, struct why *why) {
  uint64_t bytes = 0, at = 0;
  for (uint32_t i = 0; i < tensor->n_parts; i++) {
    const struct weight *part = find_weight(l->weights, tensor->parts[i]);
    bytes +=
        weights_tensor_bytes(part->codec, l->program->graph->tensors[tensor->parts[i]]);
  }
  if (posix_memalign((void **)made, 64, bytes + 64) != 0)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for `%s`", tensor->name);
  for (uint32_t i = 0; i < tensor->n_parts; i++) {
    const struct weight *part = find_weight(l->weights, tensor->parts[i]);
    const uint8_t *rows;
    uint8_t *own;
    ridge_status status = final_rows(l, part, &rows, &own, why);
    if (status != RIDGE_OK) {
      free(*made);
      return status;
    }
    uint64_t size =
        weights_tensor_bytes(part->codec, l->program->graph->tensors[tensor->parts[i]]);
    memcpy(*made + at, rows, size);
    at += size;
    free(own);
  }
  return RIDGE_OK;
}

/* All rows of a weight or a stack; *made is freed by the caller. */
static ridge_status whole_rows(struct loading *l, int32_t index, const uint8_t **rows,
                               uint8_t **made, struct why *why) {
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  if (tensor->n_parts == 0)
    return final_rows(l, find_weight(l->weights, index), rows, made, why);
  ridge_status status = stacked_rows(l, tensor, made, why);
  *rows = *made;
  return status;
}

static void *add_pack(struct weights *weights, uint64_t bytes) {
  void *data =
      mmap(NULL, bytes + 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return NULL;
  madvise(data, bytes, MADV_HUGEPAGE);
  weights->packs[weights->n_packs] = data;
  weights->pack_bytes[weights->n_packs++] = bytes + 64;
  return data;
}

/* The same weight packed by the same kernel for an earlier node. */
static const void *packed_before(const struct program *program,
                                 const struct program_op *op) {
  for (const struct program_op *other = program->ops; other != op; other++)
    if (other->packed != NULL && packed_tensor(other) == packed_tensor(op) &&
        other->verdict.choice.kernel == op->verdict.choice.kernel)
      return other->packed;
  return NULL;
}

static void pack_rows(struct loading *l, const struct program_op *op, const uint8_t *rows,
                      void *packed) {
  int32_t index = packed_tensor(op);
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  const ridge_kernel *kernel = op->verdict.choice.kernel;
  struct packing job = {
      .kernel = kernel,
      .site = &op->site,
      .rows = rows,
      .stride = row_bytes(l->program->codec_of[index], cols_of(tensor)),
      .packed = packed,
  };
  int64_t grain = kernel->pack_grain > 0 ? kernel->pack_grain : 1;
  while (grain < 64) grain *= 2;
  pool_parallel(l->pool, rows_of(tensor), grain, pack_range, &job);
}

/* Pages of the mapped file that were only read to make something else of them. */
static void forget_pages(const struct weights *weights, const struct weight *weight) {
  if (weight == NULL || weight->read_in_place) return;
  uint64_t from = (weight->file->offset + 4095) & ~(uint64_t)4095;
  uint64_t to = (weight->file->offset + weight->file->bytes) & ~(uint64_t)4095;
  if (to > from)
    madvise((void *)(uintptr_t)(weights->source->bytes.data + from), to - from,
            MADV_DONTNEED);
}

static void forget_tensor(const struct loading *l, int32_t index) {
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  if (tensor->n_parts == 0) forget_pages(l->weights, find_weight(l->weights, index));
  for (uint32_t i = 0; i < tensor->n_parts; i++)
    forget_pages(l->weights, find_weight(l->weights, tensor->parts[i]));
}

static ridge_status no_room(const ridge_tensor *tensor, uint64_t bytes, struct why *why) {
  return why_set(why, RIDGE_NO_MEMORY, "no memory to pack `%s` (%llu MiB)", tensor->name,
                 (unsigned long long)(bytes >> 20));
}

/* Hand the weight of a streamed op to the stream, in the form the kernel reads. */
static ridge_status stream_op(struct loading *l, struct program_op *op, struct why *why) {
  int32_t index = op->node->in[1];
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  const struct weight *plain = tensor->n_parts == 0 ? find_weight(l->weights, index) : NULL;
  uint64_t bytes = weights_pack_bytes(op);
  op->stream_item = (uint64_t)l->streamed++;
  if (bytes == 0 && plain != NULL && !plain->changed)
    return stream_add(l->weights->stream, l->weights->source->fd, plain->file->offset, NULL,
                      weights_tensor_bytes(plain->codec, tensor), why);
  const uint8_t *rows;
  uint8_t *made, *packed = NULL;
  ridge_status status = whole_rows(l, index, &rows, &made, why);
  if (status != RIDGE_OK) return status;
  if (bytes > 0) {
    if (posix_memalign((void **)&packed, 64, bytes + 64) != 0)
      status = no_room(tensor, bytes, why);
    else {
      memset(packed, 0, bytes + 64);
      pack_rows(l, op, rows, packed);
    }
  }
  if (status == RIDGE_OK)
    status = stream_add(
        l->weights->stream, -1, 0, bytes > 0 ? packed : rows,
        bytes > 0 ? bytes : weights_tensor_bytes(l->program->codec_of[index], tensor), why);
  free(made);
  free(packed);
  forget_tensor(l, index);
  return status;
}

static ridge_status pack_op(struct loading *l, struct program_op *op, struct why *why) {
  uint64_t bytes = weights_pack_bytes(op);
  op->packs = bytes > 0;
  if (op->streamed) return stream_op(l, op, why);
  if (bytes == 0) return RIDGE_OK;
  op->packed = packed_before(l->program, op);
  if (op->packed != NULL) return RIDGE_OK;
  int32_t index = packed_tensor(op);
  const uint8_t *rows;
  uint8_t *made;
  ridge_status status = whole_rows(l, index, &rows, &made, why);
  if (status != RIDGE_OK) return status;
  void *packed = add_pack(l->weights, bytes);
  if (packed != NULL)
    pack_rows(l, op, rows, packed);
  else
    status = no_room(l->program->graph->tensors[index], bytes, why);
  op->packed = packed;
  free(made);
  forget_tensor(l, index);
  l->done += bytes;
  if (l->progress != NULL) l->progress(l->ctx, l->done, l->all);
  return status;
}

/* Stacked weights that a kernel reads as rows need a copy of their own. */
static ridge_status bind_stacks(struct loading *l, struct why *why) {
  struct program *program = l->program;
  for (int32_t i = 0; i < program->n_ops; i++) {
    struct program_op *op = &program->ops[i];
    if (op->kind != PROGRAM_RUN || op->node->op != RIDGE_OP_MATMUL || op->packed != NULL ||
        op->streamed)
      continue;
    int32_t index = op->node->in[1];
    const ridge_tensor *tensor = program->graph->tensors[index];
    if (tensor->n_parts == 0 || program->bindings[index].data != NULL) continue;
    uint8_t *made;
    ridge_status status = stacked_rows(l, tensor, &made, why);
    if (status != RIDGE_OK) return status;
    uint64_t bytes = weights_tensor_bytes(program->codec_of[index], tensor);
    void *data = add_pack(l->weights, bytes);
    if (data != NULL) memcpy(data, made, bytes);
    free(made);
    if (data == NULL)
      return why_set(why, RIDGE_NO_MEMORY, "no memory for `%s`", tensor->name);
    program->bindings[index] =
        (struct binding){data, row_bytes(program->codec_of[index], cols_of(tensor))};
  }
  return RIDGE_OK;
}

static void bind_plain(struct loading *l) {
  for (int32_t i = 0; i < l->weights->n; i++) {
    const struct weight *weight = &l->weights->items[i];
    const ridge_tensor *tensor = l->program->graph->tensors[weight->tensor];
    const void *data = weight->changed ? weight->owned : file_rows(l->weights, weight);
    l->program->bindings[weight->tensor] = (struct binding){
        .data = (void *)(uintptr_t)data,
        .stride = row_bytes(weight->codec, cols_of(tensor)),
    };
  }
}

ridge_status weights_load(struct weights *weights, struct program *program,
                          struct pool *pool, void (*progress)(void *, uint64_t, uint64_t),
                          void *ctx, struct why *why) {
  struct loading l = {
      .weights = weights,
      .program = program,
      .pool = pool,
      .progress = progress,
      .ctx = ctx,
      .all = weights_plan_bytes(weights, program),
  };
  size_t most = (size_t)program->n_ops + 1;
  weights->packs = arena_array(&weights->memory, most * 2, sizeof *weights->packs);
  weights->pack_bytes =
      arena_array(&weights->memory, most * 2, sizeof *weights->pack_bytes);
  ridge_status status = RIDGE_OK;
  for (int32_t i = 0; i < weights->n && status == RIDGE_OK; i++)
    status = keep_changed(&l, &weights->items[i], why);
  for (int32_t i = 0; i < program->n_ops && status == RIDGE_OK; i++)
    status = pack_op(&l, &program->ops[i], why);
  if (status == RIDGE_OK) bind_plain(&l);
  if (status == RIDGE_OK) status = bind_stacks(&l, why);
  if (status == RIDGE_OK && weights->stream != NULL)
    status = stream_start(weights->stream, why);
  return status;
}

void weights_free(struct weights *weights) {
  for (int32_t i = 0; i < weights->n_packs; i++)
    munmap(weights->packs[i], weights->pack_bytes[i]);
  for (int32_t i = 0; i < weights->n; i++) free(weights->items[i].owned);
  arena_free(&weights->memory);
  *weights = (struct weights){0};
}
