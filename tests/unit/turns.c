/* turns.c - work that threads hand out among themselves: every part once. */
#include "testing.h"

#include <ridge/wide_kernel.h>

#include <pthread.h>
#include <string.h>

enum { MOST_PARTS = 1000, MOST_THREADS = 7 };

struct taker {
  struct wide_turns turns;
  pthread_t id;
  unsigned char *seen; /* (n) of all threads: how often a part was handed out */
};

static void take(struct taker *t, struct wide_share range) {
  assert_in_range(range.lo, 0, t->turns.n - 1);
  assert_in_range(range.hi, range.lo + 1, t->turns.n);
  for (int64_t i = range.lo; i < range.hi; i++)
    __atomic_fetch_add(&t->seen[i], 1, __ATOMIC_RELAXED);
}

static void *take_all(void *arg) {
  struct taker *t = arg;
  struct wide_share range;
  while (wide_next(&t->turns, &range)) take(t, range);
  return NULL;
}

static void check(int64_t n, int32_t threads, bool handed_out) {
  struct taker takers[MOST_THREADS];
  unsigned char seen[MOST_PARTS] = {0};
  uint64_t taken = 0;
  for (int32_t i = 0; i < threads; i++) {
    takers[i] = (struct taker){{handed_out ? &taken : NULL, n, i, threads, false}, 0, seen};
    assert_int_equal(pthread_create(&takers[i].id, NULL, take_all, &takers[i]), 0);
  }
  for (int32_t i = 0; i < threads; i++) pthread_join(takers[i].id, NULL);
  for (int64_t i = 0; i < n; i++)
    if (seen[i] != 1)
      fail_msg("part %d of %d was handed out %d times among %d threads", (int)i, (int)n,
               seen[i], threads);
}

static void every_part_is_handed_out_once(void **state) {
  (void)state;
  static const int64_t parts[] = {0, 1, 2, 3, 7, 8, 65, MOST_PARTS};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    for (int32_t threads = 1; threads <= MOST_THREADS; threads++) {
      check(parts[i], threads, true);
      check(parts[i], threads, false);
    }
}

/* Thread 1 is stopped before it has begun, and meets its own share when it comes. */
static void who_is_free_does_what_is_left(void **state) {
  (void)state;
  uint64_t taken = 0;
  int64_t done[2] = {0};
  struct wide_share range;
  for (int32_t thread = 0; thread < 2; thread++) {
    struct wide_turns turns = {&taken, 64, thread, 2, false};
    while (wide_next(&turns, &range)) done[thread] += range.hi - range.lo;
  }
  assert_int_equal(done[0], 48);
  assert_int_equal(done[1], 16);
}

static void ranges_shrink_to_one_part(void **state) {
  (void)state;
  uint64_t taken = 0;
  struct wide_turns turns = {&taken, 200, 0, 2, false};
  struct wide_share range;
  int64_t before = MOST_PARTS;
  while (wide_next(&turns, &range)) {
    assert_in_range(range.hi - range.lo, 1, before);
    before = range.hi - range.lo;
  }
  assert_int_equal(before, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_part_is_handed_out_once),
      cmocka_unit_test(who_is_free_does_what_is_left),
      cmocka_unit_test(ranges_shrink_to_one_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
