/* convert.c - the plan of a conversion, and its execution. */
#include "convert/convert.h"

#include "convert/importance.h"
#include "engine/providers.h"
#include "registry/params.h"

#include <stdlib.h>
#include <string.h>

/* ---- plugins ---- */

struct format_search {
  const char *key;
  const ridge_format *found;
  struct instance *by;
};

static void look_format(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct format_search *search = ctx;
  const ridge_format *format = fill->table;
  if (search->found != NULL || strcmp(fill->key, search->key) != 0) return;
  if (format->write_head == NULL) return;
  search->found = format;
  search->by = instance;
}

const ridge_format *convert_format(struct instances *plugins, const char *key,
                                   struct instance **by) {
  struct format_search search = {.key = key};
  instances_each_fill(plugins, RIDGE_SEAM_FORMAT, look_format, &search);
  *by = search.by;
  return search.found;
}

ridge_status convert_open_parts(const struct registry *registry, struct instances *out,
                                struct why *why) {
  for (size_t i = 0; i < registry->n_plugins; i++) {
    const struct plugin_info *info = &registry->plugins[i];
    if (info->kind != RIDGE_PART) continue;
    json_t *params = params_defaults(info);
    ridge_status status = instances_add(out, info->path, params, true, NULL, why);
    json_decref(params);
    if (status != RIDGE_OK) return status;
  }
  return instances_create(out, why);
}

/* ---- one tensor ---- */

static const ridge_codec *codec_of(const struct convert_plan *plan, const char *name) {
  const struct provider_rules rules = {.plugins = plan->spec->plugins};
  return provider_codec(&rules, name);
}

static ridge_status refuse_codec(const struct convert_plan *plan,
                                 const struct convert_row *row, const char *codec,
                                 const char *verb, struct why *why) {
  return why_set(why, RIDGE_UNSUPPORTED,
                 "%s: tensor %s: no installed codec %s `%s`; `ridge plugins` lists them",
                 plan->spec->source->path, row->from->name, verb, codec);
}

static bool fits(const ridge_codec *codec, const struct convert_row *row) {
  return output_cols(row->from) % codec->block == 0;
}

/* The codec a mix wants, or the first in its stead whose blocks fit the rows. */
static ridge_status fall_back(struct convert_plan *plan, struct convert_row *row,
                              struct why *why) {
  for (const char *codec = row->to; codec != NULL; codec = mix_instead(codec)) {
    const ridge_codec *table = codec_of(plan, codec);
    if (table == NULL || table->encode == NULL)
      return refuse_codec(plan, row, codec, "writes", why);
    if (!fits(table, row)) continue;
    if (codec != row->to) {
      row->missed = row->to;
      plan->fallbacks++;
    }
    row->to = codec;
    return RIDGE_OK;
  }
  return RIDGE_OK;
}

static ridge_status obey_rule(struct convert_plan *plan, struct convert_row *row,
                              const struct mix_rule *rule, const ridge_codec *table,
                              struct why *why) {
  row->rule = "rule";
  if (!fits(table, row))
    return why_set(why, RIDGE_INVALID,
                   "%s: tensor %s: its rows are %lld wide, and %s is stored in blocks of "
                   "%lld; choose another codec in `%s=%s`",
                   plan->spec->source->path, row->from->name,
                   (long long)output_cols(row->from), rule->codec, (long long)table->block,
                   rule->pattern, rule->codec);
  row->to = table->name;
  return RIDGE_OK;
}

/* What is no matrix is added and multiplied number by number, in f32: files of other
 * formats have it in halves. */
static void keep(const struct convert_plan *plan, struct convert_row *row) {
  const struct source *source = plan->spec->source;
  const char *codec = row->from->codec;
  row->rule = "kept";
  if (strcmp(source->format_name, plan->spec->format) == 0) return;
  if (mix_takes(row->from)) return;
  if (strcmp(codec, "f16") == 0 || strcmp(codec, "bf16") == 0) row->to = "f32";
}

static ridge_status choose_by_mix(struct convert_plan *plan, const struct mix_model *model,
                                  struct convert_row *row, struct why *why) {
  keep(plan, row);
  if (plan->mix == NULL || !mix_takes(row->from)) return RIDGE_OK;
  row->rule = "mix";
  row->to = mix_codec(plan->mix, model, row->from, plan->spec->pure);
  return fall_back(plan, row, why);
}

static ridge_status choose(struct convert_plan *plan, const struct mix_model *model,
                           struct convert_row *row, struct why *why) {
  const struct convert_spec *spec = plan->spec;
  struct mix_rule *rule = mix_rule_find(spec->rules, spec->n_rules, row->from->name);
  row->to = row->from->codec;
  row->rule = "rule";
  if (rule == NULL) return choose_by_mix(plan, model, row, why);
  if (strcmp(rule->codec, "keep") == 0) return RIDGE_OK;
  const ridge_codec *table = codec_of(plan, rule->codec);
  if (table == NULL || table->encode == NULL)
    return refuse_codec(plan, row, rule->codec, "writes", why);
  if (mix_takes(row->from) || table->block == 1)
    return obey_rule(plan, row, rule, table, why);
  rule->passed++; /* blocks are for matrices: blk.0.* means those of the layer */
  return choose_by_mix(plan, model, row, why);
}

static int64_t count_numbers(const ridge_file_tensor *tensor) {
  return output_rows(tensor) * output_cols(tensor);
}

/* Copied, or read and written anew? */
static ridge_status find_codecs(struct convert_plan *plan, struct convert_row *row,
                                struct why *why) {
  row->bytes = row->from->bytes;
  const bool same = strcmp(row->to, row->from->codec) == 0;
  if (same && row->head_rows == 0 && plan->spec->rows == NULL) return RIDGE_OK;
  row->reader = codec_of(plan, row->from->codec);
  row->writer = codec_of(plan, row->to);
  if (row->reader == NULL || row->reader->decode == NULL)
    return refuse_codec(plan, row, row->from->codec, "reads", why);
  if (row->writer == NULL || row->writer->encode == NULL)
    return refuse_codec(plan, row, row->to, "writes", why);
  const uint64_t blocks = (uint64_t)(row->numbers / row->writer->block);
  if (__builtin_mul_overflow(blocks, row->writer->block_bytes, &row->bytes))
    return why_set(why, RIDGE_CORRUPT, "%s: tensor %s is larger than can be counted",
                   plan->spec->source->path, row->from->name);
  plan->changed += !same;
  return RIDGE_OK;
}

/* ---- all of them ---- */

static struct mix_model model_of(struct convert_plan *plan) {
  const struct source *source = plan->spec->source;
  const int64_t heads = convert_int(source, "attention.head_count", 1);
  const int64_t kv = convert_int(source, "attention.head_count_kv", heads);
  return (struct mix_model){
      .has_output = source_tensor(source, "output.weight") != NULL,
      .layers = convert_int(source, "block_count", 0),
      .experts = convert_int(source, "expert_count", 0),
      .gqa = kv > 0 ? heads / kv : 1,
  };
}

static ridge_status check_rules(const struct convert_spec *spec, struct why *why) {
  for (size_t i = 0; i < spec->n_rules; i++) {
    const struct mix_rule *rule = &spec->rules[i];
    if (rule->fitted == 0)
      return why_set(why, RIDGE_INVALID,
                     "the pattern `%s` fits no tensor of %s; `ridge convert --dry-run "
                     "--verbose` lists their names",
                     rule->pattern, spec->source->path);
    if (rule->fitted == rule->passed)
      return why_set(why, RIDGE_INVALID,
                     "the pattern `%s` fits what is no matrix of %s only, and %s is stored "
                     "in blocks of matrices' rows; f32 and f16 can be had",
                     rule->pattern, spec->source->path, rule->codec);
  }
  return RIDGE_OK;
}

static ridge_status choose_all(struct convert_plan *plan, struct why *why) {
  const struct mix_model model = model_of(plan);
  const ridge_model_file *file = &plan->spec->source->file;
  plan->n = (size_t)file->n_tensors;
  plan->rows = arena_array(&plan->memory, plan->n + 1, sizeof *plan->rows);
  for (size_t i = 0; i < plan->n; i++) {
    struct convert_row *row = &plan->rows[i];
    row->from = &file->tensors[i];
    row->numbers = count_numbers(row->from);
    ridge_status status = choose(plan, &model, row, why);
    if (status != RIDGE_OK) return status;
  }
  return check_rules(plan->spec, why);
}

/* Only a codec that searches can weigh. */
static ridge_status weigh_all(struct convert_plan *plan, struct why *why) {
  const struct source *importance = plan->spec->importance;
  for (size_t i = 0; i < plan->n && importance != NULL; i++) {
    struct convert_row *row = &plan->rows[i];
    if (row->writer == NULL || row->writer->encode_weighted == NULL) continue;
    ridge_status status =
        importance_of(importance, row->from, &plan->memory, &row->importance, why);
    if (status != RIDGE_OK) return status;
    plan->weighted += row->importance != NULL;
  }
  if (importance == NULL || plan->weighted > 0) return RIDGE_OK;
  return why_set(
      why, RIDGE_INVALID,
      "%s: says nothing of any tensor that is encoded by a search (k-quants, iq4 "
      "and mxfp4 are); leave it out, or take another mix or the model's own file",
      importance->path);
}

static ridge_status find_all_codecs(struct convert_plan *plan, struct why *why) {
  for (size_t i = 0; i < plan->n; i++) {
    struct convert_row *row = &plan->rows[i];
    ridge_status status = find_codecs(plan, row, why);
    if (status != RIDGE_OK) return status;
    plan->bytes_before += row->from->bytes;
    plan->bytes += row->bytes;
    plan->numbers += row->numbers;
  }
  return RIDGE_OK;
}

static ridge_status find_mix(struct convert_plan *plan, struct why *why) {
  const char *name = plan->spec->mix;
  if (name == NULL) return RIDGE_OK;
  plan->mix = mix_find(name);
  if (plan->mix != NULL) return RIDGE_OK;
  const char *near = mix_suggest(name);
  return why_set(why, RIDGE_INVALID, "there is no mix `%s`%s%s%s; there are %s", name,
                 near != NULL ? " (did you mean `" : "", near != NULL ? near : "",
                 near != NULL ? "`?)" : "", mix_names());
}

static ridge_status find_format(struct convert_plan *plan, struct why *why) {
  plan->format_table = convert_format(plan->spec->plugins, plan->spec->format, &plan->by);
  if (plan->format_table != NULL) return RIDGE_OK;
  return why_set(why, RIDGE_UNSUPPORTED,
                 "no installed format writes `%s`; `ridge plugins` lists the formats",
                 plan->spec->format);
}

void convert_free(struct convert_plan *plan) { arena_free(&plan->memory); }

/* ---- reading ---- */

static void read_vector(const struct convert_plan *plan, const struct convert_row *row,
                        const uint8_t *from, float *to) {
  const int64_t n = row->numbers;
  const uint64_t one = row->reader->block_bytes;
  if (row->head_rows == 0) {
    row->reader->decode(from, to, n);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    row->reader->decode(from + (uint64_t)convert_pair_row(plan, row, i) * one, &to[i], 1);
}

static ridge_status read_rows(void *ctx, size_t index, int64_t lo, int64_t hi, float *to,
                              struct why *why) {
  const struct convert_plan *plan = ctx;
  const struct convert_row *row = &plan->rows[index];
  if (plan->spec->rows != NULL)
    return plan->spec->rows(plan->spec->rows_ctx, index, lo, hi, to, why);
  const uint8_t *from = source_data(plan->spec->source, row->from);
  const int64_t cols = output_cols(row->from);
  const uint64_t stride = (uint64_t)(cols / row->reader->block) * row->reader->block_bytes;
  if (row->from->rank == 1) {
    read_vector(plan, row, from, to);
    return RIDGE_OK;
  }
  for (int64_t r = lo; r < hi; r++)
    row->reader->decode(from + (uint64_t)convert_pair_row(plan, row, r) * stride,
                        to + (r - lo) * cols, cols);
  return RIDGE_OK;
}

static void finished(void *ctx, size_t index) {
  const struct convert_plan *plan = ctx;
  if (plan->spec->rows == NULL) source_forget(plan->spec->source, plan->rows[index].from);
}

static void tell(void *ctx, uint64_t done, uint64_t of) {
  const struct convert_plan *plan = ctx;
  if (plan->spec->progress != NULL) plan->spec->progress(plan->spec->ctx, done, of);
}

static bool is_stopped(void *ctx) {
  const struct convert_plan *plan = ctx;
  return plan->spec->stopped != NULL && plan->spec->stopped(plan->spec->ctx);
}

static struct output_tensor *make_tensors(struct convert_plan *plan) {
  struct output_tensor *tensors = arena_array(&plan->memory, plan->n + 1, sizeof *tensors);
  for (size_t i = 0; i < plan->n; i++) {
    const struct convert_row *row = &plan->rows[i];
    tensors[i].file = *row->from;
    tensors[i].file.codec = row->to;
    tensors[i].file.bytes = row->bytes;
    tensors[i].codec = row->writer;
    tensors[i].importance = row->importance;
    if (row->writer == NULL) tensors[i].raw = source_data(plan->spec->source, row->from);
  }
  return tensors;
}

/* ---- the plan ---- */

static void make_output(struct convert_plan *plan) {
  plan->output = (struct output_spec){
      .path = plan->spec->path,
      .force = plan->spec->force,
      .by = plan->by,
      .format = plan->format_table,
      .facts = plan->facts,
      .n_facts = plan->n_facts,
      .tensors = make_tensors(plan),
      .n_tensors = plan->n,
      .split_bytes = plan->spec->split_bytes,
      .split_tensors = plan->spec->split_tensors,
      .ctx = plan,
      .rows = read_rows,
      .finished = finished,
      .progress = tell,
      .stopped = is_stopped,
  };
}

ridge_status convert_plan(const struct convert_spec *spec, struct convert_plan *out,
                          struct why *why) {
  *out = (struct convert_plan){.spec = spec};
  ridge_status status = find_mix(out, why);
  if (status == RIDGE_OK) status = find_format(out, why);
  out->architecture = convert_architecture(spec->source, &out->memory);
  if (status == RIDGE_OK) status = choose_all(out, why);
  if (status == RIDGE_OK) status = convert_pairs(out, why);
  if (status == RIDGE_OK) status = find_all_codecs(out, why);
  if (status == RIDGE_OK) status = weigh_all(out, why);
  if (status != RIDGE_OK) return status;
  convert_facts(out);
  convert_notes(out);
  make_output(out);
  return output_check(&out->output, why);
}

ridge_status convert_write(struct convert_plan *plan, struct output_result *out,
                           struct why *why) {
  *out = (struct output_result){0};
  ridge_status status = pool_new(plan->spec->threads, NULL, &plan->output.pool, why);
  if (status != RIDGE_OK) return status;
  status = output_write(&plan->output, out, why);
  pool_free(plan->output.pool);
  plan->output.pool = NULL;
  return status;
}
