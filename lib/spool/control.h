/*
 * control.h - orders of a person for what waits in a queue, while its programs run: retry now, hold, release, remove.
 *
 * Each order on a file is one rename from where the file waits (docs/spool.md, "Orders of a person"): it happens or it
 * does not, and what a worker claimed first is left to the worker. Ownership: spool_control_close() ends a handle.
 */
#ifndef CPMAIL_SPOOL_CONTROL_H
#define CPMAIL_SPOOL_CONTROL_H

#include "spool/list.h"

enum spool_order {
	SPOOL_RETRY,   /* deferred: due now. Whole files: what lies with it in one file is tried with it */
	SPOOL_HOLD,    /* waiting or deferred: aside, until it is released */
	SPOOL_RELEASE, /* held: back to where it was */
	SPOOL_REMOVE   /* waiting, deferred, held or failed: gone for good, with its blobs */
};

struct spool_control;

/* Takes a slot of the queue "ROOT/QUEUE" for the time being. NULL with errno; EBUSY: its program keeps the order of
 * conversations, and runs: nothing may be moved under its hands. */
struct spool_control *spool_control_open(const char *queue);
/* The states that an order is about, as a mask for spool_list(). */
unsigned spool_control_states(enum spool_order order);
/* Obey for those records of the file for which wanted() says yes. Returns their number; 0: none, or the file is gone
 * (claimed meanwhile); -1 with errno. */
int spool_control_apply(struct spool_control *c, enum spool_order order, const struct spool_file *f,
			bool (*wanted)(void *ctx, struct slice line), void *ctx);
/* Makes all of it durable. */
void spool_control_close(struct spool_control *c);

/* Make defer/, fail/ and hold/ anew, without the room that many names once took; new/ too if with_new: then whoever writes
 * into the queue must not run either. Returns the number of files, -1 with errno; EBUSY: a worker of the queue runs. */
int64_t spool_compact(const char *queue, bool with_new);

#endif
