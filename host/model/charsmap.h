/*
 * charsmap.h - SentencePiece's table of characters: what stands for what before pieces
 * are looked for (full-width letters, ligatures, odd blanks).
 *
 * A double-array trie (Aoe 1989; the layout is that of Darts-clone) over the bytes on
 * the left, and the texts on the right, each ended by NUL.  It comes from the model
 * file: no place in it is believed before it is looked at.
 */
#ifndef RIDGE_MODEL_CHARSMAP_H
#define RIDGE_MODEL_CHARSMAP_H

#include "base/why.h"

#include <ridge/format.h>

struct charsmap {
  uint32_t *units;
  char *texts;
  size_t n_units, n_texts; /* no units: nothing is changed */
};

/* From an array of bytes; NULL: an empty table. */
RIDGE_MUST ridge_status charsmap_new(const ridge_fact *, struct charsmap *out,
                                     struct why *why);
void charsmap_free(struct charsmap *);
/* What the text's beginning becomes: the longest match, or one character as it is, or
 * U+FFFD for a byte that begins none.  Returns how many bytes that beginning has. */
size_t charsmap_step(const struct charsmap *, const char *text, size_t size,
                     const char **to, size_t *to_size);

#endif
