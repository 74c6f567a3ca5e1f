/* registry_rules.c - each rule of a description, broken once, gives its own sentence. */
#include "testing.h"

#include "registry/registry.h"
#include "tests/conform/bad/bad.h"

#include <math.h>
#include <ridge/codec.h>
#include <ridge/kernel.h>
#include <ridge/seam/graph_pass.h>
#include <ridge/seam/kv_store.h>
#include <string.h>

/* A plugin whose rows may be changed. */
struct bench {
  ridge_plugin plugin;
  ridge_param params[2];
  ridge_relation relations[1];
  ridge_fill fills[2];
  const char *provides[1];
  ridge_evidence evidence[2];
  ridge_metric metrics[2];
  ridge_claim claims[1];
  char text[70000];
};

#define ROWS_OF(array, n) ((ridge_table){(array), (n), sizeof *(array)})

static const char *const two[] = {"a", "b", NULL};
static const char *const same[] = {"a", "a", NULL};

static void bench_fill(struct bench *b) {
  memset(b, 0, sizeof *b);
  good_plugin(&b->plugin, "test.rules");
  memcpy(b->params, good_params, sizeof b->params);
  memcpy(b->fills, good_fills, sizeof good_fills);
  memcpy(b->evidence, good_evidence, sizeof good_evidence);
  b->relations[0] = (ridge_relation){
      .kind = RIDGE_NEEDS, .target = "kv.paged", .why = "it works on blocks"};
  b->provides[0] = "test.rules";
  b->evidence[1] = (ridge_evidence){"more", "call", "More.", 0};
  b->metrics[0] = (ridge_metric){"speed", "token/s", "How fast.", 1};
  b->metrics[1] = (ridge_metric){"size", "byte", "How large.", -1};
  b->claims[0] = (ridge_claim){"c", "It is so.", "speed", "", "somewhere", 1, 2};
  b->plugin.params = ROWS_OF(b->params, 2);
  b->plugin.relations = ROWS_OF(b->relations, 1);
  b->plugin.fills = ROWS_OF(b->fills, 1);
  b->plugin.provides = ROWS_OF(b->provides, 1);
  b->plugin.evidence = ROWS_OF(b->evidence, 1);
  b->plugin.metrics = ROWS_OF(b->metrics, 2);
  b->plugin.claims = ROWS_OF(b->claims, 1);
}

/* The seams' tables used below. */
static void decode(const void *from, float *to, int64_t n) {
  (void)from, (void)to, (void)n;
}
static void run(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  (void)call, (void)thread, (void)threads;
}
static uint64_t bytes(const ridge_kernel_site *site) { return site->struct_size; }
static ridge_status rewrite(void *self, ridge_graph *graph) {
  (void)self, (void)graph;
  return RIDGE_OK;
}
static const ridge_codec codec = {.struct_size = sizeof codec,
                                  .name = "q9",
                                  .block = 32,
                                  .block_bytes = 34,
                                  .decode = decode};
static const ridge_codec flat_codec = {.struct_size = sizeof codec,
                                       .name = "q9",
                                       .block = 0,
                                       .block_bytes = 34,
                                       .decode = decode};
static const ridge_kernel kernel = {.struct_size = sizeof kernel, .run = run};
static const ridge_kernel half_packed = {
    .struct_size = sizeof kernel, .run = run, .pack_bytes = bytes};
static const ridge_kernel half_prepared = {
    .struct_size = sizeof kernel, .run = run, .prepared_form = "q8"};
static const ridge_graph_pass pass = {sizeof pass, RIDGE_STAGE_FUSE, rewrite};
static const ridge_graph_pass host_stage = {sizeof pass, RIDGE_STAGE_DIFFERENTIATE,
                                            rewrite};

static void fill_set(struct bench *b, const char *seam, const char *key,
                     const void *table) {
  b->fills[0] = (ridge_fill){.seam = seam, .key = key, .table = table};
}

/* One line spoils, `says` is in the sentence ("": it stays good). */
#define CASES(X)                                                                           \
  X(nothing, , "")                                                                         \
  X(no_id, b->plugin.id = NULL;, "`id` is missing")                                        \
  X(id_without_dot, b->plugin.id = "rules";, "family.name")                                \
  X(id_with_two_dots, b->plugin.id = "a.b.c";, "family.name")                              \
  X(id_with_capitals, b->plugin.id = "Test.rules";, "family.name")                         \
  X(id_with_empty_family, b->plugin.id = ".rules";, "family.name")                         \
  X(id_too_long, memset(b->text, 'a', 60); b->text[1] = '.'; b->plugin.id = b->text;       \
    , "48")                                                                                \
  X(version_of_two, b->plugin.version = "1.0";, "three numbers")                           \
  X(version_with_tail, b->plugin.version = "1.0.0-rc1";, "three numbers")                  \
  X(no_summary, b->plugin.summary = "";, "`summary` is missing")                           \
  X(summary_of_two_lines, b->plugin.summary = "a\nb";, "one line")                         \
  X(no_doc, b->plugin.doc = NULL;, "`doc` is missing")                                     \
  X(doc_of_two_lines, b->plugin.doc = "a\nb";, "")                                         \
  X(doc_without_end, memset(b->text, 'a', 69999); b->plugin.doc = b->text;, "no end")      \
  X(no_license, b->plugin.license = NULL;, "`license` is missing")                         \
  X(c1_control, b->plugin.summary = "a \xc2\x9b"                                           \
                                    "2J";                                                  \
    , "control character")                                                                 \
  X(kind_none, b->plugin.kind = 0;, "`kind`")                                              \
  X(phases_none, b->plugin.phases = 0;, "`phases`")                                        \
  X(phases_unknown, b->plugin.phases = 64;, "`phases`")                                    \
  X(effect_none, b->plugin.effect = 9;, "`effect`")                                        \
  X(tolerance_nan, b->plugin.effect = RIDGE_TOLERANT; b->plugin.tolerance = (double)NAN;   \
    , "`tolerance`")                                                                       \
  X(tolerance_of_exact, b->plugin.tolerance = 1e-3;, "only a tolerant")                    \
  X(tolerance_good, b->plugin.effect = RIDGE_TOLERANT; b->plugin.tolerance = 1e-3;, "")    \
  X(save_alone,                                                                            \
    b->plugin.save = (ridge_status(*)(                                                     \
        void *, ridge_status (*)(void *, const void *, size_t), void *))(uintptr_t)8;      \
    , "`save` and `load`")                                                                 \
  X(destroy_alone, b->plugin.destroy = (void (*)(void *))(uintptr_t)8;                     \
    , "without a `create`")                                                                \
  X(later_minor, b->plugin.abi_minor = 3; b->plugin.struct_size += 16;, "")                \
  X(later_minor_short, b->plugin.abi_minor = 3; b->plugin.struct_size -= 8;                \
    , "go together")                                                                       \
  X(mad_minor, b->plugin.abi_minor = 5000; b->plugin.struct_size += 16;, "go together")    \
  X(rows_unaligned, b->plugin.params.rows = (char *)b->params + 1;, "no place for rows")   \
  X(rows_null, b->plugin.params.rows = NULL;, "no place for rows")                         \
  X(rows_none, b->plugin.params.rows = NULL; b->plugin.params.count = 0;, "")              \
  X(stride_other, b->plugin.evidence.stride += 8;, "row takes")                            \
  X(param_twice, b->params[1].name = "first";, "twice")                                    \
  X(param_no_name, b->params[1].name = NULL;, "`name` is missing")                         \
  X(param_digit, b->params[1].name = "2nd";, "a-z")                                        \
  X(param_lua, b->params[1].name = "until";, "could not write")                            \
  X(param_hosts, b->params[1].name = "may_idle";, "could not write")                       \
  X(param_no_doc, b->params[0].doc = "";, "`doc` is missing")                              \
  X(param_type, b->params[0].type = 17;, "`type` is 17")                                   \
  X(param_flags, b->params[0].flags = 1u << 20;, "unknown bits")                           \
  X(param_path, b->params[0].flags = RIDGE_PATH;, "RIDGE_PATH")                            \
  X(param_log, b->params[0].flags = RIDGE_LOG_SCALE;, "above 0")                           \
  X(param_bounds, b->params[0].lo.i = 11;, "lower comes first")                            \
  X(param_default, b->params[0].fallback.i = 11;, "default 11")                            \
  X(param_required, b->params[0].fallback.i = 11; b->params[0].flags = RIDGE_REQUIRED;     \
    , "")                                                                                  \
  X(param_overlap, b->params[1].offset = 0;, "same bytes")                                 \
  X(param_unaligned, b->params[1].offset = 4;, "multiple")                                 \
  X(param_far, b->params[1].offset = UINT64_MAX - 7;, "outside the struct")                \
  X(param_huge, b->plugin.params_size = 1 << 20;, "params_size")                           \
  X(choices_of_int, b->params[0].choices = two;, "choice only")                            \
  X(choice_none, b->params[0].type = RIDGE_T_CHOICE; b->params[0].fallback.t = "a";        \
    , "needs `choices`")                                                                   \
  X(choice_twice, b->params[0].type = RIDGE_T_CHOICE; b->params[0].choices = same;         \
    b->params[0].fallback.t = "a";, "there twice")                                         \
  X(choice_default, b->params[0].type = RIDGE_T_CHOICE; b->params[0].choices = two;        \
    b->params[0].fallback.t = "c";, "not one of its choices")                              \
  X(text_null, b->params[0].type = RIDGE_T_TEXT; b->params[0].fallback.t = NULL;, "NULL")  \
  X(bool_odd, b->params[0].type = RIDGE_T_BOOL; memset(&b->params[0].fallback, 7, 8);      \
    , "true or false")                                                                     \
  X(real_infinite, b->params[0].type = RIDGE_T_REAL; b->params[0].fallback.r = 0;          \
    b->params[0].lo.r = -(double)INFINITY; b->params[0].hi.r = 1;, "finite")               \
  X(real_nan, b->params[0].type = RIDGE_T_REAL; b->params[0].fallback.r = (double)NAN;     \
    b->params[0].lo.r = 0; b->params[0].hi.r = 1;, "outside its bounds")                   \
  X(relation_kind, b->relations[0].kind = 9;, "one of them is none")                       \
  X(relation_op, b->relations[0].op = 77;, "one of them is none")                          \
  X(relation_why, b->relations[0].why = "";, "user reads, is missing")                     \
  X(relation_self, b->relations[0].target = "test.rules";, "plugin itself")                \
  X(relation_rubbish, b->relations[0].target = "kv";, "is wanted")                         \
  X(relation_family, b->relations[0].target = "weights.*";, "")                            \
  X(relation_capability, b->relations[0].target = "cap:kv.blocks";, "")                    \
  X(relation_device, b->relations[0].target = "device:avx2";, "")                          \
  X(relation_after_device, b->relations[0].kind = RIDGE_AFTER;                             \
    b->relations[0].target = "device:avx2";, "a plugin or")                                \
  X(relation_idle, b->relations[0].kind = RIDGE_IDLE; b->relations[0].target = "second";   \
    , "")                                                                                  \
  X(relation_idle_slip, b->relations[0].kind = RIDGE_IDLE;                                 \
    b->relations[0].target = "secnd";, "did you mean `second`")                            \
  X(relation_param_no_op, b->relations[0].param = "first";, "no op")                       \
  X(relation_param, b->relations[0].param = "first"; b->relations[0].op = RIDGE_LT;        \
    b->relations[0].value.i = 4;, "")                                                      \
  X(relation_param_slip, b->relations[0].param = "fist"; b->relations[0].op = RIDGE_LT;    \
    , "did you mean `first`")                                                              \
  X(relation_op_alone, b->relations[0].op = RIDGE_EQ;, "nothing to compare")               \
  X(relation_setting, b->relations[0].target = "sample.temperature";                       \
    b->relations[0].op = RIDGE_GT; b->relations[0].value.r = 0;, "")                       \
  X(relation_setting_bare, b->relations[0].target = "sample.temperature";, "always there") \
  X(relation_setting_nan, b->relations[0].target = "sample.temperature";                   \
    b->relations[0].op = RIDGE_GT; b->relations[0].value.r = (double)NAN;, "finite")       \
  X(relation_setting_list, b->relations[0].target = "sample.stop";                         \
    b->relations[0].op = RIDGE_EQ; b->relations[0].value.t = "x";, "list")                 \
  X(relation_setting_param, b->relations[0].target = "sample.temperature";                 \
    b->relations[0].param = "first"; b->relations[0].op = RIDGE_GT;, "`param` is NULL")    \
  X(relation_choice, b->relations[0].target = "engine.cache";                              \
    b->relations[0].op = RIDGE_EQ; b->relations[0].value.t = "f8";, "none of the choices") \
  X(relation_choice_order, b->relations[0].target = "engine.cache";                        \
    b->relations[0].op = RIDGE_LT; b->relations[0].value.t = "f16";, "only numbers")       \
  X(fills_none, b->plugin.fills.count = 0;, "fills no seam")                               \
  X(fill_slip, b->fills[0].seam = "logits.shape";, "did you mean `logits.shape/1`")        \
  X(fill_null, b->fills[0].seam = NULL;, "`seam` is missing")                              \
  X(fill_key, b->fills[0].key = "x";, "are for seams that are a set")                      \
  X(fill_no_table, b->fills[0].table = NULL;, "no table")                                  \
  X(chain_twice, b->fills[1] = b->fills[0]; b->plugin.fills.count = 2;, "")                \
  X(codec_good, fill_set(b, "codec/1", "q9", &codec);, "")                                 \
  X(codec_other_name, fill_set(b, "codec/1", "q8", &codec);, "not the key")                \
  X(codec_no_key, fill_set(b, "codec/1", NULL, &codec);, "`key` is missing")               \
  X(codec_flat, fill_set(b, "codec/1", "q9", &flat_codec);, "not plausible")               \
  X(codec_needs, fill_set(b, "codec/1", "q9", &codec); b->fills[0].needs = "avx2,fma";     \
    , "single blanks")                                                                     \
  X(codec_needs_good, fill_set(b, "codec/1", "q9", &codec);                                \
    b->fills[0].needs = "avx2 fma";, "")                                                   \
  X(kernel_good, fill_set(b, "kernel/1", "matmul q9", &kernel);, "")                       \
  X(kernel_any, fill_set(b, "kernel/1", "matmul *", &kernel);, "")                         \
  X(kernel_slip, fill_set(b, "kernel/1", "matmull q9", &kernel);, "did you mean `matmul`") \
  X(kernel_no_codec, fill_set(b, "kernel/1", "matmul", &kernel);, "needs a codec")         \
  X(kernel_codec, fill_set(b, "kernel/1", "rmsnorm q9", &kernel);, "takes no codec")       \
  X(kernel_twice, fill_set(b, "kernel/1", "rmsnorm", &kernel); b->fills[1] = b->fills[0];  \
    b->plugin.fills.count = 2;, "both fill")                                               \
  X(kernel_half, fill_set(b, "kernel/1", "matmul q9", &half_packed);, "both or neither")   \
  X(kernel_form, fill_set(b, "kernel/1", "matmul q9", &half_prepared);, "all or none")     \
  X(pass_good, fill_set(b, "graph.pass/1", NULL, &pass);, "")                              \
  X(pass_stage, fill_set(b, "graph.pass/1", NULL, &host_stage);, "`stage`")                \
  X(evidence_none, b->plugin.evidence.count = 0;, "no evidence")                           \
  X(evidence_zero, b->evidence[0].least = 0;, "no evidence")                               \
  X(evidence_part, b->plugin.evidence.count = 0; b->plugin.kind = RIDGE_PART;, "")         \
  X(evidence_twice, b->evidence[1].name = b->evidence[0].name;                             \
    b->plugin.evidence.count = 2;, "there twice")                                          \
  X(evidence_huge, b->evidence[0].least = UINT64_MAX;, "more than can be counted")         \
  X(metric_twice, b->metrics[1].name = "speed";, "there twice")                            \
  X(metric_better, b->metrics[0].better = 2;, "-1, 0 or 1")                                \
  X(claim_ratio, b->claims[0].ratio_lo = 3;, "the smaller first")                          \
  X(claim_source, b->claims[0].source = NULL;, "`source` is missing")                      \
  X(provides_prefix, b->provides[0] = "cap:kv.blocks";, "without `cap:`")                  \
  X(provides_null, b->provides[0] = NULL;, "capability 1")

#define X(name, spoils, says)                                                              \
  static void spoil_##name(struct bench *b) {                                              \
    (void)b;                                                                               \
    spoils                                                                                 \
  }
CASES(X)
#undef X

static const struct {
  const char *name, *says;
  void (*spoil)(struct bench *);
} cases[] = {
#define X(name, spoils, says) {#name, says, spoil_##name},
    CASES(X)
#undef X
};

static void each_broken_rule_gives_its_own_sentence(void **state) {
  (void)state;
  static struct bench bench;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct why why = {""};
    bench_fill(&bench);
    cases[i].spoil(&bench);
    ridge_status status = plugin_validate(&bench.plugin, &why);
    bool good = cases[i].says[0] == 0;
    if (good != (status == RIDGE_OK) || strstr(why.text, cases[i].says) == NULL)
      fail_msg("%s: %s: %s", cases[i].name, status == RIDGE_OK ? "passed" : "refused",
               why.text);
    if (strchr(why.text, '\n') != NULL) fail_msg("%s: more than a line", cases[i].name);
    for (const char *c = why.text; *c != 0; c++)
      if ((unsigned char)*c < ' ')
        fail_msg("%s: a control character got through", cases[i].name);
  }
}

static void a_description_that_is_refused_has_no_json(void **state) {
  (void)state;
  static struct bench bench;
  bench_fill(&bench);
  json_t *json = plugin_to_json(&bench.plugin);
  assert_non_null(json);
  json_decref(json);
  bench.plugin.version = "one";
  assert_null(plugin_to_json(&bench.plugin));
  assert_null(plugin_to_json(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_broken_rule_gives_its_own_sentence),
      cmocka_unit_test(a_description_that_is_refused_has_no_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
