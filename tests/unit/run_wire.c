/* run_wire.c - messages between supervisor and worker, and what is noted beside a run. */
#include "testing.h"

#include "run/conditions.h"
#include "run/wire.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines ---------------------------------------------------------------------------- */

struct heard {
  char text[256];
};

static void hear(void *ctx, char *line, size_t size) {
  struct heard *heard = ctx;
  size_t used = strlen(heard->text);
  assert_int_equal(strlen(line), size);
  snprintf(heard->text + used, sizeof heard->text - used, "[%s]", line);
}

static void lines_come_whole_however_they_arrive(void **state) {
  (void)state;
  static const char bytes[] = "one\n\ntwo three\nrest";
  for (size_t step = 1; step < sizeof bytes; step++) {
    struct lines lines = lines_new(64);
    struct heard heard = {""};
    for (size_t at = 0; at < sizeof bytes - 1; at += step) {
      size_t n = sizeof bytes - 1 - at < step ? sizeof bytes - 1 - at : step;
      assert_true(lines_add(&lines, bytes + at, n, hear, &heard));
    }
    assert_string_equal(heard.text, "[one][][two three]");
    assert_int_equal(lines.size, 4);
    lines_free(&lines);
  }
}

static void a_line_longer_than_its_limit_is_refused(void **state) {
  (void)state;
  struct lines lines = lines_new(8);
  struct heard heard = {""};
  assert_true(lines_add(&lines, "12345678\n", 9, hear, &heard));
  assert_false(lines_add(&lines, "123456789", 9, hear, &heard));
  lines_free(&lines);
}

/* Messages ------------------------------------------------------------------------- */

static bool parses(const char *line) {
  struct why why;
  json_t *message = wire_parse(line, strlen(line), &why);
  if (message == NULL) assert_true(strlen(why.text) > 10);
  json_decref(message);
  return message != NULL;
}

static void only_one_object_is_a_message(void **state) {
  (void)state;
  assert_true(parses("{\"t\":\"done\"}"));
  assert_true(parses("{}"));
  static const char *const bad[] = {"",
                                    "null",
                                    "[]",
                                    "\"text\"",
                                    "{\"a\":1}{\"b\":2}",
                                    "{\"a\":1,\"a\":2}",
                                    "{\"a\":1e400}",
                                    "{\"a\":\"\xff\"}",
                                    "{'a':1}",
                                    "{\"a\":NaN}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (parses(bad[i])) fail_msg("taken: %s", bad[i]);
}

/* {"a":{"a":...}} of this depth; brackets in strings do not count. */
static bool parses_at_depth(int depth) {
  char line[2048] = "";
  for (int i = 0; i < depth; i++)
    strcat(line, i + 1 < depth ? "{\"a\":" : "{\"[[[\":\"{{{\\\"[\"");
  for (int i = 0; i < depth; i++) strcat(line, "}");
  return parses(line);
}

static void depth_has_a_limit(void **state) {
  (void)state;
  assert_true(parses_at_depth(1));
  assert_true(parses_at_depth(WIRE_DEPTH));
  assert_false(parses_at_depth(WIRE_DEPTH + 1));
}

static void a_message_survives_its_way(void **state) {
  (void)state;
  size_t size;
  struct why why;
  json_t *message = json_pack("{s:s, s:I, s:[f, f]}", "t", "x\n\"y", "big",
                              (json_int_t)INT64_MAX, "list", 0.1, 1e300);
  char *text = wire_text(message, &size);
  assert_non_null(text);
  assert_int_equal(text[size - 1], '\n');
  assert_ptr_equal(memchr(text, '\n', size), text + size - 1); /* one line */
  json_t *again = wire_parse(text, size - 1, &why);
  assert_true(json_equal(message, again));
  free(text);
  json_decref(message);
  json_decref(again);
}

static void numbers_are_read_in_their_bounds_only(void **state) {
  (void)state;
  int64_t n = 7;
  json_t *object = json_pack("{s:i, s:f, s:s}", "i", 5, "r", 5.0, "t", "5");
  assert_true(wire_int(object, "i", 0, 5, &n));
  assert_int_equal(n, 5);
  assert_false(wire_int(object, "i", 0, 4, &n));
  assert_false(wire_int(object, "r", 0, 9, &n));
  assert_false(wire_int(object, "t", 0, 9, &n));
  assert_false(wire_int(object, "none", 0, 9, &n));
  json_decref(object);
}

static void what_json_has_no_number_for_travels_as_a_word(void **state) {
  (void)state;
  static const double values[] = {0.1, -0.0, 1e-310, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    double back = 42;
    json_t *object = json_pack("{s:o}", "value", message_real(values[i]));
    assert_true(wire_real(object, "value", &back));
    assert_true(isnan(values[i]) ? isnan(back) : back == values[i]);
    json_decref(object);
  }
  double kept = 42;
  json_t *object = json_pack("{s:s, s:b}", "word", "infinite", "truth", 1);
  assert_false(wire_real(object, "word", &kept));
  assert_false(wire_real(object, "truth", &kept));
  assert_float_equal(kept, 42, 0);
  json_decref(object);
}

static void any_bytes_become_a_text(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *text;
  } cases[] = {{"plain", 5, "plain"},
               {"a\"b\\c\n\x01", 7, "a\"b\\c\n\x01"},
               {"\xff\xc3", 2, "\xef\xbf\xbd\xef\xbf\xbd"},
               {"\xc3\xa9", 2, "\xc3\xa9"},
               {"", 0, ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_t *text = wire_clean(cases[i].bytes, cases[i].size);
    assert_string_equal(json_string_value(text), cases[i].text);
    json_decref(text);
  }
}

/* Conditions ----------------------------------------------------------------------- */

static void note(void *ctx, const char *text) {
  char *notes = ctx;
  snprintf(notes + strlen(notes), 512 - strlen(notes), "%s\n", text);
}

static void a_quiet_machine_is_not_worth_a_line(void **state) {
  (void)state;
  char notes[512] = "";
  const struct conditions before = {.ns = 0, .ticks = 1000, .busy = 500};
  const struct conditions after = {.ns = 1000000000, .ticks = 1200, .busy = 600};
  conditions_report(&before, &after, 1.0, note, notes); /* the busy second was its own */
  assert_string_equal(notes, "");
  conditions_report(&before, &after, -1, note, notes); /* not known: nothing is claimed */
  assert_string_equal(notes, "");
}

static void what_disturbs_a_measurement_is_told(void **state) {
  (void)state;
  char notes[512] = "";
  const struct conditions before = {.ns = 0};
  const struct conditions after = {.ns = 1000000000,
                                   .ticks = 200,
                                   .busy = 150,
                                   .stolen = 10,
                                   .throttled_us = 2500,
                                   .hot = 3};
  conditions_report(&before, &after, 0.5, note, notes);
  assert_non_null(strstr(notes, "other work kept 1.00 CPUs busy"));
  assert_non_null(strstr(notes, "5.0 % of CPU time was stolen"));
  assert_non_null(strstr(notes, "CPU quota for 2.5 ms"));
  assert_non_null(strstr(notes, "temperature 3 times"));
}

static void conditions_can_be_read_here(void **state) {
  (void)state;
  struct conditions a, b;
  conditions_read(&a);
  conditions_read(&b);
  assert_true(b.ns >= a.ns);
  assert_true(b.ticks >= a.ticks && b.busy <= b.ticks);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_come_whole_however_they_arrive),
      cmocka_unit_test(a_line_longer_than_its_limit_is_refused),
      cmocka_unit_test(only_one_object_is_a_message),
      cmocka_unit_test(depth_has_a_limit),
      cmocka_unit_test(a_message_survives_its_way),
      cmocka_unit_test(numbers_are_read_in_their_bounds_only),
      cmocka_unit_test(what_json_has_no_number_for_travels_as_a_word),
      cmocka_unit_test(any_bytes_become_a_text),
      cmocka_unit_test(a_quiet_machine_is_not_worth_a_line),
      cmocka_unit_test(what_disturbs_a_measurement_is_told),
      cmocka_unit_test(conditions_can_be_read_here),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
