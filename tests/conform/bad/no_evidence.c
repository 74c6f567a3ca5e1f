/* no_evidence.c - a strategy that could not be caught doing nothing. */
#include "bad.h"

BAD_PLUGIN("bad.no_evidence", p->evidence = (ridge_table){0};)
