/* output_rows.c - the bytes of one tensor: copied, or encoded by all threads at once. */
#include "convert/output.h"

#include <pthread.h>
#include <stdlib.h>

enum {
  CHUNK_BYTES = 16 << 20,  /* encoded at once, or copied                          */
  GRAIN_NUMBERS = 1 << 16, /* decoded by one thread at once: stays in its cache   */
};

int64_t output_cols(const ridge_file_tensor *tensor) {
  return tensor->dims[tensor->rank - 1];
}

int64_t output_rows(const ridge_file_tensor *tensor) {
  int64_t rows = 1;
  for (uint32_t i = 0; i + 1 < tensor->rank; i++) rows *= tensor->dims[i];
  return rows;
}

struct encoding {
  const struct output_spec *spec;
  const struct output_tensor *tensor;
  size_t index;
  int64_t first, cols; /* first: row that `to` begins with */
  uint64_t stride;
  uint8_t *to;
  pthread_mutex_t lock; /* over status, why */
  ridge_status status;
  struct why why;
};

static void fail_once(struct encoding *e, ridge_status status, const struct why *why) {
  pthread_mutex_lock(&e->lock);
  if (e->status == RIDGE_OK) {
    e->status = status;
    e->why = *why;
  }
  pthread_mutex_unlock(&e->lock);
}

static void encode(const struct output_tensor *tensor, int64_t row, const float *from,
                   void *to, int64_t n) {
  const ridge_file_tensor *file = &tensor->file;
  if (tensor->importance == NULL || tensor->codec->encode_weighted == NULL) {
    tensor->codec->encode(from, to, n);
    return;
  }
  const int64_t matrix = file->rank > 2 ? row / file->dims[file->rank - 2] : 0;
  tensor->codec->encode_weighted(from, tensor->importance + matrix * n, to, n);
}

static void encode_rows(void *arg, int64_t lo, int64_t hi) {
  struct encoding *e = arg;
  struct why why;
  float *rows = malloc((size_t)(hi - lo) * (size_t)e->cols * sizeof *rows);
  ridge_status status =
      rows == NULL
          ? why_set(&why, RIDGE_NO_MEMORY, "no memory for some rows of %s",
                    e->tensor->file.name)
          : e->spec->rows(e->spec->ctx, e->index, e->first + lo, e->first + hi, rows, &why);
  if (status != RIDGE_OK) fail_once(e, status, &why);
  for (int64_t r = lo; r < hi && status == RIDGE_OK; r++)
    encode(e->tensor, e->first + r, rows + (r - lo) * e->cols,
           e->to + (uint64_t)r * e->stride, e->cols);
  free(rows);
}

static ridge_status tell(const struct output_spec *spec, uint64_t done, uint64_t of,
                         struct why *why) {
  if (spec->progress != NULL) spec->progress(spec->ctx, done, of);
  if (spec->stopped == NULL || !spec->stopped(spec->ctx)) return RIDGE_OK;
  return why_set(why, RIDGE_CANCELLED, "stopped; nothing is left of what was written");
}

static ridge_status put_raw(const struct output_spec *spec,
                            const struct output_tensor *tensor, struct output_file *file,
                            uint64_t *done, uint64_t of, struct why *why) {
  const uint8_t *from = tensor->raw;
  ridge_status status = RIDGE_OK;
  for (uint64_t at = 0; at < tensor->file.bytes && status == RIDGE_OK;) {
    uint64_t n = tensor->file.bytes - at;
    if (n > CHUNK_BYTES) n = CHUNK_BYTES;
    status = output_file_put(file, from + at, n, why);
    at += n;
    *done += n;
    if (status == RIDGE_OK) status = tell(spec, *done, of, why);
  }
  return status;
}

static ridge_status put_encoded(struct encoding *e, struct output_file *file,
                                uint64_t *done, uint64_t of, struct why *why) {
  const int64_t rows = output_rows(&e->tensor->file);
  const int64_t chunk = (int64_t)(CHUNK_BYTES / e->stride) + 1;
  const int64_t grain = GRAIN_NUMBERS / e->cols + 1;
  e->to = malloc((size_t)(chunk < rows ? chunk : rows) * e->stride);
  if (e->to == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "no memory to encode %s", e->tensor->file.name);
  ridge_status status = RIDGE_OK;
  for (e->first = 0; e->first < rows && status == RIDGE_OK; e->first += chunk) {
    const int64_t n = rows - e->first < chunk ? rows - e->first : chunk;
    pool_parallel(e->spec->pool, n, grain, encode_rows, e);
    status = e->status;
    if (status != RIDGE_OK) *why = e->why;
    if (status == RIDGE_OK)
      status = output_file_put(file, e->to, (uint64_t)n * e->stride, why);
    *done += (uint64_t)n * e->stride;
    if (status == RIDGE_OK) status = tell(e->spec, *done, of, why);
  }
  free(e->to);
  return status;
}

ridge_status output_tensor_put(const struct output_spec *spec, size_t index,
                               struct output_file *file, uint64_t *done, uint64_t of,
                               struct why *why) {
  const struct output_tensor *tensor = &spec->tensors[index];
  if (tensor->codec == NULL) return put_raw(spec, tensor, file, done, of, why);
  struct encoding e = {.spec = spec, .tensor = tensor, .index = index};
  e.cols = output_cols(&tensor->file);
  e.stride = (uint64_t)(e.cols / tensor->codec->block) * tensor->codec->block_bytes;
  pthread_mutex_init(&e.lock, NULL);
  ridge_status status = put_encoded(&e, file, done, of, why);
  pthread_mutex_destroy(&e.lock);
  return status;
}
