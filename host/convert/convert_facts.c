/*
 * convert_facts.c - the facts of the model to write: those of the source, as they are
 * stored there, but for the two that speak of codecs.
 *
 * Facts that only ridge's readers of other formats make ("ridge.") are not written.  The
 * one that says how rows lie is obeyed (convert_pairs.c); of the others those are told
 * that change what is read (convert_words.c).
 */
#include "convert/convert.h"

#include <stdio.h>
#include <string.h>

/* Version 2 of ggml's block layouts: f16 scales, since May 2023. */
enum { BLOCK_LAYOUTS = 2 };

enum { MOST_ADDED = 4 }; /* file type, block layouts, two tokens that end a text */

const char *convert_architecture(const struct source *source, struct arena *arena) {
  const ridge_fact *fact = source_fact(source, "general.architecture");
  if (fact == NULL || fact->type != RIDGE_FACT_TEXT) return "";
  return arena_bytes(arena, fact->value.text.data, (size_t)fact->value.text.size);
}

int64_t convert_int(const struct source *source, const char *tail, int64_t otherwise) {
  const ridge_fact *architecture = source_fact(source, "general.architecture");
  char key[160];
  if (architecture == NULL || architecture->type != RIDGE_FACT_TEXT ||
      architecture->value.text.size > 64)
    return otherwise;
  snprintf(key, sizeof key, "%.*s.%.80s", (int)architecture->value.text.size,
           (const char *)architecture->value.text.data, tail);
  const ridge_fact *fact = source_fact(source, key);
  return fact != NULL && fact->type == RIDGE_FACT_INT ? fact->value.i : otherwise;
}

static bool is_quantized(const char *codec) {
  static const char *const plain[] = {"f32", "f16", "bf16", "f64",
                                      "i8",  "i16", "i32",  "i64"};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    if (strcmp(plain[i], codec) == 0) return false;
  return true;
}

void convert_set_int(struct convert_plan *plan, const char *key, int64_t value) {
  size_t i = 0;
  while (i < plan->n_facts && strcmp(plan->facts[i].key, key) != 0) i++;
  if (i == plan->n_facts) plan->n_facts++;
  plan->facts[i] = (ridge_fact){.struct_size = sizeof(ridge_fact),
                                .key = key,
                                .value = {.i = value},
                                .type = RIDGE_FACT_INT,
                                .stored = RIDGE_STORED_U32};
}

static bool is_dropped(struct convert_plan *plan, const ridge_fact *fact) {
  if (strcmp(fact->key, "ridge.rope.pairing") == 0) return true;
  if (strncmp(fact->key, "ridge.", 6) == 0) return true;
  /* What it said is no longer true, and no number stands for what is. */
  return plan->mix != NULL && mix_file_type(plan->mix) < 0 &&
         strcmp(fact->key, "general.file_type") == 0;
}

static void leave_out(struct convert_plan *plan, const char *key, const char *effect) {
  plan->left_out[plan->n_left_out++] = (struct convert_lost){key, effect};
}

/* What is dropped is told where it changes anything. */
static void tell_dropped(struct convert_plan *plan, const ridge_fact *fact) {
  static const char ends[] = "ridge.tokenizer.ends";
  if (strncmp(fact->key, "ridge.", 6) != 0) return;
  if (strcmp(fact->key, "ridge.rope.pairing") == 0) return;
  if (strcmp(fact->key, ends) == 0) {
    if (!convert_words_ends(plan))
      leave_out(plan, ends,
                "GGUF names three tokens that end a text, and this model has more");
    return;
  }
  const char *effect = convert_words_lost(plan, fact);
  if (effect != NULL) leave_out(plan, fact->key, effect);
}

void convert_facts(struct convert_plan *plan) {
  const ridge_model_file *file = &plan->spec->source->file;
  plan->facts =
      arena_array(&plan->memory, (size_t)file->n_facts + MOST_ADDED, sizeof *plan->facts);
  plan->left_out =
      arena_array(&plan->memory, (size_t)file->n_facts + 1, sizeof *plan->left_out);
  for (uint64_t i = 0; i < file->n_facts; i++)
    if (!is_dropped(plan, &file->facts[i])) plan->facts[plan->n_facts++] = file->facts[i];
  bool quantized = false;
  for (size_t i = 0; i < plan->n; i++)
    quantized = quantized || is_quantized(plan->rows[i].to);
  if (plan->mix != NULL && mix_file_type(plan->mix) >= 0)
    convert_set_int(plan, "general.file_type", mix_file_type(plan->mix));
  if (quantized) convert_set_int(plan, "general.quantization_version", BLOCK_LAYOUTS);
  for (uint64_t i = 0; i < file->n_facts; i++) tell_dropped(plan, &file->facts[i]);
}
