/*
 * catalog_questions.c - each named question on made-up rows whose answer is known, and
 * free SQL that can do nothing but read.
 */
#include "unit/catalog_made.h"

static const struct made plain = {.name = "plain",
                                  .strategies = {"part.kernels", NULL},
                                  .seed = 1,
                                  .context = 64,
                                  .block = 4};
static const struct made paged = {.name = "paged",
                                  .strategies = {"kv.paged", "part.kernels", NULL},
                                  .seed = 1,
                                  .context = 64,
                                  .block = 4};
static const struct made both = {
    .name = "both",
    .strategies = {"kv.paged", "kv.window", "part.kernels", NULL},
    .seed = 1,
    .context = 64,
    .block = 4};

/* All rows of an answer as one text: cells joined by ' ', rows by ';'. */
struct answer {
  char text[65536];
};

static bool keep_columns(void *ctx, const json_t *names) {
  (void)ctx;
  return json_array_size(names) > 0;
}

static bool keep_row(void *ctx, const json_t *cells) {
  struct answer *answer = ctx;
  const json_t *cell;
  size_t i, used = strlen(answer->text);
  json_array_foreach(cells, i, cell) {
    const char *before = i > 0 ? " " : used > 0 ? "; " : "";
    char *text = json_is_string(cell)
                     ? strdup(json_string_value(cell))
                     : json_dumps(cell, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    if (used + strlen(text) + 3 > sizeof answer->text) fail_msg("an answer is too long");
    used += (size_t)sprintf(answer->text + used, "%s%s", before, text);
    free(text);
  }
  return true;
}

static ridge_status ask(struct catalog *catalog, const char *name, const char *parameters,
                        struct answer *answer, struct why *why) {
  struct catalog_question question;
  const struct catalog_sink sink = {answer, keep_columns, keep_row};
  answer->text[0] = 0;
  assert_true(catalog_question_find(name, &question));
  json_t *given = json_loads(parameters, 0, NULL);
  assert_non_null(given);
  ridge_status status = catalog_ask(catalog, &question, given, &sink, NULL, why);
  json_decref(given);
  return status;
}

static void answers_at(struct catalog *catalog, const char *name, const char *parameters,
                       const char *wanted, int line) {
  struct answer answer;
  struct why why = {""};
  ridge_status status = ask(catalog, name, parameters, &answer, &why);
  if (status != RIDGE_OK) fail_msg("line %d: %s: %s", line, name, why.text);
  if (strcmp(answer.text, wanted) != 0)
    fail_msg("line %d: %s answers\n  `%s`, not\n  `%s`", line, name, answer.text, wanted);
}
#define answers(name, parameters, wanted)                                                  \
  answers_at(place->catalog, (name), (parameters), (wanted), __LINE__)

static void every_question_has_help_and_answers_an_empty_catalog(void **state) {
  struct made_place *place = *state;
  size_t n = catalog_question_count();
  assert_true(n >= 11);
  for (size_t i = 0; i < n; i++) {
    struct catalog_question question = catalog_question_at(i);
    json_t *help = catalog_question_help(&question), *given = json_object();
    assert_true(strlen(json_string_value(json_object_get(help, "help"))) > 20);
    const json_t *rows = json_object_get(help, "parameters"), *row;
    size_t k;
    json_array_foreach(rows, k, row) {
      const char *name = json_string_value(json_object_get(row, "name"));
      assert_true(strlen(json_string_value(json_object_get(row, "doc"))) > 3);
      if (json_is_true(json_object_get(row, "required")) || strcmp(name, "run") == 0)
        json_object_set_new(given, name, json_integer(1));
    }
    struct answer answer = {""};
    struct why why;
    const struct catalog_sink sink = {&answer, keep_columns, keep_row};
    must(catalog_ask(place->catalog, &question, given, &sink, NULL, &why));
    if (strcmp(question.name, "uncovered") != 0) assert_string_equal(answer.text, "");
    json_decref(help);
    json_decref(given);
  }
}

static void effects_are_pairs_that_differ_in_one_strategy(void **state) {
  struct made_place *place = *state;
  const double slow[] = {10, 12, 14}, fast[] = {23, 24, 30};
  struct made elsewhere = plain;
  elsewhere.hostname = "there";
  made_run(place->catalog, &plain, slow, 3, 0, "o");
  made_run(place->catalog, &elsewhere, fast, 3, 0, "o"); /* another machine: no pair */
  made_run(place->catalog, &paged, fast, 3, 0, "o");
  made_run(place->catalog, &both, slow, 3, 0, "o");
  answers("effects", "{}",
          "kv.paged decode_tps token/s 12.0 24.0 2.0 1 3; kv.window decode_tps token/s "
          "24.0 12.0 0.5 3 4");
  answers("effects", "{\"strategy\": \"kv.window\"}",
          "kv.window decode_tps token/s 24.0 12.0 0.5 3 4");
  answers("effects", "{\"metric\": \"perplexity\"}", "");
}

static void report(struct catalog *catalog, int64_t run, const char *text) {
  struct why why;
  json_t *rows = json_loads(text, 0, NULL);
  assert_non_null(rows);
  must(catalog_run_strategies(catalog, run, rows, &why));
  json_decref(rows);
}

static void an_idle_strategy_is_found_with_its_reason(void **state) {
  struct made_place *place = *state;
  struct catalog_run run = made_begin(place->catalog, &both);
  report(place->catalog, run.id,
         "[{\"id\":\"kv.paged\",\"engaged\":true,\"calls\":9,\"declined\":2,\"reason\":"
         "\"odd\",  "
         "\"evidence\":[{\"name\":\"blocks\",\"count\":5,\"least\":1}]}, "
         "{\"id\":\"kv.window\",\"engaged\":false,\"inert\":true,\"calls\":0,  "
         "\"evidence\":[{\"name\":\"dropped\",\"count\":0,\"least\":1}]}, "
         "{\"id\":\"part.kernels\",\"calls\":0}]");
  made_end(place->catalog, run.id, CATALOG_INERT, NULL);
  answers("inert", "{}",
          "1 both kv.paged kv.store/1 graph.pass/1 9 2 odd null null null 0; 1 both "
          "kv.window kv.store/1 graph.pass/1 0 0 null dropped 0 1 0");
}

static void different_outputs_of_one_plan_are_found(void **state) {
  struct made_place *place = *state;
  struct made newer = plain;
  newer.commit = "decaf";
  made_run(place->catalog, &plain, NULL, 0, 0, "aaa");
  made_run(place->catalog, &plain, NULL, 0, 0, "aaa");
  made_run(place->catalog, &paged, NULL, 0, 0, "bbb");
  answers("unstable", "{}", "");
  made_run(place->catalog, &newer, NULL, 0, 0, "ccc");
  answers("unstable", "{}", "1 1 2 2 1 3 1 4");
}

static void only_what_differs_is_listed_for_runs_by_name(void **state) {
  struct made_place *place = *state;
  struct made other = plain;
  other.context = 128, other.name = "other";
  made_run(place->catalog, &plain, NULL, 0, 0, "o");
  made_run(place->catalog, &other, NULL, 0, 0, "p");
  struct answer answer;
  struct why why;
  must(
      ask(place->catalog, "differs", "{\"a\": \"plain\", \"b\": \"last\"}", &answer, &why));
  assert_non_null(strstr(answer.text, "engine.context 64 128; output o p"));
  assert_null(strstr(answer.text, "seed"));
}

/* A composition of its own, by its parameter. */
static int64_t run_of_block(struct catalog *catalog, const struct made *made, int64_t block,
                            double speed, double perplexity) {
  struct made own = *made;
  own.block = block;
  return made_run(catalog, &own, &speed, 1, perplexity, "o");
}

static void the_front_holds_compositions_that_none_beats(void **state) {
  struct made_place *place = *state;
  struct made elsewhere = paged, other_task = paged;
  elsewhere.hostname = "there";
  other_task.context = 999;
  run_of_block(place->catalog, &paged, 1, 99,
               4.9); /* 1: not the newest of its composition */
  run_of_block(place->catalog, &paged, 1, 10, 5.0);      /* 2: best quality, with 5 */
  run_of_block(place->catalog, &paged, 2, 20, 6.0);      /* 3: beaten by 4 */
  run_of_block(place->catalog, &paged, 3, 30, 6.0);      /* 4: fastest */
  run_of_block(place->catalog, &both, 4, 10, 5.0);       /* 5: as good as 2 */
  run_of_block(place->catalog, &paged, 5, 5, 7.0);       /* 6: beaten */
  run_of_block(place->catalog, &elsewhere, 6, 50, 1.0);  /* 7: another machine */
  run_of_block(place->catalog, &other_task, 7, 50, 1.0); /* 8: another task, the newest */
  answers("front", "{\"machine\": 1}", "8 paged 50.0 1.0 kv.paged");
  char *task = made_look(place->path, "SELECT task FROM plan WHERE plan_id = 1");
  char given[128];
  snprintf(given, sizeof given, "{\"machine\": 1, \"task\": \"%s\"}", task);
  answers("front", given,
          "2 paged 10.0 5.0 kv.paged; 5 both 10.0 5.0 kv.paged kv.window; 4 paged 30.0 "
          "6.0 kv.paged");
  free(task);
  /* The view is over all runs. */
  expect("SELECT group_concat(run_id) FROM (SELECT run_id FROM front ORDER BY run_id)",
         "1,7,8");
}

static void a_metric_where_less_is_better_turns_the_front(void **state) {
  struct made_place *place = *state;
  struct why why;
  static const double bytes[] = {100, 50, 120}, loss[] = {5, 6, 7};
  for (int i = 0; i < 3; i++) {
    struct made own = paged;
    own.block = i;
    struct catalog_run run = made_begin(place->catalog, &own);
    must(catalog_run_sample(place->catalog, run.id, "peak_rss_bytes", 0, bytes[i], &why));
    must(catalog_run_sample(place->catalog, run.id, "perplexity", 0, loss[i], &why));
    made_end(place->catalog, run.id, CATALOG_DONE, NULL);
  }
  answers("front", "{\"speed\": \"peak_rss_bytes\"}",
          "1 paged 100.0 5.0 kv.paged; 2 paged 50.0 6.0 kv.paged");
}

static void a_technique_with_a_strategy_is_covered(void **state) {
  struct made_place *place = *state;
  struct answer answer;
  struct why why;
  must(ask(place->catalog, "uncovered", "{\"class\": \"serving\"}", &answer, &why));
  assert_non_null(strstr(answer.text, "serving kv_cache vllm"));
  assert_null(strstr(answer.text, "training"));
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  must(ask(place->catalog, "uncovered", "{\"class\": \"serving\"}", &answer, &why));
  assert_null(strstr(answer.text, "kv_cache vllm"));
}

static void refusals_are_counted_by_code(void **state) {
  struct made_place *place = *state;
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  made_new(&plain, &parts);
  for (int i = 0; i < 3; i++) {
    json_t *rows = json_pack("[{s:s,s:s,s:s}]", "code", i == 1 ? "P203" : "P102", "text",
                             i == 1   ? "clash"
                             : i == 0 ? "old slip"
                                      : "new slip",
                             "help", "look");
    must(catalog_run_refused(place->catalog, &parts.asked, rows, NULL, &run, &why));
    json_decref(rows);
  }
  made_free(&parts);
  answers("refusals", "{}", "P102 2 2 3 new slip look; P203 1 1 2 clash look");
}

static void a_slower_program_is_found_beside_the_one_before(void **state) {
  struct made_place *place = *state;
  const double fast[] = {100}, little[] = {99}, slow[] = {80};
  struct made second = plain, third = plain;
  second.commit = "second", third.commit = "third";
  made_run(place->catalog, &plain, fast, 1, 0, NULL);
  made_run(place->catalog, &second, little, 1, 0, NULL);
  made_run(place->catalog, &third, slow, 1, 0, NULL);
  answers("slower", "{}", "2 3 decode_tps 99.0 80.0 0.8081 0.1.0 third");
  answers("slower", "{\"beyond\": 0.001}",
          "2 3 decode_tps 99.0 80.0 0.8081 0.1.0 third; 1 2 decode_tps 100.0 99.0 0.99 "
          "0.1.0 second");
}

static void costs_are_summed_by_plugin(void **state) {
  struct made_place *place = *state;
  for (int i = 1; i <= 2; i++) {
    struct catalog_run run = made_begin(place->catalog, &paged);
    report(
        place->catalog, run.id,
        "[{\"id\":\"kv.paged\",\"calls\":10,\"time_ns\":500000000,\"bytes_peak\":64}, "
        "{\"id\":\"part.kernels\",\"calls\":4,\"time_ns\":1000000000,\"bytes_peak\":8}]");
    made_end(place->catalog, run.id, CATALOG_DONE, NULL);
  }
  answers("costs", "{}",
          "part.kernels part 2 8 2.0 250000.0 8; kv.paged strategy 2 20 1.0 50000.0 64");
}

static void a_time_that_was_not_measured_costs_no_zero(void **state) {
  struct made_place *place = *state;
  struct catalog_run run = made_begin(place->catalog, &paged);
  report(place->catalog, run.id,
         "[{\"id\":\"kv.paged\",\"calls\":10,\"time_ns\":5000,\"bytes_peak\":64}, "
         "{\"id\":\"part.kernels\",\"calls\":4,\"time_ns\":null,\"bytes_peak\":8}]");
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
  expect("SELECT count(*) FROM composition WHERE time_ns IS NULL", "1");
  answers("costs", "{}",
          "kv.paged strategy 1 10 5e-6 0.5 64; part.kernels part 1 4 null null 8");
}

static void relations_stand_beside_what_happened(void **state) {
  struct made_place *place = *state;
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  made_run(place->catalog, &both, NULL, 0, 0, NULL);
  struct catalog_run run = made_begin(place->catalog, &both);
  made_end(place->catalog, run.id, CATALOG_CRASHED, NULL);
  answers("relations", "{\"plugin\": \"kv.paged\"}",
          "kv.paged clashes kv.window 1 0 1 a shared block cannot be dropped");
  expect("SELECT one || ' ' || other || ' ' || worked || inert || broke FROM compatibility",
         "kv.paged kv.window 101");
}

static void what_it_takes_to_run_again_is_all_there(void **state) {
  struct made_place *place = *state;
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  struct answer answer;
  struct why why;
  must(ask(place->catalog, "again", "{}", &answer, &why));
  static const char *const pieces[] = {"command [\"ridge\",\"run\",\"made.lua\"]", "seed 1",
                                       "commit c0ffee", "plugin kv.paged 1.0.0 ",
                                       "recipe /somewhere/made.lua -- Does it work?"};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
    assert_non_null(strstr(answer.text, pieces[i]));
}

static void wrong_parameters_of_a_question_are_refused(void **state) {
  struct made_place *place = *state;
  struct answer answer;
  struct why why;
  assert_int_equal(ask(place->catalog, "differs", "{}", &answer, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "needs --param a=VALUE"));
  assert_int_equal(ask(place->catalog, "effects", "{\"strategi\": 1}", &answer, &why),
                   RIDGE_INVALID);
  assert_non_null(strstr(why.text, "did you mean `strategy`?"));
  assert_int_equal(ask(place->catalog, "again", "{\"run\": \"nothing\"}", &answer, &why),
                   RIDGE_INVALID);
  assert_non_null(strstr(why.text, "there is no run `nothing`"));
}

/* Free SQL ------------------------------------------------------------------------------
 */

static ridge_status query(struct catalog *catalog, const char *sql, const char *parameters,
                          struct answer *answer, struct why *why) {
  const struct catalog_sink sink = {answer, keep_columns, keep_row};
  answer->text[0] = 0;
  json_t *given = json_loads(parameters, 0, NULL);
  ridge_status status = catalog_query(catalog, sql, given, &sink, NULL, why);
  json_decref(given);
  return status;
}

static void free_sql_reads_whatever_is_there(void **state) {
  struct made_place *place = *state;
  struct answer answer;
  struct why why;
  static const struct {
    const char *sql, *parameters, *wanted;
  } rows[] = {
      {"SELECT count(*) FROM technique", "{}", "155"},
      {"  -- a remark\n SELECT 1, 2.5, 'x', NULL, x'ff';  -- another\n", "{}",
       "1 2.5 x null ff"},
      {"SELECT :a + :b", "{\"a\": 1, \"b\": 2}", "3"},
      {"VALUES (1), (2)", "{}", "1; 2"},
      {"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
       "SELECT i FROM n",
       "{}", "1; 2; 3"},
      {"SELECT value FROM json_each('[4, 5]')", "{}", "4; 5"},
      {"SELECT name FROM pragma_table_info('paper') WHERE pk", "{}", "paper_id"},
      {"PRAGMA user_version", "{}", "3"},
      {"SELECT 1e999", "{}", "+inf"},
      {"SELECT CAST(x'41ff42' AS TEXT)", "{}",
       "A\xef\xbf\xbd"
       "B"},
      {"SELECT count(*) FROM run_summary", "{}", "0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    must(query(place->catalog, rows[i].sql, rows[i].parameters, &answer, &why));
    assert_string_equal(answer.text, rows[i].wanted);
  }
}

static void free_sql_can_do_nothing_but_read(void **state) {
  struct made_place *place = *state;
  struct answer answer;
  struct why why;
  char attach[400];
  snprintf(attach, sizeof attach, "ATTACH '%s/stolen.db' AS x", place->folder);
  const char *const rows[] = {
      attach,
      "DELETE FROM run",
      "INSERT INTO note (run_id, at, text) VALUES (1, 1, 'x')",
      "UPDATE technique SET title = ''",
      "UPDATE sqlite_master SET sql = ''",
      "DROP TABLE run",
      "CREATE TABLE x (y)",
      "CREATE TEMP TABLE x (y)",
      "CREATE TEMP VIEW x AS SELECT 1",
      "PRAGMA query_only = OFF",
      "PRAGMA journal_mode = DELETE",
      "PRAGMA user_version = 9",
      "PRAGMA writable_schema = 1",
      "PRAGMA wal_checkpoint(TRUNCATE)",
      "SELECT load_extension('x')",
      "VACUUM",
      "VACUUM INTO '/tmp/never'",
      "BEGIN",
      "COMMIT",
      "SAVEPOINT x",
      "REINDEX",
      "ANALYZE",
      "SELECT 1; DELETE FROM run",
      "SELECT 1; SELECT 2",
      "SELECT 1; nonsense",
      "",
      "-- nothing",
      "SELECT nothing FROM run",
      "SELEC 1",
      "SELECT ?",
      "SELECT :a",
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    why.text[0] = 0;
    if (query(place->catalog, rows[i], "{}", &answer, &why) != RIDGE_INVALID)
      fail_msg("`%s` gave `%s`", rows[i], answer.text);
    assert_true(strlen(why.text) > 10);
  }
  assert_int_equal(query(place->catalog, "SELECT 1", "{\"a\": 1}", &answer, &why),
                   RIDGE_INVALID);
  /* And the connection can write again afterwards. */
  made_run(place->catalog, &plain, NULL, 0, 0, NULL);
  expect("SELECT (SELECT count(*) FROM run) || (SELECT count(*) FROM sqlite_schema WHERE "
         "name = 'x')",
         "10");
}

static void typed_values_keep_their_type(void **state) {
  (void)state;
  static const struct {
    const char *text;
    json_type type;
  } rows[] = {{"12", JSON_INTEGER},
              {"-3", JSON_INTEGER},
              {"1.5", JSON_REAL},
              {"1e3", JSON_REAL},
              {"null", JSON_NULL},
              {"text", JSON_STRING},
              {"", JSON_STRING},
              {"12x", JSON_STRING},
              {"inf", JSON_STRING},
              {"nan", JSON_STRING},
              {"99999999999999999999", JSON_REAL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    json_t *value = catalog_typed(rows[i].text);
    assert_int_equal(json_typeof(value), rows[i].type);
    json_decref(value);
  }
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(every_question_has_help_and_answers_an_empty_catalog),
      FRESH(effects_are_pairs_that_differ_in_one_strategy),
      FRESH(an_idle_strategy_is_found_with_its_reason),
      FRESH(different_outputs_of_one_plan_are_found),
      FRESH(only_what_differs_is_listed_for_runs_by_name),
      FRESH(the_front_holds_compositions_that_none_beats),
      FRESH(a_metric_where_less_is_better_turns_the_front),
      FRESH(a_technique_with_a_strategy_is_covered),
      FRESH(refusals_are_counted_by_code),
      FRESH(a_slower_program_is_found_beside_the_one_before),
      FRESH(costs_are_summed_by_plugin),
      FRESH(a_time_that_was_not_measured_costs_no_zero),
      FRESH(relations_stand_beside_what_happened),
      FRESH(what_it_takes_to_run_again_is_all_there),
      FRESH(wrong_parameters_of_a_question_are_refused),
      FRESH(free_sql_reads_whatever_is_there),
      FRESH(free_sql_can_do_nothing_but_read),
      cmocka_unit_test(typed_values_keep_their_type),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
