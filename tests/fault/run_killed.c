/*
 * run_killed.c - kill -9 of supervisor or worker at any moment, in earnest: the built
 * command, a model that ships, and a catalog that afterwards is whole and tells the truth.
 */
#include "testing.h"

#include "base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
  char *dir, *catalog, *recipe, *model;
};

static int set_up(void **state) {
  struct scene *scene = calloc(1, sizeof *scene);
  if (scene == NULL) return -1;
  scene->dir = testing_scratch();
  scene->model = testing_source("models/kjv-2m-f16.gguf");
  if (asprintf(&scene->catalog, "%s/catalog.db", scene->dir) < 0) return -1;
  if (asprintf(&scene->recipe, "%s/long.lua", scene->dir) < 0) return -1;
  FILE *file = fopen(scene->recipe, "w");
  if (file == NULL) return -1;
  fprintf(file,
          "return infer { model \"%s\",\n  use \"kv.paged\",\n"
          "  bench { prefill = 32, decode = 64 }, measure { repeats = 10000 } }\n",
          scene->model);
  fclose(file);
  *state = scene;
  return 0;
}

static int tear_down(void **state) {
  struct scene *scene = *state;
  testing_remove(scene->dir);
  free(scene->catalog);
  free(scene->recipe);
  free(scene->model);
  free(scene);
  return 0;
}

static pid_t start(const struct scene *scene) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child > 0) return child;
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  dup2(null, 2);
  execl(TEST_BUILD_DIR "/ridge", "ridge", "--catalog", scene->catalog, "run", scene->recipe,
        (char *)NULL);
  _exit(127);
}

static void pass(uint64_t ms) { usleep((useconds_t)(ms * 1000)); }

/* The worker of a supervisor: its child that runs as `worker`. */
static pid_t worker_of(pid_t supervisor) {
  char path[128], line[512] = "", name[256];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)supervisor,
           (int)supervisor);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fgets(line, sizeof line, file) == NULL) line[0] = 0;
  fclose(file);
  for (char *at = strtok(line, " "); at != NULL; at = strtok(NULL, " ")) {
    snprintf(path, sizeof path, "/proc/%s/cmdline", at);
    file = fopen(path, "r");
    if (file == NULL) continue;
    size_t n = fread(name, 1, sizeof name - 1, file);
    fclose(file);
    name[n] = 0;
    if (strcmp(name + strlen(name) + 1, "worker") == 0) return (pid_t)atoi(at);
  }
  return 0;
}

static pid_t wait_for_worker(pid_t supervisor) {
  for (int i = 0; i < 1000; i++) {
    pid_t worker = worker_of(supervisor);
    if (worker != 0) return worker;
    pass(10);
  }
  fail_msg("no worker was started within 10 s");
  return 0;
}

static bool is_alive(pid_t process) {
  char path[64], line[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
  FILE *file = fopen(path, "r");
  if (file == NULL) return false;
  const char *after = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
  fclose(file);
  return after != NULL && after[2] != 'Z';
}

static void must_vanish(pid_t process) {
  for (int i = 0; i < 500 && is_alive(process); i++) pass(10);
  assert_false(is_alive(process));
}

static int end_of(pid_t process) {
  int status;
  assert_int_equal(waitpid(process, &status, 0), process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *ask(const struct scene *scene, const char *sql) {
  static char answer[1024];
  sqlite3 *db;
  sqlite3_stmt *query;
  assert_int_equal(sqlite3_open_v2(scene->catalog, &db, SQLITE_OPEN_READWRITE, NULL),
                   SQLITE_OK);
  sqlite3_busy_timeout(db, 10000);
  if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  snprintf(answer, sizeof answer, "no row");
  if (sqlite3_step(query) == SQLITE_ROW) {
    const char *text = (const char *)sqlite3_column_text(query, 0);
    snprintf(answer, sizeof answer, "%s", text != NULL ? text : "NULL");
  }
  sqlite3_finalize(query);
  sqlite3_close(db);
  return answer;
}
#define LAST(column) "SELECT " column " FROM run ORDER BY run_id DESC LIMIT 1"

/* The next ridge that opens the catalog closes what was left behind. */
static void open_again(const struct scene *scene) {
  const char *const words[] = {"--catalog", scene->catalog, "doctor", "--json", NULL};
  struct testing_output output = testing_ridge(words);
  assert_int_equal(output.exit, 0);
  testing_output_free(&output);
}

static bool model_is_there(const struct scene *scene) {
  if (access(scene->model, R_OK) == 0) return true;
  testing_skip_without("models/kjv-2m-f16.gguf");
  return false;
}

static void a_killed_worker_is_a_crashed_row_at_any_moment(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  static const uint64_t moments[] = {0, 5, 60, 400};
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    pid_t supervisor = start(s), worker = wait_for_worker(supervisor);
    pass(moments[i]);
    kill(worker, SIGKILL);
    assert_int_equal(end_of(supervisor), 1);
    assert_string_equal(ask(s, LAST("status")), "crashed");
    assert_non_null(strstr(ask(s, LAST("why")), "SIGKILL"));
    assert_string_equal(ask(s, "PRAGMA integrity_check"), "ok");
  }
}

static void a_killed_supervisor_takes_its_worker_with_it(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  static const uint64_t moments[] = {0, 5, 60, 400};
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    pid_t supervisor = start(s), worker = wait_for_worker(supervisor);
    pass(moments[i] + 20); /* time to say whose child it is */
    kill(supervisor, SIGKILL);
    assert_int_equal(end_of(supervisor), 128 + SIGKILL);
    must_vanish(worker);
    open_again(s);
    assert_string_equal(ask(s, LAST("status")), "crashed");
    assert_string_equal(ask(s, "SELECT count(*) FROM run WHERE status = 'running'"), "0");
    assert_string_equal(ask(s, "PRAGMA integrity_check"), "ok");
  }
}

static void a_supervisor_killed_before_its_worker_leaves_a_whole_catalog(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  for (uint64_t ms = 1; ms <= 64; ms *= 2) {
    pid_t supervisor = start(s);
    pass(ms);
    kill(supervisor, SIGKILL);
    end_of(supervisor);
    open_again(s);
    assert_string_equal(ask(s, "PRAGMA integrity_check"), "ok");
    assert_string_equal(ask(s, "SELECT count(*) FROM run WHERE status = 'running'"), "0");
  }
}

static void an_interrupt_ends_a_run_cleanly(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  pid_t supervisor = start(s), worker = wait_for_worker(supervisor);
  for (int i = 0;
       i < 1000 && strcmp(ask(s, "SELECT count(*) > 5 FROM sample WHERE run_id = "
                                 "(SELECT max(run_id) FROM run)"),
                          "1") != 0;
       i++)
    pass(10);
  kill(supervisor, SIGINT);
  assert_int_equal(end_of(supervisor), 1);
  must_vanish(worker);
  assert_string_equal(ask(s, LAST("status")), "stopped");
  assert_string_equal(
      ask(s, "SELECT count(*) > 0 FROM sample WHERE run_id = (SELECT max(run_id) "
             "FROM run)"),
      "1");
  assert_string_equal(
      ask(s, "SELECT calls > 0 FROM composition JOIN plugin USING (plugin_id) WHERE "
             "name = 'kv.paged' ORDER BY run_id DESC LIMIT 1"),
      "1");
}

/* With its output in a pipe; the reader's end. */
static pid_t start_into_pipe(const struct scene *scene, int *reader, int which,
                             const char *const *words) {
  const char *argv[16] = {"ridge", "--catalog", scene->catalog};
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  for (size_t i = 0; words[i] != NULL; i++) argv[i + 3] = words[i];
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(which == 1 ? ends[1] : null, 1);
    dup2(which == 2 ? ends[1] : null, 2);
    close(ends[0]);
    close(ends[1]);
    execv(TEST_BUILD_DIR "/ridge", (char *const *)(uintptr_t)argv);
    _exit(127);
  }
  close(ends[1]);
  *reader = ends[0];
  return child;
}

static void a_run_that_nobody_reads_any_more_is_stopped(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  for (int which = 1; which <= 2; which++) {
    int reader;
    const char *const words[] = {"run", s->recipe, NULL};
    pid_t supervisor = start_into_pipe(s, &reader, which, words);
    pid_t worker = wait_for_worker(supervisor);
    pass(300);
    close(reader); /* as `head` does */
    uint64_t before = clock_ns();
    (void)end_of(supervisor); /* dead of SIGPIPE while it prints, or failed */
    assert_true(clock_ns() - before < 8000000000u);
    must_vanish(worker);
    assert_string_equal(ask(s, LAST("status")), "stopped");
    assert_non_null(strstr(ask(s, LAST("why")), "nobody reads the output"));
  }
}

/* A job without standard output is one that somebody wanted so. */
static void a_closed_output_is_no_reader_that_left(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char command[1024];
  snprintf(command, sizeof command,
           "'%s' --catalog '%s' run '%s' --repeat 2 --quiet >&- 2>&-",
           TEST_BUILD_DIR "/ridge", s->catalog, s->recipe);
  assert_int_equal(system(command), 0);
  assert_string_equal(ask(s, LAST("status")), "done");
}

static void put(const char *path, const char *text, const char *model) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file, text, model);
  assert_int_equal(fclose(file), 0);
}

#define LAST_SWEEP(column) "SELECT " column " FROM sweep ORDER BY sweep_id DESC LIMIT 1"

/* Interrupted at many moments, some of them between two runs: each row has its end. */
static void an_interrupt_ends_a_sweep_and_its_row_wherever_it_comes(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char base[512], sweep[512];
  snprintf(base, sizeof base, "%s/short.lua", s->dir);
  snprintf(sweep, sizeof sweep, "%s/sweep.lua", s->dir);
  put(base,
      "return infer { model \"%s\", use \"kv.paged\", prompts { \"In\" }, sample { length "
      "= "
      "2 }, measure { repeats = 1 } }",
      s->model);
  put(sweep,
      "local many = {} for i = 1, 50 do many[i] = i end "
      "return sweep { of \"short\", vary \"kv.paged\" { block = each { 4, 8, 16, 32 } }, "
      "seeds(many) } %s",
      "");
  const char *const calls[][4] = {{"run", sweep}, {"ablate", base, "--repeat=40"}};
  const char *const names[] = {"sweep", "ablation"};
  for (size_t k = 0; k < 2; k++)
    for (int i = 0; i < 6; i++) {
      int reader;
      pid_t supervisor = start_into_pipe(s, &reader, 1, calls[k]);
      (void)wait_for_worker(supervisor);
      pass(200 + 37 * (uint64_t)i);
      kill(supervisor, SIGINT);
      assert_int_equal(end_of(supervisor), 1);
      close(reader);
      assert_string_equal(ask(s, LAST_SWEEP("name")), names[k]);
      assert_string_equal(ask(s, LAST_SWEEP("status")), "stopped");
      assert_string_equal(ask(s, LAST_SWEEP("ended >= started")), "1");
      assert_string_equal(ask(s, "SELECT count(*) FROM run WHERE status = 'running'"), "0");
    }
}

static void a_sweep_whose_supervisor_was_killed_is_crashed(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  const char *const words[] = {"ablate", s->recipe, NULL};
  int reader;
  pid_t supervisor = start_into_pipe(s, &reader, 1, words), worker;
  worker = wait_for_worker(supervisor); /* of the plan */
  for (int i = 0; i < 1000 && strcmp(ask(s, LAST_SWEEP("ended")), "NULL") != 0; i++)
    pass(10);
  kill(supervisor, SIGKILL);
  end_of(supervisor);
  close(reader);
  must_vanish(worker);
  open_again(s);
  assert_string_equal(ask(s, LAST_SWEEP("status")), "crashed");
}

/* A plugin that hangs inside a step: the terminal says who, and so does the row. */
static void a_strategy_that_never_comes_back_is_named(void **state) {
  const struct scene *s = *state;
  if (!model_is_there(s)) return;
  char command[2048], line[256] = "";
  snprintf(command, sizeof command,
           "mkdir %s/plugins && cp %s %s/plugins && printf 'return infer { model \"%s\", "
           "use \"faulty.stuck\", prompts { \"In the beginning\" } }' > %s/stuck.lua",
           s->dir, TEST_BUILD_DIR "/faulty/stuck.so", s->dir, s->model, s->dir);
  assert_int_equal(system(command), 0);
  snprintf(command, sizeof command, "%s/plugins", s->dir);
  char *recipe = NULL;
  assert_true(asprintf(&recipe, "%s/stuck.lua", s->dir) > 0);
  int said[2];
  assert_int_equal(pipe(said), 0);
  fflush(NULL);
  pid_t supervisor = fork();
  assert_true(supervisor >= 0);
  if (supervisor == 0) {
    dup2(said[1], 2);
    dup2(open("/dev/null", O_RDWR), 1);
    setenv("RIDGE_STALL_SECONDS", "0.5", 1);
    execl(TEST_BUILD_DIR "/ridge", "ridge", "--catalog", s->catalog, "--plugins", command,
          "run", recipe, (char *)NULL);
    _exit(127);
  }
  close(said[1]);
  FILE *err = fdopen(said[0], "r");
  while (fgets(line, sizeof line, err) != NULL)
    if (strstr(line, "faulty.stuck 1.0.0 has been executing for") != NULL) break;
  assert_non_null(strstr(line, "Ctrl-C twice"));
  kill(supervisor, SIGINT);
  pass(300); /* the second one is another one */
  kill(supervisor, SIGINT);
  assert_int_equal(end_of(supervisor), 1);
  fclose(err);
  assert_string_equal(ask(s, LAST("status")), "crashed");
  assert_non_null(strstr(ask(s, LAST("why")), "faulty.stuck 1.0.0 was executing for"));
  assert_string_equal(ask(s,
                          "SELECT p.name FROM run JOIN plugin p ON plugin_id = blamed_id "
                          "ORDER BY run_id DESC LIMIT 1"),
                      "faulty.stuck");
  free(recipe);
}

static void a_limit_that_is_no_number_is_refused(void **state) {
  const struct scene *s = *state;
  const char *const words[] = {"--catalog", s->catalog, "run", s->recipe, NULL};
  setenv("RIDGE_STALL_SECONDS", "soon", 1);
  struct testing_output output = testing_ridge(words);
  unsetenv("RIDGE_STALL_SECONDS");
  assert_int_equal(output.exit, 2);
  assert_non_null(strstr(output.err, "`soon`"));
  testing_output_free(&output);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_killed_worker_is_a_crashed_row_at_any_moment),
      cmocka_unit_test(a_killed_supervisor_takes_its_worker_with_it),
      cmocka_unit_test(a_supervisor_killed_before_its_worker_leaves_a_whole_catalog),
      cmocka_unit_test(an_interrupt_ends_a_run_cleanly),
      cmocka_unit_test(a_run_that_nobody_reads_any_more_is_stopped),
      cmocka_unit_test(a_closed_output_is_no_reader_that_left),
      cmocka_unit_test(an_interrupt_ends_a_sweep_and_its_row_wherever_it_comes),
      cmocka_unit_test(a_sweep_whose_supervisor_was_killed_is_crashed),
      cmocka_unit_test(a_strategy_that_never_comes_back_is_named),
      cmocka_unit_test(a_limit_that_is_no_number_is_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
