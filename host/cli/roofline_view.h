/*
 * roofline_view.h - a run's operators beside what the machine could have done.
 *
 * Made from what catalog_show gives with CATALOG_OPERATORS; for each phase (prompt,
 * decode, ...) the nodes of one kind are one row.  `predicted` is the roof at the typical
 * rates that were measured, `limit` the one at the best; both are 0 where the machine was
 * not measured.
 *
 * Ownership: the view owns its lists; roofline_view_free.
 */
#ifndef RIDGE_CLI_ROOFLINE_VIEW_H
#define RIDGE_CLI_ROOFLINE_VIEW_H

#include "machine/roof.h"

struct roofline_kind {
  char kind[96];
  int64_t nodes, calls;
  double seconds, flops, bytes;
  double predicted, limit; /* seconds                                   */
  double compute, memory;  /* seconds at the best rates, each alone     */
  bool narrow;
};

struct roofline_phase {
  char phase[16];
  int64_t steps, rows;
  double step_seconds, model_seconds;
  double depth;                /* positions a row attended to, on average   */
  double working_set;          /* bytes that one step streams               */
  struct roofline_kind *kinds; /* longest first                     */
  size_t n;
  struct roofline_kind all; /* their sum */
};

enum { ROOFLINE_PHASES = 4 };
struct roofline_view {
  struct roofline_phase phases[ROOFLINE_PHASES];
  size_t n;
  struct machine_speed *speed; /* NULL: not measured */
  struct machine machine;      /* its caches         */
  int threads;
  int64_t calibration, measured;
  bool planned; /* it is the one the run's plan was made with */
};

/* RIDGE_CORRUPT when the calibration's row cannot be read. */
RIDGE_MUST ridge_status roofline_view_make(const json_t *run, struct roofline_view *out,
                                           struct why *why);
void roofline_view_free(struct roofline_view *);
json_t *roofline_view_json(const struct roofline_view *);

/* Slopes of the plot: read bandwidth well inside each level, best rates. */
struct roofline_level {
  const char *name;
  double bandwidth;
};
enum { ROOFLINE_LEVELS = 4 };
size_t roofline_levels(const struct roofline_view *,
                       struct roofline_level out[ROOFLINE_LEVELS]);

#endif
