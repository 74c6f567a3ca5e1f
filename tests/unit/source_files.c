/*
 * source_files.c - a model's files: which names lead to one, how a directory is
 * entered, and that what does not belong there is refused with a sentence.
 */
#include "testing.h"

#include "model/source.h"
#include "registry/instance_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
  struct instances plugins;
  struct instance *gguf;
  char *dir, path[300];
};

static int set_up(void **state) {
  struct place *p = calloc(1, sizeof *p);
  struct why why = {{0}};
  json_t *none = json_object();
  p->plugins.close_files = true;
  ridge_status status = instances_add(&p->plugins, TEST_BUILD_DIR "/plugins/gguf.so", none,
                                      false, &p->gguf, &why);
  json_decref(none);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  assert_int_equal(instances_create(&p->plugins, &why), RIDGE_OK);
  p->dir = testing_scratch();
  *state = p;
  return 0;
}

static int tear_down(void **state) {
  struct place *p = *state;
  instances_free(&p->plugins);
  testing_remove(p->dir);
  free(p);
  return 0;
}

static const char *in_dir(struct place *p, const char *name) {
  snprintf(p->path, sizeof p->path, "%s/%s", p->dir, name);
  return p->path;
}

static void put_file(struct place *p, const char *name, const char *text) {
  FILE *file = fopen(in_dir(p, name), "wb");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void copy_model(struct place *p, const char *name) {
  char *from = testing_source("tests/data/models/tiny-llama.gguf");
  char *bytes = malloc(1 << 20);
  FILE *file = fopen(from, "rb");
  size_t size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  file = fopen(in_dir(p, name), "wb");
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
  free(bytes);
  free(from);
}

static void a_directory_with_one_model_is_that_model(void **state) {
  struct place *p = *state;
  struct source source;
  struct why why = {{0}};
  copy_model(p, "only.gguf");
  put_file(p, "README.md", "about\n");
  snprintf(p->path, sizeof p->path, "%s/", p->dir);
  if (source_open(p->path, &p->plugins, &source, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
  assert_int_equal(source.n_files, 1);
  assert_string_equal(source.files[0].name, "only.gguf");
  assert_string_equal(source.path, p->dir);
  assert_non_null(source_tensor(&source, "token_embd.weight"));
  source_close(&source);
}

static void refused(struct place *p, const char *path, ridge_status wanted,
                    const char *says) {
  struct source source;
  struct why why = {{0}};
  assert_int_equal(source_open(path, &p->plugins, &source, &why), wanted);
  if (strstr(why.text, says) == NULL) fail_msg("%s", why.text);
  assert_null(source.files);
}

static void two_models_in_one_directory_are_named(void **state) {
  struct place *p = *state;
  copy_model(p, "one.gguf");
  copy_model(p, "two.gguf");
  refused(p, p->dir, RIDGE_INVALID, "`one.gguf` and `two.gguf`");
}

static void a_directory_without_a_model_says_what_was_looked_for(void **state) {
  struct place *p = *state;
  put_file(p, "README.md", "about\n");
  refused(p, p->dir, RIDGE_INVALID, "`*.gguf`");
}

static void what_is_no_model_file_is_refused(void **state) {
  struct place *p = *state;
  put_file(p, "empty.gguf", "");
  refused(p, in_dir(p, "empty.gguf"), RIDGE_CORRUPT, "is empty");
  refused(p, in_dir(p, "missing.gguf"), RIDGE_IO, "no such file");
  assert_int_equal(mkfifo(in_dir(p, "pipe.gguf"), 0600), 0);
  refused(p, p->path, RIDGE_INVALID, "not a file");
}

/* The service as a format sees it. */
static ridge_status map(struct place *p, struct source *source, const char *name,
                        uint32_t *number, char said[1024]) {
  ridge_bytes bytes;
  ridge_status status = source->folder.map(&source->folder, name, &bytes, number);
  instance_said_take(p->gguf, said);
  return status;
}

static void open_first(struct place *p, struct source *source) {
  struct why why = {{0}};
  copy_model(p, "model.gguf");
  if (source_open(in_dir(p, "model.gguf"), &p->plugins, source, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
}

static void a_file_beside_is_mapped_once(void **state) {
  struct place *p = *state;
  struct source source;
  char said[1024] = "";
  uint32_t one = 9, again = 9, own = 9;
  open_first(p, &source);
  put_file(p, "beside", "12345");
  assert_int_equal(map(p, &source, "beside", &one, said), RIDGE_OK);
  assert_int_equal(map(p, &source, "beside", &again, said), RIDGE_OK);
  assert_int_equal(map(p, &source, "model.gguf", &own, said), RIDGE_OK);
  assert_int_equal(one, 1);
  assert_int_equal(again, 1);
  assert_int_equal(own, 0);
  assert_int_equal(source.n_files, 2);
  assert_memory_equal(source.files[1].bytes.data, "12345", 5);
  assert_int_equal(source_bytes(&source), source.files[0].bytes.size + 5);
  source_close(&source);
}

static void names_that_lead_elsewhere_are_refused(void **state) {
  static const char *const names[] = {
      "../model.gguf", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "a\nb",
  };
  struct place *p = *state;
  struct source source;
  open_first(p, &source);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char said[1024] = "";
    uint32_t number;
    assert_int_equal(map(p, &source, names[i], &number, said), RIDGE_CORRUPT);
    assert_non_null(strstr(said, "cannot be one beside it"));
  }
  assert_int_equal(source.n_files, 1);
  source_close(&source);
}

static void what_lies_beside_has_to_be_a_file(void **state) {
  struct place *p = *state;
  struct source source;
  char said[1024] = "";
  uint32_t number;
  open_first(p, &source);
  assert_int_equal(map(p, &source, "missing", &number, said), RIDGE_DECLINED);
  assert_int_equal(said[0], 0);
  assert_int_equal(mkdir(in_dir(p, "folder"), 0700), 0);
  assert_int_equal(map(p, &source, "folder", &number, said), RIDGE_INVALID);
  assert_non_null(strstr(said, "is not a file"));
  put_file(p, "empty", "");
  assert_int_equal(map(p, &source, "empty", &number, said), RIDGE_CORRUPT);
  assert_int_equal(source.n_files, 1);
  source_close(&source);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_directory_with_one_model_is_that_model),
      TEST(two_models_in_one_directory_are_named),
      TEST(a_directory_without_a_model_says_what_was_looked_for),
      TEST(what_is_no_model_file_is_refused),
      TEST(a_file_beside_is_mapped_once),
      TEST(names_that_lead_elsewhere_are_refused),
      TEST(what_lies_beside_has_to_be_a_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
