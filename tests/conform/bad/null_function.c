/* null_function.c - fills a seam without the function that the host calls. */
#include "bad.h"

static const ridge_logits_shape empty = {sizeof empty, NULL};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &empty}};

BAD_PLUGIN("bad.null_function", p->fills = (ridge_table)RIDGE_ROWS(fills);)
