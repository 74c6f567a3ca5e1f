/* tokenizer_facts.c - typed reading of a model file's facts. */
#include "model/tokenizer_parts.h"

#include <string.h>

const ridge_fact *fact_find(const ridge_model_file *file, const char *key) {
  for (uint64_t i = 0; i < file->n_facts; i++)
    if (strcmp(file->facts[i].key, key) == 0) return &file->facts[i];
  return NULL;
}

static const char *type_name(uint32_t type) {
  static const char *const names[] = {
      [RIDGE_FACT_INT] = "a whole number",
      [RIDGE_FACT_REAL] = "a number",
      [RIDGE_FACT_TEXT] = "a text",
      [RIDGE_FACT_INTS] = "an array of whole numbers",
      [RIDGE_FACT_REALS] = "an array of numbers",
      [RIDGE_FACT_TEXTS] = "an array of texts",
  };
  return type >= RIDGE_FACT_INT && type <= RIDGE_FACT_TEXTS ? names[type]
                                                            : "of unknown type";
}

ridge_status fact_array(const ridge_model_file *file, const char *key, uint32_t type,
                        int64_t n, const ridge_fact **out, struct why *why) {
  const ridge_fact *fact = fact_find(file, key);
  if (fact == NULL)
    return why_set(
        why, RIDGE_CORRUPT,
        "the model file has no %s; a tokenizer of its kind needs it: convert the "
        "model again",
        key);
  if (fact->type != type)
    return why_set(why, RIDGE_CORRUPT, "%s is %s; it has to be %s", key,
                   type_name(fact->type), type_name(type));
  if (n >= 0 && fact->count != (uint64_t)n)
    return why_set(why, RIDGE_CORRUPT, "%s has %llu elements, but the vocabulary has %lld",
                   key, (unsigned long long)fact->count, (long long)n);
  *out = fact;
  return RIDGE_OK;
}

ridge_status fact_bool(const ridge_model_file *file, const char *key, bool *out,
                       struct why *why) {
  const ridge_fact *fact = fact_find(file, key);
  if (fact == NULL) return RIDGE_OK;
  if (fact->type != RIDGE_FACT_INT)
    return why_set(why, RIDGE_CORRUPT, "%s is %s; it has to be a bool", key,
                   type_name(fact->type));
  *out = fact->value.i != 0;
  return RIDGE_OK;
}

ridge_status fact_token(const ridge_model_file *file, const char *key, int32_t n,
                        int32_t *out, struct why *why) {
  const ridge_fact *fact = fact_find(file, key);
  if (fact == NULL) return RIDGE_OK;
  if (fact->type != RIDGE_FACT_INT)
    return why_set(why, RIDGE_CORRUPT, "%s is %s; it has to be a token's number", key,
                   type_name(fact->type));
  int64_t id = fact->value.i;
  if (id == -1 || id == UINT32_MAX) {
    *out = -1;
    return RIDGE_OK;
  }
  if (id < 0 || id >= n)
    return why_set(why, RIDGE_CORRUPT,
                   "%s is %lld; it has to be below the %d tokens of the vocabulary", key,
                   (long long)id, (int)n);
  *out = (int32_t)id;
  return RIDGE_OK;
}
