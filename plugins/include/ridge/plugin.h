/*
 * ridge/plugin.h - the contract between the host and a plugin.
 *
 * A plugin is one shared object that exports one function, ridge_plugin_v1.
 * The function returns a constant description and runs nothing else, so that a
 * plugin can be listed, checked and planned with before any of its code works.
 *
 * Ownership: a description, and all it points to, lives as long as the file is
 *            open.  What `alloc` gives belongs to the instance and goes with it.
 *            A table handed into a call is the caller's, valid during the call.
 * Growth:    structs grow at the end only.  Each that crosses the boundary opens
 *            with its own size, each table carries its row stride, and none has
 *            tail padding.  Any other change is ridge_plugin_v2.
 * Threads:   [main] the control thread, one call at a time.
 *            [step] whichever thread runs the step, one call at a time per self.
 *            [pool] many threads at once.
 *            [pure] reads its arguments only: no file, clock or environment.
 * A plugin never exits, aborts, prints, starts threads, installs signal handlers
 * or keeps mutable globals; the conformance kit (`ridge vet`) looks.
 */
#ifndef RIDGE_PLUGIN_H
#define RIDGE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIDGE_ABI_MINOR    0 /* one more with each appended field */
#define RIDGE_EXPORT       __attribute__((visibility("default")))
#define RIDGE_FORMAT(f, a) __attribute__((format(printf, f, a)))

/* Did the side that filled this struct know the field? */
#define RIDGE_HAS(type, p, field)                                                          \
  ((p)->struct_size >= offsetof(type, field) + sizeof((p)->field))

/* No tail padding, or a later field could hide inside an older size. */
#define RIDGE_SEALED(type, last)                                                           \
  _Static_assert(sizeof(type) == offsetof(type, last) + sizeof(((type *)0)->last),         \
                 #type " has tail padding")

/* The one list of outcomes: enum, names and texts come from it. */
#define RIDGE_STATUS_MAP(X)                                                                \
  X(OK, 0, "ok")                                                                           \
  X(DECLINED, 1, "declined this call; the default takes it")                               \
  X(INVALID, -1, "invalid argument")                                                       \
  X(UNSUPPORTED, -2, "not supported here")                                                 \
  X(NO_MEMORY, -3, "out of memory")                                                        \
  X(IO, -4, "input or output failed")                                                      \
  X(CANCELLED, -5, "cancelled")                                                            \
  X(CORRUPT, -6, "data is damaged or of another version")                                  \
  X(INTERNAL, -7, "broken invariant")
typedef enum ridge_status {
#define X(name, code, text) RIDGE_##name = code,
  RIDGE_STATUS_MAP(X)
#undef X
} ridge_status;

/* `kind` changes listings only, never rights. */
enum ridge_kind { RIDGE_STRATEGY = 1, RIDGE_PART = 2 };
enum ridge_phase { RIDGE_TRAIN = 1, RIDGE_INFER = 2, RIDGE_SERVE = 4 };

/* What a plugin may do to results.  A composition is as exact as its least exact
 * member, and a recipe can demand a floor. */
enum ridge_effect {
  RIDGE_EXACT = 1,    /* bit for bit what the reference computes         */
  RIDGE_TOLERANT = 2, /* reordered arithmetic, within a stated tolerance */
  RIDGE_LOSSY = 3,    /* other results: quality has to be measured       */
};

/* A table of rows.  The stride is the writer's sizeof, not the reader's. */
typedef struct ridge_table {
  const void *rows;
  uint32_t count, stride;
} ridge_table;
#define RIDGE_ROWS(a)                                                                      \
  { (a), (uint32_t)(sizeof(a) / sizeof *(a)), (uint32_t)sizeof *(a) }

typedef union ridge_value {
  bool b;
  int64_t i;
  double r;
  const char *t;
} ridge_value;

/* A parameter: the host checks it and stores it at `offset` of the plugin's own
 * struct.  C types: bool, int64_t, double, const char * (text and choice). */
enum ridge_type {
  RIDGE_T_BOOL = 1,
  RIDGE_T_INT,
  RIDGE_T_REAL,
  RIDGE_T_TEXT,
  RIDGE_T_CHOICE,
};
enum ridge_param_flag {
  RIDGE_SWEEPABLE = 1, /* a sweep may vary it                               */
  RIDGE_LIVE = 2,      /* may change between the steps of one run           */
  RIDGE_LOG_SCALE = 4, /* a sweep spaces it geometrically                   */
  RIDGE_PATH = 8,      /* a text that names a file, relative to the recipe  */
  RIDGE_REQUIRED = 16, /* a recipe has to give it: there is no default      */
  RIDGE_FOLDER = 32,   /* with PATH: a directory will do, as for a model    */
};
typedef struct ridge_param {
  const char *name;
  const char *doc;              /* one sentence: what it trades for what    */
  const char *unit;             /* "byte", "second", "token", "bit"; or ""  */
  const char *const *choices;   /* RIDGE_T_CHOICE: ended by NULL            */
  ridge_value fallback, lo, hi; /* bounds are inclusive; INT and REAL only */
  uint32_t type, flags;
  uint64_t offset;
} ridge_param;
RIDGE_SEALED(ridge_param, offset);

/* Declare a parameter by naming the field; _Generic refuses a wrong C type. */
#define RIDGE_INT(T, f, def, min, max, unit_, flags_, doc_)                                \
  {                                                                                        \
    .name = #f, .doc = (doc_), .unit = (unit_), .fallback = {.i = (def)},                  \
    .lo = {.i = (min)}, .hi = {.i = (max)},                                                \
    .type = _Generic(((T *)0)->f, int64_t                                                  \
                     : RIDGE_T_INT),                                                       \
    .flags = (flags_), .offset = offsetof(T, f)                                            \
  }
#define RIDGE_REAL(T, f, def, min, max, unit_, flags_, doc_)                               \
  {                                                                                        \
    .name = #f, .doc = (doc_), .unit = (unit_), .fallback = {.r = (def)},                  \
    .lo = {.r = (min)}, .hi = {.r = (max)},                                                \
    .type = _Generic(((T *)0)->f, double                                                   \
                     : RIDGE_T_REAL),                                                      \
    .flags = (flags_), .offset = offsetof(T, f)                                            \
  }
#define RIDGE_BOOL(T, f, def, flags_, doc_)                                                \
  {                                                                                        \
    .name = #f, .doc = (doc_), .unit = "", .fallback = {.b = (def)},                       \
    .type = _Generic(((T *)0)->f, bool                                                     \
                     : RIDGE_T_BOOL),                                                      \
    .flags = (flags_), .offset = offsetof(T, f)                                            \
  }
#define RIDGE_TEXT(T, f, def, flags_, doc_)                                                \
  {                                                                                        \
    .name = #f, .doc = (doc_), .unit = "", .fallback = {.t = (def)},                \
    .type = _Generic(((T *)0)->f, const char * : RIDGE_T_TEXT), .flags = (flags_),  \
    .offset = offsetof(T, f)      \
  }
#define RIDGE_CHOICE(T, f, def, choices_, flags_, doc_)                                    \
  {                                                                                        \
    .name = #f, .doc = (doc_), .unit = "", .choices = (choices_),                   \
    .fallback = {.t = (def)}, .flags = (flags_),                                    \
    .type = _Generic(((T *)0)->f, const char * : RIDGE_T_CHOICE),                   \
    .offset = offsetof(T, f)      \
  }

/* A relation to the rest of the composition.  `target` is one of
 *   "kv.paged"               a plugin           "weights.*"    a family
 *   "cap:kv.blocks"          a capability that some plugin provides
 *   "device:avx2"            a fact of the machine
 *   "sample.temperature"     a setting of the host, when a root word has it
 * and for RIDGE_IDLE one of this plugin's own parameters.  The condition (op,
 * value) is about this plugin's `param`, or, with param NULL, about the target
 * when that is a setting.  `why` is shown to the user word for word. */
enum ridge_relation_kind {
  RIDGE_NEEDS = 1, /* the target must be there                             */
  RIDGE_CLASHES,   /* the target must not be there                         */
  RIDGE_AFTER,     /* in a chain, the target comes earlier                 */
  RIDGE_BEFORE,    /* in a chain, the target comes later                   */
  RIDGE_IDLE,      /* this parameter does nothing: setting it is refused   */
};
enum ridge_op_cmp {
  RIDGE_ALWAYS,
  RIDGE_EQ,
  RIDGE_NE,
  RIDGE_LT,
  RIDGE_LE,
  RIDGE_GT,
  RIDGE_GE,
};
typedef struct ridge_relation {
  const char *target, *why;
  const char *param; /* with op and value: holds only under this condition */
  ridge_value value; /* read by the type of what it is compared with       */
  uint32_t kind, op;
} ridge_relation;
RIDGE_SEALED(ridge_relation, op);

/* One seam filled.  The id carries the revision: "logits.shape/1".  Seams that
 * take one filler, a chain or taps leave key, needs and score alone; a SET takes
 * one row per key. */
typedef struct ridge_fill {
  const char *seam;
  const void *table; /* the seam's functions; opens with struct_size          */
  const char *key;   /* SET: what is provided: "matmul q4_0", "q8_0", "gguf"  */
  const char *needs; /* SET: facts of the machine: "avx2 fma"; NULL: none     */
  int64_t score;     /* SET: among usable providers of a key the highest wins */
} ridge_fill;
RIDGE_SEALED(ridge_fill, score);

/* A counter that shows that the plugin did something: "tensors changed",
 * "tokens accepted".  Below `least` at the end, the run is inert. */
typedef struct ridge_evidence {
  const char *name, *unit, *doc;
  uint64_t least;
} ridge_evidence;
RIDGE_SEALED(ridge_evidence, least);

typedef struct ridge_metric {
  const char *name, *unit, *doc;
  int64_t better; /* -1 lower, +1 higher, 0 neither */
} ridge_metric;
RIDGE_SEALED(ridge_metric, better);

/* What the authors promise, so that a run can confirm or refute it. */
typedef struct ridge_claim {
  const char *id, *statement, *metric, *conditions, *source;
  double ratio_lo, ratio_hi; /* with the strategy / without it */
} ridge_claim;
RIDGE_SEALED(ridge_claim, ratio_hi);

/* Bytes at the peak beyond the graph's own tensors, which the host plans. */
typedef struct ridge_need {
  uint64_t struct_size, cache, state, scratch;
} ridge_need;
RIDGE_SEALED(ridge_need, scratch);

/* What a composition is about to run on; read by `need` and `check`. */
typedef struct ridge_plan {
  uint64_t struct_size;
  const char *architecture; /* "llama", "gpt2"                               */
  int64_t layers, dim, heads, kv_heads, head_dim, ffn, vocab;
  int64_t context;   /* positions per sequence, as the run will use them     */
  int64_t sequences; /* that may be alive at once                            */
  int64_t rows;      /* tokens of one step at most                           */
  int64_t window;    /* sliding attention window, 0: none                    */
  uint64_t weight_bytes, cache_bytes, memory_bytes; /* the last: what may be used */
} ridge_plan;
RIDGE_SEALED(ridge_plan, memory_bytes);

typedef struct ridge_host ridge_host;
struct ridge_host {
  uint64_t struct_size, abi_minor;
  void *ctx; /* this instance: costs, messages and blame go here */

  void *(*alloc)(const ridge_host *, size_t size,
                 size_t align);             /* zeroed, counted [pool] */
  void (*free)(const ridge_host *, void *); /* [pool] */
  /* Say why, and return the status: `return h->fail(h, RIDGE_IO, ...)`. [pool] */
  ridge_status (*fail)(const ridge_host *, ridge_status, const char *fmt, ...)
      RIDGE_FORMAT(3, 4);
  void (*log)(const ridge_host *, int level, const char *fmt, ...) RIDGE_FORMAT(3, 4);
  void (*count)(const ridge_host *, uint32_t evidence, uint64_t n);  /* [pool] */
  void (*record)(const ridge_host *, uint32_t metric, double value); /* [pool] */
  /* Four random words at a counter.  The stream hangs on the recipe's seed and on
   * this plugin's id, never on who else is present. [pool] */
  void (*random)(const ridge_host *, uint64_t counter, uint32_t out[4]);
  uint64_t (*now_ns)(const ridge_host *); /* monotonic [pool] */
  /* Cut 0..n by grain, never by thread count, run on the pool, wait. [step] */
  ridge_status (*parallel)(const ridge_host *, int64_t n, int64_t grain,
                           void (*body)(void *arg, int64_t lo, int64_t hi), void *arg);
  const void *(*service)(const ridge_host *, const char *id); /* or NULL [main] */
};
RIDGE_SEALED(ridge_host, service);

typedef struct ridge_plugin {
  uint64_t struct_size;
  uint32_t abi_minor, kind, phases, effect;
  const char *id;               /* "family.name": [a-z0-9_]+.[a-z0-9_]+             */
  const char *technique;        /* catalog entry it implements; NULL for a part     */
  const char *version;          /* "1.4.2"                                          */
  const char *summary;          /* one line                                         */
  const char *doc;              /* Markdown: what, when, when not                   */
  const char *license, *source; /* SPDX; paper or repository                 */
  /* Rows: ridge_param, ridge_relation, ridge_fill, const char * (capabilities),
   * ridge_evidence, ridge_metric, ridge_claim. */
  ridge_table params, relations, fills, provides, evidence, metrics, claims;
  uint64_t params_size; /* sizeof the struct that `params` describe          */
  double tolerance;     /* TOLERANT: bound of |difference| / (1 + |reference|) of a logit */
  /* What it will take; refuse for a reason that no relation can say. [pure] */
  ridge_status (*need)(const ridge_host *, const ridge_plan *, const void *params,
                       ridge_need *out);
  ridge_status (*check)(const ridge_host *, const ridge_plan *, const void *params);
  /* Without `create`, `self` is NULL in every call.  `destroy` may be NULL where there
   * is nothing to undo: what `alloc` gave goes with the instance. [main] */
  ridge_status (*create)(const ridge_host *, const void *params, void **self);
  void (*destroy)(void *self);
  /* State that must survive a checkpoint; both or neither. [main] */
  ridge_status (*save)(void *self, ridge_status (*put)(void *, const void *, size_t),
                       void *);
  ridge_status (*load)(void *self, ridge_status (*get)(void *, void *, size_t), void *);
} ridge_plugin;
RIDGE_SEALED(ridge_plugin, load);

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void); /* the one exported symbol */

#endif
