/* metric_words.h - metrics named on the command line, checked before any time is spent. */
#ifndef RIDGE_CLI_METRIC_WORDS_H
#define RIDGE_CLI_METRIC_WORDS_H

#include "cli/cli.h"
#include "registry/registry.h"

/* -1, or the exit code when a name is neither the host's nor an installed plugin's. */
int metric_words_check(const struct cli *, const char *verb, const struct registry *,
                       const char *const *names, size_t n);

#endif
