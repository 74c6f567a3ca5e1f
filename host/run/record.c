/*
 * record.c - writing a run down while it happens.
 *
 * The worker's messages are checked before they come here (outcome_hear); what the
 * catalog still refuses is a broken promise of the worker, and fails the run.
 */
#include "run/attempt.h"

#include "base/clock.h"
#include "run/metrics.h"
#include "run/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_broken(struct attempt *a, ridge_status status) {
  if (status != RIDGE_OK && a->broken.text[0] == 0) a->broken = a->why;
}

static bool writes(const struct attempt *a) {
  return a->place->catalog != NULL && a->outcome->run != 0;
}

void record_event(struct attempt *a, const char *level, const char *text) {
  outcome_event(a->outcome, level, text);
  if (writes(a))
    keep_broken(a, catalog_run_event(a->place->catalog, a->outcome->run, level, NULL, text,
                                     &a->why));
}

void record_sample(struct attempt *a, const char *metric, double value) {
  outcome_sample(a->outcome, metric, 0, value);
  if (writes(a))
    keep_broken(a, catalog_run_sample(a->place->catalog, a->outcome->run, metric, 0, value,
                                      &a->why));
}

void record_points(struct attempt *a) {
  a->flushed_ns = clock_ns();
  if (a->n_points == 0) return;
  keep_broken(a, catalog_run_points(a->place->catalog, a->outcome->run, a->points,
                                    a->n_points, &a->why));
  for (size_t i = 0; i < a->n_points; i++) free((char *)(uintptr_t)a->points[i].series);
  a->n_points = 0;
}

static ridge_status write_point(struct attempt *a, const json_t *message) {
  const char *series;
  int64_t step;
  double value;
  if (!wire_text_of(message, "series", &series) || !wire_real(message, "value", &value) ||
      !wire_int(message, "step", 0, INT64_MAX, &step))
    return why_set(&a->why, RIDGE_CORRUPT, "a point without series, step or value");
  char *copy = strdup(series);
  if (copy == NULL) return why_set(&a->why, RIDGE_NO_MEMORY, "no memory for points");
  if (a->n_points == ATTEMPT_POINTS) record_points(a);
  a->points[a->n_points++] = (struct catalog_point){copy, step, value};
  return RIDGE_OK;
}

static ridge_status write_sample_message(struct attempt *a, const json_t *message) {
  const char *metric;
  int64_t repeat;
  double value;
  if (!wire_text_of(message, "metric", &metric) || !wire_real(message, "value", &value) ||
      !wire_int(message, "repeat", INT32_MIN, INT32_MAX, &repeat))
    return why_set(&a->why, RIDGE_CORRUPT, "a sample without metric, repeat or value");
  return catalog_run_sample(a->place->catalog, a->outcome->run, metric, repeat, value,
                            &a->why);
}

static ridge_status write_text(struct attempt *a, const json_t *message) {
  return catalog_run_text(a->place->catalog, a->outcome->run, message, &a->why);
}

static ridge_status write_plan(struct attempt *a, const json_t *message) {
  const json_t *plan = json_object_get(message, "plan");
  return catalog_run_detail(a->place->catalog, a->outcome->run, plan, &a->why);
}

static ridge_status write_strategies(struct attempt *a, const json_t *message) {
  const json_t *report = json_object_get(message, "strategies");
  return catalog_run_strategies(a->place->catalog, a->outcome->run, report, &a->why);
}

static ridge_status write_nodes(struct attempt *a, const json_t *message) {
  const json_t *nodes = json_object_get(message, "nodes");
  const json_t *stages = json_object_get(message, "stages");
  ridge_status status =
      catalog_run_operators(a->place->catalog, a->outcome->run, nodes, &a->why);
  if (status != RIDGE_OK) return status;
  return catalog_run_stages(a->place->catalog, a->outcome->run, stages, &a->why);
}

static ridge_status write_event_message(struct attempt *a, const json_t *message) {
  return catalog_run_event(a->place->catalog, a->outcome->run,
                           json_string_value(json_object_get(message, "level")),
                           json_string_value(json_object_get(message, "plugin")),
                           json_string_value(json_object_get(message, "text")), &a->why);
}

static const struct {
  const char *kind;
  ridge_status (*write)(struct attempt *, const json_t *);
} writers[] = {
    {"sample", write_sample_message},
    {"point", write_point},
    {"text", write_text},
    {"plan", write_plan},
    {"strategies", write_strategies},
    {"nodes", write_nodes},
    {"event", write_event_message},
};

void record_message(struct attempt *a, const char *kind, const json_t *message) {
  if (!writes(a)) return;
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
    if (strcmp(writers[i].kind, kind) == 0) keep_broken(a, writers[i].write(a, message));
}

/* The row ------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key, const char *fallback) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : fallback;
}

static struct catalog_asked asked_of(const struct attempt *a) {
  const struct composed *c = &a->composed;
  size_t n_metrics;
  const struct catalog_metric *metrics = metric_list(&n_metrics);
  bool whole = c->composition != NULL;
  return (struct catalog_asked){
      .name = a->outcome->name,
      .phase = text_of(c->recipe, "root", "infer"),
      .recipe_file = a->file,
      .recipe_text = text_of(c->recipe, "text", ""),
      .seed = a->outcome->seed,
      .composition = c->composition,
      .origins = whole ? c->origins : NULL,
      .composition_digest = whole ? c->digest.hex : "",
      .task_digest = whole ? c->task.hex : "",
      .machine = a->place->identity,
      .program = a->place->program,
      .plugins = a->plugins,
      .n_plugins = a->n_plugins,
      .metrics = metrics,
      .n_metrics = n_metrics,
      .command = (const char *const *)(uintptr_t)a->cli->argv,
      .n_command = (size_t)a->cli->argc,
      .sweep_id = a->options->sweep_id,
  };
}

static void note_row(struct attempt *a, const struct catalog_run *row) {
  a->outcome->run = row->id;
  memcpy(a->outcome->uid, row->uid, sizeof row->uid);
}

bool record_begin(struct attempt *a) {
  struct catalog_run row;
  struct catalog_asked asked = asked_of(a);
  if (catalog_run_begin(a->place->catalog, &asked, &row, &a->why) != RIDGE_OK) return false;
  note_row(a, &row);
  return true;
}

void record_end(struct attempt *a) {
  struct outcome *o = a->outcome;
  struct catalog_end end = {o->status, o->why[0] != 0 ? o->why : NULL, o->blamed,
                            o->output[0] != 0 ? o->output : NULL};
  if (o->status == CATALOG_REFUSED && json_array_size(o->diagnostics) > 0)
    keep_broken(
        a, catalog_run_diagnostics(a->place->catalog, o->run, o->diagnostics, &a->why));
  if (a->broken.text[0] != 0) { /* an incomplete row must not look like a whole one */
    outcome_fail(o, a->broken.text);
    end = (struct catalog_end){CATALOG_FAILED, o->why, NULL, NULL};
  }
  if (catalog_run_end(a->place->catalog, o->run, &end, &a->why) != RIDGE_OK) {
    outcome_fail(o, a->why.text);
  }
}

bool record_refused(struct attempt *a) {
  struct catalog_run row;
  struct catalog_asked asked = asked_of(a);
  ridge_status status = catalog_run_refused(a->place->catalog, &asked,
                                            a->outcome->diagnostics, NULL, &row, &a->why);
  if (status != RIDGE_OK) return false;
  note_row(a, &row);
  return true;
}
