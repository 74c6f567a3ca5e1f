/*
 * x86_panel.h - weights packed by output: a panel is sixteen rows of w side by side.
 *
 * Sixteen outputs advance together through k, so that one row of x and many add each
 * element in the same order.  The forms, with the bytes of one panel in order:
 *
 *   F32, F16, BF16   (K, 16)
 *   I8    per group of g: 16 f16 scales, then (g/4, 16, 4) int8: four k of one output
 *         are adjacent, as the byte dot products want them
 *   I4    per group of g: 16 f16 scales, then (g/8, 16, 4) bytes: k and k + 4 in the
 *         low and high half; codes 0..15 stand for -8..7
 *   I4M   per group of 32: 16 f16 scales, 16 f16 minima, then as I4; x = d q + m
 *   ROWS  not packed: rows in a codec, decoded block by block
 *
 * A pair (gate on up) is two runs of panels, so that gate and up of one output sit in
 * the same lane.  Lanes past the last output hold zeros.
 */
#ifndef X86_PANEL_H
#define X86_PANEL_H

#include "x86.h"

enum { PANEL = 16, DEPTH = 256 }; /* DEPTH: k that one f32 block of a panel holds  */

enum form { FORM_F32, FORM_F16, FORM_BF16, FORM_I8, FORM_I4, FORM_I4M, FORM_ROWS };

struct weights {
  const char *data; /* packed panels, or rows                              */
  const ridge_span *span;
  int64_t k, n;   /* n: outputs of y; a pair has 2n rows                 */
  int64_t panels; /* that cover n; a pair has twice as many              */
  int64_t group;  /* k that share a scale                                */
  uint64_t panel_bytes;
  enum form form;
  bool paired;
};

/* Geometry for a site; `data` and `span` are left to the call. */
struct weights panel_weights(const ridge_kernel_site *site, enum form form);
uint64_t panel_bytes_all(const ridge_kernel_site *site, enum form form);
void panel_pack(const ridge_kernel_site *site, enum form form, const void *rows,
                uint64_t stride, int64_t lo, int64_t hi, void *packed);

/* k0 .. k0 + depth of panel p as f32 (depth, 16): the packed memory itself where that is
 * f32, else unpacked into `room` (DEPTH * 16 floats).  For FORM_ROWS, `room` holds
 * DEPTH floats more. */
const float *panel_block(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                         float *room);

#endif
