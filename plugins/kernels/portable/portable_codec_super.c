/*
 * portable_codec_super.c - GGUF's super-blocks of 256 (q2_k .. q6_k), read only.
 *
 * A super-block has one or two f16 factors and, for each 16 or 32 of its elements, a
 * small integer scale (and minimum) of 4 to 8 bits: x = d scale q - dmin minimum.
 */
#include "portable.h"
#include "portable_codec.h"

enum { SUPER = 256 };

/* ---- q2_k: 16 bytes (scale low, minimum high half), 64 bytes, d, dmin ---- */
static void q2_k_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += SUPER, p += 84) {
    const float d = half_at(p + 80), dmin = half_at(p + 82);
    for (int i = 0; i < SUPER; i++) {
      const int half = i / 128, pair = i % 128 / 32; /* pair: which two bits */
      const int scale = p[i / 16], q = p[16 + half * 32 + i % 32] >> (2 * pair) & 3;
      to[at + i] = d * (float)(scale & 15) * (float)q - dmin * (float)(scale >> 4);
    }
  }
}

/* ---- q3_k: 32 bytes of third bits, 64 bytes, 12 bytes of 6-bit scales, d ---- */

static int q3_k_scale(const uint8_t *packed, int i) {
  const int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
  const int high = packed[8 + i % 4] >> (2 * (i / 4)) & 3;
  return (low | high << 4) - 32;
}

static void q3_k_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += SUPER, p += 110) {
    const float d = half_at(p + 108);
    for (int i = 0; i < SUPER; i++) {
      const int half = i / 128, pair = i % 128 / 32;
      const int q = p[32 + half * 32 + i % 32] >> (2 * pair) & 3;
      const int third = p[i % 32] >> (half * 4 + pair) & 1; /* clear: four less */
      to[at + i] = d * (float)q3_k_scale(p + 96, i / 16) * (float)(q - (third ? 0 : 4));
    }
  }
}

/* ---- q4_k and q5_k: d, dmin, 12 bytes of eight 6-bit scales and minima ---- */

struct scale {
  float d, m;
};

static struct scale scale_of(const uint8_t *block, int i) {
  const uint8_t *packed = block + 4;
  int d, m;
  if (i < 4) {
    d = packed[i] & 63;
    m = packed[i + 4] & 63;
  } else {
    d = (packed[i + 4] & 15) | packed[i - 4] >> 6 << 4;
    m = packed[i + 4] >> 4 | packed[i] >> 6 << 4;
  }
  return (struct scale){half_at(block) * (float)d, half_at(block + 2) * (float)m};
}

static void q4_k_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += SUPER, p += 144)
    for (int part = 0; part < 8; part++) {
      const struct scale s = scale_of(p, part);
      const uint8_t *q = p + 16 + part / 2 * 32;
      for (int i = 0; i < 32; i++)
        to[at + part * 32 + i] = s.d * (float)(q[i] >> (part % 2 * 4) & 15) - s.m;
    }
}

static void q5_k_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += SUPER, p += 176)
    for (int part = 0; part < 8; part++) {
      const struct scale s = scale_of(p, part);
      const uint8_t *high = p + 16, *q = p + 48 + part / 2 * 32;
      for (int i = 0; i < 32; i++) {
        const int code = (q[i] >> (part % 2 * 4) & 15) | (high[i] >> part & 1) << 4;
        to[at + part * 32 + i] = s.d * (float)code - s.m;
      }
    }
}

/* ---- q6_k: 128 bytes of low halves, 64 of upper bits, 16 int8 scales, d ---- */
static void q6_k_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += SUPER, p += 210) {
    const float d = half_at(p + 208);
    for (int i = 0; i < SUPER; i++) {
      const int half = i / 128, quarter = i % 128 / 32;
      const int low = p[half * 64 + i % 64] >> (quarter / 2 * 4) & 15;
      const int high = p[128 + half * 32 + i % 32] >> (2 * quarter) & 3;
      const int scale = (int8_t)p[192 + i / 16];
      to[at + i] = d * (float)scale * (float)((low | high << 4) - 32);
    }
  }
}

CODEC(q2_k, SUPER, 84, NULL);
CODEC(q3_k, SUPER, 110, NULL);
CODEC(q4_k, SUPER, 144, NULL);
CODEC(q5_k, SUPER, 176, NULL);
CODEC(q6_k, SUPER, 210, NULL);
