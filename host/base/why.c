/* why.c - a status and the sentence that goes with it. */
#include "base/why.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

ridge_status why_set(struct why *why, ridge_status status, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(why->text, sizeof why->text, fmt, args);
  va_end(args);
  text_make_plain(why->text, ""); /* names and texts of files may hold anything */
  return status;
}

ridge_status why_prefix(struct why *why, ridge_status status, const char *fmt, ...) {
  char text[sizeof why->text];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  size_t used = n < 0 ? 0 : (size_t)n;
  if (used < sizeof text) { /* what is too long is cut */
    int room = (int)(sizeof text - used);
    snprintf(text + used, (size_t)room, ": %.*s", room, why->text);
  }
  memcpy(why->text, text, sizeof text);
  text_make_plain(why->text, "");
  return status;
}

const char *status_name(ridge_status status) {
  switch (status) {
#define X(name, code, text)                                                                \
  case RIDGE_##name: return #name;
    RIDGE_STATUS_MAP(X)
#undef X
  }
  return "UNKNOWN";
}

const char *status_text(ridge_status status) {
  switch (status) {
#define X(name, code, text)                                                                \
  case RIDGE_##name: return text;
    RIDGE_STATUS_MAP(X)
#undef X
  }
  return "unknown status";
}
