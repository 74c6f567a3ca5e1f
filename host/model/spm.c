/*
 * spm.c - SentencePiece's byte-pair model, as GGUF calls "llama".
 *
 * Blanks become U+2581; then neighbouring characters join while their joint text is a
 * piece, highest score first, leftmost of equals.  What is left and is no piece is
 * written as byte tokens; a vocabulary without them cannot spell it, which is an error.
 *
 * A whole text is one row of symbols, but joins reach only as far as pieces do: between
 * two characters that stand side by side in no piece nothing ever joins, and the text
 * may be cut there without changing the result.  Such parts are short (about a word)
 * and come again, so most are copied from where they stood before.
 *
 * Where the model's merges are known by themselves (ridge.tokenizer.merges: left, right
 * and joint numbers), they say which pairs join, earliest first, and scores say nothing.
 *
 * Invalid UTF-8 is cut by the high bits of each first byte alone and, being no piece,
 * written as byte tokens.     Rules after llama.cpp, llama-vocab.cpp (llm_tokenizer_spm)
 */
#include "model/merge_table.h"
#include "model/tokenizer_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spm {
  const struct vocab *vocab;
  uint32_t *order;           /* (tokens) rank by score: equal scores have equal ranks */
  int32_t byte[256];         /* the token that is this byte, or -1                    */
  struct merge_table merges; /* no slots: scores decide                       */
  uint64_t *touch;           /* bits by hash: these two characters meet in some piece */
  uint32_t touch_mask;
};

/* ---- tables -------------------------------------------------------------------------- */

struct scored {
  double score;
  int32_t id;
};

static int compare_scores(const void *a, const void *b) {
  double left = ((const struct scored *)a)->score,
         right = ((const struct scored *)b)->score;
  return (left < right) - (left > right);
}

static ridge_status score_of(const ridge_fact *scores, int32_t i, double *out,
                             struct why *why) {
  double score = scores->type == RIDGE_FACT_REALS ? scores->value.reals[i]
                                                  : (double)scores->value.ints[i];
  if (isnan(score))
    return why_set(why, RIDGE_CORRUPT,
                   "tokenizer.ggml.scores: the score of token %d is not a number", i);
  *out = score;
  return RIDGE_OK;
}

static ridge_status rank_scores(const ridge_model_file *file, struct spm *spm,
                                struct why *why) {
  static const char key[] = "tokenizer.ggml.scores";
  int32_t n = spm->vocab->n;
  const ridge_fact *scores = fact_find(file, key);
  uint32_t type = scores != NULL && scores->type == RIDGE_FACT_INTS ? RIDGE_FACT_INTS
                                                                    : RIDGE_FACT_REALS;
  ridge_status status = fact_array(file, key, type, n, &scores, why);
  if (status != RIDGE_OK) return status;
  struct scored *sorted = malloc((size_t)n * sizeof *sorted);
  if (sorted == NULL) return tokenizer_no_memory(why);
  for (int32_t i = 0; i < n && status == RIDGE_OK; i++) {
    sorted[i].id = i;
    status = score_of(scores, i, &sorted[i].score, why);
  }
  if (status == RIDGE_OK) {
    qsort(sorted, (size_t)n, sizeof *sorted, compare_scores);
    uint32_t rank = 0;
    for (int32_t i = 0; i < n; i++) {
      if (i > 0 && sorted[i].score < sorted[i - 1].score) rank++;
      spm->order[sorted[i].id] = rank;
    }
  }
  free(sorted);
  return status;
}

static void find_bytes(struct spm *spm) {
  for (unsigned byte = 0; byte < 256; byte++) {
    char text[8];
    uint8_t itself = (uint8_t)byte;
    int size = snprintf(text, sizeof text, "<0x%02X>", byte);
    spm->byte[byte] = vocab_find(spm->vocab, text, (size_t)size);
    if (spm->byte[byte] < 0) spm->byte[byte] = vocab_find(spm->vocab, &itself, 1);
  }
}

/* A character of up to four bytes as a number; more than enough to tell them apart. */
static uint32_t character_at(const uint8_t *text, size_t left, size_t *size) {
  uint32_t value = 0;
  *size = character_bytes(text[0]);
  if (*size > left) *size = left;
  memcpy(&value, text, *size);
  return value;
}

static uint32_t touch_bit(const struct spm *spm, uint32_t left, uint32_t right) {
  uint64_t pair = (uint64_t)left << 32 | right;
  return (uint32_t)(hash_mix(pair ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u)) &
         spm->touch_mask;
}

static bool touches(const struct spm *spm, uint32_t left, uint32_t right) {
  uint32_t bit = touch_bit(spm, left, right);
  return spm->touch[bit / 64] >> bit % 64 & 1;
}

/* Two strangers may share a bit: then a cut is missed, which only costs time. */
static ridge_status find_touches(struct spm *spm, struct why *why) {
  const struct vocab *vocab = spm->vocab;
  uint64_t bits = 1024;
  while (bits < 4ull * vocab->start[vocab->n] && bits < (1u << 21)) bits *= 2;
  spm->touch = calloc(bits / 64, sizeof *spm->touch);
  if (spm->touch == NULL) return tokenizer_no_memory(why);
  spm->touch_mask = (uint32_t)bits - 1;
  for (int32_t id = 0; id < vocab->n; id++) {
    ridge_bytes text = vocab_text(vocab, id);
    uint32_t before = 0;
    for (size_t at = 0, size; at < text.size; at += size) {
      uint32_t now = character_at(text.data + at, text.size - at, &size);
      uint32_t bit = touch_bit(spm, before, now);
      if (at > 0) spm->touch[bit / 64] |= 1ull << bit % 64;
      before = now;
    }
  }
  return RIDGE_OK;
}

/* Threes of numbers: left, right, joint. */
static ridge_status read_merges(const ridge_model_file *file, struct spm *spm,
                                struct why *why) {
  static const char key[] = "ridge.tokenizer.merges";
  const ridge_fact *fact = NULL;
  if (fact_find(file, key) == NULL) return RIDGE_OK;
  ridge_status status = fact_array(file, key, RIDGE_FACT_INTS, -1, &fact, why);
  if (status == RIDGE_OK && fact->count % 3 != 0)
    status = why_set(why, RIDGE_CORRUPT, "%s: %llu numbers are no threes", key,
                     (unsigned long long)fact->count);
  if (status == RIDGE_OK) status = merge_table_new(&spm->merges, fact->count / 3, why);
  for (uint64_t i = 0; status == RIDGE_OK && i < fact->count / 3; i++) {
    const int64_t *ids = fact->value.ints + 3 * i;
    for (int k = 0; k < 3; k++)
      if (ids[k] < 0 || ids[k] >= spm->vocab->n)
        return why_set(why, RIDGE_CORRUPT, "%s: merge %llu is of token %lld, which is none",
                       key, (unsigned long long)i, (long long)ids[k]);
    merge_table_add(&spm->merges, (int32_t)ids[0], (int32_t)ids[1],
                    (struct joined){(uint32_t)i, (int32_t)ids[2]});
  }
  return status;
}

ridge_status spm_new(const ridge_model_file *file, const struct vocab *vocab,
                     struct spm **out, struct why *why) {
  struct spm *spm = calloc(1, sizeof *spm);
  if (spm == NULL) return tokenizer_no_memory(why);
  *out = spm;
  spm->vocab = vocab;
  spm->order = calloc((size_t)vocab->n, sizeof *spm->order);
  if (spm->order == NULL) return tokenizer_no_memory(why);
  find_bytes(spm);
  ridge_status status = rank_scores(file, spm, why);
  if (status == RIDGE_OK) status = read_merges(file, spm, why);
  return status != RIDGE_OK ? status : find_touches(spm, why);
}

void spm_free(struct spm *spm) {
  if (spm == NULL) return;
  free(spm->order);
  merge_table_free(&spm->merges);
  free(spm->touch);
  free(spm);
}

/* ---- encoding -------------------------------------------------------------------------
 */

/* One text being encoded.  `escaped` is the text of all fragments with their blanks
 * replaced; words are parts of it. */
struct spelling {
  const struct spm *spm;
  char *escaped;
  size_t size;
  struct merger merger;
  struct words *out;
  struct why *why;
  size_t failed; /* where in `escaped` no token could be found; SIZE_MAX: nowhere */
};

struct rule_context {
  const struct spm *spm;
  const char *text;
};

static bool join_rule(const void *ctx, const struct symbol *left,
                      const struct symbol *right, struct joined *out) {
  const struct rule_context *at = ctx;
  int32_t id = vocab_find(at->spm->vocab, at->text + left->start, left->size + right->size);
  if (id < 0) return false;
  *out = (struct joined){.order = at->spm->order[id], .id = id};
  return true;
}

static bool merge_rule_of(const void *ctx, const struct symbol *left,
                          const struct symbol *right, struct joined *out) {
  const struct rule_context *at = ctx;
  if (left->id < 0 || right->id < 0) return false;
  return merge_table_find(&at->spm->merges, left->id, right->id, out);
}

/* What a character is before anything joins; merges need to know. */
static int32_t first_id(const struct spelling *s, size_t at, size_t size) {
  if (s->spm->merges.slots == NULL) return -1;
  return vocab_find(s->spm->vocab, s->escaped + at, size);
}

static ridge_status add_bytes(struct spelling *s, size_t start, size_t size) {
  for (size_t i = 0; i < size; i++) {
    int32_t id = s->spm->byte[(uint8_t)s->escaped[start + i]];
    if (id < 0) {
      s->failed = start;
      return RIDGE_UNSUPPORTED;
    }
    ridge_status status = words_add(s->out, id, s->why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status add_symbols(struct spelling *s) {
  const struct merger *m = &s->merger;
  for (int32_t i = 0; i >= 0; i = m->symbols[i].next) {
    const struct symbol *symbol = &m->symbols[i];
    int32_t id = symbol->id >= 0
                     ? symbol->id
                     : vocab_find(s->spm->vocab, s->escaped + symbol->start, symbol->size);
    ridge_status status =
        id >= 0 ? words_add(s->out, id, s->why) : add_bytes(s, symbol->start, symbol->size);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* A part between two cuts; its symbols stand in the merger. */
static ridge_status spell_part(struct spelling *s, size_t start, size_t size) {
  struct word_place place = {0};
  bool found = false;
  ridge_status status =
      words_again(s->out, s->escaped, start, size, &place, &found, s->why);
  if (status != RIDGE_OK || found) return status;
  size_t first = s->out->n;
  struct rule_context ctx = {.spm = s->spm, .text = s->escaped};
  merge_rule *rule = s->spm->merges.slots != NULL ? merge_rule_of : join_rule;
  status = merger_run(&s->merger, rule, &ctx, s->why);
  if (status == RIDGE_OK) status = add_symbols(s);
  if (status == RIDGE_OK) words_keep(s->out, place, start, size, first);
  return status;
}

static ridge_status spell(struct spelling *s, size_t start, size_t end) {
  const uint8_t *text = (const uint8_t *)s->escaped;
  ridge_status status = RIDGE_OK;
  uint32_t before = 0;
  size_t part = start;
  merger_clear(&s->merger);
  for (size_t at = start, size; at < end && status == RIDGE_OK; at += size) {
    uint32_t now = character_at(text + at, end - at, &size);
    if (at > part && !touches(s->spm, before, now)) {
      status = spell_part(s, part, at - part);
      if (status != RIDGE_OK) return status;
      merger_clear(&s->merger);
      part = at;
    }
    int32_t id = first_id(s, at, size);
    status = merger_add(&s->merger, (uint32_t)at, (uint32_t)size, id, s->why);
    before = now;
  }
  return status != RIDGE_OK || part == end ? status : spell_part(s, part, end - part);
}

/* ---- escaping --------------------------------------------------------------------------
 */

#define BLANK "\xe2\x96\x81"
enum { BLANK_BYTES = 3 };

static void put_blank(struct spelling *s) {
  memcpy(s->escaped + s->size, BLANK, BLANK_BYTES);
  s->size += BLANK_BYTES;
}

static ridge_status escape_room(struct spelling *s, const char *text, size_t size,
                                size_t fragments) {
  size_t blanks = fragments;
  for (size_t i = 0; i < size; i++) blanks += text[i] == ' ';
  s->escaped = malloc(size + blanks * BLANK_BYTES + 1);
  return s->escaped != NULL ? RIDGE_OK : tokenizer_no_memory(s->why);
}

static void escape(struct spelling *s, const char *text, const struct fragment *part,
                   bool prefix) {
  if (prefix) put_blank(s);
  for (size_t i = part->start; i < part->end; i++) {
    if (text[i] == ' ')
      put_blank(s);
    else
      s->escaped[s->size++] = text[i];
  }
}

/* Which byte of the text became byte `wanted` of its escaped form, from `start` on. */
static size_t unescape_place(const char *text, const struct fragment *part, bool prefix,
                             size_t start, size_t wanted) {
  size_t at = start + (prefix ? BLANK_BYTES : 0), i = part->start;
  while (i < part->end && at < wanted) at += text[i++] == ' ' ? BLANK_BYTES : 1;
  return i;
}

static ridge_status unspellable(const char *text, size_t size, size_t at, struct why *why) {
  char shown[48];
  character_show(text + at, size - at, shown);
  return why_set(
      why, RIDGE_UNSUPPORTED,
      "the vocabulary cannot spell %s at byte %zu of the text: it has no such piece "
      "and no byte tokens; leave it out or use another model",
      shown, at);
}

static ridge_status encode_plain(struct spelling *s, const char *text, size_t size,
                                 const struct fragment *part, bool prefix) {
  size_t start = s->size;
  escape(s, text, part, prefix);
  ridge_status status = spell(s, start, s->size);
  if (s->failed == SIZE_MAX) return status;
  if (prefix && s->failed == start)
    return why_set(
        s->why, RIDGE_UNSUPPORTED,
        "the vocabulary cannot spell the blank that it wants before a text: it has "
        "neither U+2581 nor byte tokens; the model file is damaged");
  return unspellable(text, size, unescape_place(text, part, prefix, start, s->failed),
                     s->why);
}

ridge_status spm_encode(const struct spm *spm, const char *text, size_t size,
                        const struct fragments *fragments, enum tokenizer_prefix prefix,
                        struct words *out, struct why *why) {
  struct spelling s = {.spm = spm, .out = out, .why = why, .failed = SIZE_MAX};
  ridge_status status = escape_room(&s, text, size, fragments->n);
  bool opens = true; /* the text, or what follows a special token */
  for (size_t i = 0; i < fragments->n && status == RIDGE_OK; i++) {
    const struct fragment *part = &fragments->parts[i];
    if (part->id >= 0)
      status = words_add(out, part->id, why);
    else
      status =
          encode_plain(&s, text, size, part, opens && prefix_wanted(prefix, text, part));
    opens = part->id >= 0;
  }
  merger_free(&s.merger);
  free(s.escaped);
  return status;
}
