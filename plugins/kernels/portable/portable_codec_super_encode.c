/*
 * portable_codec_super_encode.c - choosing codes, scales and factors of a super-block.
 *
 *   1. Each group by itself: the scale (and least value) of least error, as reals.
 *   2. The factors d and dmin that reach the largest of them.
 *   3. For each group the whole scale (and least value) next to the real one, above or
 *      below, whichever has the smaller error with codes of its own.
 *   4. The factors anew, by least squares over all groups, and 3 again.
 *
 * Step 4 is kept only while the error falls.  Every step weighs the squared error of a
 * number by its importance (if that is given) and by its own size: large weights do more
 * to the output than their share, as they meet what makes them large in training.
 */
#include "portable_codec_super.h"

#include "portable_codec.h"

enum { ROUNDS = 3 };

struct work {
  const struct super_form *form;
  float x[SUPER], w[SUPER];
  struct group group[MOST_GROUPS];
  struct fit ideal[MOST_GROUPS], fit[MOST_GROUPS];
  int scale[MOST_GROUPS], least[MOST_GROUPS];
  float d, dmin, error;
};

static float as_half(float x) { return half_decode(half_encode(x)); }

/* ---- weights ---- */

static float rms_of(const float *x, int n) {
  float sum = 0.0f;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sqrtf(sum / (float)n);
}

/* Each weight is of the order of one, whatever the numbers are. */
static void weigh(struct work *k, const float *importance) {
  const int n = SUPER / k->form->groups;
  const float whole = inverse(rms_of(k->x, SUPER));
  for (int g = 0; g < k->form->groups; g++) {
    const float by = importance != NULL ? whole : inverse(rms_of(k->x + g * n, n));
    for (int i = g * n; i < (g + 1) * n; i++) {
      const float size = fabsf(k->x[i]) * by;
      k->w[i] = importance != NULL ? importance[i] * sqrtf(1.0f + size * size)
                                   : k->form->floor + size;
    }
  }
}

/* ---- scales of groups under given factors ---- */

static struct fit fit_whole(const struct work *k, int g, int scale, int least) {
  return fit_of(&k->group[g], k->d * (float)scale, -k->dmin * (float)least);
}

static int nearest(float x, float factor, int lo, int hi) {
  const float t = x * inverse(factor);
  const int code = code_round(t, 1 << 20);
  return code < lo ? lo : code > hi ? hi : code;
}

/* A group whose factor is too small for f16 has one number for all: the best is not
 * next to the least one, but near the mean. */
static void flatten_group(struct work *k, int g) {
  const struct fit *f = &k->fit[g];
  if (k->scale[g] != 0 || !(f->w > 0.0f)) return;
  const int least = nearest(-f->m - f->wr / f->w, k->dmin, 0, k->form->least_hi);
  const struct fit flat = fit_whole(k, g, 0, least);
  if (!(flat.error < f->error)) return;
  k->fit[g] = flat;
  k->least[g] = least;
}

/* The best of the scales next to the real one, each with its best least value. */
static void choose_group(struct work *k, int g, const struct fit *from) {
  const struct super_form *f = k->form;
  const int scale = nearest(from->d, k->d, f->scale_lo, f->scale_hi);
  const int least = nearest(-from->m, k->dmin, 0, f->least_hi);
  k->fit[g] = fit_whole(k, g, scale, least);
  k->scale[g] = scale;
  k->least[g] = least;
  for (int s = scale - 1; s <= scale + 1; s++)
    for (int l = least - 1; l <= least + 1; l++) {
      if (s < f->scale_lo || s > f->scale_hi || l < 0 || l > f->least_hi) continue;
      if (s == scale && l == least) continue;
      const struct fit here = fit_whole(k, g, s, l);
      if (!(here.error < k->fit[g].error)) continue;
      k->fit[g] = here;
      k->scale[g] = s;
      k->least[g] = l;
    }
}

static void choose_groups(struct work *k, const struct fit *from) {
  k->error = 0.0f;
  for (int g = 0; g < k->form->groups; g++) {
    choose_group(k, g, &from[g]);
    flatten_group(k, g);
    k->error += k->fit[g].error;
  }
}

/* ---- factors ---- */

static void first_factors(struct work *k) {
  float scale = 0.0f, least = 0.0f;
  for (int g = 0; g < k->form->groups; g++) {
    if (fabsf(k->ideal[g].d) > fabsf(scale)) scale = k->ideal[g].d;
    if (-k->ideal[g].m > least) least = -k->ideal[g].m;
  }
  /* The largest scale gets the end of the range that is further from zero. */
  const int end =
      -k->form->scale_lo > k->form->scale_hi ? k->form->scale_lo : k->form->scale_hi;
  k->d = as_half(scale / (float)end);
  k->dmin = k->form->least_hi > 0 ? as_half(least / (float)k->form->least_hi) : 0.0f;
}

/* Least squares over all groups: x ~ D (s q) - M l, with r what is left now. */
static void better_factors(const struct work *k, float *d, float *dmin) {
  float a = 0, b = 0, c = 0, p = 0, q = 0;
  for (int g = 0; g < k->form->groups; g++) {
    const float s = (float)k->scale[g], l = (float)k->least[g];
    const struct fit *f = &k->fit[g];
    a += s * s * f->wqq;
    b += s * l * f->wq;
    c += l * l * f->w;
    p += s * f->wrq;
    q -= l * f->wr;
  }
  const float det = a * c - b * b;
  *d = k->d;
  *dmin = k->dmin;
  if (det > 1e-6f * a * c) {
    *d += (p * c + q * b) / det;
    *dmin += (q * a + p * b) / det;
  } else if (a > 0.0f) {
    *d += p / a;
  }
  *d = as_half(*d);
  *dmin = as_half(*dmin);
}

static void choose_factors(struct work *k) {
  first_factors(k);
  choose_groups(k, k->ideal);
  for (int round = 0; round < ROUNDS; round++) {
    struct work next = *k;
    better_factors(k, &next.d, &next.dmin);
    if (next.dmin < 0.0f || (next.d == k->d && next.dmin == k->dmin)) return;
    choose_groups(&next, k->fit);
    if (!(next.error < k->error)) return;
    *k = next;
  }
}

/* ---- the whole ---- */

static void prepare(struct work *k, const struct super_form *form, const float *x,
                    const float *importance) {
  const int n = SUPER / form->groups;
  k->form = form;
  memcpy(k->x, x, sizeof k->x);
  weigh(k, importance);
  for (int g = 0; g < form->groups; g++) {
    k->group[g] =
        (struct group){k->x + g * n, k->w + g * n, n, form->lo, form->hi, form->levels};
    k->ideal[g] = form->least_hi > 0 ? search_scale_and_least(&k->group[g], form->grid)
                                     : search_scale(&k->group[g], form->grid);
  }
}

void super_encode(const struct super_form *form, const float *x, const float *importance,
                  struct super *out) {
  const struct extent e = extent_of(x, SUPER);
  *out = (struct super){0};
  if (e.poison != 0.0f || !(fabsf(e.peak) < 0x1p40f)) {
    out->d = NAN;
    return;
  }
  if (fabsf(e.peak) < 0x1p-40f) return; /* f16 factors hold nothing so small */
  struct work k;
  prepare(&k, form, x, importance);
  choose_factors(&k);
  out->d = k.d;
  out->dmin = k.dmin;
  memcpy(out->scale, k.scale, sizeof k.scale);
  memcpy(out->least, k.least, sizeof k.least);
  for (int g = 0; g < form->groups; g++)
    fit_codes(&k.group[g], k.d * (float)k.scale[g], -k.dmin * (float)k.least[g],
              out->code + g * k.group[g].n);
}
