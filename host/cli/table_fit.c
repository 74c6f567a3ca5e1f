/*
 * table_fit.c - how wide the columns of a table are where there is not room for all.
 *
 * Cells are folded between words; where that is not enough, names are folded between
 * their parts; and where that is not enough either, the table goes on below, with its
 * first column again.  Only what is alone in its block and still too wide is cut anywhere.
 */
#include "cli/table_fit.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

enum {
  PROSE = 14,     /* a column of words stays at least so wide, if it was */
  FIGURES = 20,   /* likewise one of figures, which are read at a glance */
  LONG_WORD = 40, /* a longer one may be cut at any rate                 */
  READABLE = 24,  /* what a column of words gets when blocks are made    */
  TINY = 9,       /* what may be cut anywhere stays so wide              */
};

/* Whether a name may be folded behind text[i]: figures such as 1.25 stay whole. */
static bool part_ends(const char *text, size_t i) {
  return i > 0 && strchr("._/-,", text[i]) != NULL &&
         (text[i] == ',' || isalpha((unsigned char)text[i + 1]) || text[i] == '/') &&
         text[i + 1] != 0;
}

/* Bytes of the character at `text`, and how wide it is. */
static size_t character(const char *text, int *width) {
  char one[8];
  size_t n = 1;
  while (n < sizeof one - 1 && ((unsigned char)text[n] & 0xc0) == 0x80) n++;
  memcpy(one, text, n);
  one[n] = 0;
  *width = text_width(one);
  return n;
}

int table_longest(const char *cell, bool parts) {
  int most = 0, width = 0, one;
  for (size_t i = 0; cell[i] != 0;) {
    size_t n = character(cell + i, &one);
    width = cell[i] == ' ' ? 0 : width + one;
    if (width > most) most = width;
    if (parts && part_ends(cell, i)) width = 0;
    i += n;
  }
  return most;
}

size_t table_piece(const char *cell, int width) {
  size_t size = 0, blank = 0, part = 0;
  int used = 0, one;
  while (cell[size] != 0) {
    size_t n = character(cell + size, &one);
    used += one;
    if (used > width && size > 0) return blank > 0 ? blank : part > 0 ? part : size;
    if (part_ends(cell, size)) part = size + n;
    size += n;
    if (cell[size] == ' ') blank = size;
  }
  return size;
}

static int least_of(int a, int b) { return a < b ? a : b; }
static int most_of(int a, int b) { return a > b ? a : b; }

/* As narrow as a column may be when folded between words, or between their parts. */
static int narrow_width(const struct table_column *column, bool parts) {
  int longest = least_of(parts ? column->part : column->word, LONG_WORD);
  return least_of(column->natural, most_of(longest, column->right ? FIGURES : PROSE));
}

static int block_width(const struct table_column *column) {
  if (column->right) return narrow_width(column, false);
  return most_of(narrow_width(column, false), least_of(column->natural, READABLE));
}

/* Is column `c` in the block? */
static bool inside(size_t c, size_t from, size_t to) {
  return c == 0 || (c >= from && c < to);
}

/* Take from the widest column that is above its least until `over` is nothing; returns
 * what could not be taken. */
static int narrow(size_t from, size_t to, const int *least, int *widths, int over) {
  while (over > 0) {
    size_t widest = to;
    for (size_t c = 0; c < to; c++)
      if (inside(c, from, to) && widths[c] > least[c] &&
          (widest == to || widths[c] > widths[widest]))
        widest = c;
    if (widest == to) return over;
    widths[widest]--;
    over--;
  }
  return over;
}

static int total_of(size_t from, size_t to, const int *widths) {
  int total = -TABLE_GAP;
  for (size_t c = 0; c < to; c++)
    if (inside(c, from, to)) total += widths[c] + TABLE_GAP;
  return total;
}

/* The columns that fit when none is narrower than it reads well; at least one. */
static size_t block_end(const struct table_column *columns, size_t n, size_t from,
                        int room) {
  int total = from > 0 ? block_width(&columns[0]) : -TABLE_GAP;
  size_t to = from;
  for (; to < n; to++) {
    total += TABLE_GAP + block_width(&columns[to]);
    if (total > room && to > (from > 0 ? from : 1)) break;
  }
  return to;
}

/* What is too much after folding between words, then between parts of words. */
static int fold(const struct table_column *columns, size_t from, size_t to, int room,
                int *widths) {
  int least[TABLE_MOST_COLUMNS], over = total_of(from, to, widths) - room;
  for (int parts = 0; parts < 2; parts++) {
    for (size_t c = 0; c < to; c++) least[c] = narrow_width(&columns[c], parts);
    over = narrow(from, to, least, widths, over);
  }
  return over;
}

static void natural(const struct table_column *columns, size_t n, int *widths) {
  for (size_t c = 0; c < n; c++) widths[c] = columns[c].natural;
}

size_t table_fit(const struct table_column *columns, size_t n, size_t from, int room,
                 int *widths) {
  int least[TABLE_MOST_COLUMNS];
  natural(columns, n, widths);
  if (room == 0 || fold(columns, from, n, room, widths) <= 0) return n;
  size_t to = block_end(columns, n, from, room);
  natural(columns, n, widths);
  int over = fold(columns, from, to, room, widths);
  for (size_t c = 0; c < to; c++) least[c] = least_of(columns[c].natural, TINY);
  narrow(from, to, least, widths, over);
  return to;
}
