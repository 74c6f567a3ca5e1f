/*
 * convert_notes.c - where llama.cpp, the other program that reads such files, is known to
 * refuse what is written or to compute something else from it (docs/architectures.md).
 *
 * The file is right all the same, and ridge reads it; but whoever converts for another
 * program is to know before hours of work.
 */
#include "convert/convert.h"
#include "model/arch.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIECE_BYTE = 6 };

struct notes {
  struct convert_plan *plan;
  const struct source *source;
  const struct arch *arch;
};

static bool is_arch(const struct notes *n, const char *name) {
  return strcmp(n->arch->row->name, name) == 0;
}

static void add(struct convert_plan *plan, const char *sentence) {
  if (plan->n_notes < CONVERT_MOST_NOTES) plan->notes[plan->n_notes++] = sentence;
}

/* ---- of the architecture ---- */

static void note_unknown(const struct notes *n) {
  if (is_arch(n, "opt"))
    add(n->plan, "llama.cpp has no architecture `opt` and does not open the file");
}

static void note_window(const struct notes *n) {
  const struct arch *arch = n->arch;
  if (!is_arch(n, "llama") && !is_arch(n, "phi3")) return;
  if (arch->window <= 0 || arch->window >= arch->context) return;
  add(n->plan,
      arena_format(&n->plan->memory,
                   "llama.cpp reads `%s` without the window of %lld tokens that this model "
                   "has: longer texts come out otherwise there",
                   arch->row->name, (long long)arch->window));
}

static void note_plain_layers(const struct notes *n) {
  char name[64];
  for (int64_t i = 0; i < n->arch->layers && n->arch->experts > 0; i++) {
    snprintf(name, sizeof name, "blk.%lld.ffn_gate_inp.weight", (long long)i);
    if (source_tensor(n->source, name) != NULL) continue;
    add(n->plan, arena_format(&n->plan->memory,
                              "llama.cpp wants experts in every layer of `%s` and does not "
                              "open the file: layer %lld has none",
                              n->arch->row->name, (long long)i));
    return;
  }
}

static void note_expert_sum(const struct notes *n) {
  const struct arch *arch = n->arch;
  if (arch->experts == 0 || arch->experts_sum_to_one == arch->row->experts_sum_to_one)
    return;
  add(n->plan, arena_format(&n->plan->memory,
                            "llama.cpp reads no key for it and takes the weights of `%s`'s "
                            "experts %s: it computes something else from the file",
                            arch->row->name,
                            arch->row->experts_sum_to_one ? "to sum to one"
                                                          : "as the softmax has them"));
}

/* It computes the scale from the shape, whatever the file says. */
static void note_scale(const struct notes *n) {
  const struct arch *arch = n->arch;
  if (!is_arch(n, "gemma2") && !is_arch(n, "gemma3")) return;
  const bool wide = arch->layers == arch->row->wide_layers;
  const double width = wide ? (double)(arch->dim / arch->heads) : (double)arch->head_dim;
  if (fabs(arch->attention_scale * sqrt(width) - 1) < 1e-5) return;
  add(n->plan, arena_format(&n->plan->memory,
                            "llama.cpp scales the scores of `%s` by 1/sqrt(%g) and not, as "
                            "this model has it, by %g: it computes something else from the "
                            "file",
                            arch->row->name, width, arch->attention_scale));
}

/* ---- of the tokenizer ---- */

static bool is_text(const ridge_fact *fact, const char *text) {
  return fact != NULL && fact->type == RIDGE_FACT_TEXT &&
         fact->value.text.size == strlen(text) &&
         memcmp(fact->value.text.data, text, strlen(text)) == 0;
}

static bool has_bytes(const struct source *source) {
  const ridge_fact *types = source_fact(source, "tokenizer.ggml.token_type");
  if (types == NULL || types->type != RIDGE_FACT_INTS) return false;
  for (uint64_t i = 0; i < types->count; i++)
    if (types->value.ints[i] == PIECE_BYTE) return true;
  return false;
}

static void note_bytes(struct convert_plan *plan) {
  const struct source *source = plan->spec->source;
  const ridge_fact *kind = source_fact(source, "tokenizer.ggml.model");
  if (is_text(kind, "t5") && has_bytes(source))
    add(plan, "llama.cpp turns a character that this vocabulary lacks into the unknown "
              "token, not into its bytes");
  if (is_text(kind, "llama") && !has_bytes(source))
    add(plan,
        "llama.cpp ends the program at a character that this vocabulary lacks: it has "
        "no bytes to fall back on");
}

static bool has_token(const ridge_fact *tokens, const char *text) {
  for (uint64_t i = 0; i < tokens->count; i++)
    if (tokens->value.texts[i].size == strlen(text) &&
        memcmp(tokens->value.texts[i].data, text, strlen(text)) == 0)
      return true;
  return false;
}

/* By the name of the model it looks for four tokens, and gives up without them. */
static void note_name(struct convert_plan *plan) {
  static const char *const wanted[] = {"</s>", "<unk>", "<s>", "<|endoftext|>"};
  const struct source *source = plan->spec->source;
  const ridge_fact *name = source_fact(source, "general.name");
  const ridge_fact *tokens = source_fact(source, "tokenizer.ggml.tokens");
  char small[128] = {0};
  if (name == NULL || name->type != RIDGE_FACT_TEXT) return;
  if (tokens == NULL || tokens->type != RIDGE_FACT_TEXTS) return;
  for (size_t i = 0; i < name->value.text.size && i < sizeof small - 1; i++)
    small[i] = (char)tolower(name->value.text.data[i]);
  if (strstr(small, "phi-3") == NULL && strstr(small, "phi3") == NULL) return;
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    if (has_token(tokens, wanted[i])) continue;
    add(plan, arena_format(&plan->memory,
                           "llama.cpp wants the token `%s` of a model named `%s` and does "
                           "not open the file; another general.name (a directory's is its "
                           "own name) helps",
                           wanted[i], small));
    return;
  }
}

void convert_notes(struct convert_plan *plan) {
  struct arch arch;
  struct why why;
  const struct notes notes = {.plan = plan, .source = plan->spec->source, .arch = &arch};
  if (strcmp(plan->spec->format, "gguf") != 0) return;
  note_bytes(plan);
  note_name(plan);
  if (arch_read(plan->spec->source, &arch, &why) != RIDGE_OK) return; /* only copied */
  note_unknown(&notes);
  note_window(&notes);
  note_plain_layers(&notes);
  note_expert_sum(&notes);
  note_scale(&notes);
}
