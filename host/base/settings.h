/*
 * settings.h - every setting of the host: the one table that recipes are checked
 * against, that relations may name, and that help is printed from.
 *
 * A name is "word.field" as a recipe writes it: sample { temperature = 0.8 } is
 * "sample.temperature".  A word's positional argument is the field marked so.
 */
#ifndef RIDGE_BASE_SETTINGS_H
#define RIDGE_BASE_SETTINGS_H

#include <ridge/plugin.h>

enum setting_flag {
  SETTING_POSITIONAL = 1, /* model "path": the word's plain argument            */
  SETTING_LIST = 2,       /* texts: prompts { "a", "b" }, stop = { "." }        */
  SETTING_PATH = 4,       /* names a file, relative to the recipe               */
  SETTING_REQUIRED = 8,   /* if the word is there                               */
  SETTING_INPUT = 16,     /* the file's digest goes into the catalog            */
  SETTING_FOLDER = 64,    /* with PATH: a directory will do as well             */
  SETTING_ITEMS = 32,     /* the plain items of the word's table: prompts { "a" } */
};

struct setting {
  const char *word, *field;
  uint32_t type; /* RIDGE_T_*                                                    */
  uint32_t flags;
  ridge_value fallback, lo, hi;
  const char *const *choices;
  const char *unit, *doc;
};

/* A word of an `infer` recipe.  Its settings are in effect when the word is there;
 * those of a word that is neither required nor a workload also without it, unless it
 * needs another word to mean anything. */
struct setting_word {
  const char *name, *doc;
  bool required;
  bool workload;     /* at least one of these has to be there               */
  const char *needs; /* the word without which it does nothing; NULL: none */
};

const struct setting *setting_list(size_t *n);
const struct setting *setting_find(const char *name); /* "sample.temperature" */
const struct setting_word *setting_words(size_t *n);

#endif
