/*
 * table.h - aligned columns for people; tab-separated when piped.
 */
#ifndef RIDGE_CLI_TABLE_H
#define RIDGE_CLI_TABLE_H

#include "base/human.h"

#include <stdbool.h>
#include <stddef.h>

struct table;

/* Titles joined by '|'; one that starts with '>' is aligned right:
 * "strategy|engaged|>tokens/s". */
struct table *table_new(const char *titles);
void table_cell(struct table *, const char *text); /* row by row, copied; NULL: "-" */
void table_cellf(struct table *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints to standard output.  Aligned and (with `colour`) a bold head on a terminal;
 * otherwise tab-separated with the titles as first line. Frees the table. */
void table_print(struct table *, bool terminal, bool colour);
/* The same, aligned, in lines of at most `room` columns (0: any): cells are folded, and
 * what does not fit beside the rest comes below it, with the first column again. */
void table_print_within(struct table *, int room, bool bold);
void table_discard(struct table *); /* unprinted */
/* Columns of the terminal at standard output; 0: it is none. */
int table_terminal_width(void);

#endif
