/* workload_generate.c - text after each prompt, all of them through the decode loop. */
#include "engine/session_state.h"

#include "base/canon.h"
#include "base/clock.h"
#include "base/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 16 << 20 };

/* --- prompts ----------------------------------------------------------------------- */

static struct chat_message message_of(const json_t *text, enum chat_role role) {
  return (struct chat_message){role, json_string_value(text), json_string_length(text)};
}

/* The prompt as the last of a conversation, in the template's words.  What is said is
 * never read for special tokens, whoever says it. */
static ridge_status encode_chat(const struct session *s, const char *text, size_t size,
                                struct tokens *out, struct why *why) {
  const json_t *settings = json_object_get(s->job->composition, "settings");
  const json_t *system = json_object_get(settings, "prompts.system"),
               *history = json_object_get(settings, "prompts.history");
  size_t n = json_array_size(history), used = 0;
  struct chat_message *messages = calloc(n + 2, sizeof *messages);
  if (messages == NULL) abort();
  if (json_is_string(system)) messages[used++] = message_of(system, CHAT_SYSTEM);
  for (size_t i = 0; i < n; i++)
    messages[used++] =
        message_of(json_array_get(history, i), i % 2 == 0 ? CHAT_USER : CHAT_ASSISTANT);
  messages[used++] = (struct chat_message){CHAT_USER, text, size};
  ridge_status status =
      n % 2 == 0 ? chat_encode(s->chat, s->main.tokenizer, messages, used, out, why)
                 : why_set(why, RIDGE_INVALID,
                           "prompts.history has %zu texts; user and assistant take turns, "
                           "so the last is an answer and they are even in number",
                           n);
  free(messages);
  return status;
}

/* Which template, if any. */
static ridge_status choose_chat(struct session *s, struct why *why) {
  const char *chat = session_text(s, "prompts.chat");
  s->chat = NULL;
  if (strcmp(chat, "no") == 0) return RIDGE_OK;
  if (strcmp(chat, "model") == 0) return chat_of_model(&s->main.source.file, &s->chat, why);
  s->chat = chat_find(chat);
  return s->chat != NULL ? RIDGE_OK
                         : why_set(why, RIDGE_INTERNAL, "no chat template `%s`", chat);
}

static ridge_status encode_prompt(const struct session *s, const char *text, size_t size,
                                  struct tokens *out, struct why *why) {
  if (s->chat != NULL) return encode_chat(s, text, size, out, why);
  return tokenizer_encode(s->main.tokenizer, text, size, TOKENIZER_BOS | TOKENIZER_SPECIAL,
                          out, why);
}

static ridge_status add_prompt(struct session *s, const char *text, size_t size,
                               struct why *why) {
  size_t n = (size_t)s->n_prompts + 1;
  s->prompts = realloc(s->prompts, n * sizeof *s->prompts);
  s->prompt_texts = realloc(s->prompt_texts, n * sizeof *s->prompt_texts);
  if (s->prompts == NULL || s->prompt_texts == NULL) abort();
  struct tokens *tokens = &s->prompts[s->n_prompts];
  *tokens = (struct tokens){0};
  ridge_status status = encode_prompt(s, text, size, tokens, why);
  if (status != RIDGE_OK) return why_prefix(why, status, "prompt %zu", n);
  s->prompt_texts[s->n_prompts++] = strndup(text, size);
  return RIDGE_OK;
}

static ridge_status read_lines(struct session *s, const char *path, int64_t limit,
                               struct why *why) {
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path, strerror(errno));
  char *line = NULL;
  size_t room = 0;
  ridge_status status = RIDGE_OK;
  for (ssize_t size; status == RIDGE_OK && (size = getline(&line, &room, file)) >= 0;) {
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r')) size--;
    if (size == 0) continue;
    if (size > LONGEST_LINE)
      status = why_set(why, RIDGE_INVALID,
                       "%s: a line of %zd bytes; one prompt a line is wanted", path, size);
    else
      status = add_prompt(s, line, (size_t)size, why);
    if (limit > 0 && s->n_prompts >= limit) break;
  }
  free(line);
  fclose(file);
  if (status == RIDGE_OK && s->n_prompts == 0)
    return why_set(why, RIDGE_INVALID, "%s: has no prompt; one a line is wanted", path);
  return status;
}

ridge_status workload_generate_read(struct session *s, struct why *why) {
  int64_t limit = session_int(s, "prompts.limit");
  const char *path = session_path(s, "prompts.file");
  ridge_status chosen = choose_chat(s, why);
  if (chosen != RIDGE_OK) return chosen;
  if (path != NULL) return read_lines(s, path, limit, why);
  const json_t *list =
      json_object_get(json_object_get(s->job->composition, "settings"), "prompts.inline");
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (limit > 0 && s->n_prompts >= limit) break;
    const json_t *text = json_array_get(list, i);
    ridge_status status =
        add_prompt(s, json_string_value(text), json_string_length(text), why);
    if (status != RIDGE_OK) return status;
  }
  if (s->n_prompts > 0) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID, "`prompts` names no prompt");
}

/* --- results ----------------------------------------------------------------------- */

static void say_texts(const struct session *s, const struct loop *loop, int64_t repeat) {
  for (int64_t i = 0; i < loop->n_sequences; i++) {
    const struct sequence *q = loop->sequences[i];
    json_t *tokens = json_array();
    for (int64_t k = q->prompt; k < q->n; k++)
      json_array_append_new(tokens, json_integer(q->tokens[k]));
    struct text text = text_new(64 << 20); /* half characters would be no JSON */
    text_quote(&text, q->text.data, q->text.size);
    json_t *clean =
        json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    text_free(&text);
    if (clean == NULL) clean = json_string("");
    json_t *prompt = json_string(s->prompt_texts[q->id % s->n_prompts]);
    session_say(s, json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:s}", "t", "text", "repeat",
                             (json_int_t)repeat, "sequence", (json_int_t)q->id, "prompt",
                             prompt == NULL ? json_string("(not UTF-8)") : prompt, "text",
                             clean, "tokens", tokens, "stop", sequence_end_name(q->end)));
  }
}

/* One digest over all tokens made, in order of the prompts. */
static struct digest digest_of(const struct loop *loop) {
  struct text all = text_new((size_t)1 << 30);
  for (int64_t i = 0; i < loop->n_sequences; i++) {
    const struct sequence *q = loop->sequences[i];
    for (int64_t k = q->prompt; k < q->n; k++) text_format(&all, "%d ", q->tokens[k]);
    text_add(&all, "\n");
  }
  struct digest digest = digest_bytes(all.data, all.size);
  text_free(&all);
  return digest;
}

static void say_rates(const struct session *s, const struct loop *loop, int64_t repeat,
                      double seconds) {
  const struct loop_totals *t = &loop->totals;
  session_sample(s, "prompt_tokens", repeat, (double)t->prompt_tokens);
  session_sample(s, "output_tokens", repeat, (double)t->output_tokens);
  session_sample(s, "output_tps", repeat, (double)t->output_tokens / seconds);
  session_sample(s, "generate_ms", repeat, seconds * 1e3);
  session_sample(s, "steps", repeat, (double)t->steps);
  if (t->prompt_ns > 0)
    session_sample(s, "prefill_tps", repeat,
                   (double)t->prompt_ns_tokens * 1e9 / (double)t->prompt_ns);
  if (t->decode_ns > 0)
    session_sample(s, "decode_tps", repeat,
                   (double)t->decode_ns_tokens * 1e9 / (double)t->decode_ns);
  if (t->drafted > 0)
    session_sample(s, "draft_acceptance", repeat, (double)t->accepted / (double)t->drafted);
  if (loop->rt->cache.prefix != NULL)
    session_sample(s, "reused_tokens", repeat, (double)t->reused_tokens);
  if (session_int(s, "sample.n") > 1) session_sample(s, "forks", repeat, (double)t->forks);
  session_sample(s, "sequences_at_once", repeat, (double)t->most_running);
  session_sample(s, "cache_peak_bytes", repeat, (double)cache_resident(&loop->rt->cache));
}

static void say_first_tokens(const struct session *s, const struct loop *loop,
                             int64_t repeat) {
  double *ms = calloc((size_t)loop->n_sequences, sizeof *ms);
  if (ms == NULL) return;
  for (int64_t i = 0; i < loop->n_sequences; i++)
    ms[i] = (double)(loop->sequences[i]->first_ns - loop->sequences[i]->submitted_ns) / 1e6;
  session_sample(s, "first_token_ms", repeat, stats_median(ms, (size_t)loop->n_sequences));
  free(ms);
}

static ridge_status run_all(struct session *s, struct loop *loop, int64_t repeat,
                            struct why *why) {
  int64_t all = 0, left = 1, outputs = session_int(s, "sample.n");
  for (int64_t i = 0; i < s->n_prompts * outputs; i++) {
    /* The k-th output of a prompt is number k * prompts + prompt: more outputs leave
     * the randomness of the others alone. */
    int64_t prompt = i / outputs, k = i % outputs;
    struct loop_request request = {
        .id = k * s->n_prompts + prompt,
        .prompt = s->prompts[prompt].ids,
        .n = (int64_t)s->prompts[prompt].n,
        .length = session_int(s, "sample.length"),
        .twin = k == 0 ? -1 : prompt,
    };
    ridge_status status = loop_submit(loop, &request, why);
    if (status != RIDGE_OK) return status;
    all += request.length;
  }
  uint64_t said = clock_ns();
  while (left > 0 && !session_stopped(s)) {
    ridge_status status = loop_step(loop, &left, why);
    if (status != RIDGE_OK) return status;
    if (clock_ns() - said < 100000000) continue;
    said = clock_ns();
    session_progress(s, repeat < 0 ? "warm up" : "generate",
                     (double)loop->totals.output_tokens, (double)all);
  }
  return RIDGE_OK;
}

ridge_status workload_generate(struct session *s, int64_t repeat, struct why *why) {
  struct loop loop;
  struct loop_spec spec = {
      .temperature = s->temperature,
      .seed = s->seed,
      .stops = s->stops,
      .n_stops = s->n_stops,
      .ignore_end = session_bool(s, "sample.ignore_end"),
      .depth = s->depth,
  };
  ridge_status status = loop_init(&loop, &s->main, &spec, why);
  if (status != RIDGE_OK) return status;
  uint64_t start = clock_ns();
  status = run_all(s, &loop, repeat, why);
  double seconds = (double)(clock_ns() - start) / 1e9;
  if (status == RIDGE_OK && !s->stopped) {
    say_rates(s, &loop, repeat, seconds);
    say_first_tokens(s, &loop, repeat);
    struct digest output = digest_of(&loop);
    if (s->has_output && strcmp(output.hex, s->output.hex) != 0)
      session_say(s, json_pack("{s:s, s:s, s:s}", "t", "event", "level", "error", "text",
                               "two repeats of one run gave different tokens"));
    s->output = output;
    s->has_output = true;
    if (repeat <= 0) say_texts(s, &loop, repeat);
  }
  loop_free(&loop);
  return status;
}
