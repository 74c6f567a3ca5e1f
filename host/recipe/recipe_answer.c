/*
 * recipe_answer.c - the child's answer, checked like any input from outside.
 *
 * The child has run a stranger's text; whatever it prints must at worst be refused.
 */
#include "base/text.h"
#include "recipe/recipe.h"
#include "recipe/recipe_fault.h"

#include <string.h>

enum { RAW_DEPTH_MOST = 64, WORD_DEPTH_MOST = 8, ITEMS_MOST = 1000000, FAULTS_MOST = 200 };

struct reader {
  struct recipe *recipe;
  struct why *why;
  int depth;
};

static ridge_status corrupt(const struct reader *reader, const char *what) {
  return why_set(reader->why, RIDGE_CORRUPT,
                 "%s: its evaluation answered with something that is no recipe (%s)",
                 reader->recipe->file, what);
}

/* Before jansson recurses: brackets outside of strings. */
static bool depth_fits(const char *data, size_t size) {
  int depth = 0;
  bool text = false;
  for (size_t i = 0; i < size; i++) {
    if (text && data[i] == '\\')
      i++;
    else if (data[i] == '"')
      text = !text;
    else if (!text && (data[i] == '{' || data[i] == '[') && ++depth > RAW_DEPTH_MOST)
      return false;
    else if (!text && (data[i] == '}' || data[i] == ']'))
      depth--;
  }
  return true;
}

static bool read_int(const json_t *value, int most, int *out) {
  if (!json_is_integer(value)) return false;
  json_int_t n = json_integer_value(value);
  if (n < 0 || n > most) return false;
  *out = (int)n;
  return true;
}

/* A place has to lie in the text. */
static bool read_place(const struct recipe_source *source, const json_t *value,
                       struct place *out) {
  if (!json_is_array(value) || json_array_size(value) != 3) return false;
  if (!read_int(json_array_get(value, 0), source->lines, &out->line) ||
      !read_int(json_array_get(value, 1), RECIPE_BYTES_MOST + 1, &out->column) ||
      !read_int(json_array_get(value, 2), RECIPE_BYTES_MOST, &out->length))
    return false;
  size_t size;
  const char *line = recipe_line(source, out->line, &size);
  return line == NULL || (size_t)out->column + (size_t)out->length <= size + 2;
}

static bool is_scalar(const json_t *value) {
  return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static bool is_odd(const json_t *value) {
  return json_is_object(value) && json_object_size(value) == 1 &&
         json_is_string(json_object_get(value, "odd"));
}

static bool is_list(const json_t *value) {
  if (!json_is_array(value)) return false;
  for (size_t i = 0; i < json_array_size(value); i++)
    if (!is_scalar(json_array_get(value, i)) && !is_odd(json_array_get(value, i)))
      return false;
  return true;
}

static ridge_status read_word(struct reader *reader, const json_t *value,
                              const struct recipe_word **out);

static ridge_status read_value(struct reader *reader, const json_t *value,
                               struct recipe_value *out) {
  const json_t *word = json_is_object(value) ? json_object_get(value, "word") : NULL;
  if (word != NULL) return read_word(reader, word, &out->word);
  if (!is_scalar(value) && !is_odd(value) && !is_list(value))
    return corrupt(reader, "a value");
  out->plain = value;
  return RIDGE_OK;
}

static ridge_status read_fields(struct reader *reader, const json_t *list,
                                struct recipe_word *out) {
  if (!json_is_array(list) || json_array_size(list) > ITEMS_MOST)
    return corrupt(reader, "a list of fields");
  size_t n = json_array_size(list);
  struct recipe_field *fields = arena_array(&reader->recipe->arena, n + 1, sizeof *fields);
  for (size_t i = 0; i < n; i++) {
    const json_t *row = json_array_get(list, i);
    fields[i].name = json_string_value(json_array_get(row, 0));
    if (json_array_size(row) != 3 || fields[i].name == NULL ||
        !read_place(&reader->recipe->source, json_array_get(row, 2), &fields[i].at))
      return corrupt(reader, "a field");
    ridge_status status = read_value(reader, json_array_get(row, 1), &fields[i].value);
    if (status != RIDGE_OK) return status;
  }
  out->fields = fields;
  out->n_fields = n;
  return RIDGE_OK;
}

static ridge_status read_items(struct reader *reader, const json_t *list,
                               const json_t *places, struct recipe_word *out) {
  if (!json_is_array(list) || json_array_size(list) > ITEMS_MOST)
    return corrupt(reader, "a list of items");
  size_t n = json_array_size(list);
  struct recipe_value *items = arena_array(&reader->recipe->arena, n + 1, sizeof *items);
  for (size_t i = 0; i < n; i++) {
    ridge_status status = read_value(reader, json_array_get(list, i), &items[i]);
    if (status != RIDGE_OK) return status;
    const json_t *place = json_array_get(places, i);
    if (place != NULL && !read_place(&reader->recipe->source, place, &items[i].at))
      return corrupt(reader, "a place");
  }
  out->items = items;
  out->n_items = n;
  return RIDGE_OK;
}

/* A word has the text or table that its kind takes, or both. */
static bool shape_fits(const struct recipe_word *word) {
  unsigned shapes = word->keyword->shapes;
  if (word->arg == NULL) return word->has_table && (shapes & SHAPE_TABLE);
  return (shapes & SHAPE_TEXT) && (!word->has_table || (shapes & SHAPE_MORE));
}

static ridge_status read_parts(struct reader *reader, const json_t *value,
                               struct recipe_word *word) {
  const json_t *arg = json_object_get(value, "arg"),
               *fields = json_object_get(value, "fields"),
               *items = json_object_get(value, "items");
  if (!read_place(&reader->recipe->source, json_object_get(value, "at"), &word->at))
    return corrupt(reader, "a place");
  if (arg != NULL && (!json_is_string(arg) ||
                      !read_place(&reader->recipe->source, json_object_get(value, "arg_at"),
                                  &word->arg_at)))
    return corrupt(reader, "an argument");
  word->arg = json_string_value(arg);
  word->has_table = fields != NULL;
  if (!shape_fits(word) || (items != NULL && fields == NULL))
    return corrupt(reader, "a shape");
  ridge_status status = fields != NULL ? read_fields(reader, fields, word) : RIDGE_OK;
  if (status == RIDGE_OK && items != NULL)
    status = read_items(reader, items, json_object_get(value, "items_at"), word);
  return status;
}

static ridge_status read_word(struct reader *reader, const json_t *value,
                              const struct recipe_word **out) {
  if (++reader->depth > WORD_DEPTH_MOST) return corrupt(reader, "words too deep");
  const char *name = json_string_value(json_object_get(value, "word"));
  const struct recipe_keyword *keyword = name == NULL ? NULL : recipe_keyword_find(name);
  if (keyword == NULL) return corrupt(reader, "an unknown word");
  struct recipe_word *word = arena_alloc(&reader->recipe->arena, sizeof *word);
  word->keyword = keyword;
  ridge_status status = read_parts(reader, value, word);
  *out = word;
  reader->depth--;
  return status;
}

static bool is_code(const char *code) {
  return code != NULL && strlen(code) == 4 && code[0] == 'R' &&
         strspn(code + 1, "0123456789") == 3;
}

static bool note_fits(const struct recipe_source *source, const json_t *note) {
  int line;
  return read_int(json_object_get(note, "line"), source->lines, &line) &&
         json_is_string(json_object_get(note, "text"));
}

static ridge_status check_faults(const struct reader *reader, const json_t *faults) {
  const struct recipe_source *source = &reader->recipe->source;
  if (!json_is_array(faults) || json_array_size(faults) > FAULTS_MOST)
    return corrupt(reader, "a list of faults");
  for (size_t i = 0; i < json_array_size(faults); i++) {
    const json_t *fault = json_array_get(faults, i),
                 *notes = json_object_get(fault, "notes"),
                 *help = json_object_get(fault, "help");
    struct place at;
    bool good = is_code(json_string_value(json_object_get(fault, "code"))) &&
                read_place(source, json_object_get(fault, "at"), &at) &&
                json_is_string(json_object_get(fault, "text")) && json_is_array(notes) &&
                (help == NULL || json_is_string(help));
    for (size_t k = 0; good && k < json_array_size(notes); k++)
      good = note_fits(source, json_array_get(notes, k));
    if (!good) return corrupt(reader, "a fault");
  }
  return RIDGE_OK;
}

ridge_status recipe_answer_read(const char *data, size_t size, struct recipe *out,
                                struct why *why) {
  struct reader reader = {.recipe = out, .why = why};
  if (!depth_fits(data, size)) return corrupt(&reader, "nested too deep");
  json_error_t error;
  out->answer = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(out->answer)) return corrupt(&reader, "not JSON");
  json_t *faults = json_object_get(out->answer, "faults");
  ridge_status status = check_faults(&reader, faults);
  if (status != RIDGE_OK) return status;
  out->faults = json_incref(faults);
  const json_t *root = json_object_get(out->answer, "recipe");
  if (root == NULL)
    return json_array_size(faults) > 0 ? RIDGE_OK
                                       : corrupt(&reader, "neither recipe nor fault");
  status = read_word(&reader, root, &out->root);
  if (status == RIDGE_OK && !out->root->keyword->is_root)
    return corrupt(&reader, "no root");
  return status;
}
