/*
 * workplace.h - what a run needs around it: the machine's facts, the catalog, the
 * installed plugins.  Opened once, for one run or for many.
 *
 * Ownership: everything in it lives until workplace_close.  Runs only read it, but for
 *            the catalog: one run at a time.
 */
#ifndef RIDGE_RUN_WORKPLACE_H
#define RIDGE_RUN_WORKPLACE_H

#include "catalog.h"
#include "machine/machine.h"
#include "run/caller.h"

struct workplace {
  struct machine machine;
  json_t *identity;        /* machine_identity */
  json_t *program;         /* build_info_json  */
  struct catalog *catalog; /* NULL: to be read only, and it cannot be */
  struct registry registry;
  struct registry_cache cache;
};

/* CATALOG_READ does without a catalog where there is none and none can be made.  -1: open;
 * else the exit code, with a sentence.  To be closed in either case. */
int workplace_open(const struct cli *, enum catalog_mode, struct workplace *out,
                   struct why *why);
void workplace_close(struct workplace *);
/* The catalog alone; with CATALOG_READ *out is NULL where there is none. */
RIDGE_MUST ridge_status workplace_catalog(const struct cli *, enum catalog_mode,
                                          struct catalog **out, struct why *why);
/* 2 when the command was wrong (RIDGE_INVALID), 1 when what it names is: a catalog that is
 * damaged, of another program, newer, or not to be read or written. */
int workplace_exit(ridge_status);

#endif
