/* param_outside.c - a parameter that lies beyond the struct it belongs to. */
#include "bad.h"

BAD_PLUGIN("bad.param_outside", p->params_size = 8;)
