/*
 * x86_int8.h - rows of int8 times panels of small integers: the one text of
 * x86_int8_avx2.c and x86_int8_avx512.c.
 *
 * Few rows take codes straight from the packed panel, each byte of it once.  For more
 * rows DEPTH k of a panel are unpacked to bytes and f32 scales, and tiles of rows run
 * over that.  Either way an element sees the same operations in the same order.
 */
#ifndef X86_INT8_H
#define X86_INT8_H

#include "x86_codes.h"

enum {
  FEW = 4,                     /* rows that read the packed panel themselves      */
  TALL = LANES == 16 ? 12 : 4, /* rows of a tile over unpacked codes              */
  AHEAD = 4096,                /* bytes of codes to fetch ahead                   */
  SCALES_AHEAD = 512,
};

/* 32 k of a panel, unpacked. */
struct near {
  char code[QUADS * PANEL * 4];
  float scale[2][PANEL], low[2][PANEL];
};
_Static_assert(sizeof(struct near) * (DEPTH / BYTE_GROUP) <= PRODUCT_ROOM * sizeof(float),
               "unpacked blocks fit into the room");

/* Some rows over some blocks of one panel. */
struct stretch {
  const char *scales, *codes; /* packed; or                                       */
  const struct near *near;
  const struct weights *w;
  int64_t blocks;
  const struct record *x; /* of the first block and row                           */
  int64_t all;            /* records from block to block                          */
  float *c;               /* (rows, 16)                                           */
  int32_t offset;         /* less the form's offset, in both halves of a word     */
  bool first;             /* nothing is in c yet                                  */
};

/* sum + the products of n quads. */
INLINE wide dot(int adds, int n, const wide *code, const int8_t *q, wide sum) {
#ifdef __AVX512VNNI__
  (void)adds;
  UNROLL
  for (int j = 0; j < n; j++) sum = _mm512_dpbusd_epi32(sum, code[j], w_word_at(q + 4 * j));
#else
  const wide ones = _mm256_set1_epi16(1);
  UNROLL
  for (int j = 0; j < n; j += adds) {
    wide part;
    if (adds == 1)
      part = _mm256_maddubs_epi16(_mm256_abs_epi8(code[j]),
                                  _mm256_sign_epi8(w_word_at(q + 4 * j), code[j]));
    else
      part = _mm256_maddubs_epi16(code[j], w_word_at(q + 4 * j));
    UNROLL
    for (int i = 1; i < adds; i++)
      part = _mm256_add_epi16(
          part, _mm256_maddubs_epi16(code[j + i], w_word_at(q + 4 * j + 4 * i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(part, ones));
  }
#endif
  return sum;
}

/* What the offset has put into the sum of the quads of `part`: 0, 1, or 2 for both. */
INLINE wide unshift(struct manner how, int32_t offset, int part, const struct record *x) {
  if (how.low || (LANES == 8 && how.adds == 1)) return w_zero();
  const int32_t mask = part == 0 ? 0xffff : part == 1 ? (int32_t)0xffff0000 : -1;
  return W(madd_epi16)(w_word_at(x->sum), w_words(offset & mask));
}

/* 32 k of one row. */
INLINE floats block_row(struct manner how, const struct block *b, int32_t offset,
                        const struct record *x, floats sum) {
  const floats by = f_all(x->scale);
  if (!how.fine) {
    const wide d = dot(how.adds, QUADS, b->code, x->q, unshift(how, offset, 2, x));
    sum = f_fma(f_of(d), f_mul(b->scale[0], by), sum);
    return how.low ? f_fma(b->low[0], f_all(x->total), sum) : sum;
  }
  UNROLL
  for (int i = 0; i < 2; i++) {
    const wide d = dot(how.adds, QUADS / 2, b->code + QUADS / 2 * i, x->q + 16 * i,
                       unshift(how, offset, i, x));
    sum = f_fma(f_of(d), f_mul(b->scale[i], by), sum);
    if (how.low) sum = f_fma(b->low[i], f_all(x->part[i]), sum);
  }
  return sum;
}

INLINE void sums_load(int m, const struct stretch *s, int half, floats *sum) {
  UNROLL
  for (int r = 0; r < m; r++)
    sum[r] = s->first ? f_zero() : f_load(s->c + r * PANEL + half * LANES);
}

INLINE void sums_store(int m, const struct stretch *s, int half, const floats *sum) {
  UNROLL
  for (int r = 0; r < m; r++) f_store(s->c + r * PANEL + half * LANES, sum[r]);
}

/* ---- few rows, from the packed panel ---- */

INLINE void fetch(const char *p, uint64_t bytes) {
  for (uint64_t at = 0; at < bytes; at += 64) _mm_prefetch(p + at, _MM_HINT_T0);
}

INLINE void packed_half(enum codes codes, enum scales scales, int m,
                        const struct stretch *s, int half) {
  const struct manner how = manner_of(codes, scales);
  const struct weights *w = s->w;
  const char *from = s->scales, *code = s->codes + half * LANES * 4;
  const struct record *x = s->x;
  const int64_t supers = s->blocks * BYTE_GROUP / w->super;
  floats sum[FEW];
  sums_load(m, s, half, sum);
  for (int64_t i = 0; i < supers; i++) {
    const bool headless = scales == SCALES_POWER;
    const bool lows = how.low;
    const floats d = headless ? f_zero() : f_half(from + half * LANES * 2);
    const floats l = lows ? low_head(scales, from + PANEL * 2 + half * LANES * 2) : d;
    if (half == 0) _mm_prefetch(from + SCALES_AHEAD, _MM_HINT_T0);
    from += w->head_bytes;
    for (int64_t k = 0; k < w->super; k += BYTE_GROUP) {
      struct block b;
      if (half == 0) fetch(code + AHEAD, w->code_bytes);
      codes_load(codes, code, b.code);
      scales_load(scales, d, l, from + half * LANES, &b);
      UNROLL
      for (int r = 0; r < m; r++) sum[r] = block_row(how, &b, s->offset, x + r, sum[r]);
      code += w->code_bytes;
      from += w->sub_bytes;
      x += s->all;
    }
  }
  sums_store(m, s, half, sum);
}

typedef void stretch_function(const struct stretch *s);
#define PACKED(name, codes, scales, m)                                                     \
  static void packed_##name##_##m(const struct stretch *s) {                               \
    for (int half = 0; half < HALVES; half++)                                              \
      packed_half(CODES_##codes, SCALES_##scales, m, s, half);                             \
  }
#define PACKEDS(name, codes, scales, offset)                                               \
  PACKED(name, codes, scales, 1)                                                           \
  PACKED(name, codes, scales, 2)                                                           \
  PACKED(name, codes, scales, 3)                                                           \
  PACKED(name, codes, scales, 4)
BYTE_FORMS(PACKEDS)

/* ---- unpacking ---- */

INLINE void unpack(enum codes codes, enum scales scales, const struct stretch *s,
                   struct near *to) {
  const struct manner how = manner_of(codes, scales);
  const struct weights *w = s->w;
  for (int half = 0; half < HALVES; half++) {
    const char *from = s->scales, *code = s->codes + half * LANES * 4;
    struct near *near = to;
    for (int64_t k = 0; k < s->blocks * BYTE_GROUP; k += w->super) {
      const floats d = scales == SCALES_POWER ? f_zero() : f_half(from + half * LANES * 2);
      const floats l = how.low ? low_head(scales, from + PANEL * 2 + half * LANES * 2) : d;
      from += w->head_bytes;
      for (int64_t i = 0; i < w->super; i += BYTE_GROUP, near++) {
        struct block b;
        if (half == 0) fetch(code + AHEAD, w->code_bytes);
        codes_load(codes, code, b.code);
        scales_load(scales, d, l, from + half * LANES, &b);
        UNROLL
        for (int j = 0; j < QUADS; j++)
          w_store(near->code + 64 * j + half * LANES * 4, b.code[j]);
        UNROLL
        for (int j = 0; j < 2; j++) {
          if (j > 0 && !how.fine) continue;
          f_store(near->scale[j] + half * LANES, b.scale[j]);
          if (how.low) f_store(near->low[j] + half * LANES, b.low[j]);
        }
        code += w->code_bytes;
        from += w->sub_bytes;
      }
    }
  }
}

typedef void unpack_function(const struct stretch *s, struct near *to);
#define UNPACK(name, codes, scales, offset)                                                \
  static void unpack_##name(const struct stretch *s, struct near *to) {                    \
    unpack(CODES_##codes, SCALES_##scales, s, to);                                         \
  }
BYTE_FORMS(UNPACK)

/* ---- tiles of rows over unpacked blocks ---- */

INLINE void near_half(struct manner how, int m, const struct stretch *s, int half) {
  const struct record *x = s->x;
  floats sum[TALL];
  sums_load(m, s, half, sum);
  for (int64_t i = 0; i < s->blocks; i++, x += s->all) {
    const struct near *near = &s->near[i];
    struct block b;
    UNROLL
    for (int j = 0; j < QUADS; j++)
      b.code[j] = w_load(near->code + 64 * j + half * LANES * 4);
    UNROLL
    for (int j = 0; j < 2; j++) {
      if (j > 0 && !how.fine) continue;
      b.scale[j] = f_load(near->scale[j] + half * LANES);
      if (how.low) b.low[j] = f_load(near->low[j] + half * LANES);
    }
    UNROLL
    for (int r = 0; r < m; r++) sum[r] = block_row(how, &b, s->offset, x + r, sum[r]);
  }
  sums_store(m, s, half, sum);
}

/* name, fine, low, adds */
#define MANNERS(X)                                                                         \
  X(coarse, false, false, 4)                                                               \
  X(coarse_low, false, true, 4)                                                            \
  X(coarse_signed, false, false, 1)                                                        \
  X(fine, true, false, 2)                                                                  \
  X(fine_low, true, true, 4)
enum { COARSE, COARSE_LOW, COARSE_SIGNED, FINE, FINE_LOW };
static inline int manner_index(struct manner how) {
  if (how.fine) return how.low ? FINE_LOW : FINE;
  return how.low ? COARSE_LOW : how.adds == 1 ? COARSE_SIGNED : COARSE;
}

#define NEAR(name, fine, low, adds, m)                                                     \
  static void near_##name##_##m(const struct stretch *s) {                                 \
    for (int half = 0; half < HALVES; half++)                                              \
      near_half((struct manner){fine, low, adds}, m, s, half);                             \
  }

/* ---- what a form needs ---- */

struct way {
  stretch_function *packed[FEW + 1];
  unpack_function *unpack;
  enum codes codes;
  enum scales scales;
  int offset;
};
static const struct way ways[] = {
#define WAY(name, codes_, scales_, offset_)                                                \
  {                                                                                        \
      .packed = {NULL, packed_##name##_1, packed_##name##_2, packed_##name##_3,            \
                 packed_##name##_4},                                                       \
      .unpack = unpack_##name,                                                             \
      .codes = CODES_##codes_,                                                             \
      .scales = SCALES_##scales_,                                                          \
      .offset = offset_,                                                                   \
  },
    BYTE_FORMS(WAY)
#undef WAY
};

/* Tiles of nearly equal height. */
INLINE void run_tiles(stretch_function *const *tiles, int most, struct stretch s,
                      int64_t rows) {
  const struct record *x = s.x;
  float *c = s.c;
  const int64_t n = (rows + most - 1) / most;
  for (int64_t t = 0; t < n; t++) {
    const struct share mine = share_of(rows, (int32_t)t, (int32_t)n);
    s.x = x + mine.lo;
    s.c = c + mine.lo * PANEL;
    tiles[mine.hi - mine.lo](&s);
  }
}

/* A panel in runs of DEPTH, unpacked once for all rows. */
INLINE void run_unpacked(stretch_function *const *tiles, const struct way *way,
                         struct stretch s, int64_t rows, struct near *room) {
  const struct weights *w = s.w;
  const int64_t blocks = s.blocks, step = DEPTH / BYTE_GROUP;
  s.near = room;
  for (int64_t b = 0; b < blocks; b += step) {
    s.blocks = blocks - b < step ? blocks - b : step;
    s.first = b == 0;
    way->unpack(&s, room);
    run_tiles(tiles, TALL, s, rows);
    s.scales += (uint64_t)(DEPTH / w->super) * w->super_bytes;
    s.codes += (uint64_t)step * w->code_bytes;
    s.x += step * s.all;
  }
}

INLINE void product_int8(stretch_function *const (*near)[TALL + 1], const struct weights *w,
                         const struct panels *p, const struct records *x,
                         float *const c[SIDE], float *room) {
  const struct way *way = &ways[w->form];
  const uint32_t word = (uint32_t)-way->offset & 0xffff;
  for (int i = 0; i < p->n; i++) {
    const char *panel = w->data + (uint64_t)p->at[i] * w->panel_bytes;
    const struct stretch s = {
        .scales = panel,
        .codes = panel + w->codes_at,
        .w = w,
        .blocks = w->k / BYTE_GROUP,
        .x = x->at + x->first,
        .all = x->all,
        .c = c[i],
        .offset = (int32_t)(word << 16 | word),
        .first = true,
    };
    if (x->rows <= FEW)
      way->packed[x->rows](&s);
    else
      run_unpacked(near[manner_index(manner_of(way->codes, way->scales))], way, s, x->rows,
                   (struct near *)(void *)room);
  }
}

#endif
