/*
 * x86_attention_avx2.c - attention with all scores of a row in scratch, over a cache in
 * any codec.
 *
 * A few rows of one sequence and the heads that share a key head are one item, so that
 * a tile of keys or values is read and decoded once for all of them.  What a row gets
 * hangs on its own positions only: every score is one dot product in a fixed order, the
 * exponentials are summed in the order of positions, values are added position by
 * position.  Items, tiles and blocks can be cut anywhere without changing a bit.
 */
#include "x86_cache.h"
#include "x86_lanes.h"

#include <math.h>

/* Rows times heads that share a tile: more of them read a key less often, but their
 * scores have to wait in a cache. */
enum { QUERIES = 24 };

static int64_t rows_together(const ridge_attrs *a) {
  const int64_t rows = QUERIES * a->kv_heads / a->heads;
  return rows < 1 ? 1 : rows;
}

/* Floats: a decoded tile, then scores (rows, heads of a group, max_context). */
static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  const ridge_attrs *a = &site->node->attrs;
  const int64_t queries = rows_together(a) * (a->heads / a->kv_heads);
  return (uint64_t)(TILE_POSITIONS * a->head_dim + queries * site->max_context) *
         sizeof(float);
}

struct query {
  const float *q;      /* (dim) */
  float *y;            /* (dim) */
  float *score;        /* (last - first + 1) */
  int64_t first, last; /* positions it sees */
  float sum;
};

struct item {
  const ridge_kernel_call *call;
  const ridge_attrs *a;
  struct query *query;
  int64_t n, from, to; /* positions that some query sees: [from, to)           */
  int64_t head;        /* of the cache                                         */
  int32_t sequence;
  float *room;
};

/* Positions [base, end) decoded. */
struct tile {
  struct cache_tile rows;
  int64_t base, end;
};

/* ---- scores ---- */

/* The dot products of `nq` queries with `np` keys (a multiple of four): each is one run
 * of eight lanes through the width and a fixed tree.  out[h * np / 4 + g]: query h, keys
 * 4g ..  nq and np are constants where this is expanded. */
INLINE void dots(int nq, int np, const float *const *q, const float *const *k, int64_t dim,
                 __m128 *out) {
  __m256 sum[12], v[3];
  int64_t i = 0;
  UNROLL
  for (int j = 0; j < nq * np; j++) sum[j] = _mm256_setzero_ps();
  for (; i + 8 <= dim; i += 8) {
    UNROLL
    for (int h = 0; h < nq; h++) v[h] = _mm256_loadu_ps(q[h] + i);
    UNROLL
    for (int j = 0; j < np; j++) {
      const __m256 key = _mm256_loadu_ps(k[j] + i);
      UNROLL
      for (int h = 0; h < nq; h++)
        sum[h * np + j] = _mm256_fmadd_ps(v[h], key, sum[h * np + j]);
    }
  }
  if (i < dim) {
    const __m256i mask = lanes_first(dim - i);
    UNROLL
    for (int j = 0; j < nq * np; j++)
      sum[j] = _mm256_fmadd_ps(_mm256_maskload_ps(q[j / np] + i, mask),
                               _mm256_maskload_ps(k[j % np] + i, mask), sum[j]);
  }
  UNROLL
  for (int g = 0; g < nq * np / 4; g++) {
    const __m256 *s = sum + g * 4;
    const __m256 low = _mm256_hadd_ps(s[0], s[1]), high = _mm256_hadd_ps(s[2], s[3]);
    const __m256 all = _mm256_hadd_ps(low, high);
    out[g] = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
  }
}

static void dots_1(const float *const *q, const float *const *k, int64_t dim, __m128 *out) {
  dots(1, 8, q, k, dim, out);
}
static void dots_2(const float *const *q, const float *const *k, int64_t dim, __m128 *out) {
  dots(2, 4, q, k, dim, out);
}
static void dots_3(const float *const *q, const float *const *k, int64_t dim, __m128 *out) {
  dots(3, 4, q, k, dim, out);
}

/* Scores of `nq` queries over positions [from, to), all seen by each. */
static void score_range(const struct item *item, const struct query *query, int nq,
                        const struct tile *t, int64_t from, int64_t to) {
  const int64_t dim = item->a->head_dim;
  const int step = nq == 1 ? 8 : 4;
  const __m128 scale = _mm_set1_ps((float)item->a->scale);
  const float *q[3], *k[8];
  for (int h = 0; h < nq; h++) q[h] = query[h].q;
  for (int64_t p = from; p < to; p += step) {
    const float *const *row = t->rows.row + (p - t->base);
    const int n = to - p < step ? (int)(to - p) : step;
    __m128 s[3];
    for (int j = 0; j < step; j++) k[j] = row[j < n ? j : n - 1]; /* again, not kept */
    (nq == 1 ? dots_1 : nq == 2 ? dots_2 : dots_3)(q, k, dim, s);
    for (int g = 0; g < nq * step / 4; g++) {
      const int h = g * 4 / step, at = g * 4 % step; /* four keys from `at` on */
      float *to_score = query[h].score + (p - query[h].first) + at;
      const __m128 four = _mm_mul_ps(s[g], scale);
      if (n - at >= 4)
        _mm_storeu_ps(to_score, four);
      else
        _mm_maskstore_ps(to_score, _mm256_castsi256_si128(lanes_first(n - at)), four);
    }
  }
}

/* Scores to exp(score - greatest), and their sum. */
static void soften(struct query *query) {
  const int64_t n = query->last - query->first + 1;
  __m256 top = _mm256_set1_ps(-INFINITY), sum = _mm256_setzero_ps();
  float greatest = -INFINITY;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) top = _mm256_max_ps(_mm256_loadu_ps(query->score + i), top);
  greatest = lanes_max(top);
  for (; i < n; i++) greatest = query->score[i] > greatest ? query->score[i] : greatest;
  const __m256 off = _mm256_set1_ps(greatest);
  for (i = 0; i < n; i += 8) {
    const __m256 mask = _mm256_castsi256_ps(lanes_first(n - i));
    __m256 e = lanes_exp(_mm256_sub_ps(lanes_load(query->score + i, n - i), off));
    e = _mm256_and_ps(e, mask);
    lanes_store(query->score + i, e, n - i);
    sum = _mm256_add_ps(sum, e);
  }
  query->sum = lanes_sum(sum);
}

/* ---- values ---- */

/* y += score v over positions [from, to), for `nq` queries and `wide` registers of
 * columns; constants where this is expanded. */
INLINE void add_columns(int nq, int wide, const struct query *query, const struct tile *t,
                        int64_t from, int64_t to, int64_t at) {
  __m256 y[12];
  UNROLL
  for (int i = 0; i < nq * wide; i++)
    y[i] = _mm256_loadu_ps(query[i / wide].y + at + i % wide * 8);
  for (int64_t p = from; p < to; p++) {
    const float *row = t->rows.row[p - t->base] + at;
    __m256 s[3]; /* 3 of these, 12 sums and one v: all the registers there are */
    UNROLL
    for (int h = 0; h < nq; h++)
      s[h] = _mm256_broadcast_ss(query[h].score + (p - query[h].first));
    UNROLL
    for (int i = 0; i < wide; i++) {
      const __m256 v = _mm256_loadu_ps(row + 8 * i);
      UNROLL
      for (int h = 0; h < nq; h++)
        y[h * wide + i] = _mm256_fmadd_ps(s[h], v, y[h * wide + i]);
    }
  }
  UNROLL
  for (int i = 0; i < nq * wide; i++)
    _mm256_storeu_ps(query[i / wide].y + at + i % wide * 8, y[i]);
}

static void add_last_columns(const struct query *query, const struct tile *t, int64_t from,
                             int64_t to, int64_t at, int64_t left) {
  __m256 y = lanes_load(query->y + at, left);
  for (int64_t p = from; p < to; p++) {
    const __m256 s = _mm256_broadcast_ss(query->score + (p - query->first));
    y = _mm256_fmadd_ps(s, lanes_load(t->rows.row[p - t->base] + at, left), y);
  }
  lanes_store(query->y + at, y, left);
}

static void value_range(const struct item *item, const struct query *query, int nq,
                        const struct tile *t, int64_t from, int64_t to) {
  const int64_t dim = item->a->head_dim;
  int64_t at = 0;
  for (; nq == 1 && at + 64 <= dim; at += 64) add_columns(1, 8, query, t, from, to, at);
  for (; nq == 2 && at + 32 <= dim; at += 32) add_columns(2, 4, query, t, from, to, at);
  for (; nq == 3 && at + 32 <= dim; at += 32) add_columns(3, 4, query, t, from, to, at);
  for (; at < dim; at += 8)
    for (int h = 0; h < nq; h++) add_last_columns(query + h, t, from, to, at, dim - at);
}

/* y / sum */
static void finish(const struct query *query, int64_t dim) {
  const __m256 by = _mm256_set1_ps(1.0f / query->sum);
  for (int64_t i = 0; i < dim; i += 8)
    lanes_store(query->y + i, _mm256_mul_ps(lanes_load(query->y + i, dim - i), by),
                dim - i);
}

/* ---- items ---- */

typedef void range_function(const struct item *, const struct query *, int nq,
                            const struct tile *, int64_t from, int64_t to);

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A few queries over one tile: together where all of them look, singly before and after
 * that, so that each meets its positions in order. */
static void run_queries(const struct item *item, const struct query *query, int nq,
                        const struct tile *t, range_function *f) {
  int64_t from = t->base, to = t->end;
  for (int h = 0; h < nq; h++) {
    from = most(from, query[h].first);
    to = least(to, query[h].last + 1);
  }
  to = most(from, to);
  for (int h = 0; h < nq; h++) {
    const int64_t start = most(t->base, query[h].first);
    const int64_t end = least(least(t->end, query[h].last + 1), from);
    if (start < end) f(item, query + h, 1, t, start, end);
  }
  if (from < to) f(item, query, nq, t, from, to);
  for (int h = 0; h < nq; h++) {
    const int64_t start = most(to, query[h].first), end = least(t->end, query[h].last + 1);
    if (start < end) f(item, query + h, 1, t, start, end);
  }
}

static void each_tile(const struct item *item, const ridge_span *cache, range_function *f) {
  const int64_t blocks = (item->n + 2) / 3; /* of three queries or two */
  const struct cache_reader reader = {.cache = cache,
                                      .batch = item->call->batch,
                                      .kv_heads = item->a->kv_heads,
                                      .head = item->head,
                                      .sequence = item->sequence,
                                      .room = item->room};
  struct tile t;
  for (t.base = item->from; t.base < item->to; t.base += TILE_POSITIONS) {
    t.end = least(item->to, t.base + TILE_POSITIONS);
    cache_tile_read(&reader, t.base, t.end, &t.rows);
    for (int64_t b = 0; b < blocks; b++) {
      const struct share some = share_of(item->n, (int32_t)b, (int32_t)blocks);
      run_queries(item, item->query + some.lo, (int)(some.hi - some.lo), &t, f);
    }
  }
}

static void item_run(const struct item *item) {
  const int64_t dim = item->a->head_dim;
  each_tile(item, &item->call->in[1], score_range);
  for (int64_t i = 0; i < item->n; i++) {
    soften(&item->query[i]);
    memset(item->query[i].y, 0, (size_t)dim * sizeof(float));
  }
  each_tile(item, &item->call->in[2], value_range);
  for (int64_t i = 0; i < item->n; i++) finish(&item->query[i], dim);
}

static void item_add(struct item *item, int64_t row, float *scores) {
  const ridge_kernel_call *call = item->call;
  const ridge_attrs *a = item->a;
  const int64_t group = a->heads / a->kv_heads, last = call->batch->position[row];
  const int64_t first = a->window > 0 && last >= a->window ? last - a->window + 1 : 0;
  for (int64_t g = 0; g < group; g++) {
    const int64_t at = (item->head * group + g) * a->head_dim;
    item->query[item->n] =
        (struct query){.q = span_row(&call->in[0], row) + at,
                       .y = span_row(&call->out[0], row) + at,
                       .score = scores + item->n * call->site->max_context,
                       .first = first,
                       .last = last};
    item->n++;
  }
  item->from = first < item->from ? first : item->from;
  item->to = last + 1 > item->to ? last + 1 : item->to;
}

/* Rows [lo, hi), cut where the sequence changes. */
static void run_rows(const ridge_kernel_call *call, int64_t lo, int64_t hi, int64_t head) {
  const ridge_attrs *a = &call->site->node->attrs;
  struct query query[QUERIES];
  float *tile = call->scratch, *scores = tile + TILE_POSITIONS * a->head_dim;
  while (lo < hi) {
    struct item item = {.call = call,
                        .a = a,
                        .query = query,
                        .from = INT64_MAX,
                        .head = head,
                        .sequence = call->batch->sequence[lo],
                        .room = tile};
    for (; lo < hi && call->batch->sequence[lo] == item.sequence; lo++)
      item_add(&item, lo, scores);
    item_run(&item);
  }
}

/* Rows go together only while there are still items for all threads.  Items are dealt in
 * turn: later rows of a prompt see more positions and cost more. */
static void run(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  int64_t together = rows_together(a);
  while (together > 1 && call->rows * a->kv_heads < 2 * threads * together) together--;
  const int64_t parts = (call->rows + together - 1) / together;
  for (int64_t item = thread; item < parts * a->kv_heads; item += threads) {
    const int64_t lo = item / a->kv_heads * together;
    const int64_t hi = lo + together < call->rows ? lo + together : call->rows;
    run_rows(call, lo, hi, item % a->kv_heads);
  }
}

static ridge_status accepts(const ridge_kernel_site *site, char *why, size_t room) {
  const ridge_attrs *a = &site->node->attrs;
  const bool even = a->kv_heads > 0 && a->heads % a->kv_heads == 0;
  if (a->softcap > 0) {
    snprintf(why, room, "a soft cap on scores is not known here");
    return RIDGE_DECLINED;
  }
  if (even && a->heads / a->kv_heads <= QUERIES) return RIDGE_OK;
  snprintf(why, room,
           "%ld heads on %ld key heads; here a multiple of up to %d is read at once",
           (long)a->heads, (long)a->kv_heads, QUERIES);
  return RIDGE_DECLINED;
}

const ridge_kernel x86_attention = {
    .struct_size = sizeof(ridge_kernel),
    .accepts = accepts,
    .scratch_bytes = scratch_bytes,
    .run = run,
};
