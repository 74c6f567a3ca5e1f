/* catalog_read.c - runs, techniques and claims read back as JSON. */
#include "catalog_read.h"
#include "catalog_inside.h"

#include "base/near.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Finding ---------------------------------------------------------------------------- */

enum { LEAST_PREFIX = 4 };

static bool is_number(const char *text) {
  return text[0] != 0 && text[strspn(text, "0123456789")] == 0;
}

/* Each way to name a run, in this order; ?1 is what was typed. */
static const char *const ways[] = {
    "SELECT run_id FROM run WHERE uid = ?1",
    "SELECT max(run_id) FROM run WHERE name = ?1",
    "SELECT max(run_id) FROM run WHERE ?1 = 'last'",
};

static ridge_status find_prefix(struct catalog *c, const char *what, int64_t *run,
                                bool *found, struct why *why) {
  json_t *rows = NULL;
  *found = false;
  if (strlen(what) < LEAST_PREFIX || strlen(what) > 26) return RIDGE_OK;
  /* "~" comes after every letter of a uid, so this is a range of the index. */
  ridge_status status =
      sql_rows(c, "SELECT run_id, uid FROM run WHERE uid >= ?1 AND uid < ?1 || '~' LIMIT 2",
               SQL_ARGS(SQL_TEXT(what)), &rows, why);
  if (status == RIDGE_OK && json_array_size(rows) > 1)
    status = why_set(why, RIDGE_INVALID,
                     "`%s` begins the uid of several runs; type more of it", what);
  *found = status == RIDGE_OK && json_array_size(rows) == 1;
  if (*found) *run = int_or(json_array_get(rows, 0), "run_id", 0);
  json_decref(rows);
  return status;
}

static ridge_status find_number(struct catalog *c, const char *what, int64_t *run,
                                bool *found, struct why *why) {
  return sql_get_int(c, "SELECT run_id FROM run WHERE run_id = CAST(?1 AS INTEGER)",
                     SQL_ARGS(SQL_TEXT(what)), run, found, why);
}

/* A name that `what` may be a slip of, among those of the newest runs. */
static bool near_run(struct catalog *c, const char *what, char near[128]) {
  enum { NAMES = 1000 };
  const char *names[NAMES] = {"last"};
  size_t n = 1, i;
  json_t *rows = NULL, *row;
  struct why unread;
  ridge_status status = sql_rows(c,
                                 "SELECT name FROM run WHERE run_id > (SELECT max(run_id) "
                                 "FROM run) - 999 GROUP BY name",
                                 SQL_NONE, &rows, &unread);
  if (status == RIDGE_OK)
    json_array_foreach(rows, i, row) {
      if (n < NAMES) names[n++] = text_or(row, "name", "");
    }
  const char *found = is_number(what) ? NULL : near_of(what, names, n);
  if (found != NULL) snprintf(near, 128, "%s", found);
  json_decref(rows);
  return found != NULL;
}

static ridge_status refuse_run(struct catalog *c, const char *what, struct why *why) {
  bool found;
  int64_t newest;
  ridge_status status =
      sql_get_int(c, "SELECT max(run_id) FROM run", SQL_NONE, &newest, &found, why);
  if (status != RIDGE_OK) return status;
  if (!found)
    return why_set(why, RIDGE_INVALID, "there is no run `%s`: catalog %s has no runs yet",
                   what, c->path);
  char near[128];
  if (near_run(c, what, near))
    return why_set(why, RIDGE_INVALID, "there is no run `%s`; did you mean `%s`?", what,
                   near);
  return why_set(why, RIDGE_INVALID,
                 "there is no run `%s`; give a number up to %" PRId64
                 ", a uid or the start of one, a name, or `last` (see `ridge runs`)",
                 what, newest);
}

ridge_status catalog_run_find(struct catalog *c, const char *what, int64_t *run,
                              struct why *why) {
  bool found = false;
  ridge_status status = is_number(what) && strlen(what) < 19
                            ? find_number(c, what, run, &found, why)
                            : RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && !found && i < sizeof ways / sizeof *ways; i++)
    status = sql_get_int(c, ways[i], SQL_ARGS(SQL_TEXT(what)), run, &found, why);
  if (status == RIDGE_OK && !found) status = find_prefix(c, what, run, &found, why);
  return status != RIDGE_OK || found ? status : refuse_run(c, what, why);
}

/* Lists ------------------------------------------------------------------------------ */

ridge_status catalog_runs(struct catalog *c, const struct catalog_filter *filter,
                          json_t **out, struct why *why) {
  struct text sql = text_new(1 << 16);
  text_add(
      &sql,
      "SELECT run_id AS run, uid, name, phase, status, why, started, seconds, strategies, "
      "prefill_tps, decode_tps, perplexity, peak_rss_bytes, cpu AS machine, "
      "version || iif(git = '', '', ' ' || substr(git, 1, 12)) AS program "
      "FROM run_summary WHERE 1");
  if (filter->name != NULL) text_add(&sql, " AND name = ?1");
  if (filter->status != NULL) text_add(&sql, " AND status = ?2");
  if (filter->recipe != NULL)
    text_add(&sql,
             " AND run_id IN (SELECT r.run_id FROM run r JOIN recipe c USING (recipe_id)"
             " WHERE c.name = ?3 OR substr(c.digest, 1, max(8, length(?3))) = ?3)");
  text_add(&sql, " ORDER BY run_id DESC LIMIT ?4");
  ridge_status status = sql_rows(c, sql.data,
                                 SQL_ARGS(SQL_TEXT(filter->name), SQL_TEXT(filter->status),
                                          SQL_TEXT(filter->recipe),
                                          SQL_INT(filter->limit > 0 ? filter->limit : -1)),
                                 out, why);
  text_free(&sql);
  return status;
}

/* One run ---------------------------------------------------------------------------- */

/* The rows of show/NAME.sql. */
static ridge_status look(struct catalog *c, const char *name, const struct sql_value *args,
                         json_t **out, struct why *why) {
  char path[64];
  snprintf(path, sizeof path, "show/%s.sql", name);
  const struct embedded_file *file = embedded_find(path);
  if (file == NULL)
    return why_set(why, RIDGE_INTERNAL, "this build lacks catalog/%s", path);
  return sql_rows(c, file->data, args, out, why);
}

/* What hangs on a run: one row or many, and only on request where it is large. */
static const struct section {
  const char *name;
  bool one;
  unsigned part;
} sections[] = {
    {"recipe", true, 0},
    {"machine", true, 0},
    {"program", true, 0},
    {"strategies", false, 0},
    {"parts", false, 0},
    {"settings", false, 0},
    {"inputs", false, 0},
    {"diagnostics", false, 0},
    {"events", false, 0},
    {"notes", false, 0},
    {"texts", false, CATALOG_TEXTS},
    {"operators", false, CATALOG_OPERATORS},
    {"stages", false, CATALOG_OPERATORS},
    {"calibration", true, CATALOG_OPERATORS}, /* that of the plan, or the newest */
    {"plan", true, CATALOG_PLAN},
    {"points", false, CATALOG_POINTS},
};

static ridge_status add_section(struct catalog *c, int64_t run,
                                const struct section *section, json_t *to,
                                struct why *why) {
  json_t *rows = NULL;
  ridge_status status = look(c, section->name, SQL_ARGS(SQL_INT(run)), &rows, why);
  if (status != RIDGE_OK) return status;
  json_t *value = section->one ? json_incref(json_array_get(rows, 0)) : json_incref(rows);
  json_object_set_new(to, section->name, value != NULL ? value : json_null());
  json_decref(rows);
  return RIDGE_OK;
}

static json_t *repeat_of(const json_t *row) {
  json_t *repeat = json_object();
  json_object_set(repeat, "repeat", json_object_get(row, "repeat"));
  json_object_set(repeat, "value", json_object_get(row, "value"));
  if (text_or(row, "odd", NULL) != NULL)
    json_object_set(repeat, "odd", json_object_get(row, "odd"));
  return repeat;
}

/* Rows by metric and repeat become metrics with their repeats.  (SQLite's own JSON
 * would round a value to 15 digits.) */
static json_t *grouped_metrics(const json_t *rows) {
  static const char *const shared[] = {"name", "unit", "better", "steady", "median"};
  json_t *metrics = json_array(), *metric = NULL;
  const json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    if (metric == NULL ||
        strcmp(text_or(metric, "name", ""), text_or(row, "name", "")) != 0) {
      metric = json_object();
      for (size_t k = 0; k < sizeof shared / sizeof *shared; k++)
        json_object_set(metric, shared[k], json_object_get(row, shared[k]));
      json_object_set_new(metric, "repeats", json_array());
      json_array_append_new(metrics, metric);
    }
    json_array_append_new(json_object_get(metric, "repeats"), repeat_of(row));
  }
  return metrics;
}

static ridge_status add_metrics(struct catalog *c, int64_t run, int64_t least_repeat,
                                json_t *to, struct why *why) {
  json_t *rows = NULL;
  ridge_status status =
      look(c, "metrics", SQL_ARGS(SQL_INT(run), SQL_INT(least_repeat)), &rows, why);
  if (status != RIDGE_OK) return status;
  json_object_set_new(to, "metrics", grouped_metrics(rows));
  json_decref(rows);
  return RIDGE_OK;
}

static ridge_status one_row(struct catalog *c, const char *name, int64_t run, json_t **out,
                            struct why *why) {
  json_t *rows = NULL;
  *out = NULL;
  ridge_status status = look(c, name, SQL_ARGS(SQL_INT(run)), &rows, why);
  if (status != RIDGE_OK) return status;
  *out = json_incref(json_array_get(rows, 0));
  json_decref(rows);
  if (*out == NULL) return why_set(why, RIDGE_INVALID, "there is no run %" PRId64, run);
  return RIDGE_OK;
}

ridge_status catalog_show(struct catalog *c, int64_t run, unsigned parts, json_t **out,
                          struct why *why) {
  ridge_status status = one_row(c, "run", run, out, why);
  if (status != RIDGE_OK) return status;
  status = add_metrics(c, run, INT64_MIN, *out, why);
  for (size_t i = 0; status == RIDGE_OK && i < sizeof sections / sizeof *sections; i++)
    if (sections[i].part == 0 || (sections[i].part & parts) != 0)
      status = add_section(c, run, &sections[i], *out, why);
  if (status == RIDGE_OK) return RIDGE_OK;
  json_decref(*out);
  *out = NULL;
  return status;
}

ridge_status catalog_samples(struct catalog *c, int64_t run, json_t **out,
                             struct why *why) {
  ridge_status status = one_row(c, "sampled", run, out, why);
  if (status == RIDGE_OK) status = add_metrics(c, run, 0, *out, why);
  if (status == RIDGE_OK) return RIDGE_OK;
  json_decref(*out);
  *out = NULL;
  return status;
}

/* Differences ------------------------------------------------------------------------ */

struct gathering {
  json_t *names, *rows;
};

static bool gather_names(void *ctx, const json_t *names) {
  ((struct gathering *)ctx)->names = json_deep_copy(names);
  return true;
}

static bool gather_row(void *ctx, const json_t *cells) {
  struct gathering *g = ctx;
  json_t *row = json_object();
  for (size_t i = 0; i < json_array_size(cells); i++)
    json_object_set(row, json_string_value(json_array_get(g->names, i)),
                    json_array_get(cells, i));
  json_array_append_new(g->rows, row);
  return true;
}

ridge_status catalog_diff(struct catalog *c, int64_t a, int64_t b, json_t **out,
                          struct why *why) {
  struct catalog_question question;
  *out = NULL;
  if (!catalog_question_find("differs", &question))
    return why_set(why, RIDGE_INTERNAL, "this build lacks catalog/questions/differs.sql");
  struct gathering g = {.rows = json_array()};
  const struct catalog_sink sink = {&g, gather_names, gather_row};
  json_t *parameters = json_pack("{s:I, s:I}", "a", (json_int_t)a, "b", (json_int_t)b);
  ridge_status status = catalog_ask(c, &question, parameters, &sink, NULL, why);
  json_decref(parameters);
  json_decref(g.names);
  if (status == RIDGE_OK)
    *out = g.rows;
  else
    json_decref(g.rows);
  return status;
}

/* The literature --------------------------------------------------------------------- */

ridge_status catalog_claims(struct catalog *c, const char *technique, json_t **out,
                            struct why *why) {
  return look(c, "claims", SQL_ARGS(SQL_TEXT(technique)), out, why);
}

/* One technique asked for by name also gets its claims as rows. */
ridge_status catalog_techniques(struct catalog *c, const char *id, json_t **out,
                                struct why *why) {
  ridge_status status = look(c, "techniques", SQL_ARGS(SQL_TEXT(id)), out, why);
  if (status != RIDGE_OK || id == NULL || json_array_size(*out) == 0) return status;
  json_t *claims = NULL;
  status = catalog_claims(c, id, &claims, why);
  if (status == RIDGE_OK) {
    json_object_set_new(json_array_get(*out, 0), "claims", claims);
    return RIDGE_OK;
  }
  json_decref(*out);
  *out = NULL;
  return status;
}
