/* arch.c - the architectures known, and reading a model's numbers. */
#include "model/arch.h"

#include "base/near.h"
#include "base/text.h"

#include <ridge/graph.h>

#include <stdio.h>
#include <string.h>

static const struct arch_row rows[] = {
    {
        .name = "llama",
        .norm = ARCH_RMSNORM,
        .position = ARCH_ROPE_PAIRS,
        .act = RIDGE_ACT_SILU,
        .gated = true,
        .source = "arXiv 2302.13971",
    },
    {
        .name = "gpt2",
        .norm = ARCH_LAYERNORM,
        .position = ARCH_LEARNED,
        .act = RIDGE_ACT_GELU_TANH,
        .fused_qkv = true,
        .biases = true,
        .source =
            "Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
    },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* More than any model has, and small enough that products stay in 64 bits. */
enum { MOST_LAYERS = 4096, MOST_HEADS = 65536, MOST_DIM = 1 << 20 };
#define MOST_VOCAB ((int64_t)1 << 24)

static const struct arch_row *find_row(const ridge_bytes name) {
  for (int i = 0; i < N_ROWS; i++)
    if (strlen(rows[i].name) == name.size &&
        memcmp(rows[i].name, name.data, name.size) == 0)
      return &rows[i];
  return NULL;
}

static ridge_status which_row(const struct source *source, struct arch *out,
                              struct why *why) {
  const ridge_fact *fact = source_fact(source, "general.architecture");
  if (fact == NULL || fact->type != RIDGE_FACT_TEXT)
    return why_set(
        why, RIDGE_CORRUPT,
        "%s: has no text `general.architecture`, so it cannot be told what it is",
        source->path);
  out->row = find_row(fact->value.text);
  if (out->row != NULL) return RIDGE_OK;
  char known[256] = "";
  for (int i = 0; i < N_ROWS; i++) {
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", rows[i].name);
  }
  int size = fact->value.text.size > 64 ? 64 : (int)fact->value.text.size;
  return why_set(why, RIDGE_UNSUPPORTED,
                 "%s: its architecture `%.*s` is not known here; known are: %s",
                 source->path, size, (const char *)fact->value.text.data, known);
}

/* "llama.block_count" for the model at hand. */
static const char *key_of(const struct arch *arch, const char *field, char room[128]) {
  snprintf(room, 128, "%s.%s", arch->row->name, field);
  return room;
}

static ridge_status read_int(const struct source *source, const struct arch *arch,
                             const char *field, int64_t hi, int64_t *out, struct why *why) {
  char key[128];
  return source_int(source, key_of(arch, field, key), 1, hi, out, why);
}

/* As read_int, but a model may leave it out: then `out` keeps its value. */
static ridge_status read_optional(const struct source *source, const struct arch *arch,
                                  const char *field, int64_t hi, int64_t *out,
                                  struct why *why) {
  char key[128];
  if (source_fact(source, key_of(arch, field, key)) == NULL) return RIDGE_OK;
  return source_int(source, key, 1, hi, out, why);
}

static ridge_status read_rope(const struct source *source, struct arch *out,
                              struct why *why) {
  char key[128];
  ridge_status status = RIDGE_OK;
  out->rope_dims = out->head_dim;
  out->rope_base = 10000;
  out->rope_scale = 1;
  if (out->row->position == ARCH_LEARNED) return RIDGE_OK;
  status =
      read_optional(source, out, "rope.dimension_count", MOST_DIM, &out->rope_dims, why);
  if (status == RIDGE_OK && source_fact(source, key_of(out, "rope.freq_base", key)) != NULL)
    status = source_real(source, key, &out->rope_base, why);
  if (status != RIDGE_OK) return status;
  if (out->rope_dims > out->head_dim || out->rope_dims % 2 != 0)
    return why_set(why, RIDGE_CORRUPT,
                   "%s: rope.dimension_count is %lld; it must be even and at most %lld",
                   source->path, (long long)out->rope_dims, (long long)out->head_dim);
  if (!(out->rope_base > 0))
    return why_set(why, RIDGE_CORRUPT, "%s: rope.freq_base is %g; it must be above 0",
                   source->path, out->rope_base);
  const ridge_fact *scaling = source_fact(source, key_of(out, "rope.scaling.type", key));
  if (scaling == NULL || scaling->type != RIDGE_FACT_TEXT) return RIDGE_OK;
  ridge_bytes type = scaling->value.text;
  if (type.size == 4 && memcmp(type.data, "none", 4) == 0) return RIDGE_OK;
  if (type.size == 6 && memcmp(type.data, "linear", 6) == 0) {
    double factor;
    status = source_real(source, key_of(out, "rope.scaling.factor", key), &factor, why);
    if (status != RIDGE_OK) return status;
    if (!(factor > 0))
      return why_set(why, RIDGE_CORRUPT,
                     "%s: rope.scaling.factor is %g; it must be above 0", source->path,
                     factor);
    out->rope_scale = 1 / factor;
    return RIDGE_OK;
  }
  return why_set(why, RIDGE_UNSUPPORTED,
                 "%s: rope scaling `%.*s` is not known here (none, linear)", source->path,
                 type.size > 32 ? 32 : (int)type.size, (const char *)type.data);
}

/* The table's rows are the vocabulary; a count beside it must agree. */
static ridge_status read_vocab(const struct source *source, struct arch *out,
                               struct why *why) {
  const ridge_file_tensor *table = source_tensor(source, "token_embd.weight");
  if (table == NULL || table->rank != 2)
    return why_set(
        why, RIDGE_CORRUPT,
        "%s: has no matrix `token_embd.weight`; is it a vocabulary without a model?",
        source->path);
  out->vocab = table->dims[0];
  if (out->vocab < 1 || out->vocab > MOST_VOCAB)
    return why_set(why, RIDGE_CORRUPT,
                   "%s: `token_embd.weight` has %lld rows; 1 to %lld are possible",
                   source->path, (long long)out->vocab, (long long)MOST_VOCAB);
  out->tied = source_tensor(source, "output.weight") == NULL;
  return RIDGE_OK;
}

ridge_status arch_read(const struct source *source, struct arch *out, struct why *why) {
  *out = (struct arch){0};
  char key[128];
  ridge_status status = which_row(source, out, why);
  if (status == RIDGE_OK)
    status = read_int(source, out, "block_count", MOST_LAYERS, &out->layers, why);
  if (status == RIDGE_OK)
    status = read_int(source, out, "embedding_length", MOST_DIM, &out->dim, why);
  if (status == RIDGE_OK)
    status = read_int(source, out, "attention.head_count", MOST_HEADS, &out->heads, why);
  if (status == RIDGE_OK)
    status = read_int(source, out, "feed_forward_length", MOST_DIM, &out->ffn, why);
  if (status == RIDGE_OK)
    status = read_int(source, out, "context_length", INT32_MAX, &out->context, why);
  if (status != RIDGE_OK) return status;
  out->kv_heads = out->heads;
  status = read_optional(source, out, "attention.head_count_kv", MOST_HEADS, &out->kv_heads,
                         why);
  if (status != RIDGE_OK) return status;
  if (out->heads % out->kv_heads != 0)
    return why_set(why, RIDGE_CORRUPT,
                   "%s: %lld heads cannot share %lld key/value heads evenly", source->path,
                   (long long)out->heads, (long long)out->kv_heads);
  if (source_fact(source, key_of(out, "attention.key_length", key)) == NULL &&
      out->dim % out->heads != 0)
    return why_set(
        why, RIDGE_CORRUPT,
        "%s: embedding_length %lld does not divide into %lld heads, and there is no "
        "attention.key_length",
        source->path, (long long)out->dim, (long long)out->heads);
  out->head_dim = out->dim / out->heads;
  status =
      read_optional(source, out, "attention.key_length", MOST_DIM, &out->head_dim, why);
  if (status != RIDGE_OK) return status;
  if (out->head_dim < 1 || out->heads * out->head_dim > MOST_DIM)
    return why_set(why, RIDGE_CORRUPT, "%s: %lld heads of %lld dimensions are not possible",
                   source->path, (long long)out->heads, (long long)out->head_dim);
  status =
      source_real(source,
                  key_of(out,
                         out->row->norm == ARCH_RMSNORM ? "attention.layer_norm_rms_epsilon"
                                                        : "attention.layer_norm_epsilon",
                         key),
                  &out->eps, why);
  if (status == RIDGE_OK) status = read_rope(source, out, why);
  if (status == RIDGE_OK) status = read_vocab(source, out, why);
  return status;
}
