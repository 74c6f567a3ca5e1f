/*
 * tokenizer_say.c - what each token says: its bytes in a text that is being written.
 *
 * Made once, so that a piece costs nothing while text streams.
 */
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static ridge_status say_byte(int32_t id, ridge_bytes text, uint8_t *out, size_t *size,
                             struct why *why) {
  bool shaped = text.size == 6 && memcmp(text.data, "<0x", 3) == 0 && text.data[5] == '>';
  int high = shaped ? hex_digit(text.data[3]) : -1,
      low = shaped ? hex_digit(text.data[4]) : -1;
  if (high < 0 || low < 0)
    return why_set(
        why, RIDGE_CORRUPT,
        "token %d is a byte by its type, but its text is \"%.*s\"; it has to look like "
        "<0x0A>",
        id, (int)(text.size < 40 ? text.size : 40), (const char *)text.data);
  out[0] = (uint8_t)(high * 16 + low);
  *size = 1;
  return RIDGE_OK;
}

/* U+2581 stands for a blank. */
static size_t say_blanks(ridge_bytes text, uint8_t *out) {
  size_t n = 0;
  for (size_t i = 0; i < text.size; i++) {
    bool blank = text.size - i >= 3 && memcmp(text.data + i, "\xe2\x96\x81", 3) == 0;
    out[n++] = blank ? ' ' : text.data[i];
    if (blank) i += 2;
  }
  return n;
}

/* Types other than normal and byte say their text as it is, or nothing; which of them
 * are heard at all is for tokenizer_piece to say. */
static ridge_status say(const struct tokenizer *t, int32_t id, uint8_t *out, size_t *size,
                        struct why *why) {
  ridge_bytes text = vocab_text(&t->vocab, id);
  *size = text.size;
  switch ((enum token_type)t->vocab.type[id]) {
  case TOKEN_BYTE: return say_byte(id, text, out, size, why);
  case TOKEN_UNDEFINED:
  case TOKEN_UNUSED: *size = 0; return RIDGE_OK;
  case TOKEN_NORMAL:
    if (t->kind != TOKENIZER_BPE) {
      *size = say_blanks(text, out);
      return RIDGE_OK;
    }
    if (bpe_spell(text, out, size)) return RIDGE_OK;
    *size = text.size; /* written with other letters: it stands for itself */
    break;
  case TOKEN_UNKNOWN:
  case TOKEN_CONTROL:
  case TOKEN_USER: break;
  }
  if (text.size > 0) memcpy(out, text.data, text.size);
  return RIDGE_OK;
}

ridge_status tokenizer_say(struct tokenizer *t, struct why *why) {
  int32_t n = t->vocab.n;
  t->said = malloc((size_t)t->vocab.start[n] + 1); /* nothing is longer than its text */
  t->said_start = calloc((size_t)n + 1, sizeof *t->said_start);
  if (t->said == NULL || t->said_start == NULL) return tokenizer_no_memory(why);
  for (int32_t id = 0; id < n; id++) {
    size_t size = 0;
    ridge_status status = say(t, id, t->said + t->said_start[id], &size, why);
    if (status != RIDGE_OK) return status;
    t->said_start[id + 1] = t->said_start[id] + (uint32_t)size;
  }
  return RIDGE_OK;
}
