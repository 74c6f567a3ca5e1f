/* other_abi.c - a plugin of the next major ABI. */
#include "bad.h"

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v2(void);

const ridge_plugin *ridge_plugin_v2(void) {
  static ridge_plugin plugin;
  return good_plugin(&plugin, "bad.other_abi");
}
