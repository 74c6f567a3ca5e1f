/* compose_words.c - the root's fields, and the words of the host's settings. */
#include "compose/compose_state.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const floors[] = {"exact", "tolerant", "lossy", NULL};

static const struct {
  struct rule rule;
  size_t at; /* in struct fields */
} field_rows[] = {
    {{.owner = "infer",
      .name = "name",
      .type = RIDGE_T_TEXT,
      .label = true,
      .doc = "What runs of this recipe are called; else the name of its file."},
     offsetof(struct fields, name)},
    {{.owner = "infer",
      .name = "seed",
      .type = RIDGE_T_INT,
      .hi = {.i = INT64_MAX},
      .doc = "Where all randomness comes from; else 0."},
     offsetof(struct fields, seed)},
    {{.owner = "infer",
      .name = "floor",
      .type = RIDGE_T_CHOICE,
      .choices = floors,
      .fallback = {.t = "lossy"},
      .doc = "The least exact effect that a strategy may have; else lossy."},
     offsetof(struct fields, floor)},
};
enum { N_FIELDS = sizeof field_rows / sizeof *field_rows };

static struct resolved *field_slot(struct composing *c, size_t i) {
  return (struct resolved *)((char *)&c->fields + field_rows[i].at);
}

/* "quickstart" of "recipes/quickstart.lua". */
static json_t *stem(const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
  const char *dot = strrchr(base, '.');
  return json_stringn(base,
                      dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

static void unknown_field(struct composing *c, const struct recipe_field *field) {
  const char *names[N_FIELDS];
  json_t *row = diagnose(&c->diagnostics, "R003", origin_at(field->at),
                         "an `infer` recipe has no field `%s`", field->name);
  for (size_t i = 0; i < N_FIELDS; i++) names[i] = field_rows[i].rule.name;
  const struct recipe_keyword *word = recipe_keyword_find(field->name);
  if (word != NULL && !word->is_root && word->example[0] != 0)
    diagnostic_help(row, "`%s` is a word, without `=`: %s", word->name, word->example);
  else if (!diagnostic_help_near(row, field->name, names, N_FIELDS))
    diagnostic_help(row, "its fields are name, seed and floor");
}

static bool set_field(struct composing *c, const char *name,
                      const struct recipe_value *value, const char *typed,
                      struct origin origin) {
  for (size_t i = 0; i < N_FIELDS; i++) {
    const struct rule *rule = &field_rows[i].rule;
    if (strcmp(rule->name, name) != 0) continue;
    json_t *checked = typed != NULL ? rule_parse(&c->diagnostics, rule, typed, origin)
                                    : rule_check(&c->diagnostics, rule, value, origin);
    resolved_set(field_slot(c, i), checked, origin);
    return true;
  }
  return false;
}

bool compose_override_field(struct composing *c, const char *name, const char *typed,
                            struct origin origin) {
  return set_field(c, name, NULL, typed, origin);
}

void compose_fields_default(struct composing *c) {
  struct origin none = {.kind = ORIGIN_DEFAULT};
  resolved_set(&c->fields.name, stem(c->recipe->file), none);
  resolved_set(&c->fields.seed, json_integer(0), none);
  resolved_set(&c->fields.floor, json_string("lossy"), none);
}

void compose_fields(struct composing *c) {
  const struct recipe_word *root = c->recipe->root;
  for (size_t i = 0; i < root->n_fields; i++) {
    const struct recipe_field *field = &root->fields[i];
    if (!set_field(c, field->name, &field->value, NULL, origin_at(field->at)))
      unknown_field(c, field);
  }
}

/* --- words --- */

size_t compose_word_index(const char *word) {
  size_t n;
  const struct setting_word *rows = setting_words(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(rows[i].name, word) == 0) return i;
  return SIZE_MAX;
}

struct resolved *compose_setting(const struct composing *c, const char *name) {
  const struct setting *row = setting_find(name);
  size_t n;
  return row == NULL ? NULL : &c->settings[row - setting_list(&n)];
}

bool compose_in_effect(const struct composing *c, const char *word) {
  size_t n, i = compose_word_index(word);
  if (i == SIZE_MAX) return false;
  const struct setting_word *row = &setting_words(&n)[i];
  if (c->words[i] != NULL || row->required) return true;
  if (row->workload) return false;
  return row->needs == NULL || compose_in_effect(c, row->needs);
}

static void unknown_setting(struct composing *c, const char *word,
                            const struct recipe_field *field) {
  size_t n, n_names = 0;
  const struct setting *rows = setting_list(&n);
  const char **names = arena_array(&c->arena, n, sizeof *names);
  struct text has = text_new(4096);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(rows[i].word, word) != 0) continue;
    text_format(&has, "%s%s", n_names == 0 ? "" : ", ", rows[i].field);
    names[n_names++] = rows[i].field;
  }
  json_t *row = diagnose(&c->diagnostics, "P102", origin_at(field->at),
                         "`%s` has no setting `%s`", word, field->name);
  diagnostic_note(row, "it has %s", has.data);
  diagnostic_help_near(row, field->name, names, n_names);
  text_free(&has);
}

static void set_setting(struct composing *c, const struct setting *row,
                        const struct recipe_value *value, struct place at) {
  size_t n;
  struct resolved *slot = &c->settings[row - setting_list(&n)];
  struct origin origin = origin_at(at);
  struct rule rule = rule_of_setting(row);
  if (slot->origin.kind == ORIGIN_RECIPE) {
    json_t *said = diagnose(&c->diagnostics, "R003", origin, "`%s.%s` is given twice",
                            row->word, row->field);
    diagnostic_note_at(&c->diagnostics, said, slot->origin, "it is given here first");
    return;
  }
  resolved_set(slot, rule_check(&c->diagnostics, &rule, value, origin), origin);
}

/* The row of a word that has this flag; NULL: none. */
static const struct setting *flagged(const char *word, uint32_t flag) {
  size_t n;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(rows[i].word, word) == 0 && (rows[i].flags & flag) != 0) return &rows[i];
  return NULL;
}

static void refuse_plain(struct composing *c, const struct recipe_word *word,
                         const char *what) {
  json_t *row = diagnose(&c->diagnostics, "R003", origin_at(word->at), "`%s` takes %s",
                         word->keyword->name, what);
  diagnostic_help(row, "write `%s`", word->keyword->example);
}

static void set_argument(struct composing *c, const struct recipe_word *word) {
  const struct setting *row = flagged(word->keyword->name, SETTING_POSITIONAL);
  if (row == NULL) {
    refuse_plain(c, word, "a table, no text");
    return;
  }
  json_t *text = json_string(word->arg);
  struct recipe_value value = {.plain = text};
  set_setting(c, row, &value, word->arg_at);
  json_decref(text);
}

static void set_items(struct composing *c, const struct recipe_word *word) {
  const struct setting *row = flagged(word->keyword->name, SETTING_ITEMS);
  if (row == NULL) {
    refuse_plain(c, word, "named settings; its table has plain items");
    return;
  }
  json_t *list = json_array();
  struct recipe_value value = {.plain = list};
  for (size_t i = 0; i < word->n_items; i++) {
    if (word->items[i].word != NULL)
      value.word = word->items[i].word;
    else
      json_array_append(list, (json_t *)(uintptr_t)word->items[i].plain);
  }
  set_setting(c, row, &value, word->at);
  json_decref(list);
}

static void set_word(struct composing *c, const struct recipe_word *word) {
  if (word->arg != NULL) set_argument(c, word);
  if (word->n_items > 0) set_items(c, word);
  for (size_t i = 0; i < word->n_fields; i++) {
    const struct recipe_field *field = &word->fields[i];
    char *name = arena_format(&c->arena, "%s.%s", word->keyword->name, field->name);
    const struct setting *row = setting_find(name);
    if (row == NULL)
      unknown_setting(c, word->keyword->name, field);
    else
      set_setting(c, row, &field->value, field->at);
  }
}

static void refuse_again(struct composing *c, const struct recipe_word *first,
                         const struct recipe_word *again) {
  json_t *row = diagnose(&c->diagnostics, "R003", origin_at(again->at),
                         "`%s` is written twice", again->keyword->name);
  diagnostic_note_at(&c->diagnostics, row, origin_at(first->at),
                     "it is written here first");
  diagnostic_help(row, "remove one of the two");
}

static void take_against(struct composing *c, const struct recipe_word *word) {
  if (c->against != NULL) {
    refuse_again(c, c->against, word);
    return;
  }
  c->against = word;
}

static void misplaced(struct composing *c, const struct recipe_word *word) {
  const char *name = word->keyword->name;
  json_t *row;
  if (word->keyword->is_root)
    row = diagnose(&c->diagnostics, "R003", origin_at(word->at),
                   "`%s` stands inside another recipe", name);
  else if (word->keyword->roots & ROOT_SWEEP)
    row = diagnose(&c->diagnostics, "R003", origin_at(word->at),
                   "`%s` belongs into a `sweep`, not into an `infer` recipe", name);
  else if (word->keyword->roots & ROOT_LATER)
    row = diagnose(
        &c->diagnostics, "R003", origin_at(word->at),
        "`%s` belongs into `train` or `serve` recipes, which this build does not have yet",
        name);
  else
    row = diagnose(&c->diagnostics, "R003", origin_at(word->at),
                   "`%s` stands inside `vary` or `keep` of a sweep", name);
  (void)row;
}

/* An item of the root that is no word at all. */
static void no_word(struct composing *c, const struct recipe_value *item) {
  json_t *row;
  const char *kind = recipe_value_kind(item);
  struct place at = item->at.line > 0 ? item->at : c->recipe->root->at;
  row = diagnose(&c->diagnostics, "R003", origin_at(at),
                 "an item of the recipe is %s; items are words", kind);
  if (json_is_string(item->plain))
    diagnostic_help(row, "the text is \"%.60s\"; is the word before it missing?",
                    json_string_value(item->plain));
  else if (strcmp(kind, "a table") == 0 || strcmp(kind, "a list") == 0)
    diagnostic_help(row,
                    "a list of words goes in as `table.unpack(list)`, as the last item");
  else if (strcmp(kind, "a function") == 0)
    diagnostic_help(row, "a word takes a text or a table, as in `bench { }`");
}

static void take_word(struct composing *c, const struct recipe_word *word) {
  const char *name = word->keyword->name;
  size_t i = compose_word_index(name);
  if (strcmp(name, "use") == 0) return; /* compose_uses.c */
  if (strcmp(name, "against") == 0) {
    take_against(c, word);
  } else if (i == SIZE_MAX) {
    misplaced(c, word);
  } else if (c->words[i] != NULL) {
    refuse_again(c, c->words[i], word);
  } else {
    c->words[i] = word;
    set_word(c, word);
  }
}

static void need_words(struct composing *c) {
  size_t n;
  const struct setting_word *rows = setting_words(&n);
  bool workload = false;
  struct text names = text_new(1024);
  for (size_t i = 0; i < n; i++) {
    if (rows[i].workload) {
      workload |= c->words[i] != NULL;
      text_format(&names, "%s`%s`", names.size > 0 ? ", " : "", rows[i].name);
    }
    if (!rows[i].required || c->words[i] != NULL) continue;
    json_t *row = diagnose(&c->diagnostics, "R003", origin_at(c->recipe->root->at),
                           "the recipe has no `%s`", rows[i].name);
    diagnostic_help(row, "write `%s`", recipe_keyword_find(rows[i].name)->example);
  }
  if (!workload) {
    json_t *row = diagnose(&c->diagnostics, "R003", origin_at(c->recipe->root->at),
                           "the recipe has no work to do");
    diagnostic_help(row, "it needs at least one of %s", names.data);
  }
  text_free(&names);
}

static void need_settings(struct composing *c) {
  size_t n;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++) {
    size_t word = compose_word_index(rows[i].word);
    if ((rows[i].flags & SETTING_REQUIRED) == 0 || c->words[word] == NULL ||
        c->settings[i].origin.kind != ORIGIN_DEFAULT)
      continue;
    json_t *row = diagnose(&c->diagnostics, "P106", origin_at(c->words[word]->at),
                           "`%s` needs its `%s`", rows[i].word, rows[i].field);
    diagnostic_help(row, "write `%s`", c->words[word]->keyword->example);
  }
}

/* `prompts` takes its texts from one place. */
static void check_prompts(struct composing *c) {
  const struct recipe_word *word = c->words[compose_word_index("prompts")];
  const struct resolved *file = compose_setting(c, "prompts.file"),
                        *list = compose_setting(c, "prompts.inline");
  bool has_file = file->value != NULL || file->bad,
       has_list = list->value != NULL || list->bad;
  if (word == NULL || has_file != has_list) return;
  json_t *row =
      diagnose(&c->diagnostics, "R003", origin_at(word->at), "%s",
               has_file ? "`prompts` has a file and texts of its own; it takes one of them"
                        : "`prompts` has neither a file nor texts");
  diagnostic_help(row,
                  "write `prompts \"file.txt\"` or `prompts { \"Once upon a time\" }`");
}

static void fill_defaults(struct composing *c) {
  size_t n;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++) {
    struct rule rule = rule_of_setting(&rows[i]);
    if (c->settings[i].origin.kind == ORIGIN_DEFAULT)
      c->settings[i].value = rule_default(&rule);
  }
}

static void find_against(struct composing *c) {
  if (c->against == NULL) return;
  c->against_path = recipe_find(c->recipe->path, c->against->arg);
  if (c->against_path != NULL) return;
  json_t *row = diagnose(&c->diagnostics, "P301", origin_at(c->against->arg_at),
                         "there is no recipe `%s`", c->against->arg);
  diagnostic_help_recipe(row, c->recipe->path, c->against->arg);
}

void compose_words(struct composing *c) {
  const struct recipe_word *root = c->recipe->root;
  for (size_t i = 0; i < root->n_items; i++) {
    if (root->items[i].word == NULL)
      no_word(c, &root->items[i]);
    else
      take_word(c, root->items[i].word);
  }
  fill_defaults(c);
  need_words(c);
  find_against(c);
}

void compose_words_complete(struct composing *c) {
  need_settings(c);
  check_prompts(c);
}
