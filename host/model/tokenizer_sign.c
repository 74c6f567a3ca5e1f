/*
 * tokenizer_sign.c - the digest of a tokenizer: two with the same digest give the same
 * ids for every text.
 *
 * Taken over what decides that: the kind, the pre-tokenizer (under the first of its
 * names), texts and types of all tokens, scores or merges in their order, and the
 * special tokens.  Every field goes in with its length, so that none runs into the next.
 */
#include "model/tokenizer_parts.h"

#include "base/text.h"

#include <string.h>

static void put(struct text *out, const void *data, size_t size) {
  uint64_t length = size;
  text_bytes(out, &length, sizeof length);
  text_bytes(out, data, size);
}

static void put_array(struct text *out, const ridge_fact *fact) {
  if (fact == NULL) return;
  for (uint64_t i = 0; i < fact->count; i++) {
    if (fact->type == RIDGE_FACT_TEXTS)
      put(out, fact->value.texts[i].data, fact->value.texts[i].size);
    double score = fact->type == RIDGE_FACT_REALS ? fact->value.reals[i] : 0;
    if (fact->type == RIDGE_FACT_INTS) score = (double)fact->value.ints[i];
    if (fact->type != RIDGE_FACT_TEXTS) text_bytes(out, &score, sizeof score);
  }
}

ridge_status tokenizer_sign(struct tokenizer *t, const ridge_model_file *file,
                            struct why *why) {
  struct text out = text_new((size_t)1 << 34);
  const char *kind = t->kind == TOKENIZER_SPM ? "llama" : "gpt2";
  const char *pre = t->kind == TOKENIZER_SPM ? "" : bpe_pre(t->bpe);
  const struct vocab *vocab = &t->vocab;
  put(&out, kind, strlen(kind));
  put(&out, pre, strcspn(pre, " "));
  put(&out, vocab->start, ((size_t)vocab->n + 1) * sizeof *vocab->start);
  put(&out, vocab->bytes, vocab->start[vocab->n]);
  put(&out, vocab->type, (size_t)vocab->n);
  put(&out, vocab->mark, (size_t)vocab->n);
  put_array(&out, fact_find(file, t->kind == TOKENIZER_SPM ? "tokenizer.ggml.scores"
                                                           : "tokenizer.ggml.merges"));
  int32_t ids[] = {t->bos, t->eos, t->add_bos, t->space_prefix};
  put(&out, ids, sizeof ids);
  if (out.full) {
    text_free(&out);
    return why_set(why, RIDGE_UNSUPPORTED,
                   "the tokenizer's tables are too large to be signed");
  }
  t->digest = digest_bytes(out.data, out.size);
  text_free(&out);
  return RIDGE_OK;
}
