/*
 * arch_rope.c - how a model's positions are told: which dimensions turn, how fast, and
 * what stretches them to a longer context.
 *
 * linear    all frequencies divided by a factor (arXiv 2306.15595)
 * yarn      slow dimensions only, cosines and sines made larger (arXiv 2309.00071)
 * longrope  a factor for each dimension, from tensors (arXiv 2402.13753)
 * Llama 3.1 divides slow dimensions too; its files say so by a factor for each dimension,
 * rope_freqs.weight, and no type.
 */
#include "model/arch_inside.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586

static bool text_is(ridge_bytes text, const char *word) {
  return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* --- which dimensions --------------------------------------------------------------- */

static void read_pairing(struct arch_reading *r) {
  struct arch *a = r->arch;
  a->position = a->row->position;
  const ridge_fact *fact = source_fact(r->source, "ridge.rope.pairing");
  if (fact == NULL || a->position == ARCH_LEARNED || r->status != RIDGE_OK) return;
  bool text = fact->type == RIDGE_FACT_TEXT;
  if (text && text_is(fact->value.text, "pairs"))
    a->position = ARCH_ROPE_PAIRS;
  else if (text && text_is(fact->value.text, "halves"))
    a->position = ARCH_ROPE_HALVES;
  else
    r->status = why_set(r->why, RIDGE_CORRUPT,
                        "%s: `ridge.rope.pairing` must be the text pairs or halves",
                        r->source->path);
}

static void read_dims(struct arch_reading *r) {
  struct arch *a = r->arch;
  a->rope_dims = a->head_dim;
  arch_int_maybe(r, "rope.dimension_count", 1, MOST_DIM, &a->rope_dims);
  if (r->status == RIDGE_OK && (a->rope_dims > a->head_dim || a->rope_dims % 2 != 0))
    r->status =
        why_set(r->why, RIDGE_CORRUPT,
                "%s: rope.dimension_count is %lld; it must be even and at most %lld",
                r->source->path, (long long)a->rope_dims, (long long)a->head_dim);
}

/* Below 1 later dimensions would turn faster than positions count. */
static void read_base(struct arch_reading *r, const char *field, double *base) {
  arch_real_maybe(r, field, -INFINITY, base);
  if (r->status == RIDGE_OK && !(*base >= 1))
    r->status = why_set(r->why, RIDGE_CORRUPT, "%s: %s is %g; it must be at least 1",
                        r->source->path, field, *base);
}

/* --- what stretches them ------------------------------------------------------------ */

/* The factor by which the context grew; `out` keeps its value where none is given. */
static void read_factor(struct arch_reading *r, const char *field, double *out) {
  arch_real_maybe(r, field, -INFINITY, out);
  if (r->status == RIDGE_OK && !(*out > 0))
    r->status = why_set(r->why, RIDGE_CORRUPT, "%s: %s is %g; it must be above 0",
                        r->source->path, field, *out);
}

static void require(struct arch_reading *r, const char *field) {
  char key[128];
  if (r->status == RIDGE_OK && arch_fact(r, field) == NULL)
    r->status =
        why_set(r->why, RIDGE_CORRUPT, "%s: has no `%s`, which its rope.scaling.type needs",
                r->source->path, arch_key(r, field, key));
}

static void read_linear(struct arch_reading *r) {
  double factor = 1;
  if (arch_fact(r, "rope.scaling.type") != NULL) require(r, "rope.scaling.factor");
  read_factor(r, "rope.scale_linear", &factor); /* the key's older name */
  read_factor(r, "rope.scaling.factor", &factor);
  r->arch->rope.scale = 1 / factor;
}

/* The dimension that makes `turns` turns in the original context (eq. 17 ff.). */
static double turning_dim(const struct arch *a, double turns) {
  return (double)a->rope_dims * log((double)a->original_context / (turns * TWO_PI)) /
         (2 * log(a->rope.base));
}

static void read_yarn(struct arch_reading *r) {
  struct arch *a = r->arch;
  double factor = 1, fast = 32, slow = 1, part = 1, log_multiplier = 0;
  require(r, "rope.scaling.factor");
  read_factor(r, "rope.scaling.factor", &factor);
  read_factor(r, "rope.scaling.yarn_beta_fast", &fast);
  read_factor(r, "rope.scaling.yarn_beta_slow", &slow);
  arch_real_maybe(r, "rope.scaling.yarn_ext_factor", 0, &part);
  arch_real_maybe(r, "rope.scaling.yarn_log_multiplier", 0, &log_multiplier);
  if (r->status != RIDGE_OK) return;
  if (part != 1 || log_multiplier != 0) {
    r->status = why_set(r->why, RIDGE_UNSUPPORTED,
                        "%s: yarn with yarn_ext_factor %g and yarn_log_multiplier %g is "
                        "not known here (1 and 0)",
                        r->source->path, part, log_multiplier);
    return;
  }
  double from = floor(turning_dim(a, fast)), to = ceil(turning_dim(a, slow));
  if (!(fast > slow) || !isfinite(from) || !isfinite(to)) {
    r->status = why_set(r->why, RIDGE_CORRUPT,
                        "%s: yarn with base %g and betas %g and %g blends nothing",
                        r->source->path, a->rope.base, fast, slow);
    return;
  }
  a->rope.scale = 1 / factor;
  a->rope.blend_from = from < 0 ? 0 : from;
  a->rope.blend_to = to > (double)(a->rope_dims - 1) ? (double)(a->rope_dims - 1) : to;
  if (a->rope.blend_to < a->rope.blend_from) a->rope.blend_to = a->rope.blend_from;
  if (a->rope.blend_to == 0) a->rope.blend_to = 0.001; /* 0 and 0 say: no blending */
  a->rope.amplitude *= factor > 1 ? 1 + 0.1 * log(factor) : 1;
}

/* The attention factor, where the file does not say: sqrt(1 + ln s / ln L). */
static void read_longrope(struct arch_reading *r) {
  struct arch *a = r->arch;
  if (arch_fact(r, "rope.scaling.attn_factor") != NULL) return;
  double s = (double)a->context / (double)a->original_context;
  if (s > 1 && a->original_context > 1)
    a->rope.amplitude = sqrt(1 + log(s) / log((double)a->original_context));
}

static void read_nothing(struct arch_reading *r) { (void)r; }

static const struct {
  const char *type;
  void (*read)(struct arch_reading *);
} scalings[] = {
    {"none", read_nothing},
    {"linear", read_linear},
    {"yarn", read_yarn},
    {"longrope", read_longrope},
};

/* A file that names no type means a linear factor, or longrope if it has its tensors. */
static const char *type_of(struct arch_reading *r, char room[33]) {
  const ridge_fact *fact = arch_fact(r, "rope.scaling.type");
  if (fact == NULL || fact->type != RIDGE_FACT_TEXT)
    return source_tensor(r->source, "rope_factors_long.weight") != NULL ? "longrope"
                                                                        : "linear";
  size_t size = fact->value.text.size > 32 ? 32 : fact->value.text.size;
  memcpy(room, fact->value.text.data, size);
  room[size] = 0;
  return room;
}

static void read_scaling(struct arch_reading *r) {
  char room[33];
  const char *type = type_of(r, room);
  for (size_t i = 0; i < sizeof scalings / sizeof *scalings; i++) {
    if (strcmp(scalings[i].type, type) != 0) continue;
    scalings[i].read(r);
    return;
  }
  r->status = why_set(r->why, RIDGE_UNSUPPORTED,
                      "%s: rope scaling `%s` is not known here (none, linear, yarn, "
                      "longrope)",
                      r->source->path, type);
}

/* Layers with a window have a base of their own in some architectures, and are then not
 * stretched. */
static void read_local(struct arch_reading *r) {
  struct arch *a = r->arch;
  a->local_rope = a->rope;
  if (a->row->local_base > 0)
    a->local_rope = (struct arch_rope){.base = a->row->local_base, .scale = 1};
  read_base(r, "rope.freq_base_swa", &a->local_rope.base);
}

void arch_read_rope(struct arch_reading *r) {
  struct arch *a = r->arch;
  read_pairing(r);
  if (r->status != RIDGE_OK || a->position == ARCH_LEARNED) return;
  a->rope = (struct arch_rope){.base = 10000, .scale = 1, .amplitude = 1};
  a->original_context = a->context;
  read_dims(r);
  read_base(r, "rope.freq_base", &a->rope.base);
  arch_int_maybe(r, "rope.scaling.original_context_length", 1, INT32_MAX,
                 &a->original_context);
  read_factor(r, "rope.scaling.attn_factor", &a->rope.amplitude);
  if (r->status == RIDGE_OK) read_scaling(r);
  if (r->status == RIDGE_OK) read_local(r);
}
