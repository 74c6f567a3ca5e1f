/* bad_plugins.c - plugins made bad: each costs one clear line, and the host lives. */
#include "testing.h"

#include "base/clock.h"
#include "registry/registry.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the sentence about build/bad/NAME.so has to hold. */
static const struct {
  const char *name, *says;
} expected[] = {
    {"aborts", "crashed while being described (SIGABRT)"},
    {"bad_id", "family.name"},
    {"bad_relation", "did you mean `first`?"},
    {"clash_symbol", "exports json_object_get beside ridge_plugin_v1"},
    {"closes", "ended the process"},
    {"crash_constructor", "crashed while being opened (SIGSEGV)"},
    {"crash_description", "crashed while being described (SIGSEGV)"},
    {"crash_exit", "crashed while being closed (SIGSEGV)"},
    {"default_outside", "default 512 is outside its bounds 16 to 256"},
    {"exits", "ended the process (exit status 0) while being described"},
    {"forges", "forged an answer"},
    {"forks", "starts a process"},
    {"garbage_pointer", "crashed while being described (SIGSEGV): a pointer or a size"},
    {"garbage_return", "crashed while being described (SIGSEGV): a pointer or a size"},
    {"loop_description", "did not come back within 700 ms while being described"},
    {"lua_word", "`end`"},
    {"lying_count", "4294967295 rows"},
    {"lying_size", "struct_size 320"},
    {"lying_stride", "takes 4 bytes"},
    {"lying_table", "struct_size is 8"},
    {"missing_symbol", "undefined symbol: a_function_that_nobody_has"},
    {"no_entry", "exports no ridge_plugin_v1"},
    {"no_evidence", "has no evidence"},
    {"no_tolerance", "`tolerance`"},
    {"not_utf8", "not UTF-8"},
    {"null_function", "leaves `shape` NULL"},
    {"null_return", "returned NULL"},
    {"other_abi", "exports ridge_plugin_v2, but this host wants ridge_plugin_v1"},
    {"param_outside", "outside the struct"},
    {"prints", "prints while being described"},
    {"prints_error", "prints while being described"},
    {"sleep_constructor", "did not come back within 700 ms while being opened"},
    {"stack_overflow", "crashed while being described (SIGSEGV)"},
    {"terminal_codes", "control character 0x1b"},
    {"threads", "starts a thread"},
    {"tiny_size", "struct_size 8"},
    {"twin_params", "`first`: it is there twice"},
    {"unknown_seam", "did you mean `logits.shape/1`?"},
};
enum { N_EXPECTED = sizeof expected / sizeof *expected };

static void open_bad(struct registry *registry) {
  static const char *const folders[] = {TEST_BUILD_DIR "/bad"};
  const struct registry_search search = {.self = TEST_BUILD_DIR "/ridge",
                                         .directories = folders,
                                         .n_directories = 1,
                                         .timeout_ms = 700};
  struct why why;
  if (registry_open(&search, registry, &why) != RIDGE_OK) fail_msg("%s", why.text);
}

static const char *sentence_about(const struct registry *registry, const char *name,
                                  size_t *times) {
  const char *sentence = NULL;
  char end[96];
  snprintf(end, sizeof end, "/bad/%s.so", name);
  *times = 0;
  for (size_t i = 0; i < registry->n_problems; i++) {
    if (strstr(registry->problems[i].path, end) == NULL) continue;
    sentence = registry->problems[i].sentence;
    *times += 1;
  }
  return sentence;
}

static void each_gives_one_clear_line_within_seconds(void **state) {
  (void)state;
  struct registry registry;
  uint64_t began = clock_ns();
  open_bad(&registry);
  double seconds = (double)(clock_ns() - began) * 1e-9;
  for (size_t i = 0; i < N_EXPECTED; i++) {
    size_t times;
    const char *sentence = sentence_about(&registry, expected[i].name, &times);
    if (times != 1) fail_msg("%s: %zu lines", expected[i].name, times);
    if (strstr(sentence, expected[i].says) == NULL)
      fail_msg("%s: %s", expected[i].name, sentence);
    if (strpbrk(sentence, "\n\r\x1b") != NULL)
      fail_msg("%s: more than a line", expected[i].name);
  }
  if (seconds > 10) fail_msg("took %.1f s", seconds);
  registry_free(&registry);
}

static void none_is_listed_as_usable_and_none_is_forgotten(void **state) {
  (void)state;
  struct registry registry;
  open_bad(&registry);
  for (size_t i = 0; i < registry.n_plugins; i++)
    if (strstr(registry.plugins[i].path, "/bad/") != NULL)
      fail_msg("%s was taken for good", registry.plugins[i].path);
  DIR *folder = opendir(TEST_BUILD_DIR "/bad");
  assert_non_null(folder);
  size_t files = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    files += strstr(entry->d_name, ".so") != NULL;
  closedir(folder);
  assert_int_equal(files, N_EXPECTED);
  registry_free(&registry);
}

/* forks.so leaves a process that holds every descriptor open; it has to be gone. */
static void nothing_stays_behind(void **state) {
  (void)state;
  struct registry registry;
  open_bad(&registry);
  registry_free(&registry);
  DIR *folder = opendir("/proc");
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[300], words[512] = "";
    snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) continue;
    size_t n = fread(words, 1, sizeof words - 1, file);
    fclose(file);
    for (size_t i = 0; i < n; i++)
      if (words[i] == 0) words[i] = ' ';
    if (strstr(words, "scan-plugin") != NULL &&
        strstr(words, TEST_BUILD_DIR "/bad/forks.so"))
      fail_msg("%s still runs: %s", entry->d_name, words);
  }
  closedir(folder);
}

static void the_command_lists_them_and_ends_well(void **state) {
  (void)state;
  const char *words[] = {"plugins", "--plugins", TEST_BUILD_DIR "/bad", "--json", NULL};
  struct testing_output output = testing_ridge(words);
  assert_int_equal(output.exit, 0);
  json_t *json = json_loads(output.out, 0, NULL);
  assert_non_null(json);
  assert_true(json_array_size(json_object_get(json, "problems")) >= N_EXPECTED);
  json_decref(json);
  testing_output_free(&output);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_gives_one_clear_line_within_seconds),
      cmocka_unit_test(none_is_listed_as_usable_and_none_is_forgotten),
      cmocka_unit_test(nothing_stays_behind),
      cmocka_unit_test(the_command_lists_them_and_ends_well),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
