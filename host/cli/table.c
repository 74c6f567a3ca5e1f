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
#include <sys/ioctl.h>
#include <unistd.h>

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

/* Bytes of the first piece of `text` that is no wider than `width`, cut at a blank where
 * there is one; at least one character. */
static size_t piece_of(const char *text, int width) {
  size_t size = 0, blank = 0;
  char one[8];
  for (int used = 0; text[size] != 0;) {
    size_t n = 1;
    while (n < sizeof one - 1 && ((unsigned char)text[size + n] & 0xc0) == 0x80) n++;
    memcpy(one, text + size, n);
    one[n] = 0;
    used += text_width(one);
    if (used > width && size > 0) return blank > 0 ? blank : size;
    size += n;
    if (text[size] == ' ') blank = size;
  }
  return size;
}

static void print_piece(const struct table *table, size_t c, const char *text, size_t size,
                        int width) {
  char *piece = strndup(text, size);
  if (piece == NULL) abort();
  int pad = width - text_width(piece);
  if (table->right[c]) print_spaces(pad);
  fputs(piece, stdout);
  if (c + 1 < table->columns) print_spaces((table->right[c] ? 0 : pad) + GAP);
  free(piece);
}

/* A row takes as many lines as its longest cell needs in its column. */
static void print_aligned(const struct table *table, char *const *cells,
                          const int *widths) {
  const char *rest[MOST_COLUMNS];
  for (size_t c = 0; c < table->columns; c++) rest[c] = cells[c];
  for (bool more = true, first = true; more; first = false) {
    more = false;
    if (!first) putchar('\n');
    for (size_t c = 0; c < table->columns; c++) {
      size_t size = piece_of(rest[c], widths[c]);
      print_piece(table, c, rest[c], size, widths[c]);
      rest[c] += size;
      while (*rest[c] == ' ') rest[c]++;
      more |= *rest[c] != 0;
    }
  }
}

/* Words up to a length stay whole: no column is made narrower than its longest. */
static int narrowest(const struct table *table, size_t c) {
  enum { LEAST = 14, LONGEST = 40 };
  int most = LEAST;
  for (size_t i = c; i < table->n; i += table->columns)
    for (const char *word = table->cells[i]; *word != 0; word += strspn(word, " ")) {
      int width = (int)strcspn(word, " ");
      if (width > most && width <= LONGEST) most = width;
      word += width;
    }
  return most;
}

/* Narrow the widest column of text that is above its least; false: there is none. */
static bool narrow_one(const struct table *table, const int *least, int *widths) {
  size_t widest = table->columns;
  for (size_t c = 0; c < table->columns; c++)
    if (!table->right[c] && widths[c] > least[c] &&
        (widest == table->columns || widths[c] > widths[widest]))
      widest = c;
  if (widest == table->columns) return false;
  widths[widest]--;
  return true;
}

int table_terminal_width(void) {
  struct winsize terminal = {0};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &terminal) == 0 ? terminal.ws_col : 0;
}

/* Until a row fits the terminal: first between words, then, where it must be, in them. */
static void fit_terminal(const struct table *table, int *widths) {
  enum { TINY = 9 };
  int least[MOST_COLUMNS], total = -GAP, room = table_terminal_width();
  if (room == 0) return;
  for (size_t c = 0; c < table->columns; c++) {
    least[c] = narrowest(table, c);
    total += widths[c] + GAP;
  }
  while (total > room && narrow_one(table, least, widths)) total--;
  for (size_t c = 0; c < table->columns; c++) least[c] = TINY;
  while (total > room && narrow_one(table, least, widths)) total--;
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
  if (terminal) fit_terminal(table, widths);
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
