/* settings.c - the table of the host's settings. */
#include "base/settings.h"

#include <string.h>

static const char *const cache_codecs[] = {"f16", "f32", NULL};
static const char *const kernel_sets[] = {"best", "reference", NULL};

/* The families of host/model/chat_families.c, which this layer cannot see; a test holds
 * them together. */
static const char *const chat_templates[] = {"no",
                                             "model",
                                             "phi-4",
                                             "chatml",
                                             "mistral-v7",
                                             "mistral-v1",
                                             "mistral-v3-tekken",
                                             "mistral-v3",
                                             "llama-2",
                                             "llama-2-plain",
                                             "phi-3",
                                             "falcon-3",
                                             "zephyr",
                                             "stablelm-zephyr",
                                             "gemma",
                                             "openchat",
                                             "vicuna",
                                             "deepseek",
                                             "command-r",
                                             "llama-3",
                                             "deepseek-2",
                                             "deepseek-3",
                                             NULL};

#define INT(word_, field_, def, min, max, flags_, unit_, doc_)                             \
  {                                                                                        \
    .word = word_, .field = field_, .type = RIDGE_T_INT, .flags = (flags_),                \
    .fallback = {.i = (def)}, .lo = {.i = (min)}, .hi = {.i = (max)}, .unit = (unit_),     \
    .doc = (doc_)                                                                          \
  }
#define REAL(word_, field_, def, min, max, flags_, unit_, doc_)                            \
  {                                                                                        \
    .word = word_, .field = field_, .type = RIDGE_T_REAL, .flags = (flags_),               \
    .fallback = {.r = (def)}, .lo = {.r = (min)}, .hi = {.r = (max)}, .unit = (unit_),     \
    .doc = (doc_)                                                                          \
  }
#define BOOL(word_, field_, def, doc_)                                                     \
  {                                                                                        \
    .word = word_, .field = field_, .type = RIDGE_T_BOOL, .fallback = {.b = (def)},        \
    .unit = "", .doc = (doc_)                                                              \
  }
#define TEXT(word_, field_, flags_, doc_)                                                  \
  {                                                                                        \
    .word = word_, .field = field_, .type = RIDGE_T_TEXT, .flags = (flags_), .unit = "",   \
    .doc = (doc_)                                                                          \
  }
#define CHOICE(word_, field_, def, choices_, doc_)                                         \
  {                                                                                        \
    .word = word_, .field = field_, .type = RIDGE_T_CHOICE, .fallback = {.t = (def)},      \
    .choices = (choices_), .unit = "", .doc = (doc_)                                       \
  }

static const struct setting settings[] = {
    TEXT("model", "path",
         SETTING_POSITIONAL | SETTING_PATH | SETTING_FOLDER | SETTING_REQUIRED |
             SETTING_INPUT,
         "The model file, or the directory of a model of several files."),

    TEXT("prompts", "file", SETTING_POSITIONAL | SETTING_PATH | SETTING_INPUT,
         "A text file with one prompt on each line."),
    TEXT("prompts", "inline", SETTING_LIST | SETTING_ITEMS,
         "The prompts themselves: prompts { \"a\", \"b\" }."),
    CHOICE("prompts", "chat", "no", chat_templates,
           "Each prompt is what a user says in a conversation, written as the model's own "
           "template has it (model), or in the way named."),
    TEXT("prompts", "system", 0, "What stands before the conversation; needs `chat`."),
    TEXT("prompts", "history", SETTING_LIST,
         "What was said before, user and assistant by turns; needs `chat`."),
    INT("prompts", "limit", 0, 0, 1000000, 0, "prompt", "Use the first so many; 0 is all."),

    REAL("sample", "temperature", 0, 0, 100, 0, "",
         "0 takes the likeliest token; more makes the text more varied and less sure."),
    INT("sample", "length", 128, 1, 1 << 24, 0, "token",
        "Tokens to generate at most, for each prompt."),
    INT("sample", "n", 1, 1, 256, 0, "output",
        "Outputs for each prompt; with a temperature they differ."),
    TEXT("sample", "stop", SETTING_LIST,
         "Texts that end the output; they are not part of it."),
    BOOL("sample", "ignore_end", false,
         "Go on past the model's end-of-text token, so that every output has full length."),

    TEXT("perplexity", "file",
         SETTING_POSITIONAL | SETTING_PATH | SETTING_REQUIRED | SETTING_INPUT,
         "The text that is scored."),
    INT("perplexity", "context", 512, 2, 1 << 24, 0, "token",
        "Length of a chunk; the second half of each is scored."),
    INT("perplexity", "chunks", 0, 0, 1 << 24, 0, "chunk",
        "Score the first so many; 0 is all."),
    BOOL("perplexity", "divergence", true,
         "Also run the unmodified model beside it, for KL divergence and same-top-1: twice "
         "the time."),

    INT("bench", "prefill", 512, 0, 1 << 24, 0, "token",
        "Prompt tokens timed in one piece; 0 skips it."),
    INT("bench", "decode", 128, 0, 1 << 24, 0, "token",
        "Tokens generated one by one; 0 skips it."),
    INT("bench", "depth", 0, 0, 1 << 24, 0, "token",
        "Tokens in the cache before the clock starts."),
    INT("bench", "batch", 1, 1, 4096, 0, "sequence", "Sequences that decode side by side."),

    INT("engine", "threads", 0, 0, 256, 0, "thread",
        "Threads that compute; 0 is what the machine gives."),
    INT("engine", "rows", 512, 1, 65536, 0, "token",
        "Tokens of one step at most: more makes long prompts faster and the scratch memory "
        "larger."),
    INT("engine", "context", 0, 0, 1 << 24, 0, "token",
        "Positions of a sequence; 0 is as many as the workloads need, at most the model's "
        "own."),
    CHOICE(
        "engine", "cache", "f16", cache_codecs,
        "How keys and values are kept: f16 halves what f32 takes and rounds to 11 bits."),
    CHOICE(
        "engine", "kernels", "best", kernel_sets,
        "best takes the fastest kernel that this machine can run, reference the plainest."),
    INT("engine", "memory", 0, 0, INT64_MAX, 0, "byte",
        "Refuse a plan that needs more; 0 is what the machine gives."),

    INT("measure", "warmup", 0, 0, 1000, 0, "repeat",
        "Repeats that are recorded as warm-up, not counted."),
    INT("measure", "repeats", 1, 1, 10000, 0, "repeat", "Measured repeats; each is kept."),
    INT("measure", "declined", -1, -1, INT64_MAX, 0, "call",
        "Fail the run when a strategy declines more calls than this; -1 lets it."),
};

static const struct setting_word words[] = {
    {"model", "The model: a file, or its directory.", true, false, NULL},
    {"prompts", "Workload: generate text after each prompt.", false, true, NULL},
    {"perplexity", "Workload: how well the model predicts a text.", false, true, NULL},
    {"bench", "Workload: prefill and decode speed.", false, true, NULL},
    {"sample", "How tokens are picked, and how many.", false, false, "prompts"},
    {"engine", "Threads, step size, context, cache type, memory.", false, false, NULL},
    {"measure", "Warm-up and repeats.", false, false, NULL},
};

const struct setting *setting_list(size_t *n) {
  *n = sizeof settings / sizeof *settings;
  return settings;
}

const struct setting *setting_find(const char *name) {
  const char *dot = strchr(name, '.');
  if (dot == NULL) return NULL;
  size_t word = (size_t)(dot - name);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (strlen(settings[i].word) == word && memcmp(settings[i].word, name, word) == 0 &&
        strcmp(settings[i].field, dot + 1) == 0)
      return &settings[i];
  return NULL;
}

const struct setting_word *setting_words(size_t *n) {
  *n = sizeof words / sizeof *words;
  return words;
}
