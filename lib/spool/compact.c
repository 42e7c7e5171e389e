/*
 * compact.c - directories made anew: ext4 never shrinks one that held many names.
 *
 * Files move one by one into QUEUE/compact-DIR (s2 stays s2: same file, same NAME), then that takes the place of DIR. A
 * death in between leaves both; the next start of a worker, or of the tool, brings the files back (compact_undo).
 */
#include "spool/control.h"
#include "spool/worker.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const dirs[] = {"defer", "fail", "hold", "new"};
enum { DIRS = sizeof dirs / sizeof dirs[0] };

struct moving {
	const struct spool_dir *from, *to;
	int64_t count;
	bool failed;
};

static bool move(void *ctx, const char *file)
{
	struct moving *m = ctx;
	if (sys_rename(m->from, file, m->to, file) == 0)
		m->count++;
	else if (errno == EEXIST)
		spool_die("%s/%s exists", m->to->path, file);
	else
		m->failed = m->failed || errno != ENOENT;
	return !m->failed;
}

/* Everything of one directory into another, durably; the number of files, -1 with errno. */
static int64_t move_all(const struct spool_dir *from, const struct spool_dir *to)
{
	struct moving m = {from, to, 0, false};
	if (dir_list(from, move, &m) < 0 || m.failed)
		return -1;
	if (m.count && (dir_fsync(to) < 0 || dir_fsync(from) < 0))
		spool_die("fsync %s:", to->path);
	return m.count;
}

static void name_of(const char *dir, char out[32])
{
	snprintf(out, 32, "compact-%s", dir);
}

int compact_undo(struct queue *q)
{
	int result = 0;
	for (int i = 0; i < DIRS; i++) {
		char name[32];
		name_of(dirs[i], name);
		struct spool_dir *from = dir_open(q->dir, name), *to = from ? dir_open(q->dir, dirs[i]) : NULL;
		if (from && (!to || move_all(from, to) < 0 || sys_rmdir(q->dir, name) < 0))
			result = -1;
		else if (from)
			log_event(LOG_WARN, NULL, "compaction-undone", "dir", to->path, NULL);
		dir_close(from);
		dir_close(to);
	}
	return result;
}

/* Until nothing is left in it: whoever still writes there is not stopped. */
static int64_t make_anew(struct queue *q, const char *dir)
{
	char name[32];
	name_of(dir, name);
	if (dir_make(q->dir, name) < 0 || dir_fsync(q->dir) < 0)
		return -1;
	struct spool_dir *old = dir_open(q->dir, dir), *fresh = dir_open(q->dir, name);
	int64_t n = old && fresh ? move_all(old, fresh) : -1;
	if (n >= 0 &&
	    (sys_rmdir(q->dir, dir) < 0 || sys_rename(q->dir, name, q->dir, dir) < 0 || dir_fsync(q->dir) < 0))
		n = -1;
	int err = errno;
	dir_close(old);
	dir_close(fresh);
	errno = err;
	return n;
}

int64_t spool_compact(const char *path, bool with_new)
{
	struct slot *held[SPOOL_SLOTS] = {NULL};
	char *cur = xasprintf("%s/cur", path);
	/* a compaction that died may have left no directory of that name: it is made, and then filled */
	bool good = access(cur, F_OK) == 0 && spool_make_queue(path) == 0;
	struct queue *q = good ? queue_open(path, QUEUE_WHOLE) : NULL;
	int64_t all = 0;
	bool free_slots = q != NULL;
	free(cur);
	if (!q)
		return -1;
	for (int i = 0; i < SPOOL_SLOTS && free_slots; i++) {
		held[i] = slot_take(q->cur, i + 1, false);
		free_slots = held[i] || errno == ENOENT;
	}
	int err = errno == EWOULDBLOCK ? EBUSY : errno;
	if (!free_slots || compact_undo(q) < 0)
		all = -1;
	for (int i = 0; i < (with_new ? DIRS : DIRS - 1) && all >= 0; i++) {
		int64_t n = make_anew(q, dirs[i]);
		err = errno;
		all = n < 0 ? -1 : all + n;
	}
	for (int i = 0; i < SPOOL_SLOTS; i++)
		if (held[i])
			slot_release(held[i]);
	queue_close(q);
	errno = err;
	return all;
}
