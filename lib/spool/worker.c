/*
 * worker.c - one worker of a queue: its life, and what its program calls between claim and commit.
 */
#include "spool/worker.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLOT_TRY_MS = 2000 }; /* a recoverer may hold a fixed slot for a moment */

/* ---- open and close ---- */

static struct slot *first_free(const struct queue *q)
{
	for (int i = 1; i <= SPOOL_SLOTS; i++) {
		struct slot *s = slot_take(q->cur, i, true);
		if (s || errno != EWOULDBLOCK)
			return s;
	}
	errno = EBUSY;
	return NULL;
}

static struct slot *fixed_slot(const struct queue *q, int number)
{
	for (int ms = 0;; ms += 20) {
		struct slot *s = slot_take(q->cur, number, true);
		if (s || errno != EWOULDBLOCK)
			return s;
		if (ms >= SLOT_TRY_MS)
			break;
		poll(NULL, 0, 20);
	}
	errno = EBUSY;
	return NULL;
}

static bool open_all(struct spool_worker *w, const char *path)
{
	w->queue = queue_open(path, QUEUE_WHOLE);
	if (!w->queue)
		return false;
	/* a state store has one writer, and an ordered queue one worker */
	int number = w->opt.database || w->opt.ordered ? 1 : w->opt.slot;
	w->own = w->act = number ? fixed_slot(w->queue, number) : first_free(w->queue);
	if (!w->own)
		return false;
	snprintf(w->spare_file, sizeof w->spare_file, "note.%d", w->own->number);
	w->spare = (struct note_spare){w->queue->pool.dir, w->spare_file};
	w->last_stamp = w->own->page->last_stamp;
	w->own->page->ordered = w->opt.ordered || w->opt.database;
	if (w->opt.database && !(w->state = state_open(w->opt.database)))
		return false;
	bool adopt;
	/* a batch may be in a directory that was being made anew */
	if (compact_undo(w->queue) < 0 || quick_find_input(w) < 0 || slot_recover(w, w->own, &adopt) < 0)
		return false;
	w->recovered = true;
	w->adopt = adopt;
	siblings_recover(w);
	queue_sweep(w->queue);
	waiting_scan(w);
	return true;
}

struct spool_worker *worker_new(const struct spool_worker_options *opt)
{
	struct spool_worker *w = xcalloc(1, sizeof *w);
	w->opt = *opt;
	w->inotify = w->quick.fd = -1;
	if (!w->opt.limit)
		w->opt.limit = LIMIT_FILES;
	return w;
}

struct spool_worker *spool_worker_open(const char *path, const struct spool_worker_options *opt)
{
	struct spool_worker *w = worker_new(opt);
	if (open_all(w, path))
		return w;
	int err = errno;
	spool_worker_close(w);
	errno = err;
	return NULL;
}

static void release_adopted(struct spool_worker *w)
{
	if (w->act != w->own)
		slot_release(w->act);
	w->act = w->own;
}

void spool_worker_close(struct spool_worker *w)
{
	if (!w)
		return;
	if (w->lead[0])
		spool_rollback(w);
	if (w->own && !w->stuck && w->nmarks)
		txn_settle(w);
	if (w->recovered && w->state && !w->stuck && !w->nmarks)
		state_forget(w->state);
	if (w->own) {
		quick_drop(w);
		release_adopted(w);
		slot_release(w->own);
	}
	note_free(&w->note);
	side_free(&w->side);
	state_close(w->state);
	for (size_t i = 0; i < w->ntargets; i++)
		queue_close(w->targets[i]);
	if (w->inotify >= 0)
		close(w->inotify);
	scan_free(&w->new);
	scan_free(&w->defer);
	held_clear(w);
	buf_free(&w->text);
	buf_free(&w->defer_text);
	free(w->lines);
	free(w->line_record);
	free(w->line_input);
	free(w->parts);
	free(w->deferred);
	free(w->marks);
	free(w->targets);
	queue_close(w->queue);
	free(w);
}

/* ---- claim ---- */

/* What a stuck transaction still had to publish; or a roll back that was not finished. */
static int unstick(struct spool_worker *w)
{
	bool adopt;
	if (slot_recover(w, w->act, &adopt) < 0) {
		txn_wait(w, false);
		return -1;
	}
	w->stuck = false;
	w->adopt = adopt;
	if (w->act == w->own)
		w->nmarks = 0; /* R3 removed them all */
	if (!adopt)
		release_adopted(w);
	txn_wait(w, true);
	return 0;
}

/* Filters stop claiming when the disk is nearly full or a queue behind them is too long. */
static bool blocked(struct spool_worker *w)
{
	bool stop = root_low(w->queue->root, true);
	if (root_low(w->queue->root, false)) /* it may be what keeps the disk low, for ever */
		pool_empty(&w->queue->pool);
	for (size_t i = 0; i < w->ntargets && !stop; i++)
		stop = level_above(w->targets[i], w->opt.limit);
	if (stop)
		w->wait_until = clock_mono_us() + 1000000;
	return stop;
}

/* A batch that killed two workers is not run: the record that was running goes to fail/, the rest waits again, with the
 * same stamp. */
static int split_poison(struct spool_worker *w)
{
	const struct spool_name *n = &w->in[0].n;
	const char *dest = n->due >= 0 ? "=defer" : "=new";
	int bad = n->record % n->records;
	w->splitting = true;
	for (size_t i = 0; i < w->nlines; i++) {
		struct blob_list blobs = {0};
		const struct spool_line *l = &w->lines[i];
		if (w->line_record[i] == bad) {
			part_fail_line(w, (int)i, "killed its worker twice");
			continue;
		}
		if (w->in_blobs.n)
			blob_list_scan(&blobs, l->p, l->n);
		part_put(w, -1, dest, n->due, n->key, n->stamp, l->p, l->n, &blobs);
		blob_list_free(&blobs);
	}
	return spool_commit(w);
}

/* The same where others of the transaction have happened outside already: only the bad record is taken out. */
static void fail_poison_in_place(struct spool_worker *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->nlines; i++) {
		const struct spool_name *n = &w->in[w->line_input[i]].n;
		if (n->kills >= 2 && w->line_record[i] == n->record && !w->lines[i].outcome) {
			part_fail_line(w, (int)i, "killed its worker twice");
			continue;
		}
		w->lines[kept] = w->lines[i];
		w->line_record[kept] = w->line_record[i];
		w->line_input[kept++] = w->line_input[i];
	}
	w->nlines = kept;
}

static int claim_some(struct spool_worker *w)
{
	for (;;) {
		bool adopted = w->adopt;
		int n = adopted ? claim_adopted(w) : claim_waiting(w);
		if (n < 0)
			txn_wait(w, false);
		if (n <= 0)
			return n;
		if (w->state)
			state_begin(w->state);
		if (adopted) {
			fail_poison_in_place(w);
			if (w->nlines)
				return (int)w->nlines;
			if (spool_commit(w) < 0)
				return -1;
		} else if (w->in[0].n.kills < 2) {
			return n;
		} else if (split_poison(w) < 0) {
			return -1;
		}
	}
}

/* A full disk must be noticed before the effects, not when their outcomes cannot be noted. */
static int prepare_note(struct spool_worker *w)
{
	char file[NAME_SLOT_SIZE];
	txn_file(w, 'n', NULL, file);
	w->noted = true;
	if (note_begin(&w->note, w->act->dir, file, &w->spare, w->nlines) == 0)
		return 0;
	int err = errno;
	log_msg(LOG_WARN, "no room for notes in %s:", w->act->dir->path);
	spool_rollback(w);
	if (err == ENOSPC)
		pool_empty(&w->queue->pool);
	txn_wait(w, false);
	errno = err;
	return -1;
}

int spool_claim(struct spool_worker *w, struct spool_line **lines)
{
	*lines = NULL;
	if (w->lead[0])
		spool_die("%s: a claim within a transaction", w->queue->name);
	if (w->wait_until > clock_mono_us()) {
		errno = EAGAIN;
		return -1;
	}
	if (w->stuck && unstick(w) < 0)
		return -1;
	if (blocked(w)) {
		errno = ENOSPC;
		return -1;
	}
	int n = claim_some(w);
	if (n > 0 && w->opt.effects && prepare_note(w) < 0)
		return -1;
	*lines = w->lines;
	return n;
}

void spool_running(struct spool_worker *w, int i)
{
	if (i < 0)
		page_stop(w->act);
	else
		page_run(w->act, w->lines[i].batch, w->line_record[i]);
}

/* ---- what the step gives ---- */

static void refs_list(struct blob_list *l, const struct spool_blobref *refs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		blob_list_add(l, refs[i].fresh, refs[i].fresh ? spool_blob_id(refs[i].fresh) : refs[i].id);
}

void spool_put(struct spool_worker *w, int i, const char *queue, const char *line, size_t n,
	       const struct spool_blobref *blobs, size_t nblobs)
{
	struct blob_list l = {0};
	char *root, name[NAME_DEST_SIZE];
	if (!queue_split(queue, &root, name))
		spool_die("%s is not a queue:", queue);
	if (!target_queue(w, name))
		w->broken = errno; /* not there, or no descriptor is left: roll back and wait */
	free(root);
	refs_list(&l, blobs, nblobs);
	part_put(w, i, name, -1, "", 0, line, n, &l);
	blob_list_free(&l);
}

void spool_defer(struct spool_worker *w, int i, int64_t due_us, const char *key, const char *line, size_t n,
		 const struct spool_blobref *blobs, size_t nblobs)
{
	int64_t latest = clock_real_us() + (int64_t)DEFER_MAX_S * 1000000;
	(void)i;
	if (w->ndeferred == w->deferred_cap)
		w->deferred = xrealloc(w->deferred, (w->deferred_cap = w->deferred_cap ? w->deferred_cap * 2 : 16) *
							    sizeof *w->deferred);
	struct deferred *d = &w->deferred[w->ndeferred++];
	*d = (struct deferred){.due = due_us < latest ? due_us : latest, .at = w->defer_text.n, .n = n};
	if (d->due < 0)
		d->due = 0;
	if (w->opt.ordered && key && *key)
		name_key(d->key, key);
	refs_list(&d->blobs, blobs, nblobs);
	buf_put(&w->defer_text, line, n);
}

void spool_fail(struct spool_worker *w, int i, const char *line, size_t n, const struct spool_blobref *blobs,
		size_t nblobs)
{
	struct blob_list l = {0};
	refs_list(&l, blobs, nblobs);
	part_put(w, i, "=fail", -1, "", 0, line, n, &l);
	blob_list_free(&l);
}

int64_t spool_held(struct spool_worker *w, int i, const char *key)
{
	char hash[NAME_UNIQ + 1];
	if (!w->opt.ordered || !key || !*key)
		return 0;
	name_key(hash, key);
	for (size_t k = w->ndeferred; k-- > 0;)
		if (strcmp(w->deferred[k].key, hash) == 0)
			return w->deferred[k].due;
	const struct held *h = held_find(w, hash);
	int64_t own = w->in[w->line_input[i]].n.due;
	/* those with the same due as this one stand behind it */
	return h && h->due > own ? h->due : 0;
}

int spool_note(struct spool_worker *w, int i, const char *outcome)
{
	return note_write(&w->note, w->lines[i].batch, w->line_record[i], outcome);
}

struct sqlite3 *spool_database(struct spool_worker *w)
{
	return w->state ? state_handle(w->state) : NULL;
}

/* ---- the end of a transaction ---- */

int spool_commit(struct spool_worker *w)
{
	if (!w->lead[0])
		return 0;
	page_stop(w->act);
	if (txn_commit(w) < 0) {
		int err = errno;
		log_msg(LOG_WARN, "%s: %s is rolled back:", w->queue->name, w->lead);
		spool_rollback(w);
		if (err == ENOSPC)
			pool_empty(&w->queue->pool);
		txn_wait(w, false);
		errno = err;
		return -1;
	}
	txn_forget(w);
	if (w->state)
		state_tidy(w->state);
	if (w->stuck)
		return 0;
	txn_wait(w, true);
	if (w->act != w->own) { /* a dead sibling's: leave it clean */
		w->stuck = true;
		if (unstick(w) == 0)
			siblings_recover(w);
	}
	return 0;
}

void spool_rollback(struct spool_worker *w)
{
	bool adopt;
	if (w->state)
		state_rollback(w->state);
	txn_forget(w);
	if (slot_recover(w, w->act, &adopt) < 0) {
		w->stuck = true;
		txn_wait(w, false);
		return;
	}
	w->adopt = adopt;
	if (w->act == w->own)
		w->nmarks = 0;
	if (!adopt)
		release_adopted(w);
}

/* ---- waking up ---- */

int spool_fd(struct spool_worker *w)
{
	/* made at the first need: who only empties a queue (a tool) does not pay for it */
	if (w->inotify < 0 && waiting_watch(w) == 0)
		waiting_scan(w);
	return w->inotify;
}

int spool_timeout_ms(struct spool_worker *w)
{
	int64_t now = clock_mono_us(), at = w->rescan_at;
	bool last;
	if (w->wait_until > now) {
		at = w->wait_until < at ? w->wait_until : at;
	} else {
		if (w->adopt || w->stuck || waiting_next(w, false, &last) || waiting_next(w, true, &last))
			return 0;
		int64_t due = waiting_due(w);
		if (due >= 0) {
			int64_t then = now + (due - clock_real_us());
			at = then < at ? then : at;
		}
	}
	if (w->nmarks && w->idle_at < at)
		at = w->idle_at;
	return clock_ms_until(at, now);
}

void spool_tick(struct spool_worker *w)
{
	if (w->inotify >= 0)
		waiting_read_hints(w);
	if (w->lead[0])
		return;
	if (w->inotify < 0)
		waiting_scan(w);
	int64_t now = clock_mono_us();
	if (w->nmarks && now >= w->idle_at && !w->stuck)
		txn_idle(w);
	if (now >= w->rescan_at) {
		siblings_recover(w);
		queue_sweep(w->queue);
		waiting_scan(w);
	}
}
