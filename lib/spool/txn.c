/*
 * txn.c - the transaction in hand: its files become lines (C4), and what is forgotten when it ends.
 */
#include "spool/worker.h"
#include "spool/ready.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 20 }; /* far above what any writer makes: a larger file is damaged */

void txn_file(const struct spool_worker *w, char role, const struct spool_name *target, char out[NAME_SLOT_SIZE])
{
	struct slot_name n = {.role = role};
	memcpy(n.lead, w->lead, sizeof n.lead);
	if (target)
		n.target = *target;
	name_put_slot(out, &n);
}

void txn_forget(struct spool_worker *w)
{
	page_stop(w->act);
	note_end(&w->note);
	for (size_t i = 0; i < w->nparts; i++) {
		if (w->parts[i]->fd >= 0)
			close(w->parts[i]->fd);
		batch_free(&w->parts[i]->batch);
		free(w->parts[i]);
	}
	for (size_t i = 0; i < w->ndeferred; i++)
		blob_list_free(&w->deferred[i].blobs);
	for (size_t i = 0; i < w->nlines; i++)
		free((char *)w->lines[i].outcome);
	blob_list_free(&w->in_blobs);
	buf_clear(&w->defer_text);
	if (w->text.cap > 2 * SPOOL_BATCH_OCTETS)
		buf_free(&w->text);
	buf_clear(&w->text);
	free(w->over);
	w->over = NULL;
	w->nparts = w->ndeferred = w->nlines = w->nin = 0;
	w->broken = 0;
	w->noted = w->splitting = false;
	w->lead[0] = '\0';
}

void txn_wait(struct spool_worker *w, bool reset)
{
	if (reset) {
		w->wait_us = 0;
		w->wait_until = 0;
		return;
	}
	w->wait_us = w->wait_us ? w->wait_us * 2 : 1000000;
	if (w->wait_us > (int64_t)WAIT_MAX_S * 1000000)
		w->wait_us = (int64_t)WAIT_MAX_S * 1000000;
	w->wait_until = clock_mono_us() + w->wait_us;
}

/* The file as it is to fail/: nobody can say what its records are. */
static int damaged(struct spool_worker *w, const struct input *in, const char *what)
{
	char file[NAME_SLOT_SIZE];
	struct spool_name bare = in->n;
	txn_file(w, 'i', &in->n, file);
	log_event(LOG_ERROR, NULL, what, "queue", w->queue->name, "batch", in->n.name, NULL);
	bare.due = -1;
	bare.key[0] = '\0';
	bare.kills = 0;
	if (target_publish(w, w->act, file, "=fail", &bare, 0) < 0)
		return -1;
	errno = EBADMSG;
	return -1;
}

/* s0 of the ready form: a loss of power came before P3. */
static int unfinished(struct spool_worker *w, const struct input *in)
{
	char file[NAME_SLOT_SIZE];
	txn_file(w, 'i', &in->n, file);
	log_event(LOG_INFO, NULL, "unfinished-batch-removed", "queue", w->queue->name, "batch", in->n.name, NULL);
	if (sys_unlink(w->act->dir, file) == 0)
		errno = EBADMSG;
	return -1;
}

/* Read one input and count: every line ends in LF and there are as many as its name says. */
static int load_file(struct spool_worker *w, struct input *in, int fd)
{
	size_t start = w->text.n;
	int lines = 0;
	if (sys_read_all(fd, &w->text, FILE_MAX) < 0) {
		if (errno == EIO || errno == EFBIG)
			return damaged(w, in, errno == EIO ? "unreadable" : "damaged");
		return -1;
	}
	enum ready_octets is = in->n.ready ? ready_records(&w->text, start, in->n.name) : READY_WHOLE;
	if (is != READY_WHOLE)
		return is == READY_UNSEALED ? unfinished(w, in) : damaged(w, in, "damaged");
	/* what is done outside must not rest on a batch that a loss of power may still take */
	if (in->n.ready && w->opt.effects && sys_fdatasync(fd) < 0) {
		if (errno == EIO)
			spool_die("fsync %s/%s:", w->queue->name, in->n.name);
		return -1;
	}
	ready_trim(&w->text, start);
	in->octets = w->text.n - start;
	const char *p = w->text.p + start, *end = w->text.p + w->text.n;
	for (const char *at = p; at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		lines++;
	if (!in->octets || end[-1] != '\n' || lines != in->n.records || memchr(p, '\0', in->octets))
		return damaged(w, in, "damaged");
	return 0;
}

static void add_line(struct spool_worker *w, size_t input, int record, char *p, size_t n)
{
	if (w->nlines == w->lines_cap) {
		w->lines_cap = w->lines_cap ? w->lines_cap * 2 : 64;
		w->lines = xrealloc(w->lines, w->lines_cap * sizeof *w->lines);
		w->line_record = xrealloc(w->line_record, w->lines_cap * sizeof *w->line_record);
		w->line_input = xrealloc(w->line_input, w->lines_cap * sizeof *w->line_input);
	}
	w->line_record[w->nlines] = record;
	w->line_input[w->nlines] = (int)input;
	w->lines[w->nlines++] =
		(struct spool_line){.p = p, .n = n, .batch = w->in[input].n.name, .kills = w->in[input].n.kills};
}

int txn_load(struct spool_worker *w, const int *fds)
{
	for (size_t i = 0; i < w->nin; i++)
		if (load_file(w, &w->in[i], fds[i]) < 0)
			return -1;
	char *p = w->text.p;
	for (size_t i = 0; i < w->nin; i++) {
		if (w->in[i].n.blobs)
			blob_list_scan(&w->in_blobs, p, w->in[i].octets);
		for (int r = 0; r < w->in[i].n.records; r++) {
			char *lf = strchr(p, '\n');
			*lf = '\0';
			add_line(w, i, r, p, (size_t)(lf - p));
			p = lf + 1;
		}
		level_add(w->queue, 0, -(int64_t)w->in[i].octets);
	}
	w->over = xcalloc(w->nlines, sizeof *w->over);
	return 0;
}
