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
  assert_true(codecs >= 23);
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
    if (!codec->encode) continue;
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

/* Half a step of each codec, relative to the largest magnitude of its block. */
static double step_of(const ridge_codec *codec) {
  static const struct {
    const char *prefix;
    double half_step;
  } steps[] = {{"f32", 0},         {"f16", 0x1p-11},  {"bf16", 0x1p-8}, {"q8_0", 0.5 / 127},
               {"i8", 0.5 / 127},  {"q4_0", 1.0 / 8}, {"i4", 1.0 / 8},  {"q4_1", 1.0 / 15},
               {"q5_0", 1.0 / 16}, {"q5_1", 1.0 / 31}};
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

static void stable(const ridge_codec *codec) {
  enum { N = 512 };
  float x[N], y[N];
  char once[4 * N], twice[4 * N];
  if (!codec->encode) return;
  struct rig_random random = {7};
  rig_fill(&random, x, N, 0.02f);
  codec->encode(x, once, N);
  codec->decode(once, y, N);
  codec->encode(y, twice, N);
  codec->decode(twice, x, N);
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
  };
  return cmocka_run_group_tests(tests, open_portable, NULL);
}
