/* blame.c - after a death the page names who was executing, and the signal is seen. */
#include "testing.h"

#include "base/blame.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* An address that no process has, and no compiler knows. */
static volatile uintptr_t nowhere = 16;
#define NOWHERE ((volatile int *)nowhere)

struct death {
  int signal;
  char name[64];
};

/* Run `work` in a child that has the page; how did it end, and who is blamed? */
static struct death watch(void (*work)(void)) {
  struct why why;
  int fd = -1;
  struct blame_page *page = blame_create(&fd, &why);
  assert_non_null(page);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (blame_attach(fd, &why) != RIDGE_OK) _exit(99);
    blame_name(0, "kv.paged 1.0.0");
    blame_name(1, "weights.rtn 0.2.0");
    work();
    _exit(0);
  }
  int status = 0;
  struct death death = {0};
  assert_int_equal(waitpid(child, &status, 0), child);
  death.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  blame_read(page, death.name);
  blame_free(page);
  close(fd);
  return death;
}

static void fault_inside(void) {
  blame_thread(0);
  (void)blame_enter(0);
  *NOWHERE = 1;
}

static void a_plugin_that_faults_is_named(void **state) {
  (void)state;
  struct death death = watch(fault_inside);
  assert_int_equal(death.signal, SIGSEGV);
  assert_string_equal(death.name, "kv.paged 1.0.0");
}

static void fault_after(void) {
  blame_thread(0);
  uint32_t former = blame_enter(0);
  blame_leave(former);
  *NOWHERE = 1;
}

static void a_fault_of_the_host_names_nobody(void **state) {
  (void)state;
  struct death death = watch(fault_after);
  assert_int_equal(death.signal, SIGSEGV);
  assert_string_equal(death.name, "");
}

static void fault_after_nested(void) {
  blame_thread(0);
  (void)blame_enter(0);
  uint32_t former = blame_enter(1); /* called by the first, through the host */
  blame_leave(former);
  abort();
}

static void leaving_gives_the_blame_back_to_the_caller(void **state) {
  (void)state;
  struct death death = watch(fault_after_nested);
  assert_int_equal(death.signal, SIGABRT);
  assert_string_equal(death.name, "kv.paged 1.0.0");
}

static void *fall(void *arg) {
  blame_thread(5);
  (void)blame_enter(1);
  raise(SIGFPE);
  return arg;
}

static void fault_in_another_thread(void) {
  pthread_t thread;
  blame_thread(0);
  (void)blame_enter(0); /* executing as well, but it does not fall */
  pthread_create(&thread, NULL, fall, NULL);
  pthread_join(thread, NULL);
}

static void the_thread_that_fell_is_the_one_that_counts(void **state) {
  (void)state;
  struct death death = watch(fault_in_another_thread);
  assert_int_equal(death.signal, SIGFPE);
  assert_string_equal(death.name, "weights.rtn 0.2.0");
}

static int (*volatile next)(volatile char *);
static int deeper(volatile char *above) {
  volatile char room[4096];
  room[0] = above[0];
  return next(room) + room[0];
}

static void overflow_the_stack(void) {
  struct rlimit small = {1 << 20, 1 << 20};
  char first = 0;
  setrlimit(RLIMIT_STACK, &small);
  blame_thread(0);
  (void)blame_enter(0);
  next = deeper;
  exit(deeper(&first));
}

static void a_stack_overflow_is_blamed_too(void **state) {
  (void)state;
  struct death death = watch(overflow_the_stack);
  assert_int_equal(death.signal, SIGSEGV);
  assert_string_equal(death.name, "kv.paged 1.0.0");
}

static void be_killed(void) {
  blame_thread(3);
  (void)blame_enter(1);
  kill(getpid(), SIGKILL);
}

static void a_kill_from_outside_names_who_was_executing(void **state) {
  (void)state;
  struct death death = watch(be_killed);
  assert_int_equal(death.signal, SIGKILL);
  assert_string_equal(death.name, "weights.rtn 0.2.0");
}

static void the_same_call_grows_old_and_another_does_not(void **state) {
  (void)state;
  struct why why;
  struct blame_watch watch = {0};
  char name[64];
  int fd;
  struct blame_page *page = blame_create(&fd, &why);
  assert_non_null(page);
  memcpy(page->names[1], "weights.rtn 0.2.0", 18);
  const uint64_t s = 1000000000;
  atomic_store(&page->executing[7], 5 << BLAME_WHO_BITS | 2);
  blame_look(page, &watch, 10 * s);
  assert_int_equal(blame_longest_ns(page, &watch, 13 * s, name), 3 * s);
  assert_string_equal(name, "weights.rtn 0.2.0");
  atomic_store(&page->executing[7], 7 << BLAME_WHO_BITS | 2); /* left and entered again */
  blame_look(page, &watch, 14 * s);
  assert_int_equal(blame_longest_ns(page, &watch, 15 * s, name), s);
  atomic_store(&page->executing[7], 8 << BLAME_WHO_BITS);
  blame_look(page, &watch, 20 * s);
  assert_int_equal(blame_longest_ns(page, &watch, 30 * s, name), 0);
  assert_string_equal(name, "");
  blame_free(page);
  close(fd);
}

static void be_sent_a_fault(void) {
  blame_thread(0);
  kill(getpid(), SIGSEGV); /* no instruction to come back to */
  for (;;) pause();
}

static void a_fault_that_was_sent_ends_the_process(void **state) {
  (void)state;
  struct death death = watch(be_sent_a_fault);
  assert_int_equal(death.signal, SIGSEGV);
  assert_string_equal(death.name, "");
}

static void without_a_page_nothing_happens(void **state) {
  (void)state;
  blame_name(0, "nobody");
  blame_thread(BLAME_THREADS + 7);
  uint32_t former = blame_enter(0);
  blame_leave(former);
  assert_int_equal(former, 0);
}

static void a_page_full_of_rubbish_is_read_safely(void **state) {
  (void)state;
  struct why why;
  int fd;
  struct blame_page *page = blame_create(&fd, &why);
  assert_non_null(page);
  char name[64];
  memset((void *)page, 0xff, sizeof *page);
  blame_read(page, name);
  assert_string_equal(name, "");
  memset((void *)page->names, 0x1b, sizeof page->names);
  atomic_store(&page->fallen, 1);
  atomic_store(&page->executing[0], BLAME_THREADS);
  blame_read(page, name);
  assert_int_equal(strlen(name), 63);
  for (size_t i = 0; i < 63; i++) assert_int_equal(name[i], '?');
  atomic_store(&page->executing[0], BLAME_THREADS + 1);
  blame_read(page, name);
  assert_string_equal(name, "");
  blame_free(page);
  close(fd);
}

static void a_worker_cannot_take_the_page_from_under_the_supervisor(void **state) {
  (void)state;
  struct why why;
  int fd;
  struct blame_page *page = blame_create(&fd, &why);
  assert_non_null(page);
  assert_int_not_equal(ftruncate(fd, 0), 0);
  assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  blame_free(page);
  close(fd);
}

static void a_descriptor_that_is_no_page_is_refused(void **state) {
  (void)state;
  struct why why;
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  assert_int_equal(blame_attach(fds[0], &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "bytes"));
  close(fds[0]);
  close(fds[1]);
  assert_int_equal(blame_attach(fds[0], &why), RIDGE_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_page_nothing_happens),
      cmocka_unit_test(a_plugin_that_faults_is_named),
      cmocka_unit_test(a_fault_of_the_host_names_nobody),
      cmocka_unit_test(leaving_gives_the_blame_back_to_the_caller),
      cmocka_unit_test(the_thread_that_fell_is_the_one_that_counts),
      cmocka_unit_test(a_stack_overflow_is_blamed_too),
      cmocka_unit_test(a_kill_from_outside_names_who_was_executing),
      cmocka_unit_test(the_same_call_grows_old_and_another_does_not),
      cmocka_unit_test(a_fault_that_was_sent_ends_the_process),
      cmocka_unit_test(a_page_full_of_rubbish_is_read_safely),
      cmocka_unit_test(a_worker_cannot_take_the_page_from_under_the_supervisor),
      cmocka_unit_test(a_descriptor_that_is_no_page_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
