/*
 * comparison.h - two arms, metric by metric: is B different from A, and by how much?
 *
 * The ratio is B / A over pairs, with the interval of base/stats.h.  A metric that is
 * the same in every repeat (perplexity, bytes) needs one value of each arm and no
 * interval.
 *
 * Ownership: what is added is copied; comparison_free empties.
 */
#ifndef RIDGE_CLI_COMPARISON_H
#define RIDGE_CLI_COMPARISON_H

#include "base/stats.h"
#include "cli/cli.h"

#include <jansson.h>

enum finding {
  FOUND_EQUAL,         /* steady, and the same value                   */
  FOUND_NO_DIFFERENCE, /* the interval contains 1                      */
  FOUND_LOWER,         /* B is lower: the interval, or a steady value  */
  FOUND_HIGHER,
  FOUND_TOO_FEW,  /* fewer than six pairs                         */
  FOUND_NO_RATIO, /* a value is not above 0                       */
};

struct comparison_row {
  char name[128], unit[32];
  int better;                  /* -1 lower, +1 higher, 0 neither */
  bool steady, exact;          /* exact: compared as single values */
  double a, b;                 /* medians */
  struct stats_interval ratio; /* n: pairs */
  enum finding finding;
  bool decides; /* whether B is worse than A, with --baseline */
};

struct comparison {
  struct comparison_row *rows;
  size_t n;
};

struct comparison_row comparison_row_of(const char *name, const char *unit, int better,
                                        bool steady);
/* A row of these facts, the rest found; n >= 1 pairs. */
void comparison_add(struct comparison *, const struct comparison_row *row, const double *a,
                    const double *b, size_t n);
/* Say which metrics decide: those named, or (n = 0) the first speed there is and all
 * steady ones.  One noisy metric keeps the chance of a false alarm at one in forty. */
void comparison_decide(struct comparison *, const char *const *names, size_t n);
bool comparison_worse(const struct comparison_row *); /* B, beyond the interval */
void comparison_print(const struct cli *, const struct comparison *);
json_t *comparison_json(const struct comparison *);
void comparison_free(struct comparison *);

#endif
