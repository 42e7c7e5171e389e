/*
 * target.c - where parts go.
 */
#include "spool/worker.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

struct queue *target_queue(struct spool_worker *w, const char *name)
{
	for (size_t i = 0; i < w->ntargets; i++)
		if (strcmp(w->targets[i]->name, name) == 0)
			return w->targets[i];
	char *path = xasprintf("%s/%s", w->queue->root->path, name);
	struct queue *q = queue_open(path, QUEUE_TARGET);
	int err = errno;
	if (!q)
		log_msg(LOG_ERROR, "%s:", path);
	free(path);
	errno = err;
	if (!q)
		return NULL;
	/* where order counts, a clock that went back must not put new batches before waiting ones */
	if (w->opt.ordered && dir_list(q->new, stamp_seen, &w->last_stamp) < 0)
		log_msg(LOG_WARN, "%s:", q->new->path);
	w->targets = xrealloc(w->targets, (w->ntargets + 1) * sizeof(struct queue *));
	return w->targets[w->ntargets++] = q;
}

const struct spool_dir *target_dir(struct spool_worker *w, const char *dest, struct queue **queue)
{
	*queue = NULL;
	if (strcmp(dest, "=defer") == 0)
		return w->queue->defer;
	if (strcmp(dest, "=fail") == 0)
		return w->queue->fail;
	if (strcmp(dest, "=hold") == 0) {
		if (!w->queue->hold)
			w->queue->hold = dir_open(w->queue->dir, "hold");
		return w->queue->hold;
	}
	*queue = strcmp(dest, "=new") == 0 ? w->queue : target_queue(w, dest);
	return *queue ? (*queue)->new : NULL;
}

int target_publish(struct spool_worker *w, const struct slot *s, const char *file, const char *dest,
		   const struct spool_name *target, size_t octets)
{
	struct queue *q;
	char name[NAME_FILE_SIZE];
	const struct spool_dir *d = target_dir(w, dest, &q);
	if (!d)
		return -1;
	name_put(name, target);
	if (sys_rename(s->dir, file, d, name) < 0) {
		if (errno == EEXIST)
			spool_die("%s/%s exists: two batches of one name", d->path, name);
		return -1;
	}
	if (q)
		level_add(q, 1, (int64_t)octets);
	/* what comes back to the own queue is known without a hint */
	if (d == w->queue->new || (q && q->root == w->queue->root && strcmp(q->name, w->queue->name) == 0))
		scan_add(&w->new, name);
	if (d == w->queue->defer) {
		scan_add(&w->defer, name);
		if (w->opt.ordered && target->key[0])
			held_add(w, target->key, target->due);
	}
	return 0;
}
