/*
 * verb_plugins.c - what is installed, and each file that cannot be used, with the reason.
 *
 * Looks at the files themselves, never at a cache: this is where one comes to see why
 * something is missing.
 */
#include "cli/options.h"

#include "base/near.h"
#include "cli/plugin_page.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "registry/vocabulary.h"

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

int verb_plugins(struct cli *cli, int argc, char **argv) {
  const char *id = NULL;
  const struct cli_option rows[] = {
      {"ID", .doc = "everything about one plugin", .kind = OPTION_TEXT, .to = &id,
       .optional = true},
  };
  int exit = options_parse(cli, "plugins", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  const struct registry_search search = {
      .self = cli->self, .directories = cli->plugins, .n_directories = cli->n_plugins};
  struct registry registry;
  struct why why;
  if (registry_open(&search, &registry, &why) != RIDGE_OK) {
    return options_fail(cli, "plugins", EXIT_FAILED, why.text);
  }
  exit = id == NULL ? print_all(cli, &registry) : print_one(cli, &registry, id);
  registry_free(&registry);
  return exit;
}
