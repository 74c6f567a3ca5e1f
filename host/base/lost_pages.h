/*
 * lost_pages.h - files that become shorter while they are mapped.
 *
 * To read what is no longer there is a SIGBUS.  Between take and give_back it reads
 * zeros instead and is noted: who works in steps asks after each, and ends in order,
 * its own files removed.  For processes that do no more than one piece of work; a
 * worker's faults are to be seen by its supervisor (base/blame.h).
 */
#ifndef RIDGE_BASE_LOST_PAGES_H
#define RIDGE_BASE_LOST_PAGES_H

#include <stdbool.h>

void lost_pages_take(void);
void lost_pages_give_back(void);
/* Was one met since `take`?  Stays so after give_back. */
bool lost_pages_met(void);

#endif
