/*
 * catalog_killed.c - kill -9 at any moment: the catalog stays whole and tells the truth.
 *
 * A child logs runs and says over a pipe what it has been told is written; it is killed
 * some time after a message.  What it was told is there; what was not finished is closed as
 * crashed by whoever opens the catalog next; nothing is left running.
 */
#include "random.h"
#include "unit/catalog_made.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 40, LONGEST_US = 10000, MOST_MESSAGES = 6, SAMPLES = 4 };

/* Until it is killed.  Writes the run's number after begin, and negated after its end. */
static void log_for_ever(const char *path, int out) {
  struct catalog *catalog = made_open(path);
  const struct made made = {.name = "victim",
                            .strategies = {"kv.paged", NULL},
                            .seed = 1,
                            .context = 8,
                            .block = 4};
  for (;;) {
    struct why why;
    struct catalog_run run = made_begin(catalog, &made);
    if (write(out, &run.id, sizeof run.id) != sizeof run.id) _exit(1);
    for (int i = 0; i < SAMPLES; i++)
      must(catalog_run_sample(catalog, run.id, "decode_tps", i, (double)run.id, &why));
    made_end(catalog, run.id, CATALOG_DONE, "out");
    int64_t ended = -run.id;
    if (write(out, &ended, sizeof ended) != sizeof ended) _exit(1);
  }
}

/* Kill it `us` after its `wait`-th message, and read what it knew. */
static size_t killed_after(const char *path, size_t wait, uint64_t us, int64_t *told,
                           size_t room) {
  int ends[2];
  size_t got = 0;
  ssize_t n = 1;
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    close(ends[0]);
    log_for_ever(path, ends[1]);
  }
  close(ends[1]);
  for (; n > 0 && got<wait * sizeof *told; got += n> 0 ? (size_t)n : 0)
    n = read(ends[0], (char *)told + got, wait * sizeof *told - got);
  struct timespec nap = {.tv_nsec = (long)us * 1000};
  nanosleep(&nap, NULL);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  while (got < room && (n = read(ends[0], (char *)told + got, room - got)) > 0)
    got += (size_t)n;
  close(ends[0]);
  return got / sizeof *told;
}

/* What the child was told is there, exactly. */
static void compare(struct made_place *place, const int64_t *told, size_t n) {
  for (size_t i = 0; i < n; i++) {
    bool ended = told[i] < 0;
    bool open = !ended && (i + 1 == n || told[i + 1] != -told[i]);
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT status || ' ' || (SELECT count(*) "
             "FROM sample s WHERE s.run_id = r.run_id AND "
             "value = r.run_id) FROM run r WHERE run_id = %" PRId64,
             ended ? -told[i] : told[i]);
    char *found = made_look(place->path, sql);
    if (ended) assert_string_equal(found, "done 4");
    if (open)
      assert_true(strncmp(found, "crashed", 7) == 0 || strcmp(found, "done 4") == 0);
    free(found);
  }
}

static void after_any_kill_the_catalog_is_whole_and_true(void **state) {
  struct made_place *place = *state;
  uint64_t random = random_seed();
  size_t all = 0;
  static int64_t told[4096];
  catalog_close(place->catalog);
  for (int i = 0; i < KILLS; i++) {
    size_t wait = random_next(&random) % MOST_MESSAGES;
    uint64_t us = random_next(&random) % LONGEST_US;
    size_t n = killed_after(place->path, wait, us, told, sizeof told);
    place->catalog = made_open(place->path);
    catalog_close(place->catalog);
    compare(place, told, n);
    expect("SELECT count(*) FROM run WHERE status = 'running'", "0");
    all += n;
  }
  place->catalog = made_open(place->path);
  print_message("%zu messages before %d kills\n", all, KILLS);
  assert_true(all >= KILLS);
  expect("PRAGMA integrity_check", "ok");
  expect("SELECT count(*) FROM pragma_foreign_key_check", "0");
  expect("SELECT count(*) "
         "FROM run WHERE status = 'crashed' AND (why NOT LIKE 'supervisor was killed%' OR "
         "ended IS NULL)",
         "0");
  expect(
      "SELECT count(*) "
      "FROM run WHERE (SELECT count(*) FROM composition c WHERE c.run_id = run.run_id) <> "
      "1 OR (SELECT count(*) FROM setting s WHERE s.run_id = run.run_id) <> 4",
      "0");
}

/* A catalog that is killed while it is being made is made by the next one. */
static void a_half_made_catalog_is_made_anew(void **state) {
  struct made_place *place = *state;
  uint64_t random = 7;
  for (int i = 0; i < 30; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s/half-%d.db", place->folder, i);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      made_open(path);
      _exit(0);
    }
    struct timespec nap = {.tv_nsec = (long)(random_next(&random) % 60000) * 1000};
    nanosleep(&nap, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    catalog_close(made_open(path));
    expect_at(path, "PRAGMA integrity_check", "ok", __LINE__);
    expect_at(path, "SELECT count(*) FROM claim", "503", __LINE__);
  }
}

/* A run of a process that lives is left alone, also by many who look. */
static void a_living_supervisors_run_is_left_alone(void **state) {
  struct made_place *place = *state;
  const struct made made = {.name = "alive", .strategies = {NULL}, .seed = 1, .context = 8};
  struct catalog_run run = made_begin(place->catalog, &made);
  catalog_close(made_open(place->path));
  expect("SELECT status FROM run", "running");
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
}

static char *supervisor_with(const char *path, const char *boot, const char *space,
                             const char *pid, const char *start) {
  char *self = made_look(path, "SELECT supervisor FROM run WHERE run_id = 1"), *out = NULL;
  char parts[4][64];
  if (sscanf(self, "%63s %63s %63s %63s", parts[0], parts[1], parts[2], parts[3]) != 4)
    abort();
  free(self);
  if (asprintf(&out,
               "INSERT INTO run SELECT NULL, '%s%s%s%s', name, phase, recipe_id, plan_id, "
               "machine_id, program_id, seed, command, file, NULL, NULL, NULL, 'running', "
               "NULL, NULL, NULL, '%s %s %s %s', 1, NULL FROM run WHERE run_id = 1",
               boot != NULL ? "b" : "", space != NULL ? "s" : "", pid != NULL ? "p" : "",
               start != NULL ? "t" : "", boot != NULL ? boot : parts[0],
               space != NULL ? space : parts[1], pid != NULL ? pid : parts[2],
               start != NULL ? start : parts[3]) < 0)
    abort();
  return out;
}

/* The same process number after a reboot, or given to another process, is not it. */
static void another_boot_or_another_start_is_another_process(void **state) {
  struct made_place *place = *state;
  const struct made made = {.name = "alive", .strategies = {NULL}, .seed = 1, .context = 8};
  struct catalog_run run = made_begin(place->catalog, &made);
  char *const made_up[] = {
      supervisor_with(place->path, "another-boot", NULL, NULL, NULL),
      supervisor_with(place->path, NULL, NULL, NULL, "1"),
      supervisor_with(place->path, NULL, NULL, "4194304",
                      NULL), /* above the kernel's largest */
      supervisor_with(place->path, NULL, "pid:[1]", "4194304", NULL),
  };
  for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++) {
    expect(made_up[i], "no row");
    free(made_up[i]);
  }
  catalog_close(made_open(place->path));
  /* Of another container it cannot be known, so it is left alone. */
  expect("SELECT group_concat(uid || '=' || status, ' ') FROM run WHERE run_id > 1",
         "b=crashed t=crashed p=crashed sp=running");
  expect("SELECT status FROM run WHERE run_id = 1", "running");
  made_end(place->catalog, run.id, CATALOG_DONE, NULL);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(after_any_kill_the_catalog_is_whole_and_true),
      FRESH(a_half_made_catalog_is_made_anew),
      FRESH(a_living_supervisors_run_is_left_alone),
      FRESH(another_boot_or_another_start_is_another_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
