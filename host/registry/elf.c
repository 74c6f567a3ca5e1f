/*
 * elf.c - a small bounded reader of ELF64 dynamic symbols.
 *
 * Layout: System V ABI, chapters 4 and 5; the GNU hash table as in binutils'
 * elf/dl-lookup description: nbuckets, symoffset, bloom_size, bloom_shift, then bloom
 * words, buckets and chains, where a chain ends at a value with its lowest bit set.
 */
#include "registry/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_SYMBOLS = 1 << 20, MOST_SEGMENTS = 256, MOST_ENTRIES = 4096 };

#if defined __x86_64__
enum { MACHINE = EM_X86_64 };
#elif defined __aarch64__
enum { MACHINE = EM_AARCH64 };
#elif defined __riscv
enum { MACHINE = EM_RISCV };
#else
enum { MACHINE = EM_NONE };
#endif

struct file {
  const char *path;
  unsigned char *data;
  size_t size;
  Elf64_Phdr segments[MOST_SEGMENTS];
  size_t n_segments;
  /* From the dynamic segment; addresses as the file gives them, 0: not there. */
  uint64_t symbols, strings, strings_bytes, hash, gnu_hash;
  uint64_t init_array_bytes;
  struct why *why;
};

static ridge_status refuse(const struct file *f, const char *what) {
  return why_set(f->why, RIDGE_INVALID, "it %s", what);
}

/* Bytes -------------------------------------------------------------------------------- */

static ridge_status load(struct file *f) {
  struct stat facts;
  int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    int error = fd < 0 ? errno : EINVAL;
    if (fd >= 0) close(fd);
    return why_set(f->why, RIDGE_IO, "it cannot be read: %s", strerror(error));
  }
  f->size = (size_t)facts.st_size;
  f->data = malloc(f->size + 1);
  size_t got = 0;
  while (f->data != NULL && got < f->size) {
    ssize_t n = pread(fd, f->data + got, f->size - got, (off_t)got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += (size_t)n;
  }
  close(fd);
  if (f->data == NULL)
    return why_set(f->why, RIDGE_NO_MEMORY, "it is too large to be read");
  f->size = got; /* less when the file shrank meanwhile */
  return RIDGE_OK;
}

/* Copy out of the file at an offset; false outside it. */
static bool at_offset(const struct file *f, uint64_t offset, void *to, size_t size) {
  if (offset > f->size || size > f->size - offset) return false;
  memcpy(to, f->data + offset, size);
  return true;
}

/* Where the loader would put the file's bytes: address to offset, and how many bytes
 * of the file follow there. */
static bool find_address(const struct file *f, uint64_t address, uint64_t *offset,
                         uint64_t *room) {
  for (size_t i = 0; i < f->n_segments; i++) {
    const Elf64_Phdr *segment = &f->segments[i];
    uint64_t into = address - segment->p_vaddr;
    if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
        into >= segment->p_filesz)
      continue;
    if (__builtin_add_overflow(segment->p_offset, into, offset) || *offset >= f->size)
      return false;
    uint64_t left = segment->p_filesz - into;
    *room = left < f->size - *offset ? left : f->size - *offset;
    return true;
  }
  return false;
}

static bool at_address(const struct file *f, uint64_t address, void *to, size_t size) {
  uint64_t offset, room;
  if (!find_address(f, address, &offset, &room) || room < size) return false;
  memcpy(to, f->data + offset, size);
  return true;
}

/* The head ----------------------------------------------------------------------------- */

static ridge_status read_head(struct file *f) {
  Elf64_Ehdr head;
  if (!at_offset(f, 0, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
    return refuse(f, "is no shared object: it does not begin as an ELF file does");
  if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
      head.e_machine != MACHINE)
    return refuse(f, "was built for another kind of machine");
  if (head.e_type != ET_DYN) return refuse(f, "is an ELF file but no shared object");
  if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > MOST_SEGMENTS)
    return refuse(f, "has damaged program headers");
  f->n_segments = head.e_phnum;
  for (size_t i = 0; i < f->n_segments; i++)
    if (!at_offset(f, head.e_phoff + i * sizeof(Elf64_Phdr), &f->segments[i],
                   sizeof(Elf64_Phdr)))
      return refuse(f, "is cut short: its program headers are not all there");
  return RIDGE_OK;
}

static void note_entry(struct file *f, const Elf64_Dyn *entry) {
  uint64_t value = entry->d_un.d_val;
  switch (entry->d_tag) {
  case DT_SYMTAB: f->symbols = value; break;
  case DT_STRTAB: f->strings = value; break;
  case DT_STRSZ: f->strings_bytes = value; break;
  case DT_HASH: f->hash = value; break;
  case DT_GNU_HASH: f->gnu_hash = value; break;
  case DT_INIT_ARRAYSZ: f->init_array_bytes = value; break;
  }
}

/* Calls back with each entry of the dynamic segment, up to DT_NULL. */
static bool each_entry(struct file *f,
                       void (*body)(struct file *, const Elf64_Dyn *, void *), void *ctx) {
  for (size_t i = 0; i < f->n_segments; i++) {
    if (f->segments[i].p_type != PT_DYNAMIC) continue;
    for (size_t k = 0; k < MOST_ENTRIES; k++) {
      Elf64_Dyn entry;
      if (!at_offset(f, f->segments[i].p_offset + k * sizeof entry, &entry, sizeof entry))
        return false;
      if (entry.d_tag == DT_NULL) return true;
      body(f, &entry, ctx);
    }
    return false;
  }
  return false;
}

static void note_one(struct file *f, const Elf64_Dyn *entry, void *ctx) {
  (void)ctx;
  note_entry(f, entry);
}

/* How many symbols there are: only the hash tables say. ---------------------------------
 */

static uint32_t count_by_chain(const struct file *f, uint64_t chains, uint32_t offset,
                               uint32_t last) {
  for (uint64_t i = last; i < MOST_SYMBOLS; i++) {
    uint32_t value;
    if (!at_address(f, chains + (i - offset) * sizeof value, &value, sizeof value))
      return 0;
    if ((value & 1) != 0) return (uint32_t)i + 1;
  }
  return 0;
}

static uint32_t count_gnu(const struct file *f) {
  uint32_t head[4]; /* nbuckets, symoffset, bloom_size, bloom_shift */
  if (!at_address(f, f->gnu_hash, head, sizeof head)) return 0;
  if (head[0] > MOST_SYMBOLS || head[1] > MOST_SYMBOLS || head[2] > MOST_SYMBOLS) return 0;
  uint64_t buckets = f->gnu_hash + sizeof head + (uint64_t)head[2] * sizeof(uint64_t);
  uint32_t last = 0;
  for (uint64_t i = 0; i < head[0]; i++) {
    uint32_t bucket;
    if (!at_address(f, buckets + i * sizeof bucket, &bucket, sizeof bucket)) return 0;
    if (bucket > last) last = bucket;
  }
  if (last == 0) return head[1]; /* nothing is exported */
  if (last < head[1]) return 0;
  return count_by_chain(f, buckets + (uint64_t)head[0] * sizeof(uint32_t), head[1], last);
}

static uint32_t count_symbols(const struct file *f) {
  uint32_t head[2]; /* nbucket, nchain */
  if (f->gnu_hash != 0) return count_gnu(f);
  if (f->hash == 0 || !at_address(f, f->hash, head, sizeof head)) return 0;
  return head[1] <= MOST_SYMBOLS ? head[1] : 0;
}

/* Names ----------------------------------------------------------------------------------
 */

static const char *copy_name(const struct file *f, struct arena *arena, uint64_t index) {
  uint64_t offset, room;
  if (index >= f->strings_bytes || !find_address(f, f->strings + index, &offset, &room))
    return NULL;
  const char *text = (const char *)f->data + offset;
  size_t size = strnlen(text, (size_t)room);
  return size < room && size < 4096 ? arena_bytes(arena, text, size) : NULL;
}

static ridge_status read_symbols(const struct file *f, struct arena *arena,
                                 struct elf_facts *out) {
  uint32_t n = count_symbols(f);
  if (n == 0) return refuse(f, "has no table of symbols that could be read");
  out->exports = arena_array(arena, n, sizeof *out->exports);
  out->imports = arena_array(arena, n, sizeof *out->imports);
  for (uint64_t i = 1; i < n; i++) {
    Elf64_Sym symbol;
    if (!at_address(f, f->symbols + i * sizeof symbol, &symbol, sizeof symbol))
      return refuse(f, "is cut short: its symbols are not all there");
    if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) continue;
    const char *name = copy_name(f, arena, symbol.st_name);
    if (name == NULL) return refuse(f, "has a symbol whose name lies outside the file");
    if (symbol.st_shndx == SHN_UNDEF)
      out->imports[out->n_imports++] = name;
    else
      out->exports[out->n_exports++] = name;
  }
  return RIDGE_OK;
}

struct libraries {
  struct arena *arena;
  struct elf_facts *out;
};

static void note_library(struct file *f, const Elf64_Dyn *entry, void *ctx) {
  struct libraries *to = ctx;
  if (entry->d_tag != DT_NEEDED || to->out->n_libraries == MOST_ENTRIES) return;
  const char *name = copy_name(f, to->arena, entry->d_un.d_val);
  if (name != NULL) to->out->libraries[to->out->n_libraries++] = name;
}

static ridge_status read_all(struct file *f, struct arena *arena, struct elf_facts *out) {
  ridge_status status = read_head(f);
  if (status != RIDGE_OK) return status;
  if (!each_entry(f, note_one, NULL) || f->symbols == 0 || f->strings == 0)
    return refuse(f, "has no dynamic segment that could be read");
  out->libraries = arena_array(arena, MOST_ENTRIES, sizeof *out->libraries);
  struct libraries to = {arena, out};
  if (!each_entry(f, note_library, &to)) return refuse(f, "has a damaged dynamic segment");
  out->constructors = (size_t)(f->init_array_bytes / sizeof(uint64_t));
  return read_symbols(f, arena, out);
}

ridge_status elf_read(const char *path, struct arena *arena, struct elf_facts *out,
                      struct why *why) {
  struct file *f = calloc(1, sizeof *f);
  if (f == NULL) return why_set(why, RIDGE_NO_MEMORY, "out of memory");
  *out = (struct elf_facts){0};
  f->path = path;
  f->why = why;
  ridge_status status = load(f);
  if (status == RIDGE_OK) status = read_all(f, arena, out);
  free(f->data);
  free(f);
  return status;
}
