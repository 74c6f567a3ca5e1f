/*
 * catalog_starved.c - the n-th allocation, write or sync fails: a status and a sentence,
 * never a crash, and a catalog that is whole afterwards.
 *
 * SQLite is given an allocator and a file system of our own that count down.  Each
 * failure is tried once (the next attempt succeeds) and for good (nothing works any
 * more until the catalog is opened again).
 */
#include "unit/catalog_made.h"

static const struct made made = {.name = "starved",
                                 .strategies = {"kv.paged", "part.kernels", NULL},
                                 .seed = 1,
                                 .context = 8,
                                 .block = 4};

/* A countdown: fails when it reaches zero, and below if it is for good. */
enum scarce { NOTHING, MEMORY, DISK };
static struct {
  enum scarce what;
  int64_t left;
  bool for_good, fired;
} trap;

static bool trapped(enum scarce what) {
  if (trap.what != what) return false;
  trap.left--;
  bool now = trap.left == 0 || (trap.for_good && trap.left < 0);
  trap.fired |= now;
  return now;
}

/* Memory ------------------------------------------------------------------------------ */

static sqlite3_mem_methods usual_memory;

static void *scarce_malloc(int size) {
  return trapped(MEMORY) ? NULL : usual_memory.xMalloc(size);
}
static void *scarce_realloc(void *old, int size) {
  return trapped(MEMORY) ? NULL : usual_memory.xRealloc(old, size);
}

static void make_memory_scarce(void) {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual_memory);
  sqlite3_mem_methods scarce = usual_memory;
  scarce.xMalloc = scarce_malloc;
  scarce.xRealloc = scarce_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &scarce) != SQLITE_OK) abort();
}

/* Disk -------------------------------------------------------------------------------- */

/* The usual methods of a file, with three of them replaced; files of one kind share a
 * table, so two are enough (SQLite opens two kinds here). */
static struct methods {
  const sqlite3_io_methods *usual;
  sqlite3_io_methods failing;
} kinds[4];

static const sqlite3_io_methods *usual_of(sqlite3_file *file) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (file->pMethods == &kinds[i].failing) return kinds[i].usual;
  abort();
}

static int bad_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
  return trapped(DISK) ? SQLITE_FULL : usual_of(file)->xWrite(file, data, size, at);
}
static int bad_truncate(sqlite3_file *file, sqlite3_int64 size) {
  return trapped(DISK) ? SQLITE_IOERR_TRUNCATE : usual_of(file)->xTruncate(file, size);
}
static int bad_sync(sqlite3_file *file, int flags) {
  return trapped(DISK) ? SQLITE_IOERR_FSYNC : usual_of(file)->xSync(file, flags);
}

static sqlite3_vfs *usual_disk, bad_disk;

static int bad_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out) {
  (void)vfs;
  if (trapped(DISK)) return SQLITE_CANTOPEN;
  int code = usual_disk->xOpen(usual_disk, name, file, flags, out);
  if (file->pMethods == NULL) return code;
  struct methods *kind = kinds;
  while (kind->usual != NULL && kind->usual != file->pMethods) kind++;
  kind->usual = file->pMethods;
  kind->failing = *file->pMethods;
  kind->failing.xWrite = bad_write;
  kind->failing.xTruncate = bad_truncate;
  kind->failing.xSync = bad_sync;
  file->pMethods = &kind->failing;
  return code;
}

static void make_disk_bad(void) {
  usual_disk = sqlite3_vfs_find(NULL);
  bad_disk = *usual_disk;
  bad_disk.pNext = NULL;
  bad_disk.zName = "bad";
  bad_disk.xOpen = bad_open;
  sqlite3_vfs_register(&bad_disk, 1);
}

/* What is tried ------------------------------------------------------------------------ */

static bool ignore_columns(void *ctx, const json_t *names) {
  return ctx == NULL && names != NULL;
}
static bool ignore_row(void *ctx, const json_t *cells) {
  return ctx == NULL && cells != NULL;
}

static ridge_status log_run(struct catalog *catalog, struct made_parts *parts,
                            struct why *why) {
  struct catalog_run run;
  struct catalog_point points[] = {{"loss", 1, 2}, {"loss", 2, 1}};
  struct catalog_end end = {.status = CATALOG_DONE, .output = "out"};
  json_t *report = json_pack("[{s:s,s:b,s:i}]", "id", "kv.paged", "engaged", 1, "calls", 3),
         *all = NULL;
  const struct catalog_sink sink = {NULL, ignore_columns, ignore_row};
  ridge_status status = catalog_run_begin(catalog, &parts->asked, &run, why);
  if (status == RIDGE_OK)
    status = catalog_run_sample(catalog, run.id, "decode_tps", 0, 1, why);
  if (status == RIDGE_OK) status = catalog_run_points(catalog, run.id, points, 2, why);
  if (status == RIDGE_OK) status = catalog_run_strategies(catalog, run.id, report, why);
  if (status == RIDGE_OK) status = catalog_run_end(catalog, run.id, &end, why);
  if (status == RIDGE_OK) status = catalog_show(catalog, run.id, 0, &all, why);
  if (status == RIDGE_OK)
    status = catalog_query(catalog, "SELECT * FROM run_summary", NULL, &sink, NULL, why);
  json_decref(report);
  json_decref(all);
  return status;
}

static ridge_status open_and_log(const char *path, struct made_parts *parts,
                                 struct why *why) {
  struct catalog *catalog = NULL;
  ridge_status status = catalog_open(path, CATALOG_WRITE, &catalog, why);
  if (status != RIDGE_OK) return status;
  status = log_run(catalog, parts, why);
  catalog_close(catalog);
  return status;
}

/* Fail the n-th, for more and more n, until nothing is left to fail. */
static void try_all(struct made_place *place, enum scarce what, int64_t stride,
                    bool for_good) {
  struct made_parts parts;
  int failed = 0, n_tried = 0;
  made_new(&made, &parts);
  for (int64_t n = 1;; n += n < 40 ? 1 : stride, n_tried++) {
    struct why why = {""};
    trap.what = what, trap.left = n, trap.for_good = for_good, trap.fired = false;
    ridge_status status = open_and_log(place->path, &parts, &why);
    trap.what = NOTHING;
    if (!trap.fired) {
      assert_int_equal(status, RIDGE_OK);
      break;
    }
    if (status == RIDGE_OK) continue; /* SQLite did without, as for a cache */
    failed++;
    /* json_valid() without memory answers no, and so a CHECK fails: INVALID. */
    bool expected = status == RIDGE_NO_MEMORY || status == RIDGE_IO ||
                    status == RIDGE_INTERNAL ||
                    (what == MEMORY && strstr(why.text, "json_valid") != NULL);
    if (!expected || strlen(why.text) < 10)
      fail_msg("the %" PRId64 "th gave %s: %s", n, status_name(status), why.text);
    if (n_tried % 20 == 0) expect("PRAGMA integrity_check", "ok");
  }
  made_free(&parts);
  print_message("%d tried, %d failed\n", n_tried, failed);
  assert_true(failed > 5);
  expect("PRAGMA integrity_check", "ok");
  expect("SELECT count(*) FROM pragma_foreign_key_check", "0");
  /* A run is there with all that belongs to its begin, or not at all; a finished one
   * with all that came before. */
  expect("SELECT count(*) FROM run WHERE (SELECT count(*) FROM setting s WHERE s.run_id = "
         "run.run_id) <> 4 OR (SELECT count(*) "
         "FROM composition c WHERE c.run_id = run.run_id) <> 2",
         "0");
  expect("SELECT count(*) FROM run WHERE status = 'done' AND ((SELECT count(*) FROM point "
         "p WHERE p.run_id = run.run_id) <> 2 OR (SELECT calls "
         "FROM composition c WHERE c.run_id = run.run_id AND calls IS NOT NULL) <> 3 OR "
         "(SELECT count(*) FROM settled s WHERE s.run_id = run.run_id) <> 1)",
         "0");
}

static void the_nth_allocation_fails_once(void **state) {
  try_all(*state, MEMORY, 47, false);
}
static void no_allocation_succeeds_from_the_nth_on(void **state) {
  try_all(*state, MEMORY, 47, true);
}

static void the_nth_write_or_sync_fails_once(void **state) {
  make_disk_bad();
  try_all(*state, DISK, 1, false);
  sqlite3_vfs_unregister(&bad_disk);
}

static void no_write_or_sync_succeeds_from_the_nth_on(void **state) {
  make_disk_bad();
  try_all(*state, DISK, 1, true);
  sqlite3_vfs_unregister(&bad_disk);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, made_setup, made_teardown)

/* The first connection stays open for the whole test, as another reader would; memory
 * is scarce for all four, and as usual while the trap is not set. */
int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(the_nth_allocation_fails_once),
      FRESH(no_allocation_succeeds_from_the_nth_on),
      FRESH(the_nth_write_or_sync_fails_once),
      FRESH(no_write_or_sync_succeeds_from_the_nth_on),
  };
  make_memory_scarce();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
