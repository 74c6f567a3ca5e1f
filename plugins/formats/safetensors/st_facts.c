/* st_facts.c - facts, as they are found. */
#include "st_parts.h"

#include <string.h>

char *st_copy(struct st_model *model, const char *text, uint64_t size) {
  char *copy = st_alloc(&model->arena, size + 1, 1);
  if (copy != NULL && size > 0) memcpy(copy, text, (size_t)size);
  return copy;
}

/* The key with the architecture's name before its dot; in the arena. */
static const char *key_of(struct st_model *model, const char *key) {
  if (key[0] != '.') return key;
  uint64_t n = strlen(model->arch->name), m = strlen(key);
  char *whole = st_alloc(&model->arena, n + m + 1, 1);
  if (whole == NULL) return NULL;
  memcpy(whole, model->arch->name, (size_t)n);
  memcpy(whole + n, key, (size_t)m);
  return whole;
}

static ridge_status add(struct st_model *model, const char *key, ridge_fact fact) {
  ridge_fact *to = st_push(model->host, &model->facts);
  if (to == NULL) return st_no_memory(model->host);
  fact.struct_size = sizeof fact;
  fact.key = key_of(model, key);
  if (fact.key == NULL) return st_no_memory(model->host);
  *to = fact;
  return RIDGE_OK;
}

ridge_status st_fact_int(struct st_model *model, const char *key, int64_t value) {
  return add(model, key, (ridge_fact){.type = RIDGE_FACT_INT, .value.i = value});
}

ridge_status st_fact_real(struct st_model *model, const char *key, double value) {
  return add(model, key, (ridge_fact){.type = RIDGE_FACT_REAL, .value.r = value});
}

ridge_status st_fact_text(struct st_model *model, const char *key, const char *text,
                          uint64_t size) {
  return add(model, key,
             (ridge_fact){.type = RIDGE_FACT_TEXT,
                          .value.text = {(const uint8_t *)text, size},
                          .count = 0});
}

ridge_status st_fact_array(struct st_model *model, const char *key, uint32_t type,
                           const void *items, uint64_t n) {
  ridge_fact fact = {.type = type, .count = n};
  if (type == RIDGE_FACT_INTS) fact.value.ints = items;
  if (type == RIDGE_FACT_REALS) fact.value.reals = items;
  if (type == RIDGE_FACT_TEXTS) fact.value.texts = items;
  return add(model, key, fact);
}

const ridge_fact *st_fact(const struct st_model *model, const char *key) {
  const ridge_fact *facts = (const ridge_fact *)(const void *)model->facts.data;
  uint64_t n = strlen(model->arch->name);
  for (uint64_t i = 0; i < model->facts.n; i++) {
    const char *have = facts[i].key;
    if (key[0] == '.' && strncmp(have, model->arch->name, (size_t)n) == 0) have += n;
    if (strcmp(have, key) == 0) return &facts[i];
  }
  return NULL;
}
