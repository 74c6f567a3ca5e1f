/*
 * unigram.c - SentencePiece's unigram model, as GGUF calls "t5".
 *
 * The text is normalized (charsmap.c, blanks), then cut into the pieces whose scores
 * sum to most: one walk from left to right that keeps the best way to each place
 * (Viterbi).  A character that is no piece costs 10 more than the least likely piece.
 * What no piece covers is written as byte tokens, or, where a model has none, as its
 * unknown token, one for a run of them.
 *
 *   Kudo, Subword Regularization, arXiv 1804.10959; normalization after
 *   sentencepiece/src/normalizer.cc (rules only)
 */
#include "model/charsmap.h"
#include "model/tokenizer_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define BLANK "\xe2\x96\x81"
enum { BLANK_BYTES = 3, UNKNOWN = -1 };
#define UNKNOWN_PENALTY 10.0

struct unigram {
  const struct vocab *vocab;
  struct charsmap map;
  double *score;   /* (tokens)                                              */
  int32_t *sorted; /* (n_sorted) pieces that text may be cut into, as bytes */
  size_t n_sorted;
  size_t first[257]; /* where in `sorted` each first byte begins              */
  int32_t byte[256]; /* the token that is this byte, or -1                    */
  int32_t unknown;   /* or -1                                                 */
  double unknown_score;
  bool white;   /* whatever Unicode calls white space is a blank         */
  bool squeeze; /* blanks at the ends go, runs become one                */
  bool cuts;    /* no piece has a blank behind another character         */
};

/* ---- tables -------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b, void *vocab) {
  ridge_bytes left = vocab_text(vocab, *(const int32_t *)a),
              right = vocab_text(vocab, *(const int32_t *)b);
  size_t least = left.size < right.size ? left.size : right.size;
  int order = memcmp(left.data, right.data, least);
  return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

static bool may_stand(const struct vocab *vocab, int32_t id) {
  return (vocab->type[id] == TOKEN_NORMAL || vocab->type[id] == TOKEN_USER) &&
         vocab_text(vocab, id).size > 0;
}

static bool blank_inside(ridge_bytes text) {
  for (size_t i = 1; i + BLANK_BYTES <= text.size; i++) {
    if (memcmp(text.data + i, BLANK, BLANK_BYTES) != 0) continue;
    bool run = i >= BLANK_BYTES && memcmp(text.data + i - BLANK_BYTES, BLANK, 3) == 0;
    if (!run) return true;
  }
  return false;
}

static ridge_status sort_pieces(struct unigram *u, struct why *why) {
  const struct vocab *vocab = u->vocab;
  u->sorted = malloc(((size_t)vocab->n + 1) * sizeof *u->sorted);
  if (u->sorted == NULL) return tokenizer_no_memory(why);
  u->cuts = true;
  for (int32_t id = 0; id < vocab->n; id++) {
    if (!may_stand(vocab, id)) continue;
    u->sorted[u->n_sorted++] = id;
    u->cuts = u->cuts && !blank_inside(vocab_text(vocab, id));
  }
  qsort_r(u->sorted, u->n_sorted, sizeof *u->sorted, compare_texts,
          (void *)(uintptr_t)vocab);
  size_t at = 0;
  for (unsigned byte = 0; byte < 256; byte++) {
    u->first[byte] = at;
    while (at < u->n_sorted && vocab_text(vocab, u->sorted[at]).data[0] == byte) at++;
  }
  u->first[256] = at;
  return RIDGE_OK;
}

static ridge_status read_scores(const ridge_model_file *file, struct unigram *u,
                                struct why *why) {
  static const char key[] = "tokenizer.ggml.scores";
  const ridge_fact *fact = NULL;
  double least = INFINITY;
  ridge_status status = fact_array(file, key, RIDGE_FACT_REALS, u->vocab->n, &fact, why);
  if (status != RIDGE_OK) return status;
  u->score = malloc((size_t)u->vocab->n * sizeof *u->score);
  if (u->score == NULL) return tokenizer_no_memory(why);
  for (int32_t id = 0; id < u->vocab->n; id++) {
    double score = fact->value.reals[id];
    if (!(score > -1e30 && score < 1e30))
      return why_set(why, RIDGE_CORRUPT, "%s: the score of token %d is not a finite number",
                     key, id);
    u->score[id] = score;
    if (u->vocab->type[id] == TOKEN_NORMAL && score < least) least = score;
  }
  u->unknown_score = (isfinite(least) ? least : 0) - UNKNOWN_PENALTY;
  return RIDGE_OK;
}

/* All 256, or none: half an alphabet cannot be fallen back on. */
static void find_bytes(struct unigram *u) {
  bool all = true;
  for (unsigned byte = 0; byte < 256; byte++) {
    char text[8];
    int size = snprintf(text, sizeof text, "<0x%02X>", byte);
    u->byte[byte] = vocab_find(u->vocab, text, (size_t)size);
    all = all && u->byte[byte] >= 0 && u->vocab->type[u->byte[byte]] == TOKEN_BYTE;
  }
  for (unsigned byte = 0; byte < 256 && !all; byte++) u->byte[byte] = -1;
}

static ridge_status read_unknown(const ridge_model_file *file, struct unigram *u,
                                 struct why *why) {
  u->unknown = -1;
  for (int32_t id = 0; id < u->vocab->n && u->unknown < 0; id++)
    if (u->vocab->type[id] == TOKEN_UNKNOWN) u->unknown = id;
  return fact_token(file, "tokenizer.ggml.unknown_token_id", u->vocab->n, &u->unknown, why);
}

ridge_status unigram_new(const ridge_model_file *file, const struct vocab *vocab,
                         struct unigram **out, struct why *why) {
  struct unigram *u = calloc(1, sizeof *u);
  if (u == NULL) return tokenizer_no_memory(why);
  *out = u;
  u->vocab = vocab;
  find_bytes(u);
  ridge_status status =
      charsmap_new(fact_find(file, "tokenizer.ggml.precompiled_charsmap"), &u->map, why);
  if (status == RIDGE_OK) status = read_scores(file, u, why);
  if (status == RIDGE_OK) status = read_unknown(file, u, why);
  if (status == RIDGE_OK)
    status = fact_bool(file, "tokenizer.ggml.remove_extra_whitespaces", &u->squeeze, why);
  if (status == RIDGE_OK)
    status = fact_bool(file, "ridge.tokenizer.white_space", &u->white, why);
  return status != RIDGE_OK ? status : sort_pieces(u, why);
}

void unigram_free(struct unigram *u) {
  if (u == NULL) return;
  charsmap_free(&u->map);
  free(u->score);
  free(u->sorted);
  free(u);
}

/* ---- normalizing --------------------------------------------------------------------- */

/* Where the best way to a place comes from, and its last piece. */
struct way {
  double score;
  uint32_t from;
  int32_t id; /* UNKNOWN: a character that is no piece */
};

struct cutting {
  const struct unigram *u;
  char *text; /* all fragments, normalized; words are parts of it */
  size_t size, room;
  struct way *ways;
  size_t n_ways;
  struct words *out;
  struct why *why;
};

static ridge_status put(struct cutting *c, const char *bytes, size_t n) {
  if (n > c->room - c->size) {
    size_t room = 2 * (c->size + n) + 64;
    if (room > UINT32_MAX)
      return why_set(c->why, RIDGE_UNSUPPORTED, "the text is too long: break it up");
    char *text = realloc(c->text, room);
    if (text == NULL) return tokenizer_no_memory(c->why);
    c->text = text;
    c->room = room;
  }
  memcpy(c->text + c->size, bytes, n);
  c->size += n;
  return RIDGE_OK;
}

/* Blanks as U+2581; those that follow a blank left out when runs count as one. */
static ridge_status put_escaped(struct cutting *c, const char *bytes, size_t n,
                                bool *after_blank) {
  size_t i = 0;
  ridge_status status = RIDGE_OK;
  while (i < n && c->u->squeeze && *after_blank && bytes[i] == ' ') i++;
  if (i == n) return RIDGE_OK;
  for (; i < n && status == RIDGE_OK; i++)
    status = bytes[i] == ' ' ? put(c, BLANK, BLANK_BYTES) : put(c, bytes + i, 1);
  *after_blank = bytes[n - 1] == ' ';
  return status;
}

/* Unicode's White_Space. */
static bool is_white(const char *text, size_t size) {
  static const uint16_t rows[][2] = {{0x9, 0xd},       {0x20, 0x20},     {0x85, 0x85},
                                     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
                                     {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
                                     {0x3000, 0x3000}};
  utf8proc_int32_t code;
  utf8proc_ssize_t n =
      utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &code);
  if (n <= 0 || (size_t)n != size) return false;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (code >= rows[i][0] && code <= rows[i][1]) return true;
  return false;
}

/* What the text's beginning becomes, with blanks as blanks. */
static size_t next_character(const struct unigram *u, const char *text, size_t size,
                             const char **to, size_t *to_size) {
  size_t used = charsmap_step(&u->map, text, size, to, to_size);
  if (u->white && *to_size > 0 && is_white(*to, *to_size)) {
    *to = " ";
    *to_size = 1;
  }
  return used;
}

/* The first place whose normalized form is no blank. */
static size_t skip_blanks(const struct unigram *u, const char *text, size_t at,
                          size_t end) {
  const char *to;
  size_t size;
  while (at < end) {
    size_t n = next_character(u, text + at, end - at, &to, &size);
    if (size != 1 || to[0] != ' ') break;
    at += n;
  }
  return at;
}

static bool begins_blank(const struct unigram *u, const char *text, size_t at, size_t end) {
  const char *to;
  size_t size;
  (void)next_character(u, text + at, end - at, &to, &size);
  return size > 0 && (to[0] == ' ' || (size >= 3 && memcmp(to, BLANK, 3) == 0));
}

static bool wants_prefix(const struct unigram *u, enum tokenizer_prefix prefix,
                         const char *text, size_t at, const struct fragment *part) {
  if (prefix == PREFIX_NONE || prefix == PREFIX_ALWAYS) return prefix == PREFIX_ALWAYS;
  if (prefix == PREFIX_SPACED_FIRST && part->start > 0) return false;
  return !begins_blank(u, text, at, part->end);
}

static ridge_status normalize(struct cutting *c, const char *text,
                              const struct fragment *part, enum tokenizer_prefix prefix) {
  const struct unigram *u = c->u;
  size_t at = part->start, start = c->size;
  bool after_blank = u->squeeze;
  if (u->squeeze) at = skip_blanks(u, text, at, part->end);
  if (at == part->end) return RIDGE_OK;
  ridge_status status = RIDGE_OK;
  if (wants_prefix(u, prefix, text, at, part)) status = put(c, BLANK, BLANK_BYTES);
  while (at < part->end && status == RIDGE_OK) {
    const char *to;
    size_t size;
    at += next_character(u, text + at, part->end - at, &to, &size);
    status = put_escaped(c, to, size, &after_blank);
  }
  while (u->squeeze && status == RIDGE_OK && c->size >= start + BLANK_BYTES &&
         memcmp(c->text + c->size - BLANK_BYTES, BLANK, BLANK_BYTES) == 0)
    c->size -= BLANK_BYTES;
  return status;
}

/* ---- the best way -------------------------------------------------------------------- */

static void reach(struct way *to, double score, size_t from, int32_t id) {
  if (score > to->score) *to = (struct way){score, (uint32_t)from, id};
}

/* Every piece that begins here, and the character alone if it is none. */
static void step(const struct unigram *u, const uint8_t *text, size_t at, size_t size,
                 struct way *ways) {
  size_t lo = u->first[text[at]], hi = u->first[text[at] + 1u];
  size_t character = character_bytes(text[at]);
  bool alone = false;
  if (character > size - at) character = size - at;
  for (size_t depth = 1; lo < hi; depth++) {
    int32_t id = u->sorted[lo];
    if (vocab_text(u->vocab, id).size == depth) {
      double score = u->vocab->type[id] == TOKEN_USER ? 0 : u->score[id];
      reach(&ways[at + depth], ways[at].score + score, at, id);
      alone = alone || depth == character;
      lo++;
    }
    if (at + depth == size) break;
    unsigned byte = text[at + depth];
    lo = vocab_lower(u->vocab, u->sorted, lo, hi, depth, byte);
    hi = vocab_lower(u->vocab, u->sorted, lo, hi, depth, byte + 1);
  }
  if (!alone) reach(&ways[at + character], ways[at].score + u->unknown_score, at, UNKNOWN);
}

static ridge_status room_for(struct cutting *c, size_t n) {
  if (n <= c->n_ways) return RIDGE_OK;
  free(c->ways);
  c->n_ways = 2 * n;
  c->ways = malloc(c->n_ways * sizeof *c->ways);
  if (c->ways != NULL) return RIDGE_OK;
  c->n_ways = 0;
  return tokenizer_no_memory(c->why);
}

static ridge_status unspellable(struct cutting *c, size_t at, size_t size) {
  char shown[48];
  character_show(c->text + at, size, shown);
  return why_set(c->why, RIDGE_UNSUPPORTED,
                 "the vocabulary cannot spell %s: it has no such piece, no byte tokens and "
                 "no unknown token; leave it out or use another model",
                 shown);
}

static ridge_status add_unknown(struct cutting *c, size_t at, size_t size, bool again) {
  const struct unigram *u = c->u;
  ridge_status status = RIDGE_OK;
  if (u->byte[0] < 0 && u->unknown < 0) return unspellable(c, at, size);
  if (u->byte[0] < 0) return again ? RIDGE_OK : words_add(c->out, u->unknown, c->why);
  for (size_t i = 0; i < size && status == RIDGE_OK; i++)
    status = words_add(c->out, u->byte[(uint8_t)c->text[at + i]], c->why);
  return status;
}

/* The best ways point back; turned around, each place says where it leads. */
static void turn(struct way *ways, size_t size) {
  struct way reached = ways[size];
  for (size_t to = size; to > 0;) {
    size_t from = reached.from;
    struct way before = ways[from];
    ways[from].from = (uint32_t)to;
    ways[from].id = reached.id;
    reached = before;
    to = from;
  }
}

/* A part between two cuts. */
static ridge_status cut_part(struct cutting *c, size_t start, size_t size) {
  struct word_place place = {0};
  bool found = false;
  ridge_status status = words_again(c->out, c->text, start, size, &place, &found, c->why);
  if (status != RIDGE_OK || found) return status;
  status = room_for(c, size + 1);
  if (status != RIDGE_OK) return status;
  const uint8_t *text = (const uint8_t *)c->text + start;
  size_t first = c->out->n;
  for (size_t i = 0; i <= size; i++) c->ways[i].score = i == 0 ? 0 : -INFINITY;
  for (size_t at = 0; at < size; at++)
    if (c->ways[at].score > -INFINITY) step(c->u, text, at, size, c->ways);
  turn(c->ways, size);
  bool again = false; /* the one before was unknown too */
  for (size_t at = 0; at < size && status == RIDGE_OK; at = c->ways[at].from) {
    struct way way = c->ways[at];
    status = way.id == UNKNOWN ? add_unknown(c, start + at, way.from - at, again)
                               : words_add(c->out, way.id, c->why);
    again = way.id == UNKNOWN;
  }
  if (status == RIDGE_OK) words_keep(c->out, place, start, size, first);
  return status;
}

static bool is_blank(const struct cutting *c, size_t at, size_t end) {
  return end - at >= BLANK_BYTES && memcmp(c->text + at, BLANK, BLANK_BYTES) == 0;
}

/* Where no piece reaches across, before a blank that follows no blank. */
static size_t part_end(const struct cutting *c, size_t start, size_t end) {
  bool blank = is_blank(c, start, end);
  for (size_t at = start + (blank ? BLANK_BYTES : 1); c->u->cuts && at < end; at++) {
    bool now = is_blank(c, at, end);
    if (now && !blank) return at;
    blank = now;
    at += now ? BLANK_BYTES - 1 : 0;
  }
  return end;
}

static ridge_status cut_plain(struct cutting *c, const char *text,
                              const struct fragment *part, enum tokenizer_prefix prefix) {
  size_t start = c->size;
  ridge_status status = normalize(c, text, part, prefix);
  while (start < c->size && status == RIDGE_OK) {
    size_t end = part_end(c, start, c->size);
    status = cut_part(c, start, end - start);
    start = end;
  }
  return status;
}

ridge_status unigram_encode(const struct unigram *u, const char *text, size_t size,
                            const struct fragments *fragments, enum tokenizer_prefix prefix,
                            struct words *out, struct why *why) {
  struct cutting c = {.u = u, .out = out, .why = why};
  ridge_status status = RIDGE_OK;
  (void)size;
  for (size_t i = 0; i < fragments->n && status == RIDGE_OK; i++) {
    const struct fragment *part = &fragments->parts[i];
    status =
        part->id >= 0 ? words_add(out, part->id, why) : cut_plain(&c, text, part, prefix);
  }
  free(c.ways);
  free(c.text);
  return status;
}
