/* instance.c - a plugin at work: parameters, services, calls, evidence. */
#include "testing.h"

#include "base/philox.h"
#include "registry/instance.h"

#include <math.h>
#include <pthread.h>
#include <ridge/seam/logits_shape.h>
#include <stdio.h>
#include <string.h>

#define EVERYTHING TEST_BUILD_DIR "/good/everything.so"
#define SHAPE      "logits.shape/1"

/* What the plugin's own struct looks like. */
struct params {
  bool flag;
  int64_t count;
  double ratio;
  const char *text, *choice, *file;
};

static json_t *values(void) {
  return json_pack("{s:b,s:i,s:f,s:s,s:s,s:s}", "flag", 1, "count", 3, "ratio", 0.25,
                   "text", "hello", "choice", "two", "file", "/tmp/none");
}

static ridge_status add(struct instances *set, json_t *params, struct instance **out,
                        struct why *why) {
  ridge_status status = instances_add(set, EVERYTHING, params, false, out, why);
  json_decref(params);
  return status;
}

/* A created instance in a fresh set. */
static struct instance *made(struct instances *set) {
  struct instance *instance = NULL;
  struct why why = {""};
  *set = (struct instances){.seed = 42, .close_files = true};
  if (add(set, values(), &instance, &why) != RIDGE_OK ||
      instances_create(set, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
  return instance;
}

static const ridge_logits_shape *table_of(const struct instance *instance) {
  return ((const ridge_fill *)instance->plugin->fills.rows)->table;
}

static ridge_status call(struct instance *instance) {
  ridge_shape_view view = {.struct_size = sizeof view};
  float logits[4] = {0};
  struct why why;
  uint64_t entered = instance_enter(instance);
  ridge_status status = table_of(instance)->shape(instance->self, &view, logits, 4);
  return instance_leave(instance, entered, status, SHAPE, &why);
}

static json_t *report(struct instances *set) {
  json_t *rows = instances_report(set);
  assert_int_equal(json_array_size(rows), 1);
  json_t *row = json_incref(json_array_get(rows, 0));
  json_decref(rows);
  return row;
}

/* Parameters ----------------------------------------------------------------------- */

static void values_land_in_the_plugins_own_struct(void **state) {
  (void)state;
  struct instances set;
  const struct params *p = made(&set)->params;
  assert_true(p->flag);
  assert_int_equal(p->count, 3);
  assert_true(p->ratio == 0.25);
  assert_string_equal(p->text, "hello");
  assert_string_equal(p->choice, "two");
  assert_string_equal(p->file, "/tmp/none");
  instances_free(&set);
}

static void wrong_values_are_refused_with_the_name(void **state) {
  (void)state;
  const struct {
    const char *name;
    json_t *value;
    const char *says;
  } cases[] = {
      {"count", json_integer(0), "must be between 1 and 1000"},
      {"count", json_real(3.0), "type int"},
      {"count", NULL, "is missing"},
      {"flag", json_integer(1), "type bool"},
      {"ratio", json_real(1.5), "must be between -1 and 1"},
      {"choice", json_string("twoo"), "did you mean `two`?"},
      {"text", json_null(), "type text"},
      {"extra", json_true(), "no parameter `extra`"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct instances set = {.close_files = true};
    struct why why = {""};
    json_t *params = values();
    if (cases[i].value == NULL)
      json_object_del(params, cases[i].name);
    else
      json_object_set_new(params, cases[i].name, cases[i].value);
    assert_int_equal(add(&set, params, NULL, &why), RIDGE_INVALID);
    if (strstr(why.text, cases[i].name) == NULL || strstr(why.text, cases[i].says) == NULL)
      fail_msg("%s: %s", cases[i].name, why.text);
    instances_free(&set);
  }
}

static void a_whole_number_does_for_a_real(void **state) {
  (void)state;
  struct instances set = {.close_files = true};
  struct instance *instance;
  struct why why;
  json_t *params = values();
  json_object_set_new(params, "ratio", json_integer(1));
  assert_int_equal(add(&set, params, &instance, &why), RIDGE_OK);
  assert_true(((const struct params *)instance->params)->ratio == 1.0);
  instances_free(&set);
}

static void a_plugin_takes_part_once(void **state) {
  (void)state;
  struct instances set;
  struct why why;
  (void)made(&set);
  assert_int_equal(add(&set, values(), NULL, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "test.everything"));
  instances_free(&set);
}

static void a_file_that_is_no_plugin_is_named(void **state) {
  (void)state;
  struct instances set = {.close_files = true};
  struct why why;
  assert_int_equal(instances_add(&set, "/nowhere/x.so", NULL, false, NULL, &why), RIDGE_IO);
  assert_non_null(strstr(why.text, "/nowhere/x.so"));
  instances_free(&set);
}

static void a_file_that_was_replaced_since_it_was_described_is_refused(void **state) {
  (void)state;
  struct instances set = {.close_files = true};
  struct why why;
  struct digest before;
  char *folder = testing_scratch(), *path = NULL, command[1024];
  assert_true(asprintf(&path, "%s/x.so", folder) > 0);
  snprintf(command, sizeof command, "cp '%s' '%s'", EVERYTHING, path);
  assert_int_equal(system(command), 0);
  assert_int_equal(digest_file(path, &before, &why), RIDGE_OK);
  json_t *params = values();
  assert_int_equal(instances_add_build(&set, path, before.hex, params, false, NULL, &why),
                   RIDGE_OK);
  instances_free(&set);
  snprintf(command, sizeof command, "printf x >> '%s'", path);
  assert_int_equal(system(command), 0);
  set = (struct instances){.close_files = true};
  assert_int_equal(instances_add_build(&set, path, before.hex, params, false, NULL, &why),
                   RIDGE_CORRUPT);
  assert_int_equal(strncmp(why.text, path, strlen(path)), 0);
  assert_non_null(strstr(why.text, "was replaced after it was described"));
  assert_null(strchr(why.text, '\n'));
  assert_int_equal(set.n, 0);
  instances_free(&set);
  json_decref(params);
  free(path);
  testing_remove(folder);
}

/* Services -------------------------------------------------------------------------- */

static void memory_is_zeroed_aligned_counted_and_goes_with_the_instance(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  const ridge_host *host = &instance->host;
  uint64_t before = atomic_load(&instance->bytes);
  for (size_t align = 1; align <= 4096; align *= 2) {
    unsigned char *bytes = host->alloc(host, 1000, align);
    assert_non_null(bytes);
    assert_int_equal((uintptr_t)bytes % align, 0);
    for (size_t i = 0; i < 1000; i++) assert_int_equal(bytes[i], 0);
    memset(bytes, 0xff, 1000);
    assert_int_equal(atomic_load(&instance->bytes), before + 1000);
    host->free(host, bytes);
  }
  assert_int_equal(atomic_load(&instance->bytes), before);
  assert_int_equal(atomic_load(&instance->bytes_peak), before + 1000);
  assert_null(host->alloc(host, 16, 3));
  assert_null(host->alloc(host, SIZE_MAX, 16));
  assert_null(host->alloc(host, SIZE_MAX - 40, 16));
  assert_non_null(host->alloc(host, 0, 16)); /* and left to the instance */
  host->free(host, NULL);
  instances_free(&set);
}

static char last_log[256];
static void keep_log(void *ctx, struct instance *caller, int level, const char *text) {
  (void)ctx, (void)caller, (void)level;
  snprintf(last_log, sizeof last_log, "%s", text);
}

static void foreign_memory_and_rows_are_reported_not_used(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  set.log = keep_log;
  _Alignas(16) unsigned char mine[256] = {0};
  instance->host.free(&instance->host, mine + 128);
  assert_non_null(strstr(last_log, "alloc"));
  instance->host.count(&instance->host, 2, 1);
  assert_non_null(strstr(last_log, "declares 2 rows"));
  instance->host.record(&instance->host, 1, 1.0);
  assert_non_null(strstr(last_log, "declares 1 rows"));
  instances_free(&set);
}

static void random_words_hang_on_seed_and_id_only(void **state) {
  (void)state;
  struct instances set, other;
  struct instance *instance = made(&set);
  uint32_t a[4], b[4], key[4];
  instance->host.random(&instance->host, 7, a);
  philox(instance->random_key, 0, 7, key);
  assert_memory_equal(a, key, sizeof a);
  instances_free(&set);

  instance = made(&other);
  instance->host.random(&instance->host, 7, b);
  assert_memory_equal(a, b, sizeof a);
  instances_free(&other);

  other = (struct instances){.seed = 43, .close_files = true};
  struct why why;
  assert_int_equal(add(&other, values(), &instance, &why), RIDGE_OK);
  instance->host.random(&instance->host, 7, b);
  assert_memory_not_equal(a, b, sizeof a);
  instances_free(&other);
}

static void mark_range(void *arg, int64_t lo, int64_t hi) {
  unsigned char *marks = arg;
  assert_true(hi - lo <= 7 && lo % 7 == 0);
  for (int64_t i = lo; i < hi; i++) marks[i]++;
}

static void parallel_cuts_by_grain_and_covers_each_item_once(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  const ridge_host *host = &instance->host;
  unsigned char marks[100] = {0};
  assert_int_equal(host->parallel(host, 100, 7, mark_range, marks), RIDGE_OK);
  for (size_t i = 0; i < 100; i++) assert_int_equal(marks[i], 1);
  assert_int_equal(host->parallel(host, 0, 7, mark_range, marks), RIDGE_OK);
  assert_int_equal(host->parallel(host, 1, 0, mark_range, marks), RIDGE_INVALID);
  assert_int_equal(host->parallel(host, -1, 7, mark_range, marks), RIDGE_INVALID);
  assert_null(host->service(host, "ridge.none/1"));
  instances_free(&set);
}

enum { THREADS = 8, COUNTS = 20000 };
static void *count_up(void *arg) {
  const ridge_host *host = arg;
  for (int i = 0; i < COUNTS; i++) {
    host->count(host, 0, 1);
    if (i % 100 == 0) host->free(host, host->alloc(host, 64, 16));
    if (i % 1000 == 0) (void)(host->fail)(host, RIDGE_DECLINED, "thread says %d", i);
    host->record(host, 0, 1.0);
  }
  return NULL;
}

static void counts_are_exact_under_many_threads(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  uint64_t bytes = atomic_load(&instance->bytes);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, count_up, &instance->host), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(atomic_load(&instance->counts[0]), THREADS * COUNTS);
  assert_int_equal(atomic_load(&instance->bytes), bytes);
  instances_free(&set);
}

/* Calls and evidence ------------------------------------------------------------------ */

static void a_strategy_that_works_is_engaged_and_has_evidence(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  assert_int_equal(call(instance), RIDGE_OK);
  assert_int_equal(call(instance), RIDGE_OK);
  json_t *row = report(&set);
  assert_true(json_is_true(json_object_get(row, "requested")));
  assert_true(json_is_true(json_object_get(row, "engaged")));
  assert_true(json_is_false(json_object_get(row, "inert")));
  assert_int_equal(json_integer_value(json_object_get(row, "calls")), 2);
  json_t *evidence = json_array_get(json_object_get(row, "evidence"), 0);
  assert_int_equal(json_integer_value(json_object_get(evidence, "count")), 6);
  json_t *metric = json_array_get(json_object_get(row, "metrics"), 0);
  assert_true(json_real_value(json_object_get(metric, "value")) == 0.25);
  json_decref(row);
  instances_free(&set);
}

static void assert_inert(struct instances *set, const char *says) {
  json_t *row = report(set);
  const char *reason = json_string_value(json_object_get(row, "inert_reason"));
  if (!json_is_true(json_object_get(row, "inert")) || strstr(reason, says) == NULL)
    fail_msg("inert for another reason: %s", reason);
  json_decref(row);
}

static void a_strategy_that_was_never_called_is_inert(void **state) {
  (void)state;
  struct instances set;
  (void)made(&set); /* create is no call of a seam */
  assert_inert(&set, "ever called");
  instances_free(&set);
}

static void a_counter_below_its_least_is_inert(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  assert_int_equal(call(instance), RIDGE_OK); /* counts 3 of at least 5 */
  assert_inert(&set, "at least 5");
  instances_free(&set);
}

static void a_strategy_that_declines_always_is_inert_with_its_first_reason(void **state) {
  (void)state;
  struct instances set = {.close_files = true};
  struct instance *instance;
  struct why why;
  json_t *params = values();
  json_object_set_new(params, "flag", json_false());
  assert_int_equal(add(&set, params, &instance, &why), RIDGE_OK);
  assert_int_equal(instances_create(&set, &why), RIDGE_OK);
  assert_int_equal(call(instance), RIDGE_DECLINED);
  assert_int_equal(call(instance), RIDGE_DECLINED);
  assert_string_equal(instance->reason, "the flag is off");
  assert_inert(&set, "each of its 2 calls was declined: the flag is off");
  instances_free(&set);
}

static void a_strategy_that_may_idle_is_idle_not_inert(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  instance->may_idle = true;
  json_t *row = report(&set);
  assert_true(json_is_true(json_object_get(row, "idle")));
  assert_true(json_is_false(json_object_get(row, "inert")));
  json_decref(row);
  instances_free(&set);
}

static void a_failed_create_says_who_and_why(void **state) {
  (void)state;
  struct instances set = {.close_files = true};
  struct why why;
  json_t *params = values();
  json_object_set_new(params, "text", json_string("fail"));
  assert_int_equal(add(&set, params, NULL, &why), RIDGE_OK);
  assert_int_equal(instances_create(&set, &why), RIDGE_IO);
  assert_string_equal(why.text, "test.everything 1.2.3: "
                                "/tmp/none could not be read after all");
  instances_free(&set);
}

static void a_status_that_is_none_is_an_internal_error(void **state) {
  (void)state;
  struct instances set = {.close_files = true};
  struct why why;
  json_t *params = values();
  json_object_set_new(params, "text", json_string("strange"));
  assert_int_equal(add(&set, params, NULL, &why), RIDGE_OK);
  assert_int_equal(instances_create(&set, &why), RIDGE_INTERNAL);
  assert_non_null(strstr(why.text, "77"));
  instances_free(&set);
}

static void an_old_sentence_is_no_reason_for_a_new_decline(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  uint64_t entered = instance_enter(instance);
  (void)(instance->host.fail)(&instance->host, RIDGE_IO, "handled inside the plugin");
  (void)instance_leave(instance, entered, RIDGE_OK, SHAPE, NULL);
  entered = instance_enter(instance);
  assert_int_equal(instance_leave(instance, entered, RIDGE_DECLINED, SHAPE, NULL),
                   RIDGE_DECLINED);
  assert_string_equal(instance->reason, "no reason was given");
  instances_free(&set);
}

static void calls_stay_exact_when_time_is_sampled(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  for (int i = 0; i < 20000; i++) {
    uint64_t entered = instance_enter(instance);
    (void)instance_leave(instance, entered, RIDGE_OK, SHAPE, NULL);
  }
  assert_int_equal(atomic_load(&instance->calls), 20000);
  assert_true(atomic_load(&instance->time_ns) > 0);
  instances_free(&set);
}

static void a_time_that_was_not_measured_is_null(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  json_t *report = instances_report(&set);
  assert_int_equal(
      json_integer_value(json_object_get(json_array_get(report, 0), "time_ns")), 0);
  assert_false(json_is_null(json_object_get(json_array_get(report, 0), "time_ns")));
  json_decref(report);
  atomic_fetch_add(&instance->calls, 5); /* as the executor counts a kernel */
  report = instances_report(&set);
  assert_true(json_is_null(json_object_get(json_array_get(report, 0), "time_ns")));
  json_decref(report);
  instances_free(&set);
}

static void note_fill(void *ctx, struct instance *instance, const ridge_fill *fill) {
  (void)instance;
  strcat(ctx, fill->seam);
}

static void fills_of_one_seam_are_called_back(void **state) {
  (void)state;
  struct instances set;
  (void)made(&set);
  char seen[128] = "";
  instances_each_fill(&set, "token.tap/1", note_fill, seen);
  instances_each_fill(&set, "kv.store/1", note_fill, seen);
  assert_string_equal(seen, "token.tap/1");
  assert_non_null(instances_find(&set, "test.everything"));
  assert_null(instances_find(&set, "test.nothing"));
  instances_free(&set);
}

static void destroy_keeps_the_counters(void **state) {
  (void)state;
  struct instances set;
  struct instance *instance = made(&set);
  assert_int_equal(call(instance), RIDGE_OK);
  instances_destroy(&set);
  assert_int_equal(atomic_load(&instance->counts[0]), 3);
  assert_int_equal(atomic_load(&instance->bytes), 0);
  assert_true(atomic_load(&instance->bytes_peak) >= 4096);
  instances_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_land_in_the_plugins_own_struct),
      cmocka_unit_test(wrong_values_are_refused_with_the_name),
      cmocka_unit_test(a_whole_number_does_for_a_real),
      cmocka_unit_test(a_plugin_takes_part_once),
      cmocka_unit_test(a_file_that_is_no_plugin_is_named),
      cmocka_unit_test(a_file_that_was_replaced_since_it_was_described_is_refused),
      cmocka_unit_test(memory_is_zeroed_aligned_counted_and_goes_with_the_instance),
      cmocka_unit_test(foreign_memory_and_rows_are_reported_not_used),
      cmocka_unit_test(random_words_hang_on_seed_and_id_only),
      cmocka_unit_test(parallel_cuts_by_grain_and_covers_each_item_once),
      cmocka_unit_test(counts_are_exact_under_many_threads),
      cmocka_unit_test(a_strategy_that_works_is_engaged_and_has_evidence),
      cmocka_unit_test(a_strategy_that_was_never_called_is_inert),
      cmocka_unit_test(a_counter_below_its_least_is_inert),
      cmocka_unit_test(a_strategy_that_declines_always_is_inert_with_its_first_reason),
      cmocka_unit_test(a_strategy_that_may_idle_is_idle_not_inert),
      cmocka_unit_test(a_failed_create_says_who_and_why),
      cmocka_unit_test(a_status_that_is_none_is_an_internal_error),
      cmocka_unit_test(an_old_sentence_is_no_reason_for_a_new_decline),
      cmocka_unit_test(calls_stay_exact_when_time_is_sampled),
      cmocka_unit_test(a_time_that_was_not_measured_is_null),
      cmocka_unit_test(fills_of_one_seam_are_called_back),
      cmocka_unit_test(destroy_keeps_the_counters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
