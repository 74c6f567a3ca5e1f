/*
 * gguf.c - format.gguf: GGUF model files, versions 2 and 3, little-endian.
 *
 * Opening reads the header, the metadata and the list of tensors, checks all of it
 * against the bytes that are there, and copies no weights.  Metadata keep their
 * GGUF names, dimensions are turned outermost first.  Bytes after the last tensor are
 * ignored.  Does not read version 1 (32-bit lengths), big-endian files, or one part
 * of a model that is split over several files.
 *
 *   https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
#include "gguf_parts.h"

#include <inttypes.h>
#include <string.h>

#define MAGIC           "GGUF"
#define LEAST_FACT      14u /* a key of one byte, a type, a value of one byte           */
#define LEAST_TENSOR    33u /* a name of one byte, one dimension, type, offset          */
#define USUAL_ALIGNMENT 32u

static bool probe(const uint8_t *head, uint64_t size) {
  return size >= 4 && memcmp(head, MAGIC, 4) == 0;
}

static ridge_status read_version(struct gguf_cursor *c, struct gguf_file *file) {
  const uint8_t *magic = NULL;
  ridge_status status = gguf_take(c, 4, "the mark \"GGUF\"", &magic);
  if (status != RIDGE_OK) return status;
  if (memcmp(magic, MAGIC, 4) != 0)
    return gguf_fail(c, RIDGE_CORRUPT, 0,
                     "the file starts with %02x %02x %02x %02x; a GGUF file starts with "
                     "\"GGUF\" (47 47 55 46)",
                     magic[0], magic[1], magic[2], magic[3]);
  uint64_t version;
  status = gguf_number(c, 4, "the version", &version);
  if (status != RIDGE_OK) return status;
  file->version = (uint32_t)version;
  if (version == 2 || version == 3) return RIDGE_OK;
  if (version != 0 && (version & 0xffff) == 0)
    return gguf_fail(c, RIDGE_UNSUPPORTED, 4,
                     "the version reads 0x%08" PRIx64 ", as in a big-endian file; only "
                     "little-endian files can be read: convert it",
                     version);
  return gguf_fail(c, RIDGE_UNSUPPORTED, 4,
                   "the version is %" PRIu64 "; versions 2 and 3 can be read%s", version,
                   version == 1 ? ": convert the model again" : "");
}

static ridge_status read_count(struct gguf_cursor *c, const char *what, uint64_t max,
                               uint64_t least_bytes, uint64_t *out) {
  uint64_t start = c->at;
  ridge_status status = gguf_number(c, 8, what, out);
  if (status != RIDGE_OK) return status;
  uint64_t left = c->size - c->at;
  if (*out > left / least_bytes)
    return gguf_fail(c, RIDGE_CORRUPT, start,
                     "%s is %" PRIu64 ", but the %" PRIu64
                     " bytes that are left hold %" PRIu64
                     " at most; the file is cut short or the number is damaged",
                     what, *out, left, left / least_bytes);
  if (*out > max)
    return gguf_fail(c, RIDGE_UNSUPPORTED, start,
                     "%s is %" PRIu64 "; at most %" PRIu64 " are read", what, *out, max);
  return RIDGE_OK;
}

static ridge_status read_all(struct gguf_cursor *c, struct gguf_file *file) {
  ridge_status status = read_version(c, file);
  if (status != RIDGE_OK) return status;
  status = read_count(c, "the number of tensors", GGUF_MAX_TENSORS, LEAST_TENSOR,
                      &file->n_tensors);
  if (status != RIDGE_OK) return status;
  status = read_count(c, "the number of facts", GGUF_MAX_FACTS, LEAST_FACT, &file->n_facts);
  if (status != RIDGE_OK) return status;
  status = gguf_read_facts(c, file);
  return status != RIDGE_OK ? status : gguf_read_tensors(c, file);
}

/* The arena moves with the struct it holds the memory of. */
static void close_file(struct gguf_file *file) {
  struct gguf_arena arena = file->arena;
  gguf_arena_free(&arena);
}

static ridge_status open_file(const ridge_host *host, const ridge_folder *folder,
                              ridge_model_file *out) {
  if (out->struct_size < sizeof *out)
    return host->fail(host, RIDGE_INVALID,
                      "the caller's ridge_model_file says it has %" PRIu64
                      " bytes; %zu are "
                      "needed (struct_size is the caller's to set)",
                      out->struct_size, sizeof *out);
  struct gguf_cursor c = {
      .host = host, .data = folder->file.data, .size = folder->file.size};
  struct gguf_arena arena = {.host = host};
  struct gguf_file *file = gguf_alloc(&arena, 1, sizeof *file);
  if (file == NULL) return gguf_no_memory(&c, "the file's tables");
  *file = (struct gguf_file){.arena = arena, .alignment = USUAL_ALIGNMENT};
  ridge_status status = read_all(&c, file);
  if (status != RIDGE_OK) {
    close_file(file);
    return status;
  }
  out->facts = file->facts;
  out->tensors = file->tensors;
  out->n_facts = file->n_facts;
  out->n_tensors = file->n_tensors;
  out->opaque = file;
  return RIDGE_OK;
}

static void close_model(ridge_model_file *model) {
  if (model->opaque != NULL) close_file(model->opaque);
  model->facts = NULL;
  model->tensors = NULL;
  model->n_facts = model->n_tensors = 0;
  model->opaque = NULL;
}

static const char *const entries[] = {"*.gguf", NULL};

static const ridge_format format = {
    .struct_size = sizeof format,
    .probe = probe,
    .open = open_file,
    .close = close_model,
    .entries = entries,
};

static const ridge_fill fills[] = {
    {.seam = RIDGE_SEAM_FORMAT, .table = &format, .key = "gguf", .score = 100},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_PART,
    .phases = RIDGE_TRAIN | RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "format.gguf",
    .version = "1.0.0",
    .summary = "reads GGUF model files (versions 2 and 3)",
    .doc =
        "Opens model files in the GGUF format: metadata, tokenizer tables and the list of "
        "tensors, with every length, offset and product checked before it is used. "
        "Weights are not copied; they are read where they lie.\n\n"
        "**When**: always, for `.gguf` files. **When not**: version 1 and big-endian files "
        "are refused, and a model split over several files has to be merged first.",
    .license = "Apache-2.0",
    .source = "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md",
    .fills = RIDGE_ROWS(fills),
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
