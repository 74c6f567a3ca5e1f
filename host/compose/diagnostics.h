/*
 * diagnostics.h - collecting what is wrong, each with its place, and putting it in
 * file order.
 */
#ifndef RIDGE_COMPOSE_DIAGNOSTICS_H
#define RIDGE_COMPOSE_DIAGNOSTICS_H

#include "compose/compose.h"
#include "recipe/recipe.h"

/* Where a value comes from. */
enum origin_kind { ORIGIN_DEFAULT, ORIGIN_RECIPE, ORIGIN_COMMAND, ORIGIN_SWEEP };
struct origin {
  enum origin_kind kind;
  struct place at;    /* RECIPE                                          */
  const char *typed;  /* COMMAND and SWEEP: "kv.paged.block=32"          */
  const char *option; /* COMMAND: what it was typed after; NULL: --set   */
};
const char *origin_name(enum origin_kind); /* "default", "recipe", ... */
struct origin origin_at(struct place);
/* What a value was typed after: "--set", "--seed". */
const char *diagnostics_option(const struct origin *);
/* Where the word "from" leads: "from the recipe", "from `--set`". */
const char *origin_phrase(enum origin_kind);

struct diagnostics {
  json_t *list;
  json_t *spare; /* takes what is said after the list is full */
  size_t more;   /* how many did not fit */
  const char *file;
  const struct recipe_source *source;
  const struct compose_word *words; /* lines that are words of the command */
  size_t n_words;
};

struct diagnostics diagnostics_of(const struct recipe *);
void diagnostics_free(struct diagnostics *);
/* A borrowed diagnostic, for notes and help. */
json_t *diagnose(struct diagnostics *, const char *code, struct origin, const char *fmt,
                 ...) RIDGE_FORMAT(4, 5);
void diagnostic_note(json_t *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
/* "file:8: ..." or "--set a=1: ...". */
void diagnostic_note_at(const struct diagnostics *, json_t *, struct origin,
                        const char *fmt, ...) RIDGE_FORMAT(4, 5);
void diagnostic_help(json_t *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
/* "did you mean `x`?", when one of the names is near. */
bool diagnostic_help_near(json_t *, const char *word, const char *const *names, size_t n);
/* The same for the name of a recipe; else where one is looked for. */
void diagnostic_help_recipe(json_t *, const char *recipe_path, const char *name);

void diagnostics_add_faults(struct diagnostics *, const json_t *faults);
/* Sorted by place, what comes from outside the file last; equal ones once.  A new
 * reference. */
json_t *diagnostics_sorted(const struct diagnostics *);

#endif
