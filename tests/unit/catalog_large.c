/*
 * catalog_large.c - the named questions on a catalog of many runs.
 *
 * 20,000 runs in the ordinary test, RIDGE_TEST_RUNS of them when that is set (100,000 is
 * what the questions are made for: then each has to answer within 100 ms).  What counts
 * otherwise are steps of SQLite's machine, which do not depend on the load of this one.
 *
 * The runs are made by catalog_large.sql.
 */
#include "unit/catalog_made.h"

#include "base/text.h"

static int64_t wanted_runs(void) {
  const char *text = getenv("RIDGE_TEST_RUNS");
  return text != NULL ? strtoll(text, NULL, 10) : 20000;
}

/* The SQL beside this file, with the number of runs filled in. */
static struct text made_rows(int64_t runs) {
  char *path = testing_source("tests/unit/catalog_large.sql"), line[512];
  struct text sql = text_new(1 << 20);
  FILE *file = fopen(path, "r");
  if (file == NULL) fail_msg("%s is not there", path);
  while (fgets(line, sizeof line, file) != NULL)
    for (const char *at = line; *at != 0;) {
      bool here = strncmp(at, ":runs", 5) == 0;
      if (here)
        text_format(&sql, "%" PRId64, runs);
      else
        text_bytes(&sql, at, 1);
      at += here ? 5 : 1;
    }
  fclose(file);
  free(path);
  return sql;
}

static int large_setup(void **state) {
  if (made_setup(state) != 0) return -1;
  struct made_place *place = *state;
  sqlite3 *db = NULL;
  char *problem = NULL;
  struct text sql = made_rows(wanted_runs());
  if (sqlite3_open(place->path, &db) != SQLITE_OK) abort();
  sqlite3_exec(db, "PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; BEGIN", NULL, NULL,
               NULL);
  if (sqlite3_exec(db, sql.data, NULL, NULL, &problem) != SQLITE_OK)
    fail_msg("%s", problem);
  if (sqlite3_exec(db, "COMMIT", NULL, NULL, &problem) != SQLITE_OK)
    fail_msg("%s", problem);
  sqlite3_close(db);
  text_free(&sql);
  return 0;
}

struct count {
  int64_t rows;
};

static bool see_columns(void *ctx, const json_t *names) {
  (void)names;
  ((struct count *)ctx)->rows = 0;
  return true;
}

static bool count_row(void *ctx, const json_t *cells) {
  (void)cells;
  ((struct count *)ctx)->rows++;
  return true;
}

/* Each question as somebody would first ask it; the fastest of three. */
static void every_question_is_quick(void **state) {
  struct made_place *place = *state;
  int64_t runs = wanted_runs();
  bool timed = getenv("RIDGE_TEST_RUNS") != NULL;
  for (size_t i = 0; i < catalog_question_count(); i++) {
    struct catalog_question question = catalog_question_at(i);
    bool two = strcmp(question.name, "differs") == 0;
    json_t *given =
        two ? json_pack("{s:i,s:i}", "a", 1, "b", (int)runs - 1) : json_object();
    struct catalog_cost cost, best = {0, UINT64_MAX};
    struct count count = {0};
    const struct catalog_sink sink = {&count, see_columns, count_row};
    struct why why;
    for (int k = 0; k < 3; k++) {
      must(catalog_ask(place->catalog, &question, given, &sink, &cost, &why));
      if (cost.ns < best.ns) best = cost;
    }
    print_message("%-12s %5" PRId64 " rows %9" PRId64 " steps %7.1f ms\n", question.name,
                  count.rows, best.steps, (double)best.ns / 1e6);
    assert_true(count.rows > 0);
    assert_true(best.steps < 500000 + 25 * runs);
    if (timed) assert_true(best.ns < 100000000);
    json_decref(given);
  }
}

static void lists_and_single_runs_are_quick(void **state) {
  struct made_place *place = *state;
  struct why why;
  json_t *rows = NULL;
  const struct catalog_filter newest = {.limit = 20};
  must(catalog_runs(place->catalog, &newest, &rows, &why));
  assert_int_equal(json_array_size(rows), 20);
  json_decref(rows);
  must(catalog_show(place->catalog, wanted_runs() - 1, 0, &rows, &why));
  json_decref(rows);
  /* What a list of the newest costs must not grow with the catalog. */
  struct count count = {0};
  struct catalog_cost cost;
  const struct catalog_sink sink = {&count, see_columns, count_row};
  must(catalog_query(place->catalog,
                     "SELECT * FROM run_summary ORDER BY run_id DESC LIMIT 20", NULL, &sink,
                     &cost, &why));
  assert_int_equal(count.rows, 20);
  assert_true(cost.steps < 20000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_question_is_quick),
      cmocka_unit_test(lists_and_single_runs_are_quick),
  };
  return cmocka_run_group_tests(tests, large_setup, made_teardown);
}
