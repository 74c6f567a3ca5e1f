/* pool.c - the threads that compute. */
#include "engine/pool.h"

#include "base/blame.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* About 50 us of pauses: longer than the gap between two steps of a small model, far
 * shorter than what a sleeping thread would cost to notice. */
enum { SPINS = 4000 };

struct pool {
  int threads;
  pthread_t *handles;
  struct pool_member *members;
  _Alignas(64) _Atomic uint32_t round;   /* a new number is a new body to run    */
  _Alignas(64) _Atomic uint32_t arrived; /* at the barrier                      */
  _Alignas(64) _Atomic uint32_t passed;  /* barriers passed                     */
  _Atomic uint32_t sleepers;
  void (*body)(void *, int, int);
  void *arg;
  bool ending;
};

struct pool_member {
  struct pool *pool;
  int index, cpu;
};

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Until *word is no longer `old`. */
static void wait_change(struct pool *pool, _Atomic uint32_t *word, uint32_t old) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(word, memory_order_acquire) != old) return;
    relax();
  }
  /* Both sides use sequentially consistent order: either the announcer sees the
   * sleeper or the sleeper sees the new number. */
  atomic_fetch_add(&pool->sleepers, 1);
  while (atomic_load(word) == old)
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
  atomic_fetch_sub(&pool->sleepers, 1);
}

/* The system call is made only when somebody sleeps: a barrier costs no more. */
static void announce(struct pool *pool, _Atomic uint32_t *word) {
  atomic_fetch_add(word, 1);
  if (atomic_load(&pool->sleepers) > 0)
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void pool_barrier(struct pool *pool) {
  uint32_t threads = (uint32_t)pool->threads;
  if (threads == 1) return;
  uint32_t before = atomic_load_explicit(&pool->passed, memory_order_acquire);
  if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1 == threads) {
    atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
    announce(pool, &pool->passed);
  } else {
    wait_change(pool, &pool->passed, before);
  }
}

static void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((unsigned)cpu, &set);
  sched_setaffinity(0, sizeof set, &set); /* a CPU that went away: run anywhere */
}

static void *work(void *arg) {
  struct pool_member *member = arg;
  struct pool *pool = member->pool;
  pin(member->cpu);
  blame_thread((uint32_t)member->index);
  for (uint32_t round = 0;;) {
    wait_change(pool, &pool->round, round);
    round = atomic_load_explicit(&pool->round, memory_order_acquire);
    if (pool->ending) return NULL;
    pool->body(pool->arg, member->index, pool->threads);
    pool_barrier(pool);
  }
}

ridge_status pool_new(int threads, const int *cpus, struct pool **out, struct why *why) {
  struct pool *pool = NULL;
  if (posix_memalign((void **)&pool, 64, sizeof *pool) != 0)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for the threads");
  memset(pool, 0, sizeof *pool);
  pool->threads = threads;
  pool->handles = calloc((size_t)threads, sizeof *pool->handles);
  pool->members = calloc((size_t)threads, sizeof *pool->members);
  for (int i = 0; i < threads; i++)
    pool->members[i] = (struct pool_member){pool, i, cpus == NULL ? -1 : cpus[i]};
  for (int i = 1; i < threads; i++) {
    if (pthread_create(&pool->handles[i], NULL, work, &pool->members[i]) == 0) continue;
    pool->threads = i;
    pool_free(pool);
    return why_set(why, RIDGE_NO_MEMORY, "thread %d of %d could not be started", i + 1,
                   threads);
  }
  pin(pool->members[0].cpu);
  blame_thread(0);
  *out = pool;
  return RIDGE_OK;
}

void pool_free(struct pool *pool) {
  if (pool == NULL) return;
  pool->ending = true;
  announce(pool, &pool->round);
  for (int i = 1; i < pool->threads; i++) pthread_join(pool->handles[i], NULL);
  free(pool->handles);
  free(pool->members);
  free(pool);
}

int pool_threads(const struct pool *pool) { return pool->threads; }

void pool_run(struct pool *pool, void (*body)(void *, int, int), void *arg) {
  pool->body = body;
  pool->arg = arg;
  if (pool->threads > 1) announce(pool, &pool->round);
  body(arg, 0, pool->threads);
  pool_barrier(pool);
}

struct ranges {
  _Atomic int64_t next;
  int64_t n, grain;
  void (*body)(void *, int64_t, int64_t);
  void *arg;
};

static void take_ranges(void *arg, int thread, int threads) {
  (void)thread, (void)threads;
  struct ranges *ranges = arg;
  for (;;) {
    int64_t lo = atomic_fetch_add(&ranges->next, ranges->grain);
    if (lo >= ranges->n) return;
    int64_t hi = lo + ranges->grain < ranges->n ? lo + ranges->grain : ranges->n;
    ranges->body(ranges->arg, lo, hi);
  }
}

void pool_parallel(struct pool *pool, int64_t n, int64_t grain,
                   void (*body)(void *, int64_t, int64_t), void *arg) {
  struct ranges ranges = {.n = n, .grain = grain < 1 ? 1 : grain, .body = body, .arg = arg};
  pool_run(pool, take_ranges, &ranges);
}
