/*
 * writing.h - what the verbs that write models share: the machine, the parts, progress
 * on a terminal, and a signal that stops the work instead of the process.
 */
#ifndef RIDGE_CLI_WRITING_H
#define RIDGE_CLI_WRITING_H

#include "cli/progress.h"
#include "convert/convert.h"
#include "machine/machine.h"
#include "run/caller.h"

#include <signal.h>

struct writing {
  struct machine machine;
  struct registry registry; /* described anew: no catalog is needed */
  struct instances plugins;
  struct progress progress;
  sigset_t before;            /* the signals that were blocked */
  struct sigaction too_large; /* what the limit of a file's size did before */
  const char *phase;
};

/* -1: ready; else the exit code, with a sentence in `why`.  To be closed either way. */
int writing_open(const struct cli *, const char *phase, struct writing *out,
                 struct why *why);
void writing_close(struct writing *);

/* The spec's parts, progress and threads: 0 asks for as many as the machine's plan says. */
void writing_serve(struct writing *, int64_t threads, struct convert_spec *);
/* "2G", "500M", "1.5Gi": bytes; false when it is none. */
bool writing_size(const char *text, uint64_t *out);

#endif
