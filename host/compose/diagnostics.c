/* diagnostics.c - collecting what is wrong, each with its place. */
#include "compose/diagnostics.h"
#include "base/near.h"
#include "recipe/recipe_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line longer than this is shown in part, around the place. */
enum { SHOWN_MOST = 120, SHOWN_BEFORE = 60 };
/* Nobody reads more; a recipe made to have a million mistakes must not cost a minute. */
enum { DIAGNOSTICS_MOST = 200 };

static const struct {
  const char *name, *phrase, *file;
} origins[] = {
    [ORIGIN_DEFAULT] = {"default", "from its default", ""},
    [ORIGIN_RECIPE] = {"recipe", "from the recipe", ""},
    [ORIGIN_COMMAND] = {"command", "from `--set`", "--set"},
    [ORIGIN_SWEEP] = {"sweep", "from the sweep", "sweep"},
};

const char *origin_name(enum origin_kind kind) { return origins[kind].name; }
const char *origin_phrase(enum origin_kind kind) { return origins[kind].phrase; }

struct origin origin_at(struct place at) {
  return (struct origin){.kind = ORIGIN_RECIPE, .at = at};
}

struct diagnostics diagnostics_of(const struct recipe *recipe) {
  return (struct diagnostics){
      .list = json_array(), .file = recipe->file, .source = &recipe->source};
}

void diagnostics_free(struct diagnostics *all) {
  json_decref(all->list);
  json_decref(all->spare);
  *all = (struct diagnostics){0};
}

static size_t skip_characters(const char *text, size_t size, int n) {
  size_t i = 0;
  for (; i < size && n > 0; n--) do
      i++;
    while (i < size && ((unsigned char)text[i] & 0xc0) == 0x80);
  return i;
}

/* The source line, or the part of it around the place; "caret" counts characters of
 * what is shown. */
static void add_line(const struct diagnostics *all, json_t *row, struct place at) {
  size_t size;
  const char *line = recipe_line(all->source, at.line, &size);
  if (line == NULL) return;
  int from =
      at.column - 1 > SHOWN_BEFORE && size > SHOWN_MOST ? at.column - 1 - SHOWN_BEFORE : 0;
  size_t start = skip_characters(line, size, from);
  size_t shown = skip_characters(line + start, size - start, SHOWN_MOST);
  char *clean = fault_quote(line + start, shown, shown);
  json_object_set_new(row, "source", json_string(clean));
  json_object_set_new(row, "caret", json_integer(at.column - 1 - from));
  free(clean);
}

/* A line that nobody wrote is the word it was made from. */
static struct origin told_origin(const struct diagnostics *all, struct origin origin) {
  for (size_t i = 0; origin.kind == ORIGIN_RECIPE && i < all->n_words; i++)
    if (all->words[i].line == origin.at.line)
      return (struct origin){.kind = ORIGIN_COMMAND,
                             .typed = all->words[i].typed,
                             .option = all->words[i].option};
  return origin;
}

const char *diagnostics_option(const struct origin *origin) {
  return origin->option != NULL ? origin->option : origins[origin->kind].file;
}

static json_t *new_row(const struct diagnostics *all, const char *code,
                       struct origin origin, json_t *text) {
  origin = told_origin(all, origin);
  bool outside = origin.kind == ORIGIN_COMMAND || origin.kind == ORIGIN_SWEEP;
  json_t *row =
      json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:[]}", "code", code, "file",
                outside ? diagnostics_option(&origin) : all->file, "line",
                outside ? 0 : origin.at.line, "column", outside ? 0 : origin.at.column,
                "length", outside ? 0 : origin.at.length, "text", text, "notes");
  if (!outside) {
    add_line(all, row, origin.at);
    return row;
  }
  char *clean = fault_quote(origin.typed, strlen(origin.typed), SHOWN_MOST);
  json_object_set_new(row, "source", json_string(clean));
  free(clean);
  return row;
}

json_t *diagnose(struct diagnostics *all, const char *code, struct origin origin,
                 const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_t *row = new_row(all, code, origin, fault_sentence(fmt, args));
  va_end(args);
  if (json_array_size(all->list) < DIAGNOSTICS_MOST) {
    json_array_append_new(all->list, row);
    return row;
  }
  json_decref(all->spare);
  all->more++;
  return all->spare = row;
}

void diagnostic_note(json_t *row, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_array_append_new(json_object_get(row, "notes"), fault_sentence(fmt, args));
  va_end(args);
}

void diagnostic_note_at(const struct diagnostics *all, json_t *row, struct origin origin,
                        const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_t *text = fault_sentence(fmt, args);
  va_end(args);
  const char *said = json_string_value(text);
  origin = told_origin(all, origin);
  if (origin.kind == ORIGIN_RECIPE && origin.at.line > 0)
    diagnostic_note(row, "%s:%d: %s", all->file, origin.at.line, said);
  else if (origin.kind == ORIGIN_RECIPE || origin.kind == ORIGIN_DEFAULT)
    diagnostic_note(row, "%s", said);
  else
    diagnostic_note(row, "%s %s: %s", diagnostics_option(&origin), origin.typed, said);
  json_decref(text);
}

void diagnostic_help(json_t *row, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_object_set_new(row, "help", fault_sentence(fmt, args));
  va_end(args);
}

bool diagnostic_help_near(json_t *row, const char *word, const char *const *names,
                          size_t n) {
  const char *near = near_of(word, names, n);
  if (near == NULL || strcmp(near, word) == 0) return false;
  diagnostic_help(row, "did you mean `%s`?", near);
  return true;
}

void diagnostic_help_recipe(json_t *row, const char *recipe_path, const char *name) {
  char *near = recipe_near(recipe_path, name);
  if (near != NULL)
    diagnostic_help(row, "did you mean `%s`?", near);
  else
    diagnostic_help(row, "a recipe is looked for beside this one and in the folders named "
                         "`recipes` above");
  free(near);
}

void diagnostics_add_faults(struct diagnostics *all, const json_t *faults) {
  for (size_t i = 0; i < json_array_size(faults); i++) {
    const json_t *fault = json_array_get(faults, i), *at = json_object_get(fault, "at");
    struct place place = {(int)json_integer_value(json_array_get(at, 0)),
                          (int)json_integer_value(json_array_get(at, 1)),
                          (int)json_integer_value(json_array_get(at, 2))};
    json_t *row =
        diagnose(all, json_string_value(json_object_get(fault, "code")), origin_at(place),
                 "%s", json_string_value(json_object_get(fault, "text")));
    const json_t *notes = json_object_get(fault, "notes"),
                 *help = json_object_get(fault, "help");
    for (size_t k = 0; k < json_array_size(notes); k++) {
      const json_t *note = json_array_get(notes, k);
      place =
          (struct place){.line = (int)json_integer_value(json_object_get(note, "line"))};
      diagnostic_note_at(all, row, origin_at(place), "%s",
                         json_string_value(json_object_get(note, "text")));
    }
    if (help != NULL) diagnostic_help(row, "%s", json_string_value(help));
  }
}

struct ranked {
  json_t *row;
  size_t index;
  json_int_t line, column;
};

static int by_place(const void *a, const void *b) {
  const struct ranked *x = a, *y = b;
  if ((x->line == 0) != (y->line == 0)) return x->line == 0 ? 1 : -1;
  if (x->line != y->line) return x->line < y->line ? -1 : 1;
  if (x->column != y->column) return x->column < y->column ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

static bool is_known(const json_t *list, const json_t *row) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (json_equal(json_array_get(list, i), row)) return true;
  return false;
}

json_t *diagnostics_sorted(const struct diagnostics *all) {
  size_t n = json_array_size(all->list);
  struct ranked *rows = calloc(n + 1, sizeof *rows);
  if (rows == NULL) abort();
  for (size_t i = 0; i < n; i++) {
    json_t *row = json_array_get(all->list, i);
    rows[i] = (struct ranked){row, i, json_integer_value(json_object_get(row, "line")),
                              json_integer_value(json_object_get(row, "column"))};
  }
  qsort(rows, n, sizeof *rows, by_place);
  json_t *sorted = json_array();
  for (size_t i = 0; i < n; i++)
    if (!is_known(sorted, rows[i].row)) json_array_append(sorted, rows[i].row);
  free(rows);
  if (all->more == 0) return sorted;
  json_array_append_new(
      sorted, json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:[]}", "code", "R004", "file",
                        all->file, "line", 0, "column", 0, "length", 0, "text",
                        json_sprintf("%zu more errors are not shown", all->more), "notes"));
  return sorted;
}
