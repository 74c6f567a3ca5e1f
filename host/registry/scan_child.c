/*
 * scan_child.c - describe one file, in a process that may die of it.
 *
 * What can be told from the file's bytes is told before it is opened, so that a file of
 * another ABI, or no plugin at all, runs nothing.
 */
#include "registry/closed_room.h"
#include "registry/description.h"
#include "registry/exports.h"
#include "registry/scan.h"

#include "base/text.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CPU_SECONDS = 10 };
#define WHILE_DESCRIBED "while being described"

struct scan {
  const char *path;
  struct closed_room room;
  struct arena arena;
  struct digest build;
  const ridge_plugin *plugin;
};

static void say_stage(const struct scan *scan, const char *stage) {
  if (!closed_room_say(&scan->room, json_pack("{s:s}", "stage", stage)))
    _exit(2); /* nobody listens */
}

static bool say_problem(const struct scan *scan, const char *sentence) {
  struct text text = text_new(4096);
  for (const char *c = sentence; *c != 0; c++)
    text_bytes(&text, (*c >= ' ' && *c <= '~') ? c : "?", 1);
  bool said = closed_room_say(&scan->room, json_pack("{s:s}", "problem", text.data));
  text_free(&text);
  return said;
}

static ridge_status check_bytes(struct scan *scan, struct why *why) {
  struct elf_facts elf;
  ridge_status status = digest_file(scan->path, &scan->build, why);
  if (status == RIDGE_OK) status = elf_read(scan->path, &scan->arena, &elf, why);
  return status == RIDGE_OK ? exports_check(&elf, why) : status;
}

static ridge_status open_file(struct scan *scan, struct why *why) {
  say_stage(scan, SCAN_OPENED);
  ridge_status status = check_bytes(scan, why);
  if (status != RIDGE_OK) return status;
  void *file = dlopen(scan->path, RTLD_NOW | RTLD_LOCAL);
  if (file == NULL) {
    const char *text = dlerror();
    size_t prefix = strlen(scan->path);
    if (strncmp(text, scan->path, prefix) == 0 && strncmp(text + prefix, ": ", 2) == 0)
      text += prefix + 2;
    return why_set(why, RIDGE_INVALID, "it cannot be opened: %s", text);
  }
  say_stage(scan, SCAN_DESCRIBED);
  const ridge_plugin *(*entry)(void) = NULL;
  void *symbol = dlsym(file, PLUGIN_ENTRY);
  if (symbol == NULL)
    return why_set(why, RIDGE_INVALID, "its " PLUGIN_ENTRY " cannot be found");
  memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to a function */
  scan->plugin = entry();
  return RIDGE_OK;
}

static ridge_status check_file(struct scan *scan, json_t **description, struct why *why) {
  struct plugin_info info;
  say_stage(scan, SCAN_CHECKED);
  ridge_status status = plugin_read(scan->plugin, &scan->arena, &info, why);
  if (status == RIDGE_OK) status = plugin_rules(&info, why);
  if (status == RIDGE_OK) status = plugin_tables(scan->plugin, &info, why);
  if (status == RIDGE_OK) status = closed_room_silent(&scan->room, WHILE_DESCRIBED, why);
  if (status == RIDGE_OK) status = closed_room_alone(&scan->room, WHILE_DESCRIBED, why);
  if (status == RIDGE_OK) *description = info_to_json(&info);
  return status;
}

int registry_scan_main(const char *path) {
  struct scan scan = {.path = path};
  struct why why;
  json_t *description = NULL;
  char full[PATH_MAX];
  if (!closed_room_enter(&scan.room, CPU_SECONDS)) return 2;
  if (realpath(path, full) != NULL) scan.path = full; /* dlopen searches for a bare name */
  ridge_status status = open_file(&scan, &why);
  if (status == RIDGE_OK) status = check_file(&scan, &description, &why);
  bool said =
      status == RIDGE_OK
          ? closed_room_say(&scan.room, json_pack("{s:o,s:s}", "plugin", description,
                                                  "build", scan.build.hex))
          : say_problem(&scan, why.text);
  arena_free(&scan.arena);
  if (!said) return 2;
  say_stage(&scan, SCAN_CLOSED); /* what runs at exit is the plugin's too */
  return status == RIDGE_OK ? 0 : 1;
}
