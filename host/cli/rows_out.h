/*
 * rows_out.h - the rows of a query, as people or programs want them.
 *
 * csv and jsonl are written as the rows come; table, md and json when all are there.
 */
#ifndef RIDGE_CLI_ROWS_OUT_H
#define RIDGE_CLI_ROWS_OUT_H

#include "catalog_read.h"
#include "cli/cli.h"

struct rows_out;

/* `format` is table, md, csv, json or jsonl; NULL for anything else. */
struct rows_out *rows_out_new(const struct cli *, const char *format);
struct catalog_sink rows_out_sink(struct rows_out *);
/* Print what is left, or (`failed`) nothing more; frees.  The exit code: not 0 when the
 * format cannot hold these rows. */
int rows_out_end(struct rows_out *, bool failed);

#endif
