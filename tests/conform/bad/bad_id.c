/* bad_id.c - an id that is no family.name. */
#include "bad.h"

BAD_PLUGIN("Bad Id", )
