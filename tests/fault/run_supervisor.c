/*
 * run_supervisor.c - whatever happens to a run, its row tells the truth.
 *
 * Recipes are composed for real, with the plugins of this build; the worker is this
 * program again (`--fake SCENARIO`), which misbehaves on order.
 */
#include "testing.h"

#include "base/blame.h"
#include "base/digest.h"
#include "run/supervisor.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The other side ------------------------------------------------------------------ */

static void tell(const char *line) {
  for (size_t n = strlen(line); n > 0;) {
    ssize_t wrote = write(3, line, n);
    if (wrote <= 0) _exit(9);
    line += wrote;
    n -= (size_t)wrote;
  }
}

static void hear(void) {
  char word[65536];
  if (read(3, word, sizeof word) < 0) _exit(8);
}

#define SAMPLE(repeat, value)                                                              \
  "{\"t\":\"sample\",\"metric\":\"decode_tps\",\"repeat\":" repeat ",\"value\":" value "}" \
  "\n"
#define REPORT(extra)                                                                      \
  "{\"t\":\"strategies\",\"strategies\":[{\"id\":\"kv.paged\",\"kind\":\"strategy\","      \
  "\"requested\":true,\"engaged\":true,\"calls\":7,\"declined\":0,\"reason\":\"\","        \
  "\"time_ns\":5,\"bytes_peak\":6," extra "\"evidence\":[{\"name\":\"blocks allocated\","  \
  "\"unit\":\"block\",\"count\":3,\"least\":1}]}]}\n"
#define DONE                                                                               \
  "{\"t\":\"done\",\"status\":\"done\",\"output\":"                                        \
  "\"c97ce47bb6922e4cee228b706e39561cab3c064f95a2f213824d8d036a9fc24d\"}\n"

static void whole(void) {
  tell("{\"t\":\"plan\",\"plan\":{\"threads\":{\"n\":2}}}\n");
  tell(SAMPLE("-1", "1.0") SAMPLE("0", "10.0") SAMPLE("1", "30.0") SAMPLE("2", "20.0"));
  tell("{\"t\":\"sample\",\"metric\":\"nll\",\"repeat\":0,\"value\":\"+inf\"}\n");
  for (int i = 0; i < 5000; i++) {
    char line[128];
    snprintf(line, sizeof line,
             "{\"t\":\"point\",\"series\":\"step_ms\",\"step\":%d,\"value\":%d.5}\n", i, i);
    tell(line);
  }
  tell(
      "{\"t\":\"text\",\"repeat\":0,\"sequence\":0,\"prompt\":\"A\",\"text\":\" \\u0000b\","
      "\"tokens\":[1,2],\"stop\":\"length\"}\n");
  tell("{\"t\":\"event\",\"level\":\"note\",\"text\":\"a word of a plugin\"}\n");
  tell(REPORT("\"inert\":false,"));
  tell(DONE);
  hear();
}
static void crash(void) {
  struct why why;
  if (blame_attach(4, &why) != RIDGE_OK) _exit(7);
  blame_name(0, "kv.paged 1.0.0");
  blame_thread(0);
  (void)blame_enter(0);
  tell(SAMPLE("0", "10.0"));
  raise(SIGSEGV);
}
static void hang(void) { pause(); }
static void tell_of_a_file(void) { /* that only the worker knows of, and twice */
  tell("{\"t\":\"plan\",\"plan\":{}}\n");
  for (int i = 0; i < 2; i++)
    tell("{\"t\":\"input\",\"role\":\"model\",\"path\":\"/proc/self/exe\"}\n"
         "{\"t\":\"input\",\"role\":\"model\",\"path\":\"/nowhere/at/all\"}\n");
  tell(DONE);
  hear();
}
static void take_a_while(void) {
  usleep(600000);
  tell(DONE);
  hear();
}
static void garbage(void) {
  tell("Segmentation fault\n");
  pause();
}
static void twice_the_same(void) {
  tell(SAMPLE("0", "10.0") SAMPLE("0", "11.0") DONE);
  hear();
}
static void idle(void) {
  tell(REPORT("\"inert\":true,\"may_idle\":false,\"inert_reason\":\"nothing to do\","));
  tell(DONE);
  hear();
}
static void too_large(void) {
  tell("{\"t\":\"refused\",\"exit\":4,\"diagnostics\":[{\"code\":\"P205\",\"owner\":\"kv."
       "paged\","
       "\"text\":\"it takes 5 GiB, and 1 GiB may be used\"}]}\n");
  hear();
}
static void stop(void) {
  tell(SAMPLE("0", "10.0"));
  hear();
  tell("{\"t\":\"done\",\"status\":\"stopped\"}\n");
  hear();
}
static void no_tensor(void) {
  tell("{\"t\":\"done\",\"status\":\"failed\",\"why\":\"no tensor\"}\n");
  hear();
}

#define SCENE(name)                                                                        \
  { #name, name }

static int fake_main(const char *scenario) {
  static const struct {
    const char *name;
    void (*run)(void);
  } scenarios[] = {
      SCENE(tell_of_a_file), SCENE(take_a_while), SCENE(whole),          SCENE(crash),
      SCENE(hang),           SCENE(garbage),      SCENE(twice_the_same), SCENE(idle),
      SCENE(too_large),      SCENE(stop),         SCENE(no_tensor),
  };
  hear();
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
    if (strcmp(scenarios[i].name, scenario) == 0) scenarios[i].run();
  return 0;
}

/* This side ----------------------------------------------------------------------- */

struct scene {
  char *dir, *catalog, *recipe, *broken;
  struct cli cli;
  struct outcome outcome;
};

static char *put(const struct scene *scene, const char *name, const char *text) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", scene->dir, name) < 0) abort();
  FILE *file = fopen(path, "w");
  if (file == NULL) abort();
  fputs(text, file);
  fclose(file);
  return path;
}

static int set_up(void **state) {
  static char *argv[] = {"ridge", "run", "made.lua", NULL};
  struct scene *scene = calloc(1, sizeof *scene);
  if (scene == NULL) return -1;
  scene->dir = testing_scratch();
  if (asprintf(&scene->catalog, "%s/catalog.db", scene->dir) < 0) return -1;
  free(put(scene, "m.gguf", "the fake worker reads no model"));
  scene->recipe = put(scene, "made.lua",
                      "return infer { name = \"made\", seed = 5,\n  model \"m.gguf\",\n"
                      "  use \"kv.paged\" { block = 16 },\n  prompts { \"A\" } }\n");
  scene->broken =
      put(scene, "broken.lua",
          "return infer { model \"m.gguf\", use \"kv.pagd\", prompts { \"A\" } }\n");
  scene->cli = (struct cli){
      .self = TEST_BUILD_DIR "/ridge", .catalog = scene->catalog, .argv = argv, .argc = 3};
  *state = scene;
  return 0;
}

static int tear_down(void **state) {
  struct scene *scene = *state;
  free(scene->catalog);
  free(scene->recipe);
  free(scene->broken);
  testing_remove(scene->dir);
  free(scene);
  return 0;
}

static int64_t run_as(struct scene *scene, const char *scenario,
                      struct run_once_options options) {
  static const struct run_view silent;
  const char *const worker[] = {"/proc/self/exe", "--fake", scenario, NULL};
  int64_t run = 0;
  options.worker = worker;
  options.outcome = &scene->outcome;
  if (options.view == NULL) options.view = &silent;
  if (options.silence_ms == 0) options.silence_ms = 20000;
  int exit = run_recipe_once(&scene->cli, scene->recipe, &options, &run);
  if (exit != scene->outcome.exit)
    fail_msg("exit %d, %d: %s", exit, scene->outcome.exit, scene->outcome.why);
  assert_int_equal(run, scene->outcome.run);
  return run;
}

static int64_t run_fake(struct scene *scene, const char *scenario) {
  return run_as(scene, scenario, (struct run_once_options){0});
}

/* One value of the catalog, as text; NULL stays "NULL". */
static const char *ask(const struct scene *scene, int64_t run, const char *sql) {
  static char answer[1024];
  sqlite3 *db;
  sqlite3_stmt *query;
  assert_int_equal(sqlite3_open_v2(scene->catalog, &db, SQLITE_OPEN_READWRITE, NULL),
                   SQLITE_OK);
  if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  if (sqlite3_bind_parameter_count(query) > 0) sqlite3_bind_int64(query, 1, run);
  snprintf(answer, sizeof answer, "no row");
  if (sqlite3_step(query) == SQLITE_ROW) {
    const char *text = (const char *)sqlite3_column_text(query, 0);
    snprintf(answer, sizeof answer, "%s", text != NULL ? text : "NULL");
  }
  sqlite3_finalize(query);
  sqlite3_close(db);
  return answer;
}
#define STATUS "SELECT status FROM run WHERE run_id = ?1"
#define WHY    "SELECT why FROM run WHERE run_id = ?1"
#define BLAMED                                                                             \
  "SELECT plugin.name FROM run JOIN plugin ON plugin_id = blamed_id WHERE run_id = ?1"

static void a_whole_run_is_written_down_whole(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "whole");
  if (s->outcome.exit != 0) fail_msg("exit %d: %s", s->outcome.exit, s->outcome.why);
  assert_string_equal(ask(s, run, STATUS), "done");
  assert_string_equal(ask(s, run, "SELECT ended >= started FROM run WHERE run_id = ?1"),
                      "1");
  assert_string_equal(ask(s, run, "SELECT seed FROM run WHERE run_id = ?1"), "5");
  assert_string_equal(ask(s, run, "SELECT command FROM run WHERE run_id = ?1"),
                      "[\"ridge\",\"run\",\"made.lua\"]");
  assert_string_equal(ask(s, run, "SELECT substr(output, 1, 4) FROM run WHERE run_id = ?1"),
                      "c97c");
  assert_string_equal(ask(s, run,
                          "SELECT group_concat(value) FROM (SELECT value FROM sample JOIN "
                          "metric USING (metric_id) WHERE run_id = ?1 AND name = "
                          "'decode_tps' ORDER BY repeat)"),
                      "1.0,10.0,30.0,20.0");
  assert_string_equal(ask(s, run,
                          "SELECT t.value FROM typical t JOIN metric USING (metric_id) "
                          "WHERE run_id = ?1 AND name = 'decode_tps'"),
                      "20.0");
  assert_string_equal(ask(s, run,
                          "SELECT odd FROM sample JOIN metric USING (metric_id) WHERE "
                          "run_id = ?1 AND name = 'nll'"),
                      "+inf");
  assert_string_equal(
      ask(s, run, "SELECT count(*) || ' ' || sum(step) FROM point WHERE run_id = ?1"),
      "5000 12497500");
  assert_string_equal(ask(s, run,
                          "SELECT calls || ' ' || engaged FROM composition JOIN plugin "
                          "USING (plugin_id) WHERE run_id = ?1 AND name = 'kv.paged'"),
                      "7 1");
  assert_string_equal(ask(s, run, "SELECT count FROM evidence WHERE run_id = ?1"), "3");
  assert_string_equal(
      ask(s, run, "SELECT text FROM event WHERE run_id = ?1 AND level = 'note'"),
      "a word of a plugin");
  assert_string_equal(ask(s, run, "SELECT stop FROM run_text WHERE run_id = ?1"), "length");
  assert_string_equal(ask(s, run,
                          "SELECT value > 1000 FROM sample JOIN metric USING (metric_id) "
                          "WHERE run_id = ?1 AND name = 'peak_rss_bytes'"),
                      "1");
  assert_string_equal(
      ask(s, run,
          "SELECT value || ' ' || origin FROM setting WHERE run_id = ?1 AND "
          "owner = 'kv.paged' AND name = 'block'"),
      "16 recipe");
  outcome_free(&s->outcome);
}

static void a_crash_names_signal_and_strategy_and_keeps_what_was_measured(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "crash");
  assert_int_equal(s->outcome.exit, 1);
  assert_string_equal(ask(s, run, STATUS), "crashed");
  assert_non_null(strstr(ask(s, run, WHY), "SIGSEGV"));
  assert_string_equal(ask(s, run, BLAMED), "kv.paged");
  assert_string_equal(ask(s, run,
                          "SELECT value FROM sample JOIN metric USING (metric_id) WHERE "
                          "run_id = ?1 AND name = 'decode_tps'"),
                      "10.0");
  outcome_free(&s->outcome);
}

static void a_worker_that_hangs_is_a_crash(void **state) {
  struct scene *s = *state;
  int64_t run = run_as(s, "hang", (struct run_once_options){.silence_ms = 1000});
  assert_string_equal(ask(s, run, STATUS), "crashed");
  assert_non_null(strstr(ask(s, run, WHY), "said nothing for 1.0 s"));
  outcome_free(&s->outcome);
}

static void a_worker_that_babbles_is_a_crash(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "garbage");
  assert_string_equal(ask(s, run, STATUS), "crashed");
  assert_non_null(strstr(ask(s, run, WHY), "not JSON"));
  outcome_free(&s->outcome);
}

static void what_the_catalog_refuses_fails_the_run(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "twice_the_same");
  assert_int_equal(s->outcome.exit, 1);
  assert_string_equal(ask(s, run, STATUS), "failed");
  assert_non_null(strstr(ask(s, run, WHY), "decode_tps"));
  outcome_free(&s->outcome);
}

static void an_inert_strategy_makes_an_inert_run(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "idle");
  assert_int_equal(s->outcome.exit, 3);
  assert_string_equal(ask(s, run, STATUS), "inert");
  assert_non_null(strstr(ask(s, run, WHY), "`kv.paged`"));
  outcome_free(&s->outcome);
}

static void what_does_not_fit_is_refused_with_its_place(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "too_large");
  assert_int_equal(s->outcome.exit, 4);
  assert_string_equal(ask(s, run, STATUS), "refused");
  assert_string_equal(ask(s, run, "SELECT plan_id FROM run WHERE run_id = ?1"), "NULL");
  assert_string_equal(ask(s, run,
                          "SELECT code || ' ' || line || ':' || \"column\" FROM diagnostic "
                          "WHERE run_id = ?1"),
                      "P205 3:8");
  outcome_free(&s->outcome);
}

static void a_refused_recipe_is_still_a_row(void **state) {
  struct scene *s = *state;
  static const struct run_view silent;
  const struct run_once_options options = {.outcome = &s->outcome, .view = &silent};
  int64_t run = 0;
  assert_int_equal(run_recipe_once(&s->cli, s->broken, &options, &run), 2);
  assert_true(run > 0);
  assert_string_equal(ask(s, run, STATUS), "refused");
  assert_string_equal(ask(s, run, "SELECT code FROM diagnostic WHERE run_id = ?1"), "P101");
  outcome_free(&s->outcome);
}

static void a_failure_keeps_its_sentence(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "no_tensor");
  assert_string_equal(ask(s, run, STATUS), "failed");
  assert_string_equal(ask(s, run, WHY), "no tensor");
  outcome_free(&s->outcome);
}

static void interrupt_once(void *ctx) {
  bool *sent = ctx;
  if (*sent) return;
  *sent = true;
  raise(SIGINT);
}

static void an_interrupted_run_is_stopped_and_keeps_what_was_measured(void **state) {
  struct scene *s = *state;
  bool sent = false;
  const struct run_view view = {.ctx = &sent, .tick = interrupt_once};
  int64_t run = run_as(s, "stop", (struct run_once_options){.view = &view});
  assert_true(sent);
  assert_string_equal(ask(s, run, STATUS), "stopped");
  assert_string_equal(ask(s, run,
                          "SELECT count(*) FROM sample JOIN metric USING (metric_id) WHERE "
                          "run_id = ?1 AND name = 'decode_tps'"),
                      "1");
  outcome_free(&s->outcome);
}

static void an_override_is_recorded_with_its_origin(void **state) {
  struct scene *s = *state;
  const struct compose_override override = {"kv.paged.block", "32", "command", NULL};
  int64_t run = run_as(s, "whole",
                       (struct run_once_options){.overrides = &override,
                                                 .n_overrides = 1,
                                                 .repeats = 3,
                                                 .has_seed = true,
                                                 .seed = 11});
  assert_string_equal(
      ask(s, run,
          "SELECT value || ' ' || origin FROM setting WHERE run_id = ?1 AND "
          "owner = 'kv.paged' AND name = 'block'"),
      "32 command");
  assert_string_equal(
      ask(s, run,
          "SELECT value || ' ' || origin FROM setting WHERE run_id = ?1 AND "
          "owner = 'measure' AND name = 'repeats'"),
      "3 command");
  assert_string_equal(ask(s, run, "SELECT seed FROM run WHERE run_id = ?1"), "11");
  outcome_free(&s->outcome);
}

static void a_strategy_left_out_is_the_ablation_of_the_whole(void **state) {
  struct scene *s = *state;
  static const char *const without[] = {"kv.paged"};
  int64_t whole_run = run_fake(s, "no_tensor");
  outcome_free(&s->outcome);
  int64_t run =
      run_as(s, "no_tensor", (struct run_once_options){.without = without, .n_without = 1});
  outcome_free(&s->outcome);
  char sql[512];
  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM run w JOIN plan pw ON pw.plan_id = w.plan_id JOIN "
           "ablation a ON "
           "a.composition = pw.composition JOIN plan po ON po.composition = a.without JOIN "
           "run o "
           "ON o.plan_id = po.plan_id WHERE w.run_id = %lld AND o.run_id = ?1",
           (long long)whole_run);
  assert_string_equal(ask(s, run, sql), "1");
}

#define INPUT(column) "SELECT " column " FROM input WHERE run_id = ?1 ORDER BY path DESC"

static void a_run_that_crashed_names_its_inputs_by_contents(void **state) {
  struct scene *s = *state;
  struct digest digest;
  struct why why;
  char path[512], wanted[128];
  snprintf(path, sizeof path, "%s/m.gguf", s->dir);
  assert_int_equal(digest_file(path, &digest, &why), RIDGE_OK);
  static const char *const scenarios[] = {"crash", "whole", "garbage", "no_tensor"};
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    int64_t run = run_fake(s, scenarios[i]);
    snprintf(wanted, sizeof wanted, "model m.gguf 30 %s", digest.hex);
    assert_string_equal(
        ask(s, run, INPUT("role || ' ' || name || ' ' || bytes || ' ' || digest")), wanted);
    assert_string_equal(ask(s, run, INPUT("modified > 1600000000000000000")), "1");
    assert_int_equal(json_array_size(s->outcome.inputs), 1);
    outcome_free(&s->outcome);
  }
}

static void a_file_that_only_the_worker_knows_is_an_input_too(void **state) {
  struct scene *s = *state;
  int64_t run = run_fake(s, "tell_of_a_file");
  assert_string_equal(ask(s, run, STATUS), "done");
  assert_string_equal(
      ask(s, run,
          "SELECT count(*) || ' ' || sum(length(digest)) FROM input WHERE run_id = ?1"),
      "2 128");
  outcome_free(&s->outcome);
}

/* Once, a while after the run has begun. */
static void change_the_model(void *ctx) {
  char **path = ctx;
  if (*path == NULL) return;
  FILE *file = fopen(*path, "a");
  assert_non_null(file);
  fputs("and more", file);
  fclose(file);
  *path = NULL;
}

static void an_input_that_changes_during_the_run_fails_it(void **state) {
  struct scene *s = *state;
  char name[512], *path = name;
  snprintf(name, sizeof name, "%s/m.gguf", s->dir);
  const struct run_view view = {.ctx = &path, .tick = change_the_model};
  int64_t run = run_as(s, "take_a_while", (struct run_once_options){.view = &view});
  assert_null(path);
  assert_int_equal(s->outcome.exit, 1);
  assert_string_equal(ask(s, run, STATUS), "failed");
  assert_non_null(strstr(ask(s, run, WHY), "m.gguf changed while the run went on"));
  assert_string_equal(ask(s, run, INPUT("bytes || digest")), "30"); /* as it was, unread */
  outcome_free(&s->outcome);
  free(put(s, "m.gguf", "the fake worker reads no model"));
}

static void a_plan_writes_no_row(void **state) {
  struct scene *s = *state;
  char before[64];
  snprintf(before, sizeof before, "%s", ask(s, 0, "SELECT count(*) FROM run"));
  assert_int_equal(run_as(s, "whole", (struct run_once_options){.plan_only = true}), 0);
  assert_non_null(s->outcome.plan);
  assert_string_equal(ask(s, 0, "SELECT count(*) FROM run"), before);
  outcome_free(&s->outcome);
}

/* A supervisor killed at any moment: its row is closed by the next one. */
static void a_killed_supervisor_leaves_a_crashed_row(void **state) {
  struct scene *s = *state;
  for (int i = 0; i < 4; i++) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      (void)run_fake(s, "hang");
      _exit(0);
    }
    usleep((useconds_t)(100000 + 150000 * i));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    int64_t run = run_fake(s, "no_tensor"); /* opens the catalog */
    assert_string_equal(ask(s, run, "SELECT count(*) FROM run WHERE status = 'running'"),
                        "0");
    assert_string_equal(ask(s, run, "PRAGMA integrity_check"), "ok");
    outcome_free(&s->outcome);
  }
  assert_string_not_equal(ask(s, 0, "SELECT count(*) FROM run WHERE status = 'crashed'"),
                          "0");
  /* Though they were killed: what they were to read is known. */
  assert_string_equal(
      ask(s, 0,
          "SELECT count(*) > 0 AND min(i.bytes) = 30 AND min(i.modified) > 0 "
          "FROM run r JOIN input i USING (run_id) WHERE r.why LIKE "
          "'supervisor was killed%'"),
      "1");
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--fake") == 0) return fake_main(argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_run_is_written_down_whole),
      cmocka_unit_test(a_crash_names_signal_and_strategy_and_keeps_what_was_measured),
      cmocka_unit_test(a_worker_that_hangs_is_a_crash),
      cmocka_unit_test(a_worker_that_babbles_is_a_crash),
      cmocka_unit_test(what_the_catalog_refuses_fails_the_run),
      cmocka_unit_test(an_inert_strategy_makes_an_inert_run),
      cmocka_unit_test(what_does_not_fit_is_refused_with_its_place),
      cmocka_unit_test(a_refused_recipe_is_still_a_row),
      cmocka_unit_test(a_failure_keeps_its_sentence),
      cmocka_unit_test(an_interrupted_run_is_stopped_and_keeps_what_was_measured),
      cmocka_unit_test(an_override_is_recorded_with_its_origin),
      cmocka_unit_test(a_strategy_left_out_is_the_ablation_of_the_whole),
      cmocka_unit_test(a_run_that_crashed_names_its_inputs_by_contents),
      cmocka_unit_test(a_file_that_only_the_worker_knows_is_an_input_too),
      cmocka_unit_test(an_input_that_changes_during_the_run_fails_it),
      cmocka_unit_test(a_plan_writes_no_row),
      cmocka_unit_test(a_killed_supervisor_leaves_a_crashed_row),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
