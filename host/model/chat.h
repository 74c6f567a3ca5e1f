/*
 * chat.h - conversations as models were trained to read them.
 *
 * A model file holds its way of writing conversations as a program (a Jinja template).
 * No program of a file is run: its text is recognized by what only one family of
 * templates has in it, and the family's marks come from a table.
 *
 * Ownership: families are constant; what chat_write makes is freed by chat_free, and its
 *            parts point into the messages, the families and the tokenizer.
 */
#ifndef RIDGE_MODEL_CHAT_H
#define RIDGE_MODEL_CHAT_H

#include "model/tokenizer.h"

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLES };
struct chat_message {
  enum chat_role role;
  const char *text;
  size_t size;
};

enum chat_flag {
  CHAT_SYSTEM_INSIDE = 1, /* the system's text opens the first user's          */
  CHAT_TRIM = 2,          /* blanks around what is said are left out           */
  CHAT_TRIM_ANSWERS = 4,  /* around what the assistant said                    */
};
struct chat_family {
  const char *name;
  const char *has[3]; /* all of these are in the template ... */
  const char *lacks;  /* ... and this is not; NULL: nothing   */
  /* Marks around what each role says; "{eos}" and "{bos}" are the model's tokens. */
  struct {
    const char *before, *after;
  } marks[CHAT_ROLES];
  const char *again;  /* before a user's text that follows an answer; NULL: as ever */
  const char *answer; /* where the model goes on  */
  unsigned flags;
};

const struct chat_family *chat_families(size_t *n);
const struct chat_family *chat_find(const char *name); /* or NULL */
/* By the file's template; the sentence says how to choose one by name. */
RIDGE_MUST ridge_status chat_of_model(const ridge_model_file *,
                                      const struct chat_family **out, struct why *why);

struct chat_text {
  struct text_part *parts;
  size_t n, room;
};
/* The conversation as text, up to where the model goes on.  A system message comes
 * first or not at all; users and the assistant take turns, a user last. */
RIDGE_MUST ridge_status chat_write(const struct chat_family *, const struct tokenizer *,
                                   const struct chat_message *, size_t n,
                                   struct chat_text *out, struct why *why);
void chat_free(struct chat_text *);
RIDGE_MUST ridge_status chat_encode(const struct chat_family *, const struct tokenizer *,
                                    const struct chat_message *, size_t n,
                                    struct tokens *out, struct why *why);

#endif
