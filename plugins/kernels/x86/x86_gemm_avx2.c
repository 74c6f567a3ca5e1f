/*
 * x86_gemm_avx2.c - f32 rows times panels.
 *
 * The kernel keeps up to 6 rows by 16 outputs in twelve registers; two more hold w and
 * one the broadcast of x, which is all sixteen but one.  Few rows (1 to 3) take two
 * panels at once instead, for more independent sums.  Whatever the path, an element sees
 * the same operations in the same order.
 */
#include "x86_gemm.h"
#include "x86_lanes.h"

enum {
  TALL = 6, /* rows of a tile                    */
  FEW = 3,  /* rows that take two panels at once */
};

/* Sixteen weights of one k: two registers. */
WIDE_INLINE void load_pair(enum form form, const char *b, int64_t k, __m256 out[2]) {
  const char *at = b + k * PANEL * (form == FORM_F32 ? 4 : 2);
  if (form == FORM_F32) {
    out[0] = _mm256_loadu_ps((const float *)(const void *)at);
    out[1] = _mm256_loadu_ps((const float *)(const void *)at + 8);
  } else if (form == FORM_F16) {
    out[0] = lanes_half(at);
    out[1] = lanes_half(at + 16);
  } else {
    out[0] = lanes_bfloat(at);
    out[1] = lanes_bfloat(at + 16);
  }
}

/* Eight of a row's sixteen sums, from lane `at` on. */
WIDE_INLINE void put_sum(const struct tile_sums *to, int side, int row, int at,
                         __m256 sum) {
  float *c = to->c[side] + row * PANEL + at;
  if (!to->first) sum = _mm256_add_ps(_mm256_loadu_ps(c), sum);
  if (!to->y[0]) {
    _mm256_storeu_ps(c, sum);
    return;
  }
  if (to->bias[0]) sum = _mm256_add_ps(sum, _mm256_loadu_ps(to->bias[side] + at));
  char *y = (char *)(to->y[side] + at) + (uint64_t)row * to->stride;
  _mm256_storeu_ps((float *)(void *)y, sum);
}

/* Sums (m, 16) of each side += x(m, depth) b[side](depth, 16).  All of form, m and sides
 * are constants where this is expanded. */
WIDE_INLINE void tile(enum form form, bool direct, int m, int sides, const float *const *x,
                      int64_t depth, const char *const *b, struct ahead ahead,
                      const struct tile_sums *to) {
  __m256 sum[TALL * 2];
  WIDE_UNROLL
  for (int i = 0; i < m * sides * 2; i++) sum[i] = _mm256_setzero_ps();
  uint64_t far = AHEAD;
  for (int64_t k = 0, end = direct ? ahead.cut : depth; k < depth;
       end = depth, far += ahead.jump)
    for (; k < end; k++) {
      WIDE_UNROLL
      for (int side = 0; side < sides; side++) {
        __m256 w[2];
        load_pair(form, b[side], k, w);
        if (direct)
          _mm_prefetch(b[side] + k * PANEL * (form == FORM_F32 ? 4 : 2) + far, _MM_HINT_T0);
        WIDE_UNROLL
        for (int r = 0; r < m; r++) {
          const __m256 xk = _mm256_broadcast_ss(x[r] + k);
          __m256 *s = sum + (r * sides + side) * 2;
          s[0] = _mm256_fmadd_ps(xk, w[0], s[0]);
          s[1] = _mm256_fmadd_ps(xk, w[1], s[1]);
        }
      }
    }
  WIDE_UNROLL
  for (int side = 0; side < sides; side++) {
    WIDE_UNROLL
    for (int r = 0; r < m; r++) {
      const __m256 *s = sum + (r * sides + side) * 2;
      put_sum(to, side, r, 0, s[0]);
      put_sum(to, side, r, 8, s[1]);
    }
  }
}

typedef void tile_function(const float *const *x, int64_t depth, const char *const *b,
                           struct ahead ahead, const struct tile_sums *to);

#define TILE(name, form, direct, m, sides)                                                 \
  static void tile_##name##_##m##_##sides(const float *const *x, int64_t depth,            \
                                          const char *const *b, struct ahead ahead,        \
                                          const struct tile_sums *to) {                    \
    tile(FORM_##form, direct, m, sides, x, depth, b, ahead, to);                           \
  }
#define TILES(name, form, direct)                                                          \
  TILE(name, form, direct, 1, 1)                                                           \
  TILE(name, form, direct, 2, 1)                                                           \
  TILE(name, form, direct, 3, 1)                                                           \
  TILE(name, form, direct, 4, 1)                                                           \
  TILE(name, form, direct, 5, 1)                                                           \
  TILE(name, form, direct, 6, 1)                                                           \
  static tile_function *const name##_tiles[TALL + 1] = {NULL,                              \
                                                        tile_##name##_1_1,                 \
                                                        tile_##name##_2_1,                 \
                                                        tile_##name##_3_1,                 \
                                                        tile_##name##_4_1,                 \
                                                        tile_##name##_5_1,                 \
                                                        tile_##name##_6_1};
#define PAIRS(name, form)                                                                  \
  TILE(name, form, true, 1, 2)                                                             \
  TILE(name, form, true, 2, 2)                                                             \
  TILE(name, form, true, 3, 2)                                                             \
  static tile_function *const name##_pairs[FEW + 1] = {                                    \
      NULL, tile_##name##_1_2, tile_##name##_2_2, tile_##name##_3_2};
TILES(near, F32, false)
TILES(f32, F32, true)
TILES(f16, F16, true)
TILES(bf16, BF16, true)
PAIRS(f32, F32)
PAIRS(f16, F16)
PAIRS(bf16, BF16)

static tile_function *const *const direct_tiles[] = {f32_tiles, f16_tiles, bf16_tiles};
static tile_function *const *const direct_pairs[] = {f32_pairs, f16_pairs, bf16_pairs};

static void rows_at(const struct block *s, int64_t row, int64_t m, const float **x) {
  for (int64_t i = 0; i < m; i++) x[i] = wide_row(s->x, s->first + row + i) + s->k0;
}

/* Up to FEW rows by two panels. */
static void block_pair(const struct block *s) {
  const float *x[FEW];
  const char *b[2] = {block_data(s, 0), block_data(s, 1)};
  rows_at(s, 0, s->rows, x);
  direct_pairs[s->w->form - FORM_F32][s->rows](
      x, s->depth, b, ahead_of(s->w, s->p, s->k0, s->depth), &s->to);
}

/* All rows by one panel, in tiles of nearly equal height, which read the packed form
 * themselves, as in x86_gemm_avx512.c.  `near`: the unpacked block, of weights that are not
 * packed. */
static void block_tiles(const struct block *s, int side, const char *near) {
  const int64_t tiles = (s->rows + TALL - 1) / TALL;
  const struct ahead ahead = ahead_of(s->w, s->p, s->k0, s->depth);
  tile_function *const *by = near ? near_tiles : direct_tiles[s->w->form - FORM_F32];
  const char *b = near ? near : block_data(s, side);
  for (int64_t t = 0; t < tiles; t++) {
    const struct wide_share rows = wide_share_of(s->rows, (int32_t)t, (int32_t)tiles);
    const int64_t m = rows.hi - rows.lo;
    const float *x[TALL];
    struct tile_sums to = sums_from(&s->to, rows.lo);
    to.c[0] = to.c[side], to.y[0] = to.y[side], to.bias[0] = to.bias[side];
    rows_at(s, rows.lo, m, x);
    by[m](x, s->depth, &b, ahead, &to);
  }
}

static void block_run(const struct block *s, float *room) {
  const bool floats = panel_is_there(s->w);
  if (floats && s->rows <= FEW && s->p->n == 2) {
    block_pair(s);
    return;
  }
  for (int i = 0; i < s->p->n; i++)
    block_tiles(s, i,
                floats
                    ? NULL
                    : (const char *)panel_block(s->w, s->p->at[i], s->k0, s->depth, room));
}

void product_f32_avx2(const struct weights *w, const struct panels *p, const ridge_span *x,
                      int64_t first, int64_t rows, float *const c[SIDE],
                      const struct straight *to, float *room) {
  const struct block all = {.w = w, .p = p, .x = x, .first = first, .rows = rows};
  blocks_run(&all, c, to, room, block_run);
}
