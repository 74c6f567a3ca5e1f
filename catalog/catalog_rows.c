/*
 * catalog_rows.c - what runs share: machines, programs, recipes, plans, metrics.
 *
 * Each is named by the digest of its content and written once.
 */
#include "catalog_inside.h"

#include "base/canon.h"
#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

ridge_status machine_row(struct catalog *c, const json_t *machine, int64_t *id,
                         struct why *why) {
  char *facts = canon_text(machine);
  struct digest digest = digest_bytes(facts, strlen(facts));
  const json_t *quota = json_object_get(machine, "quota");
  ridge_status status = sql_intern(
      c, "SELECT machine_id FROM machine WHERE digest = ?1",
      "INSERT INTO machine (digest, hostname, cpu, features, kernel, libc, governor, "
      "cores, threads, quota, memory_bytes, facts, first_seen) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
      SQL_ARGS(SQL_TEXT(digest.hex), SQL_TEXT(text_or(machine, "hostname", NULL)),
               SQL_TEXT(text_or(machine, "cpu", "unknown")),
               SQL_TEXT(text_or(machine, "features", NULL)),
               SQL_TEXT(text_or(machine, "kernel", NULL)),
               SQL_TEXT(text_or(machine, "libc", NULL)),
               SQL_TEXT(text_or(machine, "governor", NULL)),
               SQL_INT(int_or(machine, "cores", 0)), SQL_INT(int_or(machine, "threads", 0)),
               SQL_REAL(json_number_value(quota)),
               SQL_INT(int_or(machine, "memory_bytes", 0)), SQL_TEXT(facts),
               SQL_INT(clock_utc_us())),
      id, why);
  free(facts);
  return status;
}

ridge_status program_row(struct catalog *c, const json_t *program, int64_t *id,
                         struct why *why) {
  struct digest digest = canon_digest(program);
  return sql_intern(
      c, "SELECT program_id FROM program WHERE digest = ?1",
      "INSERT INTO program (digest, version, git, patch, compiler, flags, first_seen) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      SQL_ARGS(SQL_TEXT(digest.hex), SQL_TEXT(text_or(program, "version", "")),
               SQL_TEXT(text_or(program, "commit", "")),
               SQL_TEXT(text_or(program, "patch", "")),
               SQL_TEXT(text_or(program, "compiler", "")),
               SQL_TEXT(text_or(program, "flags", "")), SQL_INT(clock_utc_us())),
      id, why);
}

ridge_status recipe_row(struct catalog *c, const char *name, const char *text, int64_t *id,
                        struct why *why) {
  struct digest digest = digest_bytes(text, strlen(text));
  return sql_intern(c, "SELECT recipe_id FROM recipe WHERE digest = ?1",
                    "INSERT INTO recipe (digest, name, text) VALUES (?1, ?2, ?3)",
                    SQL_ARGS(SQL_TEXT(digest.hex), SQL_TEXT(name), SQL_TEXT(text)), id,
                    why);
}

/* What a composition's digest is of (compose_emit.c): how often it is measured stays
 * out, so that a run with more repeats has the same plan.  A new reference. */
static json_t *essence(const json_t *composition) {
  json_t *copy = json_deep_copy(composition), *settings = json_object_get(copy, "settings"),
         *value;
  const char *name;
  void *next;
  json_object_foreach_safe(settings, next, name, value)
    if (strncmp(name, "measure.", 8) == 0) json_object_del(settings, name);
  return copy;
}

/* The composition's digest when strategy `i` is left out. */
static struct digest digest_without(const json_t *composition, size_t i) {
  json_t *copy = essence(composition);
  json_array_remove(json_object_get(copy, "strategies"), i);
  struct digest digest = canon_digest(copy);
  json_decref(copy);
  return digest;
}

static ridge_status ablation_rows(struct catalog *c, const struct catalog_asked *asked,
                                  struct why *why) {
  const json_t *strategies = json_object_get(asked->composition, "strategies");
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(strategies); i++) {
    struct digest without = digest_without(asked->composition, i);
    const char *name;
    status = want_text(json_array_get(strategies, i), "id", "a strategy", &name, why);
    if (status == RIDGE_OK)
      status =
          sql_do(c, "INSERT INTO ablation (composition, name, without) VALUES (?1, ?2, ?3)",
                 SQL_ARGS(SQL_TEXT(asked->composition_digest), SQL_TEXT(name),
                          SQL_TEXT(without.hex)),
                 why);
  }
  return status;
}

ridge_status plan_row(struct catalog *c, const struct catalog_asked *asked, int64_t *id,
                      struct why *why) {
  bool found;
  ridge_status status =
      sql_get_int(c, "SELECT plan_id FROM plan WHERE composition = ?1",
                  SQL_ARGS(SQL_TEXT(asked->composition_digest)), id, &found, why);
  if (status != RIDGE_OK || found) return status;
  json_t *part = essence(asked->composition);
  char *resolved = canon_text(part);
  json_decref(part);
  struct digest digest = digest_bytes(resolved, strlen(resolved));
  if (strcmp(digest.hex, asked->composition_digest) != 0)
    status =
        why_set(why, RIDGE_INTERNAL,
                "the composition's digest is %.12s, but its canonical text has %.12s: no "
                "ablation would ever be found",
                asked->composition_digest, digest.hex);
  if (status == RIDGE_OK)
    status = sql_do(
        c, "INSERT INTO plan (composition, task, resolved) VALUES (?1, ?2, ?3)",
        SQL_ARGS(SQL_TEXT(digest.hex), SQL_TEXT(asked->task_digest), SQL_TEXT(resolved)),
        why);
  free(resolved);
  if (status != RIDGE_OK) return status;
  *id = sqlite3_last_insert_rowid(c->db);
  return ablation_rows(c, asked, why);
}

ridge_status metric_define(struct catalog *c, const struct catalog_metric *m,
                           struct why *why) {
  const struct sql_value *args =
      SQL_ARGS(SQL_TEXT(m->name), SQL_TEXT(m->unit), SQL_TEXT(m->doc), SQL_INT(m->better),
               SQL_INT(m->steady));
  bool found;
  int64_t same;
  ridge_status status = sql_get_int(
      c,
      "SELECT 1 "
      "FROM metric WHERE name = ?1 AND unit = ?2 AND doc = ?3 AND better = ?4 AND steady "
      "= ?5",
      args, &same, &found, why);
  if (status != RIDGE_OK || found) return status;
  return sql_do(
      c,
      "INSERT INTO metric (name, unit, doc, better, steady) "
      "VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT (name) DO UPDATE SET unit = excluded.unit, doc = excluded.doc, better "
      "= excluded.better, steady = excluded.steady",
      args, why);
}

ridge_status metric_row(struct catalog *c, const char *name, int64_t *id, struct why *why) {
  return sql_intern(
      c, "SELECT metric_id FROM metric WHERE name = ?1",
      "INSERT INTO metric (name, unit, doc, better, steady) VALUES (?1, '', '', 0, 0)",
      SQL_ARGS(SQL_TEXT(name)), id, why);
}
