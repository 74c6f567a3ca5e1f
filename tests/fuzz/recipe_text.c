/*
 * recipe_text.c - recipes of the tests and of recipes/, damaged at random: evaluating
 * and composing never crash, what the child side answers the parent side takes, and a
 * composition stands exactly where there are no errors.
 */
#include "random.h"
#include "testing.h"

#include "base/canon.h"
#include "plan/fixture.h"
#include "recipe/recipe.h"
#include "recipe/recipe_eval.h"

#include <glob.h>

enum { TEXT_MOST = 1 << 16, ROUNDS = 3000 };

static const struct recipe_limits limits = {
    .memory = (size_t)8 << 20, .instructions = 200000, .values = 20000, .words = 200};

static struct {
  struct fixture fixture;
  glob_t files;
  uint64_t state;
} world;

static uint32_t pick(uint32_t n) {
  return n == 0 ? 0 : (uint32_t)(random_next(&world.state) % n);
}

static size_t load(const char *path, char *text) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t size = fread(text, 1, TEXT_MOST / 2, file);
  fclose(file);
  return size;
}

static const char *const pieces[] = {
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "[[",
    "]]",
    ",",
    "=",
    "\"",
    "'",
    "--",
    "--[[",
    "\n",
    "\r",
    "\\",
    "..",
    "use ",
    "infer",
    "sweep",
    "each",
    "return ",
    "function() end",
    "nil",
    "1e999",
    "0/0",
    "-1",
    "\xff",
    "\xc3\xa9",
    "\xe2\x80\xae",
    "\t",
    "name",
    "vary ",
    "least ",
    "of ",
    "not ",
    "local x = ",
    "if x then ",
    "end ",
    "tostring(",
    "pairs(",
    "x",
    "(\"x\"):rep(9)",
    "_ENV",
    "math.huge",
    "goto a ",
    "prompts { chat = \"model\" }",
    "chat = ",
    "system = \"Be brief.\",",
    "history = { \"Hi\", ",
    "bench { depth = ",
    "depth = 9223372036854775807,",
    "model \"\"",
    "convert = ",
};

static size_t replace(char *text, size_t size, size_t at, size_t gone, const char *with,
                      size_t with_size) {
  if (size - gone + with_size > TEXT_MOST) return size;
  memmove(text + at + with_size, text + at + gone, size - at - gone);
  memcpy(text + at, with, with_size);
  return size - gone + with_size;
}

static size_t damage(char *text, size_t size, const char *other, size_t other_size) {
  size_t at = pick((uint32_t)size + 1), left = size - at;
  char byte = (char)pick(256);
  switch (pick(6)) {
  case 0: return replace(text, size, at, left < 1 ? left : 1, &byte, 1);
  case 1: return replace(text, size, at, pick(left < 20 ? (uint32_t)left + 1 : 20), "", 0);
  case 2: {
    const char *piece = pieces[pick(sizeof pieces / sizeof *pieces)];
    return replace(text, size, at, 0, piece, strlen(piece));
  }
  case 3: {
    size_t from = pick((uint32_t)other_size + 1), most = other_size - from;
    return replace(text, size, at, 0, other + from,
                   pick(most < 200 ? (uint32_t)most + 1 : 200));
  }
  case 4: return at;
  default: return replace(text, size, at, 0, &byte, 1);
  }
}

static void take_answer(struct recipe *recipe, const json_t *answer) {
  struct why why = {""};
  char *text = canon_text(answer);
  ridge_status status = recipe_answer_read(text, strlen(text), recipe, &why);
  if (status != RIDGE_OK) print_error("%s\n%s\n", why.text, text);
  free(text);
  assert_int_equal(status, RIDGE_OK);
}

static void compose_it(const struct recipe *recipe) {
  struct compose_request request = {0};
  struct composed composed;
  compose_recipe(recipe, &world.fixture.registry, &world.fixture.machine, &request,
                 &composed);
  assert_true((composed.composition == NULL) ==
              (json_array_size(composed.diagnostics) > 0));
  char *text = compose_diagnostics_text(composed.diagnostics, true);
  assert_non_null(text);
  free(text);
  composed_free(&composed);
}

static void walk(const char *text, size_t size) {
  struct recipe recipe = {.file = "r.lua", .path = TEST_SOURCE_DIR "/tests/plan/r.lua"};
  recipe.source = recipe_source_of(text, size);
  json_t *answer = recipe_eval(&recipe.source, &limits);
  take_answer(&recipe, answer);
  json_decref(answer);
  compose_it(&recipe);
  recipe_free(&recipe);
}

static void damaged_recipes_are_refused_or_composed(void **state) {
  (void)state;
  static char text[TEXT_MOST + 64], other[TEXT_MOST];
  for (uint64_t i = 0, n = random_rounds(ROUNDS); i < n; i++) {
    size_t size = load(world.files.gl_pathv[pick((uint32_t)world.files.gl_pathc)], text);
    size_t more = load(world.files.gl_pathv[pick((uint32_t)world.files.gl_pathc)], other);
    for (uint32_t k = 1 + pick(4); k > 0; k--) size = damage(text, size, other, more);
    walk(text, size);
  }
}

static void every_recipe_survives_every_cut(void **state) {
  (void)state;
  static char text[TEXT_MOST + 64];
  size_t size = load(TEST_SOURCE_DIR "/tests/plan/ok_together.lua", text);
  for (size_t n = 0; n <= size; n++) walk(text, n);
  size = load(TEST_SOURCE_DIR "/tests/plan/sweep_lookahead.lua", text);
  for (size_t n = 0; n <= size; n++) walk(text, n);
}

static int open_world(void **state) {
  (void)state;
  world.fixture = fixture_open();
  world.state = random_seed();
  glob(TEST_SOURCE_DIR "/tests/plan/*.lua", 0, NULL, &world.files);
  glob(TEST_SOURCE_DIR "/recipes/*.lua", GLOB_APPEND, NULL, &world.files);
  glob(TEST_SOURCE_DIR "/recipes/*/*.lua", GLOB_APPEND, NULL, &world.files);
  assert_true(world.files.gl_pathc > 100);
  return 0;
}

static int close_world(void **state) {
  (void)state;
  globfree(&world.files);
  fixture_close(&world.fixture);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(damaged_recipes_are_refused_or_composed),
      cmocka_unit_test(every_recipe_survives_every_cut),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
