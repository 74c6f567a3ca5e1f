/*
 * x86_int8_avx2.c - products of int8 by maddubs, which adds two products of an unsigned
 * and a signed byte, with saturation to 16 bits.
 *
 * As many such pairs are added in 16 bits as surely fit: four of codes up to 31 (4 * 2 *
 * 31 * 127 < 2^15), two up to 63.  Bytes of either sign: |w| times x with the sign of w,
 * each pair alone.  So sums are exact.
 */
#include "x86_int8.h"

/* clang-format off */
#define TILES(name, fine, low, adds)                                                       \
  NEAR(name, fine, low, adds, 1) NEAR(name, fine, low, adds, 2)                            \
  NEAR(name, fine, low, adds, 3) NEAR(name, fine, low, adds, 4)
MANNERS(TILES)
/* clang-format on */
#define ROW(name, fine, low, adds)                                                         \
  {NULL, near_##name##_1, near_##name##_2, near_##name##_3, near_##name##_4},
static stretch_function *const near_tiles[][TALL + 1] = {MANNERS(ROW)};

void product_int8_avx2(const struct weights *w, const struct panels *p,
                       const struct records *x, float *const c[SIDE], float *room) {
  product_int8(near_tiles, w, p, x, c, room);
}
