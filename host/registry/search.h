/* search.h - find plugin files in directories.  Inside registry/ only. */
#ifndef RIDGE_REGISTRY_SEARCH_H
#define RIDGE_REGISTRY_SEARCH_H

#include "registry/registry.h"

/* A file that was found; `problem` says why it is not worth opening. */
struct found {
  const char *path, *problem;
};

struct search {
  struct arena *arena;
  const char **directories;
  struct found *files; /* by directory, then by name */
  size_t n_directories, n_files;
};

/* Fails for a directory that the user named and that cannot be read. */
RIDGE_MUST ridge_status search_run(const struct registry_search *, struct search *out,
                                   struct why *why);

#endif
