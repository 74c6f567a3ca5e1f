/*
 * cli_mistakes.c - what somebody types wrong is told in the words that were typed, and
 * nothing that was asked for is silently left out.
 */
#include "testing.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 14 };

struct scene {
  char *dir, *catalog, *model, *recipe, *bad;
};

static char *write_file(const char *dir, const char *name, const char *text) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", dir, name) < 0) abort();
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  return path;
}

static int set_up(void **state) {
  struct scene *s = calloc(1, sizeof *s);
  char *text = NULL;
  if (s == NULL) return -1;
  s->dir = testing_scratch();
  s->model = testing_source("models/kjv-2m-f16.gguf");
  if (asprintf(&s->catalog, "%s/catalog.db", s->dir) < 0) abort();
  if (asprintf(&text,
               "return infer { name = \"mistaken\", seed = 3, model \"%s\", use "
               "\"kv.paged\",\nprompts { \"In the beginning\" }, sample { length = 4 } }\n",
               s->model) < 0)
    abort();
  s->recipe = write_file(s->dir, "mistaken.lua", text);
  s->bad = write_file(s->dir, "bad.gguf", "this is no model at all, but long enough\n");
  free(text);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct scene *s = *state;
  testing_remove(s->dir);
  free(s->catalog);
  free(s->model);
  free(s->recipe);
  free(s->bad);
  free(s);
  return 0;
}

static bool model_is_there(const struct scene *s) {
  if (access(s->model, R_OK) == 0) return true;
  testing_skip_without("models/kjv-2m-f16.gguf");
  return false;
}

static struct testing_output ridge(const struct scene *s, const char *const *words) {
  const char *all[MOST_WORDS + 4] = {"--catalog", s->catalog};
  for (size_t i = 0, n = 2; words[i] != NULL; i++) {
    assert_true(i < MOST_WORDS);
    const char *word = words[i];
    if (strcmp(word, "MODEL") == 0) word = s->model;
    if (strcmp(word, "RECIPE") == 0) word = s->recipe;
    if (strcmp(word, "BAD") == 0) word = s->bad;
    all[n++] = word;
  }
  return testing_ridge(all);
}
#define RIDGE(s, ...) ridge((s), (const char *const[]){__VA_ARGS__, NULL})

struct slip {
  const char *words[MOST_WORDS];
  const char *said;     /* in standard error   */
  const char *not_said; /* in neither; or NULL */
};

/* Each exits 2 and prints nothing but the error. */
static void refused(const struct scene *s, const struct slip *slips, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct testing_output output = ridge(s, slips[i].words);
    bool told = strstr(output.err, slips[i].said) != NULL;
    bool alien = slips[i].not_said != NULL && strstr(output.err, slips[i].not_said) != NULL;
    if (output.exit != 2 || !told || alien || output.out_bytes > 0)
      fail_msg("slip %zu: exit %d, wanted `%s`, not `%s`, in\n%s%s", i, output.exit,
               slips[i].said, slips[i].not_said, output.err, output.out);
    testing_output_free(&output);
  }
}
#define REFUSED(s, slips) refused((s), (slips), sizeof(slips) / sizeof *(slips))

/* Did you mean ... ---------------------------------------------------------------- */

static void a_slip_of_a_name_is_answered_with_the_name(void **state) {
  const struct scene *s = *state;
  static const struct slip slips[] = {
      {{"roofline", "--shape", "llama-2-7"}, "did you mean `llama-2-7b`?", NULL},
      {{"roofline", "--shape", "llama-2-7b", "--device", "a600"}, "mean `a6000`?", NULL},
      {{"roofline", "--shape", "zzzzzzzz"}, "--list names them", "did you mean"},
      {{"query", "costz"}, "did you mean `costs`?", NULL},
  };
  REFUSED(s, slips);
}

static void a_parameter_of_a_question_has_the_type_of_its_default(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  struct testing_output run = RIDGE(s, "run", "RECIPE", "--quiet");
  testing_output_free(&run);
  static const struct slip slips[] = {
      {{"query", "costs", "--param", "limit=abc"},
       "is \"abc\"; it takes a whole number",
       NULL},
      {{"query", "costs", "--param", "limit=1.5"}, "is 1.5; it takes a whole number", NULL},
      {{"query", "slower", "--param", "beyond=far"}, "it takes a number", NULL},
      {{"query", "SELECT 1 LIMIT 'x'"}, "where a whole number has to be", NULL},
      {{"show", "lst"}, "there is no run `lst`; did you mean `last`?", NULL},
  };
  REFUSED(s, slips);
}

static void what_would_be_looked_at_in_vain_is_refused(void **state) {
  const struct scene *s = *state;
  char *folder = testing_scratch();
  static const char *const verbs[] = {"run", "plan", "ablate"};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    struct testing_output output = RIDGE(s, verbs[i], "RECIPE", "--plugins", folder);
    assert_int_equal(output.exit, 2);
    assert_non_null(strstr(output.err, "there is no plugin (*.so) in it"));
    testing_output_free(&output);
  }
  struct testing_output output = RIDGE(s, "plugins", "--plugins", folder);
  assert_int_equal(output.exit, 2);
  testing_output_free(&output);
  output = RIDGE(s, "run", "RECIPE", "--catalog", "");
  assert_int_equal(output.exit, 2);
  testing_output_free(&output);
  testing_remove(folder);
}

/* Facts --------------------------------------------------------------------------- */

static void a_cache_asked_for_beside_a_strategy_that_replaces_it_is_refused(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char text[1024];
  snprintf(text, sizeof text,
           "return infer { model \"%s\", use \"kv.quant\", engine { cache = \"f32\" },\n"
           "prompts { \"In\" }, sample { length = 4 } }\n",
           s->model);
  char *path = write_file(s->dir, "in-vain.lua", text);
  const struct slip slips[] = {
      {{"run", path, "--quiet"}, "in-vain.lua:1:", NULL},
      {{"plan", path}, "\"f32\" would do nothing", NULL},
      {{"plan", path, "--set", "engine.cache=f16"}, "\"f16\" would do nothing", NULL},
  };
  REFUSED(s, slips);
  struct testing_output half = RIDGE(s, "plan", path, "--set", "engine.cache=f16", "--set",
                                     "kv.quant.keys=f16"); /* keys are as asked */
  assert_int_equal(half.exit, 0);
  testing_output_free(&half);
  free(path);
}

static void a_strategy_is_told_the_window_of_the_model(void **state) {
  const struct scene *s = *state;
  char text[1024], *model = testing_source("tests/data/models/tiny-mistral.gguf");
  snprintf(text, sizeof text,
           "return infer { model \"%s\", use \"good.asks_window\",\n"
           "bench { prefill = 4, decode = 2 } }\n",
           model);
  char *path = write_file(s->dir, "window.lua", text);
  struct testing_output output =
      RIDGE(s, "plan", path, "--plugins", TEST_BUILD_DIR "/good");
  assert_int_equal(output.exit, 2);
  assert_non_null(strstr(output.err, "llama with a window of "));
  assert_null(strstr(output.err, "a window of 0"));
  testing_output_free(&output);
  free(path);
  free(model);
}

/* In the user's words ------------------------------------------------------------- */

static void a_mistake_in_a_bench_is_told_of_the_word_that_was_typed(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  static const struct slip slips[] = {
      {{"bench", "MODEL", "--use", "kv.pagd"},
       "--use kv.pagd: error P101: no plugin `kv.pagd` is installed\n      = help: did you "
       "mean `kv.paged`?",
       ".lua"},
      {{"bench", "MODEL", "--use", "kv.paged,blok=8"},
       "--use kv.paged,blok=8: error P102",
       ".lua"},
      {{"bench", "MODEL", "--use", "kv.paged", "--use=kv.paged"},
       "--use kv.paged: it is used here first",
       ".lua"},
      {{"bench", "MODEL", "--use", "kv.paged,block=inf"},
       "it takes a whole number",
       "from the recipe"},
      {{"bench", "MODEL", "--use", "kv.paged,b-l=2"},
       "--use wants ID or ID,NAME=VALUE",
       NULL},
      {{"bench", "MODEL", "--prefill=0", "--decode=0"}, "error P105", ".lua"},
      {{"bench", "MODEL", "--prefill=100000"}, "less prefill, depth or decode", ".lua"},
      {{"bench", "BAD"}, "error P301", ".lua"},
  };
  REFUSED(s, slips);
}

static void a_value_of_set_that_planning_refuses_is_told_of_set(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  static const char *const verbs[] = {"run", "plan"};
  for (size_t i = 0; i < 2; i++) {
    char *set = NULL;
    if (asprintf(&set, "model.path=%s", s->bad) < 0) abort();
    struct testing_output output = RIDGE(s, verbs[i], "RECIPE", "--set", set);
    assert_int_equal(output.exit, 2);
    assert_non_null(strstr(output.err, "--set model.path="));
    assert_null(strstr(output.err, "mistaken.lua"));
    assert_null(strstr(output.out, "model.path")); /* no composition after the refusal */
    testing_output_free(&output);
    free(set);
  }
}

static void an_option_of_its_own_is_named_where_its_value_is_refused(void **state) {
  const struct scene *s = *state;
  static const struct slip slips[] = {
      {{"plan", "RECIPE", "--seed=-5"}, "--seed -5: error P104", "--set"},
  };
  REFUSED(s, slips);
}

/* Nothing silently left out ------------------------------------------------------- */

static void an_option_that_would_do_nothing_is_refused(void **state) {
  const struct scene *s = *state;
  static const struct slip slips[] = {
      {{"compare", "1", "2", "--repeat", "4"}, "--repeat is for two recipes", NULL},
      {{"compare", "a", "b", "--plugins", "."}, "--plugins is for two recipes", NULL},
      {{"compare", "RECIPE", "RECIPE", "--metric=decode_tbs"},
       "did you mean `decode_tps`?",
       "pair"},
      {{"ablate", "RECIPE", "--metric=speed"}, "no metric `speed`", "round"},
      {{"run", "RECIPE", "--seed=1", "--seed=2"}, "--seed is given twice", NULL},
      {{"run", "RECIPE", "--catalog", "x"}, "--catalog is given twice", NULL},
      {{"show", "1", "--plugins", "."}, "--plugins would do nothing", NULL},
      {{"vet", "x.so"}, "--catalog would do nothing", NULL},
      {{"techniques", "a", "--class=serving"}, "it would do nothing", NULL},
      {{"claims", "a", "--technique=b"}, "one technique is wanted", NULL},
      {{"query", "--param", "a=b"}, "--param would do nothing", NULL},
      {{"query", "--format=csv"}, "--format would do nothing", NULL},
      {{"--version", "run", "RECIPE"}, "--version stands alone", NULL},
  };
  REFUSED(s, slips);
}

static void a_usage_error_is_json_too_where_json_is_wanted(void **state) {
  const struct scene *s = *state;
  static const char *const cases[][MOST_WORDS] = {
      {"rnu", "--json"},
      {"--json"},
      {"run", "--json"},
      {"run", "a", "b", "--json"},
      {"show", "--json", "999"},
      {"show", "--json", "1", "\xff"},
      {"query", "--json", "nosuch"},
      {"--catalog", "--json"},
      {"compare", "--json", "1", "2", "--repeat=3"},
      {"bench", "--json", "/nowhere.gguf"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct testing_output output = ridge(s, cases[i]);
    json_t *said = json_loads(output.out, 0, NULL);
    if (output.exit != 2 || json_integer_value(json_object_get(said, "exit")) != 2 ||
        json_string_length(json_object_get(said, "error")) == 0)
      fail_msg("case %zu: exit %d, %s%s", i, output.exit, output.out, output.err);
    json_decref(said);
    testing_output_free(&output);
  }
}

static void the_version_is_json_too(void **state) {
  (void)state;
  struct testing_output output =
      testing_ridge((const char *const[]){"--version", "--json", NULL});
  json_t *said = json_loads(output.out, 0, NULL);
  assert_int_equal(output.exit, 0);
  assert_true(json_string_length(json_object_get(said, "version")) > 0);
  json_decref(said);
  testing_output_free(&output);
}

/* Plugins ------------------------------------------------------------------------- */

static void a_file_that_is_no_plugin_at_all_is_one_line(void **state) {
  const struct scene *s = *state;
  struct testing_output output = testing_ridge((const char *const[]){"vet", s->bad, NULL});
  assert_int_equal(output.exit, 1);
  assert_int_equal(output.out_bytes, 0);
  assert_non_null(strstr(output.err, "is no shared object"));
  assert_ptr_equal(strchr(output.err, '\n'), output.err + output.err_bytes - 1);
  testing_output_free(&output);
}

static struct testing_output make_new(const struct scene *s, const char *id) {
  char *folder = NULL;
  if (asprintf(&folder, "%s/%s", s->dir, id) < 0) abort();
  struct testing_output output =
      testing_ridge((const char *const[]){"new", id, folder, NULL});
  testing_remove(folder);
  return output;
}

static void a_new_strategy_says_which_seam_it_fills(void **state) {
  const struct scene *s = *state;
  static const struct {
    const char *id;
    int exit;
    const char *said;
  } cases[] = {
      {"kv.paged", 2, "`kv.paged` is installed already"},
      {"kv.mistaken", 0, "kv.store/1 "},
      {"logits.mistaken", 0, "fills the seam logits.shape/1"},
      {"mine.mistaken", 0, "headers in ridge/seam/"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct testing_output output = make_new(s, cases[i].id);
    const char *text = cases[i].exit == 0 ? output.out : output.err;
    if (output.exit != cases[i].exit || strstr(text, cases[i].said) == NULL)
      fail_msg("%s: exit %d, %s%s", cases[i].id, output.exit, output.out, output.err);
    testing_output_free(&output);
  }
}

/* Help ---------------------------------------------------------------------------- */

static void help_comes_in_every_way_it_is_asked_for(void **state) {
  const struct scene *s = *state;
  static const char *const ways[][MOST_WORDS] = {
      {"help", "new"}, {"--help", "new"}, {"new", "--help"}, {"new", "-h"}};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    struct testing_output output = ridge(s, ways[i]);
    assert_int_equal(output.exit, 0);
    assert_non_null(strstr(output.out, "usage: ridge new FAMILY.NAME [DIR]"));
    testing_output_free(&output);
  }
  struct testing_output all = RIDGE(s, "help");
  assert_int_equal(all.exit, 0);
  assert_non_null(strstr(all.out, "usage: ridge VERB"));
  testing_output_free(&all);
  static const struct slip slips[] = {{{"help", "rnu"}, "did you mean `run`?", NULL}};
  REFUSED(s, slips);
}

static void a_usage_line_names_every_option(void **state) {
  const struct scene *s = *state;
  struct testing_output output = RIDGE(s, "vet", "--help");
  assert_non_null(strstr(output.out, "usage: ridge vet FILE.so [--check NAME]\n"));
  testing_output_free(&output);
  output = RIDGE(s, "bench", "--help");
  char *end = strstr(output.out, "\nPrefill");
  assert_non_null(end);
  *end = 0;
  static const char *const options[] = {"MODEL",   "--prefill", "--decode", "--depth",
                                        "--batch", "--repeat",  "--use"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    assert_non_null(strstr(output.out, options[i]));
  testing_output_free(&output);
}

static void a_roofline_of_what_is_not_known_names_what_was_typed(void **state) {
  static const struct slip slips[] = {
      {{"roofline"}, "--shape names the model", NULL},
      {{"roofline", "--shape", "gigantic"}, "`gigantic` is not known", NULL},
      {{"roofline", "--shape", "llama-2-7b", "--device", "z80"},
       "`z80` is not known",
       NULL},
      {{"roofline", "--shape", "llama-2-7b", "--device", "i9-13900k", "--weights", "8",
        "--activations", "8", "--cache", "8", "--compat"},
       "i9-13900k has no int8 peak",
       NULL},
  };
  REFUSED((const struct scene *)*state, slips);
}

static void a_roofline_needs_neither_model_nor_machine(void **state) {
  const struct scene *s = *state;
  struct testing_output output = RIDGE(s, "roofline", "--shape", "llama-2-7b", "--device",
                                       "a6000", "--compat", "--json");
  assert_int_equal(output.exit, 0);
  json_t *answer = json_loads(output.out, 0, NULL);
  double seconds =
      json_number_value(json_object_get(json_object_get(answer, "prefill"), "seconds"));
  assert_true(seconds > 0.22685 && seconds < 0.22691); /* 226.88 ms */
  json_decref(answer);
  testing_output_free(&output);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cache_asked_for_beside_a_strategy_that_replaces_it_is_refused),
      cmocka_unit_test(a_strategy_is_told_the_window_of_the_model),
      cmocka_unit_test(a_slip_of_a_name_is_answered_with_the_name),
      cmocka_unit_test(a_parameter_of_a_question_has_the_type_of_its_default),
      cmocka_unit_test(what_would_be_looked_at_in_vain_is_refused),
      cmocka_unit_test(a_mistake_in_a_bench_is_told_of_the_word_that_was_typed),
      cmocka_unit_test(a_value_of_set_that_planning_refuses_is_told_of_set),
      cmocka_unit_test(an_option_of_its_own_is_named_where_its_value_is_refused),
      cmocka_unit_test(an_option_that_would_do_nothing_is_refused),
      cmocka_unit_test(a_usage_error_is_json_too_where_json_is_wanted),
      cmocka_unit_test(the_version_is_json_too),
      cmocka_unit_test(a_file_that_is_no_plugin_at_all_is_one_line),
      cmocka_unit_test(a_new_strategy_says_which_seam_it_fills),
      cmocka_unit_test(help_comes_in_every_way_it_is_asked_for),
      cmocka_unit_test(a_usage_line_names_every_option),
      cmocka_unit_test(a_roofline_of_what_is_not_known_names_what_was_typed),
      cmocka_unit_test(a_roofline_needs_neither_model_nor_machine),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
