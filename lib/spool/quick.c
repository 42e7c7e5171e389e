#include "spool/quick.h"
#include "spool/ready.h"
#include "spool/worker.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the spare ---- */

static int make_spare(struct spool_worker *w, struct quick *q)
{
	struct slot_name n = {.role = 'r'};
	struct buf blanks = {0};
	uint64_t uniq;
	int64_t octets = 0;
	random_octets(&uniq, sizeof uniq);
	name_make(n.lead, stamp_next(&w->last_stamp), uniq, 1, "");
	name_put_slot(q->file, &n);
	q->fd = pool_take(&w->queue->pool, w->own->dir, q->file, &octets);
	if (q->fd < 0)
		q->fd = sys_create(w->own->dir, q->file);
	if (q->fd < 0)
		return -1;
	ready_pad(&blanks, NULL);
	int r = sys_write(q->fd, blanks.p, blanks.n) < 0 || pool_cut(q->fd, octets, blanks.n) < 0 ||
				sys_fsync(q->fd) < 0 || sys_rewind(q->fd) < 0
			? -1
			: 0;
	buf_free(&blanks);
	return r;
}

void quick_prepare(struct spool_worker *w)
{
	struct quick *q = &w->quick;
	if (q->fd >= 0 || !w->state || w->opt.effects || w->queue->root->strict || root_low(w->queue->root, false))
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

bool quick_fits(struct spool_worker *w)
{
	struct stat st;
	const struct part *p = w->nparts == 1 ? w->parts[0] : NULL;
	return w->quick.settled && w->quick.fd >= 0 && w->act == w->own && w->nin == 1 && !w->in[0].n.blobs && p &&
	       !w->broken && !w->ndeferred && !w->splitting && !p->written && p->dest[0] != '=' && !p->batch.blobs.n &&
	       p->batch.data.n <= READY_OCTETS && sys_stat(w->quick.fd, &st) == 0 && st.st_nlink > 0;
}

static int flush(const void *fd)
{
	return sys_fdatasync(*(const int *)fd);
}

/* Committed, but a directory could not grow: quick_redo() and R2 do the rest, later. */
static int stuck(struct spool_worker *w, const char *step)
{
	log_msg(LOG_WARN, "%s: %s of %s, to be repeated:", w->queue->name, step, w->lead);
	w->stuck = true;
	txn_wait(w, false);
	return 0;
}

/* Q1 and Q2 at the same time. The copy in the state store stands for what Q1 has not yet made durable. */
static void commit_both(struct spool_worker *w, struct part *p)
{
	struct quick *q = &w->quick;
	struct state_redo redo = {.file = q->file, .dest = p->dest, .records = slice_buf(&p->batch.data)};
	char input[NAME_FILE_SIZE], target[NAME_FILE_SIZE];
	name_put(input, &w->in[0].n);
	name_put(target, &p->target);
	redo.input = input;
	redo.target = target;
	/* (with hooks one goes before the other, some times this one, some times that) */
	bool after = spool_sys_before && p->target.stamp % 2;
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
	char input[NAME_SLOT_SIZE], mark[NAME_SLOT_SIZE];
	part_name(w, p);
	ready_pad(&octets, &p->batch.data);
	int r = sys_write(q->fd, octets.p, octets.n);
	buf_free(&octets);
	if (r < 0) {
		int err = errno;
		quick_drop(w);
		if (err == EIO)
			spool_die("write of a part for %s:", p->dest);
		errno = err;
		return -1;
	}
	commit_both(w, p);
	close(q->fd);
	q->fd = -1;
	q->settled = false;
	if (target_publish(w, w->own, q->file, p->dest, &p->target, p->octets) < 0) /* Q3 */
		return stuck(w, "Q3");
	txn_file(w, 'i', &w->in[0].n, input);
	txn_file(w, 'c', NULL, mark);
	if (sys_rename(w->own->dir, input, w->own->dir, mark) < 0) { /* Q4 */
		if (errno == EEXIST)
			spool_die("%s/%s exists", w->own->dir->path, mark);
		return stuck(w, "Q4");
	}
	txn_mark(w);
	return 0;
}

/* ---- recovery ---- */

int quick_find_input(struct spool_worker *w)
{
	struct state_redo redo;
	struct spool_name n;
	struct slot_name mark = {.role = 'c'};
	char file[NAME_SLOT_SIZE];
	if (!w->state || !state_redo(w->state, &redo))
		return 0;
	if (!name_parse(redo.input, &n))
		spool_die("state store: %s is no name", redo.input);
	queue_sweep(w->queue); /* a file that its producer had ready has its name from the sweep */
	const struct spool_dir *d = n.due >= 0 ? w->queue->defer : w->queue->new;
	memcpy(mark.lead, n.name, sizeof mark.lead);
	name_put_slot(file, &mark);
	int r = sys_rename(d, redo.input, w->own->dir, file);
	if (r == 0 && n.due < 0)
		level_add(w->queue, -1, 0);
	if (r < 0 && errno == EEXIST)
		spool_die("%s: %s is committed and waits at once", w->own->dir->path, redo.input);
	int err = errno;
	state_redo_free(&redo);
	errno = err;
	return r < 0 && err != ENOENT ? -1 : 0;
}

/* The spare still has its name, so it was never published. What is in it may be older than the COMMIT. */
static int write_again(struct spool_worker *w, int fd, const struct state_redo *redo)
{
	struct spool_name target;
	struct buf records = {0}, octets = {0};
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
