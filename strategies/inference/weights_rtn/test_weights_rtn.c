/* test_weights_rtn.c - weights.rtn chooses the right tensors and refuses the rest. */
#include "fakehost.h"

#include <ridge/seam/weights.h>

static const ridge_tensor model[] = {
#define W(n, c, r, ...)                                                                    \
  {                                                                                        \
    .struct_size = sizeof(ridge_tensor), .name = (n), .codec = (c), .rank = (r),           \
    .role = RIDGE_WEIGHT, .dims = {__VA_ARGS__}, .producer = -1, .uses = RIDGE_USE_WHOLE   \
  }
    {.struct_size = sizeof(ridge_tensor),
     .name = "token_embd.weight",
     .codec = "f16",
     .rank = 2,
     .role = RIDGE_WEIGHT,
     .dims = {1000, 256},
     .producer = -1,
     .uses = RIDGE_USE_ROWS},
    W("blk.0.attn_norm.weight", "f32", 1, 256),
    W("blk.0.attn_q.weight", "f16", 2, 256, 256),
    W("blk.0.ffn_down.weight", "f16", 2, 256, 512),
    W("blk.1.attn_q.weight", "f16", 2, 256, 256),
    W("output.weight", "f32", 2, 1000, 256),
#undef W
};
enum { MODEL = sizeof model / sizeof *model };

/* Choose for every tensor; a letter for each: 8 or 4 changed, . left. */
static ridge_status choose_all(struct fake *fake, char chosen[MODEL + 1]) {
  const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
  chosen[MODEL] = 0;
  for (size_t i = 0; i < MODEL; i++) {
    const char *codec = model[i].codec;
    bool edits = false;
    ridge_status status = seam->choose(fake->self, &model[i], &codec, &edits);
    if (status != RIDGE_OK) return status;
    assert_false(edits);
    chosen[i] = codec == model[i].codec ? '.' : codec[1];
  }
  return RIDGE_OK;
}

static void the_layers_and_the_head_are_the_default(void **state) {
  (void)state;
  struct fake *fake = fake_open("weights_rtn");
  char chosen[MODEL + 1];
  assert_int_equal(fake_create(fake), RIDGE_OK);
  assert_int_equal(choose_all(fake, chosen), RIDGE_OK);
  assert_string_equal(chosen, "..8888");
  fake_close(fake);
}

static ridge_tensor tied_table(void) {
  ridge_tensor tied = model[0];
  tied.uses = RIDGE_USE_ROWS | RIDGE_USE_WHOLE;
  return tied;
}

static void a_table_that_is_the_head_too_is_rounded_unless_left_out(void **state) {
  (void)state;
  const ridge_tensor tied = tied_table();
  static const char *const except[] = {"", "token_embd.weight"};
  for (size_t i = 0; i < 2; i++) {
    struct fake *fake = fake_open("weights_rtn");
    fake_text(fake, "except", except[i]);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
    const char *codec = "f16";
    bool edits = false;
    assert_int_equal(seam->choose(fake->self, &tied, &codec, &edits), RIDGE_OK);
    assert_string_equal(codec, i == 0 ? "i8g32" : "f16");
    assert_int_equal(seam->chosen(fake->self), RIDGE_OK);
    fake_close(fake);
  }
}

static void the_codec_is_named_by_bits_and_group(void **state) {
  (void)state;
  const struct {
    int64_t bits, group;
    const char *codec;
  } cases[] = {{8, 32, "i8g32"}, {8, 256, "i8g256"}, {4, 64, "i4g64"}, {4, 128, "i4g128"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fake *fake = fake_open("weights_rtn");
    fake_int(fake, "bits", cases[i].bits);
    fake_int(fake, "group", cases[i].group);
    assert_int_equal(fake_check(fake, NULL), RIDGE_OK);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
    const char *codec = "f16";
    bool edits = false;
    assert_int_equal(seam->choose(fake->self, &model[2], &codec, &edits), RIDGE_OK);
    assert_string_equal(codec, cases[i].codec);
    fake_close(fake);
  }
}

static void other_bits_and_groups_are_refused_with_the_value(void **state) {
  (void)state;
  struct fake *fake = fake_open("weights_rtn");
  fake_int(fake, "bits", 5);
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "`bits` is 5"));
  fake_int(fake, "bits", 4);
  fake_int(fake, "group", 96);
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "`group` is 96"));
  assert_int_equal(fake_create(fake), RIDGE_INVALID);
  fake_close(fake);
}

static void patterns_choose_and_leave_out(void **state) {
  (void)state;
  const struct {
    const char *only, *except, *chosen;
  } cases[] = {
      {"*", "", "8.8888"},
      {"", "output*", "..888."},
      {"blk.?.attn_q.weight", "", "..8.8."},
      {"blk.*, output.weight", "blk.0.*", "....88"},
      {" blk.0.*  ,,blk.1.* output.weight token_embd.weight,", "", "8.8888"},
      {"*.attn_*", "*.1.*", "..8..."},
      {"b*k*0*weight", "", "..88.."},
      {"token_embd.weight", "", "8....."},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fake *fake = fake_open("weights_rtn");
    char chosen[MODEL + 1];
    fake_text(fake, "only", cases[i].only);
    fake_text(fake, "except", cases[i].except);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    assert_int_equal(choose_all(fake, chosen), RIDGE_OK);
    assert_string_equal(chosen, cases[i].chosen);
    const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
    assert_int_equal(seam->chosen(fake->self), RIDGE_OK);
    fake_close(fake);
  }
}

static void a_pattern_that_fits_nothing_is_named(void **state) {
  (void)state;
  const char *const lists[][2] = {{"blk.*,blk.9.*", ""}, {"blk.*", "blk.9.*"}};
  for (size_t i = 0; i < 2; i++) {
    struct fake *fake = fake_open("weights_rtn");
    char chosen[MODEL + 1];
    fake_text(fake, "only", lists[i][0]);
    fake_text(fake, "except", lists[i][1]);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    assert_int_equal(choose_all(fake, chosen), RIDGE_OK);
    const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
    assert_int_equal(seam->chosen(fake->self), RIDGE_INVALID);
    assert_non_null(strstr(fake->said, "\"blk.9.*\""));
    assert_non_null(strstr(fake->said, i == 0 ? "`only`" : "`except`"));
    fake_close(fake);
  }
}

static void rows_that_groups_do_not_divide_are_refused_unless_left_out(void **state) {
  (void)state;
  const ridge_tensor odd = {.struct_size = sizeof odd,
                            .name = "blk.0.odd.weight",
                            .codec = "f16",
                            .rank = 2,
                            .role = RIDGE_WEIGHT,
                            .dims = {64, 48},
                            .uses = RIDGE_USE_WHOLE};
  for (int out = 0; out < 2; out++) {
    struct fake *fake = fake_open("weights_rtn");
    if (out) fake_text(fake, "except", "*.odd.*");
    assert_int_equal(fake_create(fake), RIDGE_OK);
    const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
    const char *codec = "f16";
    bool edits = false;
    ridge_status status = seam->choose(fake->self, &odd, &codec, &edits);
    assert_int_equal(status, out ? RIDGE_OK : RIDGE_UNSUPPORTED);
    if (!out) assert_non_null(strstr(fake->said, "blk.0.odd.weight have 48"));
    fake_close(fake);
  }
}

static void rounding_twice_for_nothing_is_refused(void **state) {
  (void)state;
  const struct {
    const char *codec;
    int64_t bits;
    bool fine;
  } cases[] = {{"f32", 8, true},   {"bf16", 4, true},  {"q8_0", 4, true},
               {"q8_0", 8, false}, {"q4_0", 4, false}, {"something", 4, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fake *fake = fake_open("weights_rtn");
    fake_int(fake, "bits", cases[i].bits);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
    const char *codec = cases[i].codec;
    bool edits = false;
    ridge_status status = seam->choose(fake->self, &model[2], &codec, &edits);
    assert_int_equal(status, cases[i].fine ? RIDGE_OK : RIDGE_UNSUPPORTED);
    fake_close(fake);
  }
}

static void evidence_is_what_was_stored(void **state) {
  (void)state;
  struct fake *fake = fake_open("weights_rtn");
  assert_int_equal(fake_create(fake), RIDGE_OK);
  const ridge_weights *seam = fake_table(fake, RIDGE_SEAM_WEIGHTS);
  seam->stored(fake->self, &model[2], 131072, 69632);
  seam->stored(fake->self, &model[0], 512000, 512000); /* the embedding is not ours */
  assert_int_equal(fake->counts[0], 1);
  assert_int_equal(fake->counts[1], 131072 - 69632);
  assert_float_equal(fake->recorded[0], 8.5, 1e-9);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_layers_and_the_head_are_the_default),
      cmocka_unit_test(a_table_that_is_the_head_too_is_rounded_unless_left_out),
      cmocka_unit_test(the_codec_is_named_by_bits_and_group),
      cmocka_unit_test(other_bits_and_groups_are_refused_with_the_value),
      cmocka_unit_test(patterns_choose_and_leave_out),
      cmocka_unit_test(a_pattern_that_fits_nothing_is_named),
      cmocka_unit_test(rows_that_groups_do_not_divide_are_refused_unless_left_out),
      cmocka_unit_test(rounding_twice_for_nothing_is_refused),
      cmocka_unit_test(evidence_is_what_was_stored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
