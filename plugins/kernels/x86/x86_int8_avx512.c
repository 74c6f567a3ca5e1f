/*
 * x86_int8_avx512.c - products of int8 by VNNI: four products of an unsigned and a signed
 * byte are added to each 32-bit sum, exactly.
 */
#include "x86_int8.h"

/* clang-format off */
#define TILES(name, fine, low, adds)                                                       \
  NEAR(name, fine, low, adds, 1) NEAR(name, fine, low, adds, 2)                            \
  NEAR(name, fine, low, adds, 3) NEAR(name, fine, low, adds, 4)                            \
  NEAR(name, fine, low, adds, 5) NEAR(name, fine, low, adds, 6)                            \
  NEAR(name, fine, low, adds, 7) NEAR(name, fine, low, adds, 8)                            \
  NEAR(name, fine, low, adds, 9) NEAR(name, fine, low, adds, 10)                           \
  NEAR(name, fine, low, adds, 11) NEAR(name, fine, low, adds, 12)
MANNERS(TILES)
/* clang-format on */
#define ROW(name, fine, low, adds)                                                         \
  {NULL,                                                                                   \
   near_##name##_1,                                                                        \
   near_##name##_2,                                                                        \
   near_##name##_3,                                                                        \
   near_##name##_4,                                                                        \
   near_##name##_5,                                                                        \
   near_##name##_6,                                                                        \
   near_##name##_7,                                                                        \
   near_##name##_8,                                                                        \
   near_##name##_9,                                                                        \
   near_##name##_10,                                                                       \
   near_##name##_11,                                                                       \
   near_##name##_12},
static stretch_function *const near_tiles[][TALL + 1] = {MANNERS(ROW)};

void product_int8_avx512(const struct weights *w, const struct panels *p,
                         const struct records *x, float *const c[SIDE], float *room) {
  product_int8(near_tiles, w, p, x, c, room);
}
