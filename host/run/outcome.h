/*
 * outcome.h - what is known of one run: gathered from the worker's messages, judged at
 * the end, given out as JSON.
 *
 * Ownership: an outcome owns all it holds; outcome_free empties it.
 */
#ifndef RIDGE_RUN_OUTCOME_H
#define RIDGE_RUN_OUTCOME_H

#include "catalog.h"
#include "run/child.h"

struct outcome {
  int64_t run; /* 0: nothing was written down (a plan, or it could not begin) */
  char uid[27], name[128];
  int64_t seed;
  enum catalog_status status;
  int exit;
  char why[1024], blamed[64];
  char output[65], composition[65], task[65];
  json_t *asked;              /* the composition's strategies: [{"id",...}]          */
  json_t *recipe;             /* of compose: name, file, against, ...         */
  json_t *resolved, *origins; /* of compose; NULL when it refused             */
  json_t *plan;               /* of the plan message                                 */
  json_t *samples;            /* {metric: [[repeat, value], ...]}, warm-up included  */
  json_t *strategies;         /* instances_report                                    */
  json_t *texts;              /* the text messages                                   */
  json_t *events;             /* [{"level","text"}]                                  */
  json_t *inputs; /* [{"role","name","path","digest","bytes","modified"}]; digest "": not
                     read */
  json_t *nodes;
  json_t *diagnostics; /* compose's, or the worker's with places filled in    */
  bool done;           /* the worker said "done"                              */
  bool interrupted;    /* however it ended: whoever asked for it wants no more */
};

void outcome_init(struct outcome *);
void outcome_free(struct outcome *);

/* One message of the worker; false, with a sentence, if it is not a proper one. */
bool outcome_hear(struct outcome *, const json_t *message, struct why *why);
void outcome_sample(struct outcome *, const char *metric, int64_t repeat, double value);
void outcome_event(struct outcome *, const char *level, const char *text);

/* Status, exit code and last words, from how the worker ended and what it said. */
void outcome_judge(struct outcome *, const struct child_end *);
/* Something kept the run from being written down as it was: it has failed. */
void outcome_fail(struct outcome *, const char *sentence);

struct spread {
  double median, lo, hi;
  int64_t n;
};
/* Of the measured repeats; false when there is none. */
bool outcome_spread(const struct outcome *, const char *metric, struct spread *out);
/* Is it a strategy's row of the report (and not a part's)? */
bool outcome_is_strategy(const json_t *row);
uint64_t outcome_evidence(const json_t *row); /* all counts together */

/* {"run","uid","name","status","exit","why","blamed","seed","metrics":{name: median},
 *  "samples":{name:[...]},"warmup":{...},"strategies":[...],"parts":[...],"outputs":[...],
 *  "inputs","plan":digest,"composition":digest,"task":digest,"output":digest,
 *  "diagnostics":[...],"events":[...]} */
json_t *outcome_json(const struct outcome *);

#endif
