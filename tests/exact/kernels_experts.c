/*
 * kernels_experts.c - every provider of "expert_matmul ..." over every codec: against the
 * portable kernel at odd sizes, and bit for bit against itself when the batch, the number
 * of threads or the instruction set change.
 *
 * Rows that go through int8 (a prepared form) are held to the product of the rounded x.
 */
#include "kernels_rig.h"

#include <math.h>

static const ridge_plugin *portable;
static const char *const codecs[] = {"f32",  "f16",    "bf16",   "q8_0",  "q4_0", "q4_1",
                                     "q5_0", "q5_1",   "q2_k",   "q3_k",  "q4_k", "q5_k",
                                     "q6_k", "iq4_nl", "iq4_xs", "mxfp4", "i4g64"};
enum { CODECS = sizeof codecs / sizeof *codecs };

static int open_portable(void **state) {
  (void)state;
  portable = rig_open("portable");
  return 0;
}

/* y(rows, used, n) = x w[expert]^T */
struct mixture {
  const ridge_codec *codec;
  int64_t rows, experts, used, k, n;
  bool own; /* an x for each choice */
  char *w;
  float *x;
  int32_t *chosen; /* (rows, used) */
};

static int64_t x_cols(const struct mixture *m) { return m->own ? m->used * m->k : m->k; }

static struct mixture mixture_make(const char *codec, int64_t rows, int64_t blocks,
                                   int64_t n, bool own, uint64_t seed) {
  struct rig_random random = {seed};
  struct mixture m = {.codec = rig_codec(portable, codec),
                      .rows = rows,
                      .experts = 5,
                      .used = 2,
                      .n = n,
                      .own = own};
  m.k = m.codec->block == 1 ? blocks * 31 + 2
                            : blocks * (m.codec->block < 64 ? 32 : m.codec->block);
  const uint64_t row_bytes = rig_row_bytes(m.codec, m.k);
  m.w = malloc((size_t)(m.experts * n) * row_bytes);
  for (int64_t i = 0; i < m.experts * n; i++)
    rig_weight_row(&random, m.codec, m.w + (uint64_t)i * row_bytes, m.k);
  m.x = malloc((size_t)(rows * x_cols(&m)) * sizeof *m.x);
  rig_fill(&random, m.x, rows * x_cols(&m), 1.0f);
  m.chosen = malloc((size_t)(rows * m.used) * sizeof *m.chosen);
  for (int64_t i = 0; i < rows; i++) {
    /* Expert 3 is never chosen first, and expert 4 by nobody. */
    m.chosen[i * 2] = (int32_t)((i * 7 + 1) % 3);
    m.chosen[i * 2 + 1] = i % 2 ? 3 : (m.chosen[i * 2] + 1) % 3;
  }
  return m;
}

static void mixture_free(struct mixture *m) { free(m->w), free(m->x), free(m->chosen); }

/* Rows [from, to) as one call. */
static void mixture_run(const struct mixture *m, const float *x, const ridge_kernel *kernel,
                        int32_t threads, int64_t from, int64_t to, float *y) {
  const ridge_codec *f32 = rig_codec(portable, "f32");
  const int64_t rows = to - from;
  struct rig_job job;
  rig_job(&job, RIDGE_OP_EXPERT_MATMUL);
  job.node.attrs.experts = m->experts;
  job.node.attrs.used = m->used;
  rig_activation(&job, 0, x + from * x_cols(m), rows, x_cols(m), f32);
  rig_weight(&job, 1, m->w, m->experts * m->n, m->k, m->codec);
  rig_in(&job, 2, m->chosen + from * m->used, rows, m->used, NULL,
         (uint64_t)m->used * sizeof(int32_t));
  rig_out(&job, 0, y + from * m->used * m->n, rows, m->used * m->n);
  job.call.rows = job.batch.rows = rows;
  if (rig_run(&job, kernel, threads) != RIDGE_OK) fail_msg("declined: %s", job.why);
}

static float *y_make(const struct mixture *m) {
  return calloc((size_t)(m->rows * m->used * m->n), sizeof(float));
}

static void same_bits(const struct mixture *m, const float *want, const float *got,
                      const char *what) {
  for (int64_t i = 0; i < m->rows * m->used * m->n; i++)
    if (memcmp(&want[i], &got[i], sizeof *want))
      fail_msg("%s, %s: element %ld is %.9g, was %.9g", m->codec->name, what, (long)i,
               (double)got[i], (double)want[i]);
}

typedef void check_function(const struct mixture *, const ridge_kernel *);

static void each_provider(const struct mixture *m, check_function *check) {
  const ridge_plugin *plugin = rig_open("x86");
  for (uint32_t f = 0; f < plugin->fills.count; f++) {
    const ridge_fill *fill = rig_fill_at(plugin, f);
    if (rig_covers(fill, "expert_matmul", m->codec->name) && rig_usable(fill))
      check(m, fill->table);
  }
}

static void each_mixture(check_function *check) {
  static const struct {
    int64_t rows, blocks, n;
  } shapes[] = {{1, 1, 7}, {3, 3, 33}, {29, 2, 16}, {130, 1, 50}, {1, 1, 1}, {30, 2, 1}};
  enum { SHAPES = sizeof shapes / sizeof *shapes };
  for (int c = 0; c < CODECS; c++)
    for (int s = 0; s < SHAPES; s++) {
      struct mixture m = mixture_make(codecs[c], shapes[s].rows, shapes[s].blocks,
                                      shapes[s].n, (s + c) % 2 == 1, (uint64_t)(c * 9 + s));
      each_provider(&m, check);
      mixture_free(&m);
    }
}

static float *rounded(const struct mixture *m) {
  float *to = malloc((size_t)(m->rows * x_cols(m)) * sizeof *to);
  for (int64_t i = 0; i < m->rows * x_cols(m); i += 32) {
    float top = 0;
    for (int j = 0; j < 32; j++) top = fmaxf(top, fabsf(m->x[i + j]));
    const float scale = top / 127.0f, by = scale > 0 ? 1.0f / scale : 0.0f;
    for (int j = 0; j < 32; j++) to[i + j] = scale * rintf(m->x[i + j] * by);
  }
  return to;
}

static void check_accuracy(const struct mixture *m, const ridge_kernel *kernel) {
  float *want = y_make(m), *got = y_make(m);
  float *x = kernel->prepared_form ? rounded(m) : NULL;
  mixture_run(m, x ? x : m->x,
              rig_find(portable, RIDGE_SEAM_KERNEL, "expert_matmul *")->table, 1, 0,
              m->rows, want);
  mixture_run(m, m->x, kernel, 2, 0, m->rows, got);
  double size = 1;
  for (int64_t i = 0; i < m->rows * m->used * m->n; i++)
    size = fmax(size, fabs((double)want[i]));
  for (int64_t i = 0; i < m->rows * m->used * m->n; i++)
    if (!(fabs((double)want[i] - (double)got[i]) / size <= 1e-6 * sqrt((double)m->k)))
      fail_msg("%s: element %ld is %g, not %g", m->codec->name, (long)i, (double)got[i],
               (double)want[i]);
  free(want), free(got), free(x);
}

static void every_provider_agrees_with_the_portable_kernel(void **state) {
  (void)state;
  each_mixture(check_accuracy);
}

static void check_bits(const struct mixture *m, const ridge_kernel *kernel) {
  static const int32_t threads[] = {2, 3, 5, 7};
  enum { COUNTS = sizeof threads / sizeof *threads };
  static const int64_t steps[] = {1, 4, 50};
  float *want = y_make(m);
  mixture_run(m, m->x, kernel, 1, 0, m->rows, want);
  for (int i = 0; i < COUNTS; i++) {
    float *many = y_make(m);
    mixture_run(m, m->x, kernel, threads[i], 0, m->rows, many);
    same_bits(m, want, many, "threads");
    free(many);
  }
  for (int i = 0; i < 3; i++) {
    float *pieces = y_make(m);
    for (int64_t row = 0; row < m->rows; row += steps[i])
      mixture_run(m, m->x, kernel, 2, row,
                  row + steps[i] < m->rows ? row + steps[i] : m->rows, pieces);
    same_bits(m, want, pieces, "runs of rows");
    free(pieces);
  }
  free(want);
}

static void the_batch_and_the_threads_change_no_bit(void **state) {
  (void)state;
  each_mixture(check_bits);
}

static void check_sets(const struct mixture *m, const ridge_kernel *kernel) {
  static const char key[] = "expert_matmul";
  const ridge_plugin *plugin = rig_open("x86");
  float *want = y_make(m), *got = y_make(m);
  mixture_run(m, m->x, kernel, 1, 0, m->rows, want);
  for (uint32_t f = 0; f < plugin->fills.count; f++) {
    const ridge_fill *fill = rig_fill_at(plugin, f);
    const ridge_kernel *other = fill->table;
    if (!rig_covers(fill, key, m->codec->name) || !rig_usable(fill)) continue;
    if (!other->prepared_form != !kernel->prepared_form) continue; /* "*" is f32 */
    mixture_run(m, m->x, other, 1, 0, m->rows, got);
    same_bits(m, want, got, fill->needs);
  }
  free(want), free(got);
}

static void instruction_sets_give_the_same_bits(void **state) {
  (void)state;
  each_mixture(check_sets);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_provider_agrees_with_the_portable_kernel),
      cmocka_unit_test(the_batch_and_the_threads_change_no_bit),
      cmocka_unit_test(instruction_sets_give_the_same_bits),
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
