/*
 * recipe_malformed.c - more than a hundred recipes that are wrong in every way a text
 * can be: each gives clear errors with a known code and a place, soon, and nothing
 * else happens.
 */
#include "testing.h"

#include "base/clock.h"
#include "base/text.h"
#include "compose/codes.h"
#include "plan/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

enum { SOON_MS = 15000 }; /* the limit of the child, under sanitizers on a busy machine */

static struct {
  struct fixture fixture;
  char *folder;
} world;

static bool is_code(const char *code) {
#define X(name, doc)                                                                       \
  if (strcmp(code, #name) == 0) return true;
  COMPOSE_CODE_MAP(X)
#undef X
  return false;
}

/* Refused, with what every diagnostic has; the text for people can be made. */
static void is_refused(const char *name, const void *data, size_t size) {
  char *path = fixture_write(world.folder, "r.lua", data, size);
  struct composed composed;
  struct why why = {""};
  uint64_t start = clock_ns();
  ridge_status status = compose_file(TEST_BUILD_DIR "/ridge", path, &world.fixture.registry,
                                     &world.fixture.machine, NULL, 0, &composed, &why);
  uint64_t took_ms = (clock_ns() - start) / 1000000;
  if (status != RIDGE_OK || json_array_size(composed.diagnostics) == 0 || took_ms > SOON_MS)
    print_error("%s: %d %s, %zu diagnostics, %llu ms\n", name, status, why.text,
                json_array_size(composed.diagnostics), (unsigned long long)took_ms);
  assert_int_equal(status, RIDGE_OK);
  assert_null(composed.composition);
  assert_in_range(json_array_size(composed.diagnostics), 1, 201);
  assert_true(took_ms <= SOON_MS);
  for (size_t i = 0; i < json_array_size(composed.diagnostics); i++) {
    const json_t *row = json_array_get(composed.diagnostics, i);
    assert_true(is_code(json_string_value(json_object_get(row, "code"))));
    assert_true(json_string_length(json_object_get(row, "text")) > 0);
  }
  char *text = compose_diagnostics_text(composed.diagnostics, false);
  for (const char *at = text; *at != 0; at++)
    assert_true((unsigned char)*at >= 0x20 || *at == '\n');
  assert_non_null(strstr(text, "r.lua"));
  free(text);
  composed_free(&composed);
  unlink(path);
  free(path);
}

static const char *const texts[] = {
    "",
    " ",
    "\n\n\n",
    "--",
    "--[[",
    "--[==[ x",
    "return",
    "return nil",
    "return 1",
    "return 'x'",
    "return {}",
    "return infer",
    "return infer()",
    "return infer(nil)",
    "return infer({}, {})",
    "return infer 'x'",
    "return infer {",
    "return infer }",
    "return infer { } }",
    "return sweep",
    "return sweep { }",
    "return sweep { of 'x' }",
    "return train { }",
    "return serve { }",
    "return infer { infer { } }",
    "return infer { sweep { } }",
    "return use 'x'",
    "infer { }",
    "return infer { model }",
    "return infer { model() }",
    "return infer { model {} }",
    "return infer { model { 'x' } }",
    "return infer { model 'x' 'y' }",
    "return infer { model 'x' {} {} }",
    "return infer { [1.5] = 1 }",
    "return infer { [{}] = 1 }",
    "return infer { [infer] = 1 }",
    "return infer { [math.huge] = 1 }",
    "return infer { [-1] = 1 }",
    "return infer { [0] = 1 }",
    "return infer { [3] = use 'x' }",
    "return infer { nil, nil, use 'x' }",
    "return infer { 1, 2, 3 }",
    "return infer { true, false }",
    "return infer { {}, {{}}, {{{}}} }",
    "return infer { function() end }",
    "return infer { '' }",
    "return infer { name = {} }",
    "return infer { name = 5 }",
    "return infer { seed = 1.5 }",
    "return infer { seed = 'x' }",
    "return infer { seed = 0/0 }",
    "return infer { seed = 1e300 }",
    "return infer { seed = -9223372036854775808 }",
    "return infer { floor = 3 }",
    "return infer { floor = true }",
    "local function f() return f() end return f()",
    "local function f() f() end f()",
    "local t = {} t[1] = t return infer(t)",
    "local t = {} t.t = t return infer { use 'x' (t) }",
    "local t = {} t.t = {t} return infer { sample(t) }",
    "while true do end",
    "repeat until false",
    "for i = 1, math.huge do end",
    "for i = 1, 1e18 do end",
    "::a:: goto a",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} while true do t[#t + 1] = {} end",
    "local t = {} for i = 1, 1e9 do t[i] = i end",
    "return infer { prompts { (' '):rep(1e9) } }",
    "local s = string.rep",
    "string.rep('x', -1)",
    "return infer { prompts { ('x'):upper():rep(9) } }",
    "table.concat({}, 'x', 1, 1e15)",
    "table.unpack({}, 1, 1e7)",
    "table.unpack({}, 1, 1e15)",
    "table.insert({}, 5, 5)",
    "table.remove({}, 99)",
    "table.move({}, 1, 1e15, 2)",
    "table.sort({3, 'x', 2})",
    "table.sort({1, 2, 3}, function() return true end) error 'sorted'",
    "table.sort({5, 4, 3, 2, 1}, function(a, b) while true do end end)",
    "local t = {} for i = 0, 61 do t[1 << i] = 1 end table.insert(t, 1, 1)",
    "local t = {} for i = 0, 61 do t[1 << i] = 1 end return infer { prompts(t) }",
    "string.format('%d', 'x')",
    "string.format('%99999d', 1)",
    "string.format('%s')",
    "string.format('%q', {})",
    "string.format(('%s'):upper())",
    "tostring()",
    "tostring(infer)",
    "tonumber({})",
    "tonumber('z', 99)",
    "select(0)",
    "select(-5)",
    "ipairs()",
    "pairs(nil)",
    "pairs(5)",
    "for k, v in pairs(infer) do end",
    "math.floor('x')",
    "math.floor({})",
    "math.fmod(1, 0)",
    "1 // 0",
    "local x = 1 // 0",
    "local x = 1 % 0",
    "local x = 1 << 'a'",
    "local x = {} .. {}",
    "local x = #5",
    "local x = -{}",
    "local x = infer < infer",
    "local x = infer.y",
    "local x = infer[1]",
    "local x = use 'a' x.y = 1",
    "local x = use 'a' return infer { x, x }",
    "local u = use 'a' for i = 1, 2000 do u {} end",
    "error()",
    "error('')",
    "error(nil)",
    "error({})",
    "error(infer)",
    "error(use 'x')",
    "error('\\27[2J')",
    "error(('x'):format(), 2)",
    "error('a', 99)",
    "assert(nil)",
    "assert(false, {})",
    "assert()",
    "local <const> x = 1",
    "local x <const> = 1; x = 2",
    "local x <close> = infer",
    "goto nowhere",
    "break",
    "return return",
    "end",
    ")",
    "}",
    "]]",
    "@",
    "$",
    "`",
    "\\",
    "?",
    "!",
    "#",
    "%",
    "&",
    "'",
    "\"",
    "'\\",
    "'\\x",
    "'\\xZZ'",
    "'\\u{110000000}'",
    "'\\999'",
    "'\\q'",
    "[=",
    "[==[",
    "0x",
    "0xg",
    "1e",
    "1.2.3",
    "1..2",
    "3x",
    "x = = 1",
    "x == 1",
    "a.b.c = 1",
    "a:b()",
    "local function",
    "function x",
    "if",
    "if true",
    "if true then",
    "for",
    "for i",
    "for i =",
    "for i = 1",
    "for i = 1, 2",
    "for i in",
    "while",
    "while true",
    "repeat",
    "local 1 = 2",
    "local x, = 1",
    "f(",
    "f(1,",
    "{",
    "{1,",
    "{[",
    "{[1",
    "{[1]",
    "{[1]=",
    "..",
    "...",
    "return ...",
    "local a = ... return infer { a }",
    "\xef\xbb\xbfreturn infer { }",
    "\xff\xfe",
    "return infer { prompts { '\xc3\x28' } }",
    "return infer { prompts { '\xed\xa0\x80' } }",
    "#!/usr/bin/lua\nreturn infer { }",
};

static void each_wrong_text_gives_clear_errors(void **state) {
  (void)state;
  assert_true(sizeof texts / sizeof *texts > 150);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    is_refused(texts[i], texts[i], strlen(texts[i]));
}

/* `open` n times, then `close` n times, inside a recipe. */
static void nested_is_refused(const char *open, const char *close, int n) {
  struct text text = text_new((size_t)1 << 24);
  text_add(&text, "local x = ");
  for (int i = 0; i < n; i++) text_add(&text, open);
  text_add(&text, "1");
  for (int i = 0; i < n; i++) text_add(&text, close);
  is_refused(open, text.data, text.size);
  text_free(&text);
}

static void nesting_without_end_is_refused(void **state) {
  (void)state;
  nested_is_refused("(", ")", 60000);
  nested_is_refused("{", "}", 60000);
  nested_is_refused("{[", "]=1}", 60000);
  nested_is_refused("function() return ", " end", 20000);
  nested_is_refused("not ", "", 60000);
  nested_is_refused("- ", "", 60000);
  nested_is_refused("1 .. ", "", 60000);
  nested_is_refused("2 ^ ", "", 60000);
  nested_is_refused("f(", ")", 60000);
  nested_is_refused("use{", "}", 60000);
  nested_is_refused("a.", "", 60000);
}

static void repeated_is_refused(const char *head, const char *piece, int n,
                                const char *tail) {
  struct text text = text_new((size_t)1 << 24);
  text_add(&text, head);
  for (int i = 0; i < n; i++) text_add(&text, piece);
  text_add(&text, tail);
  is_refused(piece, text.data, text.size);
  text_free(&text);
}

static void long_texts_are_refused(void **state) {
  (void)state;
  repeated_is_refused("", "x", 10 << 20, "");
  repeated_is_refused("", "\n", 1 << 20, "x");
  repeated_is_refused("return infer { ", "a = 1, ", 100000, "}");
  repeated_is_refused("return infer { ", "sample { a = 1 }, ", 900, "}");
  repeated_is_refused("return infer { sample { ", "1, ", 100000, "} }");
  repeated_is_refused("return infer { use 'x' { ", "'y', ", 100000, "} }");
  repeated_is_refused("return infer { ", "use 'x', ", 999, "}");
  repeated_is_refused("local a = 1 ", "local a = a ", 300, "");
  repeated_is_refused("return infer { name = '", "y", 500000, "' }");
  repeated_is_refused("return infer { use '", "z", 500000, "' }");
  repeated_is_refused("return infer { ", "{ ", 100, "");
  repeated_is_refused("--[[", "]", 1 << 19, "");
}

static void bytes_that_are_no_text_are_refused(void **state) {
  (void)state;
  static const char compiled[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08xV";
  static const char nul[] = "return infer { \0 }", end[] = "return infer { }\0";
  unsigned char all[4096];
  is_refused("compiled", compiled, sizeof compiled - 1);
  is_refused("NUL", nul, sizeof nul - 1);
  is_refused("NUL at the end", end, sizeof end - 1);
  for (unsigned seed = 1; seed <= 20; seed++) {
    uint32_t x = seed;
    for (size_t i = 0; i < sizeof all; i++) {
      x = x * 1664525u + 1013904223u;
      all[i] = (unsigned char)(x >> 24);
    }
    is_refused("noise", all, sizeof all);
  }
}

/* What is no recipe file at all: a failure with a sentence, no waiting. */
static void is_no_recipe(const char *path) {
  struct composed composed;
  struct why why = {""};
  assert_int_not_equal(compose_file(TEST_BUILD_DIR "/ridge", path, &world.fixture.registry,
                                    &world.fixture.machine, NULL, 0, &composed, &why),
                       RIDGE_OK);
  assert_non_null(strstr(why.text, path));
  assert_null(composed.composition);
  composed_free(&composed);
}

static void what_is_no_file_fails_at_once(void **state) {
  (void)state;
  char *pipe = NULL;
  assert_true(asprintf(&pipe, "%s/pipe", world.folder) > 0);
  assert_int_equal(mkfifo(pipe, 0600), 0);
  is_no_recipe(pipe);
  is_no_recipe(world.folder);
  is_no_recipe("/dev/zero");
  is_no_recipe("/nowhere/x.lua");
  unlink(pipe);
  free(pipe);
}

static int open_world(void **state) {
  (void)state;
  world.fixture = fixture_open();
  world.folder = testing_scratch();
  return 0;
}

static int close_world(void **state) {
  (void)state;
  fixture_close(&world.fixture);
  testing_remove(world.folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_wrong_text_gives_clear_errors),
      cmocka_unit_test(nesting_without_end_is_refused),
      cmocka_unit_test(long_texts_are_refused),
      cmocka_unit_test(bytes_that_are_no_text_are_refused),
      cmocka_unit_test(what_is_no_file_fails_at_once),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
