/*
 * disk.h - what a disk may hold after a loss of power: a call log replayed with no more promises than A1 to A4
 * (docs/spool.md).
 *
 * Every file is a chain of names; a loss keeps any first part of the chain that is not shorter than what was synced.
 * Files have no order among each other, but for a rename onto a name, which is one operation on two files. Octets that
 * were not synced may be anything. Ownership: disk_free() ends it; trees handed out are the caller's.
 */
#ifndef CPMAIL_CRASH_DISK_H
#define CPMAIL_CRASH_DISK_H

#include "plan.h"

struct disk;

/* The disk before the log, all of it durable; strict: without A4. */
struct disk *disk_new(const struct tree *t, bool strict);
/* Do one logged call; returns where the next one starts, NULL at the end. acked[] as far as the log has come. */
const char *disk_step(struct disk *d, const char *at, const char *end, bool acked[PLAN_RECORDS]);
/* By record: its effect has happened and is noted, so that it must not happen again. */
const bool *disk_noted(const struct disk *d);
/* In how many ways the names may survive, at most `limit`. */
long disk_ways(const struct disk *d, long limit);
/* The i-th way (a random one: i -1) as a tree; false: these choices contradict each other. Torn octets by the seed. */
bool disk_lose(const struct disk *d, long i, unsigned int *seed, struct tree *out);
void disk_free(struct disk *d);

#endif
