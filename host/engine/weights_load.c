/* weights_load.c - decoding, changing and binding a model's weights. */
#include "engine/weights_loading.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t *file_rows(const struct weights *weights,
                                const struct weight *weight) {
  return source_data(weights->source, weight->file);
}

/* Rows [lo, hi) of a changed weight, encoded into `to`; `values` is scratch. */
static ridge_status convert_rows(const struct weights *weights, const struct weight *weight,
                                 const ridge_tensor *tensor, int64_t lo, int64_t hi,
                                 float *values, uint8_t *to) {
  int64_t cols = weights_cols(tensor);
  uint64_t from_stride = weights_row_bytes(weight->file_codec, cols),
           to_stride = weights_row_bytes(weight->codec, cols);
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
  int64_t cols = weights_cols(job->tensor);
  float *values = malloc((size_t)(hi - lo) * (size_t)cols * sizeof *values);
  ridge_status status = RIDGE_NO_MEMORY;
  uint64_t stride = weights_row_bytes(job->weight->codec, cols);
  if (values != NULL)
    status = convert_rows(job->weights, job->weight, job->tensor, lo, hi, values,
                          job->to + (uint64_t)lo * stride);
  free(values);
  if (status < RIDGE_OK) job->status = status;
}

ridge_status loading_rows(struct loading *l, const struct weight *weight,
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
  pool_parallel(l->pool, weights_rows(tensor), 16, convert_range, &job);
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
  ridge_status status = loading_rows(l, weight, &rows, &made, why);
  if (status != RIDGE_OK) return status;
  weight->owned = made;
  weight->owned_bytes =
      weights_tensor_bytes(weight->codec, l->program->graph->tensors[weight->tensor]);
  return RIDGE_OK;
}

/* The rows of a stacked weight, one part after the other, in memory of our own. */
static ridge_status stacked_rows(struct loading *l, const ridge_tensor *tensor,
                                 uint8_t **made, struct why *why) {
  uint64_t bytes = 0, at = 0;
  for (uint32_t i = 0; i < tensor->n_parts; i++) {
    const struct weight *part = weights_find(l->weights, tensor->parts[i]);
    bytes +=
        weights_tensor_bytes(part->codec, l->program->graph->tensors[tensor->parts[i]]);
  }
  if (posix_memalign((void **)made, 64, bytes + 64) != 0)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for `%s`", tensor->name);
  for (uint32_t i = 0; i < tensor->n_parts; i++) {
    const struct weight *part = weights_find(l->weights, tensor->parts[i]);
    const uint8_t *rows;
    uint8_t *own;
    ridge_status status = loading_rows(l, part, &rows, &own, why);
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

ridge_status loading_whole(struct loading *l, int32_t index, const uint8_t **rows,
                           uint8_t **made, struct why *why) {
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  if (tensor->n_parts == 0)
    return loading_rows(l, weights_find(l->weights, index), rows, made, why);
  ridge_status status = stacked_rows(l, tensor, made, why);
  *rows = *made;
  return status;
}

/* The same weight packed by the same kernel for an earlier node. */
static const void *packed_before(const struct program *program,
                                 const struct program_op *op) {
  for (const struct program_op *other = program->ops; other != op; other++)
    if (other->packed != NULL &&
        weights_packed_tensor(other) == weights_packed_tensor(op) &&
        other->verdict.choice.kernel == op->verdict.choice.kernel)
      return other->packed;
  return NULL;
}

static ridge_status stream_packed(struct loading *l, struct program_op *op, uint64_t bytes,
                                  struct why *why) {
  int32_t index = weights_packed_tensor(op);
  uint8_t *packed;
  if (posix_memalign((void **)&packed, 64, bytes + 64) != 0)
    return loading_no_room(l->program->graph->tensors[index], bytes, why);
  memset(packed, 0, bytes + 64);
  ridge_status status = loading_pack(l, op, packed, why);
  if (status == RIDGE_OK)
    status = stream_add(l->weights->stream, -1, 0, packed, bytes, why);
  free(packed);
  return status;
}

static ridge_status stream_rows(struct loading *l, int32_t index, struct why *why) {
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  const uint8_t *rows;
  uint8_t *made;
  ridge_status status = loading_whole(l, index, &rows, &made, why);
  if (status != RIDGE_OK) return status;
  status = stream_add(l->weights->stream, -1, 0, rows,
                      weights_tensor_bytes(l->program->codec_of[index], tensor), why);
  free(made);
  loading_forget(l, index);
  return status;
}

/* Hand the weight of a streamed op to the stream, in the form the kernel reads. */
static ridge_status stream_op(struct loading *l, struct program_op *op, struct why *why) {
  int32_t index = op->node->in[1];
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  const struct weight *plain =
      tensor->n_parts == 0 ? weights_find(l->weights, index) : NULL;
  uint64_t bytes = weights_pack_bytes(op);
  op->stream_item = (uint64_t)l->streamed++;
  l->program->bindings[index].stride =
      weights_row_bytes(l->program->codec_of[index], weights_cols(tensor));
  const struct source_file *file =
      plain != NULL ? source_file_of(l->weights->source, plain->file) : NULL;
  if (bytes == 0 && file != NULL && !plain->changed)
    return stream_add(l->weights->stream, file->fd, plain->file->offset, NULL,
                      weights_tensor_bytes(plain->codec, tensor), why);
  return bytes > 0 ? stream_packed(l, op, bytes, why) : stream_rows(l, index, why);
}

ridge_status loading_pack_op(struct loading *l, struct program_op *op, struct why *why) {
  uint64_t bytes = weights_pack_bytes(op);
  op->packs = bytes > 0;
  if (op->streamed) return stream_op(l, op, why);
  if (bytes == 0) return RIDGE_OK;
  op->packed = packed_before(l->program, op);
  if (op->packed != NULL) return RIDGE_OK;
  int32_t index = weights_packed_tensor(op);
  void *packed = pages_take(&l->weights->pages, bytes);
  if (packed == NULL) return loading_no_room(l->program->graph->tensors[index], bytes, why);
  ridge_status status = loading_pack(l, op, packed, why);
  op->packed = packed;
  l->done += bytes;
  if (l->progress != NULL) l->progress(l->ctx, l->done, l->all);
  return status;
}

/* A stacked weight that a kernel reads as rows needs a copy of its own. */
static ridge_status bind_stack(struct loading *l, int32_t index, struct why *why) {
  struct program *program = l->program;
  const ridge_tensor *tensor = program->graph->tensors[index];
  uint8_t *made;
  ridge_status status = stacked_rows(l, tensor, &made, why);
  if (status != RIDGE_OK) return status;
  uint64_t bytes = weights_tensor_bytes(program->codec_of[index], tensor);
  void *data = pages_take(&l->weights->pages, bytes);
  if (data != NULL) memcpy(data, made, bytes);
  free(made);
  if (data == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for `%s`", tensor->name);
  program->bindings[index] = (struct binding){
      data, weights_row_bytes(program->codec_of[index], weights_cols(tensor))};
  return RIDGE_OK;
}

/* Is input k a stack that is read as rows and not there yet?  Biases are stacked too. */
static bool wants_stack(const struct program *program, const struct program_op *op,
                        uint32_t k) {
  int32_t index = op->node->in[k];
  if (op->kind != PROGRAM_RUN || index < 0) return false;
  if (program->graph->tensors[index]->n_parts == 0) return false;
  bool keyed = provider_keyed_input(op->node->op) == (int)k;
  if (keyed && (op->packed != NULL || op->streamed || op->waits)) return false;
  return program->bindings[index].data == NULL;
}

static ridge_status bind_stacks(struct loading *l, struct why *why) {
  struct program *program = l->program;
  for (int32_t i = 0; i < program->n_ops; i++)
    for (uint32_t k = 0; k < program->ops[i].node->n_in; k++) {
      if (!wants_stack(program, &program->ops[i], k)) continue;
      ridge_status status = bind_stack(l, program->ops[i].node->in[k], why);
      if (status != RIDGE_OK) return status;
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
        .stride = weights_row_bytes(weight->codec, weights_cols(tensor)),
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
  for (int32_t i = 0; i < program->n_ops; i++)
    if (!program->ops[i].streamed)
      pages_expect(&weights->pages, weights_pack_bytes(&program->ops[i]));
  ridge_status status = RIDGE_OK;
  for (int32_t i = 0; i < weights->n && status == RIDGE_OK; i++)
    status = keep_changed(&l, &weights->items[i], why);
  for (int32_t i = 0; i < program->n_ops && status == RIDGE_OK; i++) {
    struct program_op *op = &program->ops[i];
    if (weights_pack_bytes(op) > 0 && loading_may_wait(&l, op)) {
      op->waits = true;
      weights->late.waiting++;
      continue;
    }
    if (weights_pack_bytes(op) > 0) loading_want_next(&l, i);
    status = loading_pack_op(&l, op, why);
  }
  if (status == RIDGE_OK) bind_plain(&l);
  if (status == RIDGE_OK) loading_keep_apart(weights);
  if (status == RIDGE_OK) status = bind_stacks(&l, why);
  if (status == RIDGE_OK && weights->stream != NULL)
    status = stream_start(weights->stream, why);
  if (status == RIDGE_OK) loading_start_late(weights, program);
  return status;
}
