/*
 * sweep.c - what a dead producer left in tmp/: sealed batches are committed and go on, others are removed (s0, s1).
 */
#include "spool/batch.h"
#include "spool/ready.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { OPEN_AGE = 3600 }; /* seconds: a writer that does not flock (by hand) may live that long */

struct sweep {
	struct queue *queue;
	int published;
};

enum judgement { S0, S1, UNREAD };

/* s1: then *n says of what batch. What cannot be read may be either, and is nobody's to remove. */
static enum judgement judge(int fd, struct tmp_name *n, const struct stat *st)
{
	if (n->form == TMP_OPEN || st->st_size != n->octets)
		return S0;
	struct buf b = {0};
	int r = sys_read_all(fd, &b, (size_t)n->octets);
	bool agrees = r == 0 && (n->form == TMP_READY ? ready_sealed(slice_buf(&b), n) : crc32c(0, b.p, b.n) == n->crc);
	buf_free(&b);
	return r < 0 ? UNREAD : agrees ? S1 : S0;
}

static void publish(struct sweep *s, int fd, const char *file, const struct tmp_name *n)
{
	struct queue *q = s->queue;
	if (sys_fsync(fd) < 0) {
		if (errno == EIO)
			spool_die("fsync %s/%s:", q->tmp->path, file);
		log_msg(LOG_WARN, "fsync %s/%s:", q->tmp->path, file);
		return;
	}
	if (sys_rename(q->tmp, file, q->new, n->name) == 0) {
		level_add(q, 1, n->octets);
		s->published++;
		log_event(LOG_INFO, NULL, "swept", "queue", q->name, "batch", n->name, NULL);
	} else if (errno == EEXIST) {
		spool_die("%s/%s exists: two batches of one name", q->new->path, n->name);
	} else if (errno != ENOENT) { /* ENOENT: another sweep was faster */
		log_msg(LOG_WARN, "publish %s/%s:", q->tmp->path, file);
	}
}

static void discard(struct sweep *s, const char *file, const struct tmp_name *n)
{
	struct queue *q = s->queue;
	if (n->blobs && blob_drop(q->root, n->name) < 0) {
		log_msg(LOG_WARN, "links of %s:", n->name);
		return;
	}
	if (sys_unlink(q->tmp, file) < 0 && errno != ENOENT)
		log_msg(LOG_WARN, "unlink %s/%s:", q->tmp->path, file);
	else if (n->form != TMP_READY) /* one for which there was no batch is nothing to speak of */
		log_event(LOG_INFO, NULL, "unfinished-batch-removed", "queue", q->name, "batch", n->name, NULL);
}

static bool seen(void *ctx, const char *file)
{
	struct sweep *s = ctx;
	struct tmp_name n;
	if (!name_parse_tmp(file, &n))
		return true; /* not ours */
	int fd = sys_open(s->queue->tmp, file, O_RDONLY);
	if (fd < 0)
		return true;
	struct stat st;
	/* the lock says that its writer is dead; the link that it was not published or removed meanwhile */
	if (sys_flock(fd) == 0 && sys_stat(fd, &st) == 0 && st.st_nlink > 0) {
		enum judgement is = judge(fd, &n, &st);
		if (is == UNREAD)
			log_msg(LOG_ERROR, "%s/%s:", s->queue->tmp->path, file);
		else if (is == S1)
			publish(s, fd, file, &n);
		else if (n.form != TMP_OPEN || clock_real_us() / 1000000 - st.st_mtime >= OPEN_AGE)
			discard(s, file, &n);
	}
	close(fd);
	return true;
}

int queue_sweep(struct queue *q)
{
	struct sweep s = {.queue = q};
	if (dir_list(q->tmp, seen, &s) < 0)
		log_msg(LOG_WARN, "%s:", q->tmp->path);
	blob_sweep(q->root);
	return s.published;
}
