/* recipe_words.c - the words of the recipe language. */
#include "recipe/recipe_words.h"

#include <string.h>

enum {
  TEXT = SHAPE_TEXT,
  TABLE = SHAPE_TABLE,
  EITHER = TEXT | TABLE,
  NAMED = TEXT | SHAPE_MORE,
  ANY = EITHER | SHAPE_MORE,
};

static const struct recipe_keyword own[] = {
    {"infer", 0, TABLE, true, "return infer { model \"m.gguf\", prompts { \"Once\" } }"},
    {"sweep", 0, TABLE, true, "return sweep { of \"infer/plain\", ... }"},
    {"train", ROOT_LATER, TABLE, true, ""},
    {"serve", ROOT_LATER, TABLE, true, ""},

    {"use", ROOT_INFER, NAMED, false, "use \"kv.paged\" { block = 16 }"},
    {"against", ROOT_INFER, TEXT, false, "against \"plain\""},

    {"of", ROOT_SWEEP, TEXT, false, "of \"infer/plain\""},
    {"vary", ROOT_SWEEP, NAMED, false, "vary \"kv.paged\" { block = each { 16, 32 } }"},
    {"without", ROOT_SWEEP, EITHER, false, "without \"kv.paged\""},
    {"seeds", ROOT_SWEEP, TABLE, false, "seeds { 1, 2, 3 }"},
    {"keep", ROOT_SWEEP, TABLE, false, "keep { least \"perplexity\" }"},
    {"budget", ROOT_SWEEP, TABLE, false, "budget { runs = 100, time = 10 * minutes }"},
    {"each", 0, TABLE, false, "each { 16, 32, 64 }"},
    {"least", 0, TEXT, false, "least \"perplexity\""},
    {"most", 0, TEXT, false, "most \"decode_tps\""},

    {"data", ROOT_LATER, ANY, false, ""},
    {"schedule", ROOT_LATER, ANY, false, ""},
    {"evaluate", ROOT_LATER, ANY, false, ""},
    {"stop", ROOT_LATER, ANY, false, ""},
    {"limits", ROOT_LATER, ANY, false, ""},
    {"promise", ROOT_LATER, ANY, false, ""},

    /* The settings of base/settings; their fields are checked against that table. */
    {"model", ROOT_INFER, ANY, false, "model \"models/m.gguf\""},
    {"prompts", ROOT_INFER, ANY, false, "prompts { \"Once upon a time\" }"},
    {"sample", ROOT_INFER, TABLE, false, "sample { temperature = 0, length = 64 }"},
    {"perplexity", ROOT_INFER, ANY, false,
     "perplexity { file = \"t.txt\", context = 256 }"},
    {"bench", ROOT_INFER, TABLE, false, "bench { prefill = 512, decode = 128 }"},
    {"engine", ROOT_INFER, TABLE, false, "engine { threads = 2 }"},
    {"measure", ROOT_INFER, TABLE, false, "measure { warmup = 1, repeats = 5 }"},
};

/* A name that ends in `.` covers all that begins with it. */
static const struct {
  const char *name, *reason;
} absent[] = {
    {"os", "a recipe cannot reach the system, the clock or other files"},
    {"io", "a recipe names files and never opens them"},
    {"print", "a recipe prints nothing; `ridge plan` shows what it says"},
    {"require", "a recipe is one file"},
    {"package", "a recipe is one file"},
    {"dofile", "a recipe is one file"},
    {"loadfile", "a recipe is one file"},
    {"loadstring", "a recipe cannot make code while it runs"},
    {"load", "a recipe cannot make code while it runs"},
    {"debug", "a recipe cannot look behind the language"},
    {"pcall", "an error in a recipe is for its reader, not for the recipe"},
    {"xpcall", "an error in a recipe is for its reader, not for the recipe"},
    {"coroutine", "a recipe is read from top to bottom"},
    {"setmetatable", "a table in a recipe is plain data"},
    {"getmetatable", "a table in a recipe is plain data"},
    {"rawget", "a table in a recipe is plain data: write t[k]"},
    {"rawset", "a table in a recipe is plain data: write t[k] = v"},
    {"rawequal", "a table in a recipe is plain data: write a == b"},
    {"rawlen", "a table in a recipe is plain data: write #t"},
    {"next", "its order changes from run to run; `pairs` goes in sorted order"},
    {"type", "a recipe knows what it wrote"},
    {"collectgarbage", "a recipe has no say over memory"},
    {"warn", "a recipe prints nothing"},
    {"unpack", "write table.unpack"},
    {"utf8", "a text is passed on as written"},
    {"_G", "a recipe has no table of globals"},
    {"_ENV", "a recipe has no table of globals"},
    {"_VERSION", "a recipe reads nothing about its surroundings"},
    {"math.random",
     "the same text has to give the same recipe; `seed` and `seeds { ... }` vary a run"},
    {"math.randomseed", "the same text has to give the same recipe; `seed = 7` is a field"},
    {"string.rep", "of `string`, a recipe has format, sub, upper and lower"},
    {"string.", "patterns can run for hours on a short text; a recipe has format, sub, "
                "upper and lower"},
    {"a text.", "of a text, a recipe can take format, sub, upper and lower; patterns can "
                "run for hours"},
};

const struct recipe_keyword *recipe_keyword(size_t i) { return &own[i]; }
size_t recipe_keyword_count(void) { return sizeof own / sizeof *own; }

const struct recipe_keyword *recipe_keyword_find(const char *name) {
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(own[i].name, name) == 0) return &own[i];
  return NULL;
}

static bool covers(const char *pattern, const char *name) {
  size_t size = strlen(pattern);
  if (pattern[size - 1] == '.') return strncmp(name, pattern, size) == 0;
  return strcmp(name, pattern) == 0;
}

const char *recipe_absent_reason(const char *name) {
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    if (covers(absent[i].name, name)) return absent[i].reason;
  return NULL;
}
