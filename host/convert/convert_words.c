/*
 * convert_words.c - what the facts of a tokenizer that GGUF has no place for leave open.
 *
 * Most of them say again what GGUF's own facts say: then nothing is lost, and nothing is
 * told.  Merges are such a case where each merge that two tokens allow is listed and the
 * merges that make one token follow each other: then the order of the tokens' scores is
 * the order of the merges (but for texts in which one token can be made in two ways that
 * overlap: runs of one character).  Ends beyond the one that eos_token_id names go to the
 * two keys that GGUF has for more.
 */
#include "convert/convert.h"
#include "model/tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_NORMAL = 1 };

/* ---- merges ---- */

struct words {
  const ridge_bytes *texts;
  const int64_t *types, *merges; /* merges: (n_merges, left right joint) */
  uint64_t n, n_merges;
  uint64_t *order; /* (n) token numbers, by text */
};

static int compare_bytes(const ridge_bytes *a, const uint8_t *data, uint64_t size) {
  const uint64_t least = a->size < size ? a->size : size;
  const int sign = memcmp(a->data, data, (size_t)least);
  if (sign != 0) return sign;
  return a->size < size ? -1 : a->size > size;
}

static int by_text(const void *a, const void *b, void *ctx) {
  const struct words *words = ctx;
  const ridge_bytes *right = &words->texts[*(const uint64_t *)b];
  return compare_bytes(&words->texts[*(const uint64_t *)a], right->data, right->size);
}

static bool is_token(const struct words *words, const uint8_t *data, uint64_t size) {
  uint64_t lo = 0, hi = words->n;
  while (lo < hi) {
    const uint64_t middle = lo + (hi - lo) / 2;
    const int sign = compare_bytes(&words->texts[words->order[middle]], data, size);
    if (sign == 0) return true;
    if (sign < 0)
      lo = middle + 1;
    else
      hi = middle;
  }
  return false;
}

/* Into how many pairs of tokens can the token be cut? */
static uint64_t count_cuts(const struct words *words, uint64_t id) {
  const ridge_bytes *text = &words->texts[id];
  uint64_t n = 0;
  for (uint64_t i = 1; i < text->size; i++) {
    if ((text->data[i] & 0xc0) == 0x80) continue; /* within a character */
    n += is_token(words, text->data, i) && is_token(words, text->data + i, text->size - i);
  }
  return n;
}

struct span {
  uint64_t first, last, n; /* merges that make a token */
};

static bool scores_say_so(const struct words *words, struct span *spans) {
  for (uint64_t i = 0; i < words->n_merges; i++) {
    const int64_t joint = words->merges[3 * i + 2];
    if (joint < 0 || (uint64_t)joint >= words->n) return false;
    struct span *span = &spans[joint];
    if (span->n++ == 0) span->first = i;
    span->last = i;
  }
  for (uint64_t id = 0; id < words->n; id++) {
    const struct span *span = &spans[id];
    if (span->n > 0 && span->last - span->first + 1 != span->n) return false;
    if (words->types[id] != PIECE_NORMAL) continue;
    if (count_cuts(words, id) != span->n) return false;
  }
  return true;
}

static bool read_words(const struct source *source, const ridge_fact *merges,
                       struct words *out) {
  const ridge_fact *texts = source_fact(source, "tokenizer.ggml.tokens");
  const ridge_fact *types = source_fact(source, "tokenizer.ggml.token_type");
  if (texts == NULL || texts->type != RIDGE_FACT_TEXTS) return false;
  if (types == NULL || types->type != RIDGE_FACT_INTS || types->count != texts->count)
    return false;
  if (merges->type != RIDGE_FACT_INTS || merges->count % 3 != 0) return false;
  *out = (struct words){.texts = texts->value.texts,
                        .types = types->value.ints,
                        .merges = merges->value.ints,
                        .n = texts->count,
                        .n_merges = merges->count / 3};
  return true;
}

static bool is_merge_order_lost(struct convert_plan *plan, const ridge_fact *merges) {
  struct words words;
  if (!read_words(plan->spec->source, merges, &words)) return true;
  words.order = arena_array(&plan->memory, (size_t)words.n + 1, sizeof *words.order);
  struct span *spans = arena_array(&plan->memory, (size_t)words.n + 1, sizeof *spans);
  for (uint64_t i = 0; i < words.n; i++) words.order[i] = i;
  qsort_r(words.order, (size_t)words.n, sizeof *words.order, by_text, &words);
  return !scores_say_so(&words, spans);
}

/* ---- the others ---- */

static bool is_prefix_lost(struct convert_plan *plan, const ridge_fact *fact) {
  (void)plan;
  static const char same[] = "always"; /* what add_space_prefix means by itself */
  return fact->type != RIDGE_FACT_TEXT || fact->value.text.size != strlen(same) ||
         memcmp(fact->value.text.data, same, strlen(same)) != 0;
}

static const struct {
  const char *key, *effect;
  bool (*is_lost)(struct convert_plan *, const ridge_fact *); /* NULL: always */
} rows[] = {
    {"ridge.tokenizer.merges",
     "scores decide which pieces are joined first, and some texts are cut otherwise",
     is_merge_order_lost},
    {"ridge.tokenizer.prefix",
     "one blank more stands before a text that begins with one, or behind added tokens",
     is_prefix_lost},
    {"ridge.tokenizer.normal_form",
     "characters in decomposed form are not composed before they are looked up", NULL},
    {"ridge.tokenizer.strips_left",
     "blanks before some added tokens stay tokens of their own", NULL},
    {"ridge.tokenizer.strips_right",
     "blanks behind some added tokens stay tokens of their own", NULL},
    {"ridge.tokenizer.white_space", "tabs and line ends are not taken for blanks", NULL},
};

const char *convert_words_lost(struct convert_plan *plan, const ridge_fact *fact) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].key, fact->key) != 0) continue;
    const bool is_lost = rows[i].is_lost == NULL || rows[i].is_lost(plan, fact);
    return is_lost ? rows[i].effect : NULL;
  }
  return "GGUF has no place for it, and the file that is written is read without it";
}

/* ---- tokens that end a text ---- */

static bool has_fact(const struct convert_plan *plan, const char *key) {
  for (size_t i = 0; i < plan->n_facts; i++)
    if (strcmp(plan->facts[i].key, key) == 0) return true;
  return false;
}

/* As the file that is written will be read: the tokens that only the source ends at. */
static bool missing_end(const struct convert_plan *plan, const struct tokenizer *ours,
                        int64_t *id) {
  const ridge_model_file file = {
      .struct_size = sizeof file, .facts = plan->facts, .n_facts = plan->n_facts};
  struct tokenizer *theirs;
  struct why why;
  if (tokenizer_new(&file, &theirs, &why) != RIDGE_OK) return false;
  int32_t at = 0, n = tokenizer_vocab(ours);
  while (at < n && (!tokenizer_is_end(ours, at) || tokenizer_is_end(theirs, at))) at++;
  tokenizer_free(theirs);
  *id = at;
  return at < n;
}

bool convert_words_ends(struct convert_plan *plan) {
  static const char *const keys[] = {"tokenizer.ggml.eot_token_id",
                                     "tokenizer.ggml.eom_token_id"};
  struct tokenizer *ours;
  struct why why;
  int64_t id = 0;
  if (tokenizer_new(&plan->spec->source->file, &ours, &why) != RIDGE_OK) return false;
  bool is_missing = missing_end(plan, ours, &id);
  for (size_t i = 0; i < sizeof keys / sizeof *keys && is_missing; i++) {
    if (has_fact(plan, keys[i])) continue;
    convert_set_int(plan, keys[i], id);
    is_missing = missing_end(plan, ours, &id);
  }
  tokenizer_free(ours);
  return !is_missing;
}
