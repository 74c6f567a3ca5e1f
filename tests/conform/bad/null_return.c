/* null_return.c - returns no description. */
#include "bad.h"

const ridge_plugin *ridge_plugin_v1(void) { return NULL; }
