/*
 * against.h - `against "name"` of a recipe: the run it is compared with.
 *
 * The newest finished run of that recipe with the same seed, machine and program; made
 * now if there is none.  What it was is always told.
 */
#ifndef RIDGE_CLI_AGAINST_H
#define RIDGE_CLI_AGAINST_H

#include "cli/cli.h"
#include "run/outcome.h"

struct against {
  int64_t run;     /* 0: the recipe compares with nothing, or it could not be made */
  bool made;       /* now, because there was none                                  */
  bool other_task; /* inputs or settings differ: the figures are not compared    */
  char name[128];
  json_t *samples; /* {metric: [values]} of its measured repeats               */
};

/* Prints what goes wrong to standard error. */
void against_take(struct cli *, const struct outcome *own, bool quiet, struct against *out);
void against_free(struct against *);
/* metric | theirs | ours | ratio */
void against_print(const struct cli *, const struct against *, const struct outcome *own);
/* {"run","name","made","ratios":{metric: ours / theirs}}, or null */
json_t *against_json(const struct against *, const struct outcome *own);

#endif
