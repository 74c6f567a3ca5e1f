/*
 * recipe_value.c - Lua values as plain data, taken over when a word is called.
 *
 * Uses only calls of Lua that cannot raise, so that what jansson owns is never lost.
 */
#include "recipe/recipe_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { FIELDS_MOST = 1000, DEPTH_MOST = 5, KEY_BYTES_MOST = 200, PLACED_MOST = 1000 };

static bool plain_text(const char *text, size_t size) {
  if (memchr(text, 0, size) != NULL) return false;
  for (size_t i = 0; i < size;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                          (utf8proc_ssize_t)(size - i), &code);
    if (n <= 0) return false;
    i += (size_t)n;
  }
  return true;
}

/* What words take over is not Lua's memory any more, so it is counted here. */
static bool spend(struct eval *eval, size_t bytes, json_t **fault) {
  eval->values += 1 + (int64_t)(bytes / 64);
  if (eval->values <= eval->limits->values) return true;
  *fault = fault_new("R004", (struct place){0}, "the recipe holds too many values");
  fault_help(*fault, "long lists of prompts belong into a file");
  return false;
}

static json_t *read_text(lua_State *L, int index, json_t **fault) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  if (!spend(eval_of(L), size, fault)) return NULL;
  if (!plain_text(text, size)) {
    char *shown = fault_quote(text, size, 60);
    *fault = fault_new("R003", (struct place){0},
                       "the text \"%s\" holds a NUL byte or is not UTF-8", shown);
    free(shown);
    return NULL;
  }
  return json_stringn(text, size);
}

static json_t *odd(const char *what) { return json_pack("{s:s}", "odd", what); }

static json_t *read_number(lua_State *L, int index) {
  if (lua_isinteger(L, index)) return json_integer(lua_tointeger(L, index));
  double value = lua_tonumber(L, index);
  if (isnan(value)) return odd("not a number (0/0)");
  if (isinf(value)) return odd(value > 0 ? "infinity" : "minus infinity");
  return json_real(value);
}

static json_t *read_scalar(lua_State *L, int index, json_t **fault) {
  switch (lua_type(L, index)) {
  case LUA_TSTRING: return read_text(L, index, fault);
  case LUA_TNUMBER: return read_number(L, index);
  case LUA_TBOOLEAN: return json_boolean(lua_toboolean(L, index));
  case LUA_TFUNCTION: return odd("a function");
  case LUA_TTABLE: return odd("a table");
  case LUA_TNIL: return odd("nil");
  default: return odd("something else");
  }
}

/* Every word stands in one place: shared words would let a few lines make a recipe of
 * any size. */
static json_t *read_word(struct written *word, struct written *holder, json_t **fault) {
  if (word->placed || word == holder) {
    *fault = fault_new("R003", (struct place){0}, "`%s` of line %d is placed twice",
                       word->keyword->name, word->line);
    fault_help(*fault, "write it once for each place");
    return NULL;
  }
  if (word->depth + 1 > DEPTH_MOST) {
    *fault = fault_new("R003", (struct place){0}, "words inside words inside words ...");
    return NULL;
  }
  word->placed = true;
  if (holder != NULL && holder->depth < word->depth + 1) holder->depth = word->depth + 1;
  return json_pack("{s:O}", "word", word->value);
}

/* Is the table a list: every key one of 1..n?  *n: its length. */
static bool is_list(lua_State *L, int index, lua_Integer *n) {
  *n = 0;
  lua_Integer largest = 0;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (key < 1) {
      lua_pop(L, 2);
      return false;
    }
    if (key > largest) largest = key;
    *n += 1;
  }
  return largest == *n;
}

static json_t *read_list(lua_State *L, int index, lua_Integer n, json_t **fault) {
  json_t *list = json_array();
  for (lua_Integer i = 1; i <= n && *fault == NULL; i++) {
    lua_rawgeti(L, index, i);
    json_t *value = spend(eval_of(L), 0, fault) ? read_scalar(L, -1, fault) : NULL;
    if (value != NULL) json_array_append_new(list, value);
    lua_pop(L, 1);
  }
  if (*fault == NULL) return list;
  json_decref(list);
  return NULL;
}

json_t *value_read(lua_State *L, int index, struct written *holder, json_t **fault) {
  if (lua_checkstack(L, 8) == 0) {
    *fault = fault_new("R004", (struct place){0}, "the recipe nests too deep");
    return NULL;
  }
  index = lua_absindex(L, index);
  if (!spend(eval_of(L), 0, fault)) return NULL;
  struct written *word = word_at(L, index);
  if (word != NULL) return read_word(word, holder, fault);
  lua_Integer n;
  if (lua_type(L, index) == LUA_TTABLE && is_list(L, index, &n))
    return read_list(L, index, n, fault);
  return read_scalar(L, index, fault);
}

struct field {
  const char *name; /* kept alive by the table */
  ptrdiff_t token;
  json_t *value, *fault; /* one of them */
};

static int by_token(const void *a, const void *b) {
  const struct field *x = a, *y = b;
  if (x->token != y->token) return x->token < y->token ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* What a table holds, in whatever order Lua walks it. */
struct contents {
  struct field fields[FIELDS_MOST];
  size_t n, more; /* fields, and those that found no room */
  lua_Integer items, largest;
  bool odd_key, odd_name;
};

static bool is_name(lua_State *L, int index) {
  size_t size;
  const char *name = lua_tolstring(L, index, &size);
  return size <= KEY_BYTES_MOST && plain_text(name, size);
}

static void collect_member(lua_State *L, struct written *word, ptrdiff_t open,
                           struct contents *out) {
  lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
  if (key >= 1) {
    out->items++;
    if (key > out->largest) out->largest = key;
  } else if (lua_type(L, -2) != LUA_TSTRING) {
    out->odd_key = true;
  } else if (!is_name(L, -2)) {
    out->odd_name = true;
  } else if (out->n == FIELDS_MOST) {
    out->more++;
  } else {
    struct field *field = &out->fields[out->n++];
    field->name = lua_tostring(L, -2);
    field->token = scan_find_key(eval_of(L)->scan, open, field->name);
    field->value = value_read(L, -1, word, &field->fault);
  }
}

/* Keys 1..n come as items, names as fields; anything else is refused.  Of several
 * mistakes the first in the text is told, so that a recipe always fails alike. */
static json_t *contents_fault(const struct contents *contents) {
  for (size_t i = 0; i < contents->n; i++)
    if (contents->fields[i].fault != NULL) return json_incref(contents->fields[i].fault);
  if (contents->more > 0)
    return fault_new("R004", (struct place){0}, "its table has more than %d fields",
                     FIELDS_MOST);
  if (contents->odd_name)
    return fault_new("R003", (struct place){0}, "a key of its table is no name");
  if (contents->odd_key)
    return fault_new("R003", (struct place){0},
                     "its table has a key that is neither a name nor a place in the list");
  if (contents->largest == contents->items) return NULL;
  json_t *fault =
      fault_new("R003", (struct place){0}, "its list has a hole: one of its items is nil");
  fault_help(fault, "a misspelt name or a function without `return` gives nil");
  return fault;
}

static json_t *fields_json(const struct eval *eval, struct written *word,
                           struct field *fields, size_t n) {
  struct place whole = word->token >= 0 ? scan_place(eval->scan, word->token)
                                        : recipe_place_line(eval->source, word->line);
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++) {
    if (fields[i].value == NULL) continue;
    struct place at =
        fields[i].token >= 0 ? scan_place_inner(eval->scan, fields[i].token) : whole;
    json_array_append_new(
        list, json_pack("[soo]", fields[i].name, fields[i].value, place_json(at)));
  }
  return list;
}

/* The places of a root's items: every first token of `item,` in its braces. */
static json_t *items_at(const struct scan *scan, ptrdiff_t open, lua_Integer n) {
  json_t *list = json_array();
  if (open < 0 || scan->tokens[open].mate < 0) return list;
  for (ptrdiff_t i = open + 1; i < scan->tokens[open].mate; i = scan_next(scan, i)) {
    bool first =
        scan_is(scan, i - 1, "{") || scan_is(scan, i - 1, ",") || scan_is(scan, i - 1, ";");
    if (!first || scan_key(scan, i) >= 0 || json_array_size(list) >= (size_t)n) continue;
    json_array_append_new(list, place_json(scan_place(scan, i)));
  }
  return list;
}

static json_t *items_json(lua_State *L, int index, lua_Integer n, struct written *word,
                          json_t **fault) {
  json_t *list = json_array();
  for (lua_Integer i = 1; i <= n && *fault == NULL; i++) {
    lua_rawgeti(L, index, i);
    json_t *value = value_read(L, -1, word, fault);
    if (value != NULL) json_array_append_new(list, value);
    lua_pop(L, 1);
  }
  return list;
}

bool value_table(lua_State *L, int index, struct written *word, json_t **fault) {
  if (lua_checkstack(L, 16) == 0) {
    *fault = fault_new("R004", (struct place){0}, "the recipe nests too deep");
    return false;
  }
  index = lua_absindex(L, index);
  const struct scan *scan = eval_of(L)->scan;
  ptrdiff_t open = scan_table(scan, word->token);
  struct contents *contents = calloc(1, sizeof *contents);
  if (contents == NULL) abort();
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
    collect_member(L, word, open, contents);
  qsort(contents->fields, contents->n, sizeof *contents->fields, by_token);
  *fault = contents_fault(contents);
  json_object_set_new(word->value, "fields",
                      fields_json(eval_of(L), word, contents->fields, contents->n));
  for (size_t i = 0; i < contents->n; i++) json_decref(contents->fields[i].fault);
  lua_Integer n = contents->items;
  free(contents);
  if (*fault == NULL && n > 0 && word->keyword->is_root && n <= PLACED_MOST)
    json_object_set_new(word->value, "items_at", items_at(scan, open, n));
  if (*fault == NULL && n > 0)
    json_object_set_new(word->value, "items", items_json(L, index, n, word, fault));
  return *fault == NULL;
}
