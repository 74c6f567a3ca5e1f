/*
 * convert_pairs.c - rotary embedding turns pairs of numbers of a query or key.  Which
 * two are a pair is a convention: neighbours, or one of each half.
 *
 * The files models are published in mean halves, and their reader says so by the fact
 * `ridge.rope.pairing` = "halves".  GGUF files, which have no such fact, mean neighbours
 * for the architectures of llama's kind: there the rows of the projections are put into
 * the other order, head by head, and every product of a query and a key stays what it
 * was.      Su et al., RoFormer, arXiv
 * 2104.09864, section 3.2.2
 */
#include "convert/convert.h"
#include "model/arch.h"

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

/* The pairing that GGUF means for the architecture. */
static bool gguf_pairing(const struct convert_plan *plan, enum arch_position *out) {
  int n;
  const struct arch_row *rows = arch_rows(&n);
  for (int i = 0; i < n; i++)
    if (strcmp(rows[i].name, plan->architecture) == 0) {
      *out = rows[i].position;
      return true;
    }
  return false;
}

static bool is_text(const ridge_fact *fact, const char *text) {
  return fact->type == RIDGE_FACT_TEXT && fact->value.text.size == strlen(text) &&
         memcmp(fact->value.text.data, text, strlen(text)) == 0;
}

static ridge_status turn(struct convert_plan *plan, struct why *why) {
  struct arch arch;
  ridge_status status = arch_read(plan->spec->source, &arch, why);
  if (status != RIDGE_OK) return status;
  plan->rope_rows = arch.rope_dims;
  for (size_t i = 0; i < plan->n && status == RIDGE_OK; i++) {
    struct convert_row *row = &plan->rows[i];
    bool is_key;
    if (strstr(row->from->name, ".attn_qkv.") != NULL)
      return why_set(why, RIDGE_UNSUPPORTED,
                     "%s: queries and keys share the tensor %s; their rows cannot be put "
                     "into GGUF's order there",
                     plan->spec->source->path, row->from->name);
    if (!is_projection(row->from->name, &is_key)) continue;
    status = pair_rows(plan, row, is_key ? arch.kv_heads : arch.heads, why);
  }
  return status;
}

ridge_status convert_pairs(struct convert_plan *plan, struct why *why) {
  enum arch_position wanted = ARCH_LEARNED;
  const struct source *source = plan->spec->source;
  const ridge_fact *fact = source_fact(source, "ridge.rope.pairing");
  if (fact == NULL || strcmp(plan->spec->format, "gguf") != 0) return RIDGE_OK;
  if (!gguf_pairing(plan, &wanted))
    return why_set(why, RIDGE_UNSUPPORTED,
                   "%s: the architecture `%s` is not known, nor in which order GGUF has "
                   "the rows of its queries and keys",
                   source->path, plan->architecture);
  if (wanted == ARCH_LEARNED) return RIDGE_OK;
  if (is_text(fact, wanted == ARCH_ROPE_PAIRS ? "pairs" : "halves")) return RIDGE_OK;
  if (is_text(fact, "halves")) return turn(plan, why);
  return why_set(why, RIDGE_UNSUPPORTED,
                 "%s: `ridge.rope.pairing` is not the text halves, and GGUF has no other "
                 "order for `%s`",
                 source->path, plan->architecture);
}

/* Row 2 i + j of a head was row i of half j; rows that are not turned stay. */
int64_t convert_pair_row(const struct convert_plan *plan, const struct convert_row *row,
                         int64_t at) {
  if (row->head_rows == 0) return at;
  const int64_t head = at / row->head_rows * row->head_rows, in = at - head;
  if (in >= plan->rope_rows) return at;
  return head + in % 2 * (plan->rope_rows / 2) + in / 2;
}
