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
 *   recipe:      {"name","root","seed","file","path","text","against","against_path",
 *                 "measure":{"warmup","repeats",...}}
 *                file as given, path absolute; against: null when there is none
 *   composition: {"root","floor","settings":{"sample.temperature":0.0,...},
 *                 "strategies":[{"id","params":{...},"may_idle":false},...]}
 *                every default filled in, file names as written (absolute in "paths"
 *                only), no seed.  Settings of a workload word (prompts, perplexity,
 *                bench) are there if the recipe has the word; sample's with prompts;
 *                model's, engine's and measure's always.  A text or list that was not
 *                given and has no default is not there.
 *   origins:     {"settings":{name:"default|recipe|command|sweep"},
 *                 "strategies":[{"params":{name:origin},"line":n},...],
 *                 "recipe":{"name","seed","floor": origin},
 *                 "typed":{"model.path":["--set","model.path=a.gguf"],...},
 *                 "lines":{"sample.temperature":n,"kv.paged":n,...},
 *                 "places":{"sample.temperature":[line,column,length],"kv.paged":...}}
 *                lines and places: of what the recipe writes; of a setting that it does
 *                not write, its word; else not there
 *   paths:       {"settings":{"model.path":"/abs",...},"strategies":[{"model":"/abs"}...]}
 *   diagnostics: [{"code":"P104","file","line","column","length","text","notes":[...],
 *                  "help","source","caret"}], in file order; line 0: not in the file
 *                (file "--set" or "sweep", source what was typed)
 * `composition`, `origins` and `paths` are NULL when there are errors, `recipe` only
 * when the recipe could not be read.
 *
 * Neither digest looks at measure.*: a run with more repeats is the same composition. */
struct composed {
  json_t *recipe, *composition, *origins, *paths, *diagnostics;
  struct digest digest, task;       /* of the composition; of it without strategies */
  const struct compose_word *words; /* the request's */
  size_t n_words;
};

struct compose_override {
  const char *name;   /* "kv.paged.block", "sample.temperature", "seed" or "floor" */
  const char *value;  /* as typed; a number may end in KiB MiB GiB ms seconds minutes */
  const char *origin; /* "command" or "sweep"                                      */
  const char *option; /* what gave it, if that is not --set: "--seed"              */
};

/* A line of a recipe that was made from words of the command: what is wrong there is
 * told of those words. */
struct compose_word {
  int line;
  const char *option, *typed; /* "--use", "kv.paged,block=16" */
};

/* What comes from outside the file. */
struct compose_request {
  const struct compose_override *overrides;
  const char *const *without; /* ids of `use` lines that are left out */
  size_t n_overrides, n_without;
  const struct compose_word *words; /* of a recipe that nobody wrote */
  size_t n_words;
};

/* Evaluates the recipe in a child process (`self` is the ridge command), checks it
 * against the registry.  The status is a failure only when that could not be done
 * at all (no such file); a refused recipe is RIDGE_OK with diagnostics. */
RIDGE_MUST ridge_status compose_file(const char *self, const char *path,
                                     const struct registry *, const struct machine *,
                                     const struct compose_override *overrides, size_t n,
                                     struct composed *out, struct why *why);
/* The same of a recipe that has been read, with all that can come from outside. */
struct recipe;
void compose_recipe(const struct recipe *, const struct registry *, const struct machine *,
                    const struct compose_request *, struct composed *out);
void composed_free(struct composed *);

/* What the worker found while planning, {"code","text","owner","help"} where owner is a
 * strategy's id or a setting's name, as a diagnostic with its place.  A new reference. */
json_t *compose_locate(const struct composed *, const json_t *finding);

/* For people: "file:line:col: error P104: ..." with source line, caret, notes. */
char *compose_diagnostics_text(const json_t *diagnostics, bool colour);
/* The same of a sweep's single points (sweep.h), of which the others can be run. */
char *compose_refusals_text(const json_t *diagnostics, size_t refused, size_t of,
                            bool colour);
/* 0: none; 4: nothing but P205; else 2. */
int compose_exit(const json_t *diagnostics);

#endif
