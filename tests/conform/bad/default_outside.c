/* default_outside.c - a default that its own bounds refuse. */
#include "bad.h"

static const ridge_param params[] = {
    RIDGE_INT(struct params, first, 512, 16, 256, "", 0, "Does nothing."),
};

BAD_PLUGIN("bad.default_outside", p->params = (ridge_table)RIDGE_ROWS(params);)
