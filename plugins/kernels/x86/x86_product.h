/*
 * x86_product.h - rows of x times panels of w: the two ways, one for f32 rows and one
 * for rows of int8.
 *
 * Both take some panels at once (`n`), so that rows stay near while all of them are met,
 * write c[i] (rows, 16) for panel i, and add each element in an order that hangs on K
 * alone:
 *   f32    k ascending by fused multiply-add within blocks of DEPTH, blocks added up
 *   int8   exact integer sums of 32 k (16 where scales are that fine), ascending, each
 *          added by one fused multiply-add with the product of both scales, followed by
 *          one for the minimum where there is one
 * so that each instruction set gives the same bits.
 */
#ifndef X86_PRODUCT_H
#define X86_PRODUCT_H

#include "x86_panel.h"

enum { SIDE = 8 }; /* most panels at once */

struct panels {
  int64_t at[SIDE];
  int n;
};

enum { AHEAD = 4096 }; /* bytes to fetch ahead: one stream needs that much to keep up */

/* Where the sums of whole panels go instead of c, when nothing but a bias is added to
 * them: straight to their rows of y. */
struct straight {
  float *y[SIDE];          /* the first row, the panel's sixteen columns        */
  const float *bias[SIDE]; /* of these columns; NULL: none                      */
  uint64_t stride;         /* bytes between rows of y                           */
};

/* f32 rows first .. first + rows of x.  `to`: NULL, or instead of c, which is then scratch.
 * `room`: PRODUCT_ROOM floats. */
typedef void product_f32_function(const struct weights *w, const struct panels *p,
                                  const ridge_span *x, int64_t first, int64_t rows,
                                  float *const c[SIDE], const struct straight *to,
                                  float *room);
enum { PRODUCT_ROOM = 2 * DEPTH * PANEL + DEPTH };

/* 32 k of a row of x as int8: a cache line, so that all a product needs comes at once. */
struct record {
  int8_t q[BYTE_GROUP];
  float scale;    /* x is q times this                                     */
  int16_t sum[2]; /* of q, by halves                                       */
  float total;    /* scale * (sum[0] + sum[1])                             */
  float part[2];  /* scale * sum[i]                                        */
  char spare[12];
};
_Static_assert(sizeof(struct record) == 64, "a record is a cache line");
void record_make(const float *x, struct record *to);

/* Records lie so that a tile of rows reads them one after the other: groups of RECORD_ROWS
 * rows (the last may have fewer), and of each group (K / 32, rows of the group). */
enum { RECORD_ROWS = 12 };
static inline int64_t records_across(int64_t rows, int64_t row) {
  const int64_t left = rows - row / RECORD_ROWS * RECORD_ROWS;
  return left < RECORD_ROWS ? left : RECORD_ROWS;
}
static inline int64_t record_index(int64_t rows, int64_t blocks, int64_t row,
                                   int64_t block) {
  return row / RECORD_ROWS * RECORD_ROWS * blocks + block * records_across(rows, row) +
         row % RECORD_ROWS;
}

/* Rows first .. first + rows of `all`; first is a multiple of RECORD_ROWS. */
struct records {
  const struct record *at;
  int64_t first, rows, all;
};
/* All rows of input 0 as records, shared out among threads. */
#define RECORDS_FORM "int8 records of 32"
uint64_t records_bytes(const ridge_kernel_site *site);
void records_prepare(const ridge_kernel_call *call, void *prepared, int32_t thread,
                     int32_t threads);
#define RECORDS_PREPARED                                                                   \
  .prepared_form = RECORDS_FORM, .prepared_bytes = records_bytes, .prepare = records_prepare

typedef void product_int8_function(const struct weights *w, const struct panels *p,
                                   const struct records *x, float *const c[SIDE],
                                   float *room);

/* The same numbers, bit for bit, by other instructions. */
struct products {
  product_f32_function *f32;
  product_int8_function *int8;
};
product_f32_function product_f32_avx2, product_f32_avx512;
product_int8_function product_int8_avx2, product_int8_avx512;
static const struct products products_avx2 = {product_f32_avx2, product_int8_avx2},
                             products_avx512 = {product_f32_avx512, product_int8_avx512};

#endif
