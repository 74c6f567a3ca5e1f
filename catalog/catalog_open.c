/*
 * catalog_open.c - from a path to a catalog that can be trusted.
 *
 * A file that is not a catalog is left as it is: nothing is written before its
 * application id and version have been looked at.
 */
#include "catalog_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define APPLICATION_ID 0x72696467 /* "ridg" */

const struct embedded_file *embedded_find(const char *name) {
  for (size_t i = 0; i < embedded_count; i++)
    if (strcmp(embedded_files[i].name, name) == 0) return &embedded_files[i];
  return NULL;
}

int64_t catalog_version(void) {
  int64_t files = 0;
  for (size_t i = 0; i < embedded_count; i++)
    files += strncmp(embedded_files[i].name, "migrations/", 11) == 0;
  return files;
}

const char *catalog_file(const struct catalog *c) { return c->path; }

void catalog_close(struct catalog *c) {
  if (c == NULL) return;
  sqlite3_close(c->db);
  free(c->path);
  free(c);
}

/* The file --------------------------------------------------------------------------- */

/* Where several machines see one file, the shared memory of WAL is not shared. */
static const struct {
  unsigned long magic;
  const char *name;
} networks[] = {
    {0x6969, "NFS"},        {0x517B, "SMB"},        {0xFF534D42, "CIFS"},
    {0xFE534D42, "SMB 2"},  {0x5346414F, "AFS"},    {0x73757245, "Coda"},
    {0x00C36400, "Ceph"},   {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
};

static ridge_status refuse_network(const char *path, struct why *why) {
  char directory[CATALOG_PATH_ROOM];
  struct statfs found;
  snprintf(directory, sizeof directory, "%s", path);
  char *slash = strrchr(directory, '/');
  if (slash != NULL) slash[slash == directory] = 0;
  if (statfs(directory, &found) != 0) return RIDGE_OK; /* opening will say why */
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    if ((unsigned long)found.f_type == networks[i].magic)
      return why_set(
          why, RIDGE_UNSUPPORTED,
          "catalog %s is on a network file system (%s), where several writers cannot work "
          "together; put it on a local disk with --catalog or RIDGE_CATALOG",
          path, networks[i].name);
  return RIDGE_OK;
}

static ridge_status look_at_file(const char *path, struct why *why) {
  struct stat found;
  if (stat(path, &found) != 0) {
    if (errno == ENOENT) return refuse_network(path, why);
    return why_set(why, RIDGE_IO, "catalog %s: %s", path, strerror(errno));
  }
  if (S_ISDIR(found.st_mode))
    return why_set(why, RIDGE_INVALID, "%s is a directory; --catalog names a file", path);
  if (!S_ISREG(found.st_mode))
    return why_set(why, RIDGE_INVALID, "%s is not a plain file; --catalog names a file",
                   path);
  return refuse_network(path, why);
}

/* "file:/a%20b?immutable=1": read without locks, and without the log (see open_fixed). */
static char *immutable_uri(const char *path) {
  static const char safe[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
  size_t room = 3 * strlen(path) + 32;
  char *uri = calloc(room, 1), *at = uri;
  if (uri == NULL) return NULL;
  at += snprintf(at, room, "file:");
  for (; *path != 0; path++)
    at += strchr(safe, *path) != NULL ? snprintf(at, 2, "%c", *path)
                                      : snprintf(at, 4, "%%%02X", (unsigned char)*path);
  snprintf(at, 16, "?immutable=1");
  return uri;
}

/* SQLite itself falls back to reading when the file may not be written. */
static int open_file(struct catalog *c) {
  return sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
}

static int open_immutable(struct catalog *c) {
  char *uri = immutable_uri(c->path);
  if (uri == NULL) return SQLITE_NOMEM;
  sqlite3_close(c->db);
  c->db = NULL;
  int code = sqlite3_open_v2(uri, &c->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
  free(uri);
  return code;
}

/* What every connection needs.  (The schema stays trusted: SQLite 3.40 would not let a
 * CHECK call json_valid otherwise, and no function with side effects is registered.) */
static ridge_status set_up(struct catalog *c, struct why *why) {
  sqlite3_busy_handler(c->db, sql_wait_turn, c);
  sqlite3_extended_result_codes(c->db, 1);
  sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return sql_script(c,
                    "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON;PRAGMA "
                    "cell_size_check = ON; PRAGMA synchronous = NORMAL;",
                    why);
}

/* Versions --------------------------------------------------------------------------- */

struct stamp {
  int64_t application, version, objects;
};

static ridge_status read_stamp_inside(struct catalog *c, struct stamp *out,
                                      struct why *why) {
  bool found;
  ridge_status status =
      sql_get_int(c, "PRAGMA application_id", SQL_NONE, &out->application, &found, why);
  if (status == RIDGE_OK)
    status = sql_get_int(c, "PRAGMA user_version", SQL_NONE, &out->version, &found, why);
  if (status == RIDGE_OK)
    status = sql_get_int(c, "SELECT count(*) FROM sqlite_schema", SQL_NONE, &out->objects,
                         &found, why);
  return status;
}

/* All of one moment: another process may be making the catalog just now. */
static ridge_status read_stamp(struct catalog *c, struct stamp *out, struct why *why) {
  ridge_status status = sql_script(c, "BEGIN", why);
  if (status != RIDGE_OK) return status;
  return sql_end(c, read_stamp_inside(c, out, why), why);
}

static bool is_empty(const struct stamp *stamp) {
  return stamp->application == 0 && stamp->version == 0 && stamp->objects == 0;
}

static ridge_status check_stamp(const struct catalog *c, const struct stamp *stamp,
                                struct why *why) {
  if (is_empty(stamp)) return RIDGE_OK;
  if (stamp->application != APPLICATION_ID || stamp->version < 1)
    return why_set(
        why, RIDGE_CORRUPT,
        "%s is an SQLite database of another program, and was left alone; use another "
        "--catalog",
        c->path);
  if (stamp->version > catalog_version())
    return why_set(why, RIDGE_UNSUPPORTED,
                   "catalog %s has version %" PRId64 "; this ridge knows up to %" PRId64
                   ": use the newer ridge that wrote it, or another --catalog",
                   c->path, stamp->version, catalog_version());
  return RIDGE_OK;
}

static ridge_status run_file(struct catalog *c, const char *name, struct why *why) {
  const struct embedded_file *file = embedded_find(name);
  if (file == NULL)
    return why_set(why, RIDGE_INTERNAL, "this build lacks catalog/%s", name);
  ridge_status status = sql_script(c, file->data, why);
  return status == RIDGE_OK ? status : why_prefix(why, status, "%s", name);
}

/* A new catalog gets schema.sql; an older one the migrations it lacks, one by one. */
static ridge_status bring_up(struct catalog *c, const struct stamp *stamp,
                             struct why *why) {
  ridge_status status = RIDGE_OK;
  char sql[128];
  if (is_empty(stamp))
    status = run_file(c, "schema.sql", why);
  else
    for (int64_t next = stamp->version + 1; status == RIDGE_OK && next <= catalog_version();
         next++) {
      snprintf(sql, sizeof sql, "migrations/%03" PRId64 ".sql", next);
      status = run_file(c, sql, why);
    }
  if (status != RIDGE_OK) return status;
  snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
           APPLICATION_ID, catalog_version());
  return sql_script(c, sql, why);
}

static ridge_status no_broken_reference(struct catalog *c, struct why *why) {
  bool found;
  int64_t row;
  ridge_status status =
      sql_get_int(c, "SELECT 1 FROM pragma_foreign_key_check", SQL_NONE, &row, &found, why);
  if (status == RIDGE_OK && found)
    return why_set(why, RIDGE_CORRUPT, "catalog %s: rows refer to rows that are not there",
                   c->path);
  return status;
}

/* In one transaction: whoever comes second finds it done.  References are checked at
 * the end, since a migration may have to rebuild a table others refer to. */
static ridge_status make_current(struct catalog *c, struct why *why) {
  ridge_status status = sql_script(c, "PRAGMA foreign_keys = OFF", why);
  if (status == RIDGE_OK) status = sql_begin(c, why);
  if (status != RIDGE_OK) return status;
  struct stamp stamp;
  status = read_stamp_inside(c, &stamp, why);
  if (status == RIDGE_OK) status = check_stamp(c, &stamp, why);
  if (status == RIDGE_OK && stamp.version < catalog_version()) {
    status = bring_up(c, &stamp, why);
    if (status == RIDGE_OK) status = no_broken_reference(c, why);
  }
  status = sql_end(c, status, why);
  return status == RIDGE_OK ? sql_script(c, "PRAGMA foreign_keys = ON", why) : status;
}

/* Changing the journal does not go through the busy handler in every case. */
static ridge_status use_wal(struct catalog *c, struct why *why) {
  char *mode = NULL;
  ridge_status status = RIDGE_OK;
  for (int tries = 0;; tries++) {
    status = sql_get_text(c, "PRAGMA journal_mode = WAL", SQL_NONE, &mode, why);
    if (status == RIDGE_OK || (sqlite3_errcode(c->db) & 0xff) != SQLITE_BUSY) break;
    if (sql_wait_turn(c, tries) == 0) break;
  }
  if (status == RIDGE_OK && (mode == NULL || strcmp(mode, "wal") != 0))
    status =
        why_set(why, RIDGE_UNSUPPORTED,
                "catalog %s: this file system cannot do write-ahead logging (the journal "
                "stays `%s`); put the catalog on a local disk with --catalog",
                c->path, mode != NULL ? mode : "?");
  free(mode);
  return status;
}

static ridge_status open_for_writing(struct catalog *c, const struct stamp *stamp,
                                     struct why *why) {
  ridge_status status = use_wal(c, why);
  if (status == RIDGE_OK && stamp->version < catalog_version())
    status = make_current(c, why);
  if (status == RIDGE_OK) status = catalog_load_techniques(c, why);
  if (status == RIDGE_OK) status = catalog_close_stale(c, why);
  return status;
}

static ridge_status open_for_reading(const struct catalog *c, const struct stamp *stamp,
                                     struct why *why) {
  if (is_empty(stamp))
    return why_set(why, RIDGE_IO,
                   "catalog %s is empty, and the file cannot be written; use another "
                   "--catalog",
                   c->path);
  if (stamp->version == catalog_version()) return RIDGE_OK;
  return why_set(why, RIDGE_IO,
                 "catalog %s has version %" PRId64 " and this ridge needs %" PRId64
                 ", but the file cannot be written: copy it to where you may write",
                 c->path, stamp->version, catalog_version());
}

/* Set up and looked at. */
static ridge_status look_inside(struct catalog *c, struct stamp *stamp, struct why *why) {
  ridge_status status = set_up(c, why);
  if (status == RIDGE_OK) status = read_stamp(c, stamp, why);
  return status == RIDGE_OK ? check_stamp(c, stamp, why) : status;
}

static bool is_larger_than_nothing(const char *path, const char *ending) {
  char beside[CATALOG_PATH_ROOM + 8];
  struct stat found;
  snprintf(beside, sizeof beside, "%s%s", path, ending);
  return stat(beside, &found) == 0 && found.st_size > 0;
}

/* A file in WAL is read through its log and the log's index, which SQLite has to make
 * beside it, even to read, if nobody has them open.  Where nothing can be made (a folder
 * without write permission, a disk mounted to be read), the file is complete without a
 * log, and immutable=1 reads it as it stands: no log, no locks.  That is right only while
 * there is no log: one that is there holds the newest runs, and immutable would quietly
 * leave them out.  A writer who comes meanwhile, from an account that may write, writes
 * to its log and not to this file until its log is full; a read that still met a change
 * would say that the file is damaged, and be right the next time. */
static ridge_status open_fixed(struct catalog *c, struct stamp *stamp, struct why *why) {
  if (is_larger_than_nothing(c->path, "-wal"))
    return why_set(why, RIDGE_IO,
                   "catalog %s: its newest entries are in %s-wal, which can be read only "
                   "where its folder can be written; copy the two files together to where "
                   "you may write, and name the copy with --catalog",
                   c->path, c->path);
  int code = open_immutable(c);
  return code == SQLITE_OK ? look_inside(c, stamp, why) : sql_fail(c, code, why);
}

/* Does the last failure mean that something beside the file could not be made? */
static bool lacks_permission(const struct catalog *c) {
  int code = sqlite3_errcode(c->db) & 0xff;
  return access(c->path, R_OK) == 0 && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY);
}

static ridge_status cannot_be_written(const struct catalog *c, struct why *why) {
  return why_set(
      why, RIDGE_IO,
      "catalog %s cannot be written; give write permission to the file and its folder, or "
      "use another --catalog",
      c->path);
}

/* Not every obstacle shows before something is written: what lies beside the file may be
 * somebody else's. */
static ridge_status try_to_write(struct catalog *c, struct why *why) {
  ridge_status status = sql_begin(c, why);
  return status == RIDGE_OK ? sql_end(c, status, why) : status;
}

/* Who came to read needs nothing written, neither a newer literature nor the ends of runs
 * left behind: a disk that is full or refuses may keep them waiting. */
static ridge_status open_current(struct catalog *c, enum catalog_mode mode,
                                 const struct stamp *stamp, struct why *why) {
  ridge_status status = open_for_writing(c, stamp, why);
  if (status == RIDGE_OK && mode == CATALOG_WRITE) status = try_to_write(c, why);
  bool readable = mode == CATALOG_READ && stamp->version == catalog_version();
  if (status != RIDGE_IO || !readable) return status;
  c->read_only = true;
  why->text[0] = 0;
  return RIDGE_OK;
}

static ridge_status open_all(struct catalog *c, enum catalog_mode mode, struct why *why) {
  struct stamp stamp;
  int code = open_file(c);
  if (code != SQLITE_OK) return sql_fail(c, code, why);
  ridge_status status = look_inside(c, &stamp, why);
  if (status != RIDGE_OK && lacks_permission(c))
    status = mode == CATALOG_READ ? open_fixed(c, &stamp, why) : cannot_be_written(c, why);
  if (status != RIDGE_OK) return status;
  c->read_only = sqlite3_db_readonly(c->db, "main") == 1;
  if (c->read_only && mode == CATALOG_WRITE) return cannot_be_written(c, why);
  return c->read_only ? open_for_reading(c, &stamp, why)
                      : open_current(c, mode, &stamp, why);
}

ridge_status catalog_open(const char *path, enum catalog_mode mode, struct catalog **out,
                          struct why *why) {
  *out = NULL;
  ridge_status status = look_at_file(path, why);
  if (status != RIDGE_OK) return status;
  struct catalog *c = calloc(1, sizeof *c);
  if (c == NULL || (c->path = strdup(path)) == NULL) {
    free(c);
    return why_set(why, RIDGE_NO_MEMORY, "no memory to open catalog %s", path);
  }
  status = open_all(c, mode, why);
  if (status == RIDGE_OK)
    *out = c;
  else
    catalog_close(c);
  return status;
}
