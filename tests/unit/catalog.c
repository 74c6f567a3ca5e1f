/* catalog.c - what is written is what is there, and stays. */
#include "unit/catalog_made.h"

#include <math.h>

static const struct made paged = {
    .name = "paged",
    .strategies = {"kv.paged", "decode.lookup", "part.kernels", NULL},
    .seed = 7,
    .context = 256,
    .block = 16};

static void a_run_is_there_before_it_starts(void **state) {
  struct made_place *place = *state;
  struct catalog_run run = made_begin(place->catalog, &paged);
  assert_int_equal(strlen(run.uid), 26);
  expect("SELECT status || ' ' || name || ' ' || seed FROM run", "running paged 7");
  expect("SELECT ended IS NULL AND started > 1600000000000000 FROM run", "1");
  expect("SELECT command FROM run", "[\"ridge\",\"run\",\"made.lua\"]");
  expect("SELECT group_concat(name || ':' || requested || ':' || seam, ' | ') FROM "
         "(SELECT p.name, requested, seam "
         "FROM composition JOIN plugin p USING (plugin_id) ORDER BY position)",
         "kv.paged:1:kv.store/1 graph.pass/1 | decode.lookup:1:kv.store/1 graph.pass/1 | "
         "part.kernels:0:kv.store/1 graph.pass/1");
  expect("SELECT t.name "
         "FROM plugin JOIN technique t USING (technique_id) WHERE plugin.name = 'kv.paged'",
         "vllm");
  made_end(place->catalog, run.id, CATALOG_STOPPED, NULL);
}

static void every_setting_knows_its_origin_and_line(void **state) {
  struct made_place *place = *state;
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  expect("SELECT group_concat(owner || '.' || name || '=' || value || ' ' || origin || ' ' "
         "|| ifnull(line, '-'), '; ') FROM setting",
         "decode.lookup.block=16 recipe 7; engine.context=256 command 3; kv.paged.block=16 "
         "recipe 7; sample.stop=[\".\"] recipe -; sample.temperature=0.0 default -");
  expect("SELECT typeof(value) FROM setting WHERE name = 'temperature'", "real");
}

static void a_value_without_origin_is_refused_and_leaves_nothing(void **state) {
  struct made_place *place = *state;
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  made_new(&paged, &parts);
  json_object_del(json_object_get(parts.origins, "settings"), "sample.stop");
  assert_int_equal(catalog_run_begin(place->catalog, &parts.asked, &run, &why),
                   RIDGE_INTERNAL);
  assert_non_null(strstr(why.text, "`sample.stop` has no origin"));
  made_free(&parts);
  expect("SELECT (SELECT count(*) FROM run) || (SELECT count(*) FROM plan)", "00");
}

static void an_ablation_finds_the_run_without_the_strategy(void **state) {
  struct made_place *place = *state;
  struct made without = paged;
  without.strategies[1] = "part.kernels", without.strategies[2] = NULL;
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  made_run(place->catalog, &without, NULL, 0, 0, NULL);
  expect("SELECT a.name FROM ablation a JOIN plan p ON p.composition = a.without",
         "decode.lookup");
  expect("SELECT count(DISTINCT task) || count(DISTINCT composition) FROM plan", "12");
}

static void a_composition_whose_digest_is_not_its_own_is_refused(void **state) {
  struct made_place *place = *state;
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  made_new(&paged, &parts);
  parts.asked.composition_digest = parts.asked.task_digest;
  assert_int_equal(catalog_run_begin(place->catalog, &parts.asked, &run, &why),
                   RIDGE_INTERNAL);
  made_free(&parts);
}

static void equal_machines_programs_recipes_and_plans_are_one_row(void **state) {
  struct made_place *place = *state;
  struct made other = paged;
  other.commit = "decaf";
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  made_run(place->catalog, &other, NULL, 0, 0, NULL);
  expect("SELECT (SELECT count(*) FROM machine) || (SELECT count(*) FROM program) || "
         "(SELECT count(*) "
         "FROM recipe) || (SELECT count(*) FROM plan) || (SELECT count(*) FROM plugin) || "
         "(SELECT count(DISTINCT uid) FROM run)",
         "121133");
}

static void a_number_that_is_not_finite_keeps_its_name(void **state) {
  struct made_place *place = *state;
  struct why why;
  const double values[] = {NAN, INFINITY, -INFINITY, 0.1};
  struct catalog_run run = made_begin(place->catalog, &paged);
  for (int i = 0; i < 4; i++)
    must(catalog_run_sample(place->catalog, run.id, "loss", i, values[i], &why));
  struct catalog_point points[] = {{"loss", 1, NAN}, {"loss", 2, 0.5}};
  must(catalog_run_points(place->catalog, run.id, points, 2, &why));
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
  expect("SELECT group_concat(ifnull(odd, value)) FROM sample", "nan,+inf,-inf,0.1");
  expect("SELECT group_concat(ifnull(odd, value)) FROM point", "nan,0.5");
  expect("SELECT value || ' of ' || repeats FROM typical", "0.1 of 1");
  json_t *samples = NULL;
  must(catalog_samples(place->catalog, run.id, &samples, &why));
  const json_t *repeats =
      json_object_get(json_array_get(json_object_get(samples, "metrics"), 0), "repeats");
  assert_string_equal(json_string_value(json_object_get(json_array_get(repeats, 0), "odd")),
                      "nan");
  assert_true(json_real_value(json_object_get(json_array_get(repeats, 3), "value")) == 0.1);
  json_decref(samples);
}

static void typical_is_the_median_of_the_measured_repeats(void **state) {
  struct made_place *place = *state;
  struct why why;
  const double odd[] = {5, 1, 3}, even[] = {4, 1, 2, 8};
  struct catalog_run run = made_begin(place->catalog, &paged);
  must(catalog_run_sample(place->catalog, run.id, "decode_tps", -1, 1000, &why));
  for (int i = 0; i < 3; i++)
    must(catalog_run_sample(place->catalog, run.id, "decode_tps", i, odd[i], &why));
  for (int i = 0; i < 4; i++)
    must(catalog_run_sample(place->catalog, run.id, "prefill_tps", i, even[i], &why));
  expect("SELECT count(*) FROM typical", "0");
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
  expect("SELECT group_concat(m.name || ' ' || value || ' ' || repeats) FROM typical "
         "JOIN metric m USING (metric_id)",
         "decode_tps 3.0 3,prefill_tps 3.0 4");
  expect("SELECT decode_tps || ' ' || strategies FROM run_summary",
         "3.0 kv.paged decode.lookup");
}

static void one_metric_and_repeat_is_measured_once(void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_run run = made_begin(place->catalog, &paged);
  must(catalog_run_sample(place->catalog, run.id, "loss", 0, 1, &why));
  assert_int_equal(catalog_run_sample(place->catalog, run.id, "loss", 0, 2, &why),
                   RIDGE_INVALID);
  assert_non_null(strstr(why.text, "metric `loss`, repeat 0"));
  expect("SELECT value FROM sample", "1.0");
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
}

static void a_refused_run_is_still_a_row(void **state) {
  struct made_place *place = *state;
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  json_t *diagnostics =
      json_pack("[{s:s,s:s,s:i,s:i,s:i,s:s,s:[s],s:s},{s:s,s:s}]", "code", "P104", "file",
                "made.lua", "line", 6, "column", 35, "length", 11, "text",
                "`weights.rtn.group` is 512", "notes", "smaller is more exact", "help",
                "use 256", "code", "P203", "text", "cannot run together");
  made_new(&paged, &parts);
  must(catalog_run_refused(place->catalog, &parts.asked, diagnostics, NULL, &run, &why));
  made_free(&parts);
  json_decref(diagnostics);
  expect("SELECT status || ' ' || why FROM run WHERE plan_id IS NULL AND ended = started",
         "refused `weights.rtn.group` is 512");
  expect("SELECT group_concat(code || ' ' || ifnull(line, '-')) FROM diagnostic",
         "P104 6,P203 -");
  expect("SELECT count(*) FROM pragma_foreign_key_check", "0");
  expect("INSERT INTO diagnostic VALUES (1, 9, 'P1', NULL, 1, 1, 1, 'late', '[]', NULL)",
         "a finished run takes no more rows");
}

static void a_run_refused_while_planning_loses_its_plan_and_keeps_its_diagnostics(
    void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_run run = made_begin(place->catalog, &paged);
  json_t *diagnostics = json_pack("[{s:s,s:s}]", "code", "P205", "text", "does not fit");
  must(catalog_run_diagnostics(place->catalog, run.id, diagnostics, &why));
  json_decref(diagnostics);
  struct catalog_end end = {.status = CATALOG_REFUSED, .why = "does not fit"};
  must(catalog_run_end(place->catalog, run.id, &end, &why));
  expect("SELECT status || ifnull(plan_id, ' no plan') FROM run", "refused no plan");
  expect("SELECT code FROM diagnostic", "P205");
  expect("SELECT count(*) FROM setting", "5");
}

static void who_took_part_is_written_with_evidence(void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_run run = made_begin(place->catalog, &paged);
  json_t *report = json_pack(
      "[{s:s,s:b,s:b,s:i,s:i,s:s,s:i,s:i,s:[{s:s,s:s,s:i,s:i}]},{s:s,s:b,s:b,s:i,s:[]}]",
      "id", "kv.paged", "engaged", 1, "inert", 0, "calls", 40, "declined", 2, "reason",
      "odd size", "time_ns", 1000, "bytes_peak", 4096, "evidence", "name", "blocks", "unit",
      "block", "count", 9, "least", 1, "id", "decode.lookup", "engaged", 0, "inert", 1,
      "calls", 0, "evidence");
  must(catalog_run_strategies(place->catalog, run.id, report, &why));
  json_object_set_new(json_array_get(report, 0), "id", json_string("kv.stranger"));
  assert_int_equal(catalog_run_strategies(place->catalog, run.id, report, &why),
                   RIDGE_INVALID);
  assert_non_null(strstr(why.text, "`kv.stranger` reports, but took no part"));
  json_decref(report);
  made_end(place->catalog, run.id, CATALOG_INERT, NULL);
  expect("SELECT group_concat(ifnull(engaged, '-') || ifnull(inert, '-') || ' ' || "
         "ifnull(calls, '-') || ' ' || ifnull(reason, '-')) "
         "FROM (SELECT * FROM composition ORDER BY position)",
         "10 40 odd size,01 0 -,-- - -");
  expect("SELECT name || count || least FROM evidence", "blocks91");
}

static void the_blamed_plugin_is_the_one_that_took_part(void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_run run = made_begin(place->catalog, &paged);
  struct catalog_end end = {
      .status = CATALOG_CRASHED, .why = "SIGSEGV", .blamed = "kv.paged 1.0.0"};
  must(catalog_run_end(place->catalog, run.id, &end, &why));
  run = made_begin(place->catalog, &paged);
  end.blamed = "";
  must(catalog_run_end(place->catalog, run.id, &end, &why));
  expect("SELECT group_concat(name) FROM (SELECT ifnull(p.name, 'nobody') AS name FROM run "
         "LEFT JOIN plugin p ON p.plugin_id = blamed_id ORDER BY run_id)",
         "kv.paged,nobody");
}

static void texts_inputs_operators_events_and_plans_are_kept(void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_run run = made_begin(place->catalog, &paged);
  json_t *input =
      json_pack("{s:s,s:s,s:s,s:s,s:I}", "role", "model", "name", "stories", "path",
                "/m.gguf", "digest", "ab", "bytes", (json_int_t)5000000000);
  json_t *text =
      json_pack("{s:i,s:i,s:s,s:s,s:[i,i],s:s}", "repeat", 0, "sequence", 1, "prompt",
                "Once", "text", "upon \xe2\x82\xac", "tokens", 5, 6, "stop", "length");
  json_t *nodes = json_pack("[{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:b}]", "phase",
                            "decode", "name", "blk.0.attn_q", "op", "matmul", "kind",
                            "matmul q4_0", "kernel", "avx2", "calls", 3, "ns", 4, "bytes",
                            5, "streamed", 4, "flops", 6, "narrow", 1);
  json_t *stages = json_pack("[{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i}]", "phase", "decode",
                             "steps", 3, "rows", 6, "wanted", 6, "depth", 60, "reach", 30,
                             "model_ns", 5, "step_ns", 7);
  json_t *plan = json_pack("{s:[s]}", "nodes", "x");
  must(catalog_run_input(place->catalog, run.id, input, &why));
  must(catalog_run_text(place->catalog, run.id, text, &why));
  must(catalog_run_operators(place->catalog, run.id, nodes, &why));
  must(catalog_run_stages(place->catalog, run.id, stages, &why));
  must(catalog_run_detail(place->catalog, run.id, plan, &why));
  must(catalog_run_event(place->catalog, run.id, "info", "pool.c:3", "2 threads", &why));
  must(catalog_run_note(place->catalog, run.id, "a note", &why));
  json_object_del(input, "digest");
  assert_int_equal(catalog_run_input(place->catalog, run.id, input, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "lacks the text `digest`"));
  made_end(place->catalog, run.id, CATALOG_DONE, "00ff");
  must(catalog_run_note(place->catalog, run.id, "a later note", &why));
  json_t *all = NULL;
  must(catalog_show(place->catalog, run.id,
                    CATALOG_TEXTS | CATALOG_OPERATORS | CATALOG_PLAN | CATALOG_POINTS, &all,
                    &why));
  assert_int_equal(json_array_size(json_object_get(all, "notes")), 2);
  const json_t *kept = json_array_get(json_object_get(all, "texts"), 0);
  assert_string_equal(json_string_value(json_object_get(kept, "text")),
                      "upon \xe2\x82\xac");
  assert_int_equal(json_integer_value(json_object_get(kept, "tokens")), 2);
  kept = json_array_get(json_object_get(all, "inputs"), 0);
  assert_true(json_integer_value(json_object_get(kept, "bytes")) == 5000000000);
  assert_true(json_equal(json_object_get(json_object_get(all, "plan"), "detail"), plan));
  assert_string_equal(json_string_value(json_object_get(
                          json_array_get(json_object_get(all, "events"), 0), "place")),
                      "pool.c:3");
  assert_string_equal(json_string_value(json_object_get(
                          json_array_get(json_object_get(all, "operators"), 0), "kernel")),
                      "avx2");
  assert_true(json_equal(json_object_get(all, "stages"), stages));
  json_decref(all);
  json_decref(input);
  json_decref(text);
  json_decref(nodes);
  json_decref(stages);
  json_decref(plan);
}

/* Names ------------------------------------------------------------------------------- */

static void a_run_is_found_by_number_uid_prefix_name_and_last(void **state) {
  struct made_place *place = *state;
  struct made other = paged;
  struct why why;
  int64_t found;
  other.name = "other";
  int64_t first = made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  int64_t second = made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  int64_t third = made_run(place->catalog, &other, NULL, 0, 0, NULL);
  char *uid = made_look(place->path, "SELECT uid FROM run WHERE run_id = 1");
  must(catalog_run_find(place->catalog, "1", &found, &why));
  assert_int_equal(found, first);
  must(catalog_run_find(place->catalog, "paged", &found, &why));
  assert_int_equal(found, second);
  must(catalog_run_find(place->catalog, "last", &found, &why));
  assert_int_equal(found, third);
  must(catalog_run_find(place->catalog, uid, &found, &why));
  assert_int_equal(found, first);
  uid[9] = 0;
  must(catalog_run_find(place->catalog, uid, &found, &why));
  assert_int_equal(found, first);
  free(uid);
  static const char *const wrong[] = {"4", "pagex", "zz",  "", "99999999999999999999",
                                      "0", "-1",    "~~~~"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(catalog_run_find(place->catalog, wrong[i], &found, &why),
                     RIDGE_INVALID);
    assert_non_null(strstr(why.text, "there is no run"));
  }
}

static void a_prefix_of_two_uids_is_refused(void **state) {
  struct made_place *place = *state;
  struct why why;
  int64_t found;
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  expect("INSERT INTO run SELECT 100, 'zzzz0000000000000000000001', name, phase, "
         "recipe_id, plan_id, machine_id, program_id, seed, command, file, NULL, NULL, "
         "NULL, 'running', NULL, NULL, NULL, '', 1, NULL FROM run",
         "no row");
  expect("INSERT INTO run SELECT 101, 'zzzz0000000000000000000002', name, phase, "
         "recipe_id, plan_id, machine_id, program_id, seed, command, file, NULL, NULL, "
         "NULL, 'running', NULL, NULL, NULL, '', 1, NULL FROM run WHERE run_id = 1",
         "no row");
  assert_int_equal(catalog_run_find(place->catalog, "zzzz", &found, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "several runs"));
  must(catalog_run_find(place->catalog, "zzzz0000000000000000000002", &found, &why));
  assert_int_equal(found, 101);
}

static void runs_are_listed_newest_first_and_filtered(void **state) {
  struct made_place *place = *state;
  struct made other = paged;
  struct why why;
  json_t *rows = NULL;
  other.name = "other";
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  made_run(place->catalog, &other, NULL, 0, 0, NULL);
  struct catalog_run open = made_begin(place->catalog, &paged);
  struct catalog_filter filter = {.limit = 2};
  must(catalog_runs(place->catalog, &filter, &rows, &why));
  assert_int_equal(json_array_size(rows), 2);
  assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "run")),
                   open.id);
  json_decref(rows);
  filter = (struct catalog_filter){.name = "paged", .status = "done"};
  must(catalog_runs(place->catalog, &filter, &rows, &why));
  assert_int_equal(json_array_size(rows), 1);
  json_decref(rows);
  filter = (struct catalog_filter){.recipe = "other"};
  must(catalog_runs(place->catalog, &filter, &rows, &why));
  assert_int_equal(json_array_size(rows), 1);
  json_decref(rows);
  made_end(place->catalog, open.id, CATALOG_DONE, NULL);
}

static void only_what_differs_is_a_difference(void **state) {
  struct made_place *place = *state;
  struct made other = paged;
  struct why why;
  json_t *rows = NULL;
  other.strategies[1] = "part.kernels", other.strategies[2] = NULL, other.context = 512;
  other.commit = "decaf";
  int64_t a = made_run(place->catalog, &paged, NULL, 0, 0, "aa");
  int64_t b = made_run(place->catalog, &other, NULL, 0, 0, "aa");
  must(catalog_diff(place->catalog, a, b, &rows, &why));
  char *text = json_dumps(rows, JSON_COMPACT);
  assert_string_equal(
      text, "[{\"what\":\"plugin decode.lookup\",\"a\":\"1.0.0 5ae1c16f8fdb\",\"b\":null},"
            "{\"what\":\"decode.lookup.block\",\"a\":\"16\",\"b\":null},{\"what\":\"engine."
            "context\",\"a\":\"256\",\"b\":\"512\"},{\"what\":\"program "
            "commit\",\"a\":\"c0ffee\",\"b\":\"decaf\"}]");
  free(text);
  json_decref(rows);
  must(catalog_diff(place->catalog, a, a, &rows, &why));
  assert_int_equal(json_array_size(rows), 0);
  json_decref(rows);
}

/* The literature ---------------------------------------------------------------------- */

static void techniques_and_claims_are_loaded_when_a_catalog_is_made(void **state) {
  struct made_place *place = *state;
  struct why why;
  json_t *rows = NULL;
  expect("SELECT (SELECT count(*) FROM technique) || ' ' || (SELECT count(*) FROM claim)",
         "155 503");
  expect("SELECT group_concat(standing || n, ' ') FROM (SELECT standing, count(*) AS n "
         "FROM technique GROUP BY 1)",
         "background37 confirmed10 remembered6 unknown102");
  expect("SELECT group_concat(trust || n, ' ') FROM (SELECT trust, count(*) AS n FROM "
         "claim GROUP BY 1)",
         "memory2 primary426 secondary75");
  must(catalog_techniques(place->catalog, "qmoe", &rows, &why));
  const json_t *one = json_array_get(rows, 0);
  assert_string_equal(json_string_value(json_object_get(one, "branch")), "quantization");
  assert_true(json_array_size(json_object_get(one, "claims")) > 3);
  json_decref(rows);
  must(catalog_techniques(place->catalog, "no-such", &rows, &why));
  assert_int_equal(json_array_size(rows), 0);
  json_decref(rows);
  must(catalog_techniques(place->catalog, NULL, &rows, &why));
  assert_int_equal(json_array_size(rows), 155);
  json_decref(rows);
}

static void a_strategys_claims_stand_beside_the_papers(void **state) {
  struct made_place *place = *state;
  struct why why;
  json_t *rows = NULL;
  made_run(place->catalog, &paged, NULL, 0, 0, NULL);
  must(catalog_claims(place->catalog, "vllm", &rows, &why));
  const json_t *first = json_array_get(rows, 0);
  assert_string_equal(json_string_value(json_object_get(first, "label")),
                      "kv.paged/capacity");
  assert_true(json_real_value(json_object_get(first, "hi")) == 4);
  json_decref(rows);
  expect("SELECT group_concat(DISTINCT better) FROM metric WHERE name LIKE '%.waste'",
         "-1");
}

static void an_edition_loaded_twice_is_the_same(void **state) {
  struct made_place *place = *state;
  char *before = made_look(place->path,
                           "SELECT group_concat(claim_id || digest || retired) FROM claim");
  catalog_close(place->catalog);
  expect("UPDATE loaded SET edition = 0", "no row");
  expect("UPDATE technique SET title = 'changed' WHERE name = 'qmoe'", "no row");
  place->catalog = made_open(place->path);
  char *after = made_look(place->path,
                          "SELECT group_concat(claim_id || digest || retired) FROM claim");
  assert_string_equal(before, after);
  expect("SELECT count(*) FROM technique WHERE title = 'changed'", "0");
  free(before);
  free(after);
}

/* The cache, the speed, sweeps --------------------------------------------------------- */

static void descriptions_are_kept_by_build(void **state) {
  struct made_place *place = *state;
  struct registry_cache cache = catalog_registry_cache(place->catalog);
  assert_null(cache.get(cache.ctx, "b1"));
  json_t *description = made_description("kv.quant");
  cache.put(cache.ctx, "b1", description);
  json_t *found = cache.get(cache.ctx, "b1");
  assert_true(json_equal(found, description));
  json_decref(found);
  json_object_set_new(description, "summary", json_string("more is known now"));
  cache.put(cache.ctx, "b1", description);
  found = cache.get(cache.ctx, "b1");
  assert_true(json_equal(found, description));
  json_decref(found);
  json_decref(description);
  expect("SELECT count(*) FROM plugin", "1");
}

/* What is kept of a speed here: the thread counts of its peaks. */
static json_t *speed_of(const char *flops) {
  json_t *speed = json_pack("{s:o}", "flops", json_loads(flops, 0, NULL));
  assert_non_null(speed);
  return speed;
}

static void the_newest_measured_speed_of_a_machine_is_found(void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_calibration found;
  json_t *machine = json_pack("{s:s}", "cpu", "one"),
         *other = json_pack("{s:s}", "cpu", "two");
  json_t *first = speed_of("[[1, 0, 5.5, 5]]"), *second = speed_of("[[1, 0, 6.5, 6]]");
  must(catalog_calibration_get(place->catalog, machine, 0, &found, &why));
  assert_null(found.speed);
  must(catalog_calibration_put(place->catalog, machine, first, &why));
  must(catalog_calibration_put(place->catalog, machine, second, &why));
  must(catalog_calibration_get(place->catalog, machine, 0, &found, &why));
  assert_true(json_equal(found.speed, second) && found.measured > 0 && found.id == 2);
  json_decref(found.speed);
  must(catalog_calibration_get(place->catalog, other, 0, &found, &why));
  assert_null(found.speed);
  json_decref(machine);
  json_decref(other);
  json_decref(first);
  json_decref(second);
}

static void a_speed_fits_the_threads_it_was_measured_around(void **state) {
  struct made_place *place = *state;
  struct why why;
  struct catalog_calibration found;
  json_t *machine = json_pack("{s:s}", "cpu", "three");
  json_t *wide = speed_of("[[1, 0, 5, 5], [4, 0, 20, 20]]"),
         *two = speed_of("[[2, 0, 9, 9]]");
  must(catalog_calibration_put(place->catalog, machine, wide, &why));
  must(catalog_calibration_put(place->catalog, machine, two, &why));
  static const struct {
    int threads, newest; /* 0: none fits, 1: the wide one, 2: that of two threads */
  } rows[] = {{1, 1}, {2, 2}, {3, 1}, {4, 1}, {5, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    must(catalog_calibration_get(place->catalog, machine, rows[i].threads, &found, &why));
    if (rows[i].newest == 0)
      assert_null(found.speed);
    else
      assert_true(json_equal(found.speed, rows[i].newest == 1 ? wide : two));
    json_decref(found.speed);
  }
  json_decref(machine);
  json_decref(wide);
  json_decref(two);
}

static void runs_of_a_sweep_belong_together(void **state) {
  struct made_place *place = *state;
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  json_t *points = json_pack("[{s:i}]", "kv.paged.block", 16);
  made_new(&paged, &parts);
  must(catalog_sweep_begin(place->catalog, "blocks", "return sweep {}", points,
                           &parts.asked.sweep_id, &why));
  must(catalog_run_begin(place->catalog, &parts.asked, &run, &why));
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
  must(catalog_sweep_end(place->catalog, parts.asked.sweep_id, CATALOG_STOPPED, &why));
  made_free(&parts);
  json_decref(points);
  expect("SELECT s.name FROM run JOIN sweep s USING (sweep_id) WHERE s.ended >= s.started",
         "blocks");
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(a_run_is_there_before_it_starts),
      FRESH(every_setting_knows_its_origin_and_line),
      FRESH(a_value_without_origin_is_refused_and_leaves_nothing),
      FRESH(an_ablation_finds_the_run_without_the_strategy),
      FRESH(a_composition_whose_digest_is_not_its_own_is_refused),
      FRESH(equal_machines_programs_recipes_and_plans_are_one_row),
      FRESH(a_number_that_is_not_finite_keeps_its_name),
      FRESH(typical_is_the_median_of_the_measured_repeats),
      FRESH(one_metric_and_repeat_is_measured_once),
      FRESH(a_refused_run_is_still_a_row),
      FRESH(a_run_refused_while_planning_loses_its_plan_and_keeps_its_diagnostics),
      FRESH(who_took_part_is_written_with_evidence),
      FRESH(the_blamed_plugin_is_the_one_that_took_part),
      FRESH(texts_inputs_operators_events_and_plans_are_kept),
      FRESH(a_run_is_found_by_number_uid_prefix_name_and_last),
      FRESH(a_prefix_of_two_uids_is_refused),
      FRESH(runs_are_listed_newest_first_and_filtered),
      FRESH(only_what_differs_is_a_difference),
      FRESH(techniques_and_claims_are_loaded_when_a_catalog_is_made),
      FRESH(a_strategys_claims_stand_beside_the_papers),
      FRESH(an_edition_loaded_twice_is_the_same),
      FRESH(descriptions_are_kept_by_build),
      FRESH(the_newest_measured_speed_of_a_machine_is_found),
      FRESH(a_speed_fits_the_threads_it_was_measured_around),
      FRESH(runs_of_a_sweep_belong_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
