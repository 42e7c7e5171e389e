/*
 * scan.h - the waiting names of one directory, smallest first: what a scan found and what inotify told since.
 *
 * Ownership: a zeroed struct scan is empty and valid; scan_free() frees. Memory is bounded: only the 65 536 smallest
 * names are kept, and the directory is read again when they are used up.
 */
#ifndef CPMAIL_SPOOL_SCAN_H
#define CPMAIL_SPOOL_SCAN_H

#include "spool/sys.h"

enum { SCAN_NAMES = 65536, SCAN_NAME_SIZE = 72 };

struct scan {
	char (*v)[SCAN_NAME_SIZE]; /* v[head..n) sorted */
	size_t head, n, cap;
	bool cut;      /* the directory holds more than is kept */
	int64_t total; /* names at the last scan */
};

/* Read the directory; valid(ctx, name) says which names are wanted. 0 or -1. */
int scan_read(struct scan *s, const struct spool_dir *d, bool (*valid)(void *ctx, const char *name), void *ctx);
/* A name appeared. */
void scan_add(struct scan *s, const char *name);
static inline size_t scan_count(const struct scan *s)
{
	return s->n - s->head;
}
/* The smallest, the largest kept; NULL if there is none. Valid until the next change. */
const char *scan_first(const struct scan *s);
const char *scan_last(const struct scan *s);
void scan_drop_first(struct scan *s);
void scan_drop_last(struct scan *s);
void scan_free(struct scan *s);

#endif
