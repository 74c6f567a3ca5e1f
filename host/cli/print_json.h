/* print_json.h - the one JSON value that a verb prints with --json. */
#ifndef RIDGE_CLI_PRINT_JSON_H
#define RIDGE_CLI_PRINT_JSON_H

#include <jansson.h>

/* To standard output, on one line; takes the reference. */
void print_json(json_t *value);

#endif
