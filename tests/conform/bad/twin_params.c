/* twin_params.c - two parameters of one name. */
#include "bad.h"

static const ridge_param params[] = {
    RIDGE_INT(struct params, first, 1, 0, 10, "", 0, "Does nothing."),
    RIDGE_INT(struct params, first, 2, 0, 10, "", 0, "Does nothing, again."),
};

BAD_PLUGIN("bad.twin_params", p->params = (ridge_table)RIDGE_ROWS(params);)
