/*
 * The roofline of a shape against recomputed figures: Llama-2-7B on an A6000 as the
 * program of arXiv 2402.16363 gives it and corrected, and three small models on a made-up
 * CPU.
 */
#include "testing.h"

#include "graph/roofline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Three digits, as the figures are given: half a unit of the third, and a little. */
static void near3(double got, double wanted) {
  double unit = pow(10, floor(log10(fabs(wanted))) - 2);
  if (fabs(got - wanted) <= 0.55 * unit) return;
  fail_msg("%.6g is not %.6g", got, wanted);
}

static struct roofline_query llama_on_a6000(bool prefill, bool compat) {
  return (struct roofline_query){
      .shape = *roofline_shape_find("llama-2-7b"),
      .device = *roofline_device_find("a6000"),
      .batch = 1,
      .tokens = prefill ? 2048 : 1,
      .context = 2048,
      .weight_bits = 16,
      .activation_bits = 16,
      .cache_bits = 16,
      .compat = compat,
  };
}

static struct roofline_stage step(const struct roofline_query *q) {
  struct roofline_stage stage;
  struct why why;
  assert_int_equal(roofline_step(q, &stage, &why), RIDGE_OK);
  return stage;
}

static const struct roofline_op *op_of(const struct roofline_stage *stage,
                                       const char *name) {
  for (int i = 0; i < stage->n; i++)
    if (strcmp(stage->op[i].name, name) == 0) return &stage->op[i];
  fail_msg("no operator %s", name);
  return NULL;
}

static void every_operator_of_the_paper_comes_back(void **state) {
  (void)state;
  static const struct {
    bool prefill;
    const char *names;
    double ops, bytes, intensity, us;
    bool compute;
  } rows[] = {
      {true, "q k v o", 68.72e9, 67.11e6, 1024, 443.8, true},
      {true, "gate up down", 184.7e9, 152.0e6, 1214.7, 1192.7, true},
      {true, "scores values", 34.36e9, 302.0e6, 113.78, 393.2, false},
      {true, "softmax", 671.1e6, 536.9e6, 1.25, 699.1, false},
      {true, "norm", 58.72e6, 33.55e6, 1.75, 43.7, false},
      {true, "add", 8.389e6, 33.55e6, 0.25, 43.7, false},
      {true, "activation", 16.78e6, 50.33e6, 0.333, 65.5, false},
      {false, "q k v o", 33.55e6, 33.57e6, 0.9995, 43.71, false},
      {false, "gate up down", 90.18e6, 90.21e6, 0.9997, 117.46, false},
      {false, "scores values", 16.78e6, 16.92e6, 0.9918, 22.03, false},
      {false, "softmax", 327.7e3, 262.1e3, 1.25, 0.341, false},
      {false, "head", 131.1e6, 262.2e6, 0.4999, 341.4, false},
      {true, "head", 131.1e6, 262.2e6, 0.4999, 341.4, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct roofline_query q = llama_on_a6000(rows[i].prefill, true);
    struct roofline_stage stage = step(&q);
    char names[32], *rest = names, *name;
    snprintf(names, sizeof names, "%s", rows[i].names);
    while ((name = strsep(&rest, " ")) != NULL) {
      const struct roofline_op *op = op_of(&stage, name);
      near3(op->ops, rows[i].ops);
      near3(op->bytes, rows[i].bytes);
      near3(op->ops / op->bytes, rows[i].intensity);
      near3(op->seconds * 1e6, rows[i].us);
      assert_int_equal(op->compute, rows[i].compute);
    }
  }
}

/* Totals are given to five digits: hold them closer. */
static void near5(double got, double wanted) {
  if (fabs(got - wanted) <= 2e-4 * fabs(wanted)) return;
  fail_msg("%.8g is not %.8g", got, wanted);
}

static void the_totals_of_the_paper_come_back(void **state) {
  (void)state;
  struct roofline_query q = llama_on_a6000(true, true);
  struct roofline_stage prefill = step(&q);
  near5(prefill.ops, 28.751e12);
  near5(prefill.bytes, 65.861e9);
  near5(prefill.seconds, 226.88e-3);
  q.fused = true;
  struct roofline_stage fused = step(&q);
  near5(fused.bytes, 64.251e9);
  near5(fused.seconds, 224.78e-3);
  q = llama_on_a6000(false, true);
  struct roofline_stage decode = step(&q);
  near5(decode.ops, 14.170e9);
  near5(decode.bytes, 14.313e9);
  near5(decode.seconds, 18.637e-3);
  near3(prefill.weights, 12.95e9);
  near3(prefill.cache, 1.074e9);
  near3(prefill.activations, 0.778e9);
  near3(prefill.weights + prefill.cache + prefill.activations, 14.80e9);
}

static void the_corrected_totals_come_back(void **state) {
  (void)state;
  struct roofline_query q = llama_on_a6000(true, false);
  struct roofline_stage prefill = step(&q);
  near5(prefill.ops, 28.752e12);
  near5(prefill.bytes, 69.653e9);
  near3(prefill.weights, 13.48e9);
  q.fused = true;
  struct roofline_stage fused = step(&q);
  near5(fused.bytes, 51.399e9);
  near3(fused.activations, 0.270e9);
  q = llama_on_a6000(false, false);
  struct roofline_stage decode = step(&q);
  near5(decode.ops, 14.301e9);
  near5(decode.bytes, 14.315e9);
}

static void every_width_gives_the_time_it_should(void **state) {
  (void)state;
  static const struct {
    double w, a, kv, compat_prefill, compat_decode, prefill, fused, decode;
  } rows[] = {
      {16, 16, 16, 226.9, 18.64, 231.8, 208.0, 18.64},
      {8, 16, 16, 226.7, 10.03, 231.6, 207.9, 10.04},
      {4, 16, 16, 226.6, 5.733, 231.6, 207.8, 5.735},
      {4, 16, 4, 225.6, 4.683, 230.5, 198.4, 4.686},
      {8, 8, 8, 113.4, 9.319, 115.9, 104.0, 9.320},
      {4, 4, 4, 100.4, 4.659, 101.6, 96.06, 4.660},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int which = 0; which < 5; which++) {
      const double wanted[] = {rows[i].compat_prefill, rows[i].compat_decode,
                               rows[i].prefill, rows[i].fused, rows[i].decode};
      struct roofline_query q = llama_on_a6000(which != 1 && which != 4, which < 2);
      q.weight_bits = rows[i].w;
      q.activation_bits = rows[i].a;
      q.cache_bits = rows[i].kv;
      q.fused = which == 3;
      struct roofline_stage stage = step(&q);
      near3(stage.seconds * 1e3, wanted[which]);
    }
}

static void small_models_on_a_cpu_come_back(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double ops_compat, ops, megabytes[4], ms[4], prefill_compat, prefill, weights;
  } rows[] = {
      {"stories15m",
       23.01e6,
       32.23e6,
       {63.0, 32.4, 17.2, 9.61},
       {3.15, 1.62, 0.860, 0.481},
       38.9,
       39.5,
       60.8},
      {"smollm2-135m",
       259.0e6,
       287.4e6,
       {547, 277, 142, 74.9},
       {27.4, 13.8, 7.10, 3.74},
       611,
       618,
       538},
      {"tinyllama-1.1b",
       2.051e9,
       2.117e9,
       {4152, 2079, 1044, 527},
       {207.7, 104.1, 52.4, 26.5},
       5136,
       5152,
       4400},
  };
  static const double widths[][2] = {{32, 32}, {16, 16}, {8, 16}, {4, 16}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct roofline_query q = {
        .shape = *roofline_shape_find(rows[i].name),
        .device = {"a CPU", 20e9, 100e9, 200e9, 0},
        .batch = 1,
        .tokens = 1,
        .context = 256,
        .cache_bits = 16,
    };
    for (int k = 0; k < 4; k++) {
      q.weight_bits = widths[k][0];
      q.activation_bits = widths[k][1];
      q.compat = true;
      struct roofline_stage stage = step(&q);
      near3(stage.ops, rows[i].ops_compat);
      near3(stage.bytes, rows[i].megabytes[k] * 1e6);
      near3(stage.seconds, rows[i].ms[k] * 1e-3);
      q.compat = false;
      stage = step(&q);
      near3(stage.ops, rows[i].ops);
    }
    q.weight_bits = q.activation_bits = 32;
    q.tokens = 256;
    struct roofline_stage corrected = step(&q);
    near3(corrected.seconds, rows[i].prefill * 1e-3);
    near3(corrected.weights, rows[i].weights * 1e6);
    q.compat = true;
    struct roofline_stage compat = step(&q);
    near3(compat.seconds, rows[i].prefill_compat * 1e-3);
  }
}

static void the_devices_have_the_ridges_they_should(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double ridge;
  } rows[] = {{"v100", 124},     {"a6000", 202},    {"a40", 215}, {"a100-40g", 201},
              {"a100-80g", 153}, {"a800-80g", 153}, {"l40", 209}, {"h100-pcie", 369},
              {"h100-sxm", 322}, {"i9-13900k", 15}};
  size_t n;
  (void)roofline_devices(&n);
  assert_int_equal(n, sizeof rows / sizeof *rows);
  for (size_t i = 0; i < n; i++) {
    const struct roofline_device *d = roofline_device_find(rows[i].name);
    assert_true(fabs(d->flops / d->bandwidth - rows[i].ridge) < 0.7);
  }
}

/* decode bytes = P * wb + 2 * L * B * S * G * e * kb, and what activations add. */
static void decode_bytes_follow_the_closed_form(void **state) {
  (void)state;
  struct roofline_query q = llama_on_a6000(false, false);
  q.batch = 4;
  struct roofline_stage stage = step(&q);
  double weights = 32 * (4 * 4096.0 * 4096 + 3 * 4096.0 * 11008) + 4096 * 32000.0;
  double wanted = weights * 2 + stage.cache;
  assert_true(fabs(stage.cache - 2.0 * 32 * 4 * 2048 * 4096 * 2) < 1);
  assert_true(stage.bytes > wanted && stage.bytes < wanted * 1.01);
}

static void what_cannot_be_is_refused_in_a_sentence(void **state) {
  (void)state;
  struct roofline_stage stage;
  struct why why;
  struct roofline_query q = llama_on_a6000(true, false);
  q.shape.heads = 7;
  assert_int_equal(roofline_step(&q, &stage, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "7 heads"));
  q = llama_on_a6000(true, false);
  q.context = 100;
  assert_int_equal(roofline_step(&q, &stage, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "context of 100"));
  q = llama_on_a6000(true, false);
  q.cache_bits = 0;
  assert_int_equal(roofline_step(&q, &stage, &why), RIDGE_INVALID);
}

static void a_device_without_int8_stops_the_paper_s_program_only(void **state) {
  (void)state;
  struct roofline_stage stage;
  struct why why;
  struct roofline_query q = llama_on_a6000(true, true);
  q.device = *roofline_device_find("i9-13900k");
  q.weight_bits = q.activation_bits = q.cache_bits = 8;
  assert_int_equal(roofline_step(&q, &stage, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "int8"));
  q.compat = false;
  assert_int_equal(roofline_step(&q, &stage, &why), RIDGE_OK);
  assert_true(fabs(stage.peak - 1.38e12) < 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operator_of_the_paper_comes_back),
      cmocka_unit_test(the_totals_of_the_paper_come_back),
      cmocka_unit_test(the_corrected_totals_come_back),
      cmocka_unit_test(every_width_gives_the_time_it_should),
      cmocka_unit_test(small_models_on_a_cpu_come_back),
      cmocka_unit_test(the_devices_have_the_ridges_they_should),
      cmocka_unit_test(decode_bytes_follow_the_closed_form),
      cmocka_unit_test(what_cannot_be_is_refused_in_a_sentence),
      cmocka_unit_test(a_device_without_int8_stops_the_paper_s_program_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
