/*
 * gguf_tensors.c - the list of tensors and where each lies.
 *
 * A tensor starts where the one before it ends, rounded up to the alignment, and
 * nowhere else: so offsets are sorted, nothing overlaps, and no byte of the file is
 * read as two things.
 */
#include "gguf_parts.h"

#include <inttypes.h>

static ridge_status read_dims(struct gguf_cursor *c, ridge_file_tensor *tensor) {
  uint64_t start = c->at, rank;
  ridge_status status = gguf_number(c, 4, "the number of dimensions", &rank);
  if (status != RIDGE_OK) return status;
  if (rank < 1 || rank > 4)
    return gguf_fail(c, RIDGE_CORRUPT, start,
                     "the tensor has %" PRIu64 " dimensions; 1 to 4 are possible", rank);
  tensor->rank = (uint32_t)rank;
  for (uint64_t i = 0; i < rank; i++) {
    uint64_t byte = c->at, dim;
    status = gguf_number(c, 8, "a dimension", &dim);
    if (status != RIDGE_OK) return status;
    if (dim < 1 || dim > INT64_MAX)
      return gguf_fail(c, RIDGE_CORRUPT, byte,
                       "dimension %" PRIu64 " is %" PRIu64 "; it has to be between 1 and "
                       "%" PRId64,
                       i + 1, dim, INT64_MAX);
    tensor->dims[rank - 1 - i] = (int64_t)dim; /* the file has the innermost first */
  }
  return RIDGE_OK;
}

static ridge_status read_codec(struct gguf_cursor *c, const struct gguf_type **out) {
  uint64_t start = c->at, id;
  ridge_status status = gguf_number(c, 4, "the tensor's type", &id);
  if (status != RIDGE_OK) return status;
  const struct gguf_type *type = gguf_type((uint32_t)id);
  if (type == NULL)
    return gguf_fail(c, RIDGE_UNSUPPORTED, start,
                     "the tensor is stored as type %" PRIu64
                     ", which is not known here; the "
                     "file is damaged or newer than this reader",
                     id);
  if (type->block == 0)
    return gguf_fail(c, RIDGE_UNSUPPORTED, start,
                     "the tensor is stored as type %" PRIu64
                     " (%s), which GGUF has withdrawn; "
                     "convert the model again",
                     id, type->codec);
  *out = type;
  return RIDGE_OK;
}

static ridge_status size_tensor(const struct gguf_cursor *c, const struct gguf_type *type,
                                ridge_file_tensor *tensor, uint64_t start) {
  uint64_t row = (uint64_t)tensor->dims[tensor->rank - 1], elements = 1;
  if (row % type->block != 0)
    return gguf_fail(c, RIDGE_CORRUPT, start,
                     "a row has %" PRIu64 " elements, but %s is stored in blocks of %u",
                     row, type->codec, type->block);
  bool over = false;
  for (uint32_t i = 0; i < tensor->rank; i++)
    over |= __builtin_mul_overflow(elements, (uint64_t)tensor->dims[i], &elements);
  over |= elements > INT64_MAX;
  over |= __builtin_mul_overflow(elements / type->block, type->bytes, &tensor->bytes);
  if (over)
    return gguf_fail(c, RIDGE_CORRUPT, start,
                     "the tensor's dimensions multiply to more than can be counted");
  return RIDGE_OK;
}

static ridge_status read_tensor(struct gguf_cursor *c, struct gguf_file *file,
                                uint64_t index, uint64_t *expected) {
  ridge_file_tensor *tensor = &file->tensors[index];
  tensor->struct_size = sizeof *tensor;
  gguf_item(c, "tensor %" PRIu64 " of %" PRIu64, index + 1, file->n_tensors);
  uint64_t start = c->at;
  ridge_status status = gguf_name(c, file->arena, GGUF_MAX_NAME, "the name", &tensor->name);
  if (status != RIDGE_OK) return status;
  gguf_item(c, "tensor %s", tensor->name);
  const struct gguf_type *type = NULL;
  if ((status = read_dims(c, tensor)) != RIDGE_OK) return status;
  if ((status = read_codec(c, &type)) != RIDGE_OK) return status;
  tensor->codec = type->codec;
  if ((status = size_tensor(c, type, tensor, start)) != RIDGE_OK) return status;
  uint64_t byte = c->at;
  if ((status = gguf_number(c, 8, "the tensor's offset", &tensor->offset)) != RIDGE_OK)
    return status;
  if (tensor->offset != *expected)
    return gguf_fail(c, RIDGE_CORRUPT, byte,
                     "the tensor's offset is %" PRIu64 "; it has to be %" PRIu64
                     ", where the tensors before it end (alignment %" PRIu64 ")",
                     tensor->offset, *expected, file->alignment);
  uint64_t end;
  if (__builtin_add_overflow(tensor->offset, tensor->bytes, &end) ||
      __builtin_add_overflow(end, file->alignment - 1, expected))
    return gguf_fail(c, RIDGE_CORRUPT, byte, "the tensors' sizes add up to more than 2^64");
  *expected &= ~(file->alignment - 1);
  return RIDGE_OK;
}

/* Offsets in the file count from the first aligned byte after the descriptions. */
static ridge_status place_tensors(struct gguf_cursor *c, struct gguf_file *file) {
  uint64_t start;
  if (__builtin_add_overflow(c->at, file->alignment - 1, &start))
    return gguf_fail(c, RIDGE_CORRUPT, c->at, "the tensors would start beyond 2^64");
  start &= ~(file->alignment - 1);
  for (uint64_t i = 0; i < file->n_tensors; i++) {
    ridge_file_tensor *tensor = &file->tensors[i];
    uint64_t end = 0;
    bool over = __builtin_add_overflow(start, tensor->offset, &tensor->offset) ||
                __builtin_add_overflow(tensor->offset, tensor->bytes, &end);
    if (over || end > c->size) {
      gguf_item(c, "tensor %s", tensor->name);
      return gguf_fail(c, RIDGE_CORRUPT, tensor->offset,
                       "the tensor takes %" PRIu64 " bytes (%s), but the file has %" PRIu64
                       " in all; it is cut short",
                       tensor->bytes, tensor->codec, c->size);
    }
  }
  return RIDGE_OK;
}

static ridge_status refuse_twice_named(struct gguf_cursor *c, struct gguf_file *file) {
  const char **names = gguf_alloc(file->arena, file->n_tensors, sizeof *names);
  if (names == NULL) return gguf_no_memory(c, "the list of tensors");
  for (uint64_t i = 0; i < file->n_tensors; i++) names[i] = file->tensors[i].name;
  const char *twice = gguf_twice(names, file->n_tensors);
  if (twice == NULL) return RIDGE_OK;
  return gguf_fail(c, RIDGE_CORRUPT, c->at, "two tensors are called %s", twice);
}

ridge_status gguf_read_tensors(struct gguf_cursor *c, struct gguf_file *file) {
  file->tensors = gguf_alloc(file->arena, file->n_tensors, sizeof *file->tensors);
  if (file->tensors == NULL) return gguf_no_memory(c, "the tensors");
  uint64_t expected = 0;
  for (uint64_t i = 0; i < file->n_tensors; i++) {
    ridge_status status = read_tensor(c, file, i, &expected);
    if (status != RIDGE_OK) return status;
  }
  c->item[0] = 0;
  ridge_status status = refuse_twice_named(c, file);
  return status != RIDGE_OK ? status : place_tensors(c, file);
}
