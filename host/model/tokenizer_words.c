/*
 * tokenizer_words.c - the ids of one text as they come, and the words it had before.
 *
 * Text repeats itself: of a novel's words nine in ten stood a few pages back.  A table
 * remembers for each of the last few thousand words where in the text it stood and
 * where among the ids its pieces lie, so that it costs one comparison and one copy to
 * meet it again.  The table belongs to the text: nothing is shared between calls.
 */
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

enum { RECENT = 8192, LEAST_TEXT = 2048, LONGEST_WORD = 64 };

struct word_recent {
  uint32_t hash, start, size; /* size 0: empty */
  uint32_t first, count;      /* among the ids */
};

ridge_status tokenizer_no_memory(struct why *why) {
  return why_set(why, RIDGE_NO_MEMORY, "there is no memory for the tokenizer");
}

ridge_status words_new(struct words *words, size_t size, struct why *why) {
  *words = (struct words){.room = size / 3 + 16};
  words->ids = malloc(words->room * sizeof *words->ids);
  if (words->ids == NULL) return tokenizer_no_memory(why);
  if (size < LEAST_TEXT) return RIDGE_OK;
  words->recent = calloc(RECENT, sizeof *words->recent);
  if (words->recent != NULL) return RIDGE_OK;
  words_free(words);
  return tokenizer_no_memory(why);
}

void words_free(struct words *words) {
  free(words->ids);
  free(words->recent);
  *words = (struct words){0};
}

static ridge_status reserve(struct words *words, size_t more, struct why *why) {
  if (more <= words->room - words->n) return RIDGE_OK;
  size_t room = (words->n + more) * 2;
  int32_t *ids = realloc(words->ids, room * sizeof *ids);
  if (ids == NULL) return tokenizer_no_memory(why);
  words->ids = ids;
  words->room = room;
  return RIDGE_OK;
}

ridge_status words_add(struct words *words, int32_t id, struct why *why) {
  ridge_status status = reserve(words, 1, why);
  if (status == RIDGE_OK) words->ids[words->n++] = id;
  return status;
}

ridge_status words_again(struct words *words, const char *text, size_t start, size_t size,
                         struct word_place *place, bool *found, struct why *why) {
  *found = false;
  if (words->recent == NULL || size > LONGEST_WORD) return RIDGE_OK;
  uint64_t hash = hash_bytes(text + start, size);
  *place = (struct word_place){.slot = (uint32_t)(hash % RECENT),
                               .hash = (uint32_t)(hash >> 32)};
  const struct word_recent *past = &words->recent[place->slot];
  if (past->size != size || past->hash != place->hash) return RIDGE_OK;
  if (memcmp(text + past->start, text + start, size) != 0) return RIDGE_OK;
  ridge_status status = reserve(words, past->count, why);
  if (status != RIDGE_OK) return status;
  memcpy(words->ids + words->n, words->ids + past->first, past->count * sizeof *words->ids);
  words->n += past->count;
  *found = true;
  return RIDGE_OK;
}

void words_keep(struct words *words, struct word_place place, size_t start, size_t size,
                size_t first) {
  if (words->recent == NULL || size > LONGEST_WORD) return;
  words->recent[place.slot] = (struct word_recent){.hash = place.hash,
                                                   .start = (uint32_t)start,
                                                   .size = (uint32_t)size,
                                                   .first = (uint32_t)first,
                                                   .count = (uint32_t)(words->n - first)};
}
