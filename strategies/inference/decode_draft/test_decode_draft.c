/* test_decode_draft.c - decode.draft hands on what the draft model says, and counts. */
#include "fakehost.h"

#include <ridge/seam/decode_draft.h>

struct ridge_draft_model {
  char path[256];
  int64_t depth, proposals, finished, closed;
};

static struct ridge_draft_model the_model;

static ridge_status model_open(const ridge_host *host, const char *path, int64_t depth,
                               ridge_draft_model **out) {
  if (strcmp(path, "missing.gguf") == 0) {
    return (host->fail)(host, RIDGE_IO, "%s cannot be read", path); /* cmocka has a macro */
  }
  the_model = (struct ridge_draft_model){.depth = depth};
  snprintf(the_model.path, sizeof the_model.path, "%s", path);
  *out = &the_model;
  return RIDGE_OK;
}

static ridge_status model_propose(ridge_draft_model *model, ridge_draft_seq *seqs,
                                  int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < seqs[i].room; k++) seqs[i].out[k] = (int32_t)(100 + k);
    seqs[i].n_out = seqs[i].room;
    model->proposals += seqs[i].n_out;
  }
  return RIDGE_OK;
}

static void model_finish(ridge_draft_model *model, int64_t id) { model->finished += id; }
static void model_close(ridge_draft_model *model) { model->closed++; }

static const void *draft_service(struct fake *fake, const char *id) {
  static const ridge_draft_model_api api = {.struct_size = sizeof api,
                                            .open = model_open,
                                            .propose = model_propose,
                                            .finish = model_finish,
                                            .close = model_close};
  (void)fake;
  return strcmp(id, RIDGE_SERVICE_DRAFT_MODEL) == 0 ? &api : NULL;
}

static struct fake *opened(const char *model, int64_t lookahead) {
  struct fake *fake = fake_open("decode_draft");
  fake->service = draft_service;
  fake_text(fake, "model", model);
  fake_int(fake, "lookahead", lookahead);
  return fake;
}

static void proposals_are_those_of_the_draft_model(void **state) {
  (void)state;
  struct fake *fake = opened("small.gguf", 6);
  const ridge_draft *seam = fake_table(fake, RIDGE_SEAM_DECODE_DRAFT);
  assert_int_equal(seam->depth(fake->params), 6);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  assert_string_equal(the_model.path, "small.gguf");
  assert_int_equal(the_model.depth, 6);
  int32_t out[6] = {0}, tokens[3] = {1, 2, 3};
  ridge_draft_seq seq = {
      .struct_size = sizeof seq, .id = 7, .tokens = tokens, .n = 3, .room = 5, .out = out};
  assert_int_equal(seam->propose(fake->self, &seq, 1), RIDGE_OK);
  assert_int_equal(seq.n_out, 5);
  assert_int_equal(out[4], 104);
  seam->finish(fake->self, 7);
  assert_int_equal(the_model.finished, 7);
  fake_close(fake);
  assert_int_equal(the_model.closed, 1);
}

static void evidence_and_rates_come_from_outcomes(void **state) {
  (void)state;
  struct fake *fake = opened("small.gguf", 4);
  const ridge_draft *seam = fake_table(fake, RIDGE_SEAM_DECODE_DRAFT);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  seam->outcome(fake->self, 1, 4, 3);
  seam->outcome(fake->self, 2, 4, 0);
  seam->outcome(fake->self, 2, 0, 0);
  assert_int_equal(fake->counts[0], 8);
  assert_int_equal(fake->counts[1], 3);
  assert_float_equal(fake->recorded[0], 3.0 / 8, 1e-12);
  assert_float_equal(fake->recorded[1], 2.5, 1e-12);
  fake_close(fake);
}

static void a_draft_that_is_never_right_leaves_no_evidence(void **state) {
  (void)state;
  struct fake *fake = opened("small.gguf", 4);
  const ridge_draft *seam = fake_table(fake, RIDGE_SEAM_DECODE_DRAFT);
  const ridge_evidence *rows = fake->plugin->evidence.rows;
  assert_int_equal(fake_create(fake), RIDGE_OK);
  for (int i = 0; i < 10; i++) seam->outcome(fake->self, 1, 4, 0);
  assert_true(fake->counts[1] < rows[1].least);
  fake_close(fake);
}

static void a_model_that_cannot_be_opened_is_a_failed_create(void **state) {
  (void)state;
  struct fake *fake = opened("missing.gguf", 4);
  assert_int_equal(fake_create(fake), RIDGE_IO);
  assert_string_equal(fake->said, "missing.gguf cannot be read");
  assert_null(fake->self);
  fake_close(fake);
  fake = opened("small.gguf", 4);
  fake->service = NULL;
  assert_int_equal(fake_create(fake), RIDGE_UNSUPPORTED);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(proposals_are_those_of_the_draft_model),
      cmocka_unit_test(evidence_and_rates_come_from_outcomes),
      cmocka_unit_test(a_draft_that_is_never_right_leaves_no_evidence),
      cmocka_unit_test(a_model_that_cannot_be_opened_is_a_failed_create),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
