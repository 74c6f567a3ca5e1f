/*
 * ridge/wide_attention_prompt.h - prompt rows of ridge/wide_attention.h: queries in the
 * lanes.  A panel is sixteen of them; q, o (dimensions, 16) and s (positions, 16) are
 * laid out by panel.
 */
#ifndef RIDGE_WIDE_ATTENTION_PROMPT_H
#define RIDGE_WIDE_ATTENTION_PROMPT_H

/* Rows of a product's tile, and panels: sums that fit into the registers. */
#if defined(__AVX512F__) && defined(WIDE_X86)
enum { WIDE_TALL = 8, WIDE_SIDES = 2 };
#else
enum { WIDE_TALL = 4, WIDE_SIDES = 1 };
#endif

/* One panel of a piece. */
struct wide_panel {
  const float *q;
  float *o, *s;                  /* s of the positions of a tile, from `base` on */
  float *m, *l, *first, *last;   /* (16) */
  int64_t some_first, all_first; /* some lane, every lane sees from here on     */
  int64_t some_last, all_last;   /* up to here                                  */
};

/* c[side](m, 16) = a(m, depth) b[side](depth, 16), on top of c times `factor` if `more`.
 * Element (r, k) of a is at r * down + k * right; m and sides are constants here. */
WIDE_INLINE void wide_product(int m, int sides, const float *a, int64_t down, int64_t right,
                              int64_t depth, const float *const *b, float *const *c,
                              bool more, const float *const *factor) {
  /* By parts: arrays of structures do not stay in registers. */
  wide_part sum[WIDE_TALL * WIDE_SIDES * WIDE_PARTS];
  const int each = sides * WIDE_PARTS; /* of a row; side outermost */
  WIDE_UNROLL
  for (int i = 0; i < m * each; i++) {
    const int side = i % each / WIDE_PARTS, at = i % WIDE_PARTS * WIDE_PART;
    sum[i] = wide_part_set(0.0f);
    if (!more) continue;
    sum[i] = wide_part_load(c[side] + i / each * WIDE + at);
    if (factor) sum[i] = sum[i] * wide_part_load(factor[side] + at);
  }
  /* Three rows from one base: more bases than that would not fit into registers. */
  const float *base[(WIDE_TALL + 2) / 3];
  WIDE_UNROLL
  for (int i = 0; i < (m + 2) / 3; i++) base[i] = a + 3 * i * down;
  for (int64_t k = 0; k < depth; k++) {
    wide_part w[WIDE_SIDES * WIDE_PARTS];
    WIDE_UNROLL
    for (int i = 0; i < each; i++)
      w[i] = wide_part_load(b[i / WIDE_PARTS] + k * WIDE + i % WIDE_PARTS * WIDE_PART);
    WIDE_UNROLL
    for (int r = 0; r < m; r++) {
      const wide_part x = wide_part_set(base[r / 3][r % 3 * down]);
      WIDE_UNROLL
      for (int i = 0; i < each; i++)
        sum[r * each + i] = wide_part_fma(x, w[i], sum[r * each + i]);
    }
    WIDE_UNROLL
    for (int i = 0; i < (m + 2) / 3; i++) base[i] += right;
  }
  WIDE_UNROLL
  for (int i = 0; i < m * each; i++)
    wide_part_store(c[i % each / WIDE_PARTS] + i / each * WIDE + i % WIDE_PARTS * WIDE_PART,
                    sum[i]);
}

/* The forms of it that are called: scores are keys (n, width) times queries, from zero;
 * outputs are values, read across (width, n), times weights.  A call is a function of its
 * own, or its addresses would not stay in registers. */
typedef void wide_product_function(const struct wide_look *, const float *a, int64_t n,
                                   const float *const *b, float *const *c,
                                   const float *const *factor);

#define WIDE_PRODUCTS_(sides)                                                              \
  static __attribute__((noinline)) void wide_product_scores_##sides(                       \
      const struct wide_look *k, const float *a, int64_t n, const float *const *b,         \
      float *const *c, const float *const *factor) {                                       \
    float *to[WIDE_SIDES];                                                                 \
    (void)factor;                                                                          \
    for (int64_t j = 0; j < n; j += WIDE_TALL) {                                           \
      for (int i = 0; i < sides; i++) to[i] = c[i] + j * WIDE;                             \
      wide_product(WIDE_TALL, sides, a + j * k->width, k->width, 1, k->dim, b, to, false,  \
                   NULL);                                                                  \
    }                                                                                      \
  }                                                                                        \
  static __attribute__((noinline)) void wide_product_values_##sides(                       \
      const struct wide_look *k, const float *a, int64_t n, const float *const *b,         \
      float *const *c, const float *const *factor) {                                       \
    float *to[WIDE_SIDES];                                                                 \
    for (int64_t d = 0; d < k->width; d += WIDE_TALL) {                                    \
      for (int i = 0; i < sides; i++) to[i] = c[i] + d * WIDE;                             \
      wide_product(WIDE_TALL, sides, a + d, 1, k->width, n, b, to, true, factor);          \
    }                                                                                      \
  }
WIDE_PRODUCTS_(1)
#if defined(__AVX512F__) && defined(WIDE_X86)
WIDE_PRODUCTS_(2)
static wide_product_function *const wide_product_scores[] = {NULL, wide_product_scores_1,
                                                             wide_product_scores_2};
static wide_product_function *const wide_product_values[] = {NULL, wide_product_values_1,
                                                             wide_product_values_2};
#else
static wide_product_function *const wide_product_scores[] = {NULL, wide_product_scores_1};
static wide_product_function *const wide_product_values[] = {NULL, wide_product_values_1};
#endif

/* Scores of `n` positions, the first of them at place `at`.  The last rows of a product
 * may lie beyond them: of no meaning, and never looked at. */
static inline void wide_scores_of(const struct wide_look *k, const float *keys, int64_t n,
                                  const struct wide_panel *p, int64_t sides, int64_t at) {
  const float *b[WIDE_SIDES];
  float *c[WIDE_SIDES];
  for (int64_t i = 0; i < sides; i++) b[i] = p[i].q, c[i] = p[i].s + at * WIDE;
  wide_product_scores[sides](k, keys, n, b, c, NULL);
}

/* O += p V over `n` positions, on top of O times `factor` (NULL: O as it is). */
static inline void wide_values_of(const struct wide_look *k, const float *values, int64_t n,
                                  const struct wide_panel *p, int64_t sides, int64_t at,
                                  const float *const *factor) {
  const float *b[WIDE_SIDES];
  float *c[WIDE_SIDES];
  for (int64_t i = 0; i < sides; i++) b[i] = p[i].s + at * WIDE, c[i] = p[i].o;
  wide_product_values[sides](k, values, n, b, c, factor);
}

/* Scores of positions [from, to), the first of them at s, to exp(score - m'); m, l and
 * *factor = exp(m - m') follow. */
static __attribute__((noinline)) void wide_soften(struct wide_panel *p, float cap,
                                                  int64_t from, int64_t to, float *s,
                                                  float *factor) {
  const ridge_wide first = wide_load(p->first), last = wide_load(p->last);
  const ridge_wide nothing = wide_set(-INFINITY), before = wide_load(p->m);
  ridge_wide top = before, sum[4];
  for (int64_t j = from; j < to; j++) {
    ridge_wide x = wide_load(s + (j - from) * WIDE);
    const bool some = j < p->all_first || j > p->all_last;
    if (cap > 0) x = wide_capped(x, cap);
    if (some) x = wide_where(first, wide_set((float)j), last, x, nothing);
    if (some || cap > 0) wide_store(s + (j - from) * WIDE, x);
    top = wide_max(x, top); /* what is no number is passed over, and found in the sum */
  }
  for (int i = 0; i < 4; i++) sum[i] = wide_zero();
  /* Four sums by the place in the sequence: the order hangs on nothing else. */
  for (int64_t j = from & ~(int64_t)3; j < to; j += 4) {
    WIDE_UNROLL
    for (int i = 0; i < 4; i++) {
      if (j + i < from || j + i >= to) continue;
      float *at = s + (j + i - from) * WIDE;
      const ridge_wide e = wide_exp(wide_sub(wide_load(at), top));
      wide_store(at, e);
      sum[i] = wide_add(sum[i], e);
    }
  }
  const ridge_wide c = wide_exp(wide_sub(before, top));
  const ridge_wide all = wide_add(wide_add(sum[0], sum[1]), wide_add(sum[2], sum[3]));
  wide_store(p->l, wide_fma(wide_load(p->l), c, all));
  wide_store(p->m, top);
  wide_store(factor, c);
}

/* The part of [lo, hi) that some lane of some of `n` panels sees. */
static inline bool wide_seen(const struct wide_panel *p, int64_t n, int64_t *lo,
                             int64_t *hi) {
  int64_t first = p->some_first, last = p->some_last;
  for (int64_t i = 1; i < n; i++) {
    first = wide_least(first, p[i].some_first);
    last = wide_most(last, p[i].some_last);
  }
  *lo = wide_most(*lo, first);
  *hi = wide_least(*hi, last + 1);
  return *lo < *hi;
}

/* Positions [from, to) of one tile. */
static inline void wide_prompt_tile(const struct wide_look *k, const struct wide_piece *w,
                                    struct wide_panel *panel, int64_t panels, int64_t from,
                                    int64_t to, float *part) {
  const struct wide_cache keys = wide_cache_of(k, w, 0), values = wide_cache_of(k, w, 1);
  float factor[WIDE_MOST_PANELS][WIDE];
  for (int64_t at = from, end; at < to; at = end) {
    end = wide_least(to, at + WIDE_CHUNK);
    wide_cache_read(&keys, at, end, part, k->width);
    for (int64_t i = 0, n; i < panels; i += n) {
      int64_t lo = at, hi = end;
      n = wide_least(WIDE_SIDES, panels - i);
      if (!wide_seen(panel + i, n, &lo, &hi)) continue;
      const float *first = part + (lo - at) * k->width;
      wide_scores_of(k, first, hi - lo, panel + i, n, lo - from);
    }
  }
  for (int64_t i = 0, n; i < panels; i += n) {
    int64_t lo = from, hi = to;
    n = wide_least(WIDE_SIDES, panels - i);
    for (int64_t side = 0; side < n; side++) {
      /* Both see what one of them sees: beyond its own, a lane's weights become 0. */
      if (wide_seen(panel + i, n, &lo, &hi))
        wide_soften(&panel[i + side], k->cap, lo, hi,
                    panel[i + side].s + (lo - from) * WIDE, factor[i + side]);
    }
  }
  for (int64_t at = from, end; at < to; at = end) {
    end = wide_least(to, at + WIDE_CHUNK);
    wide_cache_read(&values, at, end, part, k->width);
    for (int64_t i = 0, n; i < panels; i += n) {
      int64_t lo = from, hi = to, here = at, there = end;
      n = wide_least(WIDE_SIDES, panels - i);
      if (!wide_seen(panel + i, n, &lo, &hi)) continue;
      if (!wide_seen(panel + i, n, &here, &there)) continue;
      const float *f[WIDE_SIDES], *first = part + (here - at) * k->width;
      for (int64_t side = 0; side < n; side++) f[side] = factor[i + side];
      wide_values_of(k, first, there - here, panel + i, n, here - from,
                     here == lo ? f : NULL);
    }
  }
}

/* Sixteen rows of `n` numbers to (n, 16), times `scale`; NULL rows are zeros. */
static inline void wide_to_lanes(const float *const *row, int64_t n, float scale,
                                 float *out) {
  int64_t d = 0;
  for (; d + 4 <= n; d += 4)
    for (int i = 0; i < WIDE; i += 4) {
      wide_quad r[4];
      WIDE_UNROLL
      for (int j = 0; j < 4; j++) {
        r[j] = (wide_quad){0, 0, 0, 0};
        if (row[i + j]) memcpy(&r[j], row[i + j] + d, sizeof r[j]);
        r[j] *= scale;
      }
      const wide_quad ab = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
      const wide_quad cd = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
      const wide_quad ef = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
      const wide_quad gh = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
      const wide_quad column[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5),
                                   __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                                   __builtin_shufflevector(ef, gh, 0, 1, 4, 5),
                                   __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
      WIDE_UNROLL
      for (int j = 0; j < 4; j++)
        memcpy(out + (d + j) * WIDE + i, &column[j], sizeof column[j]);
    }
  for (; d < n; d++)
    for (int i = 0; i < WIDE; i++) out[d * WIDE + i] = row[i] ? row[i][d] * scale : 0;
}

/* O / l back to the rows of the output. */
static inline void wide_from_lanes(const struct wide_panel *p, int64_t n,
                                   float *const *row) {
  float by[WIDE];
  wide_store(by, wide_div(wide_set(1.0f), wide_load(p->l)));
  for (int i = 0; i < WIDE; i += 4) {
    int64_t d = 0;
    for (; d + 4 <= n; d += 4) {
      wide_quad r[4];
      WIDE_UNROLL
      for (int j = 0; j < 4; j++) memcpy(&r[j], p->o + (d + j) * WIDE + i, sizeof r[j]);
      const wide_quad ab = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
      const wide_quad cd = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
      const wide_quad ef = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
      const wide_quad gh = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
      const wide_quad line[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5),
                                 __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                                 __builtin_shufflevector(ef, gh, 0, 1, 4, 5),
                                 __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
      WIDE_UNROLL
      for (int j = 0; j < 4; j++) {
        const wide_quad y = line[j] * by[i + j];
        memcpy(row[i + j] + d, &y, sizeof y);
      }
    }
    for (; d < n; d++)
      for (int j = 0; j < 4; j++) row[i + j][d] = p->o[d * WIDE + i + j] * by[i + j];
  }
}

/* The lines of a row of queries or outputs: other threads had them last, and one after the
 * other they would be waited for longer than transposing takes. */
static inline void wide_fetch_row(const float *row, int64_t n, bool writes) {
  for (int64_t d = 0; d < n; d += 16)
    if (writes)
      __builtin_prefetch(row + d, 1);
    else
      __builtin_prefetch(row + d);
}

/* Query `i` of a piece is head i % heads of row i / heads; NULL: there are no more. */
static inline float *wide_query(const struct wide_look *k, const struct wide_piece *w,
                                const ridge_span *of, int64_t i) {
  const int64_t heads = w->head_end - w->head;
  if (i >= (w->end - w->row) * heads) return NULL;
  return wide_activation(of, w->row + i / heads, (w->head + i % heads) * k->dim);
}

/* What the lanes of panel `index` see, and their queries. */
static inline void wide_panel_begin(const struct wide_look *k, const struct wide_piece *w,
                                    int64_t index, const struct wide_space *space,
                                    struct wide_panel *p, const float **row) {
  const int64_t heads = w->head_end - w->head, at = index * WIDE;
  *p = (struct wide_panel){.q = space->q + at * k->width,
                           .o = space->o + at * k->width,
                           .s = space->s + at * k->room,
                           .m = space->m + at,
                           .l = space->l + at,
                           .first = space->first + at,
                           .last = space->last + at,
                           .some_first = INT64_MAX,
                           .all_last = INT64_MAX};
  for (int64_t i = 0; i < WIDE; i++) {
    p->m[i] = -FLT_MAX; /* lower than any score, and no infinity to subtract */
    p->l[i] = p->first[i] = 0;
    p->last[i] = -1;
    row[i] = wide_query(k, w, &k->call->in[0], at + i);
    if (!row[i]) continue;
    wide_fetch_row(row[i], k->dim, false);
    const int64_t last = k->call->batch->position[w->row + (at + i) / heads];
    const int64_t first = wide_first(k, last);
    p->first[i] = (float)first;
    p->last[i] = (float)last;
    p->some_first = wide_least(p->some_first, first);
    p->all_first = wide_most(p->all_first, first);
    p->some_last = wide_most(p->some_last, last);
    p->all_last = wide_least(p->all_last, last);
  }
}

static inline void wide_attend_prompt(const struct wide_look *k,
                                      const struct wide_piece *w) {
  const int64_t n = (w->end - w->row) * (w->head_end - w->head);
  const int64_t panels = (n + WIDE - 1) / WIDE;
  const struct wide_space space = wide_space_of(k, panels * WIDE);
  struct wide_panel panel[WIDE_MOST_PANELS];
  const float *query[WIDE_MOST_PANELS][WIDE];
  float *out[WIDE_MOST_PANELS * WIDE];
  for (int64_t i = 0; i < panels; i++)
    wide_panel_begin(k, w, i, &space, &panel[i], query[i]);
  for (int64_t i = 0; i < panels; i++) {
    wide_to_lanes(query[i], k->dim, k->scale, space.q + i * WIDE * k->width);
    memset(panel[i].o, 0, (size_t)(WIDE * k->width) * sizeof *panel[i].o);
  }
  for (int64_t base = w->from / k->tile * k->tile; base < w->to; base += k->tile)
    wide_prompt_tile(k, w, panel, panels, wide_most(base, w->from),
                     wide_least(base + k->tile, w->to), space.part);
  for (int64_t i = 0; i < panels * WIDE; i++) {
    out[i] = wide_query(k, w, &k->call->out[0], i);
    if (out[i])
      wide_fetch_row(out[i], k->dim, true);
    else
      out[i] = space.part; /* of no use any more, and a row long */
  }
  for (int64_t i = 0; i < panels; i++) wide_from_lanes(&panel[i], k->dim, out + i * WIDE);
}

#endif
