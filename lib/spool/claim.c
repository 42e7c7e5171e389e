/*
 * claim.c - C1 to C4: waiting batches become the transaction in hand.
 */
#include "spool/worker.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct claim {
	int fd[CLAIM_BATCHES];
	int records;
	int64_t octets;
};

enum taken { TAKEN, NOT_THERE, NOT_NOW, TROUBLE };

/* C2, C3 for one name. The file is opened before the rename: its size decides whether it fits, and a batch never
 * changes. */
static enum taken take(struct spool_worker *w, struct claim *c, const char *file, bool defer)
{
	const struct spool_dir *d = defer ? w->queue->defer : w->queue->new;
	struct spool_name n;
	struct stat st;
	char slot[NAME_SLOT_SIZE];
	if (!name_parse(file, &n))
		return NOT_THERE;
	bool alone = n.blobs || n.kills;
	if (w->nin && (alone || c->records + n.records > SPOOL_BATCH_FULL))
		return NOT_NOW;
	int fd = sys_open(d, file, O_RDONLY);
	if (fd < 0)
		return errno == ENOENT ? NOT_THERE : TROUBLE;
	if (sys_stat(fd, &st) < 0) {
		close(fd);
		return TROUBLE;
	}
	if (w->nin && c->octets + st.st_size > SPOOL_BATCH_OCTETS) {
		close(fd);
		return NOT_NOW;
	}
	if (!w->nin)
		memcpy(w->lead, n.name, sizeof w->lead);
	txn_file(w, 'i', &n, slot);
	if (sys_rename(d, file, w->act->dir, slot) < 0) {
		int err = errno;
		if (err == EEXIST)
			spool_die("%s/%s exists", w->act->dir->path, slot);
		close(fd);
		if (!w->nin)
			w->lead[0] = '\0';
		errno = err;
		return err == ENOENT ? NOT_THERE : TROUBLE;
	}
	if (!defer)
		level_add(w->queue, -1, 0);
	c->fd[w->nin] = fd;
	c->records += n.records;
	c->octets += st.st_size;
	w->in[w->nin++] = (struct input){.n = n};
	return TAKEN;
}

/* Claim from one directory until nothing waits or fits. */
static int take_all(struct spool_worker *w, struct claim *c, bool defer)
{
	const char *file;
	bool last;
	while (w->nin < CLAIM_BATCHES && (file = waiting_next(w, defer, &last)) != NULL) {
		enum taken t = take(w, c, file, defer);
		if (t == NOT_NOW)
			break;
		if (t == TROUBLE)
			return -1;
		waiting_drop(w, defer, last);
		if (t == TAKEN && w->nin == 1 && (w->in[0].n.blobs || w->in[0].n.kills))
			break;
	}
	return 0;
}

static void close_all(struct spool_worker *w, struct claim *c)
{
	for (size_t i = 0; i < w->nin; i++)
		close(c->fd[i]);
}

/* Unordered: new/ and defer/ in turn, so that neither starves. Ordered: what is due came earlier than what is new. */
static int take_transaction(struct spool_worker *w, struct claim *c)
{
	bool defer = w->opt.ordered || w->turn;
	for (int tries = 0; tries < 2 && !w->nin; tries++, defer = !defer)
		if (take_all(w, c, defer) < 0 && !w->nin)
			return -1;
	if (w->nin)
		w->turn = w->in[0].n.due < 0;
	return 0;
}

int claim_waiting(struct spool_worker *w)
{
	for (;;) {
		struct claim c = {.records = 0};
		if (take_transaction(w, &c) < 0)
			return -1;
		if (!w->nin)
			return 0;
		int r = txn_load(w, c.fd), err = errno;
		close_all(w, &c);
		if (r == 0)
			return (int)w->nlines;
		spool_rollback(w);
		errno = err;
		if (err != EBADMSG || w->stuck)
			return -1;
	}
}

/* ---- a transaction whose worker died after it had acted on the outside ---- */

struct adopted {
	struct spool_worker *w;
	char lead[NAME_SIZE];
};

static bool adopted_seen(void *ctx, const char *file)
{
	struct adopted *a = ctx;
	struct spool_worker *w = a->w;
	struct slot_name n;
	if (!name_parse_slot(file, &n))
		return true;
	if (n.role == 'n')
		memcpy(w->lead, n.lead, sizeof n.lead);
	if (n.role == 'i' && w->nin < CLAIM_BATCHES)
		w->in[w->nin++] = (struct input){.n = n.target};
	return true;
}

/* The leader first, the others in the order in which they were claimed: by name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->n.name, ((const struct input *)b)->n.name);
}

static void order_inputs(struct spool_worker *w)
{
	qsort(w->in, w->nin, sizeof *w->in, by_name);
	for (size_t i = 0; i < w->nin; i++)
		if (strcmp(w->in[i].n.name, w->lead) == 0) {
			struct input lead = w->in[i];
			memmove(w->in + 1, w->in, i * sizeof *w->in);
			w->in[0] = lead;
		}
}

static int set_outcomes(struct spool_worker *w)
{
	char file[NAME_SLOT_SIZE];
	struct note_line *v;
	size_t n;
	txn_file(w, 'n', NULL, file);
	if (note_read(w->act->dir, file, &v, &n) < 0) {
		log_msg(LOG_WARN, "note %s/%s:", w->act->dir->path, file);
		return -1;
	}
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < w->nlines; i++)
			if (w->line_record[i] == v[k].record && strcmp(w->lines[i].batch, v[k].batch) == 0) {
				free((char *)w->lines[i].outcome);
				w->lines[i].outcome = xstrdup(v[k].outcome);
			}
	log_event(LOG_WARN, NULL, "goes-on", "slot", w->act->dir->path, "batch", w->lead, NULL);
	note_lines_free(v, n);
	return 0;
}

int claim_adopted(struct spool_worker *w)
{
	struct adopted a = {.w = w};
	struct claim c = {.records = 0};
	int r = dir_list(w->act->dir, adopted_seen, &a), err = errno;
	order_inputs(w);
	size_t opened = 0;
	for (; r == 0 && opened < w->nin; opened++) {
		char file[NAME_SLOT_SIZE];
		txn_file(w, 'i', &w->in[opened].n, file);
		c.fd[opened] = sys_open(w->act->dir, file, O_RDONLY);
		if (c.fd[opened] < 0) {
			err = errno;
			r = -1;
			break;
		}
	}
	if (r == 0) {
		r = txn_load(w, c.fd);
		if (r == 0)
			r = set_outcomes(w);
		err = errno;
	}
	for (size_t i = 0; i < opened; i++)
		close(c.fd[i]);
	if (r < 0) {
		/* what recovery finds now decides: perhaps the leader was damaged and is in fail/ */
		spool_rollback(w);
		errno = err;
		return -1;
	}
	w->noted = true;
	w->adopt = false;
	return (int)w->nlines;
}
