/*
 * portable_codec_search.h - codes, scale and offset of one group of weights, chosen
 * to make a weighted squared error small.
 *
 * A group of n numbers x is stored as x ~ d q + m with whole q in [lo, hi].  For given
 * codes the best d and m solve a 2x2 system; for given d and m the best code of each
 * number is the nearest.  Doing one after the other never makes the error larger and
 * ends in a local minimum (Lloyd's argument, IEEE Trans. Inf. Theory 28, 1982), so it
 * is started from a row of scales and the best end is kept.
 *
 * Numbers are finite and between 2^-40 and 2^40 in magnitude or zero, and weights are
 * of the order of one: the caller sees to both, and no sum below can overflow.
 */
#ifndef PORTABLE_CODEC_SEARCH_H
#define PORTABLE_CODEC_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct group {
  const float *x, *w;  /* (n)                                                    */
  int n;               /* a multiple of 4                                        */
  float lo, hi;        /* codes                                                  */
  const float *levels; /* (16) rising: q is one of these, not any whole number;
                        * NULL: it is any from lo to hi                          */
};

/* What a grid of scales tries: with an offset, the span of the numbers cut into hi +
 * first, hi + first + step, ... intervals; without, the number of largest magnitude at
 * lo - first, lo - first - step, ..., and with `both` at hi + first, ... as well. */
struct grid {
  float first, step;
  int steps;
  bool both;
};

/* x ~ d q + m with the nearest codes, their error, and what a better d and m can be
 * found from: r is what is left, x - d q - m. */
struct fit {
  float d, m, error;
  float w, wq, wqq, wr, wrq; /* sums of w times that */
};

struct fit fit_of(const struct group *, float d, float m);
/* q - lo, or the number of the level. */
void fit_codes(const struct group *, float d, float m, uint8_t *codes);

/* m = 0. */
struct fit search_scale(const struct group *, struct grid);
/* m <= 0 and d >= 0. */
struct fit search_scale_and_least(const struct group *, struct grid);

#endif
