/*
 * testing.h - as much of cmocka as the kernel tests use, so that they can be built for a
 * machine that has only a C library.  The first failure ends the program.
 */
#ifndef TESTING_H
#define TESTING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
  const char *name;
  void (*run)(void **state);
};
#define cmocka_unit_test(f)                                                                \
  { #f, f }

static inline __attribute__((noreturn, format(printf, 1, 2))) void fail_msg(
    const char *format, ...) {
  va_list list;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(1);
}
#define print_message(...) (void)printf(__VA_ARGS__)

#define ASSERT_(holds, text)                                                               \
  ((holds) ? (void)0 : fail_msg("%s:%d: %s", __FILE__, __LINE__, text))
#define assert_true(a)             ASSERT_(a, #a)
#define assert_non_null(a)         ASSERT_((a) != NULL, #a " is NULL")
#define assert_int_equal(a, b)     ASSERT_((a) == (b), #a " is not " #b)
#define assert_int_not_equal(a, b) ASSERT_((a) != (b), #a " is " #b)
#define assert_in_range(a, lo, hi)                                                         \
  ASSERT_((a) >= (lo) && (a) <= (hi), #a " is out of range")
#define assert_memory_equal(a, b, size) ASSERT_(memcmp(a, b, size) == 0, #a " is not " #b)

static inline int cross_run(const struct CMUnitTest *tests, size_t n,
                            int (*set_up)(void **)) {
  void *state = NULL;
  if (set_up != NULL && set_up(&state) != 0) return 1;
  for (size_t i = 0; i < n; i++) {
    printf("%s\n", tests[i].name);
    fflush(stdout);
    tests[i].run(&state);
  }
  return 0;
}
#define cmocka_run_group_tests(tests, set_up, tear_down)                                   \
  cross_run(tests, sizeof(tests) / sizeof *(tests), set_up)

#endif
