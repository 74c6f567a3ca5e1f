/* mix.c - the table of mixes, and what each does with the tensors it treats better. */
#include "convert/mix.h"

#include "base/near.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Which rows of `betters` apply to a mix. */
enum family { PLAIN, Q2, Q2_S, Q3_S, Q3_M, Q3_L, Q4_S, Q4_M, Q5_S, Q5_M, IQ4 };

struct mix {
  const char *name, *base;
  int64_t file_type; /* general.file_type, enum llama_ftype */
  enum family family;
  bool keeps_output; /* the head and a tied embedding get the base codec, too */
};

/* clang-format off */
static const struct mix mixes[] = {
    {"f32", "f32", 0, PLAIN, true},       {"f16", "f16", 1, PLAIN, true},
    {"bf16", "bf16", 32, PLAIN, true},    {"q8_0", "q8_0", 7, PLAIN, true},
    {"q4_0", "q4_0", 2, PLAIN, false},    {"q4_1", "q4_1", 3, PLAIN, false},
    {"q5_0", "q5_0", 8, PLAIN, false},    {"q5_1", "q5_1", 9, PLAIN, false},
    {"q2_k", "q2_k", 10, Q2, false},      {"q2_k_s", "q2_k", 21, Q2_S, false},
    {"q3_k_s", "q3_k", 11, Q3_S, false},  {"q3_k_m", "q3_k", 12, Q3_M, false},
    {"q3_k_l", "q3_k", 13, Q3_L, false},  {"q4_k_s", "q4_k", 14, Q4_S, false},
    {"q4_k_m", "q4_k", 15, Q4_M, false},  {"q5_k_s", "q5_k", 16, Q5_S, false},
    {"q5_k_m", "q5_k", 17, Q5_M, false},  {"q6_k", "q6_k", 18, PLAIN, false},
    {"iq4_nl", "iq4_nl", 25, IQ4, false}, {"iq4_xs", "iq4_xs", 30, IQ4, false},
    {"mxfp4", "mxfp4", -1, PLAIN, false},
};
/* clang-format on */
enum { N_MIXES = sizeof mixes / sizeof *mixes };

/* What people say for the middle one. */
static const char *const aliases[][2] = {
    {"q3_k", "q3_k_m"}, {"q4_k", "q4_k_m"}, {"q5_k", "q5_k_m"}};

const struct mix *mix_find(const char *name) {
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
    if (strcasecmp(aliases[i][0], name) == 0) name = aliases[i][1];
  for (size_t i = 0; i < N_MIXES; i++)
    if (strcasecmp(mixes[i].name, name) == 0) return &mixes[i];
  return NULL;
}

const char *mix_name(const struct mix *mix) { return mix->name; }
const char *mix_base(const struct mix *mix) { return mix->base; }
int64_t mix_file_type(const struct mix *mix) { return mix->file_type; }

const char *mix_names(void) {
  return "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q2_k_s, q3_k_s, q3_k_m, "
         "q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m, q6_k, iq4_nl, iq4_xs, mxfp4";
}

/* The letters and digits of a name, in lower case: how people misspell these. */
static void letters_of(const char *name, char to[32]) {
  size_t n = 0;
  for (; *name != 0 && n < 31; name++)
    if (isalnum((unsigned char)*name)) to[n++] = (char)tolower((unsigned char)*name);
  to[n] = 0;
}

const char *mix_suggest(const char *name) {
  const char *names[N_MIXES];
  char wanted[32], have[32];
  letters_of(name, wanted);
  for (size_t i = 0; i < N_MIXES; i++) {
    letters_of(mixes[i].name, have);
    if (strcmp(wanted, have) == 0) return mixes[i].name;
  }
  for (size_t i = 0; i < N_MIXES; i++) names[i] = mixes[i].name;
  return near_of(name, names, N_MIXES);
}

/* ---- which tensors ---- */

static bool ends_in(const char *name, const char *tail) {
  const size_t size = strlen(name), wanted = strlen(tail);
  return size >= wanted && strcmp(name + size - wanted, tail) == 0;
}

bool mix_takes(const ridge_file_tensor *tensor) {
  static const char *const left_alone[] = {"position_embd.weight", "token_types.weight"};
  const char *name = tensor->name;
  if (tensor->rank < 2 || !ends_in(name, ".weight")) return false;
  if (ends_in(name, "_norm.weight") || ends_in(name, "ffn_gate_inp.weight")) return false;
  for (size_t i = 0; i < sizeof left_alone / sizeof *left_alone; i++)
    if (strcmp(name, left_alone[i]) == 0) return false;
  return true;
}

/* ---- tensors treated better ---- */

/* Where in the model a better codec is given. */
enum where {
  ALL,
  SOME, /* the first and the last eighth of the layers, and each third between */
  FIRST_EIGHTH,
  FIRST_SIXTEENTH,
  FIRST_TWO,
  FIRST_FOUR,
  GROUPED, /* four or more heads share keys and values: a small tensor, much used */
};

static const struct better {
  enum family family;
  const char *part; /* of the tensor's name */
  enum where where;
  const char *codec;
} betters[] = {
    {Q2, "attn_v.", GROUPED, "q4_k"},
    {Q2, "attn_v.", ALL, "q3_k"},
    {Q2, "ffn_down.", ALL, "q3_k"},
    {Q2, "attn_output.", ALL, "q3_k"},
    {Q2_S, "attn_v.", GROUPED, "q4_k"},
    {Q2_S, "ffn_down.", FIRST_EIGHTH, "q4_k"},
    {Q3_M, "attn_v.", FIRST_TWO, "q5_k"},
    {Q3_M, "attn_v.", ALL, "q4_k"},
    {Q3_M, "ffn_down.", FIRST_SIXTEENTH, "q5_k"},
    {Q3_M, "ffn_down.", ALL, "q4_k"},
    {Q3_M, "attn_output.", ALL, "q4_k"},
    {Q3_L, "attn_v.", ALL, "q5_k"},
    {Q3_L, "ffn_down.", ALL, "q5_k"},
    {Q3_L, "attn_output.", ALL, "q5_k"},
    {Q4_S, "attn_v.", FIRST_FOUR, "q5_k"},
    {Q4_S, "ffn_down.", FIRST_EIGHTH, "q5_k"},
    {Q4_M, "attn_v.", SOME, "q6_k"},
    {Q4_M, "ffn_down.", SOME, "q6_k"},
    {Q5_M, "attn_v.", SOME, "q6_k"},
    {Q5_M, "ffn_down.", SOME, "q6_k"},
    {IQ4, "attn_v.", GROUPED, "q5_k"},
    {IQ4, "ffn_down.", FIRST_EIGHTH, "q5_k"},
};

static bool is_there(enum where where, int64_t layer, const struct mix_model *model) {
  const int64_t n = model->layers;
  switch (where) {
  case ALL: return true;
  case SOME: return layer < n / 8 || layer >= 7 * n / 8 || (layer - n / 8) % 3 == 2;
  case FIRST_EIGHTH: return layer < n / 8;
  case FIRST_SIXTEENTH: return layer < n / 16;
  case FIRST_TWO: return layer < 2;
  case FIRST_FOUR: return layer < 4;
  case GROUPED: return model->gqa >= 4;
  }
  return false;
}

static int64_t layer_of(const char *name) {
  return strncmp(name, "blk.", 4) == 0 ? strtoll(name + 4, NULL, 10) : 0;
}

/* A fused tensor is as precious as the values in it. */
static bool is_part(const char *name, const char *part) {
  return strstr(name, part) != NULL ||
         (strcmp(part, "attn_v.") == 0 && strstr(name, "attn_qkv.") != NULL);
}

static const char *better_codec(const struct mix *mix, const struct mix_model *model,
                                const char *name) {
  const int64_t layer = layer_of(name);
  for (size_t i = 0; i < sizeof betters / sizeof *betters; i++) {
    const struct better *b = &betters[i];
    if (b->family == mix->family && is_part(name, b->part) &&
        is_there(b->where, layer, model))
      return b->codec;
  }
  return mix->base;
}

/* With 7 and 8 billion numbers in the experts, what all of them share is nothing. */
static const char *shared_codec(const struct mix *mix, const char *name) {
  const bool is_values = is_part(name, "attn_v.");
  const bool small = mix->family != PLAIN && mix->family != Q5_S && mix->family != Q5_M &&
                     mix->family != Q3_L && mix->family != Q2_S;
  if (is_values || strstr(name, "attn_k.") != NULL) return "q8_0";
  if (strstr(name, "attn_output.") == NULL) return NULL;
  return small ? "q5_k" : mix->base;
}

/* Seventy billion numbers, and eight heads to one tensor of values: an eighth of the
 * queries' size, so that a bit more costs nothing. */
static bool is_large(const struct mix_model *model) {
  return model->layers == 80 && model->gqa > 1;
}

static bool is_small(const char *codec) {
  return strcmp(codec, "q3_k") == 0 || strcmp(codec, "q4_k") == 0;
}

static const char *head_codec(const struct mix *mix, const ridge_file_tensor *tensor) {
  if (mix->keeps_output) return mix->base;
  return tensor->dims[tensor->rank - 1] % 256 != 0 ? "q8_0" : "q6_k";
}

const char *mix_codec(const struct mix *mix, const struct mix_model *model,
                      const ridge_file_tensor *tensor, bool pure) {
  const char *name = tensor->name, *codec = NULL;
  const bool embeds = strcmp(name, "token_embd.weight") == 0;
  if (pure) return mix->base;
  if (strcmp(name, "output.weight") == 0 || (!model->has_output && embeds))
    return head_codec(mix, tensor);
  if (mix->keeps_output || embeds) return mix->base;
  if (model->experts == 8) codec = shared_codec(mix, name);
  if (codec == NULL) codec = better_codec(mix, model, name);
  return is_part(name, "attn_v.") && is_large(model) && is_small(codec) ? "q5_k" : codec;
}

const char *mix_instead(const char *codec) {
  static const char *const pairs[][2] = {
      {"q2_k", "iq4_nl"}, {"q3_k", "iq4_nl"}, {"iq4_xs", "iq4_nl"},
      {"q4_k", "q5_0"},   {"q5_k", "q5_1"},   {"q6_k", "q8_0"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (strcmp(pairs[i][0], codec) == 0) return pairs[i][1];
  return strcmp(codec, "f16") != 0 ? "f16" : NULL; /* one number a block: fits any row */
}

/* ---- rules ---- */

ridge_status mix_rule_read(const char *text, struct mix_rule *out, struct why *why) {
  const char *equals = strrchr(text, '=');
  *out = (struct mix_rule){.fitted = 0};
  if (equals == NULL || equals == text || equals[1] == 0)
    return why_set(why, RIDGE_INVALID,
                   "`%s` is no rule; PATTERN=CODEC is wanted, as in blk.*.ffn_down=q6_k",
                   text);
  const size_t size = (size_t)(equals - text);
  if (size >= sizeof out->pattern || strlen(equals + 1) >= sizeof out->codec)
    return why_set(why, RIDGE_INVALID, "`%.80s...` is too long for a rule", text);
  memcpy(out->pattern, text, size);
  for (size_t i = 0; equals[1 + i] != 0; i++)
    out->codec[i] = (char)tolower((unsigned char)equals[1 + i]);
  return RIDGE_OK;
}

static bool fits(const char *pattern, const char *name) {
  char stem[128];
  if (fnmatch(pattern, name, 0) == 0) return true;
  if (!ends_in(name, ".weight")) return false;
  snprintf(stem, sizeof stem, "%.*s", (int)(strlen(name) - strlen(".weight")), name);
  return fnmatch(pattern, stem, 0) == 0;
}

struct mix_rule *mix_rule_find(struct mix_rule *rules, size_t n, const char *name) {
  struct mix_rule *found = NULL;
  for (size_t i = 0; i < n; i++) {
    if (!fits(rules[i].pattern, name)) continue;
    rules[i].fitted++;
    found = &rules[i];
  }
  return found;
}
