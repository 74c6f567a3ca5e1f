/*
 * gguf_pieces_fuzz.c - damage in one piece of a split model: it opens or gets one
 * sentence, whichever piece is opened and whichever is damaged.
 */
#include "random.h"
#include "testing.h"

#include "unit/gguf_making.h"

/* Each tensor within its file. */
static void walk(const struct making_directory *d, const ridge_model_file *file) {
  for (uint64_t i = 0; i < file->n_tensors; i++) {
    const ridge_file_tensor *t = &file->tensors[i];
    assert_true(t->file < d->n);
    const size_t at = t->file == 0           ? d->opened
                      : t->file <= d->opened ? t->file - 1
                                             : t->file;
    assert_true(t->offset <= d->entries[at].file.size);
    assert_true(t->bytes <= d->entries[at].file.size - t->offset);
  }
}

static bool examine(struct making_directory *d, size_t opened) {
  struct making_host host;
  making_host_new(&host);
  ridge_model_file file;
  ridge_status status = making_open_directory(&host, d, opened, &file);
  if (status == RIDGE_OK) {
    walk(d, &file);
    making_format()->close(&file);
  } else {
    assert_true(strlen(host.text) > 20);
    assert_null(strchr(host.text, '\n'));
  }
  assert_int_equal(host.alive, 0);
  return status == RIDGE_OK;
}

static void any_byte_of_any_piece_may_be_wrong(void **state) {
  (void)state;
  static const uint8_t values[] = {0, 1, 2, 3, 0x7f, 0x80, 0xff};
  struct making_directory d = making_three();
  for (size_t piece = 0; piece < 3; piece++)
    for (size_t at = 0; at < d.entries[piece].file.size; at++) {
      uint8_t *byte = &d.entries[piece].file.data[at], kept = *byte;
      for (size_t v = 0; v < sizeof values; v++) {
        *byte = values[v];
        for (size_t opened = 0; opened < 3; opened++) (void)examine(&d, opened);
      }
      *byte = kept;
    }
  assert_true(examine(&d, 0));
  making_directory_free(&d);
}

static void any_piece_may_be_cut_anywhere(void **state) {
  (void)state;
  struct making_directory d = making_three();
  for (size_t piece = 0; piece < 3; piece++) {
    struct making *file = &d.entries[piece].file;
    struct making whole = *file;
    const size_t needed = piece == 0 ? 32 : whole.size; /* the first has no tensors */
    for (size_t size = 0; size < whole.size; size++) {
      uint8_t *exact = malloc(size + (size == 0)); /* a sanitizer sees one byte too many */
      assert_non_null(exact);
      memcpy(exact, whole.data, size);
      *file = (struct making){exact, size, size};
      const bool opens = examine(&d, (piece + 1) % 3);
      if (size < needed) assert_false(opens);
      free(exact);
    }
    *file = whole;
  }
  making_directory_free(&d);
}

static void random_damage_of_pieces_does_no_harm(void **state) {
  (void)state;
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(20000);
  for (int round = 0; round < rounds; round++) {
    struct making_directory d = making_three();
    const uint64_t hits = random_next(&seed) % 4 + 1;
    for (uint64_t i = 0; i < hits; i++) {
      struct making *file = &d.entries[random_next(&seed) % 3].file;
      file->data[random_next(&seed) % file->size] = (uint8_t)random_next(&seed);
    }
    (void)examine(&d, random_next(&seed) % 3);
    making_directory_free(&d);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_byte_of_any_piece_may_be_wrong),
      cmocka_unit_test(any_piece_may_be_cut_anywhere),
      cmocka_unit_test(random_damage_of_pieces_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
