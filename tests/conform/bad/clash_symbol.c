/* clash_symbol.c - exports a function that a library of the host exports as well. */
#include "bad.h"

void *json_object_get(const void *object, const char *key);

RIDGE_EXPORT void *json_object_get(const void *object, const char *key) {
  (void)object, (void)key;
  return NULL;
}

BAD_PLUGIN("bad.clash_symbol", )
