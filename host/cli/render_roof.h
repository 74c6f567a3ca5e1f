/* render_roof.h - what a plan says of time, for people. */
#ifndef RIDGE_CLI_RENDER_ROOF_H
#define RIDGE_CLI_RENDER_ROOF_H

#include "cli/cli.h"

#include <jansson.h>

/* One line: the most that the machine can reach, and when it was measured. */
void render_roof_line(const json_t *plan);
/* A table for each stage of the workload, by kind of operator. */
void render_roof(const struct cli *, const json_t *plan);

#endif
