/* instance.c - open plugin files, fill their parameters, create and destroy. */
#include "registry/instance_inside.h"

#include "base/digest.h"
#include "registry/description.h"
#include "registry/params.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Opening ---------------------------------------------------------------------------- */

/* What tells one file from another under the same name. */
static bool is_same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static ridge_status look_at(const struct instance *instance, struct stat *out,
                            struct why *why) {
  if (stat(instance->path, out) == 0) return RIDGE_OK;
  return why_set(why, RIDGE_IO, "it cannot be opened: %s", strerror(errno));
}

/* The bytes must be those that were described. */
static ridge_status check_build(const struct instance *instance, const char *build,
                                struct why *why) {
  struct digest digest;
  ridge_status status = digest_file(instance->path, &digest, why);
  if (status != RIDGE_OK || strcmp(digest.hex, build) == 0) return status;
  return why_set(why, RIDGE_CORRUPT,
                 "the file was replaced after it was described (%.12s then, %.12s now); "
                 "run again",
                 build, digest.hex);
}

static ridge_status open_entry(struct instance *instance, struct why *why) {
  const ridge_plugin *(*entry)(void) = NULL;
  char full[PATH_MAX]; /* dlopen searches for a bare name */
  const char *path = realpath(instance->path, full) != NULL ? full : instance->path;
  instance->file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (instance->file == NULL)
    return why_set(why, RIDGE_IO, "it cannot be opened: %s", dlerror());
  void *symbol = dlsym(instance->file, "ridge_plugin_v1");
  if (symbol == NULL)
    return why_set(why, RIDGE_INVALID,
                   "it exports no ridge_plugin_v1; see `ridge plugins`");
  memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to a function */
  instance->plugin = entry();
  return RIDGE_OK;
}

static ridge_status describe(struct instance *instance, struct why *why) {
  struct plugin_info *info = arena_alloc(&instance->set->arena, sizeof *info);
  ridge_status status = plugin_read(instance->plugin, &instance->set->arena, info, why);
  if (status == RIDGE_OK) status = plugin_rules(info, why);
  if (status == RIDGE_OK) status = plugin_tables(instance->plugin, info, why);
  if (status != RIDGE_OK) return status;
  if (instances_find(instance->set, info->id) != NULL)
    return why_set(why, RIDGE_INVALID, "%s is open already; a plugin takes part once",
                   info->id);
  info->path = instance->path;
  instance->info = info;
  instance->is_part = info->kind == RIDGE_PART;
  return RIDGE_OK;
}

static void make_counters(struct instance *instance) {
  struct arena *arena = &instance->set->arena;
  const struct plugin_info *info = instance->info;
  instance->counts = arena_array(arena, info->n_evidence, sizeof *instance->counts);
  instance->recorded = arena_array(arena, info->n_metrics, sizeof *instance->recorded);
  for (size_t i = 0; i < info->n_metrics; i++) instance->recorded[i] = (double)NAN;
}

static ridge_status open_blamed(struct instance *instance, struct why *why) {
  const char *slash = strrchr(instance->path, '/');
  blame_name(instance->index, slash != NULL ? slash + 1 : instance->path);
  uint32_t former = blame_enter(instance->index);
  ridge_status status = open_entry(instance, why);
  if (status == RIDGE_OK) status = describe(instance, why);
  blame_leave(former);
  return status;
}

/* Opening runs the file's constructors and its description: blamed by file name.  Between
 * the look at its bytes and dlopen, which takes a name, the name may come to mean another
 * file: that is seen afterwards. */
static ridge_status open_and_describe(struct instance *instance, const char *build,
                                      struct why *why) {
  struct stat before, after;
  if (build == NULL) return open_blamed(instance, why);
  ridge_status status = look_at(instance, &before, why);
  if (status == RIDGE_OK) status = check_build(instance, build, why);
  if (status == RIDGE_OK) status = open_blamed(instance, why);
  if (status == RIDGE_OK) status = look_at(instance, &after, why);
  if (status != RIDGE_OK || is_same_file(&before, &after)) return status;
  return why_set(why, RIDGE_CORRUPT,
                 "the file was replaced while it was opened; run again");
}

static ridge_status prepare(struct instance *instance, const char *build,
                            const json_t *params, struct why *why) {
  char name[64];
  ridge_status status = open_and_describe(instance, build, why);
  if (status != RIDGE_OK) return why_prefix(why, status, "%s", instance->path);
  snprintf(name, sizeof name, "%.40s %.20s", instance->info->id, instance->info->version);
  blame_name(instance->index, name);
  make_counters(instance);
  instance_host_fill(instance);
  status =
      params_fill(instance->info, params, &instance->set->arena, &instance->params, why);
  return status == RIDGE_OK ? status : why_prefix(why, status, "%s", name);
}

ridge_status instances_add(struct instances *set, const char *path, const json_t *params,
                           bool may_idle, struct instance **out, struct why *why) {
  return instances_add_build(set, path, NULL, params, may_idle, out, why);
}

ridge_status instances_add_build(struct instances *set, const char *path, const char *build,
                                 const json_t *params, bool may_idle, struct instance **out,
                                 struct why *why) {
  if (set->items == NULL) {
    set->items = arena_array(&set->arena, INSTANCES_MOST, sizeof *set->items);
    set->room = INSTANCES_MOST;
  }
  if (set->n == set->room)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "%s: %zu plugins are open; no more can take part", path, set->n);
  struct instance *instance = &set->items[set->n];
  *instance = (struct instance){.set = set,
                                .index = (uint32_t)set->n,
                                .may_idle = may_idle,
                                .path = arena_text(&set->arena, path)};
  ridge_status status = prepare(instance, build, params, why);
  if (status != RIDGE_OK) {
    if (instance->file != NULL && set->close_files) dlclose(instance->file);
    return status;
  }
  pthread_mutex_init(&instance->lock, NULL);
  set->n++;
  if (out != NULL) *out = instance;
  return RIDGE_OK;
}

/* Life ------------------------------------------------------------------------------- */

ridge_status instance_create(struct instance *instance, struct why *why) {
  if (instance->created) return RIDGE_OK;
  if (instance->plugin->create == NULL) {
    instance->created = true;
    return RIDGE_OK;
  }
  uint64_t entered = instance_enter(instance);
  ridge_status status =
      instance->plugin->create(&instance->host, instance->params, &instance->self);
  status = instance_leave(instance, entered, status, "create", why);
  instance->created = status == RIDGE_OK;
  if (instance->created) return status;
  instance->self = NULL;
  /* There is no default to take an instance's place. */
  return status == RIDGE_DECLINED ? RIDGE_UNSUPPORTED : status;
}

ridge_status instances_create(struct instances *set, struct why *why) {
  for (size_t i = 0; i < set->n; i++) {
    ridge_status status = instance_create(&set->items[i], why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static void destroy(struct instance *instance) {
  if (instance->created && instance->plugin->destroy != NULL) {
    uint64_t entered = instance_enter(instance);
    instance->plugin->destroy(instance->self);
    (void)instance_leave(instance, entered, RIDGE_OK, "destroy", NULL);
  }
  instance->created = false;
  instance->self = NULL;
  instance_memory_release(instance); /* of one whose `create` failed, too */
}

void instances_destroy(struct instances *set) {
  for (size_t i = set->n; i > 0; i--) destroy(&set->items[i - 1]);
}

void instances_free(struct instances *set) {
  instances_destroy(set);
  for (size_t i = set->n; i > 0; i--) {
    pthread_mutex_destroy(&set->items[i - 1].lock);
    if (set->close_files) dlclose(set->items[i - 1].file);
  }
  arena_free(&set->arena);
  set->items = NULL;
  set->n = set->room = 0;
}

/* Looking ---------------------------------------------------------------------------- */

struct instance *instances_find(struct instances *set, const char *id) {
  for (size_t i = 0; i < set->n; i++)
    if (strcmp(set->items[i].info->id, id) == 0) return &set->items[i];
  return NULL;
}

void instances_each_fill(struct instances *set, const char *seam,
                         void (*body)(void *ctx, struct instance *, const ridge_fill *),
                         void *ctx) {
  for (size_t i = 0; i < set->n; i++) {
    struct instance *instance = &set->items[i];
    const ridge_table *fills = &instance->plugin->fills;
    for (size_t k = 0; k < fills->count; k++) {
      const void *row = (const char *)fills->rows + k * fills->stride;
      const ridge_fill *fill = row;
      if (strcmp(fill->seam, seam) == 0) body(ctx, instance, fill);
    }
  }
}
