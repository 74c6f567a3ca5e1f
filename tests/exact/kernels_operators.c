/*
 * kernels_operators.c - every kernel of every part against an independent oracle: the
 * small cases of tests/data/kernels/operators.json, computed by PyTorch in float64.
 */
#include "kernels_rig.h"

#include <jansson.h>
#include <math.h>

static const char *const op_names[] = {
#define X(id, name, doc) name,
    RIDGE_OP_MAP(X)
#undef X
};
static const char *const act_names[] = {
#define X(id, name) name,
    RIDGE_ACT_MAP(X)
#undef X
};

static uint32_t index_of(const char *const *names, size_t n, const char *name) {
  for (uint32_t i = 0; i < n; i++)
    if (!strcmp(names[i], name)) return i;
  fail_msg("operators.json names %s", name);
  return 0;
}

/* ---- reading a case ---- */

struct matrix {
  int64_t rows, cols;
  float *values;
};

static struct matrix matrix_read(json_t *json) {
  struct matrix m = {json_integer_value(json_object_get(json, "rows")),
                     json_integer_value(json_object_get(json, "cols")), NULL};
  json_t *values = json_object_get(json, "values"), *value;
  size_t i;
  m.values = malloc((size_t)(m.rows * m.cols) * sizeof *m.values);
  assert_int_equal(json_array_size(values), m.rows * m.cols);
  json_array_foreach(values, i, value) m.values[i] = (float)json_number_value(value);
  return m;
}

static int32_t *ids_read(json_t *array) {
  int32_t *ids = malloc((json_array_size(array) + 1) * sizeof *ids);
  json_t *value;
  size_t i;
  json_array_foreach(array, i, value) ids[i] = (int32_t)json_integer_value(value);
  return ids;
}

/* A table of ids as floats that have the same bits. */
static int64_t ids_cols(json_t *json) {
  json_t *cols = json_object_get(json, "cols");
  return cols ? json_integer_value(cols) : 1;
}

static struct matrix ids_as_matrix(json_t *json) {
  json_t *list = json_object_get(json, "ids");
  const int64_t cols = ids_cols(json);
  int32_t *ids = ids_read(list);
  return (struct matrix){(int64_t)json_array_size(list) / cols, cols, (float *)(void *)ids};
}

static uint32_t flag_of(const char *name) {
  static const struct {
    const char *name;
    uint32_t flag;
  } flags[] = {{"rope_neox", RIDGE_ROPE_NEOX},
               {"glu_paired", RIDGE_GLU_PAIRED},
               {"route_norm", RIDGE_ROUTE_NORM}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (!strcmp(flags[i].name, name)) return flags[i].flag;
  fail_msg("operators.json names the flag %s", name);
  return 0;
}

static void attrs_read(json_t *json, ridge_attrs *a) {
  json_t *attrs = json_object_get(json, "attrs"), *flag;
  size_t i;
  const char *act = json_string_value(json_object_get(json, "act"));
#define REAL(f)  a->f = json_number_value(json_object_get(attrs, #f))
#define WHOLE(f) a->f = json_integer_value(json_object_get(attrs, #f))
  REAL(eps), REAL(scale), REAL(base), REAL(freq_scale), REAL(softcap);
  REAL(blend_from), REAL(blend_to), REAL(amplitude);
  WHOLE(experts), WHOLE(used);
  WHOLE(heads), WHOLE(kv_heads), WHOLE(head_dim), WHOLE(dims), WHOLE(window), WHOLE(from);
  if (act) a->act = index_of(act_names, RIDGE_ACT_COUNT, act);
  json_array_foreach(json_object_get(json, "flags"), i, flag)
    a->flags |= flag_of(json_string_value(flag));
}

static bool is_ids(json_t *json, size_t output) {
  return json_object_get(json_array_get(json_object_get(json, "out"), output), "ids");
}

static bool is_weight(json_t *json, size_t slot) {
  json_t *value;
  size_t i;
  json_array_foreach(json_object_get(json, "weights"), i, value)
    if (json_integer_value(value) == (json_int_t)slot) return true;
  return false;
}

/* ---- caches, filled through the codec ---- */

struct cache {
  char *data;
  int32_t *table[2];
  int64_t block_tokens, kv_heads, dim, blocks;
};

static char *cache_at(const struct cache *c, const ridge_codec *codec, int64_t sequence,
                      int64_t head, int64_t position) {
  const int64_t block = c->table[sequence][position / c->block_tokens];
  const int64_t row =
      (block * c->kv_heads + head) * c->block_tokens + position % c->block_tokens;
  return c->data + (uint64_t)row * rig_row_bytes(codec, c->dim);
}

/* Blocks of the two sequences lie alternately and backwards in the pool. */
static void cache_make(struct cache *c, json_t *sequences, const ridge_attrs *a,
                       int64_t block_tokens, const ridge_codec *codec) {
  const int64_t each = 16 / block_tokens + 1;
  *c = (struct cache){.block_tokens = block_tokens,
                      .kv_heads = a->kv_heads,
                      .dim = a->head_dim,
                      .blocks = 2 * each};
  c->data = rig_memory((size_t)(c->blocks * c->kv_heads * block_tokens) *
                       rig_row_bytes(codec, c->dim));
  for (int64_t s = 0; s < 2; s++) {
    c->table[s] = malloc((size_t)each * sizeof(int32_t));
    for (int64_t i = 0; i < each; i++)
      c->table[s][i] = (int32_t)(c->blocks - 1 - (2 * i + s));
    struct matrix m = matrix_read(json_array_get(sequences, (size_t)s));
    for (int64_t p = 0; p < m.rows; p++)
      for (int64_t h = 0; h < c->kv_heads; h++)
        codec->encode(m.values + p * m.cols + h * c->dim, cache_at(c, codec, s, h, p),
                      c->dim);
    free(m.values);
  }
}

static void cache_free(struct cache *c) {
  free(c->data);
  free(c->table[0]);
  free(c->table[1]);
}

/* ---- running ---- */

struct bench {
  const ridge_plugin *portable;
  const ridge_codec *f32;
};

static void compare(const char *name, const char *key, const struct matrix *want,
                    const float *got, double tolerance) {
  for (int64_t i = 0; i < want->rows * want->cols; i++) {
    const double error = fabs((double)got[i] - (double)want->values[i]);
    if (!(error <= tolerance * (1.0 + fabs((double)want->values[i]))))
      fail_msg("%s by %s: element %ld is %.9g, wanted %.9g", name, key, (long)i,
               (double)got[i], (double)want->values[i]);
  }
}

struct setting {
  int32_t threads;
  bool prompt;
  int64_t block_tokens;
};

static void run_case(const struct bench *b, const ridge_fill *fill, json_t *json,
                     struct setting s, double tolerance) {
  const char *name = json_string_value(json_object_get(json, "name"));
  struct rig_job job;
  struct matrix in[RIDGE_MAX_IN] = {{0}}, out[RIDGE_MAX_OUT] = {{0}};
  float *got[RIDGE_MAX_OUT] = {NULL};
  int32_t *ids = NULL, *sequence = NULL, *position = NULL, *wanted = NULL;
  struct cache keys = {0}, values = {0};
  json_t *item;
  size_t i;

  rig_job(&job, index_of(op_names, RIDGE_OP_COUNT,
                         json_string_value(json_object_get(json, "op"))));
  attrs_read(json, &job.node.attrs);
  json_array_foreach(json_object_get(json, "in"), i, item) {
    if (json_is_null(item)) continue;
    json_t *list = json_object_get(item, "ids");
    if (list) {
      const int64_t cols = ids_cols(item);
      ids = ids_read(list);
      rig_in(&job, (uint32_t)i, ids, (int64_t)json_array_size(list) / cols, cols, NULL,
             4 * (uint64_t)cols);
      continue;
    }
    in[i] = matrix_read(item);
    if (is_weight(json, i))
      rig_weight(&job, (uint32_t)i, in[i].values, in[i].rows, in[i].cols, b->f32);
    else
      rig_activation(&job, (uint32_t)i, in[i].values, in[i].rows, in[i].cols, b->f32);
  }
  json_array_foreach(json_object_get(json, "out"), i, item) {
    out[i] = json_object_get(item, "ids") ? ids_as_matrix(item) : matrix_read(item);
    got[i] = rig_memory((size_t)(out[i].rows * out[i].cols) * sizeof(float));
    rig_out(&job, (uint32_t)i, got[i], out[i].rows, out[i].cols);
    job.call.rows = out[i].rows;
  }
  job.call.prompt_rows = s.prompt ? job.call.rows : 0;
  if ((item = json_object_get(json, "wanted"))) job.batch.wanted = wanted = ids_read(item);

  const int32_t *tables[2] = {NULL, NULL};
  if ((item = json_object_get(json, "sequence"))) {
    const ridge_attrs *a = &job.node.attrs;
    cache_make(&keys, json_object_get(json, "keys"), a, s.block_tokens, b->f32);
    cache_make(&values, json_object_get(json, "cached"), a, s.block_tokens, b->f32);
    const int64_t rows = keys.blocks * keys.kv_heads * keys.block_tokens;
    rig_in(&job, 1, keys.data, rows, keys.dim, b->f32, rig_row_bytes(b->f32, keys.dim));
    rig_in(&job, 2, values.data, rows, keys.dim, b->f32, rig_row_bytes(b->f32, keys.dim));
    job.batch.sequence = sequence = ids_read(item);
    job.batch.position = position = ids_read(json_object_get(json, "position"));
    tables[0] = keys.table[0];
    tables[1] = keys.table[1];
    job.batch.blocks = tables;
    job.batch.sequences = 2;
    job.batch.rows = job.call.rows;
    job.batch.block_tokens = job.site.block_tokens = s.block_tokens;
    job.site.max_context = 16;
  }

  if (rig_run(&job, fill->table, s.threads) == RIDGE_OK)
    for (i = 0; i < job.node.n_out; i++)
      if (is_ids(json, i))
        assert_memory_equal(got[i], out[i].values,
                            (size_t)(out[i].rows * out[i].cols) * sizeof(int32_t));
      else
        compare(name, fill->key, &out[i], got[i], tolerance);
  else
    print_message("%s: %s declined: %s\n", name, fill->key, job.why);

  for (i = 0; i < RIDGE_MAX_IN; i++) free(in[i].values);
  for (i = 0; i < RIDGE_MAX_OUT; i++) {
    free(out[i].values);
    free(got[i]);
  }
  free(ids), free(sequence), free(position), free(wanted);
  if (keys.data) cache_free(&keys), cache_free(&values);
}

/* All cases over all of a part's kernels for their operator. */
static int64_t run_part(const char *part, double tolerance) {
  static const struct setting settings[] = {
      {1, true, 16}, {1, false, 1}, {2, true, 3}, {3, false, 5}, {5, true, 4}};
  const ridge_plugin *portable = rig_open("portable"), *plugin = rig_open(part);
  const struct bench b = {portable, rig_codec(portable, "f32")};
  char *path = testing_source("tests/data/kernels/operators.json");
  json_error_t error;
  json_t *cases = json_load_file(path, 0, &error), *json;
  int64_t ran = 0;
  size_t c;
  if (!cases) fail_msg("%s: %s", path, error.text);
  json_array_foreach(cases, c, json) {
    const char *op = json_string_value(json_object_get(json, "op"));
    for (uint32_t i = 0; i < plugin->fills.count; i++) {
      const ridge_fill *fill = rig_fill_at(plugin, i);
      if (!rig_covers(fill, op, "f32") || !rig_usable(fill)) continue;
      for (size_t s = 0; s < sizeof settings / sizeof *settings; s++, ran++)
        run_case(&b, fill, json, settings[s], tolerance);
    }
  }
  json_decref(cases);
  free(path);
  return ran;
}

static void portable_kernels_compute_what_the_operators_mean(void **state) {
  (void)state;
  assert_true(run_part("portable", 3e-6) >= 69 * 5);
}

static void every_operator_has_a_portable_kernel(void **state) {
  (void)state;
  const ridge_plugin *portable = rig_open("portable");
  for (uint32_t op = 0; op < RIDGE_OP_COUNT; op++) {
    bool found = false;
    for (uint32_t i = 0; i < portable->fills.count; i++)
      found |= rig_covers(rig_fill_at(portable, i), op_names[op], "any");
    if (!found) fail_msg("no kernel for %s", op_names[op]);
  }
}

static void x86_kernels_compute_what_the_operators_mean(void **state) {
  (void)state;
  if (run_part("x86", 3e-6) == 0) skip();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operator_has_a_portable_kernel),
      cmocka_unit_test(portable_kernels_compute_what_the_operators_mean),
      cmocka_unit_test(x86_kernels_compute_what_the_operators_mean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
