/* prints.c - writes to standard output, where the answer is expected. */
#include "bad.h"

#include <stdio.h>

BAD_PLUGIN("bad.prints", printf("{\"plugin\": {}}\nhello from the plugin\n");)
