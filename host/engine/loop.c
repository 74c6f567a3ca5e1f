/* loop.c - the decode loop. */
#include "engine/loop.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_LIMIT = 64 << 20 };

const char *sequence_end_name(enum sequence_end end) {
  static const char *const names[] = {"going", "length", "stop", "context"};
  return names[end];
}

/* --- set-up ------------------------------------------------------------------------ */

static void collect_tap(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct loop *loop = ctx;
  if (loop->n_taps == (int)(sizeof loop->taps / sizeof *loop->taps)) return;
  loop->taps[loop->n_taps].by = instance;
  loop->taps[loop->n_taps++].table = fill->table;
}

ridge_status loop_init(struct loop *loop, struct runtime *rt, const struct loop_spec *spec,
                       struct why *why) {
  *loop = (struct loop){
      .rt = rt,
      .stops = spec->stops,
      .n_stops = spec->n_stops,
      .ignore_end = spec->ignore_end,
      .slots = rt->spec.slots,
      .depth = spec->depth,
  };
  struct instances *plugins = rt->spec.plugins;
  const void *table = NULL;
  picker_init(&loop->picker, plugins, spec->temperature, spec->seed);
  loop->schedule_by = runtime_filler(plugins, RIDGE_SEAM_SCHEDULE_ADMIT, &table);
  loop->schedule = table;
  loop->draft_by = runtime_filler(plugins, RIDGE_SEAM_DECODE_DRAFT, &table);
  loop->draft = table;
  instances_each_fill(plugins, RIDGE_SEAM_TOKEN_TAP, collect_tap, loop);
  size_t rows = (size_t)rt->spec.rows, slots = (size_t)loop->slots;
  loop->token = calloc(rows, sizeof *loop->token);
  loop->position = calloc(rows, sizeof *loop->position);
  loop->sequence_of = calloc(rows, sizeof *loop->sequence_of);
  loop->wanted = calloc(rows, sizeof *loop->wanted);
  loop->blocks = calloc(slots, sizeof *loop->blocks);
  loop->row_owner = calloc(slots, sizeof(struct sequence *));
  loop->slot_taken = calloc(slots, sizeof *loop->slot_taken);
  loop->drafting = calloc(slots, sizeof *loop->drafting);
  if (loop->token == NULL || loop->position == NULL || loop->sequence_of == NULL ||
      loop->wanted == NULL || loop->blocks == NULL || loop->row_owner == NULL ||
      loop->slot_taken == NULL || loop->drafting == NULL) {
    loop_free(loop);
    return why_set(why, RIDGE_NO_MEMORY, "no memory for the decode loop");
  }
  return RIDGE_OK;
}

static void free_sequence(struct sequence *sequence) {
  text_free(&sequence->text);
  free(sequence->tokens);
  free(sequence);
}

void loop_free(struct loop *loop) {
  for (int64_t i = 0; i < loop->n_sequences; i++) {
    if (loop->sequences[i]->slot >= 0)
      cache_release(&loop->rt->cache, loop->sequences[i]->slot);
    free_sequence(loop->sequences[i]);
  }
  free(loop->sequences);
  free(loop->token);
  free(loop->position);
  free(loop->sequence_of);
  free(loop->wanted);
  free(loop->blocks);
  free(loop->row_owner);
  free(loop->slot_taken);
  free(loop->drafting);
  free(loop->offers);
  free(loop->offered);
  *loop = (struct loop){0};
}

ridge_status loop_submit(struct loop *loop, const struct loop_request *request,
                         struct why *why) {
  int64_t context = loop->rt->spec.context;
  if (request->n < 1)
    return why_set(why, RIDGE_INVALID,
                   "prompt %lld is empty and the model has no beginning-of-text token",
                   (long long)request->id + 1);
  if (request->n >= context)
    return why_set(
        why, RIDGE_INVALID,
        "prompt %lld has %lld tokens; the context of %lld has no room for an answer "
        "(engine.context, or a shorter prompt)",
        (long long)request->id + 1, (long long)request->n, (long long)context);
  if (loop->n_sequences == loop->room_sequences) {
    int64_t room = loop->room_sequences == 0 ? 16 : loop->room_sequences * 2;
    loop->sequences = realloc(loop->sequences, (size_t)room * sizeof *loop->sequences);
    loop->offers = realloc(loop->offers, (size_t)room * sizeof *loop->offers);
    loop->offered = realloc(loop->offered, (size_t)room * sizeof *loop->offered);
    if (loop->sequences == NULL || loop->offers == NULL || loop->offered == NULL) abort();
    loop->room_sequences = room;
  }
  struct sequence *sequence = calloc(1, sizeof *sequence);
  if (sequence == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory for a sequence");
  sequence->limit = request->n + request->length;
  if (sequence->limit > context) {
    sequence->limit = context;
    sequence->ends_on_context = true;
  }
  sequence->room = sequence->limit + 1;
  sequence->tokens = calloc((size_t)sequence->room, sizeof *sequence->tokens);
  if (sequence->tokens == NULL) {
    free(sequence);
    return why_set(why, RIDGE_NO_MEMORY, "no memory for a sequence");
  }
  memcpy(sequence->tokens, request->prompt, (size_t)request->n * sizeof *sequence->tokens);
  sequence->id = request->id;
  for (int64_t i = 0; i < loop->n_sequences && request->twin >= 0; i++)
    if (loop->sequences[i]->id == request->twin) sequence->twin = loop->sequences[i];
  sequence->slot = -1;
  sequence->n = sequence->prompt = request->n;
  sequence->text = text_new(TEXT_LIMIT);
  sequence->submitted_ns = clock_ns();
  loop->sequences[loop->n_sequences++] = sequence;
  return RIDGE_OK;
}

/* --- admit ------------------------------------------------------------------------- */

static bool generating(const struct sequence *s) {
  return s->cached >= s->prompt - 1 && s->n > s->prompt;
}

/* Drafts that still make sense: the last token allowed needs no row of its own. */
static int64_t draft_room(const struct loop *loop, const struct sequence *s) {
  int64_t left = s->limit - s->n - 1;
  int64_t most = loop->depth < left ? loop->depth : left;
  return most > 0 ? most : 0;
}

/* Cache tokens that so many take: whole blocks. */
static int64_t in_blocks(const struct loop *loop, int64_t tokens) {
  int64_t block = loop->rt->cache.layout.block_tokens;
  return loop->rt->cache.store == NULL ? tokens : (tokens + block - 1) / block * block;
}

static void offer(struct loop *loop, struct sequence *s, int64_t place) {
  loop->offered[place] = s;
  loop->offers[place] = (ridge_admit_seq){
      .struct_size = sizeof(ridge_admit_seq),
      .id = s->id,
      .prompt_left = generating(s) ? 0 : s->prompt - s->cached,
      .length = s->cached,
      .limit = in_blocks(loop, s->limit),
      .step_rows = 1 + draft_room(loop, s),
      .running = s->slot >= 0,
  };
}

/* A sequence that can share its twin's prompt waits until that has been computed. */
static bool waits_for_twin(const struct loop *loop, const struct sequence *s) {
  const struct sequence *twin = s->twin;
  return s->slot < 0 && twin != NULL && twin->end == SEQUENCE_GOING &&
         twin->cached < s->prompt - 1 && cache_can_fork(&loop->rt->cache);
}

/* Running sequences first, then those waiting, each in order of arrival. */
static int64_t make_offers(struct loop *loop) {
  int64_t n = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < loop->n_sequences; i++) {
      struct sequence *s = loop->sequences[i];
      if (s->end != SEQUENCE_GOING || (s->slot >= 0) != (pass == 0)) continue;
      /* Nobody overtakes it: it would find its slot taken and the twin gone. */
      if (waits_for_twin(loop, s)) return n;
      offer(loop, s, n++);
    }
  return n;
}

/* One sequence after the other, or all side by side: prompts first, as rows allow. */
static void admit_reference(struct loop *loop, int64_t n) {
  int64_t rows = loop->rt->spec.rows, most = loop->all_at_once ? loop->slots : 1;
  bool prompts = false;
  for (int64_t i = 0; i < n && i < most; i++) prompts |= loop->offers[i].prompt_left > 0;
  for (int64_t i = 0; i < n && i < most; i++) {
    ridge_admit_seq *o = &loop->offers[i];
    if ((o->prompt_left > 0) != prompts) continue;
    int64_t wish = prompts ? o->prompt_left : o->step_rows;
    if (wish > rows) wish = prompts ? rows : 0;
    o->grant = wish;
    rows -= wish;
  }
}

/* Cache tokens not promised to a running sequence; -1: enough for all. */
static int64_t unpromised(struct loop *loop) {
  int64_t room = cache_room(&loop->rt->cache);
  if (room < 0) return -1;
  for (int64_t i = 0; i < loop->n_sequences; i++) {
    const struct sequence *s = loop->sequences[i];
    if (s->slot >= 0 && s->end == SEQUENCE_GOING)
      room -= in_blocks(loop, s->limit) - in_blocks(loop, s->cached);
  }
  return room < 0 ? 0 : room;
}

static ridge_status check_grants(const struct loop *loop, int64_t n, int64_t room,
                                 struct why *why) {
  int64_t rows = 0, running = 0;
  const char *who = loop->schedule_by == NULL ? "the host" : loop->schedule_by->plugin->id;
  for (int64_t i = 0; i < n; i++) {
    const ridge_admit_seq *o = &loop->offers[i];
    int64_t most = o->prompt_left > 0 ? o->prompt_left : o->step_rows;
    if (o->grant < 0 || o->grant > most ||
        (o->prompt_left == 0 && o->grant != 0 && o->grant != most))
      return why_set(why, RIDGE_INTERNAL,
                     "%s granted %lld tokens to sequence %lld, which can take %lld", who,
                     (long long)o->grant, (long long)o->id, (long long)most);
    rows += o->grant;
    running += o->running != 0 || o->grant > 0;
    if (o->running == 0 && o->grant > 0 && room >= 0 && (room -= o->limit) < 0)
      return why_set(why, RIDGE_INTERNAL,
                     "%s admitted sequence %lld without cache room for its %lld tokens",
                     who, (long long)o->id, (long long)o->limit);
  }
  if (rows > loop->rt->spec.rows || running > loop->slots)
    return why_set(why, RIDGE_INTERNAL,
                   "%s granted %lld rows to %lld sequences; %lld and %lld are possible",
                   who, (long long)rows, (long long)running, (long long)loop->rt->spec.rows,
                   (long long)loop->slots);
  if (rows == 0)
    return why_set(
        why, RIDGE_NO_MEMORY,
        "%s can go on with none of %lld sequences: the cache has no room for the next one "
        "(a larger budget, or a shorter length)",
        who, (long long)n);
  return RIDGE_OK;
}

/* Share the prompt with a sequence that has the same one, is still there and has
 * computed it: all but the last token, whose logits are wanted. */
static int64_t fork_twin(struct loop *loop, struct sequence *s) {
  for (int64_t i = 0; i < loop->n_sequences && s->twin != NULL; i++) {
    const struct sequence *other = loop->sequences[i];
    bool same = other == s->twin || other->twin == s->twin;
    if (!same || other->slot < 0 || other == s || other->cached < s->prompt - 1) continue;
    if (!cache_fork(&loop->rt->cache, other->slot, s->slot, s->prompt - 1)) return 0;
    loop->totals.forks++;
    return s->prompt - 1;
  }
  return 0;
}

static void take_slot(struct loop *loop, struct sequence *s) {
  int64_t slot = 0;
  while (loop->slot_taken[slot]) slot++;
  loop->slot_taken[slot] = true;
  s->slot = slot;
  s->reused = fork_twin(loop, s);
  if (s->reused == 0)
    s->reused = cache_find_prefix(&loop->rt->cache, slot, s->tokens, s->prompt);
  s->cached = s->reused;
  loop->totals.reused_tokens += (uint64_t)s->reused;
}

/* Blocks kept for prompts to come give way to a sequence that waits for room. */
static int64_t room_for_next(struct loop *loop, int64_t n) {
  struct cache *cache = &loop->rt->cache;
  int64_t room = unpromised(loop), wanted = 0;
  for (int64_t i = 0; i < n && wanted == 0; i++)
    if (loop->offers[i].running == 0) wanted = loop->offers[i].limit;
  while (room >= 0 && room < wanted && cache_give_back(cache, 1) > 0)
    room = unpromised(loop);
  return room;
}

static ridge_status admit(struct loop *loop, int64_t *n_step, struct why *why) {
  int64_t n = make_offers(loop), room = room_for_next(loop, n), running = 0;
  ridge_admit_view view = {
      .struct_size = sizeof view,
      .rows = loop->rt->spec.rows,
      .slots = loop->slots,
      .room = room,
      .step = (int64_t)loop->totals.steps,
  };
  ridge_status status = RIDGE_DECLINED;
  if (loop->schedule != NULL) {
    uint64_t entered = instance_enter(loop->schedule_by);
    status = loop->schedule->admit(loop->schedule_by->self, &view, loop->offers, n);
    status =
        instance_leave(loop->schedule_by, entered, status, RIDGE_SEAM_SCHEDULE_ADMIT, why);
    if (status < RIDGE_OK) return status;
  }
  if (status == RIDGE_DECLINED) admit_reference(loop, n);
  status = check_grants(loop, n, room, why);
  if (status != RIDGE_OK) return status;
  *n_step = 0;
  for (int64_t i = 0; i < n; i++) {
    struct sequence *s = loop->offered[i];
    s->grant = loop->offers[i].grant;
    s->n_draft = 0;
    if (s->grant == 0) continue;
    if (s->slot < 0) take_slot(loop, s);
    /* A reused prefix leaves less to compute than was granted. */
    if (!generating(s) && s->grant > s->prompt - s->cached)
      s->grant = s->prompt - s->cached;
    loop->row_owner[(*n_step)++] = s;
  }
  for (int64_t i = 0; i < loop->n_sequences; i++)
    running += loop->sequences[i]->slot >= 0 && loop->sequences[i]->end == SEQUENCE_GOING;
  if (running > loop->totals.most_running) loop->totals.most_running = running;
  return RIDGE_OK;
}

/* --- draft ------------------------------------------------------------------------- */

static ridge_status draft(struct loop *loop, int64_t n_step, struct why *why) {
  int64_t n = 0;
  if (loop->draft == NULL) return RIDGE_OK;
  for (int64_t i = 0; i < n_step; i++) {
    struct sequence *s = loop->row_owner[i];
    int64_t room = draft_room(loop, s);
    if (!generating(s) || room == 0) continue;
    loop->drafting[n++] = (ridge_draft_seq){
        .struct_size = sizeof(ridge_draft_seq),
        .id = s->id,
        .tokens = s->tokens,
        .n = s->n,
        .prompt = s->prompt,
        .room = room,
        .out = s->draft,
    };
  }
  if (n == 0) return RIDGE_OK;
  uint64_t entered = instance_enter(loop->draft_by);
  ridge_status status = loop->draft->propose(loop->draft_by->self, loop->drafting, n);
  status = instance_leave(loop->draft_by, entered, status, RIDGE_SEAM_DECODE_DRAFT, why);
  if (status != RIDGE_OK) return status == RIDGE_DECLINED ? RIDGE_OK : status;
  for (int64_t i = 0, k = 0; i < n_step && k < n; i++) {
    struct sequence *s = loop->row_owner[i];
    if (s->id != loop->drafting[k].id) continue;
    const ridge_draft_seq *d = &loop->drafting[k++];
    if (d->n_out < 0 || d->n_out > d->room)
      return why_set(why, RIDGE_INTERNAL, "%s proposed %lld tokens where %lld were wanted",
                     loop->draft_by->plugin->id, (long long)d->n_out, (long long)d->room);
    for (int64_t j = 0; j < d->n_out; j++)
      if (s->draft[j] < 0 || s->draft[j] >= loop->rt->arch.vocab)
        return why_set(why, RIDGE_INTERNAL, "%s proposed token %d; the vocabulary has %lld",
                       loop->draft_by->plugin->id, s->draft[j],
                       (long long)loop->rt->arch.vocab);
    s->n_draft = d->n_out;
  }
  return RIDGE_OK;
}

/* --- reserve and forward ----------------------------------------------------------- */

static int64_t rows_of(const struct sequence *s) {
  return generating(s) ? 1 + s->n_draft : s->grant;
}

static ridge_status reserve(struct loop *loop, int64_t n_step, struct why *why) {
  for (int64_t i = 0; i < n_step; i++) {
    struct sequence *s = loop->row_owner[i];
    int64_t tokens = s->cached + rows_of(s);
    ridge_status status = cache_reserve(&loop->rt->cache, s->slot, tokens, why);
    if (status == RIDGE_DECLINED)
      return why_set(why, RIDGE_NO_MEMORY,
                     "the cache has no room for %lld tokens of sequence %lld",
                     (long long)tokens, (long long)s->id);
    if (status != RIDGE_OK) return status;
  }
  /* Tables only after all reservations: they may move. */
  for (int64_t i = 0; i < n_step; i++)
    loop->blocks[i] = cache_table(&loop->rt->cache, loop->row_owner[i]->slot);
  return RIDGE_OK;
}

static void add_rows(struct loop *loop, ridge_batch *batch, int64_t index) {
  const struct sequence *s = loop->row_owner[index];
  int64_t rows = rows_of(s);
  bool generates = generating(s);
  for (int64_t k = 0; k < rows; k++) {
    int64_t row = batch->rows++, position = s->cached + k;
    loop->token[row] = position < s->n ? s->tokens[position] : s->draft[position - s->n];
    loop->position[row] = (int32_t)position;
    loop->sequence_of[row] = (int32_t)index;
    if (!generates) batch->prompt_rows++;
    if (!generates && position != s->prompt - 1) continue;
    loop->wanted[batch->wanted_rows++] = (int32_t)row;
    if (!generates) batch->wanted_prompt++;
  }
}

static ridge_batch make_batch(struct loop *loop, int64_t n_step) {
  ridge_batch batch = {
      .struct_size = sizeof batch,
      .token = loop->token,
      .position = loop->position,
      .sequence = loop->sequence_of,
      .blocks = loop->blocks,
      .sequences = n_step,
      .block_tokens = loop->rt->cache.layout.block_tokens,
      .wanted = loop->wanted,
  };
  for (int pass = 0; pass < 2; pass++) /* prompt rows first */
    for (int64_t i = 0; i < n_step; i++)
      if (generating(loop->row_owner[i]) == (pass == 1)) add_rows(loop, &batch, i);
  return batch;
}

/* --- pick and emit ----------------------------------------------------------------- */

/* Take the first stop text off the end of the output; true when there was one. */
static bool cut_stop(struct loop *loop, struct sequence *s, size_t piece) {
  for (int64_t i = 0; i < loop->n_stops; i++) {
    size_t size = strlen(loop->stops[i]);
    size_t from = s->text.size > piece + size ? s->text.size - piece - size : 0;
    char *found = size == 0 ? NULL : strstr(s->text.data + from, loop->stops[i]);
    if (found == NULL) continue;
    *found = 0;
    s->text.size = (size_t)(found - s->text.data);
    return true;
  }
  return false;
}

static void tell_taps(struct loop *loop, const struct sequence *s, ridge_bytes piece) {
  for (int i = 0; i < loop->n_taps; i++) {
    uint64_t entered = instance_enter(loop->taps[i].by);
    loop->taps[i].table->token(loop->taps[i].by->self, s->id, s->n - 1, s->tokens[s->n - 1],
                               (const char *)piece.data, piece.size);
    (void)instance_leave(loop->taps[i].by, entered, RIDGE_OK, RIDGE_SEAM_TOKEN_TAP, NULL);
  }
}

/* Append a picked token; false when the sequence is over. */
static bool emit(struct loop *loop, struct sequence *s, int32_t token) {
  const struct tokenizer *tokenizer = loop->rt->tokenizer;
  if (s->n == s->prompt) s->first_ns = clock_ns();
  s->tokens[s->n++] = token;
  loop->totals.output_tokens++;
  bool known = token < tokenizer_vocab(tokenizer);
  if (known && !loop->ignore_end && tokenizer_is_end(tokenizer, token)) {
    s->end = SEQUENCE_STOP;
    return false;
  }
  ridge_bytes piece = known ? tokenizer_piece(tokenizer, token, false) : (ridge_bytes){0};
  text_bytes(&s->text, piece.data, piece.size);
  tell_taps(loop, s, piece);
  if (cut_stop(loop, s, piece.size))
    s->end = SEQUENCE_STOP;
  else if (s->n >= s->limit)
    s->end = s->ends_on_context ? SEQUENCE_CONTEXT : SEQUENCE_LENGTH;
  return s->end == SEQUENCE_GOING;
}

static ridge_status pick(struct loop *loop, const struct sequence *s, float *logits,
                         int32_t *token, struct why *why) {
  ridge_shape_view view = {
      .struct_size = sizeof view,
      .sequence = s->id,
      .tokens = s->tokens,
      .n = s->n,
      .prompt = s->prompt,
  };
  return picker_token(&loop->picker, &view, logits, loop->rt->arch.vocab, token, why);
}

/* Walk the rows that were scored: each position is picked as plain decoding would; a
 * draft is kept while it is what was picked. */
static ridge_status verify(struct loop *loop, struct sequence *s, float *logits,
                           struct why *why) {
  int64_t vocab = loop->rt->arch.vocab, accepted = 0;
  s->cached += 1 + s->n_draft;
  for (int64_t i = 0; i <= s->n_draft; i++) {
    int32_t token;
    ridge_status status = pick(loop, s, logits + i * vocab, &token, why);
    if (status != RIDGE_OK) return status;
    bool as_drafted = i < s->n_draft && token == s->draft[i];
    accepted += as_drafted;
    if (!emit(loop, s, token) || !as_drafted) break;
  }
  if (s->cached > s->n - 1) s->cached = s->n - 1;
  if (s->n_draft > 0) {
    cache_truncate(&loop->rt->cache, s->slot, s->cached);
    loop->totals.drafted += (uint64_t)s->n_draft;
    loop->totals.accepted += (uint64_t)accepted;
    if (loop->draft->outcome != NULL)
      loop->draft->outcome(loop->draft_by->self, s->id, s->n_draft, accepted);
  }
  return RIDGE_OK;
}

static void finish(struct loop *loop, struct sequence *s) {
  s->ended_ns = clock_ns();
  if (loop->draft != NULL && loop->draft->finish != NULL)
    loop->draft->finish(loop->draft_by->self, s->id);
  cache_release(&loop->rt->cache, s->slot);
  loop->slot_taken[s->slot] = false;
  s->slot = -1;
}

static ridge_status settle(struct loop *loop, const ridge_batch *batch, int64_t n_step,
                           float *logits, struct why *why) {
  int64_t vocab = loop->rt->arch.vocab;
  for (int64_t w = 0; w < batch->wanted_rows;) {
    struct sequence *s = loop->row_owner[batch->sequence[batch->wanted[w]]];
    ridge_status status = RIDGE_OK;
    int64_t scored = rows_of(s);
    if (w < batch->wanted_prompt) {
      int32_t token;
      scored = 1;
      s->cached += s->grant;
      cache_keep_prefix(&loop->rt->cache, s->slot, s->tokens, s->prompt);
      status = pick(loop, s, logits + w * vocab, &token, why);
      if (status == RIDGE_OK) (void)emit(loop, s, token);
    } else {
      status = verify(loop, s, logits + w * vocab, why);
    }
    if (status != RIDGE_OK) return status;
    w += scored;
    s->grant = 0;
  }
  for (int64_t i = 0; i < n_step; i++) {
    struct sequence *s = loop->row_owner[i];
    s->cached += s->grant; /* prompt pieces that wanted no logits */
    s->grant = 0;
    if (s->end != SEQUENCE_GOING) finish(loop, s);
  }
  return RIDGE_OK;
}

/* --- a step ------------------------------------------------------------------------ */

static void measure(struct loop *loop, const ridge_batch *batch, uint64_t ns,
                    uint64_t made) {
  struct loop_totals *t = &loop->totals;
  t->steps++;
  t->prompt_tokens += (uint64_t)batch->prompt_rows;
  if (batch->prompt_rows == batch->rows) {
    t->prompt_ns += ns;
    t->prompt_ns_tokens += (uint64_t)batch->rows;
  } else if (batch->prompt_rows == 0) {
    t->decode_ns += ns;
    t->decode_ns_tokens += made;
  }
}

ridge_status loop_step(struct loop *loop, int64_t *left, struct why *why) {
  int64_t n_step = 0;
  uint64_t start = clock_ns(), made = loop->totals.output_tokens;
  *left = 0;
  for (int64_t i = 0; i < loop->n_sequences; i++)
    *left += loop->sequences[i]->end == SEQUENCE_GOING;
  if (*left == 0) return RIDGE_OK;
  ridge_status status = admit(loop, &n_step, why);
  if (status == RIDGE_OK) status = draft(loop, n_step, why);
  if (status == RIDGE_OK) status = reserve(loop, n_step, why);
  if (status != RIDGE_OK) return status;
  ridge_batch batch = make_batch(loop, n_step);
  uint64_t before = clock_ns(), late = loop->rt->late_ns;
  float *logits = runtime_step(loop->rt, &batch, why);
  late = loop->rt->late_ns - late; /* that was loading, not the step's */
  loop->totals.model_ns += clock_ns() - before - late;
  if (logits == NULL) return RIDGE_IO;
  status = settle(loop, &batch, n_step, logits, why);
  if (status != RIDGE_OK) return status;
  uint64_t took = clock_ns() - start - late;
  measure(loop, &batch, took, loop->totals.output_tokens - made);
  program_add_step(&loop->rt->program, program_phase_of(&loop->rt->program, &batch), took);
  *left = 0;
  for (int64_t i = 0; i < loop->n_sequences; i++)
    *left += loop->sequences[i]->end == SEQUENCE_GOING;
  return RIDGE_OK;
}
