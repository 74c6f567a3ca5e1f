/* cache.c - the pools of keys and values, and the store's books. */
#include "engine/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t cache_token_bytes(const struct ridge_graph *graph,
                           const struct provider_rules *rules) {
  uint64_t bytes = 0;
  for (int32_t i = 0; i < graph->n_tensors; i++) {
    const ridge_tensor *t = graph->tensors[i];
    if (t->role != RIDGE_CACHE) continue;
    const ridge_codec *codec = provider_codec(rules, t->codec);
    if (codec == NULL || t->dims[3] % codec->block != 0)
      continue; /* the program refuses it */
    bytes +=
        (uint64_t)t->dims[1] * (uint64_t)(t->dims[3] / codec->block) * codec->block_bytes;
  }
  return bytes;
}

ridge_status cache_plan(struct instance *store_by, const ridge_kv_store *store,
                        int64_t slots, int64_t context, uint64_t token_bytes,
                        struct cache *out, struct why *why) {
  *out = (struct cache){
      .store_by = store_by,
      .store = store,
      .slots = slots,
      .context = context,
      .token_bytes = token_bytes,
      .layout = {.struct_size = sizeof out->layout,
                 .block_tokens = context,
                 .blocks = slots},
  };
  if (store == NULL) return RIDGE_OK;
  uint64_t entered = instance_enter(store_by);
  ridge_status status =
      store->layout(store_by->params, slots, context, token_bytes, &out->layout);
  status = instance_leave(store_by, entered, status, RIDGE_SEAM_KV_STORE, why);
  if (status == RIDGE_NO_MEMORY) /* a pure function has nobody to tell its reason */
    return why_set(
        why, status,
        "the cache it may take does not hold one sequence of %lld tokens, which needs "
        "%llu bytes; a larger budget, or a shorter engine.context",
        (long long)context, (unsigned long long)(token_bytes * (uint64_t)context));
  if (status != RIDGE_OK) return status;
  if (out->layout.block_tokens < 1 || out->layout.blocks < 1 ||
      out->layout.blocks > INT32_MAX / 2 || out->layout.block_tokens > context * 2 + 65536)
    return why_set(why, RIDGE_INTERNAL, "%s: asked for %lld cache blocks of %lld tokens",
                   store_by->plugin->id, (long long)out->layout.blocks,
                   (long long)out->layout.block_tokens);
  return RIDGE_OK;
}

uint64_t cache_bytes(const struct cache *cache) {
  return (uint64_t)cache->layout.blocks * (uint64_t)cache->layout.block_tokens *
         cache->token_bytes;
}

static ridge_status map_pools(struct cache *cache, struct program *program,
                              struct why *why) {
  const struct ridge_graph *graph = program->graph;
  for (int32_t i = 0; i < graph->n_tensors; i++) {
    const ridge_tensor *t = graph->tensors[i];
    if (t->role != RIDGE_CACHE) continue;
    const ridge_codec *codec = program->codec_of[i];
    uint64_t row = (uint64_t)(t->dims[3] / codec->block) * codec->block_bytes;
    uint64_t block = row * (uint64_t)t->dims[1] * (uint64_t)cache->layout.block_tokens, all;
    if (__builtin_mul_overflow(block, (uint64_t)cache->layout.blocks, &all))
      return why_set(why, RIDGE_NO_MEMORY, "the cache would not fit into any memory");
    /* Pages come as they are touched: blocks never used take nothing. */
    void *data = mmap(NULL, all + 64, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
      return why_set(why, RIDGE_NO_MEMORY, "no memory for the cache of %s (%llu MiB)",
                     t->name, (unsigned long long)(all >> 20));
    cache->pools[cache->n_pools] = data;
    cache->pool_block_bytes[cache->n_pools] = block;
    cache->pool_bytes[cache->n_pools++] = all + 64;
    program->bindings[i] = (struct binding){.data = data, .stride = row};
  }
  return RIDGE_OK;
}

ridge_status cache_ready(struct cache *cache, struct program *program, struct why *why) {
  size_t most = (size_t)program->graph->n_tensors + 1;
  cache->pools = calloc(most, sizeof *cache->pools);
  cache->pool_block_bytes = calloc(most, sizeof *cache->pool_block_bytes);
  cache->pool_bytes = calloc(most, sizeof *cache->pool_bytes);
  cache->own_table = calloc((size_t)cache->slots, sizeof *cache->own_table);
  if (cache->pools == NULL || cache->pool_block_bytes == NULL ||
      cache->pool_bytes == NULL || cache->own_table == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for the books of the cache");
  for (int64_t i = 0; i < cache->slots; i++) cache->own_table[i] = (int32_t)i;
  return map_pools(cache, program, why);
}

void cache_free(struct cache *cache) {
  for (int32_t i = 0; i < cache->n_pools; i++)
    munmap(cache->pools[i], cache->pool_bytes[i]);
  free(cache->pools);
  free(cache->pool_block_bytes);
  free(cache->pool_bytes);
  free(cache->own_table);
  *cache = (struct cache){0};
}

uint64_t cache_resident(const struct cache *cache) {
  uint64_t bytes = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
  for (int32_t i = 0; i < cache->n_pools; i++) {
    size_t n = (cache->pool_bytes[i] + page - 1) / page;
    uint64_t mine = 0, most = cache->pool_block_bytes[i] * (uint64_t)cache->layout.blocks;
    unsigned char *in = malloc(n);
    if (in != NULL && mincore(cache->pools[i], cache->pool_bytes[i], in) == 0)
      for (size_t k = 0; k < n; k++) mine += (in[k] & 1) * page;
    free(in);
    bytes += mine < most ? mine : most; /* the last page is not all the pool's */
  }
  return bytes;
}

static ridge_status try_reserve(struct cache *cache, int64_t slot, int64_t tokens,
                                struct why *why) {
  uint64_t entered = instance_enter(cache->store_by);
  ridge_status status = cache->store->reserve(cache->store_by->self, slot, tokens);
  /* "No room now" is an answer here, not a call that was declined. */
  if (status == RIDGE_DECLINED) {
    (void)instance_leave(cache->store_by, entered, RIDGE_OK, RIDGE_SEAM_KV_STORE, why);
    return RIDGE_DECLINED;
  }
  return instance_leave(cache->store_by, entered, status, RIDGE_SEAM_KV_STORE, why);
}

ridge_status cache_reserve(struct cache *cache, int64_t slot, int64_t tokens,
                           struct why *why) {
  if (tokens > cache->context)
    return why_set(why, RIDGE_INTERNAL, "a sequence of %lld tokens in a context of %lld",
                   (long long)tokens, (long long)cache->context);
  if (cache->store == NULL) return RIDGE_OK;
  ridge_status status = try_reserve(cache, slot, tokens, why);
  while (status == RIDGE_DECLINED && cache_give_back(cache, 1) > 0)
    status = try_reserve(cache, slot, tokens, why);
  return status;
}

int64_t cache_give_back(struct cache *cache, int64_t blocks) {
  if (cache->prefix == NULL) return 0;
  uint64_t entered = instance_enter(cache->prefix_by);
  int64_t freed = cache->prefix->give_back(cache->prefix_by->self, blocks);
  (void)instance_leave(cache->prefix_by, entered, RIDGE_OK, RIDGE_SEAM_KV_PREFIX, NULL);
  return freed;
}

void cache_truncate(struct cache *cache, int64_t slot, int64_t tokens) {
  if (cache->store == NULL) return;
  uint64_t entered = instance_enter(cache->store_by);
  cache->store->truncate(cache->store_by->self, slot, tokens);
  (void)instance_leave(cache->store_by, entered, RIDGE_OK, RIDGE_SEAM_KV_STORE, NULL);
}

void cache_release(struct cache *cache, int64_t slot) {
  if (cache->store == NULL) return;
  uint64_t entered = instance_enter(cache->store_by);
  cache->store->release(cache->store_by->self, slot);
  (void)instance_leave(cache->store_by, entered, RIDGE_OK, RIDGE_SEAM_KV_STORE, NULL);
}

const int32_t *cache_table(struct cache *cache, int64_t slot) {
  if (cache->store == NULL) return &cache->own_table[slot];
  const int32_t *blocks = NULL;
  int64_t n = 0;
  cache->store->table(cache->store_by->self, slot, &blocks, &n);
  return blocks;
}

int64_t cache_room(struct cache *cache) {
  return cache->store == NULL ? -1 : cache->store->room(cache->store_by->self);
}

int64_t cache_find_prefix(struct cache *cache, int64_t slot, const int32_t *tokens,
                          int64_t n) {
  if (cache->prefix == NULL || cache->store->adopt == NULL) return 0;
  int64_t size = cache->layout.block_tokens;
  /* The last prompt token is always computed: its logits are wanted. */
  int64_t most = (n - 1) / size;
  if (most < 1) return 0;
  int32_t *blocks = malloc((size_t)most * sizeof *blocks);
  if (blocks == NULL) return 0;
  uint64_t entered = instance_enter(cache->prefix_by);
  int64_t found =
      cache->prefix->find(cache->prefix_by->self, tokens, most * size, blocks, most);
  (void)instance_leave(cache->prefix_by, entered, RIDGE_OK, RIDGE_SEAM_KV_PREFIX, NULL);
  if (found > 0 &&
      cache->store->adopt(cache->store_by->self, slot, blocks, found) != RIDGE_OK)
    found = 0;
  free(blocks);
  return found > 0 ? found * size : 0;
}

bool cache_can_fork(const struct cache *cache) {
  return cache->store != NULL && cache->store->fork != NULL;
}

bool cache_fork(struct cache *cache, int64_t from, int64_t to, int64_t tokens) {
  if (!cache_can_fork(cache) || tokens < 1) return false;
  uint64_t entered = instance_enter(cache->store_by);
  ridge_status status = cache->store->fork(cache->store_by->self, from, to, tokens);
  return instance_leave(cache->store_by, entered, status, RIDGE_SEAM_KV_STORE, NULL) ==
         RIDGE_OK;
}

void cache_keep_prefix(struct cache *cache, int64_t slot, const int32_t *tokens,
                       int64_t n) {
  if (cache->prefix == NULL) return;
  int64_t full = n / cache->layout.block_tokens;
  if (full < 1) return;
  uint64_t entered = instance_enter(cache->prefix_by);
  cache->prefix->keep(cache->prefix_by->self, tokens, cache_table(cache, slot), full);
  (void)instance_leave(cache->prefix_by, entered, RIDGE_OK, RIDGE_SEAM_KV_PREFIX, NULL);
}

void cache_copy_block(struct cache *cache, int32_t from, int32_t to) {
  for (int32_t i = 0; i < cache->n_pools; i++) {
    uint64_t bytes = cache->pool_block_bytes[i];
    memcpy(cache->pools[i] + (uint64_t)to * bytes, cache->pools[i] + (uint64_t)from * bytes,
           bytes);
  }
}
