/* metrics.h - what the numbers of a run are called, and which way is better. */
#ifndef RIDGE_RUN_METRICS_H
#define RIDGE_RUN_METRICS_H

#include "catalog.h"

const struct catalog_metric *metric_list(size_t *n);        /* the whole table */
const struct catalog_metric *metric_find(const char *name); /* or NULL: a strategy's own */
/* "12.3 ms", "1.50 MiB", "41.2 token/s": for people, as table.h's figures. */
const char *metric_figure(const char *name, double value);

#endif
