/*
 * portable_matmul.c - y(T,N) = x(T,K) w(N,K)^T, with bias, activation, gate and
 * residual, for weights of any codec.
 *
 * Weight rows are decoded a few at a time into scratch and met by every row of x,
 * so that a large batch decodes each weight once.  An element is one portable_dot
 * whatever the batch; threads share out the columns of y.
 */
#include "portable.h"

enum { TILE = 8 }; /* weight rows decoded together: K floats each stay in L2 */

static bool is_paired(const ridge_node *node) {
  return (node->attrs.flags & RIDGE_GLU_PAIRED) != 0;
}

/* Floats: TILE rows of w, TILE of the gate's partner, the bias decoded. */
static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  const uint64_t k = (uint64_t)site->in_dims[1][1], n = (uint64_t)site->in_dims[1][0];
  return (2 * TILE * k + n) * sizeof(float);
}

struct tile {
  float *w, *up;     /* (columns, K) decoded; up: of the paired rows, or NULL  */
  const float *bias; /* (N) or (2N); NULL                                      */
  int64_t from, columns, n;
};

/* One row of y, the tile's columns. */
static void run_row(const ridge_kernel_call *call, const struct tile *t, int64_t row) {
  const float *x = span_row(&call->in[0], row); /* (K) */
  float *y = span_row(&call->out[0], row) + t->from;
  const int64_t k = call->in[1].cols;
  float part[TILE];
  for (int64_t c = 0; c < t->columns; c++) part[c] = portable_dot(x, t->w + c * k, k);
  if (t->bias)
    for (int64_t c = 0; c < t->columns; c++) part[c] += t->bias[t->from + c];
  portable_activate(call->site->node->attrs.act, part, t->columns);
  if (t->up)
    for (int64_t c = 0; c < t->columns; c++) {
      const float up = portable_dot(x, t->up + c * k, k);
      part[c] *= t->bias ? up + t->bias[t->n + t->from + c] : up;
    }
  if (has_input(call, 3)) {
    const float *residual = span_row(&call->in[3], row) + t->from;
    for (int64_t c = 0; c < t->columns; c++) part[c] += residual[c];
  }
  memcpy(y, part, (size_t)t->columns * sizeof *y);
}

static void decode_rows(const ridge_span *w, int64_t from, int64_t rows, float *to) {
  for (int64_t r = 0; r < rows; r++) span_decode(w, from + r, to + r * w->cols);
}

static void run(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_span *w = &call->in[1];
  const bool paired = is_paired(call->site->node);
  const int64_t n = paired ? w->rows / 2 : w->rows, k = w->cols;
  float *scratch = call->scratch, *bias = scratch + 2 * TILE * k;
  if (has_input(call, 2)) span_decode(&call->in[2], 0, bias);
  struct tile t = {.w = scratch,
                   .up = paired ? scratch + TILE * k : NULL,
                   .bias = has_input(call, 2) ? bias : NULL,
                   .n = n};
  const struct share mine = share_of(n, thread, threads);
  for (t.from = mine.lo; t.from < mine.hi; t.from += TILE) {
    t.columns = mine.hi - t.from < TILE ? mine.hi - t.from : TILE;
    decode_rows(w, t.from, t.columns, t.w);
    if (paired) decode_rows(w, n + t.from, t.columns, t.up);
    for (int64_t row = 0; row < call->rows; row++) run_row(call, &t, row);
  }
}

const ridge_kernel portable_matmul = {
    .struct_size = sizeof(ridge_kernel),
    .scratch_bytes = scratch_bytes,
    .run = run,
};
