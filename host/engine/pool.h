/*
 * pool.h - the threads that compute.
 *
 * One body runs on all threads at once; inside it they meet at barriers.  The caller
 * is thread 0.  Waiting spins for a short while, then sleeps.
 */
#ifndef RIDGE_ENGINE_POOL_H
#define RIDGE_ENGINE_POOL_H

#include "base/why.h"

struct pool;

/* cpus: where to pin each thread (NULL: nowhere); the caller is pinned too. */
RIDGE_MUST ridge_status pool_new(int threads, const int *cpus, struct pool **out,
                                 struct why *why);
void pool_free(struct pool *);
int pool_threads(const struct pool *);
void pool_run(struct pool *, void (*body)(void *arg, int thread, int threads), void *arg);
/* Inside a body: nobody goes on before all have come. */
void pool_barrier(struct pool *);
/* 0..n cut by grain, ranges handed out as threads become free. */
void pool_parallel(struct pool *, int64_t n, int64_t grain,
                   void (*body)(void *arg, int64_t lo, int64_t hi), void *arg);

#endif
