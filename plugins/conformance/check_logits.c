/* check_logits.c - the seams at the end of a step: shape, pick, tap. */
#include "plugins/conformance/rig.h"

#include <math.h>
#include <ridge/seam/sample_pick.h>
#include <ridge/seam/token_tap.h>
#include <string.h>

/* One position: the tokens before it and its logits, each in guarded memory. */
struct position {
  int64_t n, prompt, vocab;
  int32_t *tokens;
  float *logits;
};

enum { KINDS = 5 };

/* Ordinary ones, all equal, huge ones, some ruled out, and all but one ruled out. */
static void fill_logits(float *logits, int64_t vocab, int kind, uint64_t stream) {
  rig_numbers(logits, (size_t)vocab, stream);
  for (int64_t i = 0; i < vocab; i++) {
    if (kind == 1) logits[i] = 1.0f;
    if (kind == 2) logits[i] *= 1e30f;
    if (kind == 3 && i % 3 == 1) logits[i] = -INFINITY;
    if (kind == 4 && i != vocab / 2) logits[i] = -INFINITY;
  }
}

static struct position position_new(int64_t n, int64_t vocab, int kind, uint64_t stream) {
  struct position p = {.n = n, .prompt = n / 2 + 1, .vocab = vocab};
  p.tokens = guarded_new((size_t)n * sizeof *p.tokens);
  p.logits = guarded_new((size_t)vocab * sizeof *p.logits);
  for (int64_t i = 0; i < n; i++) p.tokens[i] = (int32_t)((i * i * 7 + i) % vocab);
  fill_logits(p.logits, vocab, kind, stream);
  return p;
}

static void position_free(struct position *p) {
  guarded_free(p->tokens, (size_t)p->n * sizeof *p->tokens);
  guarded_free(p->logits, (size_t)p->vocab * sizeof *p->logits);
}

static ridge_shape_view view_of(const struct position *p) {
  return (ridge_shape_view){.struct_size = sizeof(ridge_shape_view),
                            .sequence = 3,
                            .tokens = p->tokens,
                            .n = p->n,
                            .prompt = p->prompt};
}

static const int64_t lengths[] = {1, 2, 40};
static const int64_t vocabularies[] = {RIG_VOCAB, 33, 1};

/* Run `body` over every length, vocabulary and kind of logits. */
static void each_position(struct rig *rig, struct finding *finding,
                          void (*body)(struct rig *, const struct position *, int kind,
                                       struct finding *)) {
  for (size_t n = 0; n < 3; n++)
    for (size_t v = 0; v < 3; v++)
      for (int kind = 0; kind < KINDS && finding->verdict == VERDICT_OK; kind++) {
        struct position p =
            position_new(lengths[n], vocabularies[v], kind, (uint64_t)(n * 100 + v));
        body(rig, &p, kind, finding);
        position_free(&p);
      }
}

/* Shape ---------------------------------------------------------------------------------
 */

static int64_t pickable(const struct position *p) {
  int64_t n = 0;
  for (int64_t i = 0; i < p->vocab; i++) n += isfinite(p->logits[i]) != 0;
  return n;
}

/* Where one token alone could be picked, a strategy may have its reason to forbid it. */
static void judge_shaped(const struct position *p, const float *logits, int64_t before,
                         struct finding *finding) {
  bool left = before < 2;
  for (int64_t i = 0; i < p->vocab; i++) {
    if (isnan(logits[i]) || logits[i] == INFINITY)
      finding_fail(finding, "a logit became %s; only minus infinity rules a token out",
                   isnan(logits[i]) ? "NaN" : "infinite");
    left = left || isfinite(logits[i]);
  }
  if (!left)
    finding_fail(finding,
                 "with its defaults it rules out every one of %lld tokens, so that none "
                 "can be picked",
                 (long long)p->vocab);
}

static void shape_twice(struct rig *rig, const struct position *p, int kind,
                        struct finding *finding) {
  const ridge_logits_shape *table = rig_table(rig, RIDGE_SEAM_LOGITS_SHAPE);
  struct position again = position_new(p->n, p->vocab, 0, 0);
  size_t bytes = (size_t)p->vocab * sizeof *p->logits;
  memcpy(again.logits, p->logits, bytes);
  ridge_shape_view view = view_of(p), other = view_of(&again);
  int64_t before = pickable(p);
  ridge_status first = table->shape(rig->instance->self, &view, p->logits, p->vocab);
  ridge_status second = table->shape(rig->instance->self, &other, again.logits, p->vocab);
  (void)kind;
  if (first != second || memcmp(p->logits, again.logits, bytes) != 0)
    finding_fail(finding,
                 "the same view and logits were shaped in two ways; a drafted position "
                 "is shaped again and must come out the same");
  if (rig_passed(rig, first, "`shape`", finding))
    judge_shaped(p, p->logits, before, finding);
  position_free(&again);
}

void check_shape(struct vetting *v, struct finding *finding) {
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  each_position(&rig, finding, shape_twice);
  rig_close(&rig);
}

/* Pick ----------------------------------------------------------------------------------
 */

static void pick_twice(struct rig *rig, const struct position *p, int kind,
                       struct finding *finding) {
  const ridge_sample_pick *table = rig_table(rig, RIDGE_SEAM_SAMPLE_PICK);
  ridge_shape_view view = view_of(p);
  int32_t first = -1, second = -1;
  ridge_status status =
      table->pick(rig->instance->self, &view, p->logits, p->vocab, &first);
  ridge_status again =
      table->pick(rig->instance->self, &view, p->logits, p->vocab, &second);
  (void)kind;
  if (status != again || first != second)
    finding_fail(finding, "the same view and logits gave token %d and token %d", first,
                 second);
  if (!rig_passed(rig, status, "`pick`", finding)) return;
  if (first < 0 || first >= p->vocab)
    finding_fail(finding, "it picked token %d of %lld", first, (long long)p->vocab);
  else if (p->logits[first] == -INFINITY)
    finding_fail(finding, "it picked token %d, which was ruled out", first);
}

void check_pick(struct vetting *v, struct finding *finding) {
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  each_position(&rig, finding, pick_twice);
  rig_close(&rig);
}

/* Tap -----------------------------------------------------------------------------------
 */

void check_tap(struct vetting *v, struct finding *finding) {
  static const char *const texts[] = {"a", "", "caf\xc3", "\xa9", "two words", "\n"};
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  const ridge_token_tap *table = rig_table(&rig, RIDGE_SEAM_TOKEN_TAP);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t size = strlen(texts[i]);
    char *text = guarded_new(size); /* not ended by NUL: its length is given */
    memcpy(text, texts[i], size);
    table->token(rig.instance->self, (int64_t)i % 2, (int64_t)i, (int32_t)i, text, size);
    guarded_free(text, size);
  }
  rig_close(&rig);
}
