/* test_schedule_static.c - schedule.static keeps its waves whole and forgets nobody. */
#include "scheduling.h"

static struct fake *opened(int64_t batch, int64_t rows) {
  return sim_opened("schedule_static", "rows", batch, rows);
}

static void rows_and_slots_hold_and_everybody_ends(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    struct fake *fake = opened(2 + (int64_t)(seed % 9), 16 + (int64_t)(seed % 5) * 30);
    struct sim sim = sim_random(40, (int64_t)(seed % 4) * 4, 0, seed);
    sim_run(&sim, fake);
    assert_true(sim.most_running >= 2);
    assert_true(fake->counts[0] > 0);
    fake_close(fake);
  }
}

static void nobody_who_was_let_in_finds_the_cache_full(void **state) {
  (void)state;
  sim_fills_a_small_cache(opened);
}

static void a_wave_waits_for_its_longest(void **state) {
  (void)state;
  struct fake *fake = opened(2, 64);
  struct sim sim = {.n = 4, .dice = 1};
  const int64_t replies[] = {50, 5, 5, 5};
  for (int64_t i = 0; i < 4; i++)
    sim.seqs[i] = (struct sim_seq){.prompt = 4, .reply = replies[i]};
  sim_run(&sim, fake);
  assert_int_equal(sim.seqs[2].first_step, sim.seqs[0].last_step + 1);
  assert_int_equal(sim.seqs[3].first_step, sim.seqs[2].first_step);
  assert_int_equal(fake->counts[1], 2);
  assert_int_equal(fake->counts[0], 2);
  fake_close(fake);
}

static void a_latecomer_waits_for_the_next_wave(void **state) {
  (void)state;
  struct fake *fake = opened(4, 64);
  struct sim sim = {.n = 3, .dice = 1};
  sim.seqs[0] = (struct sim_seq){.prompt = 4, .reply = 20};
  sim.seqs[1] = (struct sim_seq){.prompt = 4, .reply = 20};
  sim.seqs[2] =
      (struct sim_seq){.prompt = 4, .reply = 20, .arrives = 3}; /* a place is free */
  sim_run(&sim, fake);
  assert_int_equal(sim.seqs[2].first_step, sim.seqs[1].last_step + 1);
  fake_close(fake);
}

static void places_are_taken_until_the_prompts_are_done(void **state) {
  (void)state;
  struct fake *fake = opened(3, 16);
  struct sim sim = {.n = 4, .dice = 1};
  sim.seqs[0] = (struct sim_seq){.prompt = 40, .reply = 9};
  for (int64_t i = 1; i < 4; i++) { /* while the first is at its prompt */
    sim.seqs[i] = (struct sim_seq){.prompt = 4, .reply = 9, .arrives = 1};
  }
  sim_run(&sim, fake);
  assert_int_equal(sim.seqs[2].first_step, 2);
  assert_int_equal(sim.seqs[3].first_step, sim.seqs[2].last_step + 1);
  assert_int_equal(fake->counts[0], 2);
  assert_int_equal(fake->counts[1], 2);
  fake_close(fake);
}

static void prompts_that_take_several_steps_stay_in_their_wave(void **state) {
  (void)state;
  struct fake *fake = opened(3, 16);
  struct sim sim = {.n = 6, .dice = 1};
  for (int64_t i = 0; i < 6; i++) sim.seqs[i] = (struct sim_seq){.prompt = 30, .reply = 3};
  sim_run(&sim, fake);
  /* 90 prompt tokens are six steps of 16; then three steps of replies. */
  assert_int_equal(sim.seqs[0].last_step, 8);
  assert_int_equal(sim.seqs[2].last_step, 8);
  assert_int_equal(sim.seqs[3].first_step, 9);
  fake_close(fake);
}

static void more_than_a_step_holds_take_turns(void **state) {
  (void)state;
  struct fake *fake = opened(16, 32); /* 32 rows a step; 16 * 9 wanted */
  struct sim sim = {.n = 16, .drafts = 8, .dice = 9};
  for (int64_t i = 0; i < 16; i++)
    sim.seqs[i] = (struct sim_seq){.prompt = 1, .reply = 200};
  sim_run(&sim, fake);
  assert_in_range(sim.longest_wait, 1, 5); /* 3 of 16 fit a step */
  fake_close(fake);
}

static void a_run_begins_without_what_an_earlier_one_left(void **state) {
  (void)state;
  struct fake *fake = opened(4, 16);
  struct sim cut = {.n = 4, .dice = 1}, sim = {.n = 12, .dice = 1};
  for (int64_t i = 0; i < 4; i++) cut.seqs[i] = (struct sim_seq){.prompt = 30, .reply = 9};
  for (int i = 0; i < 2; i++) assert_true(sim_step(&cut, fake, 4, 16)); /* then stopped */
  for (int64_t i = 0; i < 12; i++) sim.seqs[i] = (struct sim_seq){.prompt = 2, .reply = 9};
  sim_run(&sim, fake);
  assert_int_equal(sim.most_running, 4);
  fake_close(fake);
}

static void waves_of_one_leave_too_little_evidence(void **state) {
  (void)state;
  struct fake *fake = opened(4, 64);
  const ridge_evidence *rows = fake->plugin->evidence.rows;
  struct sim sim = {.n = 2, .dice = 1};
  sim.seqs[0] = (struct sim_seq){.prompt = 5, .reply = 5};
  sim.seqs[1] = (struct sim_seq){.prompt = 5, .reply = 5, .arrives = 30};
  sim_run(&sim, fake);
  assert_true(fake->counts[0] < rows[0].least);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_and_slots_hold_and_everybody_ends),
      cmocka_unit_test(nobody_who_was_let_in_finds_the_cache_full),
      cmocka_unit_test(a_wave_waits_for_its_longest),
      cmocka_unit_test(a_latecomer_waits_for_the_next_wave),
      cmocka_unit_test(places_are_taken_until_the_prompts_are_done),
      cmocka_unit_test(prompts_that_take_several_steps_stay_in_their_wave),
      cmocka_unit_test(more_than_a_step_holds_take_turns),
      cmocka_unit_test(a_run_begins_without_what_an_earlier_one_left),
      cmocka_unit_test(waves_of_one_leave_too_little_evidence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
