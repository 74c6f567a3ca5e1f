/*
 * st_make.c - weights whose form in GGUF is not that of the file.
 *
 * What stays as it is, is named and left where it lies.  Vectors become F32 (they are
 * small, and every program adds them in F32); other changes move whole elements and
 * keep their type.
 */
#include "st_parts.h"

#include <inttypes.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------- */

static float half(uint16_t bits) { /* IEEE 754 binary16 */
  uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
           fraction = bits & 0x3ff, wide;
  if (exponent == 0) {
    float small = (float)fraction * 0x1p-24f;
    return sign != 0 ? -small : small;
  }
  wide = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

static float number_at(const struct st_tensor *t, uint64_t i) {
  uint16_t narrow;
  uint32_t wide;
  float value;
  if (t->dtype->bytes == 4) {
    memcpy(&value, t->data + 4 * i, 4);
    return value;
  }
  memcpy(&narrow, t->data + 2 * i, 2);
  if (t->dtype->name[0] == 'F') return half(narrow);
  wide = (uint32_t)narrow << 16; /* BF16 */
  memcpy(&value, &wide, 4);
  return value;
}

/* ---- places -------------------------------------------------------------------- */

static ridge_status add(struct st_model *model, const char *name, ridge_file_tensor made) {
  if (made.rank < 1 || made.rank > 4)
    return st_fail(model, RIDGE_UNSUPPORTED,
                   "tensor %s has %u dimensions; weights have 1 to 4", name, made.rank);
  for (uint32_t i = 0; i < made.rank; i++)
    if (made.dims[i] < 1)
      return st_fail(model, RIDGE_CORRUPT, "tensor %s has no elements", name);
  ridge_file_tensor *to = st_push(model->host, &model->made);
  char *copy = st_copy(model, name, strlen(name));
  if (to == NULL || copy == NULL) return st_no_memory(model->host);
  made.struct_size = sizeof made;
  made.name = copy;
  *to = made;
  return RIDGE_OK;
}

static ridge_file_tensor as_stored(const struct st_tensor *t) {
  ridge_file_tensor made = {.codec = t->dtype->codec,
                            .offset = t->offset,
                            .bytes = t->bytes,
                            .rank = t->rank,
                            .file = t->file};
  for (uint32_t i = 0; i < t->rank && i < 4; i++) made.dims[i] = (int64_t)t->dims[i];
  return made;
}

static uint8_t *room_for(struct st_model *model, ridge_file_tensor *made) {
  uint8_t *data = st_alloc(&model->arena, made->bytes + 64, 1);
  made->data = data;
  made->offset = 0;
  made->file = 0;
  return data;
}

static ridge_status wrong_shape(struct st_model *model, const struct st_tensor *t,
                                const char *wanted) {
  return st_fail(model, RIDGE_CORRUPT, "tensor %s: %s", t->name, wanted);
}

/* ---- changes ------------------------------------------------------------------- */

static ridge_status add_vector(struct st_model *model, const struct st_tensor *t,
                               const char *name, float more) {
  uint64_t n = t->bytes / t->dtype->bytes;
  ridge_file_tensor made = as_stored(t);
  if (more == 0 && t->dtype->bytes == 4 && t->offset % 4 == 0)
    return add(model, name, made);
  made.codec = "f32";
  if (__builtin_mul_overflow(n, 4, &made.bytes)) return st_no_memory(model->host);
  float *to = (float *)(void *)room_for(model, &made);
  if (to == NULL) return st_no_memory(model->host);
  for (uint64_t i = 0; i < n; i++) {
    to[i] = number_at(t, i);
    if (more != 0) to[i] += more; /* -0 + 0 would be 0 */
  }
  return add(model, name, made);
}

/* In squares, so that both sides stay in the cache. */
static void transpose(const uint8_t *from, uint8_t *to, uint64_t rows, uint64_t cols,
                      uint64_t size) {
  enum { SIDE = 32 };
  for (uint64_t r = 0; r < rows; r += SIDE)
    for (uint64_t c = 0; c < cols; c += SIDE)
      for (uint64_t i = r; i < rows && i < r + SIDE; i++)
        for (uint64_t j = c; j < cols && j < c + SIDE; j++)
          memcpy(to + (j * rows + i) * size, from + (i * cols + j) * size, size);
}

static ridge_status add_transposed(struct st_model *model, const struct st_tensor *t,
                                   const char *name) {
  ridge_file_tensor made = as_stored(t);
  if (t->rank != 2) return wrong_shape(model, t, "a matrix is wanted");
  uint8_t *to = room_for(model, &made);
  if (to == NULL) return st_no_memory(model->host);
  made.dims[0] = (int64_t)t->dims[1];
  made.dims[1] = (int64_t)t->dims[0];
  transpose(t->data, to, t->dims[0], t->dims[1], t->dtype->bytes);
  return add(model, name, made);
}

/* Row (h, k, d) of (heads, 3, head_dim) becomes row (k, h, d); a bias is one column. */
static ridge_status add_split(struct st_model *model, const struct st_tensor *t,
                              const char *name) {
  const ridge_fact *fact = st_fact(model, ".attention.head_count");
  uint64_t heads = fact != NULL ? (uint64_t)fact->value.i : 0;
  if (heads == 0 || t->rank < 1 || t->rank > 2 || t->dims[0] == 0 || t->dims[0] % 3 != 0 ||
      t->dims[0] / 3 % heads != 0)
    return wrong_shape(model, t,
                       "its rows are not three times the heads times a head's width");
  struct st_tensor turned = *t;
  ridge_file_tensor made = as_stored(t);
  uint8_t *to = room_for(model, &made);
  if (to == NULL) return st_no_memory(model->host);
  uint64_t dim = t->dims[0] / 3 / heads, part = t->bytes / (3 * heads);
  if (dim == 0 || part == 0) return wrong_shape(model, t, "it has no elements");
  for (uint64_t h = 0; h < heads; h++)
    for (uint64_t k = 0; k < 3; k++)
      memcpy(to + (k * heads + h) * part, t->data + (h * 3 + k) * part, (size_t)part);
  if (t->rank == 2) return add(model, name, made);
  turned.data = to;
  turned.offset = 1; /* not in the file any more */
  return add_vector(model, &turned, name, 0);
}

static ridge_status add_flat(struct st_model *model, const struct st_tensor *t,
                             const char *name) {
  struct st_tensor flat = *t;
  flat.rank = 0;
  for (uint32_t i = 0; i < t->rank; i++)
    if (t->dims[i] != 1) flat.dims[flat.rank++] = t->dims[i];
  if (flat.rank == 0) flat.dims[flat.rank++] = 1;
  return st_add_tensor(model, &flat, name, ST_KEEP);
}

/* Kernels read whole numbers of their type; a file may place them anywhere. */
static ridge_status add_kept(struct st_model *model, const struct st_tensor *t,
                             const char *name) {
  ridge_file_tensor made = as_stored(t);
  if (t->rank == 1) return add_vector(model, t, name, 0);
  if (t->offset % t->dtype->bytes == 0) return add(model, name, made);
  uint8_t *to = room_for(model, &made);
  if (to == NULL) return st_no_memory(model->host);
  memcpy(to, t->data, (size_t)t->bytes);
  return add(model, name, made);
}

static ridge_status check_type(struct st_model *model, const struct st_tensor *t) {
  if (t->dtype->codec != NULL) return RIDGE_OK;
  return st_fail(model, RIDGE_UNSUPPORTED,
                 "tensor %s is stored as %s; F32, F16 and BF16 can be read", t->name,
                 t->dtype->name);
}

ridge_status st_add_tensor(struct st_model *model, const struct st_tensor *t,
                           const char *name, enum st_change change) {
  ridge_status status = check_type(model, t);
  if (status != RIDGE_OK) return status;
  switch (change) {
  case ST_KEEP: return add_kept(model, t, name);
  case ST_TRANSPOSE:
    return t->rank == 1 ? add_kept(model, t, name) : add_transposed(model, t, name);
  case ST_SPLIT_QKV: return add_split(model, t, name);
  case ST_PLUS_ONE: return add_vector(model, t, name, 1);
  case ST_FLAT: return add_flat(model, t, name);
  case ST_DROP:
  case ST_STACK: break;
  }
  return st_fail(model, RIDGE_INTERNAL, "tensor %s: no such change", t->name);
}

/* Vectors become F32 on the way, as they do alone. */
static void copy_part(const struct st_tensor *part, uint8_t *to) {
  float *values = (float *)(void *)to;
  if (part->rank == 2) {
    memcpy(to, part->data, (size_t)part->bytes);
    return;
  }
  for (uint64_t i = 0; i < part->dims[0]; i++) values[i] = number_at(part, i);
}

ridge_status st_add_stack(struct st_model *model, struct st_tensor *const *parts,
                          uint64_t n, const char *name) {
  const struct st_tensor *first = parts[0];
  ridge_status status = check_type(model, first);
  if (status != RIDGE_OK) return status;
  if (first->rank < 1 || first->rank > 2)
    return wrong_shape(model, first, "a matrix or a vector is wanted");
  bool vector = first->rank == 1;
  ridge_file_tensor made = as_stored(first);
  uint64_t bytes = vector ? first->bytes / first->dtype->bytes * 4 : first->bytes;
  made.rank = first->rank + 1;
  made.dims[0] = (int64_t)n;
  for (uint32_t i = 0; i < first->rank; i++) made.dims[i + 1] = (int64_t)first->dims[i];
  if (vector) made.codec = "f32";
  if (__builtin_mul_overflow(bytes, n, &made.bytes))
    return wrong_shape(model, first, "all of them are larger than memory");
  uint8_t *to = room_for(model, &made);
  if (to == NULL)
    return st_fail(model, RIDGE_NO_MEMORY,
                   "there is no memory for the %" PRIu64 " MiB of %s: its parts are stored "
                   "one by one and have to be put together",
                   made.bytes >> 20, name);
  for (uint64_t i = 0; i < n; i++) {
    bool same = parts[i]->dtype == first->dtype && parts[i]->rank == first->rank;
    for (uint32_t k = 0; same && k < first->rank; k++)
      same = parts[i]->dims[k] == first->dims[k];
    if (!same)
      return wrong_shape(model, parts[i], "its shape or type is not that of number 0");
    copy_part(parts[i], to + i * bytes);
  }
  return add(model, name, made);
}

ridge_status st_add_values(struct st_model *model, const char *name, const float *values,
                           uint64_t n) {
  ridge_file_tensor made = {.codec = "f32", .bytes = 4 * n, .rank = 1, .dims = {0}};
  made.dims[0] = (int64_t)n;
  uint8_t *to = room_for(model, &made);
  if (to == NULL) return st_no_memory(model->host);
  memcpy(to, values, (size_t)made.bytes);
  return add(model, name, made);
}
