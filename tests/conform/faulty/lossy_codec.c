/* lossy_codec.c - keeps bytes of numbers, and turns a little further each time. */
#include "../bad/bad.h"

#include <ridge/codec.h>

static void decode(const void *from, float *to, int64_t n) {
  const signed char *bytes = from;
  for (int64_t i = 0; i < n; i++) to[i] = (float)bytes[i] / 16.0f;
}

static void encode(const float *from, void *to, int64_t n) {
  signed char *bytes = to;
  for (int64_t i = 0; i < n; i++) {
    float x = from[i] * 16.0f;
    if (x != 0) x += 0.9f; /* rounds up, always */
    bytes[i] = (signed char)(x > 127 ? 127 : x < -127 ? -127 : x);
  }
}

static const ridge_codec codec = {sizeof codec, "b1", 16, 16, decode, encode, NULL};
static const ridge_fill fills[] = {
    {.seam = RIDGE_SEAM_CODEC, .table = &codec, .key = "b1"}};

BAD_PLUGIN("faulty.lossy_codec", p->fills = (ridge_table)RIDGE_ROWS(fills);)
