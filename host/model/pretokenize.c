/*
 * pretokenize.c - running the patterns with PCRE2.
 *
 * Patterns run as machine code where the system allows it and are interpreted where it
 * does not, or where a match needs more stack than the machine code has; the matches
 * are the same.  Steps, depth and memory of a match are bounded: text is untrusted.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pretokenize.h"

#include "base/text.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
  MATCH_STEPS = 50000000,  /* of one match, interpreted  */
  MATCH_DEPTH = 1000000,   /* nested backtracking points */
  MATCH_KIBIBYTES = 65536, /* of heap                    */
};

struct pretokenizer {
  const struct pretokenize_row *row;
  size_t n;
  pcre2_code *code[PRETOKENIZE_STAGES];
  bool compiled[PRETOKENIZE_STAGES];
};

struct cutter {
  const struct pretokenizer *pre;
  pcre2_match_context *limits;
  pcre2_match_data *match[PRETOKENIZE_STAGES];
  const char *text;
  pretokenize_word *word;
  void *ctx;
  struct why *why;
};

static ridge_status no_memory(struct why *why) {
  return why_set(why, RIDGE_NO_MEMORY, "there is no memory for the tokenizer");
}

static ridge_status refuse_name(const char *name, size_t size, struct why *why) {
  struct text known = text_new(2048);
  size_t n;
  const struct pretokenize_row *rows = pretokenize_list(&n);
  for (size_t i = 0; i < n; i++)
    text_format(&known, "%s%s", i > 0 ? " " : "", rows[i].names);
  ridge_status status = why_set(why, RIDGE_UNSUPPORTED,
                                "tokenizer.ggml.pre is \"%.*s\", a way of cutting words "
                                "that is not known here; known are: "
                                "%s",
                                (int)(size < 64 ? size : 64), name, known.data);
  text_free(&known);
  return status;
}

static ridge_status compile(struct pretokenizer *pre, size_t stage, struct why *why) {
  const char *pattern = pre->row->patterns[stage];
  int error;
  PCRE2_SIZE at;
  pcre2_code *code =
      pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &error, &at, NULL);
  if (code == NULL && error == PCRE2_ERROR_HEAP_FAILED) return no_memory(why);
  if (code == NULL) {
    PCRE2_UCHAR text[128] = {0};
    pcre2_get_error_message(error, text, sizeof text);
    return why_set(
        why, RIDGE_INTERNAL,
        "pattern %zu of the pre-tokenizer %s does not compile: at character %zu, %s",
        stage + 1, pre->row->names, (size_t)at, (const char *)text);
  }
  pre->code[stage] = code;
  pre->compiled[stage] = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  return RIDGE_OK;
}

ridge_status pretokenizer_new(const char *name, size_t size, struct pretokenizer **out,
                              struct why *why) {
  const struct pretokenize_row *row = pretokenize_find(name, size);
  if (row == NULL) return refuse_name(name, size, why);
  struct pretokenizer *pre = calloc(1, sizeof *pre);
  if (pre == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "there is no memory for the tokenizer");
  pre->row = row;
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; i < PRETOKENIZE_STAGES && row->patterns[i] != NULL; i++) {
    status = compile(pre, i, why);
    if (status != RIDGE_OK) break;
    pre->n = i + 1;
  }
  if (status == RIDGE_OK)
    *out = pre;
  else
    pretokenizer_free(pre);
  return status;
}

void pretokenizer_free(struct pretokenizer *pre) {
  if (pre == NULL) return;
  for (size_t i = 0; i < PRETOKENIZE_STAGES; i++) pcre2_code_free(pre->code[i]);
  free(pre);
}

const struct pretokenize_row *pretokenizer_row(const struct pretokenizer *pre) {
  return pre->row;
}

bool pretokenizer_compiled(const struct pretokenizer *pre) {
  for (size_t i = 0; i < pre->n; i++)
    if (!pre->compiled[i]) return false;
  return true;
}

ridge_status cutter_new(const struct pretokenizer *pre, struct cutter **out,
                        struct why *why) {
  struct cutter *cutter = calloc(1, sizeof *cutter);
  bool good = cutter != NULL;
  if (good) cutter->pre = pre;
  if (good) good = (cutter->limits = pcre2_match_context_create(NULL)) != NULL;
  for (size_t i = 0; good && i < pre->n; i++)
    good = (cutter->match[i] = pcre2_match_data_create(1, NULL)) != NULL;
  if (!good) {
    cutter_free(cutter);
    return no_memory(why);
  }
  pcre2_set_match_limit(cutter->limits, MATCH_STEPS);
  pcre2_set_depth_limit(cutter->limits, MATCH_DEPTH);
  pcre2_set_heap_limit(cutter->limits, MATCH_KIBIBYTES);
  *out = cutter;
  return RIDGE_OK;
}

void cutter_free(struct cutter *cutter) {
  if (cutter == NULL) return;
  for (size_t i = 0; i < PRETOKENIZE_STAGES; i++) pcre2_match_data_free(cutter->match[i]);
  pcre2_match_context_free(cutter->limits);
  free(cutter);
}

/* The next match in part[from, size): its status, and where it is. */
static int next_match(struct cutter *c, size_t stage, const char *part, size_t size,
                      size_t from) {
  const uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
  pcre2_code *code = c->pre->code[stage];
  PCRE2_SPTR subject = (PCRE2_SPTR)part;
  if (c->pre->compiled[stage]) {
    int found = pcre2_jit_match(code, subject, size, from, PCRE2_NOTEMPTY, c->match[stage],
                                c->limits);
    if (found != PCRE2_ERROR_JIT_STACKLIMIT) return found;
  }
  return pcre2_match(code, subject, size, from, options | PCRE2_NO_JIT, c->match[stage],
                     c->limits);
}

static ridge_status too_hard(struct cutter *c, int error, size_t at) {
  PCRE2_UCHAR text[128] = {0};
  pcre2_get_error_message(error, text, sizeof text);
  return why_set(
      c->why, RIDGE_UNSUPPORTED,
      "the text cannot be cut into words at byte %zu: a pattern of the pre-tokenizer "
      "%.40s ran into a limit (%s); break the text up",
      at, c->pre->row->names, (const char *)text);
}

static ridge_status cut(struct cutter *c, size_t stage, size_t start, size_t end) {
  if (start == end) return RIDGE_OK;
  if (stage == c->pre->n) return c->word(c->ctx, start, end);
  const char *part = c->text + start;
  size_t size = end - start, from = 0;
  while (from < size) {
    int found = next_match(c, stage, part, size, from);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) return too_hard(c, found, start + from);
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(c->match[stage]);
    size_t first = at[0], last = at[1];
    ridge_status status = cut(c, stage + 1, start + from, start + first);
    if (status == RIDGE_OK) status = cut(c, stage + 1, start + first, start + last);
    if (status != RIDGE_OK) return status;
    from = last;
  }
  return cut(c, stage + 1, start + from, end);
}

ridge_status cutter_run(struct cutter *c, const char *text, size_t start, size_t end,
                        pretokenize_word *word, void *ctx, struct why *why) {
  c->text = text;
  c->word = word;
  c->ctx = ctx;
  c->why = why;
  return cut(c, 0, start, end);
}
