/* sweep.c - a sweep recipe, resolved into the compositions it stands for. */
#include "compose/sweep.h"

#include "base/text.h"
#include "compose/sweep_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *stem(struct sweep *out, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
  return arena_bytes(&out->arena, base, strcspn(base, "."));
}

static json_t *axes_json(const struct sweeping *s) {
  json_t *axes = json_array();
  for (size_t i = 0; i < s->n_axes; i++)
    json_array_append_new(
        axes, json_pack("{s:s, s:O}", "name", s->axes[i].name, "values", s->axes[i].plain));
  return axes;
}

static json_t *arms_json(const struct sweeping *s) {
  json_t *arms = json_array();
  for (size_t i = 1; i < s->n_arms; i++) {
    json_t *ids = json_array();
    for (size_t k = 0; k < s->arms[i].n; k++)
      json_array_append_new(ids, json_string(s->arms[i].ids[k]));
    json_array_append_new(arms, ids);
  }
  return arms;
}

static json_t *definition(const struct sweeping *s) {
  return json_pack("{s:s, s:o, s:o, s:O, s:O, s:{s:I, s:f}, s:I}", "of", s->of->arg, "axes",
                   axes_json(s), "without", arms_json(s), "seeds", s->seeds_plain, "keep",
                   s->keep_plain, "budget", "runs", (json_int_t)s->budget_runs, "seconds",
                   s->out->budget_seconds, "runs", (json_int_t)s->out->n_points);
}

/* The base has to be a recipe in order before anything of it is varied. */
static bool check_base(struct sweeping *s) {
  struct compose_request request = {.overrides = s->overrides,
                                    .n_overrides = s->n_overrides};
  struct composed composed;
  compose_recipe(&s->out->base, s->registry, s->machine, &request, &composed);
  json_array_extend(s->out->diagnostics, composed.diagnostics);
  composed_free(&composed);
  return json_array_size(s->out->diagnostics) == 0;
}

static void set_and_varied(struct sweeping *s) {
  for (size_t k = 0; k < s->n_overrides; k++)
    if (s->seed_word != NULL && strcmp(s->overrides[k].name, "seed") == 0)
      diagnose(&s->diagnostics, "R003", origin_at(s->seed_word->at),
               "the seed is varied here and set by `--set`");
  for (size_t i = 0; i < s->n_axes; i++)
    for (size_t k = 0; k < s->n_overrides; k++)
      if (strcmp(s->axes[i].name, s->overrides[k].name) == 0)
        diagnose(&s->diagnostics, "R003", origin_at(s->axes[i].at),
                 "`%s` is varied here and set by `--set`", s->axes[i].name);
}

static ridge_status load_base(const char *self, struct sweeping *s, struct why *why) {
  char *path = recipe_find(s->out->recipe.path, s->of->arg);
  if (path == NULL) {
    json_t *row = diagnose(&s->diagnostics, "P301", origin_at(s->of->arg_at),
                           "there is no recipe `%s`", s->of->arg);
    diagnostic_help_recipe(row, s->out->recipe.path, s->of->arg);
    return RIDGE_OK;
  }
  char *here = getcwd(NULL, 0);
  size_t n = here == NULL ? 0 : strlen(here);
  bool inside = n > 0 && strncmp(path, here, n) == 0 && path[n] == '/';
  ridge_status status = recipe_load(self, inside ? path + n + 1 : path, &s->out->base, why);
  free(here);
  free(path);
  return status;
}

static void resolve(struct sweeping *s) {
  s->seeds = arena_array(&s->out->arena, 1, sizeof *s->seeds);
  s->n_seeds = 1;
  if (s->out->base.path == NULL || !check_base(s)) return;
  sweep_read_words(s);
  set_and_varied(s);
  if (json_array_size(s->diagnostics.list) == 0) sweep_make_points(s);
  if (json_array_size(s->diagnostics.list) > 0) return;
  sweep_check_points(s);
  s->out->definition = definition(s);
}

static void finish(struct sweeping *s) {
  json_t *own = diagnostics_sorted(&s->diagnostics);
  json_array_extend(own, s->out->diagnostics);
  json_decref(s->out->diagnostics);
  s->out->diagnostics = own;
  for (size_t i = 0; i < s->n_axes; i++) json_decref(s->axes[i].plain);
  json_decref(s->seeds_plain);
  json_decref(s->keep_plain);
  diagnostics_free(&s->diagnostics);
}

ridge_status sweep_open(const char *self, const char *path, const struct registry *registry,
                        const struct machine *machine,
                        const struct compose_override *overrides, size_t n,
                        struct sweep *out, struct why *why) {
  *out = (struct sweep){0};
  ridge_status status = recipe_load(self, path, &out->recipe, why);
  if (status != RIDGE_OK) return status;
  struct sweeping s = {.out = out,
                       .registry = registry,
                       .machine = machine,
                       .overrides = overrides,
                       .n_overrides = n};
  s.diagnostics = diagnostics_of(&out->recipe);
  s.seeds_plain = json_array();
  s.keep_plain = json_array();
  out->diagnostics = json_array();
  out->refusals = json_array();
  out->name = stem(out, path);
  diagnostics_add_faults(&s.diagnostics, out->recipe.faults);
  bool is_sweep =
      out->recipe.root != NULL && strcmp(out->recipe.root->keyword->name, "sweep") == 0;
  if (is_sweep)
    sweep_read_of(&s);
  else if (out->recipe.root != NULL)
    diagnose(&s.diagnostics, "R003", origin_at(out->recipe.root->at), "this is no `sweep`");
  if (s.of != NULL) status = load_base(self, &s, why);
  if (status == RIDGE_OK) resolve(&s);
  finish(&s);
  return status;
}

void sweep_compose(const struct sweep *sweep, size_t point, const struct registry *registry,
                   const struct machine *machine, struct composed *out) {
  const struct sweep_point *at = &sweep->points[point];
  struct compose_request request = {
      .overrides = at->overrides,
      .n_overrides = at->n_overrides,
      .without = at->without,
      .n_without = at->n_without,
  };
  compose_recipe(&sweep->base, registry, machine, &request, out);
}

static const char *number_word(size_t n) {
  static const char *const words[] = {"no",  "one",   "two",   "three", "four", "five",
                                      "six", "seven", "eight", "nine",  "ten"};
  return n < sizeof words / sizeof *words ? words[n] : NULL;
}

char *sweep_size_text(const struct sweep *sweep) {
  struct text out = text_new(4096);
  text_format(&out, "%zu point%s", sweep->n_whole, sweep->n_whole == 1 ? "" : "s");
  for (size_t i = 0; i < sweep->n_arms; i++)
    text_format(&out, "%s%zu",
                i == 0                  ? ", "
                : i + 1 < sweep->n_arms ? ", "
                                        : " and ",
                sweep->n_arm[i]);
  if (sweep->n_arms == 1)
    text_add(&out, " for the ablated arm");
  else if (sweep->n_arms > 1 && number_word(sweep->n_arms) != NULL)
    text_format(&out, " for the %s ablated arms", number_word(sweep->n_arms));
  else if (sweep->n_arms > 1)
    text_format(&out, " for the %zu ablated arms", sweep->n_arms);
  if (sweep->n_seeds > 1) text_format(&out, ", %zu seeds", sweep->n_seeds);
  text_format(&out, ": %zu run%s", sweep->n_points, sweep->n_points == 1 ? "" : "s");
  if (sweep->n_refused > 0)
    text_format(&out, ", %zu of them refused", sweep->n_refused * sweep->n_seeds);
  return out.data;
}

void sweep_free(struct sweep *sweep) {
  json_decref(sweep->diagnostics);
  json_decref(sweep->refusals);
  json_decref(sweep->definition);
  recipe_free(&sweep->recipe);
  recipe_free(&sweep->base);
  arena_free(&sweep->arena);
  *sweep = (struct sweep){0};
}
