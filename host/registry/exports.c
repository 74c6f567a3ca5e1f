/* exports.c - a plugin exports one symbol, and of this host's ABI. */
#include "registry/exports.h"

#include <string.h>

#define ENTRY_FAMILY "ridge_plugin_v"

/* The linker's and the compilers' own; reserved names cannot clash with a library's. */
static bool is_toolchain(const char *symbol) {
  static const char *const known[] = {"_init", "_fini", "_edata", "_end"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(symbol, known[i]) == 0) return true;
  return strncmp(symbol, "__", 2) == 0;
}

ridge_status exports_check(const struct elf_facts *elf, struct why *why) {
  const char *other = NULL, *extra = NULL;
  bool found = false;
  for (size_t i = 0; i < elf->n_exports; i++) {
    const char *symbol = elf->exports[i];
    if (strcmp(symbol, PLUGIN_ENTRY) == 0)
      found = true;
    else if (strncmp(symbol, ENTRY_FAMILY, strlen(ENTRY_FAMILY)) == 0)
      other = symbol;
    else if (!is_toolchain(symbol))
      extra = symbol;
  }
  if (!found && other != NULL)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "it exports %.80s, but this host wants " PLUGIN_ENTRY
                   ": the plugin was built for another ABI",
                   other);
  if (!found)
    return why_set(why, RIDGE_INVALID,
                   "it exports no " PLUGIN_ENTRY ", so it is no plugin of ridge");
  if (extra == NULL) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID,
                 "it exports %.80s beside " PLUGIN_ENTRY
                 ", which could clash with others: build "
                 "it with -fvisibility=hidden, or make that static",
                 extra);
}
