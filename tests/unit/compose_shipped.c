/*
 * compose_shipped.c - every recipe that ships composes with the plugins that ship, and
 * opens with the question it answers.
 */
#include "testing.h"

#include "compose/sweep.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  struct registry registry;
  struct machine machine;
  glob_t files;
} world;

static void print_all(const json_t *diagnostics) {
  char *text = compose_diagnostics_text(diagnostics, false);
  if (json_array_size(diagnostics) > 0) print_error("%s", text);
  free(text);
}

static void opens_with_a_question(const char *path) {
  char line[256], head[4096] = "";
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file) != NULL && strncmp(line, "--", 2) == 0)
    strncat(head, line, sizeof head - strlen(head) - 1);
  fclose(file);
  if (strchr(head, '?') == NULL) print_error("%s asks nothing\n", path);
  assert_non_null(strchr(head, '?'));
}

static void sweep_composes(const char *path) {
  struct sweep sweep;
  struct why why = {""};
  assert_int_equal(sweep_open(TEST_BUILD_DIR "/ridge", path, &world.registry,
                              &world.machine, NULL, 0, &sweep, &why),
                   RIDGE_OK);
  print_all(sweep.diagnostics);
  assert_int_equal(json_array_size(sweep.diagnostics), 0);
  assert_true(sweep.n_points > 1);
  sweep_free(&sweep);
}

static void it_composes(void **state) {
  const char *path = *state;
  struct composed composed;
  struct why why = {""};
  opens_with_a_question(path);
  ridge_status status = compose_file(TEST_BUILD_DIR "/ridge", path, &world.registry,
                                     &world.machine, NULL, 0, &composed, &why);
  if (status != RIDGE_OK) print_error("%s\n", why.text);
  assert_int_equal(status, RIDGE_OK);
  const char *root = json_string_value(json_object_get(composed.recipe, "root"));
  if (root != NULL && strcmp(root, "sweep") == 0) {
    sweep_composes(path);
  } else {
    print_all(composed.diagnostics);
    assert_int_equal(json_array_size(composed.diagnostics), 0);
    assert_non_null(composed.composition);
  }
  composed_free(&composed);
}

static int open_world(void **state) {
  (void)state;
  const char *directories[] = {TEST_BUILD_DIR "/plugins"};
  struct registry_search search = {
      .self = TEST_BUILD_DIR "/ridge", .directories = directories, .n_directories = 1};
  struct why why = {""};
  machine_read(&world.machine);
  ridge_status status = registry_open(&search, &world.registry, &why);
  if (status != RIDGE_OK) print_error("%s\n", why.text);
  return status == RIDGE_OK ? 0 : -1;
}

static int close_world(void **state) {
  (void)state;
  registry_free(&world.registry);
  return 0;
}

int main(void) {
  glob(TEST_SOURCE_DIR "/recipes/*.lua", 0, NULL, &world.files);
  glob(TEST_SOURCE_DIR "/recipes/*/*.lua", GLOB_APPEND, NULL, &world.files);
  struct CMUnitTest *tests = calloc(world.files.gl_pathc + 1, sizeof *tests);
  if (tests == NULL || world.files.gl_pathc == 0) return 1;
  for (size_t i = 0; i < world.files.gl_pathc; i++)
    tests[i] = (struct CMUnitTest){.name = world.files.gl_pathv[i] + sizeof TEST_SOURCE_DIR,
                                   .test_func = it_composes,
                                   .initial_state = world.files.gl_pathv[i]};
  int failed = _cmocka_run_group_tests("shipped recipes", tests, world.files.gl_pathc,
                                       open_world, close_world);
  globfree(&world.files);
  free(tests);
  return failed;
}
