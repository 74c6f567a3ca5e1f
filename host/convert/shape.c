/* shape.c - reading a shape from the command line. */
#include "convert/shape.h"

#include "base/near.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    {"window", offsetof(struct shape, window), 1, 1 << 24},
    {"experts", offsetof(struct shape, experts), 1, 1024},
    {"used", offsetof(struct shape, used), 1, 1024},
    {"expert_ffn", offsetof(struct shape, expert_ffn), 8, 1 << 20},
    {"shared_ffn", offsetof(struct shape, shared_ffn), 8, 1 << 20},
};
enum { N_MEASURES = sizeof measures / sizeof *measures };

static int64_t *field(struct shape *shape, const struct measure *measure) {
  return (int64_t *)(void *)((char *)shape + measure->at);
}

static const struct shape *find(const char *name) {
  for (size_t i = 0; shape_at(i) != NULL; i++)
    if (strcmp(shape_at(i)->name, name) == 0) return shape_at(i);
  return NULL;
}

/* What is not a measure that was given is as in the architecture's tiny model. */
static ridge_status set_arch(struct shape *out, const char *value,
                             const bool given[N_MEASURES], struct why *why) {
  char name[32], known[256] = "";
  snprintf(name, sizeof name, "tiny-%s", value);
  const struct shape *tiny = find(name), before = *out;
  if (tiny != NULL) {
    *out = *tiny;
    out->name = before.name;
    for (size_t i = 0; i < N_MEASURES; i++)
      if (given[i])
        memcpy(field(out, &measures[i]), (const char *)&before + measures[i].at,
               sizeof(int64_t));
    return RIDGE_OK;
  }
  for (size_t i = 0; shape_kind_at(i) != NULL; i++) {
    const size_t at = strlen(known);
    snprintf(known + at, sizeof known - at, "%s%s", i > 0 ? ", " : "",
             shape_kind_at(i)->arch);
  }
  return why_set(why, RIDGE_INVALID, "arch is `%s`; what can be made, as arch=llama, is %s",
                 value, known);
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
    if (given[i])
      return why_set(why, RIDGE_INVALID, "%s is given twice; which one is meant?", key);
    *field(out, &measures[i]) = number;
    given[i] = true;
    return RIDGE_OK;
  }
  names[N_MEASURES] = "arch";
  const char *near = near_of(key, names, N_MEASURES + 1);
  return why_set(why, RIDGE_INVALID,
                 "a shape has no `%s`%s%s%s; it has arch, layers, dim, heads, kv_heads, "
                 "head_dim, ffn, vocab, context, window, experts, used, expert_ffn and "
                 "shared_ffn",
                 key, near != NULL ? " (did you mean `" : "", near != NULL ? near : "",
                 near != NULL ? "`?)" : "");
}

static bool is_given(const bool given[N_MEASURES], const char *name) {
  for (size_t i = 0; i < N_MEASURES; i++)
    if (strcmp(measures[i].name, name) == 0) return given[i];
  return false;
}

static ridge_status follow(struct shape *s, const bool given[N_MEASURES], struct why *why) {
  const bool heads = is_given(given, "heads"), dim = is_given(given, "dim");
  if (heads && !is_given(given, "kv_heads")) s->kv_heads = s->heads;
  if ((!heads && !dim) || is_given(given, "head_dim")) return RIDGE_OK;
  if (s->dim % s->heads != 0)
    return why_set(why, RIDGE_INVALID,
                   "dim %lld does not divide into %lld heads; choose others, or say "
                   "head_dim",
                   (long long)s->dim, (long long)s->heads);
  s->head_dim = s->dim / s->heads;
  return RIDGE_OK;
}

static ridge_status check_heads(const struct shape *s, struct why *why) {
  const struct shape_kind *kind = shape_kind_of(s->arch);
  if (s->heads % s->kv_heads != 0)
    return why_set(why, RIDGE_INVALID,
                   "%lld heads cannot share %lld heads of keys and values; kv_heads has to "
                   "divide heads",
                   (long long)s->heads, (long long)s->kv_heads);
  if (s->head_dim % 2 != 0)
    return why_set(why, RIDGE_INVALID,
                   "a head has %lld numbers; it has to be an even count (dim / heads)",
                   (long long)s->head_dim);
  const bool plain = s->kv_heads == s->heads && s->heads * s->head_dim == s->dim;
  if ((kind->positions || kind->rope_parts > 0) && !plain)
    return why_set(why, RIDGE_INVALID,
                   "%s has as many heads of keys and values as heads, of dim / heads "
                   "numbers; here are %lld, %lld and %lld of %lld",
                   s->arch, (long long)s->kv_heads, (long long)s->heads,
                   (long long)s->head_dim, (long long)s->dim);
  return RIDGE_OK;
}

static ridge_status check_experts(const struct shape *s, struct why *why) {
  const bool may = shape_kind_of(s->arch)->experts || strcmp(s->arch, "llama") == 0;
  if (s->experts > 0 && !may)
    return why_set(why, RIDGE_INVALID, "%s has no experts; %sllama has", s->arch,
                   strncmp(s->arch, "qwen", 4) == 0 ? "qwen2moe, qwen3moe and " : "");
  if (s->experts > 0 && (s->used < 1 || s->used > s->experts))
    return why_set(why, RIDGE_INVALID,
                   "%lld of %lld experts are used; used has to be between 1 and experts",
                   (long long)s->used, (long long)s->experts);
  if (s->shared_ffn > 0 && strcmp(s->arch, "qwen2moe") != 0)
    return why_set(why, RIDGE_INVALID,
                   "shared_ffn is %lld; a shared expert is what qwen2moe has, not %s",
                   (long long)s->shared_ffn, s->arch);
  return RIDGE_OK;
}

static ridge_status check(const struct shape *s, struct why *why) {
  ridge_status status = check_heads(s, why);
  return status == RIDGE_OK ? check_experts(s, why) : status;
}

/* ---- text ---- */

static ridge_status refuse_name(const char *name, struct why *why) {
  const char *names[64];
  size_t n = 0;
  for (; n < 64 && shape_at(n) != NULL; n++) names[n] = shape_at(n)->name;
  const char *near = near_of(name, names, n);
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
  if (strcmp(word, "arch") == 0) return set_arch(out, equals + 1, given, why);
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
  if (status == RIDGE_OK) status = follow(out, given, why);
  return status == RIDGE_OK ? check(out, why) : status;
}
