/* comparing.h - one `ridge compare`, shared by its two ways: runs that are there, and
 * recipes that are run for it. */
#ifndef RIDGE_CLI_COMPARING_H
#define RIDGE_CLI_COMPARING_H

#include "cli/comparison.h"
#include "cli/options.h"

enum { A, B, ARMS };

struct comparing {
  struct cli *cli;
  const char *words[ARMS]; /* as typed */
  struct option_texts metrics;
  bool baseline, noise;
  int64_t pairs; /* 0: not said */
  struct comparison found;
  json_t *runs[ARMS]; /* numbers */
  json_t *notes;      /* sentences a reader of the figures has to know */
  bool interleaved;
};

/* Is this metric wanted?  All are when none is named. */
bool comparing_wants(const struct comparing *, const char *metric);
/* Print what was found; the exit code. */
int comparing_tell(struct comparing *);
/* Run both recipes in turn, `pairs` times each, and compare; the exit code. */
int compare_recipes(struct comparing *);

#endif
