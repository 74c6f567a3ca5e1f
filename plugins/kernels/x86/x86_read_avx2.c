/*
 * x86_read_avx2.c - blocks of each codec taken apart (layouts: kernels/portable's
 * codecs, which follow ggml's quantization reference).
 */
#include "x86_lanes.h"
#include "x86_read.h"

#define LOAD16(p)     _mm_loadu_si128((const void *)(p))
#define LOAD32(p)     _mm256_loadu_si256((const void *)(p))
#define STORE32(p, v) _mm256_storeu_si256((void *)(p), v)

/* Bits from `right` on of every byte, moved to `left` on, as many as `mask` keeps. */
WIDE_INLINE __m256i bits(__m256i v, int right, int left, int mask) {
  v = _mm256_and_si256(_mm256_srli_epi16(v, right), _mm256_set1_epi8((char)mask));
  return _mm256_slli_epi16(v, left);
}

/* Sixteen bytes: low halves, then high halves. */
WIDE_INLINE __m256i nibbles(const uint8_t *p) {
  const __m128i v = LOAD16(p);
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(v, 4), v);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* Bit i of four bytes as the fifth bit of byte i. */
WIDE_INLINE __m256i fifths(const uint8_t *p) {
  int32_t word;
  memcpy(&word, p, sizeof word);
  const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2,
                                          2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
  const __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32(word), spread);
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
  return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

static void read_i8(const uint8_t *p, int64_t super, struct apart *to) {
  memcpy(to->head, p, 2);
  memcpy(to->code, p + 2, (size_t)super);
}

static void read_i4(const uint8_t *p, int64_t super, struct apart *to) {
  memcpy(to->head, p, 2);
  for (int64_t k = 0; k < super; k += 32) STORE32(to->code + k, nibbles(p + 2 + k / 2));
}

static void read_i4m(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  memcpy(to->head, p, 4);
  STORE32(to->code, nibbles(p + 4));
}

static void read_i5(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  memcpy(to->head, p, 2);
  STORE32(to->code, _mm256_or_si256(nibbles(p + 6), fifths(p + 2)));
}

static void read_i5m(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  memcpy(to->head, p, 4);
  STORE32(to->code, _mm256_or_si256(nibbles(p + 8), fifths(p + 4)));
}

static void read_mx(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  to->sub[0][0] = p[0];
  STORE32(to->code, nibbles(p + 1));
}

static void read_xs(const uint8_t *p, int64_t super, struct apart *to) {
  uint16_t high;
  (void)super;
  memcpy(to->head, p, 2);
  memcpy(&high, p + 2, 2);
  for (int b = 0; b < 8; b++) {
    const int low = p[4 + b / 2] >> (4 * (b % 2)) & 15;
    to->sub[b][0] = (uint8_t)((low | (high >> (2 * b) & 3) << 4) - 32);
    STORE32(to->code + 32 * b, nibbles(p + 8 + 16 * b));
  }
}

static void read_q2k(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  memcpy(to->head, p + 80, 4);
  memcpy(to->sub, p, 16);
  for (int half = 0; half < 2; half++) {
    const __m256i v = LOAD32(p + 16 + 32 * half);
    for (int i = 0; i < 4; i++)
      STORE32(to->code + 128 * half + 32 * i, bits(v, 2 * i, 0, 3));
  }
}

static void read_q3k(const uint8_t *p, int64_t super, struct apart *to) {
  const __m256i third = LOAD32(p);
  (void)super;
  memcpy(to->head, p + 108, 2);
  for (int i = 0; i < 16; i++) {
    const int low = i < 8 ? p[96 + i] & 15 : p[96 + i - 8] >> 4;
    const int high = p[104 + i % 4] >> (2 * (i / 4)) & 3;
    to->sub[i / 2][i % 2] = (uint8_t)((low | high << 4) - 32);
  }
  for (int i = 0; i < 8; i++) {
    const __m256i v = LOAD32(p + 32 + i / 4 * 32);
    STORE32(to->code + 32 * i,
            _mm256_or_si256(bits(v, i % 4 * 2, 0, 3), bits(third, i, 2, 1)));
  }
}

/* The eight 6-bit scales and minima of q4_k and q5_k. */
static void sixes(const uint8_t *p, struct apart *to) {
  for (int i = 0; i < 4; i++) {
    to->sub[i][0] = p[i] & 63;
    to->sub[i][1] = p[i + 4] & 63;
    to->sub[i + 4][0] = (uint8_t)((p[i + 8] & 15) | p[i] >> 6 << 4);
    to->sub[i + 4][1] = (uint8_t)(p[i + 8] >> 4 | p[i + 4] >> 6 << 4);
  }
}

static void read_q4k(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  memcpy(to->head, p, 4);
  sixes(p + 4, to);
  for (int i = 0; i < 8; i++)
    STORE32(to->code + 32 * i, bits(LOAD32(p + 16 + i / 2 * 32), i % 2 * 4, 0, 15));
}

static void read_q5k(const uint8_t *p, int64_t super, struct apart *to) {
  const __m256i high = LOAD32(p + 16);
  (void)super;
  memcpy(to->head, p, 4);
  sixes(p + 4, to);
  for (int i = 0; i < 8; i++)
    STORE32(to->code + 32 * i,
            _mm256_or_si256(bits(LOAD32(p + 48 + i / 2 * 32), i % 2 * 4, 0, 15),
                            bits(high, i, 4, 1)));
}

static void read_q6k(const uint8_t *p, int64_t super, struct apart *to) {
  (void)super;
  memcpy(to->head, p + 208, 2);
  memcpy(to->sub, p + 192, 16);
  for (int i = 0; i < 8; i++) {
    const __m256i low = LOAD32(p + i / 4 * 64 + i % 2 * 32),
                  high = LOAD32(p + 128 + i / 4 * 32);
    STORE32(to->code + 32 * i,
            _mm256_or_si256(bits(low, i % 4 / 2 * 4, 0, 15), bits(high, i % 4 * 2, 4, 3)));
  }
}

read_function *read_of(enum form form) {
  static read_function *const readers[] = {
      [FORM_I8] = read_i8,   [FORM_I4] = read_i4,   [FORM_I4M] = read_i4m,
      [FORM_I5] = read_i5,   [FORM_I5M] = read_i5m, [FORM_Q2K] = read_q2k,
      [FORM_Q3K] = read_q3k, [FORM_Q4K] = read_q4k, [FORM_Q5K] = read_q5k,
      [FORM_Q6K] = read_q6k, [FORM_NL] = read_i4,   [FORM_MX] = read_mx,
      [FORM_XS] = read_xs,
  };
  return readers[form];
}
