/*
 * recipe_source.h - the text of a recipe, and where things stand in it.
 *
 * Lines are counted as Lua counts them.  Columns are characters, from 1, because
 * that is what an editor shows.
 *
 * Ownership: a source owns its text until recipe_source_free.
 */
#ifndef RIDGE_RECIPE_RECIPE_SOURCE_H
#define RIDGE_RECIPE_RECIPE_SOURCE_H

#include "base/why.h"

#include <jansson.h>

enum { RECIPE_BYTES_MOST = 1 << 20 };

struct place {
  int line, column, length; /* line 0: nowhere in the text */
};

struct recipe_source {
  char *text; /* ended by NUL, which is not counted */
  size_t size;
  size_t *starts; /* offset of each line's first byte */
  int lines;
  bool cut; /* the file is larger than a recipe may be; the rest was not read */
};

/* Reads a regular file (a pipe or device would wait or never end). */
RIDGE_MUST ridge_status recipe_source_read(const char *path, struct recipe_source *out,
                                           struct why *why);
struct recipe_source recipe_source_of(const char *text, size_t size);
void recipe_source_free(struct recipe_source *);

struct place recipe_place(const struct recipe_source *, size_t offset, size_t size);
/* From the first character of a line that is not blank to the last. */
struct place recipe_place_line(const struct recipe_source *, int line);
/* The bytes of a line without its end; NULL when there is no such line. */
const char *recipe_line(const struct recipe_source *, int line, size_t *size);
/* What keeps this from being read as a recipe at all (too large, a NUL byte, not
 * UTF-8, compiled Lua), as a diagnostic; NULL when nothing does. */
json_t *recipe_source_problem(const struct recipe_source *);

#endif
