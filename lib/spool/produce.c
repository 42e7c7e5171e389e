/*
 * produce.c - an edge or a tool gives records to a queue: P0 to P4.
 */
#include "spool/batch.h"
#include "spool/page.h"
#include "spool/ready.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A batch on its way through P1 to P4. */
struct outgoing {
	struct batch batch;
	int fd;
	int64_t octets; /* that are in a file that is used again */
	bool open_form;
	char name[NAME_SIZE];
	char file[NAME_FILE_SIZE]; /* its name in tmp/ */
};

struct spool_producer {
	struct queue *queue;
	struct outgoing *out;
	size_t n, cap;
	int64_t last_stamp;
	uint64_t seed, counter;
	int64_t create_ns; /* processor time of making a file, lately */
	int batches;
	struct ready ready;
	struct outgoing shown; /* in new/, P3 is yet to come; fd -1: none */
	int64_t idle_since; /* monotonic µs of the last commit; 0: a file was made ready since, or could not be */
	struct buf sealed;
};

enum {
	SETTLE_US = 1000, /* what was shown is flushed by itself when its reader has most likely done with it */
	CREATE_SLOW_NS = 300000, /* three times what it costs elsewhere */
	CREATE_PROBE = 64, /* while files are used again, one in so many is made, to see whether it is still slow */
};

static uint64_t writer_seed(const void *self)
{
	struct {
		int64_t pid, start;
		uint64_t random;
		const void *self;
	} v = {getpid(), clock_mono_us(), 0, self};
	random_octets(&v.random, sizeof v.random);
	return hash64(hash64(0, boot_id(), strlen(boot_id())), &v, sizeof v);
}

struct spool_producer *spool_producer_open(const char *path)
{
	struct queue *q = queue_open(path, QUEUE_WHOLE);
	if (!q)
		return NULL;
	struct spool_producer *p = xcalloc(1, sizeof *p);
	p->queue = q;
	p->ready.fd = p->shown.fd = -1;
	p->seed = writer_seed(p);
	/* a clock that went back must not put new batches before waiting ones */
	if (dir_list(q->new, stamp_seen, &p->last_stamp) < 0)
		log_msg(LOG_WARN, "%s:", q->new->path);
	queue_sweep(q);
	return p;
}

void spool_producer_put(struct spool_producer *p, const char *line, size_t n, const struct spool_blobref *blobs,
			size_t nblobs)
{
	for (size_t i = 0; i < nblobs; i++)
		if (!blobs[i].fresh)
			spool_die("a producer names blob %s that it did not write", blobs[i].id);
	if (!p->n || !batch_fits(&p->out[p->n - 1].batch, n, SPOOL_BATCH_FULL)) {
		if (p->n == p->cap)
			p->out = xrealloc(p->out, (p->cap = p->cap ? p->cap * 2 : 4) * sizeof *p->out);
		p->out[p->n++] = (struct outgoing){.fd = -1};
	}
	batch_add(&p->out[p->n - 1].batch, line, n, blobs, nblobs);
}

static void forget(struct spool_producer *p)
{
	for (size_t i = 0; i < p->n; i++)
		batch_free(&p->out[i].batch);
	p->n = 0;
}

static int64_t processor_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Making a file is slow where many were just removed: then use one of the pool, at the price of the open form. */
static bool recycles(struct spool_producer *p)
{
	p->batches++;
	return spool_recycle || (p->create_ns > CREATE_SLOW_NS && p->batches % CREATE_PROBE);
}

/* P1 of one name: a file of the pool, in the open form, or a new one. */
static int make_file(struct spool_producer *p, struct outgoing *o)
{
	struct queue *q = p->queue;
	o->open_form = true;
	memcpy(o->file, o->name, sizeof o->name);
	int fd = recycles(p) ? pool_take(&q->pool, q->tmp, o->file, &o->octets) : -1;
	if (fd >= 0)
		return fd;
	o->octets = 0;
	o->open_form = o->batch.blobs.n > 0 || q->root->strict;
	if (!o->open_form)
		name_put_tmp(o->file, o->name, o->batch.data.n, crc32c(0, o->batch.data.p, o->batch.data.n));
	int64_t before = processor_ns();
	fd = sys_create(q->tmp, o->file);
	p->create_ns += (processor_ns() - before - p->create_ns) / 4;
	return fd;
}

static void next_name(struct spool_producer *p, char name[NAME_SIZE], int records, const char *kind)
{
	uint64_t uniq = hash64(p->seed, &p->counter, sizeof p->counter);
	p->counter++;
	name_make(name, stamp_next(&p->last_stamp), uniq, records, kind);
}

/* P1: a name that nobody has, under a lock that tells a sweep that we live. */
static int create(struct spool_producer *p, struct outgoing *o)
{
	for (;;) {
		next_name(p, o->name, o->batch.records, o->batch.blobs.n ? "b" : "");
		o->fd = make_file(p, o);
		if (o->fd < 0)
			return -1;
		struct stat st;
		bool locked = sys_flock(o->fd) == 0;
		if (locked && sys_stat(o->fd, &st) == 0 && st.st_nlink > 0)
			return 0;
		if (!locked && errno != EWOULDBLOCK)
			return -1;
		if (locked && st.st_nlink > 0)
			return -1; /* fstat failed */
		/* a sweep has it in hand, or a producer that has yet to flush what it has shown: leave it to a sweep */
		close(o->fd);
		o->fd = -1;
	}
}

/* P1, P2. */
static int write_file(struct spool_producer *p, struct outgoing *o)
{
	if (create(p, o) < 0 || sys_write(o->fd, o->batch.data.p, o->batch.data.n) < 0 ||
	    pool_cut(o->fd, o->octets, o->batch.data.n) < 0)
		return -1;
	return 0;
}

static void let_go(struct outgoing *o)
{
	close(o->fd);
	o->fd = -1;
}

/* Error in P1 to P3: nothing of it is committed, and a file whose write failed is never touched again. */
static int give_up(struct spool_producer *p, const char *step)
{
	int err = errno;
	log_msg(LOG_WARN, "%s/%s: %s:", p->queue->root->path, p->queue->name, step);
	for (size_t i = 0; i < p->n; i++) {
		struct outgoing *o = &p->out[i];
		if (o->fd < 0)
			continue;
		if (o->batch.blobs.n && (blob_unlink_all(p->queue->root, &o->batch.blobs, o->name) < 0 ||
					 dir_fsync(p->queue->root->blob) < 0))
			log_msg(LOG_WARN, "links of %s are left to a sweep:", o->name);
		else if (sys_unlink(p->queue->tmp, o->file) < 0)
			log_msg(LOG_WARN, "unlink %s/%s:", p->queue->tmp->path, o->file);
		let_go(o);
	}
	if (err == EIO)
		spool_die("%s: input/output error", p->queue->name);
	forget(p);
	errno = err;
	return -1;
}

/* The links of a batch with blobs: durable before the batch can be seen. */
static int link_blobs(struct spool_producer *p)
{
	bool any = false;
	for (size_t i = 0; i < p->n; i++) {
		struct outgoing *o = &p->out[i];
		if (!o->batch.blobs.n)
			continue;
		any = true;
		if (blob_link_all(p->queue->root, &o->batch.blobs, "", o->name) < 0)
			return -1;
	}
	return any ? dir_fsync(p->queue->root->blob) : 0;
}

/* P4 of one file. */
static int publish_one(struct queue *q, const struct outgoing *o)
{
	if (sys_rename(q->tmp, o->file, q->new, o->name) < 0) {
		if (errno == EEXIST)
			spool_die("%s/%s exists: two batches of one name", q->new->path, o->name);
		return -1;
	}
	level_add(q, 1, (int64_t)o->batch.data.n);
	return 0;
}

/* P4 for all. Those of the open form first: while none of them has left tmp/ everything can still be taken back. Their
 * commit is the fsync of new/: there they may be taken at any moment, but before it nobody may answer. */
static int publish(struct spool_producer *p)
{
	int seen = 0;
	struct queue *q = p->queue;
	for (size_t i = 0; i < p->n; i++)
		if (p->out[i].open_form) {
			if (publish_one(q, &p->out[i]) < 0) {
				if (!seen)
					return -1;
				spool_die("publish %s/%s:", q->tmp->path, p->out[i].file);
			}
			let_go(&p->out[i]);
			seen++;
		}
	if (seen && dir_fsync(q->new) < 0)
		spool_die("fsync %s:", q->new->path);
	for (size_t i = 0; i < p->n; i++) {
		struct outgoing *o = &p->out[i];
		if (o->open_form)
			continue;
		if (publish_one(q, o) < 0) /* sealed: committed by P3, so the answer is yes */
			log_msg(LOG_WARN, "publish %s/%s is left to a sweep:", q->tmp->path, o->file);
		let_go(o);
	}
	return 0;
}

static bool commits_ready(struct spool_producer *p)
{
	const struct batch *b = &p->out[0].batch;
	return p->n == 1 && !b->blobs.n && ready_takes(&p->ready, b->data.n);
}

/* The ready form: P2, P4; P3 by spool_producer_settle(). Whoever reads the queue begins before the flush. */
static int show_ready(struct spool_producer *p)
{
	struct outgoing *o = &p->out[0];
	next_name(p, o->name, o->batch.records, "r");
	memcpy(o->file, p->ready.file, sizeof o->file);
	o->fd = p->ready.fd;
	p->ready.fd = -1;
	ready_seal(&p->sealed, o->name, &o->batch.data);
	if (sys_write(o->fd, p->sealed.p, p->sealed.n) < 0)
		return give_up(p, "write");
	if (publish_one(p->queue, o) < 0)
		return give_up(p, "publish");
	p->shown = *o;
	p->shown.batch = (struct batch){0};
	return 0;
}

void spool_producer_settle(struct spool_producer *p)
{
	struct outgoing *o = &p->shown;
	if (o->fd < 0)
		return;
	/* it may have been taken: what cannot be promised cannot be refused any more either */
	if (sys_fdatasync(o->fd) < 0)
		spool_die("fsync %s/%s:", p->queue->new->path, o->name);
	let_go(o);
}

static int commit_files(struct spool_producer *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (write_file(p, &p->out[i]) < 0)
			return give_up(p, "write");
		if (p->n > 1)
			sys_flush_hint(p->out[i].fd);
	}
	for (size_t i = 0; i < p->n; i++) /* P3 */
		if (sys_fsync(p->out[i].fd) < 0)
			return give_up(p, "fsync");
	if (link_blobs(p) < 0)
		return give_up(p, "link blobs");
	return publish(p) < 0 ? give_up(p, "publish") : 0;
}

int spool_producer_show(struct spool_producer *p)
{
	if (!p->n)
		return 0;
	spool_producer_settle(p);
	if (spool_producer_full(p)) { /* P0 */
		forget(p);
		errno = ENOSPC;
		return -1;
	}
	if ((commits_ready(p) ? show_ready(p) : commit_files(p)) < 0)
		return -1;
	forget(p);
	p->idle_since = clock_mono_us();
	return 0;
}

int spool_producer_commit(struct spool_producer *p)
{
	int r = spool_producer_show(p);
	spool_producer_settle(p);
	return r;
}

int spool_producer_idle(struct spool_producer *p)
{
	char name[NAME_SIZE];
	int wait;
	if (p->shown.fd >= 0) {
		wait = clock_ms_until(p->idle_since + SETTLE_US, clock_mono_us());
		if (wait)
			return wait;
		spool_producer_settle(p);
	}
	if (!p->idle_since || p->ready.fd >= 0 || p->queue->root->strict)
		return -1;
	wait = clock_ms_until(p->idle_since + spool_ready_pause_us, clock_mono_us());
	if (wait)
		return wait;
	p->idle_since = 0;
	if (spool_producer_full(p))
		return -1;
	next_name(p, name, 1, "r");
	if (ready_make(&p->ready, p->queue, name) < 0)
		log_msg(LOG_WARN, "%s/%s:", p->queue->tmp->path, p->ready.file);
	return -1;
}

bool spool_producer_full(struct spool_producer *p)
{
	return root_low(p->queue->root, false) || level_above(p->queue, LIMIT_FILES);
}

void spool_producer_close(struct spool_producer *p)
{
	if (!p)
		return;
	forget(p);
	spool_producer_settle(p);
	ready_drop(&p->ready, p->queue);
	buf_free(&p->sealed);
	free(p->out);
	queue_close(p->queue);
	free(p);
}
