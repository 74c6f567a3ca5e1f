/*
 * ridge/wide_rows.h - the operators that work row by row, in lanes: norms, alone and with
 * the addition before them, element-wise functions, rope, and putting f32 and f16 rows
 * into the cache.  Source for kernels, as ridge/wide.h is.
 *
 * Sums run in 64 interleaved partial sums and a fixed tree, so they hang on the width
 * alone.  Norms share out rows (with heads: heads), the others stretches of columns.
 */
#ifndef RIDGE_WIDE_ROWS_H
#define RIDGE_WIDE_ROWS_H

#include <ridge/wide_cache.h>
#include <ridge/wide_kernel.h>

#include <math.h>

enum { WIDE_STRETCH = 512 }; /* columns that one thread takes at a time */

/* ---- norms ---- */

/* Sum of (x - mean)^2 if `square`, else of x. */
WIDE_INLINE float wide_total(const float *x, int64_t n, bool square, float mean) {
  const ridge_wide m = wide_set(mean);
  ridge_wide s0 = wide_zero(), s1 = wide_zero(), s2 = wide_zero(), s3 = wide_zero();
  int64_t i = 0;
#define WIDE_ADD_(sum, v)                                                                  \
  do {                                                                                     \
    const ridge_wide d = square ? wide_sub(v, m) : (v);                                    \
    sum = square ? wide_fma(d, d, sum) : wide_add(sum, d);                                 \
  } while (0)
  for (; i + 4 * WIDE <= n; i += 4 * WIDE) {
    WIDE_ADD_(s0, wide_load(x + i));
    WIDE_ADD_(s1, wide_load(x + i + WIDE));
    WIDE_ADD_(s2, wide_load(x + i + 2 * WIDE));
    WIDE_ADD_(s3, wide_load(x + i + 3 * WIDE));
  }
  for (; i + WIDE <= n; i += WIDE) WIDE_ADD_(s0, wide_load(x + i));
  if (i < n) { /* the lanes beyond the end hold the mean */
    float end[WIDE];
    for (int k = 0; k < WIDE; k++) end[k] = i + k < n ? x[i + k] : square ? mean : 0;
    WIDE_ADD_(s1, wide_load(end));
  }
#undef WIDE_ADD_
  return wide_sum(wide_add(wide_add(s0, s2), wide_add(s1, s3)));
}

struct wide_affine {
  const float *scale, *shift; /* (n); NULL: none */
};

WIDE_INLINE ridge_wide wide_normal(ridge_wide x, ridge_wide mean, ridge_wide factor,
                                   struct wide_affine a, int64_t i, int64_t left) {
  ridge_wide v = wide_mul(wide_sub(x, mean), factor);
  if (a.scale) v = wide_mul(v, wide_load_some(a.scale + i, left));
  if (a.shift) v = wide_add(v, wide_load_some(a.shift + i, left));
  return v;
}

static inline void wide_normalize(const float *x, float *y, int64_t n, float mean,
                                  float factor, struct wide_affine a) {
  const ridge_wide m = wide_set(mean), f = wide_set(factor);
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE)
    wide_store(y + i, wide_normal(wide_load(x + i), m, f, a, i, WIDE));
  if (i < n)
    wide_store_some(y + i, wide_normal(wide_load_some(x + i, n - i), m, f, a, i, n - i),
                    n - i);
}

static inline void wide_rms_row(const float *x, float *y, int64_t n, double eps,
                                struct wide_affine a) {
  const float square = wide_total(x, n, true, 0) / (float)n;
  a.shift = NULL;
  wide_normalize(x, y, n, 0, 1.0f / sqrtf(square + (float)eps), a);
}

static inline void wide_layer_row(const float *x, float *y, int64_t n, double eps,
                                  struct wide_affine a) {
  const float mean = wide_total(x, n, false, 0) / (float)n;
  const float square = wide_total(x, n, true, mean) / (float)n;
  wide_normalize(x, y, n, mean, 1.0f / sqrtf(square + (float)eps), a);
}

typedef void wide_norm_row(const float *, float *, int64_t, double, struct wide_affine);

static inline struct wide_affine wide_affine_of(const ridge_kernel_call *call,
                                                uint32_t slot, int64_t at) {
  return (struct wide_affine){
      wide_has(call, slot) ? (const float *)call->in[slot].data + at : NULL,
      wide_has(call, slot + 1) ? (const float *)call->in[slot + 1].data + at : NULL};
}

/* With heads each head is a row; its scale is its own where there is one for all columns.
 */
WIDE_INLINE void wide_norms(const ridge_kernel_call *call, wide_norm_row *f, int32_t thread,
                            int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t heads = a->heads > 0 ? a->heads : 1, n = call->in[0].cols / heads;
  const bool own = call->in[1].cols == call->in[0].cols;
  const struct wide_share mine = wide_share_of(call->rows * heads, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / heads, at = item % heads * n;
    f(wide_row(&call->in[0], row) + at, wide_row(&call->out[0], row) + at, n, a->eps,
      wide_affine_of(call, 1, own ? at : 0));
  }
}

/* out[0] is the sum, out[1] the norm. */
WIDE_INLINE void wide_add_norms(const ridge_kernel_call *call, wide_norm_row *f,
                                int32_t thread, int32_t threads) {
  const struct wide_share mine = wide_share_of(call->rows, thread, threads);
  const struct wide_affine a = wide_affine_of(call, 2, 0);
  const int64_t n = call->in[0].cols;
  for (int64_t r = mine.lo; r < mine.hi; r++) {
    const float *left = wide_row(&call->in[0], r), *right = wide_row(&call->in[1], r);
    float *sum = wide_row(&call->out[0], r);
    int64_t i = 0;
    for (; i + WIDE <= n; i += WIDE)
      wide_store(sum + i, wide_add(wide_load(left + i), wide_load(right + i)));
    for (; i < n; i++) sum[i] = left[i] + right[i];
    f(sum, wide_row(&call->out[1], r), n, call->site->node->attrs.eps, a);
  }
}

#define WIDE_NORM_(name, how, row)                                                         \
  static inline void wide_run_##name(const ridge_kernel_call *call, int32_t thread,        \
                                     int32_t threads) {                                    \
    how(call, row, thread, threads);                                                       \
  }
WIDE_NORM_(rmsnorm, wide_norms, wide_rms_row)
WIDE_NORM_(layernorm, wide_norms, wide_layer_row)
WIDE_NORM_(add_rmsnorm, wide_add_norms, wide_rms_row)
WIDE_NORM_(add_layernorm, wide_add_norms, wide_layer_row)
#undef WIDE_NORM_

/* ---- element by element, in place if need be ---- */

enum wide_function {
  WIDE_FUNCTION_ADD,
  WIDE_FUNCTION_MUL,
  WIDE_FUNCTION_SCALE,
  WIDE_FUNCTION_SOFTCAP,
  WIDE_FUNCTION_ACT,
  WIDE_FUNCTION_GLU,
};

/* function and act are constants where this is expanded. */
WIDE_INLINE ridge_wide wide_apply(enum wide_function function, uint32_t act, ridge_wide a,
                                  ridge_wide b, ridge_wide by) {
  switch (function) {
  case WIDE_FUNCTION_ADD: return wide_add(a, b);
  case WIDE_FUNCTION_MUL: return wide_mul(a, b);
  case WIDE_FUNCTION_SCALE: return wide_mul(a, by);
  case WIDE_FUNCTION_SOFTCAP: return wide_mul(by, wide_tanh(wide_div(a, by)));
  case WIDE_FUNCTION_ACT: return wide_act(act, a);
  default: return wide_mul(wide_act(act, a), b);
  }
}

WIDE_INLINE void wide_stretch(enum wide_function function, uint32_t act, const float *a,
                              const float *b, float *y, int64_t n, float scale) {
  const ridge_wide by = wide_set(scale);
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) {
    const ridge_wide second = b ? wide_load(b + i) : by;
    wide_store(y + i, wide_apply(function, act, wide_load(a + i), second, by));
  }
  if (i == n) return;
  const ridge_wide second = b ? wide_load_some(b + i, n - i) : by;
  wide_store_some(
      y + i, wide_apply(function, act, wide_load_some(a + i, n - i), second, by), n - i);
}

/* Row `row` of input 1, which may be one row for all. */
WIDE_INLINE void wide_stretches(const ridge_kernel_call *call, enum wide_function function,
                                uint32_t act, int32_t thread, int32_t threads) {
  const int64_t cols = call->out[0].cols, each = (cols + WIDE_STRETCH - 1) / WIDE_STRETCH;
  const struct wide_share mine = wide_share_of(call->rows * each, thread, threads);
  const bool two = wide_has(call, 1);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / each, at = item % each * WIDE_STRETCH;
    const float *b =
        two ? wide_row(&call->in[1], call->in[1].rows == 1 ? 0 : row) + at : NULL;
    wide_stretch(function, act, wide_row(&call->in[0], row) + at, b,
                 wide_row(&call->out[0], row) + at,
                 cols - at < WIDE_STRETCH ? cols - at : WIDE_STRETCH,
                 (float)call->site->node->attrs.scale);
  }
}

#define WIDE_PLAIN_(name, function)                                                        \
  static inline void wide_run_##name(const ridge_kernel_call *call, int32_t thread,        \
                                     int32_t threads) {                                    \
    wide_stretches(call, WIDE_FUNCTION_##function, 0, thread, threads);                    \
  }
WIDE_PLAIN_(add, ADD)
WIDE_PLAIN_(mul, MUL)
WIDE_PLAIN_(scale, SCALE)
WIDE_PLAIN_(softcap, SOFTCAP)
#undef WIDE_PLAIN_

/* A loop for each function of the map. */
#define WIDE_CURVED_(name, function)                                                       \
  static inline void wide_run_##name(const ridge_kernel_call *call, int32_t thread,        \
                                     int32_t threads) {                                    \
    switch (call->site->node->attrs.act) {                                                 \
      RIDGE_ACT_MAP(WIDE_CASE_##function##_)                                               \
    default: break;                                                                        \
    }                                                                                      \
  }
#define WIDE_CASE_ACT_(id, text)                                                           \
  case RIDGE_ACT_##id:                                                                     \
    wide_stretches(call, WIDE_FUNCTION_ACT, RIDGE_ACT_##id, thread, threads);              \
    break;
#define WIDE_CASE_GLU_(id, text)                                                           \
  case RIDGE_ACT_##id:                                                                     \
    wide_stretches(call, WIDE_FUNCTION_GLU, RIDGE_ACT_##id, thread, threads);              \
    break;
WIDE_CURVED_(act, ACT)
WIDE_CURVED_(glu, GLU)
#undef WIDE_CURVED_
#undef WIDE_CASE_ACT_
#undef WIDE_CASE_GLU_

/* ---- rope: table (pairs, 2) of cos, sin ---- */

/* Pairs (2i, 2i + 1): even lanes x c - x' s, odd lanes x c + x' s. */
static inline void wide_turn_adjacent(const float *x, float *y, const float *table,
                                      int64_t dims) {
  static const float signs[WIDE] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
  const ridge_wide sign = wide_load(signs);
  for (int64_t i = 0; i < dims; i += WIDE) {
    const ridge_wide v = wide_load_some(x + i, dims - i);
    const ridge_wide t = wide_load_some(table + i, dims - i);
    const ridge_wide cross = wide_mul(wide_swap(v), wide_odds(t));
    wide_store_some(y + i, wide_fma(v, wide_evens(t), wide_mul(cross, sign)), dims - i);
  }
}

/* Pairs (i, i + pairs). */
static inline void wide_turn_halves(const float *x, float *y, const float *table,
                                    int64_t pairs) {
  for (int64_t i = 0; i < pairs; i += WIDE) {
    const int64_t left = pairs - i;
    const ridge_wide t0 = wide_load_some(table + 2 * i, 2 * left);
    const ridge_wide t1 = 2 * left > WIDE
                              ? wide_load_some(table + 2 * i + WIDE, 2 * left - WIDE)
                              : wide_zero();
    const ridge_wide a = wide_load_some(x + i, left);
    const ridge_wide b = wide_load_some(x + pairs + i, left);
    ridge_wide c, s;
    wide_unzip(t0, t1, &c, &s);
    wide_store_some(y + i, wide_fma(a, c, wide_sub(wide_zero(), wide_mul(b, s))), left);
    wide_store_some(y + pairs + i, wide_fma(b, c, wide_mul(a, s)), left);
  }
}

static inline void wide_run_rope(const ridge_kernel_call *call, int32_t thread,
                                 int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t heads = call->in[0].cols / a->head_dim;
  const size_t rest = (size_t)(a->head_dim - a->dims) * sizeof(float);
  const struct wide_share mine = wide_share_of(call->rows * heads, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / heads, at = item % heads * a->head_dim;
    const float *x = wide_row(&call->in[0], row) + at, *table = wide_row(&call->in[1], row);
    float *y = wide_row(&call->out[0], row) + at;
    if (a->flags & RIDGE_ROPE_NEOX)
      wide_turn_halves(x, y, table, a->dims / 2);
    else
      wide_turn_adjacent(x, y, table, a->dims);
    if (rest && x != y) memmove(y + a->dims, x + a->dims, rest);
  }
}

/* ---- cache_put ---- */

WIDE_INLINE void wide_put_halves(const float *x, char *to, int64_t n) {
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) wide_to_half(to + i * 2, wide_load(x + i));
  if (i == n) return;
  char end[WIDE * 2];
  wide_to_half(end, wide_load_some(x + i, n - i));
  memcpy(to + i * 2, end, (size_t)(n - i) * 2);
}

static inline void wide_run_cache_put(const ridge_kernel_call *call, int32_t thread,
                                      int32_t threads) {
  const ridge_span *x = &call->in[0], *span = &call->in[1];
  const int64_t dim = span->cols, kv_heads = x->cols / dim;
  const uint64_t step = (uint64_t)call->batch->block_tokens * span->stride; /* to a head */
  const bool half = strcmp(span->codec->name, "f16") == 0; /* else f32: it is keyed so */
  const struct wide_share mine = wide_share_of(call->rows * kv_heads, thread, threads);
  /* A row is looked up once for all its heads: divisions take longer than storing does. */
  for (int64_t item = mine.lo, end; item < mine.hi; item = end) {
    const int64_t row = item / kv_heads;
    end = (row + 1) * kv_heads < mine.hi ? (row + 1) * kv_heads : mine.hi;
    const struct wide_cache at = {.span = span,
                                  .batch = call->batch,
                                  .kv_heads = kv_heads,
                                  .head = item % kv_heads,
                                  .sequence = call->batch->sequence[row]};
    const float *from = wide_row(x, row) + at.head * dim;
    char *to = wide_cache_row(&at, call->batch->position[row]);
    for (int64_t i = item; i < end; i++, from += dim, to += step)
      if (half)
        wide_put_halves(from, to, dim);
      else
        memcpy(to, from, (size_t)dim * sizeof *from);
  }
}

/* ---- the table of them ---- */

static inline ridge_status wide_accepts_norm(const ridge_kernel_site *site, char *why,
                                             size_t room) {
  return wide_vectors(site, 1, why, room);
}

static inline ridge_status wide_accepts_add_norm(const ridge_kernel_site *site, char *why,
                                                 size_t room) {
  return wide_vectors(site, 2, why, room);
}

/* X(name, accepts, scratch): every operator here, and when its kernel applies. */
#define WIDE_ROW_MAP(X)                                                                    \
  X(rmsnorm, wide_accepts_norm, NULL)                                                      \
  X(layernorm, wide_accepts_norm, NULL)                                                    \
  X(add_rmsnorm, wide_accepts_add_norm, NULL)                                              \
  X(add_layernorm, wide_accepts_add_norm, NULL)                                            \
  X(add, wide_accepts_norm, NULL)                                                          \
  X(mul, wide_accepts_norm, NULL)                                                          \
  X(scale, NULL, NULL)                                                                     \
  X(softcap, NULL, NULL)                                                                   \
  X(act, wide_accepts_act, NULL)                                                           \
  X(glu, wide_accepts_act, NULL)                                                           \
  X(rope, NULL, NULL)                                                                      \
  X(cache_put, NULL, NULL)

#endif
