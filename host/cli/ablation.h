/*
 * ablation.h - inside `ridge ablate`: the arms, their runs, and what they say together.
 */
#ifndef RIDGE_CLI_ABLATION_H
#define RIDGE_CLI_ABLATION_H

#include "cli/run_words.h"

enum { MOST_STRATEGIES = 62, WHOLE = 0, PLAIN = 1, FIRST = 2, DEFAULT_ROUNDS = 3 };

struct arm {
  const char *without; /* a strategy; NULL: see `index` */
  struct outcome *rounds;
  bool out; /* refused or failed: not run again */
};

struct ablation {
  struct cli *cli;
  struct run_words words;
  struct run_once_options options;
  struct workplace place;
  json_t *strategies; /* of the composition */
  char name[128];     /* of the recipe      */
  const char *ids[MOST_STRATEGIES];
  size_t n; /* strategies */
  struct arm arms[MOST_STRATEGIES + FIRST];
  int64_t rounds, done, sweep_id;
  bool stopped;
  const char *metric; /* the speed that is compared; NULL: the first there is */
  struct why why;
};

static inline size_t arm_count(const struct ablation *a) { return FIRST + a->n; }
/* "whole", "plain", or the strategy that the arm leaves out. */
const char *arm_name(const struct ablation *, size_t arm);

/* ablation_report.c: tables for people, an object for programs. */
void ablation_print(const struct ablation *);
json_t *ablation_json(const struct ablation *, int exit);

#endif
