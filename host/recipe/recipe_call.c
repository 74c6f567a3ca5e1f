/*
 * recipe_call.c - a word of the language, called.
 *
 * `use "x"` gives a value that may be called once more with a table; that makes a
 * new word, so that a value in a local variable never changes.
 */
#include "recipe/recipe_state.h"

#include <stdlib.h>
#include <string.h>

#define WORD_TYPE "recipe word"

static int word_more(lua_State *L);

void word_metatable(lua_State *L) {
  luaL_newmetatable(L, WORD_TYPE);
  lua_pushcfunction(L, word_more);
  lua_setfield(L, -2, "__call");
  eval_of(L)->metatable = lua_topointer(L, -1);
  lua_pop(L, 1);
}

/* By the metatable's address: luaL_testudata may allocate, and so raise. */
struct written *word_at(lua_State *L, int index) {
  struct eval *eval = eval_of(L);
  if (lua_type(L, index) != LUA_TUSERDATA) return NULL;
  const size_t *at = lua_touserdata(L, index);
  if (lua_getmetatable(L, index) == 0) return NULL;
  bool is_word = lua_topointer(L, -1) == eval->metatable;
  lua_pop(L, 1);
  return is_word ? &eval->words[*at] : NULL;
}

/* How well token i stands for a call of `name` on `line` with this text; 0: not at
 * all. */
static int match(const struct eval *eval, ptrdiff_t i, int line, const char *name,
                 const char *text, size_t size) {
  const struct scan *scan = eval->scan;
  if (scan->tokens[i].kind != TOKEN_NAME || !scan_is(scan, i, name)) return 0;
  if (scan_is(scan, i - 1, ".") || scan_is(scan, i - 1, ":") || scan_is(scan, i + 1, "="))
    return 0;
  bool next_here = (size_t)i + 1 < scan->n && scan->tokens[i + 1].line == line;
  if (scan->tokens[i].line != line && !next_here) return 0;
  int score = eval->claimed[i] ? 1 : 4;
  ptrdiff_t argument = scan_argument(scan, i);
  if (text == NULL) return argument < 0 ? score + 2 : score;
  if (argument < 0) return score;
  const struct token *token = &scan->tokens[argument];
  bool same = token->inner_size == size &&
              memcmp(scan->source->text + token->inner, text, size) == 0;
  return same ? score + 2 : score - 1;
}

static ptrdiff_t first_of_line(const struct scan *scan, int line) {
  size_t lo = 0, hi = scan->n;
  while (lo < hi) {
    size_t middle = lo + (hi - lo) / 2;
    if (scan->tokens[middle].line < line)
      lo = middle + 1;
    else
      hi = middle;
  }
  return (ptrdiff_t)lo;
}

/* Lua tells the line of a call, which is that of its argument. */
static ptrdiff_t find_token(struct eval *eval, int line, const char *name, const char *text,
                            size_t size) {
  ptrdiff_t best = -1;
  int best_score = 0;
  for (ptrdiff_t i = first_of_line(eval->scan, line - 3);
       (size_t)i < eval->scan->n && eval->scan->tokens[i].line <= line; i++) {
    int score = match(eval, i, line, name, text, size);
    if (score <= best_score) continue;
    best = i;
    best_score = score;
  }
  if (best >= 0) eval->claimed[best] = 1;
  return best;
}

static struct place place_of(const struct eval *eval, const struct written *word) {
  return word->token >= 0 ? scan_place(eval->scan, word->token)
                          : recipe_place_line(eval->source, word->line);
}

static int raise_at(lua_State *L, const struct written *word, json_t *fault) {
  struct place at = place_of(eval_of(L), word);
  json_object_set_new(fault, "at", place_json(at));
  return eval_raise(L, fault);
}

/* Append, and push the value that stands for it. */
static int push_word(lua_State *L, struct written word) {
  struct eval *eval = eval_of(L);
  size_t *index =
      lua_newuserdatauv(L, sizeof *index, 0); /* may raise: nothing is owned yet */
  luaL_setmetatable(L, WORD_TYPE);
  if (eval->n_words == eval->room_words) {
    size_t room = eval->room_words == 0 ? 64 : eval->room_words * 2;
    struct written *words = realloc(eval->words, room * sizeof *words);
    if (words == NULL) abort();
    eval->words = words;
    eval->room_words = room;
  }
  *index = eval->n_words;
  word.value = json_object();
  eval->words[eval->n_words++] = word;
  return 1;
}

static void begin_value(const struct eval *eval, struct written *word) {
  json_object_set_new(word->value, "word", json_string(word->keyword->name));
  json_object_set_new(word->value, "at", place_json(place_of(eval, word)));
}

/* The text or table at `index` into the word. */
static void take(lua_State *L, int index, struct written *word) {
  json_t *fault = NULL;
  if (lua_type(L, index) == LUA_TSTRING) {
    json_t *text = value_read(L, index, word, &fault);
    if (text != NULL) {
      struct eval *eval = eval_of(L);
      ptrdiff_t token = scan_argument(eval->scan, word->token);
      struct place at =
          token >= 0 ? scan_place_inner(eval->scan, token) : place_of(eval, word);
      json_object_set_new(word->value, "arg", text);
      json_object_set_new(word->value, "arg_at", place_json(at));
      return;
    }
  } else if (value_table(L, index, word, &fault)) {
    return;
  }
  raise_at(L, word, fault);
}

static const char *shape_text(const struct recipe_keyword *keyword) {
  switch (keyword->shapes & (SHAPE_TEXT | SHAPE_TABLE)) {
  case SHAPE_TEXT: return "a text";
  case SHAPE_TABLE: return "a table";
  default: return "a text or a table";
  }
}

static const char *type_shown(lua_State *L, int index) {
  const struct written *word = word_at(L, index);
  if (word != NULL) return "another word";
  switch (lua_type(L, index)) {
  case LUA_TNIL: return "nil";
  case LUA_TBOOLEAN: return "a boolean";
  case LUA_TNUMBER: return "a number";
  case LUA_TSTRING: return "a text";
  case LUA_TTABLE: return "a table";
  case LUA_TFUNCTION: return "a function";
  default: return "something else";
  }
}

static bool shape_fits(lua_State *L, int index, unsigned shapes) {
  int type = lua_type(L, index);
  return (type == LUA_TSTRING && (shapes & SHAPE_TEXT)) ||
         (type == LUA_TTABLE && (shapes & SHAPE_TABLE));
}

static json_t *shape_fault(lua_State *L, const struct recipe_keyword *keyword, int n,
                           int index) {
  const char *given = n == 0 ? "nothing" : n > 1 ? "several values" : type_shown(L, index);
  json_t *fault = fault_new("R003", (struct place){0}, "`%s` takes %s; this is %s",
                            keyword->name, shape_text(keyword), given);
  if (keyword->example[0] != 0) fault_help(fault, "write `%s`", keyword->example);
  return fault;
}

static int word_call(lua_State *L) {
  struct eval *eval = eval_of(L);
  const struct recipe_keyword *keyword =
      recipe_keyword((size_t)lua_tointeger(L, lua_upvalueindex(1)));
  int n = lua_gettop(L);
  size_t size = 0;
  const char *text =
      n >= 1 && lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &size) : NULL;
  struct written word = {.keyword = keyword, .line = eval_line(L)};
  word.token = find_token(eval, word.line, keyword->name, text, size);
  if ((int64_t)eval->n_words >= eval->limits->words)
    return raise_at(L, &word,
                    fault_new("R004", (struct place){0}, "a recipe has at most %lld words",
                              (long long)eval->limits->words));
  if (n != 1 || !shape_fits(L, 1, keyword->shapes))
    return raise_at(L, &word, shape_fault(L, keyword, n, 1));
  push_word(L, word);
  struct written *made = word_at(L, -1);
  begin_value(eval, made);
  take(L, 1, made);
  return 1;
}

/* Where the word, as it stands in the text, ends; -1: it cannot be seen. */
static ptrdiff_t last_token(const struct scan *scan, const struct written *word) {
  ptrdiff_t table = scan_table(scan, word->token);
  bool full = json_object_get(word->value, "fields") != NULL;
  if (full && table >= 0) return scan->tokens[table].mate;
  return scan_argument(scan, word->token);
}

static void help_comma(const struct scan *scan, const struct written *word, json_t *fault) {
  ptrdiff_t last = last_token(scan, word);
  if (last < 0 || (size_t)last + 1 >= scan->n) return;
  if (scan->tokens[last].line < scan->tokens[last + 1].line)
    fault_help(fault, "a comma is missing at the end of line %d", scan->tokens[last].line);
  else
    fault_help(fault, "a comma is missing before `%.*s`", (int)scan->tokens[last + 1].size,
               scan->source->text + scan->tokens[last + 1].start);
}

/* A word that has all it takes is called again: nearly always a missing comma. */
static json_t *again_fault(lua_State *L, const struct written *word, int n) {
  bool full = json_object_get(word->value, "fields") != NULL;
  const char *name = word->keyword->name;
  json_t *fault;
  if (!full && (word->keyword->shapes & SHAPE_MORE) && n == 1 &&
      lua_type(L, 2) == LUA_TSTRING)
    fault = fault_new("R003", (struct place){0},
                      "`%s` has its text already and is given another", name);
  else if (!full && (word->keyword->shapes & SHAPE_MORE))
    fault = fault_new("R003", (struct place){0},
                      "after its text `%s` takes a table; this is %s", name,
                      n == 1   ? type_shown(L, 2)
                      : n == 0 ? "nothing"
                               : "several values");
  else
    fault = fault_new("R003", (struct place){0},
                      "`%s` has all it takes and is called once more", name);
  help_comma(eval_of(L)->scan, word, fault);
  return fault;
}

static int word_more(lua_State *L) {
  struct eval *eval = eval_of(L);
  struct written *first = word_at(L, 1);
  if (first == NULL) return luaL_error(L, "a word was called in a way it cannot be");
  int n = lua_gettop(L) - 1;
  bool full = json_object_get(first->value, "fields") != NULL;
  if (full || n != 1 || lua_type(L, 2) != LUA_TTABLE ||
      !(first->keyword->shapes & SHAPE_MORE))
    return raise_at(L, first, again_fault(L, first, n));
  if ((int64_t)eval->n_words >= eval->limits->words)
    return raise_at(L, first,
                    fault_new("R004", (struct place){0}, "a recipe has at most %lld words",
                              (long long)eval->limits->words));
  push_word(L, (struct written){
                   .keyword = first->keyword, .line = first->line, .token = first->token});
  first = word_at(L, 1); /* the array may have moved */
  first->carried = true;
  struct written *made = word_at(L, -1);
  json_object_update(made->value, first->value);
  take(L, 2, made);
  return 1;
}

void word_function(lua_State *L, size_t keyword) {
  lua_pushinteger(L, (lua_Integer)keyword);
  lua_pushcclosure(L, word_call, 1);
}
