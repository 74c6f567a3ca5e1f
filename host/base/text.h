/*
 * text.h - a string that grows, up to the limit it was born with.
 *
 * `data` is always ended by NUL.  Past the limit nothing more is added and `full`
 * is set, for the owner to check once at the end.
 */
#ifndef RIDGE_BASE_TEXT_H
#define RIDGE_BASE_TEXT_H

#include <ridge/plugin.h>

struct text {
  char *data;
  size_t size, room, limit;
  bool full;
};

struct text text_new(size_t limit);
void text_free(struct text *);
void text_clear(struct text *);
void text_add(struct text *, const char *piece);
void text_bytes(struct text *, const void *data, size_t size);
void text_format(struct text *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
/* Append as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void text_quote(struct text *, const char *piece, size_t size);
/* Columns that `piece` takes on a terminal (wide and combining characters). */
int text_width(const char *piece);
/* In place: a blank for each control character but those of `kept` (line ends are control
 * characters too), and a question mark for each byte that is no UTF-8.  What strangers
 * wrote must not move a cursor. */
void text_make_plain(char *text, const char *kept);
/* The same of a copy; the caller frees. */
char *text_plain_copy(const char *text, const char *kept);

#endif
