/*
 * cli_exit_codes.c - one meaning for one exit code, whatever the verb.
 *
 * 2: the command itself is wrong.  1: the catalog it names is: damaged, another program's,
 * newer, or not to be read.  One table holds a call of every verb there is.
 */
#include "testing.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Numbers of linux/capability.h, which not every system has installed. */
enum { CAP_DAC_OVERRIDE_ = 1, CAP_DAC_READ_SEARCH_ = 2 };

struct scene {
  char *dir, *good, *recipe, *model, *file;
  bool model_is_there;
};

/* Every verb in a use that is in order.  MODEL and RECIPE are replaced. */
enum use {
  BLIND,  /* needs no catalog                                    */
  READS,  /* looks something up                                  */
  WRITES, /* keeps something                                     */
  REPORTS /* is there to tell what is wrong, on standard output  */
};
static const struct {
  const char *verb, *words[5];
  enum use use;
  bool plugins, model; /* needs these */
} calls[] = {
    {"run", {"RECIPE", "--quiet"}, WRITES, true, true},
    {"plan", {"RECIPE"}, READS, true, true},
    {"bench", {"MODEL", "--prefill=2", "--decode=2", "--repeat=1"}, WRITES, true, true},
    {"ablate", {"RECIPE", "--repeat=1"}, WRITES, true, true},
    {"convert", {"MODEL", "NEW", "--dry-run"}, BLIND, true, true},
    {"new-model", {"NEW", "--shape=tiny-llama", "--random"}, BLIND, true, false},
    {"plugins", {NULL}, READS, true, false},
    {"techniques", {NULL}, READS, false, false},
    {"claims", {NULL}, READS, false, false},
    {"runs", {NULL}, READS, false, false},
    {"show", {"last"}, READS, false, true},
    {"diff", {"last", "last"}, READS, false, true},
    {"compare", {"last", "last", "--noise"}, READS, false, true},
    {"query", {"SELECT count(*) FROM run"}, READS, false, false},
    {"probe", {"--seconds=0.1"}, WRITES, false, false},
    {"roofline", {"--shape=stories15m"}, READS, false, false}, /* of what was probed */
    {"doctor", {NULL}, REPORTS, true, false},
    {"vet", {TEST_BUILD_DIR "/good/everything.so"}, BLIND, false, false},
    {"new", {"kv.made", "NEW"}, BLIND, true, false},
};
enum { N_CALLS = sizeof calls / sizeof *calls };

static char *under(const struct scene *scene, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", scene->dir, name) < 0) abort();
  return path;
}

static char *put(const struct scene *scene, const char *name, const char *bytes, size_t n) {
  char *path = under(scene, name);
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) abort();
  return path;
}

/* What is started from here on obeys permissions, also under root. */
static void obey_permissions(void) {
  (void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE_, 0, 0, 0);
  (void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH_, 0, 0, 0);
}

static struct testing_output call(const struct scene *s, size_t i, const char *catalog,
                                  const char *option, const char *value) {
  const char *argv[16];
  static int made;
  char folder[512];
  size_t n = 0;
  if (calls[i].use != BLIND) argv[n++] = "--catalog", argv[n++] = catalog;
  snprintf(folder, sizeof folder, "%s/new-%d", s->dir, made++);
  if (option != NULL) argv[n++] = option, argv[n++] = value;
  argv[n++] = calls[i].verb;
  for (size_t k = 0; k < 5 && calls[i].words[k] != NULL; k++) {
    const char *word = calls[i].words[k];
    if (strcmp(word, "RECIPE") == 0) word = s->recipe;
    if (strcmp(word, "MODEL") == 0) word = s->model;
    if (strcmp(word, "NEW") == 0) word = folder;
    argv[n++] = word;
  }
  argv[n] = NULL;
  return testing_ridge(argv);
}

static void sql(const char *path, const char *text) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static int set_up(void **state) {
  struct scene *s = calloc(1, sizeof *s);
  if (s == NULL) return -1;
  s->dir = testing_scratch();
  s->good = under(s, "good.db");
  s->file = put(s, "a file", "no directory", 12);
  s->model = testing_source("models/kjv-2m-f16.gguf");
  s->model_is_there = access(s->model, R_OK) == 0;
  s->recipe = under(s, "made.lua");
  FILE *file = fopen(s->recipe, "w");
  if (file == NULL) return -1;
  fprintf(
      file,
      "return infer { model \"%s\", use \"kv.paged\", prompts { \"A\" }, sample { length "
      "= 2 }, measure { repeats = 1 } }\n",
      s->model);
  fclose(file);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct scene *s = *state;
  chmod(s->dir, 0700);
  testing_remove(s->dir);
  free(s->good);
  free(s->file);
  free(s->model);
  free(s->recipe);
  free(s);
  return 0;
}

static void the_table_has_every_verb(void **state) {
  (void)state;
  size_t n, seen = 0;
  const struct cli_verb *verbs = cli_verbs(&n);
  for (size_t i = 0; i < n; i++) {
    if (verbs[i].hidden) continue;
    size_t k = 0;
    while (k < N_CALLS && strcmp(calls[k].verb, verbs[i].name) != 0) k++;
    if (k == N_CALLS) fail_msg("`%s` is not in the table", verbs[i].name);
    seen++;
  }
  assert_int_equal(seen, N_CALLS);
}

static bool runs_here(const struct scene *s, size_t i) {
  return s->model_is_there || !calls[i].model;
}

static void every_call_is_in_order_with_a_good_catalog(void **state) {
  const struct scene *s = *state;
  for (size_t i = 0; i < N_CALLS; i++) {
    if (!runs_here(s, i)) continue;
    struct testing_output output = call(s, i, s->good, NULL, NULL);
    if (output.exit != 0)
      fail_msg("%s: exit %d: %s%s", calls[i].verb, output.exit, output.out, output.err);
    testing_output_free(&output);
  }
}

/* One line on standard error, and this code. */
static void must_end(size_t i, const char *what, struct testing_output *output, int exit,
                     const char *said) {
  bool reports = calls[i].use == REPORTS;
  const char *words = reports ? output->out : output->err;
  const char *line = strchr(output->err, '\n');
  bool one =
      reports || (line != NULL && (line[1] == 0 || strncmp(line + 1, "Try", 3) == 0));
  if (output->exit != exit || strstr(words, said) == NULL || !one)
    fail_msg("%s with %s: exit %d, not %d: %s%s", calls[i].verb, what, output->exit, exit,
             output->out, output->err);
  testing_output_free(output);
}

static void spoil(const char *path) {
  FILE *file = fopen(path, "r+b");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  assert_true(size > 100000);
  fseek(file, 8192, SEEK_SET);
  for (long i = 8192; i < size / 2; i++) fputc('Z', file);
  fclose(file);
}

static void copy(const char *from, const char *to) {
  char command[1024];
  snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
  assert_int_equal(system(command), 0);
}

static void whatever_is_wrong_with_the_catalog_is_1(void **state) {
  const struct scene *s = *state;
  char *junk = put(s, "junk.db", "this is a text, and no catalog at all\n", 38);
  char *foreign = under(s, "foreign.db"), *newer = under(s, "newer.db");
  char *damaged = under(s, "damaged.db"), *locked = under(s, "locked.db");
  sql(foreign, "CREATE TABLE precious (x)");
  copy(s->good, newer);
  sql(newer, "PRAGMA user_version = 99");
  copy(s->good, damaged);
  spoil(damaged);
  copy(s->good, locked);
  assert_int_equal(chmod(locked, 0), 0);
  obey_permissions();
  const struct {
    const char *path, *said;
  } cases[] = {{junk, "no SQLite database"},
               {foreign, "of another program"},
               {newer, "has version 99"},
               {damaged, "the file is damaged"},
               {locked, "locked.db"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (size_t i = 0; i < N_CALLS; i++) {
      if (!runs_here(s, i) || calls[i].use == BLIND) continue;
      struct testing_output output = call(s, i, cases[k].path, NULL, NULL);
      must_end(i, cases[k].path, &output, 1, cases[k].said);
    }
  char *const paths[] = {junk, foreign, newer, damaged, locked};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) free(paths[i]);
}

static void a_command_that_is_wrong_is_2(void **state) {
  const struct scene *s = *state;
  const struct {
    const char *option, *value, *said;
  } cases[] = {{"--catalog", s->dir, "is a directory"},
               {"--plugins", s->file, "it is no directory; name the folder"},
               {"--plugins", "/nowhere/at/all", "No such file"},
               {"--no-such-option", "x", "no option `--no-such-option`"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (size_t i = 0; i < N_CALLS; i++) {
      bool of_catalog = strcmp(cases[k].option, "--catalog") == 0;
      if (!runs_here(s, i) || (of_catalog && calls[i].use == BLIND)) continue;
      struct testing_output output =
          call(s, i, of_catalog ? cases[k].value : s->good,
               of_catalog ? NULL : cases[k].option, cases[k].value);
      enum use use = calls[i].use;
      bool blind = strcmp(cases[k].option, "--plugins") == 0 && !calls[i].plugins;
      const char *said = blind ? "--plugins" : cases[k].said;  /* it looks for none */
      if (!of_catalog && use == REPORTS && output.exit == 2) { /* did not come to report */
        assert_true(strstr(output.err, said) != NULL || strstr(output.out, said) != NULL);
        testing_output_free(&output);
        continue;
      }
      must_end(i, cases[k].option, &output, 2, said);
    }
  static const char *const wrong[][4] = {
      {"vet", "/nowhere/x.so"},
      {"show", "nobody"},
      {"diff", "nobody", "nobody"},
      {"compare", "nobody", "nobody"},
      {"query", "nothing"},
      {"query", "SELEC"},
      {"query", "DELETE FROM run"},
      {"techniques", "nothing"},
      {"claims", "nothing"},
      {"plugins", "no.plugin"},
      {"runs", "--status", "nothing"},
      {"probe", "--seconds", "x"},
      {"roofline", "--shape", "nothing"},
      {"run", "/nowhere/a.lua"},
      {"plan", "/nowhere/a.lua"},
      {"ablate", "/nowhere/a.lua"},
      {"bench", "/nowhere/m.gguf"},
      {"new", "NoName"},
      {"doctor", "word"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *words[8] = {NULL};
    setenv("RIDGE_CATALOG", s->good, 1);
    for (size_t k = 0; k < 4 && wrong[i][k] != NULL; k++) words[k] = wrong[i][k];
    struct testing_output output = testing_ridge(words);
    if (output.exit != 2 || output.err[0] == 0)
      fail_msg("%s %s: exit %d: %s", wrong[i][0], wrong[i][1], output.exit, output.err);
    testing_output_free(&output);
  }
}

/* Reading only ------------------------------------------------------------------------ */

static void reads_and_does_not_write(const struct scene *s, const char *catalog,
                                     const char *what) {
  for (size_t i = 0; i < N_CALLS; i++) {
    if (!runs_here(s, i) || calls[i].use == BLIND) continue;
    struct testing_output output = call(s, i, catalog, NULL, NULL);
    if (calls[i].use != READS) {
      must_end(i, what, &output, 1, "cannot be written");
      continue;
    }
    if (output.exit != 0 || strstr(output.err, "ridge") != NULL)
      fail_msg("%s with %s: exit %d: %s", calls[i].verb, what, output.exit, output.err);
    testing_output_free(&output);
  }
}

static void what_cannot_be_written_is_read_by_every_verb_that_reads(void **state) {
  const struct scene *s = *state;
  char *folder = under(s, "shelf"), *path = under(s, "shelf/good.db");
  assert_int_equal(mkdir(folder, 0700), 0);
  copy(s->good, path);
  obey_permissions();
  assert_int_equal(chmod(path, 0444) | chmod(folder, 0700), 0);
  reads_and_does_not_write(s, path, "a file without write permission");
  assert_int_equal(chmod(path, 0644) | chmod(folder, 0555), 0);
  reads_and_does_not_write(s, path, "a folder without write permission");
  assert_int_equal(chmod(path, 0444), 0);
  reads_and_does_not_write(s, path, "neither");
  assert_int_equal(chmod(folder, 0700), 0);
  free(folder);
  free(path);
}

/* Without its log a catalog would look whole, and lack its newest runs. */
static void a_log_that_cannot_be_read_is_not_left_out(void **state) {
  const struct scene *s = *state;
  char *folder = under(s, "copied"), *path = under(s, "copied/good.db");
  char *log = under(s, "copied/good.db-wal"), *from = NULL;
  assert_int_equal(mkdir(folder, 0700), 0);
  sqlite3 *db = NULL; /* a writer, so that there is a log to copy */
  assert_int_equal(sqlite3_open(s->good, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "CREATE TABLE late (x)", NULL, NULL, NULL), SQLITE_OK);
  copy(s->good, path);
  assert_true(asprintf(&from, "%s-wal", s->good) > 0);
  copy(from, log);
  assert_int_equal(sqlite3_exec(db, "DROP TABLE late", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  obey_permissions();
  assert_int_equal(chmod(folder, 0555), 0);
  const char *const words[] = {"--catalog", path, "runs", NULL};
  struct testing_output output = testing_ridge(words);
  assert_int_equal(output.exit, 1);
  assert_non_null(strstr(output.err, "good.db-wal"));
  assert_non_null(strstr(output.err, "copy the two files together"));
  testing_output_free(&output);
  assert_int_equal(chmod(folder, 0700), 0);
  free(folder);
  free(path);
  free(log);
  free(from);
}

/* A plugin that hangs hangs once ------------------------------------------------------ */

static void a_plugin_that_hangs_costs_its_time_once(void **state) {
  const struct scene *s = *state;
  char *folder = under(s, "hanging"), *file = under(s, "hanging/sleep.so");
  char *catalog = under(s, "hanging.db");
  assert_int_equal(mkdir(folder, 0700), 0);
  copy(TEST_BUILD_DIR "/bad/sleep_constructor.so", file);
  static const struct {
    const char *option;
    bool waits;
  } looks[] = {{NULL, true}, {NULL, false}, {"--rescan", true}, {NULL, false}};
  char line[512] = "";
  for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
    const char *const words[] = {"--catalog", catalog,   "--plugins",     folder,
                                 "--json",    "plugins", looks[i].option, NULL};
    uint64_t before = clock_ns();
    struct testing_output output = testing_ridge(words);
    double seconds = (double)(clock_ns() - before) * 1e-9;
    assert_int_equal(output.exit, 0);
    if ((seconds > 4.5) != looks[i].waits) fail_msg("look %zu took %.1f s", i, seconds);
    const char *at = strstr(output.out, "it did not come back within 5000 ms");
    assert_non_null(at);
    if (i == 0) snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\""), at);
    assert_int_equal(strncmp(at, line, strlen(line)), 0);
    testing_output_free(&output);
  }
  const char *const doctor[] = {"--catalog", catalog, "--plugins", folder, "doctor", NULL};
  uint64_t before = clock_ns();
  struct testing_output output = testing_ridge(doctor);
  assert_true(clock_ns() - before < 4500000000u);
  assert_non_null(strstr(output.out, line));
  testing_output_free(&output);
  free(folder);
  free(file);
  free(catalog);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_has_every_verb),
      cmocka_unit_test(every_call_is_in_order_with_a_good_catalog),
      cmocka_unit_test(a_plugin_that_hangs_costs_its_time_once),
      cmocka_unit_test(a_command_that_is_wrong_is_2),
      cmocka_unit_test(whatever_is_wrong_with_the_catalog_is_1),
      cmocka_unit_test(what_cannot_be_written_is_read_by_every_verb_that_reads),
      cmocka_unit_test(a_log_that_cannot_be_read_is_not_left_out),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
