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
  SEVERAL = LANES == 16 ? 36 : 8, /* rows that read the packed panel, */
  FEW = 8,                        /* so many of them at once                        */
  TALL = LANES == 16 ? 12 : 4,    /* rows of a tile over unpacked codes              */
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
  int64_t across;         /* records from block to block                          */
  float *c;               /* (rows, 16)                                           */
  int32_t offset;         /* less the form's offset, in both halves of a word     */
  bool first;             /* nothing is in c yet                                  */
};

/* sum + the products of n quads. */
WIDE_INLINE wide dot(int adds, int n, const wide *code, const int8_t *q, wide sum) {
#ifdef __AVX512VNNI__
  (void)adds;
  WIDE_UNROLL
  for (int j = 0; j < n; j++) sum = _mm512_dpbusd_epi32(sum, code[j], w_word_at(q + 4 * j));
#else
  const wide ones = _mm256_set1_epi16(1);
  WIDE_UNROLL
  for (int j = 0; j < n; j += adds) {
    wide part;
    if (adds == 1)
      part = _mm256_maddubs_epi16(_mm256_abs_epi8(code[j]),
                                  _mm256_sign_epi8(w_word_at(q + 4 * j), code[j]));
    else
      part = _mm256_maddubs_epi16(code[j], w_word_at(q + 4 * j));
    WIDE_UNROLL
    for (int i = 1; i < adds; i++)
      part = _mm256_add_epi16(
          part, _mm256_maddubs_epi16(code[j + i], w_word_at(q + 4 * j + 4 * i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(part, ones));
  }
#endif
  return sum;
}

/* What the offset has put into the sum of the quads of `part`: 0, 1, or 2 for both. */
WIDE_INLINE wide unshift(struct manner how, int32_t offset, int part,
                         const struct record *x) {
  if (how.low || (LANES == 8 && how.adds == 1)) return w_zero();
  const int32_t mask = part == 0 ? 0xffff : part == 1 ? (int32_t)0xffff0000 : -1;
  return W(madd_epi16)(w_word_at(x->sum), w_words(offset & mask));
}

/* 32 k of one row. */
WIDE_INLINE floats block_row(struct manner how, const struct block *b, int32_t offset,
                             const struct record *x, floats sum) {
  const floats by = f_all(x->scale);
  if (!how.fine) {
    const wide d = dot(how.adds, QUADS, b->code, x->q, unshift(how, offset, 2, x));
    sum = f_fma(f_of(d), f_mul(b->scale[0], by), sum);
    return how.low ? f_fma(b->low[0], f_all(x->total), sum) : sum;
  }
  WIDE_UNROLL
  for (int i = 0; i < 2; i++) {
    const wide d = dot(how.adds, QUADS / 2, b->code + QUADS / 2 * i, x->q + 16 * i,
                       unshift(how, offset, i, x));
    sum = f_fma(f_of(d), f_mul(b->scale[i], by), sum);
    if (how.low) sum = f_fma(b->low[i], f_all(x->part[i]), sum);
  }
  return sum;
}

WIDE_INLINE void sums_load(int m, const struct stretch *s, int half, floats *sum) {
  WIDE_UNROLL
  for (int r = 0; r < m; r++)
    sum[r] = s->first ? f_zero() : f_load(s->c + r * PANEL + half * LANES);
}

WIDE_INLINE void sums_store(int m, const struct stretch *s, int half, const floats *sum) {
  WIDE_UNROLL
  for (int r = 0; r < m; r++) f_store(s->c + r * PANEL + half * LANES, sum[r]);
}

/* ---- few rows, from the packed panel ---- */

WIDE_INLINE void fetch(const char *p, uint64_t bytes) {
  WIDE_UNROLL
  for (uint64_t at = 0; at < bytes; at += 64) _mm_prefetch(p + at, _MM_HINT_T0);
}

struct head {
  floats d, low;
};

WIDE_INLINE struct head head_load(enum scales scales, const char *from, int half) {
  struct head h = {f_zero(), f_zero()};
  if (scales == SCALES_POWER) return h;
  h.d = f_half(from + half * LANES * 2);
  if (head_bytes_of(scales) == 64)
    h.low = low_head(scales, from + PANEL * 2 + half * LANES * 2);
  return h;
}

/* `parts` of the lanes at once, from part `part` on. */
WIDE_INLINE void packed_rows(enum codes codes, enum scales scales, int m, int part,
                             int parts, const struct stretch *s) {
  const struct manner how = manner_of(codes, scales);
  const char *from = s->scales, *code = s->codes;
  const struct record *x = s->x;
  const int64_t super = s->w->super, across = s->across;
  floats sum[HALVES][FEW];
  WIDE_UNROLL
  for (int half = part; half < part + parts; half++) sums_load(m, s, half, sum[half]);
  for (int64_t left = s->blocks * BYTE_GROUP; left > 0; left -= super) {
    struct head h[HALVES];
    WIDE_UNROLL
    for (int half = part; half < part + parts; half++)
      h[half] = head_load(scales, from, half);
    _mm_prefetch(from + SCALES_AHEAD, _MM_HINT_T0);
    from += head_bytes_of(scales);
    for (int64_t k = 0; k < super; k += BYTE_GROUP) {
      fetch(code + 2 * AHEAD, code_bytes_of(codes));
      WIDE_UNROLL
      for (int half = part; half < part + parts; half++) {
        struct block b;
        codes_load(codes, code + half * LANES * 4, b.code);
        scales_load(scales, h[half].d, h[half].low, from + half * LANES, &b);
        WIDE_UNROLL
        for (int r = 0; r < m; r++)
          sum[half][r] = block_row(how, &b, s->offset, x + r, sum[half][r]);
      }
      code += code_bytes_of(codes);
      from += sub_bytes_of(scales);
      x += across;
    }
  }
  WIDE_UNROLL
  for (int half = part; half < part + parts; half++) sums_store(m, s, half, sum[half]);
}

typedef void stretch_function(const struct stretch *s);
/* Sums of more than two rows do not fit into half as many registers. */
#define PACKED(name, codes, scales, m)                                                     \
  static void packed_##name##_##m(const struct stretch *s) {                               \
    const int parts = m <= 2 ? HALVES : 1;                                                 \
    for (int part = 0; part < HALVES; part += parts)                                       \
      packed_rows(CODES_##codes, SCALES_##scales, m, part, parts, s);                      \
  }
#define PACKEDS(name, codes, scales, offset)                                               \
  PACKED(name, codes, scales, 1)                                                           \
  PACKED(name, codes, scales, 2)                                                           \
  PACKED(name, codes, scales, 3)                                                           \
  PACKED(name, codes, scales, 4)                                                           \
  PACKED(name, codes, scales, 5)                                                           \
  PACKED(name, codes, scales, 6)                                                           \
  PACKED(name, codes, scales, 7)                                                           \
  PACKED(name, codes, scales, 8)
BYTE_FORMS(PACKEDS)

/* ---- unpacking ---- */

WIDE_INLINE void unpack(enum codes codes, enum scales scales, const struct stretch *s,
                        struct near *to) {
  const struct manner how = manner_of(codes, scales);
  const char *from = s->scales, *code = s->codes;
  const int64_t super = s->w->super;
  for (int64_t left = s->blocks * BYTE_GROUP; left > 0; left -= super) {
    struct head h[HALVES];
    WIDE_UNROLL
    for (int half = 0; half < HALVES; half++) h[half] = head_load(scales, from, half);
    from += head_bytes_of(scales);
    for (int64_t k = 0; k < super; k += BYTE_GROUP, to++) {
      fetch(code + 2 * AHEAD, code_bytes_of(codes));
      WIDE_UNROLL
      for (int half = 0; half < HALVES; half++) {
        struct block b;
        codes_load(codes, code + half * LANES * 4, b.code);
        scales_load(scales, h[half].d, h[half].low, from + half * LANES, &b);
        WIDE_UNROLL
        for (int j = 0; j < QUADS; j++)
          w_store(to->code + 64 * j + half * LANES * 4, b.code[j]);
        f_store(to->scale[0] + half * LANES, b.scale[0]);
        if (how.fine) f_store(to->scale[1] + half * LANES, b.scale[1]);
        if (how.low) f_store(to->low[0] + half * LANES, b.low[0]);
        if (how.low && how.fine) f_store(to->low[1] + half * LANES, b.low[1]);
      }
      code += code_bytes_of(codes);
      from += sub_bytes_of(scales);
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

WIDE_INLINE void near_half(struct manner how, int m, const struct stretch *s, int half) {
  const struct record *x = s->x;
  floats sum[TALL];
  sums_load(m, s, half, sum);
  for (int64_t i = 0; i < s->blocks; i++, x += s->across) {
    const struct near *near = &s->near[i];
    struct block b;
    WIDE_UNROLL
    for (int j = 0; j < QUADS; j++)
      b.code[j] = w_load(near->code + 64 * j + half * LANES * 4);
    WIDE_UNROLL
    for (int j = 0; j < 2; j++) {
      if (j > 0 && !how.fine) continue;
      b.scale[j] = f_load(near->scale[j] + half * LANES);
      if (how.low) b.low[j] = f_load(near->low[j] + half * LANES);
    }
    WIDE_UNROLL
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
                 packed_##name##_4, packed_##name##_5, packed_##name##_6,                  \
                 packed_##name##_7, packed_##name##_8},                                    \
      .unpack = unpack_##name,                                                             \
      .codes = CODES_##codes_,                                                             \
      .scales = SCALES_##scales_,                                                          \
      .offset = offset_,                                                                   \
  },
    BYTE_FORMS(WAY)
#undef WAY
};

/* Groups of records by tiles of nearly equal height, at most `most`. */
WIDE_INLINE void run_tiles(stretch_function *const *tiles, int64_t most, struct stretch s,
                           const struct records *x, int64_t block) {
  float *c = s.c;
  for (int64_t row = 0; row < x->rows; row += RECORD_ROWS) {
    const int64_t in = x->rows - row < RECORD_ROWS ? x->rows - row : RECORD_ROWS;
    const int64_t n = (in + most - 1) / most;
    const struct record *group =
        x->at + record_index(x->all, s.w->k / BYTE_GROUP, x->first + row, block);
    s.across = records_across(x->all, x->first + row);
    for (int64_t t = 0; t < n; t++) {
      const struct wide_share mine = wide_share_of(in, (int32_t)t, (int32_t)n);
      s.x = group + mine.lo;
      s.c = c + (row + mine.lo) * PANEL;
      tiles[mine.hi - mine.lo](&s);
    }
  }
}

WIDE_INLINE struct stretch stretch_of(const struct weights *w, int64_t panel, int64_t block,
                                      int64_t blocks, float *c) {
  const char *at = w->data + (uint64_t)panel * w->panel_bytes;
  const uint32_t word = (uint32_t)-ways[w->form].offset & 0xffff;
  return (struct stretch){
      .scales = at + (uint64_t)(block * BYTE_GROUP / w->super) * w->super_bytes,
      .codes = at + w->codes_at + (uint64_t)block * w->code_bytes,
      .w = w,
      .blocks = blocks,
      .c = c,
      .offset = (int32_t)(word << 16 | word),
      .first = block == 0,
  };
}

/* Some blocks of a panel, unpacked into `room`. */
WIDE_INLINE struct stretch near_of(const struct weights *w, int64_t panel, int64_t block,
                                   int64_t blocks, float *c, struct near *room) {
  char packed[PART_ROOM];
  struct stretch s;
  if (w->mapped) {
    const struct weights part =
        panel_part(w, panel, block * BYTE_GROUP, blocks * BYTE_GROUP, packed);
    s = stretch_of(&part, 0, 0, blocks, c);
    ways[w->form].unpack(&s, room);
    s.w = w;
    s.first = block == 0;
  } else {
    s = stretch_of(w, panel, block, blocks, c);
    ways[w->form].unpack(&s, room);
  }
  s.near = room;
  return s;
}

/* Runs of DEPTH: each panel's is unpacked once for all rows, whose records stay in a
 * cache from panel to panel. */
WIDE_INLINE void run_unpacked(stretch_function *const *tiles, const struct weights *w,
                              const struct panels *p, const struct records *x,
                              float *const c[SIDE], struct near *room) {
  const int64_t blocks = w->k / BYTE_GROUP, most = DEPTH / BYTE_GROUP;
  for (int64_t b = 0; b < blocks; b += most)
    for (int i = 0; i < p->n; i++) {
      const int64_t n = blocks - b < most ? blocks - b : most;
      run_tiles(tiles, TALL, near_of(w, p->at[i], b, n, c[i], room), x, b);
    }
}

WIDE_INLINE void product_int8(stretch_function *const (*near)[TALL + 1],
                              const struct weights *w, const struct panels *p,
                              const struct records *x, float *const c[SIDE], float *room) {
  const struct way *way = &ways[w->form];
  const int64_t blocks = w->k / BYTE_GROUP;
  if (x->rows > SEVERAL || w->mapped) {
    run_unpacked(near[manner_index(manner_of(way->codes, way->scales))], w, p, x, c,
                 (struct near *)(void *)room);
    return;
  }
  for (int i = 0; i < p->n; i++)
    run_tiles(way->packed, FEW, stretch_of(w, p->at[i], 0, blocks, c[i]), x, 0);
}

#endif
