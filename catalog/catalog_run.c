/* catalog_run.c - a run's row: written before it starts, closed once. */
#include "catalog_inside.h"

#include "base/canon.h"
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

const char *catalog_status_word(enum catalog_status status) {
  static const char *const words[] = {
#define X(name, word) [CATALOG_##name] = #word,
      CATALOG_STATUS_MAP(X)
#undef X
  };
  return words[status];
}

/* 128 random bits in 26 letters of five bits, without those that look alike. */
void uid_make(char out[27]) {
  static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
  uint64_t half[2]; /* upper, lower */
  for (size_t got = 0; got < sizeof half;) {
    ssize_t n = getrandom((char *)half + got, sizeof half - got, 0);
    if (n > 0)
      got += (size_t)n;
    else if (errno != EINTR)
      abort(); /* no kernel since 3.17 is without it */
  }
  for (int i = 25; i >= 0; i--) {
    out[i] = letters[half[1] & 31];
    half[1] = half[1] >> 5 | half[0] << 59;
    half[0] >>= 5;
  }
  out[26] = 0;
}

/* Settings --------------------------------------------------------------------------- */

struct setting_site {
  struct catalog *c;
  int64_t run;
  const char *owner;
  size_t owner_size;
};

/* Numbers and texts as they are; truth values and lists as JSON. */
static ridge_status setting_row(const struct setting_site *site, const char *name,
                                const json_t *value, const char *origin, const json_t *line,
                                struct why *why) {
  if (origin == NULL)
    return why_set(why, RIDGE_INTERNAL, "the value of `%.*s.%s` has no origin",
                   (int)site->owner_size, site->owner, name);
  char *json = NULL;
  struct sql_value bound = SQL_NULL;
  if (json_is_integer(value))
    bound = SQL_INT(json_integer_value(value));
  else if (json_is_real(value))
    bound = SQL_REAL(json_real_value(value));
  else if (json_is_string(value))
    bound = SQL_TEXT(json_string_value(value));
  else if (!json_is_null(value))
    bound = SQL_TEXT(json = canon_text(value));
  ridge_status status = sql_do(
      site->c,
      "INSERT INTO setting (run_id, owner, name, value, origin, line) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      SQL_ARGS(SQL_INT(site->run), SQL_SLICE(site->owner, site->owner_size), SQL_TEXT(name),
               bound, SQL_TEXT(origin), SQL_ID(json_integer_value(line))),
      why);
  free(json);
  return status;
}

static ridge_status host_settings(struct catalog *c, int64_t run,
                                  const struct catalog_asked *asked, struct why *why) {
  json_t *settings = json_object_get(asked->composition, "settings");
  const json_t *origins = json_object_get(asked->origins, "settings");
  const json_t *lines = json_object_get(asked->origins, "lines");
  const char *name;
  json_t *value;
  json_object_foreach(settings, name, value) {
    const char *dot = strchr(name, '.');
    if (dot == NULL)
      return why_set(why, RIDGE_INTERNAL, "setting `%s` belongs to no word", name);
    const struct setting_site site = {c, run, name, (size_t)(dot - name)};
    ridge_status status = setting_row(&site, dot + 1, value, text_or(origins, name, NULL),
                                      json_object_get(lines, name), why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status strategy_settings(struct catalog *c, int64_t run,
                                      const struct catalog_asked *asked, struct why *why) {
  const json_t *strategies = json_object_get(asked->composition, "strategies"), *strategy;
  const json_t *origins = json_object_get(asked->origins, "strategies");
  size_t i;
  json_array_foreach(strategies, i, strategy) {
    const json_t *origin = json_array_get(origins, i);
    const char *id = text_or(strategy, "id", "?"), *name;
    const struct setting_site site = {c, run, id, strlen(id)};
    json_t *value;
    json_object_foreach(json_object_get(strategy, "params"), name, value) {
      ridge_status status = setting_row(
          &site, name, value, text_or(json_object_get(origin, "params"), name, NULL),
          json_object_get(origin, "line"), why);
      if (status != RIDGE_OK) return status;
    }
  }
  return RIDGE_OK;
}

/* Who takes part --------------------------------------------------------------------- */

/* "kv.store/1 graph.pass/1": each seam once, in the order declared. */
static void seams_of(const json_t *description, char *out, size_t room) {
  const json_t *fills = json_object_get(description, "fills"), *fill;
  size_t i, used = 0;
  out[0] = 0;
  json_array_foreach(fills, i, fill) {
    const char *seam = text_or(fill, "seam", "?");
    bool twice = false;
    for (size_t k = 0; k < i && !twice; k++)
      twice = strcmp(text_or(json_array_get(fills, k), "seam", "?"), seam) == 0;
    int n =
        twice ? 0 : snprintf(out + used, room - used, "%s%s", used > 0 ? " " : "", seam);
    if (n < 0 || (size_t)n >= room - used) return;
    used += (size_t)n;
  }
}

static ridge_status composition_rows(struct catalog *c, int64_t run,
                                     const struct catalog_asked *asked, struct why *why) {
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && i < asked->n_plugins; i++) {
    const struct catalog_plugin *p = &asked->plugins[i];
    int64_t plugin;
    char seams[512];
    status = plugin_row(c, p->build, p->description, &plugin, why);
    if (status != RIDGE_OK) break;
    seams_of(p->description, seams, sizeof seams);
    bool requested = strcmp(text_or(p->description, "kind", ""), "strategy") == 0;
    status = sql_do(
        c,
        "INSERT INTO composition (run_id, plugin_id, position, seam, requested, may_idle) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        SQL_ARGS(SQL_INT(run), SQL_INT(plugin), SQL_INT((int64_t)i), SQL_TEXT(seams),
                 SQL_INT(requested), SQL_INT(p->may_idle)),
        why);
    if (status != RIDGE_OK)
      status = why_prefix(why, status, "plugin `%s` of the run",
                          text_or(p->description, "id", "?"));
  }
  return status;
}

/* The row ---------------------------------------------------------------------------- */

struct run_links {
  int64_t recipe, plan, machine, program;
};

static ridge_status link_rows(struct catalog *c, const struct catalog_asked *asked,
                              struct run_links *out, struct why *why) {
  *out = (struct run_links){0};
  ridge_status status = recipe_row(c, asked->name, asked->recipe_text, &out->recipe, why);
  if (status == RIDGE_OK) status = machine_row(c, asked->machine, &out->machine, why);
  if (status == RIDGE_OK) status = program_row(c, asked->program, &out->program, why);
  if (status == RIDGE_OK && asked->composition != NULL)
    status = plan_row(c, asked, &out->plan, why);
  for (size_t i = 0; status == RIDGE_OK && i < asked->n_metrics; i++)
    status = metric_define(c, &asked->metrics[i], why);
  return status;
}

static char *command_text(const struct catalog_asked *asked) {
  json_t *words = json_array();
  for (size_t i = 0; i < asked->n_command; i++) {
    json_t *word = json_string(asked->command[i]);
    json_array_append_new(words, word != NULL ? word : json_string("(not UTF-8)"));
  }
  char *text = canon_text(words);
  json_decref(words);
  return text;
}

static ridge_status insert_run(struct catalog *c, const struct catalog_asked *asked,
                               int64_t id, enum catalog_status status_of_run,
                               const char *reason, struct catalog_run *out,
                               struct why *why) {
  struct run_links links;
  ridge_status status = link_rows(c, asked, &links, why);
  if (status != RIDGE_OK) return status;
  char supervisor[160], *command = command_text(asked);
  bool over = status_of_run != CATALOG_RUNNING;
  int64_t now = clock_utc_us();
  supervisor_self(supervisor);
  uid_make(out->uid);
  status = sql_do(
      c,
      "INSERT INTO run (run_id, uid, name, phase, recipe_id, plan_id, machine_id, "
      "program_id, seed, command, file, sweep_id, parent_id, status, why, supervisor, "
      "started, ended) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
      "?17, ?18)",
      SQL_ARGS(SQL_ID(id), SQL_TEXT(out->uid), SQL_TEXT(asked->name),
               SQL_TEXT(asked->phase), SQL_INT(links.recipe), SQL_ID(links.plan),
               SQL_INT(links.machine), SQL_INT(links.program), SQL_INT(asked->seed),
               SQL_TEXT(command), SQL_TEXT(asked->recipe_file), SQL_ID(asked->sweep_id),
               SQL_ID(asked->parent_id), SQL_TEXT(catalog_status_word(status_of_run)),
               SQL_TEXT(reason), SQL_TEXT(supervisor), SQL_INT(now),
               over ? SQL_INT(now) : SQL_NULL),
      why);
  out->id = sqlite3_last_insert_rowid(c->db);
  free(command);
  return status;
}

static ridge_status check_asked(const struct catalog_asked *asked, bool refused,
                                struct why *why) {
  if (asked->name == NULL || asked->phase == NULL || asked->recipe_file == NULL ||
      asked->recipe_text == NULL || asked->machine == NULL || asked->program == NULL)
    return why_set(
        why, RIDGE_INTERNAL,
        "a run needs name, phase, recipe, machine and program; a row with a missing field "
        "is not written");
  if (!refused && (asked->composition == NULL || asked->origins == NULL ||
                   asked->composition_digest == NULL || asked->task_digest == NULL))
    return why_set(why, RIDGE_INTERNAL, "run `%s` has no composition, and was not refused",
                   asked->name);
  return RIDGE_OK;
}

ridge_status catalog_run_begin(struct catalog *c, const struct catalog_asked *asked,
                               struct catalog_run *out, struct why *why) {
  ridge_status status = check_asked(asked, false, why);
  if (status == RIDGE_OK) status = sql_begin(c, why);
  if (status != RIDGE_OK) return status;
  status = insert_run(c, asked, 0, CATALOG_RUNNING, NULL, out, why);
  if (status == RIDGE_OK) status = host_settings(c, out->id, asked, why);
  if (status == RIDGE_OK) status = strategy_settings(c, out->id, asked, why);
  if (status == RIDGE_OK) status = composition_rows(c, out->id, asked, why);
  return sql_end(c, status, why);
}

/* Refused runs ----------------------------------------------------------------------- */

static ridge_status diagnostic_rows(struct catalog *c, int64_t run,
                                    const json_t *diagnostics, struct why *why) {
  const json_t *row;
  size_t i;
  int64_t first = 0;
  bool found;
  ridge_status status = sql_get_int(c, "SELECT count(*) FROM diagnostic WHERE run_id = ?1",
                                    SQL_ARGS(SQL_INT(run)), &first, &found, why);
  json_array_foreach(diagnostics, i, row) {
    if (status != RIDGE_OK) break;
    const json_t *list = json_object_get(row, "notes");
    char *notes = json_is_array(list) ? canon_text(list) : strdup("[]");
    status = sql_do(
        c,
        "INSERT INTO diagnostic (run_id, position, code, file, line, \"column\", length, "
        "text, notes, help) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        SQL_ARGS(SQL_INT(run), SQL_INT(first + (int64_t)i),
                 SQL_TEXT(text_or(row, "code", "?")), SQL_TEXT(text_or(row, "file", NULL)),
                 SQL_ID(int_or(row, "line", 0)), SQL_ID(int_or(row, "column", 0)),
                 SQL_ID(int_or(row, "length", 0)), SQL_TEXT(text_or(row, "text", "")),
                 SQL_TEXT(notes), SQL_TEXT(text_or(row, "help", NULL))),
        why);
    free(notes);
  }
  return status;
}

ridge_status catalog_run_diagnostics(struct catalog *c, int64_t run,
                                     const json_t *diagnostics, struct why *why) {
  ridge_status status = sql_begin(c, why);
  return status == RIDGE_OK ? sql_end(c, diagnostic_rows(c, run, diagnostics, why), why)
                            : status;
}

ridge_status catalog_run_refused(struct catalog *c, const struct catalog_asked *asked,
                                 const json_t *diagnostics, const char *reason,
                                 struct catalog_run *out, struct why *why) {
  struct catalog_asked bare = *asked;
  int64_t id = 0;
  bool found;
  bare.composition = NULL;
  ridge_status status = check_asked(asked, true, why);
  if (status == RIDGE_OK) status = sql_begin(c, why);
  if (status != RIDGE_OK) return status;
  if (reason == NULL) reason = text_or(json_array_get(diagnostics, 0), "text", NULL);
  /* A refused run takes no rows any more: its diagnostics go before it. */
  status = sql_get_int(c, "SELECT ifnull(max(run_id), 0) + 1 FROM run", SQL_NONE, &id,
                       &found, why);
  if (status == RIDGE_OK) status = diagnostic_rows(c, id, diagnostics, why);
  if (status == RIDGE_OK)
    status = insert_run(c, &bare, id, CATALOG_REFUSED, reason, out, why);
  return sql_end(c, status, why);
}

/* The end ---------------------------------------------------------------------------- */

/* "kv.paged 1.0.0" or "kv.paged", if it took part in the run. */
static ridge_status blamed_plugin(struct catalog *c, int64_t run, const char *blamed,
                                  int64_t *id, struct why *why) {
  bool found;
  *id = 0;
  if (blamed == NULL || blamed[0] == 0) return RIDGE_OK;
  return sql_get_int(
      c,
      "SELECT p.plugin_id "
      "FROM composition c JOIN plugin p USING (plugin_id) WHERE c.run_id = ?1 AND p.name "
      "= ?2",
      SQL_ARGS(SQL_INT(run), SQL_SLICE(blamed, strcspn(blamed, " "))), id, &found, why);
}

static ridge_status update_end(struct catalog *c, int64_t run,
                               const struct catalog_end *end, struct why *why) {
  int64_t blamed;
  ridge_status status = blamed_plugin(c, run, end->blamed, &blamed, why);
  if (status == RIDGE_OK)
    status = sql_do(
        c,
        "UPDATE run SET status = ?2, why = ?3, blamed_id = ?4, output = ?5, ended = ?6, "
        "plan_id = iif(?2 = 'refused', NULL, plan_id) WHERE run_id = ?1",
        SQL_ARGS(SQL_INT(run), SQL_TEXT(catalog_status_word(end->status)),
                 SQL_TEXT(end->why), SQL_ID(blamed), SQL_TEXT(end->output),
                 SQL_INT(clock_utc_us())),
        why);
  if (status == RIDGE_OK && sqlite3_changes(c->db) == 0)
    status = why_set(why, RIDGE_INVALID, "there is no run %" PRId64 " to end", run);
  return status;
}

ridge_status catalog_run_end(struct catalog *c, int64_t run, const struct catalog_end *end,
                             struct why *why) {
  if (end->status == CATALOG_RUNNING)
    return why_set(why, RIDGE_INTERNAL, "a run does not end as running");
  /* Syncing this commit syncs all that came before it in the log. */
  ridge_status status = sql_script(c, "PRAGMA synchronous = FULL", why);
  if (status == RIDGE_OK) status = sql_begin(c, why);
  if (status == RIDGE_OK) status = sql_end(c, update_end(c, run, end, why), why);
  /* Should this fail, the next commits are only slower. */
  struct why ignored;
  ridge_status back = sql_script(c, "PRAGMA synchronous = NORMAL", &ignored);
  (void)back;
  return status;
}

ridge_status catalog_run_note(struct catalog *c, int64_t run, const char *text,
                              struct why *why) {
  ridge_status status = sql_begin(c, why);
  if (status != RIDGE_OK) return status;
  status = sql_do(c, "INSERT INTO note (run_id, at, text) VALUES (?1, ?2, ?3)",
                  SQL_ARGS(SQL_INT(run), SQL_INT(clock_utc_us()), SQL_TEXT(text)), why);
  return sql_end(c, status, why);
}

/* Sweeps ----------------------------------------------------------------------------- */

ridge_status catalog_sweep_begin(struct catalog *c, const char *name,
                                 const char *recipe_text, const json_t *points,
                                 int64_t *sweep_id, struct why *why) {
  char uid[27], supervisor[160], *text = canon_text(points);
  int64_t recipe;
  supervisor_self(supervisor);
  ridge_status status = sql_begin(c, why);
  if (status == RIDGE_OK) {
    uid_make(uid);
    status = recipe_row(c, name, recipe_text, &recipe, why);
    if (status == RIDGE_OK)
      status =
          sql_do(c,
                 "INSERT INTO sweep (uid, name, recipe_id, points, started, "
                 "supervisor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                 SQL_ARGS(SQL_TEXT(uid), SQL_TEXT(name), SQL_INT(recipe), SQL_TEXT(text),
                          SQL_INT(clock_utc_us()), SQL_TEXT(supervisor)),
                 why);
    *sweep_id = sqlite3_last_insert_rowid(c->db);
    status = sql_end(c, status, why);
  }
  free(text);
  return status;
}

ridge_status catalog_sweep_end(struct catalog *c, int64_t sweep_id, enum catalog_status how,
                               struct why *why) {
  ridge_status status = sql_begin(c, why);
  if (status != RIDGE_OK) return status;
  status = sql_do(
      c, "UPDATE sweep SET ended = ?2, status = ?3 WHERE sweep_id = ?1 AND ended IS NULL",
      SQL_ARGS(SQL_INT(sweep_id), SQL_INT(clock_utc_us()),
               SQL_TEXT(catalog_status_word(how))),
      why);
  return sql_end(c, status, why);
}
