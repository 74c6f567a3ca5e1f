/*
 * prose.h - sentences in lines that end between words.
 */
#ifndef RIDGE_CLI_PROSE_H
#define RIDGE_CLI_PROSE_H

/* Columns for prose: the terminal's, 88 at most; where there is none, 88. */
int prose_width(void);
/* `text` in lines of at most `room` columns, each but the first behind `indent` blanks;
 * the first line already holds `used` columns.  Ends with a line end. */
void prose_print_within(const char *text, int used, int indent, int room);
/* Folded on a terminal, in one line in a pipe; control characters become `?`. */
void prose_line(const char *text, int used, int indent);
/* The same of a sentence that is put together. */
void prose_format(int used, int indent, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
