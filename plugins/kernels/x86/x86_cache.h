/*
 * x86_cache.h - keys or values of a run of positions, found through the block table and
 * turned to f32 a tile at a time.
 */
#ifndef X86_CACHE_H
#define X86_CACHE_H

#include "x86.h"

enum { TILE_POSITIONS = 32 };

/* One head's keys or values of one sequence. */
struct cache_reader {
  const ridge_span *cache;
  const ridge_batch *batch;
  int64_t kv_heads, head;
  int32_t sequence;
  float *room; /* a tile of head_dim floats each                               */
};

static inline char *cache_row(const struct cache_reader *c, int64_t position) {
  const ridge_batch *batch = c->batch;
  const int64_t block = batch->blocks[c->sequence][position / batch->block_tokens];
  const int64_t token = position % batch->block_tokens;
  const int64_t row = (block * c->kv_heads + c->head) * batch->block_tokens + token;
  return (char *)c->cache->data + (uint64_t)row * c->cache->stride;
}

struct cache_tile {
  const float *row[TILE_POSITIONS]; /* (head_dim) each; in the cache itself if f32 */
};

/* Positions [from, to), at most TILE_POSITIONS of them. */
void cache_tile_read(const struct cache_reader *, int64_t from, int64_t to,
                     struct cache_tile *tile);

#endif
