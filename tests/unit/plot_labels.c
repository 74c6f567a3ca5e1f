/* Labels of a plot: they meet nothing, and stay inside. */
#include "testing.h"

#include "cli/plot_labels.h"

#include <math.h>
#include <stdlib.h>

static struct plot_labels fresh(void) {
  return (struct plot_labels){.frame = {0, 0, 800, 500}};
}

static void labels_of_a_crowd_never_overlap(void **state) {
  (void)state;
  static struct plot_labels labels;
  struct plot_place places[60];
  size_t n = 0;
  labels = fresh();
  srand(7);
  for (int i = 0; i < 60; i++) {
    double x = 300 + rand() % 200, y = 150 + rand() % 150;
    if (plot_label(&labels, x, y, 4, "matmul q4_k 87 %", 11, &places[n])) n++;
  }
  assert_true(n >= 30);
  for (size_t i = 0; i < n; i++) {
    assert_true(places[i].box.left >= 0 && places[i].box.right <= 800);
    assert_true(places[i].box.top >= 0 && places[i].box.bottom <= 500);
    for (size_t k = 0; k < i; k++)
      assert_false(plot_overlap(&places[i].box, &places[k].box));
  }
}

static void a_lone_label_stands_right_of_its_point(void **state) {
  (void)state;
  static struct plot_labels labels;
  struct plot_place place;
  labels = fresh();
  assert_true(plot_label(&labels, 100, 100, 5, "head", 10, &place));
  assert_int_equal(place.anchor, ANCHOR_START);
  assert_false(place.far);
  assert_true(place.box.left >= 105 && place.box.left < 115);
}

static void at_the_right_border_a_label_stands_on_the_left(void **state) {
  (void)state;
  static struct plot_labels labels;
  struct plot_place place;
  labels = fresh();
  assert_true(plot_label(&labels, 790, 250, 5, "attention", 10, &place));
  assert_true(place.box.right <= 800);
}

static void no_room_is_said(void **state) {
  (void)state;
  static struct plot_labels labels;
  struct plot_place place;
  double at;
  labels = fresh();
  plot_take(&labels, labels.frame);
  assert_false(plot_label(&labels, 400, 250, 4, "x", 10, &place));
  assert_false(plot_label_along(&labels, 10, 400, -0.5, 300, "memory", 10, &at));
}

static void text_along_a_line_gives_way(void **state) {
  (void)state;
  static struct plot_labels labels;
  double first, second;
  labels = fresh();
  assert_true(plot_label_along(&labels, 10, 400, -0.5, 600, "memory 18 GB/s", 10, &first));
  assert_true(plot_label_along(&labels, 10, 402, -0.5, 600, "L3 20 GB/s", 10, &second));
  assert_true(second - first >= plot_text_width("memory 18 GB/s", 10) - 10);
}

static void a_letter_of_many_bytes_is_one_letter(void **state) {
  (void)state;
  assert_true(fabs(plot_text_width("\xe2\x82\xac", 10) - plot_text_width("e", 10)) < 1e-9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(labels_of_a_crowd_never_overlap),
      cmocka_unit_test(a_lone_label_stands_right_of_its_point),
      cmocka_unit_test(at_the_right_border_a_label_stands_on_the_left),
      cmocka_unit_test(no_room_is_said),
      cmocka_unit_test(text_along_a_line_gives_way),
      cmocka_unit_test(a_letter_of_many_bytes_is_one_letter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
