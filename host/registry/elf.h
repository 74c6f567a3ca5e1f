/*
 * elf.h - what a shared object exports, imports and runs at load, read from its bytes.
 *
 * Reads 64-bit ELF of this machine as the loader does, through the dynamic segment;
 * section headers, which may be stripped or lie, are not looked at.  No byte outside
 * the file is touched, whatever the file says.
 *
 * Ownership: everything lives in the caller's arena.
 */
#ifndef RIDGE_REGISTRY_ELF_H
#define RIDGE_REGISTRY_ELF_H

#include "base/arena.h"
#include "base/why.h"

struct elf_facts {
  const char **exports, **imports, **libraries;
  size_t n_exports, n_imports, n_libraries;
  size_t constructors; /* functions that run when the file is opened */
};

/* Fails when this is no shared object that this machine could load. */
RIDGE_MUST ridge_status elf_read(const char *path, struct arena *, struct elf_facts *out,
                                 struct why *why);

#endif
