/* recipe_library.c - functions of Lua that a recipe gets in a form of our own. */
#include "recipe/recipe_state.h"

#include <stdlib.h>
#include <string.h>

enum { MOVE_MOST = 1 << 20 };

static bool has_address(int type) {
  return type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA ||
         type == LUA_TLIGHTUSERDATA || type == LUA_TTHREAD;
}

static const char *shown_type(lua_State *L, int index) {
  return word_at(L, index) != NULL ? "word" : luaL_typename(L, index);
}

int library_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  if (has_address(lua_type(L, 1)))
    return luaL_error(L,
                      "a %s has no text: it would be an address, another one in each run",
                      shown_type(L, 1));
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Does a format ask for an address ("%p")?  A text may hold NUL bytes. */
static bool asks_address(const char *format, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (format[i] != '%') continue;
    i++;
    while (i < size && format[i] != 0 && strchr("-+ #0123456789.", format[i]) != NULL) i++;
    if (i < size && format[i] == 'p') return true;
  }
  return false;
}

int library_format(lua_State *L) {
  int n = lua_gettop(L);
  size_t size;
  const char *format = luaL_checklstring(L, 1, &size);
  if (asks_address(format, size))
    return luaL_error(L, "%%p writes an address, another one in each run");
  for (int i = 2; i <= n; i++)
    if (has_address(lua_type(L, i)))
      return luaL_error(L, "argument %d of format is a %s, which has no text", i,
                        shown_type(L, i));
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, n, 1);
  return 1;
}

/* The real one walks any distance inside C, where nothing counts its steps. */
int library_move(lua_State *L) {
  lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3), distance;
  if (__builtin_sub_overflow(to, from, &distance) || distance > MOVE_MOST)
    return luaL_error(L, "table.move moves at most %d elements here", MOVE_MOST);
  int n = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, n, 1);
  return 1;
}

/* A key of `pairs`: numbers before texts, each in order. */
struct sorted_key {
  double number;
  const char *text; /* NULL: a number; kept alive by the table */
  size_t size;
  lua_Integer whole;
  bool is_whole;
};

static int by_order(const void *a, const void *b) {
  const struct sorted_key *x = a, *y = b;
  if ((x->text == NULL) != (y->text == NULL)) return x->text == NULL ? -1 : 1;
  if (x->text != NULL) {
    int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
    if (order != 0) return order;
    return (x->size > y->size) - (x->size < y->size);
  }
  if (x->is_whole && y->is_whole) return (x->whole > y->whole) - (x->whole < y->whole);
  return (x->number > y->number) - (x->number < y->number);
}

static struct sorted_key read_key(lua_State *L, int index) {
  struct sorted_key key = {0};
  if (lua_type(L, index) == LUA_TSTRING) {
    key.text = lua_tolstring(L, index, &key.size);
  } else {
    key.number = lua_tonumber(L, index);
    key.is_whole = lua_isinteger(L, index);
    key.whole = key.is_whole ? lua_tointeger(L, index) : 0;
  }
  return key;
}

static size_t count_keys(lua_State *L) {
  size_t n = 0;
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    lua_pop(L, 1);
    n++;
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "pairs: a key is a %s; sorted order needs texts and numbers",
                 shown_type(L, -1));
  }
  return n;
}

/* Push a list of the keys of the table at 1, sorted. */
static void push_sorted(lua_State *L) {
  size_t n = count_keys(L), i = 0;
  struct sorted_key *keys = lua_newuserdatauv(L, (n + 1) * sizeof *keys, 0);
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    lua_pop(L, 1);
    keys[i++] = read_key(L, -1);
  }
  qsort(keys, n, sizeof *keys, by_order);
  lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
  for (i = 0; i < n; i++) {
    if (keys[i].text != NULL)
      lua_pushlstring(L, keys[i].text, keys[i].size);
    else if (keys[i].is_whole)
      lua_pushinteger(L, keys[i].whole);
    else
      lua_pushnumber(L, keys[i].number);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_remove(L, -2); /* the buffer */
}

/* Upvalues: table, sorted keys, position. */
static int pairs_step(lua_State *L) {
  lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
  for (;;) {
    at++;
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(3));
    if (lua_rawgeti(L, lua_upvalueindex(2), at) == LUA_TNIL) return 1;
    lua_pushvalue(L, -1);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 2;
    lua_pop(L, 2); /* the key was removed meanwhile */
  }
}

int library_pairs(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_getmetatable(L, 1) != 0)
    return luaL_error(L, "pairs takes a table of your own, not one of the language");
  lua_settop(L, 1);
  push_sorted(L);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, pairs_step, 3);
  return 1;
}
