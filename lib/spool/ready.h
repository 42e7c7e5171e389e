/*
 * ready.h - a producer's file in waiting: made, with its name and its blocks durable, before there is a batch for it
 * (docs/spool.md, "The ready form").
 *
 * A batch that comes alone then costs one flush of octets that take the place of others, nothing of the file system's
 * journal, and its reader may begin before the flush ends. A name that came first cannot say octets and sum; the file
 * says it of itself: between the last record and its LF stands the name that the batch would have in its sealed form, a
 * bit each space (0) or tab (1). So it stays a file of lines of JSON for whoever looks into it.
 *
 * Ownership: a struct ready owns its descriptor, and with it the lock on its file; fd -1: there is none.
 */
#ifndef CPMAIL_SPOOL_READY_H
#define CPMAIL_SPOOL_READY_H

#include "spool/queue.h"

enum {
	READY_OCTETS = 4096, /* a block: what a short message comes to, twice */
	SEAL_CHARS = 48,     /* a sealed name, ended by NUL */
	SEAL_OCTETS = SEAL_CHARS * 8,
};

/* For so long (microseconds) a producer has to have had nothing to commit. Tests set 0. */
extern int64_t spool_ready_pause_us;

struct ready {
	int fd;
	char file[NAME_FILE_SIZE]; /* its name in tmp/ */
};

/* Make the file of that NAME. -1 with errno: there is none, and nothing is lost by that; EIO ends the process. */
int ready_make(struct ready *r, struct queue *q, const char *name);
/* Is it there, still under its name, and long enough for n octets of records? */
bool ready_takes(const struct ready *r, size_t n);
/* READY_OCTETS: the records (NULL: none), their last LF behind blanks. */
void ready_pad(struct buf *out, const struct buf *records);
/* Make a file, which has so many octets, one of blanks that is flushed and at its start. 0, or -1 with errno. */
int ready_fill(int fd, int64_t octets);
/* What is to be written over all of a producer's file: the records of batch `name`, blanks, the seal, LF. */
void ready_seal(struct buf *out, const char *name, const struct buf *records);
/* Are these the octets of a whole file? Then *says is what its seal says, else it stays as it is. */
bool ready_sealed(struct slice octets, struct tmp_name *says);
enum ready_octets {
	READY_WHOLE,
	READY_UNSEALED, /* never flushed to its end, so nobody was promised anything */
	READY_DAMAGED,	/* sealed, but something else */
};
/* b from `start` on is what the file of batch `name` holds. Whole: its records stay, without the seal. */
enum ready_octets ready_records(struct buf *b, size_t start, const char *name);
/* The blanks before the last LF go, in whatever file. */
void ready_trim(struct buf *b, size_t start);
/* Give it up: unlinked and closed. */
void ready_drop(struct ready *r, struct queue *q);

#endif
