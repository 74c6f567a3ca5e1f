/*
 * recipe.h - a recipe as read: its text, its words, and what is wrong with it.
 *
 * The text is evaluated in a child process (`ridge eval-recipe -`), because nothing
 * inside a process stops Lua's own C code.  What the child answers is checked here
 * like any input from outside.  Whether words and values make sense is compose's
 * business.
 *
 * Ownership: everything a recipe points to lives until recipe_free.
 */
#ifndef RIDGE_RECIPE_RECIPE_H
#define RIDGE_RECIPE_RECIPE_H

#include "base/arena.h"
#include "recipe/recipe_source.h"
#include "recipe/recipe_words.h"

struct recipe_value {
  const json_t *plain; /* scalar, list of scalars, or {"odd": what}; NULL: a word */
  const struct recipe_word *word;
  struct place at; /* of an item of a root, where it is known */
};

struct recipe_field {
  const char *name;
  struct recipe_value value;
  struct place at;
};

struct recipe_word {
  const struct recipe_keyword *keyword;
  struct place at, arg_at;
  const char *arg; /* NULL: none */
  bool has_table;
  const struct recipe_field *fields;
  const struct recipe_value *items;
  size_t n_fields, n_items;
};

struct recipe {
  struct arena arena;
  struct recipe_source source;
  const char *file;               /* as given */
  const char *path;               /* absolute */
  const struct recipe_word *root; /* NULL: refused, see faults */
  json_t *faults;                 /* recipe_fault.h; empty: none */
  json_t *answer;                 /* of the child; values point into it */
};

/* Reads and evaluates.  A failure means that it could not be done at all: no such
 * file, no child; a recipe with mistakes is RIDGE_OK with faults.  `out` is to be
 * freed in either case. */
RIDGE_MUST ridge_status recipe_load(const char *self, const char *path, struct recipe *out,
                                    struct why *why);
void recipe_free(struct recipe *);

const struct recipe_field *recipe_field(const struct recipe_word *, const char *name);
/* "a text", "a whole number", "nil", ...: what was found where something else was
 * wanted. */
const char *recipe_value_kind(const struct recipe_value *);

/* The file of the recipe named `name` ("plain", "infer/plain"), looked for from the
 * folder of `recipe_path`: there, then in each folder named recipes on the way up or
 * beside it.  The caller frees; NULL: there is none. */
char *recipe_find(const char *recipe_path, const char *name);
/* The absolute form of a file name that a recipe at `recipe_path` gives: from its own
 * folder; where that holds no such file, from the folder that holds `recipes`.  The
 * caller frees. */
char *recipe_file_path(const char *recipe_path, const char *name);
/* All the places where it is looked for, in order; the caller frees each. */
enum { RECIPE_PLACES = 4 };
size_t recipe_file_places(const char *recipe_path, const char *name,
                          char *places[RECIPE_PLACES]);
/* Likewise of a recipe, its end left away; not all of them. */
size_t recipe_places(const char *recipe_path, const char *name,
                     char *places[RECIPE_PLACES]);

/* recipe_near.c: what may be meant by a name that is not there, as it would be written;
 * NULL: nothing is near.  The caller frees. */
char *recipe_path_near(const char *path, const char *name); /* looked for as `path` */
char *recipe_file_near(const char *recipe_path, const char *name);
char *recipe_near(const char *recipe_path, const char *name);

/* recipe_child.c */
enum { RECIPE_CPU_MS = 800 }; /* the child's own limit of processor time */
struct recipe_child_limits {
  int wall_ms;
  size_t answer_bytes;
};
/* The child's whole output; or a fault, when the child was stopped. */
RIDGE_MUST ridge_status recipe_child_run(const char *self, const struct recipe_source *,
                                         const struct recipe_child_limits *, char **answer,
                                         size_t *size, json_t **fault, struct why *why);
/* recipe_seal.c: from here on this process computes and writes, and the kernel refuses
 * it everything else, where it can. */
void recipe_seal(void);
/* In the child: limits, then evaluation of `fd`; prints the answer. */
int recipe_child_main(const char *file);

/* recipe_answer.c: check the child's answer into `out`. */
RIDGE_MUST ridge_status recipe_answer_read(const char *data, size_t size,
                                           struct recipe *out, struct why *why);

#endif
