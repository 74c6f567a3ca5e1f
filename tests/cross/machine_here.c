/* machine_here.c - the machine under emulation: it has what the fills without needs ask. */
#include "machine/machine.h"

#include <stdio.h>
#include <string.h>

void machine_read(struct machine *machine) {
  memset(machine, 0, sizeof *machine);
  machine->logical = 1;
}

bool machine_has(const struct machine *machine, const char *needs, char *missing,
                 size_t room) {
  (void)machine;
  if (needs == NULL) return true;
  snprintf(missing, room, "%s", needs);
  return false;
}
