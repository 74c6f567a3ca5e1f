/*
 * kernels_rows.c - every provider of the operators that work row by row (norms,
 * element-wise functions, rope): against the portable kernel at odd widths, the same
 * bits alone, in a batch, with any number of threads and in place, and NaN kept.
 */
#include "kernels_rig.h"

#include <math.h>

static const ridge_plugin *portable;
static const char *const parts[] = {RIG_PARTS};
enum { PARTS = sizeof parts / sizeof *parts, ROWS = 7 };

static int open_portable(void **state) {
  (void)state;
  portable = rig_open("portable");
  return 0;
}

/* ---- what to run ---- */

enum slot { NONE, LIKE_X, ONE_ROW, ONE_HEAD, TABLE };

struct subject {
  const char *key;
  uint32_t op;
  enum slot slots[4]; /* of the inputs; 0 is like x */
  uint32_t act, flags;
  double scale; /* attrs.scale */
  int outs;
  int64_t heads; /* attrs.heads of a norm: widths that these divide  */
};
static const struct subject subjects[] = {
    {"rmsnorm", RIDGE_OP_RMSNORM, {LIKE_X, ONE_ROW}, 0, 0, 0, 1, 0},
    {"rmsnorm", RIDGE_OP_RMSNORM, {LIKE_X, ONE_ROW}, 0, 0, 0, 1, 3},
    {"rmsnorm", RIDGE_OP_RMSNORM, {LIKE_X, ONE_HEAD}, 0, 0, 0, 1, 3},
    {"layernorm", RIDGE_OP_LAYERNORM, {LIKE_X, ONE_HEAD, ONE_HEAD}, 0, 0, 0, 1, 5},
    {"act", RIDGE_OP_ACT, {LIKE_X}, RIDGE_ACT_SIGMOID, 0, 0, 1, 0},
    {"glu", RIDGE_OP_GLU, {LIKE_X, LIKE_X}, RIDGE_ACT_SIGMOID, 0, 0, 1, 0},
    {"layernorm", RIDGE_OP_LAYERNORM, {LIKE_X, ONE_ROW, ONE_ROW}, 0, 0, 0, 1, 0},
    {"layernorm", RIDGE_OP_LAYERNORM, {LIKE_X, ONE_ROW}, 0, 0, 0, 1, 0},
    {"add_rmsnorm", RIDGE_OP_ADD_RMSNORM, {LIKE_X, LIKE_X, ONE_ROW}, 0, 0, 0, 2, 0},
    {"add_layernorm",
     RIDGE_OP_ADD_LAYERNORM,
     {LIKE_X, LIKE_X, ONE_ROW, ONE_ROW},
     0,
     0,
     0,
     2,
     0},
    {"add", RIDGE_OP_ADD, {LIKE_X, LIKE_X}, 0, 0, 0, 1, 0},
    {"add", RIDGE_OP_ADD, {LIKE_X, ONE_ROW}, 0, 0, 0, 1, 0},
    {"mul", RIDGE_OP_MUL, {LIKE_X, LIKE_X}, 0, 0, 0, 1, 0},
    {"mul", RIDGE_OP_MUL, {LIKE_X, ONE_ROW}, 0, 0, 0, 1, 0},
    {"scale", RIDGE_OP_SCALE, {LIKE_X}, 0, 0, 0.7, 1, 0},
    {"softcap", RIDGE_OP_SOFTCAP, {LIKE_X}, 0, 0, 2.5, 1, 0},
    {"act", RIDGE_OP_ACT, {LIKE_X}, RIDGE_ACT_SILU, 0, 0, 1, 0},
    {"act", RIDGE_OP_ACT, {LIKE_X}, RIDGE_ACT_GELU, 0, 0, 1, 0},
    {"act", RIDGE_OP_ACT, {LIKE_X}, RIDGE_ACT_GELU_TANH, 0, 0, 1, 0},
    {"act", RIDGE_OP_ACT, {LIKE_X}, RIDGE_ACT_RELU, 0, 0, 1, 0},
    {"glu", RIDGE_OP_GLU, {LIKE_X, LIKE_X}, RIDGE_ACT_SILU, 0, 0, 1, 0},
    {"glu", RIDGE_OP_GLU, {LIKE_X, LIKE_X}, RIDGE_ACT_GELU_TANH, 0, 0, 1, 0},
    {"rope", RIDGE_OP_ROPE, {LIKE_X, TABLE}, 0, 0, 0, 1, 0},
    {"rope", RIDGE_OP_ROPE, {LIKE_X, TABLE}, 0, RIDGE_ROPE_NEOX, 0, 1, 0},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

/* Widths of a row; for rope three heads of a third, all but two of it turned. */
static const int64_t widths[] = {1,   7,    8,  9,  31, 32, 33, 100,
                                 515, 1030, 12, 48, 60, 96, 300};

struct run {
  const struct subject *subject;
  int64_t n, dims;
  float *in[4]; /* (ROWS, n), (n) or (ROWS, dims) */
  uint64_t gap; /* bytes between rows of x and y  */
};

static uint64_t stride(const struct run *r) { return (uint64_t)r->n * 4 + r->gap; }
static size_t block(const struct run *r) { return ROWS * stride(r); }

static bool run_make(struct run *r, const struct subject *subject, int64_t n) {
  const bool rope = subject->op == RIDGE_OP_ROPE;
  struct rig_random random = {(uint64_t)n};
  if (rope && (n % 6 || n < 12)) return false;
  if (subject->heads > 0 && n % subject->heads) return false;
  *r = (struct run){.subject = subject, .n = n, .gap = n % 2 ? 12 : 0};
  r->dims = rope ? n / 3 - (n / 3 > 4 ? 2 : 0) : 0;
  for (int i = 0; i < 4; i++) {
    r->in[i] = malloc(block(r) + 64);
    rig_fill(&random, r->in[i], (int64_t)(block(r) / 4), 2.0f);
  }
  return true;
}

static void run_free(struct run *r) {
  for (int i = 0; i < 4; i++) free(r->in[i]);
}

/* Rows [from, to) to the same rows of out; in place when out[0] is in[0]. */
static void run_rows(const struct run *r, const ridge_kernel *kernel, int32_t threads,
                     int64_t from, int64_t to, float *const out[2]) {
  const ridge_codec *f32 = rig_codec(portable, "f32");
  const struct subject *s = r->subject;
  struct rig_job job;
  rig_job(&job, s->op);
  job.node.attrs.eps = 1e-5;
  job.node.attrs.scale = s->scale;
  job.node.attrs.act = s->act;
  job.node.attrs.flags = s->flags;
  if (s->op == RIDGE_OP_ROPE) {
    job.node.attrs.heads = 3;
    job.node.attrs.head_dim = r->n / 3;
  }
  job.node.attrs.dims = r->dims;
  if (s->heads > 0) {
    job.node.attrs.heads = s->heads;
    job.node.attrs.head_dim = r->n / s->heads;
  }
  for (uint32_t i = 0; i < 4 && s->slots[i]; i++) {
    if (s->slots[i] == ONE_ROW) {
      rig_weight(&job, i, r->in[i], 1, r->n, f32);
      continue;
    }
    if (s->slots[i] == ONE_HEAD) {
      rig_weight(&job, i, r->in[i], 1, r->n / s->heads, f32);
      continue;
    }
    const int64_t cols = s->slots[i] == TABLE ? r->dims : r->n;
    const char *rows = (const char *)r->in[i] + (uint64_t)from * stride(r);
    rig_in(&job, i, rows, to - from, cols, f32, stride(r));
    job.site.in_dims[i][0] = RIDGE_DIM_TOKENS;
  }
  for (uint32_t i = 0; i < (uint32_t)s->outs; i++) {
    rig_out(&job, i, (float *)(void *)((char *)out[i] + (uint64_t)from * stride(r)),
            to - from, r->n);
    job.call.out[i].stride = stride(r);
  }
  job.call.rows = job.batch.rows = to - from;
  if (rig_run(&job, kernel, threads) != RIDGE_OK)
    fail_msg("%s declined: %s", s->key, job.why);
}

struct outs {
  float *y[2];
};

static struct outs outs_make(const struct run *r) {
  return (struct outs){{calloc(1, block(r)), calloc(1, block(r))}};
}
static void outs_free(struct outs o) { free(o.y[0]), free(o.y[1]); }

static void compare(const struct run *r, struct outs want, struct outs got, double within,
                    const char *what) {
  for (int i = 0; i < r->subject->outs; i++)
    for (size_t j = 0; j < block(r) / 4; j++) {
      const float a = want.y[i][j], b = got.y[i][j];
      if (isnan(a) && isnan(b)) continue;
      const double error = fabs((double)a - (double)b) / (1 + fabs((double)a));
      if (!(error <= within) && a != b)
        fail_msg("%s, act %u, width %ld, %s: out %d element %zu is %.9g, was %.9g",
                 r->subject->key, r->subject->act, (long)r->n, what, i, j, (double)b,
                 (double)a);
    }
}

typedef void check_function(struct run *, const ridge_kernel *, const char *part);

/* Every form that a part has of the subject's kernel and this machine can run. */
static void each_form(const ridge_plugin *plugin, struct run *r, check_function *check,
                      const char *part) {
  for (uint32_t i = 0; i < plugin->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(plugin, i);
    if (strcmp(fill->key, r->subject->key) == 0 && rig_usable(fill))
      check(r, fill->table, part);
  }
}

static void each_run(check_function *check) {
  for (int s = 0; s < SUBJECTS; s++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
      struct run r;
      if (!run_make(&r, &subjects[s], widths[w])) continue;
      for (int i = 0; i < PARTS; i++) each_form(rig_open(parts[i]), &r, check, parts[i]);
      run_free(&r);
    }
}

/* ---- promises ---- */

static const ridge_kernel *reference(const struct run *r) {
  return rig_find(portable, RIDGE_SEAM_KERNEL, r->subject->key)->table;
}

static void check_accuracy(struct run *r, const ridge_kernel *kernel, const char *part) {
  struct outs want = outs_make(r), got = outs_make(r);
  run_rows(r, reference(r), 1, 0, ROWS, want.y);
  run_rows(r, kernel, 2, 0, ROWS, got.y);
  compare(r, want, got, 2e-6, part);
  outs_free(want), outs_free(got);
}

static void every_provider_agrees_with_the_portable_kernel(void **state) {
  (void)state;
  each_run(check_accuracy);
}

static void check_bits(struct run *r, const ridge_kernel *kernel, const char *part) {
  struct outs want = outs_make(r), alone = outs_make(r);
  run_rows(r, kernel, 1, 0, ROWS, want.y);
  for (int64_t row = 0; row < ROWS; row++) run_rows(r, kernel, 1, row, row + 1, alone.y);
  compare(r, want, alone, 0, part);
  static const int32_t counts[] = {3, 7, 9}; /* the last: more than rows */
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    struct outs many = outs_make(r);
    run_rows(r, kernel, counts[i], 0, ROWS, many.y);
    compare(r, want, many, 0, part);
    outs_free(many);
  }
  outs_free(want), outs_free(alone);
}

static void the_batch_and_the_threads_change_no_bit(void **state) {
  (void)state;
  each_run(check_bits);
}

static void check_in_place(struct run *r, const ridge_kernel *kernel, const char *part) {
  struct outs want = outs_make(r), other = outs_make(r);
  run_rows(r, kernel, 1, 0, ROWS, want.y);
  float *kept = malloc(block(r));
  memcpy(kept, r->in[0], block(r));
  run_rows(r, kernel, 2, 0, ROWS, (float *const[2]){r->in[0], other.y[1]});
  for (int64_t row = 0; row < ROWS; row++)
    memcpy((char *)other.y[0] + (uint64_t)row * stride(r),
           (char *)r->in[0] + (uint64_t)row * stride(r), (size_t)r->n * 4);
  compare(r, want, other, 0, part);
  memcpy(r->in[0], kept, block(r));
  free(kept);
  outs_free(want), outs_free(other);
}

static void results_in_place_are_the_same_bits(void **state) {
  (void)state;
  each_run(check_in_place);
}

/* A NaN, infinities and very large numbers in row 3: as the portable kernel has it. */
static void check_odd_numbers(struct run *r, const ridge_kernel *kernel, const char *part) {
  static const float odd[] = {NAN,     INFINITY, -INFINITY, 100.0f,
                              -100.0f, 1e30f,    -1e30f,    -0.0f};
  for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
    float *cell = (float *)(void *)((char *)r->in[0] + 3 * stride(r)) + r->n / 2;
    const float was = *cell;
    struct outs want = outs_make(r), got = outs_make(r);
    *cell = odd[k];
    run_rows(r, reference(r), 1, 0, ROWS, want.y);
    run_rows(r, kernel, 1, 0, ROWS, got.y);
    *cell = was;
    compare(r, want, got, 2e-6, part);
    if (k == 0 && !strcmp(r->subject->key, "act"))
      assert_true(isnan(got.y[0][3 * stride(r) / 4 + (uint64_t)(r->n / 2)]));
    outs_free(want), outs_free(got);
  }
}

static void odd_numbers_come_out_as_the_portable_kernel_has_them(void **state) {
  (void)state;
  each_run(check_odd_numbers);
}

static struct outs first_form;
static void check_form(struct run *r, const ridge_kernel *kernel, const char *part) {
  struct outs got = outs_make(r);
  run_rows(r, kernel, 1, 0, ROWS, got.y);
  if (first_form.y[0] == NULL) {
    first_form = got;
    return;
  }
  compare(r, first_form, got, 0, part);
  outs_free(got);
}

static void the_forms_of_a_part_give_the_same_bits(void **state) {
  (void)state;
  for (int s = 0; s < SUBJECTS; s++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
      for (int i = 0; i < PARTS; i++) {
        struct run r;
        if (!run_make(&r, &subjects[s], widths[w])) continue;
        each_form(rig_open(parts[i]), &r, check_form, parts[i]);
        run_free(&r);
        outs_free(first_form);
        first_form = (struct outs){{NULL, NULL}};
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_provider_agrees_with_the_portable_kernel),
      cmocka_unit_test(the_batch_and_the_threads_change_no_bit),
      cmocka_unit_test(the_forms_of_a_part_give_the_same_bits),
      cmocka_unit_test(results_in_place_are_the_same_bits),
      cmocka_unit_test(odd_numbers_come_out_as_the_portable_kernel_has_them),
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
