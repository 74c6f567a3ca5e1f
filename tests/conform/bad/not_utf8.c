/* not_utf8.c - a text that JSON could not hold. */
#include "bad.h"

BAD_PLUGIN("bad.not_utf8", p->summary = "caf\xe9";)
