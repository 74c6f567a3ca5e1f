/* catalog_report.c - what a worker reports while its run goes on. */
#include "catalog_inside.h"

#include "base/canon.h"
#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Every report is one transaction around one of the functions below. */
#define IN_TRANSACTION(c, why, work)                                                       \
  do {                                                                                     \
    ridge_status begun = sql_begin((c), (why));                                            \
    if (begun != RIDGE_OK) return begun;                                                   \
    return sql_end((c), (work), (why));                                                    \
  } while (0)

/* SQLite would store NaN as NULL without a word. */
static struct sql_value finite_or_null(double value) {
  return isfinite(value) ? SQL_REAL(value) : SQL_NULL;
}

static struct sql_value odd_name(double value) {
  if (isfinite(value)) return SQL_NULL;
  return SQL_TEXT(isnan(value) ? "nan" : value > 0 ? "+inf" : "-inf");
}

static ridge_status sample_row(struct catalog *c, int64_t run, const char *metric,
                               int64_t repeat, double value, struct why *why) {
  int64_t id;
  ridge_status status = metric_row(c, metric, &id, why);
  if (status != RIDGE_OK) return status;
  status = sql_do(c,
                  "INSERT INTO sample (run_id, metric_id, repeat, value, odd) "
                  "VALUES (?1, ?2, ?3, ?4, ?5)",
                  SQL_ARGS(SQL_INT(run), SQL_INT(id), SQL_INT(repeat),
                           finite_or_null(value), odd_name(value)),
                  why);
  if (status == RIDGE_OK) return status;
  return why_prefix(why, status, "metric `%s`, repeat %" PRId64, metric, repeat);
}

ridge_status catalog_run_sample(struct catalog *c, int64_t run, const char *metric,
                                int64_t repeat, double value, struct why *why) {
  IN_TRANSACTION(c, why, sample_row(c, run, metric, repeat, value, why));
}

static ridge_status point_row(struct catalog *c, int64_t run,
                              const struct catalog_point *point, struct why *why) {
  int64_t id;
  ridge_status status = metric_row(c, point->series, &id, why);
  if (status != RIDGE_OK) return status;
  status = sql_do(
      c,
      "INSERT INTO point (run_id, metric_id, step, value, odd) VALUES (?1, ?2, ?3, ?4, ?5)",
      SQL_ARGS(SQL_INT(run), SQL_INT(id), SQL_INT(point->step),
               finite_or_null(point->value), odd_name(point->value)),
      why);
  if (status == RIDGE_OK) return status;
  return why_prefix(why, status, "series `%s`, step %" PRId64, point->series, point->step);
}

static ridge_status point_rows(struct catalog *c, int64_t run,
                               const struct catalog_point *points, size_t n,
                               struct why *why) {
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && i < n; i++)
    status = point_row(c, run, &points[i], why);
  return status;
}

ridge_status catalog_run_points(struct catalog *c, int64_t run,
                                const struct catalog_point *points, size_t n,
                                struct why *why) {
  if (n == 0) return RIDGE_OK;
  IN_TRANSACTION(c, why, point_rows(c, run, points, n, why));
}

static ridge_status input_row(struct catalog *c, int64_t run, const json_t *message,
                              struct why *why) {
  const char *role, *name, *path, *digest;
  int64_t bytes;
  ridge_status status = want_text(message, "role", "an input", &role, why);
  if (status == RIDGE_OK) status = want_text(message, "name", "an input", &name, why);
  if (status == RIDGE_OK) status = want_text(message, "path", "an input", &path, why);
  if (status == RIDGE_OK) status = want_text(message, "digest", "an input", &digest, why);
  if (status == RIDGE_OK) status = want_int(message, "bytes", "an input", &bytes, why);
  if (status != RIDGE_OK) return status;
  status = sql_do(c,
                  "INSERT INTO input (run_id, role, name, path, digest, bytes, modified) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                  "ON CONFLICT DO NOTHING",
                  SQL_ARGS(SQL_INT(run), SQL_TEXT(role), SQL_TEXT(name), SQL_TEXT(path),
                           SQL_TEXT(digest), SQL_INT(bytes),
                           SQL_ID(int_or(message, "modified", 0))),
                  why);
  return status == RIDGE_OK ? status
                            : why_prefix(why, status, "input `%s` (%s)", name, role);
}

ridge_status catalog_run_input(struct catalog *c, int64_t run, const json_t *message,
                               struct why *why) {
  IN_TRANSACTION(c, why, input_row(c, run, message, why));
}

ridge_status catalog_run_input_read(struct catalog *c, int64_t run, const char *role,
                                    const char *path, const char *digest, struct why *why) {
  IN_TRANSACTION(
      c, why,
      sql_do(c,
             "UPDATE input SET digest = ?4 WHERE run_id = ?1 AND role = ?2 AND "
             "path = ?3 AND digest = ''",
             SQL_ARGS(SQL_INT(run), SQL_TEXT(role), SQL_TEXT(path), SQL_TEXT(digest)),
             why));
}

static ridge_status text_row(struct catalog *c, int64_t run, const json_t *message,
                             struct why *why) {
  int64_t repeat, sequence;
  const json_t *list = json_object_get(message, "tokens");
  ridge_status status = want_int(message, "repeat", "a text", &repeat, why);
  if (status == RIDGE_OK) status = want_int(message, "sequence", "a text", &sequence, why);
  if (status != RIDGE_OK) return status;
  char *tokens = json_is_array(list) ? canon_text(list) : strdup("[]");
  status =
      sql_do(c,
             "INSERT INTO run_text (run_id, repeat, sequence, prompt, text, tokens, stop) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
             SQL_ARGS(SQL_INT(run), SQL_INT(repeat), SQL_INT(sequence),
                      SQL_TEXT(text_or(message, "prompt", "")),
                      SQL_TEXT(text_or(message, "text", "")), SQL_TEXT(tokens),
                      SQL_TEXT(text_or(message, "stop", ""))),
             why);
  free(tokens);
  return status;
}

ridge_status catalog_run_text(struct catalog *c, int64_t run, const json_t *message,
                              struct why *why) {
  IN_TRANSACTION(c, why, text_row(c, run, message, why));
}

static ridge_status detail_row(struct catalog *c, int64_t run, const json_t *plan,
                               struct why *why) {
  char *text = canon_text(plan);
  struct digest digest = digest_bytes(text, strlen(text));
  int64_t id;
  ridge_status status =
      sql_intern(c, "SELECT detail_id FROM detail WHERE digest = ?1",
                 "INSERT INTO detail (digest, detail) VALUES (?1, ?2)",
                 SQL_ARGS(SQL_TEXT(digest.hex), SQL_TEXT(text)), &id, why);
  free(text);
  if (status != RIDGE_OK) return status;
  return sql_do(c, "UPDATE run SET detail_id = ?2 WHERE run_id = ?1",
                SQL_ARGS(SQL_INT(run), SQL_INT(id)), why);
}

ridge_status catalog_run_detail(struct catalog *c, int64_t run, const json_t *plan,
                                struct why *why) {
  IN_TRANSACTION(c, why, detail_row(c, run, plan, why));
}

static ridge_status event_row(struct catalog *c, int64_t run, const char *level,
                              const char *place, const char *text, struct why *why) {
  return sql_do(
      c, "INSERT INTO event (run_id, at, level, place, text) VALUES (?1, ?2, ?3, ?4, ?5)",
      SQL_ARGS(SQL_INT(run), SQL_INT(clock_utc_us()), SQL_TEXT(level), SQL_TEXT(place),
               SQL_TEXT(text)),
      why);
}

ridge_status catalog_run_event(struct catalog *c, int64_t run, const char *level,
                               const char *place, const char *text, struct why *why) {
  IN_TRANSACTION(c, why, event_row(c, run, level, place, text, why));
}

/* Strategies ------------------------------------------------------------------------- */

static ridge_status evidence_rows(struct catalog *c, int64_t run, int64_t plugin,
                                  const json_t *list, struct why *why) {
  const json_t *row;
  size_t i;
  json_array_foreach(list, i, row) {
    const char *name;
    int64_t count;
    ridge_status status = want_text(row, "name", "evidence", &name, why);
    if (status == RIDGE_OK) status = want_int(row, "count", "evidence", &count, why);
    if (status == RIDGE_OK)
      status = sql_do(c,
                      "INSERT INTO evidence (run_id, plugin_id, name, unit, count, least) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      SQL_ARGS(SQL_INT(run), SQL_INT(plugin), SQL_TEXT(name),
                               SQL_TEXT(text_or(row, "unit", "")), SQL_INT(count),
                               SQL_INT(int_or(row, "least", 0))),
                      why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status strategy_row(struct catalog *c, int64_t run, const json_t *row,
                                 struct why *why) {
  const char *id, *reason = text_or(row, "reason", "");
  int64_t plugin;
  bool found = false;
  ridge_status status = want_text(row, "id", "a strategy's report", &id, why);
  if (status == RIDGE_OK)
    status =
        sql_get_int(c,
                    "SELECT p.plugin_id "
                    "FROM composition c JOIN plugin p USING (plugin_id) WHERE c.run_id = "
                    "?1 AND p.name = ?2",
                    SQL_ARGS(SQL_INT(run), SQL_TEXT(id)), &plugin, &found, why);
  if (status == RIDGE_OK && !found)
    status = why_set(why, RIDGE_INVALID, "`%s` reports, but took no part in run %" PRId64,
                     id, run);
  if (status == RIDGE_OK)
    status = sql_do(
        c,
        "UPDATE composition SET engaged = ?3, inert = ?4, calls = ?5, declined = ?6, "
        "reason = ?7, time_ns = ?8, bytes_peak = ?9 WHERE run_id = ?1 AND plugin_id = ?2",
        SQL_ARGS(SQL_INT(run), SQL_INT(plugin),
                 SQL_INT(json_is_true(json_object_get(row, "engaged"))),
                 SQL_INT(json_is_true(json_object_get(row, "inert"))),
                 SQL_INT(int_or(row, "calls", 0)), SQL_INT(int_or(row, "declined", 0)),
                 SQL_TEXT(reason[0] != 0 ? reason : NULL),
                 json_is_integer(json_object_get(row, "time_ns"))
                     ? SQL_INT(int_or(row, "time_ns", 0))
                     : SQL_NULL,
                 SQL_INT(int_or(row, "bytes_peak", 0))),
        why);
  if (status != RIDGE_OK) return status;
  return evidence_rows(c, run, plugin, json_object_get(row, "evidence"), why);
}

static ridge_status strategy_rows(struct catalog *c, int64_t run, const json_t *report,
                                  struct why *why) {
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(report); i++)
    status = strategy_row(c, run, json_array_get(report, i), why);
  return status;
}

ridge_status catalog_run_strategies(struct catalog *c, int64_t run, const json_t *report,
                                    struct why *why) {
  IN_TRANSACTION(c, why, strategy_rows(c, run, report, why));
}

/* Operators -------------------------------------------------------------------------- */

/* A count that may come as a real, or not at all. */
static struct sql_value count_of(const json_t *row, const char *key) {
  const json_t *value = json_object_get(row, key);
  if (json_is_integer(value)) return SQL_INT(json_integer_value(value));
  double real = json_number_value(value);
  if (!json_is_real(value) || !(real >= 0 && real < 0x1p63)) return SQL_NULL;
  return SQL_INT((int64_t)real);
}

static ridge_status operator_row(struct catalog *c, int64_t run, int64_t position,
                                 const json_t *row, struct why *why) {
  return sql_do(
      c,
      "INSERT INTO operator (run_id, phase, position, name, op, kind, kernel, calls, ns, "
      "bytes, streamed, flops, narrow) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
      SQL_ARGS(SQL_INT(run), SQL_TEXT(text_or(row, "phase", "?")), SQL_INT(position),
               SQL_TEXT(text_or(row, "name", "?")), SQL_TEXT(text_or(row, "op", "?")),
               SQL_TEXT(text_or(row, "kind", "?")), SQL_TEXT(text_or(row, "kernel", "?")),
               SQL_INT(int_or(row, "calls", 0)), SQL_INT(int_or(row, "ns", 0)),
               count_of(row, "bytes"), count_of(row, "streamed"), count_of(row, "flops"),
               SQL_INT(json_is_true(json_object_get(row, "narrow")))),
      why);
}

static ridge_status operator_rows(struct catalog *c, int64_t run, const json_t *nodes,
                                  struct why *why) {
  const json_t *row;
  size_t i;
  json_array_foreach(nodes, i, row) {
    ridge_status status = operator_row(c, run, (int64_t)i, row, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

ridge_status catalog_run_operators(struct catalog *c, int64_t run, const json_t *nodes,
                                   struct why *why) {
  IN_TRANSACTION(c, why, operator_rows(c, run, nodes, why));
}

static ridge_status stage_rows(struct catalog *c, int64_t run, const json_t *stages,
                               struct why *why) {
  const json_t *row;
  size_t i;
  json_array_foreach(stages, i, row) {
    ridge_status status = sql_do(
        c,
        "INSERT INTO stage (run_id, phase, steps, rows, wanted, depth, reach, model_ns, "
        "step_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        SQL_ARGS(SQL_INT(run), SQL_TEXT(text_or(row, "phase", "?")),
                 SQL_INT(int_or(row, "steps", 0)), SQL_INT(int_or(row, "rows", 0)),
                 SQL_INT(int_or(row, "wanted", 0)), SQL_INT(int_or(row, "depth", 0)),
                 SQL_INT(int_or(row, "reach", 0)), SQL_INT(int_or(row, "model_ns", 0)),
                 SQL_INT(int_or(row, "step_ns", 0))),
        why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

ridge_status catalog_run_stages(struct catalog *c, int64_t run, const json_t *stages,
                                struct why *why) {
  IN_TRANSACTION(c, why, stage_rows(c, run, stages, why));
}
