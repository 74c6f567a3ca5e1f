/*
 * gguf.c - format.gguf: GGUF model files, versions 2 and 3, little-endian.
 *
 * Opening reads the header, the metadata and the list of tensors, checks all of it
 * against the bytes that are there, and copies no weights.  Metadata keep their
 * GGUF names, dimensions are turned outermost first.  Bytes after the last tensor are
 * ignored.  Of a model that is split over several files, any piece opens the whole.
 * Does not read version 1 (32-bit lengths) or big-endian files.  Writes version 3.
 *
 *   https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
#include "gguf_parts.h"

#include <inttypes.h>
#include <string.h>

#define MAGIC        "GGUF"
#define LEAST_FACT   14u /* a key of one byte, a type, a value of one byte             */
#define LEAST_TENSOR 33u /* a name of one byte, one dimension, type, offset            */

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

ridge_status gguf_read_file(struct gguf_cursor *c, struct gguf_file *file) {
  file->alignment = GGUF_ALIGNMENT;
  file->split = (struct gguf_split){.count = 1, .tensors = -1};
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
static void free_model(struct gguf_model *model) {
  struct gguf_arena arena = model->arena;
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
  struct gguf_arena arena = {.host = host};
  struct gguf_model *model = gguf_alloc(&arena, 1, sizeof *model);
  if (model == NULL)
    return host->fail(host, RIDGE_NO_MEMORY, "there is no memory for the file's tables");
  *model = (struct gguf_model){.arena = arena};
  ridge_status status = gguf_read_model(host, folder, model);
  if (status != RIDGE_OK) {
    free_model(model);
    return status;
  }
  out->facts = model->facts;
  out->tensors = model->tensors;
  out->n_facts = model->n_facts;
  out->n_tensors = model->n_tensors;
  out->opaque = model;
  return RIDGE_OK;
}

static void close_model(ridge_model_file *model) {
  if (model->opaque != NULL) free_model(model->opaque);
  model->facts = NULL;
  model->tensors = NULL;
  model->n_facts = model->n_tensors = 0;
  model->opaque = NULL;
}

static const char *const entries[] = {"*-00001-of-?????.gguf", "*.gguf", NULL};

static const ridge_format format = {
    .struct_size = sizeof format,
    .probe = probe,
    .open = open_file,
    .close = close_model,
    .entries = entries,
    .write_head = gguf_write_head,
    .write_after = gguf_write_after,
    .piece_name = gguf_piece_name,
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
    .summary = "reads and writes GGUF model files (versions 2 and 3)",
    .doc =
        "Opens model files in the GGUF format: metadata, tokenizer tables and the list of "
        "tensors, with every length, offset and product checked before it is used. "
        "Weights are not copied; they are read where they lie. Of a model that is split "
        "over several files, any piece opens the whole. Written are files of version 3, in "
        "one piece or several.\n\n"
        "**When**: always, for `.gguf` files. **When not**: version 1 and big-endian files "
        "are refused.",
    .license = "Apache-2.0",
    .source = "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md",
    .fills = RIDGE_ROWS(fills),
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
