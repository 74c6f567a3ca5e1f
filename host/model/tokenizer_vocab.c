/*
 * tokenizer_vocab.c - the pieces of a vocabulary, their types, and finding one by text.
 *
 * Texts are copied into one block; a table with open addressing, at most half full,
 * leads from a text to its number.
 */
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

struct vocab_slot {
  uint32_t tag; /* the hash's upper half: most strangers differ here already */
  int32_t id;   /* -1: free                                                  */
};

static uint64_t read_8(const uint8_t *p) {
  uint64_t value;
  memcpy(&value, p, sizeof value);
  return value;
}
static uint64_t read_4(const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, sizeof value);
  return value;
}

uint64_t hash_bytes(const void *data, size_t size) {
  const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu;
  const uint8_t *p = data;
  uint64_t state = k0 ^ size, tail = 0;
  size_t left = size;
  for (; left > 8; left -= 8, p += 8) state = hash_mix(read_8(p) ^ k1, state);
  if (left == 8)
    tail = read_8(p);
  else if (left >= 4)
    tail = read_4(p) | read_4(p + left - 4) << 32;
  else if (left > 0)
    tail = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
  return hash_mix(hash_mix(tail ^ k1, state), k0);
}

ridge_bytes vocab_text(const struct vocab *vocab, int32_t id) {
  uint32_t start = vocab->start[id];
  return (ridge_bytes){.data = vocab->bytes + start, .size = vocab->start[id + 1] - start};
}

size_t vocab_lower(const struct vocab *vocab, const int32_t *ids, size_t lo, size_t hi,
                   size_t depth, unsigned byte) {
  while (lo < hi) {
    size_t middle = lo + (hi - lo) / 2;
    if (vocab_text(vocab, ids[middle]).data[depth] < byte)
      lo = middle + 1;
    else
      hi = middle;
  }
  return lo;
}

/* The slot that holds the text, or the free one where it would go. */
static struct vocab_slot *slot_of(const struct vocab *vocab, const void *text, size_t size,
                                  uint64_t hash) {
  uint32_t tag = (uint32_t)(hash >> 32);
  for (uint32_t at = (uint32_t)hash & vocab->mask;; at = (at + 1) & vocab->mask) {
    struct vocab_slot *slot = &vocab->slots[at];
    if (slot->id < 0) return slot;
    if (slot->tag != tag) continue;
    ridge_bytes piece = vocab_text(vocab, slot->id);
    if (piece.size == size && memcmp(piece.data, text, size) == 0) return slot;
  }
}

int32_t vocab_find(const struct vocab *vocab, const void *text, size_t size) {
  if (size == 0 || size > vocab->longest) return -1;
  return slot_of(vocab, text, size, hash_bytes(text, size))->id;
}

static ridge_status copy_texts(struct vocab *vocab, const ridge_bytes *texts,
                               struct why *why) {
  uint64_t total = 0;
  for (int32_t i = 0; i < vocab->n; i++)
    if (__builtin_add_overflow(total, texts[i].size, &total) || total > UINT32_MAX)
      return why_set(why, RIDGE_UNSUPPORTED,
                     "the texts of the vocabulary are longer than 4 GiB together");
  vocab->start = calloc((size_t)vocab->n + 1, sizeof *vocab->start);
  vocab->bytes = malloc((size_t)total + 1);
  if (vocab->start == NULL || vocab->bytes == NULL) return tokenizer_no_memory(why);
  uint32_t at = 0;
  for (int32_t i = 0; i < vocab->n; i++) {
    uint32_t size = (uint32_t)texts[i].size;
    if (size > 0) memcpy(vocab->bytes + at, texts[i].data, size);
    if (size > vocab->longest) vocab->longest = size;
    at += size;
    vocab->start[i + 1] = at;
  }
  return RIDGE_OK;
}

/* Empty texts occur in converted models; they are tokens that no text leads to. */
static ridge_status index_texts(struct vocab *vocab, struct why *why) {
  uint32_t n = 16;
  while (n / 2 < (uint32_t)vocab->n) n *= 2;
  vocab->slots = malloc(n * sizeof *vocab->slots);
  if (vocab->slots == NULL) return tokenizer_no_memory(why);
  vocab->mask = n - 1;
  for (uint32_t i = 0; i < n; i++) vocab->slots[i] = (struct vocab_slot){.id = -1};
  for (int32_t id = 0; id < vocab->n; id++) {
    ridge_bytes text = vocab_text(vocab, id);
    if (text.size == 0) continue;
    uint64_t hash = hash_bytes(text.data, text.size);
    struct vocab_slot *slot = slot_of(vocab, text.data, text.size, hash);
    if (slot->id >= 0)
      return why_set(why, RIDGE_CORRUPT,
                     "tokens %d and %d of the vocabulary have the same text, \"%.*s\"",
                     slot->id, id, (int)(text.size < 80 ? text.size : 80),
                     (const char *)text.data);
    *slot = (struct vocab_slot){.tag = (uint32_t)(hash >> 32), .id = id};
  }
  return RIDGE_OK;
}

static ridge_status read_types(const ridge_model_file *file, struct vocab *vocab,
                               struct why *why) {
  static const char key[] = "tokenizer.ggml.token_type";
  vocab->type = malloc((size_t)vocab->n);
  vocab->mark = calloc((size_t)vocab->n, 1);
  if (vocab->type == NULL || vocab->mark == NULL) return tokenizer_no_memory(why);
  memset(vocab->type, TOKEN_NORMAL, (size_t)vocab->n);
  if (fact_find(file, key) == NULL) return RIDGE_OK;
  const ridge_fact *types = NULL;
  ridge_status status = fact_array(file, key, RIDGE_FACT_INTS, vocab->n, &types, why);
  if (status != RIDGE_OK) return status;
  for (int32_t i = 0; i < vocab->n; i++) {
    int64_t type = types->value.ints[i];
    if (type < TOKEN_UNDEFINED || type > TOKEN_BYTE)
      return why_set(why, RIDGE_CORRUPT, "%s: token %d has type %lld; types are 0 to %d",
                     key, i, (long long)type, TOKEN_BYTE);
    vocab->type[i] = (uint8_t)type;
  }
  return RIDGE_OK;
}

ridge_status vocab_new(const ridge_model_file *file, struct vocab *out, struct why *why) {
  *out = (struct vocab){0};
  const ridge_fact *tokens = NULL;
  ridge_status status =
      fact_array(file, "tokenizer.ggml.tokens", RIDGE_FACT_TEXTS, -1, &tokens, why);
  if (status != RIDGE_OK) return status;
  if (tokens->count == 0 || tokens->count > (1u << 28))
    return why_set(why, RIDGE_CORRUPT,
                   "the vocabulary has %llu tokens; between 1 and 2^28 are possible",
                   (unsigned long long)tokens->count);
  out->n = (int32_t)tokens->count;
  status = copy_texts(out, tokens->value.texts, why);
  if (status == RIDGE_OK) status = index_texts(out, why);
  if (status == RIDGE_OK) status = read_types(file, out, why);
  if (status != RIDGE_OK) vocab_free(out);
  return status;
}

void vocab_free(struct vocab *vocab) {
  free(vocab->bytes);
  free(vocab->start);
  free(vocab->type);
  free(vocab->mark);
  free(vocab->slots);
  *vocab = (struct vocab){0};
}
