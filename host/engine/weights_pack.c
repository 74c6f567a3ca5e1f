/*
 * weights_pack.c - weights in the forms their kernels read, and the pages they came from.
 *
 * Packing goes slice by slice, and gives back the file's pages behind it: at no moment is
 * a large tensor there twice.
 */
#include "engine/weights_loading.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Rows packed at once are as many as these bytes hold; enough to keep all threads busy. */
enum { SLICE = 4 << 20, LEAST_GRAIN = 64, HUGE_PAGE = 2 << 20 };

ridge_status loading_no_room(const ridge_tensor *tensor, uint64_t bytes, struct why *why) {
  return why_set(why, RIDGE_NO_MEMORY, "no memory to pack `%s` (%llu MiB)", tensor->name,
                 (unsigned long long)(bytes >> 20));
}

/* --- pages of the file ---------------------------------------------------------------- */

/* Advice on the pages that lie wholly within `bytes` bytes from `offset` of a weight. */
static void advise_part(const struct weights *weights, const struct weight *weight,
                        uint64_t offset, uint64_t bytes, int advice) {
  if (weight->read_whole) return;
  const struct source_file *file = source_file_of(weights->source, weight->file);
  if (file == NULL) return;
  uint64_t from = (weight->file->offset + offset + 4095) & ~(uint64_t)4095;
  uint64_t to = (weight->file->offset + offset + bytes) & ~(uint64_t)4095;
  if (to > from) madvise((void *)(uintptr_t)(file->bytes.data + from), to - from, advice);
}

static void advise_weight(const struct weights *weights, const struct weight *weight,
                          int advice) {
  if (weight != NULL) advise_part(weights, weight, 0, weight->file->bytes, advice);
}

static void advise_tensor(const struct loading *l, int32_t index, int advice) {
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  if (tensor->n_parts == 0)
    advise_weight(l->weights, weights_find(l->weights, index), advice);
  for (uint32_t i = 0; i < tensor->n_parts; i++)
    advise_weight(l->weights, weights_find(l->weights, tensor->parts[i]), advice);
}

void loading_forget(const struct loading *l, int32_t index) {
  advise_tensor(l, index, MADV_DONTNEED);
}

void loading_want(const struct weights *weights, const struct program_op *op,
                  const _Atomic bool *enough) {
  const struct weight *weight = weights_find(weights, weights_packed_tensor(op));
  for (uint64_t at = 0; at < weight->file->bytes && !*enough; at += SLICE) {
    const uint64_t left = weight->file->bytes - at;
    advise_part(weights, weight, at, left < SLICE ? left : SLICE, MADV_WILLNEED);
  }
}

void loading_want_next(const struct loading *l, int32_t i) {
  for (i++; i < l->program->n_ops; i++) {
    const struct program_op *op = &l->program->ops[i];
    if (weights_pack_bytes(op) == 0) continue;
    advise_tensor(l, weights_packed_tensor(op), MADV_WILLNEED);
    return;
  }
}

/* What is looked up by rows, or is small, shall not bring the huge pages around it: most
 * of those are other weights, which were packed. */
static void keep_apart(const struct weights *weights, const struct weight *weight) {
  const struct source_file *file = source_file_of(weights->source, weight->file);
  if (file == NULL || (weight->read_whole && weight->file->bytes >= HUGE_PAGE)) return;
  const uint64_t from = weight->file->offset & ~(uint64_t)4095;
  const uint64_t to = (weight->file->offset + weight->file->bytes + 4095) & ~(uint64_t)4095;
  madvise((void *)(uintptr_t)(file->bytes.data + from), to - from, MADV_NOHUGEPAGE);
  advise_weight(weights, weight, MADV_DONTNEED);
}

void loading_keep_apart(const struct weights *weights) {
  for (int32_t i = 0; i < weights->n; i++)
    if (weights->items[i].read_in_place) keep_apart(weights, &weights->items[i]);
}

/* --- packing -------------------------------------------------------------------------- */

struct packing {
  const ridge_kernel *kernel;
  const ridge_kernel_site *site;
  const uint8_t *rows; /* of this slice               */
  uint64_t stride;
  int64_t from; /* its first row, in the whole */
  void *packed;
};

static void pack_range(void *arg, int64_t lo, int64_t hi) {
  const struct packing *job = arg;
  job->kernel->pack(job->site, job->rows + (uint64_t)lo * job->stride, job->stride,
                    job->from + lo, job->from + hi, job->packed);
}

static int64_t grain_of(const ridge_kernel *kernel) {
  int64_t grain = kernel->pack_grain > 0 ? kernel->pack_grain : 1;
  while (grain < LEAST_GRAIN) grain *= 2;
  return grain;
}

/* Rows of one weight, from `first` on in the whole; without `weight` they are of no file.
 */
static void pack_slices(const struct loading *l, const struct packing *whole,
                        const struct weight *weight, int64_t rows) {
  const int64_t grain = grain_of(whole->kernel);
  const int64_t fit = SLICE / (int64_t)(whole->stride + 1) / grain * grain;
  const int64_t step = fit > grain ? fit : grain;
  for (int64_t lo = 0; lo < rows; lo += step) {
    const int64_t n = rows - lo < step ? rows - lo : step;
    const uint64_t at = (uint64_t)lo * whole->stride;
    struct packing job = *whole;
    job.rows += at;
    job.from += lo;
    pool_parallel(l->pool, n, grain, pack_range, &job);
    if (weight != NULL)
      advise_part(l->weights, weight, at, (uint64_t)n * whole->stride, MADV_DONTNEED);
  }
}

static ridge_status pack_weight(struct loading *l, struct packing *job,
                                const struct weight *weight, struct why *why) {
  uint8_t *made;
  ridge_status status = loading_rows(l, weight, &job->rows, &made, why);
  if (status != RIDGE_OK) return status;
  const int64_t rows = weights_rows(l->program->graph->tensors[weight->tensor]);
  pack_slices(l, job, weight->changed ? NULL : weight, rows);
  free(made);
  if (weight->changed) advise_weight(l->weights, weight, MADV_DONTNEED);
  job->from += rows;
  return RIDGE_OK;
}

/* A stack is packed part by part, if each part but the last fills whole panels. */
static bool parts_fit(const struct loading *l, const ridge_tensor *tensor, int64_t grain) {
  for (uint32_t i = 0; i + 1 < tensor->n_parts; i++)
    if (weights_rows(l->program->graph->tensors[tensor->parts[i]]) % grain != 0)
      return false;
  return true;
}

static ridge_status pack_parts(struct loading *l, struct packing *job,
                               const ridge_tensor *tensor, struct why *why) {
  ridge_status status = RIDGE_OK;
  for (uint32_t i = 0; i < tensor->n_parts && status == RIDGE_OK; i++)
    status = pack_weight(l, job, weights_find(l->weights, tensor->parts[i]), why);
  return status;
}

ridge_status loading_pack(struct loading *l, const struct program_op *op, void *packed,
                          struct why *why) {
  const int32_t index = weights_packed_tensor(op);
  const ridge_tensor *tensor = l->program->graph->tensors[index];
  struct packing job = {
      .kernel = op->verdict.choice.kernel,
      .site = &op->site,
      .stride = weights_row_bytes(l->program->codec_of[index], weights_cols(tensor)),
      .packed = packed,
  };
  if (tensor->n_parts == 0)
    return pack_weight(l, &job, weights_find(l->weights, index), why);
  const int64_t grain = job.kernel->pack_grain > 0 ? job.kernel->pack_grain : 1;
  if (parts_fit(l, tensor, grain)) return pack_parts(l, &job, tensor, why);
  uint8_t *made;
  ridge_status status = loading_whole(l, index, &job.rows, &made, why);
  if (status != RIDGE_OK) return status;
  pack_slices(l, &job, NULL, weights_rows(tensor));
  free(made);
  loading_forget(l, index);
  return RIDGE_OK;
}
