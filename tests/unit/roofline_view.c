/* A run's operators beside the machine's limits: the sums, and the plot. */
#include "testing.h"

#include "cli/roofline_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 10 GB/s from memory, 40 within 1 MiB; 100 Gop/s in floats, 400 in bytes; typical rates
 * are half of that. */
static const char calibration[] =
    "{\"id\": 3, \"measured\": 1700000000000000, \"planned\": 1, \"threads\": 2,"
    " \"facts\": {\"threads\": 2, \"l1d\": 32768, \"l2\": 262144, \"l3\": 2097152},"
    " \"speed\": {\"read\": [[2, 65536, 4e10, 2e10], [2, 1048576, 4e10, 2e10],"
    "                      [2, 16777216, 1e10, 5e9]],"
    "           \"flops\": [[2, 0, 1e11, 5e10]], \"int8\": [[2, 0, 4e11, 2e11]],"
    "           \"by\": {\"read\": \"avx2\", \"flops\": \"avx2 fma\", \"int8\": "
    "\"avx2\"}}}";

static json_t *row(const char *phase, const char *kind, json_int_t ns, double bytes,
                   double streamed, double flops, bool narrow) {
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:i}", "phase",
                   phase, "name", "blk.0.x", "op", "matmul", "kind", kind, "kernel", "k",
                   "calls", 10, "ns", ns, "bytes", (json_int_t)bytes, "streamed",
                   (json_int_t)streamed, "flops", (json_int_t)flops, "narrow", (int)narrow);
}

static json_t *stage(const char *phase, int steps, int rows, json_int_t model,
                     json_int_t step) {
  return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:I, s:I}", "phase", phase, "steps",
                   steps, "rows", rows, "wanted", 1, "depth", rows * 7, "reach", 5,
                   "model_ns", model, "step_ns", step);
}

static json_t *made_run(bool measured) {
  json_t *run = json_object(), *operators = json_array(), *stages = json_array();
  json_array_append_new(stages, stage("prompt", 10, 5120, 900000000, 1000000000));
  json_array_append_new(stages, stage("decode", 10, 10, 190000000, 200000000));
  /* 10 steps of 16 MiB each: 1.68 ms at 10 GB/s, 0.1 ms of arithmetic */
  json_array_append_new(operators, row("prompt", "matmul <q4_0> & \"co\"", 600000000, 2e9,
                                       167772160, 4e10, false));
  json_array_append_new(operators,
                        row("prompt", "add\x01\n", 200000000, 1e8, 0, 1e7, false));
  json_array_append_new(operators, row("decode", "matmul q4_0", 60000000, 83886080 + 1e5,
                                       83886080, 1e8, true));
  json_array_append_new(operators, row("decode", "matmul q4_0", 60000000, 83886080 + 1e5,
                                       83886080, 1e8, true));
  json_array_append_new(operators, row("decode", "embed f16", 1000000, 1e5, 0, 0, false));
  json_object_set_new(run, "operators", operators);
  json_object_set_new(run, "stages", stages);
  json_object_set_new(run, "calibration",
                      measured ? json_loads(calibration, 0, NULL) : json_null());
  return run;
}

static struct roofline_view view_of(const json_t *run) {
  struct roofline_view view;
  struct why why;
  ridge_status status = roofline_view_make(run, &view, &why);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  return view;
}

static void near(double got, double wanted) {
  if (fabs(got - wanted) > 1e-3 * wanted) fail_msg("%g is not %g", got, wanted);
}

static void kinds_of_a_phase_add_up_to_it(void **state) {
  (void)state;
  json_t *run = made_run(true);
  struct roofline_view view = view_of(run);
  assert_int_equal(view.n, 2);
  const struct roofline_phase *decode = &view.phases[1];
  assert_string_equal(decode->phase, "decode");
  assert_int_equal(decode->n, 2);
  assert_string_equal(decode->kinds[0].kind, "matmul q4_0"); /* the longest first */
  assert_int_equal(decode->kinds[0].nodes, 2);
  near(decode->all.seconds, 0.121);
  near(decode->kinds[0].seconds + decode->kinds[1].seconds, decode->all.seconds);
  near(decode->depth, 7);
  near(decode->working_set, 16777216);
  roofline_view_free(&view);
  json_decref(run);
}

static void limits_are_the_best_rates_and_predictions_the_typical(void **state) {
  (void)state;
  json_t *run = made_run(true);
  struct roofline_view view = view_of(run);
  const struct roofline_kind *prompt = &view.phases[0].kinds[0],
                             *decode = &view.phases[1].kinds[0];
  /* 4e10 operations at 1e11: compute; activations of (2e9 - 168e6) at 10 GB/s: memory */
  near(prompt->compute, 0.4);
  near(prompt->limit, prompt->memory > prompt->compute ? prompt->memory : 0.4);
  /* all weights once a step from memory, activations of 10 KB from the first cache */
  near(decode->limit, 2 * (83886080 / 1e10 + 1e5 / 4e10));
  near(decode->predicted, 2 * decode->limit);
  near(decode->compute, 2 * 1e8 / 4e11); /* bytes: the int8 peak */
  roofline_view_free(&view);
  json_decref(run);
}

static void an_unmeasured_machine_has_no_limits(void **state) {
  (void)state;
  json_t *run = made_run(false);
  struct roofline_view view = view_of(run);
  assert_null(view.speed);
  assert_true(view.phases[0].all.limit == 0 && view.phases[0].all.seconds > 0);
  json_t *data = roofline_view_json(&view);
  assert_null(json_object_get(data, "flops"));
  json_decref(data);
  roofline_view_free(&view);
  json_decref(run);
}

static void a_measurement_with_fewer_threads_gives_no_limits(void **state) {
  (void)state;
  json_t *run = made_run(true);
  json_object_set_new(json_object_get(run, "calibration"), "threads", json_integer(8));
  struct roofline_view view = view_of(run);
  assert_null(view.speed);
  roofline_view_free(&view);
  json_decref(run);
}

static void a_damaged_measurement_is_refused(void **state) {
  (void)state;
  json_t *run = made_run(true);
  json_object_del(json_object_get(json_object_get(run, "calibration"), "speed"), "flops");
  struct roofline_view view;
  struct why why;
  assert_int_equal(roofline_view_make(run, &view, &why), RIDGE_CORRUPT);
  json_decref(run);
}

/* --- the plot ------------------------------------------------------------------------ */

static char *plot_of(const json_t *run, const char *title, bool *drawn) {
  struct roofline_view view = view_of(run);
  char *text = NULL;
  size_t size = 0;
  FILE *to = open_memstream(&text, &size);
  *drawn = roofline_svg_write(to, &view, title);
  fclose(to);
  roofline_view_free(&view);
  return text;
}

/* Every element is closed in order, no stray `<` or `&`, no byte XML forbids. */
static void assert_well_formed(const char *text) {
  const char *open[64];
  size_t depth = 0;
  for (const char *at = text; *at != 0; at++) {
    assert_true((unsigned char)*at >= 0x20 || *at == '\n');
    if (*at == '&')
      assert_true(strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0 ||
                  strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&quot;", 6) == 0);
    if (*at != '<') continue;
    const char *end = strchr(at, '>');
    assert_non_null(end);
    assert_null(memchr(at + 1, '<', (size_t)(end - at - 1)));
    if (at[1] == '/') {
      assert_true(depth > 0);
      size_t n = (size_t)(end - at - 2);
      assert_true(strncmp(open[--depth], at + 2, n) == 0);
    } else if (at[1] != '?' && end[-1] != '/') {
      assert_true(depth < 64);
      open[depth++] = at + 1;
    }
    at = end;
  }
  assert_int_equal(depth, 0);
}

static void a_plot_is_well_formed_whatever_names_say(void **state) {
  (void)state;
  json_t *run = made_run(true);
  bool drawn;
  char *text = plot_of(run, "run <1> & \"more\"\x02", &drawn);
  assert_true(drawn);
  assert_well_formed(text);
  assert_non_null(strstr(text, "matmul &lt;q4_0&gt; &amp; &quot;co&quot; "));
  assert_non_null(strstr(text, "add??"));
  assert_non_null(strstr(text, "memory 10 GB/s"));
  assert_non_null(strstr(text, "floats: 100 Gop/s (avx2 fma)"));
  assert_non_null(strstr(text, "bytes: 400 Gop/s (avx2)"));
  assert_non_null(strstr(text, "prefers-color-scheme: dark"));
  assert_null(strstr(text, "embed")); /* no operations: no place */
  free(text);
  json_decref(run);
}

static void without_limits_the_points_are_drawn_alone(void **state) {
  (void)state;
  json_t *run = made_run(false);
  bool drawn;
  char *text = plot_of(run, "run", &drawn);
  assert_true(drawn);
  assert_well_formed(text);
  assert_null(strstr(text, "class=\"roof\""));
  assert_non_null(strstr(text, "no limits"));
  free(text);
  json_decref(run);
}

static void nothing_measured_is_not_drawn(void **state) {
  (void)state;
  json_t *run = made_run(true);
  json_array_clear(json_object_get(run, "operators"));
  bool drawn;
  char *text = plot_of(run, "run", &drawn);
  assert_false(drawn);
  assert_int_equal(strlen(text), 0);
  free(text);
  json_decref(run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_of_a_phase_add_up_to_it),
      cmocka_unit_test(limits_are_the_best_rates_and_predictions_the_typical),
      cmocka_unit_test(an_unmeasured_machine_has_no_limits),
      cmocka_unit_test(a_measurement_with_fewer_threads_gives_no_limits),
      cmocka_unit_test(a_damaged_measurement_is_refused),
      cmocka_unit_test(a_plot_is_well_formed_whatever_names_say),
      cmocka_unit_test(without_limits_the_points_are_drawn_alone),
      cmocka_unit_test(nothing_measured_is_not_drawn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
