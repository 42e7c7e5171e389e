/*
 * commit.c - the parts of a transaction become visible and its inputs go, once: K1 to K3, G1 to G8.
 */
#include "spool/worker.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

enum { BLOB_MARKS = 64 }; /* marks that may wait for somebody's fsync of blob/ */

int txn_stuck(struct spool_worker *w, const char *step)
{
	log_msg(LOG_WARN, "%s: %s of %s, to be repeated:", w->queue->name, step, w->lead);
	w->stuck = true;
	txn_wait(w, false);
	return 0;
}

static int single_form(struct spool_worker *w)
{
	struct part *p = w->parts[0];
	struct slot_name s = {.role = 's', .target = p->target};
	char input[NAME_SLOT_SIZE], part[NAME_SLOT_SIZE], mark[NAME_SLOT_SIZE];
	memcpy(s.lead, w->lead, sizeof s.lead);
	memcpy(s.dest, p->dest, sizeof s.dest);
	name_put_slot(mark, &s);
	txn_file(w, 'i', &w->in[0].n, input);
	part_file(w, p, part);
	if (sys_rename(w->act->dir, input, w->act->dir, mark) < 0) { /* K1 */
		if (errno == EEXIST)
			spool_die("%s/%s exists", w->act->dir->path, mark);
		return -1;
	}
	if (sys_replace(w->act->dir, part, w->act->dir, mark) < 0) /* K2 */
		return txn_stuck(w, "K2");
	if (target_publish(w, w->act, mark, p->dest, &p->target, p->octets) < 0) /* K3 */
		return txn_stuck(w, "K3");
	return 0;
}

static void slot_fsync(struct spool_worker *w, const char *step)
{
	/* nothing may be decided after a failed one, not even that it was rolled back */
	if (dir_fsync(w->act->dir) < 0)
		spool_die("%s: fsync %s:", step, w->act->dir->path);
}

static void blob_fsync(struct spool_worker *w)
{
	if (dir_fsync(w->queue->root->blob) < 0)
		spool_die("fsync %s:", w->queue->root->blob->path);
	w->blob_epoch++;
}

/* G5: an fsync of the slot has made everything of these transactions durable. Those with blobs also wait for an fsync
 * of blob/. */
static void drop_marks(struct spool_worker *w)
{
	size_t kept = 0, waiting = 0;
	for (size_t i = 0; i < w->nmarks; i++)
		waiting += w->marks[i].blobs && w->marks[i].blob_epoch == w->blob_epoch;
	if (waiting > BLOB_MARKS)
		blob_fsync(w);
	for (size_t i = 0; i < w->nmarks; i++) {
		struct mark *m = &w->marks[i];
		char file[NAME_SLOT_SIZE];
		struct slot_name n = {.role = 'c'};
		if (m->blobs && m->blob_epoch == w->blob_epoch) {
			w->marks[kept++] = *m;
			continue;
		}
		memcpy(n.lead, m->lead, sizeof n.lead);
		name_put_slot(file, &n);
		if (pool_give(&w->queue->pool, w->own->dir, file, m->octets) < 0 && errno != ENOENT)
			log_msg(LOG_WARN, "unlink %s/%s:", w->own->dir->path, file); /* R3 at the next start */
	}
	w->nmarks = kept;
}

void txn_mark(struct spool_worker *w)
{
	if (w->nmarks == w->marks_cap)
		w->marks = xrealloc(w->marks, (w->marks_cap = w->marks_cap ? w->marks_cap * 2 : 8) * sizeof *w->marks);
	struct mark *m = &w->marks[w->nmarks++];
	*m = (struct mark){.blobs = w->in[0].n.blobs, .blob_epoch = w->blob_epoch, .octets = w->in[0].octets};
	memcpy(m->lead, w->lead, sizeof m->lead);
	w->idle_at = clock_mono_us() + (quick_possible(w) ? QUIET_MS : IDLE_MS) * 1000;
}

/* G6, G5, G7, G8: everything here may be repeated by R3. */
static int publish(struct spool_worker *w)
{
	char file[NAME_SLOT_SIZE], note[NAME_SLOT_SIZE];
	txn_file(w, 'n', NULL, note);
	for (size_t i = 0; i < w->nparts; i++) {
		struct part *p = w->parts[i];
		part_file(w, p, file);
		if (target_publish(w, w->act, file, p->dest, &p->target, p->octets) < 0)
			return txn_stuck(w, "G6");
	}
	if (w->noted && note_retire(&w->note, w->act->dir, note, &w->spare) < 0 && errno != ENOENT)
		log_msg(LOG_WARN, "unlink %s:", note);
	if (w->act == w->own)
		drop_marks(w); /* G5, of earlier transactions: behind G6, since somebody waits for that */
	for (size_t i = 1; i < w->nin; i++) {
		txn_file(w, 'i', &w->in[i].n, file);
		if (pool_give(&w->queue->pool, w->act->dir, file, w->in[i].octets) < 0 && errno != ENOENT)
			return txn_stuck(w, "G7");
	}
	if (w->in[0].n.blobs && blob_unlink_all(w->queue->root, &w->in_blobs, w->lead) < 0)
		return txn_stuck(w, "G8");
	txn_mark(w);
	return 0;
}

/* (With effects it is not asked for; but then parts are files that are used again, and beside W2 it costs no time.) */
bool txn_syncs_claims(const struct spool_worker *w)
{
	return w->nin > 1 || w->state || w->opt.effects || w->queue->root->strict;
}

int txn_set_mark(struct spool_worker *w)
{
	char input[NAME_SLOT_SIZE], mark[NAME_SLOT_SIZE];
	txn_file(w, 'i', &w->in[0].n, input);
	txn_file(w, 'c', NULL, mark);
	if (sys_rename(w->act->dir, input, w->act->dir, mark) == 0)
		return 0;
	if (errno == EEXIST)
		spool_die("%s/%s exists", w->act->dir->path, mark);
	return -1;
}

static int general_form(struct spool_worker *w)
{
	if (w->state)
		state_commit(w->state, w->in, w->nin, NULL); /* G2 */
	if (txn_set_mark(w) < 0)			     /* G3 */
		return w->state ? txn_stuck(w, "G3") : -1;
	if (!w->state)
		slot_fsync(w, "G4");
	return publish(w);
}

/* Everything was dropped and nothing else happened: the inputs go. A death in between only repeats the dropping. */
static int drop_inputs(struct spool_worker *w)
{
	for (size_t i = 0; i < w->nin; i++) {
		char file[NAME_SLOT_SIZE];
		txn_file(w, 'i', &w->in[i].n, file);
		if (sys_unlink(w->act->dir, file) < 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

static int slot_flush(const void *dir)
{
	return dir_fsync(dir);
}

/* W2 to W4 and G1. A transaction without blobs has both flushes of the disk at once: neither rests on the other, and
 * what comes behind them on both. With blobs W4 is to be before G1. */
static int sync_all(struct spool_worker *w)
{
	/* (with hooks one goes before the other, some times this one, some times that) */
	bool beside = !parts_have_blobs(w) && !w->in[0].n.blobs && (!spool_sys_before || w->nparts % 2);
	if (beside)
		side_begin(&w->side, slot_flush, w->act->dir);
	int r = parts_sync(w), err = errno;
	if (!beside && r == 0)
		side_begin(&w->side, slot_flush, w->act->dir);
	/* nothing may be decided after a failed one, not even that it was rolled back */
	if ((beside || r == 0) && side_end(&w->side) < 0)
		spool_die("G1: fsync %s:", w->act->dir->path);
	errno = err;
	return r;
}

int txn_commit(struct spool_worker *w)
{
	if (quick_fits(w))
		return quick_commit(w);
	w->quick.settled = false;
	if (parts_write(w) < 0)
		return -1;
	bool outside = w->state || w->opt.effects || w->noted || w->in[0].n.blobs || w->splitting;
	if (!w->nparts && !outside)
		return drop_inputs(w);
	bool single = w->nin == 1 && w->nparts == 1 && !outside && !w->parts[0]->target.blobs && !w->queue->root->strict;
	if ((!single && txn_syncs_claims(w) ? sync_all(w) : parts_sync(w)) < 0)
		return -1;
	return single ? single_form(w) : general_form(w);
}

void txn_settle(struct spool_worker *w)
{
	for (size_t i = 0; i < w->nmarks; i++)
		if (w->marks[i].blobs && w->marks[i].blob_epoch == w->blob_epoch) {
			blob_fsync(w);
			break;
		}
	if (dir_fsync(w->own->dir) < 0)
		spool_die("fsync %s:", w->own->dir->path);
	drop_marks(w);
	w->quick.settled = w->quick.fd >= 0;
}

void txn_idle(struct spool_worker *w)
{
	quick_prepare(w);
	txn_settle(w);
}
