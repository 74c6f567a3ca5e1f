/*
 * portable_codec_search.c - the search of portable_codec_search.h.
 *
 * Four numbers at a time, in the vectors that gcc and clang know on every machine: an
 * encoder looks at each number some fifty times.  The order of the sums is fixed by
 * the code, so that all machines write the same bytes.
 */
#include "portable_codec_search.h"

#include <math.h>
#include <string.h>

typedef float lanes __attribute__((vector_size(16)));
typedef int32_t mask __attribute__((vector_size(16)));

enum { LANES = 4, MOST_TURNS = 4 };

static inline lanes lanes_at(const float *p) {
  lanes v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline lanes lanes_of(float x) { return (lanes){x, x, x, x}; }

static inline float lanes_sum(lanes v) { return (v[0] + v[1]) + (v[2] + v[3]); }

static inline lanes lanes_pick(mask m, lanes yes, lanes no) {
  return (lanes)((m & (mask)yes) | (~m & (mask)no));
}

/* The nearest whole number within [lo, hi].  Adding 3 2^22 leaves no bits for a
 * fraction: the addition rounds, halves to even. */
static inline lanes lanes_code(lanes t, lanes lo, lanes hi) {
  const lanes big = lanes_of(12582912.0f);
  t = lanes_pick(t > lo, t, lo);
  t = lanes_pick(t < hi, t, hi);
  return (t + big) - big;
}

/* How many thresholds, half way from level to level, lie below t: `counts`; or the
 * level itself. */
static inline lanes lanes_level(lanes t, const float levels[16], bool counts) {
  lanes at = lanes_of(counts ? 0.0f : levels[0]);
  for (int k = 1; k < 16; k++) {
    const lanes step = lanes_of(counts ? 1.0f : levels[k] - levels[k - 1]);
    const mask above = t > lanes_of(0.5f * (levels[k] + levels[k - 1]));
    at += (lanes)(above & (mask)step);
  }
  return at;
}

static inline float one_over(float d) { return d != 0.0f ? 1.0f / d : 0.0f; }

static inline __attribute__((always_inline)) struct fit fit_with(const struct group *g,
                                                                 float d, float m,
                                                                 const float *levels) {
  const lanes by = lanes_of(one_over(d)), scale = lanes_of(d), least = lanes_of(m);
  const lanes lo = lanes_of(g->lo), hi = lanes_of(g->hi);
  lanes sw = lanes_of(0), wq = sw, wqq = sw, wr = sw, wrq = sw, wrr = sw;
  for (int i = 0; i < g->n; i += LANES) {
    const lanes x = lanes_at(g->x + i) - least, w = lanes_at(g->w + i);
    const lanes q =
        levels != NULL ? lanes_level(x * by, levels, false) : lanes_code(x * by, lo, hi);
    const lanes r = x - scale * q;
    const lanes a = w * q, b = w * r;
    sw += w;
    wq += a;
    wqq += a * q;
    wr += b;
    wrq += b * q;
    wrr += b * r;
  }
  return (struct fit){.d = d,
                      .m = m,
                      .error = lanes_sum(wrr),
                      .w = lanes_sum(sw),
                      .wq = lanes_sum(wq),
                      .wqq = lanes_sum(wqq),
                      .wr = lanes_sum(wr),
                      .wrq = lanes_sum(wrq)};
}

struct fit fit_of(const struct group *g, float d, float m) {
  return g->levels != NULL ? fit_with(g, d, m, g->levels) : fit_with(g, d, m, NULL);
}

void fit_codes(const struct group *g, float d, float m, uint8_t *codes) {
  const lanes by = lanes_of(one_over(d)), least = lanes_of(m);
  const lanes lo = lanes_of(g->lo), hi = lanes_of(g->hi);
  for (int i = 0; i < g->n; i += LANES) {
    const lanes t = (lanes_at(g->x + i) - least) * by;
    const lanes q =
        g->levels != NULL ? lanes_level(t, g->levels, true) : lanes_code(t, lo, hi) - lo;
    for (int k = 0; k < LANES; k++) codes[i + k] = (uint8_t)q[k];
  }
}

/* ---- one turn: the best d and m for the codes that a fit has ---- */

static float scale_for(const struct fit *f) {
  return f->wqq > 0.0f ? f->d + f->wrq / f->wqq : f->d;
}

/* m would be positive: the best d with m = 0.  The residual of m = 0 is r + m. */
static void solve_without_least(const struct fit *f, float *d, float *m) {
  *m = 0.0f;
  *d = f->wqq > 0.0f ? f->d + (f->wrq + f->m * f->wq) / f->wqq : f->d;
}

static void solve(const struct fit *f, float *d, float *m) {
  const float det = f->wqq * f->w - f->wq * f->wq;
  if (!(det > 1e-6f * f->wqq * f->w)) { /* all codes the same: m alone can move */
    *d = f->d;
    *m = f->w > 0.0f ? f->m + f->wr / f->w : f->m;
    if (*m > 0.0f) *m = 0.0f;
    return;
  }
  *d = f->d + (f->wrq * f->w - f->wr * f->wq) / det;
  *m = f->m + (f->wr * f->wqq - f->wrq * f->wq) / det;
  if (*m > 0.0f) solve_without_least(f, d, m);
}

/* Turn by turn to the local minimum. */
static struct fit settle(const struct group *g, struct fit best, bool with_least) {
  for (int turn = 0; turn < MOST_TURNS; turn++) {
    float d, m = 0.0f;
    if (with_least)
      solve(&best, &d, &m);
    else
      d = scale_for(&best);
    if (with_least && d < 0.0f) break;
    const struct fit next = fit_of(g, d, m);
    if (!(next.error < best.error)) break;
    best = next;
  }
  return best;
}

/* ---- where to start ---- */

static float peak_of(const struct group *g) {
  float peak = 0.0f;
  for (int i = 0; i < g->n; i++)
    if (fabsf(g->x[i]) > fabsf(peak)) peak = g->x[i];
  return peak;
}

/* The error that d and m would have with the codes of f: what the nearest codes of
 * their own will have is no more, so starts can be compared without a look at x. */
static float promise(const struct fit *f, float d, float m) {
  const float by = d - f->d, up = m - f->m;
  return f->error - 2.0f * (by * f->wrq + up * f->wr) + by * by * f->wqq +
         2.0f * by * up * f->wq + up * up * f->w;
}

struct fit search_scale(const struct group *g, struct grid grid) {
  const float peak = peak_of(g);
  struct fit best = fit_of(g, 0.0f, 0.0f);
  float promised = best.error, start = 0.0f;
  const int tries = peak == 0.0f ? 0 : grid.both ? 2 * grid.steps : grid.steps;
  for (int k = 0; k < tries; k++) {
    const float out = grid.first + grid.step * (float)(k % grid.steps);
    const float levels = k < grid.steps ? g->lo - out : g->hi + out;
    const struct fit here = fit_of(g, peak / levels, 0.0f);
    const float d = scale_for(&here), error = promise(&here, d, 0.0f);
    if (!(error < promised)) continue;
    promised = error;
    start = d;
  }
  const struct fit first = fit_of(g, start, 0.0f);
  return settle(g, first.error < best.error ? first : best, false);
}

static void extent(const struct group *g, float *least, float *most) {
  *least = *most = 0.0f;
  for (int i = 0; i < g->n; i++) {
    if (g->x[i] < *least) *least = g->x[i];
    if (g->x[i] > *most) *most = g->x[i];
  }
}

struct fit search_scale_and_least(const struct group *g, struct grid grid) {
  float least, most;
  extent(g, &least, &most);
  struct fit best = fit_of(g, 0.0f, 0.0f);
  float promised = best.error, scale = 0.0f, offset = 0.0f;
  for (int k = 0; k < grid.steps && least != most; k++) {
    const float levels = g->hi + grid.first + grid.step * (float)k;
    if (!(levels > 0.0f)) continue;
    const struct fit here = fit_of(g, (most - least) / levels, least);
    float d, m;
    solve(&here, &d, &m);
    const float error = promise(&here, d, m);
    if (d < 0.0f || !(error < promised)) continue;
    promised = error;
    scale = d;
    offset = m;
  }
  const struct fit first = fit_of(g, scale, offset);
  return settle(g, first.error < best.error ? first : best, true);
}
