/*
 * catalog_load.c - the literature, from techniques.json into its tables.
 *
 * Done when the edition in this program is newer than the one loaded.  A claim is known
 * by the digest of its content: one that changed is a new row, and the old one stays,
 * retired, for the reproductions that rest on it.
 */
#include "catalog_inside.h"

#include "base/canon.h"
#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What was read of the paper, or where a figure comes from: how far to trust it. */
static const char *trust_of(const char *evidence) {
  static const char *const primary[] = {"paper", "paper-table", "abstract", "authors-code"};
  for (size_t i = 0; i < sizeof primary / sizeof *primary; i++)
    if (strcmp(evidence, primary[i]) == 0) return "primary";
  return strcmp(evidence, "memory") == 0 ? "memory" : "secondary";
}

static ridge_status paper_row(struct catalog *c, const json_t *technique, int64_t *id,
                              struct why *why) {
  return sql_intern(c, "SELECT paper_id FROM paper WHERE ref = ?1",
                    "INSERT INTO paper (ref, authors, year) VALUES (?1, ?2, ?3)",
                    SQL_ARGS(SQL_TEXT(text_or(technique, "ref", "")),
                             SQL_TEXT(text_or(technique, "authors_short", "")),
                             SQL_INT(int_or(technique, "year", 0))),
                    id, why);
}

static ridge_status technique_row(struct catalog *c, const json_t *t, int64_t *id,
                                  struct why *why) {
  int64_t paper;
  bool found;
  const char *name;
  ridge_status status = want_text(t, "id", "a technique", &name, why);
  if (status == RIDGE_OK) status = paper_row(c, t, &paper, why);
  if (status == RIDGE_OK)
    status = sql_do(
        c,
        "INSERT INTO technique (name, paper_id, title, credit, class, branch, summary, "
        "shows, on_cpu, standing, trust) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
        "ON CONFLICT (name) DO UPDATE SET paper_id = excluded.paper_id, title = "
        "excluded.title, credit = excluded.credit, class = excluded.class, branch = "
        "excluded.branch, summary = excluded.summary, shows = excluded.shows, on_cpu = "
        "excluded.on_cpu, standing = excluded.standing, trust = excluded.trust",
        SQL_ARGS(SQL_TEXT(name), SQL_INT(paper), SQL_TEXT(text_or(t, "name", name)),
                 SQL_TEXT(text_or(t, "authors_short", "")),
                 SQL_TEXT(text_or(t, "class", NULL)),
                 SQL_TEXT(text_or(t, "strategy", NULL)),
                 SQL_TEXT(text_or(t, "summary", NULL)), SQL_TEXT(text_or(t, "how", NULL)),
                 SQL_INT(json_is_true(json_object_get(t, "cpu_reproducible"))),
                 SQL_TEXT(text_or(t, "in_review", NULL)),
                 SQL_TEXT(trust_of(text_or(t, "source", "")))),
        why);
  if (status == RIDGE_OK)
    status = sql_get_int(c, "SELECT technique_id FROM technique WHERE name = ?1",
                         SQL_ARGS(SQL_TEXT(name)), id, &found, why);
  return status;
}

/* "perplexity 6.51 ppl/wikitext2 of LLaMA-2-7B, against dense fp16: 50 %" */
static struct text claim_sentence(const json_t *claim) {
  struct text sentence = text_new((size_t)1 << 20);
  text_format(&sentence, "%s %.15g", text_or(claim, "metric", "?"),
              json_number_value(json_object_get(claim, "value")));
  static const struct {
    const char *key, *before;
  } pieces[] = {{"unit", " "}, {"model", ", "}, {"baseline", ", against "}, {"note", ": "}};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    const char *piece = text_or(claim, pieces[i].key, NULL);
    if (piece != NULL) text_format(&sentence, "%s%s", pieces[i].before, piece);
  }
  return sentence;
}

static ridge_status claim_row(struct catalog *c, int64_t technique, const char *ref,
                              size_t number, const json_t *claim, struct why *why) {
  const char *metric, *evidence = text_or(claim, "evidence", "memory");
  ridge_status status = want_text(claim, "metric", "a claim", &metric, why);
  if (status != RIDGE_OK) return status;
  struct text sentence = claim_sentence(claim), label = text_new(256),
              source = text_new(256);
  struct digest digest = canon_digest(claim);
  text_format(&label, "%s.%zu", metric, number);
  text_format(&source, "%s (%s)", ref, evidence);
  status =
      sql_do(c,
             "INSERT INTO claim (technique_id, label, statement, metric, value, unit, "
             "baseline, model, hardware, conditions, kind, trust, source, digest) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'printed', ?11, ?12, ?13) "
             "ON CONFLICT (technique_id, digest) DO UPDATE SET retired = 0, label = "
             "excluded.label, statement = excluded.statement",
             SQL_ARGS(SQL_INT(technique), SQL_TEXT(label.data), SQL_TEXT(sentence.data),
                      SQL_TEXT(metric),
                      SQL_REAL(json_number_value(json_object_get(claim, "value"))),
                      SQL_TEXT(text_or(claim, "unit", NULL)),
                      SQL_TEXT(text_or(claim, "baseline", NULL)),
                      SQL_TEXT(text_or(claim, "model", NULL)),
                      SQL_TEXT(text_or(claim, "hardware", NULL)),
                      SQL_TEXT(text_or(claim, "note", NULL)), SQL_TEXT(trust_of(evidence)),
                      SQL_TEXT(source.data), SQL_TEXT(digest.hex)),
             why);
  text_free(&sentence);
  text_free(&label);
  text_free(&source);
  return status;
}

static ridge_status load_one(struct catalog *c, const json_t *technique, struct why *why) {
  int64_t id = 0;
  ridge_status status = technique_row(c, technique, &id, why);
  if (status == RIDGE_OK)
    status = sql_do(
        c, "UPDATE claim SET retired = 1 WHERE technique_id = ?1 AND plugin_id IS NULL",
        SQL_ARGS(SQL_INT(id)), why);
  const json_t *claims = json_object_get(technique, "claims");
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(claims); i++)
    status = claim_row(c, id, text_or(technique, "ref", ""), i + 1,
                       json_array_get(claims, i), why);
  return status;
}

static ridge_status load_all(struct catalog *c, const json_t *file, int64_t edition,
                             struct why *why) {
  const json_t *list = json_object_get(file, "techniques");
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(list); i++)
    status = load_one(c, json_array_get(list, i), why);
  if (status != RIDGE_OK) return why_prefix(why, status, "techniques.json");
  return sql_do(
      c,
      "INSERT INTO loaded (what, edition, at) "
      "VALUES ('techniques', ?1, ?2) "
      "ON CONFLICT (what) DO UPDATE SET edition = excluded.edition, at = excluded.at",
      SQL_ARGS(SQL_INT(edition), SQL_INT(clock_utc_us())), why);
}

static ridge_status loaded_edition(struct catalog *c, int64_t *edition, struct why *why) {
  bool found;
  return sql_get_int(c, "SELECT edition FROM loaded WHERE what = 'techniques'", SQL_NONE,
                     edition, &found, why);
}

/* The edition without parsing 200 KB: it is the first thing in the file, {"edition": N. */
static int64_t embedded_edition(const struct embedded_file *file) {
  int64_t edition = 0;
  return sscanf(file->data, " { \"edition\" : %" SCNd64, &edition) == 1 ? edition : 0;
}

ridge_status catalog_load_techniques(struct catalog *c, struct why *why) {
  const struct embedded_file *file = embedded_find("techniques.json");
  int64_t mine = file != NULL ? embedded_edition(file) : 0, there = 0;
  if (mine == 0)
    return why_set(why, RIDGE_INTERNAL, "this build lacks catalog/techniques.json");
  ridge_status status = loaded_edition(c, &there, why);
  if (status != RIDGE_OK || there >= mine) return status;
  json_error_t error;
  json_t *json = json_loadb(file->data, file->size, JSON_REJECT_DUPLICATES, &error);
  if (json == NULL)
    return why_set(why, RIDGE_INTERNAL, "techniques.json:%d: %s", error.line, error.text);
  status = sql_begin(c, why);
  if (status == RIDGE_OK) {
    status = loaded_edition(c, &there, why); /* another process may have been first */
    if (status == RIDGE_OK && there < mine) status = load_all(c, json, mine, why);
    status = sql_end(c, status, why);
  }
  json_decref(json);
  return status;
}
