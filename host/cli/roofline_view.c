/* roofline_view.c - a run's operators beside what the machine could have done. */
#include "cli/roofline_view.h"

#include "cli/look_back.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *to, size_t room, const char *from) {
  snprintf(to, room, "%s", from);
}

/* --- the machine ---------------------------------------------------------------------- */

static ridge_status read_machine(const json_t *run, struct roofline_view *view,
                                 struct why *why) {
  const json_t *row = json_object_get(run, "calibration");
  const json_t *facts = json_object_get(row, "facts");
  if (!json_is_object(row)) return RIDGE_OK;
  view->speed = calloc(1, sizeof *view->speed);
  if (view->speed == NULL) abort();
  ridge_status status =
      machine_speed_from_json(json_object_get(row, "speed"), view->speed, why);
  if (status != RIDGE_OK) return status;
  view->calibration = row_int(row, "id");
  view->measured = row_int(row, "measured");
  view->planned = row_int(row, "planned") != 0;
  view->threads = (int)row_int(row, "threads");
  if (view->threads < 1) view->threads = (int)row_int(facts, "threads");
  view->machine.l1d = (uint64_t)row_int(facts, "l1d");
  view->machine.l2 = (uint64_t)row_int(facts, "l2");
  view->machine.l3 = (uint64_t)row_int(facts, "l3");
  if (machine_speed_covers(view->speed, view->threads)) return RIDGE_OK;
  free(view->speed); /* measured with other numbers of threads: no limit of this run */
  view->speed = NULL;
  return RIDGE_OK;
}

size_t roofline_levels(const struct roofline_view *view,
                       struct roofline_level out[ROOFLINE_LEVELS]) {
  uint64_t threads = (uint64_t)view->threads;
  /* Half of a level: what it holds beside everything else. */
  const struct {
    const char *name;
    uint64_t bytes;
  } rows[ROOFLINE_LEVELS] = {{"L1", view->machine.l1d * threads / 2},
                             {"L2", view->machine.l2 * threads / 2},
                             {"L3", view->machine.l3 / 2},
                             {"memory", UINT64_MAX}};
  size_t n = 0;
  if (view->speed == NULL) return 0;
  for (size_t i = 0; i < ROOFLINE_LEVELS; i++) {
    if (rows[i].bytes == 0) continue;
    double rate = machine_speed_read(view->speed, RATE_BEST, view->threads, rows[i].bytes);
    if (rate > 0) out[n++] = (struct roofline_level){rows[i].name, rate};
  }
  return n;
}

/* --- the phases ----------------------------------------------------------------------- */

static struct roofline_phase *phase_find(struct roofline_view *view, const char *name) {
  for (size_t i = 0; i < view->n; i++)
    if (strcmp(view->phases[i].phase, name) == 0) return &view->phases[i];
  return NULL;
}

static void read_stages(const json_t *run, struct roofline_view *view) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(run, "stages"), i, row) {
    if (view->n == ROOFLINE_PHASES || row_int(row, "steps") < 1) continue;
    struct roofline_phase *phase = &view->phases[view->n++];
    copy_text(phase->phase, sizeof phase->phase, row_text(row, "phase"));
    phase->steps = row_int(row, "steps");
    phase->rows = row_int(row, "rows");
    phase->step_seconds = (double)row_int(row, "step_ns") * 1e-9;
    phase->model_seconds = (double)row_int(row, "model_ns") * 1e-9;
    if (phase->rows > 0) phase->depth = (double)row_int(row, "depth") / (double)phase->rows;
  }
}

static void add_working_sets(const json_t *run, struct roofline_view *view) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(run, "operators"), i, row) {
    struct roofline_phase *phase = phase_find(view, row_text(row, "phase"));
    if (phase != NULL)
      phase->working_set += (double)row_int(row, "streamed") / (double)phase->steps;
  }
}

static struct roofline_kind *kind_row(struct roofline_phase *phase, const char *kind) {
  for (size_t i = 0; i < phase->n; i++)
    if (strcmp(phase->kinds[i].kind, kind) == 0) return &phase->kinds[i];
  struct roofline_kind *more = realloc(phase->kinds, (phase->n + 1) * sizeof *phase->kinds);
  if (more == NULL) abort();
  phase->kinds = more;
  struct roofline_kind *row = &phase->kinds[phase->n++];
  *row = (struct roofline_kind){0};
  copy_text(row->kind, sizeof row->kind, kind);
  return row;
}

static void add_times(const struct roofline_view *view, const struct roofline_phase *phase,
                      const json_t *row, struct roofline_kind *to) {
  double calls = (double)row_int(row, "calls"), streamed = (double)row_int(row, "streamed");
  double bytes = (double)row_int(row, "bytes");
  if (view->speed == NULL || calls < 1) return;
  struct roof roof = {view->speed, view->threads, RATE_TYPICAL, phase->working_set};
  struct roof_work work = {(double)row_int(row, "flops") / calls, streamed / calls,
                           (bytes - streamed) / calls, row_int(row, "narrow") != 0};
  to->predicted += roof_time(&roof, &work).seconds * calls;
  roof.rate = RATE_BEST;
  struct roof_time limit = roof_time(&roof, &work);
  to->limit += limit.seconds * calls;
  to->compute += limit.compute * calls;
  to->memory += limit.memory * calls;
  to->narrow |= work.narrow;
}

static void add_row(const struct roofline_view *view, struct roofline_phase *phase,
                    const json_t *row, struct roofline_kind *to) {
  to->nodes++;
  to->calls += row_int(row, "calls");
  to->seconds += (double)row_int(row, "ns") * 1e-9;
  to->flops += (double)row_int(row, "flops");
  to->bytes += (double)row_int(row, "bytes");
  add_times(view, phase, row, to);
}

static int by_time(const void *a, const void *b) {
  const struct roofline_kind *x = a, *y = b;
  if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
  return strcmp(x->kind, y->kind);
}

static void read_operators(const json_t *run, struct roofline_view *view) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(run, "operators"), i, row) {
    struct roofline_phase *phase = phase_find(view, row_text(row, "phase"));
    if (phase == NULL) continue;
    add_row(view, phase, row, kind_row(phase, row_text(row, "kind")));
    add_row(view, phase, row, &phase->all);
  }
  for (i = 0; i < view->n; i++)
    if (view->phases[i].n > 0)
      qsort(view->phases[i].kinds, view->phases[i].n, sizeof *view->phases[i].kinds,
            by_time);
}

ridge_status roofline_view_make(const json_t *run, struct roofline_view *out,
                                struct why *why) {
  *out = (struct roofline_view){0};
  ridge_status status = read_machine(run, out, why);
  if (status != RIDGE_OK) {
    roofline_view_free(out);
    return status;
  }
  read_stages(run, out);
  add_working_sets(run, out);
  read_operators(run, out);
  return RIDGE_OK;
}

void roofline_view_free(struct roofline_view *view) {
  for (size_t i = 0; i < view->n; i++) free(view->phases[i].kinds);
  free(view->speed);
  *view = (struct roofline_view){0};
}

/* --- as data -------------------------------------------------------------------------- */

static json_t *kind_json(const struct roofline_view *view, const struct roofline_kind *k,
                         const char *name) {
  json_t *row = json_pack("{s:s, s:I, s:I, s:f, s:f, s:f}", "kind", name, "nodes",
                          (json_int_t)k->nodes, "calls", (json_int_t)k->calls, "seconds",
                          k->seconds, "flops", k->flops, "bytes", k->bytes);
  if (view->speed == NULL) return row;
  json_object_set_new(row, "predicted_seconds", json_real(k->predicted));
  json_object_set_new(row, "limit_seconds", json_real(k->limit));
  if (k->seconds > 0)
    json_object_set_new(row, "efficiency", json_real(k->limit / k->seconds));
  json_object_set_new(row, "bound",
                      json_string(k->compute > k->memory ? "compute" : "memory"));
  return row;
}

static json_t *phase_json(const struct roofline_view *view,
                          const struct roofline_phase *phase) {
  json_t *kinds = json_array();
  for (size_t i = 0; i < phase->n; i++)
    json_array_append_new(kinds, kind_json(view, &phase->kinds[i], phase->kinds[i].kind));
  return json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:o}", "phase", phase->phase,
                   "steps", (json_int_t)phase->steps, "rows", (json_int_t)phase->rows,
                   "depth", phase->depth, "step_seconds", phase->step_seconds,
                   "model_seconds", phase->model_seconds, "working_set", phase->working_set,
                   "all", kind_json(view, &phase->all, "all"), "kinds", kinds);
}

json_t *roofline_view_json(const struct roofline_view *view) {
  json_t *phases = json_array(), *levels = json_array();
  struct roofline_level level[ROOFLINE_LEVELS];
  size_t n = roofline_levels(view, level);
  for (size_t i = 0; i < view->n; i++)
    json_array_append_new(phases, phase_json(view, &view->phases[i]));
  for (size_t i = 0; i < n; i++)
    json_array_append_new(levels, json_pack("{s:s, s:f}", "level", level[i].name,
                                            "bandwidth", level[i].bandwidth));
  json_t *all = json_pack("{s:i, s:o, s:o}", "threads", view->threads, "levels", levels,
                          "phases", phases);
  if (view->speed == NULL) return all;
  const struct roof roof = {view->speed, view->threads, RATE_BEST, 0};
  json_object_set_new(all, "calibration", json_integer(view->calibration));
  json_object_set_new(all, "measured", json_integer(view->measured));
  json_object_set_new(all, "planned", json_boolean(view->planned));
  json_object_set_new(all, "flops", json_real(roof_peak(&roof, false)));
  json_object_set_new(all, "int8", json_real(roof_peak(&roof, true)));
  return all;
}
