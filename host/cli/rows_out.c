/* rows_out.c - the rows of a query in five formats. */
#include "cli/rows_out.h"

#include "base/text.h"
#include "cli/look_back.h"
#include "cli/print_json.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rows_out {
  const struct cli *cli;
  const struct format *format;
  json_t *names, *rows; /* rows: only where all have to be there first */
  bool too_wide;
};

struct format {
  const char *name;
  void (*head)(struct rows_out *); /* each may be NULL */
  void (*row)(struct rows_out *, const json_t *cells);
  void (*end)(struct rows_out *);
};

static const char *cell(const json_t *value, char room[32]) {
  return row_shown(value, room, 32);
}

static void keep(struct rows_out *out, const json_t *cells) {
  json_array_append_new(out->rows, json_deep_copy(cells));
}

/* json, jsonl ------------------------------------------------------------------------ */

/* A name that comes twice gets a number: no value is lost. */
static json_t *object_of(const struct rows_out *out, const json_t *cells) {
  json_t *object = json_object();
  for (size_t i = 0; i < json_array_size(cells); i++) {
    char numbered[256];
    const char *name = json_string_value(json_array_get(out->names, i));
    for (int k = 2; json_object_get(object, name) != NULL; k++) {
      snprintf(numbered, sizeof numbered, "%.200s:%d",
               json_string_value(json_array_get(out->names, i)), k);
      name = numbered;
    }
    json_object_set(object, name, json_array_get(cells, i));
  }
  return object;
}

static void jsonl_row(struct rows_out *out, const json_t *cells) {
  print_json(object_of(out, cells));
}

static void json_row(struct rows_out *out, const json_t *cells) {
  json_array_append_new(out->rows, object_of(out, cells));
}

static void json_end(struct rows_out *out) { print_json(json_incref(out->rows)); }

/* csv, as RFC 4180 ------------------------------------------------------------------- */

static void csv_cell(const char *text) {
  if (text[strcspn(text, ",\"\r\n")] == 0) {
    fputs(text, stdout);
    return;
  }
  putchar('"');
  for (; *text != 0; text++) printf(*text == '"' ? "\"\"" : "%c", *text);
  putchar('"');
}

static void csv_row(struct rows_out *out, const json_t *cells) {
  char room[32];
  (void)out;
  for (size_t i = 0; i < json_array_size(cells); i++) {
    const json_t *value = json_array_get(cells, i);
    if (i > 0) putchar(',');
    if (!json_is_null(value)) csv_cell(cell(value, room));
  }
  fputs("\r\n", stdout);
}

static void csv_head(struct rows_out *out) { csv_row(out, out->names); }

/* md --------------------------------------------------------------------------------- */

static void md_cell(const char *text) {
  char *plain = text_plain_copy(text, "");
  for (const char *at = plain; *at != 0; at++) {
    if (*at == '|') putchar('\\');
    putchar(*at);
  }
  free(plain);
}

static void md_row(struct rows_out *out, const json_t *cells) {
  char room[32];
  (void)out;
  for (size_t i = 0; i < json_array_size(cells); i++) {
    fputs("| ", stdout);
    md_cell(cell(json_array_get(cells, i), room));
    putchar(' ');
  }
  puts("|");
}

static void md_head(struct rows_out *out) {
  md_row(out, out->names);
  for (size_t i = 0; i < json_array_size(out->names); i++) fputs("| --- ", stdout);
  puts("|");
}

/* table ------------------------------------------------------------------------------ */

/* Numbers stand right: a column is one of numbers when its first value is. */
static char *table_titles(const struct rows_out *out) {
  struct text titles = text_new(1 << 16);
  for (size_t i = 0; i < json_array_size(out->names); i++) {
    const json_t *first = json_array_get(json_array_get(out->rows, 0), i);
    text_format(&titles, "%s%s", i > 0 ? "|" : "", json_is_number(first) ? ">" : "");
    for (const char *at = json_string_value(json_array_get(out->names, i)); *at != 0; at++)
      text_bytes(&titles, *at == '|' || *at == '>' ? "/" : at, 1);
  }
  return titles.data;
}

static void table_end(struct rows_out *out) {
  char room[32], *titles = table_titles(out);
  struct table *table = table_new(titles);
  const json_t *cells;
  size_t i;
  json_array_foreach(out->rows, i, cells) {
    for (size_t k = 0; k < json_array_size(cells); k++)
      table_cell(table, cell(json_array_get(cells, k), room));
  }
  table_print(table, out->cli->terminal, out->cli->colour);
  free(titles);
}

static const struct format formats[] = {
    {"table", NULL, keep, table_end}, {"md", md_head, md_row, NULL},
    {"csv", csv_head, csv_row, NULL}, {"json", NULL, json_row, json_end},
    {"jsonl", NULL, jsonl_row, NULL},
};

/* ------------------------------------------------------------------------------------ */

struct rows_out *rows_out_new(const struct cli *cli, const char *format) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    if (strcmp(formats[i].name, format) != 0) continue;
    struct rows_out *out = calloc(1, sizeof *out);
    if (out == NULL) abort();
    *out = (struct rows_out){.cli = cli, .format = &formats[i], .rows = json_array()};
    return out;
  }
  return NULL;
}

enum { MOST_COLUMNS = 32 }; /* of cli/table.c */

static bool take_columns(void *ctx, const json_t *names) {
  struct rows_out *out = ctx;
  out->names = json_deep_copy(names);
  out->too_wide = json_array_size(names) > MOST_COLUMNS && out->format->end == table_end;
  if (out->too_wide) {
    fprintf(stderr, "ridge query: %zu columns are too many for a table; use --format csv\n",
            json_array_size(names));
    return false;
  }
  if (out->format->head != NULL) out->format->head(out);
  return true;
}

static bool take_row(void *ctx, const json_t *cells) {
  struct rows_out *out = ctx;
  out->format->row(out, cells);
  return !ferror(stdout);
}

struct catalog_sink rows_out_sink(struct rows_out *out) {
  return (struct catalog_sink){.ctx = out, .columns = take_columns, .row = take_row};
}

int rows_out_end(struct rows_out *out, bool failed) {
  int exit = out->too_wide ? EXIT_REFUSED : EXIT_OK;
  if (!failed && !out->too_wide && out->format->end != NULL) out->format->end(out);
  json_decref(out->names);
  json_decref(out->rows);
  free(out);
  return exit;
}
