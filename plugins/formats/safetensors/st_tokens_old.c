/*
 * st_tokens_old.c - vocab.json with merges.txt: byte-level BPE as GPT-2 came with it.
 */
#include "st_parts.h"

#include <string.h>

static ridge_status put_tokens(struct st_vocab *words, const struct st_value *vocab) {
  for (uint64_t i = 0; i < vocab->n; i++) {
    const struct st_member *m = &vocab->is.members[i];
    ridge_status status = st_vocab_put(words, m->value.kind == ST_INT ? m->value.is.i : -1,
                                       m->name, m->size, ST_TOKEN_NORMAL);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* Tokens that tokenizer_config.json adds: {"50256": {"content": ..., "special": true}}. */
static ridge_status mark_added(struct st_vocab *words, const struct st_value *settings) {
  const struct st_value *added = st_get_set(settings, "added_tokens_decoder");
  for (uint64_t i = 0; added != NULL && added->kind == ST_OBJECT && i < added->n; i++) {
    const struct st_value *token = &added->is.members[i].value,
                          *text = st_get(token, "content");
    if (text == NULL || text->kind != ST_TEXT) continue;
    int64_t id = st_vocab_find(words, text->is.text, text->n);
    if (id >= 0)
      words->types[id] =
          st_true(st_get(token, "special")) ? ST_TOKEN_CONTROL : ST_TOKEN_USER;
  }
  return RIDGE_OK;
}

/* One merge a line; the first line may be a comment. */
static ridge_status read_merges(struct st_model *model, ridge_bytes text) {
  struct st_list list = {.size = sizeof(ridge_bytes)};
  for (uint64_t at = 0; at < text.size;) {
    const uint8_t *line = text.data + at,
                  *end = memchr(line, '\n', (size_t)(text.size - at));
    uint64_t size = end != NULL ? (uint64_t)(end - line) : text.size - at;
    at += size + 1;
    if (size > 0 && line[size - 1] == '\r') size--;
    if (size == 0 || (line == text.data && size > 8 && memcmp(line, "#version", 8) == 0))
      continue;
    ridge_bytes *to = st_push(model->host, &list);
    if (to == NULL) {
      st_drop(model->host, &list);
      return st_no_memory(model->host);
    }
    *to = (ridge_bytes){line, size};
  }
  ridge_bytes *texts = st_alloc(&model->arena, list.n + 1, sizeof *texts);
  if (texts != NULL && list.n > 0) memcpy(texts, list.data, (size_t)list.n * sizeof *texts);
  uint64_t n = list.n;
  st_drop(model->host, &list);
  if (texts == NULL) return st_no_memory(model->host);
  return st_fact_array(model, "tokenizer.ggml.merges", RIDGE_FACT_TEXTS, texts, n);
}

ridge_status st_tokenizer_old(struct st_model *model, const struct st_value *vocab,
                              ridge_bytes merges) {
  struct st_vocab words;
  struct st_value settings = {.kind = ST_NULL};
  ridge_status status = st_beside(model, "tokenizer_config.json", &settings);
  if (status != RIDGE_OK && status != RIDGE_DECLINED) return status;
  status = st_vocab_new(model, "vocab.json", vocab->n, &words);
  if (status == RIDGE_OK) status = put_tokens(&words, vocab);
  if (status == RIDGE_OK) status = mark_added(&words, &settings);
  if (status == RIDGE_OK) status = st_vocab_facts(&words, "gpt2", false);
  if (status == RIDGE_OK) status = st_fact_text(model, "tokenizer.ggml.pre", "gpt-2", 5);
  if (status == RIDGE_OK) status = read_merges(model, merges);
  if (status == RIDGE_OK) status = st_special_facts(&words, NULL);
  st_vocab_drop(&words);
  return status;
}
