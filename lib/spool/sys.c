#include "spool/sys.h"
#include "spool/page.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

int (*spool_sys_before)(const struct spool_call *c);
void (*spool_sys_after)(const struct spool_call *c, long result);

static long kill_at(void)
{
	static long k = -1;
	if (k < 0) {
		const char *s = getenv("CPMAIL_SPOOL_KILL");
		k = s ? strtol(s, NULL, 10) : 0;
	}
	return k;
}

/* 0: do the call; SYS_SHORT, SYS_SKIP; else errno is set and the call fails. */
static int announce(const struct spool_call *c)
{
	static long count;
	if (c->op >= OP_CREATE && kill_at() && ++count == kill_at())
		kill(getpid(), SIGKILL);
	if (!spool_sys_before)
		return 0;
	int verdict = spool_sys_before(c);
	if (verdict > 0)
		errno = verdict;
	return verdict;
}

static long report(const struct spool_call *c, long result)
{
	if (spool_sys_after) {
		int err = errno;
		spool_sys_after(c, result);
		errno = err;
	}
	return result;
}

void spool_die(const char *fmt, ...)
{
	page_blame_none();
	int err = errno;
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	errno = err;
	size_t n = strlen(text);
	if (n && text[n - 1] == ':') {
		text[n - 1] = '\0';
		die_temp("%s: %s", text, strerror(err));
	}
	die_temp("%s", text);
}

/* ---- directories ---- */

struct spool_dir *dir_open(const struct spool_dir *parent, const char *name)
{
	struct spool_call c = {.op = OP_OPEN, .dir = parent ? parent->path : "", .name = name};
	if (announce(&c) > 0)
		return NULL;
	int fd = openat(parent ? parent->fd : AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (report(&c, fd) < 0)
		return NULL;
	size_t n = (parent ? strlen(parent->path) + 1 : 0) + strlen(name) + 1;
	struct spool_dir *d = xmalloc(sizeof *d + n);
	d->fd = fd;
	snprintf(d->path, n, "%s%s%s", parent ? parent->path : "", parent ? "/" : "", name);
	return d;
}

void dir_close(struct spool_dir *d)
{
	if (d) {
		close(d->fd);
		free(d);
	}
}

int dir_make(const struct spool_dir *parent, const char *name)
{
	struct spool_call c = {.op = OP_MKDIR, .dir = parent ? parent->path : "", .name = name};
	if (announce(&c) > 0)
		return -1;
	int r = mkdirat(parent ? parent->fd : AT_FDCWD, name, 0750);
	if (r < 0 && errno == EEXIST)
		r = 0;
	return (int)report(&c, r);
}

int dir_fsync(const struct spool_dir *d)
{
	struct spool_call c = {.op = OP_FSYNC_DIR, .dir = d->path, .fd = d->fd};
	int v = announce(&c);
	if (v > 0)
		return -1;
	return (int)report(&c, v == SYS_SKIP ? 0 : fsync(d->fd));
}

int dir_list(const struct spool_dir *d, bool (*seen)(void *ctx, const char *name), void *ctx)
{
	struct spool_call c = {.op = OP_LIST, .dir = d->path, .fd = d->fd};
	if (announce(&c) > 0)
		return -1;
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return (int)report(&c, -1);
	}
	struct dirent *e;
	errno = 0;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' && (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2])))
			continue;
		if (!seen(ctx, e->d_name))
			break;
		errno = 0;
	}
	int err = e ? 0 : errno;
	closedir(dir);
	errno = err;
	return (int)report(&c, err ? -1 : 0);
}

/* ---- files ---- */

static int open_as(enum spool_op op, const struct spool_dir *d, const char *name, int flags)
{
	struct spool_call c = {.op = op, .dir = d->path, .name = name, .n = flags};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, openat(d->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0640));
}

int sys_open(const struct spool_dir *d, const char *name, int flags)
{
	return open_as(OP_OPEN, d, name, flags);
}

int sys_create(const struct spool_dir *d, const char *name)
{
	return open_as(OP_CREATE, d, name, O_CREAT | O_EXCL | O_WRONLY);
}

int sys_open_create(const struct spool_dir *d, const char *name)
{
	return open_as(OP_OPEN, d, name, O_CREAT | O_RDWR);
}

int sys_write(int fd, const void *p, size_t n)
{
	struct spool_call c = {.op = OP_WRITE, .fd = fd, .data = p, .n = (int64_t)n};
	int v = announce(&c);
	if (v > 0)
		return -1;
	const char *at = p;
	size_t left = v == SYS_SHORT ? n / 2 : n;
	while (left) {
		ssize_t k = write(fd, at, left);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return (int)report(&c, -1);
		at += k;
		left -= (size_t)k;
	}
	if (v == SYS_SHORT) { /* what a full disk does: some octets, then nothing more */
		errno = ENOSPC;
		return (int)report(&c, -1);
	}
	return (int)report(&c, 0);
}

int sys_truncate(int fd, int64_t n)
{
	struct spool_call c = {.op = OP_TRUNCATE, .fd = fd, .n = n};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, ftruncate(fd, n));
}

int sys_reserve(int fd, int64_t n)
{
	struct spool_call c = {.op = OP_RESERVE, .fd = fd, .n = n};
	if (announce(&c) > 0)
		return -1;
	int r = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, n);
	if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		r = 0;
	return (int)report(&c, r);
}

int sys_read_all(int fd, struct buf *out, size_t max)
{
	struct spool_call c = {.op = OP_READ, .fd = fd, .n = (int64_t)max};
	if (announce(&c) > 0)
		return -1;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return (int)report(&c, -1);
	size_t start = out->n;
	for (;;) {
		size_t want = (size_t)st.st_size > out->n - start ? (size_t)st.st_size - (out->n - start) : 0;
		char *to = buf_room(out, want + 1);
		ssize_t k = read(fd, to, want + 1);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return (int)report(&c, -1);
		out->n += (size_t)k;
		out->p[out->n] = '\0';
		if (k == 0)
			return (int)report(&c, 0);
		if (out->n - start > max) {
			errno = EFBIG;
			return (int)report(&c, -1);
		}
	}
}

static int flush(int fd, int (*how)(int))
{
	struct spool_call c = {.op = OP_FSYNC, .fd = fd};
	int v = announce(&c);
	if (v > 0)
		return -1;
	return (int)report(&c, v == SYS_SKIP ? 0 : how(fd));
}

int sys_fsync(int fd)
{
	return flush(fd, fsync);
}

int sys_fdatasync(int fd)
{
	return flush(fd, fdatasync);
}

void sys_flush_hint(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int sys_rewind(int fd)
{
	struct spool_call c = {.op = OP_REWIND, .fd = fd};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, lseek(fd, 0, SEEK_SET) < 0 ? -1 : 0);
}

int sys_close(int fd)
{
	struct spool_call c = {.op = OP_CLOSE, .fd = fd};
	int v = announce(&c), r = close(fd);
	if (v > 0) {
		errno = v;
		r = -1;
	}
	return (int)report(&c, r);
}

int sys_flock(int fd)
{
	struct spool_call c = {.op = OP_FLOCK, .fd = fd};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, flock(fd, LOCK_EX | LOCK_NB));
}

int sys_stat(int fd, struct stat *st)
{
	struct spool_call c = {.op = OP_STAT, .fd = fd};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, fstat(fd, st));
}

int sys_statvfs(int fd, struct statvfs *st)
{
	struct spool_call c = {.op = OP_STATVFS, .fd = fd, .data = st};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, fstatvfs(fd, st));
}

/* ---- names ---- */

static int two_names(enum spool_op op, const struct spool_dir *d, const char *name, const struct spool_dir *d2,
		     const char *name2)
{
	struct spool_call c = {.op = op, .dir = d->path, .name = name, .dir2 = d2->path, .name2 = name2};
	if (announce(&c) > 0)
		return -1;
	int r;
	if (op == OP_LINK)
		r = linkat(d->fd, name, d2->fd, name2, 0);
	else
		r = renameat2(d->fd, name, d2->fd, name2, op == OP_RENAME ? RENAME_NOREPLACE : 0);
	return (int)report(&c, r);
}

int sys_rename(const struct spool_dir *d, const char *name, const struct spool_dir *d2, const char *name2)
{
	return two_names(OP_RENAME, d, name, d2, name2);
}

int sys_replace(const struct spool_dir *d, const char *name, const struct spool_dir *d2, const char *name2)
{
	return two_names(OP_REPLACE, d, name, d2, name2);
}

int sys_link(const struct spool_dir *d, const char *name, const struct spool_dir *d2, const char *name2)
{
	return two_names(OP_LINK, d, name, d2, name2);
}

int sys_unlink(const struct spool_dir *d, const char *name)
{
	struct spool_call c = {.op = OP_UNLINK, .dir = d->path, .name = name};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, unlinkat(d->fd, name, 0));
}

int sys_rmdir(const struct spool_dir *d, const char *name)
{
	struct spool_call c = {.op = OP_UNLINK, .dir = d->path, .name = name};
	if (announce(&c) > 0)
		return -1;
	return (int)report(&c, unlinkat(d->fd, name, AT_REMOVEDIR));
}

int sys_database(bool done)
{
	struct spool_call c = {.op = OP_DATABASE};
	if (!done)
		return announce(&c) > 0 ? errno : 0;
	report(&c, 0);
	return 0;
}
