/* chat.c - recognizing a chat template, and writing conversations by its family. */
#include "model/chat.h"

#include "model/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which family ---------------------------------------------------------------------
 */

static bool holds(ridge_bytes text, const char *what) {
  return memmem(text.data, text.size, what, strlen(what)) != NULL;
}

static bool fits(const struct chat_family *family, ridge_bytes text) {
  for (int i = 0; i < 3 && family->has[i] != NULL; i++)
    if (!holds(text, family->has[i])) return false;
  return family->lacks == NULL || !holds(text, family->lacks);
}

static void list_names(char *to, size_t room) {
  size_t n;
  const struct chat_family *all = chat_families(&n);
  to[0] = 0;
  for (size_t i = 0; i < n; i++) {
    size_t used = strlen(to);
    snprintf(to + used, room - used, "%s%s", i > 0 ? ", " : "", all[i].name);
  }
}

ridge_status chat_of_model(const ridge_model_file *file, const struct chat_family **out,
                           struct why *why) {
  size_t n;
  char known[600];
  const struct chat_family *all = chat_families(&n);
  const ridge_fact *fact = fact_find(file, "tokenizer.chat_template");
  bool there = fact != NULL && fact->type == RIDGE_FACT_TEXT;
  for (size_t i = 0; there && i < n; i++)
    if (fits(&all[i], fact->value.text)) {
      *out = &all[i];
      return RIDGE_OK;
    }
  list_names(known, sizeof known);
  return why_set(why, RIDGE_UNSUPPORTED,
                 "the model %s; name the one it was trained with: `chat = \"chatml\"`; "
                 "known are %s",
                 there ? "has a chat template that is not known here"
                       : "has no chat template (tokenizer.chat_template)",
                 known);
}

/* ---- writing ---------------------------------------------------------------------------
 */

struct writing {
  const struct chat_family *family;
  const struct tokenizer *t;
  struct chat_text *out;
  struct why *why;
};

static ridge_status put(struct writing *w, const char *text, size_t size, bool trusted) {
  struct chat_text *out = w->out;
  if (size == 0) return RIDGE_OK;
  if (out->n == out->room) {
    size_t room = 2 * out->room + 16;
    struct text_part *parts = realloc(out->parts, room * sizeof *parts);
    if (parts == NULL) return tokenizer_no_memory(w->why);
    out->parts = parts;
    out->room = room;
  }
  out->parts[out->n++] = (struct text_part){text, size, trusted};
  return RIDGE_OK;
}

/* The model's own token of that role, as text. */
static ridge_status put_token(struct writing *w, const char *role, int32_t id) {
  if (id < 0)
    return why_set(w->why, RIDGE_UNSUPPORTED,
                   "the chat template `%s` wants the model's %s token, and the model names "
                   "none",
                   w->family->name, role);
  ridge_bytes text = vocab_text(&w->t->vocab, id);
  return put(w, (const char *)text.data, (size_t)text.size, true);
}

static ridge_status put_mark(struct writing *w, const char *mark) {
  while (*mark != 0) {
    const char *brace = strchr(mark, '{');
    size_t n = brace != NULL ? (size_t)(brace - mark) : strlen(mark);
    ridge_status status = put(w, mark, n, true);
    mark += n;
    if (status != RIDGE_OK || *mark == 0) return status;
    bool end = strncmp(mark, "{eos}", 5) == 0;
    status = put_token(w, end ? "end" : "beginning",
                       end ? tokenizer_eos(w->t) : tokenizer_bos(w->t));
    if (status != RIDGE_OK) return status;
    mark += 5;
  }
  return RIDGE_OK;
}

static bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static ridge_status put_said(struct writing *w, const struct chat_message *m) {
  const char *text = m->text;
  size_t size = m->size;
  bool trim =
      (w->family->flags & (m->role == CHAT_ASSISTANT ? CHAT_TRIM_ANSWERS : CHAT_TRIM)) != 0;
  while (trim && size > 0 && is_white(text[size - 1])) size--;
  for (; trim && size > 0 && is_white(text[0]); size--) text++;
  return put(w, text, size, false);
}

static ridge_status put_whole(struct writing *w, const char *before,
                              const struct chat_message *m) {
  ridge_status status = put_mark(w, before);
  if (status == RIDGE_OK) status = put_said(w, m);
  return status != RIDGE_OK ? status : put_mark(w, w->family->marks[m->role].after);
}

/* Who may speak when: a system first, then a user and the assistant by turns. */
static ridge_status check_turns(const struct chat_message *messages, size_t n,
                                struct why *why) {
  enum chat_role wanted = CHAT_USER;
  for (size_t i = 0; i < n; i++) {
    if (i == 0 && messages[i].role == CHAT_SYSTEM) continue;
    if (messages[i].role != wanted)
      return why_set(why, RIDGE_INVALID,
                     "message %zu of the conversation is not %s; after a system message, "
                     "user and assistant take turns",
                     i + 1, wanted == CHAT_USER ? "a user's" : "the assistant's");
    wanted = wanted == CHAT_USER ? CHAT_ASSISTANT : CHAT_USER;
  }
  if (wanted == CHAT_ASSISTANT) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID,
                 "the conversation does not end with a user's message; there is nothing to "
                 "answer");
}

static ridge_status put_message(struct writing *w, const struct chat_message *messages,
                                size_t i) {
  const struct chat_message *m = &messages[i];
  const struct chat_family *family = w->family;
  const char *before = family->marks[m->role].before;
  bool inside = (family->flags & CHAT_SYSTEM_INSIDE) != 0;
  bool follows = i > 0 && messages[i - 1].role == CHAT_ASSISTANT;
  if (m->role == CHAT_USER && follows && family->again != NULL) before = family->again;
  if (!inside) return put_whole(w, before, m);
  if (m->role == CHAT_USER && i > 0 && messages[i - 1].role == CHAT_SYSTEM)
    return put_whole(w, "", m); /* the turn is open */
  if (m->role != CHAT_SYSTEM) return put_whole(w, before, m);
  ridge_status status = put_mark(w, family->marks[CHAT_USER].before);
  return status != RIDGE_OK ? status : put_whole(w, before, m);
}

ridge_status chat_write(const struct chat_family *family, const struct tokenizer *t,
                        const struct chat_message *messages, size_t n,
                        struct chat_text *out, struct why *why) {
  struct writing w = {family, t, out, why};
  *out = (struct chat_text){0};
  ridge_status status = check_turns(messages, n, why);
  for (size_t i = 0; i < n && status == RIDGE_OK; i++)
    status = put_message(&w, messages, i);
  if (status == RIDGE_OK) status = put_mark(&w, family->answer);
  if (status != RIDGE_OK) chat_free(out);
  return status;
}

void chat_free(struct chat_text *text) {
  free(text->parts);
  *text = (struct chat_text){0};
}

ridge_status chat_encode(const struct chat_family *family, const struct tokenizer *t,
                         const struct chat_message *messages, size_t n, struct tokens *out,
                         struct why *why) {
  struct chat_text text;
  ridge_status status = chat_write(family, t, messages, n, &text, why);
  if (status != RIDGE_OK) return status;
  status = tokenizer_encode_parts(t, text.parts, text.n, TOKENIZER_BOS, out, why);
  chat_free(&text);
  return status;
}
