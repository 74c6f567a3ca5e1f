/*
 * gguf_facts.c - the metadata: keys and typed values.
 *
 * Numbers become int64 or double, whatever their width in the file, so that nobody
 * further on has to know thirteen types.  Texts point into the file.  Arrays of
 * arrays exist in the specification but in no model; they are refused.
 */
#include "gguf_parts.h"

#include <inttypes.h>
#include <string.h>

enum value_class { SIGNED, UNSIGNED, BOOLEAN, REAL, TEXT, ARRAY };

static const struct value_type {
  const char *name;
  uint32_t bytes; /* of a number; least bytes of an element otherwise */
  enum value_class class;
} value_types[] = {
    {"u8", 1, UNSIGNED},  {"i8", 1, SIGNED},    {"u16", 2, UNSIGNED}, {"i16", 2, SIGNED},
    {"u32", 4, UNSIGNED}, {"i32", 4, SIGNED},   {"f32", 4, REAL},     {"bool", 1, BOOLEAN},
    {"text", 8, TEXT},    {"array", 12, ARRAY}, {"u64", 8, UNSIGNED}, {"i64", 8, SIGNED},
    {"f64", 8, REAL},
};
enum { N_VALUE_TYPES = sizeof value_types / sizeof *value_types };

static ridge_status read_type(struct gguf_cursor *c, const char *what,
                              const struct value_type **out) {
  uint64_t start = c->at, id;
  ridge_status status = gguf_number(c, 4, what, &id);
  if (status != RIDGE_OK) return status;
  if (id >= N_VALUE_TYPES)
    return gguf_fail(c, RIDGE_CORRUPT, start, "%s is %" PRIu64 "; GGUF has types 0 to %d",
                     what, id, N_VALUE_TYPES - 1);
  *out = &value_types[id];
  return RIDGE_OK;
}

static ridge_status integer_of(const struct gguf_cursor *c, const struct value_type *type,
                               const uint8_t *from, int64_t *out) {
  uint64_t raw = gguf_little(from, type->bytes), byte = (uint64_t)(from - c->data);
  uint32_t bits = 8 * type->bytes;
  if (type->class == BOOLEAN && raw > 1)
    return gguf_fail(c, RIDGE_CORRUPT, byte, "a bool is %" PRIu64 "; it has to be 0 or 1",
                     raw);
  if (type->class == UNSIGNED && raw > INT64_MAX)
    return gguf_fail(c, RIDGE_UNSUPPORTED, byte,
                     "the number %" PRIu64 " is beyond what ridge can hold (%" PRId64 ")",
                     raw, INT64_MAX);
  if (type->class == SIGNED && bits < 64 && (raw >> (bits - 1)) != 0)
    raw |= UINT64_MAX << bits;
  memcpy(out, &raw, sizeof *out);
  return RIDGE_OK;
}

static double real_of(const struct value_type *type, const uint8_t *from) {
  uint64_t raw = gguf_little(from, type->bytes);
  if (type->bytes == 8) {
    double value;
    memcpy(&value, &raw, sizeof value);
    return value;
  }
  uint32_t half = (uint32_t)raw;
  float value;
  memcpy(&value, &half, sizeof value);
  return (double)value;
}

static ridge_status read_ints(struct gguf_cursor *c, struct gguf_file *file,
                              const struct value_type *type, const uint8_t *from,
                              ridge_fact *fact) {
  int64_t *ints = gguf_alloc(file->arena, fact->count, sizeof *ints);
  if (ints == NULL) return gguf_no_memory(c, "an array of numbers");
  for (uint64_t i = 0; i < fact->count; i++) {
    ridge_status status = integer_of(c, type, from + i * type->bytes, &ints[i]);
    if (status != RIDGE_OK) return status;
  }
  fact->type = RIDGE_FACT_INTS;
  fact->value.ints = ints;
  return RIDGE_OK;
}

static ridge_status read_reals(struct gguf_cursor *c, struct gguf_file *file,
                               const struct value_type *type, const uint8_t *from,
                               ridge_fact *fact) {
  double *reals = gguf_alloc(file->arena, fact->count, sizeof *reals);
  if (reals == NULL) return gguf_no_memory(c, "an array of numbers");
  for (uint64_t i = 0; i < fact->count; i++)
    reals[i] = real_of(type, from + i * type->bytes);
  fact->type = RIDGE_FACT_REALS;
  fact->value.reals = reals;
  return RIDGE_OK;
}

static ridge_status read_texts(struct gguf_cursor *c, struct gguf_file *file,
                               ridge_fact *fact) {
  ridge_bytes *texts = gguf_alloc(file->arena, fact->count, sizeof *texts);
  if (texts == NULL) return gguf_no_memory(c, "an array of texts");
  for (uint64_t i = 0; i < fact->count; i++) {
    ridge_status status = gguf_string(c, "a text of the array", &texts[i]);
    if (status != RIDGE_OK) return status;
  }
  fact->type = RIDGE_FACT_TEXTS;
  fact->value.texts = texts;
  return RIDGE_OK;
}

static ridge_status read_array(struct gguf_cursor *c, struct gguf_file *file,
                               ridge_fact *fact) {
  uint64_t start = c->at, count;
  const struct value_type *type = NULL;
  ridge_status status = read_type(c, "the type of the array's elements", &type);
  if (status != RIDGE_OK) return status;
  if (type->class == ARRAY)
    return gguf_fail(c, RIDGE_UNSUPPORTED, start,
                     "the value is an array of arrays; only arrays of numbers and of texts "
                     "can be read");
  uint64_t byte = c->at;
  status = gguf_number(c, 8, "the length of the array", &count);
  if (status != RIDGE_OK) return status;
  uint64_t left = c->size - c->at;
  if (count > left / type->bytes)
    return gguf_fail(
        c, RIDGE_CORRUPT, byte,
        "the array has %" PRIu64 " elements of type %s, but %" PRIu64
        " bytes are left in the file; it is cut short or the length is damaged",
        count, type->name, left);
  if (count > GGUF_MAX_ARRAY)
    return gguf_fail(c, RIDGE_UNSUPPORTED, byte,
                     "the array has %" PRIu64 " elements; at most %u are read", count,
                     GGUF_MAX_ARRAY);
  fact->count = count;
  if (type->class == TEXT) return read_texts(c, file, fact);
  fact->stored = gguf_stored((uint32_t)(type - value_types));
  const uint8_t *from = NULL;
  status = gguf_take(c, count * type->bytes, "the array", &from);
  if (status != RIDGE_OK) return status;
  if (type->class == REAL) return read_reals(c, file, type, from, fact);
  return read_ints(c, file, type, from, fact);
}

static ridge_status read_scalar(struct gguf_cursor *c, const struct value_type *type,
                                ridge_fact *fact) {
  const uint8_t *from = NULL;
  ridge_status status = gguf_take(c, type->bytes, "the value", &from);
  if (status != RIDGE_OK) return status;
  if (type->class == REAL) {
    fact->type = RIDGE_FACT_REAL;
    fact->value.r = real_of(type, from);
    return RIDGE_OK;
  }
  fact->type = RIDGE_FACT_INT;
  return integer_of(c, type, from, &fact->value.i);
}

static ridge_status obey_alignment(const struct gguf_cursor *c, struct gguf_file *file,
                                   const ridge_fact *fact, uint64_t byte) {
  if (fact->type != RIDGE_FACT_INT)
    return gguf_fail(c, RIDGE_CORRUPT, byte, "the alignment is not a whole number");
  int64_t found = fact->value.i;
  if (found < 8 || found > INT32_MAX || (found & (found - 1)) != 0)
    return gguf_fail(
        c, RIDGE_CORRUPT, byte,
        "the alignment is %" PRId64 "; it has to be a power of two of at least 8", found);
  file->alignment = (uint64_t)found;
  return RIDGE_OK;
}

static ridge_status obey_split(const struct gguf_cursor *c, const ridge_fact *fact,
                               int64_t lo, int64_t hi, int64_t *out, uint64_t byte) {
  if (fact->type == RIDGE_FACT_INT && fact->value.i >= lo && fact->value.i <= hi) {
    *out = fact->value.i;
    return RIDGE_OK;
  }
  if (fact->type != RIDGE_FACT_INT)
    return gguf_fail(c, RIDGE_CORRUPT, byte, "it is not a whole number");
  return gguf_fail(c, RIDGE_CORRUPT, byte,
                   "it is %" PRId64 "; it has to be between %" PRId64 " and %" PRId64,
                   fact->value.i, lo, hi);
}

/* The keys that concern the format itself. */
static ridge_status obey(const struct gguf_cursor *c, struct gguf_file *file,
                         const ridge_fact *fact, uint64_t byte) {
  struct gguf_split *split = &file->split;
  if (strcmp(fact->key, "general.alignment") == 0)
    return obey_alignment(c, file, fact, byte);
  if (strcmp(fact->key, "split.no") == 0)
    return obey_split(c, fact, 0, GGUF_MAX_PIECES - 1, &split->number, byte);
  if (strcmp(fact->key, "split.count") == 0)
    return obey_split(c, fact, 0, GGUF_MAX_PIECES, &split->count, byte);
  if (strcmp(fact->key, "split.tensors.count") == 0)
    return obey_split(c, fact, 0, GGUF_MAX_TENSORS, &split->tensors, byte);
  return RIDGE_OK;
}

static ridge_status read_fact(struct gguf_cursor *c, struct gguf_file *file,
                              uint64_t index) {
  ridge_fact *fact = &file->facts[index];
  fact->struct_size = sizeof *fact;
  gguf_item(c, "fact %" PRIu64 " of %" PRIu64, index + 1, file->n_facts);
  ridge_status status = gguf_name(c, file->arena, GGUF_MAX_KEY, "the key", &fact->key);
  if (status != RIDGE_OK) return status;
  gguf_item(c, "fact %.80s", fact->key);
  const struct value_type *type = NULL;
  status = read_type(c, "the type of the value", &type);
  if (status != RIDGE_OK) return status;
  uint64_t start = c->at;
  if (type->class == ARRAY) {
    status = read_array(c, file, fact);
  } else if (type->class == TEXT) {
    fact->type = RIDGE_FACT_TEXT;
    status = gguf_string(c, "the text", &fact->value.text);
  } else {
    status = read_scalar(c, type, fact);
    fact->stored = gguf_stored((uint32_t)(type - value_types));
  }
  return status != RIDGE_OK ? status : obey(c, file, fact, start);
}

static ridge_status refuse_twice(struct gguf_cursor *c, struct gguf_file *file) {
  const char **keys = gguf_alloc(file->arena, file->n_facts, sizeof *keys);
  if (keys == NULL) return gguf_no_memory(c, "the list of keys");
  for (uint64_t i = 0; i < file->n_facts; i++) keys[i] = file->facts[i].key;
  const char *twice = gguf_twice(keys, file->n_facts);
  if (twice == NULL) return RIDGE_OK;
  return gguf_fail(c, RIDGE_CORRUPT, c->at, "the key %.80s stands twice in the file",
                   twice);
}

ridge_status gguf_read_facts(struct gguf_cursor *c, struct gguf_file *file) {
  file->facts = gguf_alloc(file->arena, file->n_facts, sizeof *file->facts);
  if (file->facts == NULL) return gguf_no_memory(c, "the facts");
  for (uint64_t i = 0; i < file->n_facts; i++) {
    ridge_status status = read_fact(c, file, i);
    if (status != RIDGE_OK) return status;
  }
  c->item[0] = 0;
  return refuse_twice(c, file);
}
