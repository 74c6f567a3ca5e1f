/* charsmap.c - looking things up in SentencePiece's table of characters. */
#include "model/charsmap.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static ridge_status damaged(const char *what, struct why *why) {
  return why_set(why, RIDGE_CORRUPT,
                 "tokenizer.ggml.precompiled_charsmap: %s; the model file is damaged",
                 what);
}

/* Four bytes of length, so many bytes of trie, the texts. */
static ridge_status split(struct charsmap *map, const uint8_t *bytes, size_t size,
                          struct why *why) {
  uint32_t length;
  if (size < 4) return damaged("it has no length", why);
  memcpy(&length, bytes, sizeof length);
  if (length > size - 4 || length % 4 != 0 || length == 0)
    return damaged("its trie is longer than the table, or empty", why);
  map->n_units = length / 4;
  map->n_texts = size - 4 - length;
  if (map->n_texts == 0 || bytes[size - 1] != 0)
    return damaged("its last text does not end", why);
  map->units = malloc(length);
  map->texts = malloc(map->n_texts);
  if (map->units == NULL || map->texts == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for the table of characters");
  memcpy(map->units, bytes + 4, length);
  memcpy(map->texts, bytes + 4 + length, map->n_texts);
  return RIDGE_OK;
}

ridge_status charsmap_new(const ridge_fact *fact, struct charsmap *out, struct why *why) {
  *out = (struct charsmap){0};
  if (fact == NULL || fact->count == 0) return RIDGE_OK;
  if (fact->type != RIDGE_FACT_INTS) return damaged("it is no array of bytes", why);
  uint8_t *bytes = malloc((size_t)fact->count);
  if (bytes == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory for a table");
  ridge_status status = RIDGE_OK;
  for (uint64_t i = 0; i < fact->count; i++) {
    int64_t value = fact->value.ints[i]; /* written as signed bytes by some */
    if (value < -128 || value > 255) status = damaged("it holds what is no byte", why);
    bytes[i] = (uint8_t)value;
  }
  if (status == RIDGE_OK) status = split(out, bytes, (size_t)fact->count, why);
  free(bytes);
  if (status != RIDGE_OK) charsmap_free(out);
  return status;
}

void charsmap_free(struct charsmap *map) {
  free(map->units);
  free(map->texts);
  *map = (struct charsmap){0};
}

/* A unit: bit 8 a text ends here, bits 10 and up the offset to its children (times 256
 * with bit 9), bits 0 to 7 and 31 the byte that leads to it. */
static size_t offset_of(uint32_t unit) {
  return (size_t)(unit >> 10) << ((unit & 512u) >> 6);
}

/* The place of the longest match's text, or SIZE_MAX. */
static size_t longest(const struct charsmap *map, const char *text, size_t size,
                      size_t *length) {
  size_t at = offset_of(map->units[0]), found = SIZE_MAX;
  for (size_t i = 0; i < size; i++) {
    uint8_t byte = (uint8_t)text[i];
    at ^= byte;
    if (at >= map->n_units) break;
    uint32_t unit = map->units[at];
    if ((unit & 0x800000ffu) != byte) break;
    at ^= offset_of(unit);
    if ((unit & 256u) == 0) continue;
    if (at >= map->n_units) break;
    size_t place = map->units[at] & 0x7fffffffu;
    if (place >= map->n_texts) break;
    found = place;
    *length = i + 1;
  }
  return found;
}

size_t charsmap_step(const struct charsmap *map, const char *text, size_t size,
                     const char **to, size_t *to_size) {
  size_t length = 0, place = SIZE_MAX;
  if (map->n_units > 0) place = longest(map, text, size, &length);
  if (place != SIZE_MAX) {
    *to = map->texts + place; /* ended by NUL: the whole table is */
    *to_size = strlen(*to);
    return length;
  }
  utf8proc_int32_t code;
  utf8proc_ssize_t n =
      utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &code);
  *to = n > 0 ? text : "\xef\xbf\xbd";
  *to_size = n > 0 ? (size_t)n : 3;
  return n > 0 ? (size_t)n : 1;
}
