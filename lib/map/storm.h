/*
 * storm.h - two auto-responders that answer each other: the same text from the same sender to the same recipients, again
 * and again, is stopped (8.2).
 *
 * In memory only: it is a protection, no promise, and a restart may forget it. Bounded: the oldest entries make room.
 * Ownership: a zeroed struct storm is empty; storm_end() frees its table.
 */
#ifndef CPMAIL_MAP_STORM_H
#define CPMAIL_MAP_STORM_H

#include "base/buf.h"

#include <stdint.h>

enum { STORM_LIMIT = 5, STORM_WINDOW_S = 600 };

struct storm {
	struct storm_entry *entry;
};

/*
 * Count one more of this kind, unless the record `id` was counted already (a batch that is run again). True if it is the sixth or a
 * later one within ten minutes.
 */
bool storm_rages(struct storm *s, uint64_t kind, const char *id, int64_t now_ms);
/* What makes two mails the same: sender, recipients, text. Feed each part; start with 0. */
uint64_t storm_kind(uint64_t kind, struct slice part);
void storm_end(struct storm *s);

#endif
