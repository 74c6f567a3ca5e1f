/* vocabulary.c - numbers of ridge/plugin.h and their words. */
#include "registry/vocabulary.h"

#include <string.h>

struct entry {
  uint32_t value;
  const char *word;
};

static const struct entry kinds[] = {
    {RIDGE_STRATEGY, "strategy"}, {RIDGE_PART, "part"}, {0, NULL}};
static const struct entry effects[] = {{RIDGE_EXACT, "exact"},
                                       {RIDGE_TOLERANT, "tolerant"},
                                       {RIDGE_LOSSY, "lossy"},
                                       {0, NULL}};
static const struct entry types[] = {{RIDGE_T_BOOL, "bool"},     {RIDGE_T_INT, "int"},
                                     {RIDGE_T_REAL, "real"},     {RIDGE_T_TEXT, "text"},
                                     {RIDGE_T_CHOICE, "choice"}, {0, NULL}};
static const struct entry relations[] = {{RIDGE_NEEDS, "needs"}, {RIDGE_CLASHES, "clashes"},
                                         {RIDGE_AFTER, "after"}, {RIDGE_BEFORE, "before"},
                                         {RIDGE_IDLE, "idle"},   {0, NULL}};
static const struct entry ops[] = {
    {RIDGE_ALWAYS, "always"}, {RIDGE_EQ, "=="}, {RIDGE_NE, "!="}, {RIDGE_LT, "<"},
    {RIDGE_LE, "<="},         {RIDGE_GT, ">"},  {RIDGE_GE, ">="}, {0, NULL}};
static const struct entry phases[] = {
    {RIDGE_TRAIN, "train"}, {RIDGE_INFER, "infer"}, {RIDGE_SERVE, "serve"}, {0, NULL}};
static const struct entry flags[] = {{RIDGE_SWEEPABLE, "sweepable"},
                                     {RIDGE_LIVE, "live"},
                                     {RIDGE_LOG_SCALE, "log_scale"},
                                     {RIDGE_PATH, "path"},
                                     {RIDGE_REQUIRED, "required"},
                                     {RIDGE_FOLDER, "folder"},
                                     {0, NULL}};

static const struct entry *entries(enum vocabulary of) {
  static const struct entry *const all[] = {kinds, effects, types, relations,
                                            ops,   phases,  flags};
  return all[of];
}

const char *vocabulary_word(enum vocabulary of, uint32_t value) {
  for (const struct entry *entry = entries(of); entry->word != NULL; entry++)
    if (entry->value == value) return entry->word;
  return NULL;
}

bool vocabulary_value(enum vocabulary of, const char *word, uint32_t *value) {
  for (const struct entry *entry = entries(of); entry->word != NULL; entry++) {
    if (strcmp(entry->word, word) != 0) continue;
    *value = entry->value;
    return true;
  }
  return false;
}

uint32_t vocabulary_bits(enum vocabulary of) {
  uint32_t bits = 0;
  for (const struct entry *entry = entries(of); entry->word != NULL; entry++)
    bits |= entry->value;
  return bits;
}

json_t *vocabulary_words(enum vocabulary of, uint32_t bits) {
  json_t *words = json_array();
  for (const struct entry *entry = entries(of); entry->word != NULL; entry++)
    if ((bits & entry->value) != 0) json_array_append_new(words, json_string(entry->word));
  return words;
}

bool vocabulary_read(enum vocabulary of, const json_t *words, uint32_t *bits) {
  if (!json_is_array(words)) return false;
  *bits = 0;
  for (size_t i = 0; i < json_array_size(words); i++) {
    const char *word = json_string_value(json_array_get(words, i));
    uint32_t bit;
    if (word == NULL || !vocabulary_value(of, word, &bit)) return false;
    *bits |= bit;
  }
  return true;
}
