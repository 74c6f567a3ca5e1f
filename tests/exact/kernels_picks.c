/*
 * kernels_picks.c - every provider of embed, rope_table, route and weighted_sum: against
 * the portable kernel at odd sizes, the same bits alone, in a batch, with any number of
 * threads and instruction set, and ties and NaN as the portable kernel has them.
 */
#include "kernels_rig.h"

#include <math.h>

enum { ROWS = 9, WIDEST = 1030 };
static const ridge_plugin *portable;

static int open_portable(void **state) {
  (void)state;
  portable = rig_open("portable");
  return 0;
}

/* One operator at one size: builds the job for rows [from, to). */
struct subject {
  const char *key;
  uint32_t op;
  int64_t n;         /* columns of the output, experts, pairs of dimensions */
  int64_t used;      /* experts chosen                                      */
  const char *codec; /* of a table                                          */
  ridge_attrs attrs;
  float *x;       /* (ROWS, n) or (ROWS, used n)                         */
  float *weights; /* (ROWS, used), or rope factors                       */
  char *table;    /* (64, n) in codec                                    */
  int32_t ids[ROWS];
};

struct result {
  float y[ROWS * WIDEST];
  float z[ROWS * 64];
};

static void run(const struct subject *s, const ridge_kernel *kernel, int32_t threads,
                int64_t from, int64_t to, struct result *out) {
  const ridge_codec *f32 = rig_codec(portable, "f32");
  struct rig_job job;
  rig_job(&job, s->op);
  job.node.attrs = s->attrs;
  float *y = out->y + from * s->n;
  int64_t cols = s->n;
  switch (s->op) {
  case RIDGE_OP_EMBED:
    rig_weight(&job, 0, s->table, 64, s->n, rig_codec(portable, s->codec));
    rig_in(&job, 1, s->ids + from, to - from, 1, NULL, sizeof(int32_t));
    break;
  case RIDGE_OP_ROPE_TABLE:
    rig_in(&job, 0, s->ids + from, to - from, 1, NULL, sizeof(int32_t));
    if (s->weights) rig_weight(&job, 1, s->weights, 1, s->n / 2, f32);
    break;
  case RIDGE_OP_ROUTE:
    rig_activation(&job, 0, s->x + from * s->n, to - from, s->n, f32);
    rig_out(&job, 1, out->z + from * s->used, to - from, s->used);
    cols = s->used;
    y = out->y + from * s->used;
    break;
  default:
    rig_activation(&job, 0, s->x + from * s->n * s->used, to - from, s->n * s->used, f32);
    rig_activation(&job, 1, s->weights + from * s->used, to - from, s->used, f32);
  }
  rig_out(&job, 0, y, to - from, cols);
  job.call.rows = job.batch.rows = to - from;
  if (rig_run(&job, kernel, threads) != RIDGE_OK) fail_msg("%s: %s", s->key, job.why);
}

static const ridge_kernel *reference(const struct subject *s) {
  return rig_find(portable, RIDGE_SEAM_KERNEL, s->key)->table;
}

static void same(const struct subject *s, const struct result *want,
                 const struct result *got, double within, const char *what) {
  const float *a = (const float *)(const void *)want, *b = (const float *)(const void *)got;
  for (size_t i = 0; i < sizeof *want / sizeof(float); i++) {
    if (isnan(a[i]) && isnan(b[i])) continue;
    if (memcmp(&a[i], &b[i], sizeof *a) == 0) continue;
    const double error = fabs((double)a[i] - (double)b[i]) / (1 + fabs((double)a[i]));
    if (!(error <= within))
      fail_msg("%s, %ld of %s, %s: number %zu is %.9g, was %.9g", s->key, (long)s->n,
               s->codec ? s->codec : "f32", what, i, (double)b[i], (double)a[i]);
  }
}

/* Each form against the portable kernel, the first form, itself cut otherwise. */
static void check(const struct subject *s) {
  static struct result want, first, got;
  bool is_first = true;
  memset(&want, 0, sizeof want);
  run(s, reference(s), 1, 0, ROWS, &want);
  static const char *const parts[] = {RIG_PARTS};
  for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
    const ridge_plugin *plugin = rig_open(parts[p]);
    if (plugin == portable) continue;
    for (uint32_t i = 0; i < plugin->fills.count; i++) {
      const ridge_fill *fill = rig_fill_at(plugin, i);
      if (strcmp(fill->key, s->key) != 0 || !rig_usable(fill)) continue;
      memset(&got, 0, sizeof got);
      run(s, fill->table, 3, 0, ROWS, &got);
      same(s, &want, &got, s->op == RIDGE_OP_EMBED ? 0 : 1e-6, parts[p]);
      if (is_first) first = got;
      is_first = false;
      same(s, &first, &got, 0, "another form");
      memset(&got, 0, sizeof got);
      for (int64_t row = 0; row < ROWS; row++) run(s, fill->table, 1, row, row + 1, &got);
      same(s, &first, &got, 0, "row by row");
    }
  }
}

/* ---- embed ---- */

static void every_codec_of_a_table_is_decoded_to_its_own_bits(void **state) {
  (void)state;
  static const char *const codecs[] = {"f32",  "f16",  "bf16", "q8_0",   "q4_0",
                                       "q5_1", "q4_k", "q6_k", "iq4_nl", "mxfp4"};
  for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++) {
    const ridge_codec *codec = rig_codec(portable, codecs[c]);
    for (int64_t n = 1; n < 600; n = n * 3 + 1) {
      struct subject s = {.key = "embed *", .op = RIDGE_OP_EMBED, .codec = codecs[c]};
      s.n = codec->block > 1 ? (n / codec->block + 1) * codec->block : n;
      struct rig_random random = {(uint64_t)n};
      const uint64_t row = rig_row_bytes(codec, s.n);
      s.table = rig_memory(64 * row);
      for (int64_t i = 0; i < 64; i++)
        rig_weight_row(&random, codec, s.table + (uint64_t)i * row, s.n);
      for (int i = 0; i < ROWS; i++) s.ids[i] = i * 7;
      s.ids[4] = 64; /* outside: a row of NaN */
      s.ids[6] = -1;
      check(&s);
      free(s.table);
    }
  }
}

/* ---- rope_table ---- */

static void angles_are_right_at_the_end_of_a_million_positions(void **state) {
  (void)state;
  static const ridge_attrs kinds[] = {
      {.base = 1e4, .freq_scale = 1},
      {.base = 1e6, .freq_scale = 0.125, .amplitude = 1.19},
      {.base = 5e5, .freq_scale = 0.25, .blend_from = 3, .blend_to = 9, .amplitude = 1.1},
      {.base = 1e4, .freq_scale = 0.5, .blend_from = 2, .blend_to = 2},
  };
  static const int64_t dims[] = {2, 6, 32, 80, 128, 256};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
      for (int factors = 0; factors < 2; factors++) {
        struct subject s = {.key = "rope_table",
                            .op = RIDGE_OP_ROPE_TABLE,
                            .n = dims[d],
                            .attrs = kinds[k],
                            .ids = {0, 1, 2, 511, 4095, 32767, 131071, 999999, 7}};
        float factor[128];
        for (int i = 0; i < 128; i++) factor[i] = 1 + 0.25f * (float)i;
        s.attrs.dims = dims[d];
        s.weights = factors ? factor : NULL;
        check(&s);
      }
}

/* ---- experts ---- */

static struct subject route_of(int64_t experts, int64_t used, uint32_t flags, float *x) {
  return (struct subject){.key = "route",
                          .op = RIDGE_OP_ROUTE,
                          .n = experts,
                          .used = used,
                          .x = x,
                          .attrs = {.experts = experts, .used = used, .flags = flags}};
}

static void the_experts_chosen_are_those_of_the_portable_kernel(void **state) {
  (void)state;
  static const int64_t sizes[][2] = {{1, 1},  {2, 2},   {8, 2},  {16, 4},
                                     {60, 4}, {128, 8}, {17, 17}};
  static float x[ROWS * 128];
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct rig_random random = {i};
    rig_fill(&random, x, ROWS * 128, 3.0f);
    const int64_t n = sizes[i][0];
    struct subject s = route_of(n, sizes[i][1], i % 2 ? RIDGE_ROUTE_NORM : 0, x);
    check(&s);
    for (int64_t e = 0; e < n; e++) x[n + e] = 1;     /* all alike */
    x[2 * n + n / 2] = NAN, x[3 * n + n - 1] = 1e30f; /* and odd ones */
    x[4 * n] = -INFINITY;
    check(&s);
  }
}

static void what_experts_gave_is_added_by_weight(void **state) {
  (void)state;
  static const int64_t widths[] = {1, 15, 16, 33, 255, 256, 257, 1030};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
    for (int64_t used = 1; used < 9; used += 3) {
      struct subject s = {
          .key = "weighted_sum", .op = RIDGE_OP_WEIGHTED_SUM, .n = widths[i], .used = used};
      struct rig_random random = {i};
      s.x = rig_memory((size_t)(ROWS * s.n * used) * sizeof *s.x);
      s.weights = rig_memory((size_t)(ROWS * used) * sizeof *s.weights);
      rig_fill(&random, s.x, ROWS * s.n * used, 1.0f);
      rig_fill(&random, s.weights, ROWS * used, 1.0f);
      check(&s);
      free(s.x), free(s.weights);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_codec_of_a_table_is_decoded_to_its_own_bits),
      cmocka_unit_test(angles_are_right_at_the_end_of_a_million_positions),
      cmocka_unit_test(the_experts_chosen_are_those_of_the_portable_kernel),
      cmocka_unit_test(what_experts_gave_is_added_by_weight),
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
