/* run_words.c - the words that `run`, `plan` and `ablate` have in common. */
#include "cli/run_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_seed(const struct cli *cli, const char *verb, const char *word,
                     struct run_once_options *options) {
  char *end;
  errno = 0;
  intmax_t seed = strtoimax(word, &end, 10);
  if (end == word || *end != 0 || errno != 0)
    return options_refuse(cli, verb, "--seed wants a whole number, not `%s`", word);
  options->has_seed = true;
  options->seed = seed;
  return -1;
}

static int read_set(const struct cli *cli, const char *verb, struct run_words *words,
                    size_t i) {
  const char *word = words->sets.items[i], *equals = strchr(word, '=');
  size_t size = equals != NULL ? (size_t)(equals - word) : 0;
  if (size == 0)
    return options_refuse(cli, verb,
                          "--set wants NAME=VALUE, like kv.paged.block=32; not `%s`", word);
  if (size >= sizeof words->names[i])
    return options_refuse(cli, verb, "--set: no name is as long as `%.40s...`", word);
  memcpy(words->names[i], word, size);
  words->names[i][size] = 0;
  words->overrides[i] =
      (struct compose_override){words->names[i], equals + 1, "command", NULL};
  return -1;
}

int run_words_read(const struct cli *cli, const char *verb, struct run_words *words,
                   struct run_once_options *options) {
  for (size_t i = 0; i < words->sets.n; i++) {
    int exit = read_set(cli, verb, words, i);
    if (exit >= 0) return exit;
  }
  options->overrides = words->overrides;
  options->n_overrides = words->sets.n;
  options->repeats = words->repeat;
  return words->seed != NULL ? read_seed(cli, verb, words->seed, options) : -1;
}
