/* template.c - a new strategy builds from its README's line against the headers alone. */
#include "testing.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *under(const char *folder, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", folder, name) < 0) abort();
  return path;
}

static char *text_of(const char *folder, const char *name) {
  char *path = under(folder, name), *text = calloc(1, 1 << 16);
  FILE *file = fopen(path, "r");
  if (file == NULL || text == NULL) fail_msg("%s is not there", path);
  assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
  fclose(file);
  free(path);
  return text;
}

static struct testing_output new_in(const char *id, const char *folder) {
  const char *words[] = {"new", id, folder, NULL};
  return testing_ridge(words);
}

/* The README's `cc` line, with headers that were copied away from this tree. */
static void build(const char *folder, const char *headers) {
  char *readme = text_of(folder, "README.md"), *line = strstr(readme, "\ncc ");
  assert_non_null(line);
  line[1 + strcspn(line + 1, "\n")] = 0;
  char *flags = strstr(line, "$(pkg-config --cflags ridge)");
  assert_non_null(flags);
  char *after = flags + strlen("$(pkg-config --cflags ridge)"), *command = NULL;
  if (asprintf(&command, "cd '%s' && %.*s -I'%s' %s -Werror", folder, (int)(flags - line),
               line, headers, after) < 0)
    abort();
  assert_int_equal(system(command), 0);
  free(command);
  free(readme);
}

static void copy_headers(const char *to) {
  char *command = NULL, *from = testing_source("plugins/include/ridge");
  if (asprintf(&command, "mkdir -p '%s' && cp -r '%s' '%s/'", to, from, to) < 0) abort();
  assert_int_equal(system(command), 0);
  free(command);
  free(from);
}

static void a_new_strategy_builds_is_vetted_and_listed(void **state) {
  (void)state;
  char *scratch = testing_scratch(), *folder = under(scratch, "made");
  char *headers = under(scratch, "headers"), *file = under(folder, "sampling_mine.so");
  struct testing_output output = new_in("sampling.mine", folder);
  if (output.exit != 0) fail_msg("%s", output.err);
  testing_output_free(&output);
  copy_headers(headers);
  build(folder, headers);

  const char *vet[] = {"vet", file, NULL};
  output = testing_ridge(vet);
  if (output.exit != 0) fail_msg("%s%s", output.out, output.err);
  testing_output_free(&output);

  const char *plugins[] = {"plugins", "--plugins", folder, "sampling.mine", "--json", NULL};
  output = testing_ridge(plugins);
  if (output.exit != 0) fail_msg("%s%s", output.out, output.err);
  json_t *json = json_loads(output.out, 0, NULL);
  assert_string_equal(json_string_value(json_object_get(json, "id")), "sampling.mine");
  json_decref(json);
  testing_output_free(&output);
  free(file);
  free(headers);
  free(folder);
  testing_remove(scratch);
}

static void no_name_of_the_template_is_left(void **state) {
  (void)state;
  static const char *const files[] = {"README.md", "CMakeLists.txt", "sampling_mine.c"};
  char *scratch = testing_scratch(), *folder = under(scratch, "made");
  struct testing_output output = new_in("sampling.mine", folder);
  assert_int_equal(output.exit, 0);
  testing_output_free(&output);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = text_of(folder, files[i]);
    if (strstr(text, "logits.example") != NULL || strstr(text, "logits_example") != NULL)
      fail_msg("%s still names the template", files[i]);
    free(text);
  }
  free(folder);
  testing_remove(scratch);
}

static void what_is_there_is_not_overwritten(void **state) {
  (void)state;
  char *scratch = testing_scratch();
  struct testing_output output = new_in("sampling.mine", scratch);
  assert_int_equal(output.exit, 1);
  assert_non_null(strstr(output.err, scratch));
  assert_int_equal(rmdir(scratch), 0); /* still empty */
  testing_output_free(&output);
  free(scratch);
}

static void a_name_that_is_no_id_is_refused(void **state) {
  (void)state;
  static const char *const names[] = {"plain", "a.b.c", "Up.case", "a.",
                                      ".b",    "a/b.c", "../x.y",  "a.b c"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct testing_output output = new_in(names[i], "/nowhere/at/all");
    assert_int_equal(output.exit, 2);
    assert_non_null(strstr(output.err, "family.name"));
    testing_output_free(&output);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_strategy_builds_is_vetted_and_listed),
      cmocka_unit_test(no_name_of_the_template_is_left),
      cmocka_unit_test(what_is_there_is_not_overwritten),
      cmocka_unit_test(a_name_that_is_no_id_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
