/*
 * x86_gemm_avx512.c - f32 rows times panels, a panel's sixteen outputs in one register.
 *
 * Up to 12 rows by two panels: 24 sums, two weights and a broadcast of the 32 registers.
 * Rows of x lie evenly apart and are reached from four bases, or the addresses would not
 * fit into registers.  Each element sees the operations of x86_gemm_avx2.c in the same
 * order, so the bits are the same.
 */
#include "x86_gemm.h"
#include "x86_lanes.h"

enum { TALL = 12 };

WIDE_INLINE __m512 load_panel(enum form form, const char *b) {
  if (form == FORM_F32) return _mm512_loadu_ps(b);
  const __m256i half = _mm256_loadu_si256((const void *)b);
  if (form == FORM_F16) return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

struct tile_rows {
  const char *x;   /* first row, from the block's k on                         */
  uint64_t stride; /* bytes between rows                                       */
};

WIDE_INLINE void put_sum(const struct tile_sums *to, int side, int row, __m512 sum) {
  float *c = to->c[side] + row * PANEL;
  if (!to->first) sum = _mm512_add_ps(_mm512_loadu_ps(c), sum);
  if (!to->y[0]) {
    _mm512_storeu_ps(c, sum);
    return;
  }
  if (to->bias[0]) sum = _mm512_add_ps(sum, _mm512_loadu_ps(to->bias[side]));
  _mm512_storeu_ps((char *)to->y[side] + (uint64_t)row * to->stride, sum);
}

/* Sums (m, 16) of each side += x(m, depth) b[side](depth, 16).  form, direct, m and sides
 * are constants where this is expanded; `direct` reads from memory and fetches ahead. */
WIDE_INLINE void tile(enum form form, bool direct, int m, int sides, struct tile_rows rows,
                      int64_t depth, const char *const *b, struct ahead ahead,
                      const struct tile_sums *to) {
  const int64_t width = PANEL * (form == FORM_F32 ? 4 : 2);
  __m512 sum[TALL * 2];
  const char *base[4], *at[2] = {b[0], b[sides - 1]};
  WIDE_UNROLL
  for (int i = 0; i < 4; i++)
    base[i] = rows.x + (3 * i < m ? 3 * (uint64_t)i * rows.stride : 0);
  WIDE_UNROLL
  for (int i = 0; i < m * sides; i++) sum[i] = _mm512_setzero_ps();
  uint64_t far = AHEAD;
  for (int64_t k = 0, end = direct ? ahead.cut : depth; k < depth;
       end = depth, far += ahead.jump)
    for (; k < end; k++) {
      __m512 w[2];
      WIDE_UNROLL
      for (int side = 0; side < sides; side++) {
        w[side] = load_panel(form, at[side]);
        if (direct) _mm_prefetch(at[side] + far, _MM_HINT_T0);
        at[side] += width;
      }
      WIDE_UNROLL
      for (int r = 0; r < m; r++) {
        const char *x = base[r / 3] + (uint64_t)(r % 3) * rows.stride;
        const __m512 xk = _mm512_set1_ps(*(const float *)(const void *)x);
        WIDE_UNROLL
        for (int side = 0; side < sides; side++)
          sum[r * sides + side] = _mm512_fmadd_ps(xk, w[side], sum[r * sides + side]);
      }
      WIDE_UNROLL
      for (int i = 0; i < 4; i++) base[i] += sizeof(float);
    }
  WIDE_UNROLL
  for (int i = 0; i < m * sides; i++) put_sum(to, i % sides, i / sides, sum[i]);
}

typedef void tile_function(struct tile_rows rows, int64_t depth, const char *const *b,
                           struct ahead ahead, const struct tile_sums *to);

#define TILE(name, form, direct, m, sides)                                                 \
  static void name##_##m##_##sides(struct tile_rows rows, int64_t depth,                   \
                                   const char *const *b, struct ahead ahead,               \
                                   const struct tile_sums *to) {                           \
    tile(FORM_##form, direct, m, sides, rows, depth, b, ahead, to);                        \
  }
#define BOTH(name, form, direct, m)                                                        \
  TILE(name, form, direct, m, 1) TILE(name, form, direct, m, 2)
#define ROW(name, sides)                                                                   \
  {                                                                                        \
    NULL, name##_1_##sides, name##_2_##sides, name##_3_##sides, name##_4_##sides,          \
        name##_5_##sides, name##_6_##sides, name##_7_##sides, name##_8_##sides,            \
        name##_9_##sides, name##_10_##sides, name##_11_##sides, name##_12_##sides          \
  }
/* The formatter finds no end in this list. */
/* clang-format off */
#define TILES(name, form, direct)                                                          \
  BOTH(name, form, direct, 1) BOTH(name, form, direct, 2)                                  \
  BOTH(name, form, direct, 3) BOTH(name, form, direct, 4)                                  \
  BOTH(name, form, direct, 5) BOTH(name, form, direct, 6)                                  \
  BOTH(name, form, direct, 7) BOTH(name, form, direct, 8)                                  \
  BOTH(name, form, direct, 9) BOTH(name, form, direct, 10)                                 \
  BOTH(name, form, direct, 11) BOTH(name, form, direct, 12)                                \
  static tile_function *const name##_tiles[2][TALL + 1] = {                             \
      ROW(name, 1), ROW(name, 2)};
/* clang-format on */
TILES(near, F32, false)
TILES(f32, F32, true)
TILES(f16, F16, true)
TILES(bf16, BF16, true)

static tile_function *const (*const direct_tiles[])[TALL + 1] = {f32_tiles, f16_tiles,
                                                                 bf16_tiles};

/* Tiles of nearly equal height, which read packed panels themselves: converting halves in
 * every tile costs less than unpacking them first, however many tiles there are (measured
 * on Zen 5, where conversions leave the multiply-adds their ports).  `near`: unpacked
 * blocks, of weights that are not packed. */
static void block_tiles(const struct block *s, const char *const *near) {
  const int64_t tiles = (s->rows + TALL - 1) / TALL;
  const int n = s->p->n;
  const struct ahead ahead = ahead_of(s->w, s->p, s->k0, s->depth);
  tile_function *const(*by)[TALL + 1] =
      near[0] ? near_tiles : direct_tiles[s->w->form - FORM_F32];
  const char *const far[2] = {near[0] ? NULL : block_data(s, 0),
                              near[0] ? NULL : block_data(s, n - 1)};
  for (int64_t t = 0; t < tiles; t++) {
    const struct wide_share rows = wide_share_of(s->rows, (int32_t)t, (int32_t)tiles);
    const struct tile_rows x = {(const char *)(wide_row(s->x, s->first + rows.lo) + s->k0),
                                s->x->stride};
    const struct tile_sums to = sums_from(&s->to, rows.lo);
    by[n - 1][rows.hi - rows.lo](x, s->depth, near[0] ? near : far, ahead, &to);
  }
}

static void block_run(const struct block *s, float *room) {
  const char *near[2] = {NULL};
  if (!panel_is_there(s->w))
    for (int i = 0; i < s->p->n; i++)
      near[i] = (const char *)panel_block(s->w, s->p->at[i], s->k0, s->depth,
                                          room + i * DEPTH * PANEL);
  block_tiles(s, near);
}

void product_f32_avx512(const struct weights *w, const struct panels *p,
                        const ridge_span *x, int64_t first, int64_t rows,
                        float *const c[SIDE], const struct straight *to, float *room) {
  const struct block all = {.w = w, .p = p, .x = x, .first = first, .rows = rows};
  blocks_run(&all, c, to, room, block_run);
}
