/*
 * recipe_process.c - the process that evaluates a recipe: whatever it does, its parent
 * gets an answer, a fault or a sentence, in time.
 */
#include "testing.h"

#include "base/clock.h"
#include "plan/fixture.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char text[] = "return infer { model 'm' }\n";
static char *folder;

/* A program in the place of the ridge command. */
static char *program(const char *script) {
  char *path = fixture_write(folder, "self", script, strlen(script));
  assert_int_equal(chmod(path, 0700), 0);
  return path;
}

static ridge_status run_with(const char *self, int wall_ms, json_t **fault,
                             struct why *why) {
  struct recipe_source source = recipe_source_of(text, sizeof text - 1);
  struct recipe_child_limits limits = {.wall_ms = wall_ms, .answer_bytes = 1 << 16};
  char *answer = NULL;
  size_t size = 0;
  ridge_status status =
      recipe_child_run(self, &source, &limits, &answer, &size, fault, why);
  free(answer);
  recipe_source_free(&source);
  return status;
}

static void stops_with(const char *script, int wall_ms, const char *sentence) {
  char *self = program(script);
  json_t *fault = NULL;
  struct why why = {""};
  assert_int_equal(run_with(self, wall_ms, &fault, &why), RIDGE_OK);
  assert_non_null(fault);
  assert_string_equal(json_string_value(json_object_get(fault, "code")), "R004");
  const char *said = json_string_value(json_object_get(fault, "text"));
  if (strstr(said, sentence) == NULL) print_error("%s\n", said);
  assert_non_null(strstr(said, sentence));
  json_decref(fault);
  free(self);
}

static void a_child_that_sleeps_is_stopped(void **state) {
  (void)state;
  uint64_t start = clock_ns();
  stops_with("#!/bin/sh\nexec sleep 60\n", 300, "seconds");
  assert_true(clock_ns() - start < 20000000000u);
}

static void a_child_that_closes_its_output_and_stays_is_waited_for(void **state) {
  (void)state;
  char *self = program("#!/bin/sh\nexec >&-\nsleep 0.2\nexit 3\n");
  json_t *fault = NULL;
  struct why why = {""};
  assert_int_equal(run_with(self, 10000, &fault, &why), RIDGE_INTERNAL);
  assert_non_null(strstr(why.text, "exit status 3"));
  free(self);
}

static void a_child_that_closes_its_output_and_hangs_is_stopped(void **state) {
  (void)state;
  stops_with("#!/bin/sh\nexec >&-\nexec sleep 60\n", 300, "seconds");
}

static void a_child_that_talks_without_end_is_stopped(void **state) {
  (void)state;
  stops_with("#!/bin/sh\nexec yes\n", 10000, "too large");
}

static void a_child_that_crashes_is_named_by_its_signal(void **state) {
  (void)state;
  stops_with("#!/bin/sh\nkill -SEGV $$\n", 10000, "signal 11");
}

static void a_child_that_is_killed_for_its_time_says_so(void **state) {
  (void)state;
  stops_with("#!/bin/sh\nkill -PROF $$\n", 10000, "processor time");
}

static void a_command_that_is_not_there_is_a_failure(void **state) {
  (void)state;
  json_t *fault = NULL;
  struct why why = {""};
  assert_int_equal(run_with("/nowhere/ridge", 1000, &fault, &why), RIDGE_IO);
  assert_null(fault);
  assert_non_null(strstr(why.text, "/nowhere/ridge"));
}

static void an_answer_that_is_none_is_a_failure(void **state) {
  (void)state;
  char *self = program("#!/bin/sh\necho '{\"faults\":[]}'\n");
  char *path = fixture_write(folder, "r.lua", text, sizeof text - 1);
  struct recipe recipe;
  struct why why = {""};
  assert_int_equal(recipe_load(self, path, &recipe, &why), RIDGE_CORRUPT);
  assert_non_null(strstr(why.text, "r.lua"));
  recipe_free(&recipe);
  free(path);
  free(self);
}

static void the_text_that_was_read_is_the_text_that_is_evaluated(void **state) {
  (void)state;
  char *self =
      program("#!/bin/sh\n[ \"$1 $2\" = 'eval-recipe -' ] && [ \"$(cat)\" = \"return infer "
              "{ model 'm' }\" ] || exit 1\n");
  json_t *fault = NULL;
  struct why why = {""};
  assert_int_equal(run_with(self, 10000, &fault, &why), RIDGE_OK);
  assert_null(fault);
  free(self);
}

/* A text of Lua whose work is all in C, where no hook counts: only the process limit
 * is left. */
static void work_inside_c_is_stopped_by_the_processor_limit(void **state) {
  (void)state;
  static const char busy[] = "local s = 'x'\nfor i = 1, 22 do s = s .. s end\n"
                             "local a, b = s .. 'a', s .. 'b'\n"
                             "for i = 1, 1e6 do local _ = a < b end\n";
  char *path = fixture_write(folder, "busy.lua", busy, sizeof busy - 1);
  struct recipe recipe;
  struct why why = {""};
  uint64_t start = clock_ns();
  assert_int_equal(recipe_load(TEST_BUILD_DIR "/ridge", path, &recipe, &why), RIDGE_OK);
  assert_true(clock_ns() - start < 12000000000u);
  assert_int_equal(json_array_size(recipe.faults), 1);
  assert_non_null(
      strstr(json_string_value(json_object_get(json_array_get(recipe.faults, 0), "text")),
             "processor time"));
  recipe_free(&recipe);
  free(path);
}

/* Behind the filter of system calls a process computes and writes, nothing else. */
static void a_sealed_process_opens_nothing(void **state) {
  (void)state;
  if (prctl(PR_GET_SECCOMP) < 0) testing_skip_without("a kernel that filters system calls");
  pid_t child = fork();
  if (child == 0) {
    recipe_seal();
    bool refused = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY) < 0 &&
                   errno == EPERM && syscall(SYS_unlinkat, AT_FDCWD, "/nowhere", 0) < 0 &&
                   errno == EPERM && syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 &&
                   errno == EPERM && syscall(SYS_kill, 0, 0) < 0 && errno == EPERM;
    syscall(SYS_exit_group,
            refused ? 0 : 1); /* _exit wakes a sanitizer, which asks too much */
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* The verb by hand: an answer on standard output, nothing on standard error. */
static void the_verb_answers_in_one_line(void **state) {
  (void)state;
  char *path = fixture_write(folder, "r.lua", text, sizeof text - 1);
  struct testing_output output = testing_ridge((const char *[]){"eval-recipe", path, NULL});
  assert_int_equal(output.exit, 0);
  assert_int_equal(output.err_bytes, 0);
  assert_ptr_equal(strchr(output.out, '\n'), output.out + output.out_bytes - 1);
  json_t *answer = json_loads(output.out, JSON_REJECT_DUPLICATES, NULL);
  assert_int_equal(json_array_size(json_object_get(answer, "faults")), 0);
  assert_non_null(json_object_get(answer, "recipe"));
  json_decref(answer);
  testing_output_free(&output);
  free(path);
}

static int open_world(void **state) {
  (void)state;
  folder = testing_scratch();
  return 0;
}

static int close_world(void **state) {
  (void)state;
  testing_remove(folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_child_that_sleeps_is_stopped),
      cmocka_unit_test(a_child_that_closes_its_output_and_stays_is_waited_for),
      cmocka_unit_test(a_child_that_closes_its_output_and_hangs_is_stopped),
      cmocka_unit_test(a_child_that_talks_without_end_is_stopped),
      cmocka_unit_test(a_child_that_crashes_is_named_by_its_signal),
      cmocka_unit_test(a_child_that_is_killed_for_its_time_says_so),
      cmocka_unit_test(a_command_that_is_not_there_is_a_failure),
      cmocka_unit_test(an_answer_that_is_none_is_a_failure),
      cmocka_unit_test(the_text_that_was_read_is_the_text_that_is_evaluated),
      cmocka_unit_test(work_inside_c_is_stopped_by_the_processor_limit),
      cmocka_unit_test(a_sealed_process_opens_nothing),
      cmocka_unit_test(the_verb_answers_in_one_line),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
