/* pool.c - the threads that compute: every index once, barriers that hold. */
#include "testing.h"

#include "engine/pool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { N = 10007, ROUNDS = 400 };

struct marks {
  _Atomic int seen[N];
};

static void mark(void *arg, int64_t lo, int64_t hi) {
  struct marks *marks = arg;
  for (int64_t i = lo; i < hi; i++) marks->seen[i]++;
}

static void every_index_is_visited_once(void **state) {
  (void)state;
  for (int threads = 1; threads <= 4; threads++) {
    static struct marks marks;
    struct pool *pool;
    struct why why;
    memset(&marks, 0, sizeof marks);
    assert_int_equal(pool_new(threads, NULL, &pool, &why), RIDGE_OK);
    assert_int_equal(pool_threads(pool), threads);
    pool_parallel(pool, N, 13, mark, &marks);
    pool_free(pool);
    for (int i = 0; i < N; i++) assert_int_equal(marks.seen[i], 1);
  }
}

struct relay {
  struct pool *pool;
  int64_t turn[ROUNDS]; /* written by one thread, read by all after the barrier */
  _Atomic int wrong;
};

static void pass_on(void *arg, int thread, int threads) {
  struct relay *relay = arg;
  for (int r = 0; r < ROUNDS; r++) {
    if (thread == r % threads) relay->turn[r] = r + 1;
    pool_barrier(relay->pool);
    if (relay->turn[r] != r + 1) relay->wrong++;
  }
}

static void what_one_thread_wrote_before_a_barrier_all_see_after_it(void **state) {
  (void)state;
  for (int threads = 1; threads <= 4; threads++) {
    static struct relay relay;
    struct why why;
    memset(&relay, 0, sizeof relay);
    assert_int_equal(pool_new(threads, NULL, &relay.pool, &why), RIDGE_OK);
    pool_run(relay.pool, pass_on, &relay);
    pool_run(relay.pool, pass_on, &relay);
    pool_free(relay.pool);
    assert_int_equal(relay.wrong, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_index_is_visited_once),
      cmocka_unit_test(what_one_thread_wrote_before_a_barrier_all_see_after_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
