/*
 * invent.h - a model that nobody trained: real shapes, random weights, a made
 * vocabulary.  For measuring speed and memory, and for tests.
 *
 * It comes as a source whose tensors have no bytes: their rows are made when they are
 * asked for, and hang on the seed and the place alone, never on the number of threads.
 *
 * Ownership: invent_free ends the source and all it points to.
 */
#ifndef RIDGE_CONVERT_INVENT_H
#define RIDGE_CONVERT_INVENT_H

#include "base/arena.h"
#include "convert/shape.h"
#include "model/source.h"

struct invention {
  const struct shape *shape;
  const struct shape_kind *kind;
  uint64_t seed;
  struct source source;
  ridge_fact *facts;
  ridge_file_tensor *tensors;
  double *spread;   /* (n_tensors) standard deviation; 0: all are `constant`    */
  float *constant;  /* (n_tensors)                                            */
  float *quantiles; /* of the normal distribution                            */
  struct arena memory;
};

RIDGE_MUST ridge_status invent(const struct shape *, uint64_t seed, struct invention *out,
                               struct why *why);
void invent_free(struct invention *);
/* For convert_spec.rows; ctx is the invention. [pool] */
ridge_status invent_rows(void *ctx, size_t index, int64_t lo, int64_t hi, float *to,
                         struct why *why);

/* ---- invent_tensors.c: names, shapes and spreads of the tensors ---- */
void invent_tensors(struct invention *);

/* ---- invent_words.c: the vocabulary, as facts of the tokenizer ---- */
size_t invent_words(const struct shape *, struct arena *, ridge_fact *facts);
enum { INVENT_WORD_FACTS = 12 };

#endif
