/*
 * test_kv_paged.c - the books of kv.paged, against a model that copies everything.
 *
 * The model keeps for each slot the tokens it should read.  A "pool" stands for the
 * cache: writing goes through the block table as a kernel would, copy_block copies.
 * After each of thousands of random operations every slot has to read its own tokens
 * and no other's.
 */
#include "fakehost.h"

#include <ridge/seam/kv_store.h>

enum { SLOTS = 6, CONTEXT = 96, MOST_BLOCKS = 256, HOLDS = 64 };

struct rig {
  struct fake *fake;
  const ridge_kv_store *store;
  ridge_kv_layout layout;
  int32_t *pool; /* (blocks, block_tokens): what a cache would hold */
  int64_t copies;
};

static void copy_block(const ridge_host *host, int32_t from, int32_t to) {
  struct rig *rig = fake_of(host)->ctx;
  int64_t n = rig->layout.block_tokens;
  assert_int_not_equal(from, to);
  memcpy(rig->pool + to * n, rig->pool + from * n, (size_t)n * sizeof *rig->pool);
  rig->copies++;
}

static void planned(const ridge_host *host, ridge_kv_layout *out) {
  *out = ((struct rig *)fake_of(host)->ctx)->layout;
}

static const void *kv_service(struct fake *fake, const char *id) {
  static const ridge_kv_api api = {
      .struct_size = sizeof api, .copy_block = copy_block, .layout = planned};
  (void)fake;
  return strcmp(id, RIDGE_SERVICE_KV) == 0 ? &api : NULL;
}

static struct rig rig_open(int64_t block, int64_t budget, int64_t context) {
  struct rig rig = {.fake = fake_open("kv_paged")};
  fake_int(rig.fake, "block", block);
  fake_int(rig.fake, "budget", budget);
  rig.fake->service = kv_service;
  rig.store = fake_table(rig.fake, RIDGE_SEAM_KV_STORE);
  rig.layout.struct_size = sizeof rig.layout;
  assert_int_equal(rig.store->layout(rig.fake->params, SLOTS, context, 4, &rig.layout),
                   RIDGE_OK);
  rig.pool =
      calloc((size_t)(rig.layout.blocks * rig.layout.block_tokens), sizeof *rig.pool);
  assert_int_equal(fake_create(rig.fake), RIDGE_OK);
  return rig;
}

static void rig_close(struct rig *rig) {
  fake_close(rig->fake);
  free(rig->pool);
}

static int32_t *place(struct rig *rig, int64_t slot, int64_t position) {
  const int32_t *blocks;
  int64_t n, size = rig->layout.block_tokens;
  rig->store->table(rig->fake->self, slot, &blocks, &n);
  assert_true(position / size < n);
  assert_in_range(blocks[position / size], 0, rig->layout.blocks - 1);
  return rig->pool + blocks[position / size] * size + position % size;
}

/* ---- the model ---- */

struct mirror {
  int32_t tokens[SLOTS][CONTEXT];
  int64_t n[SLOTS];
  int32_t held[HOLDS]; /* blocks held from outside, with what they must contain */
  int32_t content[HOLDS][16];
  int64_t n_held, content_n;
  int32_t next; /* every written token is another one */
};

static void mirror_check(struct rig *rig, const struct mirror *mirror) {
  for (int64_t s = 0; s < SLOTS; s++) {
    for (int64_t i = 0; i < mirror->n[s]; i++) {
      assert_int_equal(*place(rig, s, i), mirror->tokens[s][i]);
    }
  }
  int64_t size = rig->layout.block_tokens;
  for (int64_t h = 0; h < mirror->n_held; h++) {
    assert_memory_equal(rig->pool + mirror->held[h] * size, mirror->content[h],
                        (size_t)size * sizeof(int32_t));
  }
}

static void do_grow(struct rig *rig, struct mirror *m, uint64_t *dice) {
  int64_t s = fake_below(dice, SLOTS), more = 1 + fake_below(dice, 20);
  if (m->n[s] + more > CONTEXT) return;
  int64_t room = rig->store->room(rig->fake->self);
  ridge_status status = rig->store->reserve(rig->fake->self, s, m->n[s] + more);
  if (status == RIDGE_DECLINED) {
    /* Held blocks are room too: whoever holds them gives them back when asked. */
    int64_t held = m->n_held * rig->layout.block_tokens;
    assert_true(room >= 0 && room - held < more + rig->layout.block_tokens);
    return;
  }
  assert_int_equal(status, RIDGE_OK);
  for (int64_t i = 0; i < more; i++) {
    m->tokens[s][m->n[s] + i] = *place(rig, s, m->n[s] + i) = ++m->next;
  }
  m->n[s] += more;
}

static void do_truncate(struct rig *rig, struct mirror *m, uint64_t *dice) {
  int64_t s = fake_below(dice, SLOTS), keep = fake_below(dice, m->n[s] + 1);
  rig->store->truncate(rig->fake->self, s, keep);
  m->n[s] = keep;
}

static void do_release(struct rig *rig, struct mirror *m, uint64_t *dice) {
  int64_t s = fake_below(dice, SLOTS);
  rig->store->release(rig->fake->self, s);
  m->n[s] = 0;
}

static void do_fork(struct rig *rig, struct mirror *m, uint64_t *dice) {
  int64_t from = fake_below(dice, SLOTS), to = fake_below(dice, SLOTS);
  if (from == to || m->n[from] == 0) return;
  rig->store->release(rig->fake->self, to);
  int64_t n = 1 + fake_below(dice, m->n[from]);
  assert_int_equal(rig->store->fork(rig->fake->self, from, to, n), RIDGE_OK);
  memcpy(m->tokens[to], m->tokens[from], (size_t)n * sizeof(int32_t));
  m->n[to] = n;
}

/* Hold the first full block of a slot, as a prefix keeper would. */
static void do_hold(struct rig *rig, struct mirror *m, uint64_t *dice) {
  int64_t s = fake_below(dice, SLOTS), size = rig->layout.block_tokens;
  if (m->n[s] < size || m->n_held == HOLDS || size > 16) return;
  const int32_t *blocks;
  int64_t n;
  rig->store->table(rig->fake->self, s, &blocks, &n);
  m->held[m->n_held] = blocks[0];
  memcpy(m->content[m->n_held++], m->tokens[s], (size_t)size * sizeof(int32_t));
  rig->store->hold(rig->fake->self, blocks, 1);
}

static void do_drop(struct rig *rig, struct mirror *m, uint64_t *dice) {
  if (m->n_held == 0) return;
  int64_t h = fake_below(dice, m->n_held);
  rig->store->drop(rig->fake->self, &m->held[h], 1);
  m->n_held--;
  m->held[h] = m->held[m->n_held];
  memcpy(m->content[h], m->content[m->n_held], sizeof m->content[h]);
}

static void do_adopt(struct rig *rig, struct mirror *m, uint64_t *dice) {
  if (m->n_held == 0) return;
  int64_t h = fake_below(dice, m->n_held), s = fake_below(dice, SLOTS);
  rig->store->release(rig->fake->self, s);
  assert_int_equal(rig->store->adopt(rig->fake->self, s, &m->held[h], 1), RIDGE_OK);
  m->n[s] = rig->layout.block_tokens;
  memcpy(m->tokens[s], m->content[h], (size_t)m->n[s] * sizeof(int32_t));
}

static void random_operations(int64_t block, int64_t budget, uint64_t seed) {
  void (*const operations[])(struct rig *, struct mirror *, uint64_t *) = {
      do_grow, do_grow, do_grow, do_truncate, do_release,
      do_fork, do_hold, do_drop, do_adopt};
  struct rig rig = rig_open(block, budget, CONTEXT);
  rig.fake->ctx = &rig;
  struct mirror *mirror = calloc(1, sizeof *mirror);
  for (int i = 0; i < 6000; i++) {
    operations[fake_below(&seed, sizeof operations / sizeof *operations)](&rig, mirror,
                                                                          &seed);
    mirror_check(&rig, mirror);
  }
  /* Let everything go: no block may be lost. */
  for (int64_t s = 0; s < SLOTS; s++) rig.store->release(rig.fake->self, s);
  while (mirror->n_held > 0) do_drop(&rig, mirror, &seed);
  for (int64_t s = 0; s < 2; s++) {
    int64_t all = s == 0 ? rig.layout.blocks * rig.layout.block_tokens : 1;
    ridge_status status = rig.store->reserve(rig.fake->self, s, all);
    assert_int_equal(status, s == 0 ? RIDGE_OK : RIDGE_DECLINED);
  }
  assert_true(rig.copies > 0 || block == 1); /* blocks of one token are never partly full */
  assert_int_equal(rig.fake->counts[1], rig.copies);
  assert_true(rig.fake->recorded[0] == (double)rig.layout.blocks);
  assert_true(rig.fake->recorded[1] >= 0 && rig.fake->recorded[1] < 1);
  assert_true((rig.fake->recorded[1] > 0) == (block > 1));
  free(mirror);
  rig_close(&rig);
}

static void slots_read_their_own_tokens_whatever_happens(void **state) {
  (void)state;
  random_operations(1, 0, 11);
  random_operations(4, 0, 12);
  random_operations(16, 0, 13);
}

static void a_small_budget_declines_and_loses_nothing(void **state) {
  (void)state;
  random_operations(4, CONTEXT * 4 + 16, 21);
  random_operations(16, 2 * CONTEXT * 4, 22);
}

static void the_layout_holds_every_sequence_or_the_budget(void **state) {
  (void)state;
  struct rig rig = rig_open(16, 0, 100);
  assert_int_equal(rig.layout.blocks, SLOTS * 7);
  rig_close(&rig);
  struct fake *fake = fake_open("kv_paged");
  const ridge_kv_store *store = fake_table(fake, RIDGE_SEAM_KV_STORE);
  ridge_kv_layout layout = {.struct_size = sizeof layout};
  fake_int(fake, "budget", 16 * 100 * 7);
  assert_int_equal(store->layout(fake->params, 8, 100, 100, &layout), RIDGE_OK);
  assert_int_equal(layout.blocks, 7);
  fake_int(fake, "budget", 16 * 100 * 7 - 1); /* no sequence could reach its end */
  assert_int_equal(store->layout(fake->params, 8, 100, 100, &layout), RIDGE_NO_MEMORY);
  fake_close(fake);
}

static void a_block_that_is_no_power_of_two_is_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("kv_paged");
  fake_int(fake, "block", 24);
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "`block` is 24"));
  fake_close(fake);
}

static void room_counts_free_blocks_only_under_a_budget(void **state) {
  (void)state;
  struct rig rig = rig_open(16, 0, CONTEXT);
  rig.fake->ctx = &rig;
  assert_int_equal(rig.store->room(rig.fake->self), -1);
  rig_close(&rig);
  rig = rig_open(16, 4 * 16 * 10, CONTEXT);
  rig.fake->ctx = &rig;
  assert_int_equal(rig.store->room(rig.fake->self), 160);
  assert_int_equal(rig.store->reserve(rig.fake->self, 3, 17), RIDGE_OK);
  assert_int_equal(rig.store->room(rig.fake->self), 128);
  rig_close(&rig);
}

static void what_is_only_held_counts_as_room(void **state) {
  (void)state;
  struct rig rig = rig_open(16, 4 * 16 * 10, CONTEXT);
  rig.fake->ctx = &rig;
  const int32_t *blocks;
  int64_t n;
  assert_int_equal(rig.store->reserve(rig.fake->self, 0, 40), RIDGE_OK);
  rig.store->table(rig.fake->self, 0, &blocks, &n);
  int32_t held[2] = {blocks[0], blocks[1]};
  rig.store->hold(rig.fake->self, held, 2);
  assert_int_equal(rig.store->room(rig.fake->self), 7 * 16);
  rig.store->release(rig.fake->self, 0);
  assert_int_equal(rig.store->room(rig.fake->self), 10 * 16);
  assert_int_equal(rig.store->reserve(rig.fake->self, 1, 9 * 16), RIDGE_DECLINED);
  rig.store->drop(rig.fake->self, held, 2);
  rig.store->drop(rig.fake->self, held, 2); /* once too often changes nothing */
  assert_int_equal(rig.store->room(rig.fake->self), 10 * 16);
  assert_int_equal(rig.store->reserve(rig.fake->self, 1, 10 * 16), RIDGE_OK);
  rig_close(&rig);
}

static void a_steady_step_allocates_nothing(void **state) {
  (void)state;
  struct rig rig = rig_open(16, 0, CONTEXT);
  rig.fake->ctx = &rig;
  for (int round = 0; round < 3; round++) {
    size_t before = rig.fake->allocations;
    for (int64_t s = 0; s < SLOTS; s++) {
      for (int64_t n = 1; n <= CONTEXT; n++) {
        assert_int_equal(rig.store->reserve(rig.fake->self, s, n), RIDGE_OK);
      }
    }
    for (int64_t s = 0; s < SLOTS; s++) rig.store->release(rig.fake->self, s);
    if (round > 0) assert_int_equal(rig.fake->allocations, before);
  }
  assert_int_equal(rig.fake->counts[0], 3 * SLOTS * CONTEXT / 16);
  rig_close(&rig);
}

static void mistakes_of_a_caller_are_refused(void **state) {
  (void)state;
  struct rig rig = rig_open(16, 0, CONTEXT);
  rig.fake->ctx = &rig;
  const int32_t stray = 5;
  assert_int_equal(rig.store->reserve(rig.fake->self, -1, 4), RIDGE_INVALID);
  assert_int_equal(rig.store->reserve(rig.fake->self, 0, 20), RIDGE_OK);
  assert_int_equal(rig.store->fork(rig.fake->self, 0, 1, 21), RIDGE_INVALID);
  assert_int_equal(rig.store->fork(rig.fake->self, 1, 0, 0), RIDGE_INVALID);
  assert_int_equal(rig.store->adopt(rig.fake->self, 1, &stray, 1), RIDGE_INVALID);
  rig_close(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slots_read_their_own_tokens_whatever_happens),
      cmocka_unit_test(a_small_budget_declines_and_loses_nothing),
      cmocka_unit_test(the_layout_holds_every_sequence_or_the_budget),
      cmocka_unit_test(a_block_that_is_no_power_of_two_is_refused),
      cmocka_unit_test(room_counts_free_blocks_only_under_a_budget),
      cmocka_unit_test(what_is_only_held_counts_as_room),
      cmocka_unit_test(a_steady_step_allocates_nothing),
      cmocka_unit_test(mistakes_of_a_caller_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
