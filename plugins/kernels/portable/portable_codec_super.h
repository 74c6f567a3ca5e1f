/*
 * portable_codec_super.h - the super-blocks of 256 as one kind of thing: groups with
 * a small whole scale (and least value) each, and one or two f16 factors for all.
 *
 *   x ~ d scale[g] q - dmin least[g],   q in [lo, hi]
 */
#ifndef PORTABLE_CODEC_SUPER_H
#define PORTABLE_CODEC_SUPER_H

#include "portable_codec_search.h"

enum { SUPER = 256, MOST_GROUPS = 16 };

/* How a codec divides a super-block. */
struct super_form {
  int groups;
  float lo, hi;           /* of codes                                              */
  const float *levels;    /* what codes stand for; NULL: themselves                */
  int scale_lo, scale_hi; /* of scales                                             */
  int least_hi;           /* of least values; 0: the codec has none                */
  struct grid grid;
  float floor; /* weight of a number: this and its size, in units of rms */
};

/* A super-block encoded: what remains is to put it in bytes. */
struct super {
  float d, dmin; /* as f16 holds them; NaN: a value that no code stands for        */
  int scale[MOST_GROUPS], least[MOST_GROUPS];
  uint8_t code[SUPER]; /* q - lo */
};

/* importance: (256) weight of each number beside its size, or NULL. */
void super_encode(const struct super_form *, const float *x, const float *importance,
                  struct super *out);

#endif
