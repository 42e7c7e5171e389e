/*
 * queue.h - inside the spool: roots, queues, their directories, counters and limits.
 *
 * Ownership: root_get() counts references to one struct per path; queue_open() owns its directories; the _put/_close
 * functions give back.
 */
#ifndef CPMAIL_SPOOL_QUEUE_H
#define CPMAIL_SPOOL_QUEUE_H

#include "spool/name.h"
#include "spool/pool.h"
#include "spool/sys.h"

enum spool_form { FORM_AUTO, FORM_NORMAL, FORM_STRICT };
/* Tests set another than FORM_AUTO to have the sequence for file systems that keep all, or less, promises. */
extern enum spool_form spool_form;

enum { LIMIT_FILES = 1000000 };

struct root {
	char *path;
	int refs;
	bool strict; /* fsync of a new file does not make its name durable */
	dev_t dev;
	ino_t ino;
	struct spool_dir *dir, *blob, *blob_tmp;
	int64_t looked; /* statvfs: when (monotonic µs), and what it said */
	bool low, very_low;
	struct root *next;
};

/* The counters in QUEUE/level: a hint that producers and reader keep, set right by each rescan. */
struct level {
	int64_t files;
	int64_t octets;
};

struct queue {
	struct root *root;
	char name[NAME_DEST_SIZE];
	struct spool_dir *dir, *new, *tmp, *defer, *fail, *hold, *cur; /* beyond new only if opened with QUEUE_WHOLE */
	struct level *level;					/* NULL: could not be mapped; nothing is counted */
	struct pool pool;					/* with QUEUE_WHOLE */
};

enum queue_part { QUEUE_TARGET, QUEUE_WHOLE };

/* The root of a queue's path and the queue's name; false if the path has not that form. root is malloc'ed. */
bool queue_split(const char *path, char **root, char name[NAME_DEST_SIZE]);
/* NULL with errno. */
struct queue *queue_open(const char *path, enum queue_part part);
void queue_close(struct queue *q);
void level_add(struct queue *q, int64_t files, int64_t octets);
void level_set(struct queue *q, int64_t files);
bool level_above(const struct queue *q, int64_t limit);

struct root *root_get(const char *path);
void root_put(struct root *r);
/* Disk low: for edges, and (filter) at a quarter of that, so that filters can finish. statvfs at most once a second. */
bool root_low(struct root *r, bool filter);

/* What mountinfo says of the file system that holds path: FORM_NORMAL, FORM_STRICT, or -1: refused, with the reason in
 * why[160]. */
int mount_form(const char *path, char why[160]);

/* Strictly rising stamps of one writer: max(clock, *last + 1). */
int64_t stamp_next(int64_t *last);
/* For dir_list(): the largest stamp into the int64_t at ctx. */
bool stamp_seen(void *ctx, const char *file);

#endif
