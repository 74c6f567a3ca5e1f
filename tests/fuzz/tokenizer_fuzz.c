/*
 * tokenizer_fuzz.c - both tokenizers against slow ones that cannot be wrong, on random
 * vocabularies and texts; then random damage to the tables.
 *
 * The slow ones look at all neighbours before each join.  With -DRIDGE_LIBFUZZER: an
 * entry for libFuzzer that reads a vocabulary and a text from its bytes.
 */
#include "random.h"
#include "testing.h"

#include "model/pretokenize.h"
#include "unit/tokenizer_making.h"

/* ---- one text through one tokenizer -------------------------------------------------- */

/* Encode, look at every id, decode.  The ids, or NULL when the text was refused. */
static int32_t *encode(const struct tokenizer *t, const char *text, size_t size,
                       unsigned flags, size_t *n) {
  struct tokens tokens = {0};
  struct why why = {{0}};
  ridge_status status = tokenizer_encode(t, text, size, flags, &tokens, &why);
  if (status != RIDGE_OK) {
    assert_true(status == RIDGE_UNSUPPORTED && strlen(why.text) > 20);
    return NULL;
  }
  for (size_t i = 0; i < tokens.n; i++)
    assert_true(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer_vocab(t));
  size_t back_size = 0;
  char *back = tokenizer_decode(t, tokens.ids, tokens.n, true, &back_size);
  assert_non_null(back);
  free(back);
  *n = tokens.n;
  return tokens.ids;
}

#ifdef RIDGE_LIBFUZZER

/* Bytes not yet used, from the front. */
struct feed {
  const uint8_t *data;
  size_t size;
};

static unsigned feed_byte(struct feed *feed) {
  if (feed->size == 0) return 0;
  feed->size--;
  return *feed->data++;
}

static char *feed_text(struct feed *feed, size_t most) {
  size_t n = feed_byte(feed) % (most + 1);
  if (n > feed->size) n = feed->size;
  char *text = calloc(n + 1, 1);
  if (text == NULL) abort();
  memcpy(text, feed->data, n);
  feed->data += n;
  feed->size -= n;
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct feed feed = {.data = data, .size = size};
  unsigned how = feed_byte(&feed), pre = feed_byte(&feed);
  bool spm = (how & 1) != 0;
  enum { BASE = 259, MORE = 24 };
  static char letters[256][8];
  const char *texts[BASE + MORE] = {"<unk>", "<s>", "</s>"};
  char *owned[MORE], *merges[MORE];
  double scores[BASE + MORE] = {0};
  int types[BASE + MORE] = {2, 3, 3};
  for (unsigned i = 0; i < 256; i++) {
    if (spm)
      snprintf(letters[i], 8, "<0x%02X>", i);
    else
      letter_for(i, letters[i]);
    texts[3 + i] = letters[i];
    types[3 + i] = spm ? 6 : 1;
  }
  size_t n = BASE;
  for (size_t i = 0; i < MORE; i++, n++) {
    texts[n] = owned[i] = feed_text(&feed, 12);
    scores[n] = -(double)feed_byte(&feed);
    types[n] = (int)(feed_byte(&feed) % 6);
    merges[i] = feed_text(&feed, 8);
  }
  size_t n_names = 0;
  const struct pretokenize_row *rows = pretokenize_list(&n_names);
  char name[32] = {0};
  const char *names = rows[pre % n_names].names;
  memcpy(name, names, strcspn(names, " "));
  struct facts facts = {0};
  facts_text(&facts, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
  facts_text(&facts, "tokenizer.ggml.pre", name);
  facts_texts(&facts, "tokenizer.ggml.tokens", texts, n);
  facts_reals(&facts, "tokenizer.ggml.scores", scores, n);
  facts_ints(&facts, "tokenizer.ggml.token_type", types, n);
  facts_int(&facts, "tokenizer.ggml.bos_token_id", 1);
  facts_texts(&facts, "tokenizer.ggml.merges", (const char *const *)merges,
              (how & 2) != 0 ? 0 : MORE);
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  if (tokenizer_new(&facts.file, &t, &why) == RIDGE_OK) {
    char *exact = malloc(feed.size + 1);
    if (exact == NULL) abort();
    if (feed.size > 0) memcpy(exact, feed.data, feed.size);
    char *fits = realloc(exact, feed.size + (feed.size == 0));
    size_t count = 0;
    for (unsigned flags = 0; flags < 4; flags++)
      free(encode(t, fits, feed.size, flags, &count));
    free(fits);
    tokenizer_free(t);
  } else if (strlen(why.text) < 20) {
    abort();
  }
  for (size_t i = 0; i < MORE; i++) {
    free(owned[i]);
    free(merges[i]);
  }
  facts_free(&facts);
  return 0;
}

#else

static size_t below(uint64_t *seed, size_t n) { return (size_t)(random_next(seed) % n); }

/* ---- a random vocabulary ----------------------------------------------------------------
 */

enum { MOST = 256 + 120, TEXT_ROOM = 64 };
struct lexicon {
  bool spm;
  size_t n;
  char texts[MOST][TEXT_ROOM];
  double scores[MOST]; /* sentencepiece */
  int types[MOST];
  size_t n_merges;
  char merges[MOST][TEXT_ROOM];
  int left[MOST], right[MOST], made[MOST]; /* of each merge */
};

static int lexicon_find(const struct lexicon *l, const char *text, size_t size) {
  for (size_t i = 0; i < l->n; i++)
    if (strlen(l->texts[i]) == size && memcmp(l->texts[i], text, size) == 0) return (int)i;
  return -1;
}

static void lexicon_add(struct lexicon *l, const char *text, double score, int type) {
  if (l->n == MOST || lexicon_find(l, text, strlen(text)) >= 0) return;
  snprintf(l->texts[l->n], TEXT_ROOM, "%s", text);
  l->scores[l->n] = score;
  l->types[l->n++] = type;
}

static const char *const characters[] = {
    "a", "b", "c", "\xe2\x96\x81", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "."};
enum { CHARACTERS = sizeof characters / sizeof *characters };

static void random_spm(struct lexicon *l, uint64_t *seed) {
  *l = (struct lexicon){.spm = true};
  lexicon_add(l, "<unk>", 0, 2);
  lexicon_add(l, "<s>", 0, 3);
  lexicon_add(l, "</s>", 0, 3);
  for (unsigned i = 0; i < 256; i++) {
    char text[8];
    snprintf(text, sizeof text, "<0x%02X>", i);
    lexicon_add(l, text, 0, 6);
  }
  for (size_t i = 0; i < CHARACTERS; i++)
    if (below(seed, 4) > 0) lexicon_add(l, characters[i], -(double)below(seed, 5), 1);
  size_t pieces = below(seed, 60);
  for (size_t i = 0; i < pieces; i++) {
    char text[TEXT_ROOM] = {0};
    size_t n = 2 + below(seed, 4);
    for (size_t j = 0; j < n; j++) strcat(text, characters[below(seed, CHARACTERS)]);
    lexicon_add(l, text, -(double)below(seed, 12), 1);
  }
}

static void random_bpe(struct lexicon *l, uint64_t *seed) {
  *l = (struct lexicon){.spm = false};
  for (unsigned i = 0; i < 256; i++) {
    char letter[5];
    letter_for(i, letter);
    lexicon_add(l, letter, 0, 1);
  }
  static const unsigned bytes[] = {'a', 'b', 'c', ' ', 0xc3, 0xa9, 0xe6, 0x97, 0xa5, '.'};
  for (size_t tries = below(seed, 100); tries > 0 && l->n < MOST; tries--) {
    size_t pick[2];
    for (int side = 0; side < 2; side++) {
      bool joined = l->n > 256 && below(seed, 2) > 0;
      pick[side] = joined ? 256 + below(seed, l->n - 256) : bytes[below(seed, 10)];
    }
    char text[2 * TEXT_ROOM];
    int size = snprintf(text, sizeof text, "%s%s", l->texts[pick[0]], l->texts[pick[1]]);
    if (size >= TEXT_ROOM - 2) continue;
    lexicon_add(l, text, 0, 1);
    bool known = false;
    for (size_t m = 0; m < l->n_merges; m++)
      known |= l->left[m] == (int)pick[0] && l->right[m] == (int)pick[1];
    if (known) continue;
    size_t m = l->n_merges++;
    l->left[m] = (int)pick[0];
    l->right[m] = (int)pick[1];
    l->made[m] = lexicon_find(l, text, (size_t)size);
    char merge[2 * TEXT_ROOM + 2];
    int written =
        snprintf(merge, sizeof merge, "%s %s", l->texts[pick[0]], l->texts[pick[1]]);
    memcpy(l->merges[m], merge, (size_t)written + 1);
    assert_int_equal(written, size + 1);
  }
}

static void lexicon_facts(const struct lexicon *l, struct facts *facts) {
  const char *texts[MOST], *merges[MOST];
  for (size_t i = 0; i < l->n; i++) texts[i] = l->texts[i];
  for (size_t i = 0; i < l->n_merges; i++) merges[i] = l->merges[i];
  facts_text(facts, "tokenizer.ggml.model", l->spm ? "llama" : "gpt2");
  facts_text(facts, "tokenizer.ggml.pre", "gpt-2");
  facts_texts(facts, "tokenizer.ggml.tokens", texts, l->n);
  facts_reals(facts, "tokenizer.ggml.scores", l->scores, l->n);
  facts_ints(facts, "tokenizer.ggml.token_type", l->types, l->n);
  facts_texts(facts, "tokenizer.ggml.merges", merges, l->n_merges);
}

/* ---- the slow way
 * ------------------------------------------------------------------------ */

struct slow {
  const struct lexicon *lexicon;
  const char *text;
  size_t start[8192], size[8192];
  int id[8192];
  size_t n;
  int32_t ids[16384];
  size_t n_ids;
};

/* How good joining symbols i and i + 1 is, and into what; false: not at all. */
static bool slow_pair(const struct slow *s, size_t i, double *merit, int *made) {
  const struct lexicon *l = s->lexicon;
  if (l->spm) {
    *made = lexicon_find(l, s->text + s->start[i], s->size[i] + s->size[i + 1]);
    *merit = *made >= 0 ? l->scores[*made] : 0;
    return *made >= 0;
  }
  for (size_t m = 0; m < l->n_merges; m++)
    if (l->left[m] == s->id[i] && l->right[m] == s->id[i + 1]) {
      *merit = -(double)m;
      *made = l->made[m];
      return true;
    }
  return false;
}

static void slow_join(struct slow *s) {
  for (;;) {
    size_t best = SIZE_MAX;
    double most = 0;
    int into = -1;
    for (size_t i = 0; i + 1 < s->n; i++) {
      double merit;
      int made;
      if (!slow_pair(s, i, &merit, &made)) continue;
      if (best != SIZE_MAX && merit <= most) continue;
      best = i;
      most = merit;
      into = made;
    }
    if (best == SIZE_MAX) return;
    s->size[best] += s->size[best + 1];
    s->id[best] = into;
    s->n--;
    for (size_t i = best + 1; i < s->n; i++) {
      s->start[i] = s->start[i + 1];
      s->size[i] = s->size[i + 1];
      s->id[i] = s->id[i + 1];
    }
  }
}

static void slow_write(struct slow *s) {
  for (size_t i = 0; i < s->n; i++) {
    int id = s->lexicon->spm ? lexicon_find(s->lexicon, s->text + s->start[i], s->size[i])
                             : s->id[i];
    if (id >= 0) s->ids[s->n_ids++] = id;
    for (size_t b = 0; id < 0 && b < s->size[i]; b++)
      s->ids[s->n_ids++] = 3 + (uint8_t)s->text[s->start[i] + b];
  }
}

static ridge_status slow_word(void *ctx, size_t start, size_t end) {
  struct slow *s = ctx;
  s->n = 0;
  for (size_t at = start; at < end; s->n++) {
    uint8_t first = (uint8_t)s->text[at];
    size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (!s->lexicon->spm) size = 1;
    if (size > end - at) size = end - at;
    s->start[s->n] = at;
    s->size[s->n] = size;
    s->id[s->n] = first; /* byte level: tokens 0 to 255 are the bytes */
    at += size;
  }
  slow_join(s);
  slow_write(s);
  return RIDGE_OK;
}

/* The text with U+2581 for blanks and one before, as sentencepiece wants it. */
static char *slow_escape(const char *text, size_t size, size_t *out_size) {
  char *out = malloc(3 * (size + 1) + 1);
  assert_non_null(out);
  memcpy(out, "\xe2\x96\x81", 3);
  size_t n = size > 0 ? 3 : 0;
  for (size_t i = 0; i < size; i++) {
    bool blank = text[i] == ' ';
    memcpy(out + n, blank ? "\xe2\x96\x81" : text + i, blank ? 3 : 1);
    n += blank ? 3 : 1;
  }
  *out_size = n;
  return out;
}

static void slow_encode(struct slow *s, const struct lexicon *lexicon, const char *text,
                        size_t size) {
  *s = (struct slow){.lexicon = lexicon, .text = text};
  if (lexicon->spm) {
    size_t n = 0;
    char *escaped = slow_escape(text, size, &n);
    s->text = escaped;
    slow_word(s, 0, n);
    free(escaped);
    return;
  }
  struct pretokenizer *pre = NULL;
  struct cutter *cutter = NULL;
  struct why why = {{0}};
  assert_int_equal(pretokenizer_new("gpt-2", 5, &pre, &why), RIDGE_OK);
  assert_int_equal(cutter_new(pre, &cutter, &why), RIDGE_OK);
  assert_int_equal(cutter_run(cutter, text, 0, size, slow_word, s, &why), RIDGE_OK);
  cutter_free(cutter);
  pretokenizer_free(pre);
}

/* ---- fast against slow
 * ----------------------------------------------------------------------- */

static size_t random_text(uint64_t *seed, bool invalid, size_t most, char *out) {
  size_t n = 0, wanted = below(seed, most);
  while (n < wanted) {
    size_t what = below(seed, CHARACTERS + 3);
    if (invalid && below(seed, 12) == 0)
      out[n++] = (char)(0x80 + below(seed, 128));
    else if (what < CHARACTERS && what != 3) {
      size_t size = strlen(characters[what]);
      memcpy(out + n, characters[what], size);
      n += size;
    } else {
      out[n++] = what == CHARACTERS ? 'z' : ' ';
    }
  }
  return n;
}

static void compare(const struct lexicon *l, const struct tokenizer *t, const char *text,
                    size_t size) {
  static struct slow slow;
  slow_encode(&slow, l, text, size);
  size_t n = 0;
  int32_t *ids = encode(t, text, size, 0, &n);
  assert_non_null(ids);
  assert_int_equal(n, slow.n_ids);
  if (n > 0) assert_memory_equal(ids, slow.ids, n * sizeof *ids);
  free(ids);
}

static void agree(struct lexicon *l, uint64_t *seed, size_t most, int rounds) {
  struct facts facts = {0};
  lexicon_facts(l, &facts);
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  if (tokenizer_new(&facts.file, &t, &why) != RIDGE_OK) fail_msg("%s", why.text);
  char *text = malloc(most + 8);
  assert_non_null(text);
  for (int i = 0; i < rounds; i++) {
    size_t size = random_text(seed, l->spm, most, text);
    compare(l, t, text, size);
  }
  free(text);
  tokenizer_free(t);
  facts_free(&facts);
}

static void fast_and_slow_agree_on_random_vocabularies(void **state) {
  (void)state;
  static struct lexicon l;
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(200);
  for (int round = 0; round < rounds; round++) {
    (round % 2 == 0 ? random_spm : random_bpe)(&l, &seed);
    agree(&l, &seed, 60, 20);
  }
}

/* Long enough that words are remembered and found again. */
static void fast_and_slow_agree_on_long_texts(void **state) {
  (void)state;
  static struct lexicon l;
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(6);
  for (int round = 0; round < rounds; round++) {
    (round % 2 == 0 ? random_spm : random_bpe)(&l, &seed);
    agree(&l, &seed, 3500, 2);
  }
}

/* Whatever the tables hold: a tokenizer that works, or one sentence. */
static void damaged_tables_are_refused_or_work(void **state) {
  (void)state;
  static struct lexicon l;
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(400);
  for (int round = 0; round < rounds; round++) {
    (round % 2 == 0 ? random_spm : random_bpe)(&l, &seed);
    for (size_t hits = 1 + below(&seed, 4); hits > 0; hits--) {
      size_t i = below(&seed, l.n);
      switch (below(&seed, 6)) {
      case 0: l.types[i] = (int)below(&seed, 9) - 1; break;
      case 1: l.texts[i][below(&seed, 3)] ^= (char)below(&seed, 256); break;
      case 2: l.scores[i] = (double)below(&seed, 3) / 0.0; break;
      case 3: l.texts[i][0] = 0; break;
      case 4: l.merges[below(&seed, 20)][below(&seed, 4)] ^= (char)below(&seed, 256); break;
      default: l.n = 1 + below(&seed, l.n); break;
      }
    }
    struct facts facts = {0};
    lexicon_facts(&l, &facts);
    if (below(&seed, 4) == 0)
      facts_int(&facts, "tokenizer.ggml.bos_token_id", (int64_t)below(&seed, 500) - 2);
    struct tokenizer *t = NULL;
    struct why why = {{0}};
    if (tokenizer_new(&facts.file, &t, &why) == RIDGE_OK) {
      char text[128];
      size_t n = 0, size = random_text(&seed, true, 100, text);
      for (unsigned flags = 0; flags < 4; flags++) free(encode(t, text, size, flags, &n));
      tokenizer_free(t);
    } else {
      assert_true(strlen(why.text) > 20);
    }
    facts_free(&facts);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fast_and_slow_agree_on_random_vocabularies),
      cmocka_unit_test(fast_and_slow_agree_on_long_texts),
      cmocka_unit_test(damaged_tables_are_refused_or_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
