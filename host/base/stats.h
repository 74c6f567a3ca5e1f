/*
 * stats.h - is one series of measurements different from another, and by how much?
 *
 * The answer for pairs (a_i, b_i) is the ratio b / a: the median of the pairwise
 * means of the log ratios (Hodges and Lehmann 1963) with the 95 % interval that
 * belongs to Wilcoxon's signed ranks.  No random numbers, no tuning, no normality;
 * what is assumed is that the noise of a log ratio is as likely up as down.
 *
 * Caveat: below six pairs no such interval exists, and none is made up.
 */
#ifndef RIDGE_BASE_STATS_H
#define RIDGE_BASE_STATS_H

#include "base/why.h"

enum { STATS_LEAST_PAIRS = 6 };

/* Of n >= 1 finite values; `values` stays as it is. */
double stats_median(const double *values, size_t n);

/* P(W <= w) for the signed-rank sum W of n values when up and down are alike:
 * exact up to n = 50, beyond it the normal distribution with continuity correction. */
double stats_signed_rank_tail(size_t n, size_t w);
/* The interval runs from the k-th smallest to the k-th largest pairwise mean: the
 * largest k with 2 P(W <= k - 1) <= 0.05, or 0 when there is none (n < 6). */
size_t stats_signed_rank_cut(size_t n);

struct stats_interval {
  double estimate, lo, hi; /* lo and hi are NAN below STATS_LEAST_PAIRS */
  double confidence;       /* what [lo, hi] really covers: at least 0.95, or 0 */
  size_t n;
};
/* Of the centre of n >= 1 finite values: Hodges-Lehmann and signed ranks. */
struct stats_interval stats_center(const double *values, size_t n);
/* Of b / a; every value must be finite and above 0 (RIDGE_INVALID says which not). */
RIDGE_MUST ridge_status stats_ratio(const double *a, const double *b, size_t n,
                                    struct stats_interval *out, struct why *why);

enum stats_verdict {
  STATS_TOO_FEW,       /* fewer than six pairs                           */
  STATS_NO_DIFFERENCE, /* the interval contains 1                        */
  STATS_LOWER,         /* b is lower than a: the interval lies below 1   */
  STATS_HIGHER,        /* b is higher than a: the interval lies above 1  */
};
enum stats_verdict stats_verdict(const struct stats_interval *ratio);

#endif
