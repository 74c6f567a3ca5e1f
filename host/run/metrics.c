/* metrics.c - the table of the host's own metrics. */
#include "run/metrics.h"

#include "base/human.h"

#include <stdio.h>
#include <string.h>

static const struct catalog_metric metrics[] = {
    {"prefill_tps", "token/s", "prompt tokens read per second", 1, false},
    {"decode_tps", "token/s", "tokens generated per second, over all sequences", 1, false},
    {"prompt_tokens", "token", "tokens of all prompts", 0, true},
    {"output_tokens", "token", "tokens generated", 0, true},
    {"output_tps", "token/s", "tokens generated per second, prompts included in the time",
     1, false},
    {"generate_ms", "ms", "time from the first prompt to the last token", -1, false},
    {"steps", "step", "steps of the decode loop", 0, true},
    {"sequences_at_once", "sequence", "sequences that ran side by side at most", 0, true},
    {"reused_tokens", "token", "prompt tokens whose keys and values were already there", 0,
     true},
    {"scored_tokens", "token", "tokens that the perplexity is of", 0, true},
    {"perplexity_tps", "token/s", "tokens read per second while scoring", 1, false},
    {"decode_tokens", "token", "tokens that decode_tps is of", 0, true},
    {"step_ms", "ms", "median time of one decode step", -1, false},
    {"first_token_ms", "ms", "time to the first token of a sequence", -1, false},
    {"perplexity", "", "exp of the mean negative log likelihood", -1, true},
    {"nll", "nat", "mean negative log likelihood of a scored token", -1, true},
    {"kld_mean", "nat", "mean KL divergence from the unmodified model", -1, true},
    {"kld_median", "nat", "median KL divergence from the unmodified model", -1, true},
    {"kld_p99", "nat", "99th percentile of the KL divergence", -1, true},
    {"same_top1", "", "share of tokens whose likeliest successor is the same", 1, true},
    {"peak_rss_bytes", "byte", "largest resident memory of the worker", -1, false},
    {"pack_ms", "ms", "time to pack weights for their kernels after the first token", -1,
     false},
    {"load_ms", "ms", "time to map, read and prepare the weights", -1, false},
    {"weight_bytes", "byte", "weights as they are executed", -1, true},
    {"cache_bytes", "byte", "keys and values that were reserved", -1, true},
    {"cache_peak_bytes", "byte", "keys and values in use at the peak", -1, true},
    {"draft_acceptance", "", "drafted tokens that the model accepted", 1, true},
    {"plan_ms", "ms", "time from the job to a finished plan", -1, false},
    {"total_ms", "ms", "wall time of the worker", -1, false},
};

const struct catalog_metric *metric_list(size_t *n) {
  *n = sizeof metrics / sizeof *metrics;
  return metrics;
}

const struct catalog_metric *metric_find(const char *name) {
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
    if (strcmp(metrics[i].name, name) == 0) return &metrics[i];
  return NULL;
}

static const char *plain_figure(double value, const char *unit) {
  static _Thread_local char ring[8][64];
  static _Thread_local unsigned at;
  char *out = ring[at++ % 8];
  snprintf(out, sizeof *ring, "%s%s%s", human_number(value), unit[0] != 0 ? " " : "", unit);
  return out;
}

const char *metric_figure(const char *name, double value) {
  const struct catalog_metric *metric = metric_find(name);
  const char *unit = metric != NULL ? metric->unit : "";
  if (strcmp(unit, "byte") == 0) return human_bytes(value);
  if (strcmp(unit, "ms") == 0) return human_seconds(value * 1e-3);
  return plain_figure(value, unit);
}
