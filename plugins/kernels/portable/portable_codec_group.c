/*
 * portable_codec_group.c - symmetric codes with one f16 scale for each group of
 * elements, the scale first: q8_0 and q4_0 of GGUF (groups of 32), and the same with
 * longer groups for round-to-nearest weights (i8gN, i4gN).
 *
 *   8 bits   d = max|x| / 127; code = round(x / d)
 *   4 bits   d = (the value of largest magnitude) / -8; code = trunc(x / d + 8.5),
 *            at most 15, stored for -8..7: the extreme is exact, its negative is not.
 *            Two codes a byte; of each 32, code j is the low half of byte j and code
 *            j + 16 the high half.
 * i8g32 and i4g32 are q8_0 and q4_0 byte for byte.
 */
#include "portable.h"
#include "portable_codec.h"

static void decode8(const void *from, float *to, int64_t n, int64_t group) {
  const char *p = from;
  for (int64_t at = 0; at < n; at += group, p += 2 + group) {
    const float d = half_at(p);
    const int8_t *q = (const int8_t *)(p + 2);
    for (int64_t i = 0; i < group; i++) to[at + i] = d * (float)q[i];
  }
}

static void encode8(const float *from, void *to, int64_t n, int64_t group) {
  char *p = to;
  for (int64_t at = 0; at < n; at += group, p += 2 + group) {
    const struct extent e = extent_of(from + at, group);
    const float d = fabsf(e.peak) / 127.0f, by = inverse(d);
    scale_put(p, d, e);
    int8_t *q = (int8_t *)(p + 2);
    for (int64_t i = 0; i < group; i++) q[i] = (int8_t)code_round(from[at + i] * by, 127);
  }
}

static void decode4(const void *from, float *to, int64_t n, int64_t group) {
  const char *p = from;
  for (int64_t at = 0; at < n; at += group, p += 2 + group / 2) {
    const float d = half_at(p);
    for (int64_t part = 0; part < group; part += 32) {
      const uint8_t *q = (const uint8_t *)(p + 2 + part / 2);
      float *y = to + at + part;
      for (int i = 0; i < 16; i++) {
        y[i] = d * (float)((q[i] & 15) - 8);
        y[i + 16] = d * (float)((q[i] >> 4) - 8);
      }
    }
  }
}

static void encode4(const float *from, void *to, int64_t n, int64_t group) {
  char *p = to;
  for (int64_t at = 0; at < n; at += group, p += 2 + group / 2) {
    const struct extent e = extent_of(from + at, group);
    const float d = e.peak / -8.0f, by = inverse(d);
    scale_put(p, d, e);
    for (int64_t part = 0; part < group; part += 32) {
      uint8_t *q = (uint8_t *)(p + 2 + part / 2);
      const float *x = from + at + part;
      for (int i = 0; i < 16; i++)
        q[i] = (uint8_t)(code_of(x[i] * by + 8.5f, 0, 15) |
                         code_of(x[i + 16] * by + 8.5f, 0, 15) << 4);
    }
  }
}

/* name, bits, group, bytes of a block */
#define GROUP_MAP(X)                                                                       \
  X(q8_0, 8, 32, 34)                                                                       \
  X(i8g32, 8, 32, 34)                                                                      \
  X(i8g64, 8, 64, 66)                                                                      \
  X(i8g128, 8, 128, 130)                                                                   \
  X(i8g256, 8, 256, 258)                                                                   \
  X(q4_0, 4, 32, 18)                                                                       \
  X(i4g32, 4, 32, 18)                                                                      \
  X(i4g64, 4, 64, 34)                                                                      \
  X(i4g128, 4, 128, 66)                                                                    \
  X(i4g256, 4, 256, 130)
#define X(name, bits, group, bytes)                                                        \
  static void name##_decode(const void *from, float *to, int64_t n) {                      \
    decode##bits(from, to, n, group);                                                      \
  }                                                                                        \
  static void name##_encode(const float *from, void *to, int64_t n) {                      \
    encode##bits(from, to, n, group);                                                      \
  }                                                                                        \
  CODEC(name, group, bytes, name##_encode);
GROUP_MAP(X)
#undef X
