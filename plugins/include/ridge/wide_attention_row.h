/*
 * ridge/wide_attention_row.h - generated rows of ridge/wide_attention.h: dimensions in the
 * lanes.  A query is one row and head; a few share what is decoded.
 */
#ifndef RIDGE_WIDE_ATTENTION_ROW_H
#define RIDGE_WIDE_ATTENTION_ROW_H

/* Queries at once, and sums of outputs: what fits into the registers. */
#if defined(__AVX512F__) && defined(WIDE_X86)
enum { WIDE_FEW = 4, WIDE_SUMS = 16 };
#else
enum { WIDE_FEW = 2, WIDE_SUMS = 4 };
#endif

struct wide_query {
  float *q, *o; /* (width) */
  float *s;     /* of the positions of a tile, from a multiple of 16 on          */
  float *y;     /* (dim) */
  int64_t first, last;
  float m, l, factor;
};

/* Scores of four keys for nq queries, a constant here: lanes through the width, then one
 * fold.  s[query] + at takes them. */
WIDE_INLINE void wide_dots(int nq, const struct wide_query *query, const float *keys,
                           int64_t width, int64_t at) {
  /* so many keys at once */
  enum { MOST = WIDE_FEW == 2 ? 4 : 4 * WIDE_FEW };
  const int np = WIDE_FEW == 2 ? 4 / nq : 4;
  for (int h = 0; h < 4; h += np) {
    wide_part sum[MOST * WIDE_PARTS]; /* by parts: see wide_product */
    const float *key = keys + h * width;
    WIDE_UNROLL
    for (int i = 0; i < nq * np * WIDE_PARTS; i++) sum[i] = wide_part_set(0.0f);
    for (int64_t d = 0; d < width; d += WIDE_PART * WIDE_PARTS) {
      WIDE_UNROLL
      for (int part = 0; part < WIDE_PARTS; part++) {
        wide_part x[WIDE_FEW];
        WIDE_UNROLL
        for (int i = 0; i < nq; i++)
          x[i] = wide_part_load(query[i].q + d + part * WIDE_PART);
        WIDE_UNROLL
        for (int j = 0; j < np; j++) {
          const wide_part w = wide_part_load(key + j * width + d + part * WIDE_PART);
          WIDE_UNROLL
          for (int i = 0; i < nq; i++) {
            wide_part *s = &sum[(i * np + j) * WIDE_PARTS + part];
            *s = wide_part_fma(x[i], w, *s);
          }
        }
      }
    }
    WIDE_UNROLL
    for (int i = 0; i < nq * np / 4; i++) {
      ridge_wide v[4];
      WIDE_UNROLL
      for (int j = 0; j < 4 * WIDE_PARTS; j++)
        v[j / WIDE_PARTS].part[j % WIDE_PARTS] = sum[4 * WIDE_PARTS * i + j];
      const wide_quad four = wide_sums(v[0], v[1], v[2], v[3]);
      if (np == 4) {
        memcpy(query[i].s + at, &four, sizeof four);
      } else { /* two keys of two queries */
        memcpy(query[0].s + at + h, &four, sizeof four / 2);
        memcpy(query[1].s + at + h, (const char *)&four + sizeof four / 2, sizeof four / 2);
      }
    }
  }
}

/* O = O c + p V for nq queries and `wide` registers of columns, constants here. */
WIDE_INLINE void wide_outputs(int nq, int wide, const struct wide_query *query,
                              const float *values, int64_t n, int64_t width, int64_t at,
                              int64_t d, bool first) {
  wide_part sum[WIDE_SUMS * WIDE_PARTS];
  const int each = wide * WIDE_PARTS;
  WIDE_UNROLL
  for (int i = 0; i < nq * each; i++) {
    sum[i] = wide_part_load(query[i / each].o + d + i % each * WIDE_PART);
    if (first) sum[i] = sum[i] * wide_part_set(query[i / each].factor);
  }
  for (int64_t j = 0; j < n; j++) {
    wide_part p[WIDE_FEW];
    WIDE_UNROLL
    for (int i = 0; i < nq; i++) p[i] = wide_part_set(query[i].s[at + j]);
    WIDE_UNROLL
    for (int c = 0; c < each; c++) {
      const wide_part v = wide_part_load(values + j * width + d + c * WIDE_PART);
      WIDE_UNROLL
      for (int i = 0; i < nq; i++)
        sum[i * each + c] = wide_part_fma(p[i], v, sum[i * each + c]);
    }
  }
  WIDE_UNROLL
  for (int i = 0; i < nq * each; i++)
    wide_part_store(query[i / each].o + d + i % each * WIDE_PART, sum[i]);
}

/* Scores of positions [at, end) of a chunk, whose rows begin at a multiple of four; places
 * of scores count from `base`. */
WIDE_INLINE void wide_scores_row(int nq, const struct wide_query *query, const float *part,
                                 int64_t width, int64_t at, int64_t end, int64_t base) {
  for (int64_t j = at & ~(int64_t)3, row = 0; j < end; j += 4, row += 4)
    wide_dots(nq, query, part + row * width, width, j - base);
}

WIDE_INLINE void wide_values_row(int nq, const struct wide_query *query, const float *part,
                                 int64_t width, int64_t at, int64_t end, int64_t base,
                                 bool first) {
  const int wide = WIDE_SUMS / nq;
  const int64_t n = end - at;
  int64_t d = 0;
  for (; d + wide * WIDE <= width; d += wide * WIDE)
    wide_outputs(nq, wide, query, part, n, width, at - base, d, first);
  for (; WIDE_SUMS > 4 && d + 4 * WIDE <= width; d += 4 * WIDE)
    wide_outputs(nq, 4, query, part, n, width, at - base, d, first);
  for (; d < width; d += WIDE)
    wide_outputs(nq, 1, query, part, n, width, at - base, d, first);
}

/* X(nq) for each number of queries there is code for. */
#if defined(__AVX512F__) && defined(WIDE_X86)
#define WIDE_FEW_EACH_(X) X(1) X(2) X(3) X(4)
#else
#define WIDE_FEW_EACH_(X) X(1) X(2)
#endif

/* Scores at places of positions [lo, hi), of which [first, last] count, to exp(score -
 * m').  Lanes are positions modulo sixteen. */
static inline void wide_soften_row(struct wide_query *query, float cap, int64_t lo,
                                   int64_t hi, int64_t base) {
  const ridge_wide first = wide_set((float)query->first), nothing = wide_set(-INFINITY);
  const ridge_wide last = wide_set((float)query->last);
  float lane[WIDE];
  for (int i = 0; i < WIDE; i++) lane[i] = (float)i;
  ridge_wide top = wide_set(query->m), sum = wide_zero();
  const int64_t from = lo & ~(int64_t)(WIDE - 1);
  for (int64_t j = from; j < hi; j += WIDE) {
    ridge_wide x = wide_load(query->s + j - base);
    const bool some = j < query->first || j + WIDE - 1 > query->last;
    if (cap > 0) x = wide_capped(x, cap);
    if (some) {
      const ridge_wide place = wide_add(wide_set((float)j), wide_load(lane));
      x = wide_where(first, place, last, x, nothing);
    }
    if (some || cap > 0) wide_store(query->s + j - base, x);
    top = wide_max(x, top);
  }
  const float greatest = wide_largest(top);
  const ridge_wide shift = wide_set(greatest);
  for (int64_t j = from; j < hi; j += WIDE) {
    const ridge_wide e = wide_exp(wide_sub(wide_load(query->s + j - base), shift));
    wide_store(query->s + j - base, e);
    sum = wide_add(sum, e);
  }
  wide_store(lane, wide_exp(wide_set(query->m - greatest)));
  query->factor = lane[0];
  query->l = query->l * query->factor + wide_sum(sum);
  query->m = greatest;
}

/* Positions [from, to) of one tile.  Queries of several rows all meet all positions: the
 * weight of those that a row does not see is 0. */
static inline void wide_row_tile(const struct wide_look *k, const struct wide_piece *w,
                                 struct wide_query *query, int64_t queries, int64_t from,
                                 int64_t to, float *part) {
  const struct wide_cache keys = wide_cache_of(k, w, 0), values = wide_cache_of(k, w, 1);
  const int64_t base = from & ~(int64_t)(WIDE - 1);
  for (int64_t at = from, end; at < to; at = end) {
    end = wide_least(to, (at / WIDE_CHUNK + 1) * WIDE_CHUNK);
    wide_cache_read(&keys, at, end, part + at % 4 * k->width, k->width);
    for (int64_t i = 0, n; i < queries; i += n) {
      n = wide_least(WIDE_FEW, queries - i);
#define WIDE_CASE_(nq)                                                                     \
  case nq: wide_scores_row(nq, query + i, part, k->width, at, end, base); break;
      switch (n) { WIDE_FEW_EACH_(WIDE_CASE_) }
#undef WIDE_CASE_
    }
  }
  for (int64_t i = 0; i < queries; i++) wide_soften_row(&query[i], k->cap, from, to, base);
  for (int64_t at = from, end; at < to; at = end) {
    end = wide_least(to, (at / WIDE_CHUNK + 1) * WIDE_CHUNK);
    wide_cache_read(&values, at, end, part, k->width);
    for (int64_t i = 0, n; i < queries; i += n) {
      n = wide_least(WIDE_FEW, queries - i);
#define WIDE_CASE_(nq)                                                                     \
  case nq: wide_values_row(nq, query + i, part, k->width, at, end, base, at == from); break;
      switch (n) { WIDE_FEW_EACH_(WIDE_CASE_) }
#undef WIDE_CASE_
    }
  }
}

/* Query `i` of a piece is head i % heads of row i / heads. */
static inline struct wide_query wide_query_begin(const struct wide_look *k,
                                                 const struct wide_piece *w, int64_t i,
                                                 const struct wide_space *space) {
  const int64_t heads = w->head_end - w->head, row = w->row + i / heads;
  const int64_t at = (w->head + i % heads) * k->dim;
  const float *x = wide_activation(&k->call->in[0], row, at);
  struct wide_query query = {.q = space->q + i * k->width,
                             .o = space->o + i * k->width,
                             .s = space->s + i * k->room,
                             .y = wide_activation(&k->call->out[0], row, at),
                             .last = k->call->batch->position[row],
                             .m = -FLT_MAX}; /* no infinity to subtract */
  query.first = wide_first(k, query.last);
  memset(query.o, 0, (size_t)k->width * sizeof *query.o);
  for (int64_t d = 0; d < k->width; d += WIDE) {
    const ridge_wide v = d < k->dim ? wide_load_some(x + d, k->dim - d) : wide_zero();
    wide_store(query.q + d, wide_mul(v, wide_set(k->scale)));
  }
  return query;
}

static inline void wide_attend_row(const struct wide_look *k, const struct wide_piece *w) {
  const int64_t queries = (w->end - w->row) * (w->head_end - w->head);
  const struct wide_space space = wide_space_of(k, queries);
  struct wide_query query[WIDE_MOST_QUERIES];
  for (int64_t i = 0; i < queries; i++) query[i] = wide_query_begin(k, w, i, &space);
  for (int64_t base = w->from / k->tile * k->tile; base < w->to; base += k->tile)
    wide_row_tile(k, w, query, queries, wide_most(base, w->from),
                  wide_least(base + k->tile, w->to), space.part);
  for (int64_t i = 0; i < queries; i++) {
    const ridge_wide by = wide_set(1.0f / query[i].l);
    for (int64_t d = 0; d < k->dim; d += WIDE)
      wide_store_some(query[i].y + d, wide_mul(wide_load(query[i].o + d), by), k->dim - d);
  }
}

#endif
