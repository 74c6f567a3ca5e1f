/* machine_facts.c - facts of the machine, on made control groups and made curves. */
#include "testing.h"

#include "machine/features.h"
#include "machine/machine.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A made /sys/fs/cgroup with a /proc/self/cgroup beside it. */
struct tree {
  char *dir;
  char root[256], self[256];
};

static int set_up(void **state) {
  struct tree *tree = calloc(1, sizeof *tree);
  if (tree == NULL) return -1;
  tree->dir = testing_scratch();
  snprintf(tree->root, sizeof tree->root, "%s/cgroup", tree->dir);
  snprintf(tree->self, sizeof tree->self, "%s/self", tree->dir);
  *state = tree;
  return mkdir(tree->root, 0755);
}

static int tear_down(void **state) {
  struct tree *tree = *state;
  testing_remove(tree->dir);
  free(tree);
  return 0;
}

static void put_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* Write `text` to root/path, making its directories. */
static void put(const struct tree *tree, const char *path, const char *text) {
  char full[1024];
  snprintf(full, sizeof full, "%s/%s", tree->root, path);
  for (char *at = full + strlen(tree->root) + 1; (at = strchr(at, '/')) != NULL; at++) {
    *at = 0;
    mkdir(full, 0755);
    *at = '/';
  }
  put_file(full, text);
}

static double quota(const struct tree *tree) {
  return machine_cpu_quota(tree->root, tree->self);
}

static void a_version_2_quota_is_read(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "0::/user/job\n");
  put(tree, "user/job/cpu.max", "150000 100000\n");
  assert_float_equal(quota(tree), 1.5, 1e-9);
}

static void max_is_no_quota(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "0::/job\n");
  put(tree, "job/cpu.max", "max 100000\n");
  put(tree, "job/memory.max", "max\n");
  assert_float_equal(quota(tree), 0, 0);
  assert_int_equal(machine_memory_limit(tree->root, tree->self), 0);
}

static void the_least_quota_of_all_levels_counts(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "0::/a/b/c\n");
  put(tree, "a/cpu.max", "200000 100000\n");
  put(tree, "a/b/cpu.max", "50000 100000\n");
  put(tree, "a/b/c/cpu.max", "400000 100000\n");
  assert_float_equal(quota(tree), 0.5, 1e-9);
}

static void a_version_1_quota_is_read_under_the_joined_name(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "5:memory:/box\n3:cpu,cpuacct:/box\n");
  put(tree, "cpu,cpuacct/box/cpu.cfs_quota_us", "350000\n");
  put(tree, "cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  put(tree, "memory/box/memory.limit_in_bytes", "4294967296\n");
  assert_float_equal(quota(tree), 3.5, 1e-9);
  assert_int_equal(machine_memory_limit(tree->root, tree->self), 4294967296u);
}

static void version_1_without_a_limit_is_none(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "1:cpu:/\n2:memory:/\n");
  put(tree, "cpu/cpu.cfs_quota_us", "-1\n");
  put(tree, "cpu/cpu.cfs_period_us", "100000\n");
  put(tree, "memory/memory.limit_in_bytes", "9223372036854771712\n");
  assert_float_equal(quota(tree), 0, 0);
  assert_int_equal(machine_memory_limit(tree->root, tree->self), 0);
}

static void version_1_controllers_beside_an_empty_version_2_root(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "4:memory:/job\n1:cpu:/job\n0::/\n");
  put(tree, "unified/cgroup.procs", "1\n");
  put(tree, "cpu/job/cpu.cfs_quota_us", "200000\n");
  put(tree, "cpu/job/cpu.cfs_period_us", "100000\n");
  assert_float_equal(quota(tree), 2, 1e-9);
}

static void a_hybrid_system_keeps_the_lesser(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "1:cpu:/job\n0::/job\n");
  put(tree, "unified/job/cpu.max", "100000 100000\n");
  put(tree, "cpu/job/cpu.cfs_quota_us", "200000\n");
  put(tree, "cpu/job/cpu.cfs_period_us", "100000\n");
  assert_float_equal(quota(tree), 1, 1e-9);
}

static void a_path_that_is_not_mounted_falls_back_to_the_mounted_root(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "0::/system.slice/docker-1234.scope\n");
  put(tree, "cpu.max", "250000 100000\n");
  put(tree, "memory.max", "1073741824\n");
  assert_float_equal(quota(tree), 2.5, 1e-9);
  assert_int_equal(machine_memory_limit(tree->root, tree->self), 1073741824);
}

static void a_path_above_the_namespace_reads_the_root_only(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "0::/../other\n");
  put(tree, "cpu.max", "100000 100000\n");
  assert_float_equal(quota(tree), 1, 1e-9);
}

static void nonsense_in_the_files_is_no_quota(void **state) {
  const struct tree *tree = *state;
  put_file(tree->self, "no colons here\n:\n0::/job\n7:cpu\n");
  put(tree, "job/cpu.max", "many few\n");
  put(tree, "cpu.max", "-5 0\n");
  assert_float_equal(quota(tree), 0, 0);
  assert_float_equal(machine_cpu_quota(tree->root, "/nowhere/at/all"), 0, 0);
}

static void threads_are_the_cpus_this_process_may_use(void **state) {
  (void)state;
  struct machine all, one;
  machine_read(&all);
  assert_true(all.threads >= 1 && all.threads <= all.affinity);
  assert_true(all.n_cpus >= 1 && all.n_cpus <= all.threads);
  cpu_set_t before, mask;
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&mask);
  CPU_SET((size_t)all.cpus[all.n_cpus - 1], &mask);
  assert_int_equal(sched_setaffinity(0, sizeof mask, &mask), 0);
  machine_read(&one);
  assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
  assert_int_equal(one.affinity, 1);
  assert_int_equal(one.threads, 1);
  assert_int_equal(one.n_cpus, 1);
  assert_int_equal(one.cpus[0], all.cpus[all.n_cpus - 1]);
  assert_int_equal(one.logical, all.logical);
}

static void each_thread_gets_its_own_cpu(void **state) {
  (void)state;
  struct machine machine;
  machine_read(&machine);
  for (int i = 0; i < machine.n_cpus; i++)
    for (int j = 0; j < i; j++) assert_int_not_equal(machine.cpus[i], machine.cpus[j]);
}

static void memory_is_never_more_than_the_machine_has(void **state) {
  (void)state;
  struct machine machine;
  machine_read(&machine);
  assert_true(machine.memory_bytes > 0);
  assert_true(machine.memory_bytes <= machine.memory_total);
}

static void facts_survive_json(void **state) {
  (void)state;
  struct machine machine, again;
  struct why why;
  machine_read(&machine);
  json_t *json = machine_json(&machine);
  assert_int_equal(machine_from_json(json, &again, &why), RIDGE_OK);
  json_t *twice = machine_json(&again);
  assert_true(json_equal(json, twice));
  json_decref(json);
  json_decref(twice);
}

static void damaged_facts_are_refused_by_name(void **state) {
  (void)state;
  struct machine machine, again;
  struct why why;
  machine_read(&machine);
  static const char *const damages[] = {
      "{\"threads\": 0}",
      "{\"threads\": \"2\"}",
      "{\"threads\": 99999999999}",
      "{\"memory_bytes\": -1}",
      "{\"cpus\": [0, -1]}",
      "{\"cpus\": 3}",
      "{\"features\": null}",
      "{\"governor\": \"a name that is far longer than the field\"}",
  };
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    json_t *json = machine_json(&machine), *damage = json_loads(damages[i], 0, NULL);
    json_object_update(json, damage);
    assert_int_equal(machine_from_json(json, &again, &why), RIDGE_CORRUPT);
    assert_non_null(strstr(why.text, json_object_iter_key(json_object_iter(damage))));
    json_decref(json);
    json_decref(damage);
  }
}

static void a_need_is_met_by_whole_words_only(void **state) {
  (void)state;
  struct machine machine = {.features = "avx avx2 f16c fma"};
  char missing[16] = "";
  assert_true(machine_has(&machine, NULL, NULL, 0));
  assert_true(machine_has(&machine, "", NULL, 0));
  assert_true(machine_has(&machine, "avx2 fma", missing, sizeof missing));
  assert_false(machine_has(&machine, "avx2 avx512f fma", missing, sizeof missing));
  assert_string_equal(missing, "avx512f");
  assert_false(machine_has(&machine, "av", missing, sizeof missing));
}

static void features_named_by_the_variable_are_left_out(void **state) {
  (void)state;
  struct machine all, less;
  struct why why;
  char left_out[512];
  machine_read(&all);
  if (!machine_has(&all, "sse2 ssse3", NULL, 0)) skip();
  setenv("RIDGE_NO_FEATURES", "ssse3  sse2", 1);
  machine_read(&less);
  features_left_out(left_out, sizeof left_out);
  assert_int_equal(features_check(&why), RIDGE_OK);
  unsetenv("RIDGE_NO_FEATURES");
  assert_false(machine_has(&less, "sse2", NULL, 0));
  assert_false(machine_has(&less, "ssse3", NULL, 0));
  assert_string_equal(left_out, "sse2 ssse3");
  assert_int_equal(strlen(all.features), strlen(less.features) + strlen(" sse2 ssse3"));
}

static void a_left_out_feature_that_nobody_knows_is_refused(void **state) {
  (void)state;
  struct why why;
  setenv("RIDGE_NO_FEATURES", "sse2 avx1024 sse3", 1);
  const ridge_status status = features_check(&why);
  unsetenv("RIDGE_NO_FEATURES");
  assert_int_equal(status, RIDGE_INVALID);
  assert_non_null(strstr(why.text, "`avx1024`"));
  assert_int_equal(features_check(&why), RIDGE_OK);
}

static void features_are_sorted(void **state) {
  (void)state;
  struct machine machine;
  machine_read(&machine);
  char before[64] = "";
  for (const char *at = machine.features; *at != 0;) {
    char word[64];
    size_t n = strcspn(at, " ");
    snprintf(word, sizeof word, "%.*s", (int)n, at);
    assert_true(strcmp(before, word) < 0);
    strcpy(before, word);
    at += n + (at[n] == ' ');
  }
}

/* The measured curve -------------------------------------------------------------- */

static const struct machine_speed curve = {
    .read = {{1, 1 << 10, 100, 90},
             {1, 1 << 20, 10, 9},
             {2, 1 << 10, 200, 180},
             {2, 1 << 20, 12, 11}},
    .flops = {{1, 0, 50, 49}, {2, 0, 100, 98}, {4, 0, 140, 130}},
    .int8 = {{1, 0, 200, 190}},
    .n_read = 4,
    .n_flops = 3,
    .n_int8 = 1,
    .read_by = "avx2 fma",
    .flops_by = "avx512f",
    .int8_by = "avx512f avx512vnni",
};

static void between_sizes_the_curve_is_straight_in_the_logarithm(void **state) {
  (void)state;
  assert_float_equal(machine_speed_read(&curve, RATE_BEST, 1, 1 << 15), 55, 1e-9);
  assert_float_equal(machine_speed_read(&curve, RATE_BEST, 2, 1 << 10), 200, 1e-9);
  assert_float_equal(machine_speed_read(&curve, RATE_TYPICAL, 2, 1 << 10), 180, 1e-9);
}

static void beyond_the_ends_the_end_counts(void **state) {
  (void)state;
  assert_float_equal(machine_speed_read(&curve, RATE_BEST, 1, 1), 100, 1e-9);
  assert_float_equal(machine_speed_read(&curve, RATE_BEST, 1, (uint64_t)1 << 40), 10, 1e-9);
  assert_float_equal(machine_speed_read(&curve, RATE_BEST, 9, 1 << 20), 12, 1e-9);
}

static void between_thread_counts_the_curve_is_straight(void **state) {
  (void)state;
  assert_float_equal(machine_speed_flops(&curve, RATE_BEST, 3), 120, 1e-9);
  assert_float_equal(machine_speed_flops(&curve, RATE_BEST, 4), 140, 1e-9);
}

static void nothing_measured_is_zero(void **state) {
  (void)state;
  static const struct machine_speed none;
  assert_float_equal(machine_speed_read(&none, RATE_BEST, 2, 1 << 20), 0, 0);
  assert_float_equal(machine_speed_flops(&none, RATE_BEST, 2), 0, 0);
  assert_float_equal(machine_speed_int8(&none, RATE_BEST, 2), 0, 0);
  assert_false(machine_speed_covers(&none, 1));
}

static void threads_between_measured_ones_are_covered(void **state) {
  (void)state;
  assert_true(machine_speed_covers(&curve, 1));
  assert_true(machine_speed_covers(&curve, 3));
  assert_false(machine_speed_covers(&curve, 5));
}

static void a_curve_survives_json(void **state) {
  (void)state;
  static struct machine_speed again;
  struct why why;
  json_t *json = machine_speed_json(&curve);
  assert_int_equal(machine_speed_from_json(json, &again, &why), RIDGE_OK);
  json_t *twice = machine_speed_json(&again);
  assert_true(json_equal(json, twice));
  json_array_append_new(json_object_get(json, "flops"),
                        json_pack("[i, i, i, i]", 0, 0, 1, 1));
  assert_int_equal(machine_speed_from_json(json, &again, &why), RIDGE_CORRUPT);
  json_decref(json);
  json_decref(twice);
}

static void a_curve_without_the_instructions_is_refused(void **state) {
  (void)state;
  static struct machine_speed again;
  struct why why;
  json_t *json = machine_speed_json(&curve);
  json_object_del(json_object_get(json, "by"), "int8");
  assert_int_equal(machine_speed_from_json(json, &again, &why), RIDGE_CORRUPT);
  assert_non_null(strstr(why.text, "int8"));
  json_decref(json);
}

static void a_probe_measures_every_thread_count_and_level(void **state) {
  (void)state;
  static struct machine_speed speed;
  struct machine machine;
  machine_read(&machine);
  machine.memory_bytes = 32 << 20; /* keeps the largest working set, and the test, small */
  machine_probe(&machine, 0.2, 0, &speed);
  int counts = 0;
  for (int i = 0; i < speed.n_flops; i++)
    counts += speed.flops[i].threads == machine.threads;
  assert_int_equal(counts, 1);
  assert_true(speed.n_read >= 8);
  for (int i = 0; i < speed.n_read; i++) {
    assert_true(isfinite(speed.read[i].best) && speed.read[i].best > 1e7);
    assert_true(speed.read[i].median > 0 && speed.read[i].median <= speed.read[i].best);
    assert_true(speed.read[i].bytes <= 8 << 20);
  }
  assert_true(speed.flops_by[0] != 0 && speed.read_by[0] != 0);
  assert_int_equal(speed.n_int8 > 0, machine_has(&machine, "avx2", NULL, 0));
  if (speed.n_int8 > 0)
    assert_true(speed.int8[0].best > speed.flops[0].best); /* a quarter of the width */
}

static void one_thread_count_can_be_measured_alone(void **state) {
  (void)state;
  static struct machine_speed speed;
  struct machine machine;
  machine_read(&machine);
  machine.memory_bytes = 1 << 20;
  machine_probe(&machine, 0.05, machine.threads, &speed);
  assert_int_equal(speed.n_flops, 1);
  assert_int_equal(speed.flops[0].threads, machine.threads);
}

int main(void) {
#define MADE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      MADE(a_version_2_quota_is_read),
      MADE(max_is_no_quota),
      MADE(the_least_quota_of_all_levels_counts),
      MADE(a_version_1_quota_is_read_under_the_joined_name),
      MADE(version_1_without_a_limit_is_none),
      MADE(version_1_controllers_beside_an_empty_version_2_root),
      MADE(a_hybrid_system_keeps_the_lesser),
      MADE(a_path_that_is_not_mounted_falls_back_to_the_mounted_root),
      MADE(a_path_above_the_namespace_reads_the_root_only),
      MADE(nonsense_in_the_files_is_no_quota),
      cmocka_unit_test(threads_are_the_cpus_this_process_may_use),
      cmocka_unit_test(each_thread_gets_its_own_cpu),
      cmocka_unit_test(memory_is_never_more_than_the_machine_has),
      cmocka_unit_test(facts_survive_json),
      cmocka_unit_test(damaged_facts_are_refused_by_name),
      cmocka_unit_test(a_need_is_met_by_whole_words_only),
      cmocka_unit_test(features_named_by_the_variable_are_left_out),
      cmocka_unit_test(a_left_out_feature_that_nobody_knows_is_refused),
      cmocka_unit_test(features_are_sorted),
      cmocka_unit_test(between_sizes_the_curve_is_straight_in_the_logarithm),
      cmocka_unit_test(beyond_the_ends_the_end_counts),
      cmocka_unit_test(between_thread_counts_the_curve_is_straight),
      cmocka_unit_test(nothing_measured_is_zero),
      cmocka_unit_test(threads_between_measured_ones_are_covered),
      cmocka_unit_test(a_curve_survives_json),
      cmocka_unit_test(a_curve_without_the_instructions_is_refused),
      cmocka_unit_test(a_probe_measures_every_thread_count_and_level),
      cmocka_unit_test(one_thread_count_can_be_measured_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
