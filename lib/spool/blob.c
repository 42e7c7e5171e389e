/*
 * blob.c - large bodies: files of their own, one hard link for each batch that names one.
 */
#include "spool/batch.h"
#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct spool_blob {
	struct root *root;
	int fd; /* holds the flock that keeps a sweep away */
	int refs;
	bool finished;
	int64_t size;
	char id[SPOOL_BLOBID]; /* also its name in blob/tmp/ */
};

static void link_name(char out[NAME_FILE_SIZE], const char *id, const char *batch)
{
	snprintf(out, NAME_FILE_SIZE, "%s.%s", id, batch);
}

static void id_make(char out[SPOOL_BLOBID])
{
	uint64_t r[2];
	random_octets(r, sizeof r);
	name_b32(out, r[0], 13);
	name_b32(out + 13, r[1], 13);
}

/* A new file in blob/tmp/ under its flock. A sweep may lock, or unlink, it before we have the lock: then another. */
static int tmp_create(struct root *r, char id[SPOOL_BLOBID])
{
	for (;;) {
		id_make(id);
		int fd = sys_create(r->blob_tmp, id);
		if (fd < 0)
			return -1;
		struct stat st;
		bool locked = sys_flock(fd) == 0;
		if (locked && sys_stat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		int err = errno;
		close(fd);
		if (!locked && err != EWOULDBLOCK) {
			(void)sys_unlink(r->blob_tmp, id);
			errno = err;
			return -1;
		}
	}
}

struct spool_blob *spool_blob_create(const char *root)
{
	struct root *r = root_get(root);
	if (!r)
		return NULL;
	struct spool_blob *b = xcalloc(1, sizeof *b);
	b->root = r;
	b->refs = 1;
	b->fd = tmp_create(r, b->id);
	if (b->fd < 0) {
		int err = errno;
		root_put(r);
		free(b);
		errno = err;
		return NULL;
	}
	return b;
}

/* I5: after EIO nobody uses the file again, and what the kernel still holds of others is in doubt too. */
static int failed(const struct spool_blob *b, const char *what)
{
	if (errno == EIO)
		spool_die("%s blob %s:", what, b->id);
	return -1;
}

int spool_blob_write(struct spool_blob *b, const void *p, size_t n)
{
	if (sys_write(b->fd, p, n) < 0)
		return failed(b, "write");
	b->size += (int64_t)n;
	return 0;
}

int spool_blob_finish(struct spool_blob *b)
{
	if (sys_fsync(b->fd) < 0)
		return failed(b, "fsync");
	b->finished = true;
	return 0;
}

const char *spool_blob_id(const struct spool_blob *b)
{
	return b->id;
}

int64_t spool_blob_size(const struct spool_blob *b)
{
	return b->size;
}

void spool_blob_close(struct spool_blob *b)
{
	if (!b || --b->refs)
		return;
	if (sys_unlink(b->root->blob_tmp, b->id) < 0 && errno != ENOENT)
		log_msg(LOG_WARN, "unlink blob/tmp/%s:", b->id); /* a sweep removes it */
	close(b->fd);
	root_put(b->root);
	free(b);
}

int spool_blob_open(const char *root, const char *id, const char *batch)
{
	char name[NAME_FILE_SIZE];
	/* ids come out of records: they must not lead anywhere else */
	if (strlen(id) != SPOOL_BLOBID - 1 || strspn(id, "0123456789abcdefghijklmnopqrstuv") != SPOOL_BLOBID - 1) {
		errno = EINVAL;
		return -1;
	}
	struct root *r = root_get(root);
	if (!r)
		return -1;
	link_name(name, id, batch);
	int fd = sys_open(r->blob, name, O_RDONLY), err = errno;
	root_put(r);
	errno = err;
	return fd;
}

/* ---- lists ---- */

void blob_list_add(struct blob_list *l, struct spool_blob *fresh, const char *id)
{
	if (strlen(id) != SPOOL_BLOBID - 1)
		spool_die("%s is not a blob's id", id);
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].id, id) == 0)
			return;
	l->v = xrealloc(l->v, (l->n + 1) * sizeof *l->v);
	struct blob_name *b = &l->v[l->n++];
	*b = (struct blob_name){.fresh = fresh};
	memcpy(b->id, id, SPOOL_BLOBID);
	if (fresh)
		fresh->refs++;
}

void blob_list_free(struct blob_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		spool_blob_close(l->v[i].fresh);
	free(l->v);
	*l = (struct blob_list){0};
}

void blob_list_scan(struct blob_list *l, const char *line, size_t n)
{
	static const char member[] = "\"blob\"";
	const char *end = line + n, *p = line;
	while ((p = memmem(p, (size_t)(end - p), member, sizeof member - 1)) != NULL) {
		p += sizeof member - 1;
		const char *q = p;
		while (q < end && (*q == ' ' || *q == ':'))
			q++;
		char id[SPOOL_BLOBID];
		if (q == p || end - q < SPOOL_BLOBID + 1 || q[0] != '"' || q[SPOOL_BLOBID] != '"')
			continue;
		memcpy(id, q + 1, SPOOL_BLOBID - 1);
		id[SPOOL_BLOBID - 1] = '\0';
		if (strspn(id, "0123456789abcdefghijklmnopqrstuv") == SPOOL_BLOBID - 1)
			blob_list_add(l, NULL, id);
	}
}

/* ---- links ---- */

static int copy_octets(int from, int to)
{
	char *block = xmalloc(1 << 16);
	ssize_t n;
	while ((n = read(from, block, 1 << 16)) > 0)
		if (sys_write(to, block, (size_t)n) < 0) {
			n = -1;
			break;
		}
	free(block);
	return n < 0 ? -1 : 0;
}

/* EMLINK: the file system allows no more links (ext4: 65 000); the batch gets a copy of its own. */
static int link_copy(struct root *r, const struct spool_dir *dir, const char *name, const char *target)
{
	char id[SPOOL_BLOBID];
	int from = sys_open(dir, name, O_RDONLY);
	if (from < 0)
		return -1;
	int to = tmp_create(r, id), result = -1;
	if (to >= 0 && copy_octets(from, to) == 0 && sys_fsync(to) == 0)
		result = sys_rename(r->blob_tmp, id, r->blob, target);
	int err = errno;
	close(from);
	if (to >= 0)
		close(to);
	if (result < 0 && err == EIO)
		spool_die("copy of blob %s: %s", name, strerror(err));
	errno = err;
	return result;
}

static int link_one(struct root *r, const struct blob_name *b, const char *input, const char *target)
{
	char from[NAME_FILE_SIZE], to[NAME_FILE_SIZE];
	const struct spool_dir *dir = b->fresh ? r->blob_tmp : r->blob;
	if (b->fresh && !b->fresh->finished)
		spool_die("blob %s is named before it is finished", b->id);
	if (b->fresh)
		snprintf(from, sizeof from, "%s", b->id);
	else
		link_name(from, b->id, input);
	link_name(to, b->id, target);
	if (sys_link(dir, from, r->blob, to) == 0 || errno == EEXIST)
		return 0;
	if (errno == EMLINK)
		return link_copy(r, dir, from, to);
	if (errno == ENOENT)
		log_msg(LOG_ERROR, "blob %s of batch %s is missing", b->id, input);
	return -1;
}

int blob_link_all(struct root *r, const struct blob_list *l, const char *input, const char *target)
{
	for (size_t i = 0; i < l->n; i++)
		if (link_one(r, &l->v[i], input, target) < 0)
			return -1;
	return 0;
}

int blob_unlink_all(struct root *r, const struct blob_list *l, const char *name)
{
	int result = 0;
	for (size_t i = 0; i < l->n; i++) {
		char link[NAME_FILE_SIZE];
		link_name(link, l->v[i].id, name);
		if (sys_unlink(r->blob, link) < 0 && errno != ENOENT) {
			log_msg(LOG_WARN, "unlink blob/%s:", link);
			result = -1;
		}
	}
	return result;
}

struct drop {
	const char *name;
	char (*v)[NAME_FILE_SIZE];
	size_t n;
};

static bool drop_seen(void *ctx, const char *file)
{
	struct drop *d = ctx;
	const char *dot = strchr(file, '.');
	if (dot && strcmp(dot + 1, d->name) == 0 && strlen(file) < NAME_FILE_SIZE) {
		d->v = xrealloc(d->v, (d->n + 1) * sizeof *d->v);
		snprintf(d->v[d->n++], NAME_FILE_SIZE, "%s", file);
	}
	return true;
}

int blob_drop(struct root *r, const char *name)
{
	struct drop d = {.name = name};
	int result = dir_list(r->blob, drop_seen, &d);
	for (size_t i = 0; i < d.n && result == 0; i++)
		if (sys_unlink(r->blob, d.v[i]) < 0 && errno != ENOENT)
			result = -1;
	int err = errno;
	free(d.v);
	errno = err;
	/* also when nothing was found: an unlink by who died here may not be durable */
	if (result == 0 && (result = dir_fsync(r->blob)) < 0 && errno == EIO)
		spool_die("fsync blob/:");
	return result;
}

static bool sweep_seen(void *ctx, const char *file)
{
	struct root *r = ctx;
	int fd = sys_open(r->blob_tmp, file, O_RDONLY);
	if (fd < 0)
		return true;
	if (sys_flock(fd) == 0 && sys_unlink(r->blob_tmp, file) < 0 && errno != ENOENT)
		log_msg(LOG_WARN, "unlink blob/tmp/%s:", file);
	close(fd);
	return true;
}

void blob_sweep(struct root *r)
{
	if (dir_list(r->blob_tmp, sweep_seen, r) < 0)
		log_msg(LOG_WARN, "%s/blob/tmp:", r->path);
}
