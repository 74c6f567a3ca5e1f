/* test_placement_stream.c - placement.stream keeps to its budget and spreads what stays. */
#include "fakehost.h"

#include <ridge/seam/placement.h>

enum { MOST = 200 };

static struct fake *opened(int64_t budget) {
  struct fake *fake = fake_open("placement_stream");
  fake_int(fake, "budget", budget);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  return fake;
}

/* Layers of seven weights, an embedding pinned in front, a head behind. */
static int64_t make_model(ridge_placed *w, int64_t layers) {
  const uint64_t sizes[] = {64, 16, 16, 64, 176, 176, 176};
  int64_t n = 0;
  w[n++] = (ridge_placed){.name = "token_embd", .bytes = 500, .layer = -1, .pinned = 1};
  for (int64_t l = 0; l < layers; l++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      w[n++] = (ridge_placed){.name = "w", .bytes = sizes[i], .layer = l};
    }
  }
  w[n++] = (ridge_placed){.name = "output", .bytes = 500, .layer = -1};
  return n;
}

static uint64_t sum(const ridge_placed *w, int64_t n, uint32_t stream) {
  uint64_t bytes = 0;
  for (int64_t i = 0; i < n; i++) bytes += w[i].stream == stream ? w[i].bytes : 0;
  return bytes;
}

static void every_budget_is_kept_and_used(void **state) {
  (void)state;
  ridge_placed w[MOST];
  int64_t n = make_model(w, 12);
  uint64_t all = sum(w, n, 0), least = 500 + 500 + 176 + 176;
  for (uint64_t budget = least; budget < all; budget += 97) {
    struct fake *fake = opened((int64_t)budget);
    const ridge_placement *seam = fake_table(fake, RIDGE_SEAM_PLACEMENT);
    uint64_t ring = 0, neighbours = 0, before = 0;
    assert_int_equal(seam->place(fake->self, w, n, sizeof *w, &ring), RIDGE_OK);
    uint64_t used = sum(w, n, 0) + ring, smallest = UINT64_MAX;
    assert_true(used <= budget);
    assert_int_equal(w[0].stream, 0);
    for (int64_t i = 0; i < n; i++) {
      if (w[i].stream == 0) continue;
      if (before + w[i].bytes > neighbours) neighbours = before + w[i].bytes;
      if (w[i].bytes < smallest) smallest = w[i].bytes;
      before = w[i].bytes;
    }
    assert_true(ring >= neighbours);
    assert_true(budget - used < smallest); /* nothing more would have fitted */
    fake_close(fake);
  }
}

static void what_stays_is_spread_over_the_step(void **state) {
  (void)state;
  ridge_placed w[MOST];
  int64_t n = make_model(w, 24);
  uint64_t all = sum(w, n, 0);
  struct fake *fake = opened((int64_t)(all / 2));
  const ridge_placement *seam = fake_table(fake, RIDGE_SEAM_PLACEMENT);
  uint64_t ring = 0, half[2] = {0};
  assert_int_equal(seam->place(fake->self, w, n, sizeof *w, &ring), RIDGE_OK);
  for (int64_t i = 0; i < n; i++) half[i >= n / 2] += w[i].stream != 0 ? w[i].bytes : 0;
  double balance = (double)half[0] / (double)(half[0] + half[1]);
  assert_true(balance > 0.4 && balance < 0.6);
  fake_close(fake);
}

static void a_budget_below_the_least_is_refused_with_the_numbers(void **state) {
  (void)state;
  ridge_placed w[MOST];
  int64_t n = make_model(w, 4);
  struct fake *fake = opened(1000);
  const ridge_placement *seam = fake_table(fake, RIDGE_SEAM_PLACEMENT);
  uint64_t ring = 0;
  assert_int_equal(seam->place(fake->self, w, n, sizeof *w, &ring), RIDGE_NO_MEMORY);
  assert_non_null(strstr(fake->said, "`budget` is 1000"));
  assert_non_null(strstr(fake->said, "500 must stay"));
  assert_non_null(strstr(fake->said, "at least 1352"));
  fake_close(fake);
}

static void a_budget_for_everything_streams_nothing_and_shows_it(void **state) {
  (void)state;
  ridge_placed w[MOST];
  int64_t n = make_model(w, 4);
  struct fake *fake = opened((int64_t)sum(w, n, 0));
  const ridge_placement *seam = fake_table(fake, RIDGE_SEAM_PLACEMENT);
  const ridge_evidence *rows = fake->plugin->evidence.rows;
  uint64_t ring = 1;
  for (int64_t i = 0; i < n; i++) w[i].stream = 1; /* what the host left there */
  assert_int_equal(seam->place(fake->self, w, n, sizeof *w, &ring), RIDGE_OK);
  assert_int_equal(sum(w, n, 1), 0);
  assert_int_equal(ring, 0);
  seam->moved(fake->self, 0, 0, 0);
  assert_true(fake->counts[0] < rows[0].least);
  fake_close(fake);
}

static void bytes_reads_and_waits_are_added_up(void **state) {
  (void)state;
  struct fake *fake = opened(1000);
  const ridge_placement *seam = fake_table(fake, RIDGE_SEAM_PLACEMENT);
  seam->moved(fake->self, 300, 3, 500000000);
  seam->moved(fake->self, 100, 1, 250000000);
  assert_int_equal(fake->counts[0], 400);
  assert_int_equal(fake->counts[1], 4);
  assert_float_equal(fake->recorded[0], 0.75, 1e-9);
  assert_float_equal(fake->recorded[1], 200, 1e-9);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_budget_is_kept_and_used),
      cmocka_unit_test(what_stays_is_spread_over_the_step),
      cmocka_unit_test(a_budget_below_the_least_is_refused_with_the_numbers),
      cmocka_unit_test(a_budget_for_everything_streams_nothing_and_shows_it),
      cmocka_unit_test(bytes_reads_and_waits_are_added_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
