/* scan.h - describe plugin files in child processes.  Inside registry/ only. */
#ifndef RIDGE_REGISTRY_SCAN_H
#define RIDGE_REGISTRY_SCAN_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/why.h"

#include <jansson.h>
#include <stdbool.h>

/* One file: either a description, a new reference, or the sentence of its problem. */
struct scan_item {
  const char *path;
  struct digest build; /* what the file is thought to be */
  json_t *description;
  const char *problem; /* in the arena */
  bool lasting;        /* the problem is the file's own, and no file's that it wants */
  int64_t bytes, modified_ns;
};

/* Fails when no child can be started at all. */
RIDGE_MUST ridge_status scan_files(const char *self, struct scan_item *items, size_t n,
                                   uint64_t timeout_ms, struct arena *, struct why *why);

/* What the child says, one JSON object on a line: {"stage": word} before each step,
 * then {"plugin": description, "build": hex} or {"problem": sentence}. */
#define SCAN_OPENED    "opened"
#define SCAN_DESCRIBED "described"
#define SCAN_CHECKED   "checked"
#define SCAN_CLOSED    "closed"

#endif
