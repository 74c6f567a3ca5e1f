/*
 * catalog_large.c - the named questions on a catalog of many runs.
 *
 * 20,000 runs in the ordinary test, RIDGE_TEST_RUNS of them when that is set (100,000 is
 * what the questions are made for: then each has to answer within 100 ms).  What counts
 * otherwise are steps of SQLite's machine, which do not depend on the load of this one.
 *
 * The runs are made by SQL alone: 1024 compositions (every set of ten strategies), three
 * machines, twenty programs, five seeds; three in a hundred are refused, two inert.
 */
#include "unit/catalog_made.h"

#include "base/text.h"

static const char made_rows[] =
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9) "
    "  INSERT INTO plugin (name, kind, version, build, description, first_seen) SELECT 'family.s' || i, "
    "  'strategy', '1.0.0', 'build' || i, json_object('relations', json_array(json_object('kind', "
    "  'clashes', 'target', 'family.s' || (9 - i), 'why', 'made up'))), 1 FROM n;"
    "INSERT INTO machine (digest, cpu, threads, facts, first_seen) VALUES ('a', 'A', 2, '{\"x\":1}', 1), "
    "  ('b', 'B', 2, '{\"x\":2}', 1), ('c', 'C', 2, '{\"x\":3}', 1);"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19) "
    "  INSERT INTO program (digest, version, git, patch, compiler, flags, first_seen) "
    "  SELECT i, '0.1', printf('%040d', i), '', 'gcc', '-O2', 1 FROM n;"
    "INSERT INTO recipe (digest, name, text) VALUES ('r', 'made', 'return infer {}');"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1023) "
    "  INSERT INTO plan (composition, task, resolved) SELECT printf('%064d', i), "
    "  printf('%064d', i % 4), '{}' FROM n;"
    "WITH RECURSIVE b(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM b WHERE k < 9) "
    "  INSERT INTO ablation SELECT printf('%064d', plan_id - 1), 'family.s' || k, "
    "  printf('%064d', (plan_id - 1) & ~(1 << k)) FROM plan, b WHERE ((plan_id - 1) >> k) & 1;"
    "INSERT INTO metric (name, unit, doc, better, steady) VALUES ('decode_tps', 'token/s', '', 1, 0), "
    "  ('prefill_tps', 'token/s', '', 1, 0), ('perplexity', '', '', -1, 1), ('peak_rss_bytes', 'byte', "
    "  '', -1, 0);"
    "CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);"
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :runs) INSERT INTO n "
    "  SELECT i FROM c;"
    "INSERT INTO diagnostic SELECT i, 0, 'P' || (100 + i % 7), 'x.lua', 1, 1, 1, 'refused ' || i, '[]', "
    "  NULL FROM n WHERE i % 33 = 0;"
    "INSERT INTO run (run_id, uid, name, phase, recipe_id, plan_id, machine_id, program_id, seed, "
    "  command, file, status, supervisor, started, ended) SELECT i, printf('%026d', i), 'made', 'infer', 1, "
    "  iif(i % 33 = 0, NULL, i * 7919 % 1024 + 1), 1 + i % 3, 1 + i * 20 / (:runs + 1), i % 5, '[]', '/x', "
    "  iif(i % 33 = 0, 'refused', 'running'), '', i, iif(i % 33 = 0, i, NULL) FROM n;"
    "WITH r(k) AS (VALUES (0), (1), (2)) INSERT INTO sample SELECT i, m.metric_id, k, "
    "  1 + abs((i * 1103515245 + k * 12345 + m.metric_id) % 1000), NULL FROM n, metric m, r "
    "  WHERE i % 33 <> 0;"
    "INSERT INTO composition SELECT i, p.plugin_id, p.plugin_id, 'kv.store/1', 1, 0, 1, i % 50 = 0, "
    "  i % 50, 0, NULL, i % 1000, i % 4096 FROM n, plugin p WHERE i % 33 <> 0 "
    "  AND ((i * 7919 % 1024) >> (p.plugin_id - 1)) & 1;"
    "INSERT INTO evidence SELECT run_id, plugin_id, 'blocks', 'block', calls, 1 FROM composition;"
    "WITH s(k) AS (VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g'), ('h')) "
    "  INSERT INTO setting SELECT i, 'engine', k, i, 'default', NULL FROM n, s WHERE i % 33 <> 0;"
    "INSERT INTO input SELECT i, 'model', 'm', '/m', 'd' || (i % 10), 1 FROM n WHERE i % 33 <> 0;"
    "UPDATE run SET status = CASE WHEN run_id % 50 = 0 THEN 'inert' ELSE 'done' END, ended = started + 1, "
    "  output = 'o' || iif(run_id % 997 = 0, run_id, plan_id) WHERE status = 'running';";

static int64_t wanted_runs(void) {
  const char *text = getenv("RIDGE_TEST_RUNS");
  return text != NULL ? strtoll(text, NULL, 10) : 20000;
}

static int large_setup(void **state) {
  if (made_setup(state) != 0) return -1;
  struct made_place *place = *state;
  sqlite3 *db = NULL;
  char runs[32], *problem = NULL;
  snprintf(runs, sizeof runs, "%" PRId64, wanted_runs());
  struct text sql = text_new(1 << 20);
  text_add(&sql, "PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; BEGIN;");
  for (const char *at = made_rows; *at != 0;) {
    bool place_here = strncmp(at, ":runs", 5) == 0;
    if (place_here) text_add(&sql, runs);
    else text_bytes(&sql, at, 1);
    at += place_here ? 5 : 1;
  }
  text_add(&sql, "COMMIT");
  if (sqlite3_open(place->path, &db) != SQLITE_OK) abort();
  if (sqlite3_exec(db, sql.data, NULL, NULL, &problem) != SQLITE_OK) fail_msg("%s", problem);
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
    json_t *given = two ? json_pack("{s:i,s:i}", "a", 1, "b", (int)runs - 1) : json_object();
    struct catalog_cost cost, best = {0, UINT64_MAX};
    struct count count = {0};
    const struct catalog_sink sink = {&count, see_columns, count_row};
    struct why why;
    for (int k = 0; k < 3; k++) {
      must(catalog_ask(place->catalog, &question, given, &sink, &cost, &why));
      if (cost.ns < best.ns) best = cost;
    }
    print_message("%-12s %5" PRId64 " rows %9" PRId64 " steps %7.1f ms\n", question.name, count.rows,
                  best.steps, (double)best.ns / 1e6);
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
  must(catalog_query(place->catalog, "SELECT * FROM run_summary ORDER BY run_id DESC LIMIT 20", NULL,
                     &sink, &cost, &why));
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
