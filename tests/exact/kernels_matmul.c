/*
 * kernels_matmul.c - every provider of "matmul ..." over every codec: against the
 * portable kernel at odd sizes, and bit for bit against itself when the batch, the
 * number of threads or the neighbours change.
 *
 * Rows that meet quantized weights may go through int8 in a part, which then has a
 * prepared form.  They are held to the product of the rounded x (rounded here once more,
 * to 8 bits by groups of 32) within the tolerance of f32.
 */
#include "kernels_rig.h"

#include <math.h>

static const ridge_plugin *portable;
static const char *const parts[] = {RIG_PARTS};
#ifndef RIG_CODECS
#define RIG_CODECS                                                                         \
  "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k",    \
      "q5_k", "q6_k", "iq4_nl", "mxfp4", "iq4_xs", "i8g32", "i8g64", "i8g128", "i8g256",   \
      "i4g32", "i4g64", "i4g128", "i4g256"
#endif
static const char *const codecs[] = {RIG_CODECS};
enum { CODECS = sizeof codecs / sizeof *codecs, PARTS = sizeof parts / sizeof *parts };

static int open_portable(void **state) {
  (void)state;
  portable = rig_open("portable");
  return 0;
}

/* ---- a product with everything that may hang on it ---- */

struct product {
  const ridge_codec *codec;
  int64_t rows, prompt, k, n;
  bool paired, bias, residual;
  uint32_t act;
  uint64_t x_gap, y_gap; /* bytes between rows of x and of y, multiples of 4     */
  char *w;               /* (n or 2n, k) in codec, one byte off alignment        */
  char *w_memory;
  float *x, *b, *r;
  bool as_rows;
};

static int64_t weight_rows(const struct product *p) { return p->paired ? 2 * p->n : p->n; }
static uint64_t x_stride(const struct product *p) { return (uint64_t)p->k * 4 + p->x_gap; }
static uint64_t y_stride(const struct product *p) { return (uint64_t)p->n * 4 + p->y_gap; }
static float *x_row(const struct product *p, int64_t row) {
  return (float *)(void *)((char *)p->x + (uint64_t)row * x_stride(p));
}

static void product_make(struct product *p, uint64_t seed) {
  struct rig_random random = {seed};
  const uint64_t row_bytes = rig_row_bytes(p->codec, p->k);
  p->w_memory = malloc((size_t)weight_rows(p) * row_bytes + 1);
  p->w = p->w_memory + 1;
  for (int64_t i = 0; i < weight_rows(p); i++)
    rig_weight_row(&random, p->codec, p->w + (uint64_t)i * row_bytes, p->k);
  p->x = calloc((size_t)p->rows, x_stride(p));
  for (int64_t i = 0; i < p->rows; i++)
    rig_fill(&random, x_row(p, i), p->k, i % 5 == 4 ? 6.0f : 1.0f);
  p->b = malloc((size_t)weight_rows(p) * sizeof *p->b);
  rig_fill(&random, p->b, weight_rows(p), 1.0f);
  p->r = calloc((size_t)p->rows, y_stride(p));
  for (int64_t i = 0; i < p->rows; i++)
    rig_fill(&random, (float *)(void *)((char *)p->r + (uint64_t)i * y_stride(p)), p->n,
             1.0f);
}

static void product_free(struct product *p) {
  free(p->w_memory), free(p->x), free(p->b), free(p->r);
}

/* Rows [from, to) as one call, into the same rows of y (y_stride apart). */
static ridge_status product_run(const struct product *p, const ridge_kernel *kernel,
                                int32_t threads, int64_t from, int64_t to, float *y,
                                char why[256]) {
  const ridge_codec *f32 = rig_codec(portable, "f32");
  struct rig_job job;
  rig_job(&job, RIDGE_OP_MATMUL);
  job.as_rows = p->as_rows;
  job.node.attrs.act = p->act;
  job.node.attrs.flags = p->paired ? RIDGE_GLU_PAIRED : 0;
  rig_in(&job, 0, x_row(p, from), to - from, p->k, f32, x_stride(p));
  job.site.in_dims[0][0] = RIDGE_DIM_TOKENS;
  rig_weight(&job, 1, p->w, weight_rows(p), p->k, p->codec);
  if (p->bias) rig_weight(&job, 2, p->b, 1, weight_rows(p), f32);
  if (p->residual) {
    rig_in(&job, 3, (char *)p->r + (uint64_t)from * y_stride(p), to - from, p->n, f32,
           y_stride(p));
    job.site.in_dims[3][0] = RIDGE_DIM_TOKENS;
  }
  rig_out(&job, 0, (float *)(void *)((char *)y + (uint64_t)from * y_stride(p)), to - from,
          p->n);
  job.call.out[0].stride = y_stride(p);
  job.call.rows = to - from;
  const int64_t prompt = p->prompt - from;
  job.call.prompt_rows = prompt < 0 ? 0 : prompt < to - from ? prompt : to - from;
  job.batch.rows = job.call.rows;
  job.batch.prompt_rows = job.call.prompt_rows;
  const ridge_status status = rig_run(&job, kernel, threads);
  if (why) memcpy(why, job.why, sizeof job.why);
  return status;
}

static float *y_make(const struct product *p) {
  return calloc((size_t)p->rows, y_stride(p));
}

/* y itself must be equal, gaps must be untouched (zero). */
static void same_bits(const struct product *p, const float *want, const float *got,
                      const char *what) {
  if (!memcmp(want, got, (size_t)p->rows * y_stride(p))) return;
  for (int64_t i = 0; i < p->rows; i++)
    for (uint64_t j = 0; j < y_stride(p) / 4; j++) {
      const size_t at = (size_t)i * y_stride(p) / 4 + j;
      if (memcmp(&want[at], &got[at], 4))
        fail_msg(
            "%s %s: %ld rows (%ld prompt), K %ld, N %ld: row %ld column %lu is %.9g, was "
            "%.9g",
            p->codec->name, what, (long)p->rows, (long)p->prompt, (long)p->k, (long)p->n,
            (long)i, (unsigned long)j, (double)got[at], (double)want[at]);
    }
}

/* ---- every provider, every codec ---- */

typedef void check_function(const struct product *, const ridge_kernel *, const char *key);

static void each_provider(const struct product *p, check_function *check) {
  for (int i = 0; i < PARTS; i++) {
    const ridge_plugin *plugin = rig_open(parts[i]);
    for (uint32_t f = 0; f < plugin->fills.count; f++) {
      const ridge_fill *fill = rig_fill_at(plugin, f);
      char key[128];
      if (!rig_covers(fill, "matmul", p->codec->name) || !rig_usable(fill)) continue;
      snprintf(key, sizeof key, "%s by %s", fill->key, plugin->id);
      check(p, fill->table, key);
    }
  }
}

/* ---- accuracy ---- */

/* x rounded to int8 by groups of 32, where the provider does so. */
static void round_rows(struct product *p) {
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t k = 0; k < p->k; k += 32) {
      float *x = x_row(p, i) + k, top = 0;
      for (int j = 0; j < 32; j++) top = fmaxf(top, fabsf(x[j]));
      const float scale = top / 127.0f, by = scale > 0 ? 1.0f / scale : 0.0f;
      for (int j = 0; j < 32; j++) x[j] = scale * rintf(x[j] * by);
    }
}

/* The size that a product of this row has without luck: an element that is smaller is
 * what large terms left of each other.  Weights are about 0.3. */
static double usual_size(const struct product *p, int64_t row) {
  double squares = 0;
  for (int64_t k = 0; k < p->k; k++)
    squares += (double)x_row(p, row)[k] * (double)x_row(p, row)[k];
  return fmax(1, 0.3 * sqrt(squares));
}

/* The largest difference, relative to the largest element of its row: where a gate
 * multiplies, small elements come from large ones that cancel. */
static double worst(const struct product *p, const float *want, const float *got,
                    int64_t from, int64_t to) {
  double top = 0;
  for (int64_t i = from; i < to; i++) {
    const size_t at = (size_t)i * y_stride(p) / 4;
    double size = usual_size(p, i);
    for (int64_t j = 0; j < p->n; j++)
      size = fmax(size, fabs((double)want[at + (size_t)j]));
    for (int64_t j = 0; j < p->n; j++) {
      const double error = fabs((double)want[at + (size_t)j] - (double)got[at + (size_t)j]);
      if (!(error / size <= top)) top = error / size; /* a NaN comes out too */
    }
  }
  return top;
}

/* f32 sums of k products in another order: random errors of 2^-24 of the size. */
static double f32_tolerance(const struct product *p) { return 1e-6 * sqrt((double)p->k); }

static void check_accuracy(const struct product *p, const ridge_kernel *kernel,
                           const char *key) {
  const ridge_kernel *reference = rig_find(portable, RIDGE_SEAM_KERNEL, "matmul *")->table;
  const bool int8 = kernel->prepared_form != NULL;
  float *want = y_make(p), *got = y_make(p);
  struct product rounded = *p;
  char why[256];
  if (int8) {
    rounded.x = malloc((size_t)p->rows * x_stride(p));
    memcpy(rounded.x, p->x, (size_t)p->rows * x_stride(p));
    round_rows(&rounded);
  }
  assert_int_equal(product_run(&rounded, reference, 1, 0, p->rows, want, NULL), RIDGE_OK);
  if (product_run(p, kernel, 2, 0, p->rows, got, why) == RIDGE_OK) {
    const double error = worst(p, want, got, 0, p->rows);
    if (!(error <= f32_tolerance(p)))
      fail_msg("%s: off by %g (%s, %ld rows, %ld prompt, K %ld, N %ld)", key, error,
               p->codec->name, (long)p->rows, (long)p->prompt, (long)p->k, (long)p->n);
  } else {
    fail_msg("%s declined: %s", key, why);
  }
  if (int8) free(rounded.x);
  free(want), free(got);
}

struct shape {
  int64_t rows, prompt, k, n;
};
/* K in blocks of the codec times 32 at least; see shape_of. */
static const struct shape shapes[] = {
    {1, 0, 1, 1},    {1, 1, 1, 17},     {3, 0, 2, 33},  {3, 2, 3, 16},
    {17, 9, 9, 31},  {33, 33, 10, 50},  {33, 0, 17, 7}, {100, 50, 3, 65},
    {7, 3, 33, 100}, {250, 245, 2, 20}, {4, 0, 8, 24},  {2, 1, 1, 32},
    {5, 5, 2, 15},   {2, 1, 1, 1},      {1, 1, 1, 1},   {40, 20, 3, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct product product_of(const char *codec, struct shape s) {
  struct product p = {
      .codec = rig_codec(portable, codec), .rows = s.rows, .prompt = s.prompt, .n = s.n};
  p.k = p.codec->block == 1 ? s.k * 31 + 2
                            : s.k * (p.codec->block < 64 ? 32 : p.codec->block);
  return p;
}

static void decorate(struct product *p, int kind) {
  p->bias = kind % 2 == 1;
  p->residual = kind % 3 == 1;
  p->paired = kind % 4 == 3;
  p->act = (uint32_t)(kind % 5) % RIDGE_ACT_COUNT;
  p->x_gap = kind % 3 == 2 ? 20 : 0;
  p->y_gap = kind % 5 == 3 ? 36 : 0;
}

static void every_provider_agrees_with_the_portable_kernel(void **state) {
  (void)state;
  for (int c = 0; c < CODECS; c++)
    for (int s = 0; s < SHAPES; s++) {
      struct product p = product_of(codecs[c], shapes[s]);
      decorate(&p, s + c);
      product_make(&p, (uint64_t)(c * 100 + s));
      each_provider(&p, check_accuracy);
      product_free(&p);
    }
}

/* ---- bits ---- */

static void check_threads(const struct product *p, const ridge_kernel *kernel,
                          const char *key) {
  static const int32_t counts[] = {2, 3, 7, 16};
  float *one = y_make(p);
  assert_int_equal(product_run(p, kernel, 1, 0, p->rows, one, NULL), RIDGE_OK);
  for (int i = 0; i < 4; i++) {
    float *many = y_make(p);
    assert_int_equal(product_run(p, kernel, counts[i], 0, p->rows, many, NULL), RIDGE_OK);
    same_bits(p, one, many, key);
    free(many);
  }
  free(one);
}

static void threads_change_no_bit(void **state) {
  (void)state;
  for (int c = 0; c < CODECS; c++)
    for (int s = 0; s < SHAPES; s += s < 12 ? 2 : 1) {
      struct product p = product_of(codecs[c], shapes[s]);
      decorate(&p, s);
      product_make(&p, (uint64_t)(c * 100 + s));
      each_provider(&p, check_threads);
      product_free(&p);
    }
}

/* The whole batch in runs of `step` rows. */
static void check_runs(const struct product *p, const ridge_kernel *kernel,
                       const char *key) {
  static const int64_t steps[] = {1, 2, 3, 4, 5, 7, 40};
  float *whole = y_make(p);
  assert_int_equal(product_run(p, kernel, 1, 0, p->rows, whole, NULL), RIDGE_OK);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    float *pieces = y_make(p);
    for (int64_t row = 0; row < p->rows; row += steps[i]) {
      const int64_t end = row + steps[i] < p->rows ? row + steps[i] : p->rows;
      assert_int_equal(product_run(p, kernel, 2, row, end, pieces, NULL), RIDGE_OK);
    }
    same_bits(p, whole, pieces, key);
    free(pieces);
  }
  free(whole);
}

static void a_row_alone_and_in_a_batch_are_the_same_bits(void **state) {
  (void)state;
  static const struct shape batches[] = {{100, 50, 10, 33}, {31, 8, 20, 40}, {9, 0, 3, 16}};
  for (int c = 0; c < CODECS; c++)
    for (int s = 0; s < 3; s++) {
      struct product p = product_of(codecs[c], batches[s]);
      decorate(&p, s + c);
      product_make(&p, (uint64_t)(c * 10 + s));
      each_provider(&p, check_runs);
      product_free(&p);
    }
}

/* Before and after packing. */
static void check_rows(const struct product *p, const ridge_kernel *kernel,
                       const char *key) {
  if ((kernel->flags & RIDGE_KERNEL_READS_ROWS) == 0) return;
  struct product rows = *p;
  rows.as_rows = true;
  float *packed = y_make(p), *plain = y_make(p);
  assert_int_equal(product_run(p, kernel, 2, 0, p->rows, packed, NULL), RIDGE_OK);
  assert_int_equal(product_run(&rows, kernel, 2, 0, p->rows, plain, NULL), RIDGE_OK);
  same_bits(p, packed, plain, key);
  free(packed), free(plain);
}

static void weights_not_packed_yet_give_the_same_bits(void **state) {
  (void)state;
  for (int c = 0; c < CODECS; c++)
    for (int s = 0; s < SHAPES; s++) {
      struct product p = product_of(codecs[c], shapes[s]);
      decorate(&p, s + c);
      product_make(&p, (uint64_t)(c * 100 + s));
      each_provider(&p, check_rows);
      product_free(&p);
    }
}

/* Instruction sets under one key of one part: other instructions, the same numbers. */
static void providers_of_one_key_give_the_same_bits(void **state) {
  (void)state;
  const ridge_plugin *plugin = rig_open("x86");
  for (int c = 0; c < CODECS; c++)
    for (int s = 0; s < SHAPES; s++) {
      struct product p = product_of(codecs[c], shapes[s]);
      float *want = NULL;
      char key[64], what[128];
      snprintf(key, sizeof key, "matmul %s", codecs[c]);
      decorate(&p, s + c);
      product_make(&p, (uint64_t)(c * 100 + s));
      for (uint32_t f = 0; f < plugin->fills.count; f++) {
        const ridge_fill *fill = rig_fill_at(plugin, f);
        if (strcmp(fill->key, key) || !rig_usable(fill)) continue;
        float *got = y_make(&p);
        assert_int_equal(product_run(&p, fill->table, 1, 0, p.rows, got, NULL), RIDGE_OK);
        snprintf(what, sizeof what, "with %s", fill->needs);
        if (want) same_bits(&p, want, got, what);
        free(want);
        want = got;
      }
      free(want);
      product_free(&p);
    }
}

/* ---- numbers that are none ---- */

static void check_poison(const struct product *p, const ridge_kernel *kernel,
                         const char *key) {
  static const float bad[] = {NAN, INFINITY};
  for (int b = 0; b < 2; b++)
    for (int64_t row = 0; row < p->rows; row += p->rows - 1) {
      float *clean = y_make(p), *hurt = y_make(p), *cell = x_row(p, row) + p->k / 2;
      assert_int_equal(product_run(p, kernel, 1, 0, p->rows, clean, NULL), RIDGE_OK);
      const float was = *cell;
      *cell = bad[b];
      assert_int_equal(product_run(p, kernel, 1, 0, p->rows, hurt, NULL), RIDGE_OK);
      *cell = was;
      for (int64_t j = 0; j < p->n; j++) {
        const size_t at = (size_t)row * y_stride(p) / 4 + (size_t)j;
        if (isfinite(hurt[at])) fail_msg("%s lost a %g", key, (double)bad[b]);
        hurt[at] = clean[at];
      }
      same_bits(p, clean, hurt, key);
      free(clean), free(hurt);
    }
}

static void a_nan_or_infinity_stays_in_its_row_and_is_seen(void **state) {
  (void)state;
  static const struct shape batch = {13, 6, 3, 21};
  for (int c = 0; c < CODECS; c++) {
    struct product p = product_of(codecs[c], batch);
    product_make(&p, (uint64_t)c + 77);
    each_provider(&p, check_poison);
    product_free(&p);
  }
}

static void check_weight_poison(const struct product *p, const ridge_kernel *kernel,
                                const char *key) {
  float *y = y_make(p);
  assert_int_equal(product_run(p, kernel, 2, 0, p->rows, y, NULL), RIDGE_OK);
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t j = 0; j < p->n; j++) {
      const bool nan = isnan(y[(size_t)i * y_stride(p) / 4 + (size_t)j]) != 0;
      if (nan != (j == 18)) fail_msg("%s: column %ld of row %ld", key, (long)j, (long)i);
    }
  free(y);
}

/* A block's first f16 or exponent that makes all of it NaN, by codec. */
static void poison_row(const struct product *p, char *row) {
  static const struct {
    const char *codec;
    size_t at;
  } scales[] = {{"q2_k", 80}, {"q3_k", 108}, {"q6_k", 208}};
  size_t at = 0;
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
    if (!strcmp(p->codec->name, scales[i].codec)) at = scales[i].at;
  char *block = row + rig_row_bytes(p->codec, p->k) - p->codec->block_bytes;
  memcpy(block + at, "\xff\xff\xff\xff", p->codec->block == 1 ? p->codec->block_bytes : 2);
}

static void a_nan_weight_stays_in_its_column(void **state) {
  (void)state;
  static const struct shape batch = {9, 4, 3, 21};
  for (int c = 0; c < CODECS; c++) {
    struct product p = product_of(codecs[c], batch);
    product_make(&p, (uint64_t)c + 177);
    poison_row(&p, p.w + 18 * rig_row_bytes(p.codec, p.k));
    each_provider(&p, check_weight_poison);
    product_free(&p);
  }
}

/* Any bytes at all are weights: nothing may crash, and no row may reach another. */
static void check_rubbish(const struct product *p, const ridge_kernel *kernel,
                          const char *key) {
  check_runs(p, kernel, key);
}

static void weights_of_random_bytes_are_only_numbers(void **state) {
  (void)state;
  static const struct shape batch = {21, 4, 3, 37};
  for (int c = 0; c < CODECS; c++) {
    struct product p = product_of(codecs[c], batch);
    product_make(&p, (uint64_t)c + 277);
    struct rig_random random = {(uint64_t)c};
    for (uint64_t i = 0; i < (uint64_t)p.n * rig_row_bytes(p.codec, p.k); i++)
      p.w[i] = (char)(rig_uniform(&random) * 127.0f);
    each_provider(&p, check_rubbish);
    product_free(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_provider_agrees_with_the_portable_kernel),
      cmocka_unit_test(threads_change_no_bit),
      cmocka_unit_test(a_row_alone_and_in_a_batch_are_the_same_bits),
      cmocka_unit_test(weights_not_packed_yet_give_the_same_bits),
      cmocka_unit_test(providers_of_one_key_give_the_same_bits),
      cmocka_unit_test(a_nan_or_infinity_stays_in_its_row_and_is_seen),
      cmocka_unit_test(a_nan_weight_stays_in_its_column),
      cmocka_unit_test(weights_of_random_bytes_are_only_numbers),
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
