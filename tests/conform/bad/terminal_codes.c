/* terminal_codes.c - a summary that would clear the user's terminal. */
#include "bad.h"

BAD_PLUGIN("bad.terminal_codes", p->summary = "\x1b[2J\x1b[H all is well";)
