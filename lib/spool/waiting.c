/*
 * waiting.c - what waits in new/ and defer/: scans, and the hints of inotify between them.
 */
#include "spool/worker.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

static int watch(int fd, const struct spool_dir *d)
{
	char path[40]; /* by descriptor: the directory that was opened, whatever its path means now */
	snprintf(path, sizeof path, "/proc/self/fd/%d", d->fd);
	return inotify_add_watch(fd, path, IN_MOVED_TO | IN_ONLYDIR);
}

int waiting_watch(struct spool_worker *w)
{
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify < 0)
		return -1;
	w->watch_new = watch(w->inotify, w->queue->new);
	w->watch_defer = watch(w->inotify, w->queue->defer);
	if (w->watch_new >= 0 && w->watch_defer >= 0)
		return 0;
	close(w->inotify);
	w->inotify = -1;
	return -1;
}

static bool valid_new(void *ctx, const char *file)
{
	struct spool_worker *w = ctx;
	struct spool_name n;
	if (name_parse(file, &n) && n.due < 0)
		return true;
	if (!w->logged_odd)
		log_event(LOG_WARN, NULL, "odd-name", "dir", w->queue->new->path, "file", file, NULL);
	w->logged_odd = true;
	return false;
}

static bool valid_defer(void *ctx, const char *file)
{
	struct spool_worker *w = ctx;
	struct spool_name n;
	if (!name_parse(file, &n) || n.due < 0)
		return false;
	if (w->opt.ordered && n.key[0])
		held_add(w, n.key, n.due);
	return true;
}

void waiting_scan(struct spool_worker *w)
{
	held_clear(w);
	if (scan_read(&w->new, w->queue->new, valid_new, w) < 0)
		log_msg(LOG_WARN, "%s:", w->queue->new->path);
	else
		level_set(w->queue, w->new.total);
	if (scan_read(&w->defer, w->queue->defer, valid_defer, w) < 0)
		log_msg(LOG_WARN, "%s:", w->queue->defer->path);
	w->rescan_at = clock_mono_us() + (int64_t)RESCAN_S * 1000000;
}

static void hint(struct spool_worker *w, const struct inotify_event *e, bool *overflow)
{
	if (e->mask & IN_Q_OVERFLOW) {
		*overflow = true;
		return;
	}
	if (!e->len)
		return;
	if (e->wd == w->watch_new && valid_new(w, e->name)) {
		scan_add(&w->new, e->name);
	} else if (e->wd == w->watch_defer && !w->opt.ordered && valid_defer(w, e->name)) {
		/* an ordered queue has one worker: it knows what it deferred itself, and a hint that comes late
		 * would count a key as held that is not */
		scan_add(&w->defer, e->name);
	}
}

void waiting_read_hints(struct spool_worker *w)
{
	char block[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool overflow = false;
	ssize_t n;
	while ((n = read(w->inotify, block, sizeof block)) > 0) {
		for (char *p = block; p < block + n;) {
			const struct inotify_event *e = (const void *)p;
			hint(w, e, &overflow);
			p += sizeof *e + e->len;
		}
	}
	if (overflow)
		waiting_scan(w);
}

static int64_t due_of(const char *file)
{
	struct spool_name n;
	return file && name_parse(file, &n) ? n.due : -1;
}

const char *waiting_next(struct spool_worker *w, bool defer, bool *last)
{
	struct scan *s = defer ? &w->defer : &w->new;
	*last = false;
	if (!scan_count(s) && s->cut)
		waiting_scan(w);
	if (!defer)
		return scan_first(s);
	int64_t now = clock_real_us();
	if (scan_count(s) && due_of(scan_first(s)) <= now)
		return scan_first(s);
	/* the clock went back: nobody defers that far */
	if (scan_count(s) && due_of(scan_last(s)) > now + (int64_t)DEFER_JUMP_S * 1000000) {
		*last = true;
		return scan_last(s);
	}
	return NULL;
}

void waiting_drop(struct spool_worker *w, bool defer, bool last)
{
	struct scan *s = defer ? &w->defer : &w->new;
	struct spool_name n;
	const char *file = last ? scan_last(s) : scan_first(s);
	if (defer && w->opt.ordered && file && name_parse(file, &n) && n.key[0])
		held_remove(w, n.key);
	if (last)
		scan_drop_last(s);
	else
		scan_drop_first(s);
}

int64_t waiting_due(const struct spool_worker *w)
{
	return due_of(scan_first(&w->defer));
}
