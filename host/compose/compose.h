/*
 * compose.h - recipe + registry + facts -> composition, or every diagnostic.
 *
 * Pure: the same arguments give the same bytes.  Nothing is clamped, coerced,
 * reordered or switched off.
 */
#ifndef RIDGE_COMPOSE_COMPOSE_H
#define RIDGE_COMPOSE_COMPOSE_H

#include "machine/machine.h"
#include "registry/registry.h"

/* What the recipe says, resolved.
 *   recipe:      {"name","root","seed","file","text","against", "measure":{...} ...}
 *   composition: {"root","settings":{"sample.temperature":0.0,...},
 *                 "strategies":[{"id","params":{...},"may_idle":false},...]}
 *                every default filled in, file names absolute in "paths" only, no seed
 *   origins:     {"settings":{name:"default|recipe|command|sweep"},
 *                 "strategies":[{"params":{name:origin},"line":n},...],
 *                 "lines":{"sample.temperature":n,...}}
 *   paths:       {"settings":{"model.path":"/abs",...},"strategies":[{"model":"/abs"}...]}
 *   diagnostics: [{"code":"P104","file","line","column","length","text",
 *                  "notes":[...],"help":"..."}], in file order
 * `composition` is NULL when there are errors. */
struct composed {
  json_t *recipe, *composition, *origins, *paths, *diagnostics;
  struct digest digest, task; /* of the composition; of it without strategies */
};

struct compose_override {
  const char *name;  /* "kv.paged.block" or "sample.temperature" */
  const char *value; /* as typed                                 */
  const char *origin; /* "command" or "sweep"                    */
};

/* Evaluates the recipe in a child process (`self` is the ridge command), checks it
 * against the registry.  The status is a failure only when that could not be done
 * at all (no such file); a refused recipe is RIDGE_OK with diagnostics. */
RIDGE_MUST ridge_status compose_file(const char *self, const char *path,
                                     const struct registry *, const struct machine *,
                                     const struct compose_override *overrides, size_t n,
                                     struct composed *out, struct why *why);
void composed_free(struct composed *);
/* For people: "file:line:col: error P104: ..." with source line, caret, notes. */
char *compose_diagnostics_text(const json_t *diagnostics, bool colour);

#endif
