/* mapped_short.c - what a mapped file no longer has reads as zeros, and is noted. */
#include "testing.h"

#include "base/lost_pages.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 3 };

/* A mapped file of letters, cut to one page. */
static const volatile char *cut_file(size_t *page) {
  FILE *file = tmpfile();
  assert_non_null(file);
  *page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < PAGES * *page; i++) putc('x', file);
  fflush(file);
  void *at = mmap(NULL, PAGES * *page, PROT_READ, MAP_SHARED, fileno(file), 0);
  assert_true(at != MAP_FAILED);
  assert_int_equal(ftruncate(fileno(file), (off_t)*page), 0);
  fclose(file);
  return at;
}

static void what_is_gone_reads_as_zeros_and_is_noted(void **state) {
  (void)state;
  size_t page;
  const volatile char *at = cut_file(&page);
  lost_pages_take();
  assert_int_equal(at[page - 1], 'x');
  assert_false(lost_pages_met());
  for (size_t i = page; i < PAGES * page; i += 100) assert_int_equal(at[i], 0);
  assert_true(lost_pages_met());
  lost_pages_give_back();
  assert_true(lost_pages_met());
  lost_pages_take();
  assert_false(lost_pages_met());
  lost_pages_give_back();
  munmap((void *)(uintptr_t)at, PAGES * page);
}

static int fate_of(void (*body)(void)) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void read_before_and_after(void) {
  size_t page;
  const volatile char *at = cut_file(&page);
  lost_pages_take();
  lost_pages_give_back();
  signal(SIGBUS, SIG_DFL); /* a sanitizer has a handler of its own */
  (void)at[page];
}

static void raise_it(void) {
  lost_pages_take();
  raise(SIGBUS);
  raise(SIGBUS);
}

static void other_faults_are_as_fatal_as_ever(void **state) {
  (void)state;
  assert_true(WIFSIGNALED(fate_of(read_before_and_after)));
  assert_true(WIFSIGNALED(fate_of(raise_it)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_gone_reads_as_zeros_and_is_noted),
      cmocka_unit_test(other_faults_are_as_fatal_as_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
