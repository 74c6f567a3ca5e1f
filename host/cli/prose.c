/* prose.c - sentences in lines that end between words. */
#include "cli/prose.h"

#include "base/text.h"
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int prose_width(void) {
  enum { READABLE = 88 };
  int room = table_terminal_width();
  return room > 0 && room < READABLE ? room : READABLE;
}

void prose_print_within(const char *text, int used, int indent, int room) {
  bool begun = false; /* a word stands in this line */
  while (*(text += strspn(text, " \n")) != 0) {
    size_t size = strcspn(text, " \n");
    char word[256];
    snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word - 1),
             text);
    int width = text_width(word);
    if (begun && used + 1 + width > room) {
      printf("\n%*s", indent, "");
      used = indent;
    } else if (begun) {
      printf(" ");
      used++;
    }
    printf("%.*s", (int)size, text);
    used += width;
    text += size;
    begun = true;
  }
  printf("\n");
}

void prose_line(const char *text, int used, int indent) {
  char *plain = text_plain_copy(text, "\n");
  if (table_terminal_width() > 0)
    prose_print_within(plain, used, indent, prose_width());
  else
    printf("%s\n", plain);
  free(plain);
}

void prose_format(int used, int indent, const char *fmt, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, fmt);
  int n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0) abort();
  prose_line(text, used, indent);
  free(text);
}
