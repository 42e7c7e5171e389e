#include "disk.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

struct content {
	struct buf data;
	struct buf before; /* what was there before it was used again */
	size_t synced;	   /* octets that are durable */
	bool changed;	   /* old octets were overwritten or cut off, and that is not durable yet */
	int refs;
};

struct name_op {
	char after[320];	/* "" = unlinked */
	struct chain *replaced; /* a rename onto the name of that one */
	struct chain *by;	/* this one lost its name to that one */
};

struct chain {
	char start[320]; /* "" = it did not exist */
	struct name_op *op;
	int n, floor; /* operations; those that are durable */
	struct content *content;
};

struct disk {
	bool strict;
	struct chain **v;
	size_t n;
	struct {
		struct chain *chain;
		struct content *content;
		size_t at; /* where the next write goes */
		bool append;
	} fd[1024];
	struct tree state; /* files of the state store: durable as they are committed */
	bool noted[PLAN_RECORDS];
};

static const char *name_now(const struct chain *c, int kept)
{
	return kept ? c->op[kept - 1].after : c->start;
}

static struct chain *chain_new(struct disk *d, const char *start, struct content *content)
{
	struct chain *c = xcalloc(1, sizeof *c);
	snprintf(c->start, sizeof c->start, "%s", start);
	c->content = content;
	content->refs++;
	d->v = xrealloc(d->v, (d->n + 1) * sizeof *d->v);
	return d->v[d->n++] = c;
}

static struct name_op *chain_op(struct chain *c, const char *after)
{
	c->op = xrealloc(c->op, (size_t)(c->n + 1) * sizeof *c->op);
	struct name_op *o = &c->op[c->n++];
	*o = (struct name_op){.replaced = NULL};
	snprintf(o->after, sizeof o->after, "%s", after);
	return o;
}

/* Paths of the log begin with the root's. */
static const char *relative(const char *path)
{
	size_t n = strlen(root);
	return strncmp(path, root, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static struct chain *find(struct disk *d, const char *path)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(name_now(d->v[i], d->v[i]->n), path) == 0)
			return d->v[i];
	return NULL;
}

static struct chain *must_find(struct disk *d, const char *path)
{
	struct chain *c = find(d, path);
	if (!c)
		die_temp("the log names %s, which is not there", path);
	return c;
}

struct disk *disk_new(const struct tree *t, bool strict)
{
	struct disk *d = xcalloc(1, sizeof *d);
	d->strict = strict;
	for (size_t i = 0; i < t->n; i++) {
		if (strncmp(t->v[i].path, "state/", 6) == 0) {
			tree_add(&d->state, t->v[i].path, t->v[i].data, t->v[i].n);
			continue;
		}
		struct content *c = xcalloc(1, sizeof *c);
		buf_put(&c->data, t->v[i].data, t->v[i].n);
		c->synced = t->v[i].n;
		chain_new(d, t->v[i].path, c);
	}
	return d;
}

static bool in_dir(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

/* The first n operations are durable, and so is the end of what they replaced. */
static void durable(struct chain *c, int n)
{
	for (; c->floor < n; c->floor++) {
		struct chain *gone = c->op[c->floor].replaced;
		if (gone)
			durable(gone, gone->n);
	}
}

static void sync_dir(struct disk *d, const char *dir)
{
	for (size_t i = 0; i < d->n; i++) {
		struct chain *c = d->v[i];
		for (int k = c->n; k > c->floor; k--)
			if (in_dir(name_now(c, k), dir) || in_dir(name_now(c, k - 1), dir)) {
				durable(c, k);
				break;
			}
	}
}

static void sync_file(struct disk *d, int fd)
{
	struct content *content = d->fd[fd].content;
	struct chain *c = d->fd[fd].chain;
	content->synced = content->data.n;
	content->changed = false;
	if (!d->strict && c->n && !c->start[0]) /* A4 */
		durable(c, c->floor ? c->floor : 1);
}

static void open_fd(struct disk *d, int fd, struct chain *c, bool append)
{
	d->fd[fd].append = append;
	d->fd[fd].chain = c;
	d->fd[fd].content = c ? c->content : NULL;
	d->fd[fd].at = 0;
}

static void set_state(struct disk *d, const char *at)
{
	static const char *const names[] = {"state/t.db", "state/t.db-wal"};
	tree_free(&d->state);
	for (int i = 0; i < 2; i++) {
		int32_t n;
		memcpy(&n, at, sizeof n);
		at += sizeof n;
		if (n)
			tree_add(&d->state, names[i], at, (size_t)n);
		at += n;
	}
}

static void change_names(struct disk *d, const struct logged *l, const char *path, const char *path2)
{
	struct chain *c, *gone;
	switch (l->op) {
	case OP_RENAME:
		chain_op(must_find(d, path), path2);
		break;
	case OP_REPLACE:
		c = must_find(d, path);
		gone = must_find(d, path2);
		chain_op(gone, "")->by = c;
		chain_op(c, path2)->replaced = gone;
		break;
	case OP_LINK:
		c = must_find(d, path);
		chain_op(chain_new(d, "", c->content), path2);
		break;
	default:
		chain_op(must_find(d, path), "");
		break;
	}
}

/* Octets from at on are about to change. */
static void change_content(struct content *c, size_t at)
{
	if (at >= c->data.n)
		return;
	if (!c->changed) {
		buf_clear(&c->before);
		buf_put(&c->before, c->data.p, c->data.n);
	}
	if (c->synced > at)
		c->synced = at;
	c->changed = true;
}

static void truncate_content(struct content *c, size_t n)
{
	change_content(c, n);
	c->data.n = n;
}

static void write_content(struct content *c, size_t at, const char *data, size_t n)
{
	change_content(c, at);
	size_t over = at < c->data.n ? c->data.n - at : 0;
	if (over > n)
		over = n;
	if (over)
		memcpy(c->data.p + at, data, over);
	buf_put(&c->data, data + over, n - over);
}

static void replay(struct disk *d, const struct logged *l, const char *data, bool acked[PLAN_RECORDS])
{
	const char *path = relative(l->path), *path2 = relative(l->path2);
	switch (l->op) {
	case OP_OPEN:
		if (l->result < 1024)
			open_fd(d, l->result, find(d, path), l->size & O_APPEND);
		break;
	case OP_CREATE: {
		struct chain *c = chain_new(d, "", xcalloc(1, sizeof(struct content)));
		chain_op(c, path);
		open_fd(d, l->result, c, false);
		break;
	}
	case OP_WRITE:
		if (d->fd[l->fd].append)
			d->fd[l->fd].at = d->fd[l->fd].content->data.n;
		write_content(d->fd[l->fd].content, d->fd[l->fd].at, data, (size_t)l->n);
		d->fd[l->fd].at += (size_t)l->n;
		break;
	case OP_REWIND:
		d->fd[l->fd].at = 0;
		break;
	case OP_TRUNCATE:
		truncate_content(d->fd[l->fd].content, (size_t)l->size);
		break;
	case OP_FSYNC:
		sync_file(d, l->fd);
		break;
	case OP_FSYNC_DIR:
		sync_dir(d, path);
		break;
	case OP_RENAME:
	case OP_REPLACE:
	case OP_LINK:
	case OP_UNLINK:
		change_names(d, l, path, path2);
		break;
	case OP_DATABASE:
		set_state(d, data);
		break;
	case OP_ACK:
		acked[l->fd] = true;
		break;
	case OP_NOTED:
		d->noted[l->fd] = true;
		break;
	default:
		break;
	}
}

const bool *disk_noted(const struct disk *d)
{
	return d->noted;
}

const char *disk_step(struct disk *d, const char *at, const char *end, bool acked[PLAN_RECORDS])
{
	struct logged l;
	if (at >= end)
		return NULL;
	memcpy(&l, at, sizeof l);
	replay(d, &l, at + sizeof l, acked);
	return at + sizeof l + l.n;
}

long disk_ways(const struct disk *d, long limit)
{
	long ways = 1;
	for (size_t i = 0; i < d->n && ways < limit; i++)
		ways *= d->v[i]->n - d->v[i]->floor + 1;
	return ways < limit ? ways : limit;
}

static int kept_of(const struct disk *d, const int *kept, const struct chain *c)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i] == c)
			return kept[i];
	return 0;
}

/* A rename onto a name happened to both files or to none. */
static bool consistent(const struct disk *d, const int *kept)
{
	for (size_t i = 0; i < d->n; i++)
		for (int k = 0; k < d->v[i]->n; k++) {
			const struct chain *gone = d->v[i]->op[k].replaced;
			if (gone && (kept[i] > k) != (kept_of(d, kept, gone) == gone->n))
				return false;
		}
	/* one name, one file: what took a name rests on its being given up */
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = name_now(d->v[i], kept[i]);
			if (*a && strcmp(a, name_now(d->v[k], kept[k])) == 0)
				return false;
		}
	return true;
}

static void put_file(const struct chain *c, const char *path, unsigned int *seed, struct tree *out)
{
	const struct content *t = c->content;
	struct buf data = {0};
	buf_put(&data, t->data.p, t->data.n);
	if (t->changed) { /* none of the new octets, half of them, or all; behind them the old ones, unless those were cut off */
		int torn = rand_r(seed) % 4;
		size_t n = torn == 0 ? 0 : torn == 1 ? t->data.n / 2 : t->data.n;
		data.n = n;
		if (torn < 3 && t->before.n > n)
			buf_put(&data, t->before.p + n, t->before.n - n);
	} else if (t->synced < t->data.n)
		switch (rand_r(seed) % 4) {
		case 0:
			data.n = t->synced;
			break;
		case 1:
			data.n = t->synced + (t->data.n - t->synced) / 2;
			break;
		case 2:
			memset(data.p + t->synced, 0, t->data.n - t->synced);
			break;
		default: /* it was written all the same */
			break;
		}
	tree_add(out, path, data.p, data.n);
	buf_free(&data);
}

bool disk_lose(const struct disk *d, long i, unsigned int *seed, struct tree *out)
{
	int *kept = xmalloc(d->n * sizeof *kept);
	for (size_t c = 0; c < d->n; c++) {
		int choices = d->v[c]->n - d->v[c]->floor + 1;
		kept[c] = d->v[c]->floor + (int)(i < 0 ? rand_r(seed) % choices : i % choices);
		if (i > 0)
			i /= choices;
	}
	/* at random few choices would fit a replacement: let the later one decide */
	for (size_t c = 0; c < d->n; c++)
		for (int k = 0; i < 0 && k < d->v[c]->n; k++)
			for (size_t g = 0; g < d->n; g++)
				if (d->v[g] == d->v[c]->op[k].replaced)
					kept[g] = kept[c] > k		  ? d->v[g]->n
						  : kept[g] == d->v[g]->n ? d->v[g]->n - 1
									  : kept[g];
	bool fine = consistent(d, kept);
	*out = (struct tree){0};
	for (size_t c = 0; c < d->n && fine; c++)
		if (name_now(d->v[c], kept[c])[0])
			put_file(d->v[c], name_now(d->v[c], kept[c]), seed, out);
	for (size_t s = 0; s < d->state.n && fine; s++)
		tree_add(out, d->state.v[s].path, d->state.v[s].data, d->state.v[s].n);
	free(kept);
	return fine;
}

void disk_free(struct disk *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (!--d->v[i]->content->refs) {
			buf_free(&d->v[i]->content->data);
			buf_free(&d->v[i]->content->before);
			free(d->v[i]->content);
		}
		free(d->v[i]->op);
		free(d->v[i]);
	}
	free(d->v);
	tree_free(&d->state);
	free(d);
}
