/*
 * recipe_fault.h - something wrong with a recipe, as the child hands it to the
 * parent: {"code","at":[line,column,length],"text","notes":[{"line","text"}],"help"}.
 *
 * The child knows no file name; compose turns faults into diagnostics.
 */
#ifndef RIDGE_RECIPE_RECIPE_FAULT_H
#define RIDGE_RECIPE_RECIPE_FAULT_H

#include "recipe/recipe_source.h"

#include <stdarg.h>

json_t *fault_new(const char *code, struct place at, const char *fmt, ...)
    RIDGE_FORMAT(3, 4);
/* A remark; `line` 0: about no line. */
void fault_note(json_t *fault, int line, const char *fmt, ...) RIDGE_FORMAT(3, 4);
void fault_help(json_t *fault, const char *fmt, ...) RIDGE_FORMAT(2, 3);
json_t *place_json(struct place);
/* A sentence as a JSON text, clean and of bounded length. */
json_t *fault_sentence(const char *fmt, va_list args) RIDGE_FORMAT(1, 0);

/* At most `limit` bytes of what a user wrote, fit for a terminal: control characters
 * and bytes that are not UTF-8 are replaced, what was cut ends in "...".  The caller
 * frees. */
char *fault_quote(const char *text, size_t size, size_t limit);

#endif
