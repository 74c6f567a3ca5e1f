/* run_words.h - the words that `run`, `plan` and `ablate` have in common. */
#ifndef RIDGE_CLI_RUN_WORDS_H
#define RIDGE_CLI_RUN_WORDS_H

#include "cli/options.h"
#include "run/supervisor.h"

struct run_words {
  const char *recipe;
  struct option_texts sets;
  int64_t repeat;
  const char *seed;
  bool quiet;
  struct compose_override overrides[64]; /* from `sets`: names point into `names` */
  char names[64][160];
};

#define RUN_WORD_ROWS(words)                                                               \
  {.name = "RECIPE", .doc = "a recipe file", .kind = OPTION_TEXT, .to = &(words)->recipe}, \
      {.name = "--set",                                                                    \
       .value = "NAME=VALUE",                                                              \
       .kind = OPTION_TEXTS,                                                               \
       .to = &(words)->sets,                                                               \
       .doc = "another value: kv.paged.block=32; may be repeated"},                        \
  {                                                                                        \
    .name = "--seed", .value = "N", .doc = "another seed", .kind = OPTION_TEXT,            \
    .to = &(words)->seed                                                                   \
  }

/* Split the --set words and read the seed into `options`; -1, or the exit code. */
int run_words_read(const struct cli *, const char *verb, struct run_words *,
                   struct run_once_options *options);

#endif
