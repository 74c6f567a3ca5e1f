/*
 * catalog_query.c - free SQL that can only read, and the named questions.
 *
 * Two locks: an authorizer that lets nothing but reading be compiled, and
 * `query_only`, under which SQLite itself refuses to write.
 */
#include "catalog_inside.h"
#include "catalog_read.h"

#include "base/clock.h"
#include "base/near.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What may be compiled --------------------------------------------------------------- */

static const char *const plain_pragmas[] = {
    "table_info",        "table_xinfo",     "table_list",
    "index_list",        "index_info",      "index_xinfo",
    "collation_list",    "database_list",   "foreign_key_list",
    "function_list",     "integrity_check", "quick_check",
    "foreign_key_check", "compile_options", NULL,
};
/* With a value they would change the file. */
static const char *const asked_pragmas[] = {
    "user_version",   "application_id", "page_count", "page_size",
    "freelist_count", "journal_mode",   NULL};

static bool among(const char *const *names, const char *name) {
  for (; name != NULL && *names != NULL; names++)
    if (sqlite3_stricmp(*names, name) == 0) return true;
  return false;
}

static int only_reads(void *ctx, int action, const char *a, const char *b,
                      const char *database, const char *source) {
  (void)ctx;
  (void)database;
  (void)source;
  switch (action) {
  case SQLITE_SELECT:
  case SQLITE_READ:
  case SQLITE_RECURSIVE: return SQLITE_OK;
  /* A table-valued function declares itself by this; a real UPDATE of the schema needs
   * a writable one, and would not count as read-only either. */
  case SQLITE_UPDATE:
    return a != NULL && strcmp(a, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
  case SQLITE_FUNCTION:
    return sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
  case SQLITE_PRAGMA:
    return among(plain_pragmas, a) || (b == NULL && among(asked_pragmas, a)) ? SQLITE_OK
                                                                             : SQLITE_DENY;
  default: return SQLITE_DENY;
  }
}

/* Preparing -------------------------------------------------------------------------- */

static ridge_status refuse_sql(struct catalog *c, int code, struct why *why) {
  if ((code & 0xff) == SQLITE_AUTH)
    return why_set(why, RIDGE_INVALID, "the query was refused: it may only read");
  if ((code & 0xff) == SQLITE_MISMATCH)
    return why_set(why, RIDGE_INVALID,
                   "the query: a text or a fraction stands where a whole number has to be, "
                   "such as after LIMIT");
  if ((code & 0xff) != SQLITE_ERROR) return sql_fail(c, code, why);
  int at = sqlite3_error_offset(c->db);
  if (at < 0) return why_set(why, RIDGE_INVALID, "the query: %s", sqlite3_errmsg(c->db));
  return why_set(why, RIDGE_INVALID, "the query, at character %d: %s", at + 1,
                 sqlite3_errmsg(c->db));
}

static ridge_status prepare_one(struct catalog *c, const char *sql, sqlite3_stmt **stmt,
                                struct why *why) {
  const char *tail = sql;
  int code = sqlite3_prepare_v2(c->db, sql, -1, stmt, &tail);
  if (code != SQLITE_OK) return refuse_sql(c, code, why);
  if (*stmt == NULL) return why_set(why, RIDGE_INVALID, "the query is empty");
  sqlite3_stmt *second = NULL;
  code = sqlite3_prepare_v2(c->db, tail, -1, &second, NULL);
  sqlite3_finalize(second);
  if (code != SQLITE_OK || second != NULL)
    return why_set(why, RIDGE_INVALID,
                   "one query at a time, please; after the first `;` comes more");
  if (!sqlite3_stmt_readonly(*stmt))
    return why_set(why, RIDGE_INVALID, "the query was refused: it may only read");
  return RIDGE_OK;
}

static int bind_json(sqlite3_stmt *stmt, int at, const json_t *value) {
  if (json_is_integer(value))
    return sqlite3_bind_int64(stmt, at, json_integer_value(value));
  if (json_is_real(value)) return sqlite3_bind_double(stmt, at, json_real_value(value));
  if (json_is_string(value))
    return sqlite3_bind_text64(stmt, at, json_string_value(value),
                               json_string_length(value), SQLITE_TRANSIENT, SQLITE_UTF8);
  return sqlite3_bind_null(stmt, at);
}

static ridge_status bind_all(struct catalog *c, sqlite3_stmt *stmt,
                             const json_t *parameters, struct why *why) {
  const char *name;
  json_t *value;
  for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
    name = sqlite3_bind_parameter_name(stmt, i);
    if (name == NULL || name[0] == '?')
      return why_set(why, RIDGE_INVALID, "parameters need names: `:name` instead of `?`");
    value = json_object_get(parameters, name + 1);
    if (value == NULL)
      return why_set(why, RIDGE_INVALID,
                     "the query's parameter `%s` was not given; use --param %s=VALUE", name,
                     name + 1);
    int code = bind_json(stmt, i, value);
    if (code != SQLITE_OK) return sql_fail(c, code, why);
  }
  json_object_foreach((json_t *)(uintptr_t)parameters, name, value) {
    char tagged[128];
    snprintf(tagged, sizeof tagged, ":%s", name);
    if (sqlite3_bind_parameter_index(stmt, tagged) == 0)
      return why_set(why, RIDGE_INVALID, "the query has no parameter `:%s`", name);
  }
  return RIDGE_OK;
}

/* Rows ------------------------------------------------------------------------------- */

static bool say_columns(sqlite3_stmt *stmt, const struct catalog_sink *sink) {
  json_t *names = json_array();
  for (int i = 0; i < sqlite3_column_count(stmt); i++) {
    json_t *name = json_string(sqlite3_column_name(stmt, i));
    json_array_append_new(names, name != NULL ? name : json_string("?"));
  }
  bool more = sink->columns(sink->ctx, names);
  json_decref(names);
  return more;
}

static bool say_row(sqlite3_stmt *stmt, const struct catalog_sink *sink) {
  json_t *cells = json_array();
  for (int i = 0; i < sqlite3_column_count(stmt); i++)
    json_array_append_new(cells, sql_column_json(stmt, i));
  bool more = sink->row(sink->ctx, cells);
  json_decref(cells);
  return more;
}

/* A question that runs away (a recursion without end) is stopped. */
#define PATIENCE_NS (UINT64_C(60) * 1000000000)

static int past_deadline(void *deadline) {
  return clock_ns() > *(const uint64_t *)deadline;
}

static ridge_status say_rows(struct catalog *c, sqlite3_stmt *stmt,
                             const struct catalog_sink *sink, struct why *why) {
  bool more = say_columns(stmt, sink);
  while (more) {
    int code = sqlite3_step(stmt);
    if (code == SQLITE_DONE) break;
    if (code == SQLITE_INTERRUPT)
      return why_set(
          why, RIDGE_CANCELLED,
          "the question was not answered within 60 s and was stopped; a LIMIT or a "
          "narrower WHERE helps");
    if (code != SQLITE_ROW) return refuse_sql(c, code, why);
    more = say_row(stmt, sink);
  }
  return RIDGE_OK;
}

ridge_status catalog_query(struct catalog *c, const char *sql, const json_t *parameters,
                           const struct catalog_sink *sink, struct catalog_cost *cost,
                           struct why *why) {
  sqlite3_stmt *stmt = NULL;
  uint64_t start = clock_ns();
  ridge_status status = sql_script(c, "PRAGMA query_only = ON", why);
  if (status != RIDGE_OK) return status;
  sqlite3_set_authorizer(c->db, only_reads, NULL);
  uint64_t deadline = clock_ns() + PATIENCE_NS;
  sqlite3_progress_handler(c->db, 100000, past_deadline, &deadline);
  status = prepare_one(c, sql, &stmt, why);
  if (status == RIDGE_OK) status = bind_all(c, stmt, parameters, why);
  if (status == RIDGE_OK) status = say_rows(c, stmt, sink, why);
  if (cost != NULL && stmt != NULL)
    cost->steps = sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
  if (cost != NULL) cost->ns = clock_ns() - start;
  sqlite3_finalize(stmt);
  sqlite3_progress_handler(c->db, 0, NULL, NULL);
  sqlite3_set_authorizer(c->db, NULL, NULL);
  struct why second;
  ridge_status back =
      sql_script(c, "PRAGMA query_only = OFF", status == RIDGE_OK ? why : &second);
  return status != RIDGE_OK ? status : back;
}

/* Questions -------------------------------------------------------------------------- */

#define FOLDER "questions/"

static bool is_question(const struct embedded_file *file) {
  return strncmp(file->name, FOLDER, strlen(FOLDER)) == 0;
}

size_t catalog_question_count(void) {
  size_t n = 0;
  for (size_t i = 0; i < embedded_count; i++) n += is_question(&embedded_files[i]);
  return n;
}

/* "questions/front.sql" is "front". */
struct catalog_question catalog_question_at(size_t wanted) {
  struct catalog_question question = {0};
  for (size_t i = 0, n = 0; i < embedded_count; i++) {
    if (!is_question(&embedded_files[i]) || n++ != wanted) continue;
    const char *base = embedded_files[i].name + strlen(FOLDER);
    snprintf(question.name, sizeof question.name, "%.*s", (int)strcspn(base, "."), base);
    question.sql = embedded_files[i].data;
  }
  return question;
}

bool catalog_question_find(const char *name, struct catalog_question *out) {
  for (size_t i = 0; i < catalog_question_count(); i++) {
    *out = catalog_question_at(i);
    if (strcmp(out->name, name) == 0) return true;
  }
  return false;
}

json_t *catalog_typed(const char *text) {
  char *end;
  if (strcmp(text, "null") == 0) return json_null();
  errno = 0;
  intmax_t whole = strtoimax(text, &end, 10);
  if (end != text && *end == 0 && errno == 0) return json_integer(whole);
  double real = strtod(text, &end);
  if (end != text && *end == 0 && isfinite(real)) return json_real(real);
  json_t *value = json_string(text);
  return value != NULL ? value : json_null();
}

/* "-- :last = 2000   look at so many": a row of the parameters; line without "-- ". */
static json_t *parameter_row(char *line) {
  char *name = line + 1, *at = name + strcspn(name, " =");
  json_t *fallback = NULL;
  char *rest = at;
  rest += strspn(rest, " ");
  if (*rest == '=') {
    rest += 1 + strspn(rest + 1, " ");
    size_t n = strcspn(rest, " ");
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)n, rest);
    fallback = catalog_typed(word);
    rest += n;
  }
  *at = 0;
  rest += strspn(rest, " ");
  return json_pack("{s:s, s:o, s:b, s:s}", "name", name, "default",
                   fallback != NULL ? fallback : json_null(), "required", fallback == NULL,
                   "doc", rest);
}

json_t *catalog_question_help(const struct catalog_question *question) {
  json_t *parameters = json_array();
  char help[2048] = "";
  for (const char *at = question->sql; strncmp(at, "--", 2) == 0;) {
    char line[512];
    size_t n = strcspn(at, "\n");
    const char *text = at + 2 + strspn(at + 2, " ");
    snprintf(line, sizeof line, "%.*s", (int)(at + n - text), text);
    if (line[0] == ':')
      json_array_append_new(parameters, parameter_row(line));
    else
      snprintf(help + strlen(help), sizeof help - strlen(help), "%s%s",
               help[0] != 0 ? " " : "", line);
    at += n + (at[n] == '\n');
  }
  return json_pack("{s:s, s:s, s:o}", "name", question->name, "help", help, "parameters",
                   parameters);
}

static bool names_a_run(const char *parameter) {
  return strcmp(parameter, "run") == 0 || strcmp(parameter, "a") == 0 ||
         strcmp(parameter, "b") == 0;
}

static ridge_status refuse_parameter(const struct catalog_question *question,
                                     const json_t *rows, const char *name,
                                     struct why *why) {
  const char *names[32];
  size_t n = 0;
  for (; n < json_array_size(rows) && n < 32; n++)
    names[n] = text_or(json_array_get(rows, n), "name", "");
  const char *near = near_of(name, names, n);
  return why_set(why, RIDGE_INVALID, "question `%s` has no parameter `%s`%s%s%s",
                 question->name, name, near != NULL ? "; did you mean `" : "",
                 near != NULL ? near : "", near != NULL ? "`?" : "");
}

static ridge_status refuse_value(const struct catalog_question *question, const char *name,
                                 const json_t *value, const char *wanted, struct why *why) {
  char *text = json_dumps(value, JSON_ENCODE_ANY);
  ridge_status status =
      why_set(why, RIDGE_INVALID, "parameter `%s` of question `%s` is %s; it takes %s",
              name, question->name, text != NULL ? text : "no text", wanted);
  free(text);
  return status;
}

/* The value of one parameter: given or default, runs as row numbers. */
static ridge_status settle(struct catalog *c, const struct catalog_question *question,
                           const json_t *row, const json_t *given, json_t *out,
                           struct why *why) {
  const char *name = text_or(row, "name", "");
  json_t *value = json_object_get(given, name);
  if (value == NULL && json_is_true(json_object_get(row, "required")))
    return why_set(why, RIDGE_INVALID, "question `%s` needs --param %s=VALUE: %s",
                   question->name, name, text_or(row, "doc", ""));
  const json_t *fallback = json_object_get(row, "default");
  if (value == NULL) value = json_object_get(row, "default");
  if (json_is_integer(fallback) && !json_is_integer(value))
    return refuse_value(question, name, value, "a whole number", why);
  if (json_is_real(fallback) && !json_is_number(value))
    return refuse_value(question, name, value, "a number", why);
  if (names_a_run(name) && json_is_string(value)) {
    int64_t run;
    ridge_status status = catalog_run_find(c, json_string_value(value), &run, why);
    if (status != RIDGE_OK) return status;
    json_object_set_new(out, name, json_integer(run));
    return RIDGE_OK;
  }
  json_object_set(out, name, value);
  return RIDGE_OK;
}

static ridge_status settle_all(struct catalog *c, const struct catalog_question *question,
                               const json_t *given, json_t *out, struct why *why) {
  json_t *help = catalog_question_help(question);
  const json_t *rows = json_object_get(help, "parameters"), *row;
  ridge_status status = RIDGE_OK;
  size_t i;
  json_array_foreach(rows, i, row) {
    status = settle(c, question, row, given, out, why);
    if (status != RIDGE_OK) break;
  }
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)given, name, value) {
    if (status == RIDGE_OK && json_object_get(out, name) == NULL)
      status = refuse_parameter(question, rows, name, why);
  }
  json_decref(help);
  return status;
}

ridge_status catalog_ask(struct catalog *c, const struct catalog_question *question,
                         const json_t *parameters, const struct catalog_sink *sink,
                         struct catalog_cost *cost, struct why *why) {
  json_t *settled = json_object();
  ridge_status status = settle_all(c, question, parameters, settled, why);
  if (status == RIDGE_OK)
    status = catalog_query(c, question->sql, settled, sink, cost, why);
  json_decref(settled);
  return status;
}
