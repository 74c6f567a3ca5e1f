/*
 * registry.c - from directories to descriptions: find, leave out copies, ask the cache,
 * scan the rest, refuse two files under one id.
 */
#include "registry/registry.h"

#include "registry/description.h"
#include "registry/scan.h"
#include "registry/search.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEFAULT_TIMEOUT_MS = 5000 };

/* The registry while it is being filled. */
struct opening {
  const struct registry_search *search;
  struct registry *out;
  struct scan_item *items;   /* files that have a digest; copies left out */
  struct scan_item *unknown; /* of these, those the cache does not know  */
  size_t n_items, n_unknown;
  struct why *why;
};

static void add_problem(struct opening *o, const char *path, const char *sentence) {
  o->out->problems[o->out->n_problems++] = (struct plugin_problem){path, sentence, false};
}

/* Sentences begin with "it": the file, which is named before them. */
static void add_why(struct opening *o, const char *path, const struct why *why) {
  add_problem(o, path, arena_text(&o->out->arena, why->text));
}

/* Files ------------------------------------------------------------------------------ */

static int by_build(const void *a, const void *b) {
  const struct scan_item *x = a, *y = b;
  int order = strcmp(x->build.hex, y->build.hex);
  return order != 0 ? order : strcmp(x->path, y->path);
}

/* What changes with the file; it is looked at before the file is read. */
static void note_facts(struct scan_item *item) {
  struct stat facts = {0};
  if (stat(item->path, &facts) != 0) return; /* reading it will say why */
  item->bytes = (int64_t)facts.st_size;
  item->modified_ns =
      (int64_t)facts.st_mtim.tv_sec * 1000000000 + (int64_t)facts.st_mtim.tv_nsec;
}

static void digest_files(struct opening *o, const struct search *found) {
  for (size_t i = 0; i < found->n_files; i++) {
    const struct found *file = &found->files[i];
    struct scan_item item = {.path = file->path};
    struct why why;
    note_facts(&item);
    if (file->problem != NULL)
      add_problem(o, file->path, file->problem);
    else if (digest_file(file->path, &item.build, &why) != RIDGE_OK)
      add_why(o, file->path, &why);
    else
      o->items[o->n_items++] = item;
  }
}

/* Of files with the same bytes the one whose path sorts first stays. */
static void leave_out_copies(struct opening *o) {
  size_t kept = 0;
  qsort(o->items, o->n_items, sizeof *o->items, by_build);
  for (size_t i = 0; i < o->n_items; i++)
    if (kept == 0 || strcmp(o->items[kept - 1].build.hex, o->items[i].build.hex) != 0)
      o->items[kept++] = o->items[i];
  o->n_items = kept;
}

/* Descriptions ----------------------------------------------------------------------- */

static bool add_plugin(struct opening *o, const struct scan_item *item, const json_t *json,
                       struct why *why) {
  struct plugin_info *info = &o->out->plugins[o->out->n_plugins];
  if (plugin_from_json(json, &o->out->arena, info, why) != RIDGE_OK) return false;
  info->path = item->path;
  info->build = item->build;
  json_object_set_new(info->json, "build", json_string(item->build.hex));
  o->out->n_plugins++;
  return true;
}

/* A description made by another host may rest on other seams: then it is made anew. */
static bool is_ours(const json_t *json) {
  const char *judge = json_string_value(json_object_get(json, "judge"));
  return judge != NULL && strcmp(judge, description_judge().hex) == 0;
}

static bool take_description(struct opening *o, const struct scan_item *item) {
  const struct registry_cache *cache = o->search->cache;
  if (cache->get == NULL) return false;
  json_t *json = cache->get(cache->ctx, item->build.hex);
  struct why why;
  bool known = json != NULL && is_ours(json) && add_plugin(o, item, json, &why);
  json_decref(json);
  return known;
}

static struct plugin_file file_of(const struct scan_item *item,
                                  const struct digest *judge) {
  return (struct plugin_file){item->path, item->build.hex, judge->hex, item->bytes,
                              item->modified_ns};
}

static bool take_problem(struct opening *o, const struct scan_item *item) {
  const struct registry_cache *cache = o->search->cache;
  if (cache->get_problem == NULL) return false;
  struct digest judge = description_judge();
  struct plugin_file file = file_of(item, &judge);
  char *sentence = cache->get_problem(cache->ctx, &file);
  if (sentence == NULL) return false;
  add_problem(o, item->path, arena_text(&o->out->arena, sentence));
  o->out->problems[o->out->n_problems - 1].remembered = true;
  free(sentence);
  return true;
}

static bool take_from_cache(struct opening *o, const struct scan_item *item) {
  if (o->search->cache == NULL || o->search->rescan) return false;
  return take_description(o, item) || take_problem(o, item);
}

/* Of a file that is in order after all nothing bad is remembered. */
static void put_problem(const struct opening *o, const struct scan_item *item,
                        const char *sentence) {
  const struct registry_cache *cache = o->search->cache;
  if (cache == NULL || cache->put_problem == NULL) return;
  struct digest judge = description_judge();
  struct plugin_file file = file_of(item, &judge);
  cache->put_problem(cache->ctx, &file, sentence);
}

static ridge_status scan_unknown(struct opening *o) {
  const struct registry_cache *cache = o->search->cache;
  uint64_t timeout_ms =
      o->search->timeout_ms != 0 ? o->search->timeout_ms : DEFAULT_TIMEOUT_MS;
  ridge_status status = scan_files(o->search->self, o->unknown, o->n_unknown, timeout_ms,
                                   &o->out->arena, o->why);
  for (size_t i = 0; i < o->n_unknown; i++) {
    struct scan_item *item = &o->unknown[i];
    struct why why;
    if (status != RIDGE_OK || item->problem != NULL) {
      if (status != RIDGE_OK) continue;
      add_problem(o, item->path, item->problem);
      if (item->lasting) put_problem(o, item, item->problem);
    } else if (!add_plugin(o, item, item->description, &why)) {
      add_why(o, item->path, &why);
    } else if (cache != NULL && cache->put != NULL) {
      cache->put(cache->ctx, item->build.hex, item->description);
      if (o->search->rescan) put_problem(o, item, NULL);
    }
    json_decref(item->description);
  }
  return status;
}

static ridge_status describe_all(struct opening *o) {
  for (size_t i = 0; i < o->n_items; i++)
    if (!take_from_cache(o, &o->items[i])) o->unknown[o->n_unknown++] = o->items[i];
  return scan_unknown(o);
}

/* Order, and one file for each id ------------------------------------------------------ */

static int by_id(const void *a, const void *b) {
  const struct plugin_info *x = a, *y = b;
  int order = strcmp(x->id, y->id);
  return order != 0 ? order : strcmp(x->path, y->path);
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct plugin_problem *)a)->path,
                ((const struct plugin_problem *)b)->path);
}

static ridge_status refuse_twins(const struct registry *registry, struct why *why) {
  for (size_t i = 1; i < registry->n_plugins; i++) {
    const struct plugin_info *a = &registry->plugins[i - 1], *b = &registry->plugins[i];
    if (strcmp(a->id, b->id) != 0) continue;
    return why_set(
        why, RIDGE_INVALID,
        "two different files are %s: %s (version %s) and %s (version %s); one id stands "
        "for one file: remove one of them, or leave out a --plugins directory",
        a->id, a->path, a->version, b->path, b->version);
  }
  return RIDGE_OK;
}

static void sort_all(struct registry *registry) {
  qsort(registry->plugins, registry->n_plugins, sizeof *registry->plugins, by_id);
  qsort(registry->problems, registry->n_problems, sizeof *registry->problems, by_path);
}

ridge_status registry_open(const struct registry_search *search, struct registry *out,
                           struct why *why) {
  *out = (struct registry){0};
  struct search found = {.arena = &out->arena};
  struct opening o = {.search = search, .out = out, .why = why};
  ridge_status status = search_run(search, &found, why);
  if (status == RIDGE_OK) {
    out->searched = found.directories;
    out->n_searched = found.n_directories;
    out->plugins = arena_array(&out->arena, found.n_files, sizeof *out->plugins);
    out->problems = arena_array(&out->arena, found.n_files, sizeof *out->problems);
    o.items = arena_array(&out->arena, found.n_files, sizeof *o.items);
    o.unknown = arena_array(&out->arena, found.n_files, sizeof *o.unknown);
    digest_files(&o, &found);
    leave_out_copies(&o);
    status = describe_all(&o);
  }
  if (status == RIDGE_OK) {
    sort_all(out);
    status = refuse_twins(out, why);
  }
  if (status != RIDGE_OK) registry_free(out);
  return status;
}

void registry_free(struct registry *registry) {
  for (size_t i = 0; i < registry->n_plugins; i++) json_decref(registry->plugins[i].json);
  arena_free(&registry->arena);
  *registry = (struct registry){0};
}

const struct plugin_info *registry_find(const struct registry *registry, const char *id) {
  size_t lo = 0, hi = registry->n_plugins;
  while (lo < hi) {
    size_t middle = lo + (hi - lo) / 2;
    int order = strcmp(registry->plugins[middle].id, id);
    if (order == 0) return &registry->plugins[middle];
    if (order < 0)
      lo = middle + 1;
    else
      hi = middle;
  }
  return NULL;
}

const ridge_param *plugin_param(const struct plugin_info *info, const char *name) {
  for (size_t i = 0; i < info->n_params; i++)
    if (info->params[i].name != NULL && strcmp(info->params[i].name, name) == 0)
      return &info->params[i];
  return NULL;
}
