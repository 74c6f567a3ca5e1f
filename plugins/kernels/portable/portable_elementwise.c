/*
 * portable_elementwise.c - operators that compute each element from the elements at
 * its own place, and those that only pick or move: add, mul, scale, act, glu,
 * softcap, rows, slice.
 *
 * Threads share out rows.  All of these may run in place.
 */
#include "portable.h"

#include <math.h>

/* The second operand of add and mul: as many rows as x, or one row for all, which
 * may be a weight in any codec and is then decoded into scratch first. */
struct operand {
  const ridge_span *span;
  const float *one; /* (cols); NULL: a row for each row                       */
};

static uint64_t operand_bytes(const ridge_kernel_site *site) {
  return (uint64_t)site->in_dims[1][1] * sizeof(float);
}

static struct operand operand_of(const ridge_kernel_call *call) {
  const ridge_span *b = &call->in[1];
  struct operand o = {b, NULL};
  if (b->rows != 1) return o;
  o.one = b->data;
  if (b->codec && strcmp(b->codec->name, "f32") != 0) {
    span_decode(b, 0, call->scratch);
    o.one = call->scratch;
  }
  return o;
}

static inline const float *operand_row(struct operand o, int64_t row) {
  return o.one ? o.one : span_row(o.span, row);
}

#define BINARY_KERNEL(name, operator)                                                      \
  static void run_##name(const ridge_kernel_call *call, int32_t thread, int32_t threads) { \
    const struct share mine = share_of(call->rows, thread, threads);                       \
    const struct operand second = operand_of(call);                                        \
    for (int64_t row = mine.lo; row < mine.hi; row++) {                                    \
      const float *a = span_row(&call->in[0], row), *b = operand_row(second, row);         \
      float *y = span_row(&call->out[0], row);                                             \
      for (int64_t i = 0; i < call->out[0].cols; i++) y[i] = a[i] operator b[i];           \
    }                                                                                      \
  }                                                                                        \
  const ridge_kernel portable_##name = {                                                   \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .scratch_bytes = operand_bytes,                                                      \
      .run = run_##name,                                                                   \
  }
BINARY_KERNEL(add, +);
BINARY_KERNEL(mul, *);

static void scale_row(const ridge_kernel_call *call, int64_t row) {
  const float *a = span_row(&call->in[0], row), by = (float)call->site->node->attrs.scale;
  float *y = span_row(&call->out[0], row);
  for (int64_t i = 0; i < call->out[0].cols; i++) y[i] = a[i] * by;
}

static void move_row(const float *from, const ridge_kernel_call *call, int64_t row) {
  float *y = span_row(&call->out[0], row);
  if (y != from) memmove(y, from, (size_t)call->out[0].cols * sizeof *y);
}

static void act_row(const ridge_kernel_call *call, int64_t row) {
  move_row(span_row(&call->in[0], row), call, row);
  portable_activate(call->site->node->attrs.act, span_row(&call->out[0], row),
                    call->out[0].cols);
}

/* A few columns at a time, so that gate, up and y may share memory. */
static void glu_row(const ridge_kernel_call *call, int64_t row) {
  enum { STEP = 64 };
  const float *gate = span_row(&call->in[0], row), *up = span_row(&call->in[1], row);
  float *y = span_row(&call->out[0], row), part[STEP];
  const int64_t n = call->out[0].cols;
  for (int64_t at = 0; at < n; at += STEP) {
    const int64_t count = n - at < STEP ? n - at : STEP;
    memcpy(part, gate + at, (size_t)count * sizeof *part);
    portable_activate(call->site->node->attrs.act, part, count);
    for (int64_t i = 0; i < count; i++) y[at + i] = part[i] * up[at + i];
  }
}

static void softcap_row(const ridge_kernel_call *call, int64_t row) {
  const float *x = span_row(&call->in[0], row), cap = (float)call->site->node->attrs.scale;
  float *y = span_row(&call->out[0], row);
  for (int64_t i = 0; i < call->out[0].cols; i++) y[i] = cap * tanhf(x[i] / cap);
}

static void rows_row(const ridge_kernel_call *call, int64_t row) {
  move_row(span_row(&call->in[0], call->batch->wanted[row]), call, row);
}

/* Nothing moves when the slice shares its parent's buffer. */
static void slice_row(const ridge_kernel_call *call, int64_t row) {
  move_row(span_row(&call->in[0], row) + call->site->node->attrs.from, call, row);
}

#define ROW_KERNEL(name)                                                                   \
  static void run_##name(const ridge_kernel_call *call, int32_t thread, int32_t threads) { \
    const struct share mine = share_of(call->rows, thread, threads);                       \
    for (int64_t row = mine.lo; row < mine.hi; row++) name##_row(call, row);               \
  }                                                                                        \
  const ridge_kernel portable_##name = {                                                   \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .run = run_##name,                                                                   \
  }
ROW_KERNEL(scale);
ROW_KERNEL(act);
ROW_KERNEL(glu);
ROW_KERNEL(softcap);
ROW_KERNEL(rows);
ROW_KERNEL(slice);
