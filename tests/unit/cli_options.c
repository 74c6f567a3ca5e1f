/* cli_options.c - the words of a verb: read, refused, explained. */
#include "testing.h"

#include "cli/options.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct words {
  const char *recipe, *second;
  struct option_texts sets;
  int64_t repeat;
  double seconds;
  bool all;
};

static char said[4096]; /* what the last parse wrote to standard error and output */

static int parse(struct words *words, const char *const *list) {
  const struct cli_option rows[] = {
      {.name = "RECIPE", .doc = "a recipe", .kind = OPTION_TEXT, .to = &words->recipe},
      {.name = "SECOND",
       .doc = "another",
       .kind = OPTION_TEXT,
       .to = &words->second,
       .optional = true},
      {.name = "--set",
       .value = "NAME=VALUE",
       .doc = "a value",
       .kind = OPTION_TEXTS,
       .to = &words->sets},
      {.name = "--repeat",
       .value = "N",
       .doc = "how often",
       .kind = OPTION_INT,
       .to = &words->repeat,
       .lo = 1,
       .hi = 100},
      {.name = "--seconds",
       .value = "S",
       .doc = "how long",
       .kind = OPTION_REAL,
       .to = &words->seconds},
      {.name = "--all", .doc = "everything", .kind = OPTION_FLAG, .to = &words->all},
  };
  char *argv[16] = {strdup("run")};
  int argc = 1;
  for (; list[argc - 1] != NULL; argc++) argv[argc] = (char *)(uintptr_t)list[argc - 1];
  fflush(NULL);
  FILE *file = tmpfile();
  int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
  dup2(fileno(file), STDOUT_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  int exit =
      options_parse(&(struct cli){0}, "run", rows, sizeof rows / sizeof *rows, argc, argv);
  fflush(NULL);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  close(out);
  close(err);
  ssize_t size = pread(fileno(file), said, sizeof said - 1, 0);
  said[size > 0 ? size : 0] = 0;
  fclose(file);
  free(argv[0]);
  return exit;
}
#define PARSE(words, ...) parse((words), (const char *const[]){__VA_ARGS__, NULL})

static void every_kind_of_word_is_read(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "--set", "a=1", "x.lua", "--repeat=3", "--seconds", "0.5",
                         "--all", "--set=b=2", "y"),
                   -1);
  assert_string_equal(words.recipe, "x.lua");
  assert_string_equal(words.second, "y");
  assert_int_equal(words.sets.n, 2);
  assert_string_equal(words.sets.items[0], "a=1");
  assert_string_equal(words.sets.items[1], "b=2");
  assert_int_equal(words.repeat, 3);
  assert_float_equal(words.seconds, 0.5, 0);
  assert_true(words.all);
}

static void after_two_dashes_every_word_is_positional(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "--", "--all", "-x"), -1);
  assert_string_equal(words.recipe, "--all");
  assert_string_equal(words.second, "-x");
  assert_false(words.all);
}

static void a_slip_is_refused_and_corrected(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "x.lua", "--repaet", "3"), EXIT_REFUSED);
  assert_non_null(strstr(said, "did you mean `--repeat`?"));
  assert_int_equal(PARSE(&words, "x.lua", "--quux"), EXIT_REFUSED);
  assert_null(strstr(said, "did you mean"));
  assert_non_null(strstr(said, "`--quux`"));
}

static void a_missing_word_is_named(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "--all"), EXIT_REFUSED);
  assert_non_null(strstr(said, "RECIPE is missing"));
}

static void a_word_too_many_is_refused(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "x", "y", "z"), EXIT_REFUSED);
  assert_non_null(strstr(said, "`z`"));
}

static void a_missing_value_is_refused(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "x", "--repeat"), EXIT_REFUSED);
  assert_non_null(strstr(said, "--repeat wants a value: --repeat N"));
}

static void a_flag_takes_no_value(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "x", "--all=yes"), EXIT_REFUSED);
}

static void numbers_are_whole_in_bounds_and_complete(void **state) {
  (void)state;
  static const char *const bad[] = {"",     "3x", "1.5", "0", "101", "99999999999999999999",
                                    "three"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct words words = {0};
    assert_int_equal(PARSE(&words, "x", "--repeat", bad[i]), EXIT_REFUSED);
    assert_int_equal(words.repeat, 0);
  }
  struct words words = {0};
  assert_int_equal(PARSE(&words, "x", "--seconds", "nan"), EXIT_REFUSED);
  assert_int_equal(PARSE(&words, "x", "--seconds", "1s"), EXIT_REFUSED);
}

static void help_lists_every_word(void **state) {
  (void)state;
  struct words words = {0};
  assert_int_equal(PARSE(&words, "--help"), EXIT_OK);
  static const char *const wanted[] = {"usage: ridge run", "RECIPE",    "--set NAME=VALUE",
                                       "--repeat N",       "how often", "--all"};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    assert_non_null(strstr(said, wanted[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_word_is_read),
      cmocka_unit_test(after_two_dashes_every_word_is_positional),
      cmocka_unit_test(a_slip_is_refused_and_corrected),
      cmocka_unit_test(a_missing_word_is_named),
      cmocka_unit_test(a_word_too_many_is_refused),
      cmocka_unit_test(a_missing_value_is_refused),
      cmocka_unit_test(a_flag_takes_no_value),
      cmocka_unit_test(numbers_are_whole_in_bounds_and_complete),
      cmocka_unit_test(help_lists_every_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
