/*
 * verb_bench.c - `ridge bench MODEL`: prefill and decode speed in one line.
 *
 * Writes a recipe for what was asked and goes the way of every run, so that a bench is
 * planned, logged and compared like anything else.  One run for each depth.
 */
#include "base/text.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/view.h"
#include "run/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DEPTHS = 32, MOST_USES = 64, MOST_WORDS = MOST_USES + 8 };

struct bench {
  struct cli *cli;
  const char *model;
  char path[PATH_MAX]; /* of the model, absolute */
  int64_t prefill, decode, batch, repeat;
  const char *depth_words;
  int64_t depths[MOST_DEPTHS];
  size_t n_depths;
  struct option_texts uses;
  struct compose_word words[MOST_WORDS]; /* what each line of the recipe comes from */
  size_t n_words;
  char figures[6][32]; /* the numbers, as a diagnostic shows them */
  struct outcome outcomes[MOST_DEPTHS];
};

/* The recipe ---------------------------------------------------------------------- */

/* As a Lua string; decimal escapes for whatever is not plain. */
static void add_quoted(struct text *out, const char *word, size_t size) {
  text_add(out, "\"");
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)word[i];
    if (c == '"' || c == '\\' || c < 0x20)
      text_format(out, "\\%03u", c);
    else
      text_bytes(out, &c, 1);
  }
  text_add(out, "\"");
}

static bool is_plain_value(const char *word, size_t size) {
  char copy[64], *end;
  if (size == 0 || size >= sizeof copy) return false;
  memcpy(copy, word, size);
  copy[size] = 0;
  if (strcmp(copy, "true") == 0 || strcmp(copy, "false") == 0) return true;
  /* What strtod reads beyond decimal numbers (inf, hexadecimal) is no number in Lua. */
  if (copy[strspn(copy, "0123456789+-.eE")] != 0 || copy[0] == '+') return false;
  (void)strtod(copy, &end);
  return *end == 0;
}

static bool is_name(const char *word, size_t size) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
  size_t first = strspn(word, letters);
  return first > 0 && first <= size &&
         strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789") == size;
}

/* "k=v" as `k = v`; false when there is no `=`, or no name before it. */
static bool add_param(struct text *out, const char *word, size_t size) {
  const char *equals = memchr(word, '=', size);
  if (equals == NULL || !is_name(word, (size_t)(equals - word))) return false;
  size_t name = (size_t)(equals - word), value = size - name - 1;
  text_add(out, " ");
  text_bytes(out, word, name);
  text_add(out, " = ");
  if (is_plain_value(equals + 1, value))
    text_bytes(out, equals + 1, value);
  else
    add_quoted(out, equals + 1, value);
  text_add(out, ",");
  return true;
}

/* "kv.paged,block=16" as `use "kv.paged" { block = 16, },`. */
static bool add_use(struct text *out, const char *word) {
  size_t size = strcspn(word, ",");
  text_add(out, "  use ");
  add_quoted(out, word, size);
  if (word[size] == ',') text_add(out, " {");
  for (const char *at = word + size; *at == ',';) {
    size_t n = strcspn(at + 1, ",");
    if (!add_param(out, at + 1, n)) return false;
    at += n + 1;
  }
  text_add(out, word[size] == ',' ? " },\n" : ",\n");
  return size > 0;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* The next line of the recipe is what the user typed so. */
static void note_word(struct bench *bench, const struct text *out, const char *option,
                      const char *typed) {
  int line = 1;
  for (size_t i = 0; i < out->size; i++) line += out->data[i] == '\n';
  bench->words[bench->n_words++] = (struct compose_word){line, option, typed};
}

/* Each number on a line of its own, so that what is wrong with it is told of its option. */
static void add_figures(struct bench *bench, int64_t depth, struct text *out) {
  const struct {
    const char *option, *before, *after;
    int64_t value;
  } rows[] = {
      {"--prefill", "  bench { prefill = ", ",\n", bench->prefill},
      {"--decode", "    decode = ", ",\n", bench->decode},
      {"--depth", "    depth = ", ",\n", depth},
      {"--batch", "    batch = ", " },\n", bench->batch},
      {"--repeat", "  measure { warmup = 1, repeats = ", " },\n", bench->repeat},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(bench->figures[i], sizeof bench->figures[i], "%" PRId64, rows[i].value);
    note_word(bench, out, rows[i].option, bench->figures[i]);
    text_format(out, "%s%s%s", rows[i].before, bench->figures[i], rows[i].after);
  }
}

static bool write_recipe(struct bench *bench, int64_t depth, struct text *out) {
  char name[PATH_MAX + 8];
  bench->n_words = 0;
  snprintf(name, sizeof name, "bench-%s", base_name(bench->path));
  text_add(out, "-- How fast does this model read a prompt, and write?\n");
  note_word(bench, out, "ridge bench", bench->model);
  text_add(out, "return infer {\n");
  note_word(bench, out, "ridge bench", bench->model);
  text_add(out, "  name = ");
  add_quoted(out, name, strlen(name));
  text_add(out, ",\n");
  note_word(bench, out, "ridge bench", bench->model);
  text_add(out, "  model ");
  add_quoted(out, bench->path, strlen(bench->path));
  text_add(out, ",\n");
  for (size_t i = 0; i < bench->uses.n; i++) {
    note_word(bench, out, "--use", bench->uses.items[i]);
    if (add_use(out, bench->uses.items[i])) continue;
    options_refuse(bench->cli, "bench", "--use wants ID or ID,NAME=VALUE,...; not `%s`",
                   bench->uses.items[i]);
    return false;
  }
  add_figures(bench, depth, out);
  text_add(out, "}\n");
  return true;
}

/* The words ----------------------------------------------------------------------- */

static int read_depths(struct bench *bench) {
  for (const char *at = bench->depth_words; at != NULL;) {
    char *end;
    errno = 0;
    intmax_t depth = strtoimax(at, &end, 10);
    if (end == at || (*end != ',' && *end != 0) || errno != 0 || depth < 0)
      return options_refuse(bench->cli, "bench",
                            "--depth wants whole numbers, like 0,512,2048; not `%s`",
                            bench->depth_words);
    if (bench->n_depths == MOST_DEPTHS)
      return options_refuse(bench->cli, "bench", "--depth: more than %d depths",
                            MOST_DEPTHS);
    bench->depths[bench->n_depths++] = depth;
    at = *end == ',' ? end + 1 : NULL;
  }
  if (bench->n_depths == 0) bench->n_depths = 1; /* depth 0 */
  return -1;
}

/* Links stay: what lies beside a link is the model's, what lies beside the file that it
 * leads to may be anything. */
static bool absolute_path(const char *path, char to[PATH_MAX]) {
  char *here = getcwd(NULL, 0);
  int n = path[0] == '/' ? snprintf(to, PATH_MAX, "%s", path)
                         : snprintf(to, PATH_MAX, "%s/%s", here != NULL ? here : ".", path);
  free(here);
  while (n > 1 && n < PATH_MAX && to[n - 1] == '/') to[--n] = 0;
  if (n >= PATH_MAX) errno = ENAMETOOLONG;
  if (path[0] == 0) errno = ENOENT; /* not the folder we are in */
  return n < PATH_MAX && path[0] != 0 && access(to, R_OK) == 0;
}

static int read_words(struct cli *cli, struct bench *bench, int argc, char **argv) {
  const struct cli_option rows[] = {
      {.name = "MODEL",
       .doc = "a model file or directory",
       .kind = OPTION_TEXT,
       .to = &bench->model},
      {.name = "--prefill",
       .value = "N",
       .kind = OPTION_INT,
       .to = &bench->prefill,
       .hi = 1 << 24,
       .doc = "prompt tokens read in one piece; 128 if not given"},
      {.name = "--decode",
       .value = "N",
       .kind = OPTION_INT,
       .to = &bench->decode,
       .hi = 1 << 24,
       .doc = "tokens generated one by one; 64 if not given"},
      {.name = "--depth",
       .value = "A,B,C",
       .kind = OPTION_TEXT,
       .to = &bench->depth_words,
       .doc = "tokens in the cache before; one run for each"},
      {.name = "--batch",
       .value = "N",
       .kind = OPTION_INT,
       .to = &bench->batch,
       .lo = 1,
       .hi = 4096,
       .doc = "sequences side by side"},
      {.name = "--repeat",
       .value = "N",
       .kind = OPTION_INT,
       .to = &bench->repeat,
       .lo = 1,
       .hi = 10000,
       .doc = "measured repeats; 5 if not given"},
      {.name = "--use",
       .value = "ID,NAME=VALUE",
       .kind = OPTION_TEXTS,
       .to = &bench->uses,
       .doc = "a strategy; may be repeated"},
  };
  int exit = options_parse(cli, "bench", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (!absolute_path(bench->model, bench->path))
    return options_refuse(cli, "bench", "%s: %s", bench->model, strerror(errno));
  return read_depths(bench);
}

/* Runs ---------------------------------------------------------------------------- */

static int run_recipe_text(struct cli *cli, const struct bench *bench,
                           const struct text *recipe, struct outcome *outcome) {
  char path[] = "/tmp/ridge-bench-XXXXXX.lua";
  struct person_view view;
  int fd = mkstemps(path, 4);
  bool wrote = fd >= 0 && write(fd, recipe->data, recipe->size) == (ssize_t)recipe->size;
  if (fd >= 0) close(fd);
  if (!wrote) {
    fprintf(stderr, "ridge bench: %s: %s\n", path, strerror(errno));
    if (fd >= 0) unlink(path);
    outcome_init(outcome);
    return EXIT_FAILED;
  }
  quiet_view_init(&view, cli);
  const struct run_once_options options = {.view = &view.view,
                                           .outcome = outcome,
                                           .words = bench->words,
                                           .n_words = bench->n_words};
  int exit = run_recipe_once(cli, path, &options, NULL);
  unlink(path);
  return exit;
}

static void speed_cells(struct table *table, const struct outcome *o, const char *metric) {
  struct spread spread;
  if (!outcome_spread(o, metric, &spread)) {
    table_cell(table, NULL);
    table_cell(table, NULL);
    return;
  }
  table_cell(table, metric_figure(metric, spread.median));
  table_cell(table, human_span(metric_figure(metric, spread.lo),
                               metric_figure(metric, spread.hi)));
}

static void print_speeds(const struct cli *cli, const struct bench *bench, size_t n) {
  if (n == 0) return;
  struct table *table = table_new(
      "model|>prefill|>decode|>depth|>batch|>reading|>range|>writing|>range|>run");
  for (size_t i = 0; i < n; i++) {
    table_cell(table, base_name(bench->path));
    table_cellf(table, "%" PRId64, bench->prefill);
    table_cellf(table, "%" PRId64, bench->decode);
    table_cellf(table, "%" PRId64, bench->depths[i]);
    table_cellf(table, "%" PRId64, bench->batch);
    speed_cells(table, &bench->outcomes[i], "prefill_tps");
    speed_cells(table, &bench->outcomes[i], "decode_tps");
    table_cellf(table, "%" PRId64, bench->outcomes[i].run);
  }
  table_print(table, cli->terminal, cli->colour);
}

static json_t *bench_json(const struct bench *bench, size_t n, int exit) {
  json_t *runs = json_array();
  for (size_t i = 0; i < n; i++) {
    json_t *run = outcome_json(&bench->outcomes[i]);
    json_object_set_new(run, "depth", json_integer(bench->depths[i]));
    json_array_append_new(runs, run);
  }
  return json_pack("{s:s, s:I, s:I, s:I, s:i, s:o}", "model", bench->path, "prefill",
                   (json_int_t)bench->prefill, "decode", (json_int_t)bench->decode, "batch",
                   (json_int_t)bench->batch, "exit", exit, "runs", runs);
}

static int run_bench(struct cli *cli, struct bench *bench) {
  int exit = EXIT_OK;
  size_t n = 0;
  while (n < bench->n_depths && exit == EXIT_OK) {
    struct text recipe = text_new(1 << 20);
    bool written = write_recipe(bench, bench->depths[n], &recipe);
    exit =
        written ? run_recipe_text(cli, bench, &recipe, &bench->outcomes[n]) : EXIT_REFUSED;
    text_free(&recipe);
    if (!written) return exit;
    n++;
  }
  if (cli->json)
    print_json(bench_json(bench, n, exit));
  else
    print_speeds(cli, bench, exit == EXIT_OK ? n : n - 1); /* the last one was told */
  for (size_t i = 0; i < n; i++) outcome_free(&bench->outcomes[i]);
  return exit;
}

int verb_bench(struct cli *cli, int argc, char **argv) {
  struct bench *bench = calloc(1, sizeof *bench);
  if (bench == NULL) abort();
  bench->cli = cli;
  bench->prefill = 128;
  bench->decode = 64;
  bench->batch = 1;
  bench->repeat = 5;
  int exit = read_words(cli, bench, argc, argv);
  if (exit < 0) exit = run_bench(cli, bench);
  free(bench);
  return exit;
}
