/*
 * draft_model.c - service "ridge.draft_model/1": a second, smaller model that decodes
 * ahead of the first.
 *
 * Each sequence has a slot of the draft model's own cache.  The service feeds what
 * the model has not seen, then decodes; when proposals were not kept, the positions
 * behind them are simply computed again.  Tokens are picked by the run's own picker,
 * with the noise of that position: what both models like is what both pick.
 *
 * Sequences of one call go through the model side by side.
 */
#include "engine/session_state.h"

#include <stdlib.h>
#include <string.h>

struct draft_sequence {
  int64_t id;      /* -1: the slot is free */
  int32_t *tokens; /* (context) what the cache holds */
  int64_t cached;
};

struct draft_model {
  struct draft_model *next;
  struct session *session;
  struct runtime rt;
  char *path; /* as the strategy gave it */
  struct picker picker;
  struct draft_sequence *slots;
  int32_t *token, *position, *sequence, *wanted;
  const int32_t **blocks;
  int32_t *view; /* (context) tokens the shape chain sees */
  struct why why;
};

static struct draft_model *model_of(ridge_draft_model *model) {
  return (struct draft_model *)(void *)model;
}

static ridge_status same_language(const struct session *s, const struct draft_model *m,
                                  const char *path, struct why *why) {
  if (strcmp(tokenizer_digest(s->main.tokenizer), tokenizer_digest(m->rt.tokenizer)) == 0)
    return RIDGE_OK;
  return why_set(why, RIDGE_INVALID,
                 "%s: its vocabulary is not that of %s (%d tokens there, %d here), so its "
                 "proposals would "
                 "mean other words; a draft model needs the same tokenizer",
                 path, s->main.source.path, tokenizer_vocab(s->main.tokenizer),
                 tokenizer_vocab(m->rt.tokenizer));
}

static ridge_status make_room(struct draft_model *m, struct why *why) {
  size_t rows = (size_t)m->rt.spec.rows, slots = (size_t)m->rt.spec.slots;
  size_t context = (size_t)m->rt.spec.context;
  m->slots = calloc(slots, sizeof *m->slots);
  m->token = calloc(rows, sizeof(int32_t));
  m->position = calloc(rows, sizeof(int32_t));
  m->sequence = calloc(rows, sizeof(int32_t));
  m->wanted = calloc(rows, sizeof(int32_t));
  m->blocks = calloc(slots, sizeof *m->blocks);
  m->view = calloc(context + 1, sizeof(int32_t));
  bool ok = m->slots != NULL && m->token != NULL && m->position != NULL &&
            m->sequence != NULL && m->wanted != NULL && m->blocks != NULL &&
            m->view != NULL;
  for (size_t i = 0; ok && i < slots; i++) {
    m->slots[i] =
        (struct draft_sequence){.id = -1, .tokens = calloc(context + 1, sizeof(int32_t))};
    ok = m->slots[i].tokens != NULL;
  }
  return ok ? RIDGE_OK
            : why_set(why, RIDGE_NO_MEMORY, "no memory for the draft model's sequences");
}

static void free_model(struct draft_model *m) {
  for (int64_t i = 0; m->slots != NULL && i < m->rt.spec.slots; i++)
    free(m->slots[i].tokens);
  free(m->path);
  free(m->slots);
  free(m->token);
  free(m->position);
  free(m->sequence);
  free(m->wanted);
  free(m->blocks);
  free(m->view);
  runtime_close(&m->rt);
  free(m);
}

static ridge_status open_model(const ridge_host *host, const char *path, int64_t depth,
                               ridge_draft_model **out) {
  struct session *s = session_of(host);
  struct draft_model *m = calloc(1, sizeof *m);
  if (m == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for a draft model");
  m->session = s;
  struct runtime_spec spec = s->main.spec;
  spec.path = path;
  spec.reference = true; /* the strategies are the big model's */
  spec.rows = s->rows;
  spec.wanted = s->slots;
  ridge_status status = depth > s->depth ? why_set(&m->why, RIDGE_INVALID,
                                                   "%lld proposals asked for, %lld planned",
                                                   (long long)depth, (long long)s->depth)
                                         : runtime_open(&spec, &m->rt, &m->why);
  if (status == RIDGE_OK) status = same_language(s, m, path, &m->why);
  if (status == RIDGE_OK) status = runtime_plan(&m->rt, &m->why);
  if (status == RIDGE_OK) status = make_room(m, &m->why);
  if (status != RIDGE_OK) {
    status = host->fail(host, status, "%s", m->why.text);
    free_model(m);
    return status;
  }
  picker_init(&m->picker, s->job->plugins, s->temperature, s->seed);
  m->path = strdup(path);
  if (m->path == NULL) abort();
  m->next = s->drafts;
  s->drafts = m;
  *out = (ridge_draft_model *)(void *)m;
  return RIDGE_OK;
}

ridge_status draft_models_load(struct session *s, struct why *why) {
  for (struct draft_model *m = s->drafts; m != NULL; m = m->next) {
    ridge_status status = runtime_load(&m->rt, s->pool, NULL, NULL, why);
    if (status != RIDGE_OK) return why_prefix(why, status, "draft model");
  }
  return RIDGE_OK;
}

struct runtime_memory draft_models_memory(const struct session *s) {
  struct runtime_memory sum = {0};
  for (const struct draft_model *m = s->drafts; m != NULL; m = m->next) {
    struct runtime_memory one = runtime_memory(&m->rt);
    sum.weights += one.weights;
    sum.cache += one.cache;
    sum.activations += one.activations;
    sum.scratch += one.scratch;
    sum.total += one.total;
  }
  return sum;
}

const struct source *draft_models_source(const struct session *s, const char *path) {
  for (const struct draft_model *m = s->drafts; m != NULL; m = m->next)
    if (strcmp(m->path, path) == 0) return &m->rt.source;
  return NULL;
}

void draft_models_free(struct session *s) {
  while (s->drafts != NULL) {
    struct draft_model *next = s->drafts->next;
    free_model(s->drafts);
    s->drafts = next;
  }
}

/* --- proposing ---------------------------------------------------------------------- */

static int64_t slot_of(struct draft_model *m, int64_t id) {
  int64_t free_slot = -1;
  for (int64_t i = 0; i < m->rt.spec.slots; i++) {
    if (m->slots[i].id == id) return i;
    if (m->slots[i].id < 0 && free_slot < 0) free_slot = i;
  }
  if (free_slot >= 0) {
    m->slots[free_slot].id = id;
    m->slots[free_slot].cached = 0;
  }
  return free_slot;
}

/* Forget what the text did not become; the last token is always computed again,
 * because its logits are wanted. */
static void forget_wrong(struct draft_sequence *d, const ridge_draft_seq *seq) {
  int64_t same = 0;
  while (same < d->cached && same < seq->n && d->tokens[same] == seq->tokens[same]) same++;
  d->cached = same < seq->n - 1 ? same : seq->n - 1;
}

struct feeding {
  struct draft_model *m;
  ridge_draft_seq *seqs;
  int64_t *slots; /* (n) */
  int64_t n;
};

/* What sequence i still has to show the model: text, then its own proposals. */
static int64_t owed(const struct feeding *f, int64_t i) {
  return f->seqs[i].n + f->seqs[i].n_out - f->m->slots[f->slots[i]].cached;
}

static int32_t token_at(const ridge_draft_seq *seq, int64_t position) {
  return position < seq->n ? seq->tokens[position] : seq->out[position - seq->n];
}

static bool wants_more(const struct feeding *f, int64_t i) {
  int64_t length = f->seqs[i].n + f->seqs[i].n_out;
  return f->seqs[i].n_out < f->seqs[i].room && length < f->m->rt.spec.context;
}

static void add_rows(struct feeding *f, ridge_batch *batch, int64_t i) {
  struct draft_model *m = f->m;
  struct draft_sequence *d = &m->slots[f->slots[i]];
  int64_t rows = owed(f, i), left = m->rt.spec.rows - batch->rows;
  bool all = rows <= left;
  if (!all) rows = left;
  for (int64_t k = 0; k < rows; k++) {
    int64_t row = batch->rows++;
    m->token[row] = d->tokens[d->cached] = token_at(&f->seqs[i], d->cached);
    m->position[row] = (int32_t)d->cached++;
    m->sequence[row] = (int32_t)i;
  }
  if (all) m->wanted[batch->wanted_rows++] = (int32_t)(batch->rows - 1);
}

static ridge_status take_token(struct feeding *f, int64_t i, float *logits,
                               struct why *why) {
  struct draft_model *m = f->m;
  ridge_draft_seq *seq = &f->seqs[i];
  memcpy(m->view, seq->tokens, (size_t)seq->n * sizeof(int32_t));
  memcpy(m->view + seq->n, seq->out, (size_t)seq->n_out * sizeof(int32_t));
  ridge_shape_view view = {
      .struct_size = sizeof view,
      .sequence = seq->id,
      .tokens = m->view,
      .n = seq->n + seq->n_out,
      .prompt = seq->prompt,
  };
  int32_t token;
  ridge_status status =
      picker_token(&m->picker, &view, logits, m->rt.arch.vocab, &token, why);
  if (status == RIDGE_OK) seq->out[seq->n_out++] = token;
  return status;
}

static ridge_status one_step(struct feeding *f, bool *more, struct why *why) {
  struct draft_model *m = f->m;
  ridge_batch batch = {
      .struct_size = sizeof batch,
      .token = m->token,
      .position = m->position,
      .sequence = m->sequence,
      .blocks = m->blocks,
      .sequences = f->n,
      .block_tokens = m->rt.cache.layout.block_tokens,
      .wanted = m->wanted,
  };
  for (int64_t i = 0; i < f->n; i++)
    if (wants_more(f, i) && batch.rows < m->rt.spec.rows) add_rows(f, &batch, i);
  *more = batch.rows > 0;
  if (!*more) return RIDGE_OK;
  float *logits = runtime_step(&m->rt, &batch, why);
  if (logits == NULL) return RIDGE_IO;
  for (int64_t w = 0; w < batch.wanted_rows; w++) {
    ridge_status status =
        take_token(f, m->sequence[m->wanted[w]], logits + w * m->rt.arch.vocab, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status propose(ridge_draft_model *model, ridge_draft_seq *seqs, int64_t n) {
  struct draft_model *m = model_of(model);
  int64_t *slots = calloc((size_t)n + 1, sizeof *slots);
  struct feeding feeding = {m, seqs, slots, n};
  ridge_status status = slots == NULL ? RIDGE_NO_MEMORY : RIDGE_OK;
  for (int64_t i = 0; i < n && status == RIDGE_OK; i++) {
    seqs[i].n_out = 0;
    slots[i] = slot_of(m, seqs[i].id);
    if (slots[i] < 0 || seqs[i].n > m->rt.spec.context) {
      status = RIDGE_INTERNAL;
      break;
    }
    forget_wrong(&m->slots[slots[i]], &seqs[i]);
    m->blocks[i] = cache_table(&m->rt.cache, slots[i]);
  }
  for (bool more = true; status == RIDGE_OK && more;)
    status = one_step(&feeding, &more, &m->why);
  free(slots);
  return status;
}

static void finish(ridge_draft_model *model, int64_t id) {
  struct draft_model *m = model_of(model);
  for (int64_t i = 0; i < m->rt.spec.slots; i++)
    if (m->slots[i].id == id) m->slots[i].id = -1;
}

/* The session frees draft models with the others: the plan may still want to name them. */
static void close_model(ridge_draft_model *model) { (void)model; }

const void *draft_model_service(void) {
  static const ridge_draft_model_api api = {
      .struct_size = sizeof api,
      .open = open_model,
      .propose = propose,
      .finish = finish,
      .close = close_model,
  };
  return &api;
}
