/* x86_panel.c - geometry of packed weights. */
#include "x86_panel.h"

/* Bits of a code, bytes of a head, bytes beside each 32 k. */
static const uint64_t bits_of[] = {
    [CODES_8] = 8, [CODES_6] = 6, [CODES_5] = 5,  [CODES_4] = 4,
    [CODES_3] = 3, [CODES_2] = 2, [CODES_NL] = 4, [CODES_E2M1] = 4};
static const struct {
  uint64_t head, sub;
} sizes_of[] = {
    [SCALES_HALF] = {32, 0},      [SCALES_HALF_LOW] = {64, 0},   [SCALES_POWER] = {0, 16},
    [SCALES_SUPER] = {32, 16},    [SCALES_SUPER_LOW] = {64, 32}, [SCALES_FINE] = {32, 32},
    [SCALES_FINE_LOW] = {64, 32},
};
static const struct {
  enum codes codes;
  enum scales scales;
} forms[] = {
#define FORM(name, codes, scales, offset) {CODES_##codes, SCALES_##scales},
    BYTE_FORMS(FORM)
#undef FORM
};

static void byte_geometry(struct weights *w) {
  const enum scales scales = forms[w->form].scales;
  w->head_bytes = sizes_of[scales].head;
  w->sub_bytes = sizes_of[scales].sub;
  w->code_bytes = bits_of[forms[w->form].codes] * BYTE_GROUP / 8 * PANEL;
  w->super_bytes = w->head_bytes + (uint64_t)(w->super / BYTE_GROUP) * w->sub_bytes;
  w->codes_at = ((uint64_t)(w->k / w->super) * w->super_bytes + 63) & ~(uint64_t)63;
  w->panel_bytes = w->codes_at + (uint64_t)(w->k / BYTE_GROUP) * w->code_bytes;
}

void panel_geometry(struct weights *w) {
  switch (w->form) {
  case FORM_F32: w->panel_bytes = (uint64_t)w->k * PANEL * 4; break;
  case FORM_F16:
  case FORM_BF16: w->panel_bytes = (uint64_t)w->k * PANEL * 2; break;
  case FORM_ROWS: break;
  default: byte_geometry(w);
  }
}

struct weights panel_weights(const ridge_kernel_site *site, enum form form) {
  struct weights w = {
      .k = site->in_dims[1][1], .form = form, .super = site->in_codec[1]->block};
  w.paired = (site->node->attrs.flags & RIDGE_GLU_PAIRED) != 0;
  w.runs = site->node->op == RIDGE_OP_EXPERT_MATMUL ? site->node->attrs.experts
           : w.paired                               ? 2
                                                    : 1;
  w.n = site->in_dims[1][0] / w.runs;
  w.panels = (w.n + PANEL - 1) / PANEL;
  panel_geometry(&w);
  return w;
}

uint64_t panel_bytes_all(const ridge_kernel_site *site, enum form form) {
  const struct weights w = panel_weights(site, form);
  return (uint64_t)w.panels * (uint64_t)w.runs * w.panel_bytes;
}
