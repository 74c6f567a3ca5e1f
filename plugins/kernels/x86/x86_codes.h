/*
 * x86_codes.h - packed codes and scales as a product of int8 wants them.  For files
 * compiled for AVX2 or for AVX-512 with VNNI.
 *
 * VNNI multiplies unsigned codes, so all are made so by their form's offset.  With AVX2,
 * codes that would be larger than 63 so (whole bytes and iq4_nl's levels) stay signed.
 */
#ifndef X86_CODES_H
#define X86_CODES_H

#include "x86_product.h"
#include "x86_wide.h"

/* How a block is multiplied; beside this only the offset differs between forms. */
struct manner {
  bool fine; /* scales for 16 k                                                   */
  bool low;  /* with minima                                                       */
  int adds;  /* AVX2: sums of two products that 16 bits hold; 1: signed codes      */
};

/* 32 k of LANES outputs.  Coarse scales and minima are in [0]. */
struct block {
  wide code[QUADS];
  floats scale[2], low[2];
};

WIDE_INLINE struct manner manner_of(enum codes codes, enum scales scales) {
  return (struct manner){
      .fine = scales == SCALES_FINE || scales == SCALES_FINE_LOW,
      .low = scales == SCALES_HALF_LOW || scales == SCALES_SUPER_LOW ||
             scales == SCALES_FINE_LOW,
      .adds = codes == CODES_8 || codes == CODES_NL ? 1
              : codes == CODES_6                    ? 2
                                                    : 4,
  };
}

/* Bytes of 32 k of a panel, of a head, and beside each 32 k. */
WIDE_INLINE uint64_t code_bytes_of(enum codes codes) {
  return codes == CODES_8   ? 512
         : codes == CODES_6 ? 384
         : codes == CODES_5 ? 320
         : codes == CODES_3 ? 192
         : codes == CODES_2 ? 128
                            : 256;
}
WIDE_INLINE uint64_t head_bytes_of(enum scales s) {
  if (s == SCALES_POWER) return 0;
  return s == SCALES_HALF || s == SCALES_SUPER || s == SCALES_FINE ? 32 : 64;
}
WIDE_INLINE uint64_t sub_bytes_of(enum scales s) {
  if (s == SCALES_HALF || s == SCALES_HALF_LOW) return 0;
  return s == SCALES_POWER || s == SCALES_SUPER ? 16 : 32;
}

/* `p`: the first plane of these lanes.  Planes are 64 bytes apart. */
WIDE_INLINE void codes_load(enum codes codes, const char *p, wide code[QUADS]) {
  static const int8_t nl_signed[16] = NL_LEVELS, e2m1_signed[16] = E2M1_LEVELS;
  if (codes == CODES_8) {
    WIDE_UNROLL
    for (int j = 0; j < QUADS; j++) {
      code[j] = w_load(p + 64 * j);
#ifdef __AVX512VNNI__
      code[j] = _mm512_xor_si512(code[j], w_bytes(0x80));
#endif
    }
    return;
  }
  const bool quarter = codes == CODES_2 || codes == CODES_3;
  const char *upper = p + 64 * (quarter ? 2 : 4);
  WIDE_UNROLL
  for (int j = 0; j < QUADS; j++) {
    if (quarter)
      code[j] = w_bits(w_load(p + 64 * (j / 4)), j % 4 * 2, 0, 3);
    else
      code[j] = w_bits(w_load(p + 64 * (j / 2)), j % 2 * 4, 0, 15);
    if (codes == CODES_3) code[j] = w_or(code[j], w_bits(w_load(upper), j, 2, 4));
    if (codes == CODES_5) code[j] = w_or(code[j], w_bits(w_load(upper), j, 4, 16));
    if (codes == CODES_6)
      code[j] = w_or(code[j], w_bits(w_load(upper + 64 * (j / 4)), j % 4 * 2, 4, 48));
    if (codes == CODES_NL) {
      wide level = w_table(nl_signed);
#ifdef __AVX512VNNI__
      level = _mm512_xor_si512(level, w_bytes(0x80));
#endif
      code[j] = W(shuffle_epi8)(level, code[j]);
    }
    if (codes == CODES_E2M1)
      code[j] = W(shuffle_epi8)(W(add_epi8)(w_table(e2m1_signed), w_bytes(12)), code[j]);
  }
}

/* 2^(e - 128) for bytes e, NaN for 255; what is too small for a normal number is zero. */
WIDE_INLINE floats power_load(const void *p) {
  const wide e = w_unsigned(p);
  const wide bits = W(slli_epi32)(e, 23);
  /* 255 as an exponent is infinity; a further bit makes it NaN. */
  const wide nan = W(slli_epi32)(W(srli_epi32)(W(add_epi32)(e, w_words(1)), 8), 22);
  return f_mul(f_of_bits(w_or(bits, nan)), f_all(0.5f));
}

/* `scales` and `lows` of one 32 k: `d`, `m` from the head, `sub` of these lanes. */
WIDE_INLINE void scales_load(enum scales scales, floats d, floats m, const char *sub,
                             struct block *b) {
  const wide four = w_words(15);
  switch (scales) {
  case SCALES_HALF: b->scale[0] = d; break;
  case SCALES_HALF_LOW: b->scale[0] = d, b->low[0] = m; break;
  case SCALES_POWER: b->scale[0] = power_load(sub); break;
  case SCALES_SUPER: b->scale[0] = f_mul(d, f_of(w_signed(sub))); break;
  case SCALES_SUPER_LOW:
    b->scale[0] = f_mul(d, f_of(w_unsigned(sub)));
    b->low[0] = f_mul(m, f_of(w_unsigned(sub + PANEL)));
    break;
  case SCALES_FINE:
    b->scale[0] = f_mul(d, f_of(w_signed(sub)));
    b->scale[1] = f_mul(d, f_of(w_signed(sub + PANEL)));
    break;
  case SCALES_FINE_LOW:
    WIDE_UNROLL
    for (int i = 0; i < 2; i++) {
      const wide both = w_unsigned(sub + PANEL * i);
      b->scale[i] = f_mul(d, f_of(w_and(both, four)));
      b->low[i] = f_mul(m, f_of(W(srli_epi32)(both, 4)));
    }
    break;
  }
}

/* What the head says of minima is taken off, but for HALF_LOW, where it is added. */
WIDE_INLINE floats low_head(enum scales scales, const char *head) {
  const floats m = f_half(head);
  return scales == SCALES_HALF_LOW ? m : f_mul(m, f_all(-1.0f));
}

#endif
