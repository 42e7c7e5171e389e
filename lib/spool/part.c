/*
 * part.c - the outputs of a transaction: collected, written into the slot (W1), made durable (W2), their blobs linked
 * (W3, W4).
 */
#include "spool/worker.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPEN_PARTS = 48 }; /* descriptors kept open between W1 and W2 */

void part_file(const struct spool_worker *w, const struct part *p, char out[NAME_SLOT_SIZE])
{
	struct slot_name n = {.role = 'o', .k = p->k, .target = p->target};
	memcpy(n.lead, w->lead, sizeof n.lead);
	memcpy(n.dest, p->dest, sizeof n.dest);
	name_put_slot(out, &n);
}

/* An error of write, fsync or close: EIO is not survived; the rest rolls the transaction back. */
static int trouble(struct part *p, const char *step)
{
	int err = errno;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	errno = err;
	if (err == EIO)
		spool_die("%s of a part for %s:", step, p->dest);
	return -1;
}

static int sync_part(struct part *p)
{
	int fd = p->fd;
	if (sys_fsync(fd) < 0)
		return trouble(p, "fsync");
	p->fd = -1;
	if (sys_close(fd) < 0)
		return trouble(p, "close");
	p->synced = true;
	return 0;
}

void part_name(struct spool_worker *w, struct part *p)
{
	int64_t stamp = p->stamp ? p->stamp : stamp_next(&w->last_stamp);
	uint64_t uniq = hash64(hash64(0, w->lead, strlen(w->lead)), p->dest, strlen(p->dest) + 1);
	uniq = hash64(uniq, &p->k, sizeof p->k);
	w->own->page->last_stamp = w->last_stamp;
	p->target.records = p->batch.records;
	p->target.blobs = p->batch.blobs.n > 0;
	name_make(p->target.name, stamp, uniq, p->batch.records, p->target.blobs ? "b" : "");
	p->octets = p->batch.data.n;
}

/* W1: now its number of records is known, and so its name. */
static int write_part(struct spool_worker *w, struct part *p)
{
	char file[NAME_SLOT_SIZE];
	part_name(w, p);
	part_file(w, p, file);
	p->written = true;
	/* a file that is used again has its name from a rename, which only G1 makes durable before the mark is; and W4
	 * comes before G1 */
	int64_t old = 0;
	if (txn_syncs_claims(w) && !p->target.blobs)
		p->fd = pool_take(&w->queue->pool, w->act->dir, file, &old);
	if (p->fd < 0)
		p->fd = sys_create(w->act->dir, file);
	if (p->fd < 0) {
		if (errno == EEXIST)
			spool_die("%s/%s exists", w->act->dir->path, file);
		return trouble(p, "create");
	}
	if (sys_write(p->fd, p->batch.data.p, p->batch.data.n) < 0 || pool_cut(p->fd, old, p->batch.data.n) < 0)
		return trouble(p, "write");
	buf_free(&p->batch.data);
	if (w->nparts > 1)
		sys_flush_hint(p->fd);
	return w->nparts > OPEN_PARTS ? sync_part(p) : 0;
}

static struct part *part_new(struct spool_worker *w, const char *dest, int64_t due, const char *key, int64_t stamp)
{
	struct part *p = xcalloc(1, sizeof *p);
	*p = (struct part){.k = (int)w->nparts + 1, .fd = -1, .stamp = stamp, .target.due = due};
	snprintf(p->dest, sizeof p->dest, "%s", dest);
	snprintf(p->target.key, sizeof p->target.key, "%s", key);
	if (w->nparts == w->parts_cap)
		w->parts = xrealloc(w->parts,
				    (w->parts_cap = w->parts_cap ? w->parts_cap * 2 : 8) * sizeof(struct part *));
	return w->parts[w->nparts++] = p;
}

static struct part *part_find(struct spool_worker *w, const char *dest, int64_t due, const char *key)
{
	for (size_t i = w->nparts; i-- > 0;) {
		struct part *p = w->parts[i];
		if (!p->written && p->target.due == due && strcmp(p->dest, dest) == 0 &&
		    strcmp(p->target.key, key) == 0)
			return p;
	}
	return NULL;
}

static void add_line(struct part *p, const char *line, size_t n, const struct blob_list *blobs)
{
	batch_add(&p->batch, line, n, NULL, 0);
	for (size_t b = 0; blobs && b < blobs->n; b++)
		blob_list_add(&p->batch.blobs, blobs->v[b].fresh, blobs->v[b].id);
}

void part_put(struct spool_worker *w, int i, const char *dest, int64_t due, const char *key, int64_t stamp,
	      const char *line, size_t n, const struct blob_list *blobs)
{
	if (w->broken || (i >= 0 && w->over[i]))
		return;
	struct part *p = part_find(w, dest, due, key);
	/* what keeps the stamp of its batch stays one file: two of one stamp have no order */
	if (p && !batch_fits(&p->batch, n, stamp ? SPOOL_BATCH_RECORDS : SPOOL_BATCH_FULL)) {
		if (write_part(w, p) < 0)
			w->broken = errno;
		p = NULL;
	}
	if (w->broken)
		return;
	if (!p && i >= 0 && dest[0] != '=' && w->nparts >= FANOUT_PARTS) {
		w->over[i] = true;
		part_fail_line(w, i, "more outputs than one transaction may have");
		return;
	}
	add_line(p ? p : part_new(w, dest, due, key, stamp), line, n, blobs);
}

void part_alone(struct spool_worker *w, const char *dest, int64_t due, const char *key, int64_t stamp, const char *line,
		size_t n, const struct blob_list *blobs)
{
	add_line(part_new(w, dest, due, key, stamp), line, n, blobs);
}

void part_fail_line(struct spool_worker *w, int i, const char *why)
{
	const struct spool_line *l = &w->lines[i];
	struct buf line = {0};
	struct blob_list blobs = {0};
	char now[CLOCK_ISO];
	size_t n = l->n;
	clock_iso(clock_real_us() / 1000, now);
	if (w->in_blobs.n)
		blob_list_scan(&blobs, l->p, l->n);
	/* by text: this line may be what kills whoever parses it */
	while (n && l->p[n - 1] == ' ')
		n--;
	bool object = n > 2 && l->p[0] == '{' && l->p[n - 1] == '}';
	buf_put(&line, l->p, object ? n - 1 : l->n);
	if (object)
		buf_printf(
			&line,
			",\"fail\":{\"why\":\"%s\",\"time\":\"%s\",\"program\":\"%s\",\"batch\":\"%s\",\"record\":%d,"
			"\"kills\":%d}}",
			why, now, log_program(), w->lead, w->line_record[i], l->kills);
	log_event(LOG_ERROR, NULL, "record-failed", "queue", w->queue->name, "batch", l->batch, "why", why, NULL);
	part_put(w, -1, "=fail", -1, "", 0, line.p, line.n, &blobs);
	blob_list_free(&blobs);
	buf_free(&line);
}

/* ---- deferred records: at most 8 files a transaction, so that fsyncs do not grow with the spread of due times ---- */

static int by_due(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static size_t distinct(const int64_t *due, size_t n, int64_t grain)
{
	size_t count = 0;
	int64_t last = -1;
	for (size_t i = 0; i < n; i++) {
		int64_t d = (due[i] + grain - 1) / grain * grain;
		count += d != last;
		last = d;
	}
	return count;
}

/* The grain to which due times are rounded up. Conversations of an ordered queue keep theirs: each has its own file
 * anyway. */
static int64_t due_grain(const struct spool_worker *w)
{
	int64_t *due = xmalloc(w->ndeferred * sizeof *due), grain = 1;
	size_t n = 0;
	for (size_t i = 0; i < w->ndeferred; i++)
		if (!w->deferred[i].key[0])
			due[n++] = w->deferred[i].due;
	if (n)
		qsort(due, n, sizeof *due, by_due);
	while (distinct(due, n, grain) > DEFER_PARTS)
		grain = grain == 1 ? 1000 : grain * 2;
	free(due);
	return grain;
}

static void put_deferred(struct spool_worker *w)
{
	int64_t grain = w->ndeferred ? due_grain(w) : 1;
	for (size_t i = 0; i < w->ndeferred; i++) {
		const struct deferred *d = &w->deferred[i];
		int64_t due = d->key[0] ? d->due : (d->due + grain - 1) / grain * grain;
		part_put(w, -1, "=defer", due, d->key, 0, w->defer_text.p + d->at, d->n, &d->blobs);
	}
}

/* W3, W4. */
static int link_blobs(struct spool_worker *w)
{
	struct root *r = w->queue->root;
	bool any = false;
	for (size_t i = 0; i < w->nparts; i++) {
		struct part *p = w->parts[i];
		if (!p->batch.blobs.n)
			continue;
		any = true;
		if (blob_link_all(r, &p->batch.blobs, w->lead, p->target.name) < 0)
			return -1;
	}
	if (!any)
		return 0;
	if (dir_fsync(r->blob) < 0) {
		if (errno == EIO)
			spool_die("fsync %s:", r->blob->path);
		return -1;
	}
	w->blob_epoch++;
	return 0;
}

int parts_write(struct spool_worker *w)
{
	put_deferred(w);
	for (size_t i = 0; i < w->nparts && !w->broken; i++)
		if (!w->parts[i]->written && write_part(w, w->parts[i]) < 0)
			w->broken = errno;
	errno = w->broken;
	return w->broken ? -1 : 0;
}

int parts_sync(struct spool_worker *w)
{
	for (size_t i = 0; i < w->nparts && !w->broken; i++)
		if (!w->parts[i]->synced && sync_part(w->parts[i]) < 0)
			w->broken = errno;
	if (!w->broken && link_blobs(w) < 0)
		w->broken = errno;
	errno = w->broken;
	return w->broken ? -1 : 0;
}

bool parts_have_blobs(const struct spool_worker *w)
{
	for (size_t i = 0; i < w->nparts; i++)
		if (w->parts[i]->target.blobs)
			return true;
	return false;
}
