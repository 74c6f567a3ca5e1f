/*
 * kernels_attention.c - every provider of attention and cache_put, over caches in each
 * codec: against the portable kernels, and bit for bit against itself when the size of
 * blocks, the batch or the number of threads change.
 */
#include "kernels_rig.h"

#include <math.h>

static const ridge_plugin *portable;
static const char *const parts[] = {RIG_PARTS};
static const char *const codecs[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
enum { CODECS = sizeof codecs / sizeof *codecs, PARTS = sizeof parts / sizeof *parts };

static int open_portable(void **state) {
  (void)state;
  portable = rig_open("portable");
  return 0;
}

/* ---- a few sequences, some rows of each ---- */

struct scene {
  const ridge_codec *codec;
  int64_t heads, kv_heads, dim, window;
  double softcap;
  int64_t sequences, rows, most;      /* most: positions of the longest              */
  int64_t prompts;                    /* rows [0, prompts) are prompt tokens         */
  const int32_t *sequence, *position; /* (rows) */
  float *q;                           /* (rows, heads * dim) */
  float *k, *v;                       /* (sequences, most, kv_heads * dim) */
};

struct pool {
  char *k, *v;
  int32_t **table;
  int64_t block_tokens, rows;
  uint64_t stride;
};

static void scene_make(struct scene *s, uint64_t seed) {
  struct rig_random random = {seed};
  const int64_t cached = s->sequences * s->most * s->kv_heads * s->dim;
  s->q = malloc((size_t)(s->rows * s->heads * s->dim) * sizeof(float));
  s->k = malloc((size_t)cached * sizeof(float));
  s->v = malloc((size_t)cached * sizeof(float));
  rig_fill(&random, s->q, s->rows * s->heads * s->dim, 1.0f);
  rig_fill(&random, s->k, cached, 1.0f);
  rig_fill(&random, s->v, cached, 1.0f);
}

static void scene_free(struct scene *s) { free(s->q), free(s->k), free(s->v); }

/* Blocks of all sequences lie shuffled in one pool. */
static void pool_make(struct pool *p, const struct scene *s, int64_t block_tokens) {
  const int64_t each = (s->most + block_tokens - 1) / block_tokens;
  p->block_tokens = block_tokens;
  p->rows = each * s->sequences * s->kv_heads * block_tokens;
  p->stride = rig_row_bytes(s->codec, s->dim);
  p->k = malloc((size_t)p->rows * p->stride);
  p->v = malloc((size_t)p->rows * p->stride);
  memset(p->k, 0xff, (size_t)p->rows * p->stride); /* NaN where nothing was put */
  memset(p->v, 0xff, (size_t)p->rows * p->stride);
  p->table = malloc((size_t)s->sequences * sizeof *p->table);
  for (int64_t i = 0; i < s->sequences; i++) {
    p->table[i] = malloc((size_t)each * sizeof **p->table);
    for (int64_t b = 0; b < each; b++)
      p->table[i][b] = (int32_t)((each - 1 - b) * s->sequences + i);
  }
}

static void pool_free(struct pool *p, const struct scene *s) {
  for (int64_t i = 0; i < s->sequences; i++) free(p->table[i]);
  free(p->table), free(p->k), free(p->v);
}

static void place(struct rig_job *job, const struct scene *s, const struct pool *p,
                  const int32_t *sequence, const int32_t *position, int64_t rows) {
  job->batch.sequence = sequence;
  job->batch.position = position;
  job->batch.rows = rows;
  job->batch.blocks = (const int32_t *const *)p->table;
  job->batch.sequences = s->sequences;
  job->batch.block_tokens = job->site.block_tokens = p->block_tokens;
  job->site.max_context = s->most;
  job->call.rows = rows;
}

/* Write every position of every sequence through a cache_put kernel. */
static ridge_status put_all(const struct scene *s, struct pool *p,
                            const ridge_kernel *kernel, int32_t threads) {
  const int64_t width = s->kv_heads * s->dim, rows = s->sequences * s->most;
  int32_t *sequence = malloc((size_t)rows * 4), *position = malloc((size_t)rows * 4);
  ridge_status status = RIDGE_OK;
  for (int64_t i = 0; i < rows; i++) {
    sequence[i] = (int32_t)(i / s->most);
    position[i] = (int32_t)(i % s->most);
  }
  for (int values = 0; values < 2 && status == RIDGE_OK; values++) {
    struct rig_job job;
    rig_job(&job, RIDGE_OP_CACHE_PUT);
    job.node.attrs.kv_heads = s->kv_heads;
    job.node.attrs.head_dim = s->dim;
    job.node.attrs.flags = values ? RIDGE_CACHE_VALUE : 0;
    rig_activation(&job, 0, values ? s->v : s->k, rows, width, rig_codec(portable, "f32"));
    rig_in(&job, 1, values ? p->v : p->k, p->rows, s->dim, s->codec, p->stride);
    place(&job, s, p, sequence, position, rows);
    status = rig_run(&job, kernel, threads);
  }
  free(sequence), free(position);
  return status;
}

/* Attention of rows [from, to) into the same rows of y (rows, heads * dim). */
static void attend(const struct scene *s, const struct pool *p, const ridge_kernel *kernel,
                   int32_t threads, int64_t from, int64_t to, float *y) {
  const int64_t width = s->heads * s->dim;
  struct rig_job job;
  rig_job(&job, RIDGE_OP_ATTENTION);
  job.node.attrs.heads = s->heads;
  job.node.attrs.kv_heads = s->kv_heads;
  job.node.attrs.head_dim = s->dim;
  job.node.attrs.window = s->window;
  job.node.attrs.softcap = s->softcap;
  job.node.attrs.scale = 1.0 / sqrt((double)s->dim);
  rig_activation(&job, 0, s->q + from * width, to - from, width,
                 rig_codec(portable, "f32"));
  rig_in(&job, 1, p->k, p->rows, s->dim, s->codec, p->stride);
  rig_in(&job, 2, p->v, p->rows, s->dim, s->codec, p->stride);
  rig_out(&job, 0, y + from * width, to - from, width);
  place(&job, s, p, s->sequence + from, s->position + from, to - from);
  job.call.prompt_rows = s->prompts < from ? 0
                         : s->prompts < to ? s->prompts - from
                                           : to - from;
  job.batch.prompt_rows = job.call.prompt_rows;
  if (rig_run(&job, kernel, threads) != RIDGE_OK)
    fail_msg("attention declined: %s", job.why);
}

static float *whole(const struct scene *s, const struct pool *p, const ridge_kernel *kernel,
                    int32_t threads) {
  float *y = calloc((size_t)(s->rows * s->heads * s->dim), sizeof *y);
  attend(s, p, kernel, threads, 0, s->rows, y);
  return y;
}

static void same(const struct scene *s, const float *want, const float *got, double within,
                 const char *what) {
  for (int64_t i = 0; i < s->rows * s->heads * s->dim; i++) {
    const double error = fabs((double)want[i] - (double)got[i]);
    if (!(error <= within))
      fail_msg("%s, %s cache, %ld heads on %ld of %ld, window %ld: element %ld is %.9g, "
               "was %.9g",
               what, s->codec->name, (long)s->heads, (long)s->kv_heads, (long)s->dim,
               (long)s->window, (long)i, (double)got[i], (double)want[i]);
  }
}

/* ---- scenes ---- */

/* A prompt of 70 in sequence 0, one new token in 1 and 2, four drafted ones in 3. */
enum { ROWS = 76, MOST = 130 };
static int32_t scene_sequence[ROWS], scene_position[ROWS];

static void lay_out_rows(void) {
  for (int i = 0; i < 70; i++) scene_position[i] = i;
  scene_sequence[70] = 1, scene_position[70] = 129;
  scene_sequence[71] = 2, scene_position[71] = 0;
  for (int i = 72; i < ROWS; i++) scene_sequence[i] = 3, scene_position[i] = 32 + i;
}

static const struct {
  int64_t heads, kv_heads, dim, window;
} geometries[] = {
    {4, 4, 64, 0}, {8, 2, 32, 0}, {6, 1, 96, 17}, {2, 2, 128, 33}, {40, 1, 160, 0}};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

static struct scene scene_of(int codec, int geometry) {
  lay_out_rows();
  return (struct scene){.codec = rig_codec(portable, codecs[codec]),
                        .heads = geometries[geometry].heads,
                        .kv_heads = geometries[geometry].kv_heads,
                        .dim = geometries[geometry].dim,
                        .window = geometries[geometry].window,
                        .sequences = 4,
                        .rows = ROWS,
                        .prompts = 70,
                        .most = MOST,
                        .sequence = scene_sequence,
                        .position = scene_position};
}

typedef void check_function(const struct scene *, const ridge_kernel *, const char *part);

/* Every form of attention that a part has and this machine can run. */
static void each_fill(const ridge_plugin *plugin, const struct scene *s,
                      check_function *check, const char *part) {
  for (uint32_t i = 0; i < plugin->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(plugin, i);
    if (strcmp(fill->key, "attention") == 0 && rig_usable(fill))
      check(s, fill->table, part);
  }
}

static void each_scene(check_function *check) {
  for (int c = 0; c < CODECS; c++)
    for (int g = 0; g < GEOMETRIES; g++) {
      struct scene s = scene_of(c, g);
      scene_make(&s, (uint64_t)(c * 10 + g));
      for (int i = 0; i < PARTS; i++) each_fill(rig_open(parts[i]), &s, check, parts[i]);
      scene_free(&s);
    }
}

static const ridge_kernel *reference(const char *key) {
  return rig_find(portable, RIDGE_SEAM_KERNEL, key)->table;
}

/* ---- promises ---- */

static void check_accuracy(const struct scene *s, const ridge_kernel *kernel,
                           const char *part) {
  struct pool p;
  pool_make(&p, s, 16);
  assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
  float *want = whole(s, &p, reference("attention"), 1), *got = whole(s, &p, kernel, 2);
  same(s, want, got, 5e-6, part);
  free(want), free(got);
  pool_free(&p, s);
}

static void every_provider_agrees_with_the_portable_kernel(void **state) {
  (void)state;
  each_scene(check_accuracy);
}

static void check_blocks(const struct scene *s, const ridge_kernel *kernel,
                         const char *part) {
  static const int64_t sizes[] = {1, 5, 16, 64, 100};
  struct pool p;
  pool_make(&p, s, MOST);
  assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
  float *want = whole(s, &p, kernel, 1);
  pool_free(&p, s);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    pool_make(&p, s, sizes[i]);
    assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
    float *got = whole(s, &p, kernel, 1);
    same(s, want, got, 0, part);
    free(got);
    pool_free(&p, s);
  }
  free(want);
}

static void the_size_of_blocks_changes_no_bit(void **state) {
  (void)state;
  each_scene(check_blocks);
}

static void check_batch(const struct scene *s, const ridge_kernel *kernel,
                        const char *part) {
  static const int64_t steps[] = {1, 2, 3, 7, 31};
  static const int32_t counts[] = {2, 3, 7};
  struct pool p;
  pool_make(&p, s, 16);
  assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
  float *want = whole(s, &p, kernel, 1);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    float *got = whole(s, &p, kernel, counts[i]);
    same(s, want, got, 0, part);
    free(got);
  }
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    float *got = calloc((size_t)(s->rows * s->heads * s->dim), sizeof *got);
    for (int64_t row = 0; row < s->rows; row += steps[i])
      attend(s, &p, kernel, 1, row, row + steps[i] < s->rows ? row + steps[i] : s->rows,
             got);
    same(s, want, got, 0, part);
    free(got);
  }
  free(want);
  pool_free(&p, s);
}

static void the_batch_and_the_threads_change_no_bit(void **state) {
  (void)state;
  each_scene(check_batch);
}

static void cache_put_writes_what_the_codec_writes(void **state) {
  (void)state;
  for (int c = 0; c < CODECS; c++)
    for (int g = 0; g < GEOMETRIES; g++) {
      struct scene s = scene_of(c, g);
      struct pool want, got;
      scene_make(&s, (uint64_t)(c * 10 + g));
      s.k[3] = INFINITY, s.k[4] = -0.0f, s.k[5] = 1e-7f, s.k[6] = 70000.0f,
      s.k[7] = 2049.0f;
      pool_make(&want, &s, 7);
      assert_int_equal(put_all(&s, &want, reference("cache_put *"), 1), RIDGE_OK);
      for (int i = 0; i < PARTS; i++) {
        const ridge_plugin *plugin = rig_open(parts[i]);
        for (uint32_t f = 0; f < plugin->fills.count; f++) {
          const ridge_fill *fill = rig_fill_at(plugin, f);
          if (!rig_covers(fill, "cache_put", s.codec->name) || !rig_usable(fill)) continue;
          pool_make(&got, &s, 7);
          assert_int_equal(put_all(&s, &got, fill->table, 3), RIDGE_OK);
          assert_memory_equal(want.k, got.k, (size_t)want.rows * want.stride);
          assert_memory_equal(want.v, got.v, (size_t)want.rows * want.stride);
          pool_free(&got, &s);
        }
      }
      pool_free(&want, &s);
      scene_free(&s);
    }
}

/* Row 70 alone sees sequence 1; its last key is poisoned. */
static void check_poison(const struct scene *s, const ridge_kernel *kernel,
                         const char *part) {
  static const float bad[] = {NAN, INFINITY};
  struct pool p;
  const int64_t width = s->heads * s->dim;
  for (int b = 0; b < 2; b++) {
    float *cell = s->k + ((1 * MOST + 129) * s->kv_heads) * s->dim + 1;
    pool_make(&p, s, 16);
    assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
    float *clean = whole(s, &p, kernel, 1);
    const float was = *cell;
    *cell = bad[b];
    assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
    *cell = was;
    float *hurt = whole(s, &p, kernel, 1);
    for (int64_t i = 0; i < s->heads / s->kv_heads * s->dim; i++) {
      const float y = hurt[70 * width + i];
      /* A score of minus infinity is only a weight of zero. */
      if (b == 0 && isfinite(y)) fail_msg("%s lost a NaN", part);
    }
    memcpy(hurt + 70 * width, clean + 70 * width, (size_t)width * sizeof *hurt);
    same(s, clean, hurt, 0, part);
    free(clean), free(hurt);
    pool_free(&p, s);
  }
}

static void a_nan_in_a_key_is_seen_and_stays_with_its_sequence(void **state) {
  (void)state;
  each_scene(check_poison);
}

/* Every width and group that models have, over a few rows of both roles. */
static void every_width_and_group_agrees(void **state) {
  (void)state;
  static const int64_t dims[] = {1, 20, 32, 33, 40, 48, 64, 72, 80, 96, 112, 128, 192, 256};
  static const int32_t sequence[] = {0, 0, 0, 0, 0, 1, 1, 2};
  static const int32_t position[] = {66, 67, 68, 69, 70, 20, 21, 0};
  for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
    for (int64_t group = 1; group <= 8; group++) {
      struct scene s = {.codec = rig_codec(portable, dims[d] % 32 ? "f32" : "q8_0"),
                        .heads = 2 * group,
                        .kv_heads = 2,
                        .dim = dims[d],
                        .window = group == 5 ? 9 : 0,
                        .softcap = group == 3 ? 1.5 : 0,
                        .sequences = 3,
                        .rows = 8,
                        .prompts = 4,
                        .most = 71,
                        .sequence = sequence,
                        .position = position};
      scene_make(&s, (uint64_t)(d * 10) + (uint64_t)group);
      for (int i = 0; i < PARTS; i++)
        each_fill(rig_open(parts[i]), &s, check_accuracy, parts[i]);
      scene_free(&s);
    }
}

static void check_threads(const struct scene *s, const ridge_kernel *kernel,
                          const char *part) {
  static const int32_t counts[] = {2, 3, 7, 16};
  struct pool p;
  pool_make(&p, s, 3);
  assert_int_equal(put_all(s, &p, reference("cache_put *"), 7), RIDGE_OK);
  float *want = whole(s, &p, kernel, 1);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    float *got = whole(s, &p, kernel, counts[i]);
    same(s, want, got, 0, part);
    free(got);
  }
  free(want);
  pool_free(&p, s);
}

/* One row or a few, one head or a few: most threads have nothing to do. */
static void more_threads_than_work_change_no_bit(void **state) {
  (void)state;
  static const int64_t dims[] = {1, 2, 20, 33, 64, 80}, heads[] = {1, 3}, rows[] = {1, 2};
  static const int32_t sequence[] = {0, 0}, position[] = {8, 9};
  for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
    for (int k = 0; k < 2 * 2 * 2; k++) {
      struct scene s = {.codec = rig_codec(portable, k % 3 ? "f32" : "f16"),
                        .heads = heads[k % 2],
                        .kv_heads = 1,
                        .dim = dims[d],
                        .sequences = 1,
                        .rows = rows[k / 2 % 2],
                        .prompts = k / 4 % 2 ? rows[k / 2 % 2] : 0,
                        .most = 10,
                        .sequence = sequence,
                        .position = position};
      scene_make(&s, (uint64_t)(d * 10) + (uint64_t)k);
      for (int i = 0; i < PARTS; i++) {
        each_fill(rig_open(parts[i]), &s, check_accuracy, parts[i]);
        each_fill(rig_open(parts[i]), &s, check_threads, parts[i]);
      }
      scene_free(&s);
    }
}

/* Beyond the stretch over which a softmax is taken at once. */
static void depth_changes_neither_accuracy_nor_bits(void **state) {
  (void)state;
  enum { DEEP = 5000, PROMPTS = 40, ALL = PROMPTS + 3 };
  static const int64_t windows[] = {0, 1500};
  int32_t sequence[ALL] = {0}, position[ALL];
  for (int i = 0; i < PROMPTS; i++) position[i] = DEEP - PROMPTS + i;
  for (int i = PROMPTS; i < ALL; i++) sequence[i] = 1, position[i] = 4096 + i;
  for (int w = 0; w < 2; w++) {
    struct scene s = {.codec = rig_codec(portable, "f16"),
                      .heads = 3,
                      .kv_heads = 1,
                      .dim = 32,
                      .window = windows[w],
                      .sequences = 2,
                      .rows = ALL,
                      .prompts = PROMPTS,
                      .most = DEEP,
                      .sequence = sequence,
                      .position = position};
    scene_make(&s, 99);
    for (int i = 0; i < PARTS; i++) {
      each_fill(rig_open(parts[i]), &s, check_accuracy, parts[i]);
      each_fill(rig_open(parts[i]), &s, check_batch, parts[i]);
    }
    scene_free(&s);
  }
}

static float *first_form;
static void check_form(const struct scene *s, const ridge_kernel *kernel,
                       const char *part) {
  struct pool p;
  pool_make(&p, s, 16);
  assert_int_equal(put_all(s, &p, reference("cache_put *"), 1), RIDGE_OK);
  float *got = whole(s, &p, kernel, 1);
  pool_free(&p, s);
  if (first_form == NULL) {
    first_form = got;
    return;
  }
  same(s, first_form, got, 0, part);
  free(got);
}

static void the_forms_of_a_part_give_the_same_bits(void **state) {
  (void)state;
  for (int c = 0; c < CODECS; c++)
    for (int g = 0; g < GEOMETRIES; g++)
      for (int i = 0; i < PARTS; i++) {
        struct scene s = scene_of(c, g);
        scene_make(&s, (uint64_t)(c * 10 + g));
        each_fill(rig_open(parts[i]), &s, check_form, parts[i]);
        scene_free(&s);
        free(first_form);
        first_form = NULL;
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_provider_agrees_with_the_portable_kernel),
      cmocka_unit_test(the_size_of_blocks_changes_no_bit),
      cmocka_unit_test(the_batch_and_the_threads_change_no_bit),
      cmocka_unit_test(every_width_and_group_agrees),
      cmocka_unit_test(more_threads_than_work_change_no_bit),
      cmocka_unit_test(depth_changes_neither_accuracy_nor_bits),
      cmocka_unit_test(the_forms_of_a_part_give_the_same_bits),
      cmocka_unit_test(cache_put_writes_what_the_codec_writes),
      cmocka_unit_test(a_nan_in_a_key_is_seen_and_stays_with_its_sequence),
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
