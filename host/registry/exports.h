/* exports.h - a plugin exports one symbol, and of this host's ABI. */
#ifndef RIDGE_REGISTRY_EXPORTS_H
#define RIDGE_REGISTRY_EXPORTS_H

#include "registry/elf.h"

#define PLUGIN_ENTRY "ridge_plugin_v1"

RIDGE_MUST ridge_status exports_check(const struct elf_facts *, struct why *why);

#endif
