/*
 * verb_convert.c - `ridge convert IN OUT`: a model in other codecs, another format or
 * other pieces.
 *
 * The plan is printed before anything is written: how many tensors go from what to
 * what, and each one for which the mix could not be had.
 */
#include "base/lost_pages.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/writing.h"

#include <stdio.h>
#include <string.h>

enum { MOST_RULES = 64 };

struct conversion {
  struct cli *cli;
  struct convert_spec spec;
  struct mix_rule rules[MOST_RULES];
  struct option_texts rule_words;
  const char *in, *split_size, *importance;
  int64_t split_tensors, threads;
  bool join, dry, verbose;
  struct writing writing;
  struct source source, weights; /* of importance */
  struct convert_plan plan;
  struct output_result result;
  struct why why;
};

/* Words ----------------------------------------------------------------------------- */

static int read_words(struct conversion *c) {
  const char *verb = "convert";
  for (size_t i = 0; i < c->rule_words.n; i++)
    if (mix_rule_read(c->rule_words.items[i], &c->rules[i], &c->why) != RIDGE_OK)
      return options_refuse(c->cli, verb, "--tensor: %s", c->why.text);
  c->spec.rules = c->rules;
  c->spec.n_rules = c->rule_words.n;
  c->spec.split_tensors = (uint64_t)c->split_tensors;
  if (c->split_size != NULL && !writing_size(c->split_size, &c->spec.split_bytes))
    return options_refuse(c->cli, verb,
                          "--split-size wants a size like 2G or 500Mi, not `%s`",
                          c->split_size);
  if (c->spec.pure && c->spec.mix == NULL)
    return options_refuse(c->cli, verb, "--pure is about a mix; say which with --to");
  if (c->join && (c->split_size != NULL || c->split_tensors > 0))
    return options_refuse(c->cli, verb,
                          "--join makes one file, --split-... several; choose one");
  return -1;
}

static int refuse(struct conversion *c, ridge_status status) {
  progress_clear(&c->writing.progress);
  if (lost_pages_met())
    status = why_set(&c->why, RIDGE_IO,
                     "%s: a file became shorter while it was read, or its disk failed; "
                     "nothing is left of what was written: get it whole, then try again",
                     c->in);
  bool refused = status == RIDGE_INVALID || status == RIDGE_UNSUPPORTED;
  return options_fail(c->cli, "convert", refused ? EXIT_REFUSED : EXIT_FAILED, c->why.text);
}

/* The plan, for people --------------------------------------------------------------- */

static double bits_each(uint64_t bytes, int64_t numbers) {
  return numbers > 0 ? 8.0 * (double)bytes / (double)numbers : 0;
}

static const char *shape_of(const ridge_file_tensor *t, char room[96]) {
  size_t at = 0;
  for (uint32_t i = 0; i < t->rank; i++)
    at += (size_t)snprintf(room + at, 96 - at, "%s%lld", i > 0 ? " x " : "",
                           (long long)t->dims[i]);
  return room;
}

static void print_tensors(const struct conversion *c) {
  struct table *table = table_new("tensor|shape|from|to|by|>bytes");
  char room[96];
  for (size_t i = 0; i < c->plan.n; i++) {
    const struct convert_row *row = &c->plan.rows[i];
    table_cell(table, row->from->name);
    table_cell(table, shape_of(row->from, room));
    table_cell(table, row->from->codec);
    table_cell(table, row->to);
    table_cell(table, row->missed != NULL ? "fallback" : row->rule);
    table_cellf(table, "%llu", (unsigned long long)row->bytes);
  }
  table_print(table, c->cli->terminal, c->cli->colour);
}

/* One line for each pair of codecs, in the order in which they are met. */
static void print_groups(const struct conversion *c) {
  const struct convert_plan *plan = &c->plan;
  struct table *table = table_new("from|to|>tensors|>bytes|>was");
  for (size_t i = 0; i < plan->n; i++) {
    const struct convert_row *row = &plan->rows[i];
    uint64_t bytes = 0, was = 0;
    size_t n = 0, first = plan->n;
    for (size_t j = 0; j < plan->n; j++) {
      const struct convert_row *other = &plan->rows[j];
      if (strcmp(other->to, row->to) != 0 ||
          strcmp(other->from->codec, row->from->codec) != 0)
        continue;
      if (first == plan->n) first = j;
      n++;
      bytes += other->bytes;
      was += other->from->bytes;
    }
    if (first != i) continue;
    table_cell(table, row->from->codec);
    table_cell(table, row->to);
    table_cellf(table, "%zu", n);
    table_cell(table, human_bytes((double)bytes));
    table_cell(table, human_bytes((double)was));
  }
  table_print(table, c->cli->terminal, c->cli->colour);
}

static bool same_fallback(const struct convert_row *a, const struct convert_row *b) {
  return b->missed != NULL && strcmp(a->missed, b->missed) == 0 &&
         strcmp(a->to, b->to) == 0 && output_cols(a->from) == output_cols(b->from);
}

/* One line for each codec that could not be had, at the first tensor it is about. */
static void print_fallbacks(const struct conversion *c) {
  const struct convert_plan *plan = &c->plan;
  for (size_t i = 0; i < plan->n; i++) {
    const struct convert_row *row = &plan->rows[i];
    size_t before = 0, after = 0;
    if (row->missed == NULL) continue;
    for (size_t j = 0; j < i; j++) before += same_fallback(row, &plan->rows[j]);
    for (size_t j = i + 1; j < plan->n; j++) after += same_fallback(row, &plan->rows[j]);
    if (before > 0) continue;
    printf("fallback: rows of %lld are no whole blocks of %s, so %s instead: %s",
           (long long)output_cols(row->from), row->missed, row->to, row->from->name);
    if (after > 0) printf(" and %zu more", after);
    printf("\n");
  }
}

static void print_left_out(const struct conversion *c) {
  for (size_t i = 0; i < c->plan.n_left_out; i++)
    printf("left out: %s: %s\n", c->plan.left_out[i].key, c->plan.left_out[i].effect);
  for (size_t i = 0; i < c->plan.n_notes; i++) printf("note: %s\n", c->plan.notes[i]);
  if (source_fact(&c->source, "tokenizer.ggml.model") == NULL)
    printf("no tokenizer: %s has none, and programs that want one will not open the file "
           "that is written\n",
           c->source.path);
}

static void print_plan(const struct conversion *c) {
  if (c->verbose)
    print_tensors(c);
  else
    print_groups(c);
  print_fallbacks(c);
  print_left_out(c);
}

static void print_end(const struct conversion *c) {
  const struct convert_plan *plan = &c->plan;
  const char *name = c->dry ? c->spec.path : c->result.paths[0];
  if (!c->dry && c->result.n > 1)
    printf("%zu files, %s ... %s: ", c->result.n, name, c->result.paths[c->result.n - 1]);
  else
    printf("%s: ", name);
  printf("%s%s%zu tensors, %s weights, %s (%.2f bits each), was %s (%.2f)",
         plan->mix != NULL ? mix_name(plan->mix) : "", plan->mix != NULL ? ", " : "",
         plan->n, human_count((double)plan->numbers), human_bytes((double)plan->bytes),
         bits_each(plan->bytes, plan->numbers), human_bytes((double)plan->bytes_before),
         bits_each(plan->bytes_before, plan->numbers));
  if (plan->fallbacks > 0) printf("; %zu by fallback", plan->fallbacks);
  if (plan->weighted > 0) printf("; %zu by importance", plan->weighted);
  printf("%s\n", c->dry ? "; nothing was written (--dry-run)" : "");
}

/* The same for programs --------------------------------------------------------------- */

static json_t *json_row(const struct convert_row *row) {
  json_t *shape = json_array();
  for (uint32_t i = 0; i < row->from->rank; i++)
    json_array_append_new(shape, json_integer(row->from->dims[i]));
  return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s?, s:I, s:I}", "name", row->from->name,
                   "shape", shape, "from", row->from->codec, "to", row->to, "by",
                   row->missed != NULL ? "fallback" : row->rule, "wanted", row->missed,
                   "bytes", (json_int_t)row->bytes, "bytes_before",
                   (json_int_t)row->from->bytes);
}

static void print_as_json(const struct conversion *c) {
  const struct convert_plan *plan = &c->plan;
  json_t *tensors = json_array(), *files = json_array(), *left_out = json_array(),
         *notes = json_array();
  for (size_t i = 0; i < plan->n_left_out; i++)
    json_array_append_new(left_out, json_string(plan->left_out[i].key));
  for (size_t i = 0; i < plan->n_notes; i++)
    json_array_append_new(notes, json_string(plan->notes[i]));
  for (size_t i = 0; i < plan->n; i++)
    json_array_append_new(tensors, json_row(&plan->rows[i]));
  for (size_t i = 0; i < c->result.n; i++)
    json_array_append_new(files, json_string(c->result.paths[i]));
  print_json(json_pack(
      "{s:s, s:o, s:b, s:s, s:s?, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:o, s:o, s:o}", "in",
      c->in, "files", files, "written", !c->dry, "format", c->spec.format, "mix",
      plan->mix != NULL ? mix_name(plan->mix) : NULL, "weights", (json_int_t)plan->numbers,
      "bytes", (json_int_t)plan->bytes, "bytes_before", (json_int_t)plan->bytes_before,
      "file_bytes", (json_int_t)c->result.bytes, "bits_per_weight",
      bits_each(plan->bytes, plan->numbers), "fallbacks", (json_int_t)plan->fallbacks,
      "weighted", (json_int_t)plan->weighted, "left_out", left_out, "notes", notes,
      "tensors", tensors));
}

/* ------------------------------------------------------------------------------------ */

/* Nothing was begun yet: a model that cannot be opened is refused, as every verb does. */
static int open_source(struct conversion *c, const char *path, struct source *to) {
  ridge_status status = source_open(path, &c->writing.plugins, to, &c->why);
  return status == RIDGE_OK ? -1 : refuse(c, RIDGE_INVALID);
}

static int plan_and_write(struct conversion *c) {
  int exit = open_source(c, c->in, &c->source);
  if (exit >= 0) return exit;
  if (c->join && c->source.n_files == 1)
    return options_refuse(c->cli, "convert", "--join: %s is one file already",
                          c->source.path);
  if (c->importance != NULL) {
    exit = open_source(c, c->importance, &c->weights);
    if (exit >= 0) return exit;
    c->spec.importance = &c->weights;
  }
  c->spec.source = &c->source;
  writing_serve(&c->writing, c->threads, &c->spec);
  ridge_status status = convert_plan(&c->spec, &c->plan, &c->why);
  if (status != RIDGE_OK) return refuse(c, status);
  if (!c->cli->json) print_plan(c);
  fflush(stdout);
  if (!c->dry) status = convert_write(&c->plan, &c->result, &c->why);
  if (status != RIDGE_OK || lost_pages_met()) return refuse(c, status);
  progress_clear(&c->writing.progress);
  if (c->cli->json)
    print_as_json(c);
  else
    print_end(c);
  return EXIT_OK;
}

static int convert(struct conversion *c) {
  int exit = writing_open(c->cli, "convert", &c->writing, &c->why);
  exit = exit >= 0 ? options_fail(c->cli, "convert", exit, c->why.text) : plan_and_write(c);
  output_result_free(&c->result);
  convert_free(&c->plan);
  source_close(&c->weights);
  source_close(&c->source);
  writing_close(&c->writing);
  return exit;
}

int verb_convert(struct cli *cli, int argc, char **argv) {
  struct conversion c = {.cli = cli, .spec = {.format = "gguf"}};
  const struct cli_option rows[] = {
      {"IN", .doc = "the model: a file, any piece of a split one, or a directory",
       .kind = OPTION_TEXT, .to = &c.in},
      {"OUT", .doc = "the file to write; pieces make their names from it",
       .kind = OPTION_TEXT, .to = &c.spec.path},
      {"--to", "MIX", "codecs by a mix: q4_k_m, q8_0, f16 ... (README)", OPTION_TEXT,
       .to = &c.spec.mix},
      {"--pure", .doc = "the mix's base codec for every matrix", .kind = OPTION_FLAG,
       .to = &c.spec.pure},
      {"--tensor", "PATTERN=CODEC", "for the tensors that fit; `keep`: as they are",
       OPTION_TEXTS, .to = &c.rule_words},
      {"--importance", "FILE", "what inputs matter, from llama.cpp's imatrix (GGUF)",
       OPTION_TEXT, .to = &c.importance},
      {"--split-size", "SIZE", "several files of about SIZE at most: 2G, 500Mi",
       OPTION_TEXT, .to = &c.split_size},
      {"--split-tensors", "N", "several files of N tensors at most", OPTION_INT,
       &c.split_tensors, .lo = 1, .hi = 65536},
      {"--join", .doc = "one file of a split model", .kind = OPTION_FLAG, .to = &c.join},
      {"--format", "NAME", "of the file to write: gguf", OPTION_TEXT, .to = &c.spec.format},
      {"--force", .doc = "replace files that are there", .kind = OPTION_FLAG,
       .to = &c.spec.force},
      {"--threads", "N", "else as many as the machine has", OPTION_INT, &c.threads, .lo = 1,
       .hi = 256},
      {"--dry-run", .doc = "print the plan and write nothing", .kind = OPTION_FLAG,
       .to = &c.dry},
      {"--verbose", .doc = "every tensor", .kind = OPTION_FLAG, .to = &c.verbose},
  };
  int exit = options_parse(cli, "convert", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit < 0) exit = read_words(&c);
  return exit >= 0 ? exit : convert(&c);
}
