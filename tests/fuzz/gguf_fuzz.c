/*
 * gguf_fuzz.c - damaged model files: each opens or gets one sentence; nothing is read
 * beyond the end, nothing leaks.
 *
 * As a test: a few good files, cut at every byte, with each number at each place set to
 * the values that break arithmetic, with every bit turned, and with random damage.
 * With -DRIDGE_LIBFUZZER: an entry for libFuzzer, over the same check.
 */
#include "random.h"
#include "testing.h"

#include "unit/gguf_making.h"

/* Everything an opened file promises, and every byte it points to. */
static uint64_t walk(const ridge_model_file *file, const uint8_t *data, size_t size) {
  uint64_t sum = 0, end = 0;
  for (uint64_t i = 0; i < file->n_facts; i++) {
    const ridge_fact *fact = &file->facts[i];
    assert_true(fact->key[0] != 0);
    if (fact->type == RIDGE_FACT_TEXT)
      for (uint64_t j = 0; j < fact->value.text.size; j++) sum += fact->value.text.data[j];
    for (uint64_t j = 0; j < fact->count; j++) {
      if (fact->type == RIDGE_FACT_INTS) sum += (uint64_t)fact->value.ints[j];
      if (fact->type == RIDGE_FACT_REALS) sum += fact->value.reals[j] > 0;
      if (fact->type != RIDGE_FACT_TEXTS) continue;
      ridge_bytes text = fact->value.texts[j];
      for (uint64_t k = 0; k < text.size; k++) sum += text.data[k];
    }
  }
  for (uint64_t i = 0; i < file->n_tensors; i++) {
    const ridge_file_tensor *tensor = &file->tensors[i];
    assert_true(tensor->name[0] != 0 && tensor->codec != NULL);
    assert_true(tensor->rank >= 1 && tensor->rank <= 4 && tensor->bytes > 0);
    for (uint32_t d = 0; d < tensor->rank; d++) assert_true(tensor->dims[d] >= 1);
    assert_true(tensor->offset >= end && tensor->offset <= size);
    assert_true(tensor->bytes <= size - tensor->offset);
    end = tensor->offset + tensor->bytes;
    sum += data[tensor->offset] + data[end - 1];
  }
  return sum;
}

/* Returns whether it opened. */
static bool examine(const uint8_t *data, size_t size) {
  uint8_t *exact = malloc(size + (size == 0));
  if (exact == NULL) abort();
  if (size > 0) memcpy(exact, data, size);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  ridge_status status = making_open(&host, exact, size, &file);
  if (status == RIDGE_OK) {
    volatile uint64_t seen = walk(&file, exact, size);
    (void)seen;
    making_format()->close(&file);
  } else {
    assert_true(status == RIDGE_CORRUPT || status == RIDGE_UNSUPPORTED);
    assert_true(strlen(host.text) > 20);
    assert_null(strchr(host.text, '\n'));
  }
  assert_int_equal(host.alive, 0);
  free(exact);
  return status == RIDGE_OK;
}

#ifdef RIDGE_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  examine(data, size);
  return 0;
}

#else

static struct making facts_file(void) {
  struct making m = {0};
  put_head(&m, 3, 0, 9);
  put_fact_text(&m, "general.architecture", "llama");
  put_fact_u32(&m, "general.alignment", 32);
  put_key(&m, "u8", U8);
  put_number(&m, 3, 1);
  put_key(&m, "bool", BOOL);
  put_number(&m, 1, 1);
  put_key(&m, "f64", F64);
  put_number(&m, 0x4009000000000000u, 8);
  put_array(&m, "tokens", STRING, 3);
  put_text(&m, "<s>", 3);
  put_text(&m, "", 0);
  put_text(&m, "word", 4);
  put_array(&m, "scores", F32, 3);
  put_number(&m, 0, 12);
  put_array(&m, "types", I32, 3);
  put_number(&m, 1, 12);
  put_array(&m, "wide", I64, 2);
  put_number(&m, 7, 8);
  put_number(&m, 7, 8);
  return m;
}

static struct making tensors_file(void) {
  struct making m = {0};
  put_head(&m, 3, 3, 1);
  put_fact_u32(&m, "llama.block_count", 1);
  put_tensor(&m, "token_embd.weight", 2, (uint64_t[]){32, 2}, 2, 0);
  put_tensor(&m, "norm", 1, (uint64_t[]){4}, 0, 64);
  put_tensor(&m, "cube", 4, (uint64_t[]){2, 1, 2, 1}, 1, 96);
  put_padding(&m, 32);
  for (int i = 0; i < 64 + 32 + 8; i++) put_number(&m, (uint64_t)i, 1);
  return m;
}

static struct making good_file(int which) {
  return which == 0 ? facts_file() : tensors_file();
}
enum { GOOD_FILES = 2 };

static void good_files_open(void **state) {
  (void)state;
  for (int i = 0; i < GOOD_FILES; i++) {
    struct making m = good_file(i);
    assert_true(examine(m.data, m.size));
    free(m.data);
  }
}

static void cut_anywhere_a_file_is_refused(void **state) {
  (void)state;
  for (int i = 0; i < GOOD_FILES; i++) {
    struct making m = good_file(i);
    for (size_t size = 0; size < m.size; size++) assert_false(examine(m.data, size));
    free(m.data);
  }
}

static void any_number_may_be_wrong(void **state) {
  (void)state;
  static const uint64_t values[] = {
      0,          1,          2,          0x7f,           0x80,           0xffff,
      0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,    INT64_MAX,      1ull << 63,
      UINT64_MAX, 1ull << 61, 1ull << 62, UINT64_MAX - 7, UINT64_MAX / 8, UINT64_MAX - 31};
  for (int i = 0; i < GOOD_FILES; i++) {
    struct making m = good_file(i);
    for (size_t at = 0; at < m.size; at++)
      for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        for (size_t bytes = 1; bytes <= 8; bytes *= 2) {
          if (at + bytes > m.size) continue;
          uint8_t kept[8];
          memcpy(kept, m.data + at, bytes);
          for (size_t b = 0; b < bytes; b++)
            m.data[at + b] = (uint8_t)(values[v] >> (8 * b));
          examine(m.data, m.size);
          memcpy(m.data + at, kept, bytes);
        }
    free(m.data);
  }
}

static void any_bit_may_be_turned(void **state) {
  (void)state;
  for (int i = 0; i < GOOD_FILES; i++) {
    struct making m = good_file(i);
    for (size_t bit = 0; bit < 8 * m.size; bit++) {
      m.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
      examine(m.data, m.size);
      m.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(m.data);
  }
}

static void random_damage_does_no_harm(void **state) {
  (void)state;
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(20000);
  for (int round = 0; round < rounds; round++) {
    struct making m = good_file(round % GOOD_FILES);
    for (uint64_t n = 1 + random_next(&seed) % 6; n > 0; n--) {
      size_t at = random_next(&seed) % m.size;
      uint64_t how = random_next(&seed);
      if (how % 4 == 0)
        m.data[at] ^= (uint8_t)(1 << how / 4 % 8);
      else if (how % 4 == 1)
        m.data[at] = (uint8_t)(how >> 8);
      else if (how % 4 == 2)
        m.size = at + 1; /* cut */
      else
        put_number(&m, how, 8); /* more at the end */
    }
    examine(m.data, m.size);
    free(m.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_files_open),
      cmocka_unit_test(cut_anywhere_a_file_is_refused),
      cmocka_unit_test(any_number_may_be_wrong),
      cmocka_unit_test(any_bit_may_be_turned),
      cmocka_unit_test(random_damage_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
