/*
 * session_prepare.c - from a job to a plan that is ready to load, or what is in the way.
 *
 * open (headers) -> every plugin's own check -> create what shapes the plan -> plan ->
 * create the rest -> does it fit?
 */
#include "engine/session_state.h"

#include <ridge/seam/placement.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- refusing ------------------------------------------------------------------------- */

/* One diagnostic of planning: `owner` is a strategy's id or a setting's name. */
static int refuse(struct session *s, const char *code, const char *owner,
                  const char *help) {
  json_t *row =
      json_pack("{s:s, s:s, s:s}", "code", code, "text", s->why.text, "owner", owner);
  if (help != NULL) json_object_set_new(row, "help", json_string(help));
  int code_exit = strcmp(code, "P205") == 0 ? SESSION_NO_FIT : SESSION_REFUSED;
  session_say(s, json_pack("{s:s, s:[o], s:i}", "t", "refused", "diagnostics", row, "exit",
                           code_exit));
  return code_exit;
}

/* --- planning --------------------------------------------------------------------------
 */

static void read_numbers(struct session *s) {
  const struct session_job *job = s->job;
  int64_t threads = session_int(s, "engine.threads");
  s->threads = threads > 0 ? (int)threads : job->machine->threads;
  s->rows = session_int(s, "engine.rows");
  s->temperature = session_real(s, "sample.temperature");
  s->seed = (uint64_t)json_integer_value(json_object_get(job->recipe, "seed"));
  s->slots = 1;
  json_t *stops =
      json_object_get(json_object_get(job->composition, "settings"), "sample.stop");
  s->n_stops = (int64_t)json_array_size(stops);
  s->stops = calloc((size_t)s->n_stops + 1, sizeof *s->stops);
  for (int64_t i = 0; s->stops != NULL && i < s->n_stops; i++)
    s->stops[i] = json_string_value(json_array_get(stops, (size_t)i));
}

/* Was the setting given, in the recipe or on the command line? */
static bool was_given(const struct session *s, const char *name) {
  const json_t *origins = json_object_get(s->job->origins, "settings");
  const char *origin = json_string_value(json_object_get(origins, name));
  return origin != NULL && strcmp(origin, "default") != 0;
}

/* Asked for, and every cache of the graph that was planned has another codec. */
static bool cache_asked_in_vain(const struct session *s) {
  const char *codec = session_text(s, "engine.cache");
  const struct ridge_graph *graph = &s->main.graph;
  bool cached = false;
  for (int32_t i = 0; i < graph->n_tensors; i++) {
    if (graph->tensors[i]->role != RIDGE_CACHE) continue;
    if (strcmp(graph->tensors[i]->codec, codec) == 0) return false;
    cached = true;
  }
  return cached && was_given(s, "engine.cache");
}

/* What a schedule decides must not be asked for otherwise. */
static ridge_status check_schedule(const struct session *s, const struct instance *by,
                                   struct why *why) {
  int64_t rows = session_int(s, "engine.rows"), batch = session_int(s, "bench.batch");
  if (was_given(s, "engine.rows") && s->rows != rows)
    return why_set(
        why, RIDGE_INVALID,
        "engine.rows is %lld, but %s sets the rows of a step by its own parameters (%lld)",
        (long long)rows, by->plugin->id, (long long)s->rows);
  if (session_has_word(s, "bench") && batch > s->slots)
    return why_set(why, RIDGE_INVALID,
                   "bench.batch is %lld, but %s runs %lld sequences at once",
                   (long long)batch, by->plugin->id, (long long)s->slots);
  return RIDGE_OK;
}

/* Sequences, rows and drafts of a step: what the schedule and the drafter say. */
static ridge_status ask_bounds(struct session *s, const char **owner, struct why *why) {
  const void *table;
  *owner = "engine.rows";
  struct instance *by = runtime_filler(s->job->plugins, RIDGE_SEAM_SCHEDULE_ADMIT, &table);
  if (by != NULL) {
    const ridge_schedule *schedule = table;
    *owner = by->plugin->id;
    uint64_t entered = instance_enter(by);
    ridge_status status = schedule->bounds(by->params, &s->slots, &s->rows);
    status = instance_leave(by, entered, status, RIDGE_SEAM_SCHEDULE_ADMIT, why);
    if (status == RIDGE_OK) status = check_schedule(s, by, why);
    if (status != RIDGE_OK) return status;
  }
  by = runtime_filler(s->job->plugins, RIDGE_SEAM_DECODE_DRAFT, &table);
  if (by != NULL) s->depth = ((const ridge_draft *)table)->depth(by->params);
  if (s->depth < 0 || s->depth > LOOP_MOST_DRAFT)
    return why_set(why, RIDGE_INVALID,
                   "%s wants to draft %lld tokens a step; %d are possible", by->plugin->id,
                   (long long)s->depth, LOOP_MOST_DRAFT);
  int64_t batch = session_has_word(s, "bench") ? session_int(s, "bench.batch") : 1;
  if (batch > s->slots) s->slots = batch;
  if (s->slots < 1 || s->slots > 65536 || s->rows < 1 || s->rows > 1 << 20)
    return why_set(why, RIDGE_INVALID,
                   "%lld sequences and %lld rows a step are not possible",
                   (long long)s->slots, (long long)s->rows);
  if (s->slots * (1 + s->depth) > s->rows)
    return why_set(
        why, RIDGE_INVALID,
        "a step has %lld rows, but %lld sequences with %lld drafts each take %lld",
        (long long)s->rows, (long long)s->slots, (long long)s->depth,
        (long long)(s->slots * (1 + s->depth)));
  s->wanted = s->slots * (1 + s->depth);
  if (session_has_word(s, "perplexity") && s->wanted < s->rows) s->wanted = s->rows;
  return RIDGE_OK;
}

/* Positions that the workloads need. */
static int64_t needed_context(const struct session *s) {
  int64_t needed = 1;
  for (int64_t i = 0; i < s->n_prompts; i++) {
    int64_t n = (int64_t)s->prompts[i].n + session_int(s, "sample.length") + 1;
    if (n > needed) needed = n;
  }
  if (session_has_word(s, "perplexity") && session_int(s, "perplexity.context") > needed)
    needed = session_int(s, "perplexity.context");
  if (session_has_word(s, "bench")) {
    int64_t prefill = session_int(s, "bench.prefill") + 2;
    int64_t depth = session_int(s, "bench.depth");
    int64_t decode = (depth > 0 ? depth : 1) + session_int(s, "bench.decode") + 2;
    if (prefill > needed) needed = prefill;
    if (decode > needed) needed = decode;
  }
  return needed;
}

/* prefill, depth and decode together are more than the context. */
static ridge_status refuse_bench(const struct session *s, int64_t needed, bool bounded,
                                 struct why *why) {
  const bool asked = session_int(s, "engine.context") != 0;
  return why_set(why, RIDGE_INVALID,
                 "the bench needs %lld positions; the context of this run is %lld, %s "
                 "(less prefill, depth or decode%s)",
                 (long long)needed, (long long)s->context,
                 asked ? "as engine.context says" : "that of the model",
                 asked     ? ", or leave engine.context out"
                 : bounded ? ""
                           : ", or an engine.context that goes beyond it");
}

/* Rotary positions have no last one: a text may be scored beyond the trained length,
 * which is said. */
static ridge_status settle_context(struct session *s, struct why *why) {
  int64_t own = s->main.arch.context, needed = needed_context(s);
  bool bounded = s->main.arch.position == ARCH_LEARNED;
  int64_t scored =
      session_has_word(s, "perplexity") ? session_int(s, "perplexity.context") : 0;
  s->context = session_int(s, "engine.context");
  if (s->context == 0) s->context = needed < own ? needed : own;
  if (session_int(s, "engine.context") == 0 && !bounded && scored > s->context)
    s->context = scored;
  if (scored > s->context)
    return why_set(why, RIDGE_INVALID,
                   "perplexity.context is %lld; the context of this run is %lld",
                   (long long)scored, (long long)s->context);
  if (session_has_word(s, "bench") && needed > s->context)
    return refuse_bench(s, needed, bounded, why);
  if (s->context > own) {
    char text[160];
    snprintf(text, sizeof text,
             "the context of %lld is beyond the %lld positions the model was trained on",
             (long long)s->context, (long long)own);
    session_say(s,
                json_pack("{s:s, s:s, s:s}", "t", "event", "level", "note", "text", text));
  }
  for (int64_t k = 0; k < s->n_prompts; k++)
    if ((int64_t)s->prompts[k].n >= s->context)
      return why_set(
          why, RIDGE_INVALID,
          "prompt %lld has %zu tokens; the context of %lld has no room for an answer "
          "(a larger engine.context, or a shorter prompt)",
          (long long)k + 1, s->prompts[k].n, (long long)s->context);
  s->main.spec.context = s->context;
  return RIDGE_OK;
}

static struct runtime_spec spec_of(const struct session *s, bool reference) {
  return (struct runtime_spec){
      .path = session_path(s, "model.path"),
      .plugins = s->job->plugins,
      .machine = s->job->machine,
      .reference = reference,
      .plain_kernels = strcmp(session_text(s, "engine.kernels"), "reference") == 0,
      .cache_codec = session_text(s, "engine.cache"),
      .context = s->context,
      .slots = reference ? 1 : s->slots,
      .rows = s->rows,
      .wanted = reference ? s->rows : s->wanted,
      .threads = s->threads,
  };
}

static bool shapes_plan(const struct instance *instance) {
  const ridge_table *fills = &instance->plugin->fills;
  for (uint32_t i = 0; i < fills->count; i++) {
    const ridge_fill *fill =
        (const void *)((const char *)fills->rows + (size_t)i * fills->stride);
    if (strcmp(fill->seam, RIDGE_SEAM_WEIGHTS) == 0 ||
        strcmp(fill->seam, RIDGE_SEAM_GRAPH_PASS) == 0 ||
        strcmp(fill->seam, RIDGE_SEAM_PLACEMENT) == 0)
      return true;
  }
  return instance->is_part;
}

static ridge_status create(struct session *s, bool before_plan, const char **owner,
                           struct why *why) {
  struct instances *set = s->job->plugins;
  for (size_t i = 0; i < set->n; i++) {
    if (shapes_plan(&set->items[i]) != before_plan) continue;
    *owner = set->items[i].plugin->id;
    ridge_status status = instance_create(&set->items[i], why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_plan plan_facts(const struct session *s) {
  const struct arch *a = &s->main.arch;
  struct runtime_memory m = runtime_memory(&s->main);
  return (ridge_plan){
      .struct_size = sizeof(ridge_plan),
      .architecture = a->row->name,
      .layers = a->layers,
      .dim = a->dim,
      .heads = a->heads,
      .kv_heads = a->kv_heads,
      .head_dim = a->head_dim,
      .ffn = a->ffn,
      .vocab = a->vocab,
      .context = s->main.spec.context,
      .sequences = s->slots,
      .rows = s->rows,
      .window = a->window,
      .weight_bytes = m.weights,
      .cache_bytes = m.cache,
      .memory_bytes = session_memory(s).limit,
  };
}

/* Ask every plugin's own check before anything of it is created; false: refused. */
static bool all_agree(struct session *s, const char **owner) {
  ridge_plan plan = plan_facts(s);
  struct instances *set = s->job->plugins;
  for (size_t i = 0; i < set->n; i++) {
    struct instance *one = &set->items[i];
    if (one->plugin->check == NULL) continue;
    *owner = one->plugin->id;
    uint64_t entered = instance_enter(one);
    uint64_t calls = atomic_load(&one->calls);
    ridge_status status = one->plugin->check(&one->host, &plan, one->params);
    status = instance_leave(one, entered, status, "check", &s->why);
    atomic_store(&one->calls, calls); /* being asked is not taking part */
    if (status != RIDGE_OK) return false;
  }
  return true;
}

static void add_needs(struct session *s) {
  ridge_plan plan = plan_facts(s);
  for (size_t i = 0; i < s->job->plugins->n; i++) {
    struct instance *one = &s->job->plugins->items[i];
    ridge_need need = {.struct_size = sizeof need};
    if (one->plugin->need == NULL) continue;
    if (one->plugin->need(&one->host, &plan, one->params, &need) == RIDGE_OK)
      s->need_bytes += need.cache + need.state + need.scratch;
  }
}

static int check_fit(struct session *s) {
  struct session_memory m = session_memory(s);
  if (m.total <= m.limit) return SESSION_OK;
  const double mib = 1048576;
  why_set(&s->why, RIDGE_NO_MEMORY,
          "does not fit: %.2f MiB are needed (weights %.2f, cache %.2f, activations %.2f, "
          "scratch %.2f, draft model %.2f, unmodified model for the divergence %.2f, "
          "strategies %.2f MiB), %llu bytes (%.2f MiB) may be used",
          (double)m.total / mib, (double)m.model.weights / mib, (double)m.model.cache / mib,
          (double)m.model.activations / mib, (double)m.model.scratch / mib,
          (double)m.drafts / mib, (double)m.unmodified / mib, (double)m.strategies / mib,
          (unsigned long long)m.limit, (double)m.limit / mib);
  const char *help =
      m.unmodified > m.model.total
          ? "without perplexity { divergence = false } the unmodified model is beside it"
      : m.model.cache > m.model.weights
          ? "a shorter engine.context, fewer sequences, or a smaller kv.paged budget"
          : "weights.rtn makes weights smaller, placement.stream leaves them on disk";
  return refuse(s, "P205",
                session_int(s, "engine.memory") > 0 ? "engine.memory" : "model.path", help);
}

static bool wants_base(const struct session *s) {
  return session_has_word(s, "perplexity") && session_bool(s, "perplexity.divergence") &&
         json_array_size(json_object_get(s->job->composition, "strategies")) > 0;
}

int session_prepare(struct session *s) {
  struct why *why = &s->why;
  const char *owner = "model.path";
  read_numbers(s);
  session_serve(s);
  const int *cpus = s->threads <= s->job->machine->n_cpus ? s->job->machine->cpus : NULL;
  if (pool_new(s->threads, cpus, &s->pool, why) != RIDGE_OK) return session_failed(s);
  struct runtime_spec spec = spec_of(s, false);
  if (runtime_open(&spec, &s->main, why) != RIDGE_OK) return refuse(s, "P301", owner, NULL);
  s->has_main = true;
  if (session_has_word(s, "prompts") && workload_generate_read(s, why) != RIDGE_OK)
    return refuse(
        s, "P302",
        session_path(s, "prompts.file") == NULL ? "prompts.inline" : "prompts.file", NULL);
  if (ask_bounds(s, &owner, why) != RIDGE_OK) return refuse(s, "P207", owner, NULL);
  if (settle_context(s, why) != RIDGE_OK) return refuse(s, "P207", "engine.context", NULL);
  s->main.spec.slots = s->slots;
  s->main.spec.rows = s->rows;
  s->main.spec.wanted = s->wanted;
  if (!all_agree(s, &owner)) return refuse(s, "P207", owner, NULL);
  if (create(s, true, &owner, why) != RIDGE_OK) return refuse(s, "P207", owner, NULL);
  if (runtime_plan(&s->main, why) != RIDGE_OK)
    return refuse(s, "P207", s->main.owner, NULL);
  if (cache_asked_in_vain(s)) {
    why_set(why, RIDGE_INVALID,
            "\"%s\" would do nothing: a strategy stores all keys and values in another way",
            session_text(s, "engine.cache"));
    return refuse(s, "P105", "engine.cache", "leave it out");
  }
  if (create(s, false, &owner, why) != RIDGE_OK) return refuse(s, "P207", owner, NULL);
  if (wants_base(s)) {
    spec = spec_of(s, true);
    if (runtime_open(&spec, &s->base, why) != RIDGE_OK)
      return refuse(s, "P301", "model.path", NULL);
    s->has_base = true;
    if (runtime_plan(&s->base, why) != RIDGE_OK)
      return refuse(s, "P207", "model.path", NULL);
  }
  add_needs(s);
  return check_fit(s);
}
