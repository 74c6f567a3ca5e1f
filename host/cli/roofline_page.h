/* roofline_page.h - a run's roofline for people: a table for each phase, or a plot. */
#ifndef RIDGE_CLI_ROOFLINE_PAGE_H
#define RIDGE_CLI_ROOFLINE_PAGE_H

#include "cli/cli.h"
#include "cli/roofline_view.h"

#include <stdio.h>

void roofline_page_print(const struct cli *, const struct roofline_view *);

/* The plot as SVG: operations a byte against operations a second, both logarithmic.
 * `title` is any text.  False when the stream failed, or nothing could be drawn. */
bool roofline_svg_write(FILE *, const struct roofline_view *, const char *title);

#endif
