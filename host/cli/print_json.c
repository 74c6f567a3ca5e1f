/* print_json.c - the one JSON value that a verb prints with --json. */
#include "cli/print_json.h"

#include <stdio.h>

void print_json(json_t *value) {
  json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
  putchar('\n');
  json_decref(value);
}
