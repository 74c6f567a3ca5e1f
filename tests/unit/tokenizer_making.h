/*
 * tokenizer_making.h - for tests: a model file's facts, made in memory.
 */
#ifndef TESTS_TOKENIZER_MAKING_H
#define TESTS_TOKENIZER_MAKING_H

#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAKING __attribute__((unused)) static

struct facts {
  ridge_model_file file;
  ridge_fact rows[32];
  void *memory[32]; /* of the arrays */
};

/* The row for a key: the one that is there, or a new one. */
MAKING ridge_fact *facts_row(struct facts *facts, const char *key, uint32_t type) {
  size_t i = 0;
  while (i < facts->file.n_facts && strcmp(facts->rows[i].key, key) != 0) i++;
  if (i == facts->file.n_facts) facts->file.n_facts++;
  facts->file.struct_size = sizeof facts->file;
  facts->file.facts = facts->rows;
  free(facts->memory[i]);
  facts->memory[i] = NULL;
  facts->rows[i] =
      (ridge_fact){.struct_size = sizeof(ridge_fact), .key = key, .type = type};
  return &facts->rows[i];
}

MAKING void facts_drop(struct facts *facts, const char *key) {
  facts_row(facts, key, 0)->key = "dropped";
}

MAKING void facts_int(struct facts *facts, const char *key, int64_t value) {
  facts_row(facts, key, RIDGE_FACT_INT)->value.i = value;
}

MAKING void facts_text(struct facts *facts, const char *key, const char *text) {
  facts_row(facts, key, RIDGE_FACT_TEXT)->value.text =
      (ridge_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

MAKING void *facts_array(struct facts *facts, const char *key, uint32_t type, size_t n,
                         size_t size) {
  ridge_fact *row = facts_row(facts, key, type);
  void *array = calloc(n + 1, size);
  if (array == NULL) abort();
  facts->memory[row - facts->rows] = array;
  row->count = n;
  row->value.ints = array;
  return array;
}

MAKING void facts_texts(struct facts *facts, const char *key, const char *const *texts,
                        size_t n) {
  ridge_bytes *array = facts_array(facts, key, RIDGE_FACT_TEXTS, n, sizeof *array);
  for (size_t i = 0; i < n; i++)
    array[i] = (ridge_bytes){.data = (const uint8_t *)texts[i], .size = strlen(texts[i])};
}

MAKING void facts_ints(struct facts *facts, const char *key, const int *values, size_t n) {
  int64_t *array = facts_array(facts, key, RIDGE_FACT_INTS, n, sizeof *array);
  for (size_t i = 0; i < n; i++) array[i] = values[i];
}

MAKING void facts_reals(struct facts *facts, const char *key, const double *values,
                        size_t n) {
  double *array = facts_array(facts, key, RIDGE_FACT_REALS, n, sizeof *array);
  for (size_t i = 0; i < n; i++) array[i] = values[i];
}

MAKING void facts_free(struct facts *facts) {
  for (size_t i = 0; i < 32; i++) free(facts->memory[i]);
  *facts = (struct facts){0};
}

/* GPT-2's letter for a byte: itself when it prints, else U+0100 and up in order. */
MAKING void letter_for(unsigned byte, char out[5]) {
  unsigned letter = 0x100;
  bool prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
  for (unsigned b = 0; b < byte; b++)
    letter += !((b > 0x20 && b < 0x7f) || (b > 0xa0 && b != 0xad));
  if (prints) letter = byte;
  memset(out, 0, 5);
  if (letter < 0x80) {
    out[0] = (char)letter;
  } else {
    out[0] = (char)(0xc0 | letter >> 6);
    out[1] = (char)(0x80 | (letter & 0x3f));
  }
}

#endif
