/*
 * workload_bench.c - prefill and decode speed, through the same decode loop.
 *
 * Prompts are random tokens of the run's seed; outputs are what the model says after
 * them, never ended early.
 */
#include "engine/session_state.h"

#include "base/clock.h"
#include "base/philox.h"

#include <stdlib.h>

static int32_t *random_tokens(const struct session *s, int64_t n, uint64_t stream) {
  int32_t *tokens = calloc((size_t)n + 4, sizeof *tokens);
  if (tokens == NULL) return NULL;
  uint32_t words[4];
  for (int64_t i = 0; i < n; i++) {
    if (i % 4 == 0) philox(s->seed ^ 0x62656e6368u, stream, (uint64_t)(i / 4), words);
    tokens[i] = (int32_t)(words[i % 4] % (uint64_t)tokenizer_vocab(s->main.tokenizer));
  }
  return tokens;
}

/* `batch` sequences of `prompt` tokens, `length` made after each. */
static ridge_status one_run(struct session *s, int64_t batch, int64_t prompt,
                            int64_t length, struct loop_totals *totals, double *seconds,
                            struct why *why) {
  struct loop loop;
  struct loop_spec spec = {.seed = s->seed, .ignore_end = true, .depth = s->depth};
  ridge_status status = loop_init(&loop, &s->main, &spec, why);
  if (status != RIDGE_OK) return status;
  loop.all_at_once = true;
  for (int64_t i = 0; i < batch && status == RIDGE_OK; i++) {
    int32_t *tokens = random_tokens(s, prompt, (uint64_t)i);
    if (tokens == NULL)
      status = why_set(why, RIDGE_NO_MEMORY, "no memory for random tokens");
    else
      status =
          loop_submit(&loop, &(struct loop_request){i, tokens, prompt, length, -1}, why);
    free(tokens);
  }
  uint64_t start = clock_ns(), said = start;
  for (int64_t left = 1; status == RIDGE_OK && left > 0 && !session_stopped(s);) {
    status = loop_step(&loop, &left, why);
    if (clock_ns() - said < 100000000) continue;
    said = clock_ns();
    session_progress(s, "bench", (double)loop.totals.output_tokens,
                     (double)(batch * length));
  }
  *seconds = (double)(clock_ns() - start) / 1e9;
  *totals = loop.totals;
  loop_free(&loop);
  return status;
}

ridge_status workload_bench(struct session *s, int64_t repeat, struct why *why) {
  int64_t prefill = session_int(s, "bench.prefill"),
          decode = session_int(s, "bench.decode");
  int64_t depth = session_int(s, "bench.depth"), batch = session_int(s, "bench.batch");
  struct loop_totals totals;
  double seconds;
  if (prefill > 0) {
    ridge_status status = one_run(s, 1, prefill, 1, &totals, &seconds, why);
    if (status != RIDGE_OK || s->stopped) return status;
    session_sample(s, "prefill_tps", repeat,
                   (double)totals.prompt_ns_tokens * 1e9 / (double)totals.prompt_ns);
    session_sample(s, "first_token_ms", repeat, seconds * 1e3);
  }
  if (decode > 0) {
    s->main.program.only_decode = true;
    ridge_status status =
        one_run(s, batch, depth > 0 ? depth : 1, decode + 1, &totals, &seconds, why);
    s->main.program.only_decode = false;
    if (status != RIDGE_OK || s->stopped) return status;
    session_sample(s, "decode_tps", repeat,
                   (double)totals.decode_ns_tokens * 1e9 / (double)totals.decode_ns);
    session_sample(s, "decode_tokens", repeat, (double)totals.decode_ns_tokens);
    if (totals.drafted > 0)
      session_sample(s, "draft_acceptance", repeat,
                     (double)totals.accepted / (double)totals.drafted);
  }
  return RIDGE_OK;
}
