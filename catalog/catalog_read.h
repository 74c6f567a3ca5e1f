/*
 * catalog_read.h - what the catalog knows, as JSON.
 *
 * The shapes are those that the verbs print with --json, so they are kept.  JSON that
 * a call returns is a new reference of the caller's; times are "YYYY-MM-DD HH:MM:SS",
 * UTC.  No call changes anything.
 */
#ifndef RIDGE_CATALOG_READ_H
#define RIDGE_CATALOG_READ_H

#include "catalog.h"

/* A run by number, uid, the first four or more letters of a uid, "last", or a name: the
 * last run of that name. */
RIDGE_MUST ridge_status catalog_run_find(struct catalog *, const char *what, int64_t *run,
                                         struct why *why);

struct catalog_filter {
  const char *name, *status,
      *recipe;   /* NULL: any; recipe: a name, or 8 letters of a digest */
  int64_t limit; /* newest first; 0: all                           */
};
/* [{"run","uid","name","phase","status","why","started","seconds","strategies",
 *   "prefill_tps","decode_tps","perplexity","peak_rss_bytes","machine","program"}] */
RIDGE_MUST ridge_status catalog_runs(struct catalog *, const struct catalog_filter *,
                                     json_t **out, struct why *why);

/* [number]: runs that are `running` though nobody here can see whether they are: their
 * supervisor is in another container, or was.  The caller releases *out in any case. */
RIDGE_MUST ridge_status catalog_unseen(struct catalog *, json_t **out, struct why *why);

enum catalog_part {
  CATALOG_TEXTS = 1,
  CATALOG_OPERATORS = 2,
  CATALOG_PLAN = 4,
  CATALOG_POINTS = 8
};
/* Everything of one run: the row's own facts, and "recipe", "program", "machine",
 * "strategies" (with "evidence"), "parts", "settings", "metrics" (with every repeat),
 * "inputs", "diagnostics", "events", "notes"; of the large ones what `parts` names. */
RIDGE_MUST ridge_status catalog_show(struct catalog *, int64_t run, unsigned parts,
                                     json_t **out, struct why *why);

/* [{"what","a","b"}], only what differs. */
RIDGE_MUST ridge_status catalog_diff(struct catalog *, int64_t a, int64_t b, json_t **out,
                                     struct why *why);

/* {"run","name","status","task","composition","machine","program","seed",
 *  "metrics":[{"name","unit","better","steady","repeats":[{"repeat","value","odd"}]}]},
 * measured repeats only. */
RIDGE_MUST ridge_status catalog_samples(struct catalog *, int64_t run, json_t **out,
                                        struct why *why);

/* [{"id","title","class","branch","year","standing","on_cpu","claims","strategies",
 *   "summary","shows","credit","trust","paper"}]; "claims" is a number, with an id (then
 * there is only that technique) its rows. */
RIDGE_MUST ridge_status catalog_techniques(struct catalog *, const char *id, json_t **out,
                                           struct why *why);
/* [{"technique","label","statement","conditions","trust","source","tries","held",
 *   "verdicts"}], of one technique or (NULL) all. */
RIDGE_MUST ridge_status catalog_claims(struct catalog *, const char *technique,
                                       json_t **out, struct why *why);

/* Named questions: questions/NAME.sql.  The comment at the top is the help text; lines
 * of the form "-- :name = default  what it means" are its parameters (without "=" it
 * has to be given; "= null" is none).  :run, :a and :b are runs, found as by
 * catalog_run_find. */
struct catalog_question {
  char name[64];
  const char *sql;
};
size_t catalog_question_count(void);
struct catalog_question catalog_question_at(size_t i);
bool catalog_question_find(const char *name, struct catalog_question *out);
/* {"name","help","parameters":[{"name","default","required","doc"}]} */
json_t *catalog_question_help(const struct catalog_question *);

/* Where the rows of a query go: the columns once, then each row as an array. */
struct catalog_sink {
  void *ctx;
  bool (*columns)(void *ctx, const json_t *names);
  bool (*row)(void *ctx, const json_t *cells); /* false: enough */
};
struct catalog_cost { /* of the last query: steps of SQLite's machine, and time */
  int64_t steps;
  uint64_t ns;
};
/* A value as typed on a command line: a whole number, a number, null, else a text. */
json_t *catalog_typed(const char *text);
/* One statement that only reads: anything else is refused before it runs.  Parameters
 * are {"name": value}; those that the statement does not have, or that it has and are
 * not given, are errors.  `cost` may be NULL. */
RIDGE_MUST ridge_status catalog_query(struct catalog *, const char *sql,
                                      const json_t *parameters, const struct catalog_sink *,
                                      struct catalog_cost *cost, struct why *why);
/* The same for a named question, whose defaults are filled in. */
RIDGE_MUST ridge_status catalog_ask(struct catalog *, const struct catalog_question *,
                                    const json_t *parameters, const struct catalog_sink *,
                                    struct catalog_cost *cost, struct why *why);

#endif
