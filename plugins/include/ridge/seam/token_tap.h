/*
 * ridge/seam/token_tap.h - seam "token.tap/1", a TAP: look at tokens as they come.
 */
#ifndef RIDGE_SEAM_TOKEN_TAP_H
#define RIDGE_SEAM_TOKEN_TAP_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_TOKEN_TAP "token.tap/1"

typedef struct ridge_token_tap {
  uint64_t struct_size;
  /* text: the token's bytes, maybe half a character. [step] */
  void (*token)(void *self, int64_t sequence, int64_t position, int32_t token,
                const char *text, uint64_t bytes);
} ridge_token_tap;
RIDGE_SEALED(ridge_token_tap, token);

#endif
