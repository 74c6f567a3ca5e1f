/* cli_comparison.c - what a comparison prints agrees with its verdict. */
#include "testing.h"

#include "cli/comparison.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The row of one metric of one value in each arm, as it is printed; the caller frees. */
static char *printed(const char *metric, const char *unit, double a, double b) {
  struct comparison all = {0};
  struct comparison_row about = comparison_row_of(metric, unit, -1, true);
  char *text = calloc(1, 4096);
  FILE *file = tmpfile();
  int before = dup(STDOUT_FILENO);
  assert_true(text != NULL && file != NULL && before >= 0);
  comparison_add(&all, &about, &a, &b, 1);
  fflush(stdout);
  dup2(fileno(file), STDOUT_FILENO);
  comparison_print(&(struct cli){0}, &all);
  fflush(stdout);
  dup2(before, STDOUT_FILENO);
  close(before);
  assert_true(pread(fileno(file), text, 4095, 0) > 0);
  fclose(file);
  comparison_free(&all);
  return text;
}

static void says(const char *metric, const char *unit, double a, double b,
                 const char *wanted) {
  char *text = printed(metric, unit, a, b);
  if (strstr(text, wanted) == NULL) fail_msg("no `%s` in: %s", wanted, text);
  free(text);
}

static void a_difference_is_seen_in_values_and_ratio(void **state) {
  (void)state;
  says("nll", "nat", 2.4018, 2.40187928,
       "\t2.4018 nat\t2.4019 nat\t1.000033\texact\t1\tB is worse");
  says("nll", "nat", 2.4018, 2.4018000001,
       "\t2.4018 nat\t2.4018000001 nat\t1.000000000042\texact\t1\tB is worse");
  says("weight_bytes", "byte", 104857600, 104857599,
       "\t104857600 B\t104857599 B\t0.9999999905\texact\t1\tB is better");
  says("perplexity", "", 11, 12, "\t11\t12\t1.0909\texact\t1\tB is worse");
}

static void what_is_equal_is_called_the_same(void **state) {
  (void)state;
  says("nll", "nat", 2.4018, 2.4018, "\t2.402 nat\t2.402 nat\t1.0000\texact\t1\tthe same");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_difference_is_seen_in_values_and_ratio),
      cmocka_unit_test(what_is_equal_is_called_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
