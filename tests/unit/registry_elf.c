/* registry_elf.c - the reader of shared objects: right on good ones, safe on any. */
#include "testing.h"

#include "registry/elf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERYTHING TEST_BUILD_DIR "/good/everything.so"

static bool has(const char **names, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

static void exports_imports_and_libraries_are_read(void **state) {
  (void)state;
  struct arena arena = {0};
  struct elf_facts facts;
  struct why why = {""};
  if (elf_read(EVERYTHING, &arena, &facts, &why) != RIDGE_OK) fail_msg("%s", why.text);
  assert_true(has(facts.exports, facts.n_exports, "ridge_plugin_v1"));
  assert_int_equal(facts.n_exports, 1);
  assert_true(has(facts.imports, facts.n_imports, "strcmp"));
  assert_false(has(facts.imports, facts.n_imports, "ridge_plugin_v1"));
  arena_free(&arena);
}

static void a_library_with_many_symbols_is_read(void **state) {
  (void)state;
  struct arena arena = {0};
  struct elf_facts facts;
  struct why why = {""};
  const char *libc = "/lib/x86_64-linux-gnu/libc.so.6";
  FILE *file = fopen(libc, "rb");
  if (file == NULL) testing_skip_without(libc);
  fclose(file);
  if (elf_read(libc, &arena, &facts, &why) != RIDGE_OK) fail_msg("%s", why.text);
  assert_true(facts.n_exports > 1000);
  assert_true(has(facts.exports, facts.n_exports, "printf"));
  arena_free(&arena);
}

static void what_is_no_shared_object_is_refused(void **state) {
  (void)state;
  struct arena arena = {0};
  struct elf_facts facts;
  struct why why = {""};
  assert_int_equal(elf_read("/dev/zero", &arena, &facts, &why), RIDGE_IO);
  assert_int_equal(elf_read("/nowhere", &arena, &facts, &why), RIDGE_IO);
  assert_int_equal(elf_read(__FILE__, &arena, &facts, &why) == RIDGE_OK, false);
  arena_free(&arena);
}

/* Bytes changed and ends cut off: any answer will do, as long as there is one. */
static void no_damage_leads_outside_the_file(void **state) {
  (void)state;
  char *dir = testing_scratch(), *path = NULL;
  if (asprintf(&path, "%s/x.so", dir) < 0) abort();
  FILE *file = fopen(EVERYTHING, "rb");
  assert_non_null(file);
  static unsigned char good[1 << 17], bad[1 << 17];
  size_t size = fread(good, 1, sizeof good, file), refused = 0;
  fclose(file);
  uint32_t seed = 12345;
  for (int round = 0; round < 3000; round++) {
    memcpy(bad, good, size);
    for (int k = 0; k < 4; k++) {
      seed = seed * 1664525u + 1013904223u;
      /* Heads and dynamic symbols lie in front; most of the rest is text. */
      size_t at = (seed >> 8) % (round % 2 == 0 ? 1024 : size);
      bad[at] = (unsigned char)(seed >> 24);
    }
    size_t cut = round % 5 == 0 ? (seed >> 4) % size : size;
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bad, 1, cut, file), cut);
    fclose(file);
    struct arena arena = {0};
    struct elf_facts facts;
    struct why why;
    if (elf_read(path, &arena, &facts, &why) != RIDGE_OK) refused++;
    arena_free(&arena);
  }
  assert_true(refused > 300);
  free(path);
  testing_remove(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exports_imports_and_libraries_are_read),
      cmocka_unit_test(a_library_with_many_symbols_is_read),
      cmocka_unit_test(what_is_no_shared_object_is_refused),
      cmocka_unit_test(no_damage_leads_outside_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
