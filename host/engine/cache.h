/*
 * cache.h - keys and values of the sequences: the pools, and the books kept by the
 * store that fills kv.store (or by the reference: one block a slot).
 *
 * Threads: all calls are of the step thread.
 */
#ifndef RIDGE_ENGINE_CACHE_H
#define RIDGE_ENGINE_CACHE_H

#include "engine/program.h"
#include "registry/instance.h"

#include <ridge/seam/kv_prefix.h>
#include <ridge/seam/kv_store.h>

struct cache {
  ridge_kv_layout layout;
  struct instance *store_by; /* NULL: the reference */
  const ridge_kv_store *store;
  struct instance *prefix_by;
  const ridge_kv_prefix *prefix;
  int64_t slots, context;
  int32_t *own_table; /* reference: (slots) block numbers */
  uint8_t **pools;    /* (n_pools) one for each cache tensor */
  uint64_t *pool_block_bytes, *pool_bytes;
  int32_t n_pools;
  uint64_t token_bytes; /* of all pools together */
};

/* Bytes that one token takes in all cache tensors of the graph. */
uint64_t cache_token_bytes(const struct ridge_graph *, const struct provider_rules *);
/* Ask the store for its layout: pure, before anything is allocated. */
RIDGE_MUST ridge_status cache_plan(struct instance *store_by, const ridge_kv_store *,
                                   int64_t slots, int64_t context, uint64_t token_bytes,
                                   struct cache *out, struct why *why);
uint64_t cache_bytes(const struct cache *);
/* Map the pools and bind them to the program's cache tensors. */
RIDGE_MUST ridge_status cache_ready(struct cache *, struct program *, struct why *why);
void cache_free(struct cache *);

/* DECLINED: no room now. */
RIDGE_MUST ridge_status cache_reserve(struct cache *, int64_t slot, int64_t tokens,
                                      struct why *why);
void cache_truncate(struct cache *, int64_t slot, int64_t tokens);
void cache_release(struct cache *, int64_t slot);
const int32_t *cache_table(struct cache *, int64_t slot);
int64_t cache_room(struct cache *); /* -1: enough for all */
/* How many tokens of the beginning are in the cache already; they are adopted. */
int64_t cache_find_prefix(struct cache *, int64_t slot, const int32_t *tokens, int64_t n);
bool cache_can_fork(const struct cache *);
/* Slot `to`, empty, shares the first tokens of `from`; false when the store cannot. */
bool cache_fork(struct cache *, int64_t from, int64_t to, int64_t tokens);
/* The prompt is complete: offer its full blocks. */
void cache_keep_prefix(struct cache *, int64_t slot, const int32_t *tokens, int64_t n);
/* Ask the prefix keeper for blocks back; how many it dropped. */
int64_t cache_give_back(struct cache *, int64_t blocks);
void cache_copy_block(struct cache *, int32_t from, int32_t to);
/* Bytes of the pools that are in memory now. */
uint64_t cache_resident(const struct cache *);

#endif
