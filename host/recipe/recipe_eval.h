/*
 * recipe_eval.h - evaluate the text of a recipe in a sandboxed Lua state.
 *
 * The answer is plain data:
 *   {"faults": [...]}            refused, see recipe_fault.h
 *   {"recipe": WORD}             what the file returned
 *   WORD  {"word","at":[l,c,n],"arg","arg_at","fields":[[name,VALUE,[l,c,n]],...],
 *          "items":[VALUE,...],"items_at":[[l,c,n],...]}
 *         arg, fields and items where the word has them; items_at for a root's items,
 *         as far as they stand in the text
 *   VALUE a JSON scalar, a list of scalars, {"word":WORD}, or {"odd":"a function"}
 * It is evaluated twice, in two states; results that differ are refused.
 *
 * Stops a recipe by instructions and by memory.  It cannot stop Lua's own C code,
 * so a recipe of a stranger is evaluated in a child (recipe_child.h).
 */
#ifndef RIDGE_RECIPE_RECIPE_EVAL_H
#define RIDGE_RECIPE_RECIPE_EVAL_H

#include "recipe/recipe_source.h"

struct recipe_limits {
  size_t memory;        /* bytes of the Lua state                          */
  int64_t instructions; /* of the Lua machine                              */
  int64_t values;       /* that words may take over                        */
  int64_t words;        /* that may be written                             */
};
extern const struct recipe_limits recipe_limits_usual;

/* A new reference, never NULL. */
json_t *recipe_eval(const struct recipe_source *, const struct recipe_limits *);

#endif
