/* attempt.h - inside the supervisor: one run under way, and the files that share it. */
#ifndef RIDGE_RUN_ATTEMPT_H
#define RIDGE_RUN_ATTEMPT_H

#include "run/inputs.h"
#include "run/supervisor.h"

#include <limits.h>

enum { ATTEMPT_POINTS = 4096 }; /* gathered before they are written */

struct attempt {
  struct cli *cli;
  const struct run_once_options *options;
  const struct run_view *view;
  const struct workplace *place;
  struct outcome *outcome;
  char file[PATH_MAX]; /* of the recipe, absolute */
  struct composed composed;
  struct catalog_plugin *plugins;
  size_t n_plugins;
  json_t *job;
  struct inputs *inputs; /* NULL: a plan */
  struct catalog_point points[ATTEMPT_POINTS];
  size_t n_points;
  uint64_t flushed_ns;
  uint64_t stall_ms; /* 0: child.h's */
  int64_t output_lines;
  struct why broken; /* the first thing that could not be written down */
  struct why why;
};

/* job.c: fills `job` and `plugins`; false when it cannot be made. */
bool job_make(struct attempt *);

/* record.c: what is known goes into the outcome, and into the row if there is one.  A
 * failure is kept in `broken` and fails the run at its end. */
bool record_begin(struct attempt *);   /* the row; false with a sentence in `why`     */
bool record_refused(struct attempt *); /* the row of a recipe that was refused        */
void record_end(struct attempt *);
void record_message(struct attempt *, const char *kind, const json_t *message);
void record_event(struct attempt *, const char *level, const char *text);
void record_sample(struct attempt *, const char *metric, double value);
/* The files of the composition, before anybody reads them; then those the worker knows of;
 * at the end what was in them.  One that changed fails the run. */
void record_inputs_begin(struct attempt *);
void record_input_message(struct attempt *, const json_t *message);
void record_inputs_end(struct attempt *);
void record_points(struct attempt *); /* those gathered so far */

#endif
