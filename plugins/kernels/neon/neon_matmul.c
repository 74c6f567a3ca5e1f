/*
 * neon_matmul.c - y(T,N) = x(T,K) w(N,K)^T with bias, activation, gate and residual, for
 * weights packed sixteen outputs side by side.
 *
 * A panel is sixteen outputs; element (k, lane) of it is weight k of that output.  Blocks
 * of DEPTH weights are decoded to f32 and multiplied with all rows there are before the
 * next, up to FEW rows by sixteen outputs in registers.  An element is one chain of
 * multiply-adds through k, whatever the rows beside it.  Threads share out panels.
 */
#include "neon.h"

#include <ridge/wide_kernel.h>

enum {
  DEPTH = 256, /* weights of an output that are decoded at a time: 16 KiB a panel */
  BLOCK = 32,  /* weights that share a scale                                      */
  FEW = 4,     /* rows of a product                                               */
  ROWS = 128,  /* rows whose sums wait in scratch                                 */
};

/* ---- forms ---- */

struct form {
  /* Bytes of one output's row, and of a panel. */
  uint64_t (*panel_bytes)(int64_t k);
  /* One output's row into lane `lane` of its panel. */
  void (*pack)(const char *row, int64_t k, int lane, char *panel);
  /* Weights [from, from + n) of a panel to (n, 16) f32. */
  void (*decode)(const char *panel, int64_t from, int64_t n, float *to);
};

#define FLOAT_FORM(name, size, load)                                                       \
  static uint64_t bytes_##name(int64_t k) { return (uint64_t)k * WIDE * (size); }          \
  static void pack_##name(const char *row, int64_t k, int lane, char *panel) {             \
    for (int64_t i = 0; i < k; i++)                                                        \
      memcpy(panel + (i * WIDE + lane) * (size), row + i * (size), (size));                \
  }                                                                                        \
  static void decode_##name(const char *panel, int64_t from, int64_t n, float *to) {       \
    for (int64_t i = 0; i < n; i++)                                                        \
      wide_store(to + i * WIDE, load(panel + (from + i) * WIDE * (size)));                 \
  }                                                                                        \
  static const struct form form_##name = {bytes_##name, pack_##name, decode_##name};

static inline ridge_wide load_single(const char *p) {
  return wide_load((const float *)(const void *)p);
}
FLOAT_FORM(f32, 4, load_single)
FLOAT_FORM(f16, 2, wide_half)
FLOAT_FORM(bf16, 2, wide_bfloat)

/* A block of a panel: sixteen scales, then codes: (32, 16) signed bytes for q8_0; for q4_0
 * (16, 16) bytes that hold weight i and, in their high halves, weight i + 16. */
enum { SCALES = WIDE * 2, Q8_BYTES = SCALES + BLOCK * WIDE, Q4_BYTES = SCALES + 16 * WIDE };

#define BLOCK_FORM(name, codes, size)                                                      \
  static uint64_t bytes_##name(int64_t k) { return (uint64_t)(k / BLOCK) * (size); }       \
  static void pack_##name(const char *row, int64_t k, int lane, char *panel) {             \
    for (int64_t b = 0; b < k / BLOCK; b++, row += 2 + (codes), panel += (size)) {         \
      memcpy(panel + lane * 2, row, 2);                                                    \
      for (int i = 0; i < (codes); i++) panel[SCALES + i * WIDE + lane] = row[2 + i];      \
    }                                                                                      \
  }
BLOCK_FORM(q8_0, 32, Q8_BYTES)
BLOCK_FORM(q4_0, 16, Q4_BYTES)

static void decode_q8_0(const char *panel, int64_t from, int64_t n, float *to) {
  panel += from / BLOCK * Q8_BYTES;
  for (int64_t b = 0; b < n / BLOCK; b++, panel += Q8_BYTES) {
    const ridge_wide d = wide_half(panel);
    for (int i = 0; i < BLOCK; i++, to += WIDE)
      wide_store(to, wide_mul(d, wide_bytes(panel + SCALES + i * WIDE)));
  }
}

static void decode_q4_0(const char *panel, int64_t from, int64_t n, float *to) {
  panel += from / BLOCK * Q4_BYTES;
  for (int64_t b = 0; b < n / BLOCK; b++, panel += Q4_BYTES, to += BLOCK * WIDE) {
    const ridge_wide d = wide_half(panel);
    for (int i = 0; i < 16; i++) {
      const uint8x16_t both = vld1q_u8((const uint8_t *)panel + SCALES + i * WIDE);
      const uint8x16_t eight = vdupq_n_u8(8);
      const uint8x16_t low = vsubq_u8(vandq_u8(both, vdupq_n_u8(15)), eight);
      const uint8x16_t high = vsubq_u8(vshrq_n_u8(both, 4), eight);
      wide_store(to + i * WIDE, wide_mul(d, wide_bytes(&low)));
      wide_store(to + (i + 16) * WIDE, wide_mul(d, wide_bytes(&high)));
    }
  }
}
static const struct form form_q8_0 = {bytes_q8_0, pack_q8_0, decode_q8_0};
static const struct form form_q4_0 = {bytes_q4_0, pack_q4_0, decode_q4_0};

/* ---- packing: with a gate, the panel of sixteen gates, then that of their ups ---- */

struct sides {
  int64_t n, k; /* outputs of y, and the inner width */
  int count;    /* 2: gate and up                    */
};

static struct sides sides_of(const ridge_kernel_site *site) {
  const int count = site->node->attrs.flags & RIDGE_GLU_PAIRED ? 2 : 1;
  return (struct sides){site->in_dims[1][0] / count, site->in_dims[1][1], count};
}

static uint64_t packed_size(const ridge_kernel_site *site, const struct form *form) {
  const struct sides s = sides_of(site);
  return (uint64_t)((s.n + WIDE - 1) / WIDE * s.count) * form->panel_bytes(s.k);
}

static void pack_rows(const ridge_kernel_site *site, const struct form *form,
                      const char *rows, uint64_t stride, int64_t lo, int64_t hi,
                      char *packed) {
  const struct sides s = sides_of(site);
  for (int64_t i = lo; i < hi; i++, rows += stride) {
    const int64_t column = i % s.n, panel = column / WIDE * s.count + i / s.n;
    form->pack(rows, s.k, (int)(column % WIDE),
               packed + (uint64_t)panel * form->panel_bytes(s.k));
  }
}

/* ---- products ---- */

static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  (void)site;
  return (DEPTH + 2 * ROWS) * WIDE * sizeof(float) + 64;
}

/* c(m, 16) += x(m, depth) w(depth, 16); m is a constant where this is expanded. */
WIDE_INLINE void product(int m, const float *x, int64_t stride, int64_t depth,
                         const float *w, float *c, bool more) {
  wide_part sum[FEW * WIDE_PARTS];
  WIDE_UNROLL
  for (int i = 0; i < m * WIDE_PARTS; i++)
    sum[i] = more ? wide_part_load(c + i * WIDE_PART) : wide_part_set(0);
  for (int64_t k = 0; k < depth; k++) {
    WIDE_UNROLL
    for (int r = 0; r < m; r++) {
      const wide_part xk = wide_part_set(x[r * stride + k]);
      WIDE_UNROLL
      for (int p = 0; p < WIDE_PARTS; p++) {
        const wide_part v = wide_part_load(w + k * WIDE + p * WIDE_PART);
        sum[r * WIDE_PARTS + p] = wide_part_fma(xk, v, sum[r * WIDE_PARTS + p]);
      }
    }
  }
  WIDE_UNROLL
  for (int i = 0; i < m * WIDE_PARTS; i++) wide_part_store(c + i * WIDE_PART, sum[i]);
}

static void product_rows(const ridge_kernel_call *call, int64_t first, int64_t rows,
                         int64_t k, int64_t depth, const float *w, float *c) {
  const int64_t stride = (int64_t)(call->in[0].stride / sizeof(float));
  for (int64_t r = 0, m; r < rows; r += m, c += m * WIDE) {
    const float *x = wide_row(&call->in[0], first + r) + k;
    m = rows - r < FEW ? rows - r : FEW;
    switch (m) {
    case 1: product(1, x, stride, depth, w, c, k > 0); break;
    case 2: product(2, x, stride, depth, w, c, k > 0); break;
    case 3: product(3, x, stride, depth, w, c, k > 0); break;
    default: product(4, x, stride, depth, w, c, k > 0); break;
    }
  }
}

/* Bias, activation, gate and residual; columns [column, column + n) of one row. */
static void finish(const ridge_kernel_call *call, int64_t row, int64_t column, int64_t n,
                   const float *c, const float *up, int64_t up_column) {
  const ridge_attrs *a = &call->site->node->attrs;
  const float *bias = wide_has(call, 2) ? call->in[2].data : NULL;
  ridge_wide v = wide_load(c);
  if (bias) v = wide_add(v, wide_load_some(bias + column, n));
  v = wide_act(a->act, v);
  if (up) {
    ridge_wide u = wide_load(up);
    if (bias) u = wide_add(u, wide_load_some(bias + up_column, n));
    v = wide_mul(v, u);
  }
  if (wide_has(call, 3))
    v = wide_add(v, wide_load_some(wide_row(&call->in[3], row) + column, n));
  wide_store_some(wide_row(&call->out[0], row) + column, v, n);
}

static void run_panel(const ridge_kernel_call *call, const struct form *form,
                      int64_t panel) {
  const struct sides s = sides_of(call->site);
  const int64_t column = panel * WIDE, n = s.n - column < WIDE ? s.n - column : WIDE;
  float *w = (float *)(void *)(((uintptr_t)call->scratch + 63) & ~(uintptr_t)63);
  float *c = w + DEPTH * WIDE; /* (sides, ROWS, 16) */
  for (int64_t first = 0; first < call->rows; first += ROWS) {
    const int64_t rows = call->rows - first < ROWS ? call->rows - first : ROWS;
    for (int side = 0; side < s.count; side++) {
      const char *at = (const char *)call->in[1].packed +
                       (uint64_t)(panel * s.count + side) * form->panel_bytes(s.k);
      for (int64_t k = 0; k < s.k; k += DEPTH) {
        const int64_t depth = s.k - k < DEPTH ? s.k - k : DEPTH;
        form->decode(at, k, depth, w);
        product_rows(call, first, rows, k, depth, w, c + side * ROWS * WIDE);
      }
    }
    for (int64_t r = 0; r < rows; r++)
      finish(call, first + r, column, n, c + r * WIDE,
             s.count == 2 ? c + (ROWS + r) * WIDE : NULL, s.n + column);
  }
}

static void run_panels(const ridge_kernel_call *call, const struct form *form,
                       int32_t thread, int32_t threads) {
  const int64_t panels = (sides_of(call->site).n + WIDE - 1) / WIDE;
  struct wide_turns turns = {call->taken, panels, thread, threads, false};
  struct wide_share mine;
  while (wide_next(&turns, &mine))
    for (int64_t panel = mine.lo; panel < mine.hi; panel++) run_panel(call, form, panel);
}

/* ---- kernels ---- */

static ridge_status accepts(const ridge_kernel_site *site, char *why, size_t room) {
  const ridge_status status = wide_accepts_act(site, why, room);
  return status == RIDGE_OK ? wide_vectors(site, 2, why, room) : status;
}

#define MATMUL(codec)                                                                      \
  static uint64_t packed_##codec(const ridge_kernel_site *site) {                          \
    return packed_size(site, &form_##codec);                                               \
  }                                                                                        \
  static void pack_all_##codec(const ridge_kernel_site *site, const void *rows,            \
                               uint64_t stride, int64_t lo, int64_t hi, void *packed) {    \
    pack_rows(site, &form_##codec, rows, stride, lo, hi, packed);                          \
  }                                                                                        \
  static void run_##codec(const ridge_kernel_call *call, int32_t thread,                   \
                          int32_t threads) {                                               \
    run_panels(call, &form_##codec, thread, threads);                                      \
  }                                                                                        \
  const ridge_kernel neon_matmul_##codec = {                                               \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = accepts,                                                                  \
      .scratch_bytes = scratch_bytes,                                                      \
      .pack_bytes = packed_##codec,                                                        \
      .pack = pack_all_##codec,                                                            \
      .pack_grain = WIDE,                                                                  \
      .run = run_##codec,                                                                  \
  };
MATMUL(f32)
MATMUL(f16)
MATMUL(bf16)
MATMUL(q8_0)
MATMUL(q4_0)
