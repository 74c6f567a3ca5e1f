/* instance_report.c - requested, engaged, and the evidence that something was done. */
#include "registry/instance.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The first counter below its least, or NULL. */
static const ridge_evidence *short_of(const struct instance *instance) {
  for (size_t i = 0; i < instance->info->n_evidence; i++)
    if (atomic_load(&instance->counts[i]) < instance->info->evidence[i].least)
      return &instance->info->evidence[i];
  return NULL;
}

/* Why it did nothing; false when it did something. */
static bool is_idle(const struct instance *instance, char *why, size_t room) {
  uint64_t calls = atomic_load(&instance->calls),
           declined = atomic_load(&instance->declined);
  const ridge_evidence *lacking = short_of(instance);
  if (calls == 0) {
    snprintf(why, room, "no seam that it fills was ever called");
  } else if (declined >= calls) {
    snprintf(why, room, "each of its %" PRIu64 " calls was declined: %s", calls,
             instance->reason);
  } else if (lacking != NULL) {
    uint64_t count = atomic_load(&instance->counts[lacking - instance->info->evidence]);
    snprintf(why, room,
             "`%s` ended at %" PRIu64 "; at least %" PRIu64 " shows that it worked",
             lacking->name, count, lacking->least);
  } else {
    return false;
  }
  return true;
}

static const char *unit_of(const char *unit) { return unit != NULL ? unit : ""; }

static json_t *evidence_json(const struct instance *instance) {
  json_t *rows = json_array();
  for (size_t i = 0; i < instance->info->n_evidence; i++) {
    const ridge_evidence *row = &instance->info->evidence[i];
    json_array_append_new(rows, json_pack("{s:s,s:s,s:I,s:I}", "name", row->name, "unit",
                                          unit_of(row->unit), "count",
                                          (json_int_t)atomic_load(&instance->counts[i]),
                                          "least", (json_int_t)row->least));
  }
  return rows;
}

/* What was recorded; JSON has no NAN and no infinity, so these become null. */
static json_t *metrics_json(const struct instance *instance) {
  json_t *rows = json_array();
  for (size_t i = 0; i < instance->info->n_metrics; i++) {
    const ridge_metric *row = &instance->info->metrics[i];
    double value;
    __atomic_load(&instance->recorded[i], &value, __ATOMIC_RELAXED);
    json_array_append_new(
        rows, json_pack("{s:s,s:s,s:o}", "name", row->name, "unit", unit_of(row->unit),
                        "value", isfinite(value) ? json_real(value) : json_null()));
  }
  return rows;
}

/* Kernels are counted by the executor, which times operators: no time is null, not 0. */
static json_t *time_json(const struct instance *instance) {
  uint64_t ns = atomic_load(&instance->time_ns);
  bool timed = ns > 0 || atomic_load(&instance->calls) == 0;
  return timed ? json_integer((json_int_t)ns) : json_null();
}

static json_t *instance_json(const struct instance *instance) {
  char why[512] = "";
  uint64_t calls = atomic_load(&instance->calls),
           declined = atomic_load(&instance->declined);
  bool idle = !instance->is_part && is_idle(instance, why, sizeof why);
  return json_pack(
      "{s:s,s:s,s:s,s:b,s:b,s:I,s:I,s:o,s:o,s:I,s:b,s:b,s:b,s:o,s:o,s:o}", "id",
      instance->info->id, "version", instance->info->version, "kind",
      instance->is_part ? "part" : "strategy", "requested", !instance->is_part, "engaged",
      calls > declined, "calls", (json_int_t)calls, "declined", (json_int_t)declined,
      "reason", json_string(instance->reason), "time_ns", time_json(instance), "bytes_peak",
      (json_int_t)atomic_load(&instance->bytes_peak), "may_idle", instance->may_idle,
      "idle", idle, "inert", idle && !instance->may_idle, "inert_reason", json_string(why),
      "evidence", evidence_json(instance), "metrics", metrics_json(instance));
}

json_t *instances_report(const struct instances *set) {
  json_t *rows = json_array();
  for (size_t i = 0; i < set->n; i++)
    json_array_append_new(rows, instance_json(&set->items[i]));
  return rows;
}
