/*
 * catalog.h - writing down what was asked, what happened and what it was worth.
 *
 * One SQLite file, for any number of ridge processes at once.  A run, followed:
 *
 *   catalog_path(cli->catalog, path, sizeof path, &why);
 *   catalog_open(path, CATALOG_WRITE, &catalog, &why);
 *   catalog_run_begin(catalog, &asked, &run, &why);      before the worker starts
 *   catalog_run_input ... catalog_run_detail             as the worker reports
 *   catalog_run_sample, _points, _text, _event           while it works
 *   catalog_run_strategies, _operators                   its last words
 *   catalog_run_end(catalog, run.id, &end, &why);
 *   catalog_close(catalog);
 *
 * A recipe that was refused before there was a composition is catalog_run_refused
 * alone.  One that is refused later (it does not fit, a plugin's check) begins, gets
 * catalog_run_diagnostics, and ends as CATALOG_REFUSED.
 *
 * Ownership: what a call takes stays the caller's and need not outlive the call; JSON
 *            that a call returns is a new reference of the caller's.
 * Threads:   one thread at a time for one struct catalog.
 * Time:      each call that writes is one short transaction.  It waits up to a minute
 *            for other writers; then the status is RIDGE_IO.
 * Truth:     a finished run never changes (triggers refuse it: RIDGE_INVALID).  A run
 *            whose supervisor was killed is closed as crashed by whoever next opens
 *            the catalog.
 * Caveats:   WAL needs a local disk; a network file system is refused.  Do not carry
 *            a struct catalog over a fork.
 *
 * What is read back: catalog_read.h.
 */
#ifndef RIDGE_CATALOG_CATALOG_H
#define RIDGE_CATALOG_CATALOG_H

#include "base/why.h"
#include "registry/registry.h"

#include <jansson.h>

struct catalog;

enum { CATALOG_PATH_ROOM = 4096 };
/* `wanted` (--catalog; NULL or "": none), else $RIDGE_CATALOG, else
 * $XDG_DATA_HOME/ridge/catalog.db, else ~/.local/share/ridge/catalog.db.  Absolute;
 * directories that are missing are made. */
RIDGE_MUST ridge_status catalog_path(const char *wanted, char *out, size_t room,
                                     struct why *why);

enum catalog_mode {
  CATALOG_READ,  /* a catalog that cannot be written can still be read */
  CATALOG_WRITE, /* fails when it cannot be written                    */
};
/* Makes the file if it is missing, brings an older one up to date, closes what killed
 * supervisors left behind.  RIDGE_INVALID: `path` can be no catalog's (a directory); every
 * other failure is about the catalog that is there. */
RIDGE_MUST ridge_status catalog_open(const char *path, enum catalog_mode,
                                     struct catalog **out, struct why *why);
void catalog_close(struct catalog *); /* NULL is fine */
const char *catalog_file(const struct catalog *);
int64_t catalog_version(void); /* the newest that this program knows */

/* One plugin that takes part: strategies in recipe order first, then parts. */
struct catalog_plugin {
  const char *build;         /* SHA-256 of the file                          */
  const json_t *description; /* plugin_info.json                     */
  bool may_idle;
};

/* What a number means; from metric_list for the host's own. */
struct catalog_metric {
  const char *name, *unit, *doc;
  int better;  /* -1 lower, +1 higher, 0 neither                     */
  bool steady; /* the same in every repeat: no interval is needed    */
};

struct catalog_asked {
  const char *name, *phase; /* of the recipe; phase: "infer"         */
  const char *recipe_file;  /* absolute                              */
  const char *recipe_text;
  int64_t seed;
  /* Of struct composed, as they are; all NULL for a refused recipe. */
  const json_t *composition, *origins;
  const char *composition_digest, *task_digest;
  const json_t *machine; /* machine_json                             */
  const json_t *program; /* build_info_json                          */
  const struct catalog_plugin *plugins;
  size_t n_plugins;
  const struct catalog_metric *metrics; /* plugins' own come from their descriptions */
  size_t n_metrics;
  const char *const *command; /* argv of this command                */
  size_t n_command;
  int64_t sweep_id, parent_id; /* 0: none                            */
};

struct catalog_run {
  int64_t id;
  char uid[27]; /* 128 random bits: unique across catalogs            */
};

/* The row, with composition, settings (each value with its origin) and ablations (the
 * digest of the composition without each strategy), all in one transaction. */
RIDGE_MUST ridge_status catalog_run_begin(struct catalog *, const struct catalog_asked *,
                                          struct catalog_run *out, struct why *why);
/* A refused recipe: row and diagnostics (composed.diagnostics), finished at once.
 * `reason` is one sentence, or NULL for the first diagnostic's text. */
RIDGE_MUST ridge_status catalog_run_refused(struct catalog *, const struct catalog_asked *,
                                            const json_t *diagnostics, const char *reason,
                                            struct catalog_run *out, struct why *why);

/* A file: {"role","name","path","digest","bytes","modified"}; the digest is "" when it was
 * not read yet, `modified` is nanoseconds since 1970 and may be missing.  The same input
 * told twice is one row. */
RIDGE_MUST ridge_status catalog_run_input(struct catalog *, int64_t run,
                                          const json_t *message, struct why *why);
/* What was in it, once that is known: for the row that was written with the digest "". */
RIDGE_MUST ridge_status catalog_run_input_read(struct catalog *, int64_t run,
                                               const char *role, const char *path,
                                               const char *digest, struct why *why);
RIDGE_MUST ridge_status catalog_run_text(struct catalog *, int64_t run,
                                         const json_t *message, struct why *why);

RIDGE_MUST ridge_status catalog_run_diagnostics(struct catalog *, int64_t run,
                                                const json_t *diagnostics, struct why *why);
/* What will execute (the worker's plan message); once, or again with the same content. */
RIDGE_MUST ridge_status catalog_run_detail(struct catalog *, int64_t run,
                                           const json_t *plan, struct why *why);
/* One measurement; repeat < 0 is warm-up.  A value that is not finite is kept as NULL
 * with its name.  The same metric and repeat twice is refused. */
RIDGE_MUST ridge_status catalog_run_sample(struct catalog *, int64_t run,
                                           const char *metric, int64_t repeat, double value,
                                           struct why *why);
/* Series, to be gathered and given every quarter second: one transaction. */
struct catalog_point {
  const char *series;
  int64_t step;
  double value;
};
RIDGE_MUST ridge_status catalog_run_points(struct catalog *, int64_t run,
                                           const struct catalog_point *, size_t n,
                                           struct why *why);
/* A line of the log; `place` ("file.c:12") may be NULL. */
RIDGE_MUST ridge_status catalog_run_event(struct catalog *, int64_t run, const char *level,
                                          const char *place, const char *text,
                                          struct why *why);
/* instances_report: calls, declines, time, memory, evidence of who took part. */
RIDGE_MUST ridge_status catalog_run_strategies(struct catalog *, int64_t run,
                                               const json_t *report, struct why *why);
/* The nodes message's arrays: time per operator, and what the steps were. */
RIDGE_MUST ridge_status catalog_run_operators(struct catalog *, int64_t run,
                                              const json_t *nodes, struct why *why);
RIDGE_MUST ridge_status catalog_run_stages(struct catalog *, int64_t run,
                                           const json_t *stages, struct why *why);

#define CATALOG_STATUS_MAP(X)                                                              \
  X(REFUSED, refused)                                                                      \
  X(RUNNING, running)                                                                      \
  X(DONE, done) X(INERT, inert) X(FAILED, failed) X(CRASHED, crashed) X(STOPPED, stopped)
enum catalog_status {
#define X(name, word) CATALOG_##name,
  CATALOG_STATUS_MAP(X)
#undef X
};
const char *catalog_status_word(enum catalog_status);

struct catalog_end {
  enum catalog_status status; /* not CATALOG_RUNNING                                  */
  const char *why;            /* last words, or the signal; NULL: none                */
  const char *blamed;         /* blame_read: "kv.paged 1.0.0"; "" or NULL: nobody     */
  const char *output;         /* SHA-256 of all tokens made; NULL: none               */
};
/* The one update that ends a run; safe against power loss when it returns. */
RIDGE_MUST ridge_status catalog_run_end(struct catalog *, int64_t run,
                                        const struct catalog_end *, struct why *why);

/* A note on a run, at any time. */
RIDGE_MUST ridge_status catalog_run_note(struct catalog *, int64_t run, const char *text,
                                         struct why *why);

/* A sweep is a name for runs that belong together; `points` is whatever it tries. */
RIDGE_MUST ridge_status catalog_sweep_begin(struct catalog *, const char *name,
                                            const char *recipe_text, const json_t *points,
                                            int64_t *sweep_id, struct why *why);
/* Done, stopped by the user, or failed.  A sweep whose supervisor was killed is closed as
 * crashed by whoever next opens the catalog. */
RIDGE_MUST ridge_status catalog_sweep_end(struct catalog *, int64_t sweep_id,
                                          enum catalog_status, struct why *why);

/* Descriptions of plugins by build and problems of files, for registry_search.cache; it
 * keeps a pointer to the catalog.  What cannot be written is forgotten: it is a cache. */
struct registry_cache catalog_registry_cache(struct catalog *);

/* Measured speed of a machine (machine_speed_json) by its facts (machine_identity).  Get:
 * the newest that knows `threads` threads, or fewer and more; 0: the newest of all. `speed`
 * is NULL when there is none. */
struct catalog_calibration {
  json_t *speed;    /* a new reference */
  int64_t id;       /* of the row      */
  int64_t measured; /* microseconds since 1970 */
};
RIDGE_MUST ridge_status catalog_calibration_get(struct catalog *, const json_t *machine,
                                                int threads,
                                                struct catalog_calibration *out,
                                                struct why *why);
RIDGE_MUST ridge_status catalog_calibration_put(struct catalog *, const json_t *machine,
                                                const json_t *speed, struct why *why);

#endif
