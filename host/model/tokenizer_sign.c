/*
 * tokenizer_sign.c - the digest of a tokenizer: two with the same digest give the same
 * ids for every text.
 *
 * Taken over what decides that: the kind, the pre-tokenizer (under the first of its
 * names), texts and types of all tokens, scores or merges in their order, and the
 * special tokens.  Every field goes in with its length, so that none runs into the next.
 */
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* Bytes written one after the other; with `data` NULL they are only counted. */
struct sink {
  uint8_t *data;
  size_t size;
};

static void put_raw(struct sink *out, const void *data, size_t size) {
  if (out->data != NULL && size > 0) memcpy(out->data + out->size, data, size);
  out->size += size;
}

static void put(struct sink *out, const void *data, size_t size) {
  uint64_t length = size;
  put_raw(out, &length, sizeof length);
  put_raw(out, data, size);
}

static void put_array(struct sink *out, const ridge_fact *fact) {
  if (fact == NULL) return;
  if (fact->type == RIDGE_FACT_INT) put_raw(out, &fact->value.i, sizeof fact->value.i);
  for (uint64_t i = 0; i < fact->count; i++) {
    if (fact->type == RIDGE_FACT_TEXTS)
      put(out, fact->value.texts[i].data, fact->value.texts[i].size);
    double score = fact->type == RIDGE_FACT_REALS ? fact->value.reals[i] : 0;
    if (fact->type == RIDGE_FACT_INTS) score = (double)fact->value.ints[i];
    if (fact->type != RIDGE_FACT_TEXTS) put_raw(out, &score, sizeof score);
  }
}

static void put_all(struct sink *out, const struct tokenizer *t,
                    const ridge_model_file *file) {
  static const char *const kinds[] = {
      [TOKENIZER_SPM] = "llama", [TOKENIZER_BPE] = "gpt2", [TOKENIZER_UNIGRAM] = "t5"};
  static const char *const more[] = {
      "ridge.tokenizer.merges", "tokenizer.ggml.precompiled_charsmap",
      "tokenizer.ggml.remove_extra_whitespaces", "ridge.tokenizer.white_space"};
  const char *kind = kinds[t->kind];
  const char *pre = t->kind != TOKENIZER_BPE ? "" : bpe_pre(t->bpe);
  const struct vocab *vocab = &t->vocab;
  put(out, kind, strlen(kind));
  put(out, pre, strcspn(pre, " "));
  put(out, vocab->start, ((size_t)vocab->n + 1) * sizeof *vocab->start);
  put(out, vocab->bytes, vocab->start[vocab->n]);
  put(out, vocab->type, (size_t)vocab->n);
  put(out, vocab->mark, (size_t)vocab->n);
  put_array(out, fact_find(file, t->kind != TOKENIZER_BPE ? "tokenizer.ggml.scores"
                                                          : "tokenizer.ggml.merges"));
  for (size_t i = 0; i < sizeof more / sizeof *more; i++)
    put_array(out, fact_find(file, more[i]));
  int32_t ids[] = {t->bos, t->eos, t->add_bos, (int32_t)t->prefix, t->composed};
  put(out, ids, sizeof ids);
}

ridge_status tokenizer_sign(struct tokenizer *t, const ridge_model_file *file,
                            struct why *why) {
  struct sink out = {0};
  put_all(&out, t, file);
  out.data = malloc(out.size);
  if (out.data == NULL) return tokenizer_no_memory(why);
  out.size = 0;
  put_all(&out, t, file);
  t->digest = digest_bytes(out.data, out.size);
  free(out.data);
  return RIDGE_OK;
}
