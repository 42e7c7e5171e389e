/*
 * transient.h - what becomes of a mail that was refused temporarily (1.2, transient results): told at once, or taken
 * and tried again.
 *
 * Pure functions; times in milliseconds since 1970.
 */
#ifndef CPMAIL_MAP_TRANSIENT_H
#define CPMAIL_MAP_TRANSIENT_H

#include <stdbool.h>
#include <stdint.h>

struct conf;
struct conf_scope;

/* Somebody still waits for the answer (answer_by, 0 = nobody) and, for this recipient, is to be told: nothing is kept.
 */
bool transient_is_told(const struct conf *c, const struct conf_scope *scope, int64_t answer_by, int64_t now);
/* When a mail that was tried again `tries` times so far, the first time at `first`, is due again: 1, 5, 15, 30, 60
 * minutes, then every 60, each give or take a tenth by the record's id (what was refused together does not come back
 * together), the last time at the end of queue_lifetime. Microseconds since 1970, as queues want them. */
int64_t transient_due_us(const struct conf *c, const char *id, int tries, int64_t first, int64_t now);
/* queue_lifetime is over. */
bool transient_is_over(const struct conf *c, int64_t first, int64_t now);

#endif
