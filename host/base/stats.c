/*
 * stats.c - medians, signed ranks, and the interval of a ratio.
 *
 * The pairwise means (Walsh averages) of n values are n (n + 1) / 2 numbers; they
 * are never written down.  Their k-th smallest is found by bisection over the
 * doubles themselves, counting with two pointers over the sorted values: O(n) for
 * each of at most 64 steps, so ten thousand repeats need no gigabyte.
 */
#include "base/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_UP_TO = 50 };
#define ALPHA 0.05

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double *sorted_copy(const double *values, size_t n) {
  double *copy = calloc(n > 0 ? n : 1, sizeof *copy);
  if (copy == NULL) abort();
  memcpy(copy, values, n * sizeof *copy);
  qsort(copy, n, sizeof *copy, ascending);
  return copy;
}

/* Halves first: two large values of one sign must not overflow. */
static double mean_of_two(double x, double y) { return x / 2 + y / 2; }

double stats_median(const double *values, size_t n) {
  double *sorted = sorted_copy(values, n);
  double median = mean_of_two(sorted[(n - 1) / 2], sorted[n / 2]);
  free(sorted);
  return median;
}

/* How many of the 2^n sign patterns have rank sum <= w: the subset sums of 1..n.  At
 * n = 50 a count is below 2^50 and so exact in a double. */
static double exact_tail(size_t n, size_t w) {
  enum { MOST = EXACT_UP_TO * (EXACT_UP_TO + 1) / 2 };
  double ways[MOST + 1] = {1};
  size_t top = n * (n + 1) / 2;
  for (size_t rank = 1; rank <= n; rank++)
    for (size_t sum = top; sum >= rank; sum--) ways[sum] += ways[sum - rank];
  double below = 0;
  for (size_t sum = 0; sum <= w && sum <= top; sum++) below += ways[sum];
  return ldexp(below, -(int)n);
}

static double normal_tail(size_t n, size_t w) {
  double m = (double)n, mean = m * (m + 1) / 4,
         deviation = sqrt(m * (m + 1) * (2 * m + 1) / 24);
  return erfc(-((double)w + 0.5 - mean) / deviation / sqrt(2.0)) / 2;
}

double stats_signed_rank_tail(size_t n, size_t w) {
  return n <= EXACT_UP_TO ? exact_tail(n, w) : normal_tail(n, w);
}

size_t stats_signed_rank_cut(size_t n) {
  /* P(W <= k - 1) grows with k; at the middle it is about a half. */
  size_t lo = 0, hi = n * (n + 1) / 4 + 1;
  while (lo + 1 < hi) {
    size_t k = lo + (hi - lo) / 2;
    if (2 * stats_signed_rank_tail(n, k - 1) <= ALPHA)
      lo = k;
    else
      hi = k;
  }
  return lo;
}

/* Pairs i <= j with (v_i + v_j) / 2 <= limit, v ascending. */
static size_t pairs_up_to(const double *v, size_t n, double limit) {
  size_t count = 0, end = n;
  for (size_t i = 0; i < n; i++) {
    while (end > 0 && mean_of_two(v[i], v[end - 1]) > limit) end--;
    if (end <= i) break;
    count += end - i;
  }
  return count;
}

/* The doubles in order as integers, so that bisection ends at the exact value. */
static int64_t order_of(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits >= 0 ? bits : INT64_MIN - bits;
}

static double double_at(int64_t order) {
  int64_t bits = order >= 0 ? order : INT64_MIN - order;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static int64_t midway(int64_t lo, int64_t hi) { return (lo & hi) + ((lo ^ hi) >> 1); }

/* The k-th smallest pairwise mean, k from 1. */
static double pairwise_mean(const double *v, size_t n, size_t k) {
  int64_t lo = order_of(v[0]), hi = order_of(v[n - 1]);
  while (lo < hi) {
    int64_t middle = midway(lo, hi);
    if (pairs_up_to(v, n, double_at(middle)) >= k)
      hi = middle;
    else
      lo = middle + 1;
  }
  return double_at(lo);
}

struct stats_interval stats_center(const double *values, size_t n) {
  double *v = sorted_copy(values, n);
  size_t all = n * (n + 1) / 2, cut = stats_signed_rank_cut(n);
  struct stats_interval out = {.n = n, .lo = NAN, .hi = NAN};
  out.estimate =
      mean_of_two(pairwise_mean(v, n, (all + 1) / 2), pairwise_mean(v, n, all / 2 + 1));
  if (cut > 0) {
    out.lo = pairwise_mean(v, n, cut);
    out.hi = pairwise_mean(v, n, all + 1 - cut);
    out.confidence = 1 - 2 * stats_signed_rank_tail(n, cut - 1);
  }
  free(v);
  return out;
}

ridge_status stats_ratio(const double *a, const double *b, size_t n,
                         struct stats_interval *out, struct why *why) {
  if (n == 0) return why_set(why, RIDGE_INVALID, "there are no pairs to take a ratio of");
  for (size_t i = 0; i < n; i++)
    for (int side = 0; side < 2; side++) {
      double value = side == 0 ? a[i] : b[i];
      if (!isfinite(value) || value <= 0)
        return why_set(why, RIDGE_INVALID,
                       "value %zu of %s is %g; a ratio needs finite values above 0", i,
                       side == 0 ? "A" : "B", value);
    }
  double *logs = calloc(n, sizeof *logs);
  if (logs == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory for %zu ratios", n);
  for (size_t i = 0; i < n; i++) logs[i] = log(b[i]) - log(a[i]);
  *out = stats_center(logs, n);
  free(logs);
  out->estimate = exp(out->estimate);
  out->lo = exp(out->lo);
  out->hi = exp(out->hi);
  return RIDGE_OK;
}

enum stats_verdict stats_verdict(const struct stats_interval *ratio) {
  if (ratio->confidence <= 0) return STATS_TOO_FEW;
  if (ratio->hi < 1) return STATS_LOWER;
  if (ratio->lo > 1) return STATS_HIGHER;
  return STATS_NO_DIFFERENCE;
}
