/*
 * verb_query.c - `ridge query`: the questions there are, one of them, or free SQL.
 */
#include "base/near.h"
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/prose.h"
#include "cli/rows_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list --------------------------------------------------------------------------- */

static void print_parameter(const json_t *row) {
  char room[32];
  const json_t *fallback = json_object_get(row, "default");
  const char *value = json_is_null(fallback) ? "" : row_shown(fallback, room, sizeof room);
  if (json_is_true(json_object_get(row, "required"))) value = "has to be given";
  printf("      %-10s ", row_text(row, "name"));
  char doc[512];
  snprintf(doc, sizeof doc, value[0] != 0 ? "%s (%s)" : "%s%s", row_text(row, "doc"),
           value);
  prose_line(doc, 17, 17);
}

static void print_question(const json_t *help) {
  const json_t *row;
  size_t i;
  printf("\n  %s\n      ", row_text(help, "name"));
  prose_line(row_text(help, "help"), 6, 6);
  json_array_foreach(json_object_get(help, "parameters"), i, row) {
    print_parameter(row);
  }
}

static int list(const struct cli *cli) {
  json_t *all = json_array();
  const json_t *help;
  size_t i;
  for (i = 0; i < catalog_question_count(); i++) {
    struct catalog_question question = catalog_question_at(i);
    json_array_append_new(all, catalog_question_help(&question));
  }
  if (cli->json) {
    print_json(all);
    return EXIT_OK;
  }
  prose_format(0, 0,
               "Questions, asked as `ridge query NAME --param name=value`; or any SQL "
               "that reads:");
  printf("`ridge query 'SELECT * FROM run_summary LIMIT 5'`\n");
  json_array_foreach(all, i, help) {
    print_question(help);
  }
  json_decref(all);
  return EXIT_OK;
}

/* Asking ----------------------------------------------------------------------------- */

static int refuse_name(const struct cli *cli, const char *word) {
  char names[64][64];
  const char *list_of[64];
  size_t n = 0;
  for (; n < catalog_question_count() && n < 64; n++) {
    snprintf(names[n], sizeof names[n], "%s", catalog_question_at(n).name);
    list_of[n] = names[n];
  }
  const char *near = near_of(word, list_of, n);
  if (near != NULL)
    return options_refuse(cli, "query", "no question `%s`; did you mean `%s`?", word, near);
  return options_refuse(cli, "query", "no question `%s`; `ridge query` lists them", word);
}

/* "name=value" words into {"name": value}; -1, or the exit code. */
static int read_parameters(const struct cli *cli, const struct option_texts *words,
                           json_t *out) {
  for (size_t i = 0; i < words->n; i++) {
    const char *equals = strchr(words->items[i], '=');
    char name[64];
    if (equals == NULL || equals == words->items[i] ||
        (size_t)(equals - words->items[i]) >= sizeof name)
      return options_refuse(cli, "query", "--param wants name=value, not `%s`",
                            words->items[i]);
    snprintf(name, sizeof name, "%.*s", (int)(equals - words->items[i]), words->items[i]);
    json_object_set_new(out, name, catalog_typed(equals + 1));
  }
  return -1;
}

struct asked {
  const char *words; /* a name or SQL */
  struct catalog_question question;
  bool named;
  json_t *parameters;
};

static int ask(const struct cli *cli, struct catalog *catalog, const struct asked *asked,
               const char *format) {
  struct why why;
  struct rows_out *out = rows_out_new(cli, format);
  if (out == NULL)
    return options_refuse(cli, "query",
                          "no format `%s`; it is table, md, csv, json or jsonl", format);
  const struct catalog_sink sink = rows_out_sink(out);
  ridge_status status =
      asked->named
          ? catalog_ask(catalog, &asked->question, asked->parameters, &sink, NULL, &why)
          : catalog_query(catalog, asked->words, asked->parameters, &sink, NULL, &why);
  int exit = rows_out_end(out, status != RIDGE_OK);
  return status == RIDGE_OK ? exit : look_back_fail(cli, "query", status, &why);
}

static bool is_one_word(const char *text) {
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyz_-0123456789")] == 0;
}

int verb_query(struct cli *cli, int argc, char **argv) {
  struct option_texts parameters = {.n = 0};
  struct asked asked = {0};
  const char *format = NULL;
  const struct cli_option rows[] = {
      {.name = "QUESTION",
       .doc = "a name, or SQL; without it the names are listed",
       .kind = OPTION_TEXT,
       .to = &asked.words,
       .optional = true},
      {.name = "--param",
       .value = "NAME=VALUE",
       .doc = "a parameter of the question, or :NAME in SQL",
       .kind = OPTION_TEXTS,
       .to = &parameters},
      {.name = "--format",
       .value = "F",
       .doc = "table, md, csv, json or jsonl",
       .kind = OPTION_TEXT,
       .to = &format},
  };
  struct catalog *catalog = NULL;
  int exit = options_parse(cli, "query", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (cli->json && format != NULL && strcmp(format, "json") != 0)
    return options_refuse(cli, "query", "--json and --format %s: one of them is wanted",
                          format);
  if (asked.words == NULL && (parameters.n > 0 || format != NULL))
    return options_refuse(cli, "query",
                          "QUESTION is missing: without it the questions are listed, and "
                          "%s would do nothing",
                          format != NULL ? "--format" : "--param");
  if (asked.words == NULL) return list(cli);
  if (format == NULL) format = cli->json ? "json" : "table";
  asked.named = catalog_question_find(asked.words, &asked.question);
  if (!asked.named && is_one_word(asked.words)) return refuse_name(cli, asked.words);
  asked.parameters = json_object();
  exit = read_parameters(cli, &parameters, asked.parameters);
  if (exit < 0) exit = look_back_open(cli, "query", &catalog);
  if (exit < 0) exit = ask(cli, catalog, &asked, format);
  catalog_close(catalog);
  json_decref(asked.parameters);
  return exit;
}
