/* rules_out_all.c - rules out every token. */
#include "../bad/bad.h"

#include <math.h>

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  (void)self, (void)view, (void)vocab;
  for (int64_t i = 0; i < vocab; i++) logits[i] = -INFINITY;
  return RIDGE_OK;
}

static const ridge_logits_shape table = {sizeof table, shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &table}};

BAD_PLUGIN("faulty.rules_out_all", p->fills = (ridge_table)RIDGE_ROWS(fills);)
