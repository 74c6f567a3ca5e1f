/*
 * recipe_sandbox.c - the environment a recipe sees: few functions of Lua, the words,
 * some constants; nothing in it can be changed.
 *
 * Every table handed out is an empty proxy: reading goes through `look_up`, which
 * refuses unknown names with a reason, writing through `refuse_write`.
 */
#include "base/near.h"
#include "base/text.h"
#include "recipe/recipe_state.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static const char *const base_kept[] = {"ipairs", "select", "tonumber",
                                        "error",  "assert", NULL};
static const char *const table_kept[] = {"concat", "insert", "pack", "remove",
                                         "sort",   "unpack", NULL};
static const char *const string_kept[] = {"sub", "upper", "lower", NULL};
static const char *const math_kept[] = {
    "abs",  "acos", "asin", "atan", "ceil",       "cos",  "deg",        "exp",  "floor",
    "fmod", "huge", "log",  "max",  "maxinteger", "min",  "mininteger", "modf", "pi",
    "rad",  "sin",  "sqrt", "tan",  "tointeger",  "type", "ult",        NULL};

static const struct {
  const char *name;
  double real;
  int64_t whole; /* used when not 0 */
} constants[] = {
    {"KiB", 0, 1 << 10}, {"MiB", 0, 1 << 20}, {"GiB", 0, 1 << 30},
    {"ms", 1e-3, 0},     {"seconds", 0, 1},   {"minutes", 0, 60},
};

/* The names of the table at the top of the stack; `names` has room. */
static size_t names_of(lua_State *L, int index, const char **names, size_t room) {
  size_t n = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING && n < room) names[n++] = lua_tostring(L, -2);
    lua_pop(L, 1);
  }
  return n;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct place place_of_name(const struct eval *eval, int line, const char *name) {
  for (size_t i = 0; i < eval->scan->n; i++)
    if (eval->scan->tokens[i].line == line && scan_is(eval->scan, (ptrdiff_t)i, name))
      return scan_place(eval->scan, (ptrdiff_t)i);
  return recipe_place_line(eval->source, line);
}

/* What was asked for, as a name. */
static const char *key_name(lua_State *L, int index, char *room, size_t size) {
  if (lua_type(L, index) == LUA_TSTRING) return lua_tostring(L, index);
  if (lua_isinteger(L, index) == 0) return luaL_typename(L, index);
  snprintf(room, size, "%lld", (long long)lua_tointeger(L, index));
  return room;
}

static void note_words(json_t *fault) {
  struct text words = text_new(4096);
  for (size_t i = 0; i < recipe_keyword_count(); i++)
    if (recipe_keyword(i)->example[0] != 0) /* else it comes later */
      text_format(&words, "%s%s", words.size > 0 ? " " : "", recipe_keyword(i)->name);
  fault_note(fault, 0, "the words are %s", words.data);
  text_free(&words);
}

/* `library` is "" for the words, "math", "table", "string" or "a text". */
static json_t *unknown_fault(lua_State *L, int table, const char *library,
                             const char *name) {
  struct eval *eval = eval_of(L);
  char whole[160], *shown = fault_quote(name, strlen(name), 80);
  snprintf(whole, sizeof whole, "%s%s%s", library, library[0] != 0 ? "." : "", name);
  json_t *fault = fault_new("R002", place_of_name(eval, eval_line(L), name),
                            "%s has no %s `%s`", library[0] == 0 ? "a recipe" : library,
                            library[0] == 0 ? "word" : "function", shown);
  free(shown);
  const char *reason = recipe_absent_reason(whole);
  const char *names[96];
  size_t n = names_of(L, table, names, sizeof names / sizeof *names);
  qsort(names, n, sizeof *names, compare_names);
  const char *near = near_of(name, names, n);
  if (reason != NULL && near != NULL && library[0] != 0)
    fault_note(fault, 0, "%s", reason);
  else if (reason != NULL)
    fault_help(fault, "%s", reason);
  if (near != NULL && (reason == NULL || library[0] != 0))
    fault_help(fault, "did you mean `%s`?", near);
  if (near != NULL || reason != NULL) return fault;
  if (library[0] == 0) {
    fault_help(
        fault,
        "a name of your own needs `local` where it is first set; a text needs quotes");
    note_words(fault);
  }
  return fault;
}

/* Upvalues: the table behind, the library's name. */
static int look_up(lua_State *L) {
  lua_pushvalue(L, 2);
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1)) return 1;
  }
  const char *library = lua_tostring(L, lua_upvalueindex(2));
  char room[32];
  const char *name = key_name(L, 2, room, sizeof room);
  return eval_raise(L, unknown_fault(L, lua_upvalueindex(1), library, name));
}

static int refuse_write(lua_State *L) {
  struct eval *eval = eval_of(L);
  const char *library = lua_tostring(L, lua_upvalueindex(2));
  char room[32];
  const char *name = key_name(L, 2, room, sizeof room);
  char *shown = fault_quote(name, strlen(name), 80);
  struct place at = place_of_name(eval, eval_line(L), name);
  json_t *fault = fault_new("R002", at, "a recipe cannot set %s`%s%s%s`",
                            library[0] == 0 ? "the global " : "", library,
                            library[0] == 0 ? "" : ".", shown);
  if (library[0] == 0) fault_help(fault, "write `local %s = ...`", shown);
  free(shown);
  return eval_raise(L, fault);
}

/* Replace the table at the top by an empty one that reads from it. */
static void seal(lua_State *L, const char *library) {
  lua_newtable(L); /* proxy */
  lua_newtable(L); /* its metatable */
  lua_pushvalue(L, -3);
  lua_pushstring(L, library);
  lua_pushcclosure(L, look_up, 2);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, -3);
  lua_pushstring(L, library);
  lua_pushcclosure(L, refuse_write, 2);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

/* Push a table of the named members of the table at the top, which is popped. */
static void keep(lua_State *L, const char *const *names) {
  lua_newtable(L);
  for (; *names != NULL; names++) {
    lua_getfield(L, -2, *names);
    lua_setfield(L, -2, *names);
  }
  lua_remove(L, -2);
}

static void push_library(lua_State *L, lua_CFunction open, const char *name,
                         const char *const *names) {
  luaL_requiref(L, name, open, 0);
  keep(L, names);
}

/* The metatable all texts share: Lua's own lets ("x"):rep(1e9) past everything here,
 * and makes numbers of texts in arithmetic. */
static void set_text_methods(lua_State *L) {
  lua_pushliteral(L, "");
  lua_newtable(L);
  lua_pushvalue(L, -3); /* the string functions kept */
  lua_pushliteral(L, "a text");
  lua_pushcclosure(L, look_up, 2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

static void push_string(lua_State *L) {
  luaL_requiref(L, "string", luaopen_string, 0);
  lua_getfield(L, -1, "format");
  lua_insert(L, -2);
  keep(L, string_kept);
  lua_insert(L, -2);
  lua_pushcclosure(L, library_format, 1);
  lua_setfield(L, -2, "format");
  set_text_methods(L);
}

static void push_table(lua_State *L) {
  luaL_requiref(L, "table", luaopen_table, 0);
  lua_getfield(L, -1, "move");
  lua_insert(L, -2);
  keep(L, table_kept);
  lua_insert(L, -2);
  lua_pushcclosure(L, library_move, 1);
  lua_setfield(L, -2, "move");
}

static void add_constants(lua_State *L) {
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    if (constants[i].whole != 0)
      lua_pushinteger(L, constants[i].whole);
    else
      lua_pushnumber(L, constants[i].real);
    lua_setfield(L, -2, constants[i].name);
  }
}

static void add_words(lua_State *L) {
  for (size_t i = 0; i < recipe_keyword_count(); i++) {
    word_function(L, i);
    lua_setfield(L, -2, recipe_keyword(i)->name);
  }
}

void sandbox_push(lua_State *L) {
  word_metatable(L);
  push_library(L, luaopen_base, "_G", base_kept);
  lua_pushcfunction(L, library_pairs);
  lua_setfield(L, -2, "pairs");
  lua_pushcfunction(L, library_tostring);
  lua_setfield(L, -2, "tostring");
  push_library(L, luaopen_math, "math", math_kept);
  seal(L, "math");
  lua_setfield(L, -2, "math");
  push_table(L);
  seal(L, "table");
  lua_setfield(L, -2, "table");
  push_string(L);
  seal(L, "string");
  lua_setfield(L, -2, "string");
  add_constants(L);
  add_words(L);
  seal(L, "");
}
