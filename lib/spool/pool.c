#include "spool/pool.h"
#include "base/clock.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool spool_recycle;

void pool_open(struct pool *p, const struct spool_dir *queue)
{
	p->dir = dir_open(queue, "free");
	p->v = p->dir ? xcalloc(POOL_FILES, sizeof *p->v) : NULL;
}

void pool_free(struct pool *p)
{
	dir_close(p->dir);
	free(p->v);
	*p = (struct pool){0};
}

static bool seen(void *ctx, const char *name)
{
	struct pool *p = ctx;
	if (strlen(name) == NAME_UNIQ)
		memcpy(p->v[p->n++], name, NAME_UNIQ + 1);
	return p->n < POOL_FILES;
}

/* What this process knows is out of date, since others give and take: look again, but not all the time. */
static void look(struct pool *p)
{
	int64_t now = clock_mono_us();
	if (!spool_recycle && p->listed && now - p->listed < 1000000)
		return;
	p->listed = now;
	p->n = 0;
	(void)dir_list(p->dir, seen, p);
}

int pool_give(struct pool *p, const struct spool_dir *d, const char *name, size_t octets)
{
	int most = octets > POOL_SMALL_OCTETS ? POOL_LARGE : POOL_FILES;
	if (!p->dir || (p->n >= most && (look(p), p->n >= most)))
		return sys_unlink(d, name);
	uint64_t uniq;
	char to[NAME_UNIQ + 1];
	random_octets(&uniq, sizeof uniq);
	name_b32(to, uniq, NAME_UNIQ);
	if (sys_rename(d, name, p->dir, to) < 0)
		return errno == ENOENT ? -1 : sys_unlink(d, name);
	memcpy(p->v[p->n++], to, sizeof to);
	return 0;
}

int pool_take(struct pool *p, const struct spool_dir *d, const char *name, int64_t *octets)
{
	if (!p->dir)
		return -1;
	if (!p->n)
		look(p);
	while (p->n) {
		const char *from = p->v[--p->n];
		if (sys_rename(p->dir, from, d, name) < 0) {
			if (errno == ENOENT)
				continue; /* another process has it */
			return -1;
		}
		struct stat st;
		int fd = sys_open(d, name, O_WRONLY);
		if (fd >= 0 && sys_stat(fd, &st) == 0) {
			*octets = st.st_size;
			return fd;
		}
		int err = errno;
		if (fd >= 0)
			close(fd);
		(void)sys_unlink(d, name);
		errno = err;
		return -1;
	}
	return -1;
}

int pool_cut(int fd, int64_t octets, size_t n)
{
	return octets > (int64_t)n ? sys_truncate(fd, (int64_t)n) : 0;
}

void pool_empty(struct pool *p)
{
	if (!p->dir)
		return;
	p->listed = 0;
	look(p);
	while (p->n)
		(void)sys_unlink(p->dir, p->v[--p->n]);
}
