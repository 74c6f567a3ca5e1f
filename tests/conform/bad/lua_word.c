/* lua_word.c - a parameter that no recipe could write. */
#include "bad.h"

struct words {
  int64_t end;
};
static const ridge_param params[] = {
    RIDGE_INT(struct words, end, 1, 0, 10, "", 0, "Where to end."),
};

BAD_PLUGIN("bad.lua_word", p->params = (ridge_table)RIDGE_ROWS(params);)
