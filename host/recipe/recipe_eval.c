/* recipe_eval.c - evaluate the text of a recipe, twice, under limits. */
#include "recipe/recipe_eval.h"
#include "base/canon.h"
#include "recipe/recipe_state.h"

#include <stdlib.h>
#include <string.h>

enum { HOOK_STEP = 1000, LOOSE_MOST = 20 };

const struct recipe_limits recipe_limits_usual = {
    .memory = (size_t)64 << 20,
    .instructions = 5000000,
    .values = 100000,
    .words = 1000,
};

struct eval *eval_of(lua_State *L) {
  return *(struct eval **)lua_getextraspace(L);
}

int eval_raise(lua_State *L, json_t *fault) {
  struct eval *eval = eval_of(L);
  json_array_append_new(eval->faults, fault);
  eval->raised = true;
  lua_pushlightuserdata(L, eval);
  return lua_error(L);
}

int eval_line(lua_State *L) {
  lua_Debug frame;
  for (int level = 1; lua_getstack(L, level, &frame) != 0; level++)
    if (lua_getinfo(L, "l", &frame) != 0 && frame.currentline > 0) return frame.currentline;
  return 0;
}

static void *allocate(void *ctx, void *old, size_t old_size, size_t size) {
  struct eval *eval = ctx;
  if (old == NULL) old_size = 0; /* Lua passes a type there */
  if (size > old_size && size - old_size > eval->limits->memory - eval->memory) return NULL;
  void *data = NULL;
  if (size == 0)
    free(old);
  else
    data = realloc(old, size);
  if (size > 0 && data == NULL) return NULL;
  eval->memory = eval->memory - old_size + size;
  return data;
}

static void count_steps(lua_State *L, lua_Debug *frame) {
  struct eval *eval = eval_of(L);
  eval->instructions += HOOK_STEP;
  if (eval->instructions <= eval->limits->instructions) return;
  int line = lua_getinfo(L, "l", frame) != 0 ? frame->currentline : 0;
  json_t *fault = fault_new("R004", recipe_place_line(eval->source, line),
                            "the recipe does not come to an end (%lld million steps)",
                            (long long)(eval->limits->instructions / 1000000));
  fault_help(fault, "a loop around here never stops, or counts very far");
  eval_raise(L, fault);
}

static void add_fault(struct eval *eval, json_t *fault) {
  json_array_append_new(eval->faults, fault);
}

static struct place place_of(const struct eval *eval, const struct written *word) {
  return word->token >= 0 ? scan_place(eval->scan, word->token)
                          : recipe_place_line(eval->source, word->line);
}

/* The recipe ends without a root: point at one that was only written, if any. */
static void refuse_return(lua_State *L, int n) {
  struct eval *eval = eval_of(L);
  struct place at = {0};
  for (size_t i = 0; i < eval->scan->n; i++)
    if (scan_is(eval->scan, (ptrdiff_t)i, "return"))
      at = scan_place(eval->scan, (ptrdiff_t)i);
  for (size_t i = 0; i < eval->n_words; i++)
    if (eval->words[i].keyword->is_root) at = place_of(eval, &eval->words[i]);
  json_t *fault =
      n == 0  ? fault_new("R003", at, "the recipe returns nothing")
      : n > 1 ? fault_new("R003", at, "the recipe returns %d values", n)
              : fault_new("R003", at, "the recipe returns something else than a recipe");
  fault_help(fault, "a recipe ends in `return infer { ... }` or `return sweep { ... }`");
  add_fault(eval, fault);
}

static void refuse_later(struct eval *eval, const struct written *root) {
  json_t *fault = fault_new("R002", place_of(eval, root),
                            "this build has no `%s` recipes yet", root->keyword->name);
  fault_help(fault, "it has `infer` and `sweep`");
  add_fault(eval, fault);
}

/* A word that was written and stands nowhere would quietly not happen. */
static void refuse_loose(struct eval *eval) {
  for (size_t i = 0; i < eval->n_words && json_array_size(eval->faults) < LOOSE_MOST; i++) {
    const struct written *word = &eval->words[i];
    if (word->placed || word->carried) continue;
    const char *text = json_string_value(json_object_get(word->value, "arg"));
    json_t *fault =
        text != NULL ? fault_new("R003", place_of(eval, word),
                                 "`%s \"%s\"` is written here and is no part of the recipe",
                                 word->keyword->name, text)
                     : fault_new("R003", place_of(eval, word),
                                 "`%s` is written here and is no part of the recipe",
                                 word->keyword->name);
    fault_help(fault, "put it between the braces that the recipe returns, or remove it");
    add_fault(eval, fault);
  }
}

static json_t *take_result(lua_State *L, int n) {
  struct eval *eval = eval_of(L);
  struct written *root = n == 1 ? word_at(L, -1) : NULL;
  if (root == NULL || !root->keyword->is_root) {
    refuse_return(L, n);
    return NULL;
  }
  if (root->keyword->roots & ROOT_LATER) {
    refuse_later(eval, root);
    return NULL;
  }
  root->placed = true;
  refuse_loose(eval);
  return json_incref(root->value);
}

/* In Lua's protection; the light userdata at 1 is where the result goes. */
static int run(lua_State *L) {
  struct eval *eval = eval_of(L);
  json_t **result = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, error_handler);
  int loaded = luaL_loadbufferx(L, eval->source->text, eval->source->size, "=recipe", "t");
  if (loaded != LUA_OK) {
    bool said = loaded != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING;
    add_fault(eval,
              said ? error_syntax(eval, lua_tostring(L, -1)) : error_status(eval, loaded));
    eval->raised = true;
    return 0;
  }
  sandbox_push(L);
  lua_setupvalue(L, -2, 1); /* _ENV */
  lua_sethook(L, count_steps, LUA_MASKCOUNT, HOOK_STEP);
  int status = lua_pcall(L, 0, LUA_MULTRET, 1);
  lua_sethook(L, NULL, 0, 0);
  if (status == LUA_OK)
    *result = take_result(L, lua_gettop(L) - 1);
  else if (!eval->raised)
    add_fault(eval, error_status(eval, status));
  eval->raised = true; /* whatever it was, it is written down */
  return 0;
}

static void refuse_environment(struct eval *eval) {
  for (size_t i = 0; i < eval->scan->n; i++) {
    if (!scan_is(eval->scan, (ptrdiff_t)i, "_ENV")) continue;
    json_t *fault = fault_new("R002", scan_place(eval->scan, (ptrdiff_t)i),
                              "a recipe has no word `_ENV`");
    fault_help(fault, "%s", recipe_absent_reason("_ENV"));
    add_fault(eval, fault);
    return;
  }
}

static json_t *evaluate(struct eval *eval) {
  json_t *result = NULL;
  refuse_environment(eval);
  if (json_array_size(eval->faults) > 0) return NULL;
  lua_State *L = lua_newstate(allocate, eval);
  if (L == NULL) {
    add_fault(eval, error_status(eval, LUA_ERRMEM));
    return NULL;
  }
  *(struct eval **)lua_getextraspace(L) = eval;
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, &result);
  int status = lua_pcall(L, 1, 0, 0);
  if (status != LUA_OK && !eval->raised) add_fault(eval, error_status(eval, status));
  lua_close(L);
  return result;
}

static json_t *once(const struct recipe_source *source, const struct scan *scan,
                    const struct recipe_limits *limits) {
  struct eval eval = {
      .source = source,
      .scan = scan,
      .limits = limits,
      .faults = json_array(),
      .claimed = calloc(scan->n + 1, 1),
  };
  if (eval.claimed == NULL) abort();
  json_t *answer = json_pack("{s:o*}", "recipe", evaluate(&eval));
  json_object_set_new(answer, "faults", eval.faults);
  for (size_t i = 0; i < eval.n_words; i++) json_decref(eval.words[i].value);
  free(eval.words);
  free(eval.claimed);
  return answer;
}

static bool same_answer(const json_t *a, const json_t *b) {
  char *x = canon_text(a), *y = canon_text(b);
  bool same = strcmp(x, y) == 0;
  free(x);
  free(y);
  return same;
}

static json_t *twice(const struct recipe_source *source, const struct scan *scan,
                     const struct recipe_limits *limits) {
  json_t *first = once(source, scan, limits);
  if (json_object_get(first, "recipe") == NULL) return first;
  json_t *second = once(source, scan, limits);
  bool same = same_answer(first, second);
  json_decref(second);
  if (same) return first;
  json_decref(first);
  json_t *fault = fault_new("R005", (struct place){0},
                            "the recipe gave two results when evaluated twice");
  fault_help(fault, "it must not depend on the order or the address of anything");
  return json_pack("{s:[o]}", "faults", fault);
}

json_t *recipe_eval(const struct recipe_source *source,
                    const struct recipe_limits *limits) {
  json_t *problem = recipe_source_problem(source);
  if (problem != NULL) return json_pack("{s:[o]}", "faults", problem);
  struct scan scan = scan_source(source);
  json_t *faults = json_array();
  scan_quiet(&scan, faults);
  json_t *answer = twice(source, &scan, limits);
  json_array_extend(faults, json_object_get(answer, "faults"));
  json_object_set_new(answer, "faults", faults);
  scan_free(&scan);
  return answer;
}
