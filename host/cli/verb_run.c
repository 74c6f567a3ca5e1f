/* verb_run.c - `ridge run RECIPE`: plan, execute, write down, judge. */
#include "cli/against.h"
#include "cli/print_json.h"
#include "cli/run_sweep.h"
#include "cli/view.h"

static void print_run_json(const struct outcome *outcome, const struct against *against) {
  json_t *out = outcome_json(outcome);
  json_object_set_new(out, "against", against_json(against, outcome));
  print_json(out);
}

static int run_one(struct cli *cli, const struct run_words *words,
                   struct run_once_options *options) {
  struct outcome outcome;
  struct against against;
  struct person_view view;
  if (words->quiet)
    quiet_view_init(&view, cli);
  else
    person_view_init(&view, cli);
  if (!cli->json) options->view = &view.view;
  options->outcome = &outcome;
  int exit = run_recipe_once(cli, words->recipe, options, NULL);
  against_take(cli, &outcome, words->quiet, &against);
  if (cli->json)
    print_run_json(&outcome, &against);
  else if (!words->quiet)
    against_print(cli, &against, &outcome);
  against_free(&against);
  outcome_free(&outcome);
  return exit;
}

int verb_run(struct cli *cli, int argc, char **argv) {
  static const struct run_words nothing;
  struct run_words words = nothing;
  struct run_once_options options = {0};
  const struct cli_option rows[] = {
      RUN_WORD_ROWS(&words),
      {.name = "--repeat",
       .value = "N",
       .kind = OPTION_INT,
       .to = &words.repeat,
       .lo = 1,
       .hi = 10000,
       .doc = "measured repeats (measure.repeats)"},
      {.name = "--quiet",
       .kind = OPTION_FLAG,
       .to = &words.quiet,
       .doc = "only problems are told; what is done stays the same"},
  };
  int exit = options_parse(cli, "run", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit < 0) exit = run_words_read(cli, "run", &words, &options);
  if (exit >= 0) return exit;
  if (recipe_is_sweep(cli, words.recipe))
    return run_sweep(cli, words.recipe, &options, words.quiet);
  return run_one(cli, &words, &options);
}
