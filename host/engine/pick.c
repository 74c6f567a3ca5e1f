/* pick.c - the reference pick and the walk along the shape chain. */
#include "engine/pick.h"

#include "base/philox.h"
#include "engine/runtime.h"

#include <ridge/wide.h>

#include <math.h>
#include <string.h>

static void collect_shape(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct picker *picker = ctx;
  if (picker->n_shapes == (int)(sizeof picker->shapes / sizeof *picker->shapes)) return;
  picker->shapes[picker->n_shapes].by = instance;
  picker->shapes[picker->n_shapes++].table = fill->table;
}

void picker_init(struct picker *picker, struct instances *plugins, double temperature,
                 uint64_t seed) {
  *picker = (struct picker){.plugins = plugins, .temperature = temperature, .seed = seed};
  instances_each_fill(plugins, RIDGE_SEAM_LOGITS_SHAPE, collect_shape, picker);
  const void *table = NULL;
  picker->pick_by = runtime_filler(plugins, RIDGE_SEAM_SAMPLE_PICK, &table);
  picker->pick = table;
}

/* --- greedy ------------------------------------------------------------------------ */

enum { STRETCH = 256 };

/* The largest of a stretch, whatever is no number left out. */
static float stretch_top(const float *logits, int64_t n) {
  ridge_wide top = wide_set(-INFINITY);
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) top = wide_max(wide_load(logits + i), top);
  float best = wide_largest(top);
  for (; i < n; i++) best = logits[i] > best ? logits[i] : best;
  return best;
}

/* Only the stretch that holds the largest is looked through for its place. */
int32_t pick_greedy(const float *logits, int64_t vocab) {
  float best = logits[0];
  int64_t in = 0;
  for (int64_t at = 0; at < vocab; at += STRETCH) {
    const float top = stretch_top(logits + at, vocab - at < STRETCH ? vocab - at : STRETCH);
    if (!(top > best)) continue;
    best = top;
    in = at;
  }
  if (isnan(best)) return 0;
  while (logits[in] != best) in++;
  return (int32_t)in;
}

/* --- sampled ----------------------------------------------------------------------- */

struct draw {
  const float *logits;
  double temperature, best_value;
  uint64_t seed, place;
  int32_t best;
};

static void try_token(struct draw *draw, int64_t i, uint32_t word) {
  const double u = ((double)word + 0.5) / 4294967296.0;
  const double value = (double)draw->logits[i] / draw->temperature - log(-log(u));
  if (value < draw->best_value || isnan(value)) return;
  if (value == draw->best_value && i > draw->best) return;
  draw->best_value = value;
  draw->best = (int32_t)i;
}

/* What 1 - u has to be below for a token to win: its noise -log(-log u) has to be above
 * best - value, so u above exp(-E) with E = exp(value - best), and 1 - exp(-E) <= E.
 * E from above, by at most 6 %: 2^(n + f) <= 2^n (1 + f), which is a float with n and f
 * for exponent and fraction.  A little more allows for rounding. */
static ridge_wide chances(const struct draw *draw, const float *logits) {
  const float log2e = 1.44269504f, best = (float)draw->best_value;
  const float more = 1e-4f + 5e-7f * (fabsf(best) + 64);
  const ridge_wide by = wide_set((float)((double)log2e / draw->temperature));
  const ridge_wide off = wide_set(127 + (more - best) * log2e);
  ridge_wide x = wide_add(wide_mul(wide_load(logits), by), off);
  x = wide_max(wide_min(x, wide_set(254)), wide_zero());
  return wide_bits(wide_mul(x, wide_set(0x1p23f)));
}

/* Tokens from `at`, a multiple of 16: one word of randomness for each. */
static void try_tokens(struct draw *draw, int64_t at, int64_t n, int64_t likeliest) {
  float logits[WIDE], odds[WIDE];
  uint32_t words[WIDE];
  int32_t below[WIDE];
  for (int64_t i = 0; i < WIDE; i++) logits[i] = i < n ? draw->logits[at + i] : -INFINITY;
  const ridge_wide chance = chances(draw, logits);
  if (wide_largest(chance) < 0x1p-33f) return; /* 1 - u is never below that */
  for (int64_t i = 0; i < WIDE; i += 4)
    philox(draw->seed, draw->place, (uint64_t)(at + i) / 4, words + i);
  for (int i = 0; i < WIDE; i++) below[i] = (int32_t)(~words[i] >> 1);
  const ridge_wide over = wide_sub(chance, wide_mul(wide_whole(below), wide_set(0x1p-31f)));
  if (wide_largest(over) < 0) return;
  wide_store(odds, over);
  for (int64_t i = 0; i < n; i++)
    if (odds[i] >= 0 && at + i != likeliest && logits[i] != -INFINITY)
      try_token(draw, at + i, words[i]);
}

int32_t pick_gumbel(const float *logits, int64_t vocab, double temperature, uint64_t seed,
                    int64_t sequence, int64_t position) {
  const int32_t likeliest = pick_greedy(logits, vocab);
  struct draw draw = {.logits = logits,
                      .temperature = temperature,
                      .best_value = -INFINITY,
                      .seed = seed,
                      .place = ((uint64_t)sequence << 32) ^ (uint64_t)position,
                      .best = likeliest};
  uint32_t words[4];
  /* The likeliest token first: most others then cannot win and need no logarithm. */
  philox(seed, draw.place, (uint64_t)(likeliest / 4), words);
  if (logits[likeliest] != -INFINITY) try_token(&draw, likeliest, words[likeliest % 4]);
  for (int64_t at = 0; at < vocab; at += WIDE)
    try_tokens(&draw, at, vocab - at < WIDE ? vocab - at : WIDE, likeliest);
  return draw.best;
}

/* --- the chain --------------------------------------------------------------------- */

ridge_status picker_token(const struct picker *picker, const ridge_shape_view *view,
                          float *logits, int64_t vocab, int32_t *token, struct why *why) {
  for (int i = 0; i < picker->n_shapes; i++) {
    struct instance *by = picker->shapes[i].by;
    uint64_t entered = instance_enter(by);
    ridge_status status = picker->shapes[i].table->shape(by->self, view, logits, vocab);
    status = instance_leave(by, entered, status, RIDGE_SEAM_LOGITS_SHAPE, why);
    if (status < RIDGE_OK) return status;
  }
  if (picker->pick != NULL) {
    uint64_t entered = instance_enter(picker->pick_by);
    ridge_status status =
        picker->pick->pick(picker->pick_by->self, view, logits, vocab, token);
    status = instance_leave(picker->pick_by, entered, status, RIDGE_SEAM_SAMPLE_PICK, why);
    if (status < RIDGE_OK) return status;
    if (status == RIDGE_OK && (*token < 0 || *token >= vocab))
      return why_set(why, RIDGE_INTERNAL, "%s picked token %d of %lld",
                     picker->pick_by->plugin->id, *token, (long long)vocab);
    if (status == RIDGE_OK) return RIDGE_OK;
  }
  *token = picker->temperature <= 0 ? pick_greedy(logits, vocab)
                                    : pick_gumbel(logits, vocab, picker->temperature,
                                                  picker->seed, view->sequence, view->n);
  if (!isfinite(logits[*token]))
    return why_set(why, RIDGE_INTERNAL,
                   "the model gave no finite logit for sequence %lld, position %lld",
                   (long long)view->sequence, (long long)view->n);
  return RIDGE_OK;
}
