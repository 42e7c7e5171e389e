#include "frame/private.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Programs in a pipe hand bodies over in a directory of the user's own: nobody else may put a file there. */
static const char *pipe_dir(struct frame *f)
{
	if (!f->blob_dir) {
		const char *tmp = getenv("TMPDIR");
		f->blob_dir = xasprintf("%s/cpmail-blob-%d", tmp && *tmp ? tmp : "/tmp", (int)getuid());
		struct stat st;
		if (mkdir(f->blob_dir, 0700) != 0 && errno != EEXIST)
			die_temp("%s:", f->blob_dir);
		if (lstat(f->blob_dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077))
			die_perm("%s is not a directory of mine alone: name another one with --blobs", f->blob_dir);
	}
	return f->blob_dir;
}

/* Ids go into paths: digits and letters only. */
static bool good_id(const char *id)
{
	size_t n = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz");
	return n > 0 && n < SPOOL_BLOBID && id[n] == '\0';
}

struct frame_blob *frame_blob_create(struct frame *f)
{
	struct frame_blob *b = xcalloc(1, sizeof *b);
	b->frame = f;
	b->fd = -1;
	if (f->root) {
		b->spool = spool_blob_create(f->root);
	} else {
		record_id_new(0, b->id);
		char *path = xasprintf("%s/%s", pipe_dir(f), b->id);
		b->fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		free(path);
	}
	if (!b->spool && b->fd < 0) {
		free(b);
		return NULL;
	}
	return b;
}

int frame_blob_write(struct frame_blob *b, const void *p, size_t n)
{
	b->size += (int64_t)n;
	if (b->spool)
		return spool_blob_write(b->spool, p, n);
	for (const char *at = p; n;) {
		ssize_t k = write(b->fd, at, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

json_t *frame_blob_finish(struct frame_blob *b, const char *type)
{
	if (b->spool) {
		if (spool_blob_finish(b->spool) != 0)
			return NULL;
		snprintf(b->id, sizeof b->id, "%s", spool_blob_id(b->spool));
	} else if (close(b->fd) != 0) {
		return NULL;
	}
	b->fd = -1;
	b->next = b->frame->blob;
	b->frame->blob = b;
	return record_body_blob(type, b->id, b->size);
}

void frame_blob_abort(struct frame_blob *b)
{
	if (!b)
		return;
	if (b->spool) {
		spool_blob_close(b->spool);
	} else {
		char *path = xasprintf("%s/%s", pipe_dir(b->frame), b->id);
		if (b->fd >= 0)
			close(b->fd);
		unlink(path);
		free(path);
	}
	free(b);
}

void frame_blobs_end(struct frame *f)
{
	for (struct frame_blob *b; (b = f->blob) != NULL;) {
		f->blob = b->next;
		spool_blob_close(b->spool);
		free(b);
	}
}

static struct frame_blob *fresh(struct frame *f, const char *id)
{
	for (struct frame_blob *b = f->blob; b; b = b->next)
		if (strcmp(b->id, id) == 0)
			return b;
	return NULL;
}

static int open_pipe_blob(struct frame *f, const char *id)
{
	char *path = xasprintf("%s/%s", pipe_dir(f), id);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	free(path);
	return fd;
}

int item_blob_open(struct frame_item *it, const json_t *body)
{
	struct frame *f = it->frame;
	const char *id = record_body_blobid(body);
	if (!id || !good_id(id)) {
		errno = EINVAL;
		return -1;
	}
	if (f->worker)
		return spool_blob_open(f->root, id, f->line[it->index].batch);
	return open_pipe_blob(f, id);
}

/* Between a pipe and the spool a blob is copied: its owner changes, and the two need not be on one file system. */
static void copy(int from, int to, struct frame_blob *into)
{
	char block[65536];
	for (ssize_t n; (n = read(from, block, sizeof block)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		bool bad = n < 0 || (into ? frame_blob_write(into, block, (size_t)n) != 0 : write(to, block, (size_t)n) != n);
		if (bad)
			die_temp("copy of a large body:");
	}
}

static void export_blob(struct frame *f, const char *id, int from)
{
	char *path = xasprintf("%s/%s", pipe_dir(f), id);
	int to = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (from < 0 || to < 0)
		die_temp("%s:", path);
	copy(from, to, NULL);
	if (close(to) != 0)
		die_temp("%s:", path);
	close(from);
	free(path);
}

static struct frame_blob *import_blob(struct frame *f, const char *id)
{
	for (struct frame_blob *b = f->blob; b; b = b->next)
		if (strcmp(b->was, id) == 0)
			return b;
	int from = open_pipe_blob(f, id);
	if (from < 0)
		return NULL;
	struct frame_blob *b = frame_blob_create(f);
	if (!b)
		die_temp("large body %s:", id);
	copy(from, -1, b);
	close(from);
	json_t *body = frame_blob_finish(b, "");
	if (!body)
		die_temp("large body %s:", id);
	json_decref(body);
	snprintf(b->was, sizeof b->was, "%s", id);
	return b;
}

bool frame_blob_import(struct frame *f, const struct record *rec)
{
	json_t *body = record_get(rec->member, "body");
	const char *id = record_body_blobid(body);
	if (f->worker || !id || !good_id(id) || fresh(f, id))
		return false;
	struct frame_blob *b = import_blob(f, id);
	if (b)
		record_set(body, "blob", b->id);
	return b != NULL;
}

/* Is the file of a body that came in there? What names one that is not must fail, or it would never get out of the slot. */
static bool is_there(struct frame *f, const struct frame_item *it, const char *id)
{
	int fd = it ? spool_blob_open(f->root, id, f->line[it->index].batch) : -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int frame_blob_refs(struct frame *f, struct frame_item *it, const struct record *rec, const char *queue,
		    struct spool_blobref refs[1])
{
	const char *id = record_body_blobid(record_get(rec->member, "body"));
	if (!id || (!queue && !f->worker)) /* from pipe to pipe: whoever needs it looks for it */
		return 0;
	struct frame_blob *b = good_id(id) ? fresh(f, id) : NULL;
	if (!b && (!good_id(id) || !f->worker || !is_there(f, it, id)))
		return -1;
	if (!queue) {
		if (f->worker && !b)
			export_blob(f, id, spool_blob_open(f->root, id, f->line[it->index].batch));
		return 0;
	}
	refs[0] = (struct spool_blobref){.fresh = b ? b->spool : NULL, .id = b ? spool_blob_id(b->spool) : id};
	return 1;
}
