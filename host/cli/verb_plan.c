/* verb_plan.c - `ridge plan RECIPE`: everything `run` would do, nothing done. */
#include "cli/print_json.h"
#include "cli/prose.h"
#include "cli/render_plan.h"
#include "cli/run_sweep.h"
#include "cli/view.h"

#include <stdio.h>

static json_t *plan_json(const struct outcome *o) {
  json_t *out = outcome_json(o);
  /* What is measured or written down only by a run has no place here. */
  static const char *const not_here[] = {"run",    "uid",   "metrics", "samples",
                                         "warmup", "parts", "outputs", "inputs",
                                         "output", "blamed"};
  for (size_t i = 0; i < sizeof not_here / sizeof *not_here; i++)
    json_object_del(out, not_here[i]);
  json_object_set(out, "resolved", o->resolved != NULL ? o->resolved : json_null());
  json_object_set(out, "origins", o->origins != NULL ? o->origins : json_null());
  json_object_set(out, "detail", o->plan != NULL ? o->plan : json_null());
  return out;
}

static void print_plan(const struct cli *cli, const struct outcome *o) {
  if (o->plan == NULL) return; /* why is told already */
  render_composition(cli, o->resolved, o->origins, o->plan);
  render_plan(cli, o->plan);
  printf("\n");
  prose_format(0, 2, "%s: nothing was run.  composition %.12s, task %.12s, seed %lld",
               o->name, o->composition, o->task, (long long)o->seed);
}

int verb_plan(struct cli *cli, int argc, char **argv) {
  static const struct run_words nothing;
  struct run_words words = nothing;
  struct outcome outcome;
  struct run_once_options options = {.plan_only = true};
  const struct cli_option rows[] = {RUN_WORD_ROWS(&words)};
  int exit = options_parse(cli, "plan", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit < 0) exit = run_words_read(cli, "plan", &words, &options);
  if (exit >= 0) return exit;
  if (recipe_is_sweep(cli, words.recipe))
    return run_sweep(cli, words.recipe, &options, false);
  options.outcome = &outcome;
  exit = run_recipe_once(cli, words.recipe, &options, NULL);
  if (cli->json)
    print_json(plan_json(&outcome));
  else
    print_plan(cli, &outcome);
  outcome_free(&outcome);
  return exit;
}
