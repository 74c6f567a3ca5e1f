/* session_services.c - what plugins reach through the host: threads, graph, cache, draft
 * models, the log. */
#include "engine/session_state.h"

#include <string.h>

static ridge_status host_parallel(void *ctx, int64_t n, int64_t grain,
                                  void (*body)(void *, int64_t, int64_t), void *arg) {
  struct session *s = ctx;
  pool_parallel(s->pool, n, grain, body, arg);
  return RIDGE_OK;
}

struct session *session_of(const ridge_host *host) {
  struct instance *caller = host->ctx;
  return caller->set->ctx;
}

static void kv_copy_block(const ridge_host *host, int32_t from, int32_t to) {
  cache_copy_block(&session_of(host)->main.cache, from, to);
}

static void kv_layout(const ridge_host *host, ridge_kv_layout *out) {
  *out = session_of(host)->main.cache.layout;
}

static int64_t kv_block_tokens(const ridge_host *host) {
  return session_of(host)->main.cache.layout.block_tokens;
}

static uint64_t kv_block_bytes(const ridge_host *host) {
  const struct cache *cache = &session_of(host)->main.cache;
  return (uint64_t)cache->layout.block_tokens * cache->token_bytes;
}

static void kv_hold(const ridge_host *host, const int32_t *blocks, int64_t n) {
  struct cache *cache = &session_of(host)->main.cache;
  if (cache->store != NULL && cache->store->hold != NULL)
    cache->store->hold(cache->store_by->self, blocks, n);
}

static void kv_drop(const ridge_host *host, const int32_t *blocks, int64_t n) {
  struct cache *cache = &session_of(host)->main.cache;
  if (cache->store != NULL && cache->store->drop != NULL)
    cache->store->drop(cache->store_by->self, blocks, n);
}

static const void *host_service(void *ctx, struct instance *caller, const char *id) {
  (void)ctx, (void)caller;
  static const ridge_kv_api kv = {sizeof kv, kv_copy_block, kv_layout};
  static const ridge_kv_blocks_api blocks = {sizeof blocks, kv_block_tokens, kv_block_bytes,
                                             kv_hold, kv_drop};
  if (strcmp(id, RIDGE_SERVICE_GRAPH) == 0) return graph_api();
  if (strcmp(id, RIDGE_SERVICE_KV) == 0) return &kv;
  if (strcmp(id, RIDGE_SERVICE_KV_BLOCKS) == 0) return &blocks;
  if (strcmp(id, RIDGE_SERVICE_DRAFT_MODEL) == 0) return draft_model_service();
  return NULL;
}

static void host_log(void *ctx, struct instance *caller, int level, const char *text) {
  static const char *const levels[] = {"debug", "info", "note", "error"};
  const char *name = level >= 0 && level < 4 ? levels[level] : "note";
  session_say(ctx, json_pack("{s:s, s:s, s:s, s:s}", "t", "event", "level", name, "text",
                             text, "plugin", caller->plugin->id));
}

void session_serve(struct session *s) {
  struct instances *set = s->job->plugins;
  set->ctx = s;
  set->parallel = host_parallel;
  set->service = host_service;
  set->log = host_log;
  set->seed = s->seed;
}
