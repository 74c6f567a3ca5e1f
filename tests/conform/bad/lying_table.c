/* lying_table.c - the function table of its seam is smaller than the seam's. */
#include "bad.h"

static const ridge_logits_shape small = {8, good_shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &small}};

BAD_PLUGIN("bad.lying_table", p->fills = (ridge_table)RIDGE_ROWS(fills);)
