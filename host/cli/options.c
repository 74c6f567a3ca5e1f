/* options.c - the words of one verb, from a table. */
#include "cli/options.h"

#include "base/near.h"
#include "base/text.h"
#include "cli/print_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct parse {
  const struct cli *cli;
  const char *verb;
  const struct cli_option *rows;
  size_t n, positional; /* rows; positional words taken so far */
  uint64_t seen;        /* options taken so far, a bit for each row */
};

static bool is_option(const struct cli_option *row) { return row->name[0] == '-'; }

int options_fail(const struct cli *cli, const char *verb, int exit, const char *sentence) {
  char *plain = text_plain_copy(sentence, ""); /* it may quote a catalog, or argv */
  fprintf(stderr, "ridge%s%s: %s\n", verb != NULL ? " " : "", verb != NULL ? verb : "",
          plain);
  if (cli->json)
    print_json(json_pack("{s:s, s:i, s:s}", "status",
                         exit == EXIT_FAILED ? "failed" : "refused", "exit", exit, "error",
                         plain));
  free(plain);
  return exit;
}

int options_refuse(const struct cli *cli, const char *verb, const char *fmt, ...) {
  char *sentence = NULL;
  va_list args;
  va_start(args, fmt);
  int n = vasprintf(&sentence, fmt, args);
  va_end(args);
  if (n < 0) abort();
  int exit = options_fail(cli, verb, EXIT_REFUSED, sentence);
  fprintf(stderr, "Try `ridge%s%s --help`.\n", verb != NULL ? " " : "",
          verb != NULL ? verb : "");
  free(sentence);
  return exit;
}

/* --help -------------------------------------------------------------------------- */

static const struct cli_verb *find_verb(const char *name) {
  size_t n;
  const struct cli_verb *verbs = cli_verbs(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
  return NULL;
}

static void print_rows(const struct parse *parse, bool options) {
  for (size_t i = 0; i < parse->n; i++) {
    const struct cli_option *row = &parse->rows[i];
    if (is_option(row) != options) continue;
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", row->name, row->value != NULL ? " " : "",
             row->value != NULL ? row->value : "");
    printf("  %-22s %s\n", left, row->doc);
  }
}

/* "RECIPE", "[DIR]", "[--set NAME=VALUE]..." */
static void usage_word(const struct cli_option *row, char *out, size_t room) {
  bool brackets = is_option(row) || row->optional;
  snprintf(out, room, "%s%s%s%s%s%s", brackets ? "[" : "", row->name,
           row->value != NULL ? " " : "", row->value != NULL ? row->value : "",
           brackets ? "]" : "", row->kind == OPTION_TEXTS ? "..." : "");
}

/* Made from the rows, so that none is left out. */
static void print_usage(const struct parse *parse) {
  enum { COLUMNS = 80 };
  int indent = printf("usage: ridge %s", parse->verb), column = indent;
  for (int options = 0; options < 2; options++)
    for (size_t i = 0; i < parse->n; i++) {
      char word[128];
      if (is_option(&parse->rows[i]) != (options == 1)) continue;
      usage_word(&parse->rows[i], word, sizeof word);
      int width = (int)strlen(word) + 1;
      if (column + width > COLUMNS) column = printf("\n%*s", indent, "") - 1;
      column += width;
      printf(" %s", word);
    }
  printf("\n");
}

static int print_help(const struct parse *parse) {
  const struct cli_verb *verb = find_verb(parse->verb);
  print_usage(parse);
  if (verb != NULL) printf("%s\n", verb->doc);
  printf("\n");
  print_rows(parse, false);
  print_rows(parse, true);
  printf("\nCommon options: %s%s--json, --no-colour (`ridge help`).\n",
         verb != NULL && (verb->uses & CLI_CATALOG) != 0 ? "--catalog FILE, " : "",
         verb != NULL && (verb->uses & CLI_PLUGINS) != 0 ? "--plugins DIR, " : "");
  return EXIT_OK;
}

/* Values -------------------------------------------------------------------------- */

static int out_of_bounds(const struct parse *parse, const struct cli_option *row,
                         const char *word) {
  return options_refuse(parse->cli, parse->verb,
                        "%s is %s; it must be between %.15g and %.15g", row->name, word,
                        row->lo, row->hi);
}

static bool outside(const struct cli_option *row, double value) {
  return (row->lo != 0 || row->hi != 0) && (value < row->lo || value > row->hi);
}

static int store_int(const struct parse *parse, const struct cli_option *row,
                     const char *word) {
  char *end;
  errno = 0;
  intmax_t value = strtoimax(word, &end, 10);
  if (end == word || *end != 0 || errno != 0)
    return options_refuse(parse->cli, parse->verb, "%s wants a whole number, not `%s`",
                          row->name, word);
  if (outside(row, (double)value)) return out_of_bounds(parse, row, word);
  *(int64_t *)row->to = value;
  return -1;
}

static int store_real(const struct parse *parse, const struct cli_option *row,
                      const char *word) {
  char *end;
  double value = strtod(word, &end);
  if (end == word || *end != 0 || !isfinite(value))
    return options_refuse(parse->cli, parse->verb, "%s wants a number, not `%s`", row->name,
                          word);
  if (outside(row, value)) return out_of_bounds(parse, row, word);
  *(double *)row->to = value;
  return -1;
}

static int store_texts(const struct parse *parse, const struct cli_option *row,
                       const char *word) {
  struct option_texts *texts = row->to;
  size_t most = sizeof texts->items / sizeof *texts->items;
  if (texts->n == most)
    return options_refuse(parse->cli, parse->verb, "%s was given more than %zu times",
                          row->name, most);
  texts->items[texts->n++] = word;
  return -1;
}

static int store(const struct parse *parse, const struct cli_option *row,
                 const char *word) {
  switch (row->kind) {
  case OPTION_FLAG: *(bool *)row->to = true; return -1;
  case OPTION_TEXT: *(const char **)row->to = word; return -1;
  case OPTION_TEXTS: return store_texts(parse, row, word);
  case OPTION_INT: return store_int(parse, row, word);
  case OPTION_REAL: return store_real(parse, row, word);
  }
  return -1;
}

/* Words --------------------------------------------------------------------------- */

static int refuse_unknown(const struct parse *parse, const char *word, size_t size) {
  static const char *const common[] = {"--catalog", "--plugins", "--json", "--no-colour",
                                       "--help"};
  const char *names[64];
  size_t n = 0;
  for (size_t i = 0; i < sizeof common / sizeof *common; i++) names[n++] = common[i];
  for (size_t i = 0; i < parse->n && n < 64; i++)
    if (is_option(&parse->rows[i])) names[n++] = parse->rows[i].name;
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)(size < 63 ? size : 63), word);
  const char *near = near_of(name, names, n);
  if (near != NULL)
    return options_refuse(parse->cli, parse->verb, "no option `%s`; did you mean `%s`?",
                          name, near);
  return options_refuse(parse->cli, parse->verb, "no option `%s`", name);
}

static const struct cli_option *find_option(const struct parse *parse, const char *word,
                                            size_t size) {
  for (size_t i = 0; i < parse->n; i++) {
    const char *name = parse->rows[i].name;
    if (strlen(name) == size && memcmp(name, word, size) == 0) return &parse->rows[i];
  }
  return NULL;
}

/* One option at argv[*at], with its value; moves *at past what it took. */
static int take_option(struct parse *parse, int argc, char **argv, int *at) {
  const char *word = argv[*at];
  size_t size = strcspn(word, "=");
  const struct cli_option *row = find_option(parse, word, size);
  if (row == NULL) return refuse_unknown(parse, word, size);
  uint64_t bit = UINT64_C(1) << (row - parse->rows);
  if (row->kind != OPTION_TEXTS && (parse->seen & bit) != 0)
    return options_refuse(parse->cli, parse->verb, "%s is given twice; which one is meant?",
                          row->name);
  parse->seen |= bit;
  const char *value = word[size] == '=' ? word + size + 1 : NULL;
  *at += 1;
  if (row->kind == OPTION_FLAG) {
    if (value != NULL)
      return options_refuse(parse->cli, parse->verb, "%s takes no value", row->name);
    return store(parse, row, NULL);
  }
  if (value == NULL && *at == argc)
    return options_refuse(parse->cli, parse->verb, "%s wants a value: %s %s", row->name,
                          row->name, row->value != NULL ? row->value : "VALUE");
  if (value == NULL) value = argv[(*at)++];
  return store(parse, row, value);
}

static const struct cli_option *next_positional(const struct parse *parse) {
  size_t seen = 0;
  for (size_t i = 0; i < parse->n; i++) {
    const struct cli_option *row = &parse->rows[i];
    if (is_option(row)) continue;
    if (seen == parse->positional || row->kind == OPTION_TEXTS) return row;
    seen++;
  }
  return NULL;
}

static int take_word(struct parse *parse, const char *word) {
  const struct cli_option *row = next_positional(parse);
  if (row == NULL)
    return options_refuse(parse->cli, parse->verb, "one word too many: `%s`", word);
  parse->positional++;
  return store(parse, row, word);
}

static int check_complete(const struct parse *parse) {
  const struct cli_option *row = next_positional(parse);
  if (row == NULL || row->optional) return -1;
  if (row->kind == OPTION_TEXTS && ((struct option_texts *)row->to)->n > 0) return -1;
  return options_refuse(parse->cli, parse->verb, "%s is missing: %s", row->name, row->doc);
}

/* Also for a verb that looks at none of them this time. */
static int check_plugins(const struct parse *parse) {
  for (size_t i = 0; i < parse->cli->n_plugins; i++) {
    struct stat facts;
    const char *path = parse->cli->plugins[i];
    bool there = stat(path, &facts) == 0;
    if (there && S_ISDIR(facts.st_mode)) continue;
    return options_refuse(parse->cli, parse->verb, "--plugins %s: %s", path,
                          there ? "it is no directory; name the folder that the file is in"
                                : strerror(errno));
  }
  return -1;
}

/* What would do nothing is not taken. */
static int check_common(const struct parse *parse) {
  const struct cli_verb *verb = find_verb(parse->verb);
  if (verb == NULL) return -1;
  if (parse->cli->catalog != NULL && (verb->uses & CLI_CATALOG) == 0)
    return options_refuse(parse->cli, parse->verb,
                          "no catalog is used here, so --catalog would do nothing; leave "
                          "it out");
  if (parse->cli->n_plugins > 0 && (verb->uses & CLI_PLUGINS) == 0)
    return options_refuse(parse->cli, parse->verb,
                          "no plugins are looked for here, so --plugins would do nothing; "
                          "leave it out");
  return check_plugins(parse);
}

int options_parse(const struct cli *cli, const char *verb, const struct cli_option *rows,
                  size_t n, int argc, char **argv) {
  struct parse parse = {.cli = cli, .verb = verb, .rows = rows, .n = n};
  bool words_only = false;
  for (int at = 1; at < argc;) {
    const char *word = argv[at];
    int exit = -1;
    if (words_only || word[0] != '-' || word[1] == 0) {
      exit = take_word(&parse, word);
      at++;
    } else if (strcmp(word, "--") == 0) {
      words_only = true;
      at++;
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
      return print_help(&parse);
    } else {
      exit = take_option(&parse, argc, argv, &at);
    }
    if (exit >= 0) return exit;
  }
  int exit = check_common(&parse);
  return exit >= 0 ? exit : check_complete(&parse);
}
