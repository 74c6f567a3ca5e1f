/*
 * tokenizer_encode.c - text to ids: cut at special texts, then in the model's own way.
 *
 * A text may come in parts of which only some may hold special texts: what a person
 * wrote stays letters, even where it spells a mark of the conversation around it.  The
 * parts are one text all the same, and pieces reach across their borders, as in the
 * texts that models learn from.
 */
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* One text on its way. */
struct encoding {
  const struct tokenizer *t;
  const char *text;
  size_t size;
  struct fragments fragments;
  struct words *words;
  struct why *why;
};

/* ---- in the model's own way --------------------------------------------------------- */

static ridge_status unspellable_byte(const char *text, size_t size, size_t at,
                                     struct why *why) {
  char shown[48];
  size_t start = at; /* of the character the byte belongs to */
  while (start > 0 && ((uint8_t)text[start] & 0xc0) == 0x80) start--;
  character_show(text + start, size - start, shown);
  return why_set(
      why, RIDGE_UNSUPPORTED,
      "the vocabulary cannot spell %s at byte %zu of the text: it has no token for the "
      "byte 0x%02x; leave it out or use another model",
      shown, at, (unsigned)(uint8_t)text[at]);
}

/* `given`: the text before bytes that are no UTF-8 were repaired; NULL: it is `text`. */
static ridge_status encode_bpe(struct encoding *e, const char *given, size_t given_size) {
  char *composed = NULL;
  size_t size = e->size, failed = SIZE_MAX;
  ridge_status status = RIDGE_OK;
  if (e->t->composed)
    status = text_compose(e->text, e->size, &e->fragments, &composed, &size, e->why);
  const char *text = composed != NULL ? composed : e->text;
  if (status == RIDGE_OK)
    status = bpe_encode(e->t->bpe, text, size, &e->fragments, e->words, &failed, e->why);
  if (failed != SIZE_MAX && composed == NULL && given != NULL)
    status = unspellable_byte(given, given_size,
                              text_repair_place(given, given_size, failed), e->why);
  else if (failed != SIZE_MAX)
    status = unspellable_byte(text, size, failed, e->why);
  free(composed);
  return status;
}

/* SentencePiece's two take bytes that are no UTF-8 as they are. */
static ridge_status encode_fragments(struct encoding *e, const char *given,
                                     size_t given_size) {
  const struct tokenizer *t = e->t;
  switch (t->kind) {
  case TOKENIZER_BPE: return encode_bpe(e, given, given_size);
  case TOKENIZER_SPM:
    return spm_encode(t->spm, e->text, e->size, &e->fragments, t->prefix, e->words, e->why);
  case TOKENIZER_UNIGRAM:
    return unigram_encode(t->unigram, e->text, e->size, &e->fragments, t->prefix, e->words,
                          e->why);
  }
  return RIDGE_INTERNAL;
}

static ridge_status check_size(size_t size, struct why *why) {
  if (size <= TOKENIZER_MAX_TEXT) return RIDGE_OK;
  return why_set(why, RIDGE_UNSUPPORTED,
                 "the text has %zu bytes; at most %zu are taken at once: break it up", size,
                 TOKENIZER_MAX_TEXT);
}

/* Adds the beginning token if it is wanted, and hands the ids out. */
static ridge_status collect(struct encoding *e, unsigned flags, const char *given,
                            size_t given_size, struct tokens *out) {
  struct words words;
  ridge_status status = words_new(&words, e->size, e->why);
  if (status != RIDGE_OK) return status;
  e->words = &words;
  if ((flags & TOKENIZER_BOS) != 0 && e->t->add_bos)
    status = words_add(&words, e->t->bos, e->why);
  if (status == RIDGE_OK) status = encode_fragments(e, given, given_size);
  if (status == RIDGE_OK) {
    *out = (struct tokens){.ids = words.ids, .n = words.n};
    words.ids = NULL;
  }
  words_free(&words);
  return status;
}

ridge_status tokenizer_encode(const struct tokenizer *t, const char *text, size_t size,
                              unsigned flags, struct tokens *out, struct why *why) {
  struct encoding e = {.t = t, .text = text, .size = size, .why = why};
  const struct specials *specials = (flags & TOKENIZER_SPECIAL) != 0 ? &t->all : &t->user;
  char *repaired = NULL;
  ridge_status status = check_size(size, why);
  if (status == RIDGE_OK && t->kind == TOKENIZER_BPE && !text_is_utf8(text, size)) {
    status = text_repair(text, size, &repaired, &e.size, why);
    e.text = repaired;
  }
  if (status == RIDGE_OK)
    status = specials_split(specials, e.text, e.size, &e.fragments, why);
  if (status == RIDGE_OK)
    status = collect(&e, flags, repaired != NULL ? text : NULL, size, out);
  free(e.fragments.parts);
  free(repaired);
  return status;
}

/* ---- in parts -------------------------------------------------------------------------
 */

struct joining {
  const struct tokenizer *t;
  char *text;
  size_t size, room;
  struct fragments fragments;
  uint8_t *marks; /* (vocabulary) bits: special tokens of the trusted parts */
  struct why *why;
};

static ridge_status put_text(struct joining *j, const char *text, size_t size) {
  ridge_status status = check_size(j->size + size, j->why);
  if (status != RIDGE_OK) return status;
  if (size > j->room - j->size) {
    size_t room = 2 * (j->size + size) + 64;
    char *moved = realloc(j->text, room);
    if (moved == NULL) return tokenizer_no_memory(j->why);
    j->text = moved;
    j->room = room;
  }
  if (size > 0) memcpy(j->text + j->size, text, size);
  j->size += size;
  return RIDGE_OK;
}

static ridge_status put_part(struct joining *j, const struct text_part *part) {
  char *repaired = NULL;
  size_t size = part->size;
  ridge_status status = check_size(size, j->why);
  if (status == RIDGE_OK && j->t->kind == TOKENIZER_BPE && !text_is_utf8(part->text, size))
    status = text_repair(part->text, part->size, &repaired, &size, j->why);
  if (status == RIDGE_OK)
    status = put_text(j, repaired != NULL ? repaired : part->text, size);
  free(repaired);
  return status;
}

/* Plain text goes on from one part to the next. */
static ridge_status put_fragment(struct joining *j, struct fragment part) {
  struct fragments *all = &j->fragments;
  struct fragment *last = all->n > 0 ? &all->parts[all->n - 1] : NULL;
  if (part.id < 0 && last != NULL && last->id < 0 && last->end == part.start) {
    last->end = part.end;
    return RIDGE_OK;
  }
  if (all->n == all->room) {
    size_t room = 2 * all->room + 16;
    struct fragment *parts = realloc(all->parts, room * sizeof *parts);
    if (parts == NULL) return tokenizer_no_memory(j->why);
    all->parts = parts;
    all->room = room;
  }
  all->parts[all->n++] = part;
  return RIDGE_OK;
}

/* A token that the trusted parts use is letters anywhere else. */
static struct fragment judged(struct joining *j, struct fragment part, bool trusted) {
  if (part.id < 0) return part;
  if (trusted)
    j->marks[part.id / 8] |= (uint8_t)(1 << part.id % 8);
  else if ((j->marks[part.id / 8] >> part.id % 8 & 1) != 0)
    part.id = -1;
  return part;
}

static ridge_status split_part(struct joining *j, size_t from, size_t size, bool trusted) {
  struct fragments found = {0};
  const struct specials *specials = trusted ? &j->t->all : &j->t->user;
  ridge_status status = specials_split(specials, j->text + from, size, &found, j->why);
  for (size_t i = 0; i < found.n && status == RIDGE_OK; i++) {
    struct fragment part = judged(j, found.parts[i], trusted);
    part.start += from;
    part.end += from;
    status = put_fragment(j, part);
  }
  free(found.parts);
  return status;
}

/* The trusted parts' tokens have to be known before anything else is judged. */
static ridge_status mark_trusted(struct joining *j, const struct text_part *parts,
                                 size_t n) {
  ridge_status status = RIDGE_OK;
  j->marks = calloc((size_t)j->t->vocab.n / 8 + 1, 1);
  if (j->marks == NULL) return tokenizer_no_memory(j->why);
  for (size_t i = 0; i < n && status == RIDGE_OK; i++) {
    struct fragments found = {0};
    if (!parts[i].trusted) continue;
    status = specials_split(&j->t->all, parts[i].text, parts[i].size, &found, j->why);
    for (size_t k = 0; k < found.n; k++) (void)judged(j, found.parts[k], true);
    free(found.parts);
  }
  return status;
}

ridge_status tokenizer_encode_parts(const struct tokenizer *t,
                                    const struct text_part *parts, size_t n, unsigned flags,
                                    struct tokens *out, struct why *why) {
  struct joining j = {.t = t, .why = why};
  ridge_status status = mark_trusted(&j, parts, n);
  for (size_t i = 0; i < n && status == RIDGE_OK; i++) {
    size_t from = j.size;
    status = put_part(&j, &parts[i]);
    if (status == RIDGE_OK && j.size > from)
      status = split_part(&j, from, j.size - from, parts[i].trusted);
  }
  struct encoding e = {
      .t = t, .text = j.text, .size = j.size, .fragments = j.fragments, .why = why};
  if (status == RIDGE_OK) status = collect(&e, flags, NULL, 0, out);
  free(j.text);
  free(j.marks);
  free(e.fragments.parts);
  return status;
}
