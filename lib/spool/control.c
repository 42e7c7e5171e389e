/*
 * control.c - orders of a person. The parts that stay are written into a slot of our own first; then one rename of the
 * file from where it waits to the mark of a transaction is claim and commit in one (G3), and recovery finishes it (R3).
 */
#include "spool/control.h"
#include "spool/worker.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Workers take the first free slot: tools come from the other end. */
enum { CONTROL_SLOTS = 8 };

struct spool_control {
	struct spool_worker *w;
	struct slot *first; /* of an ordered queue: its only worker does not run while we hold it */
	struct spool_dir *hold;
	bool moved;
};

unsigned spool_control_states(enum spool_order order)
{
	static const unsigned states[] = {
		[SPOOL_RETRY] = 1u << SPOOL_DEFERRED,
		[SPOOL_HOLD] = 1u << SPOOL_WAITING | 1u << SPOOL_DEFERRED,
		[SPOOL_RELEASE] = 1u << SPOOL_HELD,
		[SPOOL_REMOVE] = 1u << SPOOL_WAITING | 1u << SPOOL_DEFERRED | 1u << SPOOL_HELD | 1u << SPOOL_FAILED,
	};
	return states[order];
}

/* ---- open, close ---- */

/* The page of slot 1 says whether order counts; then nobody may work there while we do. */
static bool guard_order(struct spool_control *c)
{
	c->first = slot_take(c->w->queue->cur, 1, true);
	if (!c->first)
		return errno == EWOULDBLOCK && !slot_is_ordered(c->w->queue->cur, 1);
	if (c->first->page->ordered)
		return true;
	slot_release(c->first);
	c->first = NULL;
	return true;
}

static bool take_slot(struct spool_control *c)
{
	struct spool_worker *w = c->w;
	bool adopt;
	for (int i = 0; i < CONTROL_SLOTS && !w->own; i++)
		w->own = slot_take(w->queue->cur, SPOOL_SLOTS - i, true);
	w->act = w->own;
	if (!w->own)
		return false;
	w->last_stamp = w->own->page->last_stamp;
	return slot_recover(w, w->own, &adopt) == 0 && !adopt;
}

struct spool_control *spool_control_open(const char *queue)
{
	struct spool_control *c = xcalloc(1, sizeof *c);
	c->w = worker_new(&(struct spool_worker_options){0});
	if (spool_is_queue(queue) && spool_make_queue(queue) == 0 &&
	    (c->w->queue = queue_open(queue, QUEUE_WHOLE)) != NULL &&
	    (c->hold = dir_open(c->w->queue->dir, "hold")) != NULL && guard_order(c) && take_slot(c))
		return c;
	int err = errno == EWOULDBLOCK ? EBUSY : errno;
	spool_control_close(c);
	errno = err;
	return NULL;
}

void spool_control_close(struct spool_control *c)
{
	if (c->moved &&
	    (dir_fsync(c->hold) < 0 || dir_fsync(c->w->queue->new) < 0 || dir_fsync(c->w->queue->defer) < 0))
		spool_die("fsync of %s:", c->w->queue->dir->path);
	if (c->first)
		slot_release(c->first);
	dir_close(c->hold);
	spool_worker_close(c->w);
	free(c);
}

/* ---- one file ---- */

static const struct spool_dir *dir_of(const struct spool_control *c, enum spool_state s)
{
	const struct queue *q = c->w->queue;
	return s == SPOOL_WAITING ? q->new : s == SPOOL_DEFERRED ? q->defer : s == SPOOL_HELD ? c->hold : q->fail;
}

static int count_level(struct spool_control *c, enum spool_state from, const struct spool_dir *to)
{
	level_add(c->w->queue, (to == c->w->queue->new) - (from == SPOOL_WAITING), 0);
	return 0;
}

/* The whole file elsewhere, under a name that fits there. */
static int move(struct spool_control *c, const struct spool_file *f, const char *file, const struct spool_dir *to,
		const struct spool_name *as)
{
	char name[NAME_FILE_SIZE];
	name_put(name, as);
	if (sys_rename(dir_of(c, f->state), file, to, name) < 0) {
		if (errno == EEXIST)
			spool_die("%s/%s exists", to->path, name);
		return -1;
	}
	c->moved = true;
	return count_level(c, f->state, to);
}

/* Those that are wanted go (or aside, each in a file of its own, whose stamps keep their order), the others stay where
 * they are, with their stamp. */
static void write_parts(struct spool_control *c, enum spool_order order, const struct spool_file *f,
			const struct spool_name *n, struct slice text, const bool *mine)
{
	static const char *const stay[SPOOL_STATES] = {[SPOOL_WAITING] = "=new",
						       [SPOOL_DEFERRED] = "=defer",
						       [SPOOL_FAILED] = "=fail",
						       [SPOOL_HELD] = "=hold"};
	struct spool_worker *w = c->w;
	bool more = true;
	for (size_t i = 0; more && text.n; i++) {
		struct slice line = slice_cut(&text, '\n', &more);
		struct blob_list blobs = {0};
		if (n->blobs)
			blob_list_scan(&blobs, line.p, line.n);
		if (!mine[i])
			part_put(w, -1, stay[f->state], n->due, n->key, n->stamp, line.p, line.n, &blobs);
		else if (order == SPOOL_HOLD)
			part_alone(w, "=hold", n->due, n->key, n->stamp + (int64_t)i, line.p, line.n, &blobs);
		blob_list_free(&blobs);
	}
}

/* Parts, then the file itself becomes the mark: it is committed. Before that the slot holds parts that belong to
 * nothing (R5 removes them), behind it they are published and the file goes (R3). */
static int replace(struct spool_control *c, enum spool_order order, const struct spool_file *f, const char *file,
		   const struct spool_name *n, struct slice text, const bool *mine)
{
	struct spool_worker *w = c->w;
	char mark[NAME_SLOT_SIZE];
	bool adopt;
	int result = -1;
	memcpy(w->lead, n->name, sizeof w->lead);
	write_parts(c, order, f, n, text, mine);
	txn_file(w, 'c', NULL, mark);
	if (parts_write(w) == 0 && parts_sync(w) == 0) {
		if (dir_fsync(w->own->dir) < 0)
			spool_die("fsync %s:", w->own->dir->path);
		result = sys_rename(dir_of(c, f->state), file, w->own->dir, mark);
	}
	if (result == 0 && dir_fsync(w->own->dir) < 0)
		spool_die("fsync %s:", w->own->dir->path);
	int err = errno;
	if (result == 0)
		count_level(c, f->state, NULL);
	txn_forget(w);
	if (slot_recover(w, w->own, &adopt) < 0 && result == 0)
		log_msg(LOG_WARN, "%s: what was removed is not gone from the disk yet:", w->queue->name);
	errno = err;
	return result;
}

static int obey(struct spool_control *c, enum spool_order order, const struct spool_file *f, const char *file,
		const struct spool_name *n, struct slice text, const bool *mine, int wanted, int lines)
{
	struct spool_name as = *n;
	struct queue *q = c->w->queue;
	if (order == SPOOL_RETRY || (order == SPOOL_RELEASE && n->due < 0)) {
		as.due = -1;
		as.key[0] = '\0';
		return move(c, f, file, q->new, &as);
	}
	if (order == SPOOL_RELEASE)
		return move(c, f, file, q->defer, &as);
	if (order == SPOOL_HOLD && wanted == lines && lines == 1)
		return move(c, f, file, c->hold, &as);
	return replace(c, order, f, file, n, text, mine);
}

/* A file in fail/ that is not of the grammar: what is damaged has no blobs that anybody knows. */
static int remove_odd(struct spool_control *c, const struct spool_file *f, const char *file)
{
	return f->state == SPOOL_FAILED ? sys_unlink(c->w->queue->fail, file) : 0;
}

int spool_control_apply(struct spool_control *c, enum spool_order order, const struct spool_file *f,
			bool (*wanted)(void *ctx, struct slice line), void *ctx)
{
	const char *slash = strrchr(f->path, '/'), *file = slash ? slash + 1 : f->path;
	struct buf text = {0};
	struct spool_name n;
	int count = 0, lines = 0, result = 0;
	bool more = true;
	if (!(spool_control_states(order) & 1u << f->state))
		return 0;
	if (!spool_file_read(f, &text)) {
		buf_free(&text);
		return errno == ENOENT ? 0 : -1;
	}
	bool *mine = xcalloc(text.n + 1, sizeof *mine);
	for (struct slice rest = slice_buf(&text); more && rest.n; lines++)
		count += mine[lines] = wanted(ctx, slice_cut(&rest, '\n', &more));
	if (count && !name_parse(file, &n))
		result = order == SPOOL_REMOVE && count == lines ? remove_odd(c, f, file) : 0;
	else if (count)
		result = obey(c, order, f, file, &n, slice_buf(&text), mine, count, lines);
	free(mine);
	buf_free(&text);
	if (result < 0 && errno == ENOENT)
		return 0; /* a worker was faster */
	return result < 0 ? -1 : count;
}
