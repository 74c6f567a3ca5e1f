/*
 * supervisor.c - a recipe, run once.
 *
 * compose -> the row in the catalog -> the worker, whose words are written down as they
 * come -> the verdict.  This process alone writes the catalog; the worker has only the
 * pipe.
 */
#include "run/attempt.h"

#include "base/clock.h"
#include "recipe/recipe.h"
#include "run/conditions.h"
#include "run/interrupts.h"
#include "run/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  FLUSH_MS = 250,           /* points wait no longer for their transaction */
  MOST_OUTPUT_LINES = 1000, /* of the worker's stdout and stderr, kept     */
};

/* Views --------------------------------------------------------------------------- */

static void tell_problem(const struct attempt *a) {
  if (a->view->problem != NULL) a->view->problem(a->view->ctx, a->why.text);
}

static void tell_refused(const struct attempt *a) {
  if (a->view->refused != NULL) a->view->refused(a->view->ctx, a->outcome);
}

static void tell_ended(const struct attempt *a) {
  if (a->view->ended != NULL) a->view->ended(a->view->ctx, a->outcome);
}

/* Hearing the worker -------------------------------------------------------------- */

static void show_progress(const struct attempt *a, const json_t *message) {
  double done = 0, of = 0;
  if (a->view->progress == NULL) return;
  (void)wire_real(message, "done", &done);
  (void)wire_real(message, "of", &of);
  a->view->progress(a->view->ctx, json_string_value(json_object_get(message, "phase")),
                    done, of, json_string_value(json_object_get(message, "note")));
}

/* What its author says a plugin may do to results, beside what it did. */
static void add_effects(struct attempt *a) {
  static const char *const words[] = {
      [RIDGE_EXACT] = "exact", [RIDGE_TOLERANT] = "tolerant", [RIDGE_LOSSY] = "lossy"};
  size_t i;
  json_t *row;
  json_array_foreach(a->outcome->strategies, i, row) {
    const char *id = json_string_value(json_object_get(row, "id"));
    const struct plugin_info *info =
        id != NULL ? registry_find(&a->place->registry, id) : NULL;
    if (info != NULL && info->effect >= RIDGE_EXACT && info->effect <= RIDGE_LOSSY)
      json_object_set_new(row, "effect", json_string(words[info->effect]));
  }
}

static bool on_message(void *ctx, const json_t *message, struct why *why) {
  struct attempt *a = ctx;
  if (!outcome_hear(a->outcome, message, why)) return false;
  const char *kind = json_string_value(json_object_get(message, "t"));
  record_message(a, kind, message);
  if (strcmp(kind, "strategies") == 0) add_effects(a);
  if (strcmp(kind, "input") == 0) record_input_message(a, message);
  if (strcmp(kind, "plan") == 0 && a->inputs != NULL)
    inputs_hold(a->inputs); /* what comes is measured */
  if (strcmp(kind, "progress") == 0) show_progress(a, message);
  if (strcmp(kind, "plan") == 0 && a->view->planned != NULL)
    a->view->planned(a->view->ctx, a->outcome);
  if (strcmp(kind, "text") == 0 && a->view->text != NULL)
    a->view->text(a->view->ctx, message);
  return true;
}

/* The worker has no business on its standard output; what a library prints there is kept.
 */
static void on_output(void *ctx, const char *stream, const char *line) {
  struct attempt *a = ctx;
  if (a->output_lines++ >= MOST_OUTPUT_LINES) return;
  json_t *clean = wire_clean(line, strlen(line));
  record_event(a, stream, json_string_value(clean));
  json_decref(clean);
}

static void on_tick(void *ctx) {
  struct attempt *a = ctx;
  if (clock_ns() - a->flushed_ns > (uint64_t)FLUSH_MS * 1000000) record_points(a);
  if (a->view->tick != NULL) a->view->tick(a->view->ctx);
}

static void on_interrupted(void *ctx, int times) {
  struct attempt *a = ctx;
  if (a->view->interrupted != NULL) a->view->interrupted(a->view->ctx, times);
}

static bool is_unread(void *ctx) {
  (void)ctx;
  return output_is_unread();
}

static void on_stalled(void *ctx, const char *who, double seconds) {
  struct attempt *a = ctx;
  char text[128];
  snprintf(text, sizeof text, "%s has been executing for %.*f s without coming back", who,
           seconds < 10 ? 1 : 0, seconds);
  record_event(a, "note", text);
  if (a->view->stalled != NULL) a->view->stalled(a->view->ctx, who, seconds);
}

static const char *text_of(const json_t *object, const char *key, const char *fallback) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : fallback;
}

/* Refused before it began: one row, finished at once. */
static int end_refused(struct attempt *a) {
  struct outcome *o = a->outcome;
  o->status = CATALOG_REFUSED;
  o->exit = compose_exit(a->composed.diagnostics);
  json_decref(o->diagnostics);
  o->diagnostics = json_incref(a->composed.diagnostics);
  const json_t *first = json_array_get(o->diagnostics, 0);
  snprintf(o->why, sizeof o->why, "%s", text_of(first, "text", "the recipe was refused"));
  if (!a->options->plan_only && !record_refused(a)) tell_problem(a);
  tell_refused(a);
  tell_ended(a);
  return o->exit;
}

/* The worker ---------------------------------------------------------------------- */

static ridge_status run_child(struct attempt *a, struct child_end *end) {
  const char *const own[] = {a->cli->self, "worker", NULL};
  const struct child_job job = {
      .argv = a->options->worker != NULL ? a->options->worker : own,
      .job = a->job,
      .silence_ms = a->options->silence_ms,
      .exit_ms = a->options->exit_ms,
      .stall_ms = a->stall_ms,
      .ctx = a,
      .message = on_message,
      .output = on_output,
      .tick = on_tick,
      .interrupted = on_interrupted,
      .stalled = on_stalled,
      .unread = is_unread,
  };
  return child_run(&job, end, &a->why);
}

static void say_condition(void *ctx, const char *text) {
  record_event(ctx, "machine", text);
}

/* What only this side can know: memory, wall time, what else the machine was doing. */
static void add_own(struct attempt *a, const struct child_end *end,
                    const struct conditions *before) {
  char text[96];
  struct conditions after;
  conditions_read(&after);
  /* A worker that ran a second model beside its own told its peak before that. */
  bool told = json_object_get(a->outcome->samples, "peak_rss_bytes") != NULL;
  if (end->peak_rss > 0 && !told) record_sample(a, "peak_rss_bytes", (double)end->peak_rss);
  record_sample(a, "total_ms", (double)(after.ns - before->ns) * 1e-6);
  conditions_report(before, &after, end->cpu_seconds, say_condition, a);
  if (a->output_lines > MOST_OUTPUT_LINES) {
    snprintf(text, sizeof text, "%" PRId64 " more lines of output were dropped",
             a->output_lines - MOST_OUTPUT_LINES);
    record_event(a, "note", text);
  }
}

/* The worker knows whose fault a refusal is, compose where that is written. */
static void place_findings(struct attempt *a) {
  json_t *placed = json_array();
  size_t i;
  const json_t *finding;
  json_array_foreach(a->outcome->diagnostics, i, finding)
    json_array_append_new(placed, compose_locate(&a->composed, finding));
  json_decref(a->outcome->diagnostics);
  a->outcome->diagnostics = placed;
}

/* The row is there, the worker is not: it stays so. */
static int end_unstarted(struct attempt *a) {
  struct outcome *o = a->outcome;
  o->status = CATALOG_STOPPED;
  o->exit = EXIT_FAILED;
  o->interrupted = true;
  snprintf(o->why, sizeof o->why, "stopped by the user before it started");
  if (o->run != 0) record_end(a);
  tell_ended(a);
  return o->exit;
}

static int execute(struct attempt *a) {
  struct child_end end;
  struct conditions before;
  struct outcome *o = a->outcome;
  conditions_read(&before);
  a->flushed_ns = before.ns;
  ridge_status status = run_child(a, &end);
  record_points(a);
  if (status != RIDGE_OK) {
    outcome_fail(o, a->why.text);
  } else {
    outcome_judge(o, &end);
    if (!a->options->plan_only && o->status != CATALOG_REFUSED) add_own(a, &end, &before);
  }
  place_findings(a);
  if (o->status == CATALOG_REFUSED && o->why[0] == 0)
    snprintf(o->why, sizeof o->why, "%s",
             text_of(json_array_get(o->diagnostics, 0), "text", "refused while planning"));
  record_inputs_end(a);
  if (o->run != 0) record_end(a);
  if (o->status == CATALOG_REFUSED) tell_refused(a);
  tell_ended(a);
  return o->exit;
}

/* Getting there ------------------------------------------------------------------- */

/* The caller's overrides, and what has an option of its own. */
static ridge_status compose(struct attempt *a, const char *file) {
  const struct run_once_options *o = a->options;
  struct recipe recipe;
  char repeats[32], seed[32];
  struct compose_override *overrides = calloc(o->n_overrides + 2, sizeof *overrides);
  if (overrides == NULL) return why_set(&a->why, RIDGE_NO_MEMORY, "no memory for --set");
  size_t n = o->n_overrides;
  if (n > 0) memcpy(overrides, o->overrides, n * sizeof *overrides);
  snprintf(repeats, sizeof repeats, "%" PRId64, o->repeats);
  snprintf(seed, sizeof seed, "%" PRId64, o->seed);
  if (o->repeats > 0)
    overrides[n++] =
        (struct compose_override){"measure.repeats", repeats, "command", "--repeat"};
  if (o->has_seed)
    overrides[n++] = (struct compose_override){"seed", seed, "command", "--seed"};
  const struct compose_request request = {overrides,    o->without, n,
                                          o->n_without, o->words,   o->n_words};
  ridge_status status = recipe_load(a->cli->self, file, &recipe, &a->why);
  if (status == RIDGE_OK)
    compose_recipe(&recipe, &a->place->registry, &a->place->machine, &request,
                   &a->composed);
  recipe_free(&recipe);
  free(overrides);
  return status;
}

/* Names for the outcome, as soon as the recipe has told them. */
static void take_names(struct attempt *a, const char *recipe) {
  struct outcome *o = a->outcome;
  const struct composed *c = &a->composed;
  char *slash = strrchr(recipe, '/');
  const char *name = a->options->name;
  if (name == NULL) name = text_of(c->recipe, "name", slash != NULL ? slash + 1 : recipe);
  snprintf(o->name, sizeof o->name, "%s", name);
  o->seed = json_integer_value(json_object_get(c->recipe, "seed"));
  /* A recipe made from words is gone when the run ends; its text is in the catalog. */
  if (a->options->n_words > 0)
    a->file[0] = 0;
  else if (realpath(recipe, a->file) == NULL)
    snprintf(a->file, sizeof a->file, "%s", recipe);
  o->recipe = json_incref(c->recipe);
  if (c->composition == NULL) return;
  memcpy(o->composition, c->digest.hex, sizeof o->composition);
  memcpy(o->task, c->task.hex, sizeof o->task);
  o->asked = json_incref(json_object_get(c->composition, "strategies"));
  o->resolved = json_incref(c->composition);
  o->origins = json_incref(c->origins);
}

static int cannot_begin(const struct attempt *a, int exit) {
  tell_problem(a);
  a->outcome->exit = exit;
  a->outcome->status = exit == EXIT_REFUSED ? CATALOG_REFUSED : CATALOG_FAILED;
  snprintf(a->outcome->why, sizeof a->outcome->why, "%s", a->why.text);
  return exit;
}

static bool read_stall(struct attempt *a) {
  const char *text = getenv(RUN_STALL_VARIABLE);
  if (text == NULL || text[0] == 0) return true;
  char *end;
  double seconds = strtod(text, &end);
  if (*end == 0 && seconds >= 0.1 && seconds <= 86400) {
    a->stall_ms = (uint64_t)(seconds * 1e3);
    return true;
  }
  (void)why_set(&a->why, RIDGE_INVALID,
                RUN_STALL_VARIABLE " is `%.40s`; it takes seconds, from 0.1 to 86400",
                text);
  return false;
}

static int run_attempt(struct attempt *a, const char *recipe) {
  if (!read_stall(a)) return cannot_begin(a, EXIT_REFUSED);
  if (compose(a, recipe) != RIDGE_OK) return cannot_begin(a, EXIT_REFUSED);
  take_names(a, recipe);
  if (a->composed.composition == NULL) return end_refused(a);
  if (!job_make(a)) return cannot_begin(a, EXIT_FAILED);
  if (!a->options->plan_only && !record_begin(a)) return cannot_begin(a, EXIT_FAILED);
  if (interrupts_seen()) return end_unstarted(a);
  if (!a->options->plan_only) record_inputs_begin(a);
  return execute(a);
}

/* In the caller's workplace, or one of its own. */
static int run_somewhere(struct attempt *a, const char *recipe) {
  struct workplace own;
  a->place = a->options->place;
  if (a->place != NULL) return run_attempt(a, recipe);
  enum catalog_mode mode = a->options->plan_only ? CATALOG_READ : CATALOG_WRITE;
  int exit = workplace_open(a->cli, mode, &own, &a->why);
  a->place = &own;
  exit = exit < 0 ? run_attempt(a, recipe) : cannot_begin(a, exit);
  workplace_close(&own);
  return exit;
}

int run_recipe_once(struct cli *cli, const char *recipe,
                    const struct run_once_options *options, int64_t *run_id) {
  static const struct run_once_options plain;
  struct outcome own;
  struct attempt *a = calloc(1, sizeof *a);
  if (a == NULL) abort();
  if (options == NULL) options = &plain;
  a->cli = cli;
  a->options = options;
  a->view = options->view != NULL ? options->view : run_view_errors();
  a->outcome = options->outcome != NULL ? options->outcome : &own;
  outcome_init(a->outcome);
  interrupts_take();
  int exit = run_somewhere(a, recipe);
  a->outcome->interrupted = a->outcome->interrupted || interrupts_seen();
  interrupts_give_back();
  if (run_id != NULL) *run_id = a->outcome->run;
  json_decref(a->job);
  composed_free(&a->composed);
  if (options->outcome == NULL) outcome_free(&own);
  free(a->plugins);
  free(a);
  return exit;
}
