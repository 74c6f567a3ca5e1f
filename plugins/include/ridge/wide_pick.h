/*
 * ridge/wide_pick.h - the operators that pick, move or tabulate rows, in lanes: embed,
 * rows, slice, rope_table.  Source for kernels, as ridge/wide.h is.
 *
 * f32, f16, bf16, q8_0 and q4_0 tables are decoded here to exactly what their codec gives;
 * every other codec is asked to decode.
 */
#ifndef RIDGE_WIDE_PICK_H
#define RIDGE_WIDE_PICK_H

#include <ridge/wide_cache.h>
#include <ridge/wide_kernel.h>

#include <math.h>

/* ---- embed ---- */

static inline void wide_decode(enum wide_form form, const ridge_codec *codec,
                               const char *from, float *to, int64_t n) {
  int64_t whole = n / WIDE * WIDE;
  switch (form) {
#define WIDE_FLOAT_ROW_(form, size)                                                        \
  case form:                                                                               \
    wide_row_floats(form, from, to, whole);                                                \
    if (whole < n)                                                                         \
      wide_store_some(to + whole,                                                          \
                      wide_floats_some(form, from + whole * (size), n - whole),            \
                      n - whole);                                                          \
    return
    WIDE_FLOAT_ROW_(WIDE_F32, 4);
    WIDE_FLOAT_ROW_(WIDE_F16, 2);
    WIDE_FLOAT_ROW_(WIDE_BF16, 2);
#undef WIDE_FLOAT_ROW_
  case WIDE_Q8_0: wide_row_q8_0(from, to, n); return;
  case WIDE_Q4_0: wide_row_q4_0(from, to, n); return;
  default: codec->decode(from, to, n);
  }
}

/* An id outside the table gives a row of NaN: a mistake shows in every result. */
static inline void wide_run_embed(const ridge_kernel_call *call, int32_t thread,
                                  int32_t threads) {
  const ridge_span *table = &call->in[0];
  const enum wide_form form = wide_form_of(table->codec);
  const struct wide_share mine = wide_share_of(call->rows, thread, threads);
  for (int64_t row = mine.lo; row < mine.hi; row++) {
    int32_t given;
    memcpy(&given, (const char *)call->in[1].data + (size_t)row * sizeof given,
           sizeof given);
    const int64_t id = given + call->site->node->attrs.from;
    float *y = wide_row(&call->out[0], row);
    if (id >= 0 && id < table->rows)
      wide_decode(form, table->codec,
                  (const char *)table->data + (uint64_t)id * table->stride, y, table->cols);
    else
      for (int64_t i = 0; i < table->cols; i++) y[i] = NAN;
  }
}

/* ---- rows, slice ---- */

static inline void wide_move(const float *from, float *to, int64_t n) {
  if (to != from) memmove(to, from, (size_t)n * sizeof *to);
}

static inline void wide_run_rows(const ridge_kernel_call *call, int32_t thread,
                                 int32_t threads) {
  const struct wide_share mine = wide_share_of(call->rows, thread, threads);
  for (int64_t row = mine.lo; row < mine.hi; row++)
    wide_move(wide_row(&call->in[0], call->batch->wanted[row]),
              wide_row(&call->out[0], row), call->out[0].cols);
}

/* Nothing moves when the slice shares its parent's buffer. */
static inline void wide_run_slice(const ridge_kernel_call *call, int32_t thread,
                                  int32_t threads) {
  const struct wide_share mine = wide_share_of(call->rows, thread, threads);
  const int64_t from = call->site->node->attrs.from;
  for (int64_t row = mine.lo; row < mine.hi; row++)
    wide_move(wide_row(&call->in[0], row) + from, wide_row(&call->out[0], row),
              call->out[0].cols);
}

/* ---- rope_table: (pairs, 2) of cos, sin ---- */

/* Cosine and sine of x, |x| < 2^31: quarter turns are taken off in three parts of pi/2,
 * then Taylor's sums on [-pi/4, pi/4], within 2^-49 of the function. */
WIDE_INLINE void wide_turn(double x, double *c, double *s) {
  const double n = __builtin_rint(x * 0x1.45f306dc9c883p-1);
  double r = __builtin_fma(-n, 0x1.921fb54442d18p+0, x);
  r = __builtin_fma(-n, 0x1.1a62633145c07p-54, r);
  r = __builtin_fma(-n, -0x1.f1976b7ed8fbcp-110, r);
  const double q = r * r;
  double even = -1.0 / 87178291200, odd = -1.0 / 1307674368000;
  even = __builtin_fma(even, q, 1.0 / 479001600);
  even = __builtin_fma(even, q, -1.0 / 3628800);
  even = __builtin_fma(even, q, 1.0 / 40320);
  even = __builtin_fma(even, q, -1.0 / 720);
  even = __builtin_fma(even, q, 1.0 / 24);
  even = __builtin_fma(even, q, -0.5);
  even = __builtin_fma(even, q, 1.0);
  odd = __builtin_fma(odd, q, 1.0 / 6227020800);
  odd = __builtin_fma(odd, q, -1.0 / 39916800);
  odd = __builtin_fma(odd, q, 1.0 / 362880);
  odd = __builtin_fma(odd, q, -1.0 / 5040);
  odd = __builtin_fma(odd, q, 1.0 / 120);
  odd = __builtin_fma(odd, q, -1.0 / 6);
  odd = __builtin_fma(odd * q, r, r);
  const double quarter = n - 4 * __builtin_floor(n * 0.25);
  const bool swap = quarter == 1 || quarter == 3;
  *c = (swap ? odd : even) * (quarter == 1 || quarter == 2 ? -1.0 : 1.0);
  *s = (swap ? even : odd) * (quarter >= 2 ? -1.0 : 1.0);
}

/* What multiplies the frequency of pair i: see ROPE_TABLE in ridge/graph.h. */
static inline double wide_rope_scale(const ridge_attrs *a, double i) {
  const double scale = a->freq_scale != 0.0 ? a->freq_scale : 1.0;
  if (a->blend_from == 0.0 && a->blend_to == 0.0) return scale;
  const double span = a->blend_to - a->blend_from;
  if (span == 0.0) return i > a->blend_from ? scale : 1.0;
  const double part = (i - a->blend_from) / span;
  const double share = part < 0 ? 0 : part > 1 ? 1 : part;
  return share * scale + 1 - share;
}

static inline uint64_t wide_rope_table_scratch(const ridge_kernel_site *site) {
  return (uint64_t)site->node->attrs.dims / 2 * sizeof(double);
}

static inline void wide_run_rope_table(const ridge_kernel_call *call, int32_t thread,
                                       int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t pairs = a->dims / 2;
  const double amplitude = a->amplitude != 0.0 ? a->amplitude : 1.0;
  const float *factor = wide_has(call, 1) ? (const float *)call->in[1].data : NULL;
  const struct wide_share mine = wide_share_of(call->rows, thread, threads);
  double *frequency = (double *)call->scratch;
  if (mine.lo == mine.hi) return;
  /* The ratio of two neighbours over and over: its errors add up to 2^-46 at most. */
  const double ratio = pow(a->base, -2.0 / (double)a->dims);
  double power = 1;
  for (int64_t i = 0; i < pairs; i++, power *= ratio)
    frequency[i] =
        (factor ? power / (double)factor[i] : power) * wide_rope_scale(a, (double)i);
  for (int64_t row = mine.lo; row < mine.hi; row++) {
    int32_t position;
    memcpy(&position, (const char *)call->in[0].data + (size_t)row * sizeof position,
           sizeof position);
    float *y = wide_row(&call->out[0], row);
    for (int64_t i = 0; i < pairs; i++) {
      double c, s;
      wide_turn((double)position * frequency[i], &c, &s);
      y[2 * i] = (float)(c * amplitude);
      y[2 * i + 1] = (float)(s * amplitude);
    }
  }
}

/* X(name, accepts, scratch): every operator here. */
#define WIDE_PICK_MAP(X)                                                                   \
  X(embed, NULL, NULL)                                                                     \
  X(rows, NULL, NULL)                                                                      \
  X(slice, NULL, NULL)                                                                     \
  X(rope_table, NULL, wide_rope_table_scratch)

#endif
