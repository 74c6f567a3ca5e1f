/*
 * tokenizer_memory.c - without memory, wherever it runs out, making a tokenizer and
 * encoding fail with a sentence and leave nothing behind; and several threads may use
 * one tokenizer at once.
 *
 * The allocator is replaced by one that counts and, when told to, refuses.  A sanitizer
 * brings its own, so the counting tests are skipped there.
 */
#include "testing.h"

#include "unit/tokenizer_making.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                 \
    __has_feature(memory_sanitizer)
#define OWN_ALLOCATOR 0
#endif
#endif
#ifndef OWN_ALLOCATOR
#define OWN_ALLOCATOR 1
#endif

static struct {
  bool on;
  int64_t alive, seen, fail_at;
} counting;

#if OWN_ALLOCATOR
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t size);
void __libc_free(void *at);

static bool refuses(void) { return counting.on && counting.seen++ == counting.fail_at; }

void *malloc(size_t size) {
  if (refuses()) return NULL;
  void *at = __libc_malloc(size);
  if (counting.on && at != NULL) counting.alive++;
  return at;
}
void *calloc(size_t n, size_t size) {
  if (refuses()) return NULL;
  void *at = __libc_calloc(n, size);
  if (counting.on && at != NULL) counting.alive++;
  return at;
}
void *realloc(void *from, size_t size) {
  if (refuses()) return NULL;
  void *at = __libc_realloc(from, size);
  if (counting.on && from == NULL && at != NULL) counting.alive++;
  return at;
}
void free(void *at) {
  if (counting.on && at != NULL) counting.alive--;
  __libc_free(at);
}

/* Without memory for OpenSSL, base/digest.c gives up the process, and what OpenSSL keeps
 * is its own affair: neither is counted. */
int EVP_Digest(const void *data, size_t size, unsigned char *sum, unsigned *n,
               const EVP_MD *type, ENGINE *engine) {
  int (*real)(const void *, size_t, unsigned char *, unsigned *, const EVP_MD *, ENGINE *);
  bool on = counting.on;
  counting.on = false;
  *(void **)&real = dlsym(RTLD_NEXT, "EVP_Digest");
  int result = real(data, size, sum, n, type, engine);
  counting.on = on;
  return result;
}
#endif

/* A vocabulary of each kind with a few joins and a special text. */
static void small_facts(struct facts *facts, bool spm) {
  enum { N = 256 + 6 };
  static char letters[256][8];
  const char *texts[N] = {"<unk>", "<s>", "</s>"};
  int types[N] = {2, 3, 3};
  double scores[N] = {0};
  for (unsigned i = 0; i < 256; i++) {
    if (spm)
      snprintf(letters[i], 8, "<0x%02X>", i);
    else
      letter_for(i, letters[i]);
    texts[3 + i] = letters[i];
    types[3 + i] = spm ? 6 : 1;
  }
  static const char *const more[] = {"ab", "abab", "<|x|>"};
  for (int i = 0; i < 3; i++) {
    texts[259 + i] = more[i];
    types[259 + i] = i == 2 ? 4 : 1;
  }
  static const char *const merges[] = {"a b", "ab ab"};
  facts_text(facts, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
  facts_text(facts, "tokenizer.ggml.pre", "llama-bpe");
  facts_int(facts, "tokenizer.ggml.bos_token_id", 1);
  facts_texts(facts, "tokenizer.ggml.tokens", texts, N);
  facts_ints(facts, "tokenizer.ggml.token_type", types, N);
  facts_reals(facts, "tokenizer.ggml.scores", scores, N);
  facts_texts(facts, "tokenizer.ggml.merges", merges, 2);
}

enum { TEXT_BYTES = 6000 };
static void fill_text(char *text) {
  static const char unit[] = "abab ab<|x|> \xff xyz";
  for (size_t i = 0; i < TEXT_BYTES; i++) text[i] = unit[i % (sizeof unit - 1)];
}

static ridge_status encode_and_decode(const struct tokenizer *t, const char *text,
                                      struct why *why) {
  struct tokens tokens = {0};
  ridge_status status = tokenizer_encode(t, text, TEXT_BYTES,
                                         TOKENIZER_BOS | TOKENIZER_SPECIAL, &tokens, why);
  if (status != RIDGE_OK) return status;
  size_t size = 0;
  char *back = tokenizer_decode(t, tokens.ids, tokens.n, true, &size);
  free(tokens.ids);
  free(back);
  return back != NULL ? RIDGE_OK : why_set(why, RIDGE_NO_MEMORY, "no memory to decode");
}

static void running_out_anywhere_is_an_error_and_no_leak(bool spm) {
  static char text[TEXT_BYTES];
  fill_text(text);
  struct facts facts = {0};
  small_facts(&facts, spm);
  int64_t failures = 0;
  for (ridge_status status = RIDGE_INTERNAL; status != RIDGE_OK; failures++) {
    struct tokenizer *t = NULL;
    struct why why = {{0}};
    counting.seen = counting.alive = 0;
    counting.fail_at = failures;
    counting.on = true;
    status = tokenizer_new(&facts.file, &t, &why);
    if (status == RIDGE_OK) status = encode_and_decode(t, text, &why);
    tokenizer_free(t);
    counting.on = false;
    bool refused = counting.seen > counting.fail_at;
    if (counting.alive != 0) fail_msg("allocation %lld: a leak", (long long)failures);
    if (status == RIDGE_OK && refused)
      status = RIDGE_INTERNAL; /* it did without: go on */
    else if (status != RIDGE_OK)
      assert_non_null(strstr(why.text, "memory"));
  }
  assert_true(failures > 20);
  facts_free(&facts);
}

static void sentencepiece_survives_running_out(void **state) {
  (void)state;
  if (!OWN_ALLOCATOR)
    testing_skip_without("an allocator of its own (this build has a sanitizer's)");
  running_out_anywhere_is_an_error_and_no_leak(true);
}
static void byte_level_survives_running_out(void **state) {
  (void)state;
  if (!OWN_ALLOCATOR)
    testing_skip_without("an allocator of its own (this build has a sanitizer's)");
  running_out_anywhere_is_an_error_and_no_leak(false);
}

/* ---- threads ------------------------------------------------------------------------- */

struct shared {
  const struct tokenizer *tokenizer;
  const char *text;
  struct tokens tokens;
};

static void *encode_in_thread(void *arg) {
  struct shared *shared = arg;
  for (int i = 0; i < 10; i++) {
    struct why why = {{0}};
    free(shared->tokens.ids);
    shared->tokens = (struct tokens){0};
    ridge_status status = tokenizer_encode(shared->tokenizer, shared->text, TEXT_BYTES,
                                           TOKENIZER_SPECIAL, &shared->tokens, &why);
    if (status != RIDGE_OK) return shared;
  }
  return NULL;
}

static void threads_share_a_tokenizer(void **state) {
  (void)state;
  static char text[TEXT_BYTES];
  fill_text(text);
  for (int spm = 0; spm < 2; spm++) {
    struct facts facts = {0};
    small_facts(&facts, spm != 0);
    struct tokenizer *t = NULL;
    struct why why = {{0}};
    assert_int_equal(tokenizer_new(&facts.file, &t, &why), RIDGE_OK);
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    struct shared shared[THREADS];
    for (int i = 0; i < THREADS; i++) {
      shared[i] = (struct shared){.tokenizer = t, .text = text};
      assert_int_equal(pthread_create(&threads[i], NULL, encode_in_thread, &shared[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
      void *failed = NULL;
      pthread_join(threads[i], &failed);
      assert_null(failed);
      assert_int_equal(shared[i].tokens.n, shared[0].tokens.n);
      assert_memory_equal(shared[i].tokens.ids, shared[0].tokens.ids,
                          shared[0].tokens.n * sizeof(int32_t));
    }
    for (int i = 0; i < THREADS; i++) free(shared[i].tokens.ids);
    tokenizer_free(t);
    facts_free(&facts);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sentencepiece_survives_running_out),
      cmocka_unit_test(byte_level_survives_running_out),
      cmocka_unit_test(threads_share_a_tokenizer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
