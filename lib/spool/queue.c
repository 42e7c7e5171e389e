#include "spool/queue.h"
#include "spool/spool.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum spool_form spool_form = FORM_AUTO;

static struct root *roots;

int64_t stamp_next(int64_t *last)
{
	int64_t now = clock_real_us();
	*last = now > *last ? now : *last + 1;
	return *last;
}

bool stamp_seen(void *ctx, const char *file)
{
	struct spool_name n;
	int64_t *last = ctx;
	if (name_parse(file, &n) && n.stamp > *last)
		*last = n.stamp;
	return true;
}

bool queue_split(const char *path, char **root, char name[NAME_DEST_SIZE])
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	if (!name_is_queue(last) || strlen(last) >= NAME_DEST_SIZE) {
		errno = EINVAL;
		return false;
	}
	snprintf(name, NAME_DEST_SIZE, "%s", last);
	if (!slash)
		*root = xstrdup(".");
	else
		*root = slash == path ? xstrdup("/") : slice_dup((struct slice){path, (size_t)(slash - path)});
	return true;
}

/* ---- roots ---- */

struct root *root_get(const char *path)
{
	for (struct root *r = roots; r; r = r->next)
		if (strcmp(r->path, path) == 0) {
			r->refs++;
			return r;
		}
	char why[160];
	int form = spool_form != FORM_AUTO ? (int)spool_form : mount_form(path, why);
	if (form < 0) {
		log_msg(LOG_ERROR, "%s: %s", path, why);
		errno = EOPNOTSUPP;
		return NULL;
	}
	struct root *r = xcalloc(1, sizeof *r);
	struct stat st;
	r->path = xstrdup(path);
	r->refs = 1;
	r->strict = form == FORM_STRICT;
	r->dir = dir_open(NULL, path);
	r->blob = r->dir ? dir_open(r->dir, "blob") : NULL;
	r->blob_tmp = r->blob ? dir_open(r->blob, "tmp") : NULL;
	if (!r->blob_tmp || sys_stat(r->dir->fd, &st) < 0) {
		int err = errno;
		root_put(r);
		errno = err;
		return NULL;
	}
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	r->next = roots;
	roots = r;
	return r;
}

void root_put(struct root *r)
{
	if (!r || --r->refs)
		return;
	for (struct root **p = &roots; *p; p = &(*p)->next)
		if (*p == r) {
			*p = r->next;
			break;
		}
	dir_close(r->blob_tmp);
	dir_close(r->blob);
	dir_close(r->dir);
	free(r->path);
	free(r);
}

/* Below max(2 %, 256 MiB) or 20 000 inodes, divided by part. */
static bool below_mark(const struct statvfs *st, uint64_t part)
{
	uint64_t all = (uint64_t)st->f_blocks * st->f_frsize, left = (uint64_t)st->f_bavail * st->f_frsize;
	uint64_t mark = all / 50 > (UINT64_C(256) << 20) ? all / 50 : UINT64_C(256) << 20;
	if (left < mark / part)
		return true;
	return st->f_files && st->f_favail < 20000 / part; /* f_files 0: the file system has no fixed number */
}

bool root_low(struct root *r, bool filter)
{
	int64_t now = clock_mono_us();
	struct statvfs st;
	if (!r->looked || now - r->looked >= 1000000) {
		r->looked = now;
		if (sys_statvfs(r->dir->fd, &st) == 0) {
			bool was = r->low;
			r->low = below_mark(&st, 1);
			r->very_low = below_mark(&st, 4);
			if (r->low != was)
				log_event(LOG_WARN, NULL, r->low ? "disk-low" : "disk-enough", "root", r->path, NULL);
		}
	}
	return filter ? r->very_low : r->low;
}

/* ---- making ---- */

/* mkdir, and the parent made durable also when the directory is there: who made it may have died before that. */
static int make_in(const struct spool_dir *parent, const char *const *names)
{
	for (; *names; names++)
		if (dir_make(parent, *names) < 0)
			return -1;
	return dir_fsync(parent);
}

static int make_level(const struct spool_dir *queue)
{
	static const char zeros[sizeof(struct level)];
	int fd = sys_open_create(queue, "level");
	if (fd < 0)
		return -1;
	struct stat st;
	int r = sys_stat(fd, &st);
	if (r == 0 && st.st_size < (off_t)sizeof zeros)
		r = pwrite(fd, zeros, sizeof zeros, 0) == (ssize_t)sizeof zeros ? 0 : -1;
	close(fd);
	return r;
}

static int make_root(const char *path)
{
	if (dir_make(NULL, path) < 0)
		return -1;
	char *parent = xasprintf("%s/..", path);
	struct spool_dir *up = dir_open(NULL, parent), *root = dir_open(NULL, path), *blob = NULL;
	free(parent);
	int r = -1;
	static const char *const in_root[] = {"blob", "state", NULL}, *const in_blob[] = {"tmp", NULL};
	if (up && root && dir_fsync(up) == 0 && make_in(root, in_root) == 0 && (blob = dir_open(root, "blob")) != NULL)
		r = make_in(blob, in_blob);
	int err = errno;
	dir_close(blob);
	dir_close(root);
	dir_close(up);
	errno = err;
	return r;
}

int spool_make_queue(const char *path)
{
	char *root, name[NAME_DEST_SIZE];
	if (!queue_split(path, &root, name))
		return -1;
	int r = make_root(root);
	struct root *rt = r == 0 ? root_get(root) : NULL;
	free(root);
	if (!rt)
		return -1;
	static const char *const in_queue[] = {"tmp", "new", "cur", "defer", "fail", "hold", "free", NULL};
	const char *const in_root[] = {name, NULL};
	struct spool_dir *dir = NULL;
	r = -1;
	if (make_in(rt->dir, in_root) == 0 && (dir = dir_open(rt->dir, name)) != NULL && make_level(dir) == 0)
		r = make_in(dir, in_queue);
	int err = errno;
	dir_close(dir);
	root_put(rt);
	errno = err;
	return r;
}

/* ---- queues ---- */

static struct level *level_map(const struct spool_dir *dir)
{
	int fd = sys_open_create(dir, "level");
	if (fd < 0)
		return NULL;
	struct stat st;
	void *at = MAP_FAILED;
	if (sys_stat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct level))
		at = mmap(NULL, sizeof(struct level), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

struct queue *queue_open(const char *path, enum queue_part part)
{
	char *root, name[NAME_DEST_SIZE];
	if (!queue_split(path, &root, name))
		return NULL;
	struct root *r = root_get(root);
	free(root);
	if (!r)
		return NULL;
	struct queue *q = xcalloc(1, sizeof *q);
	q->root = r;
	memcpy(q->name, name, sizeof name);
	q->dir = dir_open(r->dir, name);
	bool good = q->dir && (q->new = dir_open(q->dir, "new")) != NULL;
	if (good && part == QUEUE_WHOLE)
		good = (q->tmp = dir_open(q->dir, "tmp")) != NULL && (q->defer = dir_open(q->dir, "defer")) != NULL &&
		       (q->fail = dir_open(q->dir, "fail")) != NULL && (q->cur = dir_open(q->dir, "cur")) != NULL;
	if (!good) {
		int err = errno;
		queue_close(q);
		errno = err;
		return NULL;
	}
	q->level = level_map(q->dir);
	if (part == QUEUE_WHOLE)
		pool_open(&q->pool, q->dir);
	return q;
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	if (q->level)
		munmap(q->level, sizeof *q->level);
	pool_free(&q->pool);
	dir_close(q->cur);
	dir_close(q->hold);
	dir_close(q->fail);
	dir_close(q->defer);
	dir_close(q->tmp);
	dir_close(q->new);
	dir_close(q->dir);
	root_put(q->root);
	free(q);
}

/* ---- level ---- */

void level_add(struct queue *q, int64_t files, int64_t octets)
{
	if (!q->level)
		return;
	__atomic_fetch_add(&q->level->files, files, __ATOMIC_RELAXED);
	__atomic_fetch_add(&q->level->octets, octets, __ATOMIC_RELAXED);
}

void level_set(struct queue *q, int64_t files)
{
	if (!q->level)
		return;
	__atomic_store_n(&q->level->files, files, __ATOMIC_RELAXED);
	if (files == 0)
		__atomic_store_n(&q->level->octets, 0, __ATOMIC_RELAXED);
}

bool level_above(const struct queue *q, int64_t limit)
{
	return q->level && __atomic_load_n(&q->level->files, __ATOMIC_RELAXED) > limit;
}
