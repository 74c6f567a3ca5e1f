/* st_say.c - sentences about what is wrong. */
#include "st_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE = 800 };

ridge_status st_fail_at(const ridge_host *host, ridge_status status, const char *file,
                        uint64_t byte, const char *fmt, ...) {
  char text[SENTENCE];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  host->fail(host, status, "%s, at byte %" PRIu64 ": %s", file, byte, text);
  return status;
}

ridge_status st_fail(const struct st_model *model, ridge_status status, const char *fmt,
                     ...) {
  char text[SENTENCE];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  model->host->fail(model->host, status, "%s", text);
  return status;
}

ridge_status st_no_memory(const ridge_host *host) {
  host->fail(host, RIDGE_NO_MEMORY, "there is no memory for the model's tables");
  return RIDGE_NO_MEMORY;
}
