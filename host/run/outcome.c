/* outcome.c - what is known of one run. */
#include "run/outcome.h"

#include "base/canon.h"
#include "run/caller.h"
#include "run/wire.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void outcome_init(struct outcome *outcome) {
  *outcome = (struct outcome){.status = CATALOG_FAILED, .exit = EXIT_FAILED};
  outcome->samples = json_object();
  outcome->texts = json_array();
  outcome->events = json_array();
  outcome->inputs = json_array();
  outcome->diagnostics = json_array();
}

void outcome_free(struct outcome *outcome) {
  json_t *const owned[] = {outcome->asked,      outcome->plan,     outcome->samples,
                           outcome->strategies, outcome->texts,    outcome->events,
                           outcome->inputs,     outcome->nodes,    outcome->diagnostics,
                           outcome->recipe,     outcome->resolved, outcome->origins};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) json_decref(owned[i]);
  *outcome = (struct outcome){0};
}

/* Hearing ------------------------------------------------------------------------- */

void outcome_sample(struct outcome *outcome, const char *metric, int64_t repeat,
                    double value) {
  json_t *list = json_object_get(outcome->samples, metric);
  if (list == NULL) {
    list = json_array();
    json_object_set_new(outcome->samples, metric, list);
  }
  json_array_append_new(list, json_pack("[I, o]", (json_int_t)repeat, message_real(value)));
}

void outcome_event(struct outcome *outcome, const char *level, const char *text) {
  json_t *event = json_pack("{s:s, s:s}", "level", level, "text", text);
  if (event != NULL) json_array_append_new(outcome->events, event);
}

/* Replace a reference to `to` by another one to the message's field. */
static bool keep(json_t **to, const json_t *message, const char *field, json_type type) {
  json_t *value = json_object_get(message, field);
  if (value == NULL || json_typeof(value) != type) return false;
  json_decref(*to);
  *to = json_incref(value);
  return true;
}

static bool hear_plan(struct outcome *o, const json_t *message) {
  return keep(&o->plan, message, "plan", JSON_OBJECT);
}

static bool hear_strategies(struct outcome *o, const json_t *message) {
  return keep(&o->strategies, message, "strategies", JSON_ARRAY);
}

static bool hear_nodes(struct outcome *o, const json_t *message) {
  return keep(&o->nodes, message, "nodes", JSON_ARRAY);
}

static bool hear_refused(struct outcome *o, const json_t *message) {
  int64_t exit;
  if (!wire_int(message, "exit", 1, 255, &exit)) return false;
  if (!keep(&o->diagnostics, message, "diagnostics", JSON_ARRAY)) return false;
  o->status = CATALOG_REFUSED;
  o->exit = (int)exit;
  return true;
}

static bool hear_sample(struct outcome *o, const json_t *message) {
  const char *metric;
  int64_t repeat;
  double value;
  if (!wire_text_of(message, "metric", &metric) || !wire_real(message, "value", &value) ||
      !wire_int(message, "repeat", INT32_MIN, INT32_MAX, &repeat))
    return false;
  outcome_sample(o, metric, repeat, value);
  return true;
}

static bool hear_text(struct outcome *o, const json_t *message) {
  const char *text;
  if (!wire_text_of(message, "text", &text)) return false;
  json_array_append(o->texts, (json_t *)(uintptr_t)message);
  return true;
}

static bool hear_input(struct outcome *o, const json_t *message) {
  const char *text;
  (void)o; /* the supervisor adds what it finds there */
  return wire_text_of(message, "role", &text) && wire_text_of(message, "path", &text);
}

static bool hear_event(struct outcome *o, const json_t *message) {
  const char *level, *text;
  if (!wire_text_of(message, "level", &level) || !wire_text_of(message, "text", &text))
    return false;
  outcome_event(o, level, text);
  return true;
}

static bool hear_point(struct outcome *o, const json_t *message) {
  const char *series;
  int64_t step;
  double value;
  (void)o; /* series go to the catalog alone */
  return wire_text_of(message, "series", &series) && wire_real(message, "value", &value) &&
         wire_int(message, "step", 0, INT64_MAX, &step);
}

static bool hear_progress(struct outcome *o, const json_t *message) {
  const char *phase;
  (void)o;
  return wire_text_of(message, "phase", &phase);
}

static bool hear_done(struct outcome *o, const json_t *message) {
  static const enum catalog_status possible[] = {CATALOG_DONE, CATALOG_FAILED,
                                                 CATALOG_STOPPED};
  const char *status, *text;
  if (!wire_text_of(message, "status", &status)) return false;
  if (wire_text_of(message, "why", &text)) snprintf(o->why, sizeof o->why, "%s", text);
  if (wire_text_of(message, "output", &text))
    snprintf(o->output, sizeof o->output, "%s", text);
  for (size_t i = 0; i < sizeof possible / sizeof *possible; i++) {
    if (strcmp(status, catalog_status_word(possible[i])) != 0) continue;
    o->status = possible[i];
    o->done = true;
    return true;
  }
  return false;
}

static const struct {
  const char *kind;
  bool (*hear)(struct outcome *, const json_t *);
} kinds[] = {
    {"progress", hear_progress}, {"sample", hear_sample},
    {"text", hear_text},         {"point", hear_point},
    {"event", hear_event},       {"input", hear_input},
    {"plan", hear_plan},         {"strategies", hear_strategies},
    {"nodes", hear_nodes},       {"refused", hear_refused},
    {"done", hear_done},
};

bool outcome_hear(struct outcome *outcome, const json_t *message, struct why *why) {
  const char *kind;
  if (!wire_text_of(message, "t", &kind)) {
    (void)why_set(why, RIDGE_CORRUPT, "the worker sent a message without a kind");
    return false;
  }
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].kind, kind) != 0) continue;
    if (kinds[i].hear(outcome, message)) return true;
    (void)why_set(why, RIDGE_CORRUPT,
                  "the worker sent a `%s` message with a field missing or wrong", kind);
    return false;
  }
  (void)why_set(why, RIDGE_CORRUPT, "the worker sent a message of unknown kind `%.40s`",
                kind);
  return false;
}

/* Judging ------------------------------------------------------------------------- */

bool outcome_is_strategy(const json_t *row) {
  const char *kind = json_string_value(json_object_get(row, "kind"));
  return kind == NULL || strcmp(kind, "part") != 0;
}

uint64_t outcome_evidence(const json_t *row) {
  uint64_t sum = 0;
  size_t i;
  const json_t *one;
  json_array_foreach(json_object_get(row, "evidence"), i, one)
    sum += (uint64_t)json_integer_value(json_object_get(one, "count"));
  return sum;
}

static const json_t *first_inert(const struct outcome *o) {
  size_t i;
  const json_t *row;
  json_array_foreach(o->strategies, i, row)
    if (json_is_true(json_object_get(row, "inert")) &&
        !json_is_true(json_object_get(row, "may_idle")))
      return row;
  return NULL;
}

static void judge_inert(struct outcome *o, const json_t *row) {
  const char *id = json_string_value(json_object_get(row, "id"));
  const char *reason = json_string_value(json_object_get(row, "inert_reason"));
  o->status = CATALOG_INERT;
  snprintf(o->why, sizeof o->why, "`%s` was asked for and did nothing%s%s",
           id != NULL ? id : "?", reason != NULL && reason[0] != 0 ? ": " : "",
           reason != NULL ? reason : "");
}

/* `before` what happened, and who had been executing for long, if anybody had: that is
 * who is blamed. */
static void judge_executing(struct outcome *o, const struct child_end *end,
                            const char *before) {
  if (end->executing[0] == 0) {
    snprintf(o->why, sizeof o->why, "%s", before);
    return;
  }
  snprintf(o->blamed, sizeof o->blamed, "%s", end->executing);
  snprintf(o->why, sizeof o->why, "%s; %s was executing for %.*f s%s", before,
           end->executing, end->executing_seconds < 10 ? 1 : 0, end->executing_seconds,
           end->stalled ? " and had not come back" : "");
}

static void judge_death(struct outcome *o, const struct child_end *end) {
  o->status = CATALOG_CRASHED;
  snprintf(o->blamed, sizeof o->blamed, "%s", end->blamed);
  if (end->killed) {
    judge_executing(o, end, end->why);
    return;
  }
  if (end->signal == SIGKILL) {
    /* Nobody's own doing: whoever was executing is not at fault, unless it was stuck. */
    static const char outside[] =
        "the worker was killed from outside (SIGKILL): by a user, "
        "or by the system for want of memory";
    o->blamed[0] = 0;
    if (end->stalled)
      judge_executing(o, end, outside);
    else
      snprintf(o->why, sizeof o->why, "%s", outside);
    return;
  }
  if (end->signal != 0)
    snprintf(o->why, sizeof o->why, "the worker died of SIG%s (%s%s)%s",
             sigabbrev_np(end->signal) != NULL ? sigabbrev_np(end->signal) : "?",
             sigdescr_np(end->signal) != NULL ? sigdescr_np(end->signal) : "unknown signal",
             end->signal == SIGBUS ? ": mostly a file in use that became shorter" : "",
             end->finished ? " after its last word" : "");
  else
    snprintf(o->why, sizeof o->why,
             "the worker ended with exit code %d and said nothing of it", end->exit);
}

/* Whoever kills a run whose strategy does not come back ends a crash; one who is in a
 * hurry only ends a run. */
static void judge_kill(struct outcome *o, const struct child_end *end) {
  o->status = end->stalled ? CATALOG_CRASHED : CATALOG_STOPPED;
  judge_executing(o, end, end->why);
}

static int exit_code_of(const struct outcome *o) {
  switch (o->status) {
  case CATALOG_DONE: return EXIT_OK;
  case CATALOG_INERT: return EXIT_INERT;
  case CATALOG_REFUSED: return o->exit == EXIT_NO_FIT ? EXIT_NO_FIT : EXIT_REFUSED;
  default: return EXIT_FAILED;
  }
}

void outcome_judge(struct outcome *o, const struct child_end *end) {
  bool spoke = o->done || o->status == CATALOG_REFUSED;
  o->interrupted = end->interrupted;
  if (end->killed && end->interrupted) {
    judge_kill(o, end);
  } else if (end->killed || end->signal != 0 || !spoke) {
    judge_death(o, end);
  } else if (o->status == CATALOG_STOPPED && o->why[0] == 0) {
    snprintf(o->why, sizeof o->why, "%s",
             end->unread ? "stopped: nobody reads the output any more (a closed pipe)"
                         : "stopped by the user");
  } else if (o->status == CATALOG_DONE) {
    const json_t *inert = first_inert(o);
    if (inert != NULL) judge_inert(o, inert);
  }
  o->exit = exit_code_of(o);
}

void outcome_fail(struct outcome *o, const char *sentence) {
  o->status = CATALOG_FAILED;
  o->exit = EXIT_FAILED;
  snprintf(o->why, sizeof o->why, "%s", sentence);
}

/* Giving out ---------------------------------------------------------------------- */

/* The value of one [repeat, value] if it is measured and finite. */
static bool measured_value(const json_t *pair, double *out) {
  const json_t *value = json_array_get(pair, 1);
  if (json_integer_value(json_array_get(pair, 0)) < 0 || !json_is_number(value))
    return false;
  *out = json_number_value(value);
  return true;
}

static int compare_values(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

bool outcome_spread(const struct outcome *o, const char *metric, struct spread *out) {
  const json_t *list = json_object_get(o->samples, metric), *pair;
  size_t i, n = 0;
  double *values = calloc(json_array_size(list) + 1, sizeof *values);
  if (values == NULL) return false;
  json_array_foreach(list, i, pair) n += measured_value(pair, &values[n]);
  if (n > 0) {
    qsort(values, n, sizeof *values, compare_values);
    *out = (struct spread){(values[(n - 1) / 2] + values[n / 2]) / 2, values[0],
                           values[n - 1], (int64_t)n};
  }
  free(values);
  return n > 0;
}

static json_t *metrics_json(const struct outcome *o) {
  json_t *metrics = json_object(), *list;
  const char *name;
  struct spread spread;
  json_object_foreach(o->samples, name, list)
    if (outcome_spread(o, name, &spread))
      json_object_set_new(metrics, name, json_real(spread.median));
  return metrics;
}

/* {"name": [values]} of the measured repeats, or of the warm-up. */
static json_t *samples_json(const struct outcome *o, bool warmup) {
  json_t *out = json_object(), *list, *pair;
  const char *name;
  json_object_foreach(o->samples, name, list) {
    json_t *values = json_array();
    size_t i;
    json_array_foreach(list, i, pair)
      if ((json_integer_value(json_array_get(pair, 0)) < 0) == warmup)
        json_array_append(values, json_array_get(pair, 1));
    if (json_array_size(values) > 0) json_object_set(out, name, values);
    json_decref(values);
  }
  return out;
}

/* The report's row with evidence as {name: count}. */
static json_t *strategy_json(const json_t *row) {
  json_t *out = json_copy((json_t *)(uintptr_t)row), *evidence = json_object();
  size_t i;
  const json_t *one;
  json_array_foreach(json_object_get(row, "evidence"), i, one) {
    const char *name = json_string_value(json_object_get(one, "name"));
    if (name != NULL) json_object_set(evidence, name, json_object_get(one, "count"));
  }
  json_object_set_new(out, "evidence", evidence);
  return out;
}

/* A worker that died made no report: then at least what was asked. */
static json_t *strategies_json(const struct outcome *o, bool strategies) {
  json_t *list = json_array();
  size_t i;
  const json_t *row;
  json_array_foreach(o->strategies, i, row)
    if (outcome_is_strategy(row) == strategies)
      json_array_append_new(list, strategy_json(row));
  if (o->strategies != NULL || !strategies) return list;
  json_array_foreach(o->asked, i, row)
    json_array_append_new(list, json_pack("{s:O, s:b, s:n, s:{}}", "id",
                                          json_object_get(row, "id"), "requested", 1,
                                          "engaged", "evidence"));
  return list;
}

/* Messages without their kind; of texts those of the measured repeats. */
static json_t *messages_json(const json_t *messages) {
  json_t *list = json_array(), *message;
  size_t i;
  json_array_foreach((json_t *)(uintptr_t)messages, i, message) {
    if (json_integer_value(json_object_get(message, "repeat")) < 0) continue;
    json_t *copy = json_copy(message);
    json_object_del(copy, "t");
    json_array_append_new(list, copy);
  }
  return list;
}

static void set_text(json_t *object, const char *key, const char *text) {
  json_object_set_new(object, key,
                      text[0] != 0 ? wire_clean(text, strlen(text)) : json_null());
}

json_t *outcome_json(const struct outcome *o) {
  json_t *out = json_object();
  json_object_set_new(out, "run", o->run != 0 ? json_integer(o->run) : json_null());
  set_text(out, "uid", o->uid);
  set_text(out, "name", o->name);
  json_object_set_new(out, "status", json_string(catalog_status_word(o->status)));
  json_object_set_new(out, "exit", json_integer(o->exit));
  set_text(out, "why", o->why);
  set_text(out, "blamed", o->blamed);
  json_object_set_new(out, "seed", json_integer(o->seed));
  json_object_set_new(out, "metrics", metrics_json(o));
  json_object_set_new(out, "samples", samples_json(o, false));
  json_object_set_new(out, "warmup", samples_json(o, true));
  json_object_set_new(out, "strategies", strategies_json(o, true));
  json_object_set_new(out, "parts", strategies_json(o, false));
  json_object_set_new(out, "outputs", messages_json(o->texts));
  json_object_set_new(out, "inputs", messages_json(o->inputs));
  set_text(out, "plan", o->plan != NULL ? canon_digest(o->plan).hex : "");
  set_text(out, "composition", o->composition);
  set_text(out, "task", o->task);
  set_text(out, "output", o->output);
  json_object_set(out, "diagnostics", o->diagnostics);
  json_object_set(out, "events", o->events);
  return out;
}
