/*
 * loops_bytes.h - the byte products of one instruction set; loops.c includes it for each.
 *
 * Wants: NAME    the function's name          TARGET  its target attribute
 *        VECTOR  a vector of integers          SET     (x) -> a vector of bytes x
 *        DOT     (sum, a, b) -> sum + products of unsigned a and signed b, by fours
 *
 * Each chain feeds on itself, so that nothing can be computed before the loop; twelve of
 * them cover latency times ports.  Sums wrap, which costs nothing.
 */
TARGET static uint32_t NAME(uint64_t rounds) {
  const VECTOR a = SET(3);
  VECTOR y0 = SET(1), y1 = SET(2), y2 = SET(4), y3 = SET(5), y4 = SET(6), y5 = SET(7),
         y6 = SET(8), y7 = SET(9), y8 = SET(10), y9 = SET(11), y10 = SET(12), y11 = SET(13);
  for (uint64_t n = 0; n < rounds; n++) {
    y0 = DOT(y0, a, y0), y1 = DOT(y1, a, y1), y2 = DOT(y2, a, y2), y3 = DOT(y3, a, y3);
    y4 = DOT(y4, a, y4), y5 = DOT(y5, a, y5), y6 = DOT(y6, a, y6), y7 = DOT(y7, a, y7);
    y8 = DOT(y8, a, y8), y9 = DOT(y9, a, y9), y10 = DOT(y10, a, y10);
    y11 = DOT(y11, a, y11);
  }
  y0 = y0 ^ y1 ^ y2 ^ y3 ^ y4 ^ y5 ^ y6 ^ y7 ^ y8 ^ y9 ^ y10 ^ y11;
  return (uint32_t)y0[0];
}

#undef NAME
#undef TARGET
#undef VECTOR
#undef SET
#undef DOT
