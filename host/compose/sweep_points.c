/* sweep_points.c - every point of a sweep, and whether each can be composed. */
#include "compose/sweep_state.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MOST = 5000 };

static bool in_arm(const struct arm *arm, const char *id) {
  for (size_t i = 0; i < arm->n; i++)
    if (strcmp(arm->ids[i], id) == 0) return true;
  return false;
}

/* Points of an arm: an axis of a strategy that is left out has nothing to vary. */
static size_t arm_points(const struct sweeping *s, const struct arm *arm) {
  size_t n = 1;
  for (size_t i = 0; i < s->n_axes; i++)
    if (!in_arm(arm, s->axes[i].owner) && __builtin_mul_overflow(n, s->axes[i].n, &n))
      return SIZE_MAX;
  return n;
}

static const char *label_of(struct sweeping *s, const struct arm *arm,
                            const struct compose_override *sets, size_t n) {
  struct text text = text_new(4096);
  for (size_t i = 0; i < n; i++)
    text_format(&text, "%s%s=%s", i == 0 ? "" : " ", sets[i].name, sets[i].value);
  for (size_t i = 0; i < arm->n; i++)
    text_format(&text, "%swithout %s", text.size == 0 ? "" : " ", arm->ids[i]);
  const char *label = arena_text(&s->out->arena, text.data);
  text_free(&text);
  return label;
}

/* Point `index` of an arm: the last axis turns fastest. */
static struct sweep_point make_point(struct sweeping *s, const struct arm *arm,
                                     size_t index, const char *seed) {
  struct compose_override *sets =
      arena_array(&s->out->arena, s->n_axes + s->n_overrides + 1, sizeof *sets);
  size_t n = 0, rest = index, kept = 0;
  for (size_t i = 0; i < s->n_axes; i++) kept += !in_arm(arm, s->axes[i].owner);
  n = kept;
  for (size_t i = s->n_axes; i-- > 0;) {
    const struct axis *axis = &s->axes[i];
    if (in_arm(arm, axis->owner)) continue;
    sets[--kept] =
        (struct compose_override){axis->name, axis->values[rest % axis->n], "sweep", NULL};
    rest /= axis->n;
  }
  struct sweep_point point = {.overrides = sets, .without = arm->ids, .n_without = arm->n};
  point.label = label_of(s, arm, sets, n);
  if (seed != NULL) sets[n++] = (struct compose_override){"seed", seed, "sweep", NULL};
  for (size_t i = 0; i < s->n_overrides; i++) sets[n++] = s->overrides[i];
  point.n_overrides = n;
  return point;
}

static void check_size(struct sweeping *s, size_t runs) {
  struct place at = s->budget != NULL ? s->budget->at : s->out->recipe.root->at;
  if (s->budget_runs > 0 && runs > (uint64_t)s->budget_runs)
    diagnose(&s->diagnostics, "P401", origin_at(at),
             "the sweep has %zu runs; its budget is %lld", runs, (long long)s->budget_runs);
  else if (runs > RUNS_MOST)
    diagnose(&s->diagnostics, "P401", origin_at(at),
             "the sweep has %s runs; at most %d are made",
             runs == SIZE_MAX ? "countless" : "too many", RUNS_MOST);
}

static size_t count_runs(struct sweeping *s) {
  size_t total = 0, *counts = arena_array(&s->out->arena, s->n_arms, sizeof *counts);
  for (size_t i = 0; i < s->n_arms; i++) {
    size_t n = arm_points(s, &s->arms[i]);
    if (i == 0)
      s->out->n_whole = n;
    else
      counts[i - 1] = n;
    if (__builtin_add_overflow(total, n, &total)) return SIZE_MAX;
  }
  s->out->n_arm = counts;
  s->out->n_arms = s->n_arms - 1;
  s->out->n_seeds = s->n_seeds;
  return __builtin_mul_overflow(total, s->n_seeds, &total) ? SIZE_MAX : total;
}

void sweep_make_points(struct sweeping *s) {
  size_t runs = count_runs(s);
  check_size(s, runs);
  if (json_array_size(s->diagnostics.list) > 0) return;
  s->out->points = arena_array(&s->out->arena, runs, sizeof *s->out->points);
  for (size_t seed = 0; seed < s->n_seeds; seed++)
    for (size_t arm = 0; arm < s->n_arms; arm++)
      for (size_t i = 0, n = arm_points(s, &s->arms[arm]); i < n; i++)
        s->out->points[s->out->n_points++] =
            make_point(s, &s->arms[arm], i, s->seeds[seed]);
}

enum { TOLD_MOST = 50, POINTS_NAMED = 4 };

/* What was said of points so far: each finding once, with the points it is about. */
struct findings {
  json_t *bare; /* as composed                     */
  json_t *told; /* the same with notes             */
  size_t points[TOLD_MOST];
};

static size_t find_known(const struct findings *findings, const json_t *row) {
  size_t i = 0, n = json_array_size(findings->bare);
  while (i < n && !json_equal(json_array_get(findings->bare, i), row)) i++;
  return i;
}

static void add_finding(struct findings *findings, json_t *row, const char *label) {
  size_t at = find_known(findings, row);
  if (at >= TOLD_MOST) return;
  if (at == json_array_size(findings->bare)) {
    json_array_append_new(findings->bare, json_deep_copy(row));
    json_array_append(findings->told, row);
  }
  if (label[0] != 0 && findings->points[at]++ < POINTS_NAMED)
    diagnostic_note(json_array_get(findings->told, at), "at the point %s", label);
}

static void count_points(const struct findings *findings) {
  for (size_t i = 0; i < json_array_size(findings->told); i++)
    if (findings->points[i] > POINTS_NAMED)
      diagnostic_note(json_array_get(findings->told, i), "and at %zu more points",
                      findings->points[i] - POINTS_NAMED);
}

/* Of all seeds: they change nothing about whether a point can be composed. */
static void refuse_point(struct sweeping *s, size_t point, const json_t *diagnostics) {
  size_t of_seed = s->out->n_points / s->n_seeds;
  const json_t *first = json_array_get(diagnostics, 0);
  const char *text = json_string_value(json_object_get(first, "text"));
  const char *why = arena_text(&s->out->arena, text != NULL ? text : "refused");
  for (size_t i = point; i < s->out->n_points; i += of_seed)
    s->out->points[i].refused = why;
  s->out->n_refused++;
}

static void check_point(struct sweeping *s, size_t point, struct findings *findings) {
  struct composed composed;
  sweep_compose(s->out, point, s->registry, s->machine, &composed);
  if (json_array_size(composed.diagnostics) > 0)
    refuse_point(s, point, composed.diagnostics);
  for (size_t k = 0; k < json_array_size(composed.diagnostics); k++)
    add_finding(findings, json_array_get(composed.diagnostics, k),
                s->out->points[point].label);
  composed_free(&composed);
}

void sweep_check_points(struct sweeping *s) {
  size_t n = s->out->n_points / s->n_seeds;
  struct findings findings = {.bare = json_array(), .told = json_array()};
  for (size_t i = 0; i < n; i++) check_point(s, i, &findings);
  count_points(&findings);
  bool none_is_left = s->out->n_refused == n;
  json_array_extend(none_is_left ? s->out->diagnostics : s->out->refusals, findings.told);
  json_decref(findings.bare);
  json_decref(findings.told);
}
