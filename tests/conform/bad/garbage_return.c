/* garbage_return.c - its description is at an address that no process has. */
#include "bad.h"

const ridge_plugin *ridge_plugin_v1(void) {
  return (const ridge_plugin *)(uintptr_t)0x7654320;
}
