/*
 * gguf_writing.c - format.gguf writes what it reads: facts with their widths, tensors
 * in their places, in one file or several; and refuses what GGUF cannot hold.
 */
#include "testing.h"

#include "unit/gguf_making.h"

#include <math.h>

/* ---- writing into memory ---- */

struct sheet {
  struct making bytes;
  int64_t puts_left; /* negative: any number */
};

static ridge_status sheet_put(const ridge_output *out, const void *data, uint64_t size) {
  struct sheet *sheet = out->ctx;
  if (sheet->puts_left == 0) return RIDGE_IO;
  sheet->puts_left--;
  put_bytes(&sheet->bytes, data, size);
  return RIDGE_OK;
}

static ridge_status write_model(struct making_host *host, const ridge_model_file *model,
                                const ridge_piece *piece, struct sheet *sheet) {
  const ridge_output out = {sizeof out, sheet, sheet_put};
  const ridge_format *format_table = making_format();
  ridge_status status = format_table->write_head(&host->host, model, piece, &out);
  for (uint64_t i = piece->first; i < piece->first + piece->n && status == RIDGE_OK; i++) {
    for (uint64_t b = 0; b < model->tensors[i].bytes && status == RIDGE_OK; b++)
      status = sheet_put(&out, &(uint8_t){(uint8_t)(i * 16 + b)}, 1);
    if (status == RIDGE_OK)
      status = format_table->write_after(&host->host, model, piece, i, &out);
  }
  return status;
}

static ridge_piece all_of(const ridge_model_file *model) {
  return (ridge_piece){sizeof(ridge_piece), 0, model->n_tensors, 0, 1};
}

static ridge_bytes words(const char *text) {
  return (ridge_bytes){(const uint8_t *)text, strlen(text)};
}

#define FACT(key_, type_, stored_, ...)                                                    \
  {                                                                                        \
    .struct_size = sizeof(ridge_fact), .key = key_, .type = RIDGE_FACT_##type_,            \
    .stored = RIDGE_STORED_##stored_, __VA_ARGS__                                          \
  }

static ridge_file_tensor tensor(const char *name, const char *codec, uint32_t rank,
                                int64_t outer, int64_t inner, uint64_t bytes) {
  ridge_file_tensor t = {
      .struct_size = sizeof t, .name = name, .codec = codec, .bytes = bytes, .rank = rank};
  t.dims[0] = rank == 1 ? inner : outer;
  if (rank == 2) t.dims[1] = inner;
  return t;
}

/* ---- facts ---- */

static const int64_t ints[] = {-1, 0, 2};
static const double reals[] = {0.5, -INFINITY, 3.25};

static void facts_come_back_as_they_were(void **state) {
  (void)state;
  const ridge_bytes texts[] = {words(""), words("two words"), {(const uint8_t *)"\0\n", 2}};
  const ridge_fact facts[] = {
      FACT("a", INT, U8, .value.i = 255),
      FACT("b", INT, I8, .value.i = -128),
      FACT("c", INT, U16, .value.i = 65535),
      FACT("d", INT, I16, .value.i = -32768),
      FACT("e", INT, U32, .value.i = UINT32_MAX),
      FACT("f", INT, I32, .value.i = INT32_MIN),
      FACT("g", INT, U64, .value.i = INT64_MAX),
      FACT("h", INT, I64, .value.i = INT64_MIN),
      FACT("i", INT, BOOL, .value.i = 1),
      FACT("j", REAL, F32, .value.r = 0.25),
      FACT("k", REAL, F64, .value.r = 0.1),
      FACT("l", TEXT, ANY, .value.text = texts[2]),
      FACT("m", INTS, I16, .value.ints = ints, .count = 3),
      FACT("n", REALS, F32, .value.reals = reals, .count = 3),
      FACT("o", REALS, F64, .value.reals = reals, .count = 2),
      FACT("p", TEXTS, ANY, .value.texts = texts, .count = 3),
      FACT("q", INTS, U32, .value.ints = ints, .count = 0),
  };
  enum { N = sizeof facts / sizeof *facts };
  const ridge_model_file model = {
      .struct_size = sizeof model, .facts = facts, .n_facts = N};
  const ridge_piece piece = all_of(&model);
  struct sheet sheet = {.puts_left = -1};
  struct making_host host;
  making_host_new(&host);
  assert_int_equal(write_model(&host, &model, &piece, &sheet), RIDGE_OK);
  ridge_model_file file;
  assert_int_equal(making_open(&host, sheet.bytes.data, sheet.bytes.size, &file), RIDGE_OK);
  assert_int_equal(file.n_facts, N);
  for (size_t i = 0; i < N; i++) {
    const ridge_fact *was = &facts[i], *is = &file.facts[i];
    assert_string_equal(is->key, was->key);
    assert_int_equal(is->type, was->type);
    assert_int_equal(is->stored, was->stored);
    assert_int_equal(is->count, was->count);
    if (is->type == RIDGE_FACT_INT) assert_true(is->value.i == was->value.i);
    if (is->type == RIDGE_FACT_REAL)
      assert_memory_equal(&is->value.r, &was->value.r, sizeof(double));
    if (is->type == RIDGE_FACT_INTS)
      assert_memory_equal(is->value.ints, was->value.ints, was->count * 8);
    if (is->type == RIDGE_FACT_REALS)
      assert_memory_equal(is->value.reals, was->value.reals, was->count * 8);
    for (uint64_t k = 0; k < is->count && is->type == RIDGE_FACT_TEXTS; k++) {
      assert_int_equal(is->value.texts[k].size, texts[k].size);
      assert_memory_equal(is->value.texts[k].data, texts[k].data, texts[k].size);
    }
  }
  making_format()->close(&file);
  free(sheet.bytes.data);
  assert_int_equal(host.alive, 0);
}

/* What comes from a format without widths is stored as readers of GGUF look for it. */
static void numbers_of_no_known_width_get_the_usual_one(void **state) {
  (void)state;
  const ridge_fact facts[] = {
      FACT("llama.block_count", INT, ANY, .value.i = 22),
      FACT("below", INT, ANY, .value.i = -1),
      FACT("large", INT, ANY, .value.i = 1ll << 40),
      FACT("tokenizer.ggml.add_bos_token", INT, ANY, .value.i = 1),
      FACT("llama.rope.freq_base", REAL, ANY, .value.r = 1e4),
      FACT("tokenizer.ggml.token_type", INTS, ANY, .value.ints = ints, .count = 3),
      FACT("tokenizer.ggml.scores", REALS, ANY, .value.reals = reals, .count = 3),
      FACT("tokenizer.ggml.precompiled_charsmap", INTS, ANY,
           .value.ints = (const int64_t[]){0, 200, 255}, .count = 3),
  };
  static const uint32_t wanted[] = {RIDGE_STORED_U32,  RIDGE_STORED_I32, RIDGE_STORED_U64,
                                    RIDGE_STORED_BOOL, RIDGE_STORED_F32, RIDGE_STORED_I32,
                                    RIDGE_STORED_F32,  RIDGE_STORED_U8};
  enum { N = sizeof facts / sizeof *facts };
  const ridge_model_file model = {
      .struct_size = sizeof model, .facts = facts, .n_facts = N};
  const ridge_piece piece = all_of(&model);
  struct sheet sheet = {.puts_left = -1};
  struct making_host host;
  making_host_new(&host);
  assert_int_equal(write_model(&host, &model, &piece, &sheet), RIDGE_OK);
  ridge_model_file file;
  assert_int_equal(making_open(&host, sheet.bytes.data, sheet.bytes.size, &file), RIDGE_OK);
  for (size_t i = 0; i < N; i++) assert_int_equal(file.facts[i].stored, wanted[i]);
  making_format()->close(&file);
  free(sheet.bytes.data);
}

/* ---- tensors ---- */

static void tensors_lie_where_the_reader_looks(void **state) {
  (void)state;
  const ridge_fact facts[] = {FACT("general.alignment", INT, U32, .value.i = 64)};
  const ridge_file_tensor tensors[] = {
      tensor("a", "f32", 1, 0, 3, 12), tensor("b", "q8_0", 2, 2, 32, 68),
      tensor("c", "q4_k", 2, 1, 512, 288), tensor("d", "mxfp4", 2, 3, 32, 51)};
  const ridge_model_file model = {.struct_size = sizeof model,
                                  .facts = facts,
                                  .tensors = tensors,
                                  .n_facts = 1,
                                  .n_tensors = 4};
  const ridge_piece piece = all_of(&model);
  struct sheet sheet = {.puts_left = -1};
  struct making_host host;
  making_host_new(&host);
  assert_int_equal(write_model(&host, &model, &piece, &sheet), RIDGE_OK);
  ridge_model_file file;
  assert_int_equal(making_open(&host, sheet.bytes.data, sheet.bytes.size, &file), RIDGE_OK);
  assert_int_equal(file.n_tensors, 4);
  for (uint64_t i = 0; i < 4; i++) {
    const ridge_file_tensor *is = &file.tensors[i];
    assert_string_equal(is->name, tensors[i].name);
    assert_string_equal(is->codec, tensors[i].codec);
    assert_memory_equal(is->dims, tensors[i].dims, sizeof is->dims);
    assert_int_equal(is->bytes, tensors[i].bytes);
    assert_int_equal(is->offset % 64, 0);
    for (uint64_t b = 0; b < is->bytes; b++)
      assert_int_equal(sheet.bytes.data[is->offset + b], (uint8_t)(i * 16 + b));
  }
  making_format()->close(&file);
  free(sheet.bytes.data);
}

static void pieces_are_read_as_the_whole(void **state) {
  (void)state;
  const ridge_fact facts[] = {
      FACT("general.architecture", TEXT, ANY, .value.text = words("x")),
      FACT("split.count", INT, U16, .value.i = 9)};
  const ridge_file_tensor tensors[] = {tensor("a", "f32", 1, 0, 3, 12),
                                       tensor("b", "f32", 1, 0, 8, 32),
                                       tensor("c", "f32", 1, 0, 1, 4)};
  const ridge_model_file model = {.struct_size = sizeof model,
                                  .facts = facts,
                                  .tensors = tensors,
                                  .n_facts = 2,
                                  .n_tensors = 3};
  struct making_directory d = {.n = 0};
  struct making_host host;
  making_host_new(&host);
  for (uint32_t i = 0; i < 2; i++) {
    const ridge_piece piece = {sizeof piece, i == 0 ? 0 : 2, i == 0 ? 2 : 1, i, 2};
    char name[64];
    struct sheet sheet = {.puts_left = -1};
    assert_int_equal(
        making_format()->piece_name(&host.host, "m.gguf", &piece, name, sizeof name),
        RIDGE_OK);
    assert_int_equal(write_model(&host, &model, &piece, &sheet), RIDGE_OK);
    *making_add(&d, name) = sheet.bytes;
  }
  assert_string_equal(d.entries[1].name, "m-00002-of-00002.gguf");
  for (size_t opened = 0; opened < 2; opened++) {
    ridge_model_file file;
    if (making_open_directory(&host, &d, opened, &file) != RIDGE_OK)
      fail_msg("%s", host.text);
    assert_int_equal(file.n_tensors, 3);
    assert_int_equal(file.n_facts, 1);
    making_format()->close(&file);
  }
  making_directory_free(&d);
}

/* ---- refusals ---- */

static void what_gguf_cannot_hold_is_refused(void **state) {
  (void)state;
  static const char long_name[] =
      "a_name_of_more_than_sixty_four_bytes_is_no_name_that_a_gguf_file_holds";
  static const ridge_fact none;
  const ridge_fact wide[] = {FACT("wide", INT, U8, .value.i = 256)};
  const ridge_fact kind[] = {FACT("kind", INT, F32, .value.i = 1)};
  const struct {
    const ridge_fact *fact;
    ridge_file_tensor tensor;
    const char *wanted;
  } cases[] = {
      {wide, {0}, "the fact wide does not fit"},
      {kind, {0}, "the fact kind does not fit"},
      {&none, tensor("a", "i4g64", 1, 0, 64, 34), "GGUF has no type for the codec i4g64"},
      {&none, tensor("a", "q4_2", 1, 0, 64, 34), "GGUF has no type for the codec q4_2"},
      {&none, tensor(long_name, "f32", 1, 0, 1, 4), "70 bytes"},
      {&none, tensor("", "f32", 1, 0, 1, 4), "0 bytes"},
      {&none, tensor("a", "q4_k", 2, 2, 128, 144), "do not go together"},
      {&none, tensor("a", "f32", 1, 0, 2, 4), "do not go together"},
      {&none, tensor("a", "f32", 2, INT64_MAX, 2, 4), "do not go together"},
      {&none, tensor("a", "f32", 1, 0, 0, 0), "do not go together"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ridge_model_file model = {.struct_size = sizeof model};
    model.facts = cases[i].fact;
    model.n_facts = cases[i].fact == &none ? 0 : 1;
    model.tensors = &cases[i].tensor;
    model.n_tensors = cases[i].fact == &none ? 1 : 0;
    const ridge_piece piece = all_of(&model);
    struct sheet sheet = {.puts_left = -1};
    struct making_host host;
    making_host_new(&host);
    assert_true(write_model(&host, &model, &piece, &sheet) != RIDGE_OK);
    if (strstr(host.text, cases[i].wanted) == NULL)
      fail_msg("case %zu: \"%s\" lacks \"%s\"", i, host.text, cases[i].wanted);
    free(sheet.bytes.data);
  }
}

static void a_write_that_fails_anywhere_ends_the_writing(void **state) {
  (void)state;
  const ridge_fact facts[] = {
      FACT("general.architecture", TEXT, ANY, .value.text = words("x")),
      FACT("m", INTS, I16, .value.ints = ints, .count = 3)};
  const ridge_file_tensor tensors[] = {tensor("a", "f32", 1, 0, 3, 12)};
  const ridge_model_file model = {.struct_size = sizeof model,
                                  .facts = facts,
                                  .tensors = tensors,
                                  .n_facts = 2,
                                  .n_tensors = 1};
  const ridge_piece piece = all_of(&model);
  ridge_status status = RIDGE_IO;
  for (int64_t n = 0; status == RIDGE_IO; n++) {
    struct sheet sheet = {.puts_left = n};
    struct making_host host;
    making_host_new(&host);
    status = write_model(&host, &model, &piece, &sheet);
    if (status == RIDGE_IO) assert_int_equal(sheet.puts_left, 0);
    free(sheet.bytes.data);
    assert_true(n < 200);
  }
  assert_int_equal(status, RIDGE_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(facts_come_back_as_they_were),
      cmocka_unit_test(numbers_of_no_known_width_get_the_usual_one),
      cmocka_unit_test(tensors_lie_where_the_reader_looks),
      cmocka_unit_test(pieces_are_read_as_the_whole),
      cmocka_unit_test(what_gguf_cannot_hold_is_refused),
      cmocka_unit_test(a_write_that_fails_anywhere_ends_the_writing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
