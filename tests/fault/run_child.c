/*
 * run_child.c - whatever a worker does, its supervisor survives, knows, and says so.
 *
 * The worker here is this program again (`--fake SCENARIO`), which misbehaves on order.
 */
#include "testing.h"

#include "base/blame.h"
#include "base/clock.h"
#include "run/child.h"
#include "run/outcome.h"
#include "run/wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The other side ------------------------------------------------------------------ */

enum { PIPE = 3, BLAME = 4 };

static void tell(const char *line) {
  size_t n = strlen(line);
  while (n > 0) {
    ssize_t wrote = write(PIPE, line, n);
    if (wrote <= 0) _exit(9);
    line += wrote;
    n -= (size_t)wrote;
  }
}

static char job[1 << 16];

/* One line and not a byte more: a slow starter finds the job and a stop behind it.
 * Returns its size; 0 is the end. */
static size_t hear_line(char *to, size_t room) {
  for (size_t n = 0; n + 1 < room;) {
    ssize_t got = read(PIPE, to + n, 1);
    if (got < 0) _exit(8);
    if (got == 0) return 0;
    if (to[n++] == '\n') return n;
  }
  _exit(8);
}

static void hear_job(void) {
  if (hear_line(job, sizeof job - 1) == 0) _exit(8);
}

static void hear_word(void) { /* the next one, of any kind, or the end */
  char word[256];
  (void)hear_line(word, sizeof word);
}

#define DONE "{\"t\":\"done\",\"status\":\"done\"}\n"

static void fall_in_a_plugin(int number) {
  struct why why;
  if (blame_attach(BLAME, &why) != RIDGE_OK) _exit(7);
  blame_name(0, "kv.paged 1.0.0");
  blame_thread(0);
  (void)blame_enter(0);
  tell("{\"t\":\"progress\",\"phase\":\"prompts\"}\n");
  raise(number);
}

static void be_well(void) {
  tell("{\"t\":\"plan\",\"plan\":{}}\n{\"t\":\"sample\",\"metric\":\"decode_tps\","
       "\"repeat\":0,"
       "\"value\":12.5}\n{\"t\":\"sample\",\"metric\":\"nll\",\"repeat\":0,\"value\":"
       "\"nan\"}\n");
  tell(DONE);
  hear_word();
}

static void segv(void) { fall_in_a_plugin(SIGSEGV); }
static void bus(void) { fall_in_a_plugin(SIGBUS); }
static void fpe(void) { fall_in_a_plugin(SIGFPE); }
static void ill(void) { fall_in_a_plugin(SIGILL); }
static void abrt(void) { fall_in_a_plugin(SIGABRT); }
static void killed(void) { fall_in_a_plugin(SIGKILL); }
static void host_segv(void) {
  struct why why;
  if (blame_attach(BLAME, &why) != RIDGE_OK) _exit(7);
  blame_thread(0);
  raise(SIGSEGV);
}
static void fall_after_done(void) {
  tell(DONE);
  hear_word();
  fall_in_a_plugin(SIGSEGV);
}
static void hang(void) {
  tell("{\"t\":\"progress\",\"phase\":\"load\"}\n");
  pause();
}
static void hang_deaf(void) {
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  for (;;) pause();
}
static void hang_after_done(void) {
  tell(DONE);
  for (;;) pause();
}
static void leave_silently(void) { _exit(0); }
static void leave_with_code(void) { _exit(42); }
static void garbage(void) {
  tell("\x01\x02{]]}}\n");
  for (;;) pause();
}
static void not_an_object(void) {
  tell("[1,2,3]\n");
  for (;;) pause();
}
static void unknown_kind(void) {
  tell("{\"t\":\"gossip\"}\n");
  for (;;) pause();
}
static void missing_field(void) {
  tell("{\"t\":\"sample\",\"metric\":\"decode_tps\",\"value\":1}\n");
  for (;;) pause();
}
static void key_twice(void) {
  tell("{\"t\":\"progress\",\"phase\":\"a\",\"phase\":\"b\"}\n");
  for (;;) pause();
}
static void too_deep(void) {
  char *line = calloc(1, 200001);
  memset(line, '[', 100000);
  memset(line + 100000, ']', 99999);
  line[199999] = '\n';
  tell(line);
  for (;;) pause();
}
static void too_long(void) {
  char *piece = malloc(1 << 20);
  memset(piece, 'x', 1 << 20);
  piece[(1 << 20) - 1] = 0;
  for (;;) tell(piece);
}
static void large_but_fine(void) {
  size_t n = 8 << 20;
  char *text = malloc(n + 128);
  int head = sprintf(text, "{\"t\":\"event\",\"level\":\"info\",\"text\":\"");
  memset(text + head, 'y', n);
  strcpy(text + head + n, "\"}\n" DONE);
  tell(text);
  free(text);
  hear_word();
}
static void half_a_line(void) {
  tell("{\"t\":\"progress\",\"pha");
  usleep(50000);
  tell("se\":\"load\"}\n" DONE);
  hear_word();
}
static void be_in_a_plugin(void) {
  struct why why;
  if (blame_attach(BLAME, &why) != RIDGE_OK) _exit(7);
  blame_name(0, "kv.paged 1.0.0");
  blame_thread(0);
  (void)blame_enter(0);
  tell("{\"t\":\"progress\",\"phase\":\"prompts\"}\n");
}
static void stuck(void) {
  be_in_a_plugin();
  for (;;) pause();
}
static void stuck_and_killed(void) {
  be_in_a_plugin();
  usleep(2500000);
  kill(getpid(), SIGKILL);
}
static void call_and_call(void) { /* 2.5 s in all, and never long in one call */
  be_in_a_plugin();
  for (int i = 0; i < 25; i++) {
    usleep(100000);
    blame_leave(blame_enter(0));
  }
  be_well();
}
static void stop_when_asked(void) {
  tell("{\"t\":\"progress\",\"phase\":\"prompts\"}\n");
  hear_word();
  tell("{\"t\":\"done\",\"status\":\"stopped\"}\n");
  hear_word();
}
static void say_failed(void) {
  tell("{\"t\":\"done\",\"status\":\"failed\",\"why\":\"the model has no tensor `x`\"}\n");
  hear_word();
}
static void refuse(void) {
  tell("{\"t\":\"refused\",\"diagnostics\":[{\"code\":\"P205\",\"text\":\"too "
       "large\"}],\"exit\":4}\n");
  hear_word();
}
static void inert(void) {
  tell("{\"t\":\"strategies\",\"strategies\":[{\"id\":\"kv.prefix\",\"inert\":true,\"may_"
       "idle\":false,"
       "\"inert_reason\":\"`blocks reused` ended at 0\"}]}\n" DONE);
  hear_word();
}
static void idle_as_allowed(void) {
  tell("{\"t\":\"strategies\",\"strategies\":[{\"id\":\"kv.prefix\",\"inert\":true,\"may_"
       "idle\":true},"
       "{\"id\":\"kernels.portable\",\"kind\":\"part\",\"inert\":false}]}\n" DONE);
  hear_word();
}
static void chatter(void) {
  printf("one line\nhalf a line");
  fflush(stdout);
  fprintf(stderr, "a warning of a library\n");
  be_well();
}
static void take_memory(void) {
  size_t n = 64 << 20;
  volatile char *memory = malloc(n);
  for (size_t i = 0; i < n; i += 4096) memory[i] = 1;
  be_well();
  free((char *)(uintptr_t)memory);
}
static void leave_a_child_with_the_pipes(void) {
  if (fork() == 0) {
    sleep(5);
    _exit(0);
  }
  be_well();
}

#define SCENE(name)                                                                        \
  { #name, name }

static int fake_main(const char *scenario) {
  static const struct {
    const char *name;
    void (*run)(void);
  } scenarios[] = {
      SCENE(be_well),
      SCENE(segv),
      SCENE(bus),
      SCENE(fpe),
      SCENE(ill),
      SCENE(abrt),
      SCENE(killed),
      SCENE(host_segv),
      SCENE(fall_after_done),
      SCENE(hang),
      SCENE(hang_deaf),
      SCENE(hang_after_done),
      SCENE(leave_silently),
      SCENE(leave_with_code),
      SCENE(garbage),
      SCENE(not_an_object),
      SCENE(unknown_kind),
      SCENE(missing_field),
      SCENE(key_twice),
      SCENE(too_deep),
      SCENE(too_long),
      SCENE(large_but_fine),
      SCENE(half_a_line),
      SCENE(stuck),
      SCENE(stuck_and_killed),
      SCENE(call_and_call),
      SCENE(stop_when_asked),
      SCENE(say_failed),
      SCENE(refuse),
      SCENE(inert),
      SCENE(idle_as_allowed),
      SCENE(chatter),
      SCENE(take_memory),
      SCENE(leave_a_child_with_the_pipes),
  };
  hear_job();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
    if (strcmp(scenarios[i].name, scenario) == 0) scenarios[i].run();
  return 0;
}

/* This side ----------------------------------------------------------------------- */

struct watch {
  struct outcome outcome;
  struct child_end end;
  char output[512];
  int interrupts; /* to send: one, or two */
  bool interrupt_sent, interrupt_again;
  uint64_t began_ns, interrupt_after_ms, silence_ms, stall_ms;
  int stalls; /* told */
  char stalled[64];
  uint64_t took_ms;
};

static bool on_message(void *ctx, const json_t *message, struct why *why) {
  struct watch *watch = ctx;
  return outcome_hear(&watch->outcome, message, why);
}

static void on_output(void *ctx, const char *stream, const char *line) {
  struct watch *watch = ctx;
  size_t used = strlen(watch->output);
  snprintf(watch->output + used, sizeof watch->output - used, "%s:%s\n", stream, line);
}

static void on_stalled(void *ctx, const char *who, double seconds) {
  struct watch *watch = ctx;
  assert_true(seconds * 1e3 >= (double)watch->stall_ms);
  snprintf(watch->stalled, sizeof watch->stalled, "%s", who);
  watch->stalls++;
}

static void on_tick(void *ctx) {
  struct watch *watch = ctx;
  if ((clock_ns() - watch->began_ns) / 1000000 < watch->interrupt_after_ms) return;
  if (watch->interrupts > 0 && !watch->interrupt_sent) {
    watch->interrupt_sent = true;
    raise(SIGINT);
  } else if (watch->interrupts > 1 && !watch->interrupt_again) {
    watch->interrupt_again = true;
    raise(SIGTERM);
  }
}

/* As the fields before `took_ms` say. */
static void watch_as(struct watch *watch, const char *scenario) {
  outcome_init(&watch->outcome);
  const char *const argv[] = {"/proc/self/exe", "--fake", scenario, NULL};
  json_t *message = json_pack("{s:s}", "mode", "run");
  const struct child_job child = {
      .argv = argv,
      .job = message,
      .silence_ms = watch->silence_ms,
      .exit_ms = 1500,
      .stall_ms = watch->stall_ms,
      .ctx = watch,
      .message = on_message,
      .output = on_output,
      .tick = on_tick,
      .stalled = on_stalled,
  };
  struct why why;
  uint64_t start = watch->began_ns = clock_ns();
  assert_int_equal(child_run(&child, &watch->end, &why), RIDGE_OK);
  watch->took_ms = (clock_ns() - start) / 1000000;
  outcome_judge(&watch->outcome, &watch->end);
  json_decref(message);
}

static void watch_worker(struct watch *watch, const char *scenario, int interrupts) {
  *watch =
      (struct watch){.interrupts = interrupts, .silence_ms = interrupts > 0 ? 20000 : 1500};
  watch_as(watch, scenario);
}

static void a_well_worker_is_done(void **state) {
  (void)state;
  struct watch w;
  struct spread spread;
  watch_worker(&w, "be_well", 0);
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  assert_int_equal(w.outcome.exit, 0);
  assert_true(outcome_spread(&w.outcome, "decode_tps", &spread));
  assert_float_equal(spread.median, 12.5, 0);
  assert_false(
      outcome_spread(&w.outcome, "nll", &spread)); /* NaN is kept, and is no median */
  assert_int_equal(json_array_size(json_object_get(w.outcome.samples, "nll")), 1);
  assert_true(w.end.peak_rss > 100000);
  outcome_free(&w.outcome);
}

static void every_fatal_signal_is_named_and_blamed(void **state) {
  (void)state;
  static const struct {
    const char *scenario, *name;
  } cases[] = {{"segv", "SIGSEGV"}, {"bus", "SIGBUS"},   {"fpe", "SIGFPE"},
               {"ill", "SIGILL"},   {"abrt", "SIGABRT"}, {"killed", "SIGKILL"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct watch w;
    watch_worker(&w, cases[i].scenario, 0);
    assert_int_equal(w.outcome.status, CATALOG_CRASHED);
    assert_int_equal(w.outcome.exit, 1);
    assert_non_null(strstr(w.outcome.why, cases[i].name));
    /* SIGKILL comes from outside: whoever was executing has done nothing. */
    bool outside = strcmp(cases[i].name, "SIGKILL") == 0;
    assert_string_equal(w.outcome.blamed, outside ? "" : "kv.paged 1.0.0");
    outcome_free(&w.outcome);
  }
}

static void a_fall_of_the_host_blames_no_plugin(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "host_segv", 0);
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  assert_string_equal(w.outcome.blamed, "");
  outcome_free(&w.outcome);
}

static void a_fall_after_the_last_word_is_still_a_crash(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "fall_after_done", 0);
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  assert_non_null(strstr(w.outcome.why, "after its last word"));
  assert_string_equal(w.outcome.blamed, "kv.paged 1.0.0");
  outcome_free(&w.outcome);
}

static void a_worker_that_stops_answering_is_killed(void **state) {
  (void)state;
  static const char *const scenarios[] = {"hang", "hang_deaf", "hang_after_done"};
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    struct watch w;
    watch_worker(&w, scenarios[i], 0);
    assert_int_equal(w.outcome.status, CATALOG_CRASHED);
    assert_true(w.end.killed);
    assert_int_equal(w.end.signal, SIGKILL);
    assert_non_null(strstr(w.outcome.why, "1.5 s"));
    assert_true(w.took_ms < 8000);
    outcome_free(&w.outcome);
  }
}

static void leaving_without_a_word_is_a_crash(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "leave_silently", 0);
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  outcome_free(&w.outcome);
  watch_worker(&w, "leave_with_code", 0);
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  assert_non_null(strstr(w.outcome.why, "42"));
  outcome_free(&w.outcome);
}

static void what_is_no_message_ends_the_worker(void **state) {
  (void)state;
  static const char *const scenarios[] = {"garbage",       "not_an_object", "unknown_kind",
                                          "missing_field", "key_twice",     "too_deep",
                                          "too_long"};
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    struct watch w;
    watch_worker(&w, scenarios[i], 0);
    assert_int_equal(w.outcome.status, CATALOG_CRASHED);
    assert_true(w.end.killed);
    assert_non_null(strstr(w.outcome.why, "message"));
    outcome_free(&w.outcome);
  }
}

static void a_large_message_arrives_whole(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "large_but_fine", 0);
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  const json_t *event = json_array_get(w.outcome.events, 0);
  assert_int_equal(json_string_length(json_object_get(event, "text")), 8 << 20);
  outcome_free(&w.outcome);
}

static void a_line_may_come_in_pieces(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "half_a_line", 0);
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  outcome_free(&w.outcome);
}

static void the_first_interrupt_asks(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "stop_when_asked", 1);
  assert_int_equal(w.outcome.status, CATALOG_STOPPED);
  assert_string_equal(w.outcome.why, "stopped by the user");
  assert_false(w.end.killed);
  assert_int_equal(w.outcome.exit, 1);
  outcome_free(&w.outcome);
}

static void the_second_interrupt_kills(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "hang_deaf", 2);
  assert_int_equal(w.outcome.status, CATALOG_STOPPED);
  assert_true(w.end.killed);
  assert_non_null(strstr(w.outcome.why, "by the user"));
  assert_true(w.took_ms < 8000);
  outcome_free(&w.outcome);
}

static void a_call_that_does_not_come_back_is_told_and_blamed(void **state) {
  (void)state;
  struct watch w = {
      .interrupts = 2, .interrupt_after_ms = 1600, .stall_ms = 500, .silence_ms = 20000};
  watch_as(&w, "stuck");
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  assert_int_equal(w.outcome.exit, 1);
  assert_string_equal(w.stalled, "kv.paged 1.0.0");
  assert_int_equal(w.stalls, 2); /* after 0.5 s and after 1 s */
  assert_string_equal(w.outcome.blamed, "kv.paged 1.0.0");
  assert_non_null(strstr(w.outcome.why, "killed by the user; kv.paged 1.0.0 was executing "
                                        "for 1."));
  assert_true(w.took_ms < 8000);
  outcome_free(&w.outcome);
}

static void the_last_limit_names_who_did_not_come_back(void **state) {
  (void)state;
  struct watch w = {.stall_ms = 500, .silence_ms = 1500};
  watch_as(&w, "stuck");
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  assert_string_equal(w.outcome.blamed, "kv.paged 1.0.0");
  assert_non_null(strstr(w.outcome.why, "said nothing for 1.5 s"));
  assert_non_null(strstr(w.outcome.why, "kv.paged 1.0.0 was executing for 1."));
  outcome_free(&w.outcome);
}

static void a_kill_from_outside_blames_who_was_stuck(void **state) {
  (void)state;
  struct watch w = {.stall_ms = 500, .silence_ms = 20000};
  watch_as(&w, "stuck_and_killed");
  assert_int_equal(w.outcome.status, CATALOG_CRASHED);
  assert_string_equal(w.outcome.blamed, "kv.paged 1.0.0");
  assert_non_null(strstr(w.outcome.why, "SIGKILL"));
  assert_non_null(strstr(w.outcome.why, "was executing for 2."));
  outcome_free(&w.outcome);
}

static void one_who_kills_in_a_hurry_learns_whom_it_was_in(void **state) {
  (void)state;
  struct watch w = {.interrupts = 2, .interrupt_after_ms = 1500, .silence_ms = 20000};
  watch_as(&w, "stuck"); /* far from thirty seconds */
  assert_int_equal(w.outcome.status, CATALOG_STOPPED);
  assert_int_equal(w.stalls, 0);
  assert_string_equal(w.outcome.blamed, "kv.paged 1.0.0");
  assert_non_null(strstr(w.outcome.why, "was executing for 1."));
  outcome_free(&w.outcome);
}

static void many_short_calls_are_no_long_one(void **state) {
  (void)state;
  struct watch w = {.stall_ms = 700, .silence_ms = 20000};
  watch_as(&w, "call_and_call");
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  assert_int_equal(w.stalls, 0);
  outcome_free(&w.outcome);
}

static void a_failure_keeps_its_sentence(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "say_failed", 0);
  assert_int_equal(w.outcome.status, CATALOG_FAILED);
  assert_string_equal(w.outcome.why, "the model has no tensor `x`");
  assert_int_equal(w.outcome.exit, 1);
  outcome_free(&w.outcome);
}

static void what_does_not_fit_exits_4(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "refuse", 0);
  assert_int_equal(w.outcome.status, CATALOG_REFUSED);
  assert_int_equal(w.outcome.exit, 4);
  assert_int_equal(json_array_size(w.outcome.diagnostics), 1);
  outcome_free(&w.outcome);
}

static void a_strategy_that_did_nothing_makes_the_run_inert(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "inert", 0);
  assert_int_equal(w.outcome.status, CATALOG_INERT);
  assert_int_equal(w.outcome.exit, 3);
  assert_non_null(strstr(w.outcome.why, "`kv.prefix`"));
  assert_non_null(strstr(w.outcome.why, "`blocks reused` ended at 0"));
  outcome_free(&w.outcome);
}

static void a_strategy_that_may_idle_does_not(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "idle_as_allowed", 0);
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  json_t *json = outcome_json(&w.outcome);
  assert_int_equal(json_array_size(json_object_get(json, "strategies")), 1);
  assert_int_equal(json_array_size(json_object_get(json, "parts")), 1);
  json_decref(json);
  outcome_free(&w.outcome);
}

static void what_a_library_prints_is_kept(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "chatter", 0);
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  assert_non_null(strstr(w.output, "stdout:one line\n"));
  assert_non_null(strstr(w.output, "stdout:half a line\n"));
  assert_non_null(strstr(w.output, "stderr:a warning of a library\n"));
  outcome_free(&w.outcome);
}

static void peak_memory_is_that_of_the_worker(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "take_memory", 0);
  assert_in_range(w.end.peak_rss, 64 << 20, 512 << 20);
  outcome_free(&w.outcome);
}

static void a_grandchild_with_the_pipes_does_not_hold_us_up(void **state) {
  (void)state;
  struct watch w;
  watch_worker(&w, "leave_a_child_with_the_pipes", 0);
  assert_int_equal(w.outcome.status, CATALOG_DONE);
  assert_true(w.took_ms < 4000);
  outcome_free(&w.outcome);
}

static void a_command_that_is_not_there_is_one_sentence(void **state) {
  (void)state;
  const char *const argv[] = {"/nowhere/ridge", "worker", NULL};
  json_t *message = json_object();
  struct watch w = {0};
  const struct child_job child = {
      .argv = argv, .job = message, .ctx = &w, .message = on_message, .output = on_output};
  struct why why;
  assert_int_not_equal(child_run(&child, &w.end, &why), RIDGE_OK);
  assert_non_null(strstr(why.text, "/nowhere/ridge"));
  json_decref(message);
}

static void a_verdict_can_be_asked_again_and_again(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    struct watch w;
    watch_worker(&w, "be_well", 0);
    assert_int_equal(w.outcome.status, CATALOG_DONE);
    outcome_free(&w.outcome);
  }
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--fake") == 0) return fake_main(argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_well_worker_is_done),
      cmocka_unit_test(every_fatal_signal_is_named_and_blamed),
      cmocka_unit_test(a_fall_of_the_host_blames_no_plugin),
      cmocka_unit_test(a_fall_after_the_last_word_is_still_a_crash),
      cmocka_unit_test(a_worker_that_stops_answering_is_killed),
      cmocka_unit_test(leaving_without_a_word_is_a_crash),
      cmocka_unit_test(what_is_no_message_ends_the_worker),
      cmocka_unit_test(a_large_message_arrives_whole),
      cmocka_unit_test(a_line_may_come_in_pieces),
      cmocka_unit_test(the_first_interrupt_asks),
      cmocka_unit_test(the_second_interrupt_kills),
      cmocka_unit_test(a_call_that_does_not_come_back_is_told_and_blamed),
      cmocka_unit_test(the_last_limit_names_who_did_not_come_back),
      cmocka_unit_test(a_kill_from_outside_blames_who_was_stuck),
      cmocka_unit_test(one_who_kills_in_a_hurry_learns_whom_it_was_in),
      cmocka_unit_test(many_short_calls_are_no_long_one),
      cmocka_unit_test(a_failure_keeps_its_sentence),
      cmocka_unit_test(what_does_not_fit_exits_4),
      cmocka_unit_test(a_strategy_that_did_nothing_makes_the_run_inert),
      cmocka_unit_test(a_strategy_that_may_idle_does_not),
      cmocka_unit_test(what_a_library_prints_is_kept),
      cmocka_unit_test(peak_memory_is_that_of_the_worker),
      cmocka_unit_test(a_grandchild_with_the_pipes_does_not_hold_us_up),
      cmocka_unit_test(a_command_that_is_not_there_is_one_sentence),
      cmocka_unit_test(a_verdict_can_be_asked_again_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
