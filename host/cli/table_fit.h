/*
 * table_fit.h - how wide the columns of a table are where there is not room for all.
 */
#ifndef RIDGE_CLI_TABLE_FIT_H
#define RIDGE_CLI_TABLE_FIT_H

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_MOST_COLUMNS = 32, TABLE_GAP = 2 };

/* Widths of a column's widest cell, of its longest word, and of the longest part of a
 * word: parts end at a point, an underscore, a slash or a hyphen between letters. */
struct table_column {
  int natural, word, part;
  bool right;
};

int table_longest(const char *cell, bool parts);
/* Bytes of the first piece of `cell` that is no wider than `width`: cut at a blank, else
 * between parts, else where it must be; at least one character. */
size_t table_piece(const char *cell, int width);
/* Columns `from` .. the result fit into `room` (0: any), behind column 0 if `from` is
 * not 0; their widths are set, and that of column 0. */
size_t table_fit(const struct table_column *, size_t n, size_t from, int room, int *widths);

#endif
