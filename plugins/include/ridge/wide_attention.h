/*
 * ridge/wide_attention.h - attention over a paged cache in any codec, by tiles of
 * positions.  Source for kernels, as ridge/wide.h is; kernels.x86, kernels.neon and
 * attention.flash are made of it.
 *
 * For a row of queries and tiles j = 1, 2, ... of B_c positions (FlashAttention, arXiv
 * 2205.14135, algorithm 1, with the unscaled O of arXiv 2307.08691, sec. 3.1):
 *     s   = q K_j^T                      m'  = max(m, max s)
 *     p   = exp(s - m')                  c   = exp(m - m')
 *     l   = c l + sum p                  O   = c O + p V_j
 * and O / l in the end.  With B_c no smaller than the context there is one tile, which
 * is the definition of attention.
 *
 * A piece of work is some rows of one sequence and query heads that share a key head, so
 * that what is decoded serves all of them; nothing is gathered.  Prompt rows have their
 * queries in the lanes: scores are a product of keys with transposed queries, one
 * multiply-add for sixteen queries, the softmax needs no folds, and tiles that nobody
 * sees are skipped.  Generated rows are few, and have the dimensions in the lanes.
 *
 * Determinism: tiles lie at multiples of B_c in the sequence; within one, each score, sum
 * and output is added in the order of dimensions or positions, whatever the piece, the
 * blocks of the cache or the thread.
 */
#ifndef RIDGE_WIDE_ATTENTION_H
#define RIDGE_WIDE_ATTENTION_H

#include <ridge/wide_cache.h>
#include <ridge/wide_kernel.h>

#include <float.h>
#include <math.h>
#include <stdio.h>

enum {
  WIDE_CHUNK = 64,         /* positions decoded at a time                            */
  WIDE_SLACK = 8,          /* rows that a product may read past the last one        */
  WIDE_MOST_PANELS = 8,    /* of sixteen queries: prompt rows that share a tile      */
  WIDE_MOST_QUERIES = 16,  /* generated rows times heads that share a tile           */
  WIDE_SCORES = 512 << 10, /* bytes of scores that should stay in a near cache       */
};

struct wide_look {
  const ridge_kernel_call *call;
  int64_t heads, kv_heads, group, dim, width, window, tile, room;
  int64_t panels; /* for prompt rows */
  enum wide_form form[2];
  float scale, cap; /* cap 0: none                                           */
};

/* Rows [row, end) of one sequence; query heads [head, head_end) of key head kv. */
struct wide_piece {
  int64_t row, end, head, head_end, kv;
  int64_t from, to; /* positions that some row sees                             */
};

/* What was done: (query, tile) pairs, and scores. */
struct wide_work {
  uint64_t tiles, scores;
};

WIDE_INLINE int64_t wide_least(int64_t a, int64_t b) { return a < b ? a : b; }
WIDE_INLINE int64_t wide_most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Positions of which scores are kept. */
static inline int64_t wide_room(int64_t context, int64_t tile) {
  const int64_t whole = (context + WIDE_CHUNK - 1) / WIDE_CHUNK * WIDE_CHUNK;
  return wide_least(whole, tile) + WIDE_CHUNK;
}

static inline int64_t wide_panels(int64_t room) {
  const int64_t fit = WIDE_SCORES / (room * WIDE * (int64_t)sizeof(float)) / 2 * 2;
  return wide_least(wide_most(fit, 2), WIDE_MOST_PANELS);
}

static inline int64_t wide_width(int64_t dim) { return (dim + WIDE - 1) / WIDE * WIDE; }

static inline uint64_t wide_attention_scratch(const ridge_kernel_site *site, int64_t tile) {
  const int64_t room = wide_room(site->max_context, tile), panels = wide_panels(room);
  const int64_t width = wide_width(site->node->attrs.head_dim);
  const int64_t queries = panels * WIDE; /* no fewer than WIDE_MOST_QUERIES */
  return (uint64_t)((WIDE_CHUNK + WIDE_SLACK) * width + queries * (2 * width + room + 4)) *
             sizeof(float) +
         64;
}

static inline struct wide_look wide_look_of(const ridge_kernel_call *call, int64_t tile) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t room = wide_room(call->site->max_context, tile);
  return (struct wide_look){
      .call = call,
      .heads = a->heads,
      .kv_heads = a->kv_heads,
      .group = a->heads / a->kv_heads,
      .dim = a->head_dim,
      .width = wide_width(a->head_dim),
      .window = a->window,
      .tile = tile,
      .room = room,
      .panels = wide_panels(room),
      .form = {wide_form_of(call->in[1].codec), wide_form_of(call->in[2].codec)},
      .scale = (float)a->scale,
      .cap = (float)a->softcap,
  };
}

/* Scratch of a thread, cut for a piece of `queries`. */
struct wide_space {
  float *part; /* (WIDE_CHUNK and a few, width) keys or values                  */
  float *q, *o;
  float *s;
  float *m, *l, *first, *last; /* (queries) */
};

static inline struct wide_space wide_space_of(const struct wide_look *k, int64_t queries) {
  float *at = (float *)(void *)(((uintptr_t)k->call->scratch + 63) & ~(uintptr_t)63);
  struct wide_space s = {.part = at};
  s.q = s.part + (WIDE_CHUNK + WIDE_SLACK) * k->width;
  s.o = s.q + queries * k->width;
  s.s = s.o + queries * k->width;
  s.m = s.s + queries * k->room;
  s.l = s.m + queries;
  s.first = s.l + queries;
  s.last = s.first + queries;
  return s;
}

/* cap tanh(x / cap): Gemma 2, arXiv 2408.00118, sec. 2. */
WIDE_INLINE ridge_wide wide_capped(ridge_wide x, float cap) {
  return wide_mul(wide_set(cap), wide_tanh(wide_div(x, wide_set(cap))));
}

/* The first position that a row sees. */
WIDE_INLINE int64_t wide_first(const struct wide_look *k, int64_t last) {
  return k->window > 0 && last >= k->window ? last - k->window + 1 : 0;
}

static inline struct wide_cache wide_cache_of(const struct wide_look *k,
                                              const struct wide_piece *p, int values) {
  return (struct wide_cache){.span = &k->call->in[1 + values],
                             .batch = k->call->batch,
                             .kv_heads = k->kv_heads,
                             .head = p->kv,
                             .sequence = k->call->batch->sequence[p->row],
                             .form = k->form[values]};
}

WIDE_INLINE float *wide_activation(const ridge_span *span, int64_t row, int64_t at) {
  return (float *)(void *)((char *)span->data + (uint64_t)row * span->stride) + at;
}

#include <ridge/wide_attention_prompt.h>
#include <ridge/wide_attention_row.h>

/* ---- dealing pieces ---- */

/* One role's rows [row, end) in pieces of at most `queries` rows times heads. */
struct wide_deal {
  int64_t row, end, queries;
  void (*attend)(const struct wide_look *, const struct wide_piece *);
  uint64_t *taken; /* NULL: dealt evenly; a few rows are done before turns would pay */
};

/* The end of the rows of one sequence that begin at `row`, at most `most`. */
static inline int64_t wide_run_end(const int32_t *sequence, int64_t row, int64_t end,
                                   int64_t most) {
  int64_t at = row + 1;
  while (at < end && at - row < most && sequence[at] == sequence[row]) at++;
  return at;
}

static inline int64_t wide_pieces(const struct wide_look *k, const struct wide_deal *d,
                                  int64_t heads) {
  const int64_t rows = wide_most(d->queries / heads, 1);
  const int64_t each = (k->group + heads - 1) / heads * k->kv_heads;
  int64_t runs = 0;
  for (int64_t row = d->row; row < d->end; runs++)
    row = wide_run_end(k->call->batch->sequence, row, d->end, rows);
  return runs * each;
}

/* Query heads of a piece: all that share a key head, fewer where that leaves a thread
 * idle.  Changes who computes what, never how. */
static inline int64_t wide_heads(const struct wide_look *k, const struct wide_deal *d,
                                 int32_t threads) {
  int64_t heads = wide_least(k->group, d->queries);
  while (heads > 1) {
    const int64_t pieces = wide_pieces(k, d, heads);
    if (pieces >= 4 * threads || pieces % threads == 0) break;
    heads = (heads + 1) / 2;
  }
  return heads;
}

/* What a piece costs, in positions times queries; decoding counts as two of these. */
static inline uint64_t wide_price(const struct wide_piece *p) {
  const int64_t queries = (p->end - p->row) * (p->head_end - p->head);
  return (uint64_t)((p->to - p->from) * (queries + 2));
}

static inline void wide_note(const struct wide_look *k, const struct wide_piece *p,
                             struct wide_work *work) {
  const uint64_t heads = (uint64_t)(p->head_end - p->head);
  for (int64_t row = p->row; row < p->end; row++) {
    const int64_t last = k->call->batch->position[row], first = wide_first(k, last);
    work->tiles += heads * (uint64_t)(last / k->tile - first / k->tile + 1);
    work->scores += heads * (uint64_t)(last - first + 1);
  }
}

/* Walks all pieces; those whose middle lies in [lo, hi) of the price of all are done.
 * Returns that price. */
static inline uint64_t wide_walk(const struct wide_look *k, const struct wide_deal *d,
                                 int64_t heads, uint64_t lo, uint64_t hi,
                                 struct wide_work *work) {
  const int32_t *position = k->call->batch->position;
  const int64_t rows = wide_most(d->queries / heads, 1);
  uint64_t sum = 0;
  for (int64_t row = d->row, end; row < d->end; row = end) {
    end = wide_run_end(k->call->batch->sequence, row, d->end, rows);
    struct wide_piece p = {.row = row,
                           .end = end,
                           .from = wide_first(k, position[row]),
                           .to = position[end - 1] + 1};
    for (p.head = 0; p.head < k->heads; p.head = p.head_end) {
      p.kv = p.head / k->group;
      p.head_end = wide_least(p.head + heads, (p.kv + 1) * k->group);
      const uint64_t price = wide_price(&p), middle = sum + price / 2;
      sum += price;
      if (middle < lo || middle >= hi) continue;
      d->attend(k, &p);
      wide_note(k, &p, work);
    }
  }
  return sum;
}

/* Parts of the price for each thread, where they are handed out. */
enum { WIDE_ATTENTION_PARTS = 16 };

static inline void wide_do(const struct wide_look *k, const struct wide_deal *d,
                           int32_t thread, int32_t threads, struct wide_work *work) {
  if (d->row == d->end) return;
  const int64_t heads = wide_heads(k, d, threads), n = WIDE_ATTENTION_PARTS * threads;
  const uint64_t sum = threads > 1 ? wide_walk(k, d, heads, 0, 0, work) : 0;
  struct wide_turns turns = {d->taken, n, thread, threads, false};
  struct wide_share mine;
  while (wide_next(&turns, &mine))
    wide_walk(k, d, heads, sum * (uint64_t)mine.lo / (uint64_t)n,
              mine.hi < n ? sum * (uint64_t)mine.hi / (uint64_t)n : UINT64_MAX, work);
}

/* All of a node's attention that falls to one thread; `tile` (B_c) is a multiple of
 * 16. */
static inline struct wide_work wide_attend(const ridge_kernel_call *call, int64_t tile,
                                           int32_t thread, int32_t threads) {
  const struct wide_look k = wide_look_of(call, tile);
  struct wide_deal prompt = {0, call->prompt_rows, k.panels * WIDE, wide_attend_prompt,
                             call->taken};
  const struct wide_deal rows = {call->prompt_rows, call->rows, WIDE_MOST_QUERIES,
                                 wide_attend_row, NULL};
  struct wide_work work = {0};
  /* Smaller pieces where there would be too few to share out evenly. */
  while (threads > 1 && prompt.queries > 2 * WIDE &&
         wide_pieces(&k, &prompt, wide_least(k.group, prompt.queries)) < 8 * threads)
    prompt.queries /= 2;
  wide_do(&k, &prompt, thread, threads, &work);
  wide_do(&k, &rows, thread, threads, &work);
  return work;
}

/* What has to hold of a node for wide_attend. */
static inline ridge_status wide_attention_accepts(const ridge_kernel_site *site, char *why,
                                                  size_t size) {
  const ridge_attrs *a = &site->node->attrs;
  if (a->kv_heads < 1 || a->heads % a->kv_heads != 0) {
    snprintf(why, size, "%lld heads do not share %lld key heads evenly",
             (long long)a->heads, (long long)a->kv_heads);
    return RIDGE_DECLINED;
  }
  for (int i = 1; i <= 2; i++) {
    const ridge_codec *codec = site->in_codec[i];
    if (codec != NULL && a->head_dim % codec->block == 0) continue;
    snprintf(why, size, "a head of %lld does not divide into blocks of the cache's codec",
             (long long)a->head_dim);
    return RIDGE_DECLINED;
  }
  return RIDGE_OK;
}

#endif
