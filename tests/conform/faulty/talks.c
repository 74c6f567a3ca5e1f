/* talks.c - prints while it works. */
#include "../bad/bad.h"

#include <unistd.h>

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  (void)self, (void)view, (void)logits, (void)vocab;
  return write(1, "shaping\n", 8) == 8 ? RIDGE_OK : RIDGE_DECLINED;
}

static const ridge_logits_shape table = {sizeof table, shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &table}};

BAD_PLUGIN("faulty.talks", p->fills = (ridge_table)RIDGE_ROWS(fills);)
