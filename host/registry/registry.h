/*
 * registry.h - which plugins are installed, as data.
 *
 * A command's own plugins lie in one place, the first of these that exists: plugins/
 * beside the command (the build tree), ../lib/ridge/plugins from there (an install
 * that was moved), the install directory.  So a build tree never meets an older
 * installed build of its own plugins.  Then come the directories the user names;
 * files are taken in order of name.  Each is described by a child process (`ridge
 * scan-plugin FILE`, with a time limit), so that a file that crashes, hangs or lies
 * costs one line.  Descriptions are kept by the file's SHA-256 in a cache the caller
 * brings.
 *
 * Nothing is chosen behind the user's back: one id stands for one file.  Copies of
 * the same bytes are one plugin (the path that sorts first is kept); two different
 * files under one id are refused, naming both, whatever their versions.  So what a
 * registry holds does not hang on the order of the directories.
 *
 * Ownership: everything a registry points to lives until registry_free.
 */
#ifndef RIDGE_REGISTRY_REGISTRY_H
#define RIDGE_REGISTRY_REGISTRY_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/why.h"

#include <jansson.h>
#include <stdbool.h>

/* One usable plugin: its description copied out of the child; rows have the types
 * of ridge/plugin.h with texts in the registry's memory (function pointers and
 * fill tables are NULL). */
struct plugin_info {
  const char *path, *id, *family, *technique, *version, *summary, *doc, *license, *source;
  struct digest build; /* of the file */
  uint32_t kind, phases, effect;
  double tolerance;
  const ridge_param *params;
  const ridge_relation *relations;
  const ridge_fill *fills;
  const char *const *provides;
  const ridge_evidence *evidence;
  const ridge_metric *metrics;
  const ridge_claim *claims;
  size_t n_params, n_relations, n_fills, n_provides, n_evidence, n_metrics, n_claims;
  json_t *json; /* the same as data; what the catalog keeps                      */
  uint64_t params_size;
  uint32_t abi_minor;
};

/* One file that cannot be used, and the sentence that says why. */
struct plugin_problem {
  const char *path;
  const char *sentence;
  bool remembered; /* from an earlier scan of the same file */
};

struct registry {
  struct arena arena;
  struct plugin_info *plugins;     /* sorted by id */
  struct plugin_problem *problems; /* sorted by path */
  size_t n_plugins, n_problems;
  const char *const *searched; /* the directories, in order */
  size_t n_searched;
};

/* A file as it was looked at, and by whose rules: what is the same in all five is the
 * same file, and has the same fault. */
struct plugin_file {
  const char *path, *build, *judge;
  int64_t bytes, modified_ns;
};

/* Descriptions by build digest, problems by file; each may be NULL.  `get` returns a new
 * reference or NULL, `get_problem` a sentence for the caller to free or NULL; a NULL put
 * forgets. */
struct registry_cache {
  void *ctx;
  json_t *(*get)(void *ctx, const char *build);
  void (*put)(void *ctx, const char *build, const json_t *description);
  char *(*get_problem)(void *ctx, const struct plugin_file *);
  void (*put_problem)(void *ctx, const struct plugin_file *, const char *sentence);
};

struct registry_search {
  const char *self;               /* path of the ridge command, for the children */
  const char *const *directories; /* from --plugins                              */
  size_t n_directories;
  const struct registry_cache *cache; /* or NULL                                  */
  uint64_t timeout_ms;                /* for one file; 0: 5000                    */
  bool rescan; /* look at every file, whatever the cache knows of it             */
};
/* Fails only for what the user asked for and is not there (a --plugins directory),
 * for two files under one id (both RIDGE_INVALID), or when no child can be started;
 * unusable files become problems. */
RIDGE_MUST ridge_status registry_open(const struct registry_search *, struct registry *out,
                                      struct why *why);
void registry_free(struct registry *);
const struct plugin_info *registry_find(const struct registry *, const char *id);
/* The row for a parameter, or NULL. */
const ridge_param *plugin_param(const struct plugin_info *, const char *name);

/* The type of what a relation's value is compared with: one of the plugin's parameters
 * or a setting of the host; 0 when it is compared with nothing. */
uint32_t plugin_relation_type(const struct plugin_info *, const ridge_relation *);

/* In the child: describe one file, print JSON to standard output; exit status. */
int registry_scan_main(const char *path);
/* Description <-> JSON; strings go into the arena.  NULL for a description that
 * plugin_validate refuses; from_json takes nothing on trust, and leaves `path` and
 * `build` to the caller, who also releases `json`. */
json_t *plugin_to_json(const ridge_plugin *);
RIDGE_MUST ridge_status plugin_from_json(const json_t *, struct arena *,
                                         struct plugin_info *out, struct why *why);
/* Check a description for what the ABI promises (sizes, strides, names, bounds,
 * known seams, evidence); used by the scan and by `ridge vet`. */
RIDGE_MUST ridge_status plugin_validate(const ridge_plugin *, struct why *why);

/* The seams of this host: name, kind, least size of the table that fills it. */
enum seam_kind { SEAM_ONE, SEAM_CHAIN, SEAM_TAP, SEAM_SET };
struct seam {
  const char *id; /* "kv.store/1" */
  enum seam_kind kind;
  size_t table_bytes;
  const char *doc;
};
const struct seam *seam_find(const char *id);
const struct seam *seam_list(size_t *n);
const char *seam_kind_word(enum seam_kind); /* "one", "chain", "tap", "set" */

#endif
