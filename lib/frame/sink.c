#include "frame/private.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void same_root(struct frame *f, const char *queue)
{
	const char *slash = strrchr(queue, '/');
	if (!slash || !slash[1])
		die_perm("\"%s\" is no queue: ROOT/QUEUE is wanted", queue);
	struct slice root = {queue, (size_t)(slash - queue)};
	if (!f->root)
		f->root = slice_dup(root);
	else if (!slice_eq(root, f->root))
		die_perm("queues of two spools, %s and %.*s: one root is wanted", f->root, (int)root.n, root.p);
}

/* [TYPE=]ROOT/QUEUE[/N]: a last part of digits only is the number of parts. */
void frame_sink_add(struct frame *f, const char *spec)
{
	f->sink = xrealloc(f->sink, (f->sinks + 1) * sizeof *f->sink);
	struct frame_sink *s = &f->sink[f->sinks++];
	*s = (struct frame_sink){.parts = 1};
	const char *eq = strchr(spec, '=');
	if (eq)
		s->type = slice_dup((struct slice){spec, (size_t)(eq - spec)});
	char *queue = xstrdup(eq ? eq + 1 : spec), *slash = strrchr(queue, '/');
	if (slash && slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1)) {
		s->parts = atoi(slash + 1);
		s->divided = true;
		*slash = '\0';
		if (s->parts < 1 || s->parts > SPOOL_SLOTS)
			die_perm("-o %s: 1 to %d parts", spec, SPOOL_SLOTS);
	}
	same_root(f, queue);
	s->queue = xcalloc((size_t)s->parts, sizeof *s->queue);
	for (int i = 0; i < s->parts; i++)
		s->queue[i] = s->divided ? xasprintf("%s.%d", queue, i) : xstrdup(queue);
	free(queue);
	for (int i = 0; i < s->parts; i++)
		if (spool_make_queue(s->queue[i]) != 0)
			die_temp("%s:", s->queue[i]);
}

static size_t match(const struct frame_sink *s, const char *type)
{
	if (!s->type)
		return 1;
	size_t n = strlen(s->type);
	return strncmp(type, s->type, n) == 0 && (type[n] == '\0' || type[n] == '.') ? n + 1 : 0;
}

const char *frame_sink_for(struct frame *f, const struct record *rec)
{
	const struct frame_sink *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < f->sinks; i++) {
		size_t n = match(&f->sink[i], rec->type);
		if (n > longest)
			longest = n, best = &f->sink[i];
	}
	if (!f->sinks)
		return NULL;
	if (!best)
		die_temp("records of type %s have nowhere to go: add -o %s=QUEUE", rec->type, rec->type);
	int part = 0;
	if (best->divided) {
		const char *key = record_key(rec);
		part = record_shard(rec);
		if (part < 0 || part >= best->parts)
			part = key ? (int)(hash64(0, key, strlen(key)) % (uint64_t)best->parts) : 0;
	}
	return best->queue[part];
}

struct spool_producer *frame_outlet_for(struct frame *f, const char *queue)
{
	for (size_t i = 0; i < f->outlets; i++)
		if (strcmp(f->outlet[i].queue, queue) == 0)
			return f->outlet[i].producer;
	struct spool_producer *p = spool_producer_open(queue);
	if (!p)
		die_temp("%s:", queue);
	f->outlet = xrealloc(f->outlet, (f->outlets + 1) * sizeof *f->outlet);
	f->outlet[f->outlets++] = (struct frame_outlet){queue, p};
	return p;
}

void frame_send(struct frame *f, struct frame_item *it, const struct record *rec, const char *line, size_t n)
{
	const char *queue = frame_sink_for(f, rec);
	struct spool_blobref refs[1];
	struct buf changed = {0};
	if (queue && frame_blob_import(f, rec) && record_line(rec, &changed)) {
		line = changed.p;
		n = changed.n;
	}
	int nrefs = frame_blob_refs(f, it, rec, queue, refs);
	if (nrefs < 0) {
		if (it)
			item_fail(it, "5.6.0", "blob missing: the large body of %s", rec->id);
		buf_free(&changed);
		return;
	}
	frame_count_out(f, rec->type);
	if (f->tap_fd >= 0) {
		buf_put(&f->tap, line, n);
		buf_putc(&f->tap, '\n');
	}
	if (!queue) {
		buf_put(&f->out, line, n);
		buf_putc(&f->out, '\n');
	} else if (it && f->worker) {
		spool_put(f->worker, (int)it->index, queue, line, n, refs, (size_t)nrefs);
	} else {
		spool_producer_put(frame_outlet_for(f, queue), line, n, refs, (size_t)nrefs);
	}
	buf_free(&changed);
}

void frame_write(int fd, struct buf *b, const char *what)
{
	size_t done = 0;
	while (done < b->n) {
		ssize_t n = write(fd, b->p + done, b->n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_temp("%s:", what);
		done += (size_t)n;
	}
	buf_clear(b);
}

void frame_flush(struct frame *f)
{
	if (f->out.n)
		frame_write(1, &f->out, "standard output");
	if (f->errors.n)
		frame_write(f->error_fd, &f->errors, "--errors");
	if (f->tap.n)
		frame_write(f->tap_fd, &f->tap, "CPMAIL_TAP");
}
