/*
 * catalog_made.h - made-up runs for the tests of the catalog.
 *
 * Everything aborts on failure: a test that needs a run has nothing to say without it.
 */
#ifndef CATALOG_MADE_H
#define CATALOG_MADE_H

#include "testing.h"

#include "base/canon.h"
#include "catalog.h"
#include "catalog_read.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE static __attribute__((unused))

MADE void must_at(ridge_status status, const struct why *why, const char *file, int line) {
  if (status == RIDGE_OK) return;
  fprintf(stderr, "%s:%d: %s: %s\n", file, line, status_name(status), why->text);
  _fail(file, line);
}
#define must(call) must_at((call), &why, __FILE__, __LINE__)

/* What a run is asked to do; strategies by id, with one parameter each. */
struct made {
  const char *name;
  const char *strategies[8]; /* ended by NULL */
  int64_t seed, context;     /* of the task */
  int64_t block;             /* the strategies' parameter */
  const char *commit, *hostname;
};

struct made_parts {
  struct catalog_asked asked;
  json_t *composition, *origins, *machine, *program, *descriptions;
  struct digest digest, task;
  struct catalog_plugin plugins[8];
  char builds[8][65], text[256];
};

static const char *const made_command[] = {"ridge", "run", "made.lua"};
static const struct catalog_metric made_metrics[] = {
    {"decode_tps", "token/s", "tokens generated per second", 1, false},
    {"prefill_tps", "token/s", "prompt tokens per second", 1, false},
    {"perplexity", "", "exp of the mean negative log likelihood", -1, true},
    {"peak_rss_bytes", "byte", "largest resident memory", -1, false},
};

MADE json_t *made_description(const char *id) {
  bool part = strncmp(id, "part.", 5) == 0;
  json_t *description = json_pack(
      "{s:s, s:s, s:s, s:s, s:o, s:[{s:s},{s:s},{s:s}], s:[{s:s,s:s,s:s}],"
      " s:[{s:s,s:s,s:s,s:i}], s:[{s:s,s:s,s:s,s:s,s:s,s:f,s:f}]}",
      "id", id, "version", "1.0.0", "kind", part ? "part" : "strategy", "effect", "exact",
      "technique", strcmp(id, "kv.paged") == 0 ? json_string("vllm") : json_null(), "fills",
      "seam", "kv.store/1", "seam", "kv.store/1", "seam", "graph.pass/1", "relations",
      "kind", "clashes", "target", "kv.window", "why", "a shared block cannot be dropped",
      "metrics", "name", "waste", "unit", "byte", "doc", "unused slots", "better", -1,
      "claims", "id", "capacity", "statement", "more requests fit", "metric", "capacity",
      "conditions", "", "source", "arXiv:2309.06180", "ratio_lo", 1.5, "ratio_hi", 4.0);
  if (description == NULL) abort();
  return description;
}

MADE void made_strategies(const struct made *made, struct made_parts *parts) {
  json_t *list = json_object_get(parts->composition, "strategies");
  json_t *origins = json_object_get(parts->origins, "strategies");
  for (size_t i = 0; made->strategies[i] != NULL; i++) {
    const char *id = made->strategies[i];
    json_t *description = made_description(id);
    json_array_append_new(parts->descriptions, description);
    struct digest build = digest_bytes(id, strlen(id));
    memcpy(parts->builds[i], build.hex, 65);
    parts->plugins[i] = (struct catalog_plugin){parts->builds[i], description, false};
    if (strncmp(id, "part.", 5) == 0) continue;
    json_array_append_new(list, json_pack("{s:s, s:{s:I}, s:b}", "id", id, "params",
                                          "block", (json_int_t)made->block, "may_idle", 0));
    json_array_append_new(
        origins, json_pack("{s:{s:s}, s:i}", "params", "block", "recipe", "line", 7));
  }
}

MADE void made_new(const struct made *made, struct made_parts *p) {
  memset(p, 0, sizeof *p);
  snprintf(p->text, sizeof p->text, "-- Does it work?\nreturn infer { name = \"%s\" }\n",
           made->name);
  p->descriptions = json_array();
  p->composition = json_pack("{s:s, s:{s:f, s:I, s:[s]}, s:[]}", "root", "infer",
                             "settings", "sample.temperature", 0.0, "engine.context",
                             (json_int_t)made->context, "sample.stop", ".", "strategies");
  p->origins =
      json_pack("{s:{s:s, s:s, s:s}, s:[], s:{s:i}}", "settings", "sample.temperature",
                "default", "engine.context", "command", "sample.stop", "recipe",
                "strategies", "lines", "engine.context", 3);
  p->machine = json_pack("{s:s, s:s, s:i, s:i, s:f, s:I}", "cpu", "Made CPU", "hostname",
                         made->hostname != NULL ? made->hostname : "here", "cores", 2,
                         "threads", 2, "quota", 0.0, "memory_bytes", (json_int_t)1 << 33);
  p->program = json_pack("{s:s, s:s, s:s, s:s, s:s}", "version", "0.1.0", "commit",
                         made->commit != NULL ? made->commit : "c0ffee", "patch", "",
                         "compiler", "gcc 12", "flags", "-O2");
  made_strategies(made, p);
  json_t *bare = json_deep_copy(p->composition);
  json_array_clear(json_object_get(bare, "strategies"));
  p->task = canon_digest(bare);
  json_decref(bare);
  p->digest = canon_digest(p->composition);
  p->asked = (struct catalog_asked){
      .name = made->name,
      .phase = "infer",
      .recipe_file = "/somewhere/made.lua",
      .recipe_text = p->text,
      .seed = made->seed,
      .composition = p->composition,
      .origins = p->origins,
      .composition_digest = p->digest.hex,
      .task_digest = p->task.hex,
      .machine = p->machine,
      .program = p->program,
      .plugins = p->plugins,
      .n_plugins = json_array_size(p->descriptions),
      .metrics = made_metrics,
      .n_metrics = sizeof made_metrics / sizeof *made_metrics,
      .command = made_command,
      .n_command = 3,
  };
}

MADE void made_free(struct made_parts *p) {
  json_decref(p->composition);
  json_decref(p->origins);
  json_decref(p->machine);
  json_decref(p->program);
  json_decref(p->descriptions);
}

MADE struct catalog_run made_begin(struct catalog *catalog, const struct made *made) {
  struct made_parts parts;
  struct catalog_run run;
  struct why why;
  made_new(made, &parts);
  must(catalog_run_begin(catalog, &parts.asked, &run, &why));
  made_free(&parts);
  return run;
}

MADE void made_end(struct catalog *catalog, int64_t run, enum catalog_status status,
                   const char *output) {
  struct catalog_end end = {.status = status, .output = output};
  struct why why;
  must(catalog_run_end(catalog, run, &end, &why));
}

/* A whole run: `n` repeats of a speed, a perplexity, done. */
MADE int64_t made_run(struct catalog *catalog, const struct made *made,
                      const double *speeds, size_t n, double perplexity,
                      const char *output) {
  struct why why;
  struct catalog_run run = made_begin(catalog, made);
  for (size_t i = 0; i < n; i++)
    must(catalog_run_sample(catalog, run.id, "decode_tps", (int64_t)i, speeds[i], &why));
  if (perplexity > 0)
    must(catalog_run_sample(catalog, run.id, "perplexity", 0, perplexity, &why));
  made_end(catalog, run.id, CATALOG_DONE, output);
  return run.id;
}

/* A scratch folder and a fresh catalog in it. */
struct made_place {
  char *folder, path[256];
  struct catalog *catalog;
};

MADE struct catalog *made_open(const char *path) {
  struct catalog *catalog = NULL;
  struct why why;
  must(catalog_open(path, CATALOG_WRITE, &catalog, &why));
  return catalog;
}

MADE int made_setup(void **state) {
  struct made_place *place = calloc(1, sizeof *place);
  if (place == NULL) abort();
  place->folder = testing_scratch();
  snprintf(place->path, sizeof place->path, "%s/catalog.db", place->folder);
  place->catalog = made_open(place->path);
  *state = place;
  return 0;
}

MADE int made_teardown(void **state) {
  struct made_place *place = *state;
  catalog_close(place->catalog);
  testing_remove(place->folder);
  free(place);
  return 0;
}

/* A look from outside: the first column of the first row, as a stranger's shell sees it. */
MADE char *made_look(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt = NULL;
  char *out = NULL;
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) abort();
  sqlite3_busy_timeout(db, 10000);
  if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
    asprintf(&out, "error: %s", sqlite3_errmsg(db));
  else if (sqlite3_step(stmt) == SQLITE_ROW) {
    const unsigned char *text = sqlite3_column_text(stmt, 0);
    out = strdup(text != NULL ? (const char *)text : "NULL");
  } else
    asprintf(&out, "%s",
             sqlite3_errcode(db) == SQLITE_DONE ? "no row" : sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  if (out == NULL) abort();
  return out;
}

MADE void expect_at(const char *path, const char *sql, const char *wanted, int line) {
  char *found = made_look(path, sql);
  if (strcmp(found, wanted) != 0) {
    fprintf(stderr, "line %d: %s\n  gives `%s`, not `%s`\n", line, sql, found, wanted);
    free(found);
    fail();
  }
  free(found);
}
#define expect(sql, wanted) expect_at(place->path, (sql), (wanted), __LINE__)

#endif
