/*
 * attention_flash.h - what the files of attention.flash share.
 *
 * Letters of arXiv 2205.14135: a tile of keys K_j and values V_j (B_c positions), a row
 * of queries q, its scores s = q K_j^T, running maximum m, running sum l, output O.
 * Rows of K_j, V_j, q and O are `width` floats: the head's dimensions, filled up with
 * zeros to whole vectors of LANES.
 */
#ifndef ATTENTION_FLASH_H
#define ATTENTION_FLASH_H

#include <ridge/kernel.h>

enum {
  LANES = 8,       /* sums run in so many lanes, folded in one fixed order */
  MOST_TILE = 128, /* the largest B_c; scratch is made for it              */
};

/* The arithmetic, once for each machine.  Ranges [lo, hi) are places in a tile. */
struct flash_ops {
  /* to[i] = from[i], IEEE half to single. */
  void (*widen)(const void *from, float *to, int64_t n);
  /* s[j] = sum of q[d] k[j][d]; whole groups of LANES around [lo, hi) are written. */
  void (*scores)(const float *q, const float *k, int64_t width, int64_t lo, int64_t hi,
                 float *s);
  /* With m' = max(m, s): s[j] = exp(s[j] - m') inside [lo, hi), else 0; l = l c + sum s;
   * m = m'.  Returns c = exp(m - m'), by which O is to be scaled. */
  float (*weigh)(float *s, int64_t lo, int64_t hi, float *m, float *l);
  /* o[d] = o[d] c + sum over j of s[j] v[j][d], j ascending. */
  void (*add)(const float *s, const float *v, int64_t width, int64_t lo, int64_t hi,
              float c, float *o);
};

extern const struct flash_ops flash_plain, flash_avx2;

/* The tiled loop with one machine's arithmetic; `tile` is B_c. */
struct flash_work {
  uint64_t tiles, score_bytes;
};
struct flash_work flash_attend(const ridge_kernel_call *, const struct flash_ops *,
                               int64_t tile, int32_t thread, int32_t threads);
uint64_t flash_scratch(const ridge_kernel_site *);

#endif
