/*
 * verb_new.c - start a strategy: the template, copied with its names replaced.
 *
 * Refuses what is no family.name and a folder that is there; nothing is overwritten.
 */
#include "cli/options.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/why.h"
#include "cli/print_json.h"
#include "registry/registry.h"

#include <ridge/seam/logits_shape.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The names in the template, and the longest file that is one. */
static const char template_id[] = "logits.example", template_name[] = "logits_example";
enum { FILE_MOST = 1 << 20 };

struct job {
  struct arena arena;
  const char *id, *name; /* "kv.window", "kv_window" */
  const char *from, *to; /* folders                  */
  struct why why;
};

/* The id --------------------------------------------------------------------------------
 */

static bool is_id(const char *id) {
  size_t family = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_");
  if (family == 0 || id[family] != '.') return false;
  size_t name = strspn(id + family + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return name > 0 && id[family + 1 + name] == 0 && strlen(id) <= 48;
}

static const char *name_of(const char *id, struct arena *arena) {
  char *name = arena_text(arena, id);
  *strchr(name, '.') = '_';
  return name;
}

/* The template ---------------------------------------------------------------------------
 */

static bool is_folder(const char *path) {
  struct stat facts;
  return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* Beside the command (the build tree), or where it was installed. */
static ridge_status find_template(struct job *job, const char *self) {
  static const char *const places[] = {"template", "../share/ridge/template"};
  char full[PATH_MAX];
  if (realpath(self, full) != NULL && strrchr(full, '/') != NULL) {
    *strrchr(full, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
      job->from = arena_format(&job->arena, "%s/%s", full, places[i]);
      if (is_folder(job->from)) return RIDGE_OK;
    }
  }
#ifdef RIDGE_DATA_DIR
  job->from = RIDGE_DATA_DIR "/template";
  if (is_folder(job->from)) return RIDGE_OK;
#endif
  return why_set(
      &job->why, RIDGE_IO,
      "the template is neither beside the command nor where it was installed (%s); "
      "install ridge again",
      job->from != NULL ? job->from : "nowhere");
}

/* Copying --------------------------------------------------------------------------------
 */

/* `text` with the template's names replaced. */
static struct text renamed(const struct job *job, const char *text) {
  struct text out = text_new(FILE_MOST * 2);
  while (*text != 0) {
    size_t size = sizeof template_id - 1;
    if (strncmp(text, template_id, size) == 0)
      text_add(&out, job->id);
    else if (strncmp(text, template_name, size) == 0)
      text_add(&out, job->name);
    else
      text_bytes(&out, text, size = 1);
    text += size;
  }
  return out;
}
_Static_assert(sizeof template_id == sizeof template_name, "one length serves both");

static ridge_status read_file(struct job *job, const char *path, char **out) {
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return why_set(&job->why, RIDGE_IO, "%s cannot be read: %s", path, strerror(errno));
  *out = arena_alloc(&job->arena, FILE_MOST + 1);
  size_t size = fread(*out, 1, FILE_MOST, file);
  bool bad = ferror(file) != 0 || size == FILE_MOST;
  fclose(file);
  return bad ? why_set(&job->why, RIDGE_IO, "%s cannot be read, or is too large", path)
             : RIDGE_OK;
}

static ridge_status write_file(struct job *job, const char *path, const struct text *text) {
  FILE *file = fopen(path, "wbx"); /* x: what is there stays */
  if (file == NULL)
    return why_set(&job->why, RIDGE_IO, "%s cannot be written: %s", path, strerror(errno));
  bool bad = fwrite(text->data, 1, text->size, file) != text->size;
  bad = fclose(file) != 0 || bad;
  return bad ? why_set(&job->why, RIDGE_IO, "%s cannot be written: %s", path,
                       strerror(errno))
             : RIDGE_OK;
}

static ridge_status copy_file(struct job *job, const char *name) {
  char *data = NULL;
  ridge_status status =
      read_file(job, arena_format(&job->arena, "%s/%s", job->from, name), &data);
  if (status != RIDGE_OK) return status;
  struct text target = renamed(job, name), text = renamed(job, data);
  status = write_file(job, arena_format(&job->arena, "%s/%s", job->to, target.data), &text);
  text_free(&target);
  text_free(&text);
  return status;
}

static ridge_status copy_all(struct job *job) {
  DIR *folder = opendir(job->from);
  if (folder == NULL)
    return why_set(&job->why, RIDGE_IO, "%s cannot be read: %s", job->from,
                   strerror(errno));
  ridge_status status = RIDGE_OK;
  if (mkdir(job->to, 0777) != 0) /* as the user's mask has it */
    status = why_set(&job->why, RIDGE_IO,
                     "the folder %s cannot be made: %s; nothing is "
                     "overwritten",
                     job->to, strerror(errno));
  for (struct dirent *entry; status == RIDGE_OK && (entry = readdir(folder)) != NULL;) {
    struct stat facts;
    const char *path = arena_format(&job->arena, "%s/%s", job->from, entry->d_name);
    if (entry->d_name[0] == '.' || stat(path, &facts) != 0 || !S_ISREG(facts.st_mode))
      continue;
    status = copy_file(job, entry->d_name);
  }
  closedir(folder);
  return status;
}

/* What is made -------------------------------------------------------------------------
 */

/* An id that is taken would hide the new plugin, or be hidden by it. */
static int refuse_taken(struct cli *cli, const char *id) {
  const struct registry_search search = {
      .self = cli->self, .directories = cli->plugins, .n_directories = cli->n_plugins};
  struct registry registry;
  struct why why;
  if (registry_open(&search, &registry, &why) != RIDGE_OK)
    return options_fail(cli, "new", EXIT_FAILED, why.text);
  const struct plugin_info *info = registry_find(&registry, id);
  int exit = info == NULL ? -1
                          : options_refuse(cli, "new",
                                           "`%s` is installed already (%s); choose another "
                                           "name",
                                           id, info->path);
  registry_free(&registry);
  return exit;
}

/* "kv" of kv.window and of kv.store/1 */
static bool same_family(const char *id, const char *seam) {
  size_t size = strcspn(id, ".");
  return strncmp(id, seam, size) == 0 && (seam[size] == '.' || seam[size] == '/');
}

/* The template is of one seam.  A name that promises another gets its headers named. */
static void tell_seam(const struct job *job) {
  size_t n;
  const struct seam *filled = seam_find(RIDGE_SEAM_LOGITS_SHAPE), *list = seam_list(&n);
  printf("%s is in %s/; its README.md says how to build and check it.\n"
         "It fills the seam %s: %s.\n",
         job->id, job->to, filled->id, filled->doc);
  if (same_family(job->id, filled->id)) return;
  bool named = false;
  for (size_t i = 0; i < n; i++) {
    if (!same_family(job->id, list[i].id)) continue;
    if (!named) printf("To fill another seam, replace `shape`, `table` and `fills`:\n");
    named = true;
    printf("  %-18s %s\n", list[i].id, list[i].doc);
  }
  if (!named)
    printf("The other seams are the headers in ridge/seam/: replace `shape`, `table` and "
           "`fills`.\n");
}

int verb_new(struct cli *cli, int argc, char **argv) {
  const char *id = NULL, *folder = NULL;
  const struct cli_option rows[] = {
      {"FAMILY.NAME", .doc = "the id of the new strategy, as in kv.window",
       .kind = OPTION_TEXT, .to = &id},
      {"DIR", .doc = "the folder to make; else FAMILY_NAME", .kind = OPTION_TEXT,
       .to = &folder, .optional = true},
  };
  int exit = options_parse(cli, "new", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (!is_id(id))
    return options_refuse(cli, "new",
                          "`%s` is no id; family.name is wanted, of a-z, 0-9 and _, with "
                          "one dot",
                          id);
  exit = refuse_taken(cli, id);
  if (exit >= 0) return exit;
  struct job job = {.id = id};
  job.name = name_of(id, &job.arena);
  job.to = folder != NULL ? folder : job.name;
  ridge_status status = find_template(&job, cli->self);
  if (status == RIDGE_OK) status = copy_all(&job);
  if (status != RIDGE_OK)
    (void)options_fail(cli, "new", EXIT_FAILED, job.why.text);
  else if (cli->json)
    print_json(json_pack("{s:s,s:s,s:s}", "id", id, "folder", job.to, "seam",
                         RIDGE_SEAM_LOGITS_SHAPE));
  else
    tell_seam(&job);
  arena_free(&job.arena);
  return status == RIDGE_OK ? EXIT_OK : EXIT_FAILED;
}
