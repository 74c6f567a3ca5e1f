/*
 * cli.c - from the command line to a verb.
 *
 * Takes the common options out of argv wherever they stand, finds the verb, runs it.
 */
#include "cli/cli.h"

#include "base/near.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "machine/features.h"
#include "run/build_info.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
  struct cli cli;
  char self[PATH_MAX];
  char **words; /* what is left for the verb */
  int n_words;
  bool no_colour, help, version;
};

/* "ridge: problem `word`; did you mean `near`?", and as JSON for --json. */
static int refuse(const struct command *command, const char *problem, const char *word,
                  const char *near) {
  return near == NULL
             ? options_refuse(&command->cli, NULL, "%s `%.80s`", problem, word)
             : options_refuse(&command->cli, NULL, "%s `%.80s`; did you mean `%s`?",
                              problem, word, near);
}

/* Common options ------------------------------------------------------------------ */

static int set_catalog(struct command *command, const char *value) {
  if (command->cli.catalog != NULL)
    return refuse(command, "--catalog is given twice, the second time as", value, NULL);
  if (value[0] == 0)
    return refuse(command, "--catalog wants the name of a file, not", value, NULL);
  command->cli.catalog = value;
  return -1;
}

static int add_plugins(struct command *command, const char *value) {
  struct cli *cli = &command->cli;
  if (cli->n_plugins == sizeof cli->plugins / sizeof *cli->plugins)
    return refuse(command, "one --plugins too many:", value, NULL);
  cli->plugins[cli->n_plugins++] = value;
  return -1;
}

struct common {
  const char *name, *value, *doc;
  int (*take)(struct command *, const char *value);
  size_t flag; /* offset of a bool, for those without a value */
};

static const struct common common_options[] = {
    {"--catalog", "FILE", "catalog to use; else RIDGE_CATALOG, else that of the user",
     set_catalog, 0},
    {"--plugins", "DIR", "also look for plugins here (may be repeated)", add_plugins, 0},
    {"--json", NULL, "one JSON object or array on standard output", NULL,
     offsetof(struct command, cli.json)},
    {"--no-colour", NULL, "no colours (NO_COLOR does the same)", NULL,
     offsetof(struct command, no_colour)},
    {"--version", NULL, "version, commit and compiler", NULL,
     offsetof(struct command, version)},
    {"--help", NULL, "this text; `ridge help VERB` for one verb", NULL,
     offsetof(struct command, help)},
};
enum { N_COMMON = sizeof common_options / sizeof *common_options };

static const struct common *find_common(const char *word, size_t size) {
  for (size_t i = 0; i < N_COMMON; i++)
    if (strlen(common_options[i].name) == size &&
        memcmp(common_options[i].name, word, size) == 0)
      return &common_options[i];
  return NULL;
}

/* --help and --version after a verb are the verb's own words. */
static bool is_for_verb(const struct command *command, const struct common *common) {
  return command->n_words > 0 && (common->flag == offsetof(struct command, help) ||
                                  common->flag == offsetof(struct command, version));
}

static int take_common(struct command *command, const struct common *common, int argc,
                       char **argv, int *at) {
  const char *equals = strchr(argv[*at], '=');
  *at += 1;
  if (common->take == NULL) {
    if (equals != NULL) return refuse(command, "no value is taken by", common->name, NULL);
    *(bool *)((char *)command + common->flag) = true;
    return -1;
  }
  if (equals != NULL) return common->take(command, equals + 1);
  if (*at == argc) return refuse(command, "a value is missing after", common->name, NULL);
  return common->take(command, argv[(*at)++]);
}

/* Before anything can be refused. */
static void look_for_json(struct command *command, int argc, char **argv) {
  for (int at = 1; at < argc && strcmp(argv[at], "--") != 0; at++)
    command->cli.json |= strcmp(argv[at], "--json") == 0;
}

static int split_words(struct command *command, int argc, char **argv) {
  look_for_json(command, argc, argv);
  for (int at = 1; at < argc;) {
    if (strcmp(argv[at], "--") == 0) { /* the rest is the verb's */
      while (at < argc) command->words[command->n_words++] = argv[at++];
      break;
    }
    const struct common *common = find_common(argv[at], strcspn(argv[at], "="));
    if (common == NULL || is_for_verb(command, common)) {
      command->words[command->n_words++] = argv[at++];
      continue;
    }
    int exit = take_common(command, common, argc, argv, &at);
    if (exit >= 0) return exit;
  }
  command->words[command->n_words] = NULL;
  return -1;
}

/* What was not said --------------------------------------------------------------- */

static const char *value_of(const char *variable) {
  const char *value = getenv(variable);
  return value != NULL && value[0] != 0 ? value : NULL;
}

static void find_self(struct command *command, const char *argv0) {
  ssize_t n = readlink("/proc/self/exe", command->self, sizeof command->self - 1);
  if (n > 0)
    command->self[n] = 0;
  else
    snprintf(command->self, sizeof command->self, "%s", argv0);
  command->cli.self = command->self;
}

/* --help, --version, the verb ----------------------------------------------------- */

static int print_help(void) {
  size_t n;
  const struct cli_verb *verbs = cli_verbs(&n);
  printf("usage: ridge VERB [WORDS]\n"
         "Composes optimization techniques of language models by recipe, runs them, and\n"
         "writes down what they were worth.\n\n");
  for (size_t i = 0; i < n; i++)
    if (!verbs[i].hidden) printf("  %-11s %s\n", verbs[i].name, verbs[i].doc);
  printf("\n");
  for (size_t i = 0; i < N_COMMON; i++) {
    const struct common *row = &common_options[i];
    printf("  %-12s %-5s %s\n", row->name, row->value != NULL ? row->value : "", row->doc);
  }
  printf(
      "\nExit codes: 0 ok, 1 failed, 2 usage error or refused recipe, 3 inert strategy,\n"
      "4 does not fit, 5 regression.\n");
  return EXIT_OK;
}

static int refuse_verb(const struct command *command, const char *word) {
  size_t n, n_names = 0;
  const char *names[64];
  const struct cli_verb *verbs = cli_verbs(&n);
  for (size_t i = 0; i < n && n_names < 64; i++)
    if (!verbs[i].hidden) names[n_names++] = verbs[i].name;
  if (word[0] != '-')
    return refuse(command, "no verb", word, near_of(word, names, n_names));
  for (size_t i = 0; i < N_COMMON; i++) names[i] = common_options[i].name;
  return refuse(command, "no option", word, near_of(word, names, N_COMMON));
}

static int run_verb(struct command *command) {
  size_t n;
  const struct cli_verb *verbs = cli_verbs(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(verbs[i].name, command->words[0]) == 0)
      return verbs[i].run(&command->cli, command->n_words, command->words);
  return refuse_verb(command, command->words[0]);
}

static int print_version(const struct command *command) {
  if (command->n_words > 0)
    return refuse(command, "--version stands alone; it would hide", command->words[0],
                  NULL);
  if (command->cli.json)
    print_json(build_info_json());
  else
    build_info_print();
  return EXIT_OK;
}

/* `ridge help VERB` and `ridge --help VERB` are `ridge VERB --help`. */
static void turn_to_help(struct command *command) {
  bool word = command->n_words > 0 && strcmp(command->words[0], "help") == 0;
  command->help |= word;
  if (word) {
    command->words++;
    command->n_words--;
  }
  if (!command->help || command->n_words == 0) return;
  command->words[1] = (char *)(uintptr_t) "--help";
  command->words[2] = NULL;
  command->n_words = 2;
}

static int dispatch(struct command *command, int argc, char **argv) {
  int exit = split_words(command, argc, argv);
  if (exit >= 0) return exit;
  if (command->version) return print_version(command);
  turn_to_help(command);
  if (command->n_words == 0 && command->help) return print_help();
  if (command->n_words == 0)
    return refuse(command, "a verb is missing after", "ridge", NULL);
  command->cli.terminal = isatty(STDOUT_FILENO) == 1;
  command->cli.colour =
      command->cli.terminal && !command->no_colour && value_of("NO_COLOR") == NULL;
  find_self(command, argv[0]);
  struct why why;
  if (features_check(&why) != RIDGE_OK)
    return options_fail(&command->cli, command->words[0], EXIT_REFUSED, why.text);
  return run_verb(command);
}

int cli_main(int argc, char **argv) {
  struct command command = {.cli = {.argc = argc, .argv = argv}};
  char **words = calloc((size_t)argc + 3, sizeof *words);
  if (words == NULL) abort();
  command.words = words;
  int exit = dispatch(&command, argc, argv);
  free(words);
  if (fflush(stdout) != 0 && exit == EXIT_OK) {
    perror("ridge: standard output");
    exit = EXIT_FAILED;
  }
  return exit;
}
