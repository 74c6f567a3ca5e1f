/*
 * progress.h - one line at the foot of a terminal, rewritten; nothing when piped.
 *
 * Goes to standard error, so that results can be piped while it is watched.
 */
#ifndef RIDGE_CLI_PROGRESS_H
#define RIDGE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
  bool on, shown;
  char phase[64], note[96];
  double done, of, drawn;
  uint64_t phase_ns, drawn_ns; /* when this phase began; when it was last drawn */
};

struct progress progress_new(bool wanted);
void progress_set(struct progress *, const char *phase, double done, double of,
                  const char *note);
void progress_draw(struct progress *);
/* Take the line away, before anything else is printed. */
void progress_clear(struct progress *);

#endif
