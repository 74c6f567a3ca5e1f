/*
 * recipe_state.h - what the files of the evaluator share; nobody else includes it.
 *
 * Lua reports errors by longjmp, so nothing that has to be freed hangs on a C frame:
 * it hangs on `struct eval`, which the caller of Lua frees.
 */
#ifndef RIDGE_RECIPE_RECIPE_STATE_H
#define RIDGE_RECIPE_RECIPE_STATE_H

#include "recipe/recipe_eval.h"
#include "recipe/recipe_fault.h"
#include "recipe/recipe_scan.h"
#include "recipe/recipe_words.h"

#include <lauxlib.h>
#include <lua.h>

/* A word as it was called; the Lua side holds its index. */
struct written {
  const struct recipe_keyword *keyword;
  json_t *value; /* WORD of recipe_eval.h */
  ptrdiff_t token;
  int line, depth;
  bool placed;  /* part of another word, or returned             */
  bool carried; /* was given its table, and so became a new word */
};

struct eval {
  const struct recipe_source *source;
  const struct scan *scan;
  const struct recipe_limits *limits;
  struct written *words;
  size_t n_words, room_words;
  unsigned char *claimed; /* tokens that a call has been matched with */
  json_t *faults;
  const void *metatable; /* of words */
  size_t memory;
  int64_t instructions, values;
  bool raised; /* a fault was added, the Lua error is only the way out */
};

struct eval *eval_of(lua_State *);
/* Leave Lua with this fault; does not return. */
int eval_raise(lua_State *, json_t *fault);
/* The line of the Lua code that is calling; 0: none. */
int eval_line(lua_State *);

/* recipe_sandbox.c: make the environment a recipe sees; pushes it. */
void sandbox_push(lua_State *);
/* recipe_library.c: the functions that are not Lua's own. */
int library_pairs(lua_State *);
int library_tostring(lua_State *);
int library_format(lua_State *); /* upvalue: the real one */
int library_move(lua_State *);   /* upvalue: the real one */

/* recipe_call.c: the metatable of words, and the function of one word. */
void word_metatable(lua_State *);
void word_function(lua_State *, size_t keyword);
struct written *word_at(lua_State *, int index); /* NULL: not a word */

/* recipe_value.c: a Lua value as VALUE; NULL, and *fault, when it cannot be.  Raises
 * nothing and leaves the stack as it was. */
json_t *value_read(lua_State *, int index, struct written *holder, json_t **fault);
/* The fields and items of a table into `word`. */
bool value_table(lua_State *, int index, struct written *word, json_t **fault);

/* recipe_error.c: Lua's own errors. */
json_t *error_syntax(const struct eval *, const char *message);
int error_handler(lua_State *); /* for lua_pcall: makes the fault while the line is known */
json_t *error_status(const struct eval *, int status);

#endif
