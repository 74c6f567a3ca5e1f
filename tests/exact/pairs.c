/*
 * pairs.c - every exact strategy, alone and with every other: the same tokens, bit for
 * bit, as the run without them; and strategies that cannot do anything are found out.
 *
 * Each composition is a recipe run by the command, as a user would run it.  Strategies
 * that fill one seam exclude each other and have to be refused.  The list is compared
 * with `ridge plugins`: an exact strategy that is not in it fails the test.
 */
#include "testing.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One strategy and the lines it is used by (NULL: see lines_of); `seam`: one of two in
 * it is too many. */
static const struct unit {
  const char *id, *seam, *lines;
} units[] = {
    {"kv.paged", "kv.store", "use \"kv.paged\" { block = 4 },"},
    {"kv.prefix", "kv.prefix", "use \"kv.prefix\","},
    {"placement.stream", "placement", NULL},
    {"decode.draft", "decode.draft", NULL},
    {"decode.lookup", "decode.draft", "use \"decode.lookup\" { lookahead = 5 },"},
    {"schedule.static", "schedule.admit",
     "use \"schedule.static\" { batch = 3, rows = 40 },"},
    {"schedule.continuous", "schedule.admit",
     "use \"schedule.continuous\" { batch = 4, chunk = 24 },"},
};
enum { UNITS = sizeof units / sizeof *units };

/* What the strategies are laid over: tokens must be those of this alone. */
static const struct mode {
  const char *name, *lines, *sample;
  bool pairs; /* every pair, or each alone only */
} modes[] = {
    {"greedy", "", "temperature = 0", true},
    {"sampled, two answers a prompt", "", "temperature = 0.9, n = 2", true},
    {"greedy, over lossy and fused",
     "use \"weights.rtn\" { bits = 8 }, use \"kv.quant\" { values = \"q4_0\" },"
     "use \"attention.flash\", use \"graph.fuse\",",
     "temperature = 0", false},
    {"greedy, reference kernels, over stacked weights",
     "engine { kernels = \"reference\" }, use \"weights.rtn\" { bits = 4 }, use "
     "\"graph.fuse\",",
     "temperature = 0", false},
    {"sampled, over a sampling chain",
     "use \"logits.repeat_penalty\", use \"logits.top_k\", use \"logits.top_p\","
     "use \"logits.min_p\",",
     "temperature = 0.8", false},
};

/* They begin alike, so that there is a prefix to share. */
static const char prompts[] =
    "prompts { \"And it came to pass in the days of the king, that he said\","
    " \"And it came to pass in the days of the king, that there was\","
    " \"And it came to pass in the days\", \"Blessed\","
    " \"And it came to pass in the days of the king, and he begat sons and daughters\","
    " \"And he said unto them, Go ye, and say unto the people\" },";

struct rig {
  char *dir, *catalog, *model, *draft;
  int64_t budget; /* of placement.stream: three quarters of the weights of the mode */
  int runs;
};

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...) {
  va_list args;
  char *out = NULL;
  va_start(args, format);
  if (vasprintf(&out, format, args) < 0) abort();
  va_end(args);
  return out;
}

/* ---- running ---- */

struct result {
  int exit;
  json_t *answer;
  char *said; /* standard error */
};

static void result_free(struct result *result) {
  json_decref(result->answer);
  free(result->said);
}

static struct result run_text(struct rig *rig, const char *recipe) {
  char *path = text("%s/%d.lua", rig->dir, rig->runs++);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(recipe, file) >= 0);
  assert_int_equal(fclose(file), 0);
  const char *const words[] = {"run", path, "--json", "--catalog", rig->catalog, NULL};
  struct testing_output out = testing_ridge(words);
  struct result result = {.exit = out.exit, .said = out.err};
  result.answer = json_loads(out.out, 0, NULL);
  free(out.out);
  free(path);
  return result;
}

static struct result run(struct rig *rig, const char *lines, const char *sample,
                         int length) {
  char *recipe = text("return infer { name = \"pair\", seed = 11, model \"%s\", %s %s\n"
                      "sample { %s, length = %d }, measure { warmup = 0, repeats = 1 } }\n",
                      rig->model, lines, prompts, sample, length);
  struct result result = run_text(rig, recipe);
  free(recipe);
  return result;
}

/* The lines of a unit with the numbers of this model in them. */
static char *lines_of(const struct rig *rig, const struct unit *unit) {
  if (strcmp(unit->id, "placement.stream") == 0)
    return text("use \"placement.stream\" { budget = %lld },", (long long)rig->budget);
  if (strcmp(unit->id, "decode.draft") == 0)
    return text("use \"decode.draft\" { model = \"%s\", lookahead = 3 },", rig->draft);
  return text("%s", unit->lines);
}

/* A prefix is kept in a paged cache. */
static bool lacks_paged(const struct unit *a, const struct unit *b) {
  bool prefix = strcmp(a->id, "kv.prefix") == 0 || strcmp(b->id, "kv.prefix") == 0;
  return prefix && strcmp(a->id, "kv.paged") != 0 && strcmp(b->id, "kv.paged") != 0;
}

static char *composition(const struct rig *rig, const struct mode *mode,
                         const struct unit *a, const struct unit *b) {
  char *first = lines_of(rig, a), *second = a == b ? text("%s", "") : lines_of(rig, b);
  char *all = text("%s %s %s %s", lacks_paged(a, b) ? units[0].lines : "", first, second,
                   mode->lines);
  free(first);
  free(second);
  return all;
}

/* ---- comparing ---- */

/* {"tokens of prompt, answer": [...]}: what came out, whatever the order of ending. */
static json_t *tokens_of(const json_t *answer) {
  json_t *all = json_object();
  size_t i;
  json_t *output;
  json_array_foreach(json_object_get(answer, "outputs"), i, output) {
    char *key =
        text("%lld", (long long)json_integer_value(json_object_get(output, "sequence")));
    assert_true(json_array_size(json_object_get(output, "tokens")) > 0);
    assert_null(json_object_get(all, key));
    json_object_set(all, key, json_object_get(output, "tokens"));
    free(key);
  }
  assert_true(json_object_size(all) >= 6);
  return all;
}

static void explain(const char *what, const struct result *result) {
  char *answer = json_dumps(result->answer, JSON_INDENT(1) | JSON_ENCODE_ANY);
  size_t n = answer == NULL ? 0 : strlen(answer);
  print_message("%s: exit %d\n%s\n...%s\n", what, result->exit, result->said,
                n > 3000 ? answer + n - 3000 : answer);
  free(answer);
}

/* One cell of the table: '=' the same tokens, 'x' refused as it must be, else wrong. */
static char cell(struct rig *rig, const struct mode *mode, const struct unit *a,
                 const struct unit *b, const json_t *plain) {
  bool excluded = a != b && strcmp(a->seam, b->seam) == 0;
  char *lines = composition(rig, mode, a, b);
  struct result result = run(rig, lines, mode->sample, 24);
  char sign = '!';
  if (excluded) {
    sign = result.exit == 2 ? 'x' : '!';
  } else if (result.exit == 0) {
    json_t *tokens = tokens_of(result.answer);
    sign = json_equal(tokens, plain) ? '=' : '#';
    json_decref(tokens);
  } else if (result.exit == 3) {
    sign = 'i';
  }
  if (sign != '=' && sign != 'x') explain(lines, &result);
  free(lines);
  result_free(&result);
  return sign;
}

static void print_table(const struct mode *mode, char signs[UNITS][UNITS]) {
  print_message("\n%s\n%-20s", mode->name, "");
  for (int j = 0; j < UNITS; j++) print_message(" %d", j + 1);
  for (int i = 0; i < UNITS; i++) {
    print_message("\n%d %-18s", i + 1, units[i].id);
    for (int j = 0; j <= i; j++) print_message(" %c", signs[i][j]);
  }
  print_message("\n");
}

static int64_t metric_of(const json_t *answer, const char *name) {
  const json_t *metrics = json_object_get(answer, "metrics");
  int64_t value = (int64_t)json_number_value(json_object_get(metrics, name));
  assert_true(value > 0);
  return value;
}

static void run_mode(struct rig *rig, const struct mode *mode) {
  char signs[UNITS][UNITS];
  struct result base = run(rig, mode->lines, mode->sample, 24);
  if (base.exit != 0) explain(mode->name, &base);
  assert_int_equal(base.exit, 0);
  json_t *plain = tokens_of(base.answer);
  rig->budget = metric_of(base.answer, "weight_bytes") * 3 / 4;
  int wrong = 0;
  memset(signs, ' ', sizeof signs);
  for (int i = 0; i < UNITS; i++) {
    for (int j = mode->pairs ? 0 : i; j <= i; j++) {
      signs[i][j] = cell(rig, mode, &units[i], &units[j], plain);
      wrong += signs[i][j] != '=' && signs[i][j] != 'x';
    }
  }
  print_table(mode, signs);
  json_decref(plain);
  result_free(&base);
  assert_int_equal(wrong, 0);
}

/* ---- set-up ---- */

static int setup(void **state) {
  struct rig *rig = calloc(1, sizeof *rig);
  if (rig == NULL) return -1;
  rig->dir = testing_scratch();
  rig->catalog = text("%s/catalog.db", rig->dir);
  rig->model = testing_source("models/kjv-2m-f16.gguf");
  rig->draft = testing_source("models/kjv-draft-f16.gguf");
  if (access(rig->model, R_OK) != 0) {
    free(rig->model);
    rig->model = testing_shared("models/stories260K-f32.gguf");
  }
  if (rig->model != NULL && access(rig->draft, R_OK) != 0) {
    free(rig->draft); /* a model may draft for itself: then every guess is right */
    rig->draft = text("%s", rig->model);
  }
  *state = rig;
  return 0;
}

static int teardown(void **state) {
  struct rig *rig = *state;
  testing_remove(rig->dir);
  free(rig->catalog);
  free(rig->model);
  free(rig->draft);
  free(rig);
  return 0;
}

static struct rig *ready(void **state) {
  struct rig *rig = *state;
  if (rig->model == NULL) testing_skip_without("a model (models/ or ../shared/models)");
  return rig;
}

/* ---- tests ---- */

static void every_exact_strategy_is_in_the_list(void **state) {
  (void)state;
  const char *const words[] = {"plugins", "--json", NULL};
  struct testing_output out = testing_ridge(words);
  json_t *answer = json_loads(out.out, 0, NULL), *plugin;
  size_t i, found = 0;
  json_array_foreach(json_object_get(answer, "plugins"), i, plugin) {
    const char *id = json_string_value(json_object_get(plugin, "id"));
    const char *kind = json_string_value(json_object_get(plugin, "kind"));
    const char *effect = json_string_value(json_object_get(plugin, "effect"));
    if (strcmp(kind, "strategy") != 0 || strcmp(effect, "exact") != 0) continue;
    bool listed = false;
    for (size_t k = 0; k < UNITS; k++) listed |= strcmp(units[k].id, id) == 0;
    if (!listed)
      fail_msg("%s says that it is exact; give it a row in tests/exact/pairs.c", id);
    found++;
  }
  assert_int_equal(found, UNITS);
  json_decref(answer);
  testing_output_free(&out);
}

static void greedy_tokens_are_those_of_the_plain_run(void **state) {
  run_mode(ready(state), &modes[0]);
}

static void sampled_tokens_are_those_of_the_plain_run(void **state) {
  run_mode(ready(state), &modes[1]);
}

static void they_are_exact_over_lossy_ones_too(void **state) {
  run_mode(ready(state), &modes[2]);
}

static void they_are_exact_with_reference_kernels_too(void **state) {
  run_mode(ready(state), &modes[3]);
}

static void they_are_exact_over_a_sampling_chain_too(void **state) {
  run_mode(ready(state), &modes[4]);
}

/* Room for two, three and four sequences and a bit: the others wait, and nobody who was
 * let in runs out of cache. */
static void a_cache_for_few_at_a_time_changes_no_token(void **state) {
  struct rig *rig = ready(state);
  struct result base = run(rig, "", "temperature = 0, n = 2", 40);
  assert_int_equal(base.exit, 0);
  json_t *plain = tokens_of(base.answer);
  int64_t one = metric_of(base.answer, "cache_bytes");
  for (int64_t tenths = 22; tenths <= 42; tenths += 10) {
    char *lines = text("use \"kv.paged\" { block = 16, budget = %lld },"
                       "use \"schedule.continuous\" { batch = 8 },",
                       (long long)(one * tenths / 10));
    struct result result = run(rig, lines, "temperature = 0, n = 2", 40);
    json_t *tokens = result.exit == 0 ? tokens_of(result.answer) : NULL;
    if (tokens == NULL || !json_equal(tokens, plain)) {
      explain(lines, &result);
      fail_msg("a budget for %.1f sequences", (double)tenths / 10);
    }
    json_decref(tokens);
    result_free(&result);
    free(lines);
  }
  json_decref(plain);
  result_free(&base);
}

/* Recipes under which a strategy has nothing to do. */
static const struct starved {
  const char *id, *lines, *work;
  int exit; /* 3: it ran and did nothing; 2: known beforehand */
} starved[] = {
    {"kv.prefix", "use \"kv.paged\", use \"kv.prefix\",",
     "prompts { \"And it came to pass\" }, sample { temperature = 0, length = 4 },", 3},
    {"placement.stream", "use \"placement.stream\" { budget = 64 * GiB },",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 3},
    {"decode.draft", NULL, "prompts { \"And\" }, sample { temperature = 0, length = 1 },",
     3},
    {"decode.lookup", "use \"decode.lookup\" { ngram = 16, ngram_min = 16 },",
     "prompts { \"And\" }, sample { temperature = 0, length = 8 },", 3},
    {"schedule.static", "use \"schedule.static\",",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 3},
    {"schedule.continuous", "use \"schedule.continuous\",",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 3},
    {"graph.fuse",
     "use \"graph.fuse\" { qkv = false, gate_up = false, norm = false, residual = false },",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 3},
    {"graph.fuse",
     "use \"graph.fuse\" { qkv = false, gate_up = false, norm = false, residual = false,"
     " act = false, bias = false },",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 2},
    {"weights.rtn", "use \"weights.rtn\" { except = \"*\" },",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 3},
    {"weights.rtn", "use \"weights.rtn\" { only = \"blk.*,blk.999.*\" },",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 2},
    {"kv.quant", "use \"kv.quant\" { keys = \"f16\", values = \"f16\" },",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 2},
    {"logits.top_k", "use \"logits.top_k\",",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 2},
    {"logits.top_p", "use \"logits.top_p\",",
     "prompts { \"And\" }, sample { temperature = 0, length = 4 },", 2},
    {"logits.min_p", "use \"logits.min_p\" { p = 1e-9 },",
     "prompts { \"And\" }, sample { temperature = 1, length = 1 },", 3},
};

/* `inert` of the strategy, and nothing but that, must be the reason of an exit 3. */
static bool said_inert(const json_t *answer, const char *id) {
  size_t i;
  json_t *strategy;
  json_array_foreach(json_object_get(answer, "strategies"), i, strategy) {
    if (strcmp(json_string_value(json_object_get(strategy, "id")), id) != 0) continue;
    return json_is_true(json_object_get(strategy, "inert"));
  }
  return false;
}

static void what_can_do_nothing_is_found_out(void **state) {
  struct rig *rig = ready(state);
  int wrong = 0;
  for (size_t i = 0; i < sizeof starved / sizeof *starved; i++) {
    const struct starved *s = &starved[i];
    char *draft = text("use \"decode.draft\" { model = \"%s\" },", rig->draft);
    const char *lines = s->lines == NULL ? draft : s->lines;
    char *recipe = text("return infer { name = \"starved\", seed = 1, model \"%s\", %s %s\n"
                        "measure { warmup = 0, repeats = 1 } }\n",
                        rig->model, lines, s->work);
    struct result result = run_text(rig, recipe);
    bool right =
        result.exit == s->exit && (s->exit != 3 || said_inert(result.answer, s->id));
    if (!right) explain(lines, &result);
    print_message("%-20s exit %d%s\n", s->id, result.exit, right ? "" : "  WRONG");
    wrong += !right;
    result_free(&result);
    free(recipe);
    free(draft);
  }
  assert_int_equal(wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_exact_strategy_is_in_the_list),
      cmocka_unit_test(greedy_tokens_are_those_of_the_plain_run),
      cmocka_unit_test(sampled_tokens_are_those_of_the_plain_run),
      cmocka_unit_test(they_are_exact_over_lossy_ones_too),
      cmocka_unit_test(they_are_exact_with_reference_kernels_too),
      cmocka_unit_test(they_are_exact_over_a_sampling_chain_too),
      cmocka_unit_test(a_cache_for_few_at_a_time_changes_no_token),
      cmocka_unit_test(what_can_do_nothing_is_found_out),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
