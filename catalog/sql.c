/* sql.c - statements, rows and transactions, with sentences instead of codes. */
#include "sql.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WAIT_SECONDS = 60 };

/* SQLite's codes that mean the same to a user share a status and a hint. */
static const struct meaning {
  int code;
  ridge_status status;
  const char *hint;
} meanings[] = {
    {SQLITE_BUSY, RIDGE_IO,
     "another process has been writing for a minute; end it, or use another --catalog"},
    {SQLITE_LOCKED, RIDGE_INTERNAL,
     "this process is still reading what it wants to change"},
    {SQLITE_NOMEM, RIDGE_NO_MEMORY, "free some memory"},
    {SQLITE_READONLY, RIDGE_IO,
     "it cannot be written: give write permission to the file, to what lies beside it "
     "(-wal, -shm) and to the folder, or use another --catalog"},
    {SQLITE_IOERR, RIDGE_IO,
     "the disk or the file system refused; look at the system's log"},
    {SQLITE_CANTOPEN, RIDGE_IO,
     "look at the path and its permissions, or use another --catalog"},
    {SQLITE_FULL, RIDGE_IO, "the disk is full; make room and try again"},
    {SQLITE_CORRUPT, RIDGE_CORRUPT,
     "the file is damaged; `sqlite3 FILE .recover` can save what is readable"},
    {SQLITE_NOTADB, RIDGE_CORRUPT, "this is no SQLite database; use another --catalog"},
    {SQLITE_CONSTRAINT, RIDGE_INVALID, NULL},
    {SQLITE_TOOBIG, RIDGE_INVALID, "a text is longer than SQLite can hold"},
    {SQLITE_INTERRUPT, RIDGE_CANCELLED, NULL},
    {SQLITE_AUTH, RIDGE_INVALID, "a query may only read"},
};

static const struct meaning *meaning_of(int code) {
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].code == (code & 0xff)) return &meanings[i];
  return NULL;
}

/* What ridge asks for is in every catalog of its version, unless a stranger took it out. */
static ridge_status tables_differ(const struct catalog *c, const char *said,
                                  struct why *why) {
  return why_set(
      why, RIDGE_CORRUPT,
      "catalog %s: %s; another program has changed its tables, or it is damaged: "
      "take an older copy, or use another --catalog",
      c->path, said);
}

ridge_status sql_fail(struct catalog *c, int code, struct why *why) {
  const struct meaning *meaning = meaning_of(code);
  const char *said = c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(code);
  if (code == SQLITE_ERROR && strncmp(said, "no such ", 8) == 0)
    return tables_differ(c, said, why);
  if (meaning == NULL)
    return why_set(why, RIDGE_INTERNAL, "catalog %s: %s (SQLite code %d)", c->path, said,
                   code);
  if (meaning->hint == NULL)
    return why_set(why, meaning->status, "catalog %s: %s", c->path, said);
  return why_set(why, meaning->status, "catalog %s: %s; %s", c->path, said, meaning->hint);
}

int sql_wait_turn(void *catalog, int tries) {
  struct catalog *c = catalog;
  uint64_t now = clock_ns();
  if (tries == 0) c->waiting_since = now;
  if (now - c->waiting_since > (uint64_t)WAIT_SECONDS * 1000000000u) return 0;
  /* Longer and longer, up to 32 ms, and never in step with the other waiters. */
  uint32_t random = 0;
  sqlite3_randomness(sizeof random, &random);
  uint32_t most_us = 500u << (tries < 6 ? tries : 6);
  struct timespec nap = {.tv_nsec = (long)(250 + random % most_us) * 1000};
  nanosleep(&nap, NULL);
  return 1;
}

static int bind(sqlite3_stmt *stmt, int at, const struct sql_value *value) {
  switch (value->kind) {
  case SQL_IS_INT: return sqlite3_bind_int64(stmt, at, value->i);
  case SQL_IS_REAL: return sqlite3_bind_double(stmt, at, value->r);
  case SQL_IS_TEXT:
    return sqlite3_bind_text64(stmt, at, value->t, value->size, SQLITE_STATIC, SQLITE_UTF8);
  case SQL_IS_NULL:
  case SQL_END: break;
  }
  return sqlite3_bind_null(stmt, at);
}

/* Prepared and bound; `args` end with SQL_END. */
static int prepare(struct catalog *c, const char *sql, const struct sql_value *args,
                   sqlite3_stmt **stmt) {
  int code = sqlite3_prepare_v2(c->db, sql, -1, stmt, NULL);
  for (int i = 0; code == SQLITE_OK && args[i].kind != SQL_END; i++)
    code = bind(*stmt, i + 1, &args[i]);
  return code;
}

static ridge_status finish(struct catalog *c, sqlite3_stmt *stmt, int code,
                           struct why *why) {
  ridge_status status = RIDGE_OK;
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
    status = sql_fail(c, code, why);
  sqlite3_finalize(stmt);
  return status;
}

ridge_status sql_do(struct catalog *c, const char *sql, const struct sql_value *args,
                    struct why *why) {
  sqlite3_stmt *stmt = NULL;
  int code = prepare(c, sql, args, &stmt);
  if (code == SQLITE_OK) do
      code = sqlite3_step(stmt);
    while (code == SQLITE_ROW);
  return finish(c, stmt, code, why);
}

ridge_status sql_get_int(struct catalog *c, const char *sql, const struct sql_value *args,
                         int64_t *out, bool *found, struct why *why) {
  sqlite3_stmt *stmt = NULL;
  int code = prepare(c, sql, args, &stmt);
  if (code == SQLITE_OK) code = sqlite3_step(stmt);
  *found = code == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
  *out = *found ? sqlite3_column_int64(stmt, 0) : 0;
  return finish(c, stmt, code, why);
}

ridge_status sql_get_text(struct catalog *c, const char *sql, const struct sql_value *args,
                          char **out, struct why *why) {
  sqlite3_stmt *stmt = NULL;
  *out = NULL;
  int code = prepare(c, sql, args, &stmt);
  if (code == SQLITE_OK) code = sqlite3_step(stmt);
  if (code == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
    const unsigned char *text = sqlite3_column_text(stmt, 0);
    *out = text == NULL ? NULL : strdup((const char *)text);
    if (*out == NULL) code = SQLITE_NOMEM;
  }
  return finish(c, stmt, code, why);
}

/* Text that a stranger may have put there: repaired where it is not UTF-8. */
static json_t *json_text(const char *bytes, size_t size) {
  json_t *text = json_stringn(bytes, size);
  if (text != NULL) return text;
  struct text quoted = text_new((size_t)1 << 30);
  text_quote(&quoted, bytes, size);
  text = json_loadb(quoted.data, quoted.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  text_free(&quoted);
  return text != NULL ? text : json_string("(not readable as text)");
}

static json_t *json_blob(const unsigned char *bytes, size_t size) {
  struct text hex = text_new((size_t)1 << 30);
  for (size_t i = 0; i < size; i++) text_format(&hex, "%02x", bytes[i]);
  json_t *text = json_string(hex.data);
  text_free(&hex);
  return text;
}

json_t *sql_column_json(sqlite3_stmt *stmt, int column) {
  double real;
  switch (sqlite3_column_type(stmt, column)) {
  case SQLITE_INTEGER: return json_integer(sqlite3_column_int64(stmt, column));
  case SQLITE_FLOAT:
    real = sqlite3_column_double(stmt, column);
    if (isfinite(real)) return json_real(real);
    return json_string(real > 0 ? "+inf" : "-inf");
  case SQLITE_TEXT: {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text == NULL ? json_null()
                        : json_text(text, (size_t)sqlite3_column_bytes(stmt, column));
  }
  case SQLITE_BLOB: {
    const unsigned char *blob = sqlite3_column_blob(stmt, column);
    return json_blob(blob, blob == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, column));
  }
  default: return json_null();
  }
}

#define JSON_ENDING "$json"

/* "detail$json" holds JSON: parsed, and the name without the ending. */
static void put_column(json_t *row, sqlite3_stmt *stmt, int column) {
  const char *name = sqlite3_column_name(stmt, column);
  if (name == NULL) return;
  size_t length = strlen(name), ending = strlen(JSON_ENDING);
  if (length <= ending || strcmp(name + length - ending, JSON_ENDING) != 0) {
    json_object_set_new(row, name, sql_column_json(stmt, column));
    return;
  }
  char plain[128];
  snprintf(plain, sizeof plain, "%.*s", (int)(length - ending), name);
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  json_t *value = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
  json_object_set_new(row, plain, value != NULL ? value : json_null());
}

ridge_status sql_rows(struct catalog *c, const char *sql, const struct sql_value *args,
                      json_t **out, struct why *why) {
  sqlite3_stmt *stmt = NULL;
  json_t *rows = json_array();
  int code = prepare(c, sql, args, &stmt);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(stmt);
    if (code != SQLITE_ROW) break;
    json_t *row = json_object();
    for (int i = 0; i < sqlite3_column_count(stmt); i++) put_column(row, stmt, i);
    if (json_array_append_new(rows, row) != 0) code = SQLITE_NOMEM;
  }
  ridge_status status = finish(c, stmt, code, why);
  if (status != RIDGE_OK) {
    json_decref(rows);
    rows = NULL;
  }
  *out = rows;
  return status;
}

ridge_status sql_script(struct catalog *c, const char *sql, struct why *why) {
  int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? RIDGE_OK : sql_fail(c, code, why);
}

ridge_status sql_begin(struct catalog *c, struct why *why) {
  if (c->read_only)
    return why_set(why, RIDGE_IO,
                   "catalog %s cannot be written; give write permission to the file and "
                   "its folder, or "
                   "use another --catalog",
                   c->path);
  return sql_script(c, "BEGIN IMMEDIATE", why);
}

ridge_status sql_end(struct catalog *c, ridge_status status, struct why *why) {
  if (status == RIDGE_OK) status = sql_script(c, "COMMIT", why);
  /* A failed COMMIT leaves the transaction open; some errors have already closed it. */
  if (status != RIDGE_OK && sqlite3_get_autocommit(c->db) == 0)
    sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
  return status;
}

ridge_status sql_intern(struct catalog *c, const char *select, const char *insert,
                        const struct sql_value *args, int64_t *id, struct why *why) {
  bool found = false;
  const struct sql_value *key = SQL_ARGS(args[0]);
  ridge_status status = sql_get_int(c, select, key, id, &found, why);
  if (status != RIDGE_OK || found) return status;
  status = sql_do(c, insert, args, why);
  *id = sqlite3_last_insert_rowid(c->db);
  return status;
}
