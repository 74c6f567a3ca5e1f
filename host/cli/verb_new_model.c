/*
 * verb_new_model.c - `ridge new-model OUT --shape S --random`: a model of a real shape
 * with random weights, to measure with.
 */
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/writing.h"
#include "convert/invent.h"

#include <stdio.h>
#include <string.h>

struct making {
  struct cli *cli;
  const char *shape_word, *split_size;
  int64_t seed, threads;
  bool random, list;
  struct shape shape;
  struct invention invention;
  struct convert_spec spec;
  struct convert_plan plan;
  struct writing writing;
  struct output_result result;
  struct why why;
};

static int refuse(struct making *m, ridge_status status) {
  progress_clear(&m->writing.progress);
  bool refused = status == RIDGE_INVALID || status == RIDGE_UNSUPPORTED;
  return options_fail(m->cli, "new-model", refused ? EXIT_REFUSED : EXIT_FAILED,
                      m->why.text);
}

static int print_list(const struct making *m) {
  json_t *rows = json_array();
  struct table *table =
      table_new("shape|arch|>layers|>dim|>heads|>kv heads|>ffn|>vocab|>weights");
  for (size_t i = 0; shape_at(i) != NULL; i++) {
    const struct shape *s = shape_at(i);
    table_cell(table, s->name);
    table_cell(table, s->arch);
    table_cellf(table, "%lld", (long long)s->layers);
    table_cellf(table, "%lld", (long long)s->dim);
    table_cellf(table, "%lld", (long long)s->heads);
    table_cellf(table, "%lld", (long long)s->kv_heads);
    table_cellf(table, "%lld", (long long)s->ffn);
    table_cellf(table, "%lld", (long long)s->vocab);
    table_cell(table, human_count((double)shape_weights(s)));
    json_array_append_new(
        rows, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "shape", s->name,
                        "arch", s->arch, "layers", (json_int_t)s->layers, "dim",
                        (json_int_t)s->dim, "heads", (json_int_t)s->heads, "kv_heads",
                        (json_int_t)s->kv_heads, "ffn", (json_int_t)s->ffn, "vocab",
                        (json_int_t)s->vocab, "weights", (json_int_t)shape_weights(s)));
  }
  if (!m->cli->json) {
    table_print(table, m->cli->terminal, m->cli->colour);
    json_decref(rows);
    return EXIT_OK;
  }
  table_discard(table);
  print_json(rows);
  return EXIT_OK;
}

static void print_end(const struct making *m) {
  const struct convert_plan *plan = &m->plan;
  const double bits = 8.0 * (double)plan->bytes / (double)plan->numbers;
  if (m->cli->json) {
    json_t *files = json_array(), *notes = json_array();
    for (size_t i = 0; i < m->result.n; i++)
      json_array_append_new(files, json_string(m->result.paths[i]));
    for (size_t i = 0; i < plan->n_notes; i++)
      json_array_append_new(notes, json_string(plan->notes[i]));
    print_json(json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:I, s:o}", "files",
                         files, "shape", m->shape.name, "mix", mix_name(plan->mix), "seed",
                         (json_int_t)m->seed, "weights", (json_int_t)plan->numbers, "bytes",
                         (json_int_t)plan->bytes, "file_bytes", (json_int_t)m->result.bytes,
                         "bits_per_weight", bits, "fallbacks", (json_int_t)plan->fallbacks,
                         "notes", notes));
    return;
  }
  printf("%s%s: %s, %s weights at random (seed %lld), %s, %s (%.2f bits each)",
         m->result.paths[0], m->result.n > 1 ? " ..." : "", m->shape.name,
         human_count((double)plan->numbers), (long long)m->seed, mix_name(plan->mix),
         human_bytes((double)m->result.bytes), bits);
  if (plan->fallbacks > 0)
    printf("; %zu tensors by fallback, as `ridge convert` does it", plan->fallbacks);
  printf("\n");
  for (size_t i = 0; i < plan->n_notes; i++) printf("note: %s\n", plan->notes[i]);
}

static int make_and_write(struct making *m) {
  ridge_status status = invent(&m->shape, (uint64_t)m->seed, &m->invention, &m->why);
  if (status != RIDGE_OK) return refuse(m, status);
  m->spec.source = &m->invention.source;
  m->spec.rows = invent_rows;
  m->spec.rows_ctx = &m->invention;
  writing_serve(&m->writing, m->threads, &m->spec);
  status = convert_plan(&m->spec, &m->plan, &m->why);
  if (status == RIDGE_OK) status = convert_write(&m->plan, &m->result, &m->why);
  if (status != RIDGE_OK) return refuse(m, status);
  progress_clear(&m->writing.progress);
  print_end(m);
  return EXIT_OK;
}

static int make(struct making *m) {
  int exit = writing_open(m->cli, "new-model", &m->writing, &m->why);
  exit =
      exit >= 0 ? options_fail(m->cli, "new-model", exit, m->why.text) : make_and_write(m);
  output_result_free(&m->result);
  convert_free(&m->plan);
  invent_free(&m->invention);
  writing_close(&m->writing);
  return exit;
}

static int check_words(struct making *m) {
  if (m->list) return print_list(m);
  if (m->spec.path == NULL)
    return options_refuse(m->cli, "new-model", "OUT is missing: the file to write");
  if (m->shape_word == NULL)
    return options_refuse(m->cli, "new-model",
                          "--shape is missing; --list has the names, and "
                          "arch=llama,dim=256,layers=4 is a shape, too");
  if (!m->random)
    return options_refuse(m->cli, "new-model",
                          "say --random: the weights are random numbers, and the model "
                          "says nothing that means anything");
  if (m->split_size != NULL && !writing_size(m->split_size, &m->spec.split_bytes))
    return options_refuse(m->cli, "new-model",
                          "--split-size wants a size like 2G or 500Mi, not `%s`",
                          m->split_size);
  if (shape_read(m->shape_word, &m->shape, &m->why) != RIDGE_OK)
    return options_refuse(m->cli, "new-model", "--shape: %s", m->why.text);
  return -1;
}

int verb_new_model(struct cli *cli, int argc, char **argv) {
  struct making m = {.cli = cli, .spec = {.format = "gguf", .mix = "f16"}};
  const struct cli_option rows[] = {
      {"OUT", .doc = "the file to write", .kind = OPTION_TEXT, .to = &m.spec.path,
       .optional = true},
      {"--shape", "SHAPE", "a name of --list, key=value,..., or both", OPTION_TEXT,
       .to = &m.shape_word},
      {"--random", .doc = "weights are random numbers", .kind = OPTION_FLAG,
       .to = &m.random},
      {"--seed", "N", "of the random numbers; else 0", OPTION_INT, &m.seed, .lo = 0,
       .hi = 9e15},
      {"--codec", "MIX", "as `convert --to`; else f16", OPTION_TEXT, .to = &m.spec.mix},
      {"--pure", .doc = "the mix's base codec for every matrix", .kind = OPTION_FLAG,
       .to = &m.spec.pure},
      {"--split-size", "SIZE", "several files of about SIZE at most", OPTION_TEXT,
       .to = &m.split_size},
      {"--force", .doc = "replace a file that is there", .kind = OPTION_FLAG,
       .to = &m.spec.force},
      {"--threads", "N", "else as many as the machine has", OPTION_INT, &m.threads, .lo = 1,
       .hi = 256},
      {"--list", .doc = "the shapes that have names", .kind = OPTION_FLAG, .to = &m.list},
  };
  int exit = options_parse(cli, "new-model", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit < 0) exit = check_words(&m);
  return exit >= 0 ? exit : make(&m);
}
