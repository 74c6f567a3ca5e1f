/*
 * table.c - aligned columns for people, tab-separated ones for pipes.
 *
 * Cells are cleaned when they come in: a tab or a newline would break a row, an
 * escape sequence in a model's name would drive the reader's terminal.
 */
#include "cli/table.h"

#include "base/text.h"
#include "cli/table_fit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOST_COLUMNS = TABLE_MOST_COLUMNS };

struct table {
  char *titles[MOST_COLUMNS];
  bool right[MOST_COLUMNS];
  size_t columns;
  char **cells;
  size_t n, room;
};

static void add_title(struct table *table, const char *title, size_t size) {
  if (table->columns == MOST_COLUMNS) abort();
  char *copy = strndup(title, size);
  if (copy == NULL) abort();
  bool right = copy[0] == '>';
  if (right) memmove(copy, copy + 1, size);
  text_make_plain(copy, "");
  table->titles[table->columns] = copy;
  table->right[table->columns++] = right;
}

struct table *table_new(const char *titles) {
  struct table *table = calloc(1, sizeof *table);
  if (table == NULL) abort();
  for (const char *at = titles;; at++) {
    size_t size = strcspn(at, "|");
    add_title(table, at, size);
    at += size;
    if (*at == 0) return table;
  }
}

void table_cell(struct table *table, const char *text) {
  if (table->n == table->room) {
    table->room = table->room == 0 ? 64 : table->room * 2;
    table->cells = reallocarray(table->cells, table->room, sizeof *table->cells);
    if (table->cells == NULL) abort();
  }
  table->cells[table->n++] = text_plain_copy(text != NULL ? text : "-", "");
}

void table_cellf(struct table *table, const char *fmt, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, fmt);
  int n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0) abort();
  table_cell(table, text);
  free(text);
}

/* What a block of columns needs to know while it is printed. */
struct layout {
  size_t columns[MOST_COLUMNS]; /* which, from left to right */
  size_t n;
  const int *widths; /* by column of the table */
};

/* The first piece of `*rest` in column `c`, behind the blanks that are owed: so a line
 * ends with none. */
static void print_piece(const struct table *table, size_t c, int width, const char **rest,
                        int *blanks) {
  size_t size = table_piece(*rest, width);
  char *piece = strndup(*rest, size);
  if (piece == NULL) abort();
  int pad = width > text_width(piece) ? width - text_width(piece) : 0;
  if (table->right[c]) *blanks += pad;
  if (size > 0) {
    printf("%*s%s", *blanks, "", piece);
    *blanks = 0;
  }
  *blanks += (table->right[c] ? 0 : pad) + TABLE_GAP;
  free(piece);
  *rest += size;
  while (**rest == ' ') ++*rest;
}

/* A row takes as many lines as its longest cell needs in its column. */
static void print_aligned(const struct table *table, const struct layout *layout,
                          char *const *cells) {
  const char *rest[MOST_COLUMNS];
  for (size_t i = 0; i < layout->n; i++) rest[i] = cells[layout->columns[i]];
  for (bool more = true, first = true; more; first = false) {
    int blanks = 0;
    more = false;
    if (!first) putchar('\n');
    for (size_t i = 0; i < layout->n; i++) {
      size_t c = layout->columns[i];
      print_piece(table, c, layout->widths[c], &rest[i], &blanks);
      more |= *rest[i] != 0;
    }
  }
}

static void print_block(const struct table *table, const struct layout *layout, bool bold) {
  if (bold) fputs("\033[1m", stdout);
  print_aligned(table, layout, table->titles);
  if (bold) fputs("\033[0m", stdout);
  putchar('\n');
  for (size_t row = 0; row < table->n; row += table->columns) {
    print_aligned(table, layout, table->cells + row);
    putchar('\n');
  }
}

static void print_tabbed(const struct table *table, char *const *cells) {
  for (size_t c = 0; c < table->columns; c++) {
    if (c > 0) putchar('\t');
    fputs(cells[c], stdout);
  }
  putchar('\n');
}

static void look_at(struct table_column *column, const char *cell) {
  int width = text_width(cell), word = table_longest(cell, false),
      part = table_longest(cell, true);
  if (width > column->natural) column->natural = width;
  if (word > column->word) column->word = word;
  if (part > column->part) column->part = part;
}

static void measure(const struct table *table, struct table_column *columns) {
  for (size_t c = 0; c < table->columns; c++) {
    columns[c] = (struct table_column){.right = table->right[c]};
    look_at(&columns[c], table->titles[c]);
  }
  for (size_t i = 0; i < table->n; i++)
    look_at(&columns[i % table->columns], table->cells[i]);
}

void table_discard(struct table *table) {
  for (size_t c = 0; c < table->columns; c++) free(table->titles[c]);
  for (size_t i = 0; i < table->n; i++) free(table->cells[i]);
  free(table->cells);
  free(table);
}

int table_terminal_width(void) {
  struct winsize terminal = {0};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &terminal) == 0 ? terminal.ws_col : 0;
}

/* Blocks one below the other, each of them opened by the first column, where the columns
 * do not fit side by side. */
void table_print_within(struct table *table, int room, bool bold) {
  struct table_column columns[MOST_COLUMNS];
  int widths[MOST_COLUMNS];
  while (table->n % table->columns != 0) table_cell(table, NULL);
  measure(table, columns);
  for (size_t from = 0; from < table->columns;) {
    size_t to = table_fit(columns, table->columns, from, room, widths);
    struct layout layout = {.widths = widths};
    if (from > 0) layout.columns[layout.n++] = 0;
    for (size_t c = from; c < to; c++) layout.columns[layout.n++] = c;
    if (from > 0) putchar('\n');
    print_block(table, &layout, bold);
    from = to;
  }
  table_discard(table);
}

void table_print(struct table *table, bool terminal, bool colour) {
  if (terminal) {
    table_print_within(table, table_terminal_width(), colour);
    return;
  }
  while (table->n % table->columns != 0) table_cell(table, NULL);
  print_tabbed(table, table->titles);
  for (size_t row = 0; row < table->n; row += table->columns)
    print_tabbed(table, table->cells + row);
  table_discard(table);
}
