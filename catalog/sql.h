/*
 * sql.h - the few shapes in which the catalog talks to SQLite.  Internal to the catalog.
 *
 * Arguments are a list of typed values, bound to ?1, ?2 ... in order:
 *   sql_do(c, "UPDATE run SET why = ?2 WHERE run_id = ?1", SQL_ARGS(SQL_INT(id),
 * SQL_TEXT(why)), why) Texts are not copied: they have to live until the call returns.
 */
#ifndef RIDGE_CATALOG_SQL_H
#define RIDGE_CATALOG_SQL_H

#include "base/why.h"

#include <jansson.h>
#include <sqlite3.h>
#include <string.h>

struct catalog {
  sqlite3 *db;
  char *path;
  bool read_only;
  uint64_t waiting_since; /* clock_ns at the first refusal by another writer */
};

enum sql_kind { SQL_END, SQL_IS_NULL, SQL_IS_INT, SQL_IS_REAL, SQL_IS_TEXT };
struct sql_value {
  enum sql_kind kind;
  int64_t i;
  double r;
  const char *t;
  size_t size; /* of t */
};
static inline struct sql_value sql_value_int(int64_t i) {
  return (struct sql_value){.kind = SQL_IS_INT, .i = i};
}
static inline struct sql_value sql_value_id(int64_t id) { /* 0: NULL */
  return (struct sql_value){.kind = id == 0 ? SQL_IS_NULL : SQL_IS_INT, .i = id};
}
static inline struct sql_value sql_value_real(double r) {
  return (struct sql_value){.kind = SQL_IS_REAL, .r = r};
}
static inline struct sql_value sql_value_text(const char *t) { /* NULL: NULL */
  return (struct sql_value){.kind = t == NULL ? SQL_IS_NULL : SQL_IS_TEXT,
                            .t = t,
                            .size = t == NULL ? 0 : strlen(t)};
}
static inline struct sql_value sql_value_slice(const char *t, size_t size) {
  return (struct sql_value){.kind = SQL_IS_TEXT, .t = t, .size = size};
}
#define SQL_INT(v)      sql_value_int(v)
#define SQL_ID(v)       sql_value_id(v)
#define SQL_REAL(v)     sql_value_real(v)
#define SQL_TEXT(v)     sql_value_text(v)
#define SQL_SLICE(v, n) sql_value_slice((v), (n))
#define SQL_NULL        ((struct sql_value){.kind = SQL_IS_NULL})
#define SQL_ARGS(...)   ((const struct sql_value[]){__VA_ARGS__, {.kind = SQL_END}})
#define SQL_NONE        ((const struct sql_value[]){{.kind = SQL_END}})

/* A status and a sentence from SQLite's last error on this connection; `doing` is what
 * was being done: "the run could not be ended". */
ridge_status sql_fail(struct catalog *, int code, struct why *why);

/* One statement whose rows do not matter. */
RIDGE_MUST ridge_status sql_do(struct catalog *, const char *sql, const struct sql_value *,
                               struct why *why);
/* The first column of the first row; RIDGE_OK with *found false when there is none or
 * it is NULL. */
RIDGE_MUST ridge_status sql_get_int(struct catalog *, const char *sql,
                                    const struct sql_value *, int64_t *out, bool *found,
                                    struct why *why);
/* The same as a text that the caller frees; NULL when there is none. */
RIDGE_MUST ridge_status sql_get_text(struct catalog *, const char *sql,
                                     const struct sql_value *, char **out, struct why *why);
/* All rows as an array of objects by column name.  A column whose name ends in "$json"
 * is parsed and loses the ending. */
RIDGE_MUST ridge_status sql_rows(struct catalog *, const char *sql,
                                 const struct sql_value *, json_t **out, struct why *why);
/* Several statements without arguments, as in a file. */
RIDGE_MUST ridge_status sql_script(struct catalog *, const char *sql, struct why *why);
/* One value of the current row as JSON; invalid UTF-8 becomes U+FFFD, a blob its
 * hexadecimal digits, a number that is not finite its name. */
json_t *sql_column_json(sqlite3_stmt *, int column);

/* A short transaction that waits its turn:
 *   status = sql_begin(c, why); if (status == RIDGE_OK) status = sql_end(c, work(...),
 * why); */
RIDGE_MUST ridge_status sql_begin(struct catalog *, struct why *why);
RIDGE_MUST ridge_status sql_end(struct catalog *, ridge_status status, struct why *why);

/* The row whose `key` column holds `value`, made by `insert` when it is not there yet;
 * `insert` has to take `value` as ?1. */
RIDGE_MUST ridge_status sql_intern(struct catalog *, const char *select, const char *insert,
                                   const struct sql_value *, int64_t *id, struct why *why);

/* For SQLite: wait for other processes, up to a minute. */
int sql_wait_turn(void *catalog, int tries);

#endif
