/*
 * stats.c - medians, signed ranks and ratios against values that another program
 * found by trying every sign pattern and listing every pairwise mean.
 */
#include "random.h"
#include "testing.h"

#include "base/stats.h"

#include <math.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void near(double found, double wanted) {
  if (!(fabs(found - wanted) <= 1e-12 * (1 + fabs(wanted))))
    fail_msg("%.17g, not %.17g", found, wanted);
}

static void the_median_is_the_middle_or_between_the_two_middles(void **state) {
  (void)state;
  const double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {-7};
  near(stats_median(odd, 3), 3);
  near(stats_median(even, 4), 2.5);
  near(stats_median(one, 1), -7);
  assert_true(odd[0] == 5); /* left as it was */
}

static void tails_equal_those_of_all_sign_patterns(void **state) {
  (void)state;
  static const struct {
    size_t n, w;
    double tail;
  } rows[] = {
      {6, 0, 1.0 / 64},
      {7, 3, 5.0 / 128},
      {9, 5, 5.0 / 256},
      {10, 8, 25.0 / 1024},
      {12, 13, 87.0 / 4096},
      {12, 39, 1055.0 / 2048},
      {15, 25, 785.0 / 32768},
      {16, 29, 363.0 / 16384},
      {20, 52, 0.02422046661376953},
      {25, 89, 0.024131208658218384},
      {41, 279, 0.024829342174143676},
      {50, 434, 0.024723203400300875},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    near(stats_signed_rank_tail(rows[i].n, rows[i].w), rows[i].tail);
  near(stats_signed_rank_tail(8, 36), 1);
}

static void beyond_fifty_the_normal_tail_is_close(void **state) {
  (void)state;
  assert_true(fabs(stats_signed_rank_tail(60, 648) - 0.024640752992180645) < 3e-4);
  assert_true(fabs(stats_signed_rank_tail(100, 1955) - 0.02496187980214628) < 2e-4);
}

static void the_cut_is_the_largest_that_keeps_95_percent(void **state) {
  (void)state;
  static const size_t cuts[] = {0, 0, 0, 0, 0, 0, 1, 3, 4, 6, 9, 11, 14, 18, 22, 26, 30};
  for (size_t n = 1; n < COUNT(cuts); n++)
    assert_int_equal(stats_signed_rank_cut(n), cuts[n]);
  assert_int_equal(stats_signed_rank_cut(20), 53);
  assert_int_equal(stats_signed_rank_cut(25), 90);
  assert_int_equal(stats_signed_rank_cut(41), 280);
  assert_int_equal(stats_signed_rank_cut(50), 435);
  assert_in_range(stats_signed_rank_cut(60), 648, 650);
  assert_in_range(stats_signed_rank_cut(100), 1955, 1957);
  for (size_t n = STATS_LEAST_PAIRS; n <= 300; n++) {
    size_t cut = stats_signed_rank_cut(n);
    assert_true(2 * stats_signed_rank_tail(n, cut - 1) <= 0.05);
    assert_true(2 * stats_signed_rank_tail(n, cut) > 0.05);
  }
}

static void centres_and_intervals_equal_those_of_listed_pairwise_means(void **state) {
  (void)state;
  const double v[] = {3.5, -1.25, 0.5, 2.0, -0.75, 4.0, 1.5, 2.25, 0.25, -2.0, 5.0, 1.0};
  struct stats_interval found = stats_center(v, COUNT(v));
  near(found.estimate, 1.3125);
  near(found.lo, -0.125);
  near(found.hi, 2.75);
  const double ties[] = {1, 1, 1, 2, 2, -1, 0};
  found = stats_center(ties, COUNT(ties));
  near(found.estimate, 1);
  near(found.lo, 0);
  near(found.hi, 2);
  const double six[] = {32, 1, 16, 2, 8, 4};
  found = stats_center(six, 6);
  near(found.estimate, 8.5);
  near(found.lo, 1);
  near(found.hi, 32);
  near(found.confidence, 1 - 2.0 / 64);
}

static void below_six_pairs_there_is_an_estimate_and_no_interval(void **state) {
  (void)state;
  const double v[] = {1, 2, 10, 4, 5};
  for (size_t n = 1; n < STATS_LEAST_PAIRS; n++) {
    struct stats_interval found = stats_center(v, n);
    assert_true(isfinite(found.estimate) && isnan(found.lo) && isnan(found.hi));
    assert_true(found.confidence == 0);
    assert_int_equal(stats_verdict(&found), STATS_TOO_FEW);
  }
  struct stats_interval three = stats_center(v, 3);
  near(three.estimate, 3.75);
}

static void the_ratio_is_b_over_a(void **state) {
  (void)state;
  const double a[] = {12.1, 11.9, 12.4, 12.0, 12.2, 11.8, 12.3, 12.05, 11.95};
  const double b[] = {11.2, 11.5, 11.1, 11.6, 11.0, 11.4, 12.35, 11.3, 11.25};
  struct stats_interval found;
  struct why why;
  assert_int_equal(stats_ratio(a, b, COUNT(a), &found, &why), RIDGE_OK);
  near(found.estimate, 0.9457835708848831);
  near(found.lo, 0.9162127794977273);
  near(found.hi, 0.9703460031973791);
  assert_int_equal(stats_verdict(&found), STATS_LOWER);
  assert_int_equal(stats_ratio(b, a, COUNT(a), &found, &why), RIDGE_OK);
  near(found.estimate, 1 / 0.9457835708848831);
  assert_int_equal(stats_verdict(&found), STATS_HIGHER);
  assert_int_equal(stats_ratio(a, a, COUNT(a), &found, &why), RIDGE_OK);
  assert_true(found.estimate == 1 && found.lo == 1 && found.hi == 1);
  assert_int_equal(stats_verdict(&found), STATS_NO_DIFFERENCE);
}

static void a_ratio_of_zero_or_nan_is_refused_with_its_place(void **state) {
  (void)state;
  const double good[] = {1, 1, 1}, zero[] = {1, 0, 1}, not [] = {1, 1, NAN};
  struct stats_interval found;
  struct why why;
  assert_int_equal(stats_ratio(good, zero, 3, &found, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "value 1 of B is 0"));
  assert_int_equal(stats_ratio(not, good, 3, &found, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "value 2 of A is nan"));
  assert_int_equal(stats_ratio(good, good, 0, &found, &why), RIDGE_INVALID);
}

static double uniform(uint64_t *state) {
  return ((double)(random_next(state) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *state) {
  double radius = sqrt(-2 * log(uniform(state)));
  return radius * cos(6.283185307179586 * uniform(state));
}

/* Noise of a bad machine: drift that a pair shares, and one run in ten slowed by half. */
static double noisy(uint64_t *state, double drift, bool bad) {
  double value = exp(0.03 * normal(state) + drift);
  return bad && uniform(state) < 0.1 ? value * 1.5 : value;
}

static double share_called(size_t n, double effect, bool bad, uint64_t seed) {
  enum { TRIALS = 3000 };
  double a[64], b[64];
  struct stats_interval found;
  struct why why;
  size_t called = 0;
  for (int trial = 0; trial < TRIALS; trial++) {
    for (size_t i = 0; i < n; i++) {
      double drift = bad ? 0.1 * (double)i / (double)n : 0;
      a[i] = noisy(&seed, drift, bad);
      b[i] = effect * noisy(&seed, drift, bad);
    }
    assert_int_equal(stats_ratio(a, b, n, &found, &why), RIDGE_OK);
    called += stats_verdict(&found) != STATS_NO_DIFFERENCE;
  }
  return (double)called / TRIALS;
}

static void a_against_a_names_a_winner_in_at_most_one_of_twenty(void **state) {
  (void)state;
  enum { SEED = 20240917 };
  print_message("seed %d\n", SEED);
  /* 1 % of slack: the share is at most 0.05, its estimate from 3000 trials is not. */
  static const size_t sizes[] = {6, 9, 25, 41};
  for (size_t i = 0; i < COUNT(sizes); i++)
    for (int bad = 0; bad < 2; bad++) {
      double share = share_called(sizes[i], 1, bad != 0, SEED + i);
      print_message("%zu pairs%s: %.1f %%\n", sizes[i], bad ? ", bad machine" : "",
                    100 * share);
      assert_true(share <= 0.06);
    }
}

static void a_ten_percent_effect_is_called_with_nine_pairs(void **state) {
  (void)state;
  assert_true(share_called(9, 1.1, false, 7) > 0.98);
  assert_true(share_called(41, 1.03, false, 7) > 0.9);
}

static void ten_thousand_repeats_need_no_gigabyte(void **state) {
  (void)state;
  enum { N = 10000 };
  static double v[N];
  for (int i = 0; i < N; i++) v[i] = (i * 7919) % N;
  struct stats_interval found = stats_center(v, N);
  near(found.estimate, (N - 1) / 2.0);
  assert_true(found.lo < found.estimate && found.estimate < found.hi);
  assert_true(found.hi - found.lo < 0.03 * N);
}

static void large_values_do_not_overflow(void **state) {
  (void)state;
  const double huge[] = {1.7e308, 1.7e308, 1.7e308, 1.6e308, 1.6e308, 1.6e308};
  struct stats_interval found = stats_center(huge, 6);
  assert_true(isfinite(found.estimate) && isfinite(found.hi));
  assert_true(isfinite(stats_median(huge, 6)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_median_is_the_middle_or_between_the_two_middles),
      cmocka_unit_test(tails_equal_those_of_all_sign_patterns),
      cmocka_unit_test(beyond_fifty_the_normal_tail_is_close),
      cmocka_unit_test(the_cut_is_the_largest_that_keeps_95_percent),
      cmocka_unit_test(centres_and_intervals_equal_those_of_listed_pairwise_means),
      cmocka_unit_test(below_six_pairs_there_is_an_estimate_and_no_interval),
      cmocka_unit_test(the_ratio_is_b_over_a),
      cmocka_unit_test(a_ratio_of_zero_or_nan_is_refused_with_its_place),
      cmocka_unit_test(a_against_a_names_a_winner_in_at_most_one_of_twenty),
      cmocka_unit_test(a_ten_percent_effect_is_called_with_nine_pairs),
      cmocka_unit_test(ten_thousand_repeats_need_no_gigabyte),
      cmocka_unit_test(large_values_do_not_overflow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
