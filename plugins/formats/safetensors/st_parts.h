/*
 * st_parts.h - what the files of the part format.safetensors share.
 *
 * Ownership: all memory hangs on the arena of the model; texts point into the mapped
 *            files where they stand there as they are.
 */
#ifndef ST_PARTS_H
#define ST_PARTS_H

#include <ridge/format.h>

#define ST_MUST __attribute__((warn_unused_result))

/* Bounds.  Each stands far above any model known and keeps what a damaged number can
 * cost small; where the file itself has a smaller bound, that one is met first. */
#define ST_MAX_HEADER  100000000u  /* bytes; the format's own number                   */
#define ST_MAX_JSON    1073741824u /* bytes of a JSON file; the largest have 2^25       */
#define ST_MAX_DEPTH   64          /* of arrays and objects in each other               */
#define ST_MAX_NAME    256u        /* bytes of a tensor's name                          */
#define ST_MAX_RANK    8u          /* as stored; what a model uses has 1 to 4           */
#define ST_MAX_LAYERS  4096
#define ST_MAX_EXPERTS 4096
#define ST_EXACT       9007199254740992 /* 2^53: larger whole numbers change in JSON  */

struct st_model;

/* ---- memory (st_memory.c) ------------------------------------------------------ */

struct st_arena {
  const ridge_host *host;
  struct st_chunk *chunks;
};
void *st_alloc(struct st_arena *, uint64_t count, uint64_t size); /* zeroed, or NULL */
void st_arena_free(struct st_arena *);

/* A list that grows outside of the arena, and moves into it when it is whole. */
struct st_list {
  uint8_t *data;
  uint64_t n, room, size; /* size: of one element */
};
void *st_push(const ridge_host *, struct st_list *); /* one more, zeroed, or NULL */
void st_drop(const ridge_host *, struct st_list *);

/* ---- saying what is wrong (st_say.c) ------------------------------------------- */

/* "NAME, at byte N: ..." */
ridge_status st_fail_at(const ridge_host *, ridge_status, const char *file, uint64_t byte,
                        const char *fmt, ...) RIDGE_FORMAT(5, 6);
/* The sentence alone. */
ridge_status st_fail(const struct st_model *, ridge_status, const char *fmt, ...)
    RIDGE_FORMAT(3, 4);
ridge_status st_no_memory(const ridge_host *);

/* ---- JSON (st_json.c) ---------------------------------------------------------- */

enum st_kind { ST_NULL, ST_BOOL, ST_INT, ST_REAL, ST_TEXT, ST_ARRAY, ST_OBJECT };
struct st_value {
  uint32_t kind;
  uint32_t at; /* byte in its file */
  uint64_t n;  /* bytes of a text, elements of an array, members of an object */
  union {
    int64_t i; /* also of a bool */
    double r;
    const char *text;                /* UTF-8, not ended by NUL                     */
    const struct st_value *items;    /* of an array                                 */
    const struct st_member *members; /* of an object, in the file's order           */
  } is;
};
struct st_member {
  const char *name;
  uint64_t size;
  struct st_value value;
};

/* Strict (RFC 8259), and stricter: no key twice in an object, whole characters only, a
 * bound on depth.  Whole numbers beyond 64 bits become ST_REAL.  Begins at byte `start`
 * and has to end with the bytes. */
ST_MUST ridge_status st_json(const ridge_host *, struct st_arena *, const char *file,
                             ridge_bytes, uint64_t start, struct st_value *out);
const char *st_kind_name(uint32_t kind); /* "an object" */
/* NULL: it is no object, or has no such member. */
const struct st_value *st_get(const struct st_value *, const char *name);
/* As st_get, but a member that is null counts as missing. */
const struct st_value *st_get_set(const struct st_value *, const char *name);
bool st_is(const struct st_value *, const char *text); /* this very text? */
bool st_number(const struct st_value *, double *out);
bool st_true(const struct st_value *); /* there, and true */

/* ---- tensors as the files have them (st_header.c, st_shards.c) ----------------- */

struct st_dtype {
  const char *name;
  uint32_t bytes;
  const char *codec; /* NULL: not used for weights here */
};
struct st_tensor {
  const char *name;
  const struct st_dtype *dtype;
  uint64_t dims[ST_MAX_RANK]; /* outermost first */
  uint64_t bytes;
  const uint8_t *data;
  uint64_t offset; /* in its file */
  uint32_t rank, file;
  bool used; /* it has its place in the model */
};

/* The tensors of one file, appended to the list of struct st_tensor. */
ST_MUST ridge_status st_read_header(const ridge_host *, struct st_arena *, const char *file,
                                    ridge_bytes, uint32_t number, struct st_list *tensors);
bool st_has_header(const uint8_t *head, uint64_t size);

/* ---- the model ----------------------------------------------------------------- */

struct st_model {
  struct st_arena arena;
  const ridge_host *host;
  const ridge_folder *folder; /* during `open` */
  struct st_tensor *tensors;  /* (n_tensors) sorted by name */
  uint64_t n_tensors;
  struct st_value config, whole_config; /* of the text model; as in the file */
  const struct st_arch *arch;
  struct st_list facts, made; /* of ridge_fact, of ridge_file_tensor */
};

/* All tensors of all files. */
ST_MUST ridge_status st_read_tensors(struct st_model *);
struct st_tensor *st_find(const struct st_model *, const char *name);
/* A JSON file beside the weights; RIDGE_DECLINED: there is none. */
ST_MUST ridge_status st_beside(struct st_model *, const char *name, struct st_value *out);

/* ---- facts (st_facts.c) -------------------------------------------------------- */

/* With `key` opened by a dot, the architecture's name goes before it. */
ST_MUST ridge_status st_fact_int(struct st_model *, const char *key, int64_t);
ST_MUST ridge_status st_fact_real(struct st_model *, const char *key, double);
ST_MUST ridge_status st_fact_text(struct st_model *, const char *key, const char *text,
                                  uint64_t size);
ST_MUST ridge_status st_fact_array(struct st_model *, const char *key, uint32_t type,
                                   const void *items, uint64_t n);
const ridge_fact *st_fact(const struct st_model *, const char *key);
char *st_copy(struct st_model *, const char *text, uint64_t size); /* ended by NUL */

/* ---- architectures (st_archs.c, st_names.c, st_config.c, st_rope.c) ------------ */

/* What becomes of a tensor on its way to GGUF's form. */
enum st_change {
  ST_KEEP,
  ST_DROP,      /* a buffer that every program can make itself                  */
  ST_TRANSPOSE, /* (in, out) to (out, in)                                       */
  ST_SPLIT_QKV, /* rows by head (q, k, v each) to all q, all k, all v           */
  ST_PLUS_ONE,  /* a norm that multiplies by 1 + w                              */
  ST_STACK,     /* one of the experts: all of them in one tensor                */
  ST_FLAT,      /* dimensions of 1 left out                                     */
};
/* "#" is the layer's number, "%" the expert's; ".weight" or ".bias" follow. */
struct st_name {
  const char *from, *to;
  enum st_change change;
};
/* A number of config.json and its key. */
struct st_key {
  const char *from; /* names, the first that is there counts */
  const char *to;
  uint32_t type;   /* RIDGE_FACT_INT (also of a bool), RIDGE_FACT_REAL */
  bool required;   /* or else the key is left out                       */
  double fallback; /* what holds where the config says nothing; 0: none */
};
/* What config.json has to say, if it says anything, for the model to be the known one. */
struct st_wanted {
  const char *name;
  const char *values; /* separated by blanks; true, false, numbers or words */
};
struct st_arch {
  const char *type; /* model_type, names separated by blanks */
  const char *name; /* general.architecture                  */
  const struct st_name *names[3];
  const struct st_key *keys[3]; /* of two rows for one key the first counts */
  const struct st_wanted *wanted;
  double turning; /* the part of a head that turns, where the config does not say;
                     0: learned positions                                        */
  double base;    /* of the rotation, where the config does not say              */
  bool tied;      /* tie_word_embeddings, where the config does not say          */
  bool stretched; /* long and short factors, as Phi-3 has them                   */
  ridge_status (*more)(struct st_model *); /* what no table says, or NULL          */
};
/* Tables of st_tensor_names.c, each ended by a row without names. */
extern const struct st_name st_llama_names[], st_mixtral_names[], st_stablelm_names[],
    st_qwen_moe_names[], st_gemma_names[], st_phi3_names[], st_phi_names[], st_gpt2_names[],
    st_opt_names[], st_neox_names[];
const struct st_arch *st_arch_find(const struct st_value *type);
void st_arch_list(char *to, uint64_t room);
ST_MUST ridge_status st_read_config(struct st_model *);
ST_MUST ridge_status st_read_rope(struct st_model *);
/* Give every tensor of the files its name and form. */
ST_MUST ridge_status st_name_tensors(struct st_model *);

/* ---- tensors made in memory (st_make.c) ---------------------------------------- */

ST_MUST ridge_status st_add_tensor(struct st_model *, const struct st_tensor *,
                                   const char *name, enum st_change);
/* One matrix for each expert, one after the other. */
ST_MUST ridge_status st_add_stack(struct st_model *, struct st_tensor *const *, uint64_t n,
                                  const char *name);
ST_MUST ridge_status st_add_values(struct st_model *, const char *name, const float *,
                                   uint64_t n);

/* ---- tokenizers ------------------------------------------------------------------ */

#define ST_MAX_TOKENS 16777216

/* GGUF's numbers for what a token is. */
enum st_token {
  ST_TOKEN_NORMAL = 1,
  ST_TOKEN_UNKNOWN = 2,
  ST_TOKEN_CONTROL = 3,
  ST_TOKEN_USER = 4,
  ST_TOKEN_UNUSED = 5,
  ST_TOKEN_BYTE = 6,
};

/* A vocabulary while it is read; ids that nobody names are holes. */
struct st_vocab {
  struct st_model *model;
  const char *file; /* for sentences */
  uint64_t n;
  ridge_bytes *texts;     /* (n) data NULL: a hole */
  double *scores;         /* (n) */
  int64_t *types;         /* (n) enum st_token; 0: a hole */
  int64_t unknown;        /* -1: none */
  struct st_index *index; /* from texts to ids */
};
ST_MUST ridge_status st_vocab_new(struct st_model *, const char *file, uint64_t n,
                                  struct st_vocab *out);
/* One more token, in its place; a text that is there already with another id is an
 * error, and so is an id that is taken. */
ST_MUST ridge_status st_vocab_put(struct st_vocab *, int64_t id, const char *text,
                                  uint64_t size, enum st_token type);
int64_t st_vocab_find(const struct st_vocab *, const char *text, uint64_t size); /* or -1 */
void st_vocab_drop(struct st_vocab *);
/* "<0x0A>"? */
bool st_is_byte(const char *text, uint64_t size);
/* tokenizer.ggml.model, .tokens, .token_type, .unknown_token_id, and .scores if asked. */
ST_MUST ridge_status st_vocab_facts(struct st_vocab *, const char *kind, bool scores);

ST_MUST ridge_status st_read_tokenizer(struct st_model *);
/* tokenizer.json (st_tokens_json.c, st_pretokenizer.c, st_normalizer.c). */
ST_MUST ridge_status st_tokenizer_json(struct st_model *, const struct st_value *);
/* How text is cut before pieces are looked for. */
struct st_cutting {
  bool bytes;         /* byte-level: pieces are spelled in GPT-2's alphabet       */
  const char *pre;    /* GGUF's name of the pattern; NULL: none                  */
  const char *prefix; /* of SentencePiece's blank; NULL: none. see ridge.tokenizer.prefix */
  bool words;         /* cut before each blank                                   */
  bool white;         /* all white space is blanks                               */
  bool squeezed;      /* runs of blanks count as one                             */
  bool composed;      /* text is put into Unicode's form NFC                     */
  ridge_bytes map;    /* SentencePiece's table of characters; size 0: none       */
};
ST_MUST ridge_status st_read_normalizer(struct st_model *, const struct st_value *,
                                        struct st_cutting *);
ST_MUST ridge_status st_read_pretokenizer(struct st_model *, const struct st_value *json,
                                          bool whole_words, struct st_cutting *);
ST_MUST ridge_status st_cutting_facts(struct st_model *, const struct st_cutting *);
/* tokenizer.model (st_tokens_model.c), vocab.json with merges.txt (st_tokens_old.c). */
ST_MUST ridge_status st_tokenizer_model(struct st_model *, ridge_bytes);
ST_MUST ridge_status st_tokenizer_old(struct st_model *, const struct st_value *vocab,
                                      ridge_bytes merges);
/* tokenizer_config.json and its like: which tokens begin and end, the chat template.
 * `json`: tokenizer.json, or NULL. */
ST_MUST ridge_status st_special_facts(struct st_vocab *, const struct st_value *json);

#endif
