/* show_page.h - everything of one run, for people, from catalog_show's JSON. */
#ifndef RIDGE_CLI_SHOW_PAGE_H
#define RIDGE_CLI_SHOW_PAGE_H

#include "catalog_read.h"
#include "cli/cli.h"

#include <jansson.h>

/* The plan is always wanted in `run`, for what the host settled.  `parts`: which of the
 * large ones are shown, as of catalog_show. */
void show_page_print(const struct cli *, const json_t *run, unsigned parts);

#endif
