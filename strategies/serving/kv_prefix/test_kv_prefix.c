/*
 * test_kv_prefix.c - kv.prefix gives back blocks that hold what it says, and no others.
 *
 * The store here notes for each block the whole beginning that it was computed for and
 * its owners.  A block that is found must have been computed for just these tokens.
 */
#include "fakehost.h"

#include <ridge/seam/kv_prefix.h>

enum { BLOCK = 4, BLOCK_BYTES = 100, MOST_BLOCKS = 4096, MOST_TOKENS = 64 };

struct store {
  struct {
    int32_t owners, tokens[MOST_TOKENS];
    int64_t n;
  } blocks[MOST_BLOCKS];
  int64_t held;
};

static int64_t block_tokens(const ridge_host *host) {
  (void)host;
  return BLOCK;
}

static uint64_t block_bytes(const ridge_host *host) {
  (void)host;
  return BLOCK_BYTES;
}

static void hold(const ridge_host *host, const int32_t *blocks, int64_t n) {
  struct store *store = fake_of(host)->ctx;
  for (int64_t i = 0; i < n; i++) store->blocks[blocks[i]].owners++;
  store->held += n;
}

static void drop(const ridge_host *host, const int32_t *blocks, int64_t n) {
  struct store *store = fake_of(host)->ctx;
  for (int64_t i = 0; i < n; i++) {
    assert_true(store->blocks[blocks[i]].owners > 0);
    store->blocks[blocks[i]].owners--;
  }
  store->held -= n;
}

static const void *store_service(struct fake *fake, const char *id) {
  static const ridge_kv_blocks_api api = {.struct_size = sizeof api,
                                          .block_tokens = block_tokens,
                                          .block_bytes = block_bytes,
                                          .hold = hold,
                                          .drop = drop};
  (void)fake;
  return strcmp(id, RIDGE_SERVICE_KV_BLOCKS) == 0 ? &api : NULL;
}

struct rig {
  struct fake *fake;
  const ridge_kv_prefix *seam;
  struct store *store;
};

static struct rig rig_open(int64_t most_blocks) {
  struct rig rig = {.fake = fake_open("kv_prefix"),
                    .store = calloc(1, sizeof(struct store))};
  fake_int(rig.fake, "keep", most_blocks * BLOCK_BYTES + BLOCK_BYTES - 1);
  rig.fake->service = store_service;
  rig.fake->ctx = rig.store;
  rig.seam = fake_table(rig.fake, RIDGE_SEAM_KV_PREFIX);
  assert_int_equal(fake_create(rig.fake), RIDGE_OK);
  return rig;
}

static void rig_close(struct rig *rig) {
  fake_close(rig->fake);
  free(rig->store);
}

/* A prompt as the host runs it: find, adopt, compute the rest, keep, let go. */
static int64_t run_prompt(struct rig *rig, const int32_t *tokens, int64_t n) {
  int32_t table[MOST_TOKENS / BLOCK];
  int64_t full = n / BLOCK;
  int64_t found = rig->seam->find(rig->fake->self, tokens, n, table, full);
  assert_in_range(found, 0, full);
  for (int64_t i = 0; i < found; i++) {
    assert_true(rig->store->blocks[table[i]].owners > 0);
    assert_int_equal(rig->store->blocks[table[i]].n, (i + 1) * BLOCK);
    assert_memory_equal(rig->store->blocks[table[i]].tokens, tokens,
                        (size_t)((i + 1) * BLOCK) * sizeof *tokens);
    rig->store->blocks[table[i]].owners++;
  }
  int32_t block = 0;
  for (int64_t i = found; i < full; i++) {
    while (rig->store->blocks[block].owners > 0) block++;
    table[i] = block;
    rig->store->blocks[block].owners = 1;
    rig->store->blocks[block].n = (i + 1) * BLOCK;
    memcpy(rig->store->blocks[block].tokens, tokens,
           (size_t)((i + 1) * BLOCK) * sizeof *tokens);
  }
  rig->seam->keep(rig->fake->self, tokens, table, full);
  for (int64_t i = 0; i < full; i++) rig->store->blocks[table[i]].owners--;
  return found;
}

static void the_longest_known_beginning_is_found(void **state) {
  (void)state;
  struct rig rig = rig_open(100);
  int32_t a[16], b[16];
  for (int32_t i = 0; i < 16; i++) a[i] = b[i] = i;
  b[9] = 99; /* in the third block */
  assert_int_equal(run_prompt(&rig, a, 16), 0);
  assert_int_equal(run_prompt(&rig, a, 16), 4);
  assert_int_equal(run_prompt(&rig, a, 15), 3); /* only full blocks */
  assert_int_equal(run_prompt(&rig, b, 16), 2);
  assert_int_equal(run_prompt(&rig, b, 16), 4);
  int32_t one[1];
  assert_int_equal(rig.seam->find(rig.fake->self, a, 16, one, 1),
                   1); /* no more than room */
  assert_int_equal(rig.fake->counts[0], 4 + 3 + 2 + 4 + 1);
  assert_int_equal(rig.fake->counts[1], 6);
  assert_int_equal(rig.store->held, 6);
  rig_close(&rig);
}

static void the_same_tokens_elsewhere_are_another_block(void **state) {
  (void)state;
  struct rig rig = rig_open(100);
  const int32_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[8] = {5, 6, 7, 8, 5, 6, 7, 8};
  assert_int_equal(run_prompt(&rig, a, 8), 0);
  assert_int_equal(run_prompt(&rig, b, 8), 0); /* 5 6 7 8 was second, not first */
  assert_int_equal(run_prompt(&rig, b, 4), 1);
  rig_close(&rig);
}

/* Few different tokens, so that beginnings meet again; a tree too small for all. */
static void random_prompts(int64_t most, uint64_t seed) {
  struct rig rig = rig_open(most);
  int64_t reused = 0;
  for (int round = 0; round < 3000; round++) {
    int32_t tokens[MOST_TOKENS];
    int64_t n = 1 + fake_below(&seed, MOST_TOKENS);
    for (int64_t i = 0; i < n; i++) {
      tokens[i] = i % BLOCK == 0 ? (int32_t)fake_below(&seed, i == 0 ? 6 : 2) : 7;
    }
    reused += run_prompt(&rig, tokens, n);
    assert_in_range(rig.store->held, 0, most);
    if (round % 50 == 0) {
      int64_t before = rig.store->held, want = fake_below(&seed, 20);
      int64_t got = rig.seam->give_back(rig.fake->self, want);
      assert_int_equal(got, want < before ? want : before);
      assert_int_equal(rig.store->held, before - got);
    }
  }
  assert_true(reused > 500);
  assert_int_equal(rig.fake->counts[0], reused);
  assert_int_equal(rig.fake->counts[1] - rig.fake->counts[2], rig.store->held);
  int64_t left = rig.store->held;
  assert_int_equal(rig.seam->give_back(rig.fake->self, MOST_BLOCKS), left);
  assert_int_equal(rig.store->held, 0);
  rig_close(&rig);
}

static void random_prompts_find_only_what_was_computed_for_them(void **state) {
  (void)state;
  random_prompts(20, 98);
  random_prompts(200, 99);
  random_prompts(1000, 100);
}

static void the_least_recently_used_goes_first(void **state) {
  (void)state;
  struct rig rig = rig_open(3);
  const int32_t a[4] = {1, 1, 1, 1}, b[4] = {2, 2, 2, 2}, c[4] = {3, 3, 3, 3},
                d[4] = {4, 4, 4, 4};
  run_prompt(&rig, a, 4);
  run_prompt(&rig, b, 4);
  run_prompt(&rig, c, 4);
  assert_int_equal(run_prompt(&rig, a, 4), 1); /* b is the oldest now */
  run_prompt(&rig, d, 4);
  assert_int_equal(run_prompt(&rig, a, 4), 1);
  assert_int_equal(run_prompt(&rig, c, 4), 1);
  assert_int_equal(run_prompt(&rig, b, 4), 0);
  rig_close(&rig);
}

static void a_beginning_is_never_dropped_before_what_follows_it(void **state) {
  (void)state;
  struct rig rig = rig_open(4);
  int32_t a[32];
  for (int32_t i = 0; i < 32; i++) a[i] = i;
  run_prompt(&rig, a, 32); /* eight blocks into a tree of four: the first four stay */
  assert_int_equal(rig.store->held, 4);
  assert_int_equal(run_prompt(&rig, a, 32), 4);
  assert_int_equal(rig.seam->give_back(rig.fake->self, 1), 1);
  assert_int_equal(run_prompt(&rig, a, 12), 3);
  rig_close(&rig);
}

static void less_than_one_block_is_refused_with_the_numbers(void **state) {
  (void)state;
  struct fake *fake = fake_open("kv_prefix");
  fake->service = store_service;
  fake_int(fake, "keep", BLOCK_BYTES - 1);
  assert_int_equal(fake_create(fake), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "99 bytes"));
  assert_non_null(strstr(fake->said, "takes 100"));
  fake_close(fake);
}

static void it_needs_a_store_that_shares(void **state) {
  (void)state;
  struct fake *fake = fake_open("kv_prefix");
  const ridge_relation *row = fake->plugin->relations.rows;
  assert_int_equal(row->kind, RIDGE_NEEDS);
  assert_string_equal(row->target, "cap:kv.blocks");
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_longest_known_beginning_is_found),
      cmocka_unit_test(the_same_tokens_elsewhere_are_another_block),
      cmocka_unit_test(random_prompts_find_only_what_was_computed_for_them),
      cmocka_unit_test(the_least_recently_used_goes_first),
      cmocka_unit_test(a_beginning_is_never_dropped_before_what_follows_it),
      cmocka_unit_test(less_than_one_block_is_refused_with_the_numbers),
      cmocka_unit_test(it_needs_a_store_that_shares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
