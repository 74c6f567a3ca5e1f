/*
 * compose_state.h - what the files of compose share; nobody else includes it.
 */
#ifndef RIDGE_COMPOSE_COMPOSE_STATE_H
#define RIDGE_COMPOSE_COMPOSE_STATE_H

#include "base/settings.h"
#include "compose/compose.h"
#include "compose/diagnostics.h"
#include "recipe/recipe.h"

/* One value, resolved.  `value` NULL: there is none; `bad`: there was one and it was
 * refused, so nothing is concluded from it. */
struct resolved {
  json_t *value;
  struct origin origin;
  bool bad;
};

/* What a value may be: a row of base/settings or of a plugin's parameters. */
struct rule {
  const char *owner, *name; /* "weights.rtn", "group" */
  uint32_t type;
  bool list, path;
  bool label; /* a name for people: not empty, one line, short */
  ridge_value fallback, lo, hi;
  const char *const *choices;
  const char *unit, *doc;
};

struct used {
  const struct recipe_word *word;
  const struct plugin_info *plugin; /* NULL: not installed */
  struct resolved *params;          /* one for each row of the plugin */
  struct resolved may_idle;
  bool repeated; /* the same id stands further up */
};

struct fields {
  struct resolved name, seed, floor;
};

struct composing {
  const struct recipe *recipe;
  const struct registry *registry;
  const struct machine *machine;
  const struct compose_request *request;
  struct arena arena;
  struct diagnostics diagnostics;
  struct fields fields;
  struct resolved *settings;        /* by the index of setting_list       */
  const struct recipe_word **words; /* by the index of setting_words      */
  const struct recipe_word *against;
  char *against_path; /* NULL: none */
  struct used *used;
  size_t n_used;
};

/* compose_rule.c */
struct rule rule_of_setting(const struct setting *);
struct rule rule_of_param(const struct plugin_info *, const ridge_param *);
/* The value in its canonical type, or NULL and a diagnostic. */
json_t *rule_check(struct diagnostics *, const struct rule *, const struct recipe_value *,
                   struct origin);
json_t *rule_parse(struct diagnostics *, const struct rule *, const char *text,
                   struct origin);
json_t *rule_default(const struct rule *); /* NULL: a list, or a text without default */
void resolved_set(struct resolved *, json_t *value, struct origin);

/* compose_words.c: the root's fields and words. */
void compose_fields_default(struct composing *);
void compose_fields(struct composing *);
void compose_words(struct composing *);
void compose_words_complete(struct composing *); /* what is missing, after --set */
bool compose_override_field(struct composing *, const char *name, const char *typed,
                            struct origin);
bool compose_in_effect(const struct composing *, const char *word);
struct resolved *compose_setting(const struct composing *, const char *name);
size_t compose_word_index(const char *word);

/* compose_uses.c: `use` lines. */
void compose_uses(struct composing *);
void compose_uses_complete(struct composing *); /* what is missing, after --set */
void compose_override_param(struct composing *, struct used *, const char *name,
                            const char *typed, struct origin);
struct used *compose_find(const struct composing *, const char *id);

/* compose_overrides.c: --set and sweeps. */
void compose_overrides(struct composing *);

/* compose_idle.c: what would do nothing. */
void compose_idle(struct composing *);

/* compose_relations.c: seams, relations, floor. */
void compose_seams(struct composing *);
void compose_relations(struct composing *);
void compose_floor(struct composing *);
/* Does a condition hold?  False when there is nothing to compare. */
bool relation_compares(uint32_t type, const json_t *value, uint32_t op, ridge_value with);
/* " is above 0"; the caller frees. */
char *relation_condition(uint32_t type, uint32_t op, ridge_value with);

/* compose_emit.c: the results. */
void compose_emit(struct composing *, struct composed *);
/* Files that are named and not there. */
void compose_files(struct composing *);
/* Absolute; the caller frees. */
char *compose_path_of(const struct composing *, const struct resolved *);

#endif
