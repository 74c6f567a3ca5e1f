/*
 * st_rope.c - how positions are told: the part of config.json with the most dialects.
 *
 * Older files have rope_theta and rope_scaling, newer ones rope_parameters with both
 * inside, and Gemma 3 one of these for each kind of layer.  The facts are GGUF's; what
 * it keeps in tensors (a factor for each frequency) is made here.  Queries and keys
 * stay in the order of their files, first half and second half: `ridge.rope.pairing`.
 *
 *   linear 2306.15595; yarn 2309.00071; longrope 2402.13753; llama3: Llama 3.1
 */
#include "st_parts.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586

struct roping {
  struct st_model *model;
  const struct st_value *scaling; /* NULL: none */
  double base;
  int64_t dims, context;
};

static const struct st_value *config_of(const struct roping *r) {
  return &r->model->config;
}

/* ---- reading ------------------------------------------------------------------- */

static ridge_status positive(const struct roping *r, const struct st_value *value,
                             const char *name, double *out) {
  if (value == NULL) return RIDGE_OK;
  if (st_number(value, out) && *out > 0) return RIDGE_OK;
  return st_fail(r->model, RIDGE_CORRUPT, "config.json: `%s` is no number above 0", name);
}

static ridge_status need(const struct roping *r, const char *name, double *out) {
  const struct st_value *value = st_get_set(r->scaling, name);
  if (value == NULL)
    return st_fail(r->model, RIDGE_CORRUPT,
                   "config.json: the scaling of its positions has no `%s`", name);
  return positive(r, value, name, out);
}

static int64_t fact_int(const struct roping *r, const char *key) {
  const ridge_fact *fact = st_fact(r->model, key);
  return fact == NULL ? 0 : fact->value.i;
}

static ridge_status read_dims(struct roping *r) {
  static const char *const names[] = {"partial_rotary_factor", "rotary_pct", "rope_pct"};
  double part = r->model->arch->turning;
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; i < 3 && status == RIDGE_OK; i++) {
    const struct st_value *value = st_get_set(config_of(r), names[i]);
    if (value == NULL) value = st_get_set(r->scaling, names[i]);
    status = positive(r, value, names[i], &part);
  }
  int64_t heads = fact_int(r, ".attention.head_count"),
          width = fact_int(r, ".attention.key_length");
  if (status == RIDGE_OK && heads < 1)
    status = st_fail(r->model, RIDGE_CORRUPT,
                     "config.json: attention has %lld heads; 1 or more are wanted",
                     (long long)heads);
  if (status == RIDGE_OK && part > 1)
    status = st_fail(r->model, RIDGE_CORRUPT,
                     "config.json: %g times a head's dimensions are to turn; 1 times, all "
                     "of them, is the most",
                     part);
  if (status != RIDGE_OK) return status;
  if (width == 0) width = fact_int(r, ".embedding_length") / heads;
  r->dims = (int64_t)(part * (double)width);
  return st_fact_int(r->model, ".rope.dimension_count", r->dims);
}

/* NULL: not there. */
static ridge_status object_in(const struct roping *r, const struct st_value *from,
                              const char *name, const struct st_value **out) {
  *out = st_get_set(from, name);
  if (*out == NULL || (*out)->kind == ST_OBJECT) return RIDGE_OK;
  return st_fail(r->model, RIDGE_CORRUPT, "config.json: `%s` is %s; an object is wanted",
                 name, st_kind_name((*out)->kind));
}

/* Where both kinds of layers have parameters, those of the layers without a window. */
static ridge_status find_scaling(struct roping *r, const struct st_value **all,
                                 const struct st_value **full) {
  const struct st_value *older = NULL;
  ridge_status status = object_in(r, config_of(r), "rope_parameters", all);
  if (status == RIDGE_OK) status = object_in(r, *all, "full_attention", full);
  if (status == RIDGE_OK) status = object_in(r, config_of(r), "rope_scaling", &older);
  r->scaling = *full != NULL ? *full : *all != NULL ? *all : older;
  return status;
}

static ridge_status choose_scaling(struct roping *r) {
  const struct st_value *all = NULL, *full = NULL;
  ridge_status status = find_scaling(r, &all, &full);
  if (status != RIDGE_OK) return status;
  const struct st_value *local = st_get_set(config_of(r), "rope_local_base_freq");
  if (full != NULL) local = st_get_set(st_get(all, "sliding_attention"), "rope_theta");
  r->base = r->model->arch->base;
  double window_base = 0;
  status = positive(r, local, "rope_local_base_freq", &window_base);
  if (status == RIDGE_OK && window_base > 0)
    status = st_fact_real(r->model, ".rope.freq_base_swa", window_base);
  const struct st_value *theta = st_get_set(r->scaling, "rope_theta");
  if (theta == NULL) theta = st_get_set(config_of(r), "rope_theta");
  if (theta == NULL) theta = st_get_set(config_of(r), "rotary_emb_base");
  if (status == RIDGE_OK) status = positive(r, theta, "rope_theta", &r->base);
  return status != RIDGE_OK ? status : st_fact_real(r->model, ".rope.freq_base", r->base);
}

/* The context before it was stretched. */
static ridge_status original(const struct roping *r, double *out) {
  static const char name[] = "original_max_position_embeddings";
  const struct st_value *value = st_get_set(r->scaling, name);
  if (value == NULL) value = st_get_set(config_of(r), name);
  *out = (double)r->context;
  ridge_status status = positive(r, value, name, out);
  if (status == RIDGE_OK && *out >= 1e15)
    status = st_fail(r->model, RIDGE_CORRUPT, "config.json: `%s` is too large", name);
  if (status != RIDGE_OK) return status;
  return st_fact_int(r->model, ".rope.scaling.original_context_length", (int64_t)*out);
}

/* ---- kinds of scaling ---------------------------------------------------------- */

static ridge_status add_factor(struct roping *r, const char *type, double *factor) {
  ridge_status status = need(r, "factor", factor);
  if (status == RIDGE_OK)
    status = st_fact_text(r->model, ".rope.scaling.type", type, strlen(type));
  return status != RIDGE_OK ? status
                            : st_fact_real(r->model, ".rope.scaling.factor", *factor);
}

static ridge_status none(struct roping *r) {
  (void)r;
  return RIDGE_OK;
}

static ridge_status linear(struct roping *r) {
  double factor;
  return add_factor(r, "linear", &factor);
}

static ridge_status dynamic(struct roping *r) {
  double factor, context;
  ridge_status status = add_factor(r, "dynamic", &factor);
  return status != RIDGE_OK ? status : original(r, &context);
}

/* GGUF's attn_factor multiplies what the factor implies; the config's replaces it. */
static ridge_status yarn(struct roping *r) {
  static const char *const refused[] = {"mscale", "mscale_all_dim"};
  double factor = 1, context, fast = 32, slow = 1, wanted = 0;
  for (size_t i = 0; i < 2; i++)
    if (st_get_set(r->scaling, refused[i]) != NULL)
      return st_fail(r->model, RIDGE_UNSUPPORTED,
                     "config.json: yarn with `%s` is not known here", refused[i]);
  const struct st_value *truncate = st_get_set(r->scaling, "truncate");
  if (truncate != NULL && !st_true(truncate))
    return st_fail(r->model, RIDGE_UNSUPPORTED,
                   "config.json: yarn with `truncate` false is not known here");
  ridge_status status = add_factor(r, "yarn", &factor);
  if (status == RIDGE_OK) status = original(r, &context);
  if (status == RIDGE_OK)
    status = positive(r, st_get_set(r->scaling, "beta_fast"), "beta_fast", &fast);
  if (status == RIDGE_OK)
    status = positive(r, st_get_set(r->scaling, "beta_slow"), "beta_slow", &slow);
  if (status == RIDGE_OK)
    status = positive(r, st_get_set(r->scaling, "attention_factor"), "attention_factor",
                      &wanted);
  if (status == RIDGE_OK && fast != 32)
    status = st_fact_real(r->model, ".rope.scaling.yarn_beta_fast", fast);
  if (status == RIDGE_OK && slow != 1)
    status = st_fact_real(r->model, ".rope.scaling.yarn_beta_slow", slow);
  if (status != RIDGE_OK || wanted == 0) return status;
  double implied = factor > 1 ? 1 + 0.1 * log(factor) : 1;
  return st_fact_real(r->model, ".rope.scaling.attn_factor", wanted / implied);
}

static float *room_for(struct roping *r, int64_t n) {
  return st_alloc(&r->model->arena, (uint64_t)n, sizeof(float));
}

/* Long waves are slowed down by the factor, short ones not, those between in part. */
static ridge_status llama3(struct roping *r) {
  double factor = 1, low = 1, high = 4, context;
  const struct st_value *before =
      st_get_set(r->scaling, "original_max_position_embeddings");
  ridge_status status = need(r, "factor", &factor);
  if (status == RIDGE_OK) status = need(r, "low_freq_factor", &low);
  if (status == RIDGE_OK) status = need(r, "high_freq_factor", &high);
  context = 8192;
  if (status == RIDGE_OK)
    status = positive(r, before, "original_max_position_embeddings", &context);
  if (status == RIDGE_OK && !(high > low))
    status = st_fail(r->model, RIDGE_CORRUPT,
                     "config.json: `high_freq_factor` is not above `low_freq_factor`");
  float *factors = status == RIDGE_OK ? room_for(r, r->dims / 2 + 1) : NULL;
  if (status != RIDGE_OK) return status;
  if (factors == NULL) return st_no_memory(r->model->host);
  for (int64_t i = 0; i < r->dims / 2; i++) {
    double frequency = pow(r->base, -2.0 * (double)i / (double)r->dims);
    double waves = context * frequency / TWO_PI; /* in the original context */
    double share = (waves - low) / (high - low);
    factors[i] = (float)(waves < low    ? factor
                         : waves > high ? 1
                                        : 1 / ((1 - share) / factor + share));
  }
  return st_add_values(r->model, "rope_freqs.weight", factors, (uint64_t)(r->dims / 2));
}

static ridge_status add_factors(struct roping *r, const char *name, const char *tensor) {
  const struct st_value *list = st_get_set(r->scaling, name);
  if (list == NULL || list->kind != ST_ARRAY || (int64_t)list->n != r->dims / 2)
    return st_fail(r->model, RIDGE_CORRUPT, "config.json: `%s` is no list of %lld factors",
                   name, (long long)(r->dims / 2));
  float *factors = room_for(r, r->dims / 2 + 1);
  if (factors == NULL) return st_no_memory(r->model->host);
  for (uint64_t i = 0; i < list->n; i++) {
    double value = 0;
    ridge_status status = positive(r, &list->is.items[i], name, &value);
    if (status != RIDGE_OK) return status;
    factors[i] = (float)value;
  }
  return st_add_values(r->model, tensor, factors, list->n);
}

static ridge_status longrope(struct roping *r) {
  double context, wanted = 0;
  ridge_status status = original(r, &context);
  if (status == RIDGE_OK && !r->model->arch->stretched)
    return st_fail(r->model, RIDGE_UNSUPPORTED,
                   "config.json: longrope is known here for models of type phi3 only");
  if (status == RIDGE_OK)
    status = st_fact_text(r->model, ".rope.scaling.type", "longrope", 8);
  if (status == RIDGE_OK)
    status = positive(r, st_get_set(r->scaling, "attention_factor"), "attention_factor",
                      &wanted);
  double scale = (double)r->context / context;
  if (wanted == 0)
    wanted = scale > 1 && context > 1 ? sqrt(1 + log(scale) / log(context)) : 1;
  if (status == RIDGE_OK)
    status = st_fact_real(r->model, ".rope.scaling.attn_factor", wanted);
  if (status == RIDGE_OK)
    status = add_factors(r, "long_factor", "rope_factors_long.weight");
  return status != RIDGE_OK ? status
                            : add_factors(r, "short_factor", "rope_factors_short.weight");
}

static const struct {
  const char *type;
  ridge_status (*read)(struct roping *);
} kinds[] = {
    {"default", none},  {"linear", linear},     {"dynamic", dynamic}, {"yarn", yarn},
    {"llama3", llama3}, {"longrope", longrope}, {"su", longrope},
};

static ridge_status read_kind(struct roping *r) {
  const struct st_value *type = st_get_set(r->scaling, "rope_type");
  if (type == NULL) type = st_get_set(r->scaling, "type");
  if (r->scaling == NULL || type == NULL) return RIDGE_OK;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (st_is(type, kinds[i].type)) return kinds[i].read(r);
  return st_fail(r->model, RIDGE_UNSUPPORTED,
                 "config.json: positions are scaled by `%.*s`, which is not known here; "
                 "linear, dynamic, yarn, llama3 and longrope are",
                 type->kind == ST_TEXT ? (int)(type->n < 40 ? type->n : 40) : 7,
                 type->kind == ST_TEXT ? type->is.text : "no text");
}

ridge_status st_read_rope(struct st_model *model) {
  struct roping r = {.model = model};
  if (model->arch->turning == 0) return RIDGE_OK;
  r.context = fact_int(&r, ".context_length");
  ridge_status status = choose_scaling(&r);
  if (status == RIDGE_OK) status = st_fact_text(model, "ridge.rope.pairing", "halves", 6);
  if (status == RIDGE_OK) status = read_dims(&r);
  if (status == RIDGE_OK && (r.dims < 2 || r.dims > 1 << 20))
    status =
        st_fail(model, RIDGE_CORRUPT,
                "config.json: %lld dimensions of a head (`head_dim`, or `hidden_size` by "
                "`num_attention_heads`) turn; 2 to 2^20 are possible",
                (long long)r.dims);
  return status != RIDGE_OK ? status : read_kind(&r);
}
