/*
 * gguf_reading.c - format.gguf: what a good file gives, and that each way of being
 * wrong gets its own sentence, with the byte, what was found and what was wanted.
 */
#include "testing.h"

#include "unit/gguf_making.h"

#include <math.h>

/* ---- good files ------------------------------------------------------------------ */

static void finish(struct making *m, size_t data_bytes) {
  put_padding(m, 32);
  for (size_t i = 0; i < data_bytes; i++) put_number(m, i, 1);
}

/* Two facts, two tensors: a (2, 3) matrix of f32 and 64 elements of q8_0. */
static struct making small_file(uint32_t version) {
  struct making m = {0};
  put_head(&m, version, 2, 2);
  put_fact_text(&m, "general.architecture", "llama");
  put_fact_u32(&m, "llama.block_count", 7);
  put_tensor(&m, "first.weight", 2, (uint64_t[]){3, 2}, 0, 0);
  put_tensor(&m, "second", 1, (uint64_t[]){64}, 8, 32);
  finish(&m, 32 + 68);
  return m;
}

static void a_small_file_opens(uint32_t version) {
  struct making m = small_file(version);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  assert_int_equal(making_open(&host, m.data, m.size, &file), RIDGE_OK);
  assert_int_equal(file.n_facts, 2);
  assert_int_equal(file.n_tensors, 2);
  const ridge_fact *blocks = making_fact(&file, "llama.block_count");
  assert_non_null(blocks);
  assert_int_equal(blocks->type, RIDGE_FACT_INT);
  assert_int_equal(blocks->value.i, 7);
  const ridge_fact *name = making_fact(&file, "general.architecture");
  assert_int_equal(name->type, RIDGE_FACT_TEXT);
  assert_int_equal(name->value.text.size, 5);
  assert_memory_equal(name->value.text.data, "llama", 5);
  const ridge_file_tensor *t = file.tensors;
  assert_string_equal(t[0].name, "first.weight");
  assert_string_equal(t[0].codec, "f32");
  assert_int_equal(t[0].rank, 2);
  assert_int_equal(t[0].dims[0], 2); /* outermost first: 2 rows of 3 */
  assert_int_equal(t[0].dims[1], 3);
  assert_int_equal(t[0].bytes, 24);
  assert_int_equal(t[0].offset % 32, 0);
  assert_int_equal(t[0].offset, m.size - 100);
  assert_string_equal(t[1].codec, "q8_0");
  assert_int_equal(t[1].bytes, 68);
  assert_int_equal(t[1].offset, t[0].offset + 32);
  making_format()->close(&file);
  assert_int_equal(host.alive, 0);
  free(m.data);
}

static void versions_two_and_three_open(void **state) {
  (void)state;
  a_small_file_opens(2);
  a_small_file_opens(3);
}

static void every_kind_of_number_arrives(void **state) {
  (void)state;
  static const struct {
    uint32_t type, bytes;
    uint64_t raw;
    int64_t wanted;
  } ints[] = {
      {U8, 1, 200, 200},
      {I8, 1, 0xff, -1},
      {U16, 2, 65535, 65535},
      {I16, 2, 0x8000, -32768},
      {U32, 4, 4294967295u, 4294967295},
      {I32, 4, 0xfffffffe, -2},
      {BOOL, 1, 1, 1},
      {BOOL, 1, 0, 0},
      {U64, 8, INT64_MAX, INT64_MAX},
      {I64, 8, (uint64_t)INT64_MIN, INT64_MIN},
  };
  enum { N = sizeof ints / sizeof *ints };
  struct making m = {0};
  put_head(&m, 3, 0, 2 * N + 4);
  char key[32];
  for (size_t i = 0; i < N; i++) {
    snprintf(key, sizeof key, "one.%zu", i);
    put_key(&m, key, ints[i].type);
    put_number(&m, ints[i].raw, ints[i].bytes);
    snprintf(key, sizeof key, "many.%zu", i);
    put_array(&m, key, ints[i].type, 2);
    for (int j = 0; j < 2; j++) put_number(&m, ints[i].raw, ints[i].bytes);
  }
  double pi = 3.25;
  uint64_t wide;
  memcpy(&wide, &pi, sizeof wide);
  put_key(&m, "f32", F32);
  put_number(&m, bits_of_float(-1e-5f), 4);
  put_key(&m, "f64", F64);
  put_number(&m, wide, 8);
  put_array(&m, "f32s", F32, 2);
  put_number(&m, bits_of_float(0.5f), 4);
  put_number(&m, bits_of_float(INFINITY), 4);
  put_array(&m, "f64s", F64, 1);
  put_number(&m, wide, 8);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  assert_int_equal(making_open(&host, m.data, m.size, &file), RIDGE_OK);
  for (size_t i = 0; i < N; i++) {
    const ridge_fact *one = &file.facts[2 * i], *many = &file.facts[2 * i + 1];
    assert_int_equal(one->type, RIDGE_FACT_INT);
    assert_true(one->value.i == ints[i].wanted);
    assert_int_equal(many->type, RIDGE_FACT_INTS);
    assert_int_equal(many->count, 2);
    assert_true(many->value.ints[0] == ints[i].wanted &&
                many->value.ints[1] == ints[i].wanted);
  }
  assert_true(making_fact(&file, "f32")->value.r == (double)-1e-5f);
  assert_true(making_fact(&file, "f64")->value.r == pi);
  assert_true(making_fact(&file, "f32s")->value.reals[0] == 0.5);
  assert_true(isinf(making_fact(&file, "f32s")->value.reals[1]));
  assert_true(making_fact(&file, "f64s")->value.reals[0] == pi);
  making_format()->close(&file);
  assert_int_equal(host.alive, 0);
  free(m.data);
}

static void texts_point_into_the_file(void **state) {
  (void)state;
  struct making m = {0};
  put_head(&m, 3, 0, 2);
  put_array(&m, "tokens", STRING, 3);
  put_text(&m, "one", 3);
  put_text(&m, "", 0);
  put_text(&m, "a\0b", 3);
  put_array(&m, "empty", STRING, 0);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  assert_int_equal(making_open(&host, m.data, m.size, &file), RIDGE_OK);
  const ridge_fact *tokens = making_fact(&file, "tokens");
  assert_int_equal(tokens->type, RIDGE_FACT_TEXTS);
  assert_int_equal(tokens->count, 3);
  assert_true(tokens->value.texts[0].data > m.data &&
              tokens->value.texts[0].data < m.data + m.size);
  assert_int_equal(tokens->value.texts[1].size, 0);
  assert_memory_equal(tokens->value.texts[2].data, "a\0b", 3);
  assert_int_equal(making_fact(&file, "empty")->count, 0);
  making_format()->close(&file);
  free(m.data);
}

static void an_alignment_of_its_own_is_obeyed(void **state) {
  (void)state;
  struct making m = {0};
  put_head(&m, 3, 2, 1);
  put_fact_u32(&m, "general.alignment", 256);
  put_tensor(&m, "a", 1, (uint64_t[]){1}, 1, 0);
  put_tensor(&m, "b", 1, (uint64_t[]){1}, 1, 256);
  put_padding(&m, 256);
  put_number(&m, 0, 2);
  put_padding(&m, 256);
  put_number(&m, 0, 2);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  assert_int_equal(making_open(&host, m.data, m.size, &file), RIDGE_OK);
  assert_int_equal(file.tensors[0].offset % 256, 0);
  assert_int_equal(file.tensors[1].offset, file.tensors[0].offset + 256);
  making_format()->close(&file);
  free(m.data);
}

/* Block sizes against the bytes that the layouts of ggml-common.h add up to. */
static void every_stored_type_has_its_codec_and_size(void **state) {
  (void)state;
  static const struct {
    uint32_t id;
    const char *codec;
    uint64_t elements, bytes;
  } wanted[] = {
      {0, "f32", 1, 4},
      {1, "f16", 1, 2},
      {2, "q4_0", 32, 2 + 16},
      {3, "q4_1", 32, 4 + 16},
      {6, "q5_0", 32, 2 + 4 + 16},
      {7, "q5_1", 32, 4 + 4 + 16},
      {8, "q8_0", 32, 2 + 32},
      {9, "q8_1", 32, 4 + 32},
      {10, "q2_k", 256, 4 + 16 + 64},
      {11, "q3_k", 256, 2 + 64 + 32 + 12},
      {12, "q4_k", 256, 4 + 12 + 128},
      {13, "q5_k", 256, 4 + 12 + 128 + 32},
      {14, "q6_k", 256, 2 + 16 + 192},
      {15, "q8_k", 256, 4 + 256 + 32},
      {16, "iq2_xxs", 256, 2 + 64},
      {17, "iq2_xs", 256, 2 + 64 + 8},
      {18, "iq3_xxs", 256, 2 + 96},
      {19, "iq1_s", 256, 2 + 32 + 16},
      {20, "iq4_nl", 32, 2 + 16},
      {21, "iq3_s", 256, 2 + 13 * 8 + 4},
      {22, "iq2_s", 256, 2 + 64 + 16},
      {23, "iq4_xs", 256, 4 + 4 + 128},
      {24, "i8", 1, 1},
      {25, "i16", 1, 2},
      {26, "i32", 1, 4},
      {27, "i64", 1, 8},
      {28, "f64", 1, 8},
      {29, "iq1_m", 256, 32 + 16 + 8},
      {30, "bf16", 1, 2},
      {34, "tq1_0", 256, 2 + 4 + 48},
      {35, "tq2_0", 256, 2 + 64},
      {39, "mxfp4", 32, 1 + 16},
      {40, "nvfp4", 64, 4 + 32},
      {41, "q1_0", 128, 2 + 16},
      {42, "q2_0", 64, 2 + 16},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    struct making m = {0};
    put_head(&m, 3, 1, 0);
    put_tensor(&m, "t", 2, (uint64_t[]){2 * wanted[i].elements, 3}, wanted[i].id, 0);
    finish(&m, (size_t)(6 * wanted[i].bytes));
    struct making_host host;
    making_host_new(&host);
    ridge_model_file file;
    assert_int_equal(making_open(&host, m.data, m.size, &file), RIDGE_OK);
    assert_string_equal(file.tensors[0].codec, wanted[i].codec);
    assert_int_equal(file.tensors[0].bytes, 6 * wanted[i].bytes);
    making_format()->close(&file);
    free(m.data);
  }
}

/* ---- bad files -------------------------------------------------------------------- */

/* A file that is right up to one thing, which `spoil` puts in. */
typedef void spoiler(struct making *);

static void one_fact(struct making *m) { put_head(m, 3, 0, 1); }
static void tensor_of(struct making *m, uint32_t rank, const uint64_t *dims, uint32_t type,
                      uint64_t offset) {
  put_head(m, 3, 1, 0);
  put_tensor(m, "blk.0.w", rank, dims, type, offset);
  finish(m, 4096);
}

static void nothing(struct making *m) { (void)m; }
static void other_mark(struct making *m) { put_bytes(m, "GGML\3\0\0\0", 8); }
static void version_one(struct making *m) { put_head(m, 1, 0, 0); }
static void version_four(struct making *m) { put_head(m, 4, 0, 0); }
static void big_endian(struct making *m) { put_head(m, 0x03000000, 0, 0); }
static void tensors_beyond_file(struct making *m) { put_head(m, 3, UINT64_MAX, 0); }
static void facts_beyond_file(struct making *m) { put_head(m, 3, 0, 1ull << 63); }
static void empty_key(struct making *m) {
  one_fact(m);
  put_key(m, "", U8);
  put_number(m, 1, 8);
}
static void key_beyond_file(struct making *m) {
  one_fact(m);
  put_number(m, UINT64_MAX - 3, 8);
  put_number(m, 0, 8);
}
static void control_key(struct making *m) {
  one_fact(m);
  put_key(m, "a\nb", U8);
  put_number(m, 1, 1);
}
static void long_key(struct making *m) {
  one_fact(m);
  put_number(m, 65536, 8);
  for (int i = 0; i < 65536; i++) put_bytes(m, "k", 1);
  put_number(m, 0, 8);
}
static void twice_key(struct making *m) {
  put_head(m, 3, 0, 3);
  put_fact_u32(m, "llama.x", 1);
  put_fact_u32(m, "llama.y", 1);
  put_fact_u32(m, "llama.x", 1);
}
static void value_type_13(struct making *m) {
  one_fact(m);
  put_key(m, "k", 13);
  put_number(m, 0, 8);
}
static void element_type_99(struct making *m) {
  one_fact(m);
  put_array(m, "k", 99, 0);
}
static void nested_array(struct making *m) {
  one_fact(m);
  put_array(m, "k", ARRAY_OF, 1);
  put_number(m, U8, 4);
  put_number(m, 0, 8);
}
static void array_beyond_file(struct making *m) {
  one_fact(m);
  put_array(m, "k", U64, 1ull << 61); /* times 8 would be 0 */
  put_number(m, 0, 8);
}
static void texts_beyond_file(struct making *m) {
  one_fact(m);
  put_array(m, "k", STRING, 1000);
  put_number(m, 0, 8);
}
static void text_beyond_file(struct making *m) {
  one_fact(m);
  put_key(m, "k", STRING);
  put_number(m, 1000, 8);
}
static void bool_of_two(struct making *m) {
  one_fact(m);
  put_key(m, "k", BOOL);
  put_number(m, 2, 1);
}
static void wide_number(struct making *m) {
  one_fact(m);
  put_key(m, "k", U64);
  put_number(m, 1ull << 63, 8);
}
static void alignment_of(struct making *m, uint32_t alignment) {
  one_fact(m);
  put_fact_u32(m, "general.alignment", alignment);
}
static void alignment_zero(struct making *m) { alignment_of(m, 0); }
static void alignment_48(struct making *m) { alignment_of(m, 48); }
static void alignment_text(struct making *m) {
  one_fact(m);
  put_fact_text(m, "general.alignment", "32");
}
static void no_rank(struct making *m) { tensor_of(m, 0, NULL, 0, 0); }
static void rank_five(struct making *m) {
  tensor_of(m, 5, (uint64_t[]){1, 1, 1, 1, 1}, 0, 0);
}
static void dim_zero(struct making *m) { tensor_of(m, 2, (uint64_t[]){4, 0}, 0, 0); }
static void dim_negative(struct making *m) {
  tensor_of(m, 1, (uint64_t[]){UINT64_MAX}, 0, 0);
}
static void dims_overflow(struct making *m) {
  tensor_of(m, 4, (uint64_t[]){1u << 31, 1u << 31, 1u << 31, 2}, 0, 0);
}
static void bytes_overflow(struct making *m) {
  tensor_of(m, 2, (uint64_t[]){1u << 31, 1u << 31}, 0, 0);
}
static void bytes_beyond_file(struct making *m) {
  tensor_of(m, 2, (uint64_t[]){1u << 30, 1u << 30}, 0, 0);
}
static void type_99(struct making *m) { tensor_of(m, 1, (uint64_t[]){32}, 99, 0); }
static void type_withdrawn(struct making *m) { tensor_of(m, 1, (uint64_t[]){32}, 31, 0); }
static void half_a_block(struct making *m) { tensor_of(m, 2, (uint64_t[]){48, 2}, 2, 0); }
static void offset_unaligned(struct making *m) { tensor_of(m, 1, (uint64_t[]){1}, 0, 8); }
static void offset_huge(struct making *m) {
  tensor_of(m, 1, (uint64_t[]){1}, 0, UINT64_MAX - 31);
}
static void tensor_beyond_file(struct making *m) {
  tensor_of(m, 1, (uint64_t[]){1025}, 0, 0);
}
static void two_tensors(struct making *m, const char *a, const char *b, uint64_t offset) {
  put_head(m, 3, 2, 0);
  put_tensor(m, a, 1, (uint64_t[]){16}, 0, 0);
  put_tensor(m, b, 1, (uint64_t[]){16}, 0, offset);
  finish(m, 4096);
}
static void tensors_overlap(struct making *m) { two_tensors(m, "a", "b", 32); }
static void tensors_gap(struct making *m) { two_tensors(m, "a", "b", 96); }
static void tensors_unsorted(struct making *m) {
  put_head(m, 3, 2, 0);
  put_tensor(m, "a", 1, (uint64_t[]){16}, 0, 64);
  put_tensor(m, "b", 1, (uint64_t[]){16}, 0, 0);
  finish(m, 4096);
}
static void tensors_namesakes(struct making *m) { two_tensors(m, "a", "a", 64); }
static void tensor_nameless(struct making *m) { two_tensors(m, "a", "", 64); }
static void tensor_long_name(struct making *m) {
  char name[66] = {0};
  memset(name, 'n', 65);
  two_tensors(m, "a", name, 64);
}
static void sum_overflow(struct making *m) {
  put_head(m, 3, 3, 0);
  uint64_t third = 1ull << 61; /* of f32 each: 2^63 bytes; the sum of two is 2^64 */
  put_tensor(m, "a", 2, (uint64_t[]){1u << 31, third >> 31}, 0, 0);
  put_tensor(m, "b", 2, (uint64_t[]){1u << 31, third >> 31}, 0, 1ull << 63);
  put_tensor(m, "c", 1, (uint64_t[]){1}, 0, 0);
  finish(m, 64);
}

static const struct {
  spoiler *spoil;
  ridge_status status;
  const char *wanted[3]; /* parts of the sentence */
} bad[] = {
    {nothing, RIDGE_CORRUPT, {"at byte 0", "takes 4 bytes", "ends after 0"}},
    {other_mark, RIDGE_CORRUPT, {"47 47 4d 4c", "47 47 55 46"}},
    {version_one, RIDGE_UNSUPPORTED, {"at byte 4", "version is 1", "versions 2 and 3"}},
    {version_four, RIDGE_UNSUPPORTED, {"version is 4"}},
    {big_endian, RIDGE_UNSUPPORTED, {"big-endian"}},
    {tensors_beyond_file, RIDGE_CORRUPT, {"at byte 8", "tensors is 18446744073709551615"}},
    {facts_beyond_file, RIDGE_CORRUPT, {"at byte 16", "facts is 9223372036854775808"}},
    {empty_key, RIDGE_CORRUPT, {"at byte 24, fact 1 of 1", "key is empty"}},
    {key_beyond_file, RIDGE_CORRUPT, {"at byte 32", "18446744073709551612 bytes"}},
    {control_key, RIDGE_CORRUPT, {"at byte 33", "0x0a"}},
    {long_key, RIDGE_CORRUPT, {"65536 bytes long", "at most 65535"}},
    {twice_key, RIDGE_CORRUPT, {"llama.x stands twice"}},
    {value_type_13, RIDGE_CORRUPT, {"fact k", "is 13", "0 to 12"}},
    {element_type_99, RIDGE_CORRUPT, {"fact k", "is 99"}},
    {nested_array, RIDGE_UNSUPPORTED, {"fact k", "array of arrays"}},
    {array_beyond_file,
     RIDGE_CORRUPT,
     {"2305843009213693952 elements of type u64", "8 bytes"}},
    {texts_beyond_file, RIDGE_CORRUPT, {"1000 elements of type text"}},
    {text_beyond_file, RIDGE_CORRUPT, {"takes 1000 bytes", "ends after 0"}},
    {bool_of_two, RIDGE_CORRUPT, {"bool is 2"}},
    {wide_number, RIDGE_UNSUPPORTED, {"9223372036854775808", "beyond"}},
    {alignment_zero, RIDGE_CORRUPT, {"alignment is 0", "power of two"}},
    {alignment_48, RIDGE_CORRUPT, {"alignment is 48"}},
    {alignment_text, RIDGE_CORRUPT, {"alignment is not a whole number"}},
    {no_rank, RIDGE_CORRUPT, {"tensor blk.0.w", "0 dimensions"}},
    {rank_five, RIDGE_CORRUPT, {"tensor blk.0.w", "5 dimensions"}},
    {dim_zero, RIDGE_CORRUPT, {"tensor blk.0.w", "dimension 2 is 0"}},
    {dim_negative, RIDGE_CORRUPT, {"dimension 1 is 18446744073709551615"}},
    {dims_overflow, RIDGE_CORRUPT, {"tensor blk.0.w", "multiply to more"}},
    {bytes_overflow, RIDGE_CORRUPT, {"tensor blk.0.w", "multiply to more"}},
    {bytes_beyond_file, RIDGE_CORRUPT, {"takes 4611686018427387904 bytes", "in all"}},
    {type_99, RIDGE_UNSUPPORTED, {"tensor blk.0.w", "type 99"}},
    {type_withdrawn,
     RIDGE_UNSUPPORTED,
     {"tensor blk.0.w", "type 31 (q4_0_4_4)", "withdrawn"}},
    {half_a_block, RIDGE_CORRUPT, {"tensor blk.0.w", "48 elements", "blocks of 32"}},
    {offset_unaligned, RIDGE_CORRUPT, {"offset is 8", "has to be 0"}},
    {offset_huge, RIDGE_CORRUPT, {"offset is 18446744073709551584"}},
    {tensor_beyond_file, RIDGE_CORRUPT, {"takes 4100 bytes (f32)", "cut short"}},
    {tensors_overlap, RIDGE_CORRUPT, {"tensor b", "offset is 32", "has to be 64"}},
    {tensors_gap, RIDGE_CORRUPT, {"tensor b", "offset is 96", "has to be 64"}},
    {tensors_unsorted, RIDGE_CORRUPT, {"tensor a", "offset is 64", "has to be 0"}},
    {tensors_namesakes, RIDGE_CORRUPT, {"two tensors are called a"}},
    {tensor_nameless, RIDGE_CORRUPT, {"tensor 2 of 2", "name is empty"}},
    {tensor_long_name, RIDGE_CORRUPT, {"65 bytes long", "at most 64"}},
    {sum_overflow, RIDGE_CORRUPT, {"tensor b", "add up to more than 2^64"}},
};

static void each_fault_has_its_sentence(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct making m = {0};
    bad[i].spoil(&m);
    uint8_t *exact = malloc(m.size + (m.size == 0));
    assert_non_null(exact);
    if (m.size > 0) memcpy(exact, m.data, m.size);
    struct making_host host;
    making_host_new(&host);
    ridge_model_file file;
    ridge_status status = making_open(&host, exact, m.size, &file);
    if (status != bad[i].status) fail_msg("case %zu: status %d: %s", i, status, host.text);
    for (size_t j = 0; j < 3 && bad[i].wanted[j] != NULL; j++)
      if (strstr(host.text, bad[i].wanted[j]) == NULL)
        fail_msg("case %zu: \"%s\" lacks \"%s\"", i, host.text, bad[i].wanted[j]);
    assert_non_null(strstr(host.text, "at byte "));
    assert_null(file.opaque);
    assert_int_equal(host.alive, 0);
    free(exact);
    free(m.data);
  }
}

static void rows_are_whole_blocks_of_every_type(void **state) {
  (void)state;
  int blocked = 0;
  for (uint32_t id = 0; gguf_type(id) != NULL; id++) {
    const struct gguf_type *type = gguf_type(id);
    if (type->block <= 1) continue;
    const uint64_t rows[] = {type->block / 2, type->block - 1, type->block + 1,
                             3 * type->block / 2};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      struct making m = {0};
      tensor_of(&m, 2, (uint64_t[]){rows[i], 2}, id, 0);
      struct making_host host;
      making_host_new(&host);
      ridge_model_file file;
      assert_int_equal(making_open(&host, m.data, m.size, &file), RIDGE_CORRUPT);
      assert_non_null(strstr(host.text, type->codec));
      assert_non_null(strstr(host.text, "stored in blocks of"));
      free(m.data);
    }
    blocked++;
  }
  assert_true(blocked > 25);
}

static void without_memory_it_fails_and_leaks_nothing(void **state) {
  (void)state;
  struct making m = small_file(3);
  int64_t failures = 0;
  for (;; failures++) {
    struct making_host host;
    making_host_new(&host);
    host.fail_from = failures;
    ridge_model_file file;
    ridge_status status = making_open(&host, m.data, m.size, &file);
    if (status == RIDGE_OK) {
      making_format()->close(&file);
      assert_int_equal(host.alive, 0);
      break;
    }
    assert_int_equal(status, RIDGE_NO_MEMORY);
    assert_non_null(strstr(host.text, "no memory"));
    assert_int_equal(host.alive, 0);
  }
  assert_true(failures > 0);
  free(m.data);
}

/* A chunk of its own for each table, so that each allocation can fail by itself. */
static void without_memory_for_a_large_table_it_fails_too(void **state) {
  (void)state;
  struct making m = {0};
  put_head(&m, 3, 0, 3);
  put_array(&m, "ints", U8, 20000);
  for (int i = 0; i < 20000; i++) put_number(&m, 1, 1);
  put_array(&m, "reals", F32, 20000);
  for (int i = 0; i < 20000; i++) put_number(&m, 0, 4);
  put_array(&m, "texts", STRING, 20000);
  for (int i = 0; i < 20000; i++) put_text(&m, "x", 1);
  int64_t failures = 0;
  for (ridge_status status = RIDGE_INTERNAL; status != RIDGE_OK; failures++) {
    struct making_host host;
    making_host_new(&host);
    host.fail_from = failures;
    ridge_model_file file;
    status = making_open(&host, m.data, m.size, &file);
    if (status == RIDGE_OK)
      making_format()->close(&file);
    else
      assert_int_equal(status, RIDGE_NO_MEMORY);
    assert_int_equal(host.alive, 0);
  }
  assert_true(failures > 4);
  free(m.data);
}

static void the_callers_struct_has_to_say_its_size(void **state) {
  (void)state;
  struct making m = small_file(3);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file = {0};
  ridge_folder folder = making_folder(m.data, m.size);
  assert_int_equal(making_format()->open(&host.host, &folder, &file), RIDGE_INVALID);
  assert_non_null(strstr(host.text, "struct_size"));
  assert_int_equal(host.alive, 0);
  free(m.data);
}

static void the_mark_tells_whose_file_it_is(void **state) {
  (void)state;
  assert_true(making_format()->probe((const uint8_t *)"GGUF\3", 5));
  assert_false(making_format()->probe((const uint8_t *)"GGU", 3));
  assert_false(making_format()->probe((const uint8_t *)"PK\3\4", 4));
}

static void the_description_is_that_of_a_part(void **state) {
  (void)state;
  const ridge_plugin *it = ridge_plugin_v1();
  assert_string_equal(it->id, "format.gguf");
  assert_int_equal(it->kind, RIDGE_PART);
  assert_null(it->technique);
  assert_int_equal(it->fills.count, 1);
  const ridge_fill *fill = it->fills.rows;
  assert_string_equal(fill->seam, RIDGE_SEAM_FORMAT);
  assert_string_equal(fill->key, "gguf");
  assert_true(it->create == NULL && it->destroy == NULL);
}

/* A real model: the numbers are those of its card. */
static void a_real_model_opens(void **state) {
  (void)state;
  char *path = testing_shared("models/stories260K-f32.gguf");
  if (path == NULL) testing_skip_without("shared/models/stories260K-f32.gguf");
  size_t size = 0;
  uint8_t *data = making_load(path, &size);
  assert_non_null(data);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  assert_int_equal(making_open(&host, data, size, &file), RIDGE_OK);
  int64_t elements = 0;
  for (uint64_t i = 0; i < file.n_tensors; i++) {
    int64_t n = 1;
    for (uint32_t d = 0; d < file.tensors[i].rank; d++) n *= file.tensors[i].dims[d];
    elements += n;
    assert_string_equal(file.tensors[i].codec, "f32");
  }
  assert_int_equal(making_fact(&file, "llama.embedding_length")->value.i, 64);
  assert_int_equal(making_fact(&file, "llama.block_count")->value.i, 5);
  assert_int_equal(making_fact(&file, "tokenizer.ggml.tokens")->count, 512);
  /* 260,032 weights; an output matrix that repeats the embeddings may stand beside. */
  assert_true(elements == 260032 || elements == 260032 + 512 * 64);
  making_format()->close(&file);
  assert_int_equal(host.alive, 0);
  free(data);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(versions_two_and_three_open),
      cmocka_unit_test(every_kind_of_number_arrives),
      cmocka_unit_test(texts_point_into_the_file),
      cmocka_unit_test(an_alignment_of_its_own_is_obeyed),
      cmocka_unit_test(every_stored_type_has_its_codec_and_size),
      cmocka_unit_test(each_fault_has_its_sentence),
      cmocka_unit_test(rows_are_whole_blocks_of_every_type),
      cmocka_unit_test(without_memory_it_fails_and_leaks_nothing),
      cmocka_unit_test(without_memory_for_a_large_table_it_fails_too),
      cmocka_unit_test(the_callers_struct_has_to_say_its_size),
      cmocka_unit_test(the_mark_tells_whose_file_it_is),
      cmocka_unit_test(the_description_is_that_of_a_part),
      cmocka_unit_test(a_real_model_opens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
