/* arch.c - which architecture a model is of, and its sizes. */
#include "model/arch_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- reading keys ------------------------------------------------------------------ */

const char *arch_key(const struct arch_reading *r, const char *field, char room[128]) {
  snprintf(room, 128, "%s.%s", r->arch->row->name, field);
  return room;
}

const ridge_fact *arch_fact(const struct arch_reading *r, const char *field) {
  char key[128];
  return source_fact(r->source, arch_key(r, field, key));
}

void arch_int(struct arch_reading *r, const char *field, int64_t lo, int64_t hi,
              int64_t *out) {
  char key[128];
  if (r->status == RIDGE_OK)
    r->status = source_int(r->source, arch_key(r, field, key), lo, hi, out, r->why);
}

void arch_int_maybe(struct arch_reading *r, const char *field, int64_t lo, int64_t hi,
                    int64_t *out) {
  if (arch_fact(r, field) != NULL) arch_int(r, field, lo, hi, out);
}

void arch_real(struct arch_reading *r, const char *field, double lo, double *out) {
  char key[128];
  if (r->status != RIDGE_OK) return;
  r->status = source_real(r->source, arch_key(r, field, key), out, r->why);
  if (r->status == RIDGE_OK && *out < lo)
    r->status = why_set(r->why, RIDGE_CORRUPT, "%s: `%s` is %g; it must be at least %g",
                        r->source->path, key, *out, lo);
}

void arch_real_maybe(struct arch_reading *r, const char *field, double lo, double *out) {
  if (arch_fact(r, field) != NULL) arch_real(r, field, lo, out);
}

void arch_flag_maybe(struct arch_reading *r, const char *field, bool *out) {
  int64_t value = *out;
  arch_int_maybe(r, field, 0, 1, &value);
  *out = value != 0;
}

/* --- which ------------------------------------------------------------------------- */

static const struct arch_row *find_row(ridge_bytes name) {
  int n;
  const struct arch_row *rows = arch_rows(&n);
  for (int i = 0; i < n; i++)
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
  char known[512] = "";
  int n;
  const struct arch_row *rows = arch_rows(&n);
  for (int i = 0; i < n; i++) {
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", rows[i].name);
  }
  int size = fact->value.text.size > 64 ? 64 : (int)fact->value.text.size;
  return why_set(why, RIDGE_UNSUPPORTED,
                 "%s: its architecture `%.*s` is not known here; known are: %s",
                 source->path, size, (const char *)fact->value.text.data, known);
}

/* --- sizes ------------------------------------------------------------------------- */

static void read_heads(struct arch_reading *r) {
  struct arch *a = r->arch;
  arch_int(r, "attention.head_count", 1, MOST_HEADS, &a->heads);
  a->kv_heads = a->heads;
  arch_int_maybe(r, "attention.head_count_kv", 1, MOST_HEADS, &a->kv_heads);
  if (r->status != RIDGE_OK) return;
  const char *path = r->source->path;
  if (a->heads % a->kv_heads != 0)
    r->status = why_set(r->why, RIDGE_CORRUPT,
                        "%s: %lld heads cannot share %lld key/value heads evenly", path,
                        (long long)a->heads, (long long)a->kv_heads);
  else if (arch_fact(r, "attention.key_length") == NULL && a->dim % a->heads != 0)
    r->status = why_set(
        r->why, RIDGE_CORRUPT,
        "%s: embedding_length %lld does not divide into %lld heads, and there is no "
        "attention.key_length",
        path, (long long)a->dim, (long long)a->heads);
  if (r->status != RIDGE_OK) return;
  a->head_dim = a->dim / a->heads;
  arch_int_maybe(r, "attention.key_length", 1, MOST_DIM, &a->head_dim);
  if (r->status == RIDGE_OK && (a->head_dim < 1 || a->heads * a->head_dim > MOST_DIM))
    r->status =
        why_set(r->why, RIDGE_CORRUPT, "%s: %lld heads of %lld dimensions are not possible",
                path, (long long)a->heads, (long long)a->head_dim);
  int64_t value_length = a->head_dim;
  arch_int_maybe(r, "attention.value_length", 1, MOST_DIM, &value_length);
  if (r->status == RIDGE_OK && value_length != a->head_dim)
    r->status = why_set(r->why, RIDGE_UNSUPPORTED,
                        "%s: attention.value_length is %lld and keys have %lld dimensions; "
                        "only heads with one width for both are known here",
                        path, (long long)value_length, (long long)a->head_dim);
}

/* The table's rows are the vocabulary; a count beside it must agree. */
static void read_vocab(struct arch_reading *r) {
  if (r->status != RIDGE_OK) return;
  const ridge_file_tensor *table = source_tensor(r->source, "token_embd.weight");
  if (table == NULL || table->rank != 2) {
    r->status = why_set(
        r->why, RIDGE_CORRUPT,
        "%s: has no matrix `token_embd.weight`; is it a vocabulary without a model?",
        r->source->path);
    return;
  }
  r->arch->vocab = table->dims[0];
  if (r->arch->vocab < 1 || r->arch->vocab > MOST_VOCAB)
    r->status = why_set(r->why, RIDGE_CORRUPT,
                        "%s: `token_embd.weight` has %lld rows; 1 to %lld are possible",
                        r->source->path, (long long)r->arch->vocab, (long long)MOST_VOCAB);
  r->arch->tied = source_tensor(r->source, "output.weight") == NULL;
}

/* OPT has a variant that norms after each part, which is another model. */
static void refuse_post_norm(struct arch_reading *r) {
  bool before = true;
  arch_flag_maybe(r, "do_layer_norm_before", &before);
  if (r->status == RIDGE_OK && !before)
    r->status = why_set(r->why, RIDGE_UNSUPPORTED,
                        "%s: %s.do_layer_norm_before is false: a model that norms after "
                        "each part (OPT-350m) is not known here",
                        r->source->path, r->arch->row->name);
}

static void read_sizes(struct arch_reading *r) {
  struct arch *a = r->arch;
  arch_int(r, "block_count", 1, MOST_LAYERS, &a->layers);
  arch_int(r, "embedding_length", 1, MOST_DIM, &a->dim);
  read_heads(r);
  arch_int(r, "feed_forward_length", 1, MOST_DIM, &a->ffn);
  arch_int(r, "context_length", 1, INT32_MAX, &a->context);
  arch_real(r,
            a->row->norm == ARCH_RMSNORM ? "attention.layer_norm_rms_epsilon"
                                         : "attention.layer_norm_epsilon",
            0, &a->eps);
  a->parallel = a->row->residual == ARCH_BY_FACT;
  if (a->parallel) arch_flag_maybe(r, "use_parallel_residual", &a->parallel);
}

ridge_status arch_read(const struct source *source, struct arch *out, struct why *why) {
  *out = (struct arch){0};
  struct arch_reading reading = {.source = source, .arch = out, .why = why};
  reading.status = which_row(source, out, why);
  if (reading.status != RIDGE_OK) return reading.status;
  read_sizes(&reading);
  refuse_post_norm(&reading);
  arch_read_rope(&reading);
  arch_read_attention(&reading);
  arch_read_experts(&reading);
  read_vocab(&reading);
  return reading.status;
}

bool arch_is_local(const struct arch *arch, int64_t layer) {
  if (arch->window == 0) return false;
  if (arch->local != NULL) return arch->local[layer] != 0;
  if (arch->global_every == 0) return true;
  return layer % arch->global_every < arch->global_every - 1;
}
