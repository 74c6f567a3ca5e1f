/*
 * ridge/codec.h - how a row of numbers is stored.  Seam "codec/1", a SET keyed by
 * the codec's name ("f16", "q8_0").
 *
 * A row of n elements is n / block blocks of block_bytes each, and n is always a
 * multiple of block: the host refuses a tensor whose rows do not divide.
 * All functions are [pure]; pointers need no alignment.
 */
#ifndef RIDGE_CODEC_H
#define RIDGE_CODEC_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_CODEC "codec/1"

typedef struct ridge_codec {
  uint64_t struct_size;
  const char *name;
  int64_t block;        /* elements                                          */
  uint64_t block_bytes; /* with scales and all                               */
  void (*decode)(const void *from, float *to, int64_t n);
  /* Values near those given, as the codec sees fit (nearest codes under a scale of its
   * choice); NULL: this codec is only read. */
  void (*encode)(const float *from, void *to, int64_t n);
  /* The same, where the squared error of element i counts importance[i] times (finite,
   * not negative).  NULL: nothing to choose, importance would change no byte. */
  void (*encode_weighted)(const float *from, const float *importance, void *to, int64_t n);
} ridge_codec;
RIDGE_SEALED(ridge_codec, encode_weighted);

#endif
