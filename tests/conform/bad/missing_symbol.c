/* missing_symbol.c - calls a function that nobody has. */
#include "bad.h"

uint32_t a_function_that_nobody_has(void);

BAD_PLUGIN("bad.missing_symbol", p->abi_minor = a_function_that_nobody_has();)
