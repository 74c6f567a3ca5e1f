/*
 * loops_body.h - the loops for one vector width; loops.c includes it once for each.
 *
 * Wants: NAME(x)  the function's name          TARGET  its target attribute
 *        WORDS    a vector of 64-bit words      FLOATS  a vector of floats
 *        FMA      (a, b, c) -> a * b + c
 */

TARGET static uint64_t NAME(fold)(WORDS sum) {
  uint64_t word = 0;
  for (size_t i = 0; i < sizeof(WORDS) / 8; i++) word ^= sum[i];
  return word;
}

TARGET static uint64_t NAME(read_line)(const void *data, size_t bytes) {
  const WORDS *at = data;
  WORDS a = {0}, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (size_t n = bytes / sizeof(WORDS); n > 0; n -= 8, at += 8) {
    a ^= at[0], b ^= at[1], c ^= at[2], d ^= at[3];
    e ^= at[4], f ^= at[5], g ^= at[6], h ^= at[7];
  }
  return NAME(fold)(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h);
}

TARGET static uint64_t NAME(read_streams)(const void *data, size_t bytes) {
  size_t quarter = bytes / 4 / LOOP_BLOCK * LOOP_BLOCK, n = 2; /* vectors a turn */
  const WORDS *p = data, *q = p + quarter / sizeof *p, *r = q + quarter / sizeof *p,
              *s = r + quarter / sizeof *p;
  WORDS a = {0}, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (const WORDS *end = q; p < end; p += n, q += n, r += n, s += n) {
    for (size_t line = AHEAD; line < AHEAD + n * sizeof(WORDS); line += 64) {
      __builtin_prefetch((const char *)p + line),
          __builtin_prefetch((const char *)q + line);
      __builtin_prefetch((const char *)r + line),
          __builtin_prefetch((const char *)s + line);
    }
    a ^= p[0], b ^= p[1], c ^= q[0], d ^= q[1];
    e ^= r[0], f ^= r[1], g ^= s[0], h ^= s[1];
  }
  size_t rest = bytes - 4 * quarter; /* what four equal parts left over: after s */
  return NAME(fold)(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h) ^ NAME(read_line)(s, rest);
}

/* y = y * x + c stays finite; twelve chains cover latency times ports (5 * 2). */
TARGET static float NAME(multiply_add)(uint64_t rounds) {
  const FLOATS x = (FLOATS){0} + 0.999f, c = (FLOATS){0} + 0.001f;
  FLOATS y0 = x, y1 = c, y2 = x + x, y3 = c + c, y4 = x + c, y5 = x - c, y6 = x * x,
         y7 = c * c;
  FLOATS y8 = -x, y9 = -c, y10 = c - x, y11 = y2 + c;
  for (uint64_t n = 0; n < rounds; n++) {
    y0 = FMA(y0, x, c), y1 = FMA(y1, x, c), y2 = FMA(y2, x, c), y3 = FMA(y3, x, c);
    y4 = FMA(y4, x, c), y5 = FMA(y5, x, c), y6 = FMA(y6, x, c), y7 = FMA(y7, x, c);
    y8 = FMA(y8, x, c), y9 = FMA(y9, x, c), y10 = FMA(y10, x, c), y11 = FMA(y11, x, c);
  }
  FLOATS sum = y0 + y1 + y2 + y3 + y4 + y5 + y6 + y7 + y8 + y9 + y10 + y11;
  return sum[0];
}

#undef NAME
#undef TARGET
#undef WORDS
#undef FLOATS
#undef FMA
