/*
 * catalog_finality.c - finished runs do not change, whoever tries.
 *
 * Every attempt comes from outside, as from a shell: without foreign keys, without
 * recursive triggers, so that only the schema itself stands in the way.
 */
#include "unit/catalog_made.h"

static const struct made small = {
    .name = "small", .strategies = {"kv.paged", NULL}, .seed = 1, .context = 8, .block = 4};

/* One row in each table that belongs to a run. */
static int64_t full_run(struct catalog *catalog, bool ended) {
  struct why why;
  struct catalog_run run = made_begin(catalog, &small);
  json_t *input = json_pack("{s:s,s:s,s:s,s:s,s:i}", "role", "model", "name", "m", "path",
                            "/m", "digest", "d", "bytes", 1);
  json_t *text = json_pack("{s:i,s:i,s:[i]}", "repeat", 0, "sequence", 0, "tokens", 1);
  json_t *nodes = json_pack("[{s:s, s:s}]", "name", "n", "phase", "prompt");
  json_t *report = json_pack("[{s:s,s:b,s:i,s:[{s:s,s:i}]}]", "id", "kv.paged", "engaged",
                             1, "calls", 3, "evidence", "name", "blocks", "count", 3);
  json_t *diagnostics =
      json_pack("[{s:s,s:s}]", "code", "N1", "text", "a note of the plan");
  struct catalog_point point = {"loss", 1, 2.0};
  must(catalog_run_input(catalog, run.id, input, &why));
  must(catalog_run_text(catalog, run.id, text, &why));
  must(catalog_run_operators(catalog, run.id, nodes, &why));
  must(catalog_run_stages(catalog, run.id, nodes, &why));
  must(catalog_run_strategies(catalog, run.id, report, &why));
  must(catalog_run_diagnostics(catalog, run.id, diagnostics, &why));
  must(catalog_run_sample(catalog, run.id, "loss", 0, 1.5, &why));
  must(catalog_run_points(catalog, run.id, &point, 1, &why));
  must(catalog_run_event(catalog, run.id, "info", NULL, "started", &why));
  must(catalog_run_note(catalog, run.id, "remember", &why));
  if (ended) made_end(catalog, run.id, CATALOG_DONE, "out");
  json_decref(input);
  json_decref(text);
  json_decref(nodes);
  json_decref(report);
  json_decref(diagnostics);
  return run.id;
}

static const char *const tables[] = {"diagnostic", "composition", "evidence", "setting",
                                     "sample",     "point",       "input",    "event",
                                     "run_text",   "operator",    "stage"};
enum { N_TABLES = sizeof tables / sizeof *tables };

static void every_table_of_a_run_is_tried(void **state) {
  struct made_place *place = *state;
  /* Each table with a run_id is in the list above, or known to be otherwise. */
  expect("SELECT count(*) FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = "
         "'table' AND c.name = 'run_id' AND s.name NOT IN ('run', 'settled', 'note', "
         "'arm')",
         "11");
  full_run(place->catalog, true);
  for (int i = 0; i < N_TABLES; i++) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) > 0 FROM %s", tables[i]);
    expect(sql, "1");
  }
}

static void rows_of_a_finished_run_cannot_be_added_changed_or_deleted(void **state) {
  struct made_place *place = *state;
  full_run(place->catalog, true);
  for (int i = 0; i < N_TABLES; i++) {
    char sql[256];
    snprintf(sql, sizeof sql, "INSERT INTO %s SELECT * FROM %s", tables[i], tables[i]);
    expect(sql, "a finished run takes no more rows");
    snprintf(sql, sizeof sql, "REPLACE INTO %s SELECT * FROM %s", tables[i], tables[i]);
    expect(sql, "a finished run takes no more rows");
    snprintf(sql, sizeof sql, "UPDATE %s SET run_id = run_id", tables[i]);
    expect(sql, strcmp(tables[i], "composition") == 0
                    ? "who took part in a run cannot be changed"
                    : "what a run wrote down cannot be changed");
    snprintf(sql, sizeof sql, "DELETE FROM %s", tables[i]);
    expect(sql, "what a run wrote down cannot be deleted");
  }
  expect("UPDATE settled SET value = 0", "what a run wrote down cannot be changed");
  expect("DELETE FROM settled", "what a run wrote down cannot be deleted");
  expect("UPDATE note SET text = ''", "a note cannot be changed");
}

static void a_finished_run_cannot_be_changed_replaced_or_deleted(void **state) {
  struct made_place *place = *state;
  full_run(place->catalog, true);
  expect("UPDATE run SET status = 'failed', why = 'no'",
         "a finished run cannot be changed; add a note");
  expect("UPDATE run SET output = 'better'",
         "a finished run cannot be changed; add a note");
  expect("UPDATE OR REPLACE run SET run_id = 9",
         "what a run was asked to do cannot be changed");
  expect("DELETE FROM run", "a run cannot be deleted");
  expect("REPLACE INTO run SELECT * FROM run", "a run is written once, before it starts");
  expect("REPLACE INTO run SELECT run_id, uid || 'x', name, phase, recipe_id, plan_id, "
         "machine_id, program_id, seed, command, file, NULL, NULL, NULL, 'running', NULL, "
         "NULL, NULL, '', 1, NULL FROM run",
         "a run is written once, before it starts");
  expect("INSERT INTO run SELECT 9, 'x', name, phase, recipe_id, plan_id, machine_id, "
         "program_id, seed, command, file, NULL, NULL, NULL, 'done', NULL, NULL, "
         "'forged', '', 1, 2 FROM run",
         "a run is written once, before it starts");
  expect("SELECT status || output FROM run", "doneout");
}

static void a_running_run_keeps_what_it_was_asked(void **state) {
  struct made_place *place = *state;
  int64_t run = full_run(place->catalog, false);
  static const char *const columns[] = {"uid",        "name",       "seed",    "recipe_id",
                                        "machine_id", "program_id", "command", "started",
                                        "phase",      "supervisor"};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE run SET %s = %s", columns[i], columns[i]);
    expect(sql, "what a run was asked to do cannot be changed");
  }
  expect("UPDATE composition SET requested = 0",
         "who took part in a run cannot be changed");
  expect("UPDATE composition SET calls = 4", "no row");
  expect("UPDATE sample SET value = 9", "what a run wrote down cannot be changed");
  expect("DELETE FROM setting", "what a run wrote down cannot be deleted");
  expect("UPDATE run SET status = 'refused', ended = 1",
         "CHECK constraint failed: (plan_id IS NULL) = (status = 'refused')");
  made_end(place->catalog, run, CATALOG_DONE, NULL);
}

static void the_interface_says_why_as_well(void **state) {
  struct made_place *place = *state;
  struct why why;
  int64_t run = full_run(place->catalog, true);
  struct catalog_end again = {.status = CATALOG_FAILED};
  assert_int_equal(catalog_run_end(place->catalog, run, &again, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "a finished run cannot be changed"));
  assert_int_equal(catalog_run_sample(place->catalog, run, "late", 0, 1, &why),
                   RIDGE_INVALID);
  assert_non_null(strstr(why.text, "a finished run takes no more rows"));
  assert_int_equal(catalog_run_end(place->catalog, 999, &again, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "there is no run 999"));
  assert_int_equal(catalog_run_sample(place->catalog, 999, "late", 0, 1, &why),
                   RIDGE_INVALID);
  again.status = CATALOG_RUNNING;
  assert_int_equal(catalog_run_end(place->catalog, run, &again, &why), RIDGE_INTERNAL);
  /* What failed left nothing behind, and the next call works. */
  must(catalog_run_note(place->catalog, run, "still open for notes", &why));
  expect("SELECT count(*) FROM metric WHERE name = 'late'", "0");
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(every_table_of_a_run_is_tried),
      FRESH(rows_of_a_finished_run_cannot_be_added_changed_or_deleted),
      FRESH(a_finished_run_cannot_be_changed_replaced_or_deleted),
      FRESH(a_running_run_keeps_what_it_was_asked),
      FRESH(the_interface_says_why_as_well),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
