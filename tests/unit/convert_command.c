/*
 * convert_command.c - `ridge convert` on the model that ships: what is written is what
 * was asked for, pieces and whole are one, and nothing is left behind or overwritten.
 */
#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
  char *folder, *model, out[600];
};

static struct place place_new(void) {
  struct place p = {.folder = testing_scratch(),
                    .model = testing_source("models/kjv-2m-f16.gguf")};
  snprintf(p.out, sizeof p.out, "%s/out.gguf", p.folder);
  return p;
}

static void place_free(struct place *p) {
  testing_remove(p->folder);
  free(p->model);
}

static const char *inside(const struct place *p, const char *name) {
  static char paths[4][700];
  static int at;
  char *path = paths[at++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", p->folder, name);
  return path;
}

/* Files of the folder whose name holds `part`. */
static int count_files(const struct place *p, const char *part) {
  DIR *dir = opendir(p->folder);
  int n = 0;
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) n += strstr(e->d_name, part) != NULL;
  closedir(dir);
  return n;
}

static char *load(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_msg("%s: %s", path, strerror(errno));
  struct stat facts;
  assert_int_equal(fstat(fileno(file), &facts), 0);
  *size = (size_t)facts.st_size;
  char *data = malloc(*size + 1);
  assert_non_null(data);
  assert_int_equal(fread(data, 1, *size, file), *size);
  fclose(file);
  return data;
}

static bool same_files(const char *a, const char *b) {
  size_t a_size, b_size;
  char *x = load(a, &a_size), *y = load(b, &b_size);
  bool same = a_size == b_size && memcmp(x, y, a_size) == 0;
  free(x);
  free(y);
  return same;
}

#define RUN(...) testing_ridge((const char *[]){"convert", __VA_ARGS__, NULL})

static void expect(struct testing_output o, int exit, const char *wanted) {
  if (o.exit != exit || (strstr(o.out, wanted) == NULL && strstr(o.err, wanted) == NULL))
    fail_msg("exit %d, \"%s\", \"%s\"; wanted %d, \"%s\"", o.exit, o.out, o.err, exit,
             wanted);
  testing_output_free(&o);
}

static json_t *expect_json(struct testing_output o) {
  json_error_t error;
  if (o.exit != 0) fail_msg("exit %d: %s", o.exit, o.err);
  json_t *json = json_loads(o.out, 0, &error);
  if (json == NULL) fail_msg("%s: %s", error.text, o.out);
  testing_output_free(&o);
  return json;
}

static json_t *row_of(json_t *json, const char *name) {
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(json, "tensors"), i, row)
    if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) return row;
  fail_msg("no tensor %s", name);
  return NULL;
}

static void expect_codec(json_t *json, const char *tensor, const char *codec) {
  assert_string_equal(json_string_value(json_object_get(row_of(json, tensor), "to")),
                      codec);
}

/* ---- what is written ---- */

static void without_a_change_the_file_is_the_same(void **state) {
  (void)state;
  struct place p = place_new();
  expect(RUN(p.model, p.out), 0, "29 tensors");
  assert_true(same_files(p.model, p.out));
  place_free(&p);
}

static void pieces_joined_are_the_file_they_were_cut_from(void **state) {
  (void)state;
  struct place p = place_new();
  expect(RUN(p.model, p.out, "--split-tensors=7"), 0, "5 files");
  assert_int_equal(count_files(&p, "-of-00005.gguf"), 5);
  expect(RUN(inside(&p, "out-00004-of-00005.gguf"), inside(&p, "joined.gguf"), "--join"), 0,
         "29 tensors");
  assert_true(same_files(p.model, inside(&p, "joined.gguf")));
  place_free(&p);
}

static void a_size_cuts_pieces_no_larger_than_it(void **state) {
  (void)state;
  struct place p = place_new();
  json_t *json = expect_json(RUN(p.model, p.out, "--split-size=1M", "--json"));
  json_t *files = json_object_get(json, "files"), *path;
  size_t i;
  assert_true(json_array_size(files) >= 4);
  json_array_foreach(files, i, path) {
    struct stat facts;
    assert_int_equal(stat(json_string_value(path), &facts), 0);
    assert_true(facts.st_size < 1100000);
  }
  json_decref(json);
  place_free(&p);
}

static void a_mix_gives_each_tensor_its_codec(void **state) {
  (void)state;
  struct place p = place_new();
  json_t *json = expect_json(RUN(p.model, p.out, "--to=q4_k_m", "--json"));
  expect_codec(json, "token_embd.weight", "q6_k"); /* the head as well */
  expect_codec(json, "blk.0.ffn_up.weight", "q4_k");
  expect_codec(json, "blk.2.ffn_down.weight", "q6_k"); /* the last eighth */
  expect_codec(json, "blk.1.attn_v.weight", "q4_k");
  expect_codec(json, "output_norm.weight", "f32");
  assert_int_equal(json_integer_value(json_object_get(json, "fallbacks")), 0);
  const double bits = json_real_value(json_object_get(json, "bits_per_weight"));
  assert_true(bits > 4.5 && bits < 5.1);
  json_decref(json);
  json = expect_json(RUN(p.out, inside(&p, "again.gguf"), "--to=Q4_K_M", "--json"));
  json_decref(json);
  assert_true(same_files(p.out, inside(&p, "again.gguf"))); /* nothing left to change */
  place_free(&p);
}

static void rules_go_before_the_mix_and_the_last_before_the_first(void **state) {
  (void)state;
  struct place p = place_new();
  json_t *json = expect_json(RUN(p.model, p.out, "--to=q8_0", "--tensor=blk.*.ffn_*=q5_k",
                                 "--tensor", "blk.*.ffn_down.weight=keep", "--json"));
  expect_codec(json, "blk.0.ffn_up.weight", "q5_k");
  expect_codec(json, "blk.0.ffn_norm.weight", "f32");
  expect_codec(json, "blk.0.ffn_down.weight", "f16");
  expect_codec(json, "blk.0.attn_q.weight", "q8_0");
  json_decref(json);
  place_free(&p);
}

static void pure_means_every_matrix(void **state) {
  (void)state;
  struct place p = place_new();
  json_t *json = expect_json(RUN(p.model, p.out, "--to=q2_k", "--pure", "--json"));
  expect_codec(json, "token_embd.weight", "q2_k");
  expect_codec(json, "blk.0.ffn_down.weight", "q2_k");
  json_decref(json);
  place_free(&p);
}

/* Rows of 64 and 172: nothing of 256, and 172 not even of 32. */
static void a_fallback_is_said_and_counted(void **state) {
  (void)state;
  char *model = testing_shared("models/stories260K-f32.gguf");
  if (model == NULL) {
    testing_skip_without("shared/models/stories260K-f32.gguf");
    return;
  }
  struct place p = place_new();
  json_t *json = expect_json(RUN(model, p.out, "--to=q4_k_m", "--json"));
  expect_codec(json, "blk.0.attn_q.weight", "q5_0");
  expect_codec(json, "blk.0.ffn_down.weight", "f16");
  assert_true(json_integer_value(json_object_get(json, "fallbacks")) > 30);
  assert_string_equal(
      json_string_value(json_object_get(row_of(json, "blk.0.attn_q.weight"), "wanted")),
      "q4_k");
  json_decref(json);
  expect(RUN(model, p.out, "--to=q4_k_m", "--dry-run"), 0,
         "rows of 64 are no whole blocks of q4_k, so q5_0 instead");
  expect(RUN(model, p.out, "--tensor=blk.0.attn_q=q4_k", "--dry-run"), 2,
         "its rows are 64 wide, and q4_k is stored in blocks of 256");
  place_free(&p);
  free(model);
}

/* ---- importance ---- */

static void put_little(FILE *file, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) putc((int)(value >> (8 * i) & 255), file);
}

static void put_words(FILE *file, const char *text) {
  put_little(file, strlen(text), 8);
  fputs(text, file);
}

static void put_place(FILE *file, const char *name, uint64_t n, uint64_t offset) {
  put_words(file, name);
  put_little(file, 2, 4);
  put_little(file, n, 8);
  put_little(file, 1, 8);
  put_little(file, 0, 4);
  put_little(file, offset, 8);
}

/* As llama.cpp's imatrix writes it, of one tensor with n inputs. */
static void write_importance(const char *path, int n, float even, float odd) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs("GGUF", file);
  put_little(file, 3, 4);
  put_little(file, 2, 8);
  put_little(file, 0, 8);
  put_place(file, "blk.0.attn_q.weight.in_sum2", (uint64_t)n, 0);
  put_place(file, "blk.0.attn_q.weight.counts", 1, (uint64_t)n * 4);
  while (ftell(file) % 32 != 0) putc(0, file);
  for (int i = 0; i < n; i++) fwrite(i % 2 == 0 ? &even : &odd, 4, 1, file);
  fwrite(&(float){10}, 4, 1, file);
  fclose(file);
}

static void importance_weighs_the_tensors_it_speaks_of(void **state) {
  (void)state;
  struct place p = place_new();
  const char *file = inside(&p, "imatrix.gguf");
  write_importance(file, 256, 100, 1);
  json_t *json =
      expect_json(RUN(p.model, p.out, "--to=q4_k_m", "--json", "--importance", file));
  assert_int_equal(json_integer_value(json_object_get(json, "weighted")), 1);
  json_decref(json);
  const char *plain = inside(&p, "plain.gguf");
  expect(RUN(p.model, plain, "--to=q4_k_m"), 0, "q4_k_m");
  assert_false(same_files(p.out, plain));
  expect(RUN(p.model, p.out, "--force", "--to=q8_0", "--importance", file), 2,
         "says nothing of any tensor");
  write_importance(file, 128, 1, 1);
  expect(RUN(p.model, p.out, "--force", "--to=q4_k_m", "--importance", file), 1,
         "is it of another model?");
  write_importance(file, 256, 1, -1);
  expect(RUN(p.model, p.out, "--force", "--to=q4_k_m", "--importance", file), 1,
         "no mean of squares");
  place_free(&p);
}

/* ---- what GGUF has no place for, and what llama.cpp makes of it ---- */

static void put_file(const struct place *p, const char *name, const char *text) {
  FILE *file = fopen(inside(p, name), "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void copy_file(const struct place *p, const char *from, const char *name) {
  char path[200];
  snprintf(path, sizeof path, "tests/data/models/tiny-directory/%s", from);
  char *full = testing_source(path);
  size_t size;
  char *data = load(full, &size);
  FILE *file = fopen(inside(p, name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  fclose(file);
  free(data);
  free(full);
}

/* The tiny directory with pieces that join: `merges`, in an order of their own.  "ab" and
 * "abc" take the places of two characters. */
static void make_directory(const struct place *p, const char *merges) {
  static const char *const files[] = {"config.json", "model-00001-of-00002.safetensors",
                                      "model-00002-of-00002.safetensors",
                                      "model.safetensors.index.json"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    copy_file(p, files[i], files[i]);
  json_t *vocab = json_object();
  static const char *const pieces[] = {"<unk>", "<s>", "</s>", "a",  "b",
                                       "c",     "ab",  "bc",   "abc"};
  for (int i = 0; i < 64; i++) {
    char text[16];
    snprintf(text, sizeof text, "<%d>", i);
    json_object_set_new(vocab, i < 9 ? pieces[i] : text, json_integer(i));
  }
  json_t *all =
      json_pack("{s:[{s:i,s:s,s:b},{s:i,s:s,s:b}], s:{s:s, s:s, s:o, s:o}}", "added_tokens",
                "id", 1, "content", "<s>", "special", 1, "id", 2, "content", "</s>",
                "special", 1, "model", "type", "BPE", "unk_token", "<unk>", "vocab", vocab,
                "merges", json_loads(merges, 0, NULL));
  assert_non_null(all);
  assert_int_equal(json_dump_file(all, inside(p, "tokenizer.json"), 0), 0);
  json_decref(all);
  put_file(p, "generation_config.json", "{\"eos_token_id\": [2, 9]}");
}

static bool says(json_t *json, const char *list, const char *part) {
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(json, list), i, item)
    if (strstr(json_string_value(item), part) != NULL) return true;
  return false;
}

static json_t *plan_of(const struct place *p) {
  return expect_json(RUN(p->folder, p->out, "--dry-run", "--json"));
}

static void only_a_loss_that_changes_something_is_told(void **state) {
  (void)state;
  struct place p = place_new();
  make_directory(&p, "[\"a b\", \"b c\", \"ab c\", \"a bc\"]");
  json_t *json = plan_of(&p);
  assert_false(says(json, "left_out", "merges")); /* scores are in this order, too */
  assert_false(says(json, "left_out", "ends"));   /* two: GGUF has keys for them   */
  json_decref(json);
  make_directory(&p, "[\"a b\", \"b c\", \"ab c\"]");
  json = plan_of(&p); /* a and bc do not join, and by scores they would */
  assert_true(says(json, "left_out", "merges"));
  json_decref(json);
  make_directory(&p, "[\"ab c\", \"a b\", \"b c\", \"a bc\"]");
  json = plan_of(&p); /* one score cannot be both before and behind "ab" */
  assert_true(says(json, "left_out", "merges"));
  json_decref(json);
  put_file(&p, "generation_config.json", "{\"eos_token_id\": [2, 9, 10, 11]}");
  json = plan_of(&p);
  assert_true(says(json, "left_out", "ends"));
  json_decref(json);
  expect(RUN(p.folder, p.out, "--dry-run"), 0,
         "left out: ridge.tokenizer.ends: GGUF names");
  place_free(&p);
}

static json_t *plan_of_tiny(const struct place *p, const char *name) {
  char path[200];
  snprintf(path, sizeof path, "tests/data/models/%s.gguf", name);
  char *model = testing_source(path);
  json_t *json = expect_json(RUN(model, p->out, "--dry-run", "--json"));
  free(model);
  return json;
}

static void what_llama_cpp_reads_otherwise_is_said(void **state) {
  static const struct {
    const char *model, *part; /* part NULL: nothing of this kind */
  } rows[] = {{"tiny-opt", "no architecture `opt`"},
              {"tiny-mistral", "without the window of"},
              {"tiny-qwen3moe-mixed", "wants experts in every layer"},
              {"tiny-qwen3moe", NULL},
              {"tiny-llama", NULL},
              {"tiny-gemma2", NULL},
              {"tiny-gemma3", NULL}};
  (void)state;
  struct place p = place_new();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    json_t *json = plan_of_tiny(&p, rows[i].model);
    if (rows[i].part != NULL) {
      assert_true(says(json, "notes", rows[i].part));
    } else {
      assert_true(json_array_size(json_object_get(json, "notes")) <= 1);
      assert_true(says(json, "notes", "no bytes to fall back on"));
    }
    json_decref(json);
  }
  json_t *json = expect_json(RUN(p.model, p.out, "--dry-run", "--json"));
  assert_int_equal(json_array_size(json_object_get(json, "notes")), 0);
  json_decref(json);
  place_free(&p);
}

/* ---- little memory ---- */

static bool is_instrumented(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

/* Exit code of `ridge convert`, and the most memory it had; -1: ended by a signal. */
static int convert_measured(const char *const words[4], rlim_t largest_file,
                            long *kilobytes) {
  char command[600];
  snprintf(command, sizeof command, "%s/ridge", TEST_BUILD_DIR);
  pid_t child = fork();
  if (child == 0) {
    freopen("/dev/null", "w", stderr);
    freopen("/dev/null", "w", stdout);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){largest_file, largest_file});
    execl(command, command, "convert", words[0], words[1], words[2], words[3],
          (char *)NULL);
    _exit(99);
  }
  int status;
  struct rusage used;
  assert_int_equal(wait4(child, &status, 0, &used), child);
  *kilobytes = used.ru_maxrss;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_model_is_converted_in_less_memory_than_it_takes(void **state) {
  (void)state;
  if (is_instrumented()) skip(); /* which has memory of its own */
  struct place p = place_new();
  const char *from = inside(&p, "large.gguf");
  struct testing_output o = testing_ridge(
      (const char *[]){"new-model", from, "--random",
                       "--shape=tiny-llama,layers=20,dim=512,ffn=1536", NULL});
  assert_int_equal(o.exit, 0);
  testing_output_free(&o);
  struct stat facts;
  assert_int_equal(stat(from, &facts), 0);
  assert_true(facts.st_size > 100 << 20);
  long kilobytes;
  assert_int_equal(convert_measured((const char *[]){from, p.out, "--threads=2", NULL},
                                    RLIM_INFINITY, &kilobytes),
                   0);
  print_message("%lld MiB converted in %ld MiB\n", (long long)facts.st_size >> 20,
                kilobytes >> 10);
  assert_true(kilobytes << 10 < facts.st_size / 2);
  assert_true(same_files(from, p.out));
  place_free(&p);
}

/* ---- what is refused ---- */

static void a_write_that_fails_leaves_nothing(void **state) {
  (void)state;
  struct place p = place_new();
  long kilobytes;
  int exit = convert_measured((const char *[]){p.model, p.out, "--force", NULL}, 1 << 20,
                              &kilobytes);
  assert_int_equal(exit, 1);
  assert_int_equal(count_files(&p, ".gguf"), 0);
  place_free(&p);
}

static void what_is_no_file_is_never_replaced(void **state) {
  (void)state;
  struct place p = place_new();
  const char *pipe = inside(&p, "pipe"), *link = inside(&p, "link");
  assert_int_equal(mkfifo(pipe, 0600), 0);
  assert_int_equal(symlink(p.model, link), 0);
  expect(RUN(p.model, pipe, "--force"), 2, "is a device or a pipe, which is not replaced");
  expect(RUN(p.model, link, "--force"), 2, "is a link, which is not replaced");
  expect(RUN(p.model, p.folder, "--force"), 2, "is a directory, which is not replaced");
  struct stat facts;
  assert_int_equal(lstat(inside(&p, "pipe"), &facts), 0);
  assert_true(S_ISFIFO(facts.st_mode));
  assert_int_equal(count_files(&p, ".part-"), 0);
  place_free(&p);
}

static void nothing_is_overwritten_unless_it_is_forced(void **state) {
  (void)state;
  struct place p = place_new();
  FILE *file = fopen(p.out, "w");
  assert_non_null(file);
  fputs("mine", file);
  fclose(file);
  expect(RUN(p.model, p.out), 2, "is there already");
  size_t size;
  char *data = load(p.out, &size);
  assert_int_equal(size, 4);
  free(data);
  expect(RUN(p.model, p.out, "--force"), 0, "29 tensors");
  assert_true(same_files(p.model, p.out));
  expect(RUN(p.out, p.out, "--force", "--to=q8_0"), 0, "q8_0");
  assert_int_equal(count_files(&p, ".part-"), 0);
  place_free(&p);
}

/* The name is given by renaming: a pipe would be gone, and so would /dev/full. */
static void a_device_or_pipe_is_never_replaced(void **state) {
  (void)state;
  struct place p = place_new();
  struct stat facts;
  assert_int_equal(mkfifo(p.out, 0600), 0);
  expect(RUN(p.model, p.out, "--force"), 2, "which is not replaced");
  assert_int_equal(stat(p.out, &facts), 0);
  assert_true(S_ISFIFO(facts.st_mode));
  expect(RUN(p.model, p.folder, "--force"), 2, "which is not replaced");
  expect(RUN(p.model, ""), 2, "is empty");
  place_free(&p);
}

static void each_refusal_names_the_fix(void **state) {
  (void)state;
  struct place p = place_new();
  const char *m = p.model, *o = p.out;
  expect(RUN(m, o, "--to=q4_k_n"), 2, "did you mean");
  expect(RUN(m, o, "--to=q4km"), 2, "did you mean `q4_k_m`");
  expect(RUN(m, o, "--to=nonsense_codec"), 2, "there are f32, f16");
  expect(RUN(m, o, "--tensor=blk.*.ffn_dwon=q6_k"), 2, "fits no tensor");
  expect(RUN(m, o, "--tensor=blk.0.attn_q=q9"), 2, "no installed codec writes `q9`");
  expect(RUN(m, o, "--tensor=blk.0.attn_q"), 2, "PATTERN=CODEC is wanted");
  expect(RUN(m, o, "--tensor=blk.*_norm=q8_0"), 2, "what is no matrix");
  expect(RUN(m, o, "--tensor=blk.0.attn_q=i4g64"), 2, "GGUF has no type");
  expect(RUN(m, o, "--pure"), 2, "--to");
  expect(RUN(m, o, "--join"), 2, "is one file already");
  expect(RUN(m, o, "--join", "--split-tensors=2"), 2, "choose one");
  expect(RUN(m, o, "--split-size=2X"), 2, "2G or 500Mi");
  expect(RUN(m, o, "--format=floppy"), 2, "no installed format writes `floppy`");
  expect(RUN(m, inside(&p, "no/such/out.gguf")), 1, "directory cannot be opened");
  expect(RUN(m, inside(&p, "")), 2, "is a directory");
  expect(RUN(inside(&p, "none.gguf"), o), 2, "there is no such file");
  assert_int_equal(count_files(&p, ".gguf"), 0);
  place_free(&p);
}

static void a_dry_run_writes_nothing(void **state) {
  (void)state;
  struct place p = place_new();
  expect(RUN(p.model, p.out, "--to=q4_0", "--dry-run", "--verbose"), 0,
         "blk.2.ffn_down.weight");
  assert_int_equal(count_files(&p, ".gguf"), 0);
  place_free(&p);
}

/* The signal is pending before the work begins, so it is met at the first chunk. */
static void an_interrupt_leaves_nothing_behind(void **state) {
  (void)state;
  struct place p = place_new();
  char command[600];
  snprintf(command, sizeof command, "%s/ridge", TEST_BUILD_DIR);
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, &before); /* the child begins with it blocked */
  pid_t child = fork();
  if (child == 0) {
    freopen("/dev/null", "w", stderr);
    freopen("/dev/null", "w", stdout);
    raise(SIGINT);
    execl(command, command, "convert", p.model, p.out, "--to=q4_k_m", (char *)NULL);
    _exit(99);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  sigprocmask(SIG_SETMASK, &before, NULL);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 1);
  assert_int_equal(count_files(&p, ".gguf"), 0);
  place_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_change_the_file_is_the_same),
      cmocka_unit_test(pieces_joined_are_the_file_they_were_cut_from),
      cmocka_unit_test(a_size_cuts_pieces_no_larger_than_it),
      cmocka_unit_test(a_mix_gives_each_tensor_its_codec),
      cmocka_unit_test(rules_go_before_the_mix_and_the_last_before_the_first),
      cmocka_unit_test(pure_means_every_matrix),
      cmocka_unit_test(a_fallback_is_said_and_counted),
      cmocka_unit_test(importance_weighs_the_tensors_it_speaks_of),
      cmocka_unit_test(only_a_loss_that_changes_something_is_told),
      cmocka_unit_test(what_llama_cpp_reads_otherwise_is_said),
      cmocka_unit_test(a_model_is_converted_in_less_memory_than_it_takes),
      cmocka_unit_test(a_write_that_fails_leaves_nothing),
      cmocka_unit_test(what_is_no_file_is_never_replaced),
      cmocka_unit_test(nothing_is_overwritten_unless_it_is_forced),
      cmocka_unit_test(a_device_or_pipe_is_never_replaced),
      cmocka_unit_test(each_refusal_names_the_fix),
      cmocka_unit_test(a_dry_run_writes_nothing),
      cmocka_unit_test(an_interrupt_leaves_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
