/*
 * recipe_reply.c - answers of the evaluating child, damaged at random: the parent
 * takes or refuses them, and what it takes can be composed.
 */
#include "random.h"
#include "testing.h"

#include "base/canon.h"
#include "plan/fixture.h"
#include "recipe/recipe.h"
#include "recipe/recipe_eval.h"

enum { REPLY_MOST = 1 << 16, ROUNDS = 20000 };

static const char recipe_text[] =
    "return infer {\n  name = \"n\", seed = 3,\n  model \"registry.json\",\n"
    "  use \"kv.paged\" { block = 16, budget = 1.5 },\n  use \"weights.rtn\",\n"
    "  prompts { \"a\", \"b\" },\n  sample { stop = { \"x\" }, length = 1/0 },\n  against "
    "\"ok_plain\",\n"
    "  4, infer { },\n}\n";

static struct {
  struct fixture fixture;
  uint64_t state;
} world;

static uint32_t pick(uint32_t n) { return (uint32_t)(random_next(&world.state) % n); }

static const char *const pieces[] = {
    "{}",
    "[]",
    "null",
    "1e300",
    "-1",
    "\"\"",
    "\"use\"",
    "\"infer\"",
    "true",
    "99999999999",
    "{\"odd\":\"x\"}",
    "\"word\"",
    "\"at\"",
    "[1,1,1]",
    "\"\\u0000\"",
    "\"kv.paged\"",
    ",",
    ":",
    "{",
    "[",
    "]",
    "}",
    "\"",
};

static size_t damage(char *text, size_t size) {
  size_t at = pick((uint32_t)size), gone = pick(2) == 0 ? 0 : pick(12);
  const char *piece = pieces[pick(sizeof pieces / sizeof *pieces)];
  size_t more = strlen(piece);
  if (gone > size - at) gone = size - at;
  if (pick(3) == 0) {
    text[at] = (char)pick(256);
    return size;
  }
  memmove(text + at + more, text + at + gone, size - at - gone);
  memcpy(text + at, piece, more);
  return size - gone + more;
}

static void take(const char *reply, size_t size) {
  struct recipe recipe = {.file = "r.lua", .path = TEST_SOURCE_DIR "/tests/plan/r.lua"};
  struct compose_request request = {0};
  struct why why;
  recipe.source = recipe_source_of(recipe_text, sizeof recipe_text - 1);
  if (recipe_answer_read(reply, size, &recipe, &why) == RIDGE_OK) {
    struct composed composed;
    compose_recipe(&recipe, &world.fixture.registry, &world.fixture.machine, &request,
                   &composed);
    char *text = compose_diagnostics_text(composed.diagnostics, false);
    free(text);
    composed_free(&composed);
  }
  recipe_free(&recipe);
}

static void damaged_replies_are_taken_or_refused(void **state) {
  (void)state;
  static char reply[REPLY_MOST + 4096];
  struct recipe_source source = recipe_source_of(recipe_text, sizeof recipe_text - 1);
  json_t *answer = recipe_eval(&source, &recipe_limits_usual);
  assert_non_null(json_object_get(answer, "recipe"));
  char *good = canon_text(answer);
  assert_true(strlen(good) < REPLY_MOST / 2);
  for (uint64_t i = 0, n = random_rounds(ROUNDS); i < n; i++) {
    size_t size = strlen(good);
    memcpy(reply, good, size);
    for (uint32_t k = 1 + pick(3); k > 0; k--) size = damage(reply, size);
    take(reply, size);
  }
  free(good);
  json_decref(answer);
  recipe_source_free(&source);
}

static int open_world(void **state) {
  (void)state;
  world.fixture = fixture_open();
  world.state = random_seed();
  return 0;
}

static int close_world(void **state) {
  (void)state;
  fixture_close(&world.fixture);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(damaged_replies_are_taken_or_refused),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
