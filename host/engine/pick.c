/* pick.c - the reference pick and the walk along the shape chain. */
#include "engine/pick.h"

#include "base/philox.h"
#include "engine/runtime.h"

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

int32_t pick_greedy(const float *logits, int64_t vocab) {
  int32_t best = 0;
  for (int64_t i = 1; i < vocab; i++)
    if (logits[i] > logits[best]) best = (int32_t)i;
  return best;
}

/* The largest noise that a 32-bit word can give, and a little more. */
#define MOST_NOISE 22.9

int32_t pick_gumbel(const float *logits, int64_t vocab, double temperature, uint64_t seed,
                    int64_t sequence, int64_t position) {
  int32_t likeliest = pick_greedy(logits, vocab), best = likeliest;
  double best_value = -INFINITY;
  uint64_t place = ((uint64_t)sequence << 32) ^ (uint64_t)position;
  uint32_t words[4];
  int64_t in_words = -1;
  /* The likeliest token first: most others then cannot win and need no noise. */
  for (int64_t k = -1; k < vocab; k++) {
    int64_t i = k < 0 ? likeliest : k;
    if (k == likeliest || logits[i] == -INFINITY) continue;
    double value = (double)logits[i] / temperature;
    if (value + MOST_NOISE < best_value) continue;
    if (i / 4 != in_words) philox(seed, place, (uint64_t)(in_words = i / 4), words);
    double u = ((double)words[i % 4] + 0.5) / 4294967296.0;
    value -= log(-log(u));
    if (value > best_value || (value == best_value && i < best)) {
      best_value = value;
      best = (int32_t)i;
    }
  }
  return best;
}

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
