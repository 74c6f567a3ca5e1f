/*
 * catalog_fuzz.c - catalogs that a stranger or a bad disk has changed: each verb that
 * looks back prints what is there, or one sentence, and ends with 0, 1 or 2.
 *
 * Two kinds of damage: bytes of the file, and values of any kind in any column (the
 * tables are made to take them).  The verbs run in this process, so that a sanitizer
 * sees all they do.
 */
#include "random.h"
#include "unit/catalog_made.h"

#include "cli/cli.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#define ESCAPE "char(27) || '[2J' || char(10)"
enum { ROUNDS = 60, MOST_BYTES = 1 << 24, COLUMNS = 180 };

struct bytes {
  char *data;
  size_t size;
};

static struct bytes load(const char *path) {
  struct bytes b = {malloc(MOST_BYTES + 1), 0};
  FILE *file = fopen(path, "rb");
  if (b.data == NULL || file == NULL) abort();
  b.size = fread(b.data, 1, MOST_BYTES, file);
  b.data[b.size] = 0;
  fclose(file);
  return b;
}

static void save(const char *path, struct bytes b) {
  char side[300];
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(b.data, 1, b.size, file) != b.size || fclose(file) != 0)
    abort();
  for (int i = 0; i < 2; i++) {
    snprintf(side, sizeof side, "%s%s", path, i == 0 ? "-wal" : "-shm");
    (void)unlink(side);
  }
}

/* ---- a catalog with something in every table that is read ------------------------------
 */

static void run_sql(const char *path, const char *sql, bool has_to) {
  sqlite3 *db = NULL;
  char *problem = NULL;
  if (sqlite3_open(path, &db) != SQLITE_OK) abort();
  sqlite3_exec(db,
               "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"
               "PRAGMA writable_schema = ON",
               NULL, NULL, NULL);
  if (sqlite3_exec(db, sql, NULL, NULL, &problem) != SQLITE_OK && has_to)
    fail_msg("%s: %s", sql, problem);
  sqlite3_free(problem);
  sqlite3_close(db);
}

static const char steps[] =
    "INSERT INTO calibration (machine_id, measured, speed) SELECT machine_id, 1, "
    "'{\"read\":[[2,65536,4e10,2e10],[2,16777216,1e10,5e9]],\"flops\":[[2,0,1e11,5e10]],"
    "\"int8\":[[2,0,4e11,2e11]],\"by\":{\"read\":\"avx2\",\"flops\":\"avx2\","
    "\"int8\":\"avx2\"}}' FROM machine;"
    "INSERT INTO stage SELECT run_id, 'decode', 4, 4, 4, 40, 40, 1000, 1100 FROM run;"
    "INSERT INTO operator SELECT run_id, 'decode', 0, 'blk.0.q', 'matmul', 'matmul q4_0', "
    "'kernels.x86', 4, 900, 4000, 3000, 8000, 1 FROM run;"
    "INSERT INTO event (run_id, at, source, text) SELECT run_id, 1, 'host', 'x' FROM run";

/* Columns take anything, and nothing watches them. */
static const char unlock[] =
    "DELETE FROM sqlite_schema WHERE type = 'trigger';"
    "UPDATE sqlite_schema SET sql = replace(replace(sql, ') STRICT, ', ') '), ') STRICT', "
    "')') WHERE type = 'table'";

static const struct made first = {
    .name = "one", .strategies = {"kv.paged", NULL}, .seed = 1, .context = 8};
static const struct made second = {
    .name = "two", .strategies = {NULL}, .seed = 1, .context = 8};

static struct bytes good, unlocked;

static int set_up(void **state) {
  static const double speeds[] = {10, 11, 12};
  (void)made_setup(state);
  struct made_place *place = *state;
  made_run(place->catalog, &first, speeds, 3, 7.5, "a text");
  made_run(place->catalog, &second, speeds, 2, 7.0, NULL);
  catalog_close(place->catalog);
  run_sql(place->path, "DELETE FROM sqlite_schema WHERE type = 'trigger'", true);
  run_sql(place->path, steps, false);
  run_sql(place->path, "PRAGMA wal_checkpoint(TRUNCATE)", true);
  good = load(place->path);
  run_sql(place->path, unlock, true);
  run_sql(place->path, "PRAGMA wal_checkpoint(TRUNCATE)", true);
  unlocked = load(place->path);
  return 0;
}

static int tear_down(void **state) {
  struct made_place *place = *state;
  testing_remove(place->folder);
  free(place);
  free(good.data);
  free(unlocked.data);
  return 0;
}

/* ---- the verbs -------------------------------------------------------------------------
 */

static const char *const looks[][6] = {
    {"show", "last", "--roofline"},
    {"show", "1", "--operators", "--text", "--plan"},
    {"show", "last", "--svg", "plot.svg"},
    {"show", "last", "--roofline", "--json"},
    {"runs"},
    {"runs", "--json"},
    {"claims"},
    {"techniques"},
    {"techniques", "deebert"},
    {"diff", "1", "2"},
    {"compare", "1", "2"},
    {"query", "costs"},
    {"query", "effects"},
    {"query", "SELECT * FROM run_summary", "--json"},
};
enum { LOOKS = sizeof looks / sizeof *looks };

static int redirect(int fd, const char *path) {
  int kept = dup(fd), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (kept < 0 || to < 0 || dup2(to, fd) < 0) abort();
  close(to);
  return kept;
}

static void put_back(int kept, int fd) {
  if (dup2(kept, fd) < 0) abort();
  close(kept);
}

/* Exit code; what went to stderr is left in `said`.  Neither stream moves a cursor. */
static int look(const struct made_place *place, size_t which, struct bytes *said) {
  char out[300], err[300], svg[300];
  const char *argv[12] = {"ridge", "--catalog", place->path};
  int argc = 3;
  snprintf(out, sizeof out, "%s/out", place->folder);
  snprintf(err, sizeof err, "%s/err", place->folder);
  snprintf(svg, sizeof svg, "%s/plot.svg", place->folder);
  for (size_t i = 0; i < 6 && looks[which][i] != NULL; i++)
    argv[argc++] = strcmp(looks[which][i], "plot.svg") == 0 ? svg : looks[which][i];
  fflush(NULL);
  int kept_out = redirect(STDOUT_FILENO, out), kept_err = redirect(STDERR_FILENO, err);
  int exit = cli_main(argc, (char **)(uintptr_t)argv);
  fflush(NULL);
  put_back(kept_out, STDOUT_FILENO);
  put_back(kept_err, STDERR_FILENO);
  (void)unlink(svg);
  struct bytes printed = load(out);
  if (memchr(printed.data, '\033', printed.size) != NULL)
    fail_msg("%s prints an escape: %s", looks[which][0], printed.data);
  free(printed.data);
  *said = load(err);
  return exit;
}

/* One sentence, of printable characters, with an exit code of a verb that looks. */
static void check_look(const struct made_place *place, size_t which, const char *damage) {
  struct bytes said;
  int exit = look(place, which, &said);
  bool good_exit = exit == 0 || exit == 1 || exit == 2 || exit == 5;
  bool sentence = exit == 0 || exit == 5 || said.size > 20;
  for (size_t i = 0; i < said.size; i++)
    sentence = sentence && (said.data[i] == '\n' || !iscntrl((unsigned char)said.data[i]));
  if (!good_exit || !sentence)
    fail_msg("after %s: `%s %s` exits %d: %s", damage, looks[which][0],
             looks[which][1] != NULL ? looks[which][1] : "", exit, said.data);
  free(said.data);
}

static void the_catalog_as_it_is_is_shown(void **state) {
  struct made_place *place = *state;
  for (size_t i = 0; i < LOOKS; i++) {
    struct bytes said;
    save(place->path, i % 2 ? good : unlocked);
    int exit = look(place, i, &said);
    if (exit != 0) fail_msg("%s exits %d: %s", looks[i][0], exit, said.data);
    free(said.data);
  }
}

/* ---- damage ----------------------------------------------------------------------------
 */

static void damaged_files_do_no_harm(void **state) {
  struct made_place *place = *state;
  uint64_t seed = random_seed();
  const uint64_t rounds = random_rounds(ROUNDS);
  for (uint64_t i = 0; i < rounds; i++) {
    struct bytes b = {malloc(good.size), good.size};
    if (b.data == NULL) abort();
    memcpy(b.data, good.data, good.size);
    for (uint64_t n = 1 + random_next(&seed) % 40; n > 0; n--)
      b.data[random_next(&seed) % b.size] = (char)random_next(&seed);
    if (i % 8 == 0) b.size = random_next(&seed) % b.size;
    save(place->path, b);
    free(b.data);
    check_look(place, i % LOOKS, "damage of bytes");
  }
}

static const char *const values[] = {
    "NULL",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "1e999",
    "-1e999",
    "0.5",
    "''",
    "'x'",
    "x'00ff1b'",
    ESCAPE,
    "zeroblob(100000)",
    "'[]'",
    "'{}'",
    "'null'",
    "'[[['",
    "'{\"settings\":[],\"strategies\":{}}'",
    "'{\"read\":[[1,2,3,4]],\"flops\":[],\"by\":7}'",
    "replace(hex(zeroblob(50000)), '0', '[')",
    "'18446744073709551616'",
    "'../../etc/passwd'",
};

/* "UPDATE t SET c = v" for a column of the catalog; NULL past the last one. */
static char *update_of(const char *path, uint64_t column, const char *value) {
  static const char pick[] =
      "SELECT 'UPDATE \"' || s.name || '\" SET \"' || c.name || '\" = ' FROM sqlite_schema "
      "s, pragma_table_info(s.name) c WHERE s.type = 'table' AND s.name NOT LIKE "
      "'sqlite%%' "
      "AND s.name IN ('run', 'plan', 'machine', 'calibration', 'stage', 'operator', "
      "'composition', 'plugin', 'settled', 'sample', 'metric', 'recipe', 'program', "
      "'event', "
      "'evidence', 'setting', 'claim', 'technique') ORDER BY s.name, c.cid LIMIT 1 OFFSET "
      "%llu";
  char sql[1024], *update = NULL;
  snprintf(sql, sizeof sql, pick, (unsigned long long)column);
  char *head = made_look(path, sql);
  if (strncmp(head, "UPDATE", 6) == 0 && asprintf(&update, "%s%s", head, value) < 0)
    abort();
  free(head);
  return update;
}

static void escapes_in_any_column_reach_no_terminal(void **state) {
  struct made_place *place = *state;
  uint64_t columns = 0;
  for (;; columns++) {
    save(place->path, unlocked);
    char *update = update_of(place->path, columns, ESCAPE);
    if (update == NULL) break;
    run_sql(place->path, update, false);
    for (size_t which = 0; which < LOOKS; which++) check_look(place, which, update);
    free(update);
  }
  assert_in_range(columns, 150, COLUMNS);
}

static void values_of_any_kind_do_no_harm(void **state) {
  struct made_place *place = *state;
  uint64_t seed = random_seed();
  const uint64_t rounds = random_rounds(ROUNDS);
  for (uint64_t i = 0; i < rounds; i++) {
    save(place->path, unlocked);
    const char *value = values[random_next(&seed) % (sizeof values / sizeof *values)];
    char *update = update_of(place->path, random_next(&seed) % COLUMNS, value);
    if (update == NULL) update = strdup("DELETE FROM machine");
    if (update == NULL) abort();
    run_sql(place->path, update, false);
    for (size_t which = i % 3; which < LOOKS; which += 3) check_look(place, which, update);
    free(update);
  }
}

static void a_missing_table_or_view_is_one_sentence(void **state) {
  struct made_place *place = *state;
  static const char *const drops[] = {
      "DROP TABLE stage",
      "DROP TABLE operator",
      "DROP TABLE calibration",
      "DROP VIEW run_summary",
      "DROP TABLE settled",
      "DROP TABLE loaded",
      "ALTER TABLE run RENAME COLUMN why TO why_not",
  };
  for (size_t d = 0; d < sizeof drops / sizeof *drops; d++) {
    save(place->path, good);
    run_sql(place->path, drops[d], false);
    for (size_t which = 0; which < LOOKS; which++) check_look(place, which, drops[d]);
  }
  struct bytes said;
  save(place->path, good);
  run_sql(place->path, "DROP TABLE stage", true);
  assert_int_equal(look(place, 0, &said), 1);
  assert_non_null(strstr(said.data, "no such table: stage"));
  assert_non_null(strstr(said.data, "another program has changed its tables"));
  free(said.data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_catalog_as_it_is_is_shown),
      cmocka_unit_test(damaged_files_do_no_harm),
      cmocka_unit_test(escapes_in_any_column_reach_no_terminal),
      cmocka_unit_test(values_of_any_kind_do_no_harm),
      cmocka_unit_test(a_missing_table_or_view_is_one_sentence),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
