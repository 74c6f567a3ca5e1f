/* fickle_description.c - describes itself in another way each time. */
#include "../bad/bad.h"

BAD_PLUGIN("faulty.fickle_description", static int calls;
           p->version = calls++ == 0 ? "1.0.0" : "1.0.1";)
