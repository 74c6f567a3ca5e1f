/* bad_relation.c - a relation about a parameter that it does not have. */
#include "bad.h"

static const ridge_relation relations[] = {
    {.kind = RIDGE_IDLE, .target = "frist", .why = "it was misspelt"},
};

BAD_PLUGIN("bad.bad_relation", p->relations = (ridge_table)RIDGE_ROWS(relations);)
