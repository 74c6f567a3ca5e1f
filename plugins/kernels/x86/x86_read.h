/*
 * x86_read.h - a block of a codec's row taken apart: codes one to a byte, and what the
 * head and the small scales of a packed panel hold for it.
 */
#ifndef X86_READ_H
#define X86_READ_H

#include "x86_panel.h"

enum { MOST_SUPER = 256 };

struct apart {
  uint8_t code[MOST_SUPER];
  uint16_t head[2];                        /* f16: d, then m or dmin                */
  uint8_t sub[MOST_SUPER / BYTE_GROUP][2]; /* one or two bytes for each 32          */
};

/* `super` codes from one block. */
typedef void read_function(const uint8_t *from, int64_t super, struct apart *to);
read_function *read_of(enum form form);

#endif
