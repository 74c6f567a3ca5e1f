/*
 * recipe_words.h - the words of the recipe language, and where each belongs.
 *
 * The words of host settings (model, sample, ...) come from base/settings.
 */
#ifndef RIDGE_RECIPE_RECIPE_WORDS_H
#define RIDGE_RECIPE_RECIPE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum recipe_root {
  ROOT_INFER = 1,
  ROOT_SWEEP = 2,
  ROOT_LATER = 4, /* train and serve: known, not built yet */
};

enum recipe_shape {
  SHAPE_TEXT = 1,  /* word "text"         */
  SHAPE_TABLE = 2, /* word { ... }        */
  SHAPE_MORE = 4,  /* word "text" { ... } */
};

struct recipe_keyword {
  const char *name;
  unsigned roots; /* roots that may hold it; 0: it is a root, or stands inside a word */
  unsigned shapes;
  bool is_root;
  const char *example;
};

/* By index, 0 up to recipe_keyword_count. */
const struct recipe_keyword *recipe_keyword(size_t i);
size_t recipe_keyword_count(void);
const struct recipe_keyword *recipe_keyword_find(const char *name);

/* Why a recipe has no `name` although Lua does ("os", "string.rep", ...); NULL: no
 * reason is known. */
const char *recipe_absent_reason(const char *name);

#endif
