/*
 * x86_unpack_avx2.c - a block of a panel of floats, or of rows in any codec, as f32 for
 * the matrix kernel.
 */
#include "x86_lanes.h"
#include "x86_panel.h"

static void unpack_half(const char *from, int64_t depth, float *to) {
  for (int64_t i = 0; i < depth * PANEL; i += 16) {
    _mm256_storeu_ps(to + i, lanes_half(from + i * 2));
    _mm256_storeu_ps(to + i + 8, lanes_half(from + i * 2 + 16));
  }
}

static void unpack_bfloat(const char *from, int64_t depth, float *to) {
  for (int64_t i = 0; i < depth * PANEL; i += 16) {
    _mm256_storeu_ps(to + i, lanes_bfloat(from + i * 2));
    _mm256_storeu_ps(to + i + 8, lanes_bfloat(from + i * 2 + 16));
  }
}

/* Rows are decoded one by one and laid beside each other. */
static void unpack_rows(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                        float *to) {
  const ridge_codec *codec = w->span->codec;
  const int64_t run = p / w->panels, from = p % w->panels * PANEL;
  const uint64_t skip = (uint64_t)(k0 / codec->block) * codec->block_bytes;
  float *row = to + DEPTH * PANEL;
  for (int64_t lane = 0; lane < PANEL; lane++) {
    const bool real = from + lane < w->n;
    const uint64_t at = (uint64_t)(run * w->n + from + lane) * w->span->stride + skip;
    if (real) codec->decode(w->data + at, row, depth);
    for (int64_t k = 0; k < depth; k++) to[k * PANEL + lane] = real ? row[k] : 0.0f;
  }
}

const float *panel_block(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                         float *room) {
  if (w->form == FORM_ROWS) {
    unpack_rows(w, p, k0, depth, room);
    return room;
  }
  char halves[PART_ROOM];
  panel_part(w, p, k0, depth, w->form == FORM_F32 ? (char *)room : halves);
  if (w->form == FORM_F16) unpack_half(halves, depth, room);
  if (w->form == FORM_BF16) unpack_bfloat(halves, depth, room);
  return room;
}
