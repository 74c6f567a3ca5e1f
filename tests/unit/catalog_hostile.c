/*
 * catalog_hostile.c - files that are no catalog, catalogs of other versions, places
 * where none can be: one clear sentence, and the file is left as it was.
 */
#include "unit/catalog_made.h"

#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct made small = {
    .name = "small", .strategies = {NULL}, .seed = 1, .context = 8};

static void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  char *data = malloc(1 << 24);
  if (file == NULL || data == NULL) abort();
  *size = fread(data, 1, 1 << 24, file);
  fclose(file);
  return data;
}

/* Opening fails in both modes with this status and words, and changes nothing. */
static void refuses(const char *path, ridge_status status, const char *words) {
  for (int mode = CATALOG_READ; mode <= CATALOG_WRITE; mode++) {
    struct catalog *catalog = NULL;
    struct why why = {""};
    assert_int_equal(catalog_open(path, (enum catalog_mode)mode, &catalog, &why), status);
    assert_null(catalog);
    if (strstr(why.text, words) == NULL || strstr(why.text, path) == NULL)
      fail_msg("`%s` does not say `%s` and the path", why.text, words);
  }
}

static void refuses_and_leaves(const char *path, ridge_status status, const char *words) {
  size_t before_size, after_size;
  char *before = read_file(path, &before_size);
  refuses(path, status, words);
  char *after = read_file(path, &after_size);
  assert_int_equal(before_size, after_size);
  assert_memory_equal(before, after, before_size);
  free(before);
  free(after);
}

static void a_directory_is_no_catalog(void **state) {
  struct made_place *place = *state;
  refuses(place->folder, RIDGE_INVALID, "is a directory");
}

static void a_device_or_pipe_is_no_catalog(void **state) {
  struct made_place *place = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/pipe", place->folder);
  assert_int_equal(mkfifo(path, 0600), 0);
  refuses(path, RIDGE_INVALID, "not a plain file");
  refuses("/dev/null", RIDGE_INVALID, "not a plain file");
}

static void a_text_file_is_no_catalog(void **state) {
  struct made_place *place = *state;
  char path[300], text[4096];
  snprintf(path, sizeof path, "%s/notes.txt", place->folder);
  memset(text, 'x', sizeof text);
  write_file(path, text, sizeof text);
  refuses_and_leaves(path, RIDGE_CORRUPT, "no SQLite database");
}

static void a_truncated_catalog_is_damaged(void **state) {
  struct made_place *place = *state;
  size_t size;
  made_run(place->catalog, &small, NULL, 0, 0, NULL);
  catalog_close(place->catalog);
  char *whole = read_file(place->path, &size);
  for (size_t keep = 150; keep < size; keep += size / 7) {
    write_file(place->path, whole, keep);
    struct catalog *catalog = NULL;
    struct why why = {""};
    ridge_status status = catalog_open(place->path, CATALOG_WRITE, &catalog, &why);
    if (status != RIDGE_CORRUPT) fail_msg("%zu of %zu bytes: %s", keep, size, why.text);
    assert_non_null(strstr(why.text, place->path));
  }
  write_file(place->path, whole, size);
  place->catalog = made_open(place->path);
  free(whole);
}

static void an_empty_file_becomes_a_catalog(void **state) {
  struct made_place *place = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/empty.db", place->folder);
  write_file(path, "", 0);
  struct catalog *catalog = made_open(path);
  made_run(catalog, &small, NULL, 0, 0, NULL);
  catalog_close(catalog);
}

static void a_database_of_another_program_is_left_alone(void **state) {
  struct made_place *place = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/other.db", place->folder);
  write_file(path, "", 0);
  free(made_look(path, "CREATE TABLE precious (x)"));
  refuses_and_leaves(path, RIDGE_CORRUPT, "of another program");
}

static void restamp(const char *path) {
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA user_version = %" PRId64, catalog_version());
  free(made_look(path, sql));
}

static void a_newer_catalog_is_refused_with_both_versions(void **state) {
  struct made_place *place = *state;
  catalog_close(place->catalog);
  free(made_look(place->path, "PRAGMA user_version = 77"));
  char words[80];
  snprintf(words, sizeof words, "has version 77; this ridge knows up to %" PRId64,
           catalog_version());
  refuses_and_leaves(place->path, RIDGE_UNSUPPORTED, words);
  restamp(place->path);
  place->catalog = made_open(place->path);
}

/* As somebody who may only read; the answer is the child's exit code. */
static int as_reader(int (*body)(const char *), const char *path) {
  pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
    _exit(body(path));
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 98;
  return WEXITSTATUS(status);
}

static int read_but_not_write(const char *path) {
  struct catalog *catalog = NULL;
  struct why why = {""};
  int64_t run = 0;
  if (catalog_open(path, CATALOG_WRITE, &catalog, &why) != RIDGE_IO) return 1;
  if (strstr(why.text, "cannot be written") == NULL) return 2;
  if (catalog_open(path, CATALOG_READ, &catalog, &why) != RIDGE_OK) {
    fprintf(stderr, "%s\n", why.text);
    return 3;
  }
  if (catalog_run_find(catalog, "small", &run, &why) != RIDGE_OK || run != 1) return 4;
  if (catalog_run_note(catalog, run, "no", &why) != RIDGE_IO) return 5;
  catalog_close(catalog);
  return 0;
}

static void a_catalog_that_cannot_be_written_can_be_read(void **state) {
  struct made_place *place = *state;
  made_run(place->catalog, &small, NULL, 0, 0, NULL);
  /* The writer is still there, as for a colleague who looks at a running catalog. */
  assert_int_equal(chmod(place->folder, 0755) | chmod(place->path, 0444), 0);
  char side[300];
  for (int i = 0; i < 2; i++) {
    snprintf(side, sizeof side, "%s%s", place->path, i == 0 ? "-wal" : "-shm");
    assert_int_equal(chmod(side, 0444), 0);
  }
  assert_int_equal(as_reader(read_but_not_write, place->path), 0);
}

static int cannot_make(const char *path) {
  struct catalog *catalog = NULL;
  struct why why = {""};
  char wanted[CATALOG_PATH_ROOM], out[CATALOG_PATH_ROOM];
  snprintf(wanted, sizeof wanted, "%s.d/deep/catalog.db", path);
  if (catalog_path(wanted, out, sizeof out, &why) != RIDGE_IO) return 1;
  if (strstr(why.text, "cannot be made") == NULL) return 2;
  snprintf(wanted, sizeof wanted, "%s.new", path);
  if (catalog_open(wanted, CATALOG_READ, &catalog, &why) != RIDGE_IO) return 3;
  return 0;
}

static void a_folder_that_cannot_be_written_is_said(void **state) {
  struct made_place *place = *state;
  assert_int_equal(chmod(place->folder, 0555), 0);
  assert_int_equal(as_reader(cannot_make, place->path), 0);
  assert_int_equal(chmod(place->folder, 0755), 0);
}

static void a_file_system_without_shared_memory_is_refused(void **state) {
  struct made_place *place = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/nowal.db", place->folder);
  sqlite3_vfs *usual = sqlite3_vfs_find(NULL), *plain = sqlite3_vfs_find("unix-dotfile");
  assert_non_null(plain);
  sqlite3_vfs_register(plain, 1);
  struct catalog *catalog = NULL;
  struct why why = {""};
  ridge_status status = catalog_open(path, CATALOG_WRITE, &catalog, &why);
  sqlite3_vfs_register(usual, 1);
  assert_int_equal(status, RIDGE_UNSUPPORTED);
  assert_non_null(strstr(why.text, "cannot do write-ahead logging"));
}

/* Paths -------------------------------------------------------------------------------- */

static void path_is(const char *wanted, const char *expected) {
  char out[CATALOG_PATH_ROOM];
  struct why why;
  must(catalog_path(wanted, out, sizeof out, &why));
  assert_string_equal(out, expected);
}

static void the_option_goes_before_the_variable_before_xdg_before_home(void **state) {
  struct made_place *place = *state;
  char wanted[300], variable[300], xdg[300], home[300], folder[300];
  snprintf(wanted, sizeof wanted, "%s/a/option.db", place->folder);
  snprintf(variable, sizeof variable, "%s/b/variable.db", place->folder);
  setenv("RIDGE_CATALOG", variable, 1);
  snprintf(folder, sizeof folder, "%s/xdg", place->folder);
  setenv("XDG_DATA_HOME", folder, 1);
  snprintf(folder, sizeof folder, "%s/home", place->folder);
  setenv("HOME", folder, 1);
  path_is(wanted, wanted);
  path_is(NULL, variable);
  path_is("", variable);
  unsetenv("RIDGE_CATALOG");
  snprintf(xdg, sizeof xdg, "%s/xdg/ridge/catalog.db", place->folder);
  path_is(NULL, xdg);
  setenv("XDG_DATA_HOME", "relative/is/ignored", 1);
  snprintf(home, sizeof home, "%s/home/.local/share/ridge/catalog.db", place->folder);
  path_is(NULL, home);
  catalog_close(made_open(home)); /* the folders are there */
  unsetenv("XDG_DATA_HOME");
}

static void a_relative_path_is_a_file_whatever_it_looks_like(void **state) {
  struct made_place *place = *state;
  char out[CATALOG_PATH_ROOM], here[1024], long_path[5000];
  struct why why;
  assert_non_null(getcwd(here, sizeof here));
  assert_int_equal(chdir(place->folder), 0);
  must(catalog_path(":memory:", out, sizeof out, &why));
  catalog_close(made_open(out));
  assert_int_equal(access(":memory:", F_OK), 0);
  must(catalog_path("file:x?mode=memory", out, sizeof out, &why));
  catalog_close(made_open(out));
  assert_int_equal(access("file:x?mode=memory", F_OK), 0);
  assert_int_equal(chdir(here), 0);
  assert_int_equal(catalog_path("/tmp/", out, sizeof out, &why), RIDGE_INVALID);
  memset(long_path, 'a', sizeof long_path - 1);
  long_path[sizeof long_path - 1] = 0;
  assert_int_equal(catalog_path(long_path, out, sizeof out, &why), RIDGE_INVALID);
  snprintf(long_path, sizeof long_path, "%s/x", place->path); /* the parent is a file */
  assert_int_equal(catalog_path(long_path, out, sizeof out, &why), RIDGE_OK);
  struct catalog *catalog = NULL;
  assert_int_equal(catalog_open(out, CATALOG_WRITE, &catalog, &why), RIDGE_IO);
}

/* Versions ------------------------------------------------------------------------------
 */

static const char *embedded(const char *name) {
  for (size_t i = 0; i < embedded_count; i++)
    if (strcmp(embedded_files[i].name, name) == 0) return embedded_files[i].data;
  fail_msg("%s is not in this build", name);
  return NULL;
}

/* A catalog as version `k` made it, from the migrations alone. */
static void make_version(const char *path, int64_t k) {
  sqlite3 *db = NULL;
  char name[64], *problem = NULL;
  if (sqlite3_open(path, &db) != SQLITE_OK) abort();
  for (int64_t i = 1; i <= k; i++) {
    snprintf(name, sizeof name, "migrations/%03" PRId64 ".sql", i);
    if (sqlite3_exec(db, embedded(name), NULL, NULL, &problem) != SQLITE_OK)
      fail_msg("%s: %s", name, problem);
  }
  char *stamp =
      sqlite3_mprintf("PRAGMA application_id = 0x72696467; PRAGMA user_version = %lld", k);
  if (sqlite3_exec(db, stamp, NULL, NULL, NULL) != SQLITE_OK) abort();
  sqlite3_free(stamp);
  sqlite3_close(db);
}

/* Tables by their columns (a migrated one may be spelt otherwise), the rest by text. */
static const char shape[] =
    "SELECT group_concat(line, char(10)) "
    "FROM ( SELECT s.name || '.' || c.name || ' ' || c.type || c.\"notnull\" || c.pk AS "
    "line FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'table' UNION "
    "ALL SELECT s.name || '.' || f.\"from\" || ' -> ' || f.\"table\" FROM sqlite_schema "
    "s, pragma_foreign_key_list(s.name) f WHERE s.type = 'table' UNION ALL SELECT name || "
    "replace(replace(sql, char(10), ' '), ' ', ' ') FROM sqlite_schema WHERE type <> "
    "'table' AND sql IS NOT NULL ORDER BY 1)";

static void every_older_version_becomes_the_present_one(void **state) {
  struct made_place *place = *state;
  char *wanted = made_look(place->path, shape);
  assert_true(strlen(wanted) > 5000);
  assert_true(catalog_version() >= 1);
  for (int64_t k = 1; k <= catalog_version(); k++) {
    char path[300];
    snprintf(path, sizeof path, "%s/version-%" PRId64 ".db", place->folder, k);
    make_version(path, k);
    struct catalog *catalog = made_open(path);
    made_run(catalog, &small, NULL, 0, 0, NULL);
    catalog_close(catalog);
    char *found = made_look(path, shape);
    assert_string_equal(found, wanted);
    free(found);
  }
  free(wanted);
}

static void write_all(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  char *problem = NULL;
  if (sqlite3_open(path, &db) != SQLITE_OK) abort();
  if (sqlite3_exec(db, sql, NULL, NULL, &problem) != SQLITE_OK) fail_msg("%s", problem);
  sqlite3_close(db);
}

/* Before version 3 prompts and generated tokens were one sum. */
static void operators_of_an_older_catalog_are_of_mixed_steps(void **state) {
  struct made_place *place = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/before.db", place->folder);
  make_version(path, 2);
  write_all(path,
            "INSERT INTO recipe VALUES (1, 'd', 'n', 't');"
            "INSERT INTO machine (machine_id, digest, cpu, facts, first_seen) "
            "VALUES (1, 'm', 'c', '{}', 0);"
            "INSERT INTO program VALUES (1, 'p', 'v', '', '', 'c', 'f', 0);"
            "INSERT INTO plan VALUES (1, 'c', 't', '{}');"
            "INSERT INTO run (run_id, uid, name, phase, recipe_id, plan_id, "
            "machine_id, program_id, seed, command, file, status, supervisor, started) "
            "VALUES (7, 'u', 'n', 'infer', 1, 1, 1, 1, 1, '[]', 'f', 'running', 's', 0);"
            "INSERT INTO operator (run_id, position, name, op, kernel, calls, ns, "
            "bytes, flops) VALUES (7, 3, 'blk.0.attn_q', 'matmul', 'k', 5, 600, 70, "
            "80)");
  catalog_close(made_open(path));
  char *found =
      made_look(path, "SELECT phase || ' ' || position || ' ' || kind || ' ' || ns "
                      "|| ' ' || (streamed IS NULL) FROM operator");
  assert_string_equal(found, "mixed 3 matmul 600 1");
  free(found);
}

static void a_version_below_one_is_no_catalog(void **state) {
  struct made_place *place = *state;
  catalog_close(place->catalog);
  free(made_look(place->path, "PRAGMA user_version = 0"));
  refuses(place->path, RIDGE_CORRUPT, "of another program");
  restamp(place->path);
  place->catalog = made_open(place->path);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(a_directory_is_no_catalog),
      FRESH(a_device_or_pipe_is_no_catalog),
      FRESH(a_text_file_is_no_catalog),
      FRESH(a_truncated_catalog_is_damaged),
      FRESH(an_empty_file_becomes_a_catalog),
      FRESH(a_database_of_another_program_is_left_alone),
      FRESH(a_newer_catalog_is_refused_with_both_versions),
      FRESH(a_catalog_that_cannot_be_written_can_be_read),
      FRESH(a_folder_that_cannot_be_written_is_said),
      FRESH(a_file_system_without_shared_memory_is_refused),
      FRESH(the_option_goes_before_the_variable_before_xdg_before_home),
      FRESH(a_relative_path_is_a_file_whatever_it_looks_like),
      FRESH(every_older_version_becomes_the_present_one),
      FRESH(operators_of_an_older_catalog_are_of_mixed_steps),
      FRESH(a_version_below_one_is_no_catalog),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
