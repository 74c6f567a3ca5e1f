/*
 * children.h - run several short child processes at once, each under a time limit,
 * and keep what they wrote to standard output.
 *
 * A child gets /dev/null for standard input and error and a process group of its own;
 * when it ends, or its time is up, the whole group is killed, so that nothing it
 * started stays behind.
 */
#ifndef RIDGE_REGISTRY_CHILDREN_H
#define RIDGE_REGISTRY_CHILDREN_H

#include "base/text.h"
#include "base/why.h"

#include <sys/types.h>

struct child {
  const char *words[8]; /* the program and its words, ended by NULL */
  /* Out: */
  struct text output; /* freed by children_free                        */
  int status;         /* as waitpid gives it                           */
  bool timed_out;     /* it was killed: its time was up                */
  bool too_much;      /* it was killed: it wrote more than OUTPUT_MOST */
  /* Inside: */
  pid_t pid;
  int pipe; /* -1: ended */
  uint64_t deadline_ns;
  bool running;
};

enum { CHILD_OUTPUT_MOST = 8 << 20 };

/* Fails when a child could not be started; then none is left running. */
RIDGE_MUST ridge_status children_run(struct child *, size_t n, uint64_t timeout_ms,
                                     struct why *why);
void children_free(struct child *, size_t n);
/* "SIGSEGV"; a static text. */
const char *signal_word(int signal_number, char room[32]);

#endif
