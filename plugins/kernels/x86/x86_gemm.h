/*
 * x86_gemm.h - what both matrix kernels of f32 rows share: how a product is cut into
 * blocks of k by pairs of panels, what is fetched ahead, and where a tile's sums go.
 */
#ifndef X86_GEMM_H
#define X86_GEMM_H

#include "x86_product.h"

/* Where to fetch ahead while a block of k is read: from k = cut on, what follows is not
 * the rest of this panel but the one that is read next, `jump` bytes after this one. */
struct ahead {
  int64_t cut;
  uint64_t jump;
};

static inline struct ahead ahead_of(const struct weights *w, const struct panels *p,
                                    int64_t k0, int64_t depth) {
  if (!panel_is_there(w)) return (struct ahead){.cut = depth};
  const int64_t bytes = (int64_t)w->panel_bytes / w->k, left = w->k - AHEAD / bytes - k0;
  const bool beside = p->n == 2 && p->at[1] == p->at[0] + 1;
  return (struct ahead){.cut = left < 0       ? 0
                               : left < depth ? left
                                              : depth,
                        .jump = beside ? w->panel_bytes : 0};
}

/* What a tile of m rows by one or two panels does with its sums of a block of k. */
struct tile_sums {
  float *c[2];          /* (m, 16) of each side                              */
  float *y[2];          /* where the last block puts them; NULL: in c        */
  const float *bias[2]; /* of y; NULL: none                                  */
  uint64_t stride;      /* bytes between rows of y                           */
  bool first;           /* nothing is in c yet                               */
};

static inline struct tile_sums sums_from(const struct tile_sums *first, int64_t row) {
  struct tile_sums to = *first;
  for (int side = 0; side < 2; side++) {
    to.c[side] += row * PANEL;
    if (to.y[side]) to.y[side] = (void *)((char *)to.y[side] + (uint64_t)row * to.stride);
  }
  return to;
}

/* Panels i and, where there is one, i + 1; y is for the last block of k alone. */
static inline struct tile_sums sums_of(float *const c[SIDE], const struct straight *to,
                                       int i, int n, bool first, bool last) {
  const int side[2] = {i, i + n - 1};
  struct tile_sums sums = {.c = {c[side[0]], c[side[1]]}, .first = first};
  if (!to || !last) return sums;
  sums.stride = to->stride;
  for (int k = 0; k < 2; k++) sums.y[k] = to->y[side[k]], sums.bias[k] = to->bias[side[k]];
  return sums;
}

/* One block of k over all rows and one or two panels. */
struct block {
  const struct weights *w;
  const struct panels *p;
  const ridge_span *x;
  struct tile_sums to; /* of the first rows */
  int64_t first, rows, k0, depth;
};

static inline const char *block_data(const struct block *s, int side) {
  const int64_t width = s->w->form == FORM_F32 ? 4 : 2;
  return s->w->data + (uint64_t)s->p->at[side] * s->w->panel_bytes + s->k0 * PANEL * width;
}

/* All blocks of `all`, which names every panel; what hangs on the block is filled in. */
static inline void blocks_run(const struct block *all, float *const c[SIDE],
                              const struct straight *to, float *room,
                              void (*run)(const struct block *, float *room)) {
  const struct panels *p = all->p;
  const int64_t k = all->w->k;
  struct block s = *all;
  for (s.k0 = 0; s.k0 < k; s.k0 += DEPTH)
    for (int i = 0; i < p->n; i += 2) {
      const struct panels two = {.at = {p->at[i], p->at[i + (i + 1 < p->n)]},
                                 .n = i + 1 < p->n ? 2 : 1};
      s.p = &two;
      s.depth = k - s.k0 < DEPTH ? k - s.k0 : DEPTH;
      s.to = sums_of(c, to, i, two.n, s.k0 == 0, s.k0 + s.depth == k);
      run(&s, room);
    }
}

#endif
