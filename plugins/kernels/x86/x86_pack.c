/*
 * x86_pack.c - geometry of packed weights, and packing them, row by row.
 *
 * Each row writes only bytes of its own lane, so that ranges of rows can be packed by
 * different threads even where a panel of the second half of a pair straddles them.
 */
#include "x86_panel.h"

static int64_t group_of(const ridge_codec *codec) { return codec ? codec->block : 1; }

static uint64_t panel_size(enum form form, int64_t k, int64_t group) {
  const uint64_t groups = (uint64_t)(k / group), width = (uint64_t)k * PANEL;
  switch (form) {
  case FORM_F32: return width * 4;
  case FORM_F16:
  case FORM_BF16: return width * 2;
  case FORM_I8: return groups * PANEL * 2 + width;
  case FORM_I4: return groups * PANEL * 2 + width / 2;
  case FORM_I4M: return groups * PANEL * 4 + width / 2;
  case FORM_ROWS: break;
  }
  return 0;
}

struct weights panel_weights(const ridge_kernel_site *site, enum form form) {
  struct weights w = {.k = site->in_dims[1][1], .form = form};
  w.paired = (site->node->attrs.flags & RIDGE_GLU_PAIRED) != 0;
  w.n = w.paired ? site->in_dims[1][0] / 2 : site->in_dims[1][0];
  w.panels = (w.n + PANEL - 1) / PANEL;
  w.group = group_of(site->in_codec[1]);
  w.panel_bytes = panel_size(form, w.k, w.group);
  return w;
}

uint64_t panel_bytes_all(const ridge_kernel_site *site, enum form form) {
  const struct weights w = panel_weights(site, form);
  return (uint64_t)w.panels * (w.paired ? 2 : 1) * w.panel_bytes;
}

/* ---- one row into lane `lane` of its panel; a NULL row is zeros ---- */

static void pack_floats(const struct weights *w, const char *row, char *panel,
                        int64_t lane) {
  const size_t size = w->form == FORM_F32 ? 4 : 2;
  char *to = panel + (size_t)lane * size;
  for (int64_t k = 0; k < w->k; k++, to += PANEL * size)
    if (row)
      memcpy(to, row + (size_t)k * size, size);
    else
      memset(to, 0, size);
}

static void pack_bytes8(const char *q, int64_t group, char *to) {
  for (int64_t k = 0; k < group; k += 4, to += PANEL * 4)
    if (q)
      memcpy(to, q + k, 4);
    else
      memset(to, 0, 4);
}

/* Of 32 codes, j is the low half of byte j and j + 16 the high half of it; here four
 * adjacent codes become the low halves of four bytes, the next four the high ones. */
static void pack_bytes4(const char *q, int64_t group, char *to) {
  for (int64_t k = 0; k < group; k += 8, to += PANEL * 4) {
    uint8_t byte[4] = {0};
    const int64_t in = k % 32;
    const uint8_t *from = q ? (const uint8_t *)q + k / 32 * 16 + in % 16 : NULL;
    for (int i = 0; from && i < 4; i++)
      byte[i] = in < 16 ? (uint8_t)((from[i] & 15) | (from[i + 4] & 15) << 4)
                        : (uint8_t)(from[i] >> 4 | (from[i + 4] & 0xf0));
    memcpy(to, byte, 4);
  }
}

static void pack_codes(const struct weights *w, const char *row, char *panel,
                       int64_t lane) {
  const int64_t head = w->form == FORM_I4M ? 4 : 2; /* bytes of scale and minimum */
  const int64_t codes = w->form == FORM_I8 ? w->group : w->group / 2;
  static const char zero[4];
  for (int64_t k = 0; k < w->k; k += w->group) {
    const char *from = row ? row + k / w->group * (head + codes) : zero;
    memcpy(panel + lane * 2, from, 2);
    if (w->form == FORM_I4M) memcpy(panel + PANEL * 2 + lane * 2, from + 2, 2);
    char *to = panel + PANEL * head + lane * 4;
    (w->form == FORM_I8 ? pack_bytes8 : pack_bytes4)(row ? from + head : NULL, w->group,
                                                     to);
    panel += PANEL * (head + codes);
  }
}

static void pack_row(const struct weights *w, const char *row, char *packed, int64_t run,
                     int64_t at) {
  char *panel = packed + (uint64_t)(run * w->panels + at / PANEL) * w->panel_bytes;
  (w->form <= FORM_BF16 ? pack_floats : pack_codes)(w, row, panel, at % PANEL);
}

void panel_pack(const ridge_kernel_site *site, enum form form, const void *rows,
                uint64_t stride, int64_t lo, int64_t hi, void *packed) {
  const struct weights w = panel_weights(site, form);
  for (int64_t r = lo; r < hi; r++) {
    const int64_t run = r / w.n, at = r % w.n;
    pack_row(&w, (const char *)rows + (uint64_t)(r - lo) * stride, packed, run, at);
    for (int64_t pad = w.n; at == w.n - 1 && pad < w.panels * PANEL; pad++)
      pack_row(&w, NULL, packed, run, pad);
  }
}
