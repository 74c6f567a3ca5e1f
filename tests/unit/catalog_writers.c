/*
 * catalog_writers.c - many processes, one catalog, nothing lost.
 */
#include "unit/catalog_made.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 8, RUNS = 200, SAMPLES = 3, POINTS = 5 };

/* A run as the supervisor logs it: begin, reports, end. */
static void log_one(struct catalog *catalog, int writer, int number) {
  struct why why;
  const struct made made = {.name = "writer",
                            .strategies = {"kv.paged", "part.kernels", NULL},
                            .seed = writer * 1000 + number,
                            .context = 8 + number % 5,
                            .block = 4};
  struct catalog_point points[POINTS];
  struct catalog_run run = made_begin(catalog, &made);
  for (int i = 0; i < SAMPLES; i++)
    must(
        catalog_run_sample(catalog, run.id, "decode_tps", i, writer * 1000 + number, &why));
  for (int i = 0; i < POINTS; i++) points[i] = (struct catalog_point){"loss", i, number};
  must(catalog_run_points(catalog, run.id, points, POINTS, &why));
  made_end(catalog, run.id, CATALOG_DONE, "out");
}

static void write_runs(const char *path, int writer) {
  struct catalog *catalog = made_open(path);
  for (int i = 0; i < RUNS; i++) log_one(catalog, writer, i);
  catalog_close(catalog);
  _exit(0);
}

static void eight_processes_of_two_hundred_runs_lose_nothing(void **state) {
  struct made_place *place = *state;
  pid_t children[WRITERS];
  catalog_close(place->catalog); /* they make the file themselves, all at once */
  place->catalog = NULL;
  snprintf(place->path, sizeof place->path, "%s/many/catalog.db", place->folder);
  char path[CATALOG_PATH_ROOM];
  struct why why;
  must(catalog_path(place->path, path, sizeof path, &why));
  for (int i = 0; i < WRITERS; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0) write_runs(path, i);
  }
  for (int i = 0; i < WRITERS; i++) {
    int status = -1;
    assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    assert_int_equal(status, 0);
  }
  expect("SELECT count(*) || ' ' || count(DISTINCT uid) || ' ' || count(DISTINCT seed) "
         "FROM run",
         "1600 1600 1600");
  expect("SELECT group_concat(DISTINCT status) FROM run", "done");
  expect("SELECT count(*) FROM sample JOIN run USING (run_id) WHERE value = seed", "4800");
  expect("SELECT count(*) FROM point", "8000");
  expect("SELECT count(*) FROM composition", "3200");
  expect("SELECT count(*) FROM typical JOIN run USING (run_id) WHERE value = seed AND "
         "repeats = 3",
         "1600");
  expect(
      "SELECT (SELECT count(*) "
      "FROM technique) || ' ' || (SELECT count(*) FROM claim WHERE plugin_id IS NULL) || "
      "' ' || (SELECT count(*) FROM plan) || ' ' || (SELECT count(*) FROM machine)",
      "155 503 5 1");
  expect("PRAGMA integrity_check", "ok");
  expect("SELECT count(*) FROM pragma_foreign_key_check", "0");
}

/* One that writes, and one that keeps a long read open: neither waits for the other. */
static void a_long_read_does_not_stop_a_writer(void **state) {
  struct made_place *place = *state;
  sqlite3 *reader = NULL;
  sqlite3_stmt *stmt = NULL;
  log_one(place->catalog, 1, 1);
  assert_int_equal(sqlite3_open(place->path, &reader), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(reader, "SELECT * FROM technique", -1, &stmt, NULL),
                   SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  for (int i = 0; i < 20; i++) log_one(place->catalog, 2, i);
  while (sqlite3_step(stmt) == SQLITE_ROW) continue;
  sqlite3_finalize(stmt);
  sqlite3_close(reader);
  expect("SELECT count(*) FROM run", "21");
}

/* Another process holds the write lock for a while: the call waits and succeeds. */
static void a_writer_waits_its_turn(void **state) {
  struct made_place *place = *state;
  int ready[2];
  char byte;
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    sqlite3 *db = NULL;
    if (sqlite3_open(place->path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        write(ready[1], "x", 1) != 1)
      _exit(1);
    usleep(400000);
    _exit(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK);
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  log_one(place->catalog, 3, 3);
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  close(ready[0]);
  close(ready[1]);
  expect("SELECT count(*) FROM run", "1");
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(eight_processes_of_two_hundred_runs_lose_nothing),
      FRESH(a_long_read_does_not_stop_a_writer),
      FRESH(a_writer_waits_its_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
