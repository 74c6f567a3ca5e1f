/* embedded.h - the catalog's SQL and techniques, carried inside the program. */
#ifndef RIDGE_CATALOG_EMBEDDED_H
#define RIDGE_CATALOG_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
  const char *name; /* relative to catalog/: "questions/front.sql" */
  const char *data; /* ended by NUL, which `size` does not count   */
  size_t size;
};

/* Sorted by name; made by cmake/embed.cmake. */
extern const struct embedded_file embedded_files[];
extern const size_t embedded_count;

#endif
