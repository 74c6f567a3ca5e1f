/*
 * gguf_write.c - writing GGUF, version 3: what stands before the first tensor, and the
 * zeros after each.
 *
 * A number is written as its file held it; where that is not known (another format's
 * fact), as readers of GGUF look for it: bools by key, reals as f32, the rest as the
 * narrowest of u32, i32, u64 and i64 that holds it, arrays as i32 where they fit, the
 * map of characters as bytes.
 */
#include "gguf_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TYPE_TEXT = 8, TYPE_ARRAY = 9 };
enum { VERSION = 3, MOST_RANK = 4 };

/* A place in the file that is being written.  After a failure nothing more is put. */
struct gguf_pen {
  const ridge_host *host;
  const ridge_output *out;
  uint64_t at;
  ridge_status status;
};

static void pen_put(struct gguf_pen *pen, const void *data, uint64_t size) {
  if (pen->status != RIDGE_OK || size == 0) return;
  pen->status = pen->out->put(pen->out, data, size);
  pen->at += size;
}

static void pen_little(struct gguf_pen *pen, uint64_t value, uint32_t bytes) {
  uint8_t raw[8];
  for (uint32_t i = 0; i < bytes; i++) raw[i] = (uint8_t)(value >> (8 * i));
  pen_put(pen, raw, bytes);
}

static void pen_string(struct gguf_pen *pen, const void *text, uint64_t size) {
  pen_little(pen, size, 8);
  pen_put(pen, text, size);
}

static void pen_zeros(struct gguf_pen *pen, uint64_t n) {
  static const uint8_t zeros[256];
  for (uint64_t at = 0; at < n && pen->status == RIDGE_OK; at += sizeof zeros)
    pen_put(pen, zeros, n - at < sizeof zeros ? n - at : sizeof zeros);
}

static uint64_t gap_after(uint64_t at, uint64_t alignment) {
  return (alignment - at % alignment) % alignment;
}

/* ---- how a number is stored ---- */

static const struct {
  uint32_t bytes;
  bool is_real;
  int64_t lo, hi;
} widths[] = {
    [RIDGE_STORED_U8] = {1, false, 0, UINT8_MAX},
    [RIDGE_STORED_I8] = {1, false, INT8_MIN, INT8_MAX},
    [RIDGE_STORED_U16] = {2, false, 0, UINT16_MAX},
    [RIDGE_STORED_I16] = {2, false, INT16_MIN, INT16_MAX},
    [RIDGE_STORED_U32] = {4, false, 0, UINT32_MAX},
    [RIDGE_STORED_I32] = {4, false, INT32_MIN, INT32_MAX},
    [RIDGE_STORED_U64] = {8, false, 0, INT64_MAX},
    [RIDGE_STORED_I64] = {8, false, INT64_MIN, INT64_MAX},
    [RIDGE_STORED_BOOL] = {1, false, 0, 1},
    [RIDGE_STORED_F32] = {4, true, 0, 0},
    [RIDGE_STORED_F64] = {8, true, 0, 0},
};

static bool ends_in(const char *key, const char *tail) {
  const size_t size = strlen(key), wanted = strlen(tail);
  return size >= wanted && strcmp(key + size - wanted, tail) == 0;
}

static bool is_bool_key(const char *key) {
  static const char *const tails[] = {
      ".add_bos_token",         ".add_eos_token",       ".add_sep_token",
      ".add_space_prefix",      ".escape_whitespaces",  ".remove_extra_whitespaces",
      ".attention.causal",      ".expert_weights_norm", ".rope.scaling.finetuned",
      ".use_parallel_residual",
  };
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
    if (ends_in(key, tails[i])) return true;
  return false;
}

static bool fits(uint32_t stored, int64_t lo, int64_t hi) {
  return lo >= widths[stored].lo && hi <= widths[stored].hi;
}

static uint32_t stored_for(const char *key, bool is_array, int64_t lo, int64_t hi) {
  if (!is_array && is_bool_key(key) && fits(RIDGE_STORED_BOOL, lo, hi))
    return RIDGE_STORED_BOOL;
  if (is_array && ends_in(key, ".precompiled_charsmap") && fits(RIDGE_STORED_U8, lo, hi))
    return RIDGE_STORED_U8;
  if (is_array && fits(RIDGE_STORED_I32, lo, hi)) return RIDGE_STORED_I32;
  if (fits(RIDGE_STORED_U32, lo, hi)) return RIDGE_STORED_U32;
  if (fits(RIDGE_STORED_I32, lo, hi)) return RIDGE_STORED_I32;
  return fits(RIDGE_STORED_U64, lo, hi) ? RIDGE_STORED_U64 : RIDGE_STORED_I64;
}

static void pen_real(struct gguf_pen *pen, double value, uint32_t stored) {
  uint64_t raw = 0;
  if (stored == RIDGE_STORED_F64) {
    memcpy(&raw, &value, sizeof value);
    pen_little(pen, raw, 8);
    return;
  }
  const float narrow = (float)value;
  memcpy(&raw, &narrow, sizeof narrow);
  pen_little(pen, raw, 4);
}

/* ---- facts ---- */

static void pen_key(struct gguf_pen *pen, const char *key, uint32_t type) {
  pen_string(pen, key, strlen(key));
  pen_little(pen, type, 4);
}

static void pen_array_head(struct gguf_pen *pen, uint32_t type, uint64_t n) {
  pen_little(pen, type, 4);
  pen_little(pen, n, 8);
}

static void pen_ints(struct gguf_pen *pen, const ridge_fact *fact, const int64_t *values,
                     uint64_t n, bool is_array) {
  int64_t lo = 0, hi = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (values[i] < lo) lo = values[i];
    if (values[i] > hi) hi = values[i];
  }
  uint32_t stored = fact->stored;
  if (stored == RIDGE_STORED_ANY) stored = stored_for(fact->key, is_array, lo, hi);
  if (stored >= sizeof widths / sizeof *widths || widths[stored].is_real ||
      !fits(stored, lo, hi)) {
    pen->status = pen->host->fail(pen->host, RIDGE_INVALID,
                                  "the fact %s does not fit the kind of number that it is "
                                  "to be stored as",
                                  fact->key);
    return;
  }
  const uint32_t type = gguf_value_id(stored);
  pen_key(pen, fact->key, is_array ? TYPE_ARRAY : type);
  if (is_array) pen_array_head(pen, type, n);
  for (uint64_t i = 0; i < n; i++)
    pen_little(pen, (uint64_t)values[i], widths[stored].bytes);
}

static void pen_reals(struct gguf_pen *pen, const ridge_fact *fact, const double *values,
                      uint64_t n, bool is_array) {
  const uint32_t stored =
      fact->stored == RIDGE_STORED_F64 ? RIDGE_STORED_F64 : RIDGE_STORED_F32;
  const uint32_t type = gguf_value_id(stored);
  pen_key(pen, fact->key, is_array ? TYPE_ARRAY : type);
  if (is_array) pen_array_head(pen, type, n);
  for (uint64_t i = 0; i < n; i++) pen_real(pen, values[i], stored);
}

static void pen_fact(struct gguf_pen *pen, const ridge_fact *fact) {
  switch (fact->type) {
  case RIDGE_FACT_INT: pen_ints(pen, fact, &fact->value.i, 1, false); return;
  case RIDGE_FACT_INTS: pen_ints(pen, fact, fact->value.ints, fact->count, true); return;
  case RIDGE_FACT_REAL: pen_reals(pen, fact, &fact->value.r, 1, false); return;
  case RIDGE_FACT_REALS: pen_reals(pen, fact, fact->value.reals, fact->count, true); return;
  case RIDGE_FACT_TEXT:
    pen_key(pen, fact->key, TYPE_TEXT);
    pen_string(pen, fact->value.text.data, fact->value.text.size);
    return;
  case RIDGE_FACT_TEXTS:
    pen_key(pen, fact->key, TYPE_ARRAY);
    pen_array_head(pen, TYPE_TEXT, fact->count);
    for (uint64_t i = 0; i < fact->count; i++)
      pen_string(pen, fact->value.texts[i].data, fact->value.texts[i].size);
    return;
  default:
    pen->status =
        pen->host->fail(pen->host, RIDGE_INVALID,
                        "the fact %s is of kind %u, which is none", fact->key, fact->type);
  }
}

static ridge_fact piece_fact(const char *key, uint32_t stored, int64_t value) {
  return (ridge_fact){.struct_size = sizeof(ridge_fact),
                      .key = key,
                      .value = {.i = value},
                      .type = RIDGE_FACT_INT,
                      .stored = stored};
}

/* The first piece has the model's facts; the others what a reader needs to place
 * their tensors. */
static bool belongs(const ridge_fact *fact, const ridge_piece *piece) {
  if (gguf_is_split_key(fact->key)) return false;
  return piece->number == 0 || strcmp(fact->key, "general.alignment") == 0;
}

static void pen_facts(struct gguf_pen *pen, const ridge_model_file *model,
                      const ridge_piece *piece) {
  const ridge_fact split[] = {
      piece_fact("split.no", RIDGE_STORED_U16, piece->number),
      piece_fact("split.count", RIDGE_STORED_U16, piece->count),
      piece_fact("split.tensors.count", RIDGE_STORED_I32, (int64_t)model->n_tensors),
  };
  const uint64_t n_split = piece->count > 1 ? sizeof split / sizeof *split : 0;
  uint64_t n = n_split;
  for (uint64_t i = 0; i < model->n_facts; i++) n += belongs(&model->facts[i], piece);
  pen_little(pen, n, 8);
  for (uint64_t i = 0; i < model->n_facts && pen->status == RIDGE_OK; i++)
    if (belongs(&model->facts[i], piece)) pen_fact(pen, &model->facts[i]);
  for (uint64_t i = 0; i < n_split; i++) pen_fact(pen, &split[i]);
}

/* ---- tensors ---- */

static uint64_t alignment_wanted(const ridge_model_file *model) {
  for (uint64_t i = 0; i < model->n_facts; i++) {
    const ridge_fact *fact = &model->facts[i];
    if (strcmp(fact->key, "general.alignment") != 0 || fact->type != RIDGE_FACT_INT)
      continue;
    const int64_t value = fact->value.i;
    if (value >= 8 && value <= INT32_MAX && (value & (value - 1)) == 0)
      return (uint64_t)value;
  }
  return GGUF_ALIGNMENT;
}

static bool bytes_agree(const ridge_file_tensor *tensor, const struct gguf_type *type) {
  uint64_t elements = 1, bytes;
  for (uint32_t i = 0; i < tensor->rank; i++)
    if (tensor->dims[i] < 1 ||
        __builtin_mul_overflow(elements, (uint64_t)tensor->dims[i], &elements))
      return false;
  if (elements > INT64_MAX || tensor->dims[tensor->rank - 1] % type->block != 0)
    return false;
  return !__builtin_mul_overflow(elements / type->block, type->bytes, &bytes) &&
         bytes == tensor->bytes;
}

static ridge_status check_tensor(const ridge_host *host, const ridge_file_tensor *tensor,
                                 uint32_t *id) {
  const size_t size = strlen(tensor->name);
  if (size == 0 || size > GGUF_MAX_NAME)
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "the tensor name %.80s has %zu bytes; GGUF holds 1 to %u",
                      tensor->name, size, GGUF_MAX_NAME);
  if (!gguf_type_find(tensor->codec, id))
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "tensor %s: GGUF has no type for the codec %s; choose another "
                      "(q8_0, q4_k, f16 ...)",
                      tensor->name, tensor->codec);
  if (tensor->rank < 1 || tensor->rank > MOST_RANK || !bytes_agree(tensor, gguf_type(*id)))
    return host->fail(host, RIDGE_INVALID,
                      "tensor %s: its dimensions and its %" PRIu64
                      " bytes do not go together as %s",
                      tensor->name, tensor->bytes, tensor->codec);
  return RIDGE_OK;
}

static void pen_tensors(struct gguf_pen *pen, const ridge_model_file *model,
                        const ridge_piece *piece, uint64_t alignment) {
  uint64_t offset = 0;
  for (uint64_t i = piece->first; i < piece->first + piece->n; i++) {
    const ridge_file_tensor *tensor = &model->tensors[i];
    uint32_t id = 0;
    if (pen->status == RIDGE_OK) pen->status = check_tensor(pen->host, tensor, &id);
    if (pen->status != RIDGE_OK) return;
    pen_string(pen, tensor->name, strlen(tensor->name));
    pen_little(pen, tensor->rank, 4);
    for (uint32_t d = tensor->rank; d-- > 0;)
      pen_little(pen, (uint64_t)tensor->dims[d], 8); /* innermost first */
    pen_little(pen, id, 4);
    pen_little(pen, offset, 8);
    offset += tensor->bytes + gap_after(tensor->bytes, alignment);
  }
}

ridge_status gguf_write_head(const ridge_host *host, const ridge_model_file *model,
                             const ridge_piece *piece, const ridge_output *out) {
  struct gguf_pen pen = {.host = host, .out = out};
  const uint64_t alignment = alignment_wanted(model);
  pen_put(&pen, "GGUF", 4);
  pen_little(&pen, VERSION, 4);
  pen_little(&pen, piece->n, 8);
  pen_facts(&pen, model, piece);
  pen_tensors(&pen, model, piece, alignment);
  pen_zeros(&pen, gap_after(pen.at, alignment));
  return pen.status;
}

ridge_status gguf_write_after(const ridge_host *host, const ridge_model_file *model,
                              const ridge_piece *piece, uint64_t tensor,
                              const ridge_output *out) {
  (void)piece;
  struct gguf_pen pen = {.host = host, .out = out};
  pen_zeros(&pen, gap_after(model->tensors[tensor].bytes, alignment_wanted(model)));
  return pen.status;
}

ridge_status gguf_piece_name(const ridge_host *host, const char *name,
                             const ridge_piece *piece, char *to, uint64_t room) {
  if (piece->count > GGUF_MAX_PIECES)
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "the model would be %u files; at most %u are written: make them "
                      "larger",
                      piece->count, GGUF_MAX_PIECES);
  const size_t stem = strlen(name) - (ends_in(name, ".gguf") ? 5 : 0);
  const int size = piece->count == 1
                       ? snprintf(to, room, "%s", name)
                       : snprintf(to, room, "%.*s-%05u-of-%05u.gguf", (int)stem, name,
                                  piece->number + 1, piece->count);
  if (size < 0 || (uint64_t)size >= room)
    return host->fail(host, RIDGE_INVALID, "the file name %.80s... is too long", name);
  return RIDGE_OK;
}
