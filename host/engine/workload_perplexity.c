/*
 * workload_perplexity.c - how well the model predicts a text.
 *
 * llama.cpp's convention: the text is cut into chunks of the context length, the
 * first token of each becomes the beginning-of-text token where the model has one,
 * and the second half of each chunk is scored.  Perplexity is exp of the mean
 * negative log-likelihood per scored token.
 *
 * With divergence, the unmodified model scores the same rows in the same pass:
 * D_KL(base || candidate) in nats for each row (mean, median, 99 %), and the share
 * of rows where both like the same token best.
 */
#include "engine/session_state.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct scoring {
  struct session *session;
  const int32_t *text;
  int64_t n_text, context, n_chunks, chunk;
  int32_t *chunk_tokens; /* (context) */
  int32_t *token, *position, *sequence, *wanted;
  double *nll;        /* (n_chunks * scored) */
  double *divergence; /* the same, with a base */
  uint8_t *same;
  int64_t scored, done;
};

static ridge_status read_text(const char *path, char **out, size_t *size, struct why *why) {
  FILE *file = fopen(path, "rb");
  struct stat facts;
  if (file == NULL || fstat(fileno(file), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    if (file != NULL) fclose(file);
    return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path,
                   errno == 0 ? "not a file" : strerror(errno));
  }
  *size = (size_t)facts.st_size;
  *out = malloc(*size + 1);
  bool ok = *out != NULL && fread(*out, 1, *size, file) == *size;
  fclose(file);
  if (ok) return RIDGE_OK;
  free(*out);
  return why_set(why, RIDGE_IO, "%s: reading failed", path);
}

/* log sum exp of a row, and where it is largest. */
static double log_sum(const float *logits, int64_t vocab, int32_t *best) {
  *best = pick_greedy(logits, vocab);
  double top = (double)logits[*best], sum = 0;
  for (int64_t i = 0; i < vocab; i++) sum += exp((double)logits[i] - top);
  return top + log(sum);
}

struct rows_job {
  struct scoring *scoring;
  const float *logits, *base; /* (rows, vocab); base or NULL */
  int64_t first;              /* position in the chunk of row 0 */
};

/* Score rows [lo, hi): each row is one prediction of the next token of the chunk. */
static void score_rows(void *arg, int64_t lo, int64_t hi) {
  const struct rows_job *job = arg;
  struct scoring *g = job->scoring;
  int64_t vocab = g->session->main.arch.vocab;
  for (int64_t r = lo; r < hi; r++) {
    const float *p = job->logits + r * vocab;
    int64_t at = job->first + r, slot = g->chunk * g->scored + at - g->context / 2;
    int32_t best, base_best;
    double sum = log_sum(p, vocab, &best);
    g->nll[slot] = sum - (double)p[g->chunk_tokens[at + 1]];
    if (job->base == NULL) continue;
    const float *q = job->base + r * vocab;
    double base_sum = log_sum(q, vocab, &base_best), kl = 0;
    for (int64_t i = 0; i < vocab; i++) {
      double log_q = (double)q[i] - base_sum;
      kl += exp(log_q) * (log_q - ((double)p[i] - sum));
    }
    g->divergence[slot] = kl;
    g->same[slot] = best == base_best;
  }
}

/* Rows [from, from + n) of the chunk, as prompt tokens of slot 0. */
static float *forward(struct scoring *g, struct runtime *rt, int64_t from, int64_t n,
                      int64_t *first, int64_t *wanted_rows, struct why *why) {
  const int32_t *block;
  ridge_status status = cache_reserve(&rt->cache, 0, from + n, why);
  if (status == RIDGE_DECLINED)
    why_set(why, RIDGE_NO_MEMORY,
            "the cache has no room for a chunk of %lld tokens (a larger budget)",
            (long long)g->context);
  if (status != RIDGE_OK) return NULL;
  block = cache_table(&rt->cache, 0);
  ridge_batch batch = {
      .struct_size = sizeof batch,
      .rows = n,
      .prompt_rows = n,
      .token = g->token,
      .position = g->position,
      .sequence = g->sequence,
      .blocks = &block,
      .sequences = 1,
      .block_tokens = rt->cache.layout.block_tokens,
      .wanted = g->wanted,
  };
  *first = from > g->context / 2 ? from : g->context / 2;
  for (int64_t i = 0; i < n; i++) {
    g->token[i] = g->chunk_tokens[from + i];
    g->position[i] = (int32_t)(from + i);
    g->sequence[i] = 0;
    if (from + i >= g->context / 2 && from + i < g->context - 1)
      g->wanted[batch.wanted_rows++] = (int32_t)i;
  }
  batch.wanted_prompt = *wanted_rows = batch.wanted_rows;
  return runtime_step(rt, &batch, why);
}

static ridge_status score_chunk(struct scoring *g, struct why *why) {
  struct session *s = g->session;
  int32_t bos = tokenizer_bos(s->main.tokenizer);
  memcpy(g->chunk_tokens, g->text + g->chunk * g->context,
         (size_t)g->context * sizeof(int32_t));
  if (g->text[0] == bos && bos >= 0) g->chunk_tokens[0] = bos;
  for (int64_t from = 0; from < g->context; from += s->rows) {
    int64_t n = g->context - from < s->rows ? g->context - from : s->rows, first, wanted;
    struct rows_job job = {.scoring = g};
    if (s->has_base) {
      job.base = forward(g, &s->base, from, n, &first, &wanted, why);
      if (job.base == NULL) return RIDGE_NO_MEMORY;
    }
    uint64_t start = clock_ns();
    job.logits = forward(g, &s->main, from, n, &first, &wanted, why);
    if (job.logits == NULL) return RIDGE_NO_MEMORY;
    job.first = first;
    if (wanted > 0) pool_parallel(s->pool, wanted, 1, score_rows, &job);
    program_add_step(&s->main.program, PROGRAM_SCORE, clock_ns() - start);
  }
  cache_release(&s->main.cache, 0);
  if (s->has_base) cache_release(&s->base.cache, 0);
  return RIDGE_OK;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void say_scores(struct scoring *g, int64_t repeat, double seconds) {
  const struct session *s = g->session;
  int64_t n = g->done * g->scored, same = 0;
  double nll = 0, kl = 0;
  for (int64_t i = 0; i < n; i++) nll += g->nll[i];
  session_sample(s, "perplexity", repeat, exp(nll / (double)n));
  session_sample(s, "nll", repeat, nll / (double)n);
  session_sample(s, "scored_tokens", repeat, (double)n);
  if (!s->has_base)
    session_sample(s, "perplexity_tps", repeat, (double)(g->done * g->context) / seconds);
  if (!s->has_base) return;
  for (int64_t i = 0; i < n; i++) kl += g->divergence[i], same += g->same[i];
  qsort(g->divergence, (size_t)n, sizeof *g->divergence, by_value);
  session_sample(s, "kld_mean", repeat, kl / (double)n);
  session_sample(s, "kld_median", repeat, g->divergence[n / 2]);
  session_sample(s, "kld_p99", repeat,
                 g->divergence[(n * 99) / 100 < n ? (n * 99) / 100 : n - 1]);
  session_sample(s, "same_top1", repeat, (double)same / (double)n);
}

static ridge_status make_room(struct scoring *g, struct why *why) {
  size_t rows = (size_t)g->session->rows, n;
  if (__builtin_mul_overflow((size_t)g->n_chunks, (size_t)g->scored, &n)) n = SIZE_MAX / 64;
  g->chunk_tokens = calloc((size_t)g->context, sizeof(int32_t));
  g->token = calloc(rows, sizeof(int32_t));
  g->position = calloc(rows, sizeof(int32_t));
  g->sequence = calloc(rows, sizeof(int32_t));
  g->wanted = calloc(rows, sizeof(int32_t));
  g->nll = calloc(n, sizeof(double));
  g->divergence = calloc(n, sizeof(double));
  g->same = calloc(n, 1);
  if (g->chunk_tokens != NULL && g->token != NULL && g->position != NULL &&
      g->sequence != NULL && g->wanted != NULL && g->nll != NULL && g->divergence != NULL &&
      g->same != NULL)
    return RIDGE_OK;
  return why_set(why, RIDGE_NO_MEMORY, "no memory to score %lld chunks",
                 (long long)g->n_chunks);
}

static ridge_status score_all(struct scoring *g, int64_t repeat, struct why *why) {
  ridge_status status = make_room(g, why);
  uint64_t start = clock_ns();
  g->session->main.program.scores = true;
  while (status == RIDGE_OK && g->chunk < g->n_chunks && !session_stopped(g->session)) {
    status = score_chunk(g, why);
    g->done = ++g->chunk;
    session_progress(g->session, "perplexity", (double)g->done, (double)g->n_chunks);
  }
  if (status == RIDGE_OK && g->done > 0 && !g->session->stopped)
    say_scores(g, repeat, (double)(clock_ns() - start) / 1e9);
  g->session->main.program.scores = false;
  free(g->chunk_tokens);
  free(g->token);
  free(g->position);
  free(g->sequence);
  free(g->wanted);
  free(g->nll);
  free(g->divergence);
  free(g->same);
  return status;
}

ridge_status workload_perplexity(struct session *s, int64_t repeat, struct why *why) {
  const char *path = session_path(s, "perplexity.file");
  char *text = NULL;
  size_t size = 0;
  struct tokens tokens = {0};
  if (path == NULL) return why_set(why, RIDGE_INTERNAL, "perplexity without a file");
  ridge_status status = read_text(path, &text, &size, why);
  if (status != RIDGE_OK) return status;
  status = tokenizer_encode(s->main.tokenizer, text, size, TOKENIZER_BOS, &tokens, why);
  free(text);
  if (status != RIDGE_OK) return why_prefix(why, status, "%s", path);
  int64_t most = session_int(s, "perplexity.chunks");
  struct scoring scoring = {
      .session = s,
      .text = tokens.ids,
      .n_text = (int64_t)tokens.n,
      .context = session_int(s, "perplexity.context"),
  };
  scoring.n_chunks = scoring.n_text / scoring.context;
  if (most > 0 && most < scoring.n_chunks) scoring.n_chunks = most;
  scoring.scored = scoring.context - 1 - scoring.context / 2;
  if (scoring.n_chunks < 1 || scoring.scored < 1)
    status = why_set(why, RIDGE_INVALID,
                     "%s: has %lld tokens; at least one chunk of %lld is wanted "
                     "(perplexity.context)",
                     path, (long long)tokens.n, (long long)scoring.context);
  else
    status = score_all(&scoring, repeat, why);
  free(tokens.ids);
  return status;
}
