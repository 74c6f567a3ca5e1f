/*
 * test_attention_flash.c - attention.flash against the definition in double precision,
 * and against itself when batch, blocks and threads are cut in other ways.
 *
 * Bound: |difference| <= 2e-5 (1 + |reference|), the reference reading the same decoded
 * keys and values; the softmax of at most 300 positions in single precision.
 */
#include "fakehost.h"

#include "machine/machine.h"

#include <ridge/kernel.h>

enum { SEQUENCES = 3, MOST_POSITIONS = 300, MOST_ROWS = 64 };

struct setup {
  const char *codec, *needs;
  int64_t heads, kv_heads, dim, window, tile;
  double softcap;
};

struct rig {
  struct setup setup;
  struct fake *flash, *parts;
  const ridge_kernel *kernel;
  const ridge_codec *codec;
  float *keys, *values; /* (SEQUENCES, MOST_POSITIONS, kv_heads, dim) as decoded */
  float *q, *y;         /* (MOST_ROWS, heads * dim) */
  int32_t position[MOST_ROWS], sequence[MOST_ROWS];
  int64_t rows;
  /* cache as laid out for a size of blocks */
  uint8_t *cache[2];
  int32_t *blocks[SEQUENCES];
  uint64_t stride;
  int64_t block_tokens;
};

static int64_t at_kv(const struct setup *s, int64_t sequence, int64_t position,
                     int64_t head) {
  return ((sequence * MOST_POSITIONS + position) * s->kv_heads + head) * s->dim;
}

/* Fill keys and values with what the codec can hold. */
static void fill_cache_values(struct rig *rig, uint64_t *dice) {
  const struct setup *s = &rig->setup;
  int64_t rows = (int64_t)SEQUENCES * MOST_POSITIONS * s->kv_heads;
  float *wish = calloc((size_t)s->dim, sizeof *wish);
  uint8_t *packed = calloc(1, rig->stride);
  for (int which = 0; which < 2; which++) {
    float *to = which == 0 ? rig->keys : rig->values;
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t d = 0; d < s->dim; d++) wish[d] = 2 * fake_unit(dice);
      rig->codec->encode(wish, packed, s->dim);
      rig->codec->decode(packed, to + r * s->dim, s->dim);
    }
  }
  free(wish);
  free(packed);
}

/* Lay the same numbers out in blocks of another size, in a scattered order. */
static void lay_out(struct rig *rig, int64_t block_tokens, uint64_t *dice) {
  const struct setup *s = &rig->setup;
  int64_t each = (MOST_POSITIONS + block_tokens - 1) / block_tokens, all = each * SEQUENCES;
  rig->block_tokens = block_tokens;
  size_t bytes = (size_t)(all * s->kv_heads * block_tokens) * rig->stride;
  int32_t *order = calloc((size_t)all, sizeof *order);
  for (int64_t i = 0; i < all; i++) {
    int64_t j = fake_below(dice, i + 1);
    order[i] = order[j];
    order[j] = (int32_t)i;
  }
  for (int64_t q = 0; q < SEQUENCES; q++) {
    free(rig->blocks[q]);
    rig->blocks[q] = calloc((size_t)each, sizeof(int32_t));
    memcpy(rig->blocks[q], order + q * each, (size_t)each * sizeof *order);
  }
  free(order);
  for (int which = 0; which < 2; which++) {
    free(rig->cache[which]);
    rig->cache[which] = malloc(bytes);
    memset(rig->cache[which], 0xff, bytes); /* NaN where nothing was written */
    const float *from = which == 0 ? rig->keys : rig->values;
    for (int64_t q = 0; q < SEQUENCES; q++) {
      for (int64_t p = 0; p < MOST_POSITIONS; p++) {
        for (int64_t h = 0; h < s->kv_heads; h++) {
          int64_t row =
              (rig->blocks[q][p / block_tokens] * s->kv_heads + h) * block_tokens +
              p % block_tokens;
          rig->codec->encode(from + at_kv(s, q, p, h),
                             rig->cache[which] + (uint64_t)row * rig->stride, s->dim);
        }
      }
    }
  }
  /* q4_0 and q8_0 do not always give back what they gave: read what is there. */
  for (int which = 0; which < 2; which++) {
    float *to = which == 0 ? rig->keys : rig->values;
    for (int64_t q = 0; q < SEQUENCES; q++) {
      for (int64_t p = 0; p < MOST_POSITIONS; p++) {
        for (int64_t h = 0; h < s->kv_heads; h++) {
          int64_t row =
              (rig->blocks[q][p / block_tokens] * s->kv_heads + h) * block_tokens +
              p % block_tokens;
          rig->codec->decode(rig->cache[which] + (uint64_t)row * rig->stride,
                             to + at_kv(s, q, p, h), s->dim);
        }
      }
    }
  }
}

static struct rig rig_open(const struct setup *setup, uint64_t *dice) {
  struct rig rig = {.setup = *setup,
                    .flash = fake_open("attention_flash"),
                    .parts = fake_open("portable")};
  fake_int(rig.flash, "tile", setup->tile);
  assert_int_equal(fake_check(rig.flash, NULL), RIDGE_OK);
  assert_int_equal(fake_create(rig.flash), RIDGE_OK);
  rig.kernel = fake_fill(rig.flash, RIDGE_SEAM_KERNEL, "attention", setup->needs)->table;
  rig.codec = fake_fill(rig.parts, RIDGE_SEAM_CODEC, setup->codec, NULL)->table;
  rig.stride = (uint64_t)(setup->dim / rig.codec->block) * rig.codec->block_bytes;
  size_t kv = (size_t)SEQUENCES * MOST_POSITIONS * (size_t)(setup->kv_heads * setup->dim);
  rig.keys = calloc(kv, sizeof(float));
  rig.values = calloc(kv, sizeof(float));
  size_t wide = (size_t)MOST_ROWS * (size_t)(setup->heads * setup->dim);
  rig.q = calloc(wide, sizeof(float));
  rig.y = calloc(wide, sizeof(float));
  for (size_t i = 0; i < wide; i++) rig.q[i] = 3 * fake_unit(dice);
  fill_cache_values(&rig, dice);
  return rig;
}

static void rig_close(struct rig *rig) {
  for (int q = 0; q < SEQUENCES; q++) free(rig->blocks[q]);
  free(rig->cache[0]);
  free(rig->cache[1]);
  free(rig->keys);
  free(rig->values);
  free(rig->q);
  free(rig->y);
  fake_close(rig->flash);
  fake_close(rig->parts);
}

/* A step with pieces of several sequences; positions ascend within one. */
static void add_rows(struct rig *rig, int32_t sequence, int32_t from, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    rig->position[rig->rows] = from + i;
    rig->sequence[rig->rows++] = sequence;
  }
}

/* Rows [row, row + n) of the step, with so many threads, one after another. */
static void compute(struct rig *rig, int64_t row, int64_t n, int32_t threads, float *y) {
  const struct setup *s = &rig->setup;
  uint64_t wide = (uint64_t)(s->heads * s->dim) * sizeof(float);
  ridge_node node = {
      .struct_size = sizeof node, .op = RIDGE_OP_ATTENTION, .n_in = 3, .n_out = 1};
  node.attrs = (ridge_attrs){.struct_size = sizeof(ridge_attrs),
                             .heads = s->heads,
                             .kv_heads = s->kv_heads,
                             .head_dim = s->dim,
                             .window = s->window,
                             .softcap = s->softcap,
                             .scale = 1 / sqrt((double)s->dim)};
  ridge_kernel_site site = {.struct_size = sizeof site,
                            .node = &node,
                            .in_codec = {NULL, rig->codec, rig->codec},
                            .max_rows = MOST_ROWS,
                            .max_context = MOST_POSITIONS,
                            .block_tokens = rig->block_tokens,
                            .threads = threads};
  char why[128] = "";
  assert_int_equal(rig->kernel->accepts(&site, why, sizeof why), RIDGE_OK);
  ridge_batch batch = {.struct_size = sizeof batch,
                       .rows = n,
                       .position = rig->position + row,
                       .sequence = rig->sequence + row,
                       .blocks = (const int32_t *const *)rig->blocks,
                       .sequences = SEQUENCES,
                       .block_tokens = rig->block_tokens};
  ridge_kernel_call call = {.struct_size = sizeof call,
                            .site = &site,
                            .batch = &batch,
                            .rows = n,
                            .self = rig->flash->self};
  call.in[0] =
      (ridge_span){.data = rig->q + row * s->heads * s->dim, .rows = n, .stride = wide};
  for (int i = 0; i < 2; i++) {
    call.in[1 + i] = (ridge_span){
        .data = rig->cache[i], .cols = s->dim, .stride = rig->stride, .codec = rig->codec};
  }
  call.out[0] =
      (ridge_span){.data = y + row * s->heads * s->dim, .rows = n, .stride = wide};
  size_t scratch = rig->kernel->scratch_bytes(&site);
  for (int32_t t = 0; t < threads; t++) {
    /* Its own memory, of its very size and badly aligned: sanitizers see any overrun. */
    char *memory = malloc(scratch + 4);
    memset(memory, 0xff, scratch + 4);
    call.scratch = memory + 4;
    rig->kernel->run(&call, t, threads);
    free(memory);
  }
}

static double reference(const struct rig *rig, int64_t row, int64_t head, int64_t d) {
  const struct setup *s = &rig->setup;
  int64_t last = rig->position[row], kv = head / (s->heads / s->kv_heads),
          q = rig->sequence[row];
  int64_t first = s->window > 0 && last >= s->window ? last - s->window + 1 : 0;
  double score[MOST_POSITIONS], top = -INFINITY, sum = 0, out = 0;
  const float *x = rig->q + (row * s->heads + head) * s->dim;
  for (int64_t p = first; p <= last; p++) {
    const float *k = rig->keys + at_kv(s, q, p, kv);
    double dot = 0;
    for (int64_t i = 0; i < s->dim; i++) dot += (double)x[i] * (double)k[i];
    score[p] = dot / sqrt((double)s->dim);
    if (s->softcap > 0) score[p] = s->softcap * tanh(score[p] / s->softcap);
    if (score[p] > top) top = score[p];
  }
  for (int64_t p = first; p <= last; p++) sum += score[p] = exp(score[p] - top);
  for (int64_t p = first; p <= last; p++) {
    out += score[p] / sum * (double)rig->values[at_kv(s, q, p, kv) + d];
  }
  return out;
}

static void check_against_definition(const struct rig *rig) {
  const struct setup *s = &rig->setup;
  for (int64_t row = 0; row < rig->rows; row++) {
    for (int64_t head = 0; head < s->heads; head++) {
      for (int64_t d = 0; d < s->dim; d += 7) {
        double want = reference(rig, row, head, d);
        double got = rig->y[(row * s->heads + head) * s->dim + d];
        if (!(fabs(got - want) <= 2e-5 * (1 + fabs(want)))) {
          fail_msg("%s, row %d head %d dim %d: %.9g, wanted %.9g", s->codec, (int)row,
                   (int)head, (int)d, got, want);
        }
      }
    }
  }
}

static void usual_step(struct rig *rig) {
  add_rows(rig, 0, 40, 37); /* a piece of a prompt, across tiles */
  add_rows(rig, 1, 0, 5);   /* the beginning of one */
  add_rows(rig, 2, 299, 1); /* one that generates */
}

static const char *const all_needs[] = {
    NULL, "avx2 fma f16c", "avx512f avx512bw avx512dq avx512vl avx512vnni avx2 fma f16c"};
enum { MACHINES = sizeof all_needs / sizeof *all_needs };

/* Can the form for this machine run here?  Says so when it cannot. */
static bool usable(const char *needs) {
  static struct machine machine;
  char missing[64];
  if (!machine.logical) machine_read(&machine);
  if (machine_has(&machine, needs, missing, sizeof missing)) return true;
  print_message("skipped: this machine has no %s\n", missing);
  return false;
}

static void over_setups(void (*body)(struct rig *, uint64_t *dice)) {
  const struct setup setups[] = {
      {"f32", NULL, 3, 3, 20, 0, 64, 0},     {"f32", NULL, 4, 2, 64, 0, 16, 0},
      {"f16", NULL, 8, 1, 80, 0, 128, 0},    {"f16", NULL, 4, 4, 33, 0, 64, 0},
      {"f16", NULL, 6, 2, 128, 50, 64, 0},   {"q8_0", NULL, 4, 2, 64, 0, 64, 0},
      {"q4_0", NULL, 4, 1, 32, 0, 32, 0},    {"q8_0", NULL, 40, 1, 32, 7, 64, 0},
      {"f32", NULL, 1, 1, 1, 1, 48, 0},      {"f16", NULL, 4, 2, 24, 0, 64, 2.5},
      {"q8_0", NULL, 4, 1, 32, 65, 64, 0.5},
  };
  uint64_t dice = 7;
  for (size_t machine = 0; machine < MACHINES; machine++) {
    if (!usable(all_needs[machine])) continue;
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
      struct setup setup = setups[i];
      setup.needs = all_needs[machine];
      struct rig rig = rig_open(&setup, &dice);
      body(&rig, &dice);
      rig_close(&rig);
    }
  }
}

static void one_definition(struct rig *rig, uint64_t *dice) {
  const int64_t sizes[] = {1, 16, 33, MOST_POSITIONS};
  usual_step(rig);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    lay_out(rig, sizes[i], dice);
    compute(rig, 0, rig->rows, 1, rig->y);
    check_against_definition(rig);
  }
}

static void it_computes_what_attention_is_defined_as(void **state) {
  (void)state;
  over_setups(one_definition);
}

static void one_cut(struct rig *rig, uint64_t *dice) {
  const int64_t sizes[] = {1, 16, 100};
  const int32_t threads[] = {1, 2, 5};
  size_t wide = (size_t)(MOST_ROWS * rig->setup.heads * rig->setup.dim);
  usual_step(rig);
  lay_out(rig, 32, dice);
  compute(rig, 0, rig->rows, 1, rig->y);
  float *other = calloc(wide, sizeof *other);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    lay_out(rig, sizes[i], dice);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
      memset(other, 0, wide * sizeof *other);
      compute(rig, 0, rig->rows, threads[t], other);
      assert_memory_equal(other, rig->y, wide * sizeof *other);
    }
  }
  memset(other, 0, wide * sizeof *other);
  for (int64_t row = 0; row < rig->rows; row++)
    compute(rig, row, 1, 1, other); /* each alone */
  assert_memory_equal(other, rig->y, wide * sizeof *other);
  free(other);
}

static void neither_batch_nor_blocks_nor_threads_change_a_bit(void **state) {
  (void)state;
  over_setups(one_cut);
}

static void what_is_not_a_number_is_not_hidden(void **state) {
  (void)state;
  const struct setup setup = {"f32", NULL, 2, 1, 16, 0, 16, 0};
  uint64_t dice = 3;
  for (size_t machine = 0; machine < MACHINES; machine++) {
    if (!usable(all_needs[machine])) continue;
    struct setup mine = setup;
    mine.needs = all_needs[machine];
    struct rig rig = rig_open(&mine, &dice);
    add_rows(&rig, 0, 20, 2);
    rig.keys[at_kv(&mine, 0, 3, 0)] = NAN;
    lay_out(&rig, 16, &dice);
    compute(&rig, 0, rig.rows, 1, rig.y);
    for (int64_t i = 0; i < rig.rows * 2 * 16; i++) assert_true(isnan(rig.y[i]));
    rig_close(&rig);
  }
}

static void evidence_is_the_tiles_and_the_scores_that_were_not_written(void **state) {
  (void)state;
  const struct setup setup = {"f16", NULL, 4, 2, 32, 0, 64, 0};
  uint64_t dice = 5;
  struct rig rig = rig_open(&setup, &dice);
  add_rows(&rig, 0, 99, 2); /* positions 99 and 100: two tiles each */
  lay_out(&rig, 16, &dice);
  compute(&rig, 0, rig.rows, 3, rig.y);
  assert_int_equal(rig.flash->counts[0], 2 * 2 * 4);
  assert_int_equal(rig.flash->counts[1], (100 + 101) * 4 * 4);
  rig_close(&rig);
}

static void tiles_that_are_no_multiple_of_sixteen_are_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("attention_flash");
  fake_int(fake, "tile", 40);
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "`tile` is 40"));
  fake_close(fake);
}

static void a_cache_that_does_not_divide_is_declined_with_the_reason(void **state) {
  (void)state;
  struct fake *flash = fake_open("attention_flash"), *parts = fake_open("portable");
  const ridge_kernel *kernel =
      fake_fill(flash, RIDGE_SEAM_KERNEL, "attention", NULL)->table;
  const ridge_codec *codec = fake_fill(parts, RIDGE_SEAM_CODEC, "q8_0", NULL)->table;
  ridge_node node = {.attrs = {.heads = 2, .kv_heads = 2, .head_dim = 48}};
  ridge_kernel_site site = {.node = &node, .in_codec = {NULL, codec, codec}};
  char why[128] = "";
  assert_int_equal(kernel->accepts(&site, why, sizeof why), RIDGE_DECLINED);
  assert_non_null(strstr(why, "head of 48"));
  fake_close(flash);
  fake_close(parts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_computes_what_attention_is_defined_as),
      cmocka_unit_test(neither_batch_nor_blocks_nor_threads_change_a_bit),
      cmocka_unit_test(what_is_not_a_number_is_not_hidden),
      cmocka_unit_test(evidence_is_the_tiles_and_the_scores_that_were_not_written),
      cmocka_unit_test(tiles_that_are_no_multiple_of_sixteen_are_refused),
      cmocka_unit_test(a_cache_that_does_not_divide_is_declined_with_the_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
