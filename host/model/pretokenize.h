/*
 * pretokenize.h - cutting text into words before byte-pair merging.
 *
 * A byte-level model was trained on text cut by patterns of its own; merges never
 * cross such a cut.  The patterns are known by the name in `tokenizer.ggml.pre`
 * (pretokenize_table.c); an unknown name is refused with the list of those known.
 *
 * Ownership: a pretokenizer is constant and serves many threads; a cutter belongs to
 *            one call.
 */
#ifndef RIDGE_MODEL_PRETOKENIZE_H
#define RIDGE_MODEL_PRETOKENIZE_H

#include "base/why.h"

enum { PRETOKENIZE_STAGES = 6 };

/* Each pattern cuts what the one before it left: what it matches is a part, and so is
 * what lies between two matches. */
struct pretokenize_row {
  const char *names; /* separated by blanks; the first stands for all */
  const char *patterns[PRETOKENIZE_STAGES];
  bool whole_words; /* a word that is a token needs no merges ("ignore_merges") */
  bool adds_bos;    /* unless the file says otherwise                           */
};
/* NULL: unknown. */
const struct pretokenize_row *pretokenize_find(const char *name, size_t size);
const struct pretokenize_row *pretokenize_list(size_t *n);

struct pretokenizer;
RIDGE_MUST ridge_status pretokenizer_new(const char *name, size_t size,
                                         struct pretokenizer **out, struct why *why);
void pretokenizer_free(struct pretokenizer *);
const struct pretokenize_row *pretokenizer_row(const struct pretokenizer *);
/* Whether the patterns run as machine code (the system may refuse executable memory). */
bool pretokenizer_compiled(const struct pretokenizer *);

/* Called for each word in order; any status but RIDGE_OK ends the cutting. */
typedef ridge_status pretokenize_word(void *ctx, size_t start, size_t end);

struct cutter;
RIDGE_MUST ridge_status cutter_new(const struct pretokenizer *, struct cutter **out,
                                   struct why *why);
void cutter_free(struct cutter *);
/* text[start, end) has to be well-formed UTF-8.  Offsets given to `word` count from
 * `text`. */
RIDGE_MUST ridge_status cutter_run(struct cutter *, const char *text, size_t start,
                                   size_t end, pretokenize_word *word, void *ctx,
                                   struct why *why);

#endif
