/* runtime.c - one model made ready. */
#include "engine/runtime.h"

#include "base/clock.h"

#include <string.h>

struct filler_search {
  struct instance *by;
  const void *table;
};

static void take_filler(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct filler_search *search = ctx;
  if (search->by != NULL) return;
  search->by = instance;
  search->table = fill->table;
}

struct instance *runtime_filler(struct instances *plugins, const char *seam,
                                const void **table) {
  struct filler_search search = {0};
  instances_each_fill(plugins, seam, take_filler, &search);
  *table = search.table;
  return search.by;
}

ridge_status runtime_open(const struct runtime_spec *spec, struct runtime *out,
                          struct why *why) {
  *out = (struct runtime){.spec = *spec};
  out->rules = (struct provider_rules){
      .plugins = spec->plugins,
      .machine = spec->machine,
      .parts_only = spec->reference,
      .reference_only = spec->plain_kernels,
  };
  ridge_status status = source_open(spec->path, spec->plugins, &out->source, why);
  if (status == RIDGE_OK) status = arch_read(&out->source, &out->arch, why);
  if (status == RIDGE_OK) {
    status = tokenizer_new(&out->source.file, &out->tokenizer, why);
    if (status != RIDGE_OK) (void)why_prefix(why, status, "%s", spec->path);
  }
  if (status == RIDGE_OK && tokenizer_vocab(out->tokenizer) > out->arch.vocab)
    status =
        why_set(why, RIDGE_CORRUPT,
                "%s: the vocabulary has %d tokens, the embedding table %lld rows",
                spec->path, tokenizer_vocab(out->tokenizer), (long long)out->arch.vocab);
  if (status == RIDGE_OK && out->spec.context == 0) out->spec.context = out->arch.context;
  if (status == RIDGE_OK && out->spec.context > out->arch.context &&
      out->arch.position == ARCH_LEARNED)
    status = why_set(
        why, RIDGE_INVALID, "engine.context is %lld, but %s knows only %lld positions",
        (long long)out->spec.context, spec->path, (long long)out->arch.context);
  if (status != RIDGE_OK) runtime_close(out);
  return status;
}

/* --- planning ---------------------------------------------------------------------- */

static void collect_link(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct runtime *rt = ctx;
  if (rt->n_links < (int32_t)(sizeof rt->links / sizeof *rt->links))
    rt->links[rt->n_links++] = (struct weight_link){instance, fill->table};
}

struct passing {
  struct runtime *rt;
  int64_t stage;
  ridge_status status;
  struct why *why;
};

static void run_pass(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct passing *p = ctx;
  const ridge_graph_pass *pass = fill->table;
  struct ridge_graph *graph = &p->rt->graph;
  if (p->status != RIDGE_OK || pass->stage != p->stage) return;
  uint64_t before = graph->changes;
  int32_t nodes = graph->n_order;
  graph->caller = &instance->host;
  uint64_t entered = instance_enter(instance);
  ridge_status status = pass->rewrite(instance->self, graph);
  p->status = instance_leave(instance, entered, status, RIDGE_SEAM_GRAPH_PASS, p->why);
  if (p->status == RIDGE_DECLINED) p->status = RIDGE_OK;
  graph->caller = NULL;
  if (p->status == RIDGE_OK) p->status = graph_verify(graph, p->why);
  if (p->status != RIDGE_OK) {
    p->rt->owner = instance->plugin->id;
    (void)why_prefix(p->why, p->status, "graph pass of %s %s", instance->plugin->id,
                     instance->plugin->version);
    return;
  }
  if (p->rt->n_passes < (int32_t)(sizeof p->rt->passes / sizeof *p->rt->passes))
    p->rt->passes[p->rt->n_passes++] = (struct pass_count){
        instance->plugin->id, graph->changes - before, nodes, graph->n_order};
}

static ridge_status run_passes(struct runtime *rt, struct why *why) {
  struct passing passing = {.rt = rt, .status = RIDGE_OK, .why = why};
  for (passing.stage = RIDGE_STAGE_ADAPT; passing.stage <= RIDGE_STAGE_FUSE;
       passing.stage++)
    instances_each_fill(rt->spec.plugins, RIDGE_SEAM_GRAPH_PASS, run_pass, &passing);
  return passing.status;
}

static ridge_status plan_cache(struct runtime *rt, struct why *why) {
  const void *store = NULL, *prefix = NULL;
  struct instance *store_by = NULL, *prefix_by = NULL;
  if (!rt->spec.reference) {
    store_by = runtime_filler(rt->spec.plugins, RIDGE_SEAM_KV_STORE, &store);
    prefix_by = runtime_filler(rt->spec.plugins, RIDGE_SEAM_KV_PREFIX, &prefix);
  }
  if (store_by != NULL) rt->owner = store_by->plugin->id;
  uint64_t token_bytes = cache_token_bytes(&rt->graph, &rt->rules);
  ridge_status status = cache_plan(store_by, store, rt->spec.slots, rt->spec.context,
                                   token_bytes, &rt->cache, why);
  rt->cache.prefix_by = prefix_by;
  rt->cache.prefix = prefix;
  return status;
}

ridge_status runtime_plan(struct runtime *rt, struct why *why) {
  rt->owner = "model.path";
  ridge_status status = builder_decoder(&rt->source, &rt->arch, rt->spec.context,
                                        rt->spec.cache_codec, &rt->graph, why);
  if (status != RIDGE_OK) return status;
  rt->planned = true;
  graph_census(&rt->graph, rt->census_before);
  rt->nodes_before = rt->graph.n_order;
  if (!rt->spec.reference)
    instances_each_fill(rt->spec.plugins, RIDGE_SEAM_WEIGHTS, collect_link, rt);
  status = weights_choose(&rt->weights, &rt->source, &rt->graph, &rt->rules, rt->links,
                          rt->n_links, why);
  if (status != RIDGE_OK && rt->weights.blamed != NULL) rt->owner = rt->weights.blamed;
  if (status == RIDGE_OK && !rt->spec.reference) status = run_passes(rt, why);
  if (status == RIDGE_OK) status = plan_cache(rt, why);
  if (status != RIDGE_OK) return status;
  rt->owner = "model.path";
  struct program_bounds bounds = {
      .max_rows = rt->spec.rows,
      .max_wanted = rt->spec.wanted,
      .max_context = rt->spec.context,
      .block_tokens = rt->cache.layout.block_tokens,
      .blocks = rt->cache.layout.blocks,
      .threads = rt->spec.threads,
  };
  status = program_plan(&rt->graph, &rt->rules, &bounds, &rt->program, why);
  if (status != RIDGE_OK) return status;
  (void)weights_plan_bytes(&rt->weights, &rt->program);
  const void *placement = NULL;
  if (!rt->spec.reference)
    rt->placing.by = runtime_filler(rt->spec.plugins, RIDGE_SEAM_PLACEMENT, &placement);
  rt->placing.table = placement;
  if (rt->placing.by != NULL) rt->owner = rt->placing.by->plugin->id;
  return placing_choose(&rt->placing, &rt->weights, &rt->program, why);
}

struct runtime_memory runtime_memory(const struct runtime *rt) {
  struct runtime_memory memory = {
      .weights = rt->weights.resident_bytes - rt->placing.streamed_bytes +
                 (rt->placing.streamed_bytes > 0 ? rt->placing.ring_bytes : 0),
      .cache = cache_bytes(&rt->cache),
      .activations = rt->program.arena_bytes,
      .scratch = rt->program.scratch_bytes * (uint64_t)rt->spec.threads,
  };
  memory.total = memory.weights + memory.cache + memory.activations + memory.scratch;
  return memory;
}

/* --- loading, running --------------------------------------------------------------- */

ridge_status runtime_load(struct runtime *rt, struct pool *pool,
                          void (*progress)(void *, uint64_t, uint64_t), void *ctx,
                          struct why *why) {
  rt->pool = pool;
  ridge_status status = RIDGE_OK;
  if (rt->placing.streamed_bytes > 0) {
    status = stream_new(rt->placing.ring_bytes, &rt->stream, why);
    rt->weights.stream = rt->program.stream = rt->stream;
  }
  if (status == RIDGE_OK)
    status = weights_load(&rt->weights, &rt->program, pool, progress, ctx, why);
  if (status == RIDGE_OK) status = cache_ready(&rt->cache, &rt->program, why);
  if (status == RIDGE_OK) status = program_ready(&rt->program, why);
  rt->loaded = status == RIDGE_OK;
  return status;
}

/* What the step moved; told to the placement that decided it. */
static void tell_placement(struct runtime *rt) {
  struct stream_totals moved = stream_totals(rt->stream);
  if (rt->placing.table->moved == NULL) return;
  uint64_t entered = instance_enter(rt->placing.by);
  rt->placing.table->moved(rt->placing.by->self, moved.bytes, moved.reads, moved.wait_ns);
  (void)instance_leave(rt->placing.by, entered, RIDGE_OK, RIDGE_SEAM_PLACEMENT, NULL);
}

/* Rows of a first step that are worth packing for before it. */
enum { MANY_ROWS = 64 };

static ridge_status settle_weights(struct runtime *rt, const ridge_batch *batch,
                                   struct why *why) {
  if (!weights_wait(&rt->weights)) return RIDGE_OK;
  if (rt->program.steps == 0 && batch->rows <= MANY_ROWS) return RIDGE_OK;
  const uint64_t start = clock_ns();
  ridge_status status = weights_pack_late(&rt->weights, &rt->program, rt->pool, why);
  rt->late_ns += clock_ns() - start;
  return status;
}

float *runtime_step(struct runtime *rt, const ridge_batch *batch, struct why *why) {
  if (settle_weights(rt, batch, why) != RIDGE_OK) return NULL;
  float *logits = program_run(&rt->program, rt->pool, batch);
  if (rt->stream == NULL) return logits;
  tell_placement(rt);
  return stream_failed(rt->stream, why) ? NULL : logits;
}

void runtime_close(struct runtime *rt) {
  weights_stop_late(&rt->weights);
  stream_free(rt->stream);
  cache_free(&rt->cache);
  weights_free(&rt->weights);
  program_free(&rt->program);
  if (rt->planned) graph_free(&rt->graph);
  tokenizer_free(rt->tokenizer);
  source_close(&rt->source);
  *rt = (struct runtime){0};
}
