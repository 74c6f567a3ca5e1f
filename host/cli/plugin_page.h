/* plugin_page.h - everything about one plugin, for people. */
#ifndef RIDGE_CLI_PLUGIN_PAGE_H
#define RIDGE_CLI_PLUGIN_PAGE_H

#include "registry/registry.h"

/* Prints to standard output. */
void plugin_page_print(const struct plugin_info *, bool colour);
/* "logits.shape kernel(12)": the seams it fills, each once; `room` bytes. */
void plugin_seams_text(const struct plugin_info *, char *to, size_t room);
/* "infer serve" */
void plugin_phases_text(const struct plugin_info *, char *to, size_t room);

#endif
