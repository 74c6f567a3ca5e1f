/*
 * wire.h - JSON lines over a pipe: cutting a stream into lines, reading them safely.
 *
 * What comes from the other process is data from outside: lines are bounded, depth is
 * checked on the raw bytes before a parser recurses, numbers are read through checked
 * functions.
 *
 * Ownership: a `struct lines` is its maker's; messages are new references.
 */
#ifndef RIDGE_RUN_WIRE_H
#define RIDGE_RUN_WIRE_H

#include "run/message.h"

enum { WIRE_DEPTH = 64 };
#define WIRE_LINE_LIMIT ((size_t)64 << 20) /* a plan with every node has a few MiB */

struct lines {
  char *data;
  size_t size, room, limit;
};

struct lines lines_new(size_t limit);
void lines_free(struct lines *);
/* Add bytes and hand out each whole line (ended by NUL, without the newline; valid
 * during the call).  False when a line is longer than the limit. */
bool lines_add(struct lines *, const char *bytes, size_t n,
               void (*each)(void *ctx, char *line, size_t size), void *ctx);

/* One line as an object; refused: not JSON, twice the same key, too deep, no object. */
json_t *wire_parse(const char *line, size_t size, struct why *why);
/* The object as one line, newline included, ended by NUL; NULL if it cannot be written (a
 * text that is not UTF-8 never gets into jansson, so: out of memory).  The caller frees. */
char *wire_text(const json_t *message, size_t *size);

/* Any bytes as a JSON text: what is not UTF-8 becomes U+FFFD. */
json_t *wire_clean(const char *bytes, size_t size);

/* Fields, checked: false when missing, of another type, or outside lo..hi. */
bool wire_int(const json_t *object, const char *key, int64_t lo, int64_t hi, int64_t *out);
bool wire_text_of(const json_t *object, const char *key, const char **out);
/* A number or one of "nan", "+inf", "-inf" (JSON has none of these). */
bool wire_real(const json_t *object, const char *key, double *out);

#endif
