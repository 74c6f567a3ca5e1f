/*
 * cli_directory.c - `ridge` on a model directory: it answers with the tokens of the
 * same model as one GGUF file, and every file of it is an input of the run.
 */
#include "testing.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scene {
  char *dir, *model;
  char recipe[300], catalog[300];
};

static int set_up(void **state) {
  struct scene *s = calloc(1, sizeof *s);
  s->dir = testing_scratch();
  snprintf(s->recipe, sizeof s->recipe, "%s/r.lua", s->dir);
  snprintf(s->catalog, sizeof s->catalog, "%s/catalog.db", s->dir);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct scene *s = *state;
  testing_remove(s->dir);
  free(s);
  return 0;
}

/* The run's JSON. */
static json_t *run(struct scene *s, const char *verb, const char *model,
                   const char *prompts) {
  char *path = testing_source(model);
  FILE *file = fopen(s->recipe, "w");
  assert_non_null(file);
  fprintf(file,
          "return infer { model \"%s\", prompts { %s }, sample { length = 12, ignore_end = "
          "true }, engine { cache = \"f32\", threads = 1 } }\n",
          path, prompts);
  fclose(file);
  free(path);
  struct testing_output output = testing_ridge(
      (const char *const[]){"--catalog", s->catalog, verb, "--json", s->recipe, NULL});
  json_t *json = json_loads(output.out, 0, NULL);
  if (output.exit != 0 || json == NULL) fail_msg("%s%s", output.out, output.err);
  testing_output_free(&output);
  return json;
}

static const json_t *find(const json_t *json, const char *key) {
  const json_t *own = json_object_get(json, key);
  const char *name;
  json_t *value;
  size_t i;
  if (own != NULL) return own;
  json_object_foreach((json_t *)(uintptr_t)json, name, value) {
    const json_t *inside = find(value, key);
    if (inside != NULL) return inside;
  }
  json_array_foreach(json, i, value) {
    const json_t *inside = find(value, key);
    if (inside != NULL) return inside;
  }
  return NULL;
}

static void same_answer(struct scene *s, const char *directory, const char *file) {
  json_t *a = run(s, "run", "tests/data/models/tiny-directory", directory);
  json_t *b = run(s, "run", "tests/data/models/tiny-llama-tied.gguf", file);
  const json_t *left = find(json_object_get(a, "outputs"), "tokens"),
               *right = find(json_object_get(b, "outputs"), "tokens");
  assert_int_equal(json_array_size(left), 12);
  assert_true(json_equal(left, right));
  json_decref(a);
  json_decref(b);
}

static void a_directory_answers_as_its_file(void **state) {
  same_answer(*state, "\"HELLO WORLD\"", "\"HELLO WORLD\"");
}

/* Vicuna's marks end in line ends, which these sixty-four pieces lack. */
static void a_template_is_found_beside_the_weights(void **state) {
  struct scene *s = *state;
  char *path = testing_source("tests/data/models/tiny-directory");
  FILE *file = fopen(s->recipe, "w");
  fprintf(file, "return infer { model \"%s\", prompts { \"HI\", chat = \"model\" } }\n",
          path);
  fclose(file);
  free(path);
  struct testing_output output = testing_ridge(
      (const char *const[]){"--catalog", s->catalog, "plan", s->recipe, NULL});
  assert_int_equal(output.exit, 2);
  if (strstr(output.out, "cannot spell U+000A") == NULL &&
      strstr(output.err, "cannot spell U+000A") == NULL)
    fail_msg("%s%s", output.out, output.err);
  testing_output_free(&output);
}

static void every_file_is_an_input(void **state) {
  static const char *const names[] = {"model.safetensors.index.json",
                                      "model-00001-of-00002.safetensors",
                                      "model-00002-of-00002.safetensors",
                                      "config.json",
                                      "tokenizer.json",
                                      "tokenizer_config.json"};
  struct scene *s = *state;
  json_t *json = run(s, "run", "tests/data/models/tiny-directory/", "\"HELLO\"");
  json_t *plan = run(s, "plan", "tests/data/models/tiny-directory/", "\"HELLO\"");
  const json_t *files = find(plan, "files");
  const json_t *inputs = find(json, "inputs");
  assert_int_equal(json_array_size(files), 6);
  assert_int_equal(json_array_size(inputs), 6);
  for (size_t i = 0; i < 6; i++) {
    bool there = false;
    for (size_t k = 0; k < 6; k++) {
      const json_t *input = json_array_get(inputs, k);
      const char *path = json_string_value(json_object_get(input, "path")),
                 *digest = json_string_value(json_object_get(input, "digest"));
      if (strcmp(strrchr(path, '/') + 1, names[i]) != 0) continue;
      there = strlen(digest) == 64;
    }
    if (!there) fail_msg("%s is no input", names[i]);
  }
  json_decref(json);
  json_decref(plan);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_directory_answers_as_its_file),
      TEST(a_template_is_found_beside_the_weights),
      TEST(every_file_is_an_input),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
