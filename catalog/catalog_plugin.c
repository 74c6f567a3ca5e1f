/*
 * catalog_plugin.c - built versions of plugins, what they measure and claim, and how
 * fast machines are.
 */
#include "catalog_inside.h"

#include "base/canon.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdlib.h>

/* A plugin's own metrics carry its id: "kv.paged.waste", as the worker samples them. */
static ridge_status metric_rows(struct catalog *c, const char *plugin,
                                const json_t *description, struct why *why) {
  const json_t *metrics = json_object_get(description, "metrics"), *row;
  ridge_status status = RIDGE_OK;
  size_t i;
  json_array_foreach(metrics, i, row) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", plugin, text_or(row, "name", "?"));
    const struct catalog_metric metric = {
        .name = name,
        .unit = text_or(row, "unit", ""),
        .doc = text_or(row, "doc", ""),
        .better = (int)int_or(row, "better", 0),
    };
    status = metric_define(c, &metric, why);
    if (status != RIDGE_OK) break;
  }
  return status;
}

static ridge_status claim_row(struct catalog *c, int64_t technique, int64_t plugin,
                              const char *name, const json_t *claim, struct why *why) {
  struct text label = text_new(256);
  struct digest digest = canon_digest(claim);
  text_format(&label, "%s/%s", name, text_or(claim, "id", "?"));
  ridge_status status =
      sql_do(c,
             "INSERT INTO claim (technique_id, plugin_id, label, statement, metric, "
             "conditions, kind, lo, hi, trust, source, digest) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'ratio', ?7, ?8, 'secondary', ?9, ?10) "
             "ON CONFLICT (technique_id, digest) DO UPDATE SET retired = 0, plugin_id = "
             "excluded.plugin_id",
             SQL_ARGS(SQL_INT(technique), SQL_INT(plugin), SQL_TEXT(label.data),
                      SQL_TEXT(text_or(claim, "statement", "")),
                      SQL_TEXT(text_or(claim, "metric", "")),
                      SQL_TEXT(text_or(claim, "conditions", NULL)),
                      SQL_REAL(json_number_value(json_object_get(claim, "ratio_lo"))),
                      SQL_REAL(json_number_value(json_object_get(claim, "ratio_hi"))),
                      SQL_TEXT(text_or(claim, "source", "")), SQL_TEXT(digest.hex)),
             why);
  text_free(&label);
  return status;
}

/* The claims of this build stand in the place of those of other builds. */
static ridge_status claim_rows(struct catalog *c, int64_t technique, int64_t plugin,
                               const char *name, const json_t *description,
                               struct why *why) {
  if (technique == 0) return RIDGE_OK;
  ridge_status status = sql_do(c,
                               "UPDATE claim SET retired = 1 WHERE plugin_id IN (SELECT "
                               "plugin_id FROM plugin WHERE name = ?1)",
                               SQL_ARGS(SQL_TEXT(name)), why);
  const json_t *claims = json_object_get(description, "claims");
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(claims); i++)
    status = claim_row(c, technique, plugin, name, json_array_get(claims, i), why);
  return status;
}

static ridge_status write_plugin(struct catalog *c, const char *build,
                                 const json_t *description, const char *text, int64_t *id,
                                 struct why *why) {
  const char *name, *kind, *version;
  int64_t technique = 0;
  bool found;
  ridge_status status = want_text(description, "id", "a plugin's description", &name, why);
  if (status == RIDGE_OK) status = want_text(description, "kind", name, &kind, why);
  if (status == RIDGE_OK) status = want_text(description, "version", name, &version, why);
  if (status == RIDGE_OK)
    status = sql_get_int(c, "SELECT technique_id FROM technique WHERE name = ?1",
                         SQL_ARGS(SQL_TEXT(text_or(description, "technique", NULL))),
                         &technique, &found, why);
  if (status == RIDGE_OK)
    status =
        sql_do(c,
               "INSERT INTO plugin (name, kind, version, build, technique_id, "
               "description, first_seen) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
               "ON CONFLICT (build) DO UPDATE SET description = excluded.description, "
               "technique_id = excluded.technique_id",
               SQL_ARGS(SQL_TEXT(name), SQL_TEXT(kind), SQL_TEXT(version), SQL_TEXT(build),
                        SQL_ID(technique), SQL_TEXT(text), SQL_INT(clock_utc_us())),
               why);
  if (status == RIDGE_OK)
    status = sql_get_int(c, "SELECT plugin_id FROM plugin WHERE build = ?1",
                         SQL_ARGS(SQL_TEXT(build)), id, &found, why);
  if (status == RIDGE_OK) status = metric_rows(c, name, description, why);
  if (status == RIDGE_OK) status = claim_rows(c, technique, *id, name, description, why);
  return status;
}

ridge_status plugin_row(struct catalog *c, const char *build, const json_t *description,
                        int64_t *id, struct why *why) {
  if (build == NULL || description == NULL)
    return why_set(why, RIDGE_INVALID,
                   "a plugin for the catalog lacks its build or description");
  char *text = canon_text(description);
  bool found;
  ridge_status status =
      sql_get_int(c, "SELECT plugin_id FROM plugin WHERE build = ?1 AND description = ?2",
                  SQL_ARGS(SQL_TEXT(build), SQL_TEXT(text)), id, &found, why);
  if (status == RIDGE_OK && !found)
    status = write_plugin(c, build, description, text, id, why);
  free(text);
  return status;
}

/* The registry's cache --------------------------------------------------------------- */

static json_t *cache_get(void *ctx, const char *build) {
  struct why why;
  char *text = NULL;
  if (sql_get_text(ctx, "SELECT description FROM plugin WHERE build = ?1",
                   SQL_ARGS(SQL_TEXT(build)), &text, &why) != RIDGE_OK ||
      text == NULL)
    return NULL;
  json_t *description = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  free(text);
  return description;
}

static void cache_put(void *ctx, const char *build, const json_t *description) {
  struct why why;
  int64_t id;
  if (sql_begin(ctx, &why) != RIDGE_OK) return;
  ridge_status status = plugin_row(ctx, build, description, &id, &why);
  status = sql_end(ctx, status, &why);
  (void)status;
}

static char *cache_get_problem(void *ctx, const struct plugin_file *file) {
  struct why why;
  char *problem = NULL;
  if (sql_get_text(
          ctx,
          "SELECT problem FROM unusable WHERE path = ?1 AND build = ?2 AND bytes = "
          "?3 AND modified = ?4 AND judge = ?5",
          SQL_ARGS(SQL_TEXT(file->path), SQL_TEXT(file->build), SQL_INT(file->bytes),
                   SQL_INT(file->modified_ns), SQL_TEXT(file->judge)),
          &problem, &why) != RIDGE_OK)
    return NULL;
  return problem;
}

static void cache_put_problem(void *ctx, const struct plugin_file *file,
                              const char *sentence) {
  struct why why;
  if (sql_begin(ctx, &why) != RIDGE_OK) return;
  ridge_status status = sql_do(ctx, "DELETE FROM unusable WHERE path = ?1",
                               SQL_ARGS(SQL_TEXT(file->path)), &why);
  if (status == RIDGE_OK && sentence != NULL)
    status = sql_do(
        ctx,
        "INSERT INTO unusable (path, build, bytes, modified, judge, problem, at) VALUES "
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        SQL_ARGS(SQL_TEXT(file->path), SQL_TEXT(file->build), SQL_INT(file->bytes),
                 SQL_INT(file->modified_ns), SQL_TEXT(file->judge), SQL_TEXT(sentence),
                 SQL_INT(clock_utc_us())),
        &why);
  status = sql_end(ctx, status, &why);
  (void)status;
}

struct registry_cache catalog_registry_cache(struct catalog *c) {
  return (struct registry_cache){.ctx = c,
                                 .get = cache_get,
                                 .put = cache_put,
                                 .get_problem = cache_get_problem,
                                 .put_problem = cache_put_problem};
}

/* Calibration ------------------------------------------------------------------------ */

ridge_status catalog_calibration_get(struct catalog *c, const json_t *machine, int threads,
                                     struct catalog_calibration *out, struct why *why) {
  struct digest digest = canon_digest(machine);
  json_t *rows = NULL;
  *out = (struct catalog_calibration){0};
  ridge_status status = sql_rows(
      c,
      "SELECT b.calibration_id, b.measured, b.speed AS \"speed$json\" "
      "FROM calibration b JOIN machine m USING (machine_id) WHERE m.digest = ?1 "
      "AND (?2 = 0 OR (SELECT min(p.value ->> 0) <= ?2 AND max(p.value ->> 0) >= ?2 "
      "                FROM json_each(b.speed, '$.flops') p)) "
      "ORDER BY b.measured DESC, b.calibration_id DESC LIMIT 1",
      SQL_ARGS(SQL_TEXT(digest.hex), SQL_INT(threads)), &rows, why);
  if (status == RIDGE_OK && json_array_size(rows) == 1) {
    const json_t *row = json_array_get(rows, 0);
    out->speed = json_incref(json_object_get(row, "speed"));
    out->id = int_or(row, "calibration_id", 0);
    out->measured = int_or(row, "measured", 0);
  }
  json_decref(rows);
  return status;
}

ridge_status catalog_calibration_put(struct catalog *c, const json_t *machine,
                                     const json_t *speed, struct why *why) {
  int64_t id;
  ridge_status status = sql_begin(c, why);
  if (status != RIDGE_OK) return status;
  char *text = canon_text(speed);
  status = machine_row(c, machine, &id, why);
  if (status == RIDGE_OK)
    status = sql_do(
        c, "INSERT INTO calibration (machine_id, measured, speed) VALUES (?1, ?2, ?3)",
        SQL_ARGS(SQL_INT(id), SQL_INT(clock_utc_us()), SQL_TEXT(text)), why);
  free(text);
  return sql_end(c, status, why);
}
