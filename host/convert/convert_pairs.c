/*
 * convert_pairs.c - rotary embedding turns pairs of numbers of a query or key.  Which
 * two are a pair is a convention: neighbours, or one of each half.
 *
 * GGUF files of llama's family mean neighbours; the files such models are published in
 * mean halves, and their reader says so by the fact `ridge.rope.pairing` = "halves".
 * The rows of the projections are put into the other order, head by head, and every
 * product of a query and a key stays what it was.      Su et al., RoFormer, arXiv
 * 2104.09864, section 3.2.2
 */
#include "convert/convert.h"

#include <string.h>

static bool is_projection(const char *name, bool *is_key) {
  static const char *const parts[] = {".attn_q.weight", ".attn_q.bias", ".attn_k.weight",
                                      ".attn_k.bias"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    const char *at = strstr(name, parts[i]);
    *is_key = i >= 2;
    if (at != NULL && at[strlen(parts[i])] == 0) return true;
  }
  return false;
}

static bool is_exact(const struct convert_row *row) {
  static const char *const plain[] = {"f32", "f16", "bf16"};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    if (strcmp(plain[i], row->from->codec) == 0) return true;
  return false;
}

static ridge_status pair_rows(struct convert_plan *plan, struct convert_row *row,
                              int64_t heads, struct why *why) {
  const int64_t rows = row->from->dims[0];
  const char *path = plan->spec->source->path;
  if (heads < 1 || rows % heads != 0 || plan->rope_rows > rows / heads)
    return why_set(why, RIDGE_CORRUPT,
                   "%s: tensor %s has %lld rows, which are not %lld heads of at least %lld",
                   path, row->from->name, (long long)rows, (long long)heads,
                   (long long)plan->rope_rows);
  if (!is_exact(row))
    return why_set(why, RIDGE_UNSUPPORTED,
                   "%s: tensor %s is stored as %s, and its rows have to be put in another "
                   "order for this format; that is done for f32, f16 and bf16",
                   path, row->from->name, row->from->codec);
  row->head_rows = rows / heads;
  return RIDGE_OK;
}

ridge_status convert_pairs(struct convert_plan *plan, struct why *why) {
  const struct source *source = plan->spec->source;
  const ridge_fact *fact = source_fact(source, "ridge.rope.pairing");
  if (fact == NULL || strcmp(plan->spec->format, "gguf") != 0) return RIDGE_OK;
  if (fact->type != RIDGE_FACT_TEXT || fact->value.text.size != 6 ||
      memcmp(fact->value.text.data, "halves", 6) != 0)
    return RIDGE_OK; /* neighbours: as GGUF has them */
  const int64_t heads = convert_int(source, "attention.head_count", 0);
  const int64_t width = convert_int(source, "embedding_length", 0);
  plan->rope_rows =
      convert_int(source, "rope.dimension_count", heads > 0 ? width / heads : 0);
  if (plan->rope_rows < 2 || plan->rope_rows % 2 != 0)
    return why_set(why, RIDGE_CORRUPT,
                   "%s: says that its rotary embedding pairs halves, but not over how many "
                   "rows of a head (rope.dimension_count)",
                   source->path);
  for (size_t i = 0; i < plan->n; i++) {
    bool is_key;
    if (!is_projection(plan->rows[i].from->name, &is_key)) continue;
    const int64_t own =
        is_key ? convert_int(source, "attention.head_count_kv", heads) : heads;
    ridge_status status = pair_rows(plan, &plan->rows[i], own, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* Row 2 i + j of a head was row i of half j; rows that are not turned stay. */
int64_t convert_pair_row(const struct convert_plan *plan, const struct convert_row *row,
                         int64_t at) {
  if (row->head_rows == 0) return at;
  const int64_t head = at / row->head_rows * row->head_rows, in = at - head;
  if (in >= plan->rope_rows) return at;
  return head + in % 2 * (plan->rope_rows / 2) + in / 2;
}
