/*
 * child.h - one worker process, watched until it is gone (libuv).
 *
 * Starts the command with the message pipe as descriptor 3 and the blame page as 4,
 * hands it the job, gives out its messages, and waits for its end.  The first interrupt
 * (Ctrl-C, SIGTERM, a closed terminal) asks it to stop, the second kills it.  A worker
 * that says nothing for too long, or says what is not a message, is killed.  While one
 * call into a plugin goes on for long, that is told, and remembered if it comes to an end
 * by force.
 *
 * Knows nothing of catalogs and recipes.  One at a time per process: it owns the
 * interrupt signals while it runs.
 */
#ifndef RIDGE_RUN_CHILD_H
#define RIDGE_RUN_CHILD_H

#include "run/message.h"

struct child_job {
  const char *const *argv; /* ended by NULL; argv[0] is the program's path        */
  json_t *job;             /* "blame_fd" is set in it                             */
  uint64_t silence_ms;     /* most time between two messages; 0: ten minutes      */
  uint64_t exit_ms;        /* most time from the last word to the end; 0: 30 s    */
  uint64_t stall_ms;       /* a call into a plugin is long after this; 0: 30 s    */
  void *ctx;
  /* False, with a sentence: not a message that this job may send. */
  bool (*message)(void *ctx, const json_t *message, struct why *why);
  void (*output)(void *ctx, const char *stream, const char *line); /* stdout, stderr */
  void (*tick)(void *ctx); /* ten times a second                          */
  void (*interrupted)(void *ctx, int times);
  /* Is what comes of it for nobody any more?  Then it is asked to stop, as by an interrupt;
   * asked ten times a second.  May be NULL. */
  bool (*unread)(void *ctx);
  /* One call has not come back after stall_ms, after twice that, four times ...  May be
   * NULL. */
  void (*stalled)(void *ctx, const char *who, double seconds);
};

struct child_end {
  int exit;         /* its exit code, when signal is 0                        */
  int signal;       /* that ended it; 0: none                                 */
  bool finished;    /* it said its last word: "done" or "refused"             */
  bool interrupted; /* by the user                                            */
  bool unread;      /* asked to stop because nobody reads what it makes */
  bool killed;      /* by us; `why` says for what                             */
  char why[512];    /* "" or a sentence                                       */
  char blamed[64];  /* whose code was running: "kv.paged 1.0.0"; "": the host */
  /* The longest call into a plugin that was going on at the end, when it had for a second
   * or more; else "" and 0. */
  char executing[64];
  double executing_seconds;
  bool stalled;       /* it had for longer than stall_ms                        */
  uint64_t peak_rss;  /* bytes; 0: not known                                    */
  double cpu_seconds; /* user and system; below 0: not known                    */
};

/* Fails only when the worker could not be started. */
RIDGE_MUST ridge_status child_run(const struct child_job *, struct child_end *out,
                                  struct why *why);

#endif
