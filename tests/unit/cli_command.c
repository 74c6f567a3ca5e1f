/*
 * cli_command.c - the built command, as people and programs call it.
 *
 * What runs a model uses the one that ships, on a few tokens.
 */
#include "testing.h"

#include "cli/cli.h"
#include "run/metrics.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scene {
  char *dir, *catalog, *model;
};

static int set_up(void **state) {
  struct scene *scene = calloc(1, sizeof *scene);
  if (scene == NULL) return -1;
  scene->dir = testing_scratch();
  scene->model = testing_source("models/kjv-2m-f16.gguf");
  *state = scene;
  return asprintf(&scene->catalog, "%s/catalog.db", scene->dir) < 0;
}

static int tear_down(void **state) {
  struct scene *scene = *state;
  testing_remove(scene->dir);
  free(scene->catalog);
  free(scene->model);
  free(scene);
  return 0;
}

static bool model_is_there(const struct scene *scene) {
  if (access(scene->model, R_OK) == 0) return true;
  testing_skip_without("models/kjv-2m-f16.gguf");
  return false;
}

/* A recipe over the shipped model, with these lines; the caller frees the path. */
static char *recipe(const struct scene *scene, const char *name, const char *lines) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s.lua", scene->dir, name) < 0) abort();
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file, "return infer { name = \"%s\", seed = 3, model \"%s\",\n%s\n}\n", name,
          scene->model, lines);
  fclose(file);
  return path;
}

#define PROMPT "prompts { \"In the beginning\" }, sample { length = 8, ignore_end = true },"

static struct testing_output ridge(const struct scene *scene, const char *const *words) {
  const char *all[32] = {"--catalog", scene->catalog};
  size_t n = 2;
  for (size_t i = 0; words[i] != NULL && n < 31; i++) all[n++] = words[i];
  return testing_ridge(all);
}
#define RIDGE(scene, ...) ridge((scene), (const char *const[]){__VA_ARGS__, NULL})

/* The last line of standard output, as JSON; the output is freed. */
static json_t *last_json(struct testing_output *output) {
  size_t n = output->out_bytes;
  assert_true(n > 0 && output->out[n - 1] == '\n');
  output->out[n - 1] = 0;
  const char *last = strrchr(output->out, '\n');
  json_error_t error;
  json_t *json = json_loads(last != NULL ? last + 1 : output->out, 0, &error);
  if (json == NULL) fail_msg("%s in: %.200s", error.text, output->out);
  testing_output_free(output);
  return json;
}

static const char *text_of(const json_t *json, const char *key) {
  const char *text = json_string_value(json_object_get(json, key));
  return text != NULL ? text : "";
}

/* Words --------------------------------------------------------------------------- */

static void help_names_every_verb_and_every_verb_helps(void **state) {
  const struct scene *s = *state;
  size_t n;
  const struct cli_verb *verbs = cli_verbs(&n);
  struct testing_output help = RIDGE(s, "--help");
  assert_int_equal(help.exit, 0);
  for (size_t i = 0; i < n; i++) {
    if (verbs[i].hidden) continue;
    char usage[64];
    snprintf(usage, sizeof usage, "usage: ridge %s", verbs[i].name);
    assert_non_null(strstr(help.out, verbs[i].name));
    struct testing_output own = RIDGE(s, verbs[i].name, "--help");
    if (own.exit != 0 || strstr(own.out, usage) == NULL)
      fail_msg("ridge %s --help: exit %d, %.200s", verbs[i].name, own.exit, own.out);
    testing_output_free(&own);
  }
  testing_output_free(&help);
}

static void version_names_commit_and_compiler(void **state) {
  (void)state;
  struct testing_output output = testing_ridge((const char *const[]){"--version", NULL});
  assert_int_equal(output.exit, 0);
  assert_true(strncmp(output.out, "ridge ", 6) == 0);
  assert_non_null(strstr(output.out, "commit"));
  testing_output_free(&output);
}

static void a_usage_error_is_one_sentence_and_exit_2(void **state) {
  const struct scene *s = *state;
  static const struct {
    const char *words[4], *said;
  } cases[] = {
      {{NULL}, "a verb is missing"},
      {{"rnu"}, "did you mean `run`?"},
      {{"--jsn"}, "did you mean `--json`?"},
      {{"run"}, "RECIPE is missing"},
      {{"run", "a.lua", "--sed=3"}, "did you mean `--se"},
      {{"run", "a.lua", "--set", "x"}, "NAME=VALUE"},
      {{"run", "a.lua", "--seed=x"}, "whole number"},
      {{"run", "/nowhere/a.lua"}, "/nowhere/a.lua"},
      {{"bench", "/nowhere/m.gguf"}, "/nowhere/m.gguf"},
      {{"probe", "--seconds", "0"}, "between"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct testing_output output = ridge(s, cases[i].words);
    if (output.exit != 2 || strstr(output.err, cases[i].said) == NULL)
      fail_msg("case %zu: exit %d, %s", i, output.exit, output.err);
    testing_output_free(&output);
  }
}

static void a_directory_of_plugins_that_is_not_there_is_refused(void **state) {
  const struct scene *s = *state;
  char *path = recipe(s, "plain", PROMPT);
  struct testing_output output = RIDGE(s, "run", path, "--plugins", "/nowhere/plugins");
  assert_int_equal(output.exit, 2);
  assert_non_null(strstr(output.err, "/nowhere/plugins"));
  testing_output_free(&output);
  free(path);
}

static void a_catalog_that_cannot_be_written_stops_the_run(void **state) {
  const struct scene *s = *state;
  char *path = recipe(s, "plain", PROMPT);
  struct testing_output output = testing_ridge(
      (const char *const[]){"run", path, "--catalog", "/proc/nowhere/catalog.db", NULL});
  assert_int_equal(output.exit, 1);
  assert_non_null(strstr(output.err, "/proc/nowhere"));
  testing_output_free(&output);
  free(path);
}

/* Runs ---------------------------------------------------------------------------- */

static void a_run_ends_with_one_object_that_holds_everything(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path =
      recipe(s, "one", "use \"kv.paged\", " PROMPT "measure { warmup = 1, repeats = 2 }");
  struct testing_output output = RIDGE(s, "run", path, "--json");
  assert_int_equal(output.exit, 0);
  json_t *run = last_json(&output);
  assert_true(json_integer_value(json_object_get(run, "run")) > 0);
  assert_string_equal(text_of(run, "status"), "done");
  assert_int_equal(json_integer_value(json_object_get(run, "exit")), 0);
  const json_t *metrics = json_object_get(run, "metrics");
  assert_true(json_number_value(json_object_get(metrics, "decode_tps")) > 0);
  assert_true(json_number_value(json_object_get(metrics, "prefill_tps")) > 0);
  assert_true(json_number_value(json_object_get(metrics, "peak_rss_bytes")) > 1e6);
  const json_t *samples = json_object_get(run, "samples");
  assert_int_equal(json_array_size(json_object_get(samples, "decode_tps")), 2);
  const json_t *strategy = json_array_get(json_object_get(run, "strategies"), 0);
  assert_string_equal(text_of(strategy, "id"), "kv.paged");
  assert_true(json_is_true(json_object_get(strategy, "requested")));
  assert_true(json_is_true(json_object_get(strategy, "engaged")));
  assert_true(json_object_size(json_object_get(strategy, "evidence")) > 0);
  assert_int_equal(json_array_size(json_object_get(run, "outputs")), 1);
  assert_int_equal(strlen(text_of(run, "composition")), 64);
  assert_int_equal(strlen(text_of(run, "plan")), 64);
  json_decref(run);
  free(path);
}

static void a_run_for_people_is_plain_when_piped(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "people", "use \"kv.paged\", " PROMPT);
  struct testing_output output = RIDGE(s, "run", path);
  assert_int_equal(output.exit, 0);
  assert_null(strchr(output.out, '\033'));
  assert_null(strchr(output.err, '\033'));
  assert_null(strchr(output.err, '\r'));
  static const char *const wanted[] = {"asked    kv.paged",      "memory ", "decode_tps\t",
                                       "kv.paged\texact\tyes\t", " done",   "ridge show "};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    if (strstr(output.out, wanted[i]) == NULL)
      fail_msg("no `%s` in: %s", wanted[i], output.out);
  testing_output_free(&output);
  free(path);
}

static void a_refused_recipe_exits_2_and_says_everything(void **state) {
  const struct scene *s = *state;
  char *path =
      recipe(s, "wrong", "use \"kv.pagd\", use \"kv.paged\" { blok = 1 }, " PROMPT);
  struct testing_output output = RIDGE(s, "run", path, "--json");
  assert_int_equal(output.exit, 2);
  assert_non_null(strstr(output.err, "did you mean `kv.paged`?"));
  assert_non_null(strstr(output.err, "did you mean `block`?"));
  json_t *run = last_json(&output);
  assert_string_equal(text_of(run, "status"), "refused");
  assert_int_equal(json_array_size(json_object_get(run, "diagnostics")), 2);
  assert_true(json_integer_value(json_object_get(run, "run")) > 0);
  json_decref(run);
  free(path);
}

static void an_inert_strategy_exits_3_unless_it_may_idle(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  /* One prompt: no second one whose beginning could be shared. */
  char *path = recipe(s, "inert", "use \"kv.paged\", use \"kv.prefix\", " PROMPT);
  struct testing_output output = RIDGE(s, "run", path, "--json");
  assert_int_equal(output.exit, 3);
  json_t *run = last_json(&output);
  assert_string_equal(text_of(run, "status"), "inert");
  assert_non_null(strstr(text_of(run, "why"), "kv.prefix"));
  json_decref(run);
  free(path);
  path =
      recipe(s, "idle", "use \"kv.paged\", use \"kv.prefix\" { may_idle = true }, " PROMPT);
  output = RIDGE(s, "run", path, "--json");
  assert_int_equal(output.exit, 0);
  testing_output_free(&output);
  free(path);
}

static void what_does_not_fit_exits_4_before_weights_are_read(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "large", PROMPT);
  struct testing_output output =
      RIDGE(s, "run", path, "--json", "--set", "engine.memory=1000000");
  assert_int_equal(output.exit, 4);
  json_t *run = last_json(&output);
  assert_string_equal(text_of(run, "status"), "refused");
  const json_t *first = json_array_get(json_object_get(run, "diagnostics"), 0);
  assert_string_equal(text_of(first, "code"), "P205");
  assert_null(json_object_get(json_object_get(run, "metrics"), "load_ms"));
  json_decref(run);
  free(path);
}

static void a_plan_runs_nothing_and_shows_every_origin(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "plan", "use \"kv.paged\", " PROMPT);
  struct testing_output output =
      RIDGE(s, "plan", path, "--json", "--set", "kv.paged.block=8");
  assert_int_equal(output.exit, 0);
  json_t *plan = last_json(&output);
  const json_t *origins = json_object_get(plan, "origins");
  const json_t *strategy = json_array_get(json_object_get(origins, "strategies"), 0);
  assert_string_equal(text_of(json_object_get(strategy, "params"), "block"), "command");
  assert_string_equal(text_of(json_object_get(origins, "settings"), "sample.length"),
                      "recipe");
  assert_string_equal(text_of(json_object_get(origins, "settings"), "engine.rows"),
                      "default");
  const json_t *detail = json_object_get(plan, "detail");
  assert_true(json_array_size(json_object_get(detail, "kernels")) > 0);
  assert_true(
      json_integer_value(json_object_get(json_object_get(detail, "memory"), "total")) > 0);
  assert_null(json_object_get(plan, "run"));
  json_decref(plan);
  free(path);
}

static void what_was_left_to_the_host_is_shown_with_what_it_became(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "settled", PROMPT);
  struct testing_output output = RIDGE(s, "plan", path, "--set", "engine.context=300");
  assert_int_equal(output.exit, 0);
  assert_non_null(strstr(output.out, "engine.threads\t0 -> "));
  assert_non_null(strstr(output.out, "default -> the machine"));
  assert_non_null(strstr(output.out, "engine.context\t300\tcommand\t-\n"));
  testing_output_free(&output);
  output = RIDGE(s, "run", path, "--quiet");
  assert_int_equal(output.exit, 0);
  assert_int_equal(output.out_bytes, 0);
  testing_output_free(&output);
  output = RIDGE(s, "show", "settled");
  assert_non_null(strstr(output.out, "engine.threads\t0 -> "));
  assert_non_null(strstr(output.out, "engine.context\t0 -> "));
  testing_output_free(&output);
  free(path);
}

static void the_unmodified_model_has_its_own_row_of_memory(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *text = testing_source("models/kjv-valid.txt"), *lines = NULL;
  assert_true(asprintf(&lines,
                       "use \"weights.rtn\", perplexity { file = \"%s\", context = 64, "
                       "chunks = 2 }",
                       text) > 0);
  char *path = recipe(s, "beside", lines);
  struct testing_output output = RIDGE(s, "plan", path, "--json");
  json_t *plan = last_json(&output);
  const json_t *memory = json_object_get(json_object_get(plan, "detail"), "memory");
  static const char *const parts[] = {"weights",   "cache",       "activations",
                                      "scratch",   "draft_model", "unmodified_model",
                                      "strategies"};
  json_int_t sum = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    sum += json_integer_value(json_object_get(memory, parts[i]));
  assert_true(json_integer_value(json_object_get(memory, "unmodified_model")) > 4000000);
  assert_int_equal(sum, json_integer_value(json_object_get(memory, "total")));
  json_decref(plan);
  free(path);
  free(lines);
  free(text);
}

/* The shipped model's token table is its head too: read whole, so rounded. */
static void a_plan_says_what_becomes_of_the_weights_and_why_some_are_left(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "weights", "use \"weights.rtn\" { bits = 8 }, " PROMPT);
  static const char *const except[] = {"weights.rtn.except=",
                                       "weights.rtn.except=token_embd.*"};
  for (size_t i = 0; i < 2; i++) {
    struct testing_output output = RIDGE(s, "plan", path, "--json", "--set", except[i]);
    json_t *plan = last_json(&output);
    const json_t *rows = json_object_get(json_object_get(plan, "detail"), "weights"), *row;
    json_int_t changed = 0, left = 0;
    size_t k;
    json_array_foreach(rows, k, row) {
      bool is_left = text_of(row, "why")[0] != 0;
      bool table =
          strcmp(json_string_value(json_array_get(json_object_get(row, "names"), 0)),
                 "token_embd.weight") == 0;
      if (table) assert_true(is_left == (i == 1));
      if (table && is_left)
        assert_string_equal(text_of(row, "why"), "no strategy chose it");
      *(is_left ? &left : &changed) += json_integer_value(json_object_get(row, "tensors"));
    }
    assert_int_equal(changed, i == 0 ? 22 : 21);
    assert_int_equal(changed + left, 29);
    json_decref(plan);
  }
  free(path);
}

static void plan_and_run_name_the_same_plan(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "same", "use \"kv.paged\", " PROMPT);
  struct testing_output planned = RIDGE(s, "plan", path, "--json");
  struct testing_output done = RIDGE(s, "run", path, "--json");
  json_t *plan = last_json(&planned), *run = last_json(&done);
  assert_string_equal(text_of(plan, "plan"), text_of(run, "plan"));
  assert_string_equal(text_of(plan, "composition"), text_of(run, "composition"));
  json_decref(plan);
  json_decref(run);
  free(path);
}

static void a_bench_is_a_run_for_each_depth(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  struct testing_output output =
      RIDGE(s, "bench", s->model, "--prefill=8", "--decode=4", "--depth=0,16", "--repeat=1",
            "--use", "kv.paged,block=8", "--json");
  assert_int_equal(output.exit, 0);
  json_t *bench = last_json(&output);
  const json_t *runs = json_object_get(bench, "runs");
  assert_int_equal(json_array_size(runs), 2);
  for (size_t i = 0; i < 2; i++) {
    const json_t *metrics = json_object_get(json_array_get(runs, i), "metrics");
    assert_true(json_number_value(json_object_get(metrics, "decode_tps")) > 0);
  }
  json_decref(bench);
}

static void a_sweep_runs_every_point_and_arm(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *base = recipe(s, "swept", "use \"kv.paged\", " PROMPT), *path = NULL;
  assert_true(asprintf(&path, "%s/sweep.lua", s->dir) > 0);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs("return sweep { name = \"blocks\", of \"swept\",\n"
        "  vary \"kv.paged\" { block = each { 8, 16 } }, without \"kv.paged\", seeds { 1, "
        "2 } }\n",
        file);
  fclose(file);
  struct testing_output output = RIDGE(s, "run", path, "--json");
  assert_int_equal(output.exit, 0);
  json_t *sweep = last_json(&output);
  assert_int_equal(json_array_size(json_object_get(sweep, "runs")), 6); /* (2 + 1) * 2 */
  json_decref(sweep);
  output = RIDGE(s, "run", path, "--seed=4");
  assert_int_equal(output.exit, 2);
  testing_output_free(&output);
  free(base);
  free(path);
}

/* Where two settings do not go together, the points where others do are still worth it. */
static void a_refused_point_is_a_row_of_its_sweep_and_the_others_run(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *base = recipe(s, "swept_too",
                      "use \"logits.top_k\" { k = 5 }, prompts { \"In the\" }, sample { "
                      "temperature = 0.5, length = 4, ignore_end = true },"),
       *path = NULL;
  assert_true(asprintf(&path, "%s/sweep_too.lua", s->dir) > 0);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs("return sweep { of \"swept_too\",\n"
        "  vary \"sample\" { temperature = each { 0, 0.8 } } }\n",
        file);
  fclose(file);
  struct testing_output output = RIDGE(s, "plan", path);
  assert_int_equal(output.exit, 2);
  assert_non_null(strstr(output.out, "sample.temperature=0.0  refused: `logits.top_k`"));
  assert_non_null(strstr(output.err, "1 of 2 points is refused; the others can be run."));
  testing_output_free(&output);
  output = RIDGE(s, "run", path);
  assert_int_equal(output.exit, 2);
  const char *told = strstr(output.err, "error P203"), *first = strstr(output.err, "1/2");
  assert_true(told != NULL && first != NULL && told < first); /* before any work */
  assert_null(strstr(told + 1, "error P203"));                /* and once        */
  assert_non_null(strstr(output.out, "refused: `logits.top_k` cannot run"));
  testing_output_free(&output);
  output = RIDGE(s, "query",
                 "SELECT group_concat(status, ' ') AS ends FROM (SELECT status FROM run "
                 "WHERE sweep_id = (SELECT max(sweep_id) FROM sweep) ORDER BY run_id)");
  assert_non_null(strstr(output.out, "refused done"));
  testing_output_free(&output);
  output = RIDGE(s, "query",
                 "SELECT s.status, count(d.code) AS n FROM sweep s JOIN run r USING "
                 "(sweep_id) JOIN diagnostic d USING (run_id) WHERE sweep_id = (SELECT "
                 "max(sweep_id) FROM sweep)",
                 "--json");
  assert_non_null(strstr(output.out, "\"done\""));
  testing_output_free(&output);
  free(base);
  free(path);
}

static void an_ablation_leaves_out_each_strategy_in_turn(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path =
      recipe(s, "ablated", "use \"kv.paged\", use \"weights.rtn\" { bits = 8 }, " PROMPT);
  struct testing_output output = RIDGE(s, "ablate", path, "--repeat=2", "--json");
  assert_int_equal(output.exit, 0);
  json_t *ablation = last_json(&output);
  const json_t *arms = json_object_get(ablation, "arms");
  static const char *const names[] = {"whole", "plain", "kv.paged", "weights.rtn"};
  assert_int_equal(json_array_size(arms), 4);
  for (size_t i = 0; i < 4; i++) {
    const json_t *arm = json_array_get(arms, i);
    assert_string_equal(text_of(arm, "arm"), names[i]);
    assert_int_equal(json_array_size(json_object_get(arm, "runs")), 2);
  }
  /* Eight bits a weight instead of sixteen, and a scale: a bit more than half. */
  const json_t *effects = json_object_get(json_array_get(arms, 3), "effects");
  double ratio =
      json_number_value(json_object_get(json_object_get(effects, "weight_bytes"), "ratio"));
  assert_true(ratio > 0.4 && ratio < 0.9);
  json_decref(ablation);
  free(path);
}

static void a_recipe_is_compared_with_the_run_it_names(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *plain = recipe(s, "standard", PROMPT);
  char *path = recipe(s, "against", "use \"kv.paged\", against \"standard\", " PROMPT);
  struct testing_output first = RIDGE(s, "run", path, "--json"),
                        second = RIDGE(s, "run", path, "--json");
  json_t *made = last_json(&first), *found = last_json(&second);
  const json_t *a = json_object_get(made, "against"),
               *b = json_object_get(found, "against");
  assert_true(json_is_true(json_object_get(a, "made")));
  assert_false(json_is_true(json_object_get(b, "made")));
  assert_true(json_equal(json_object_get(a, "run"), json_object_get(b, "run")));
  assert_true(
      json_number_value(json_object_get(json_object_get(a, "ratios"), "decode_tps")) > 0);
  json_decref(made);
  json_decref(found);
  free(plain);
  free(path);
}

/* The machine --------------------------------------------------------------------- */

static void a_probe_is_stored_and_makes_plans_predict(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "predicted", PROMPT);
  struct testing_output probe = RIDGE(s, "probe", "--seconds=0.2", "--json");
  assert_int_equal(probe.exit, 0);
  json_t *speed = last_json(&probe);
  assert_true(json_is_true(json_object_get(speed, "stored")));
  struct testing_output output = RIDGE(s, "plan", path, "--json");
  json_t *plan = last_json(&output);
  const json_t *predicted = json_object_get(json_object_get(plan, "detail"), "predicted");
  assert_true(json_number_value(json_object_get(predicted, "decode_tps")) > 0);
  assert_int_equal(json_integer_value(json_object_get(predicted, "calibration")), 1);
  const json_t *stages = json_object_get(predicted, "stages"), *stage;
  size_t i;
  assert_int_equal(json_array_size(stages), 2); /* a prompt, a generated token */
  json_array_foreach(stages, i, stage) {
    double limit = json_number_value(json_object_get(stage, "limit_seconds"));
    assert_true(limit > 0);
    assert_true(json_number_value(json_object_get(stage, "seconds")) >= limit);
    assert_true(json_array_size(json_object_get(stage, "kinds")) > 3);
  }
  json_decref(speed);
  json_decref(plan);
  free(path);
}

static double of_phase(const json_t *phase, const char *key) {
  return json_number_value(json_object_get(phase, key));
}

/* Operators lie in the model's time, the model in the step's. */
static void a_roofline_sets_prompts_and_generated_tokens_apart(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char *path = recipe(s, "roofline", PROMPT), svg[512];
  snprintf(svg, sizeof svg, "%s.svg", path);
  struct testing_output probe = RIDGE(s, "probe", "--seconds=0.2", "--json");
  assert_int_equal(probe.exit, 0);
  testing_output_free(&probe);
  struct testing_output run = RIDGE(s, "run", path, "--json");
  assert_int_equal(run.exit, 0);
  testing_output_free(&run);
  struct testing_output output =
      RIDGE(s, "show", "last", "--roofline", "--svg", svg, "--json");
  assert_int_equal(output.exit, 0);
  json_t *shown = last_json(&output);
  const json_t *roofline = json_object_get(shown, "roofline");
  const json_t *phases = json_object_get(roofline, "phases"), *phase;
  static const char *const names[] = {"prompt", "decode"};
  size_t i;
  assert_true(of_phase(roofline, "flops") > 0 && of_phase(roofline, "calibration") > 0);
  assert_true(json_is_true(json_object_get(roofline, "planned")));
  assert_int_equal(json_array_size(phases), 2);
  json_array_foreach(phases, i, phase) {
    const json_t *all = json_object_get(phase, "all");
    assert_string_equal(text_of(phase, "phase"), names[i]);
    assert_true(of_phase(phase, "model_seconds") <= of_phase(phase, "step_seconds"));
    assert_true(of_phase(all, "seconds") <= of_phase(phase, "model_seconds"));
    assert_true(of_phase(all, "seconds") > 0 && of_phase(all, "limit_seconds") > 0);
  }
  assert_int_equal(access(svg, R_OK), 0);
  json_decref(shown);
  free(path);
}

static void a_doctor_gives_advice_for_everything_odd(void **state) {
  const struct scene *s = *state;
  struct testing_output output = RIDGE(s, "doctor", "--json");
  json_t *doctor = last_json(&output);
  const json_t *findings = json_object_get(doctor, "findings"), *row;
  size_t i;
  assert_true(json_array_size(findings) > 5);
  json_array_foreach(findings, i, row)
    if (strcmp(text_of(row, "state"), "ok") != 0)
      assert_string_not_equal(text_of(row, "advice"), "");
  json_decref(doctor);
}

static void every_metric_of_the_host_is_explained_once(void **state) {
  (void)state;
  size_t n;
  const struct catalog_metric *metrics = metric_list(&n);
  for (size_t i = 0; i < n; i++) {
    assert_ptr_equal(metric_find(metrics[i].name), &metrics[i]);
    assert_true(strlen(metrics[i].doc) > 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(help_names_every_verb_and_every_verb_helps),
      cmocka_unit_test(version_names_commit_and_compiler),
      cmocka_unit_test(a_usage_error_is_one_sentence_and_exit_2),
      cmocka_unit_test(a_directory_of_plugins_that_is_not_there_is_refused),
      cmocka_unit_test(a_catalog_that_cannot_be_written_stops_the_run),
      cmocka_unit_test(a_run_ends_with_one_object_that_holds_everything),
      cmocka_unit_test(a_run_for_people_is_plain_when_piped),
      cmocka_unit_test(a_refused_recipe_exits_2_and_says_everything),
      cmocka_unit_test(an_inert_strategy_exits_3_unless_it_may_idle),
      cmocka_unit_test(what_does_not_fit_exits_4_before_weights_are_read),
      cmocka_unit_test(a_plan_runs_nothing_and_shows_every_origin),
      cmocka_unit_test(what_was_left_to_the_host_is_shown_with_what_it_became),
      cmocka_unit_test(the_unmodified_model_has_its_own_row_of_memory),
      cmocka_unit_test(a_plan_says_what_becomes_of_the_weights_and_why_some_are_left),
      cmocka_unit_test(plan_and_run_name_the_same_plan),
      cmocka_unit_test(a_bench_is_a_run_for_each_depth),
      cmocka_unit_test(a_sweep_runs_every_point_and_arm),
      cmocka_unit_test(a_refused_point_is_a_row_of_its_sweep_and_the_others_run),
      cmocka_unit_test(an_ablation_leaves_out_each_strategy_in_turn),
      cmocka_unit_test(a_recipe_is_compared_with_the_run_it_names),
      cmocka_unit_test(a_probe_is_stored_and_makes_plans_predict),
      cmocka_unit_test(a_roofline_sets_prompts_and_generated_tokens_apart),
      cmocka_unit_test(a_doctor_gives_advice_for_everything_odd),
      cmocka_unit_test(every_metric_of_the_host_is_explained_once),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
