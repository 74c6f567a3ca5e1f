/*
 * x86_panel.h - weights packed by output: a panel is sixteen rows of w side by side.
 *
 * Sixteen outputs advance together through k, so that one row of x and many add each
 * element in the same order.  A pair (gate on up) is two runs of panels, so that gate
 * and up of one output sit in the same lane; the weights of experts are a run for each.
 * Lanes past the last output hold zeros.
 *
 * Floats (F32, F16, BF16): (K, 16).  ROWS: not packed, rows in a codec, decoded block by
 * block.  All others are small integers; a panel holds its scales, then, at a multiple
 * of 64 bytes, its codes.
 *
 * Codes, for each 32 k, are planes of 64 bytes in which four adjacent k of one output
 * fill a 32-bit lane, as the byte dot products want them.  A byte of a plane holds
 * the codes of several such quads:
 *
 *   8 bits    quad j of eight in plane j
 *   4 bits    quad j in plane j / 2, low half first
 *   2 bits    quad j in plane j / 4, low bits first
 *   1 bit     quad j in bit j of the only plane
 *   6, 5, 3   the low 4, 4, 2 bits, then the upper 2, 1, 1 bits, each as above
 *
 * Scales, for each run of `super` k: a head of f16 vectors (16 d, then 16 minima), then
 * for each 32 k the small integers that belong to these (16 bytes each):
 *
 *   HALF       d                                     x = d u
 *   HALF_LOW   d, m                                  x = d u + m
 *   POWER      -; an exponent e for each 32          x = 2^(e - 128) u
 *   SUPER      d; a signed s for each 32             x = (d s) u
 *   SUPER_LOW  d, dmin; s and l for each 32          x = (d s) u - dmin l
 *   FINE       d; a signed s for each 16             x = (d s) u
 *   FINE_LOW   d, dmin; s + 16 l for each 16         x = (d s) u - dmin l
 *
 * where u is the code less the form's offset, or what the code stands for in a table.
 */
#ifndef X86_PANEL_H
#define X86_PANEL_H

#include "x86_forms.h"

enum { PANEL = 16, DEPTH = 256 }; /* DEPTH: k that one unpacked block of a panel holds */
enum { BYTE_GROUP = 32, QUADS = BYTE_GROUP / 4 };

/* clang-format off */
enum codes { CODES_8, CODES_6, CODES_5, CODES_4, CODES_3, CODES_2, CODES_NL, CODES_E2M1 };
/* clang-format on */
enum scales {
  SCALES_HALF,
  SCALES_HALF_LOW,
  SCALES_POWER,
  SCALES_SUPER,
  SCALES_SUPER_LOW,
  SCALES_FINE,
  SCALES_FINE_LOW
};

enum form {
#define FORM(name, codes, scales, offset) FORM_##name,
  BYTE_FORMS(FORM)
#undef FORM
      BYTE_FORM_COUNT,
  FORM_F32 = BYTE_FORM_COUNT,
  FORM_F16,
  FORM_BF16,
  FORM_ROWS
};

/* What numbers the two tabled kinds of codes stand for (portable_codec_block.c). */
#define NL_LEVELS                                                                          \
  { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113 }
#define E2M1_LEVELS                                                                        \
  { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 }

struct weights {
  const char *data; /* packed panels, or rows                              */
  const ridge_span *span;
  int64_t k, n;   /* n: outputs of y                                     */
  int64_t panels; /* that cover n                                        */
  int64_t runs;   /* 2 for a pair, else 1 or the number of experts       */
  uint64_t panel_bytes;
  enum form form;
  bool paired;
  bool mapped; /* not packed: rows as the codec stores them           */
  /* Of integers: */
  int64_t super;                              /* k that share a head              */
  uint64_t head_bytes, sub_bytes, code_bytes; /* of a head; of 32 k               */
  uint64_t super_bytes, codes_at;             /* scales of `super` k; of a panel  */
};

/* Geometry for a site; `data` and `span` are left to the call. */
struct weights panel_weights(const ridge_kernel_site *site, enum form form);
void panel_geometry(struct weights *w); /* sizes that hang on form, k and super */
uint64_t panel_bytes_all(const ridge_kernel_site *site, enum form form);
void panel_pack(const ridge_kernel_site *site, enum form form, const void *rows,
                uint64_t stride, int64_t lo, int64_t hi, void *packed);

/* Is a panel of floats in memory as it is wanted? */
static inline bool panel_is_there(const struct weights *w) {
  return w->form != FORM_ROWS && !w->mapped;
}

/* `pack_bytes` and `pack` of a form, and the fields of the kernels that have them. */
#define PANEL_PACK(name)                                                                   \
  static uint64_t pack_bytes_##name(const ridge_kernel_site *site) {                       \
    return panel_bytes_all(site, FORM_##name);                                             \
  }                                                                                        \
  static void pack_##name(const ridge_kernel_site *site, const void *rows,                 \
                          uint64_t stride, int64_t lo, int64_t hi, void *packed) {         \
    panel_pack(site, FORM_##name, rows, stride, lo, hi, packed);                           \
  }
#define PANEL_PACKED(name)                                                                 \
  .pack_bytes = pack_bytes_##name, .pack = pack_##name, .pack_grain = PANEL

/* k0 .. k0 + depth (at most DEPTH) of panel p of mapped weights, packed into `room`: as the
 * only panel of the weights that are returned. */
enum { PART_ROOM = DEPTH * PANEL * 4 };
struct weights panel_part(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                          char room[PART_ROOM]);

/* k0 .. k0 + depth of panel p of float weights that are not packed, or of ROWS, as f32
 * (depth, 16) in `room` (DEPTH * 16 floats; for FORM_ROWS DEPTH more), which is returned.
 */
const float *panel_block(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                         float *room);

#endif
