/*
 * vocabulary.h - the words that stand for the numbers of ridge/plugin.h in JSON and in
 * what people read.
 */
#ifndef RIDGE_REGISTRY_VOCABULARY_H
#define RIDGE_REGISTRY_VOCABULARY_H

#include "base/why.h"

#include <jansson.h>

enum vocabulary {
  VOCABULARY_KIND,     /* strategy part                     */
  VOCABULARY_EFFECT,   /* exact tolerant lossy              */
  VOCABULARY_TYPE,     /* bool int real text choice         */
  VOCABULARY_RELATION, /* needs clashes after before idle   */
  VOCABULARY_OP,       /* always == != < <= > >=            */
  VOCABULARY_PHASE,    /* bits: train infer serve           */
  VOCABULARY_FLAG,     /* bits: sweepable live ...          */
};

/* The word for a value, or NULL when there is none. */
const char *vocabulary_word(enum vocabulary, uint32_t value);
bool vocabulary_value(enum vocabulary, const char *word, uint32_t *value);

/* For PHASE and FLAG: all bits that have words; bits as an array of words, and back
 * (false when `words` is no array of known words). */
uint32_t vocabulary_bits(enum vocabulary);
json_t *vocabulary_words(enum vocabulary, uint32_t bits);
bool vocabulary_read(enum vocabulary, const json_t *words, uint32_t *bits);

#endif
