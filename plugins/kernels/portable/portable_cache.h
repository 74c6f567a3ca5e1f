/*
 * portable_cache.h - where the keys or values of one position of one head are.
 */
#ifndef PORTABLE_CACHE_H
#define PORTABLE_CACHE_H

#include "portable.h"

/* The row of `head` at `position` of `sequence`: head_dim elements in the cache's
 * codec. */
static inline char *cache_row(const ridge_span *cache, const ridge_batch *batch,
                              int64_t kv_heads, int32_t sequence, int64_t head,
                              int64_t position) {
  const int64_t block = batch->blocks[sequence][position / batch->block_tokens];
  const int64_t token = position % batch->block_tokens;
  const int64_t row = (block * kv_heads + head) * batch->block_tokens + token;
  return (char *)cache->data + (uint64_t)row * cache->stride;
}

#endif
