/*
 * gguf_pieces.c - format.gguf and models in several files: any piece opens the whole,
 * and what is missing, renamed or of another model is told apart.
 */
#include "testing.h"

#include "unit/gguf_making.h"

static void any_piece_opens_the_whole(void **state) {
  (void)state;
  for (size_t opened = 0; opened < 3; opened++) {
    struct making_directory d = making_three();
    struct making_host host;
    making_host_new(&host);
    ridge_model_file file;
    if (making_open_directory(&host, &d, opened, &file) != RIDGE_OK)
      fail_msg("%s", host.text);
    assert_int_equal(file.n_facts, 1); /* what is said of pieces is no fact of the model */
    assert_string_equal(file.facts[0].key, "general.architecture");
    assert_int_equal(file.n_tensors, 3);
    for (uint64_t i = 0; i < 3; i++) {
      const ridge_file_tensor *t = &file.tensors[i];
      const size_t piece = i < 2 ? 1 : 2;
      const size_t number = piece == opened ? 0 : piece < opened ? piece + 1 : piece;
      assert_int_equal(t->name[0], 'a' + (int)i);
      assert_int_equal(t->file, number);
      assert_int_equal(d.entries[piece].file.data[t->offset],
                       16 * piece + (i == 1 ? 32 : 0));
    }
    making_format()->close(&file);
    assert_int_equal(host.alive, 0);
    making_directory_free(&d);
  }
}

static void a_model_in_one_piece_needs_no_name(void **state) {
  (void)state;
  struct making_directory d = {.n = 0};
  making_piece(making_add(&d, "any name"), 0, 1, 1, (const char *[]){"a"}, 1);
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  assert_int_equal(making_open_directory(&host, &d, 0, &file), RIDGE_OK);
  assert_int_equal(file.n_tensors, 1);
  making_format()->close(&file);
  making_directory_free(&d);
}

/* ---- faults ---- */

static void rename_entry(struct making_directory *d, size_t i, const char *name) {
  snprintf(d->entries[i].name, sizeof d->entries[i].name, "%s", name);
}

static void remake(struct making_directory *d, size_t i, uint16_t number, uint16_t count,
                   int32_t tensors, const char *name) {
  free(d->entries[i].file.data);
  d->entries[i].file = (struct making){0};
  making_piece(&d->entries[i].file, number, count, tensors, (const char *[]){name}, 1);
}

static void missing(struct making_directory *d) { rename_entry(d, 2, "elsewhere"); }
static void renamed(struct making_directory *d) { rename_entry(d, 0, "model.gguf"); }
static void wrong_number(struct making_directory *d) {
  rename_entry(d, 0, "m-00002-of-00003.gguf");
}
static void wrong_count(struct making_directory *d) {
  rename_entry(d, 0, "m-00001-of-00004.gguf");
}
static void swapped(struct making_directory *d) {
  rename_entry(d, 1, "m-00003-of-00003.gguf");
  rename_entry(d, 2, "m-00002-of-00003.gguf");
}
static void of_another_split(struct making_directory *d) { remake(d, 2, 2, 5, 3, "c"); }
static void of_another_model(struct making_directory *d) { remake(d, 2, 2, 3, 9, "c"); }
static void twice_named(struct making_directory *d) { remake(d, 2, 2, 3, 3, "a"); }
static void too_few(struct making_directory *d) {
  free(d->entries[2].file.data);
  d->entries[2].file = (struct making){0};
  making_piece(&d->entries[2].file, 2, 3, 3, NULL, 0);
}
static void whole_file(struct making_directory *d) {
  struct making *m = &d->entries[2].file;
  m->size = 0;
  put_head(m, 3, 0, 0);
}
static void damaged(struct making_directory *d) { d->entries[2].file.size -= 8; }
static void not_a_model(struct making_directory *d) { d->entries[1].file.data[0] = 'X'; }
static void many(struct making_directory *d) {
  struct making *m = &d->entries[0].file;
  m->size = 0;
  put_head(m, 3, 0, 1);
  put_key(m, "split.count", U16);
  put_number(m, 60000, 2);
}
static void outside(struct making_directory *d) {
  struct making *m = &d->entries[0].file;
  m->size = 0;
  put_head(m, 3, 0, 2);
  put_key(m, "split.count", U16);
  put_number(m, 3, 2);
  put_key(m, "split.no", U16);
  put_number(m, 3, 2);
}

static const struct {
  void (*spoil)(struct making_directory *);
  ridge_status status;
  const char *wanted[3];
} faults[] = {
    {missing, RIDGE_IO, {"piece 3 of 3", "m-00003-of-00003.gguf", "is not beside it"}},
    {renamed, RIDGE_INVALID, {"piece 1 of 3", "-00001-of-00003.gguf", "rename it"}},
    {wrong_number, RIDGE_CORRUPT, {"piece 2 of 3", "piece 1 of 3", "fetch it again"}},
    {wrong_count, RIDGE_CORRUPT, {"piece 1 of 4", "piece 1 of 3"}},
    {swapped, RIDGE_CORRUPT, {"m-00002-of-00003.gguf", "says it is piece 3"}},
    {of_another_split, RIDGE_CORRUPT, {"m-00003-of-00003.gguf", "piece 3 of 5"}},
    {of_another_model, RIDGE_CORRUPT, {"9 tensors", "a model with 3", "two models"}},
    {twice_named, RIDGE_CORRUPT, {"tensor a is in two pieces"}},
    {too_few, RIDGE_CORRUPT, {"2 tensors in all", "3 are promised"}},
    {whole_file, RIDGE_CORRUPT, {"m-00003-of-00003.gguf", "piece 1 of 1"}},
    {damaged, RIDGE_CORRUPT, {"of m-00003-of-00003.gguf", "tensor c", "cut short"}},
    {not_a_model, RIDGE_CORRUPT, {"of m-00002-of-00003.gguf", "starts with 58"}},
    {many, RIDGE_CORRUPT, {"fact split.count", "60000", "between 0 and 1000"}},
    {outside, RIDGE_CORRUPT, {"piece 1 of 3", "piece 4 of 3"}},
};

static void each_fault_of_pieces_has_its_sentence(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    struct making_directory d = making_three();
    faults[i].spoil(&d);
    struct making_host host;
    making_host_new(&host);
    ridge_model_file file;
    ridge_status status = making_open_directory(&host, &d, 0, &file);
    if (status != faults[i].status)
      fail_msg("case %zu: status %d: %s", i, status, host.text);
    for (size_t j = 0; j < 3 && faults[i].wanted[j] != NULL; j++)
      if (strstr(host.text, faults[i].wanted[j]) == NULL)
        fail_msg("case %zu: \"%s\" lacks \"%s\"", i, host.text, faults[i].wanted[j]);
    assert_null(file.opaque);
    assert_int_equal(host.alive, 0);
    making_directory_free(&d);
  }
}

static void without_memory_pieces_leak_nothing(void **state) {
  (void)state;
  struct making_directory d = making_three();
  ridge_status status = RIDGE_NO_MEMORY;
  for (int64_t n = 0; status == RIDGE_NO_MEMORY; n++) {
    struct making_host host;
    making_host_new(&host);
    host.fail_from = n;
    ridge_model_file file;
    status = making_open_directory(&host, &d, 1, &file);
    if (status == RIDGE_OK) making_format()->close(&file);
    assert_int_equal(host.alive, 0);
    assert_true(n < 50);
  }
  assert_int_equal(status, RIDGE_OK);
  making_directory_free(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_piece_opens_the_whole),
      cmocka_unit_test(a_model_in_one_piece_needs_no_name),
      cmocka_unit_test(each_fault_of_pieces_has_its_sentence),
      cmocka_unit_test(without_memory_pieces_leak_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
