/*
 * st_vocab.c - a vocabulary being read: texts, types and scores by id, and ids by text.
 */
#include "st_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct st_index {
  uint64_t mask;
  uint32_t slots[]; /* id + 1; 0: free */
};

static uint64_t hash_text(const char *text, uint64_t size) { /* FNV-1a, then mixed */
  uint64_t hash = 0xcbf29ce484222325u ^ size;
  for (uint64_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
  return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 20;
}

ridge_status st_vocab_new(struct st_model *model, const char *file, uint64_t n,
                          struct st_vocab *out) {
  *out = (struct st_vocab){.model = model, .file = file, .n = n, .unknown = -1};
  if (n == 0 || n > ST_MAX_TOKENS)
    return st_fail(model, RIDGE_CORRUPT,
                   "%s: the vocabulary has %" PRIu64 " tokens; 1 to %d are possible", file,
                   n, ST_MAX_TOKENS);
  uint64_t slots = 16;
  while (slots < 2 * n) slots *= 2;
  out->texts = st_alloc(&model->arena, n, sizeof *out->texts);
  out->scores = st_alloc(&model->arena, n, sizeof *out->scores);
  out->types = st_alloc(&model->arena, n, sizeof *out->types);
  out->index = model->host->alloc(
      model->host, sizeof *out->index + (size_t)slots * sizeof(uint32_t), 16);
  if (out->texts == NULL || out->scores == NULL || out->types == NULL || out->index == NULL)
    return st_no_memory(model->host);
  out->index->mask = slots - 1;
  return RIDGE_OK;
}

void st_vocab_drop(struct st_vocab *vocab) {
  if (vocab->index != NULL) vocab->model->host->free(vocab->model->host, vocab->index);
  vocab->index = NULL;
}

/* The slot that has the text, or the free one where it would go. */
static uint32_t *slot_of(const struct st_vocab *vocab, const char *text, uint64_t size) {
  struct st_index *index = vocab->index;
  uint64_t at = hash_text(text, size) & index->mask;
  for (;; at = (at + 1) & index->mask) {
    uint32_t slot = index->slots[at];
    if (slot == 0) return &index->slots[at];
    const ridge_bytes *have = &vocab->texts[slot - 1];
    if (have->size == size && memcmp(have->data, text, (size_t)size) == 0)
      return &index->slots[at];
  }
}

int64_t st_vocab_find(const struct st_vocab *vocab, const char *text, uint64_t size) {
  return (int64_t)*slot_of(vocab, text, size) - 1;
}

ridge_status st_vocab_put(struct st_vocab *vocab, int64_t id, const char *text,
                          uint64_t size, enum st_token type) {
  int shown = (int)(size < 60 ? size : 60);
  if (id < 0 || (uint64_t)id >= vocab->n)
    return st_fail(vocab->model, RIDGE_CORRUPT,
                   "%s: token `%.*s` has number %" PRId64 "; with %" PRIu64
                   " tokens 0 to %" PRIu64 " are possible",
                   vocab->file, shown, text, id, vocab->n, vocab->n - 1);
  if (vocab->types[id] != 0)
    return st_fail(vocab->model, RIDGE_CORRUPT,
                   "%s: tokens `%.*s` and `%.*s` have both number %" PRId64, vocab->file,
                   (int)(vocab->texts[id].size < 60 ? vocab->texts[id].size : 60),
                   (const char *)vocab->texts[id].data, shown, text, id);
  uint32_t *slot = slot_of(vocab, text, size);
  if (*slot != 0)
    return st_fail(vocab->model, RIDGE_CORRUPT,
                   "%s: tokens %u and %" PRId64 " have the same text, `%.*s`", vocab->file,
                   *slot - 1, id, shown, text);
  *slot = (uint32_t)id + 1;
  vocab->texts[id] = (ridge_bytes){(const uint8_t *)text, size};
  vocab->types[id] = type;
  return RIDGE_OK;
}

bool st_is_byte(const char *text, uint64_t size) {
  static const char digits[] = "0123456789ABCDEFabcdef";
  return size == 6 && memcmp(text, "<0x", 3) == 0 && text[5] == '>' && text[3] != 0 &&
         text[4] != 0 && strchr(digits, text[3]) != NULL && strchr(digits, text[4]) != NULL;
}

/* Numbers that no token has still need a text of their own. */
static ridge_status fill_holes(struct st_vocab *vocab) {
  for (uint64_t id = 0; id < vocab->n; id++) {
    char text[32];
    if (vocab->types[id] != 0) continue;
    int size = snprintf(text, sizeof text, "[PAD%" PRIu64 "]", id);
    char *copy = st_copy(vocab->model, text, (uint64_t)size);
    if (copy == NULL) return st_no_memory(vocab->model->host);
    ridge_status status =
        st_vocab_put(vocab, (int64_t)id, copy, (uint64_t)size, ST_TOKEN_UNUSED);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

ridge_status st_vocab_facts(struct st_vocab *vocab, const char *kind, bool scores) {
  struct st_model *model = vocab->model;
  ridge_status status = fill_holes(vocab);
  if (status == RIDGE_OK)
    status = st_fact_text(model, "tokenizer.ggml.model", kind, strlen(kind));
  if (status == RIDGE_OK)
    status = st_fact_array(model, "tokenizer.ggml.tokens", RIDGE_FACT_TEXTS, vocab->texts,
                           vocab->n);
  if (status == RIDGE_OK)
    status = st_fact_array(model, "tokenizer.ggml.token_type", RIDGE_FACT_INTS,
                           vocab->types, vocab->n);
  if (status == RIDGE_OK && scores)
    status = st_fact_array(model, "tokenizer.ggml.scores", RIDGE_FACT_REALS, vocab->scores,
                           vocab->n);
  if (status == RIDGE_OK && vocab->unknown >= 0)
    status = st_fact_int(model, "tokenizer.ggml.unknown_token_id", vocab->unknown);
  return status;
}
