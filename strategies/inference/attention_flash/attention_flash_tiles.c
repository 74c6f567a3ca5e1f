/*
 * attention_flash_tiles.c - the loop over tiles, and which thread does what.
 *
 * A piece of work is some neighbouring rows of one sequence and the query heads that
 * share one key head: together they use a decoded tile.  Pieces are dealt to threads
 * in turn, since later rows of a prompt see more positions and cost more.
 */
#include "attention_flash.h"

#include <math.h>
#include <string.h>

enum { UNITS = 32 }; /* rows times heads of a piece: O of each stays in L1 and L2 */

/* Scratch of one thread. */
struct room {
  float *k, *v; /* (MOST_TILE, width) the tile */
  float *q, *o; /* (UNITS, width) */
  float *s;     /* (MOST_TILE) */
  float *m, *l; /* (UNITS) */
};

struct shape {
  int64_t heads, kv_heads, group, dim, width, window, tile;
  float scale, softcap;
};

/* Rows [row, end) of one sequence; query heads [head, head_end) of key head kv. */
struct piece {
  int64_t row, end, head, head_end, kv;
};

static int64_t padded(int64_t dim) { return (dim + LANES - 1) / LANES * LANES; }

uint64_t flash_scratch(const ridge_kernel_site *site) {
  uint64_t width = (uint64_t)padded(site->node->attrs.head_dim);
  uint64_t floats = (2 * MOST_TILE + 2 * UNITS) * width + MOST_TILE + 2 * UNITS;
  return floats * sizeof(float) + 64;
}

static struct room room_of(void *scratch, int64_t width) {
  float *at = (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
  struct room room;
  room.k = at;
  room.v = room.k + MOST_TILE * width;
  room.q = room.v + MOST_TILE * width;
  room.o = room.q + UNITS * width;
  room.s = room.o + UNITS * width;
  room.m = room.s + MOST_TILE;
  room.l = room.m + UNITS;
  return room;
}

static struct shape shape_of(const ridge_kernel_call *call, int64_t tile) {
  const ridge_attrs *a = &call->site->node->attrs;
  return (struct shape){.heads = a->heads,
                        .kv_heads = a->kv_heads,
                        .group = a->heads / a->kv_heads,
                        .dim = a->head_dim,
                        .width = padded(a->head_dim),
                        .window = a->window,
                        .tile = tile,
                        .scale = (float)a->scale,
                        .softcap = (float)a->softcap};
}

static const char *row_at(const ridge_span *span, int64_t row) {
  return (const char *)span->data + (uint64_t)row * span->stride;
}

/* ---- decoding a tile ---- */

static void decode_run(const ridge_span *cache, const struct flash_ops *ops,
                       const char *from, int64_t n, float *to) {
  if (strcmp(cache->codec->name, "f16") == 0) {
    ops->widen(from, to, n);
  } else if (strcmp(cache->codec->name, "f32") == 0) {
    memcpy(to, from, (size_t)n * sizeof *to);
  } else {
    cache->codec->decode(from, to, n);
  }
}

/* `n` rows that lie one after another in the cache. */
static void decode_rows(const ridge_span *cache, const struct flash_ops *ops,
                        const struct shape *sh, const char *from, int64_t n, float *to) {
  const ridge_codec *codec = cache->codec;
  uint64_t row_bytes = (uint64_t)(sh->dim / codec->block) * codec->block_bytes;
  if (sh->width == sh->dim && cache->stride == row_bytes) {
    decode_run(cache, ops, from, n * sh->dim, to);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    float *row = to + i * sh->width;
    decode_run(cache, ops, from + (uint64_t)i * cache->stride, sh->dim, row);
    for (int64_t d = sh->dim; d < sh->width; d++) row[d] = 0;
  }
}

/* Positions [lo, hi) of a sequence, one key head, to rows (lo - base).. of the tile. */
static void decode_tile(const ridge_kernel_call *call, const ridge_span *cache,
                        const struct flash_ops *ops, const struct shape *sh,
                        int32_t sequence, int64_t kv, int64_t base, int64_t lo, int64_t hi,
                        float *to) {
  const int64_t size = call->batch->block_tokens;
  const int32_t *blocks = call->batch->blocks[sequence];
  for (int64_t at = lo; at < hi;) {
    int64_t in_block = at % size, n = size - in_block;
    if (n > hi - at) n = hi - at;
    int64_t row = ((int64_t)blocks[at / size] * sh->kv_heads + kv) * size + in_block;
    decode_rows(cache, ops, sh, row_at(cache, row), n, to + (at - base) * sh->width);
    at += n;
  }
}

/* Scores are made in whole groups of lanes: what lies beside [lo, hi) must be numbers. */
static void clear_beside(const struct shape *sh, int64_t lo, int64_t hi, float *k) {
  int64_t from = lo / LANES * LANES, to = (hi + LANES - 1) / LANES * LANES;
  memset(k + from * sh->width, 0, (size_t)((lo - from) * sh->width) * sizeof *k);
  memset(k + hi * sh->width, 0, (size_t)((to - hi) * sh->width) * sizeof *k);
}

/* ---- a piece of work ---- */

static int64_t first_seen(const struct shape *sh, int64_t position) {
  return sh->window > 0 && position >= sh->window ? position - sh->window + 1 : 0;
}

static void begin_units(const ridge_kernel_call *call, const struct shape *sh,
                        const struct piece *p, struct room *room) {
  int64_t unit = 0;
  for (int64_t row = p->row; row < p->end; row++) {
    const float *x = (const float *)(const void *)row_at(&call->in[0], row);
    for (int64_t head = p->head; head < p->head_end; head++, unit++) {
      float *q = room->q + unit * sh->width;
      for (int64_t d = 0; d < sh->dim; d++) q[d] = x[head * sh->dim + d] * sh->scale;
      for (int64_t d = sh->dim; d < sh->width; d++) q[d] = 0;
      memset(room->o + unit * sh->width, 0, (size_t)sh->width * sizeof(float));
      room->m[unit] = -INFINITY;
      room->l[unit] = 0;
    }
  }
}

/* s = cap tanh(s / cap), before the softmax (Gemma 2, arXiv 2408.00118 sec. 2). */
static void soft_cap(float *s, int64_t lo, int64_t hi, float cap) {
  for (int64_t j = lo; j < hi; j++) s[j] = cap * tanhf(s[j] / cap);
}

/* All heads of one row against places [lo, hi) of the tile. */
static void visit_tile(const struct flash_ops *ops, const struct shape *sh, int64_t heads,
                       int64_t unit, int64_t lo, int64_t hi, const struct room *room) {
  for (int64_t i = unit; i < unit + heads; i++) {
    ops->scores(room->q + i * sh->width, room->k, sh->width, lo, hi, room->s);
    if (sh->softcap > 0) soft_cap(room->s, lo, hi, sh->softcap);
    float c = ops->weigh(room->s, lo, hi, &room->m[i], &room->l[i]);
    ops->add(room->s, room->v, sh->width, lo, hi, c, room->o + i * sh->width);
  }
}

static void finish_units(const ridge_kernel_call *call, const struct shape *sh,
                         const struct piece *p, const struct room *room) {
  int64_t unit = 0;
  for (int64_t row = p->row; row < p->end; row++) {
    float *y =
        (float *)(void *)((char *)call->out[0].data + (uint64_t)row * call->out[0].stride);
    for (int64_t head = p->head; head < p->head_end; head++, unit++) {
      const float *o = room->o + unit * sh->width;
      for (int64_t d = 0; d < sh->dim; d++) y[head * sh->dim + d] = o[d] / room->l[unit];
    }
  }
}

static struct flash_work do_piece(const ridge_kernel_call *call,
                                  const struct flash_ops *ops, const struct shape *sh,
                                  const struct piece *p, struct room *room) {
  const int32_t *position = call->batch->position;
  const int32_t sequence = call->batch->sequence[p->row];
  const int64_t heads = p->head_end - p->head, last = position[p->end - 1];
  const int64_t first = first_seen(sh, position[p->row]);
  struct flash_work done = {0};
  begin_units(call, sh, p, room);
  for (int64_t base = first / sh->tile * sh->tile; base <= last; base += sh->tile) {
    int64_t lo = base > first ? base : first;
    int64_t hi = base + sh->tile < last + 1 ? base + sh->tile : last + 1;
    decode_tile(call, &call->in[1], ops, sh, sequence, p->kv, base, lo, hi, room->k);
    decode_tile(call, &call->in[2], ops, sh, sequence, p->kv, base, lo, hi, room->v);
    clear_beside(sh, lo - base, hi - base, room->k);
    for (int64_t row = p->row; row < p->end; row++) {
      int64_t from = first_seen(sh, position[row]), to = position[row] + 1;
      if (from < lo) from = lo;
      if (to > hi) to = hi;
      if (from >= to) continue;
      visit_tile(ops, sh, heads, (row - p->row) * heads, from - base, to - base, room);
      done.tiles += (uint64_t)heads;
      done.score_bytes += (uint64_t)(heads * (to - from)) * sizeof(float);
    }
  }
  finish_units(call, sh, p, room);
  return done;
}

/* ---- dealing pieces ---- */

/* The end of the rows of one sequence that begin at `row`, at most `most`. */
static int64_t run_end(const ridge_kernel_call *call, int64_t row, int64_t most) {
  const int32_t *sequence = call->batch->sequence;
  int64_t end = row + 1;
  while (end < call->rows && end - row < most && sequence[end] == sequence[row]) end++;
  return end;
}

/* Heads of a piece: all that share a key head, or one by one when there would be fewer
 * pieces than threads.  Changes who computes what, never how. */
static int64_t heads_together(const ridge_kernel_call *call, const struct shape *sh,
                              int32_t threads) {
  int64_t heads = sh->group < UNITS ? sh->group : UNITS, runs = 0;
  for (int64_t row = 0; row < call->rows; runs++) row = run_end(call, row, UNITS / heads);
  return runs * sh->kv_heads >= threads ? heads : 1;
}

struct flash_work flash_attend(const ridge_kernel_call *call, const struct flash_ops *ops,
                               int64_t tile, int32_t thread, int32_t threads) {
  const struct shape sh = shape_of(call, tile);
  struct room room = room_of(call->scratch, sh.width);
  const int64_t heads = heads_together(call, &sh, threads);
  struct flash_work sum = {0};
  int64_t turn = 0;
  for (int64_t row = 0; row < call->rows;) {
    int64_t end = run_end(call, row, UNITS / heads);
    for (int64_t head = 0; head < sh.heads;) {
      int64_t kv = head / sh.group, head_end = head + heads;
      if (head_end > (kv + 1) * sh.group) head_end = (kv + 1) * sh.group;
      if (turn++ % threads == thread) {
        struct piece piece = {row, end, head, head_end, kv};
        struct flash_work done = do_piece(call, ops, &sh, &piece, &room);
        sum.tiles += done.tiles;
        sum.score_bytes += done.score_bytes;
      }
      head = head_end;
    }
    row = end;
  }
  return sum;
}
