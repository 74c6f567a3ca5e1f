/* test_schedule_continuous.c - schedule.continuous fills steps and forgets nobody. */
#include "scheduling.h"

static struct fake *opened(int64_t batch, int64_t chunk) {
  return sim_opened("schedule_continuous", "chunk", batch, chunk);
}

static void rows_and_slots_hold_and_everybody_ends(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    struct fake *fake = opened(2 + (int64_t)(seed % 9), 16 + (int64_t)(seed % 5) * 30);
    struct sim sim = sim_random(40, (int64_t)(seed % 4) * 4, 0, seed);
    sim_run(&sim, fake);
    assert_true(sim.most_running >= 2);
    assert_true(fake->counts[0] > 0 && fake->counts[0] < 40);
    fake_close(fake);
  }
}

static void nobody_who_was_let_in_finds_the_cache_full(void **state) {
  (void)state;
  sim_fills_a_small_cache(opened);
}

static void a_finished_sequence_makes_room_at_once(void **state) {
  (void)state;
  struct fake *fake = opened(2, 64);
  struct sim sim = {.n = 3, .dice = 1};
  sim.seqs[0] = (struct sim_seq){.prompt = 4, .reply = 50};
  sim.seqs[1] = (struct sim_seq){.prompt = 4, .reply = 5};
  sim.seqs[2] = (struct sim_seq){.prompt = 4, .reply = 5};
  sim_run(&sim, fake);
  assert_int_equal(sim.seqs[2].first_step, sim.seqs[1].last_step + 1);
  assert_true(sim.seqs[2].last_step < sim.seqs[0].last_step);
  assert_int_equal(fake->counts[0], 2);
  fake_close(fake);
}

static void generating_sequences_go_before_prompts_and_take_turns(void **state) {
  (void)state;
  struct fake *fake = opened(16, 16); /* 32 rows a step; 16 * 9 wanted */
  struct sim sim = sim_random(16, 8, 0, 5);
  for (int64_t i = 0; i < sim.n; i++) {
    sim.seqs[i] = (struct sim_seq){.prompt = 1, .reply = 200};
  }
  sim_run(&sim, fake);
  /* 3 of 16 fit a step: a turn comes round within 6. */
  assert_in_range(sim.longest_wait, 1, 5);
  fake_close(fake);
}

static void the_chunk_bounds_prompt_tokens_of_a_step(void **state) {
  (void)state;
  struct fake *fake = opened(4, 20);
  struct sim sim = {.n = 3, .dice = 1};
  for (int64_t i = 0; i < 3; i++) sim.seqs[i] = (struct sim_seq){.prompt = 50, .reply = 1};
  sim_run(&sim, fake);
  assert_int_equal(sim.most_rows, 21); /* a chunk of the next beside one that generates */
  fake_close(fake);
}

static void a_sequence_larger_than_a_step_is_refused_with_numbers(void **state) {
  (void)state;
  struct fake *fake = opened(2, 16);
  const ridge_schedule *schedule = fake_table(fake, RIDGE_SEAM_SCHEDULE_ADMIT);
  ridge_admit_view view = {.struct_size = sizeof view, .rows = 10, .slots = 2, .room = -1};
  ridge_admit_seq seq = {
      .struct_size = sizeof seq, .running = 1, .step_rows = 17, .limit = 9};
  assert_int_equal(schedule->admit(fake->self, &view, &seq, 1), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "10 rows"));
  assert_non_null(strstr(fake->said, "takes 17"));
  fake_close(fake);
}

static void one_sequence_alone_is_no_batch(void **state) {
  (void)state;
  struct fake *fake = opened(4, 64);
  struct sim sim = {.n = 2, .dice = 1};
  sim.seqs[0] = (struct sim_seq){.prompt = 5, .reply = 5};
  sim.seqs[1] = (struct sim_seq){.prompt = 5, .reply = 5, .arrives = 30};
  sim_run(&sim, fake);
  assert_int_equal(fake->counts[0], 0);
  assert_float_equal(fake->recorded[0] <= 1, 1, 0);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_and_slots_hold_and_everybody_ends),
      cmocka_unit_test(nobody_who_was_let_in_finds_the_cache_full),
      cmocka_unit_test(a_finished_sequence_makes_room_at_once),
      cmocka_unit_test(generating_sequences_go_before_prompts_and_take_turns),
      cmocka_unit_test(the_chunk_bounds_prompt_tokens_of_a_step),
      cmocka_unit_test(a_sequence_larger_than_a_step_is_refused_with_numbers),
      cmocka_unit_test(one_sequence_alone_is_no_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
