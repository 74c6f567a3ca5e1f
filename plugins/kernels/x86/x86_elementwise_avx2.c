/*
 * x86_elementwise_avx2.c - add, mul, scale, act, glu, softcap: each element from the
 * elements at its own place, in place if need be; and rope, pair by pair.
 *
 * Threads share out stretches of STRETCH columns, so that one long row is work for all.
 */
#include "x86.h"
#include "x86_act.h"

enum { STRETCH = 512 };

struct operands {
  const float *a, *b;
  float *y;
  int64_t n;
  const ridge_attrs *attrs;
};

typedef void stretch_function(const struct operands *);

/* Row `row` of input 1, which may be one row for all; NULL: there is none. */
static const float *second(const ridge_kernel_call *call, int64_t row) {
  const ridge_span *b = &call->in[1];
  if (!has_input(call->site->node, 1)) return NULL;
  return span_row(b, b->rows == 1 ? 0 : row);
}

static void run_stretches(const ridge_kernel_call *call, stretch_function *f,
                          int32_t thread, int32_t threads) {
  const int64_t cols = call->out[0].cols, each = (cols + STRETCH - 1) / STRETCH;
  const struct share mine = share_of(call->rows * each, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / each, at = item % each * STRETCH;
    const float *b = second(call, row);
    const struct operands o = {.a = span_row(&call->in[0], row) + at,
                               .b = b ? b + at : NULL,
                               .y = span_row(&call->out[0], row) + at,
                               .n = cols - at < STRETCH ? cols - at : STRETCH,
                               .attrs = &call->site->node->attrs};
    f(&o);
  }
}

#define EACH(o, i)     for (int64_t i = 0; i < (o)->n; i += 8)
#define LOAD(o, p, i)  lanes_load((o)->p + (i), (o)->n - (i))
#define STORE(o, i, v) lanes_store((o)->y + (i), v, (o)->n - (i))

static void add_stretch(const struct operands *o) {
  EACH(o, i) STORE(o, i, _mm256_add_ps(LOAD(o, a, i), LOAD(o, b, i)));
}

static void mul_stretch(const struct operands *o) {
  EACH(o, i) STORE(o, i, _mm256_mul_ps(LOAD(o, a, i), LOAD(o, b, i)));
}

static void scale_stretch(const struct operands *o) {
  const __m256 by = _mm256_set1_ps((float)o->attrs->scale);
  EACH(o, i) STORE(o, i, _mm256_mul_ps(LOAD(o, a, i), by));
}

static void softcap_stretch(const struct operands *o) {
  const __m256 cap = _mm256_set1_ps((float)o->attrs->scale);
  EACH(o, i) STORE(o, i, _mm256_mul_ps(cap, lanes_tanh(_mm256_div_ps(LOAD(o, a, i), cap))));
}

static void act_stretch(const struct operands *o) {
  EACH(o, i) STORE(o, i, act_of(o->attrs->act, LOAD(o, a, i)));
}

static void glu_stretch(const struct operands *o) {
  EACH(o, i)
  STORE(o, i, _mm256_mul_ps(act_of(o->attrs->act, LOAD(o, a, i)), LOAD(o, b, i)));
}

static ridge_status accepts_binary(const ridge_kernel_site *site, char *why, size_t room) {
  return vector_is_f32(site, 1, why, room);
}

#define STRETCH_KERNEL(name, accepts_)                                                     \
  static void run_##name(const ridge_kernel_call *call, int32_t thread, int32_t threads) { \
    run_stretches(call, name##_stretch, thread, threads);                                  \
  }                                                                                        \
  const ridge_kernel x86_##name = {                                                        \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = accepts_,                                                                 \
      .run = run_##name,                                                                   \
  };
STRETCH_KERNEL(add, accepts_binary)
STRETCH_KERNEL(mul, accepts_binary)
STRETCH_KERNEL(scale, NULL)
STRETCH_KERNEL(act, act_is_known)
STRETCH_KERNEL(glu, act_is_known)
STRETCH_KERNEL(softcap, NULL)

/* ---- rope: table (pairs, 2) of cos, sin ---- */

/* Pairs (2i, 2i + 1): even lanes x c - x' s, odd lanes x c + x' s. */
static void turn_adjacent(const float *x, float *y, const float *table, int64_t dims) {
  for (int64_t i = 0; i < dims; i += 8) {
    const __m256 v = lanes_load(x + i, dims - i), t = lanes_load(table + i, dims - i);
    const __m256 swapped = _mm256_permute_ps(v, 0xb1);
    const __m256 cross = _mm256_mul_ps(swapped, _mm256_movehdup_ps(t));
    lanes_store(y + i, _mm256_fmaddsub_ps(v, _mm256_moveldup_ps(t), cross), dims - i);
  }
}

/* Pairs (i, i + pairs). */
static void turn_halves(const float *x, float *y, const float *table, int64_t pairs) {
  for (int64_t i = 0; i < pairs; i += 8) {
    const int64_t left = pairs - i;
    const __m256 t0 = lanes_load(table + 2 * i, 2 * left);
    const __m256 t1 = lanes_load(table + 2 * i + 8, 2 * left > 8 ? 2 * left - 8 : 0);
    const __m256d cs = _mm256_castps_pd(_mm256_shuffle_ps(t0, t1, 0x88));
    const __m256d ss = _mm256_castps_pd(_mm256_shuffle_ps(t0, t1, 0xdd));
    const __m256 c = _mm256_castpd_ps(_mm256_permute4x64_pd(cs, 0xd8));
    const __m256 s = _mm256_castpd_ps(_mm256_permute4x64_pd(ss, 0xd8));
    const __m256 a = lanes_load(x + i, left), b = lanes_load(x + pairs + i, left);
    lanes_store(y + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)), left);
    lanes_store(y + pairs + i, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)), left);
  }
}

static void run_rope(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t heads = call->in[0].cols / a->head_dim;
  const size_t rest = (size_t)(a->head_dim - a->dims) * sizeof(float);
  const struct share mine = share_of(call->rows * heads, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / heads, at = item % heads * a->head_dim;
    const float *x = span_row(&call->in[0], row) + at, *table = span_row(&call->in[1], row);
    float *y = span_row(&call->out[0], row) + at;
    if (a->flags & RIDGE_ROPE_NEOX)
      turn_halves(x, y, table, a->dims / 2);
    else
      turn_adjacent(x, y, table, a->dims);
    if (rest && x != y) memmove(y + a->dims, x + a->dims, rest);
  }
}

const ridge_kernel x86_rope = {
    .struct_size = sizeof(ridge_kernel),
    .run = run_rope,
};
