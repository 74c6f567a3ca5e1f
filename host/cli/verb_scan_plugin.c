/* verb_scan_plugin.c - describe one plugin file; the registry runs this as a child. */
#include "cli/options.h"

#include "registry/registry.h"

int verb_scan_plugin(struct cli *cli, int argc, char **argv) {
  const char *file = NULL;
  const struct cli_option rows[] = {
      {"FILE", .doc = "the plugin's shared object", .kind = OPTION_TEXT, .to = &file},
  };
  int exit =
      options_parse(cli, "scan-plugin", rows, sizeof rows / sizeof *rows, argc, argv);
  return exit >= 0 ? exit : registry_scan_main(file);
}
