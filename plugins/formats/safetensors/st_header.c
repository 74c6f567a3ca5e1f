/*
 * st_header.c - the head of one safetensors file: which tensors lie where.
 *
 * Eight bytes of length, JSON of that length, then the tensors' bytes.  They have to
 * fill the rest of the file from its first byte to its last, none in two tensors: what
 * the format's own reader demands.  Tensors without elements are legal.
 */
#include "st_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct heading {
  const ridge_host *host;
  struct st_arena *arena;
  const char *file;
  ridge_bytes bytes;
  uint64_t start; /* of the tensors' bytes */
  uint32_t number;
  struct st_list *out;
};

static const struct st_dtype dtypes[] = {
    {"F32", 4, "f32"},    {"F16", 2, "f16"},        {"BF16", 2, "bf16"},
    {"F64", 8, NULL},     {"I64", 8, NULL},         {"I32", 4, NULL},
    {"I16", 2, NULL},     {"I8", 1, NULL},          {"U64", 8, NULL},
    {"U32", 4, NULL},     {"U16", 2, NULL},         {"U8", 1, NULL},
    {"BOOL", 1, NULL},    {"F8_E5M2", 1, NULL},     {"F8_E4M3", 1, NULL},
    {"F8_E8M0", 1, NULL}, {"F8_E4M3FNUZ", 1, NULL}, {"F8_E5M2FNUZ", 1, NULL},
    {"C64", 8, NULL},
};

static uint64_t length_of(const uint8_t *head) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) value |= (uint64_t)head[i] << (8 * i);
  return value;
}

bool st_has_header(const uint8_t *head, uint64_t size) {
  if (size < 10 || head[8] != '{') return false;
  uint64_t length = length_of(head);
  return length >= 2 && length <= ST_MAX_HEADER;
}

static ridge_status fail_tensor(const struct heading *h, const struct st_member *member,
                                const char *what) {
  return st_fail_at(h->host, RIDGE_CORRUPT, h->file, member->value.at, "tensor %.*s: %s",
                    (int)(member->size < 80 ? member->size : 80), member->name, what);
}

static ridge_status copy_name(const struct heading *h, const struct st_member *member,
                              const char **out) {
  if (member->size == 0 || member->size > ST_MAX_NAME)
    return fail_tensor(h, member, "a name has 1 to 256 bytes");
  for (uint64_t i = 0; i < member->size; i++)
    if ((uint8_t)member->name[i] < 0x20 || member->name[i] == 0x7f)
      return fail_tensor(h, member, "the name holds a control byte");
  char *name = st_alloc(h->arena, member->size + 1, 1);
  if (name == NULL) return st_no_memory(h->host);
  memcpy(name, member->name, (size_t)member->size);
  *out = name;
  return RIDGE_OK;
}

static ridge_status read_dtype(const struct heading *h, const struct st_member *member,
                               const struct st_dtype **out) {
  const struct st_value *dtype = st_get(&member->value, "dtype");
  if (dtype == NULL || dtype->kind != ST_TEXT)
    return fail_tensor(h, member, "it has no text `dtype`");
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (st_is(dtype, dtypes[i].name)) {
      *out = &dtypes[i];
      return RIDGE_OK;
    }
  return st_fail_at(h->host, RIDGE_UNSUPPORTED, h->file, dtype->at,
                    "tensor %.*s is stored as `%.*s`, which is not known here; F32, F16 "
                    "and BF16 can be read",
                    (int)(member->size < 80 ? member->size : 80), member->name,
                    (int)(dtype->n < 40 ? dtype->n : 40), dtype->is.text);
}

/* A whole number that JSON carries exactly. */
static bool counts(const struct st_value *value, uint64_t *out) {
  if (value->kind != ST_INT || value->is.i < 0 || value->is.i > ST_EXACT) return false;
  *out = (uint64_t)value->is.i;
  return true;
}

static ridge_status read_shape(const struct heading *h, const struct st_member *member,
                               struct st_tensor *t) {
  const struct st_value *shape = st_get(&member->value, "shape");
  if (shape == NULL || shape->kind != ST_ARRAY)
    return fail_tensor(h, member, "it has no array `shape`");
  if (shape->n > ST_MAX_RANK)
    return fail_tensor(h, member, "it has more than 8 dimensions");
  t->rank = (uint32_t)shape->n;
  uint64_t bytes = t->dtype->bytes;
  for (uint32_t i = 0; i < t->rank; i++) {
    if (!counts(&shape->is.items[i], &t->dims[i]))
      return fail_tensor(h, member, "a dimension is no whole number from 0 to 2^53");
    if (__builtin_mul_overflow(bytes, t->dims[i], &bytes))
      return fail_tensor(h, member, "its dimensions multiply to more than can be counted");
  }
  t->bytes = bytes;
  return RIDGE_OK;
}

static ridge_status read_place(const struct heading *h, const struct st_member *member,
                               struct st_tensor *t) {
  const struct st_value *place = st_get(&member->value, "data_offsets");
  uint64_t begin, end, room = h->bytes.size - h->start;
  if (place == NULL || place->kind != ST_ARRAY || place->n != 2 ||
      !counts(&place->is.items[0], &begin) || !counts(&place->is.items[1], &end))
    return fail_tensor(h, member,
                       "its `data_offsets` are not two whole numbers from 0 to 2^53");
  if (begin > end || end > room)
    return st_fail_at(h->host, RIDGE_CORRUPT, h->file, place->at,
                      "tensor %s lies at %" PRIu64 " to %" PRIu64
                      ", but the file has %" PRIu64
                      " bytes for tensors; it is cut short or the numbers are damaged",
                      t->name, begin, end, room);
  if (end - begin != t->bytes)
    return st_fail_at(h->host, RIDGE_CORRUPT, h->file, place->at,
                      "tensor %s has %" PRIu64 " bytes, but its shape and %s need %" PRIu64,
                      t->name, end - begin, t->dtype->name, t->bytes);
  t->offset = h->start + begin;
  t->data = h->bytes.data + t->offset;
  t->file = h->number;
  return RIDGE_OK;
}

static ridge_status read_tensor(const struct heading *h, const struct st_member *member) {
  if (member->value.kind != ST_OBJECT)
    return fail_tensor(h, member, "its description is no object");
  struct st_tensor *t = st_push(h->host, h->out);
  if (t == NULL) return st_no_memory(h->host);
  ridge_status status = copy_name(h, member, &t->name);
  if (status == RIDGE_OK) status = read_dtype(h, member, &t->dtype);
  if (status == RIDGE_OK) status = read_shape(h, member, t);
  return status != RIDGE_OK ? status : read_place(h, member, t);
}

/* Texts about the file; nothing of it is used, and nothing else may stand there. */
static ridge_status check_metadata(const struct heading *h, const struct st_value *value) {
  bool texts = value->kind == ST_OBJECT;
  for (uint64_t i = 0; texts && i < value->n; i++)
    texts = value->is.members[i].value.kind == ST_TEXT;
  if (texts) return RIDGE_OK;
  return st_fail_at(h->host, RIDGE_CORRUPT, h->file, value->at,
                    "`__metadata__` is no object of texts");
}

static int by_place(const void *a, const void *b) {
  const struct st_tensor *l = a, *r = b;
  if (l->offset != r->offset) return l->offset < r->offset ? -1 : 1;
  return (l->bytes > r->bytes) - (l->bytes < r->bytes);
}

/* Sorted by place, each starts where the one before it ends, and the last ends where
 * the file does. */
static ridge_status check_cover(const struct heading *h, struct st_tensor *tensors,
                                uint64_t n) {
  uint64_t at = h->start;
  if (n > 0) qsort(tensors, (size_t)n, sizeof *tensors, by_place);
  for (uint64_t i = 0; i < n; i++) {
    if (tensors[i].offset != at)
      return st_fail_at(h->host, RIDGE_CORRUPT, h->file, tensors[i].offset,
                        "tensor %s %s, %" PRIu64 "%s", tensors[i].name,
                        tensors[i].offset < at
                            ? "starts before the one before it ends"
                            : "starts beyond the end of the one before it",
                        at, "; a file without holes and overlaps is wanted");
    at += tensors[i].bytes;
  }
  if (at == h->bytes.size) return RIDGE_OK;
  return st_fail_at(h->host, RIDGE_CORRUPT, h->file, at,
                    "the last tensor ends here, but the file has %" PRIu64
                    " more bytes, which belong to none",
                    h->bytes.size - at);
}

static ridge_status read_all(struct heading *h, const struct st_value *head) {
  uint64_t first = h->out->n;
  if (head->kind != ST_OBJECT)
    return st_fail_at(h->host, RIDGE_CORRUPT, h->file, 8,
                      "the header is %s; an object "
                      "with a member for each tensor is wanted",
                      st_kind_name(head->kind));
  for (uint64_t i = 0; i < head->n; i++) {
    const struct st_member *member = &head->is.members[i];
    bool metadata = member->size == 12 && memcmp(member->name, "__metadata__", 12) == 0;
    ridge_status status =
        metadata ? check_metadata(h, &member->value) : read_tensor(h, member);
    if (status != RIDGE_OK) return status;
  }
  struct st_tensor *all = (struct st_tensor *)(void *)h->out->data;
  return check_cover(h, h->out->n > first ? all + first : NULL, h->out->n - first);
}

ridge_status st_read_header(const ridge_host *host, struct st_arena *arena,
                            const char *file, ridge_bytes bytes, uint32_t number,
                            struct st_list *tensors) {
  struct heading h = {host, arena, file, bytes, 0, number, tensors};
  if (bytes.size < 8)
    return st_fail_at(host, RIDGE_CORRUPT, file, 0,
                      "the file has %" PRIu64 " bytes; its first 8 are the header's length",
                      bytes.size);
  uint64_t length = length_of(bytes.data), left = bytes.size - 8;
  if (length > ST_MAX_HEADER || length > left)
    return st_fail_at(host, RIDGE_CORRUPT, file, 0,
                      "the header has %" PRIu64 " bytes, but %s; the file is cut short or "
                      "no safetensors file",
                      length,
                      length > ST_MAX_HEADER ? "at most 100000000 are read"
                                             : "the file is not that long");
  h.start = 8 + length;
  struct st_value head;
  ridge_status status =
      st_json(host, arena, file, (ridge_bytes){bytes.data, h.start}, 8, &head);
  return status != RIDGE_OK ? status : read_all(&h, &head);
}
