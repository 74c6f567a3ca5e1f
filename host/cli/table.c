/*
 * table.c - aligned columns for people, tab-separated ones for pipes.
 *
 * Cells are cleaned when they come in: a tab or a newline would break a row, an
 * escape sequence in a model's name would drive the reader's terminal.
 */
#include "cli/table.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32, GAP = 2 };

struct table {
  char *titles[MOST_COLUMNS];
  bool right[MOST_COLUMNS];
  size_t columns;
  char **cells;
  size_t n, room;
};

static char *clean_copy(const char *text) {
  char *copy = strdup(text != NULL ? text : "-");
  if (copy == NULL) abort();
  for (char *at = copy; *at != 0; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = ' ';
  return copy;
}

static void add_title(struct table *table, const char *title, size_t size) {
  if (table->columns == MOST_COLUMNS) abort();
  char *copy = strndup(title, size);
  if (copy == NULL) abort();
  bool right = copy[0] == '>';
  if (right) memmove(copy, copy + 1, size);
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
  table->cells[table->n++] = clean_copy(text);
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

static void print_spaces(int n) {
  if (n > 0) printf("%*s", n, "");
}

static void print_aligned(const struct table *table, char *const *cells,
                          const int *widths) {
  for (size_t c = 0; c < table->columns; c++) {
    int pad = widths[c] - text_width(cells[c]);
    if (table->right[c]) print_spaces(pad);
    fputs(cells[c], stdout);
    if (c + 1 == table->columns) break;
    if (!table->right[c]) print_spaces(pad);
    print_spaces(GAP);
  }
}

static void print_tabbed(const struct table *table, char *const *cells) {
  for (size_t c = 0; c < table->columns; c++) {
    if (c > 0) putchar('\t');
    fputs(cells[c], stdout);
  }
}

static void measure(const struct table *table, int *widths) {
  for (size_t c = 0; c < table->columns; c++) widths[c] = text_width(table->titles[c]);
  for (size_t i = 0; i < table->n; i++) {
    int width = text_width(table->cells[i]);
    if (width > widths[i % table->columns]) widths[i % table->columns] = width;
  }
}

void table_discard(struct table *table) {
  for (size_t c = 0; c < table->columns; c++) free(table->titles[c]);
  for (size_t i = 0; i < table->n; i++) free(table->cells[i]);
  free(table->cells);
  free(table);
}

void table_print(struct table *table, bool terminal, bool colour) {
  int widths[MOST_COLUMNS] = {0};
  while (table->n % table->columns != 0) table_cell(table, NULL);
  measure(table, widths);
  bool bold = terminal && colour;
  if (bold) fputs("\033[1m", stdout);
  if (terminal)
    print_aligned(table, table->titles, widths);
  else
    print_tabbed(table, table->titles);
  if (bold) fputs("\033[0m", stdout);
  putchar('\n');
  for (size_t row = 0; row < table->n; row += table->columns) {
    if (terminal)
      print_aligned(table, table->cells + row, widths);
    else
      print_tabbed(table, table->cells + row);
    putchar('\n');
  }
  table_discard(table);
}
