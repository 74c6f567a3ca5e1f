/* stuck.c - never comes back from its third call. */
#include "../bad/bad.h"

#include <unistd.h>

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  static int calls;
  (void)self, (void)view, (void)logits, (void)vocab;
  if (++calls == 3)
    for (;;) pause();
  return RIDGE_OK;
}

static const ridge_logits_shape table = {sizeof table, shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &table}};

BAD_PLUGIN("faulty.stuck", p->fills = (ridge_table)RIDGE_ROWS(fills);)
