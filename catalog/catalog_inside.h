/* catalog_inside.h - what the files of the catalog share.  Internal to the catalog. */
#ifndef RIDGE_CATALOG_INSIDE_H
#define RIDGE_CATALOG_INSIDE_H

#include "catalog.h"
#include "embedded.h"
#include "sql.h"

const struct embedded_file *embedded_find(const char *name); /* or NULL */

/* Techniques and claims of an edition newer than what is there; in a transaction of
 * its own when there is something to do. */
RIDGE_MUST ridge_status catalog_load_techniques(struct catalog *, struct why *why);

/* This process, as text that another one can judge; "" never. */
void supervisor_self(char out[160]);
enum supervisor_life { SUPERVISOR_ALIVE, SUPERVISOR_GONE, SUPERVISOR_UNKNOWN };
enum supervisor_life supervisor_life(const char *text);
/* Close the runs whose supervisors are gone. */
RIDGE_MUST ridge_status catalog_close_stale(struct catalog *, struct why *why);

void uid_make(char out[27]);

/* Rows that are made when they are missing; inside a transaction. */
RIDGE_MUST ridge_status machine_row(struct catalog *, const json_t *machine, int64_t *id,
                                    struct why *why);
RIDGE_MUST ridge_status program_row(struct catalog *, const json_t *program, int64_t *id,
                                    struct why *why);
RIDGE_MUST ridge_status recipe_row(struct catalog *, const char *name, const char *text,
                                   int64_t *id, struct why *why);
RIDGE_MUST ridge_status plan_row(struct catalog *, const struct catalog_asked *,
                                 int64_t *id, struct why *why);
RIDGE_MUST ridge_status plugin_row(struct catalog *, const char *build,
                                   const json_t *description, int64_t *id, struct why *why);
/* The metric of that name, made without a meaning when nobody has said what it means. */
RIDGE_MUST ridge_status metric_row(struct catalog *, const char *name, int64_t *id,
                                   struct why *why);
RIDGE_MUST ridge_status metric_define(struct catalog *, const struct catalog_metric *,
                                      struct why *why);

/* Checked readers of what came in as JSON; `what` goes into the sentence. */
RIDGE_MUST ridge_status want_text(const json_t *object, const char *key, const char *what,
                                  const char **out, struct why *why);
RIDGE_MUST ridge_status want_int(const json_t *object, const char *key, const char *what,
                                 int64_t *out, struct why *why);
const char *text_or(const json_t *object, const char *key, const char *fallback);
int64_t int_or(const json_t *object, const char *key, int64_t fallback);

#endif
