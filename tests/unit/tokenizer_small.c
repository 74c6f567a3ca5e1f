/*
 * tokenizer_small.c - both tokenizers on vocabularies small enough to see through: the
 * order of joining, bytes, special texts, decoding, digests, and each refusal.
 */
#include "testing.h"

#include "unit/tokenizer_making.h"

/* ---- two vocabularies -------------------------------------------------------------- */

#define BLANK "\xe2\x96\x81"

/* SentencePiece: a few letters and pieces, all bytes, two special texts. */
enum { SPM_NAMED = 16, SPM_TOKENS = SPM_NAMED + 256 };
static const char *const spm_texts[SPM_NAMED] = {
    "<unk>", "<s>", "</s>", BLANK, "a",        "b",     "c",        BLANK "a",
    "ab",    "bc",  "abc",  "aa",  "<|mark|>", "<pad>", "\xc3\xa9", BLANK BLANK};
static const double spm_scores[SPM_NAMED] = {0,  0,  0,  -1, -2, -2, -2, -5,
                                             -3, -4, -6, -4, 0,  0,  -9, -8};
static const int spm_types[SPM_NAMED] = {2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 5, 1, 1};

static void spm_facts(struct facts *facts, bool bytes) {
  static char byte_texts[256][8];
  const char *texts[SPM_TOKENS];
  double scores[SPM_TOKENS] = {0};
  int types[SPM_TOKENS];
  size_t n = bytes ? SPM_TOKENS : SPM_NAMED;
  for (size_t i = 0; i < n; i++) {
    bool named = i < SPM_NAMED;
    if (!named)
      snprintf(byte_texts[i - SPM_NAMED], 8, "<0x%02X>", (unsigned)(i - SPM_NAMED));
    texts[i] = named ? spm_texts[i] : byte_texts[i - SPM_NAMED];
    scores[i] = named ? spm_scores[i] : 0;
    types[i] = named ? spm_types[i] : 6;
  }
  facts_text(facts, "tokenizer.ggml.model", "llama");
  facts_texts(facts, "tokenizer.ggml.tokens", texts, n);
  facts_reals(facts, "tokenizer.ggml.scores", scores, n);
  facts_ints(facts, "tokenizer.ggml.token_type", types, n);
}
static int byte_id(int byte) { return SPM_NAMED + byte; }

/* Byte level: the 256 letters, a few joins, two special texts. */
enum { BPE_JOINS = 6, BPE_TOKENS = 256 + BPE_JOINS + 2, BPE_END = 262, BPE_USER = 263 };
static const char *const bpe_pieces[BPE_JOINS] = {"he",    "ll",        "hell",
                                                  "hello", "\xc4\xa0h", "lo"};
static const char *const bpe_merges[BPE_JOINS] = {"h e",    "l l",        "he ll",
                                                  "hell o", "\xc4\xa0 h", "l o"};

static void bpe_facts(struct facts *facts, const char *pre) {
  static char letters[256][5];
  const char *texts[BPE_TOKENS];
  int types[BPE_TOKENS];
  for (unsigned i = 0; i < 256; i++) {
    letter_for(i, letters[i]);
    texts[i] = letters[i];
  }
  for (int i = 0; i < BPE_JOINS; i++) texts[256 + i] = bpe_pieces[i];
  texts[BPE_END] = "<|endoftext|>";
  texts[BPE_USER] = "    ";
  for (int i = 0; i < BPE_TOKENS; i++) types[i] = 1;
  types[BPE_USER] = 4;
  facts_text(facts, "tokenizer.ggml.model", "gpt2");
  facts_text(facts, "tokenizer.ggml.pre", pre);
  facts_texts(facts, "tokenizer.ggml.tokens", texts, BPE_TOKENS);
  facts_ints(facts, "tokenizer.ggml.token_type", types, BPE_TOKENS);
  facts_texts(facts, "tokenizer.ggml.merges", bpe_merges, BPE_JOINS);
  facts_int(facts, "tokenizer.ggml.eos_token_id", BPE_END);
}

static struct tokenizer *make_tokenizer(const struct facts *facts) {
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  if (tokenizer_new(&facts->file, &t, &why) != RIDGE_OK) fail_msg("%s", why.text);
  return t;
}

/* wanted: ids ended by -1. */
static void gives(const struct tokenizer *t, const char *text, size_t size, unsigned flags,
                  const int *wanted) {
  struct tokens tokens = {0};
  struct why why = {{0}};
  if (tokenizer_encode(t, text, size, flags, &tokens, &why) != RIDGE_OK)
    fail_msg("\"%s\": %s", text, why.text);
  size_t n = 0;
  while (wanted[n] >= 0) n++;
  if (tokens.n != n) fail_msg("\"%s\" gives %zu ids, not %zu", text, tokens.n, n);
  for (size_t i = 0; i < n; i++)
    if (tokens.ids[i] != wanted[i])
      fail_msg("\"%s\": id %zu is %d, not %d", text, i, tokens.ids[i], wanted[i]);
  free(tokens.ids);
}
#define GIVES(t, text, flags, ...)                                                         \
  gives((t), "" text, sizeof text - 1, (flags), (const int[]){__VA_ARGS__, -1})
#define GIVES_NOTHING(t, text, flags) gives((t), (text), 0, (flags), (const int[]){-1})

/* ---- sentencepiece ------------------------------------------------------------------- */

static void the_best_score_joins_first_and_the_left_of_equals(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, true);
  facts_int(&facts, "tokenizer.ggml.add_space_prefix", 0);
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "abc", 0, 10); /* ab (-3) before bc (-4), then abc (-6) */
  GIVES(t, "bcb", 0, 9, 5);
  GIVES(t, "aaa", 0, 11, 4); /* the left pair of two equal ones */
  GIVES(t, "aaaa", 0, 11, 11);
  GIVES(t, "aab", 0, 4, 8); /* ab (-3) before aa (-4) */
  GIVES(t, " a", 0, 7);
  GIVES(t, "  a", 0, 3, 7); /* blank a (-5) before two blanks (-8) */
  GIVES_NOTHING(t, "", 0);
  GIVES(t, "", TOKENIZER_BOS, 1);
  tokenizer_free(t);
  facts_free(&facts);
}

static void a_blank_goes_before_a_text_and_after_special_tokens(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, true);
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "a", 0, 7);
  GIVES(t, "a", TOKENIZER_BOS, 1, 7);
  GIVES(t, "a<s>a", TOKENIZER_SPECIAL, 7, 1, 7);
  GIVES(t, "<s>", TOKENIZER_SPECIAL | TOKENIZER_BOS, 1, 1);
  GIVES(t, "b<|mark|>b", 0, 3, 5, 12, 3, 5); /* user-defined: special without the flag */
  GIVES(t, "<s>", 0, 3, byte_id('<'), byte_id('s'), byte_id('>'));
  tokenizer_free(t);
  facts_free(&facts);
}

static void what_is_no_piece_is_written_in_bytes(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, true);
  facts_int(&facts, "tokenizer.ggml.add_space_prefix", 0);
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "\xc3\xa9", 0, 14);
  GIVES(t, "a\xe6\x97\xa5", 0, 4, byte_id(0xe6), byte_id(0x97), byte_id(0xa5));
  /* Cut by the first byte's high bits alone, as llama.cpp does: b goes with 0xc3. */
  GIVES(t,
        "a\xc3"
        "bc",
        0, 4, byte_id(0xc3), byte_id('b'), 6);
  GIVES(t, "\xff", 0, byte_id(0xff));
  gives(t, "a\0b", 3, 0, (const int[]){4, byte_id(0), 5, -1});
  tokenizer_free(t);
  facts_free(&facts);
}

static void without_bytes_a_stranger_is_refused_by_name_and_place(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, false);
  struct tokenizer *t = make_tokenizer(&facts);
  static const struct {
    const char *text, *name, *place;
  } cases[] = {{"x", "\"x\" (U+0078)", "byte 0 "},
               {"ab bc<|mark|> ax", "\"x\" (U+0078)", "byte 15 "},
               {"a \xe6\x97\xa5", "(U+65E5)", "byte 2 "},
               {"ab\xff", "the byte 0xff", "byte 2 "},
               {"a\tb", "U+0009", "byte 1 "}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tokens tokens = {0};
    struct why why = {{0}};
    assert_int_equal(
        tokenizer_encode(t, cases[i].text, strlen(cases[i].text), 0, &tokens, &why),
        RIDGE_UNSUPPORTED);
    if (strstr(why.text, cases[i].name) == NULL || strstr(why.text, cases[i].place) == NULL)
      fail_msg("%s", why.text);
  }
  tokenizer_free(t);
  facts_free(&facts);
}

/* ---- byte level ------------------------------------------------------------------------
 */

static void the_first_merge_of_the_list_goes_first(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "hello", 0, 259);
  GIVES(t, "helo", 0, 256, 261);
  GIVES(t, "lllo", 0, 257, 261);
  GIVES(t, " hello", 0, ' ', 259); /* "h e" stands before " h" in the list */
  GIVES(t, " hi", 0, 260, 'i');
  GIVES(t, "he hello", 0, 256, ' ', 259);
  GIVES(t, "h\xc3\xa9", 0, 'h', 0xc3, 0xa9);
  gives(t, "\0\n", 2, 0, (const int[]){0, '\n', -1});
  GIVES_NOTHING(t, "", TOKENIZER_BOS); /* the file adds none */
  tokenizer_free(t);
  facts_free(&facts);
}

static void bytes_that_are_no_utf8_become_the_replacement_character(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "\xff", 0, 0xef, 0xbf, 0xbd);
  GIVES(t, "h\xe2\x82", 0, 'h', 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd);
  GIVES(t, "\xed\xa0\x80", 0, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd);
  tokenizer_free(t);
  facts_free(&facts);
}

static void a_whole_word_needs_no_merges_where_the_model_says_so(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "llama-bpe");
  facts_int(&facts, "tokenizer.ggml.bos_token_id", BPE_END);
  static const char *const merges[] = {"l l"};
  facts_texts(&facts, "tokenizer.ggml.merges", merges, 1);
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "hello", 0, 259); /* no merges lead there */
  GIVES(t, "hellos", 0, 'h', 'e', 257, 'o', 's');
  GIVES(t, "lo", TOKENIZER_BOS, BPE_END, 261); /* this kind adds a beginning by itself */
  tokenizer_free(t);
  facts_int(&facts, "tokenizer.ggml.add_bos_token", 0);
  t = make_tokenizer(&facts);
  GIVES(t, "lo", TOKENIZER_BOS, 261);
  tokenizer_free(t);
  facts_free(&facts);
}

static void special_texts_count_only_when_asked_for(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "lo<|endoftext|>lo", TOKENIZER_SPECIAL, 261, BPE_END, 261);
  GIVES(t, "lo<|endoftext|", TOKENIZER_SPECIAL, 261, '<', '|', 'e', 'n', 'd', 'o', 'f', 't',
        'e', 'x', 't', '|');
  GIVES(t, "<|endoftext|>", 0, '<', '|', 'e', 'n', 'd', 'o', 'f', 't', 'e', 'x', 't', '|',
        '>');
  GIVES(t, "lo     lo", 0, 261, BPE_USER, ' ', 261); /* four blanks, then one */
  GIVES(t, "         ", 0, BPE_USER, BPE_USER, ' ');
  tokenizer_free(t);
  facts_free(&facts);
}

static void a_missing_byte_is_refused_by_name_and_place(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  for (uint64_t i = 0; i < facts.file.n_facts; i++)
    if (strcmp(facts.rows[i].key, "tokenizer.ggml.tokens") == 0) {
      ridge_bytes *list = facts.memory[i];
      list[0xa5] = (ridge_bytes){.data = (const uint8_t *)"gone", .size = 4};
    }
  struct tokenizer *t = make_tokenizer(&facts);
  struct tokens tokens = {0};
  struct why why = {{0}};
  assert_int_equal(tokenizer_encode(t, "lo \xe6\x97\xa5", 6, 0, &tokens, &why),
                   RIDGE_UNSUPPORTED);
  assert_non_null(strstr(why.text, "U+65E5"));
  assert_non_null(strstr(why.text, "byte 5 "));
  assert_non_null(strstr(why.text, "0xa5"));
  /* After bytes that had to be replaced, the place is still that of the text given. */
  assert_int_equal(tokenizer_encode(t, "\xff\xff\xe6\x97\xa5", 5, 0, &tokens, &why),
                   RIDGE_UNSUPPORTED);
  assert_non_null(strstr(why.text, "byte 2 "));
  tokenizer_free(t);
  facts_free(&facts);
}

/* ---- special texts that overlap
 * ---------------------------------------------------------- */

static void the_longest_special_text_wins_then_the_leftmost(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  static char letters[256][5];
  static const char *const marks[] = {"<a>", "<a><b>", "b><c", "xx", "xxx", "<c>d"};
  enum { MARKS = 6, FIRST = 256 };
  const char *texts[FIRST + MARKS];
  int types[FIRST + MARKS];
  for (unsigned i = 0; i < FIRST; i++) {
    letter_for(i, letters[i]);
    texts[i] = letters[i];
    types[i] = 1;
  }
  for (int i = 0; i < MARKS; i++) {
    texts[FIRST + i] = marks[i];
    types[FIRST + i] = 3;
  }
  facts_texts(&facts, "tokenizer.ggml.tokens", texts, FIRST + MARKS);
  facts_ints(&facts, "tokenizer.ggml.token_type", types, FIRST + MARKS);
  facts_texts(&facts, "tokenizer.ggml.merges", NULL, 0);
  facts_int(&facts, "tokenizer.ggml.eos_token_id", -1);
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "<a><b>", TOKENIZER_SPECIAL, 257);
  GIVES(t, "<a><b><c>d", TOKENIZER_SPECIAL, 257, 261);
  GIVES(t, "<b><c>d", TOKENIZER_SPECIAL, '<', 258, '>', 'd'); /* as long: smaller id */
  GIVES(t, "b><c>d", TOKENIZER_SPECIAL, 258, '>', 'd');
  GIVES(t, "xxxxx", TOKENIZER_SPECIAL, 260, 259);
  GIVES(t, "xxxx", TOKENIZER_SPECIAL, 260, 'x');
  GIVES(t, "xx<a", TOKENIZER_SPECIAL, 259, '<', 'a');
  tokenizer_free(t);
  facts_free(&facts);
}

static void phi_takes_the_blanks_after_a_special_token_along(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, true);
  facts_int(&facts, "tokenizer.ggml.add_space_prefix", 0);
  facts_text(&facts, "general.name", "My Phi-3 mini");
  struct tokenizer *t = make_tokenizer(&facts);
  GIVES(t, "a</s> \n a", TOKENIZER_SPECIAL, 4, 2, 4);
  GIVES(t, "a<s> a", TOKENIZER_SPECIAL, 4, 1, 7);
  tokenizer_free(t);
  facts_free(&facts);
}

/* ---- decoding and what a tokenizer knows of itself
 * ------------------------------------------ */

static void piece_is(const struct tokenizer *t, int32_t id, bool special,
                     const char *wanted) {
  ridge_bytes piece = tokenizer_piece(t, id, special);
  assert_int_equal(piece.size, strlen(wanted));
  if (piece.size > 0) assert_memory_equal(piece.data, wanted, piece.size);
}

static void pieces_are_bytes_ready_to_stream(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, true);
  struct tokenizer *t = make_tokenizer(&facts);
  piece_is(t, 7, false, " a");
  piece_is(t, 1, false, "");
  piece_is(t, 1, true, "<s>");
  piece_is(t, 0, false, "");
  piece_is(t, 12, false, "<|mark|>");
  piece_is(t, 13, true, ""); /* unused */
  piece_is(t, byte_id(0xe6), false, "\xe6");
  piece_is(t, -1, true, "");
  piece_is(t, SPM_TOKENS, true, "");
  tokenizer_free(t);
  bpe_facts(&facts, "gpt-2");
  t = make_tokenizer(&facts);
  piece_is(t, 260, false, " h");
  piece_is(t, 0xe6, false, "\xe6");
  piece_is(t, BPE_END, false, ""); /* control by its text, whatever its type says */
  piece_is(t, BPE_END, true, "<|endoftext|>");
  tokenizer_free(t);
  facts_free(&facts);
}

static void decoding_gives_back_the_text(void **state) {
  (void)state;
  static const char *const texts[] = {
      "", "a", " a", "  a  b ", "abc\nx\t", "\xe6\x97\xa5 \xf0\x9f\x98\x80", "ab\xfe"};
  struct facts facts = {0};
  for (int kind = 0; kind < 2; kind++) {
    if (kind == 0)
      spm_facts(&facts, true);
    else
      bpe_facts(&facts, "qwen2");
    struct tokenizer *t = make_tokenizer(&facts);
    for (size_t i = 0; i < sizeof texts / sizeof *texts - (size_t)kind; i++) {
      struct tokens tokens = {0};
      struct why why = {{0}};
      size_t size = 0;
      assert_int_equal(
          tokenizer_encode(t, texts[i], strlen(texts[i]), TOKENIZER_BOS, &tokens, &why),
          RIDGE_OK);
      char *back = tokenizer_decode(t, tokens.ids, tokens.n, false, &size);
      assert_non_null(back);
      assert_int_equal(size, strlen(texts[i]));
      assert_string_equal(back, texts[i]);
      free(back);
      free(tokens.ids);
    }
    tokenizer_free(t);
  }
  facts_free(&facts);
}

static void ends_are_known_by_number_and_by_text(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  facts_int(&facts, "tokenizer.ggml.eos_token_id", 'x');
  facts_int(&facts, "tokenizer.ggml.eot_token_id", 'y');
  struct tokenizer *t = make_tokenizer(&facts);
  assert_true(tokenizer_is_end(t, 'x') && tokenizer_is_end(t, 'y'));
  assert_true(tokenizer_is_end(t, BPE_END));
  assert_false(tokenizer_is_end(t, 'z') || tokenizer_is_end(t, -1));
  assert_false(tokenizer_is_end(t, BPE_TOKENS));
  assert_int_equal(tokenizer_eos(t), 'x');
  assert_int_equal(tokenizer_bos(t), -1);
  assert_int_equal(tokenizer_vocab(t), BPE_TOKENS);
  tokenizer_free(t);
  facts_free(&facts);
}

static void digest_of(const struct facts *facts, char out[65]) {
  struct tokenizer *t = make_tokenizer(facts);
  snprintf(out, 65, "%s", tokenizer_digest(t));
  assert_int_equal(strlen(out), 64);
  tokenizer_free(t);
}

static void the_digest_tells_tokenizers_apart_and_nothing_else(void **state) {
  (void)state;
  char first[65], other[65];
  struct facts facts = {0};
  bpe_facts(&facts, "gpt-2");
  digest_of(&facts, first);
  facts_text(&facts, "general.name", "another name");
  digest_of(&facts, other);
  assert_string_equal(first, other);
  facts_text(&facts, "tokenizer.ggml.pre", "gpt2"); /* another name of the same */
  digest_of(&facts, other);
  assert_string_equal(first, other);
  facts_text(&facts, "tokenizer.ggml.pre", "qwen2");
  digest_of(&facts, other);
  assert_string_not_equal(first, other);
  bpe_facts(&facts, "gpt-2");
  static const char *const merges[] = {"l l", "h e"};
  facts_texts(&facts, "tokenizer.ggml.merges", merges, 2);
  digest_of(&facts, other);
  assert_string_not_equal(first, other);
  bpe_facts(&facts, "gpt-2");
  facts_int(&facts, "tokenizer.ggml.bos_token_id", 5);
  digest_of(&facts, other);
  assert_string_not_equal(first, other);
  facts_free(&facts);
}

/* ---- refusals
 * --------------------------------------------------------------------------------- */

static void refused(const struct facts *facts, ridge_status status, const char *a,
                    const char *b) {
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  assert_int_equal(tokenizer_new(&facts->file, &t, &why), status);
  assert_null(t);
  if (strstr(why.text, a) == NULL || strstr(why.text, b) == NULL) fail_msg("%s", why.text);
}

static void other_kinds_are_refused_by_name(void **state) {
  (void)state;
  struct facts facts = {0};
  refused(&facts, RIDGE_UNSUPPORTED, "tokenizer.ggml.model", "no tokenizer");
  static const char *const names[][2] = {
      {"rwkv", "longest match"},     {"bert", "WordPiece"},  {"none", "no vocabulary"},
      {"no_vocab", "no vocabulary"}, {"zebra", "not known"}, {"lla", "not known"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    facts_text(&facts, "tokenizer.ggml.model", names[i][0]);
    refused(&facts, RIDGE_UNSUPPORTED, names[i][0], names[i][1]);
  }
  facts_free(&facts);
}

static void an_unknown_pre_tokenizer_is_refused_by_name(void **state) {
  (void)state;
  struct facts facts = {0};
  bpe_facts(&facts, "brand-new");
  refused(&facts, RIDGE_UNSUPPORTED, "\"brand-new\"", "qwen2");
  facts_free(&facts);
}

static void tables_that_do_not_fit_are_refused(void **state) {
  (void)state;
  struct facts facts = {0};
  spm_facts(&facts, true);
  facts_drop(&facts, "tokenizer.ggml.tokens");
  refused(&facts, RIDGE_CORRUPT, "no tokenizer.ggml.tokens", "convert");
  facts_texts(&facts, "tokenizer.ggml.tokens", NULL, 0);
  refused(&facts, RIDGE_CORRUPT, "0 tokens", "");
  spm_facts(&facts, true);
  facts_drop(&facts, "tokenizer.ggml.scores");
  refused(&facts, RIDGE_CORRUPT, "no tokenizer.ggml.scores", "");
  facts_reals(&facts, "tokenizer.ggml.scores", spm_scores, 3);
  refused(&facts, RIDGE_CORRUPT, "3 elements", "272");
  double scores[SPM_TOKENS] = {0};
  scores[7] = strtod("nan", NULL);
  facts_reals(&facts, "tokenizer.ggml.scores", scores, SPM_TOKENS);
  refused(&facts, RIDGE_CORRUPT, "token 7", "not a number");
  spm_facts(&facts, true);
  int types[SPM_TOKENS] = {1, 9};
  facts_ints(&facts, "tokenizer.ggml.token_type", types, SPM_TOKENS);
  refused(&facts, RIDGE_CORRUPT, "token 1 has type 9", "0 to 6");
  types[1] = 6;
  facts_ints(&facts, "tokenizer.ggml.token_type", types, SPM_TOKENS);
  refused(&facts, RIDGE_CORRUPT, "token 1 is a byte", "\"<s>\"");
  spm_facts(&facts, true);
  facts_int(&facts, "tokenizer.ggml.bos_token_id", SPM_TOKENS);
  refused(&facts, RIDGE_CORRUPT, "bos_token_id is 272", "272 tokens");
  facts_int(&facts, "tokenizer.ggml.bos_token_id", UINT32_MAX); /* none: but one is added */
  refused(&facts, RIDGE_CORRUPT, "beginning-of-text", "bos_token_id");
  facts_text(&facts, "tokenizer.ggml.bos_token_id", "1");
  refused(&facts, RIDGE_CORRUPT, "bos_token_id is a text", "number");
  facts_free(&facts);
}

static void tokens_of_the_same_text_are_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"<unk>", "<s>", "</s>", "x", "y", "x"};
  static const double scores[6] = {0};
  struct facts facts = {0};
  facts_text(&facts, "tokenizer.ggml.model", "llama");
  facts_texts(&facts, "tokenizer.ggml.tokens", texts, 6);
  facts_reals(&facts, "tokenizer.ggml.scores", scores, 6);
  refused(&facts, RIDGE_CORRUPT, "tokens 3 and 5", "\"x\"");
  facts_free(&facts);
}

static void merges_that_lead_nowhere_are_refused(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"hello", "not two pieces"},       {"h zz", "no token"},
      {"h l", "makes what is no token"}, {"", "not two pieces"},
      {" h", "not two pieces"},          {"h ", "not two pieces"}};
  struct facts facts = {0};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    bpe_facts(&facts, "gpt-2");
    const char *merges[] = {"h e", bad[i][0]};
    facts_texts(&facts, "tokenizer.ggml.merges", merges, 2);
    refused(&facts, RIDGE_CORRUPT, "merge 1", bad[i][1]);
  }
  facts_drop(&facts, "tokenizer.ggml.merges");
  refused(&facts, RIDGE_CORRUPT, "no tokenizer.ggml.merges", "");
  facts_free(&facts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_best_score_joins_first_and_the_left_of_equals),
      cmocka_unit_test(a_blank_goes_before_a_text_and_after_special_tokens),
      cmocka_unit_test(what_is_no_piece_is_written_in_bytes),
      cmocka_unit_test(without_bytes_a_stranger_is_refused_by_name_and_place),
      cmocka_unit_test(the_first_merge_of_the_list_goes_first),
      cmocka_unit_test(bytes_that_are_no_utf8_become_the_replacement_character),
      cmocka_unit_test(a_whole_word_needs_no_merges_where_the_model_says_so),
      cmocka_unit_test(special_texts_count_only_when_asked_for),
      cmocka_unit_test(a_missing_byte_is_refused_by_name_and_place),
      cmocka_unit_test(the_longest_special_text_wins_then_the_leftmost),
      cmocka_unit_test(phi_takes_the_blanks_after_a_special_token_along),
      cmocka_unit_test(pieces_are_bytes_ready_to_stream),
      cmocka_unit_test(decoding_gives_back_the_text),
      cmocka_unit_test(ends_are_known_by_number_and_by_text),
      cmocka_unit_test(the_digest_tells_tokenizers_apart_and_nothing_else),
      cmocka_unit_test(other_kinds_are_refused_by_name),
      cmocka_unit_test(an_unknown_pre_tokenizer_is_refused_by_name),
      cmocka_unit_test(tables_that_do_not_fit_are_refused),
      cmocka_unit_test(tokens_of_the_same_text_are_refused),
      cmocka_unit_test(merges_that_lead_nowhere_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
