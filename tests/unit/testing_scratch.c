/* testing_scratch.c - whatever becomes of a test, it leaves nothing in /tmp. */
#include "testing.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A test program of its own, which makes a directory and dies of `number` (0: ends). */
static char *die_with_a_directory(int number) {
  static char name[256];
  int names[2];
  assert_int_equal(pipe(names), 0);
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char *dir = testing_scratch(), inside[300];
    snprintf(inside, sizeof inside, "%s/it's a file", dir);
    FILE *file = fopen(inside, "w");
    if (file == NULL || fclose(file) != 0 || dprintf(names[1], "%s", dir) < 0) _exit(9);
    if (number != 0) raise(number);
    _exit(0);
  }
  close(names[1]);
  ssize_t n = read(names[0], name, sizeof name - 1);
  close(names[0]);
  assert_true(n > 0);
  name[n] = 0;
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, number);
  return name;
}

static bool vanishes(const char *dir) {
  struct stat facts;
  for (int i = 0; i < 500 && stat(dir, &facts) == 0; i++) usleep(10000);
  return stat(dir, &facts) != 0;
}

static void a_test_that_dies_leaves_no_directory(void **state) {
  (void)state;
  static const int ends[] = {0, SIGKILL, SIGTERM};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    assert_true(vanishes(die_with_a_directory(ends[i])));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_test_that_dies_leaves_no_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
