/*
 * tokenizer_special.c - cutting a text at the special texts that stand in it.
 *
 * Where special texts overlap, the longest wins wherever it stands, then the one with
 * the smaller number, then the leftmost (llama.cpp's order).  One walk finds the places
 * by narrowing a sorted list byte by byte; only where several overlap (a run of
 * blanks, when every run length is a token) is the order settled by searching.
 */
#include "model/tokenizer_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int compare_bytes(ridge_bytes a, ridge_bytes b) {
  size_t least = a.size < b.size ? a.size : b.size;
  int order = memcmp(a.data, b.data, least);
  return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_texts(const void *a, const void *b, void *vocab) {
  return compare_bytes(vocab_text(vocab, *(const int32_t *)a),
                       vocab_text(vocab, *(const int32_t *)b));
}

static bool counts(const struct vocab *vocab, int32_t id, bool user_only) {
  uint8_t type = vocab->type[id];
  if (vocab_text(vocab, id).size == 0) return false;
  return type == TOKEN_USER ||
         (!user_only && (type == TOKEN_CONTROL || type == TOKEN_UNKNOWN));
}

ridge_status specials_new(const struct vocab *vocab, bool user_only, struct specials *out,
                          struct why *why) {
  *out = (struct specials){.vocab = vocab};
  for (int32_t id = 0; id < vocab->n; id++) out->n += counts(vocab, id, user_only);
  out->ids = malloc((out->n + 1) * sizeof *out->ids);
  if (out->ids == NULL) return tokenizer_no_memory(why);
  size_t n = 0;
  for (int32_t id = 0; id < vocab->n; id++)
    if (counts(vocab, id, user_only)) {
      out->ids[n++] = id;
      out->first[vocab_text(vocab, id).data[0]] = true;
    }
  qsort_r(out->ids, n, sizeof *out->ids, compare_texts, (void *)(uintptr_t)vocab);
  return RIDGE_OK;
}

void specials_free(struct specials *specials) {
  free(specials->ids);
  *specials = (struct specials){0};
}

/* ---- the walk ----------------------------------------------------------------------- */

/* The special texts that take part in one knot of overlapping ones. */
struct knot {
  int32_t *ids;
  size_t n, room;
  uint8_t *seen; /* (vocabulary) bits: in `ids` already */
};

struct split {
  const struct specials *specials;
  const uint8_t *text;
  size_t size;
  struct fragments *out;
  struct knot knot;
  size_t plain; /* where the plain text not yet handed out starts */
  struct why *why;
};

static ridge_status push(struct split *s, size_t start, size_t end, int32_t id) {
  struct fragments *out = s->out;
  if (out->n == out->room) {
    size_t room = out->room * 2 + 8;
    struct fragment *parts = realloc(out->parts, room * sizeof *parts);
    if (parts == NULL) return tokenizer_no_memory(s->why);
    out->parts = parts;
    out->room = room;
  }
  out->parts[out->n++] = (struct fragment){.start = start, .end = end, .id = id};
  return RIDGE_OK;
}

/* The plain text before it, then the token. */
static ridge_status push_token(struct split *s, size_t start, size_t end, int32_t id) {
  size_t ends = start;
  if ((s->specials->vocab->mark[id] & TOKEN_STRIPS_LEFT) != 0)
    while (ends > s->plain && isspace(s->text[ends - 1])) ends--;
  if (ends > s->plain) {
    ridge_status status = push(s, s->plain, ends, -1);
    if (status != RIDGE_OK) return status;
  }
  s->plain = end;
  return push(s, start, end, id);
}

static ridge_status knot_add(struct split *s, int32_t id) {
  struct knot *knot = &s->knot;
  if (knot->seen == NULL) knot->seen = calloc((size_t)s->specials->vocab->n / 8 + 1, 1);
  if (knot->seen == NULL) return tokenizer_no_memory(s->why);
  if (knot->seen[id / 8] >> id % 8 & 1) return RIDGE_OK;
  if (knot->n == knot->room) {
    size_t room = knot->room * 2 + 8;
    int32_t *ids = realloc(knot->ids, room * sizeof *ids);
    if (ids == NULL) return tokenizer_no_memory(s->why);
    knot->ids = ids;
    knot->room = room;
  }
  knot->seen[id / 8] |= (uint8_t)(1 << id % 8);
  knot->ids[knot->n++] = id;
  return RIDGE_OK;
}

static void knot_clear(struct knot *knot) {
  for (size_t i = 0; i < knot->n; i++) knot->seen[knot->ids[i] / 8] = 0;
  knot->n = 0;
}

/* Every special text that starts at `at` joins the knot; *end grows to the longest's. */
static ridge_status meet(struct split *s, size_t at, size_t *end) {
  const struct specials *specials = s->specials;
  size_t lo = 0, hi = specials->n;
  for (size_t depth = 0; lo < hi; depth++) {
    if (depth > 0 && vocab_text(specials->vocab, specials->ids[lo]).size == depth) {
      if (at + depth > *end) *end = at + depth;
      ridge_status status = knot_add(s, specials->ids[lo++]);
      if (status != RIDGE_OK) return status;
    }
    if (at + depth == s->size) break;
    unsigned byte = s->text[at + depth];
    lo = vocab_lower(specials->vocab, specials->ids, lo, hi, depth, byte);
    hi = vocab_lower(specials->vocab, specials->ids, lo, hi, depth, byte + 1);
  }
  return RIDGE_OK;
}

static int compare_rank(const void *a, const void *b, void *vocab) {
  int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
  uint64_t m = vocab_text(vocab, left).size, n = vocab_text(vocab, right).size;
  return m != n ? (m < n) - (m > n) : (left > right) - (left < right);
}

/* Where a token that stands at [.., end) lets the text go on. */
static size_t after(const struct split *s, size_t end, size_t limit, int32_t id) {
  if ((s->specials->vocab->mark[id] & TOKEN_STRIPS_RIGHT) == 0) return end;
  while (end < limit && isspace(s->text[end])) end++;
  return end;
}

/* Tokens of text[start, end) in order, looking from the k-th of the knot on: the first
 * place of the first one found, then the same on its left (without it) and right.
 * Blanks that a token strips end at `limit` at the latest. */
static ridge_status untie(struct split *s, size_t start, size_t end, size_t limit,
                          size_t k) {
  const struct vocab *vocab = s->specials->vocab;
  while (start < end && k < s->knot.n) {
    int32_t id = s->knot.ids[k];
    ridge_bytes text = vocab_text(vocab, id);
    const uint8_t *found = memmem(s->text + start, end - start, text.data, text.size);
    if (found == NULL) {
      k++;
      continue;
    }
    size_t at = (size_t)(found - s->text);
    ridge_status status = untie(s, start, at, at, k + 1);
    if (status != RIDGE_OK) return status;
    start = after(s, at + text.size, limit, id);
    status = push_token(s, at, start, id);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status walk(struct split *s) {
  const struct specials *specials = s->specials;
  for (size_t at = 0; at < s->size; at++) {
    if (!specials->first[s->text[at]]) continue;
    size_t end = at;
    ridge_status status = meet(s, at, &end);
    for (size_t next = at + 1; status == RIDGE_OK && next < end; next++)
      if (specials->first[s->text[next]]) status = meet(s, next, &end);
    if (status != RIDGE_OK) return status;
    if (end == at) continue;
    qsort_r(s->knot.ids, s->knot.n, sizeof *s->knot.ids, compare_rank,
            (void *)(uintptr_t)specials->vocab);
    status = untie(s, at, end, s->size, 0);
    if (status != RIDGE_OK) return status;
    knot_clear(&s->knot);
    at = (s->plain > end ? s->plain : end) - 1;
  }
  return s->size > s->plain ? push(s, s->plain, s->size, -1) : RIDGE_OK;
}

ridge_status specials_split(const struct specials *specials, const char *text, size_t size,
                            struct fragments *out, struct why *why) {
  struct split s = {.specials = specials,
                    .text = (const uint8_t *)text,
                    .size = size,
                    .out = out,
                    .why = why};
  *out = (struct fragments){0};
  if (specials->n == 0) return size > 0 ? push(&s, 0, size, -1) : RIDGE_OK;
  ridge_status status = walk(&s);
  free(s.knot.seen);
  free(s.knot.ids);
  if (status == RIDGE_OK) return RIDGE_OK;
  free(out->parts);
  *out = (struct fragments){0};
  return status;
}
