/*
 * side.h - one flush beside what the caller does meanwhile: two flushes of a disk that run together take little more than the time of one.
 *
 * Ownership: a struct side owns its thread, which is made at the first use; side_free() ends it. Zeroed is a good start.
 */
#ifndef CPMAIL_SPOOL_SIDE_H
#define CPMAIL_SPOOL_SIDE_H

#include "spool/sys.h"

#include <pthread.h>

struct side {
	bool started, stop;
	int (*flush)(const void *what); /* asked for and not yet done */
	const void *what;
	int error; /* errno of the last one, 0 = it is durable */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
};

/* Begin flush(what), 0 or -1 with errno. Where no thread can be had, or hooks want calls in a fixed order, it is done at once. */
void side_begin(struct side *s, int (*flush)(const void *what), const void *what);
/* Wait for it: 0, or -1 with errno. */
int side_end(struct side *s);
void side_free(struct side *s);

#endif
