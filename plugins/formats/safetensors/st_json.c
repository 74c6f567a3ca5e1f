/*
 * st_json.c - JSON as model directories have it: small tables and very large ones.
 *
 * One walk over the bytes (RFC 8259).  Children wait on one stack while their parent is
 * being read and then move into the arena in one piece, so that a vocabulary of 2^18
 * entries is one array.  Texts without escapes stay where they are in the file.
 */
#include "st_parts.h"

#include <stdlib.h>
#include <string.h>

struct parser {
  const ridge_host *host;
  struct st_arena *arena;
  const char *file;
  const uint8_t *data;
  uint64_t size, at;
  struct st_list stack; /* of struct st_member */
  int depth;
};

const char *st_kind_name(uint32_t kind) {
  static const char *const names[] = {"null",     "true or false", "a whole number",
                                      "a number", "a text",        "an array",
                                      "an object"};
  return kind < sizeof names / sizeof *names ? names[kind] : "nothing known";
}

static ridge_status bad(const struct parser *p, uint64_t at, const char *what) {
  return st_fail_at(p->host, RIDGE_CORRUPT, p->file, at,
                    "%s; the file is damaged or no JSON", what);
}

static void skip_blanks(struct parser *p) {
  while (p->at < p->size) {
    uint8_t c = p->data[p->at];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    p->at++;
  }
}

static bool take(struct parser *p, char c) {
  skip_blanks(p);
  if (p->at == p->size || p->data[p->at] != (uint8_t)c) return false;
  p->at++;
  return true;
}

/* ---- texts --------------------------------------------------------------------- */

/* Bytes of the well-formed character that starts here (RFC 3629); 0: there is none. */
static uint64_t character(const uint8_t *s, uint64_t left) {
  uint8_t c = s[0];
  uint64_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
  if (n == 0 || n > left) return 0;
  for (uint64_t i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (c == 0xe0 && s[1] < 0xa0) return 0;
  if (c == 0xed && s[1] > 0x9f) return 0; /* half of a surrogate pair */
  if (c == 0xf0 && s[1] < 0x90) return 0;
  if (c == 0xf4 && s[1] > 0x8f) return 0;
  return n;
}

/* From the opening quote on: checks, finds the end, says whether escapes are inside. */
static ridge_status find_end(struct parser *p, uint64_t *end, bool *escaped) {
  uint64_t at = p->at + 1;
  *escaped = false;
  while (at < p->size && p->data[at] != '"') {
    uint8_t c = p->data[at];
    if (c < 0x20) return bad(p, at, "a text holds a control byte");
    if (c == '\\') {
      *escaped = true;
      at += 2;
      continue;
    }
    uint64_t n = c < 0x80 ? 1 : character(p->data + at, p->size - at);
    if (n == 0) return bad(p, at, "a text holds bytes that are no UTF-8");
    at += n;
  }
  if (at >= p->size) return bad(p, p->at, "a text does not end");
  *end = at;
  return RIDGE_OK;
}

static bool hex4(const uint8_t *from, uint32_t *out) {
  *out = 0;
  for (int i = 0; i < 4; i++) {
    uint8_t c = from[i], low = c | 0x20;
    bool digit = c >= '0' && c <= '9', letter = low >= 'a' && low <= 'f';
    if (!digit && !letter) return false;
    *out = *out << 4 | (uint32_t)(digit ? c - '0' : low - 'a' + 10);
  }
  return true;
}

static uint64_t put_character(uint32_t code, uint8_t *to) {
  if (code < 0x80) {
    to[0] = (uint8_t)code;
    return 1;
  }
  uint64_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (uint64_t i = n - 1; i > 0; i--, code >>= 6) to[i] = (uint8_t)(0x80 | (code & 0x3f));
  static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  to[0] = (uint8_t)(heads[n] | code);
  return n;
}

/* \uXXXX at `at`; two of them for what lies beyond 16 bits.  0: no character. */
static uint64_t read_code(const struct parser *p, uint64_t at, uint64_t end,
                          uint32_t *code) {
  uint32_t low;
  if (end - at < 6 || !hex4(p->data + at + 2, code)) return 0;
  if (*code < 0xd800 || *code > 0xdfff) return 6;
  if (*code > 0xdbff || end - at < 12 || p->data[at + 6] != '\\' ||
      p->data[at + 7] != 'u' || !hex4(p->data + at + 8, &low) || low < 0xdc00 ||
      low > 0xdfff)
    return 0;
  *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
  return 12;
}

static ridge_status unescape(struct parser *p, uint64_t end, uint8_t *to, uint64_t *size) {
  static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  uint64_t n = 0;
  for (uint64_t at = p->at + 1; at < end;) {
    uint8_t c = p->data[at];
    if (c != '\\') {
      to[n++] = c;
      at++;
      continue;
    }
    uint8_t what = p->data[at + 1];
    const char *known = what == 0 ? NULL : strchr(plain, what);
    if (known != NULL) {
      to[n++] = (uint8_t)meant[known - plain];
      at += 2;
      continue;
    }
    uint32_t code;
    uint64_t used = what == 'u' ? read_code(p, at, end, &code) : 0;
    if (used == 0) return bad(p, at, "an escape in a text means no character");
    n += put_character(code, to + n);
    at += used;
  }
  *size = n;
  return RIDGE_OK;
}

static ridge_status read_text(struct parser *p, const char **text, uint64_t *size) {
  uint64_t end = 0;
  bool escaped = false;
  ridge_status status = find_end(p, &end, &escaped);
  if (status != RIDGE_OK) return status;
  *text = (const char *)p->data + p->at + 1;
  *size = end - p->at - 1;
  if (escaped) { /* it only gets shorter */
    uint8_t *to = st_alloc(p->arena, *size + 1, 1);
    if (to == NULL) return st_no_memory(p->host);
    status = unescape(p, end, to, size);
    *text = (const char *)to;
  }
  p->at = end + 1;
  return status;
}

/* ---- numbers ------------------------------------------------------------------- */

static uint64_t digits(const struct parser *p, uint64_t at) {
  uint64_t n = 0;
  while (at + n < p->size && p->data[at + n] >= '0' && p->data[at + n] <= '9') n++;
  return n;
}

static bool whole(const uint8_t *text, uint64_t n, int64_t *out) {
  bool minus = text[0] == '-';
  int64_t value = 0;
  for (uint64_t i = minus; i < n; i++) {
    int64_t digit = text[i] - '0';
    if (__builtin_mul_overflow(value, 10, &value)) return false;
    if (__builtin_add_overflow(value, minus ? -digit : digit, &value)) return false;
  }
  *out = value;
  return true;
}

static ridge_status real(struct parser *p, uint64_t start, struct st_value *out) {
  char copy[512];
  uint64_t n = p->at - start;
  if (n >= sizeof copy) return bad(p, start, "a number has more than 500 digits");
  memcpy(copy, p->data + start, (size_t)n);
  copy[n] = 0;
  out->kind = ST_REAL;
  out->is.r = strtod(copy, NULL);
  if (!(out->is.r > -1e300 && out->is.r < 1e300))
    return bad(p, start, "a number is too large");
  return RIDGE_OK;
}

static ridge_status read_number(struct parser *p, struct st_value *out) {
  uint64_t start = p->at, at = p->at;
  bool fraction = false;
  if (p->data[at] == '-') at++;
  uint64_t n = digits(p, at);
  if (n == 0 || (n > 1 && p->data[at] == '0')) return bad(p, start, "this is no value");
  at += n;
  if (at < p->size && p->data[at] == '.') {
    n = digits(p, ++at);
    if (n == 0) return bad(p, start, "a number ends after its point");
    at += n;
    fraction = true;
  }
  if (at < p->size && (p->data[at] | 0x20) == 'e') {
    at++;
    if (at < p->size && (p->data[at] == '+' || p->data[at] == '-')) at++;
    n = digits(p, at);
    if (n == 0) return bad(p, start, "a number has an empty exponent");
    at += n;
    fraction = true;
  }
  p->at = at;
  out->kind = ST_INT;
  if (!fraction && whole(p->data + start, at - start, &out->is.i)) return RIDGE_OK;
  return real(p, start, out);
}

/* ---- arrays and objects -------------------------------------------------------- */

static ridge_status read_value(struct parser *p, struct st_value *out);

static uint64_t hash_name(const char *name, uint64_t size) { /* FNV-1a, then mixed */
  uint64_t hash = 0xcbf29ce484222325u ^ size;
  for (uint64_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)name[i]) * 0x100000001b3u;
  return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
}

static bool same_name(const struct st_member *a, const struct st_member *b) {
  return a->size == b->size && memcmp(a->name, b->name, (size_t)a->size) == 0;
}

static ridge_status named_twice(const struct parser *p, const struct st_member *member) {
  return st_fail_at(p->host, RIDGE_CORRUPT, p->file, member->value.at,
                    "the key `%.*s` is there twice; which one is meant cannot be known",
                    (int)(member->size < 100 ? member->size : 100), member->name);
}

static ridge_status refuse_twice(const struct parser *p, const struct st_member *members,
                                 uint64_t n) {
  uint64_t slots = 16;
  if (n < 2) return RIDGE_OK;
  while (slots < 2 * n) slots *= 2;
  uint32_t *table = p->host->alloc(p->host, (size_t)(slots * sizeof *table), 16);
  if (table == NULL) return st_no_memory(p->host);
  ridge_status status = RIDGE_OK;
  for (uint64_t i = 0; i < n && status == RIDGE_OK; i++) {
    uint64_t at = hash_name(members[i].name, members[i].size) >> 20 & (slots - 1);
    while (table[at] != 0 && !same_name(&members[table[at] - 1], &members[i]))
      at = (at + 1) & (slots - 1);
    if (table[at] != 0) status = named_twice(p, &members[i]);
    table[at] = (uint32_t)i + 1;
  }
  p->host->free(p->host, table);
  return status;
}

static ridge_status read_member(struct parser *p, bool named) {
  struct st_member member = {0};
  if (named) {
    skip_blanks(p);
    if (p->at == p->size || p->data[p->at] != '"')
      return bad(p, p->at, "a key is wanted here");
    ridge_status status = read_text(p, &member.name, &member.size);
    if (status != RIDGE_OK) return status;
    if (!take(p, ':')) return bad(p, p->at, "a colon is wanted here");
  }
  ridge_status status = read_value(p, &member.value);
  if (status != RIDGE_OK) return status;
  struct st_member *to = st_push(p->host, &p->stack);
  if (to == NULL) return st_no_memory(p->host);
  *to = member;
  return RIDGE_OK;
}

static ridge_status read_members(struct parser *p, bool named, char end) {
  uint64_t start = p->at - 1;
  if (take(p, end)) return RIDGE_OK;
  for (;;) {
    ridge_status status = read_member(p, named);
    if (status != RIDGE_OK) return status;
    if (take(p, end)) return RIDGE_OK;
    if (take(p, ',')) continue;
    if (p->at == p->size) return bad(p, start, "what opens here is never closed");
    return bad(p, p->at, "a comma or the end is wanted here");
  }
}

static ridge_status move_items(struct parser *p, uint64_t base, struct st_value *out) {
  const struct st_member *from = (const struct st_member *)(const void *)p->stack.data;
  struct st_value *items = st_alloc(p->arena, out->n, sizeof *items);
  if (items == NULL) return st_no_memory(p->host);
  for (uint64_t i = 0; i < out->n; i++) items[i] = from[base + i].value;
  out->is.items = items;
  return RIDGE_OK;
}

static ridge_status move_members(struct parser *p, uint64_t base, struct st_value *out) {
  const struct st_member *from = (const struct st_member *)(const void *)p->stack.data;
  struct st_member *members = st_alloc(p->arena, out->n, sizeof *members);
  if (members == NULL) return st_no_memory(p->host);
  memcpy(members, from + base, (size_t)out->n * sizeof *members);
  out->is.members = members;
  return refuse_twice(p, members, out->n);
}

static ridge_status read_inside(struct parser *p, bool named, struct st_value *out) {
  uint64_t base = p->stack.n;
  if (++p->depth > ST_MAX_DEPTH)
    return bad(p, p->at, "arrays and objects are nested more than 64 deep");
  p->at++;
  ridge_status status = read_members(p, named, named ? '}' : ']');
  p->depth--;
  if (status != RIDGE_OK) return status;
  out->kind = named ? ST_OBJECT : ST_ARRAY;
  out->n = p->stack.n - base;
  if (out->n > 0) status = named ? move_members(p, base, out) : move_items(p, base, out);
  p->stack.n = base;
  return status;
}

static ridge_status read_word(struct parser *p, struct st_value *out) {
  static const struct {
    const char *word;
    uint32_t kind;
    int64_t value;
  } words[] = {{"null", ST_NULL, 0}, {"true", ST_BOOL, 1}, {"false", ST_BOOL, 0}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    uint64_t n = strlen(words[i].word);
    if (p->size - p->at < n || memcmp(p->data + p->at, words[i].word, (size_t)n) != 0)
      continue;
    out->kind = words[i].kind;
    out->is.i = words[i].value;
    p->at += n;
    return RIDGE_OK;
  }
  return bad(p, p->at, "this is no value");
}

static ridge_status read_value(struct parser *p, struct st_value *out) {
  skip_blanks(p);
  if (p->at == p->size) return bad(p, p->at, "the file ends where a value is wanted");
  *out = (struct st_value){.at = (uint32_t)p->at};
  uint8_t c = p->data[p->at];
  if (c == '{' || c == '[') return read_inside(p, c == '{', out);
  if (c == '-' || (c >= '0' && c <= '9')) return read_number(p, out);
  if (c != '"') return read_word(p, out);
  out->kind = ST_TEXT;
  return read_text(p, &out->is.text, &out->n);
}

ridge_status st_json(const ridge_host *host, struct st_arena *arena, const char *file,
                     ridge_bytes bytes, uint64_t start, struct st_value *out) {
  struct parser p = {.host = host,
                     .arena = arena,
                     .file = file,
                     .data = bytes.data,
                     .size = bytes.size,
                     .at = start,
                     .stack = {.size = sizeof(struct st_member)}};
  if (bytes.size > ST_MAX_JSON)
    return st_fail_at(host, RIDGE_UNSUPPORTED, file, 0,
                      "it has more than 2^30 bytes; JSON of that size is not read");
  ridge_status status = read_value(&p, out);
  skip_blanks(&p);
  if (status == RIDGE_OK && p.at < p.size)
    status = bad(&p, p.at, "something follows after the end");
  st_drop(host, &p.stack);
  return status;
}

/* ---- looking things up --------------------------------------------------------- */

const struct st_value *st_get(const struct st_value *object, const char *name) {
  uint64_t size = strlen(name);
  if (object == NULL || object->kind != ST_OBJECT) return NULL;
  for (uint64_t i = 0; i < object->n; i++) {
    const struct st_member *member = &object->is.members[i];
    if (member->size == size && memcmp(member->name, name, (size_t)size) == 0)
      return &member->value;
  }
  return NULL;
}

const struct st_value *st_get_set(const struct st_value *object, const char *name) {
  const struct st_value *value = st_get(object, name);
  return value == NULL || value->kind == ST_NULL ? NULL : value;
}

bool st_is(const struct st_value *value, const char *text) {
  return value != NULL && value->kind == ST_TEXT && value->n == strlen(text) &&
         memcmp(value->is.text, text, (size_t)value->n) == 0;
}

bool st_number(const struct st_value *value, double *out) {
  if (value == NULL || (value->kind != ST_INT && value->kind != ST_REAL)) return false;
  *out = value->kind == ST_INT ? (double)value->is.i : value->is.r;
  return true;
}

bool st_true(const struct st_value *value) {
  return value != NULL && value->kind == ST_BOOL && value->is.i != 0;
}
