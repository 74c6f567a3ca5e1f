/*
 * x86_cache.h - keys or values of a run of positions, found through the block table and
 * turned to f32 a tile at a time.
 */
#ifndef X86_CACHE_H
#define X86_CACHE_H

#include "x86.h"

enum { TILE_POSITIONS = 32 };

/* The row of `head` at `position` of `sequence`. */
static inline char *cache_row(const ridge_span *cache, const ridge_batch *batch,
                              int64_t kv_heads, int32_t sequence, int64_t head,
                              int64_t position) {
  const int64_t block = batch->blocks[sequence][position / batch->block_tokens];
  const int64_t token = position % batch->block_tokens;
  const int64_t row = (block * kv_heads + head) * batch->block_tokens + token;
  return (char *)cache->data + (uint64_t)row * cache->stride;
}

struct cache_tile {
  const float *row[TILE_POSITIONS]; /* (head_dim) each; in the cache itself if f32 */
};

/* Positions [from, to), at most TILE_POSITIONS of them.  `room`: a tile of head_dim
 * floats each. */
void cache_tile_read(struct cache_tile *tile, const ridge_span *cache,
                     const ridge_batch *batch, int64_t kv_heads, int32_t sequence,
                     int64_t head, int64_t from, int64_t to, float *room);

#endif
