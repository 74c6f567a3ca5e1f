/*
 * safetensors.c - format.safetensors: models as huggingface.co has them, a directory
 * with weights (one file, or several by an index), config.json and a tokenizer.
 *
 * Facts and tensors get GGUF's keys and names.  Weights stay where they are mapped; in
 * memory are made only those that GGUF keeps in another form: vectors (as F32),
 * transposed and reordered matrices (GPT-2, GPT-NeoX), and experts, which are stored
 * one by one.  Types: F32, F16, BF16.
 *
 *   https://huggingface.co/docs/safetensors (format), github.com/huggingface/safetensors
 */
#include "st_parts.h"

#include <inttypes.h>
#include <string.h>

/* JSON that begins with an object may be an index. */
static bool probe(const uint8_t *head, uint64_t size) {
  return st_has_header(head, size) || (size >= 2 && head[0] == '{');
}

static ridge_status read_all(struct st_model *model) {
  ridge_status status = st_read_tensors(model);
  if (status == RIDGE_OK) status = st_read_config(model);
  if (status == RIDGE_OK) status = st_name_tensors(model);
  return status != RIDGE_OK ? status : st_read_tokenizer(model);
}

/* The arena moves with the struct it holds the memory of. */
static void close_opened(struct st_model *model) {
  struct st_arena arena = model->arena;
  st_drop(model->host, &model->facts);
  st_drop(model->host, &model->made);
  st_arena_free(&arena);
}

static ridge_status open_model(const ridge_host *host, const ridge_folder *folder,
                               ridge_model_file *out) {
  if (out->struct_size < sizeof *out)
    return host->fail(host, RIDGE_INVALID,
                      "the caller's ridge_model_file says it has %" PRIu64
                      " bytes; %zu are needed (struct_size is the caller's to set)",
                      out->struct_size, sizeof *out);
  struct st_arena arena = {.host = host};
  struct st_model *model = st_alloc(&arena, 1, sizeof *model);
  if (model == NULL) return st_no_memory(host);
  *model = (struct st_model){.arena = arena,
                             .host = host,
                             .folder = folder,
                             .facts = {.size = sizeof(ridge_fact)},
                             .made = {.size = sizeof(ridge_file_tensor)}};
  ridge_status status = read_all(model);
  model->folder = NULL;
  if (status != RIDGE_OK) {
    close_opened(model);
    return status;
  }
  out->facts = (const ridge_fact *)(const void *)model->facts.data;
  out->tensors = (const ridge_file_tensor *)(const void *)model->made.data;
  out->n_facts = model->facts.n;
  out->n_tensors = model->made.n;
  out->opaque = model;
  return RIDGE_OK;
}

static void close_model(ridge_model_file *file) {
  if (file->opaque != NULL) close_opened(file->opaque);
  file->facts = NULL;
  file->tensors = NULL;
  file->n_facts = file->n_tensors = 0;
  file->opaque = NULL;
}

/* The whole in one file is better than its parts, where both are there. */
static const char *const entries[] = {"model.safetensors", "model.safetensors.index.json",
                                      "*.safetensors.index.json", "*.safetensors", NULL};

static const ridge_format format = {
    .struct_size = sizeof format,
    .probe = probe,
    .open = open_model,
    .close = close_model,
    .entries = entries,
};

static const ridge_fill fills[] = {
    {.seam = RIDGE_SEAM_FORMAT, .table = &format, .key = "safetensors", .score = 100},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_PART,
    .phases = RIDGE_TRAIN | RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "format.safetensors",
    .version = "1.0.0",
    .summary = "reads model directories with safetensors files",
    .doc = "Opens a model as it is downloaded: `model.safetensors`, or several files by "
           "their index, with `config.json` and the tokenizer's files beside them. Every "
           "length, offset and product is checked before it is used. Weights are read "
           "where they lie, but for those that have to be put in another order.\n\n"
           "**When**: always, for such directories. **When not**: quantized ones (GPTQ, "
           "AWQ, FP8) are refused; models with many experts take as much memory again as "
           "their experts, which are stored one by one and are put together.",
    .license = "Apache-2.0",
    .source = "https://huggingface.co/docs/safetensors",
    .fills = RIDGE_ROWS(fills),
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
