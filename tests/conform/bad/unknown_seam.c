/* unknown_seam.c - fills a seam that no host has, misspelt. */
#include "bad.h"

static const ridge_fill fills[] = {{.seam = "logits.shap/1", .table = &good_table}};

BAD_PLUGIN("bad.unknown_seam", p->fills = (ridge_table)RIDGE_ROWS(fills);)
