/*
 * verb_plugins.c - what is installed, and each file that cannot be used, with the reason.
 *
 * A file that was looked at before, by whatever command, is not looked at again, or one
 * that hangs would do so each time; --rescan looks at all of them.
 */
#include "cli/options.h"

#include "base/near.h"
#include "cli/plugin_page.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "registry/vocabulary.h"
#include "run/workplace.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *problems_json(const struct registry *registry) {
  json_t *rows = json_array();
  for (size_t i = 0; i < registry->n_problems; i++)
    json_array_append_new(rows, json_pack("{s:s,s:s}", "path", registry->problems[i].path,
                                          "problem", registry->problems[i].sentence));
  return rows;
}

/* The description, and where its file is. */
static json_t *plugin_json(const struct plugin_info *info) {
  json_t *json = json_copy(info->json);
  json_object_set_new(json, "path", json_string(info->path));
  return json;
}

static json_t *registry_json(const struct registry *registry) {
  json_t *plugins = json_array(), *searched = json_array();
  for (size_t i = 0; i < registry->n_plugins; i++)
    json_array_append_new(plugins, plugin_json(&registry->plugins[i]));
  for (size_t i = 0; i < registry->n_searched; i++)
    json_array_append_new(searched, json_string(registry->searched[i]));
  return json_pack("{s:o,s:o,s:o}", "plugins", plugins, "problems", problems_json(registry),
                   "searched", searched);
}

/* For people -------------------------------------------------------------------------- */

static void print_table(const struct cli *cli, const struct registry *registry) {
  struct table *table =
      table_new("plugin|version|kind|effect|seams|phases|technique|summary");
  for (size_t i = 0; i < registry->n_plugins; i++) {
    const struct plugin_info *info = &registry->plugins[i];
    char text[512];
    table_cell(table, info->id);
    table_cell(table, info->version);
    table_cell(table, vocabulary_word(VOCABULARY_KIND, info->kind));
    table_cell(table, vocabulary_word(VOCABULARY_EFFECT, info->effect));
    plugin_seams_text(info, text, sizeof text);
    table_cell(table, text);
    plugin_phases_text(info, text, sizeof text);
    table_cell(table, text);
    table_cell(table, info->technique);
    table_cell(table, info->summary);
  }
  table_print(table, cli->terminal, cli->colour);
}

static bool any_remembered(const struct registry *registry) {
  for (size_t i = 0; i < registry->n_problems; i++)
    if (registry->problems[i].remembered) return true;
  return false;
}

static void print_places(const struct registry *registry) {
  if (registry->n_searched == 0) {
    printf("There is no plugin directory: neither plugins/ beside the command nor the one "
           "it was "
           "installed with. Name one with --plugins DIR.\n");
    return;
  }
  printf("\nSearched:\n");
  for (size_t i = 0; i < registry->n_searched; i++) printf("  %s\n", registry->searched[i]);
  if (registry->n_problems == 0) return;
  printf("\nCannot be used:\n");
  for (size_t i = 0; i < registry->n_problems; i++)
    printf("  %s: %s\n", registry->problems[i].path, registry->problems[i].sentence);
  if (any_remembered(registry))
    printf("Known from an earlier look; `ridge plugins --rescan` looks again.\n");
}

static int print_all(const struct cli *cli, const struct registry *registry) {
  if (cli->json) {
    print_json(registry_json(registry));
    return EXIT_OK;
  }
  if (registry->n_plugins > 0) print_table(cli, registry);
  print_places(registry);
  return EXIT_OK;
}

/* One --------------------------------------------------------------------------------- */

static int refuse_id(const struct cli *cli, const struct registry *registry,
                     const char *id) {
  const char **names = calloc(registry->n_plugins + 1, sizeof *names);
  if (names == NULL) abort();
  for (size_t i = 0; i < registry->n_plugins; i++) names[i] = registry->plugins[i].id;
  const char *near = near_of(id, names, registry->n_plugins);
  int exit =
      near != NULL
          ? options_refuse(cli, "plugins", "no plugin `%s`; did you mean `%s`?", id, near)
          : options_refuse(cli, "plugins",
                           "no plugin `%s`; `ridge plugins` lists what is there, "
                           "and %zu files that cannot be used",
                           id, registry->n_problems);
  free(names);
  return exit;
}

static int print_one(const struct cli *cli, const struct registry *registry,
                     const char *id) {
  const struct plugin_info *info = registry_find(registry, id);
  if (info == NULL) return refuse_id(cli, registry, id);
  if (cli->json)
    print_json(plugin_json(info));
  else
    plugin_page_print(info, cli->colour);
  return EXIT_OK;
}

static int fail(const struct cli *cli, ridge_status status, const struct why *why) {
  return options_fail(cli, "plugins", workplace_exit(status), why->text);
}

static int list(const struct cli *cli, const char *id, bool rescan) {
  struct catalog *catalog;
  struct registry registry;
  struct why why;
  ridge_status status = workplace_catalog(cli, CATALOG_READ, &catalog, &why);
  if (status != RIDGE_OK) return fail(cli, status, &why);
  struct registry_cache cache =
      catalog != NULL ? catalog_registry_cache(catalog) : (struct registry_cache){0};
  const struct registry_search search = {.self = cli->self,
                                         .directories = cli->plugins,
                                         .n_directories = cli->n_plugins,
                                         .cache = &cache,
                                         .rescan = rescan};
  status = registry_open(&search, &registry, &why);
  catalog_close(catalog);
  if (status != RIDGE_OK) return fail(cli, status, &why);
  int exit = id == NULL ? print_all(cli, &registry) : print_one(cli, &registry, id);
  registry_free(&registry);
  return exit;
}

int verb_plugins(struct cli *cli, int argc, char **argv) {
  const char *id = NULL;
  bool rescan = false;
  const struct cli_option rows[] = {
      {"ID", .doc = "everything about one plugin", .kind = OPTION_TEXT, .to = &id,
       .optional = true},
      {.name = "--rescan",
       .kind = OPTION_FLAG,
       .to = &rescan,
       .doc = "look at every file, also at those that were known"},
  };
  int exit = options_parse(cli, "plugins", rows, sizeof rows / sizeof *rows, argc, argv);
  return exit >= 0 ? exit : list(cli, id, rescan);
}
