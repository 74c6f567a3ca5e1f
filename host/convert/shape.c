/* shape.c - well-known shapes, and reading one from the command line. */
#include "convert/shape.h"

#include "base/near.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the models' own config.json.  llama-3.2-1b is without its rope scaling, which
 * changes no speed. */
/* clang-format off */
static const struct shape shapes[] = {
    {"tinyllama-1.1b", "llama", "llama", 22, 2048, 32, 4, 64, 5632, 32000, 2048, 1e4, 1e-5, false},
    {"llama-160m", "llama", "llama", 12, 768, 12, 12, 64, 3072, 32000, 2048, 1e4, 1e-6, false},
    {"llama-3.2-1b", "llama", "llama-bpe", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 5e5, 1e-5, true},
    {"smollm2-135m", "llama", "smollm", 30, 576, 9, 3, 64, 1536, 49152, 8192, 1e5, 1e-5, true},
    {"smollm2-360m", "llama", "smollm", 32, 960, 15, 5, 64, 2560, 49152, 8192, 1e5, 1e-5, true},
    {"qwen2.5-0.5b", "qwen2", "qwen2", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1e6, 1e-6, true},
    {"gpt2-124m", "gpt2", "gpt-2", 12, 768, 12, 12, 64, 3072, 50257, 1024, 1e4, 1e-5, true},
    {"tiny-llama", "llama", "llama", 2, 256, 4, 2, 64, 512, 1000, 512, 1e4, 1e-5, false},
    {"tiny-qwen2", "qwen2", "qwen2", 2, 256, 4, 2, 64, 512, 1000, 512, 1e6, 1e-6, true},
    {"tiny-gpt2", "gpt2", "gpt-2", 2, 256, 4, 4, 64, 1024, 1000, 512, 1e4, 1e-5, true},
};
/* clang-format on */
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

const struct shape *shape_at(size_t i) { return i < N_SHAPES ? &shapes[i] : NULL; }

/* ---- numbers ---- */

static const struct measure {
  const char *name;
  size_t at;
  int64_t lo, hi;
} measures[] = {
    {"layers", offsetof(struct shape, layers), 1, 1024},
    {"dim", offsetof(struct shape, dim), 8, 65536},
    {"heads", offsetof(struct shape, heads), 1, 1024},
    {"kv_heads", offsetof(struct shape, kv_heads), 1, 1024},
    {"head_dim", offsetof(struct shape, head_dim), 2, 1024},
    {"ffn", offsetof(struct shape, ffn), 8, 1 << 20},
    {"vocab", offsetof(struct shape, vocab), 320, 1 << 20},
    {"context", offsetof(struct shape, context), 8, 1 << 24},
};
enum { N_MEASURES = sizeof measures / sizeof *measures };

static int64_t *field(struct shape *shape, const struct measure *measure) {
  return (int64_t *)(void *)((char *)shape + measure->at);
}

static ridge_status set_arch(struct shape *out, const char *value, struct why *why) {
  for (size_t i = 0; i < N_SHAPES; i++) {
    if (strncmp(shapes[i].name, "tiny-", 5) != 0 || strcmp(shapes[i].arch, value) != 0)
      continue;
    out->arch = shapes[i].arch;
    out->words = shapes[i].words;
    out->tied = shapes[i].tied;
    out->eps = shapes[i].eps;
    out->rope_base = shapes[i].rope_base;
    return RIDGE_OK;
  }
  return why_set(why, RIDGE_INVALID,
                 "arch is `%s`; llama, qwen2 and gpt2 can be made, as arch=llama", value);
}

/* head_dim and kv_heads follow dim and heads, unless they are given themselves. */
static ridge_status set_measure(struct shape *out, const char *key, const char *value,
                                bool given[N_MEASURES], struct why *why) {
  const char *names[N_MEASURES + 1];
  for (size_t i = 0; i < N_MEASURES; i++) {
    names[i] = measures[i].name;
    if (strcmp(measures[i].name, key) != 0) continue;
    char *end;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (end == value || *end != 0 || errno != 0 || number < measures[i].lo ||
        number > measures[i].hi)
      return why_set(why, RIDGE_INVALID, "%s is `%s`; it must be between %lld and %lld",
                     key, value, (long long)measures[i].lo, (long long)measures[i].hi);
    *field(out, &measures[i]) = number;
    given[i] = true;
    return RIDGE_OK;
  }
  names[N_MEASURES] = "arch";
  const char *near = near_of(key, names, N_MEASURES + 1);
  return why_set(why, RIDGE_INVALID,
                 "a shape has no `%s`%s%s%s; it has arch, layers, dim, heads, kv_heads, "
                 "head_dim, ffn, vocab and context",
                 key, near != NULL ? " (did you mean `" : "", near != NULL ? near : "",
                 near != NULL ? "`?)" : "");
}

static bool is_given(const bool given[N_MEASURES], const char *name) {
  for (size_t i = 0; i < N_MEASURES; i++)
    if (strcmp(measures[i].name, name) == 0) return given[i];
  return false;
}

static void follow(struct shape *s, const bool given[N_MEASURES]) {
  const bool heads = is_given(given, "heads"), dim = is_given(given, "dim");
  if ((heads || dim) && !is_given(given, "head_dim") && s->dim % s->heads == 0)
    s->head_dim = s->dim / s->heads;
  if (heads && !is_given(given, "kv_heads")) s->kv_heads = s->heads;
}

static ridge_status check(const struct shape *s, struct why *why) {
  const bool is_gpt2 = strcmp(s->arch, "gpt2") == 0;
  if (s->heads % s->kv_heads != 0)
    return why_set(why, RIDGE_INVALID,
                   "%lld heads cannot share %lld heads of keys and values; kv_heads has to "
                   "divide heads",
                   (long long)s->heads, (long long)s->kv_heads);
  if (s->head_dim % 2 != 0)
    return why_set(why, RIDGE_INVALID,
                   "a head has %lld numbers; it has to be an even count (dim / heads)",
                   (long long)s->head_dim);
  if (is_gpt2 && (s->kv_heads != s->heads || s->heads * s->head_dim != s->dim))
    return why_set(why, RIDGE_INVALID,
                   "gpt2 has as many heads of keys and values as heads, of dim / heads "
                   "numbers; here are %lld, %lld and %lld of %lld",
                   (long long)s->kv_heads, (long long)s->heads, (long long)s->head_dim,
                   (long long)s->dim);
  return RIDGE_OK;
}

/* ---- text ---- */

static const struct shape *find(const char *name) {
  for (size_t i = 0; i < N_SHAPES; i++)
    if (strcmp(shapes[i].name, name) == 0) return &shapes[i];
  return NULL;
}

static ridge_status refuse_name(const char *name, struct why *why) {
  const char *names[N_SHAPES];
  for (size_t i = 0; i < N_SHAPES; i++) names[i] = shapes[i].name;
  const char *near = near_of(name, names, N_SHAPES);
  return why_set(
      why, RIDGE_INVALID,
      "no shape `%s`%s%s%s; `ridge new-model --list` has them, and key=value,... "
      "is one, too",
      name, near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
      near != NULL ? "`?" : "");
}

static ridge_status read_word(struct shape *out, char *word, bool first,
                              bool given[N_MEASURES], struct why *why) {
  char *equals = strchr(word, '=');
  if (equals == NULL) {
    const struct shape *known = first ? find(word) : NULL;
    if (known == NULL) return refuse_name(word, why);
    *out = *known;
    return RIDGE_OK;
  }
  *equals = 0;
  if (strcmp(word, "arch") == 0) return set_arch(out, equals + 1, why);
  return set_measure(out, word, equals + 1, given, why);
}

ridge_status shape_read(const char *text, struct shape *out, struct why *why) {
  char *copy = strdup(text), *rest = copy, *word;
  bool given[N_MEASURES] = {false};
  ridge_status status = RIDGE_OK;
  if (copy == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory for a word");
  *out = *find("tiny-llama");
  out->name = "made";
  for (bool first = true; status == RIDGE_OK && (word = strsep(&rest, ",")) != NULL;
       first = false)
    status = read_word(out, word, first, given, why);
  free(copy);
  if (status != RIDGE_OK) return status;
  follow(out, given);
  return check(out, why);
}

int64_t shape_weights(const struct shape *s) {
  const int64_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
  const int64_t attention = s->dim * (2 * q + 2 * kv);
  const int64_t gates = strcmp(s->arch, "gpt2") == 0 ? 2 : 3;
  return s->layers * (attention + gates * s->dim * s->ffn) +
         s->vocab * s->dim * (s->tied ? 1 : 2);
}
