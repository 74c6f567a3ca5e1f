/*
 * pretokenize_table.c - the patterns, by the names of `tokenizer.ggml.pre`.
 *
 * Each is the pattern of the models' own tokenizer.json, as the comments of llama.cpp's
 * llama-vocab.cpp record it (names and flags are from there too).  llama.cpp runs
 * rewritten forms of some because std::regex knows no classes of Unicode; results
 * differ from its own in letters outside ASCII:
 *   - gpt-4o, tekken: it takes every letter outside ASCII for both capital and small,
 *     and combining marks for neither;
 *   - (?i:'s): it does not fold U+017F (long s) to s;
 *   - deepseek-llm, deepseek-coder: it hides blanks outside ASCII from the range of
 *     Asian scripts that holds them (U+0800 to U+9FA5).
 * Letters are those of Unicode 14 (PCRE2 10.42); llama.cpp's tables may be newer.
 * Left out: names whose cutting is a program in llama.cpp rather than a pattern (kimi-k2,
 * afmoe, tiny_aya, superbpe), youtu, encoders' names, and gemma4 and its kind, which merge
 * over raw UTF-8.
 *
 * \s is spelled out as Unicode's White_Space: PCRE2's \s also takes U+180E.
 */
#include "model/pretokenize.h"

#include <string.h>

#define WS                                                                                 \
  "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"                         \
  "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define SPACE "[" WS "]"
/* A run of blanks leaves its last one to the word that follows. */
#define SPACES   SPACE "+(?![^" WS "])|" SPACE "+"
#define SUFFIXES "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define OTHERS   " ?[^" WS "\\p{L}\\p{N}]+"

#define GPT2     "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|" OTHERS "|" SPACES
#define WORD_OF(numbers)                                                                   \
  SUFFIXES "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers "|" OTHERS "[\\r\\n]*|" SPACE         \
           "*[\\r\\n]+|"
#define LLAMA3 WORD_OF("\\p{N}{1,3}") SPACES
#define QWEN2  WORD_OF("\\p{N}") SPACES

/* Words by case: capitals may lead, small letters may follow. */
#define LEAD       "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define FOLLOW     "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE     "[^\\r\\n\\p{L}\\p{N}]?"
#define CASED(end) BEFORE LEAD "*" FOLLOW "+" end "|" BEFORE LEAD "+" FOLLOW "*" end
#define CASED_REST OTHERS "[\\r\\n/]*|" SPACE "*[\\r\\n]+|" SPACES
#define GPT4O      CASED(SUFFIXES "?") "|\\p{N}{1,3}|" CASED_REST
#define TEKKEN     CASED("") "|\\p{N}|" CASED_REST

#define CJK_KANA   "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+"
#define CJK_WIDE   "[\\x{800}-\\x{9fa5}\\x{ac00}-\\x{d7ff}]+"
#define DEEPSEEK3_START                                                                    \
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"                                 \
  "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+"

#define BLOOM                                                                              \
  " ?[^(" WS "|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"

/* Cased letters and a few more, as deepseek-llm lists them. */
#define DEEPSEEK_LETTERS                                                                   \
  "A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"           \
  "\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}"                    \
  "\\x{37b}-\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}"            \
  "\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}"                   \
  "\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}"           \
  "\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}"           \
  "\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}"           \
  "\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}-\\x{1f7d}"                      \
  "\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}"                     \
  "\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}"           \
  "\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}"            \
  "\\x{2115}\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}-\\x{212d}"             \
  "\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}"            \
  "\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}"            \
  "\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}"            \
  "\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}"           \
  "\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}"         \
  "\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}"                        \
  "\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}"

static const struct pretokenize_row rows[] = {
    {.names = "gpt-2 gpt2 phi-2 olmo mpt jais trillion gigachat a.x-4.0 mellum exaone4 "
              "granite-docling",
     .patterns = {GPT2}},
    {.names = "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2",
     .patterns = {LLAMA3},
     .whole_words = true,
     .adds_bos = true},
    {.names = "dbrx smaug-bpe chatglm-bpe glm4", .patterns = {LLAMA3}},
    {.names = "qwen2 stablelm2 deepseek-r1-qwen megrez kormo hunyuan solar-open grok-2",
     .patterns = {QWEN2}},
    {.names = "qwen35",
     .patterns = {SUFFIXES "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^" WS
                           "\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACE "*[\\r\\n]+|" SPACES}},
    {.names = "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2",
     .patterns = {"\\p{N}", GPT2}},
    {.names = "falcon", .patterns = {"[\\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"}},
    {.names = "gpt-4o llama4 kanana2 talkie minimax-m2", .patterns = {GPT4O}},
    {.names = "tekken", .patterns = {TEKKEN}, .whole_words = true, .adds_bos = true},
    {.names = "deepseek-llm",
     .patterns = {"[\\r\\n]", SPACE "?[" DEEPSEEK_LETTERS "]+",
                  SPACE "?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}"
                        "\\x{3000}-\\x{3002}]+",
                  SPACE "+\\z", CJK_WIDE, "\\p{N}+"}},
    {.names = "deepseek-coder",
     .patterns = {"[\\r\\n]", SPACE "?\\p{L}+", SPACE "?\\p{P}+", CJK_WIDE, "\\p{N}"}},
    {.names = "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
     .patterns = {"\\p{N}{1,3}", CJK_KANA,
                  DEEPSEEK3_START "[\\r\\n]*|" SPACE "*[\\r\\n]+|" SPACES}},
    {.names = "spark2_5",
     .patterns = {"\\p{N}{1,3}", CJK_KANA, DEEPSEEK3_START "|[\\r\\n]|" SPACES, "\\p{N}"}},
    {.names = "bloom poro-chat gpt3-finnish", .patterns = {BLOOM}},
    {.names = "viking", .patterns = {BLOOM, "\\p{N}"}},
    {.names = "bailingmoe bailingmoe2 llada-moe",
     .patterns = {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" OTHERS
                  "[\\r\\n]*|" SPACE "*[\\r\\n]|" SPACES}},
    {.names = "seed-coder",
     .patterns = {SUFFIXES "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^" WS
                           "\\p{L}\\p{N}\\r\\n]+|" SPACE "*[\\r\\n]+|" SPACES}},
    {.names = "ufakzeka",
     .patterns = {"[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" OTHERS "[\\r\\n]*|" SPACE
                  "*[\\r\\n]+|" SPACES}},
    {.names = "laguna", .patterns = {"[^\\n]+|[\\n]+", QWEN2}},
    {.names = "exaone-moe",
     .patterns =
         {SUFFIXES
          "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}|" OTHERS
          "[\\r\\n/]?|" SPACE "*[\\r\\n]|" SPACES}},
    {.names = "minicpm5",
     .patterns = {"\\p{N}{1,3}", WORD_OF("\\p{N}+") SPACES},
     .whole_words = true},
    {.names = "jais-2",
     .patterns = {WORD_OF("\\p{N}{1,3}") SPACE
                  "{512}(?![^" WS "])|" SPACE "{256}(?![^" WS "])|" SPACE "{128}(?![^" WS
                  "])|" SPACE "{64}(?![^" WS "])|" SPACE "{32}(?![^" WS "])|" SPACE
                  "{16}(?![^" WS "])|" SPACE "{8}(?![^" WS "])|" SPACE "{4}(?![^" WS
                  "])|" SPACE "{1,2}(?![^" WS "])|" SPACE}},
    {.names = "chameleon",
     .patterns = {"<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", "[\\t\\n]|    |  ", "\\p{N}",
                  "[\\p{P}!-/:-@\\[-`{-~]", GPT2},
     .adds_bos = true},
    /* llama.cpp's own, for files that name none. */
    {.names = "default",
     .patterns = {"[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

static bool has_name(const char *names, const char *name, size_t size) {
  for (const char *at = names; *at != 0;) {
    size_t n = strcspn(at, " ");
    if (n == size && memcmp(at, name, n) == 0) return true;
    at += n;
    while (*at == ' ') at++;
  }
  return false;
}

const struct pretokenize_row *pretokenize_find(const char *name, size_t size) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (has_name(rows[i].names, name, size)) return &rows[i];
  return NULL;
}

const struct pretokenize_row *pretokenize_list(size_t *n) {
  *n = sizeof rows / sizeof *rows;
  return rows;
}
