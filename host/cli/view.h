/* view.h - how a run is watched: by people on a terminal, or in silence. */
#ifndef RIDGE_CLI_VIEW_H
#define RIDGE_CLI_VIEW_H

#include "cli/progress.h"
#include "run/supervisor.h"

struct person_view {
  const struct cli *cli;
  struct progress progress;
  int64_t texts; /* shown so far; the rest is counted */
  struct run_view view;
};

/* Plan, progress, texts, tables.  Keep the struct where it is while the run lasts. */
void person_view_init(struct person_view *, const struct cli *);
/* Progress and problems alone, for runs that are one of many. */
void quiet_view_init(struct person_view *, const struct cli *);

#endif
