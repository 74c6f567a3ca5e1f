/* validate.c - everything that can be checked of a description, in one call. */
#include "registry/description.h"

ridge_status plugin_validate(const ridge_plugin *plugin, struct why *why) {
  struct arena arena = {0};
  struct plugin_info info;
  ridge_status status = plugin_read(plugin, &arena, &info, why);
  if (status == RIDGE_OK) status = plugin_rules(&info, why);
  if (status == RIDGE_OK) status = plugin_tables(plugin, &info, why);
  arena_free(&arena);
  return status;
}
