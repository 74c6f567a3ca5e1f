/*
 * x86_pack_avx2.c - rows of weights into panels.
 *
 * Sixteen rows are turned at once.  A range of rows need not end with a panel where the
 * second half of a pair begins inside one: then the panel's pieces are made aside and
 * only the bytes of the range's own lanes are written, for the other lanes may be in
 * another thread's hands.
 */
#include "x86_lanes.h"
#include "x86_read.h"

/* The rows of one panel that a range has: lanes [lo, hi), NULL where there is no row. */
struct lanes {
  const uint8_t *row[PANEL];
  int64_t lo, hi;
};

/* Copies `hi - lo` pieces of `size` bytes out of every sixteen of a run of `bytes`. */
static void copy_lanes(const struct lanes *l, size_t size, const char *from, size_t bytes,
                       char *to) {
  if (l->lo == 0 && l->hi == PANEL) {
    memcpy(to, from, bytes);
    return;
  }
  const size_t at = (size_t)l->lo * size, n = (size_t)(l->hi - l->lo) * size;
  for (size_t i = 0; i < bytes; i += PANEL * size) memcpy(to + i + at, from + i + at, n);
}

/* ---- floats ---- */

/* Eight rows of eight 32-bit numbers, turned. */
WIDE_INLINE void turn8(__m256i r[8]) {
  __m256i a[8], b[8];
  WIDE_UNROLL
  for (int i = 0; i < 4; i++) {
    a[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  WIDE_UNROLL
  for (int i = 0; i < 2; i++) {
    b[4 * i] = _mm256_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
    b[4 * i + 1] = _mm256_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
    b[4 * i + 2] = _mm256_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
    b[4 * i + 3] = _mm256_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
  }
  WIDE_UNROLL
  for (int i = 0; i < 4; i++) {
    r[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
    r[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
  }
}

/* Eight rows of eight 16-bit numbers, turned, in each half of the registers. */
WIDE_INLINE void turn16(__m256i r[8]) {
  __m256i a[8], b[8];
  WIDE_UNROLL
  for (int i = 0; i < 4; i++) {
    a[2 * i] = _mm256_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
  }
  WIDE_UNROLL
  for (int i = 0; i < 2; i++) {
    b[4 * i] = _mm256_unpacklo_epi32(a[4 * i], a[4 * i + 2]);
    b[4 * i + 1] = _mm256_unpackhi_epi32(a[4 * i], a[4 * i + 2]);
    b[4 * i + 2] = _mm256_unpacklo_epi32(a[4 * i + 1], a[4 * i + 3]);
    b[4 * i + 3] = _mm256_unpackhi_epi32(a[4 * i + 1], a[4 * i + 3]);
  }
  WIDE_UNROLL
  for (int i = 0; i < 4; i++) {
    r[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
    r[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
  }
}

/* FAR: bytes of a row to fetch ahead; sixteen rows are more streams than the machine sees
 * by itself. */
enum { LINE = 64, FAR = 512 };

/* A cache line of each row, side by side: rows may lie so that their lines displace
 * each other from the nearest cache. */
WIDE_INLINE void gather_lines(const struct lanes *l, size_t at, size_t bytes,
                              char line[PANEL][LINE]) {
  for (int i = 0; i < PANEL; i++) {
    if (!l->row[i]) continue; /* zeros from the beginning */
    _mm_prefetch(l->row[i] + at + FAR, _MM_HINT_T0);
    if (bytes == LINE)
      memcpy(line[i], l->row[i] + at, LINE);
    else
      memcpy(line[i], l->row[i] + at, bytes);
  }
}

/* 16 k of F16 or BF16: (16, 16). */
WIDE_INLINE void turn_halves(char line[PANEL][LINE], size_t at, char *to) {
  WIDE_UNROLL
  for (int part = 0; part < 2; part++) {
    __m256i r[8];
    WIDE_UNROLL
    for (int i = 0; i < 8; i++)
      r[i] = _mm256_set_m128i(_mm_loadu_si128((const void *)(line[i + 8] + at + 16 * part)),
                              _mm_loadu_si128((const void *)(line[i] + at + 16 * part)));
    turn16(r);
    WIDE_UNROLL
    for (int i = 0; i < 8; i++)
      _mm256_storeu_si256((void *)(to + (part * 8 + i) * 32), r[i]);
  }
}

/* 8 k of F32: (8, 16). */
WIDE_INLINE void turn_singles(char line[PANEL][LINE], size_t at, char *to) {
  WIDE_UNROLL
  for (int part = 0; part < 2; part++) {
    __m256i r[8];
    WIDE_UNROLL
    for (int i = 0; i < 8; i++)
      r[i] = _mm256_loadu_si256((const void *)(line[part * 8 + i] + at));
    turn8(r);
    WIDE_UNROLL
    for (int i = 0; i < 8; i++)
      _mm256_storeu_si256((void *)(to + i * 64 + part * 32), r[i]);
  }
}

static void pack_floats(const struct weights *w, const struct lanes *l, char *panel) {
  const size_t size = w->form == FORM_F32 ? 4 : 2, all = (size_t)w->k * size;
  char line[PANEL][LINE], turned[PANEL * LINE];
  const bool whole = l->lo == 0 && l->hi == PANEL;
  memset(line, 0, sizeof line);
  for (size_t at = 0; at < all; at += LINE) {
    const size_t bytes = all - at < LINE ? all - at : LINE;
    char *to = whole && bytes == LINE ? panel + at * PANEL : turned;
    gather_lines(l, at, bytes, line);
    for (size_t i = 0; i < LINE; i += 32)
      if (size == 2)
        turn_halves(line, i, to + i * PANEL);
      else
        turn_singles(line, i, to + i * PANEL);
    if (to == turned) copy_lanes(l, size, turned, bytes * PANEL, panel + at * PANEL);
  }
}

/* ---- small integers ---- */

/* 32 k of sixteen rows as quads: quad j is 64 bytes, of rows 0-7 and 8-15. */
WIDE_INLINE void quads_make(const struct apart *rows, int64_t k, __m256i quad[QUADS][2]) {
  WIDE_UNROLL
  for (int part = 0; part < 2; part++) {
    __m256i r[8];
    WIDE_UNROLL
    for (int i = 0; i < 8; i++)
      r[i] = _mm256_loadu_si256((const void *)(rows[part * 8 + i].code + k));
    turn8(r);
    WIDE_UNROLL
    for (int j = 0; j < QUADS; j++) quad[j][part] = r[j];
  }
}

/* `bits` bits of all codes from bit `from` on, as planes; returns the end. */
WIDE_INLINE char *plane_put(__m256i quad[QUADS][2], int bits, int from, char *to) {
  const int each = 8 / bits;
  const __m256i mask = _mm256_set1_epi8((char)((1 << bits) - 1));
  for (int j = 0; j < QUADS; j += each)
    for (int part = 0; part < 2; part++, to += 32) {
      __m256i plane = _mm256_setzero_si256();
      for (int i = 0; i < each; i++) {
        const __m256i v =
            _mm256_and_si256(_mm256_srli_epi16(quad[j + i][part], from), mask);
        plane = _mm256_or_si256(plane, _mm256_slli_epi16(v, bits * i));
      }
      _mm256_storeu_si256((void *)to, plane);
    }
  return to;
}

/* Bits of the low planes, and of the upper ones. */
static void planes_put(uint64_t bits, __m256i quad[QUADS][2], char *to) {
  switch (bits) {
  case 8: plane_put(quad, 8, 0, to); break;
  case 6: plane_put(quad, 2, 4, plane_put(quad, 4, 0, to)); break;
  case 5: plane_put(quad, 1, 4, plane_put(quad, 4, 0, to)); break;
  case 4: plane_put(quad, 4, 0, to); break;
  case 3: plane_put(quad, 1, 2, plane_put(quad, 2, 0, to)); break;
  case 2: plane_put(quad, 2, 0, to); break;
  }
}

/* Heads and small scales of one run of `super` k, in the order of the panel. */
static void scales_put(const struct weights *w, const struct apart *rows, char *to) {
  for (uint64_t part = 0; part < w->head_bytes / (2 * PANEL); part++)
    for (int i = 0; i < PANEL; i++, to += 2) memcpy(to, &rows[i].head[part], 2);
  for (int64_t b = 0; b < w->super / BYTE_GROUP; b++)
    for (uint64_t part = 0; part < w->sub_bytes / PANEL; part++)
      for (int i = 0; i < PANEL; i++) *to++ = (char)rows[i].sub[b][part];
}

static void pack_scales(const struct weights *w, const struct lanes *l,
                        const struct apart *rows, char *to) {
  char made[2 * 2 * PANEL + MOST_SUPER / BYTE_GROUP * 2 * PANEL];
  scales_put(w, rows, made);
  copy_lanes(l, 2, made, w->head_bytes, to);
  copy_lanes(l, 1, made + w->head_bytes, w->super_bytes - w->head_bytes,
             to + w->head_bytes);
}

static void pack_codes(const struct weights *w, const struct lanes *l, uint64_t row_block,
                       char *panel) {
  struct apart rows[PANEL];
  char made[8 * 64];
  read_function *read = read_of(w->form);
  char *scales = panel, *codes = panel + w->codes_at;
  memset(rows, 0, sizeof rows);
  for (int64_t at = 0; at < w->k / w->super; at++, scales += w->super_bytes) {
    for (int i = 0; i < PANEL; i++) {
      if (!l->row[i]) continue;
      const uint8_t *block = l->row[i] + (uint64_t)at * row_block;
      for (uint64_t ahead = 0; ahead < row_block; ahead += LINE)
        _mm_prefetch(block + FAR + ahead, _MM_HINT_T0);
      read(block, w->super, &rows[i]);
    }
    pack_scales(w, l, rows, scales);
    for (int64_t k = 0; k < w->super; k += BYTE_GROUP, codes += w->code_bytes) {
      __m256i quad[QUADS][2];
      quads_make(rows, k, quad);
      planes_put(w->code_bytes / 64, quad, made);
      copy_lanes(l, 4, made, w->code_bytes, codes);
    }
  }
  const size_t gap = (size_t)(panel + w->codes_at - scales);
  if (l->lo == 0) memset(scales, 0, gap);
}

/* ---- ranges ---- */

/* Rows [lo, hi) of a run of w->n rows, which starts at panel `first`. */
static void pack_run(const struct weights *w, uint64_t row_block, const uint8_t *rows,
                     uint64_t stride, int64_t lo, int64_t hi, char *first) {
  for (int64_t p = lo / PANEL; p * PANEL < hi; p++) {
    const int64_t base = p * PANEL, end = base + PANEL;
    struct lanes l = {.lo = lo > base ? lo - base : 0,
                      .hi = hi < end && hi < w->n ? hi - base : PANEL};
    for (int64_t i = 0; i < PANEL; i++) {
      const int64_t at = base + i;
      l.row[i] = at >= lo && at < hi ? rows + (uint64_t)(at - lo) * stride : NULL;
    }
    char *panel = first + (uint64_t)p * w->panel_bytes;
    if (w->form < BYTE_FORM_COUNT)
      pack_codes(w, &l, row_block, panel);
    else
      pack_floats(w, &l, panel);
  }
}

void panel_pack(const ridge_kernel_site *site, enum form form, const void *rows,
                uint64_t stride, int64_t lo, int64_t hi, void *packed) {
  const struct weights w = panel_weights(site, form);
  const uint64_t row_block = site->in_codec[1]->block_bytes;
  for (int64_t run = 0; run < w.runs; run++) {
    const int64_t start = run * w.n, end = start + w.n;
    const int64_t from = lo > start ? lo : start, to = hi < end ? hi : end;
    if (from >= to) continue;
    pack_run(&w, row_block, (const uint8_t *)rows + (uint64_t)(from - lo) * stride, stride,
             from - start, to - start,
             (char *)packed + (uint64_t)(run * w.panels) * w.panel_bytes);
  }
}

struct weights panel_part(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                          char room[PART_ROOM]) {
  const ridge_codec *codec = w->span->codec;
  const int64_t run = p / w->panels, from = p % w->panels * PANEL;
  const char *first = w->data + (uint64_t)(run * w->n + from) * w->span->stride +
                      (uint64_t)(k0 / codec->block) * codec->block_bytes;
  struct weights part = *w;
  part.k = depth;
  part.mapped = false;
  part.n = w->n - from < PANEL ? w->n - from : PANEL;
  part.panels = part.runs = 1;
  part.data = room;
  panel_geometry(&part);
  pack_run(&part, codec->block_bytes, (const uint8_t *)first, w->span->stride, 0, part.n,
           room);
  return part;
}
