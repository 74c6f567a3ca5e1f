/*
 * tokenizer_marks.c - tokens that are known by their text.
 *
 * Converted models often type their special tokens as normal and name only one of
 * several that end a turn.  llama.cpp (llama-vocab.cpp) repairs both by looking at the
 * texts, and models are published against that; the same texts are looked for here.
 */
#include "model/tokenizer_parts.h"

#include <ctype.h>
#include <string.h>

/* Texts in a group other than ENDS have one role; the first that is there has it,
 * unless the file names another by the group's key. */
enum group { ENDS, PREFIX, SUFFIX, MIDDLE, PAD, REPOSITORY, SEPARATOR, SHOWN };
static const struct {
  const char *text;
  enum group group;
} known[] = {
    {"</s>", ENDS},
    {"<eos>", ENDS},
    {"<|endoftext|>", ENDS},
    {"<|end_of_text|>", ENDS},
    {"<|eot_id|>", ENDS},
    {"<|eom_id|>", ENDS},
    {"<|im_end|>", ENDS},
    {"<|end|>", ENDS},
    {"<|return|>", ENDS},
    {"<|call|>", ENDS},
    {"<|calls|>", ENDS},
    {"<|flush|>", ENDS},
    {"<end_of_turn>", ENDS},
    {"<end_of_utterance>", ENDS},
    {"<EOT>", ENDS},
    {"_<EOT>", ENDS},
    {"[EOT]", ENDS},
    {"[EOS]", ENDS},
    {"[e~[", ENDS},
    {"<\xef\xbd\x9c"
     "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
     ENDS},
    {"<|fim_prefix|>", PREFIX},
    {"<fim-prefix>", PREFIX},
    {"<fim_prefix>", PREFIX},
    {"<\xef\xbd\x9c"
     "fim\xe2\x96\x81"
     "begin\xef\xbd\x9c>",
     PREFIX},
    {"<PRE>", PREFIX},
    {"\xe2\x96\x81<PRE>", PREFIX},
    {"<|code_prefix|>", PREFIX},
    {"<|prefix|>", PREFIX},
    {"<|fim_suffix|>", SUFFIX},
    {"<fim-suffix>", SUFFIX},
    {"<fim_suffix>", SUFFIX},
    {"<\xef\xbd\x9c"
     "fim\xe2\x96\x81hole\xef\xbd\x9c>",
     SUFFIX},
    {"<SUF>", SUFFIX},
    {"\xe2\x96\x81<SUF>", SUFFIX},
    {"<|code_suffix|>", SUFFIX},
    {"<|suffix|>", SUFFIX},
    {"<|fim_middle|>", MIDDLE},
    {"<fim-middle>", MIDDLE},
    {"<fim_middle>", MIDDLE},
    {"<\xef\xbd\x9c"
     "fim\xe2\x96\x81"
     "end\xef\xbd\x9c>",
     MIDDLE},
    {"<MID>", MIDDLE},
    {"\xe2\x96\x81<MID>", MIDDLE},
    {"<|code_middle|>", MIDDLE},
    {"<|middle|>", MIDDLE},
    {"<|fim_pad|>", PAD},
    {"<fim-pad>", PAD},
    {"<fim_pad>", PAD},
    {"<PAD>", PAD},
    {"[PAD]", PAD},
    {"<|fim_repo|>", REPOSITORY},
    {"<|repo_name|>", REPOSITORY},
    {"<fim-repo>", REPOSITORY},
    {"<REPO>", REPOSITORY},
    {"<reponame>", REPOSITORY},
    {"<|file_sep|>", SEPARATOR},
    /* gpt-oss writes its channels with these; they are text to whoever reads it. */
    {"<|start|>", SHOWN},
    {"<|channel|>", SHOWN},
    {"<|message|>", SHOWN},
    {"<|constrain|>", SHOWN},
};

/* Keys that name a token of a group, and whether that token ends a text. */
static const struct {
  const char *key;
  enum group group;
  bool ends;
} keys[] = {
    {"tokenizer.ggml.eot_token_id", ENDS, true},
    {"tokenizer.ggml.eom_token_id", ENDS, true},
    {"tokenizer.ggml.fim_pre_token_id", PREFIX, false},
    {"tokenizer.ggml.fim_suf_token_id", SUFFIX, false},
    {"tokenizer.ggml.fim_mid_token_id", MIDDLE, false},
    {"tokenizer.ggml.fim_pad_token_id", PAD, true},
    {"tokenizer.ggml.fim_rep_token_id", REPOSITORY, true},
    {"tokenizer.ggml.fim_sep_token_id", SEPARATOR, true},
    {"tokenizer.ggml.prefix_token_id", PREFIX, false},
    {"tokenizer.ggml.suffix_token_id", SUFFIX, false},
    {"tokenizer.ggml.middle_token_id", MIDDLE, false},
};

static bool group_ends(enum group group) {
  return group == ENDS || group == PAD || group == REPOSITORY || group == SEPARATOR;
}

static int32_t find(const struct vocab *vocab, const char *text) {
  return vocab_find(vocab, text, strlen(text));
}

static void mark_known(struct vocab *vocab, bool taken[SHOWN + 1]) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    enum group group = known[i].group;
    int32_t id = find(vocab, known[i].text);
    if (id < 0 || (taken[group] && group != ENDS && group != SHOWN)) continue;
    taken[group] = true;
    vocab->type[id] = group == SHOWN ? TOKEN_USER : TOKEN_CONTROL;
    if (group_ends(group)) vocab->mark[id] |= TOKEN_ENDS;
  }
}

static bool ends(const struct vocab *vocab, const char *text) {
  return find(vocab, text) >= 0;
}

/* In the harmony format and solar-open's, <|end|> ends a message, not the answer. */
static void mark_messages(struct vocab *vocab) {
  bool call = ends(vocab, "<|call|>") || ends(vocab, "<|calls|>");
  bool several = call && (ends(vocab, "<|return|>") || ends(vocab, "<|flush|>"));
  int32_t end = find(vocab, "<|end|>");
  if (!several || end < 0) return;
  vocab->type[end] = TOKEN_USER;
  vocab->mark[end] &= (uint8_t)~TOKEN_ENDS;
}

/* Phi-3 was trained with blanks after its special tokens taken away; the file does
 * not say so, only its name does. */
static void mark_stripping(const ridge_model_file *file, struct vocab *vocab) {
  const ridge_fact *name = fact_find(file, "general.name");
  if (name == NULL || name->type != RIDGE_FACT_TEXT) return;
  char small[128] = {0};
  for (size_t i = 0; i < name->value.text.size && i < sizeof small - 1; i++)
    small[i] = (char)tolower(name->value.text.data[i]);
  if (strstr(small, "phi-3") == NULL && strstr(small, "phi3") == NULL) return;
  for (int32_t id = 0; id < vocab->n; id++) {
    uint8_t type = vocab->type[id];
    if (type == TOKEN_CONTROL || type == TOKEN_USER || type == TOKEN_UNKNOWN)
      vocab->mark[id] |= TOKEN_STRIPS_RIGHT;
  }
  static const char *const keep[] = {"<unk>", "<s>", "<|endoftext|>"};
  for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
    int32_t id = find(vocab, keep[i]);
    if (id >= 0) vocab->mark[id] &= (uint8_t)~TOKEN_STRIPS_RIGHT;
  }
}

/* Tokens that the file lists by their numbers. */
static ridge_status mark_listed(const ridge_model_file *file, struct vocab *vocab,
                                struct why *why) {
  static const struct {
    const char *key;
    enum token_mark mark;
  } lists[] = {{"ridge.tokenizer.ends", TOKEN_ENDS},
               {"ridge.tokenizer.strips_left", TOKEN_STRIPS_LEFT},
               {"ridge.tokenizer.strips_right", TOKEN_STRIPS_RIGHT}};
  for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
    const ridge_fact *fact = NULL;
    if (fact_find(file, lists[k].key) == NULL) continue;
    ridge_status status = fact_array(file, lists[k].key, RIDGE_FACT_INTS, -1, &fact, why);
    if (status != RIDGE_OK) return status;
    for (uint64_t i = 0; i < fact->count; i++) {
      int64_t id = fact->value.ints[i];
      if (id < 0 || id >= vocab->n)
        return why_set(why, RIDGE_CORRUPT, "%s: %lld is no token's number", lists[k].key,
                       (long long)id);
      vocab->mark[id] |= (uint8_t)lists[k].mark;
    }
  }
  return RIDGE_OK;
}

ridge_status vocab_mark(const ridge_model_file *file, struct vocab *vocab, int32_t eos,
                        struct why *why) {
  bool taken[SHOWN + 1] = {false};
  int32_t named[sizeof keys / sizeof *keys];
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    named[i] = -1;
    ridge_status status = fact_token(file, keys[i].key, vocab->n, &named[i], why);
    if (status != RIDGE_OK) return status;
    if (named[i] >= 0) taken[keys[i].group] = true;
  }
  mark_known(vocab, taken);
  mark_messages(vocab);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (named[i] >= 0 && keys[i].ends) vocab->mark[named[i]] |= TOKEN_ENDS;
  if (eos >= 0) vocab->mark[eos] |= TOKEN_ENDS;
  /* A file that lists them need not be known by its name. */
  if (fact_find(file, "ridge.tokenizer.strips_right") == NULL) mark_stripping(file, vocab);
  return mark_listed(file, vocab, why);
}
