/* recipe_tokens.c - the scanner finds words, arguments and keys as Lua reads them. */
#include "testing.h"

#include "recipe/recipe_scan.h"

#include <string.h>

static struct scan scan;
static struct recipe_source source;

static void begin(const char *text) {
  source = recipe_source_of(text, strlen(text));
  scan = scan_source(&source);
}

static void end(void) {
  scan_free(&scan);
  recipe_source_free(&source);
}

static void token_is(size_t i, enum token_kind kind, const char *text) {
  assert_true(i < scan.n);
  assert_int_equal(scan.tokens[i].kind, kind);
  assert_int_equal(scan.tokens[i].size, strlen(text));
  assert_memory_equal(source.text + scan.tokens[i].start, text, strlen(text));
}

static void place_is(struct place at, int line, int column, int length) {
  assert_int_equal(at.line, line);
  assert_int_equal(at.column, column);
  assert_int_equal(at.length, length);
}

static void tokens_are_those_of_lua(void **state) {
  (void)state;
  begin("use'a\\'b' { x==1, y=.5e-3, z=0x1p+4..[==[\n]]]==], --[[ c\n]] w=...}");
  const char *texts[] = {
      "use", "'a\\'b'", "{", "x",        "==",           "1", ",", "y", "=",   ".5e-3",
      ",",   "z",       "=", "0x1p+4..", "[==[\n]]]==]", ",", "w", "=", "...", "}"};
  assert_int_equal(scan.n, sizeof texts / sizeof *texts);
  for (size_t i = 0; i < scan.n; i++) token_is(i, scan.tokens[i].kind, texts[i]);
  assert_int_equal(scan.tokens[1].kind, TOKEN_TEXT);
  assert_int_equal(scan.tokens[14].kind, TOKEN_TEXT);
  assert_int_equal(scan.tokens[14].line, 1);
  assert_int_equal(scan.tokens[16].line, 3);
  end();
}

static void lines_are_counted_as_lua_counts_them(void **state) {
  (void)state;
  begin("a\r\nb\n\rc\rd\n\ne");
  const int lines[] = {1, 2, 3, 4, 6};
  assert_int_equal(scan.n, 5);
  for (size_t i = 0; i < 5; i++) assert_int_equal(scan.tokens[i].line, lines[i]);
  assert_int_equal(source.lines, 6);
  end();
}

static void columns_are_characters(void **state) {
  (void)state;
  begin("x = \"äö\" yz");
  place_is(scan_place(&scan, 2), 1, 5, 4);
  place_is(scan_place_inner(&scan, 2), 1, 6, 2);
  place_is(scan_place(&scan, 3), 1, 10, 2);
  end();
}

static void a_place_does_not_leave_its_line(void **state) {
  (void)state;
  begin("[[one\ntwo]]");
  place_is(scan_place(&scan, 0), 1, 1, 5);
  end();
}

static void keys_are_found_at_their_own_depth(void **state) {
  (void)state;
  begin("use \"k\" { a = { b = 1 }, f = function() b = 2; c = 3 end, [\"b\"] = 4; c = 5 }");
  ptrdiff_t open = scan_table(&scan, 0);
  assert_int_equal(open, 2);
  ptrdiff_t b = scan_find_key(&scan, open, "b"), c = scan_find_key(&scan, open, "c");
  token_is((size_t)b, TOKEN_TEXT, "\"b\"");
  assert_true(scan_is(&scan, c + 2, "5"));
  assert_int_equal(scan_find_key(&scan, open, "d"), -1);
  end();
}

static void the_table_of_a_word_is_found_in_every_form(void **state) {
  (void)state;
  const char *forms[] = {"use 'x' {a=1}",  "use('x') {a=1}",  "use{a=1}",
                         "use({a=1})",     "use [[x]] {a=1}", "use('x' .. y) {a=1}",
                         "use 'x' ({a=1})"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    begin(forms[i]);
    ptrdiff_t open = scan_table(&scan, 0);
    assert_true(scan_is(&scan, open, "{"));
    assert_true(scan_find_key(&scan, open, "a") > 0);
    end();
  }
  begin("use 'x', { a = 1 }");
  assert_int_equal(scan_table(&scan, 0), -1);
  end();
}

static void keys_written_twice_are_faults_and_statements_are_not(void **state) {
  (void)state;
  begin(
      "local t = { a = 1, b = { a = 2 }, ['a'] = 3,\n"
      "f = function() x = 1; x = 2; if y then z = 1, 2 end; z = 3 end,\n"
      "g = function() for i = 1, 2 do q = 1; q = 2 end repeat r = 1; r = 2 until r end }");
  json_t *faults = json_array();
  scan_quiet(&scan, faults);
  assert_int_equal(json_array_size(faults), 1);
  json_decref(faults);
  end();
}

static void texts_that_never_end_do_not_end_the_scanner(void **state) {
  (void)state;
  const char *texts[] = {"\"abc",     "[[abc",  "[==[abc]=]",    "--[[ abc", "'a\\",
                         "{{{{((([[", "}}))]]", "end end until", "'a\\z   ", "0x",
                         ".",         "[=",     "[==",           "--",       "-",
                         "\\",        "\"\\\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    begin(texts[i]);
    for (ptrdiff_t k = 0; (size_t)k < scan.n; k++) {
      scan_place(&scan, k);
      scan_place_inner(&scan, k);
      scan_table(&scan, k);
      scan_find_key(&scan, k, "a");
    }
    json_t *faults = json_array();
    scan_quiet(&scan, faults);
    json_decref(faults);
    end();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_are_those_of_lua),
      cmocka_unit_test(lines_are_counted_as_lua_counts_them),
      cmocka_unit_test(columns_are_characters),
      cmocka_unit_test(a_place_does_not_leave_its_line),
      cmocka_unit_test(keys_are_found_at_their_own_depth),
      cmocka_unit_test(the_table_of_a_word_is_found_in_every_form),
      cmocka_unit_test(keys_written_twice_are_faults_and_statements_are_not),
      cmocka_unit_test(texts_that_never_end_do_not_end_the_scanner),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
