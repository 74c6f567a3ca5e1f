/*
 * catalog_verbs.c - the verbs that look back, as somebody types them.
 */
#include "unit/catalog_made.h"

#include <math.h>

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

/* A catalog with runs 1 (plain), 2 (paged, slower), 3 (another task), 4 (refused), 5 (few
 * repeats), 6 (hostile texts). */
static int verbs_setup(void **state) {
  if (made_setup(state) != 0) return -1;
  struct made_place *place = *state;
  static const double fast[] = {100, 101, 99, 102, 98, 100, 103},
                      slow[] = {80, 81, 79, 82, 78, 80, 83};
  struct made other = plain, few = paged;
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  other.context = 128, other.name = "other";
  few.block = 8, few.name = "few";
  made_run(place->catalog, &plain, fast, 7, 5.0, "o");
  made_run(place->catalog, &paged, slow, 7, 5.0, "o");
  made_run(place->catalog, &other, fast, 7, 5.0, "o");
  json_t *rows =
      json_pack("[{s:s,s:s,s:s,s:i,s:i,s:[s],s:s}]", "code", "P102", "text",
                "`kv.paged` has no parameter `blok`", "file", "made.lua", "line", 3,
                "column", 7, "notes", "it has block", "help", "did you mean `block`?");
  made_new(&plain, &parts);
  parts.asked.name = "refused";
  must(catalog_run_refused(place->catalog, &parts.asked, rows, NULL, &run, &why));
  made_free(&parts);
  json_decref(rows);
  made_run(place->catalog, &few, slow, 3, 5.0, "o");
  run = made_begin(place->catalog, &paged);
  json_t *text =
      json_pack("{s:i,s:i,s:s,s:s,s:[i],s:s}", "repeat", 0, "sequence", 0, "prompt", "Once",
                "text", " upon\033[2J a\ttime", "tokens", 1, "stop", "length");
  must(catalog_run_text(place->catalog, run.id, text, &why));
  json_decref(text);
  must(catalog_run_sample(place->catalog, run.id, "decode_tps", 0, NAN, &why));
  struct catalog_end end = {
      .status = CATALOG_CRASHED, .why = "SIGSEGV\033[31m", .blamed = "kv.paged 1.0.0"};
  must(catalog_run_end(place->catalog, run.id, &end, &why));
  return 0;
}

static struct testing_output ridge(const struct made_place *place, const char *words) {
  const char *argv[24] = {"--catalog", place->path};
  char copy[1024], *save = NULL;
  size_t n = strncmp(words, "--catalog", 9) == 0 ? 0 : 2; /* it names another */
  snprintf(copy, sizeof copy, "%s", words);
  /* Words apart from each other by '~', so that SQL keeps its blanks. */
  for (char *word = strtok_r(copy, "~", &save); word != NULL && n < 23;
       word = strtok_r(NULL, "~", &save))
    argv[n++] = word;
  return testing_ridge(argv);
}

/* Exit code, and a piece that has to be in output or errors. */
static void says_at(const struct made_place *place, const char *words, int exit,
                    const char *piece, int line) {
  struct testing_output found = ridge(place, words);
  bool there = strstr(found.out, piece) != NULL || strstr(found.err, piece) != NULL;
  if (found.exit != exit || !there)
    fail_msg("line %d: `%s` exits %d (not %d), or lacks `%s`:\n%s%s", line, words,
             found.exit, exit, piece, found.out, found.err);
  testing_output_free(&found);
}
#define says(words, exit, piece) says_at(*state, (words), (exit), (piece), __LINE__)

static json_t *json_at(const struct made_place *place, const char *words, int exit,
                       int line) {
  struct testing_output found = ridge(place, words);
  json_error_t error;
  json_t *json = json_loads(found.out, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (found.exit != exit || json == NULL || found.err_bytes > 0)
    fail_msg("line %d: `%s` exits %d: %s\n%s%s", line, words, found.exit, error.text,
             found.out, found.err);
  testing_output_free(&found);
  return json;
}
#define json_of(words, exit) json_at(*state, (words), (exit), __LINE__)

static void each_verb_prints_one_json_value(void **state) {
  static const char *const words[] = {"runs~--json",
                                      "--json~runs~--status~refused",
                                      "show~1~--json",
                                      "show~last~--json~--text",
                                      "diff~1~2~--json",
                                      "compare~1~2~--json",
                                      "query~--json",
                                      "query~front~--json",
                                      "techniques~--json",
                                      "techniques~qmoe~--json",
                                      "claims~--json",
                                      "claims~vllm~--json",
                                      "query~SELECT 1 AS x~--json"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    json_decref(json_of(words[i], 0));
}

static void runs_are_listed_and_filtered(void **state) {
  json_t *rows = json_of("runs~--json~--limit~2", 0);
  assert_int_equal(json_array_size(rows), 2);
  json_decref(rows);
  rows = json_of("runs~--json~--status~done~--name~paged", 0);
  assert_int_equal(json_array_size(rows), 1);
  json_decref(rows);
  says("runs", 0, "SIGSEGV");
  says("runs~--status~finished", 2, "no status `finished`");
  says("runs~--name~nobody", 0, "No such run in");
}

static void a_run_is_shown_with_all_it_has(void **state) {
  says("show~plain", 0, "100 token/s");
  says("show~1", 0, "engine.context");
  says("show~paged", 0, "kv.paged");
  says("show~refused", 0, "made.lua:3:7: P102: `kv.paged` has no parameter `blok`");
  says("show~refused", 0, "help: did you mean `block`?");
  says("show~6~--text", 0, "Once");
  says("show~6", 0, "nan");
  says("show~77", 2, "there is no run `77`");
  says("show", 2, "RUN");
  json_t *run = json_of("show~1~--json", 0);
  const json_t *metric = json_array_get(json_object_get(run, "metrics"), 0);
  assert_int_equal(json_array_size(json_object_get(metric, "repeats")), 7);
  assert_null(json_object_get(run, "texts"));
  json_decref(run);
}

/* What a model wrote must not drive the reader's terminal. */
static void no_control_character_comes_through(void **state) {
  static const char *const words[] = {"show~6~--text", "runs",
                                      "query~SELECT text FROM run_text"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    struct testing_output found = ridge(*state, words[i]);
    assert_int_equal(found.exit, 0);
    assert_null(memchr(found.out, '\033', found.out_bytes));
    testing_output_free(&found);
  }
}

static void a_difference_is_what_differs(void **state) {
  json_t *found = json_of("diff~plain~other~--json", 0);
  const json_t *rows = json_object_get(found, "differs");
  assert_int_equal(json_array_size(rows), 2); /* recipe and engine.context */
  json_decref(found);
  says("diff~1~1", 0, "differ in nothing");
  says("diff~1", 2, "B");
}

static void comparing_says_how_much_and_how_sure(void **state) {
  json_t *found = json_of("compare~1~2~--metric~decode_tps~--json", 0);
  const json_t *row = json_array_get(json_object_get(found, "metrics"), 0);
  assert_true(fabs(json_number_value(json_object_get(row, "ratio")) - 0.8) < 0.01);
  assert_true(json_number_value(json_object_get(row, "hi")) < 0.81);
  assert_int_equal(json_integer_value(json_object_get(row, "pairs")), 7);
  assert_string_equal(json_string_value(json_object_get(row, "verdict")), "lower");
  json_decref(found);
  says("compare~1~2", 0, "B is worse");
  says("compare~2~1", 0, "B is better");
  says("compare~1~2", 0, "not interleaved");
  says("compare~2~few", 0, "too few pairs (3; 6 needed)");
  says("compare~1~2", 0, "the same"); /* perplexity, exact */
}

static void a_regression_exits_5_and_an_improvement_0(void **state) {
  says("compare~1~2~--baseline", 5, "worse than the baseline in decode_tps");
  says("compare~2~1~--baseline", 0, "No regression");
  says("compare~2~few~--baseline", 0, "No regression");
  says("compare~1~2~--baseline~--metric~perplexity", 0, "No regression");
}

static void what_cannot_be_compared_is_refused(void **state) {
  says("compare~1~3", 2, "did different tasks");
  says("compare~1~4", 2, "run 4 is refused");
  says("compare~1~6", 2, "run 6 is crashed");
  says("compare~1~1", 2, "--noise");
  says("compare~1~1~--noise", 0, "no difference");
  says("compare~1~x.lua", 2, "two of one kind");
  says("compare~1~2~--metric~nothing", 2, "`nothing` was not measured in both");
}

static void a_query_comes_in_five_formats(void **state) {
  says("query~SELECT 1 AS a, 'x|y' AS b, NULL AS c", 0, "a\tb\tc\n1\tx|y\t-\n");
  says("query~SELECT 1 AS a, 'x|y' AS b~--format~md", 0,
       "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n");
  says("query~SELECT 1.5 AS a, 'x,\"y' AS b, NULL AS c~--format~csv", 0,
       "a,b,c\r\n1.5,\"x,\"\"y\",\r\n");
  says("query~SELECT 1 AS a, 2 AS a~--format~json", 0, "[{\"a\":1,\"a:2\":2}]\n");
  says("query~VALUES (1), (2)~--format~jsonl", 0, "{\"column1\":1}\n{\"column1\":2}\n");
  says("query~SELECT 1~--format~xml", 2, "no format `xml`");
  says("query~SELECT :a + 1 AS b~--param~a=2", 0, "3");
  says("query~SELECT :a~--param~b=2", 2, "`:a` was not given");
  says("query~SELECT 1~--param~nonsense", 2, "name=value");
  says("query~differs~--param~a=plain~--param~b=paged", 0, "kv.paged.block");
  says("query~effect", 2, "did you mean `effects`?");
  says("query~DROP TABLE run", 2, "only read");
  says("query~SELEC 1", 2, "syntax error");
}

static void the_literature_is_there_on_a_fresh_machine(void **state) {
  struct made_place *place = *state;
  char path[300], words[400];
  snprintf(path, sizeof path, "%s/fresh/deep/catalog.db", place->folder);
  snprintf(words, sizeof words, "--catalog~%s~techniques~wanda", path);
  says(words, 0, "Wanda");
  says("techniques~wnda", 2, "did you mean `wanda`?");
  says("techniques~--class~other", 2, "no class `other`");
  says("claims~--technique~qmoe", 0, "not tried here");
  says("claims~nothing", 2, "no technique `nothing`");
}

static void a_bad_catalog_is_one_sentence(void **state) {
  struct made_place *place = *state;
  char words[400];
  snprintf(words, sizeof words, "--catalog~%s~runs", place->folder);
  says(words, 2, "is a directory");
  snprintf(words, sizeof words, "--catalog~%s~runs", "/dev/null");
  says(words, 2, "not a plain file");
}

/* Of another container of this boot nobody can say whether its processes live. */
static void a_run_that_nobody_can_see_is_a_line_of_the_doctor(void **state) {
  struct made_place *place = *state;
  struct catalog_run run = made_begin(place->catalog, &paged);
  char sql[512];
  snprintf(sql, sizeof sql,
           "DROP TRIGGER run_is_itself; UPDATE run SET supervisor = replace(supervisor, "
           "'pid:[', 'pid:[9') WHERE run_id = %lld",
           (long long)run.id);
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  struct testing_output output = ridge(place, "doctor");
  assert_non_null(strstr(output.out, "run is `running`"));
  assert_non_null(strstr(output.out, "another container"));
  testing_output_free(&output);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_verb_prints_one_json_value),
      cmocka_unit_test(runs_are_listed_and_filtered),
      cmocka_unit_test(a_run_is_shown_with_all_it_has),
      cmocka_unit_test(no_control_character_comes_through),
      cmocka_unit_test(a_difference_is_what_differs),
      cmocka_unit_test(comparing_says_how_much_and_how_sure),
      cmocka_unit_test(a_regression_exits_5_and_an_improvement_0),
      cmocka_unit_test(what_cannot_be_compared_is_refused),
      cmocka_unit_test(a_query_comes_in_five_formats),
      cmocka_unit_test(the_literature_is_there_on_a_fresh_machine),
      cmocka_unit_test(a_bad_catalog_is_one_sentence),
      cmocka_unit_test_setup_teardown(a_run_that_nobody_can_see_is_a_line_of_the_doctor,
                                      made_setup, made_teardown),
  };
  return cmocka_run_group_tests(tests, verbs_setup, made_teardown);
}
