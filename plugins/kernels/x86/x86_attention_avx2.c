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

enum {
  QUERIES = 16, /* rows times heads of an item, about                          */
  MANY_ROWS = 4,
};

/* Rows of an item: fewer where many heads share their keys. */
static int64_t rows_together(const ridge_attrs *a) {
  const int64_t rows = QUERIES * a->kv_heads / a->heads;
  return rows < 1 ? 1 : rows < MANY_ROWS ? rows : MANY_ROWS;
}

/* Floats: a decoded tile, then scores (rows, heads of a group, max_context). */
static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  const ridge_attrs *a = &site->node->attrs;
  const int64_t queries = rows_together(a) * (a->heads / a->kv_heads);
  return (uint64_t)(TILE_POSITIONS * a->head_dim + queries * site->max_context) *
         sizeof(float);
}

struct query {
  const float *q;        /* (dim) */
  float *y;              /* (dim) */
  float *score;          /* (last - first + 1) */
  int64_t first, last;   /* positions it sees */
  float sum;
};

struct item {
  const ridge_kernel_call *call;
  const ridge_attrs *a;
  struct query *query;
  int64_t n, from, to; /* positions that some query sees: [from, to)           */
  int64_t head;        /* of the cache                                         */
  int32_t sequence;
  float *tile;
};

/* ---- scores ---- */

/* q . k[0..3], each in two interleaved runs of eight lanes. */
INLINE __m128 dot_four(const float *q, const float *const k[4], int64_t dim) {
  __m256 a[4], b[4];
  UNROLL
  for (int j = 0; j < 4; j++)
    a[j] = b[j] = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= dim; i += 16) {
    const __m256 q0 = _mm256_loadu_ps(q + i), q1 = _mm256_loadu_ps(q + i + 8);
    UNROLL
    for (int j = 0; j < 4; j++) {
      a[j] = _mm256_fmadd_ps(q0, _mm256_loadu_ps(k[j] + i), a[j]);
      b[j] = _mm256_fmadd_ps(q1, _mm256_loadu_ps(k[j] + i + 8), b[j]);
    }
  }
  for (; i < dim; i += 8) {
    const __m256 q0 = lanes_load(q + i, dim - i);
    UNROLL
    for (int j = 0; j < 4; j++)
      a[j] = _mm256_fmadd_ps(q0, lanes_load(k[j] + i, dim - i), a[j]);
  }
  const __m256 s01 = _mm256_hadd_ps(_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1]));
  const __m256 s23 = _mm256_hadd_ps(_mm256_add_ps(a[2], b[2]), _mm256_add_ps(a[3], b[3]));
  const __m256 s = _mm256_hadd_ps(s01, s23);
  return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

/* Scores of one query over positions [from, to) of the tile that starts at `base`. */
static void score_tile(const struct item *item, const struct query *query,
                       const struct cache_tile *tile, int64_t base, int64_t end) {
  const int64_t from = query->first > base ? query->first : base;
  const int64_t to = query->last + 1 < end ? query->last + 1 : end;
  const __m128 scale = _mm_set1_ps((float)item->a->scale);
  for (int64_t p = from; p < to; p += 4) {
    const float *k[4];
    float four[4];
    for (int64_t j = 0; j < 4; j++) /* past the end: the last again, not kept */
      k[j] = tile->row[(p + j < to ? p + j : to - 1) - base];
    const __m128 s = _mm_mul_ps(dot_four(query->q, k, item->a->head_dim), scale);
    if (to - p >= 4) {
      _mm_storeu_ps(query->score + (p - query->first), s);
      continue;
    }
    _mm_storeu_ps(four, s);
    memcpy(query->score + (p - query->first), four, (size_t)(to - p) * sizeof *four);
  }
}

/* Scores to exp(score - greatest), and their sum. */
static void soften(struct query *query) {
  const int64_t n = query->last - query->first + 1;
  __m256 top = _mm256_set1_ps(-INFINITY), sum = _mm256_setzero_ps();
  float greatest = -INFINITY;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    top = _mm256_max_ps(_mm256_loadu_ps(query->score + i), top);
  greatest = lanes_max(top);
  for (; i < n; i++)
    greatest = query->score[i] > greatest ? query->score[i] : greatest;
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

/* y += score v over the query's positions in the tile, `wide` registers of columns. */
INLINE void add_values(const struct query *query, const struct cache_tile *tile,
                       int64_t base, int64_t from, int64_t to, int64_t at, int wide) {
  __m256 y[8];
  UNROLL
  for (int i = 0; i < wide; i++)
    y[i] = _mm256_loadu_ps(query->y + at + 8 * i);
  for (int64_t p = from; p < to; p++) {
    const __m256 s = _mm256_broadcast_ss(query->score + (p - query->first));
    const float *v = tile->row[p - base] + at;
    UNROLL
    for (int i = 0; i < wide; i++)
      y[i] = _mm256_fmadd_ps(s, _mm256_loadu_ps(v + 8 * i), y[i]);
  }
  UNROLL
  for (int i = 0; i < wide; i++)
    _mm256_storeu_ps(query->y + at + 8 * i, y[i]);
}

static void add_last_values(const struct query *query, const struct cache_tile *tile,
                            int64_t base, int64_t from, int64_t to, int64_t at,
                            int64_t left) {
  __m256 y = lanes_load(query->y + at, left);
  for (int64_t p = from; p < to; p++) {
    const __m256 s = _mm256_broadcast_ss(query->score + (p - query->first));
    y = _mm256_fmadd_ps(s, lanes_load(tile->row[p - base] + at, left), y);
  }
  lanes_store(query->y + at, y, left);
}

static void value_tile(const struct item *item, const struct query *query,
                       const struct cache_tile *tile, int64_t base, int64_t end) {
  const int64_t dim = item->a->head_dim;
  const int64_t from = query->first > base ? query->first : base;
  const int64_t to = query->last + 1 < end ? query->last + 1 : end;
  int64_t at = 0;
  if (from >= to) return;
  for (; at + 64 <= dim; at += 64)
    add_values(query, tile, base, from, to, at, 8);
  for (; at + 16 <= dim; at += 16)
    add_values(query, tile, base, from, to, at, 2);
  for (; at < dim; at += 8)
    add_last_values(query, tile, base, from, to, at, dim - at);
}

/* y / sum */
static void finish(const struct query *query, int64_t dim) {
  const __m256 by = _mm256_set1_ps(1.0f / query->sum);
  for (int64_t i = 0; i < dim; i += 8)
    lanes_store(query->y + i, _mm256_mul_ps(lanes_load(query->y + i, dim - i), by), dim - i);
}

/* ---- items ---- */

typedef void tile_function(const struct item *, const struct query *,
                           const struct cache_tile *, int64_t base, int64_t end);

static void each_tile(const struct item *item, const ridge_span *cache, tile_function *f) {
  struct cache_tile tile;
  for (int64_t base = item->from; base < item->to; base += TILE_POSITIONS) {
    const int64_t end = item->to - base < TILE_POSITIONS ? item->to : base + TILE_POSITIONS;
    cache_tile_read(&tile, cache, item->call->batch, item->a->kv_heads, item->sequence,
                    item->head, base, end, item->tile);
    for (int64_t i = 0; i < item->n; i++)
      f(item, &item->query[i], &tile, base, end);
  }
}

static void item_run(const struct item *item) {
  const int64_t dim = item->a->head_dim;
  each_tile(item, &item->call->in[1], score_tile);
  for (int64_t i = 0; i < item->n; i++) {
    soften(&item->query[i]);
    memset(item->query[i].y, 0, (size_t)dim * sizeof(float));
  }
  each_tile(item, &item->call->in[2], value_tile);
  for (int64_t i = 0; i < item->n; i++)
    finish(&item->query[i], dim);
}

static void item_add(struct item *item, int64_t row, float *scores) {
  const ridge_kernel_call *call = item->call;
  const ridge_attrs *a = item->a;
  const int64_t group = a->heads / a->kv_heads, last = call->batch->position[row];
  const int64_t first = a->window > 0 && last >= a->window ? last - a->window + 1 : 0;
  for (int64_t g = 0; g < group; g++) {
    const int64_t at = (item->head * group + g) * a->head_dim;
    item->query[item->n] = (struct query){.q = span_row(&call->in[0], row) + at,
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
    struct item item = {.call = call, .a = a, .query = query, .from = INT64_MAX,
                        .head = head, .sequence = call->batch->sequence[lo], .tile = tile};
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
  while (together > 1 && call->rows * a->kv_heads < 2 * threads * together)
    together--;
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
  if (even && a->heads / a->kv_heads <= QUERIES) return RIDGE_OK;
  snprintf(why, room, "%ld heads on %ld key heads; here a multiple of up to %d is read at once",
           (long)a->heads, (long)a->kv_heads, QUERIES);
  return RIDGE_DECLINED;
}

const ridge_kernel x86_attention = {
    .struct_size = sizeof(ridge_kernel),
    .accepts = accepts,
    .scratch_bytes = scratch_bytes,
    .run = run,
};
