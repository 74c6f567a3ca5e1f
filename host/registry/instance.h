/*
 * instance.h - plugins at work: opened files, filled parameters, evidence, blame.
 *
 * Lives in the worker.  Every call into a plugin goes between instance_enter and
 * instance_leave, so that the host can count, time and, after a crash, blame it.
 *
 * Ownership: instances_free destroys all instances; files stay open (threads and
 *            texts may still point into them) unless `close_files` is set.
 */
#ifndef RIDGE_REGISTRY_INSTANCE_H
#define RIDGE_REGISTRY_INSTANCE_H

#include "registry/registry.h"

#include "base/blame.h"

#include <pthread.h>
#include <stdatomic.h>

/* As many as the blame page can name; instances never move. */
enum { INSTANCES_MOST = BLAME_THREADS };

/* Levels of ridge_host.log. */
enum instance_log {
  INSTANCE_LOG_DETAIL,
  INSTANCE_LOG_NOTE,
  INSTANCE_LOG_WARNING,
  INSTANCE_LOG_ERROR
};

struct instances;
struct instance_block;

struct instance {
  ridge_host host; /* handed to the plugin; host.ctx is this instance             */
  const ridge_plugin *plugin;
  void *file; /* from dlopen                                                      */
  const char *path;
  void *params, *self;
  bool created, may_idle, is_part; /* parts are not asked for evidence            */
  uint32_t index;                  /* in the set, for blame                       */
  _Atomic uint64_t *counts;        /* one for each evidence row                   */
  _Atomic uint64_t calls, declined, time_ns, bytes, bytes_peak;
  double *recorded; /* last value of each metric row; NAN: none                   */
  char reason[256]; /* the first decline                                          */
  char said[1024];  /* the sentence of the last fail                              */
  struct instances *set;
  const struct plugin_info *info; /* the description as this host knows it */
  /* The rest is the registry's own. */
  pthread_mutex_t lock; /* over said, reason, blocks, bytes */
  struct instance_block *blocks;
  uint64_t random_key;
  _Atomic bool has_said;
};

struct instances {
  struct arena arena;
  struct instance *items;
  size_t n, room;
  uint64_t seed; /* of the recipe */
  bool close_files;
  /* The engine's, set before instances_create; ctx is passed back. */
  void *ctx;
  ridge_status (*parallel)(void *ctx, int64_t n, int64_t grain,
                           void (*body)(void *, int64_t, int64_t), void *arg);
  const void *(*service)(void *ctx, struct instance *caller, const char *id);
  void (*log)(void *ctx, struct instance *caller, int level, const char *text);
};

/* Open the file, validate it, fill its parameters from {"name": value} (every one
 * must be there and in bounds: compose saw to it; checked again here).  Not yet
 * created.  A set begins as zeros, with the seed and the engine's functions put in. */
RIDGE_MUST ridge_status instances_add(struct instances *, const char *path,
                                      const json_t *params, bool may_idle,
                                      struct instance **out, struct why *why);
/* The same, when the file is still the one that was described as `build` (SHA-256; NULL:
 * any): RIDGE_CORRUPT if it was replaced. */
RIDGE_MUST ridge_status instances_add_build(struct instances *, const char *path,
                                            const char *build, const json_t *params,
                                            bool may_idle, struct instance **out,
                                            struct why *why);
/* Call `create` of all that are not yet created, in order. */
RIDGE_MUST ridge_status instances_create(struct instances *, struct why *why);
/* The same for one (the engine makes those that shape the plan first); does nothing
 * when it is created already. */
RIDGE_MUST ridge_status instance_create(struct instance *, struct why *why);
/* Call `destroy` of all that were created, last first; counters stay readable. */
void instances_destroy(struct instances *);
void instances_free(struct instances *); /* destroys too, if that was not done */
struct instance *instances_find(struct instances *, const char *id);

/* Fills of one seam over all instances, in order: calls back (instance, fill). */
void instances_each_fill(struct instances *, const char *seam,
                         void (*body)(void *ctx, struct instance *, const ridge_fill *),
                         void *ctx);

/* Around every call.  `seam` is the seam's id, and then the call is counted and timed
 * (calls that prove to take under a microsecond: one in 1024); or it is one of the
 * words "create", "destroy", "need", "check", "save", "load" and "plan" (anything
 * asked while planning), which are no evidence that the plugin was engaged.
 * instance_leave keeps the first reason of a decline; on failure it copies what the
 * plugin said into `why`, with id and version before it; if it said nothing, `seam` and
 * what the status means (why may be NULL when status cannot fail).  A status that is none
 * becomes RIDGE_INTERNAL. */
uint64_t instance_enter(struct instance *);
ridge_status instance_leave(struct instance *, uint64_t entered, ridge_status status,
                            const char *seam, struct why *why);

/* [{"id","version","kind","requested":true,"engaged":bool,"calls","declined","reason",
 *   "time_ns" (null: not
 * measured),"bytes_peak","may_idle","idle":bool,"inert":bool,"inert_reason",
 *   "evidence":[{"name","unit","count","least"}],"metrics":[{"name","unit","value"}]}]
 * Idle: no seam of it was called, or every call was declined, or a counter ended below
 * its least.  Inert: idle though the recipe did not say that it may be; exit 3.  Parts
 * have kind "part" and are neither. */
json_t *instances_report(const struct instances *);

#endif
