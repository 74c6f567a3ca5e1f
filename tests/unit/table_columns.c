/* table_columns.c - aligned columns, whatever stands in the cells. */
#include "testing.h"

#include "base/text.h"
#include "cli/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is written to standard output; the caller frees. */
static char *printed_as(struct table *table, bool terminal, bool colour, int room) {
  fflush(stdout);
  FILE *file = tmpfile();
  int before = dup(STDOUT_FILENO);
  assert_non_null(file);
  dup2(fileno(file), STDOUT_FILENO);
  if (room > 0)
    table_print_within(table, room, colour);
  else
    table_print(table, terminal, colour);
  fflush(stdout);
  dup2(before, STDOUT_FILENO);
  close(before);
  long size = ftell(file) >= 0 ? lseek(fileno(file), 0, SEEK_END) : -1;
  assert_true(size >= 0);
  char *text = calloc(1, (size_t)size + 1);
  assert_int_equal(pread(fileno(file), text, (size_t)size, 0), size);
  fclose(file);
  return text;
}

static char *printed(struct table *table, bool terminal, bool colour) {
  return printed_as(table, terminal, colour, 0);
}

static char *printed_within(struct table *table, int room) {
  return printed_as(table, true, false, room);
}

static void check(struct table *table, bool terminal, bool colour, const char *expected) {
  char *text = printed(table, terminal, colour);
  assert_string_equal(text, expected);
  free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **state) {
  (void)state;
  struct table *table = table_new("strategy|>speed|note");
  table_cell(table, "kv.paged");
  table_cell(table, "1.5");
  table_cell(table, "a");
  table_cell(table, "attention.flash");
  table_cell(table, "120.25");
  table_cell(table, "b");
  check(table, true, false,
        "strategy          speed  note\n"
        "kv.paged            1.5  a\n"
        "attention.flash  120.25  b\n");
}

static void wide_and_combining_characters_keep_the_columns(void **state) {
  (void)state;
  struct table *table = table_new("word|>n");
  table_cell(table, "\xe6\x97\xa5\xe6\x9c\xac"); /* two characters, four columns */
  table_cell(table, "1");
  table_cell(table,
             "e\xcc\x81t\xc3\xa9"); /* e, combining acute, t, e acute: three columns */
  table_cell(table, "2");
  table_cell(table, "plain");
  table_cell(table, "3");
  check(table, true, false,
        "word   n\n"
        "\xe6\x97\xa5\xe6\x9c\xac   1\n"
        "e\xcc\x81t\xc3\xa9    2\n"
        "plain  3\n");
}

static void a_pipe_gets_tabs_and_titles(void **state) {
  (void)state;
  struct table *table = table_new("a|>b");
  table_cell(table, "x");
  table_cellf(table, "%d", 7);
  check(table, false, true, "a\tb\nx\t7\n");
}

static void a_missing_cell_is_a_dash(void **state) {
  (void)state;
  struct table *table = table_new("a|b|c");
  table_cell(table, NULL);
  table_cell(table, "y");
  check(table, false, false, "a\tb\tc\n-\ty\t-\n");
}

static void a_cell_cannot_break_the_table_or_drive_the_terminal(void **state) {
  (void)state;
  struct table *table = table_new("a|b");
  table_cell(table, "one\ttwo\nthree");
  table_cell(table, "\033[31mred\x7f");
  check(table, false, false, "a\tb\none two three\t [31mred \n");
}

static void only_the_head_is_bold_and_only_on_a_terminal_with_colour(void **state) {
  (void)state;
  struct table *table = table_new("a");
  table_cell(table, "x");
  check(table, true, true, "\033[1ma\033[0m\nx\n");
}

static void no_rows_is_a_head_alone(void **state) {
  (void)state;
  check(table_new("a|b"), true, false, "a  b\n");
}

/* What `table` is within `room` columns, printed. */
static void check_within(struct table *table, int room, const char *expected) {
  char *text = printed_within(table, room);
  assert_string_equal(text, expected);
  free(text);
}

static struct table *worth(void) {
  struct table *table = table_new("strategy|evidence|>speed|>memory|runs");
  table_cell(table, "schedule.continuous");
  table_cell(table, "joins 28, leaves 28");
  table_cell(table, "1.69x (1.60 .. 1.75)");
  table_cell(table, "-2.08 MiB");
  table_cell(table, "10 18 26");
  return table;
}

static void cells_are_folded_between_words_first(void **state) {
  (void)state;
  check_within(
      worth(), 78,
      "strategy             evidence                       speed     memory  runs\n"
      "schedule.continuous  joins 28,       1.69x (1.60 .. 1.75)  -2.08 MiB  10 18 26\n"
      "                     leaves 28\n");
}

static void what_does_not_fit_side_by_side_goes_on_below(void **state) {
  (void)state;
  check_within(worth(), 45,
               "strategy             evidence\n"
               "schedule.continuous  joins 28, leaves 28\n"
               "\n"
               "strategy                            speed\n"
               "schedule.continuous  1.69x (1.60 .. 1.75)\n"
               "\n"
               "strategy                memory  runs\n"
               "schedule.continuous  -2.08 MiB  10 18 26\n");
}

static void no_line_is_wider_than_the_terminal(void **state) {
  (void)state;
  for (int room = 24; room < 120; room++) {
    char *text = printed_within(worth(), room);
    for (char *at = text, *line; (line = strsep(&at, "\n")) != NULL;)
      assert_true(text_width(line) <= room);
    free(text);
  }
}

static void names_are_folded_between_their_parts_and_figures_are_not(void **state) {
  (void)state;
  struct table *table = table_new("path|x");
  table_cell(table, "/models/kjv-draft-f16.gguf");
  table_cell(table, "attention");
  check_within(table, 28,
               "path               x\n"
               "/models/kjv-       attention\n"
               "draft-f16.gguf\n");
  table = table_new("value|x");
  table_cell(table, "weights.rtn.bits");
  table_cell(table, "12345678.901234");
  check_within(table, 31,
               "value           x\n"
               "weights.rtn.    12345678.901234\n"
               "bits\n");
}

static void figures_have_three_places_that_count(void **state) {
  (void)state;
  assert_string_equal(human_bytes(0), "0 B");
  assert_string_equal(human_bytes(1023), "1023 B");
  assert_string_equal(human_bytes(1536), "1.50 KiB");
  assert_string_equal(human_bytes(123.4 * 1048576), "123 MiB");
  assert_string_equal(human_seconds(0.0123), "12.3 ms");
  assert_string_equal(human_seconds(90), "90.0 s");
  assert_string_equal(human_seconds(3600), "60.0 min");
  assert_string_equal(human_count(1234567), "1.23 M");
  assert_string_equal(human_count(512), "512");
  assert_string_equal(human_count(-0.5), "-0.50");
}

static void numbers_show_four_figures_and_whole_ones_stay_whole(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},
               {102, "102"},
               {-7, "-7"},
               {999999, "999999"},
               {9725.93, "9726"},
               {22962.8, "22.96 k"},
               {11.0431, "11.04"},
               {2.4018, "2.402"},
               {0.99581, "0.9958"},
               {0.00014, "0.00014"},
               {2.37e-5, "2.37e-5"},
               {-1234567.5, "-1.235 M"},
               {1.5e13, "15.00 T"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(human_number(cases[i].value), cases[i].text);
}

static void an_exact_figure_has_no_exponent_that_people_would_not_write(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } cases[] = {{100, "100.0"},       {10, "10.0"},     {0.05, "0.05"},
               {-1e6, "-1000000.0"}, {0, "0.0"},       {2.40187928, "2.40187928"},
               {1e-9, "1e-9"},       {1e300, "1e300"}, {0.1 + 0.2, "0.30000000000000004"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(human_exact(cases[i].value), cases[i].text);
}

static void a_share_is_a_percentage_with_its_sign(void **state) {
  (void)state;
  assert_string_equal(human_percent(-0.996), "-99.6 %");
  assert_string_equal(human_percent(-1), "-100 %");
  assert_string_equal(human_percent(12.4), "+1240 %");
  assert_string_equal(human_percent(7.9e-5), "+0.0079 %");
  assert_string_equal(human_percent(2.9e-7), "+2.9e-5 %");
}

static void a_span_says_its_unit_once(void **state) {
  (void)state;
  assert_string_equal(human_span("12.0 ms", "20.8 ms"), "12.0 .. 20.8 ms");
  assert_string_equal(human_span("9.73 k token/s", "11.28 k token/s"),
                      "9.73 .. 11.28 k token/s");
  assert_string_equal(human_span("1803 token/s", "11.41 k token/s"),
                      "1803 token/s .. 11.41 k token/s");
  assert_string_equal(human_span("102 token", "102 token"), "102 token");
  assert_string_equal(human_span("1", "2"), "1 .. 2");
}

static void figures_that_are_none_say_so(void **state) {
  (void)state;
  assert_string_equal(human_bytes(NAN), "nan");
  assert_string_equal(human_count(INFINITY), "inf");
  assert_string_equal(human_count(-INFINITY), "-inf");
}

static void several_figures_fit_into_one_line(void **state) {
  (void)state;
  char line[128];
  snprintf(line, sizeof line, "%s of %s in %s, %s", human_bytes(1024), human_bytes(2048),
           human_seconds(1), human_count(3));
  assert_string_equal(line, "1.00 KiB of 2.00 KiB in 1.00 s, 3");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
      cmocka_unit_test(wide_and_combining_characters_keep_the_columns),
      cmocka_unit_test(a_pipe_gets_tabs_and_titles),
      cmocka_unit_test(a_missing_cell_is_a_dash),
      cmocka_unit_test(a_cell_cannot_break_the_table_or_drive_the_terminal),
      cmocka_unit_test(only_the_head_is_bold_and_only_on_a_terminal_with_colour),
      cmocka_unit_test(no_rows_is_a_head_alone),
      cmocka_unit_test(cells_are_folded_between_words_first),
      cmocka_unit_test(what_does_not_fit_side_by_side_goes_on_below),
      cmocka_unit_test(no_line_is_wider_than_the_terminal),
      cmocka_unit_test(names_are_folded_between_their_parts_and_figures_are_not),
      cmocka_unit_test(figures_have_three_places_that_count),
      cmocka_unit_test(numbers_show_four_figures_and_whole_ones_stay_whole),
      cmocka_unit_test(an_exact_figure_has_no_exponent_that_people_would_not_write),
      cmocka_unit_test(a_share_is_a_percentage_with_its_sign),
      cmocka_unit_test(a_span_says_its_unit_once),
      cmocka_unit_test(figures_that_are_none_say_so),
      cmocka_unit_test(several_figures_fit_into_one_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
