/*
 * invent.c - facts and numbers of a model that nobody trained.
 *
 * Matrices are normal with variance 1 / inputs, so that each keeps the size of what it
 * multiplies; those that add to the residual stream have 1 / (2 layers) of that, so that
 * all of them together add as much as the embedding (Radford et al. 2019, section 2.3).
 * Norms are 1, biases small.
 */
#include "convert/invent.h"

#include "base/philox.h"
#include "convert/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  QUANTILES = 1 << 16, /* sixteen random bits choose one                        */
  PER_DRAW = 8,        /* numbers of four random words                          */
  MOST_FACTS = 32 + INVENT_WORD_FACTS,
};

/* ---- numbers ---- */

/* The normal distribution's quantile at (k + 1/2) / QUANTILES, by halving: tens of
 * milliseconds once, and no approximation to believe in. */
static float quantile(int k) {
  const double wanted = ((double)k + 0.5) / QUANTILES;
  double lo = -8, hi = 8;
  for (int i = 0; i < 40; i++) {
    const double middle = 0.5 * (lo + hi);
    *(0.5 * erfc(-middle * 0.70710678118654752) < wanted ? &lo : &hi) = middle;
  }
  return (float)(0.5 * (lo + hi));
}

static ridge_status make_quantiles(struct invention *v, struct why *why) {
  v->quantiles = malloc(QUANTILES * sizeof *v->quantiles);
  if (v->quantiles == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for the normal distribution");
  for (int k = 0; k < QUANTILES / 2; k++) {
    v->quantiles[k] = quantile(k);
    v->quantiles[QUANTILES - 1 - k] = -v->quantiles[k];
  }
  return RIDGE_OK;
}

static void draw(const struct invention *v, size_t tensor, uint64_t at,
                 float to[PER_DRAW]) {
  uint32_t words[4];
  philox(v->seed, tensor, at, words);
  for (int i = 0; i < PER_DRAW; i++)
    to[i] = v->quantiles[words[i / 2] >> (i % 2 * 16) & 0xffff];
}

ridge_status invent_rows(void *ctx, size_t index, int64_t lo, int64_t hi, float *to,
                         struct why *why) {
  const struct invention *v = ctx;
  const int64_t cols = output_cols(&v->tensors[index]);
  const int64_t first = lo * cols, n = (hi - lo) * cols;
  const float spread = (float)v->spread[index];
  (void)why;
  if (v->spread[index] == 0) {
    for (int64_t i = 0; i < n; i++) to[i] = v->constant[index];
    return RIDGE_OK;
  }
  for (int64_t i = 0; i < n;) {
    float made[PER_DRAW];
    int64_t in = (first + i) % PER_DRAW;
    draw(v, index, (uint64_t)((first + i) / PER_DRAW), made);
    for (; in < PER_DRAW && i < n; in++) to[i++] = spread * made[in];
  }
  return RIDGE_OK;
}

/* ---- facts ---- */

static ridge_fact *next_fact(struct invention *v, const char *key) {
  ridge_fact *fact = &v->facts[v->source.file.n_facts++];
  *fact = (ridge_fact){.struct_size = sizeof *fact, .key = key};
  return fact;
}

static void say_text(struct invention *v, const char *key, const char *text) {
  ridge_fact *fact = next_fact(v, key);
  fact->type = RIDGE_FACT_TEXT;
  fact->value.text = (ridge_bytes){(const uint8_t *)text, strlen(text)};
}

static const char *of_arch(struct invention *v, const char *tail) {
  return arena_format(&v->memory, "%s.%s", v->shape->arch, tail);
}

static void say_int(struct invention *v, const char *tail, int64_t value) {
  ridge_fact *fact = next_fact(v, of_arch(v, tail));
  fact->type = RIDGE_FACT_INT;
  fact->value.i = value;
}

static void say_real(struct invention *v, const char *tail, double value) {
  ridge_fact *fact = next_fact(v, of_arch(v, tail));
  fact->type = RIDGE_FACT_REAL;
  fact->value.r = value;
}

static int64_t rope_dims(const struct invention *v) {
  const struct shape *s = v->shape;
  if (s->rope_dims > 0) return s->rope_dims;
  return v->kind->rope_parts > 0 ? s->head_dim / v->kind->rope_parts / 2 * 2 : s->head_dim;
}

static void add_expert_facts(struct invention *v) {
  const struct shape *s = v->shape;
  if (s->experts == 0) return;
  say_int(v, "expert_count", s->experts);
  say_int(v, "expert_used_count", s->used);
  if (s->expert_ffn > 0) say_int(v, "expert_feed_forward_length", s->expert_ffn);
  if (s->shared_ffn > 0) say_int(v, "expert_shared_feed_forward_length", s->shared_ffn);
}

static void add_facts(struct invention *v) {
  const struct shape *s = v->shape;
  v->facts = arena_array(&v->memory, MOST_FACTS, sizeof *v->facts);
  v->source.file.facts = v->facts;
  say_text(v, "general.architecture", s->arch);
  say_text(v, "general.type", "model");
  say_text(v, "general.name",
           arena_format(&v->memory, "%s, random weights (seed %llu)", s->name,
                        (unsigned long long)v->seed));
  say_int(v, "context_length", s->context);
  say_int(v, "embedding_length", s->dim);
  say_int(v, "block_count", s->layers);
  say_int(v, "feed_forward_length", s->ffn);
  say_int(v, "attention.head_count", s->heads);
  say_int(v, "vocab_size", s->vocab);
  say_real(v,
           v->kind->layernorm ? "attention.layer_norm_epsilon"
                              : "attention.layer_norm_rms_epsilon",
           s->eps);
  if (!v->kind->positions) {
    say_int(v, "attention.head_count_kv", s->kv_heads);
    say_int(v, "attention.key_length", s->head_dim);
    say_int(v, "attention.value_length", s->head_dim);
    say_int(v, "rope.dimension_count", rope_dims(v));
    say_real(v, "rope.freq_base", s->rope_base);
  }
  if (s->window > 0) say_int(v, "attention.sliding_window", s->window);
  if (strcmp(s->arch, "gptneox") == 0) say_int(v, "use_parallel_residual", 1);
  add_expert_facts(v);
  v->source.file.n_facts += invent_words(s, &v->memory, &v->facts[v->source.file.n_facts]);
}

ridge_status invent(const struct shape *shape, uint64_t seed, struct invention *out,
                    struct why *why) {
  *out =
      (struct invention){.shape = shape, .kind = shape_kind_of(shape->arch), .seed = seed};
  out->source.format_name = "none";
  out->source.path = arena_text(&out->memory, shape->name);
  out->source.file.struct_size = sizeof out->source.file;
  add_facts(out);
  invent_tensors(out);
  return make_quantiles(out, why);
}

void invent_free(struct invention *v) {
  free(v->quantiles);
  arena_free(&v->memory);
  *v = (struct invention){.seed = 0};
}
