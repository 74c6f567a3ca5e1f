/*
 * compose_identity.c - what a composition's name hangs on, and what it does not; and
 * what composing hands on to those who run it.
 */
#include "testing.h"

#include "base/canon.h"
#include "base/settings.h"
#include "plan/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static struct {
  struct fixture fixture;
  char *folder;
} world;

static struct composed compose_with(const char *body, const struct compose_override *sets,
                                    size_t n) {
  struct composed composed;
  struct why why = {""};
  char *path = fixture_write(world.folder, "r.lua", body, strlen(body));
  ridge_status status = compose_file(TEST_BUILD_DIR "/ridge", path, &world.fixture.registry,
                                     &world.fixture.machine, sets, n, &composed, &why);
  if (status != RIDGE_OK) print_error("%s\n", why.text);
  assert_int_equal(status, RIDGE_OK);
  if (json_array_size(composed.diagnostics) > 0) {
    char *text = compose_diagnostics_text(composed.diagnostics, false);
    print_error("%s", text);
    free(text);
  }
  assert_non_null(composed.composition);
  free(path);
  return composed;
}

static struct digest name_of(const char *body) {
  struct composed composed = compose_with(body, NULL, 0);
  struct digest digest = composed.digest;
  composed_free(&composed);
  return digest;
}

#define HEAD          "return infer { model \"m.gguf\", prompts { \"Once\" }, "
#define PAGED(fields) HEAD "use \"kv.paged\" { " fields " } }"

static void same_name(const char *a, const char *b) {
  assert_string_equal(name_of(a).hex, name_of(b).hex);
}

static void other_name(const char *a, const char *b) {
  assert_string_not_equal(name_of(a).hex, name_of(b).hex);
}

static void what_changes_nothing_changes_no_name(void **state) {
  (void)state;
  same_name(PAGED("block = 16"), PAGED(""));
  same_name(PAGED("block = 32, budget = 1024"), PAGED("budget = KiB, block = 8 * 4"));
  same_name(PAGED("block = 32"), PAGED("block = 32.0"));
  same_name(HEAD "}", "return infer { prompts { \"Once\" }, model { path = \"m.gguf\" } }");
  same_name(HEAD "seed = 3, name = \"x\" }", HEAD "seed = 4, name = \"y\" }");
  same_name(HEAD "measure { warmup = 3, repeats = 9 } }", HEAD "}");
  same_name(HEAD "floor = \"lossy\" }", HEAD "}");
  same_name(HEAD "sample { temperature = 1 } }", HEAD "sample { temperature = 1.0 } }");
  same_name(HEAD "sample { temperature = -0.0 } }", HEAD "sample { temperature = 0 } }");
}

static void what_changes_the_run_changes_the_name(void **state) {
  (void)state;
  other_name(PAGED("block = 16"), PAGED("block = 32"));
  other_name(PAGED(""), HEAD "}");
  other_name(HEAD "sample { length = 3 } }", HEAD "sample { length = 4 } }");
  other_name(HEAD "engine { threads = 1 } }", HEAD "engine { threads = 2 } }");
  other_name(HEAD "floor = \"exact\" }", HEAD "}");
  other_name(HEAD "use \"graph.fuse\", use \"kv.paged\" }",
             HEAD "use \"kv.paged\", use \"graph.fuse\" }");
}

static void the_task_is_what_is_left_without_strategies(void **state) {
  (void)state;
  struct composed with = compose_with(PAGED("block = 32"), NULL, 0),
                  without = compose_with(HEAD "}", NULL, 0),
                  longer = compose_with(HEAD "sample { length = 9 } }", NULL, 0);
  assert_string_equal(with.task.hex, without.task.hex);
  assert_string_not_equal(longer.task.hex, without.task.hex);
  composed_free(&with);
  composed_free(&without);
  composed_free(&longer);
}

static void a_value_of_the_command_line_is_the_value_of_the_recipe(void **state) {
  (void)state;
  const struct compose_override sets[] = {{"kv.paged.block", "64", "command", NULL}};
  struct composed set = compose_with(PAGED("block = 16"), sets, 1);
  struct digest written = name_of(PAGED("block = 64"));
  assert_string_equal(set.digest.hex, written.hex);
  const json_t *origins = json_array_get(json_object_get(set.origins, "strategies"), 0);
  assert_string_equal(
      json_string_value(json_object_get(json_object_get(origins, "params"), "block")),
      "command");
  composed_free(&set);
}

static void composing_twice_gives_the_same_bytes(void **state) {
  (void)state;
  const char *body = PAGED("block = 32");
  struct composed one = compose_with(body, NULL, 0), two = compose_with(body, NULL, 0);
  const json_t *of_one[] = {one.recipe, one.composition, one.origins, one.paths};
  const json_t *of_two[] = {two.recipe, two.composition, two.origins, two.paths};
  for (size_t i = 0; i < 4; i++) {
    char *a = canon_text(of_one[i]), *b = canon_text(of_two[i]);
    assert_string_equal(a, b);
    free(a);
    free(b);
  }
  composed_free(&one);
  composed_free(&two);
}

static void every_setting_in_effect_has_a_value_and_an_origin(void **state) {
  (void)state;
  struct composed composed = compose_with(
      HEAD "perplexity \"m.gguf\", bench { }, sample { stop = { \".\" } } }", NULL, 0);
  const json_t *settings = json_object_get(composed.composition, "settings"),
               *origins = json_object_get(composed.origins, "settings");
  size_t n, missing = 0;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++) {
    char name[128];
    snprintf(name, sizeof name, "%s.%s", rows[i].word, rows[i].field);
    missing += json_object_get(settings, name) == NULL;
    assert_true((json_object_get(settings, name) == NULL) ==
                (json_object_get(origins, name) == NULL));
  }
  assert_null(json_object_get(settings, "prompts.file"));   /* texts of its own */
  assert_null(json_object_get(settings, "prompts.system")); /* no conversation */
  assert_null(json_object_get(settings, "prompts.history"));
  assert_int_equal(missing, 3);
  composed_free(&composed);
}

static void files_are_absolute_in_paths_only(void **state) {
  (void)state;
  struct composed composed =
      compose_with(HEAD "use \"decode.draft\" { model = \"m.gguf\" } }", NULL, 0);
  const json_t *settings = json_object_get(composed.composition, "settings");
  assert_string_equal(json_string_value(json_object_get(settings, "model.path")), "m.gguf");
  const char *path = json_string_value(
      json_object_get(json_object_get(composed.paths, "settings"), "model.path"));
  assert_true(path[0] == '/' && access(path, R_OK) == 0);
  path = json_string_value(json_object_get(
      json_array_get(json_object_get(composed.paths, "strategies"), 0), "model"));
  assert_true(path[0] == '/' && access(path, R_OK) == 0);
  composed_free(&composed);
}

/* A recipe under a folder `recipes` finds what stands beside that folder. */
static void a_file_is_looked_for_beside_the_recipe_then_beside_recipes(void **state) {
  (void)state;
  char *recipes = NULL;
  assert_true(asprintf(&recipes, "%s/recipes", world.folder) > 0);
  mkdir(recipes, 0700);
  static const char body[] = "return infer { model \"m.gguf\", bench { } }";
  char *path = fixture_write(recipes, "below.lua", body, sizeof body - 1);
  for (int beside = 0; beside < 2; beside++) {
    struct composed composed;
    struct why why;
    char *own = beside ? fixture_write(recipes, "m.gguf", "x", 1) : NULL;
    assert_int_equal(compose_file(TEST_BUILD_DIR "/ridge", path, &world.fixture.registry,
                                  &world.fixture.machine, NULL, 0, &composed, &why),
                     RIDGE_OK);
    const char *found = json_string_value(
        json_object_get(json_object_get(composed.paths, "settings"), "model.path"));
    assert_non_null(found);
    assert_true((strstr(found, "/recipes/m.gguf") != NULL) == (beside == 1));
    composed_free(&composed);
    free(own);
  }
  free(path);
  free(recipes);
}

/* --- what the worker finds --- */

static json_t *locate(const struct composed *composed, const char *owner) {
  json_t *finding = json_pack("{s:s, s:s, s:s, s:s}", "code", "P207", "text", "no", "owner",
                              owner, "help", "do");
  json_t *row = compose_locate(composed, finding);
  json_decref(finding);
  return row;
}

static void is_at(const struct composed *composed, const char *owner, int line,
                  int column) {
  json_t *row = locate(composed, owner);
  assert_int_equal(json_integer_value(json_object_get(row, "line")), line);
  assert_int_equal(json_integer_value(json_object_get(row, "column")), column);
  json_decref(row);
}

static void what_the_worker_finds_gets_its_place(void **state) {
  (void)state;
  struct composed composed = compose_with("return infer {\n"
                                          "  model \"m.gguf\",\n"
                                          "  use \"kv.paged\" { block = 16 },\n"
                                          "  bench { depth = 5 },\n"
                                          "}\n",
                                          NULL, 0);
  is_at(&composed, "kv.paged", 3, 8);
  is_at(&composed, "kv.paged.block", 3, 20);
  is_at(&composed, "kv.paged.budget", 3, 8);
  is_at(&composed, "model.path", 2, 10);
  is_at(&composed, "bench.depth", 4, 11);
  is_at(&composed, "bench.decode", 4, 3);
  is_at(&composed, "engine.context", 1, 8);
  is_at(&composed, "nobody", 1, 8);
  is_at(&composed, "", 1, 8);
  json_t *row = locate(&composed, "bench.depth"), *list = json_pack("[o]", row);
  char *text = compose_diagnostics_text(list, false);
  assert_non_null(strstr(text, "r.lua:4:11: error P207: bench.depth: no\n"));
  assert_non_null(
      strstr(text, "    4 |   bench { depth = 5 },\n      |           ^^^^^\n"));
  assert_non_null(strstr(text, "      = help: do\n1 error.  Nothing was run.\n"));
  free(text);
  json_decref(list);
  composed_free(&composed);
}

static void what_the_worker_finds_in_a_typed_value_is_told_of_what_was_typed(void **state) {
  (void)state;
  const struct compose_override sets[] = {
      {"kv.paged.block", "32", "command", NULL},
      {"measure.repeats", "7", "command", "--repeat"},
  };
  struct composed composed = compose_with("return infer {\n"
                                          "  model \"m.gguf\",\n"
                                          "  use \"kv.paged\" { block = 16 },\n"
                                          "  bench { depth = 5 },\n"
                                          "}\n",
                                          sets, 2);
  is_at(&composed, "kv.paged.block", 0, 0);
  is_at(&composed, "kv.paged", 3, 8);
  is_at(&composed, "bench.depth", 4, 11);
  json_t *list =
      json_pack("[o, o, o]", locate(&composed, "kv.paged.block"),
                locate(&composed, "measure.repeats"), locate(&composed, "kv.paged"));
  char *text = compose_diagnostics_text(list, false);
  assert_non_null(
      strstr(text, "--set kv.paged.block=32: error P207: kv.paged.block: no\n"));
  assert_non_null(strstr(text, "--repeat 7: error P207: measure.repeats: no\n"));
  assert_non_null(strstr(text, "      = with --set kv.paged.block=32\n"));
  free(text);
  json_decref(list);
  composed_free(&composed);
}

static void only_a_plan_that_does_not_fit_exits_four(void **state) {
  (void)state;
  json_t *list = json_pack("[{s:s}]", "code", "P205");
  assert_int_equal(compose_exit(list), 4);
  json_array_append_new(list, json_pack("{s:s}", "code", "P104"));
  assert_int_equal(compose_exit(list), 2);
  json_array_clear(list);
  assert_int_equal(compose_exit(list), 0);
  json_decref(list);
}

static int open_world(void **state) {
  (void)state;
  world.fixture = fixture_open();
  world.folder = testing_scratch();
  free(fixture_write(world.folder, "m.gguf", "x", 1));
  return 0;
}

static int close_world(void **state) {
  (void)state;
  fixture_close(&world.fixture);
  testing_remove(world.folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_changes_nothing_changes_no_name),
      cmocka_unit_test(what_changes_the_run_changes_the_name),
      cmocka_unit_test(the_task_is_what_is_left_without_strategies),
      cmocka_unit_test(a_value_of_the_command_line_is_the_value_of_the_recipe),
      cmocka_unit_test(composing_twice_gives_the_same_bytes),
      cmocka_unit_test(every_setting_in_effect_has_a_value_and_an_origin),
      cmocka_unit_test(files_are_absolute_in_paths_only),
      cmocka_unit_test(a_file_is_looked_for_beside_the_recipe_then_beside_recipes),
      cmocka_unit_test(what_the_worker_finds_gets_its_place),
      cmocka_unit_test(what_the_worker_finds_in_a_typed_value_is_told_of_what_was_typed),
      cmocka_unit_test(only_a_plan_that_does_not_fit_exits_four),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
