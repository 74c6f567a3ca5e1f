/*
 * codecs.c - the reference codecs: known bytes (tests/data/kernels/codecs.json, made
 * by an independent program), how far a round trip may move a number, and what happens
 * to values that no code stands for.
 */
#include "kernels_rig.h"

#include <jansson.h>
#include <math.h>

static const ridge_plugin *portable;

static int open_portable(void **state) {
  (void)state;
  portable = rig_open("portable");
  return 0;
}

/* Call `body` with every codec of the part. */
static void each_codec(void (*body)(const ridge_codec *)) {
  int codecs = 0;
  for (uint32_t i = 0; i < portable->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(portable, i);
    if (strcmp(fill->seam, RIDGE_SEAM_CODEC)) continue;
    assert_string_equal(((const ridge_codec *)fill->table)->name, fill->key);
    body(fill->table);
    codecs++;
  }
  assert_true(codecs >= 24);
}

/* ---- known vectors ---- */

static size_t unhex(const char *hex, unsigned char *out) {
  size_t n = 0;
  for (; hex[0] && hex[1]; hex += 2, n++) {
    unsigned byte = 0;
    sscanf(hex, "%2x", &byte);
    out[n] = (unsigned char)byte;
  }
  return n;
}

static int64_t numbers(json_t *array, float *out) {
  json_t *value;
  size_t i;
  json_array_foreach(array, i, value) out[i] = (float)json_number_value(value);
  return (int64_t)json_array_size(array);
}

static void codecs_give_the_bytes_and_numbers_of_their_definition(void **state) {
  (void)state;
  char *path = testing_source("tests/data/kernels/codecs.json");
  json_error_t error;
  json_t *cases = json_load_file(path, 0, &error), *json;
  size_t c;
  if (!cases) fail_msg("%s: %s", path, error.text);
  json_array_foreach(cases, c, json) {
    const ridge_codec *codec =
        rig_codec(portable, json_string_value(json_object_get(json, "codec")));
    float values[512], want[512], got[512];
    unsigned char bytes[2048], made[2048];
    const size_t size = unhex(json_string_value(json_object_get(json, "bytes")), bytes);
    const int64_t n = numbers(json_object_get(json, "decoded"), want);
    assert_int_equal(size, rig_row_bytes(codec, n));
    codec->decode(bytes, got, n);
    for (int64_t i = 0; i < n; i++)
      if (memcmp(&got[i], &want[i], sizeof *got) && got[i] != want[i])
        fail_msg("%s: element %ld decodes to %.9g, wanted %.9g", codec->name, (long)i,
                 (double)got[i], (double)want[i]);
    if (!json_object_get(json, "values")) continue; /* its encoder searches: below */
    assert_int_equal(numbers(json_object_get(json, "values"), values), n);
    codec->encode(values, made, n);
    for (size_t i = 0; i < size; i++)
      if (made[i] != bytes[i])
        fail_msg("%s: byte %zu is %02x, wanted %02x", codec->name, i, made[i], bytes[i]);
  }
  json_decref(cases);
  free(path);
}

/* ---- halves, all of them ---- */

static void every_half_survives_a_round_trip(void **state) {
  (void)state;
  static const char *const names[] = {"f16", "bf16"};
  for (int k = 0; k < 2; k++) {
    const ridge_codec *codec = rig_codec(portable, names[k]);
    for (uint32_t u = 0; u < 65536; u++) {
      const uint16_t h = (uint16_t)u;
      uint16_t back;
      float x;
      codec->decode(&h, &x, 1);
      codec->encode(&x, &back, 1);
      if (isnan(x)) {
        float again;
        codec->decode(&back, &again, 1);
        assert_true(isnan(again));
      } else {
        assert_int_equal(back, h);
      }
    }
  }
}

static void halves_round_to_the_nearest_and_ties_to_even(void **state) {
  (void)state;
  static const struct {
    float x;
    uint16_t f16;
  } known[] = {
      {1.0f, 0x3c00},         {1.0f + 0x1p-11f, 0x3c00}, {1.0f + 0x1.8p-10f, 0x3c02},
      {65504.0f, 0x7bff},     {65519.0f, 0x7bff},        {65520.0f, 0x7c00},
      {0x1p-24f, 0x0001},     {0x1p-25f, 0x0000},        {0x1.8p-25f, 0x0001},
      {0x1.ffcp-15f, 0x0400}, {-0x1p-14f, 0x8400},       {-0.0f, 0x8000},
      {INFINITY, 0x7c00},     {-INFINITY, 0xfc00},       {1e-30f, 0x0000},
      {3.4e38f, 0x7c00},
  };
  const ridge_codec *f16 = rig_codec(portable, "f16");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint16_t h;
    f16->encode(&known[i].x, &h, 1);
    if (h != known[i].f16)
      fail_msg("%a gives %04x, wanted %04x", (double)known[i].x, h, known[i].f16);
  }
}

/* ---- round trips ---- */

/* Half a step of each codec, relative to the largest magnitude of its block.  Those
 * that search may clip an outlier for the sake of the rest: twice that for them. */
static double step_of(const ridge_codec *codec) {
  static const struct {
    const char *prefix;
    double half_step;
  } steps[] = {{"f32", 0},          {"f16", 0x1p-11},   {"bf16", 0x1p-8},
               {"q8_0", 0.5 / 127}, {"i8", 0.5 / 127},  {"q4_0", 1.0 / 8},
               {"i4", 1.0 / 8},     {"q4_1", 1.0 / 15}, {"q5_0", 1.0 / 16},
               {"q5_1", 1.0 / 31},  {"q2_k", 2.0 / 3},  {"q3_k", 2.0 / 7},
               {"q4_k", 2.0 / 15},  {"q5_k", 2.0 / 31}, {"q6_k", 2.0 / 63},
               {"iq4", 2.0 / 9},    {"mxfp4", 2.0 / 6}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (!strncmp(codec->name, steps[i].prefix, strlen(steps[i].prefix)))
      return steps[i].half_step;
  fail_msg("no step known of %s", codec->name);
  return 0;
}

static void round_trip(const ridge_codec *codec) {
  enum { N = 1024 };
  float x[N], y[N];
  char bytes[4 * N + 1];
  if (!codec->encode) return;
  struct rig_random random = {42};
  rig_fill(&random, x, N, 1.0f);
  /* Unaligned on purpose. */
  codec->encode(x, bytes + 1, N);
  codec->decode(bytes + 1, y, N);
  for (int64_t at = 0; at < N; at += codec->block) {
    double top = 0;
    for (int64_t i = 0; i < codec->block; i++) top = fmax(top, fabs((double)x[at + i]));
    for (int64_t i = 0; i < codec->block; i++) {
      const double error = fabs((double)x[at + i] - (double)y[at + i]);
      if (!(error <= top * (step_of(codec) * 1.01 + 0x1p-11)) ||
          (step_of(codec) == 0 && error > 0))
        fail_msg("%s moved %g to %g in a block up to %g", codec->name, (double)x[at + i],
                 (double)y[at + i], top);
    }
  }
}

static void a_round_trip_moves_a_value_by_half_a_step_at_most(void **state) {
  (void)state;
  each_codec(round_trip);
}

static double distance(const float *a, const float *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += pow((double)a[i] - (double)b[i], 2);
  return sqrt(sum / (double)n);
}

static void stable(const ridge_codec *codec) {
  enum { N = 512 };
  float first[N], x[N], y[N];
  char once[4 * N], twice[4 * N];
  struct rig_random random = {7};
  rig_fill(&random, x, N, 0.02f);
  memcpy(first, x, sizeof first);
  codec->encode(x, once, N);
  codec->decode(once, y, N);
  codec->encode(y, twice, N);
  codec->decode(twice, x, N);
  if (codec->encode_weighted) { /* a search may end in another way to say the same */
    const double moved = distance(x, y, N), lost = distance(first, y, N);
    if (!(moved <= 0.25 * lost))
      fail_msg("%s: a trip moves by %g, a second by %g", codec->name, lost, moved);
    return;
  }
  /* A second trip may move the scale by its last bit, not a value by a step. */
  for (int i = 0; i < N; i++)
    if (fabs((double)(x[i] - y[i])) > 0.06 * 0x1p-9)
      fail_msg("%s: a second trip moves %g to %g", codec->name, (double)y[i], (double)x[i]);
}

static void a_second_round_trip_moves_nothing_further(void **state) {
  (void)state;
  each_codec(stable);
}

/* ---- what no code stands for ---- */

static void poisoned(const ridge_codec *codec) {
  enum { N = 512 };
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  if (!codec->encode) return;
  for (int k = 0; k < 3; k++) {
    float x[N], y[N];
    char bytes[4 * N];
    for (int i = 0; i < N; i++) x[i] = (float)(i % 13) - 6.0f;
    x[300] = bad[k];
    codec->encode(x, bytes, N);
    codec->decode(bytes, y, N);
    assert_true(!isfinite(y[300]));
    if (isnan(bad[k])) assert_true(isnan(y[300]));
    for (int i = 0; i < 256; i++)
      assert_true(isfinite(y[i])); /* other blocks do not suffer */
  }
}

static void a_value_that_is_not_finite_is_seen_after_a_round_trip(void **state) {
  (void)state;
  each_codec(poisoned);
}

static void extreme(const ridge_codec *codec) {
  enum { N = 256 };
  static const float scales[] = {0.0f, -0.0f, 1e-45f, 1e-40f, 1e-38f, 1e-8f, 1e30f, 3e38f};
  if (!codec->encode) return;
  for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
    float x[N], y[N];
    char bytes[4 * N];
    for (int i = 0; i < N; i++) x[i] = i % 3 ? scales[k] : -scales[k];
    codec->encode(x, bytes, N);
    codec->decode(bytes, y, N);
    if (scales[k] < 1e-37f) /* too small for an f16 scale: zero, not rubbish */
      for (int i = 0; i < N; i++) assert_true(fabsf(y[i]) <= 1e-37f);
  }
}

static void tiny_and_huge_values_stay_defined(void **state) {
  (void)state;
  each_codec(extreme);
}

/* ---- searches ---- */

enum { SEARCHED = 65536 };

/* About normal numbers; squared with their sign, they have the tails of a trained
 * model's weights. */
static float *weights_new(bool heavy) {
  struct rig_random random = {99};
  float *x = test_malloc(SEARCHED * sizeof *x);
  rig_fill(&random, x, SEARCHED, 0.02f);
  for (int i = 0; heavy && i < SEARCHED; i++) x[i] *= fabsf(x[i]) * 50.0f;
  return x;
}

static double relative_error(const ridge_codec *codec, const float *x) {
  float *y = test_malloc(SEARCHED * sizeof *y);
  char *bytes = test_malloc(rig_row_bytes(codec, SEARCHED));
  codec->encode(x, bytes, SEARCHED);
  codec->decode(bytes, y, SEARCHED);
  float *zeros = test_calloc(SEARCHED, sizeof *zeros);
  const double error = distance(x, y, SEARCHED) / distance(x, zeros, SEARCHED);
  test_free(zeros);
  test_free(bytes);
  test_free(y);
  return error;
}

static void a_search_loses_no_more_than_the_usual_quantizer(void **state) {
  (void)state;
  /* Root mean square error of llama.cpp's quantizers on the same numbers, relative to
   * their own: about normal ones, and with heavy tails. */
  static const struct {
    const char *name;
    double normal, heavy;
  } usual[] = {{"q2_k", 0.28432, 0.37159},   {"q3_k", 0.14495, 0.16660},
               {"q4_k", 0.06824, 0.08736},   {"q5_k", 0.03432, 0.04501},
               {"q6_k", 0.01677, 0.02204},   {"iq4_nl", 0.07302, 0.08590},
               {"iq4_xs", 0.07358, 0.08651}, {"mxfp4", 0.10918, 0.12941}};
  for (int heavy = 0; heavy < 2; heavy++) {
    float *x = weights_new(heavy);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
      const double error = relative_error(rig_codec(portable, usual[i].name), x);
      const double most = heavy ? usual[i].heavy : usual[i].normal;
      if (!(error <= most && error > 0.8 * most))
        fail_msg("%s loses %.5f, the usual quantizer %.5f", usual[i].name, error, most);
    }
    test_free(x);
  }
}

static double weighted_error(const float *x, const float *y, const float *importance) {
  double sum = 0;
  for (int i = 0; i < SEARCHED; i++)
    sum += (double)importance[i] * pow((double)x[i] - (double)y[i], 2);
  return sum;
}

static void importance_is_heeded(void **state) {
  (void)state;
  float *x = weights_new(false), *y = test_malloc(SEARCHED * sizeof *y);
  float *importance = test_malloc(SEARCHED * sizeof *importance);
  for (int i = 0; i < SEARCHED; i++) importance[i] = i % 5 == 0 ? 50.0f : 0.5f;
  for (uint32_t i = 0; i < portable->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(portable, i);
    const ridge_codec *codec = fill->table;
    if (strcmp(fill->seam, RIDGE_SEAM_CODEC) || !codec->encode_weighted) continue;
    char *bytes = test_malloc(rig_row_bytes(codec, SEARCHED));
    codec->encode(x, bytes, SEARCHED);
    codec->decode(bytes, y, SEARCHED);
    const double without = weighted_error(x, y, importance);
    codec->encode_weighted(x, importance, bytes, SEARCHED);
    codec->decode(bytes, y, SEARCHED);
    const double with = weighted_error(x, y, importance);
    if (!(with < 0.995 * without))
      fail_msg("%s: importance brings the error from %g to %g only", codec->name, without,
               with);
    test_free(bytes);
  }
  test_free(importance);
  test_free(y);
  test_free(x);
}

static void nothing_of_importance_is_still_defined(void **state) {
  (void)state;
  float x[256], y[256], importance[256] = {0};
  char bytes[1024];
  struct rig_random random = {5};
  rig_fill(&random, x, 256, 1.0f);
  for (uint32_t i = 0; i < portable->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(portable, i);
    const ridge_codec *codec = fill->table;
    if (strcmp(fill->seam, RIDGE_SEAM_CODEC) || !codec->encode_weighted) continue;
    codec->encode_weighted(x, importance, bytes, 256);
    codec->decode(bytes, y, 256);
    for (int k = 0; k < 256; k++) assert_true(isfinite(y[k]));
  }
}

static void groups_of_32_are_the_gguf_codecs(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"i8g32", "q8_0"}, {"i4g32", "q4_0"}};
  float x[256];
  struct rig_random random = {3};
  rig_fill(&random, x, 256, 1.0f);
  for (int k = 0; k < 2; k++) {
    const ridge_codec *a = rig_codec(portable, pairs[k][0]),
                      *b = rig_codec(portable, pairs[k][1]);
    char left[512] = {0}, right[512] = {0};
    assert_int_equal(a->block_bytes, b->block_bytes);
    a->encode(x, left, 256);
    b->encode(x, right, 256);
    assert_memory_equal(left, right, sizeof left);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codecs_give_the_bytes_and_numbers_of_their_definition),
      cmocka_unit_test(every_half_survives_a_round_trip),
      cmocka_unit_test(halves_round_to_the_nearest_and_ties_to_even),
      cmocka_unit_test(a_round_trip_moves_a_value_by_half_a_step_at_most),
      cmocka_unit_test(a_second_round_trip_moves_nothing_further),
      cmocka_unit_test(a_value_that_is_not_finite_is_seen_after_a_round_trip),
      cmocka_unit_test(tiny_and_huge_values_stay_defined),
      cmocka_unit_test(groups_of_32_are_the_gguf_codecs),
      cmocka_unit_test(a_search_loses_no_more_than_the_usual_quantizer),
      cmocka_unit_test(importance_is_heeded),
      cmocka_unit_test(nothing_of_importance_is_still_defined),
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
