/*
 * portable_rope.c - rotary position embedding (RoFormer, arXiv 2104.09864): the
 * table of cosines and sines, made once a step, and the turning of pairs by it.
 *
 * Angles are formed in double: position * frequency loses whole turns in f32 at
 * large positions.
 */
#include "portable.h"

#include <math.h>

static uint64_t table_scratch(const ridge_kernel_site *site) {
  return (uint64_t)site->node->attrs.dims / 2 * sizeof(double);
}

/* What multiplies the frequency of pair i: freq_scale, or a share of it that rises from
 * blend_from to blend_to (YaRN, arXiv 2309.00071 sec. 3.2). */
static double scale_of(const ridge_attrs *a, double i) {
  const double scale = a->freq_scale != 0.0 ? a->freq_scale : 1.0;
  if (a->blend_from == 0.0 && a->blend_to == 0.0) return scale;
  const double span = a->blend_to - a->blend_from;
  if (span == 0.0) return i > a->blend_from ? scale : 1.0;
  const double part = (i - a->blend_from) / span;
  const double share = part < 0 ? 0 : part > 1 ? 1 : part;
  return share * scale + 1 - share;
}

/* frequency_i = f_i scale_i, f_i = base^(-2i/dims) / factor_i */
static void frequencies(const ridge_kernel_call *call, double *to) {
  const ridge_attrs *a = &call->site->node->attrs;
  const float *factor = has_input(call, 1) ? call->in[1].data : NULL; /* (dims / 2) */
  for (int64_t i = 0; i < a->dims / 2; i++) {
    double f = pow(a->base, -2.0 * (double)i / (double)a->dims);
    if (factor) f /= (double)factor[i];
    to[i] = f * scale_of(a, (double)i);
  }
}

static void run_rope_table(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t pairs = a->dims / 2;
  const double amplitude = a->amplitude != 0.0 ? a->amplitude : 1.0;
  const struct share mine = share_of(call->rows, thread, threads);
  double *frequency = call->scratch;
  if (mine.lo == mine.hi) return;
  frequencies(call, frequency);
  for (int64_t row = mine.lo; row < mine.hi; row++) {
    int32_t position;
    memcpy(&position, span_bytes(&call->in[0], 0) + (size_t)row * sizeof position,
           sizeof position);
    float *y = span_row(&call->out[0], row); /* (pairs, 2): cos, sin */
    for (int64_t i = 0; i < pairs; i++) {
      const double angle = (double)position * frequency[i];
      y[2 * i] = (float)(cos(angle) * amplitude);
      y[2 * i + 1] = (float)(sin(angle) * amplitude);
    }
  }
}

/* Element (i) of a head pairs with element (i + gap); pairs start `step` apart. */
static void turn_head(const float *x, float *y, const float *table, int64_t pairs,
                      int64_t step, int64_t gap) {
  for (int64_t i = 0; i < pairs; i++) {
    const float c = table[2 * i], s = table[2 * i + 1];
    const float a = x[i * step], b = x[i * step + gap];
    y[i * step] = a * c - b * s;
    y[i * step + gap] = a * s + b * c;
  }
}

/* Rows of x hold heads of head_dim; only the first `dims` of each turn. */
static void run_rope(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const bool neox = (a->flags & RIDGE_ROPE_NEOX) != 0;
  const int64_t heads = call->in[0].cols / a->head_dim, pairs = a->dims / 2;
  const size_t rest = (size_t)(a->head_dim - a->dims) * sizeof(float);
  const struct share mine = share_of(call->rows * heads, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / heads, at = item % heads * a->head_dim;
    const float *x = span_row(&call->in[0], row) + at;
    float *y = span_row(&call->out[0], row) + at;
    turn_head(x, y, span_row(&call->in[1], row), pairs, neox ? 1 : 2, neox ? pairs : 1);
    if (rest && x != y) memmove(y + a->dims, x + a->dims, rest);
  }
}

const ridge_kernel portable_rope_table = {
    .struct_size = sizeof(ridge_kernel),
    .scratch_bytes = table_scratch,
    .run = run_rope_table,
};
const ridge_kernel portable_rope = {
    .struct_size = sizeof(ridge_kernel),
    .run = run_rope,
};
