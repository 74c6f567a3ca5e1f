/*
 * llama_peer.c - llama.cpp, asked by lines: the other side of compare.py.
 *
 *   cc -O2 llama_peer.c -ldl -o llama_peer && ./llama_peer DIRECTORY
 *
 * DIRECTORY holds built libraries (libllama*.so, libggml*.so); they are opened while it
 * runs, and no header of theirs is needed.  A line comes in, a JSON object goes out:
 *   open MODEL THREADS CONTEXT SEQUENCES  -> {"seconds","cpu"}   (context of each sequence)
 *   prefill TOKENS                        -> {"seconds","cpu"}   one prompt
 *   decode TOKENS BATCH DEPTH             -> {"seconds","cpu"}   BATCH sequences
 *   memory                                -> {"peak","before"}   bytes resident
 * What fails answers {"error":text}.
 *
 * Caveat: some structs of that library go by value, and their layout is not promised.  They
 * are declared here as a start that is known and room that is not, which the calling
 * convention of x86-64 and arm64 Linux allows as long as they go through memory; what is
 * set in them is checked first against the defaults that it should have, and afterwards by
 * asking the context.  Where that does not agree, nothing is measured.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 512, MOST_SEQUENCES = 256 };

struct model_params {
  char unknown[1024];
};
struct context_params {
  uint32_t n_ctx, n_batch, n_ubatch, n_seq_max;
  char unknown[1024];
};
struct batch {
  int32_t n_tokens;
  int32_t *token;
  float *embd;
  int32_t *pos, *n_seq_id, **seq_id;
  int8_t *logits;
  char unknown[256];
};

/* name, result, arguments */
#define LLAMA_MAP(X)                                                                       \
  X(llama_backend_init, void, (void))                                                      \
  X(llama_log_set, void, (void (*)(int, const char *, void *), void *))                    \
  X(llama_model_default_params, struct model_params, (void))                               \
  X(llama_context_default_params, struct context_params, (void))                           \
  X(llama_model_load_from_file, void *, (const char *, struct model_params))               \
  X(llama_init_from_model, void *, (void *, struct context_params))                        \
  X(llama_set_n_threads, void, (void *, int32_t, int32_t))                                 \
  X(llama_n_ctx, uint32_t, (const void *))                                                 \
  X(llama_n_batch, uint32_t, (const void *))                                               \
  X(llama_n_seq_max, uint32_t, (const void *))                                             \
  X(llama_model_get_vocab, const void *, (const void *))                                   \
  X(llama_vocab_n_tokens, int32_t, (const void *))                                         \
  X(llama_get_memory, void *, (const void *))                                              \
  X(llama_memory_clear, void, (void *, bool))                                              \
  X(llama_batch_init, struct batch, (int32_t, int32_t, int32_t))                           \
  X(llama_decode, int32_t, (void *, struct batch))                                         \
  X(llama_synchronize, void, (void *))                                                     \
  X(llama_get_logits, float *, (void *))

struct peer {
#define X(name, result, arguments) result(*name) arguments;
  LLAMA_MAP(X)
#undef X
  void *model, *context;
  struct batch batch;
  int32_t vocab;
  uint32_t sequences;
  long before;
};

static void say_error(const char *text) {
  printf("{\"error\": \"%s\"}\n", text);
  fflush(stdout);
}

/* --- the libraries ----------------------------------------------------------------------
 */

/* The file of DIRECTORY that begins and ends so, as an open library. */
static void *open_library(const char *directory, const char *stem, const char *not_this) {
  void *library = NULL;
  DIR *files = opendir(directory);
  struct dirent *file;
  while (files != NULL && library == NULL && (file = readdir(files)) != NULL) {
    char path[4096];
    size_t size = strlen(stem);
    if (strncmp(file->d_name, stem, size) != 0 || strstr(file->d_name, ".so") == NULL)
      continue;
    if (strncmp(file->d_name, not_this, strlen(not_this)) == 0) continue;
    snprintf(path, sizeof path, "%s/%s", directory, file->d_name);
    library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  }
  if (files != NULL) closedir(files);
  return library;
}

static const char *open_all(struct peer *p, const char *directory) {
  void (*load)(const char *);
  void *ggml = open_library(directory, "libggml.", "libggml-");
  void *llama = open_library(directory, "libllama.", "libllama-");
  if (ggml == NULL || llama == NULL) return "libllama or libggml cannot be opened";
  *(void **)&load = dlsym(ggml, "ggml_backend_load_all_from_path");
  if (load == NULL) return "libggml has no ggml_backend_load_all_from_path";
#define X(name, result, arguments)                                                         \
  *(void **)&p->name = dlsym(llama, #name);                                                \
  if (p->name == NULL) return "libllama has no " #name;
  LLAMA_MAP(X)
#undef X
  load(directory);
  p->llama_backend_init();
  return NULL;
}

static void be_quiet(int level, const char *text, void *ctx) {
  (void)level, (void)text, (void)ctx;
}

/* --- one model
 * ---------------------------------------------------------------------------- */

static const char *check_layout(const struct context_params *c, const struct batch *b) {
  if (c->n_ctx != 512 || c->n_batch != 2048 || c->n_ubatch != PIECE || c->n_seq_max != 1)
    return "the context's parameters do not begin as they should: another libllama";
  if (b->n_tokens != 0 || b->token == NULL || b->embd != NULL || b->pos == NULL ||
      b->n_seq_id == NULL || b->seq_id == NULL || b->seq_id[0] == NULL || b->logits == NULL)
    return "a batch is not laid out as it should be: another libllama";
  return NULL;
}

static const char *open_model(struct peer *p, const char *path, int threads,
                              uint32_t context, uint32_t sequences) {
  struct context_params params = p->llama_context_default_params();
  p->batch = p->llama_batch_init(2048, 0, 1);
  const char *wrong = check_layout(&params, &p->batch);
  if (wrong != NULL) return wrong;
  if (sequences < 1 || sequences > MOST_SEQUENCES) return "too many sequences";
  p->model = p->llama_model_load_from_file(path, p->llama_model_default_params());
  if (p->model == NULL) return "the model cannot be loaded";
  params.n_ctx = context * sequences;
  params.n_seq_max = sequences;
  p->context = p->llama_init_from_model(p->model, params);
  if (p->context == NULL) return "no context can be made";
  /* A batch is no larger than the context that was asked for. */
  const uint32_t room = context * sequences, piece = room < PIECE ? room : PIECE;
  if (p->llama_n_ctx(p->context) < room || p->llama_n_seq_max(p->context) != sequences ||
      p->llama_n_batch(p->context) < piece)
    return "the context is not as it was asked for: another libllama";
  p->llama_set_n_threads(p->context, threads, threads);
  p->vocab = p->llama_vocab_n_tokens(p->llama_model_get_vocab(p->model));
  p->sequences = sequences;
  return p->vocab > 0 ? NULL : "the model has no vocabulary";
}

static void add(struct peer *p, int32_t token, int32_t position, int32_t sequence,
                bool wants) {
  int32_t i = p->batch.n_tokens++;
  p->batch.token[i] = token % p->vocab;
  p->batch.pos[i] = position;
  p->batch.n_seq_id[i] = 1;
  p->batch.seq_id[i][0] = sequence;
  p->batch.logits[i] = wants;
}

static const char *step(struct peer *p) {
  bool failed = p->llama_decode(p->context, p->batch) != 0;
  p->batch.n_tokens = 0;
  return failed ? "llama_decode failed" : NULL;
}

static const char *read_prompt(struct peer *p, int sequence, int tokens, bool wants) {
  const char *wrong = NULL;
  for (int at = 0; at < tokens && wrong == NULL; at += PIECE) {
    for (int i = at; i < tokens && i < at + PIECE; i++)
      add(p, 10 + (i * 7 + sequence * 31) % 200, i, sequence, wants && i == tokens - 1);
    wrong = step(p);
  }
  p->llama_synchronize(p->context);
  return wrong;
}

static const char *make_tokens(struct peer *p, int tokens, int batch, int depth) {
  const char *wrong = NULL;
  for (int at = 0; at < tokens && wrong == NULL; at++) {
    for (int s = 0; s < batch; s++)
      add(p, 10 + (at * 37 + s * 11) % 200, depth + at, s, true);
    wrong = step(p);
    if (wrong == NULL && p->llama_get_logits(p->context) == NULL) wrong = "no logits";
  }
  return wrong;
}

/* --- lines
 * ---------------------------------------------------------------------------------- */

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long resident(const char *field) {
  char line[256];
  long kib = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, field, strlen(field)) == 0) kib = atol(line + strlen(field) + 1);
  if (status != NULL) fclose(status);
  return kib * 1024;
}

static const char *work(struct peer *p, const char *verb, const char *model,
                        const int numbers[3]) {
  if (strcmp(verb, "open") == 0)
    return open_model(p, model, numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]);
  if (strcmp(verb, "prefill") == 0) return read_prompt(p, 0, numbers[0], true);
  return make_tokens(p, numbers[0], numbers[1], numbers[2]);
}

/* What is done before the clock starts. */
static const char *prepare(struct peer *p, const char *verb, const int numbers[3]) {
  if (strcmp(verb, "open") == 0) {
    p->before = resident("VmRSS:");
    return p->context == NULL ? NULL : "a model is open already";
  }
  if (p->context == NULL) return "nothing is open";
  p->llama_memory_clear(p->llama_get_memory(p->context), true);
  if (strcmp(verb, "decode") != 0) return NULL;
  if (numbers[1] < 1 || (uint32_t)numbers[1] > p->sequences) return "too many sequences";
  const char *wrong = NULL;
  for (int s = 0; s < numbers[1] && numbers[2] > 0 && wrong == NULL; s++)
    wrong = read_prompt(p, s, numbers[2], false);
  return wrong;
}

static void answer(struct peer *p, char *line) {
  char *words[5] = {0}, *rest = line;
  int n = 0, numbers[3] = {0};
  while (n < 5 && (words[n] = strsep(&rest, "\t\n")) != NULL && words[n][0] != 0) n++;
  if (n == 0) return;
  bool opens = strcmp(words[0], "open") == 0;
  if (strcmp(words[0], "memory") == 0) {
    printf("{\"peak\": %ld, \"before\": %ld}\n", resident("VmHWM:"), p->before);
    fflush(stdout);
    return;
  }
  if (n != (opens ? 5 : strcmp(words[0], "prefill") == 0 ? 2 : 4)) {
    say_error("words are missing");
    return;
  }
  for (int i = opens ? 2 : 1; i < n; i++) numbers[i - (opens ? 2 : 1)] = atoi(words[i]);
  const char *wrong = prepare(p, words[0], numbers);
  double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  if (wrong == NULL) wrong = work(p, words[0], words[1], numbers);
  if (wrong != NULL) {
    say_error(wrong);
    return;
  }
  printf("{\"seconds\": %.9f, \"cpu\": %.9f}\n", now(CLOCK_MONOTONIC) - start,
         now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  fflush(stdout);
}

int main(int argc, char **argv) {
  static struct peer peer;
  char line[8192];
  const char *wrong = argc == 2 ? open_all(&peer, argv[1]) : "usage: llama_peer DIRECTORY";
  if (wrong != NULL) {
    say_error(wrong);
    return 1;
  }
  peer.llama_log_set(be_quiet, NULL);
  puts("{\"ready\": true}");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) answer(&peer, line);
  return 0;
}
