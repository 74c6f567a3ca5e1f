/*
 * blame.h - who is executing, kept where the supervisor can read it after a crash.
 *
 * One page of memory shared by supervisor and worker.  Each thread of the worker
 * has a slot with the plugin it is in; a fault handler notes the thread that fell.
 */
#ifndef RIDGE_BASE_BLAME_H
#define RIDGE_BASE_BLAME_H

#include "base/why.h"

#include <stdatomic.h>

#define BLAME_NOBODY   UINT32_MAX
#define BLAME_THREADS  256
#define BLAME_WHO_BITS 16

struct blame_page {
  /* Of a thread: instance index + 1 (0: the host) in the low BLAME_WHO_BITS, above them
   * a number that changes with every call and return: the same word twice is the same
   * call still going on.  Only the thread itself writes it. */
  _Atomic uint64_t executing[BLAME_THREADS];
  _Atomic uint32_t fallen;       /* thread slot + 1 that faulted; 0: none */
  char names[BLAME_THREADS][64]; /* by instance index: "kv.paged 1.0.0"  */
};

/* Worker: attach to the page behind `fd` (-1: a private page); installs the fault
 * handler (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) that notes and re-raises. */
RIDGE_MUST ridge_status blame_attach(int fd, struct why *why);
void blame_name(uint32_t instance, const char *name);
/* A thread takes slot 0..BLAME_THREADS-1 before its first plugin call. */
void blame_thread(uint32_t slot);
uint32_t blame_enter(uint32_t instance); /* returns the former one, for leave */
void blame_leave(uint32_t former);

/* Supervisor: make a page and the fd to hand down (close-on-exec: the one who spawns
 * duplicates it for the worker alone); read the page after a death.  The name is ""
 * when the host itself was executing.  After a kill from outside nobody fell, and the
 * name is that of a plugin that was executing then. */
struct blame_page *blame_create(int *fd, struct why *why);
void blame_read(const struct blame_page *, char name[64]);
void blame_free(struct blame_page *);

/* Supervisor: which calls go on for how long, from looking now and then.  Zero-initialised;
 * `now_ns` of the monotonic clock. */
struct blame_watch {
  uint64_t seen[BLAME_THREADS], since_ns[BLAME_THREADS];
};
void blame_look(const struct blame_page *, struct blame_watch *, uint64_t now_ns);
/* The call that goes on for longest: its age and whose it is ("": nobody's, age 0).  Of a
 * call and the threads that work for it the oldest is the call. */
uint64_t blame_longest_ns(const struct blame_page *, const struct blame_watch *,
                          uint64_t now_ns, char name[64]);

#endif
