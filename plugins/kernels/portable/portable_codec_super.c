/*
 * portable_codec_super.c - GGUF's super-blocks of 256, q2_k to q6_k: their bytes.
 *
 * A super-block has one or two f16 factors and, for each 16 or 32 of its elements, a
 * small integer scale (and minimum) of 4 to 8 bits: x = d scale q - dmin minimum.
 * Which numbers to store is chosen in portable_codec_super_encode.c.
 */
#include "portable_codec_super.h"

#include "portable.h"
#include "portable_codec.h"

typedef void put_super(const struct super *, uint8_t *to);

static void encode_row(const struct super_form *form, put_super *put, uint64_t bytes,
                       const float *from, const float *importance, void *to, int64_t n) {
  uint8_t *p = to;
  for (int64_t at = 0; at < n; at += SUPER, p += bytes) {
    struct super s;
    super_encode(form, from + at, importance != NULL ? importance + at : NULL, &s);
    memset(p, 0, bytes);
    put(&s, p);
  }
}

#define SUPER_CODEC(name_, bytes)                                                          \
  static void name_##_encode(const float *from, void *to, int64_t n) {                     \
    encode_row(&name_##_form, name_##_put, bytes, from, NULL, to, n);                      \
  }                                                                                        \
  static void name_##_weighted(const float *from, const float *importance, void *to,       \
                               int64_t n) {                                                \
    encode_row(&name_##_form, name_##_put, bytes, from, importance, to, n);                \
  }                                                                                        \
  WEIGHTED_CODEC(name_, SUPER, bytes)

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

static void q2_k_put(const struct super *s, uint8_t *p) {
  for (int g = 0; g < 16; g++) p[g] = (uint8_t)(s->scale[g] | s->least[g] << 4);
  for (int i = 0; i < SUPER; i++)
    p[16 + i / 128 * 32 + i % 32] |= (uint8_t)(s->code[i] << (2 * (i % 128 / 32)));
  half_put(p + 80, s->d);
  half_put(p + 82, s->dmin);
}

static const struct super_form q2_k_form = {.groups = 16,
                                            .lo = 0,
                                            .hi = 3,
                                            .scale_hi = 15,
                                            .least_hi = 15,
                                            .grid = {-0.9f, 0.1f, 19, false},
                                            .floor = 0.25f};
SUPER_CODEC(q2_k, 84);

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

static void q3_k_put(const struct super *s, uint8_t *p) {
  for (int i = 0; i < SUPER; i++) {
    const int half = i / 128, pair = i % 128 / 32;
    p[32 + half * 32 + i % 32] |= (uint8_t)((s->code[i] & 3) << (2 * pair));
    p[i % 32] |= (uint8_t)((s->code[i] >> 2) << (half * 4 + pair));
  }
  for (int g = 0; g < 16; g++) {
    const int scale = s->scale[g] + 32;
    p[96 + g % 8] |= (uint8_t)((scale & 15) << (g / 8 * 4));
    p[104 + g % 4] |= (uint8_t)((scale >> 4) << (2 * (g / 4)));
  }
  half_put(p + 108, s->d);
}

static const struct super_form q3_k_form = {.groups = 16,
                                            .lo = -4,
                                            .hi = 3,
                                            .scale_lo = -32,
                                            .scale_hi = 31,
                                            .grid = {-0.9f, 0.1f, 19, false},
                                            .floor = 0.25f};
SUPER_CODEC(q3_k, 110);

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

static void factors_put(const struct super *s, uint8_t *p) {
  uint8_t *packed = p + 4;
  half_put(p, s->d);
  half_put(p + 2, s->dmin);
  for (int i = 0; i < 4; i++) {
    packed[i] = (uint8_t)(s->scale[i] | s->scale[i + 4] >> 4 << 6);
    packed[i + 4] = (uint8_t)(s->least[i] | s->least[i + 4] >> 4 << 6);
    packed[i + 8] = (uint8_t)((s->scale[i + 4] & 15) | (s->least[i + 4] & 15) << 4);
  }
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

static void q4_k_put(const struct super *s, uint8_t *p) {
  factors_put(s, p);
  for (int i = 0; i < SUPER; i++)
    p[16 + i / 64 * 32 + i % 32] |= (uint8_t)(s->code[i] << (i / 32 % 2 * 4));
}

static const struct super_form q4_k_form = {.groups = 8,
                                            .lo = 0,
                                            .hi = 15,
                                            .scale_hi = 63,
                                            .least_hi = 63,
                                            .grid = {-1.0f, 0.2f, 11, false},
                                            .floor = 1.0f};
SUPER_CODEC(q4_k, 144);

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

static void q5_k_put(const struct super *s, uint8_t *p) {
  factors_put(s, p);
  for (int i = 0; i < SUPER; i++) {
    p[16 + i % 32] |= (uint8_t)((s->code[i] >> 4) << (i / 32));
    p[48 + i / 64 * 32 + i % 32] |= (uint8_t)((s->code[i] & 15) << (i / 32 % 2 * 4));
  }
}

static const struct super_form q5_k_form = {.groups = 8,
                                            .lo = 0,
                                            .hi = 31,
                                            .scale_hi = 63,
                                            .least_hi = 63,
                                            .grid = {-1.0f, 0.2f, 11, false},
                                            .floor = 1.0f};
SUPER_CODEC(q5_k, 176);

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

static void q6_k_put(const struct super *s, uint8_t *p) {
  for (int i = 0; i < SUPER; i++) {
    const int half = i / 128, quarter = i % 128 / 32;
    p[half * 64 + i % 64] |= (uint8_t)((s->code[i] & 15) << (quarter / 2 * 4));
    p[128 + half * 32 + i % 32] |= (uint8_t)((s->code[i] >> 4) << (2 * quarter));
  }
  for (int g = 0; g < 16; g++) p[192 + g] = (uint8_t)s->scale[g];
  half_put(p + 208, s->d);
}

static const struct super_form q6_k_form = {.groups = 16,
                                            .lo = -32,
                                            .hi = 31,
                                            .scale_lo = -128,
                                            .scale_hi = 127,
                                            .grid = {-1.0f, 0.2f, 11, false},
                                            .floor = 0.25f};
SUPER_CODEC(q6_k, 210);
