/*
 * x86_matmul_avx2.c - y(T,N) = x(T,K) w(N,K)^T with bias, activation, gate and residual,
 * for packed weights of each form.
 *
 * Rows meet floats, and weights that are not packed, by the f32 product; packed integers
 * by the int8 product, from rows prepared once for all nodes that read x.  Threads share
 * out lots of panels, cut by rows where that makes too few parts to end together.
 */
#include "x86_product.h"

enum { BLOCK_ROWS = 264 }; /* rows whose sums wait in scratch: 16 KiB a panel */
enum { PARTS = 32 };       /* of a thread's work                              */

/* ---- the end of a row: bias, activation, gate, residual ---- */

struct finish {
  const ridge_kernel_call *call;
  const float *bias, *up_bias; /* of these sixteen columns; NULL               */
  int64_t column, count;       /* first column, how many are real              */
  uint32_t act;
  bool paired, residual;
};

WIDE_INLINE ridge_wide finish_lanes(const struct finish *f, const float *c, const float *up,
                                    int64_t row) {
  ridge_wide v = wide_load(c);
  if (f->bias) v = wide_add(v, wide_load_some(f->bias, f->count));
  v = wide_act(f->act, v);
  if (f->paired) {
    ridge_wide u = wide_load(up);
    if (f->up_bias) u = wide_add(u, wide_load_some(f->up_bias, f->count));
    v = wide_mul(v, u);
  }
  if (f->residual) {
    const float *r = wide_row(&f->call->in[3], row) + f->column;
    v = wide_add(v, wide_load_some(r, f->count));
  }
  return v;
}

/* Rows first .. first + rows of y, sixteen columns. */
static void finish_rows(const struct finish *f, const float *c, const float *up,
                        int64_t first, int64_t rows) {
  for (int64_t r = 0; r < rows; r++)
    wide_store_some(wide_row(&f->call->out[0], first + r) + f->column,
                    finish_lanes(f, c + r * PANEL, up + r * PANEL, first + r), f->count);
}

/* ---- sites ---- */

static ridge_status accepts(const ridge_kernel_site *site, char *why, size_t room) {
  const ridge_status status = wide_accepts_act(site, why, room);
  return status == RIDGE_OK ? wide_vectors(site, 2, why, room) : status;
}

static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  (void)site;
  return (SIDE * BLOCK_ROWS * PANEL + PRODUCT_ROOM) * sizeof(float);
}

_Static_assert(BLOCK_ROWS % RECORD_ROWS == 0, "blocks of rows begin with a group");

/* ---- running ---- */

struct work {
  const ridge_kernel_call *call;
  const struct products *by;
  struct weights w;
  float *c[SIDE], *room;
};

static struct finish finish_of(const struct work *work, int64_t panel) {
  const ridge_node *node = work->call->site->node;
  struct finish f = {.call = work->call,
                     .column = panel * PANEL,
                     .act = node->attrs.act,
                     .paired = work->w.paired,
                     .residual = wide_has(work->call, 3)};
  f.count = work->w.n - f.column < PANEL ? work->w.n - f.column : PANEL;
  if (wide_has(work->call, 2)) {
    f.bias = (const float *)work->call->in[2].data + f.column;
    f.up_bias = f.bias + work->w.n;
  }
  return f;
}

/* Are panels done when a bias, at most, is added to their sums? */
static bool goes_straight(const struct work *work, const struct panels *p) {
  return work->w.form >= BYTE_FORM_COUNT && !work->w.paired && !wide_has(work->call, 3) &&
         work->call->site->node->attrs.act == RIDGE_ACT_NONE &&
         (p->at[p->n - 1] + 1) * PANEL <= work->w.n;
}

static struct straight straight_to(const struct work *work, const struct panels *p,
                                   int64_t row) {
  const ridge_span *y = &work->call->out[0];
  struct straight to = {.stride = y->stride};
  for (int i = 0; i < p->n; i++) {
    to.y[i] = wide_row(y, row) + p->at[i] * PANEL;
    if (wide_has(work->call, 2))
      to.bias[i] = (const float *)work->call->in[2].data + p->at[i] * PANEL;
  }
  return to;
}

/* Some panels (of a pair: gates, then their ups) over rows [lo, hi). */
static void run_panels(const struct work *work, const struct panels *p,
                       struct wide_share rows) {
  const ridge_kernel_call *call = work->call;
  const int outputs = work->w.paired ? p->n / 2 : p->n;
  const bool straight = goes_straight(work, p);
  for (int64_t row = rows.lo; row < rows.hi; row += BLOCK_ROWS) {
    const int64_t n = rows.hi - row < BLOCK_ROWS ? rows.hi - row : BLOCK_ROWS;
    const struct records x = {call->prepared, row, n, call->rows};
    if (work->w.form < BYTE_FORM_COUNT)
      work->by->int8(&work->w, p, &x, work->c, work->room);
    else {
      struct straight to;
      if (straight) to = straight_to(work, p, row);
      work->by->f32(&work->w, p, &call->in[0], row, n, work->c, straight ? &to : NULL,
                    work->room);
    }
    if (straight) continue;
    for (int i = 0; i < outputs; i++) {
      const struct finish f = finish_of(work, p->at[i]);
      finish_rows(&f, work->c[i], work->c[p->n - outputs + i], row, n);
    }
  }
}

/* So few that reading the weights takes longer than what is done with them. */
static bool rows_are_few(const struct work *work) {
  return work->call->rows < 3 * RECORD_ROWS;
}

/* Panels that are met together: more where rows are many, as long as every thread gets a
 * lot. */
static int64_t lot_size(const struct work *work, int32_t threads) {
  int64_t size = rows_are_few(work) ? 2 : SIDE;
  if (work->w.paired) size /= 2;
  while (size > 1 && work->w.panels < size * threads) size /= 2;
  return size;
}

static struct panels lot_of(const struct weights *w, int64_t size, int64_t lot) {
  const int64_t first = lot * size, n = w->panels - first < size ? w->panels - first : size;
  struct panels p = {.n = (int)(w->paired ? 2 * n : n)};
  for (int64_t i = 0; i < n; i++) p.at[i] = first + i;
  for (int64_t i = n; i < p.n; i++) p.at[i] = w->panels + first + i - n;
  return p;
}

/* A part of the work is a lot over some of the rows: few enough parts that panels are not
 * read too often, enough of them that threads end together.  Where rows are few, parts are
 * dealt: a thread that reads one stream from end to end has it fetched ahead for it. */
static void run_lots(const struct work *work, int32_t thread, int32_t threads) {
  const int64_t rows = work->call->rows, size = lot_size(work, threads);
  const int64_t lots = (work->w.panels + size - 1) / size;
  const int64_t groups = (rows + RECORD_ROWS - 1) / RECORD_ROWS;
  int64_t parts = (PARTS * threads + lots - 1) / lots;
  if (parts > groups / 4) parts = groups / 4 > 0 ? groups / 4 : 1;
  uint64_t *taken = rows_are_few(work) ? NULL : work->call->taken;
  struct wide_turns turns = {taken, lots * parts, thread, threads, false};
  struct wide_share mine;
  while (wide_next(&turns, &mine))
    for (int64_t at = mine.lo, end; at < mine.hi; at = end) {
      const int64_t lot = at / parts, first = at % parts;
      end = (lot + 1) * parts < mine.hi ? (lot + 1) * parts : mine.hi;
      const struct panels p = lot_of(&work->w, size, lot);
      struct wide_share r = {groups * first / parts * RECORD_ROWS,
                             groups * (first + end - at) / parts * RECORD_ROWS};
      if (r.hi > rows) r.hi = rows;
      run_panels(work, &p, r);
    }
}

static void run_form(const ridge_kernel_call *call, enum form form,
                     const struct products *by, int32_t thread, int32_t threads) {
  struct work work = {.call = call, .by = by, .w = panel_weights(call->site, form)};
  float *scratch = call->scratch;
  work.w.span = &call->in[1];
  work.w.mapped = form != FORM_ROWS && call->in[1].packed == NULL;
  work.w.data = panel_is_there(&work.w) ? call->in[1].packed : call->in[1].data;
  for (int i = 0; i < SIDE; i++) work.c[i] = scratch + i * BLOCK_ROWS * PANEL;
  work.room = scratch + SIDE * BLOCK_ROWS * PANEL;

  run_lots(&work, thread, threads);
}

/* ---- the kernels: one for each form and instruction set ---- */

#define KERNEL(name, by, ...)                                                              \
  static void run_##name##_##by(const ridge_kernel_call *call, int32_t thread,             \
                                int32_t threads) {                                         \
    run_form(call, FORM_##name, &products_##by, thread, threads);                          \
  }                                                                                        \
  const ridge_kernel x86_matmul_##name##_##by = {.struct_size = sizeof(ridge_kernel),      \
                                                 .accepts = accepts,                       \
                                                 .scratch_bytes = scratch_bytes,           \
                                                 .run = run_##name##_##by,                 \
                                                 __VA_ARGS__};
#define PACKED(name) PANEL_PACKED(name), .flags = RIDGE_KERNEL_READS_ROWS
#define BYTES(name, codes, scales, offset)                                                 \
  PANEL_PACK(name)                                                                         \
  KERNEL(name, avx2, PACKED(name), RECORDS_PREPARED)                                       \
  KERNEL(name, avx512, PACKED(name), RECORDS_PREPARED)
#define FLOATS(name)                                                                       \
  PANEL_PACK(name)                                                                         \
  KERNEL(name, avx2, PACKED(name))                                                         \
  KERNEL(name, avx512, PACKED(name))
BYTE_FORMS(BYTES)
FLOAT_FORMS(FLOATS)
KERNEL(ROWS, avx2, .pack = NULL)
KERNEL(ROWS, avx512, .pack = NULL)
