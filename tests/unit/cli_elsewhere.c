/*
 * cli_elsewhere.c - a recipe means the same from whatever folder it is run: its files are
 * looked for from where it lies, those of strategies too.
 */
#include "testing.h"

#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scene {
  char *dir, *home;
};

static int set_up(void **state) {
  struct scene *s = calloc(1, sizeof *s);
  if (s == NULL) return -1;
  s->dir = testing_scratch();
  s->home = getcwd(NULL, 0);
  *state = s;
  return s->home == NULL ? -1 : chdir(s->dir);
}

static int tear_down(void **state) {
  struct scene *s = *state;
  int status = chdir(s->home);
  testing_remove(s->dir);
  free(s->home);
  free(s);
  return status;
}

static bool models_are_there(void) {
  char *model = testing_source("models/kjv-draft-f16.gguf");
  bool there = access(model, R_OK) == 0;
  free(model);
  if (!there) testing_skip_without("models/kjv-draft-f16.gguf");
  return there;
}

static char *composition_of(const char *recipe) {
  struct testing_output output =
      testing_ridge((const char *const[]){"--json", "plan", recipe, NULL});
  if (output.exit != 0)
    fail_msg("%s from elsewhere: exit %d\n%s", recipe, output.exit, output.err);
  json_t *json = json_loads(output.out, 0, NULL);
  const char *digest = json_string_value(json_object_get(json, "composition"));
  char *copy = digest != NULL ? strdup(digest) : NULL;
  json_decref(json);
  testing_output_free(&output);
  assert_non_null(copy);
  return copy;
}

static int is_recipe(const struct dirent *entry) {
  const char *end = strrchr(entry->d_name, '.');
  return end != NULL && strcmp(end, ".lua") == 0;
}

static void every_shipped_recipe_is_planned_from_any_folder(void **state) {
  const struct scene *s = *state;
  if (!models_are_there()) return;
  char *folder = testing_source("recipes/infer");
  struct dirent **entries = NULL;
  int n = scandir(folder, &entries, is_recipe, alphasort);
  assert_true(n > 0);
  for (int i = 0; i < n; i++) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    char *here = composition_of(path);
    assert_int_equal(chdir(folder), 0);
    char *there = composition_of(entries[i]->d_name);
    assert_int_equal(chdir(s->dir), 0);
    assert_string_equal(here, there);
    free(here);
    free(there);
    free(entries[i]);
  }
  free(entries);
  free(folder);
}

/* What it was found as is among the inputs, by its contents. */
static void a_draft_model_beside_the_recipes_runs_from_any_folder(void **state) {
  (void)state;
  if (!models_are_there()) return;
  char *path = testing_source("recipes/infer/draft.lua");
  struct testing_output output = testing_ridge(
      (const char *const[]){"--json", "--catalog", "elsewhere.db", "run", path, "--set",
                            "sample.length=8", "--set", "measure.repeats=1", NULL});
  if (output.exit != 0) fail_msg("exit %d\n%s", output.exit, output.err);
  json_t *json = json_loads(output.out, 0, NULL), *inputs = json_object_get(json, "inputs");
  const json_t *row;
  bool told = false;
  size_t i;
  json_array_foreach(inputs, i, row) {
    const char *role = json_string_value(json_object_get(row, "role"));
    told = told || (role != NULL && strcmp(role, "decode.draft") == 0);
  }
  assert_true(told);
  json_decref(json);
  testing_output_free(&output);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_shipped_recipe_is_planned_from_any_folder,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_draft_model_beside_the_recipes_runs_from_any_folder,
                                      set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
