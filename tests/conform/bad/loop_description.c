/* loop_description.c - never comes back with its description. */
#include "bad.h"

BAD_PLUGIN("bad.loop_description", for (volatile int turning = 1; turning;){})
