/* recipe_untrusted_answer.c - whatever a child prints is read or refused, and never
 * believed. */
#include "testing.h"

#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "return infer {\n  model \"m\",\n}\n";

static ridge_status read_answer(const char *answer, size_t size, struct recipe *out,
                                struct why *why) {
  *out = (struct recipe){.file = "r.lua", .path = "/r.lua"};
  out->source = recipe_source_of(text, sizeof text - 1);
  return recipe_answer_read(answer, size, out, why);
}

#define WORD(rest)   "{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[]" rest "}"
#define RECIPE(word) "{\"faults\":[],\"recipe\":" word "}"
#define FAULT(at, rest)                                                                    \
  "{\"faults\":[{\"code\":\"R001\",\"at\":" at ",\"text\":\"t\",\"notes\":[]" rest "}]}"

static void a_good_answer_is_read(void **state) {
  (void)state;
  struct recipe recipe;
  struct why why;
  const char good[] =
      RECIPE(WORD(",\"items\":[{\"word\":{\"word\":\"model\",\"at\":[2,3,5],\"arg\":\"m\","
                  "\"arg_at\":[2,10,1]}},"
                  "{\"odd\":\"nil\"},[1,2.5,\"x\"]],\"items_at\":[[2,3,5]]"));
  assert_int_equal(read_answer(good, sizeof good - 1, &recipe, &why), RIDGE_OK);
  assert_int_equal(recipe.root->n_items, 3);
  assert_string_equal(recipe.root->items[0].word->arg, "m");
  assert_int_equal(recipe.root->items[0].word->arg_at.column, 10);
  assert_string_equal(recipe_value_kind(&recipe.root->items[1]), "nil");
  recipe_free(&recipe);
}

static void faults_alone_are_read(void **state) {
  (void)state;
  struct recipe recipe;
  struct why why;
  const char good[] = FAULT("[2,3,5]", ",\"help\":\"h\"");
  assert_int_equal(read_answer(good, sizeof good - 1, &recipe, &why), RIDGE_OK);
  assert_null(recipe.root);
  assert_int_equal(json_array_size(recipe.faults), 1);
  recipe_free(&recipe);
}

static const char *const bad[] = {
    "",
    "x",
    "[]",
    "null",
    "{}",
    "{\"faults\":[]}",
    "{\"faults\":{}}",
    "{\"faults\":[],\"faults\":[],\"recipe\":" WORD("") "}",
    "{\"faults\":[1]}",
    RECIPE("1"),
    RECIPE("{}"),
    RECIPE("{\"word\":5}"),
    RECIPE("{\"word\":\"launch\",\"at\":[1,8,5],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5.5],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[9,1,1],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,500],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[-1,8,5],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,99999999999,5],\"fields\":[]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5],\"arg\":\"x\",\"arg_at\":[1,1,1]}"),
    RECIPE("{\"word\":\"model\",\"at\":[1,8,5],\"arg\":\"x\",\"arg_at\":[1,1,1]}"),
    RECIPE(WORD(",\"items\":{}")),
    RECIPE(WORD(",\"items\":[null]")),
    RECIPE(WORD(",\"items\":[{\"a\":1}]")),
    RECIPE(WORD(",\"items\":[{\"odd\":1}]")),
    RECIPE(WORD(",\"items\":[[[1]]]")),
    RECIPE(WORD(",\"items\":[1],\"items_at\":[[9,9,9]]")),
    RECIPE(WORD(",\"items\":[{\"word\":{\"word\":\"use\",\"at\":[2,3,3],\"fields\":[]}}]")),
    RECIPE(WORD(",\"items\":[{\"word\":{\"word\":\"use\",\"at\":[2,3,3],\"arg\":7,\"arg_"
                "at\":[2,3,3]}}]")),
    RECIPE(WORD(",\"items\":[{\"word\":{\"word\":\"use\",\"at\":[2,3,3],\"arg\":\"x\"}}]")),
    RECIPE(WORD(",\"items\":[{\"word\":{\"word\":\"against\",\"at\":[2,3,3],\"arg\":\"x\","
                "\"arg_at\":[2,3,3],\"fields\":[]}}]")),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[[\"a\",1]]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[[1,1,[1,1,1]]]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[\"a\"]}"),
    RECIPE("{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":7}"),
    FAULT("[2,3]", ""),
    FAULT("\"x\"", ""),
    FAULT("[2,3,5]", ",\"help\":1"),
    "{\"faults\":[{\"code\":\"P101\",\"at\":[1,1,1],\"text\":\"t\",\"notes\":[]}]}",
    "{\"faults\":[{\"code\":\"R01\",\"at\":[1,1,1],\"text\":\"t\",\"notes\":[]}]}",
    "{\"faults\":[{\"code\":\"R001\",\"at\":[1,1,1],\"text\":\"t\",\"notes\":[1]}]}",
    "{\"faults\":[{\"code\":\"R001\",\"at\":[1,1,1],\"text\":\"t\",\"notes\":[{\"line\":77,"
    "\"text\":\"x\"}]}]}",
    "{\"faults\":[{\"code\":\"R001\",\"at\":[1,1,1],\"notes\":[]}]}",
    "{\"faults\":[],\"recipe\":" WORD("") "} trailing",
    "{\"faults\":[],\"recipe\":{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[[\"a\",1e999,"
    "[1,1,1]]]}}",
    "{\"faults\":[],\"recipe\":{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[[\"a\","
    "\"\xff\",[1,1,1]]]}}",
};

static void everything_else_is_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct recipe recipe;
    struct why why = {""};
    ridge_status status = read_answer(bad[i], strlen(bad[i]), &recipe, &why);
    if (status != RIDGE_CORRUPT) print_error("%zu: %s\n", i, bad[i]);
    assert_int_equal(status, RIDGE_CORRUPT);
    assert_true(strstr(why.text, "r.lua") != NULL);
    recipe_free(&recipe);
  }
}

static void words_inside_words_have_an_end(void **state) {
  (void)state;
  char *deep = calloc(1, 1 << 16);
  assert_non_null(deep);
  strcat(deep, "{\"faults\":[],\"recipe\":");
  for (int i = 0; i < 12; i++)
    strcat(deep, "{\"word\":\"infer\",\"at\":[1,8,5],\"fields\":[],\"items\":[{\"word\":");
  strcat(deep, WORD(""));
  for (int i = 0; i < 12; i++) strcat(deep, "}]}");
  strcat(deep, "}");
  struct recipe recipe;
  struct why why;
  assert_int_equal(read_answer(deep, strlen(deep), &recipe, &why), RIDGE_CORRUPT);
  recipe_free(&recipe);
  memset(deep, '[', 60000);
  assert_int_equal(read_answer(deep, 60000, &recipe, &why), RIDGE_CORRUPT);
  recipe_free(&recipe);
  free(deep);
}

static void every_beginning_of_a_good_answer_is_refused(void **state) {
  (void)state;
  const char good[] = RECIPE(WORD(",\"items\":[{\"word\":{\"word\":\"model\",\"at\":[2,3,5]"
                                  ",\"arg\":\"m\",\"arg_at\":[2,10,1]}}]"));
  for (size_t n = 0; n + 1 < sizeof good; n++) {
    struct recipe recipe;
    struct why why;
    assert_int_equal(read_answer(good, n, &recipe, &why), RIDGE_CORRUPT);
    recipe_free(&recipe);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_good_answer_is_read),
      cmocka_unit_test(faults_alone_are_read),
      cmocka_unit_test(everything_else_is_refused),
      cmocka_unit_test(words_inside_words_have_an_end),
      cmocka_unit_test(every_beginning_of_a_good_answer_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
