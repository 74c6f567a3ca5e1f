/*
 * x86_experts_avx2.c - y(T,J,N) = x w[expert_j](N,K)^T by the products of x86_product.h.
 *
 * The (row, choice) pairs are sorted by expert, and the rows of x that chose one are laid
 * side by side, so that its weights are read once for all of them and no other expert is
 * read.  Threads share out panels: each element is one product, whatever the batch.
 */
#include "x86_lanes.h"
#include "x86_product.h"

enum { CHUNK = 10 * RECORD_ROWS }; /* rows of one expert that are met at once */

/* One thread's scratch. */
struct room {
  char *rows; /* CHUNK rows of x as f32, or as records (half as long)           */
  float *c[SIDE], *unpacked;
  int32_t *begin; /* (E + 1) where each expert's pairs begin                       */
  int32_t *pair;  /* (T J) row * J + j, by expert, rows ascending                  */
};

enum { SUMS = CHUNK * PANEL };

static uint64_t row_floats(int64_t k) { return ridge_row_stride(k) / sizeof(float); }

/* Floats before the numbers of pairs; then these. */
static uint64_t room_floats(const ridge_kernel_site *site) {
  return CHUNK * row_floats(site->in_dims[1][1]) + SIDE * SUMS + PRODUCT_ROOM;
}

static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  const ridge_attrs *a = &site->node->attrs;
  return room_floats(site) * sizeof(float) +
         (uint64_t)(a->experts + 1 + site->max_rows * a->used) * sizeof(int32_t);
}

static struct room room_of(const ridge_kernel_call *call) {
  struct room room = {.rows = call->scratch};
  float *at = call->scratch;
  room.begin = (int32_t *)(void *)(at + room_floats(call->site));
  room.pair = room.begin + call->site->node->attrs.experts + 1;
  at += CHUNK * row_floats(call->site->in_dims[1][1]);
  for (int i = 0; i < SIDE; i++, at += SUMS) room.c[i] = at;
  room.unpacked = at;
  return room;
}

struct work {
  const ridge_kernel_call *call;
  const struct products *by;
  struct weights w;
  struct room room;
  int64_t used;
  bool own; /* an input for each choice: x is (T,J,K) */
};

static int32_t chosen(const ridge_kernel_call *call, int64_t row, int64_t j) {
  return ((const int32_t *)(const void *)wide_row(&call->in[2], row))[j];
}

/* Counting sort: `begin` counts, then sums up, then is what was filled last. */
static void sort_pairs(const struct work *work) {
  const ridge_kernel_call *call = work->call;
  const int64_t experts = work->w.runs;
  int32_t *begin = work->room.begin;
  memset(begin, 0, (size_t)(experts + 1) * sizeof *begin);
  for (int64_t row = 0; row < call->rows; row++)
    for (int64_t j = 0; j < work->used; j++) begin[chosen(call, row, j) + 1]++;
  for (int64_t e = 0; e < experts; e++) begin[e + 1] += begin[e];
  for (int64_t row = 0; row < call->rows; row++)
    for (int64_t j = 0; j < work->used; j++)
      work->room.pair[begin[chosen(call, row, j)]++] = (int32_t)(row * work->used + j);
  memmove(begin + 1, begin, (size_t)experts * sizeof *begin);
  begin[0] = 0;
}

/* ---- rows side by side ---- */

static void gather_floats(const struct work *work, const int32_t *pair, int64_t n) {
  const int64_t k = work->w.k;
  for (int64_t i = 0; i < n; i++) {
    const float *x = wide_row(&work->call->in[0], pair[i] / work->used);
    memcpy(work->room.rows + (uint64_t)i * ridge_row_stride(k),
           x + (work->own ? pair[i] % work->used * k : 0), (size_t)k * sizeof *x);
  }
}

static void gather_records(const struct work *work, const int32_t *pair, int64_t n) {
  const struct record *all = work->call->prepared;
  struct record *to = (struct record *)(void *)work->room.rows;
  const int64_t blocks = work->w.k / BYTE_GROUP;
  const int64_t across = work->call->in[0].cols / BYTE_GROUP; /* of a row of x */
  for (int64_t i = 0; i < n; i++) {
    const int64_t row = pair[i] / work->used,
                  first = work->own ? pair[i] % work->used * blocks : 0;
    for (int64_t b = 0; b < blocks; b++)
      to[record_index(n, blocks, i, b)] =
          all[record_index(work->call->rows, across, row, first + b)];
  }
}

/* ---- products ---- */

static void scatter(const struct work *work, const int32_t *pair, int64_t n, int64_t column,
                    const float *c) {
  const int64_t left = work->w.n - column;
  for (int64_t i = 0; i < n; i++) {
    float *y = wide_row(&work->call->out[0], pair[i] / work->used) +
               pair[i] % work->used * work->w.n + column;
    wide_store_some(y, wide_load(c + i * PANEL), left);
  }
}

/* Panels [lo, hi) of one expert over n gathered rows. */
static void run_chunk(const struct work *work, int64_t expert, const int32_t *pair,
                      int64_t n, struct wide_share panels) {
  const struct room *room = &work->room;
  const struct records records = {(const struct record *)(const void *)room->rows, 0, n, n};
  const ridge_span x = {.data = room->rows,
                        .rows = n,
                        .cols = work->w.k,
                        .stride = ridge_row_stride(work->w.k)};
  const int64_t most = n <= 2 * RECORD_ROWS ? 2 : SIDE;
  for (int64_t at = panels.lo; at < panels.hi; at += most) {
    struct panels p = {.n = (int)(panels.hi - at < most ? panels.hi - at : most)};
    for (int i = 0; i < p.n; i++) p.at[i] = expert * work->w.panels + at + i;
    if (work->w.form < BYTE_FORM_COUNT)
      work->by->int8(&work->w, &p, &records, room->c, room->unpacked);
    else
      work->by->f32(&work->w, &p, &x, 0, n, room->c, NULL, room->unpacked);
    for (int i = 0; i < p.n; i++) scatter(work, pair, n, (at + i) * PANEL, room->c[i]);
  }
}

static void run_expert(const struct work *work, int64_t expert, struct wide_share panels) {
  const int32_t *pair = work->room.pair + work->room.begin[expert],
                *end = work->room.pair + work->room.begin[expert + 1];
  for (; pair < end; pair += CHUNK) {
    const int64_t n = end - pair < CHUNK ? end - pair : CHUNK;
    if (work->w.form < BYTE_FORM_COUNT)
      gather_records(work, pair, n);
    else
      gather_floats(work, pair, n);
    run_chunk(work, expert, pair, n, panels);
  }
}

static void run_form(const ridge_kernel_call *call, enum form form,
                     const struct products *by, int32_t thread, int32_t threads) {
  struct work work = {.call = call,
                      .by = by,
                      .w = panel_weights(call->site, form),
                      .room = room_of(call),
                      .used = call->site->node->attrs.used};
  const struct wide_share panels = wide_share_of(work.w.panels, thread, threads);
  if (panels.lo == panels.hi) return;
  work.w.span = &call->in[1];
  work.w.data = form == FORM_ROWS ? call->in[1].data : call->in[1].packed;
  work.own = call->in[0].cols != work.w.k;
  sort_pairs(&work);
  for (int64_t e = 0; e < work.w.runs; e++) run_expert(&work, e, panels);
}

/* ---- the kernels ---- */

#define KERNEL(name, by, ...)                                                              \
  static void run_##name##_##by(const ridge_kernel_call *call, int32_t thread,             \
                                int32_t threads) {                                         \
    run_form(call, FORM_##name, &products_##by, thread, threads);                          \
  }                                                                                        \
  const ridge_kernel x86_expert_##name##_##by = {.struct_size = sizeof(ridge_kernel),      \
                                                 .scratch_bytes = scratch_bytes,           \
                                                 .run = run_##name##_##by,                 \
                                                 __VA_ARGS__};
#define BYTES(name, codes, scales, offset)                                                 \
  PANEL_PACK(name)                                                                         \
  KERNEL(name, avx2, PANEL_PACKED(name), RECORDS_PREPARED)                                 \
  KERNEL(name, avx512, PANEL_PACKED(name), RECORDS_PREPARED)
#define FLOATS(name)                                                                       \
  PANEL_PACK(name)                                                                         \
  KERNEL(name, avx2, PANEL_PACKED(name))                                                   \
  KERNEL(name, avx512, PANEL_PACKED(name))
BYTE_FORMS(BYTES)
FLOAT_FORMS(FLOATS)
KERNEL(ROWS, avx2, .accepts = NULL)
KERNEL(ROWS, avx512, .accepts = NULL)
