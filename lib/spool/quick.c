#include "spool/quick.h"
#include "spool/ready.h"
#include "spool/worker.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the spare ---- */

static int make_spare(struct spool_worker *w, struct quick *q)
{
	struct slot_name n = {.role = 'r'};
	uint64_t uniq;
	int64_t octets = 0;
	random_octets(&uniq, sizeof uniq);
	name_make(n.lead, stamp_next(&w->last_stamp), uniq, 1, "");
	name_put_slot(q->file, &n);
	q->fd = pool_take(&w->queue->pool, w->own->dir, q->file, &octets);
	if (q->fd < 0)
		q->fd = sys_create(w->own->dir, q->file);
	return q->fd < 0 ? -1 : ready_fill(q->fd, octets);
}

bool quick_possible(const struct spool_worker *w)
{
	return w->state && !w->opt.effects && !w->queue->root->strict;
}

void quick_prepare(struct spool_worker *w)
{
	struct quick *q = &w->quick;
	if (q->fd >= 0 || !quick_possible(w) || root_low(w->queue->root, false))
		return;
	if (make_spare(w, q) == 0)
		return;
	int err = errno;
	log_msg(LOG_WARN, "%s/%s:", w->own->dir->path, q->file);
	quick_drop(w);
	if (err == EIO)
		spool_die("%s: input/output error", w->queue->name);
}

void quick_drop(struct spool_worker *w)
{
	struct quick *q = &w->quick;
	q->settled = false;
	if (q->fd < 0)
		return;
	close(q->fd);
	q->fd = -1;
	if (sys_unlink(w->own->dir, q->file) < 0 && errno != ENOENT)
		log_msg(LOG_WARN, "unlink %s/%s:", w->own->dir->path, q->file); /* R5 at the next start */
}

/* ---- the commit ---- */

/* Only for an input that a producer made in the ready form: nothing that another worker has yet to make durable is behind
 * its names, so that its own are all that a loss of power can take back. */
bool quick_fits(struct spool_worker *w)
{
	struct stat st;
	const struct part *p = w->nparts == 1 ? w->parts[0] : NULL;
	bool alone = w->nin == 1 && w->in[0].n.ready && w->in[0].n.records == 1 && w->act == w->own && !w->splitting;
	return w->quick.settled && w->quick.fd >= 0 && alone && p && !w->broken && !w->ndeferred && !p->written &&
	       p->dest[0] != '=' && !p->batch.blobs.n && p->batch.data.n <= READY_OCTETS &&
	       sys_stat(w->quick.fd, &st) == 0 && st.st_nlink > 0;
}

static int flush(const void *fd)
{
	return sys_fdatasync(*(const int *)fd);
}

/* Q1 and Q2 at the same time. The copy in the state store stands for what Q1 has not yet made durable. */
static void commit_both(struct spool_worker *w, struct part *p)
{
	struct quick *q = &w->quick;
	struct state_redo redo = {.file = q->file, .dest = p->dest, .records = slice_buf(&p->batch.data)};
	char target[NAME_FILE_SIZE];
	name_put(target, &p->target);
	redo.input = w->lead;
	redo.target = target;
	/* (with hooks one goes before the other, some times this one, some times that) */
	bool after = spool_sys_before && w->last_stamp % 2;
	if (!after)
		side_begin(&w->side, flush, &q->fd);
	state_commit(w->state, w->in, w->nin, &redo);
	if (after)
		side_begin(&w->side, flush, &q->fd);
	if (side_end(&w->side) < 0)
		spool_die("fsync %s/%s:", w->own->dir->path, q->file);
}

int quick_commit(struct spool_worker *w)
{
	struct quick *q = &w->quick;
	struct part *p = w->parts[0];
	struct buf octets = {0};
	part_name(w, p);
	ready_pad(&octets, &p->batch.data);
	int r = sys_write(q->fd, octets.p, octets.n);
	buf_free(&octets);
	if (r < 0) {
		int err = errno;
		if (err == EIO)
			spool_die("write of a part for %s:", p->dest);
		quick_drop(w);
		errno = err;
		return -1;
	}
	commit_both(w, p);
	close(q->fd);
	q->fd = -1;
	q->settled = false;
	if (target_publish(w, w->own, q->file, p->dest, &p->target, p->octets) < 0) /* Q3 */
		return txn_stuck(w, "Q3");
	if (txn_set_mark(w) < 0) /* Q4 */
		return txn_stuck(w, "Q4");
	txn_mark(w);
	return 0;
}

/* ---- recovery ---- */

struct search {
	struct spool_worker *w;
	const struct spool_dir *dir;
	const char *name;
	bool found, failed;
};

/* It becomes the mark. Somebody's sweep may be moving it from tmp/ to new/ right now: then it is found there. */
static void take(struct search *s, const char *file)
{
	struct slot_name mark = {.role = 'c'};
	char to[NAME_SLOT_SIZE];
	snprintf(mark.lead, sizeof mark.lead, "%s", s->name);
	name_put_slot(to, &mark);
	if (sys_rename(s->dir, file, s->w->own->dir, to) == 0)
		s->found = true;
	else if (errno == EEXIST)
		spool_die("%s: %s is committed and waits at once", s->w->own->dir->path, file);
	else if (errno != ENOENT)
		s->failed = true;
}

static bool waits(void *ctx, const char *file)
{
	struct search *s = ctx;
	struct spool_name n;
	if (name_parse(file, &n) && strcmp(n.name, s->name) == 0)
		take(s, file);
	return !s->found && !s->failed;
}

/* Its name before P4 says nothing; its seal does. (If it has none any more there is nothing to be done twice.) */
static bool in_tmp(void *ctx, const char *file)
{
	struct search *s = ctx;
	struct tmp_name n;
	struct buf octets = {0};
	if (!name_parse_tmp(file, &n) || n.form != TMP_READY)
		return true;
	int fd = sys_open(s->dir, file, O_RDONLY);
	int r = fd < 0 ? -1 : sys_read_all(fd, &octets, READY_OCTETS), err = errno;
	if (fd >= 0)
		close(fd);
	if (r == 0 && ready_sealed(slice_buf(&octets), &n) && strcmp(n.name, s->name) == 0)
		take(s, file);
	else if (r < 0 && err != ENOENT && err != EFBIG)
		s->failed = true;
	buf_free(&octets);
	errno = err;
	return !s->found && !s->failed;
}

/* In the order in which files move; a person may have put it into hold/, or back from there. */
static int search_all(struct search *s)
{
	struct queue *own = s->w->queue, *ignored;
	const struct spool_dir *in[] = {own->tmp, own->new, own->defer, target_dir(s->w, "=hold", &ignored)};
	for (size_t i = 0; i < sizeof in / sizeof *in && !s->found; i++) {
		s->dir = in[i];
		if (!s->dir || dir_list(s->dir, i ? waits : in_tmp, s) < 0 || s->failed)
			return -1;
	}
	if (s->found && s->dir == own->new)
		level_add(own, -1, 0);
	return 0;
}

int quick_find_input(struct spool_worker *w)
{
	struct state_redo redo;
	if (!w->state || !state_redo(w->state, &redo))
		return 0;
	struct search s = {.w = w, .name = redo.input};
	int r = search_all(&s), err = errno;
	state_redo_free(&redo);
	errno = err;
	return r;
}

/* The spare still has its name, so it was never published. What is in it may be older than the COMMIT. */
static int write_again(struct spool_worker *w, int fd, const struct state_redo *redo)
{
	struct spool_name target;
	struct buf records = {0}, octets = {0};
	if (!redo->records.n || redo->records.n > READY_OCTETS)
		spool_die("state store: a row of redo has %zu octets", redo->records.n);
	buf_slice(&records, redo->records);
	ready_pad(&octets, &records);
	int r = sys_write(fd, octets.p, octets.n) < 0 || sys_fsync(fd) < 0 ? -1 : 0, err = errno;
	if (r < 0 && err == EIO)
		spool_die("%s/%s:", w->own->dir->path, redo->file);
	if (r == 0 && !name_parse(redo->target, &target))
		spool_die("state store: %s is no name", redo->target);
	if (r == 0) {
		r = target_publish(w, w->own, redo->file, redo->dest, &target, records.n);
		err = errno;
	}
	buf_free(&records);
	buf_free(&octets);
	errno = err;
	return r;
}

int quick_redo(struct spool_worker *w)
{
	struct state_redo redo;
	int r = 0;
	if (!state_redo(w->state, &redo))
		return 0;
	int fd = sys_open(w->own->dir, redo.file, O_WRONLY);
	if (fd >= 0) {
		r = write_again(w, fd, &redo);
		int err = errno;
		close(fd);
		errno = err;
	} else if (errno != ENOENT) {
		r = -1;
	}
	int err = errno;
	state_redo_free(&redo);
	errno = err;
	return r;
}
