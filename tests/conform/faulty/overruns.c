/* overruns.c - writes one logit too many. */
#include "../bad/bad.h"

#include <math.h>

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  (void)self, (void)view, (void)vocab;
  logits[vocab] = 0;
  return RIDGE_OK;
}

static const ridge_logits_shape table = {sizeof table, shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &table}};

BAD_PLUGIN("faulty.overruns", p->fills = (ridge_table)RIDGE_ROWS(fills);)
