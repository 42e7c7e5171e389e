/*
 * pool.h - a queue's free/: files whose batch is durably done, to be written again instead of made anew (docs/spool.md,
 * "Recycling").
 *
 * Many unlinked files make ext4 slow at making new ones for a minute or two. Ownership: a zeroed struct pool is one
 * without a directory; pool_free() closes it. Several processes may use one directory: who renames a file has it.
 */
#ifndef CPMAIL_SPOOL_POOL_H
#define CPMAIL_SPOOL_POOL_H

#include "spool/name.h"
#include "spool/sys.h"

enum {
	POOL_FILES = 2048,
	POOL_LARGE = 256,	   /* beyond so many only small ones are taken: 2048 of them are 128 MiB at most */
	POOL_SMALL_OCTETS = 64 << 10,
};

/* Tests: producers use files of the pool whenever there is one, and look for them each time. */
extern bool spool_recycle;

struct pool {
	struct spool_dir *dir; /* NULL: none */
	char (*v)[NAME_UNIQ + 1];
	int n;
	int64_t listed; /* monotonic µs of the last look into the directory */
};

void pool_open(struct pool *p, const struct spool_dir *queue);
void pool_free(struct pool *p);
/* Rename a file of d into the pool, or unlink it if the pool is full. Only for files whose names so far an fsync has
 * made durable, and whose octets (so many) nobody will ever ask for under one of them. 0 or -1, as unlink. */
int pool_give(struct pool *p, const struct spool_dir *d, const char *name, size_t octets);
/* A file of the pool, renamed to d/name, open for writing at its start over the octets that are still in it; -1: none.
 * The name is not durable by an fsync of the file. */
int pool_take(struct pool *p, const struct spool_dir *d, const char *name, int64_t *octets);
/* n octets were written into a file that had so many: what is left of the old ones goes. It keeps its blocks that way, and
 * a file with its blocks is flushed sooner than one that gets new ones. 0 or -1. */
int pool_cut(int fd, int64_t octets, size_t n);

/* The disk is full: give the room of what waits to be used again back. */
void pool_empty(struct pool *p);

#endif
