/*
 * x86_product.h - rows of x times panels of w: the two ways, one for f32 rows and one
 * for rows of int8.
 *
 * Both take one or two panels at once (`n`), write c[i] (rows, 16) for panel i, and add
 * each element in an order that hangs on K alone:
 *   f32    k ascending by fused multiply-add within blocks of DEPTH, blocks added up
 *   int8   exact integer sums of 32 k, then one fused multiply-add each, ascending
 * so that each instruction set gives the same bits.
 */
#ifndef X86_PRODUCT_H
#define X86_PRODUCT_H

#include "x86_panel.h"

enum { SIDE = 2, BYTE_GROUP = 32 };

struct panels {
  int64_t at[SIDE];
  int n;
};

/* f32 rows first .. first + rows of x.  `room`: PRODUCT_ROOM floats. */
typedef void product_f32_function(const struct weights *w, const struct panels *p,
                                  const ridge_span *x, int64_t first, int64_t rows,
                                  float *const c[SIDE], float *room);
enum { PRODUCT_ROOM = SIDE * DEPTH * PANEL + DEPTH };

/* Rows of int8, byte_row_size apart. */
typedef void product_int8_function(const struct weights *w, const struct panels *p,
                                   const char *byte_rows, int64_t rows,
                                   float *const c[SIDE]);

/* The same numbers, bit for bit, by other instructions. */
struct products {
  product_f32_function *f32;
  product_int8_function *int8;
};
product_f32_function product_f32_avx2, product_f32_avx512;
product_int8_function product_int8_avx2, product_int8_avx512;

/* A row as int8: q (K), then f32 scales (K/32), then int32 sums of q (K/32). */
static inline uint64_t byte_row_size(int64_t k) {
  return (uint64_t)k + (uint64_t)(k / BYTE_GROUP) * 8;
}
void byte_row_make(const float *x, int64_t k, int64_t from, int64_t to, char *row);
#endif
