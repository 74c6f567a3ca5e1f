/*
 * session.c - one run in the worker: prepare, say the plan, load, work, say what engaged.
 */
#include "engine/session_state.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

int session_failed(struct session *s) {
  session_say(
      s, json_pack("{s:s, s:s, s:s}", "t", "done", "status", "failed", "why", s->why.text));
  return SESSION_FAILED;
}

/* --- running ---------------------------------------------------------------------------
 */

static void load_progress(void *ctx, uint64_t done, uint64_t of) {
  session_progress(ctx, "load", (double)done, (double)of);
}

static ridge_status load(struct session *s) {
  uint64_t start = clock_ns();
  ridge_status status = runtime_load(&s->main, s->pool, load_progress, s, &s->why);
  if (status == RIDGE_OK) status = draft_models_load(s, &s->why);
  if (status != RIDGE_OK) return status;
  session_sample(s, "load_ms", 0, (double)(clock_ns() - start) / 1e6);
  session_sample(s, "weight_bytes", 0, (double)runtime_memory(&s->main).weights);
  session_sample(s, "cache_bytes", 0, (double)cache_bytes(&s->main.cache));
  return RIDGE_OK;
}

/* The same text gives the same number: once is all there is to know.  The unmodified
 * model comes last, and what the composition itself took is noted before it does. */
static ridge_status score(struct session *s) {
  struct rusage usage;
  if (s->has_base) {
    if (session_has_word(s, "prompts") || session_has_word(s, "bench")) {
      getrusage(RUSAGE_SELF, &usage);
      session_sample(s, "peak_rss_bytes", 0, 1024.0 * (double)usage.ru_maxrss);
    }
    ridge_status status = runtime_load(&s->base, s->pool, NULL, NULL, &s->why);
    if (status != RIDGE_OK) return status;
  }
  return workload_perplexity(s, 0, &s->why);
}

static ridge_status workloads(struct session *s) {
  int64_t warmup = session_int(s, "measure.warmup"),
          repeats = session_int(s, "measure.repeats");
  ridge_status status = RIDGE_OK;
  for (int64_t r = -warmup; r < repeats && status == RIDGE_OK && !session_stopped(s); r++) {
    if (r == 0) program_forget(&s->main.program);
    if (session_has_word(s, "prompts")) status = workload_generate(s, r, &s->why);
    if (status == RIDGE_OK && session_has_word(s, "bench"))
      status = workload_bench(s, r, &s->why);
  }
  if (status != RIDGE_OK || s->stopped || !session_has_word(s, "perplexity")) return status;
  return score(s);
}

/* Time as measured (of generated tokens, one step in some is timed), bytes and operations
 * by the cost model for the mean step of the phase. */
static json_t *node_row(const struct program *p, const struct program_op *op,
                        enum program_phase phase, const struct program_load *load) {
  struct operator_cost c = program_cost(p, op, load);
  char kind[PROGRAM_KIND_ROOM];
  double calls = (double)op->count[phase].calls;
  double streamed = c.weight_bytes + c.cache_bytes, bytes = streamed + c.activation_bytes;
  program_kind_name(p, op, kind);
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "phase",
                   program_phase_name(phase), "name", op->node->name, "op",
                   op->kind == PROGRAM_PREPARE ? "prepare" : operator_name(op->node->op),
                   "kind", kind, "kernel", op->verdict.choice.by->plugin->id, "calls",
                   (json_int_t)calls, "ns", (json_int_t)program_op_ns(p, op, phase),
                   "bytes", (json_int_t)(bytes * calls), "streamed",
                   (json_int_t)(streamed * calls), "flops", (json_int_t)(c.flops * calls),
                   "narrow", (int)program_is_narrow(p, op));
}

static json_t *stage_row(const struct program_stage *stage, enum program_phase phase) {
  return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "phase",
                   program_phase_name(phase), "steps", (json_int_t)stage->steps, "rows",
                   (json_int_t)stage->rows, "wanted", (json_int_t)stage->wanted, "depth",
                   (json_int_t)stage->depth, "reach", (json_int_t)stage->reach, "model_ns",
                   (json_int_t)stage->model_ns, "step_ns", (json_int_t)stage->step_ns);
}

static void say_nodes(const struct session *s) {
  const struct program *p = &s->main.program;
  json_t *nodes = json_array(), *stages = json_array();
  for (int phase = 0; phase < (int)PROGRAM_PHASES; phase++) {
    const struct program_stage *stage = &p->stage[phase];
    struct program_load load = program_mean_load(stage);
    if (stage->steps == 0) continue;
    json_array_append_new(stages, stage_row(stage, (enum program_phase)phase));
    for (int32_t i = 0; i < p->n_ops; i++)
      json_array_append_new(nodes,
                            node_row(p, &p->ops[i], (enum program_phase)phase, &load));
  }
  session_say(s,
              json_pack("{s:s, s:o, s:o}", "t", "nodes", "nodes", nodes, "stages", stages));
}

/* The supervisor looks at them, and names them by their contents (run/inputs.h). */
static void say_input(const struct session *s, const char *role, const char *path) {
  if (path != NULL)
    session_say(s, json_pack("{s:s, s:s, s:s}", "t", "input", "role", role, "path", path));
}

/* A model may be several files: all of them made it. */
static void say_source(const struct session *s, const char *role,
                       const struct source *source) {
  for (uint32_t i = 0; i < source->n_files; i++) say_input(s, role, source->files[i].path);
}

static void say_param(const struct session *s, const char *role, const char *path) {
  const struct source *model = path == NULL ? NULL : draft_models_source(s, path);
  if (model != NULL)
    say_source(s, role, model);
  else
    say_input(s, role, path);
}

static void say_inputs(const struct session *s) {
  say_source(s, "model", &s->main.source);
  say_input(s, "prompts", session_path(s, "prompts.file"));
  say_input(s, "perplexity", session_path(s, "perplexity.file"));
  const json_t *paths = json_object_get(s->job->paths, "strategies");
  const json_t *strategies = json_object_get(s->job->composition, "strategies");
  for (size_t i = 0; i < json_array_size(paths); i++) {
    const char *id =
        json_string_value(json_object_get(json_array_get(strategies, i), "id"));
    const char *name;
    json_t *path;
    json_object_foreach(json_array_get(paths, i), name, path)
      say_param(s, id, json_string_value(path));
  }
}

static void finish(struct session *s) {
  for (size_t i = 0; i < s->job->plugins->n; i++) {
    struct instance *one = &s->job->plugins->items[i];
    const ridge_table *metrics = &one->plugin->metrics;
    for (uint32_t k = 0; k < metrics->count; k++) {
      const ridge_metric *row =
          (const void *)((const char *)metrics->rows + (size_t)k * metrics->stride);
      char name[160];
      if (one->recorded == NULL || one->recorded[k] != one->recorded[k]) continue;
      snprintf(name, sizeof name, "%s.%s", one->plugin->id, row->name);
      session_sample(s, name, 0, one->recorded[k]);
    }
  }
  say_nodes(s);
  session_say(s, json_pack("{s:s, s:o}", "t", "strategies", "strategies",
                           instances_report(s->job->plugins)));
  say_inputs(s); /* again: a model beside this one is known once it is open */
}

/* measure.declined: how many calls a strategy may leave to the default. */
static ridge_status check_declines(struct session *s) {
  int64_t most = session_int(s, "measure.declined");
  for (size_t i = 0; most >= 0 && i < s->job->plugins->n; i++) {
    const struct instance *one = &s->job->plugins->items[i];
    uint64_t declined = atomic_load(&one->declined);
    if (one->is_part || declined <= (uint64_t)most) continue;
    return why_set(
        &s->why, RIDGE_DECLINED,
        "%s declined %llu calls, measure.declined allows %lld; the first reason: %s",
        one->plugin->id, (unsigned long long)declined, (long long)most, one->reason);
  }
  return RIDGE_OK;
}

static int run(struct session *s) {
  if (load(s) != RIDGE_OK) return session_failed(s);
  ridge_status status = workloads(s);
  if (s->main.late_ns > 0) session_sample(s, "pack_ms", 0, (double)s->main.late_ns / 1e6);
  finish(s);
  if (status == RIDGE_OK) status = check_declines(s);
  if (status != RIDGE_OK) return session_failed(s);
  json_t *done =
      json_pack("{s:s, s:s}", "t", "done", "status", s->stopped ? "stopped" : "done");
  if (s->has_output) json_object_set_new(done, "output", json_string(s->output.hex));
  session_say(s, done);
  return SESSION_OK;
}

static void close_session(struct session *s) {
  draft_models_free(s);
  if (s->has_base) runtime_close(&s->base);
  if (s->has_main) runtime_close(&s->main);
  /* After the models, which the formats describe; services then answer for nothing. */
  instances_destroy(s->job->plugins);
  pool_free(s->pool);
  for (int64_t i = 0; i < s->n_prompts; i++) {
    free(s->prompts[i].ids);
    free(s->prompt_texts[i]);
  }
  free(s->prompts);
  free(s->prompt_texts);
  free(s->stops);
}

int session_run(struct session_job *job) {
  struct session session = {.job = job};
  uint64_t start = clock_ns();
  int code = session_prepare(&session);
  if (code == SESSION_OK) {
    session_sample(&session, "plan_ms", 0, (double)(clock_ns() - start) / 1e6);
    session_say(&session,
                json_pack("{s:s, s:o}", "t", "plan", "plan", session_plan_json(&session)));
    if (!job->plan_only) say_inputs(&session);
    if (job->plan_only)
      session_say(&session, json_pack("{s:s, s:s}", "t", "done", "status", "done"));
    else
      code = run(&session);
  }
  close_session(&session);
  return code;
}
