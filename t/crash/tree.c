#include "tree.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void tree_add(struct tree *t, const char *path, const void *data, size_t n)
{
	if (t->n == t->cap)
		t->v = xrealloc(t->v, (t->cap = t->cap ? t->cap * 2 : 16) * sizeof *t->v);
	struct tree_file *f = &t->v[t->n++];
	snprintf(f->path, sizeof f->path, "%s", path);
	f->data = xmalloc(n + 1);
	if (n)
		memcpy(f->data, data, n);
	f->data[n] = '\0';
	f->n = n;
}

struct tree tree_copy(const struct tree *t)
{
	struct tree c = {0};
	for (size_t i = 0; i < t->n; i++)
		tree_add(&c, t->v[i].path, t->v[i].data, t->v[i].n);
	return c;
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].data);
	free(t->v);
	*t = (struct tree){0};
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), k = strlen(with);
	return n >= k && strcmp(s + n - k, with) == 0;
}

/* Calls seen for each regular file; path is relative to root. */
static void walk(const char *root, const char *sub, void (*seen)(void *ctx, const char *full, const char *path),
		 void *ctx)
{
	char *dir = xasprintf("%s%s%s", root, *sub ? "/" : "", sub);
	DIR *d = opendir(dir);
	if (!d)
		die_temp("%s:", dir);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		char *path = xasprintf("%s%s%s", sub, *sub ? "/" : "", e->d_name);
		char *full = xasprintf("%s/%s", root, path);
		if (e->d_type == DT_DIR)
			walk(root, path, seen, ctx);
		else if (!ends(path, "/lock") && !ends(path, "/level"))
			seen(ctx, full, path);
		free(full);
		free(path);
	}
	closedir(d);
	free(dir);
}

static void load_one(void *ctx, const char *full, const char *path)
{
	struct stat st;
	if (ends(path, "-shm"))
		return;
	int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		die_temp("%s:", full);
	char *data = xmalloc((size_t)st.st_size + 1);
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		die_temp("read %s:", full);
	close(fd);
	tree_add(ctx, path, data, (size_t)st.st_size);
	free(data);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_file *)a)->path, ((const struct tree_file *)b)->path);
}

struct tree tree_load(const char *root)
{
	struct tree t = {0};
	walk(root, "", load_one, &t);
	if (t.n)
		qsort(t.v, t.n, sizeof *t.v, by_path);
	return t;
}

static void unlink_one(void *ctx, const char *full, const char *path)
{
	(void)ctx, (void)path;
	if (unlink(full) < 0)
		die_temp("unlink %s:", full);
}

void tree_write(const char *root, const struct tree *t)
{
	walk(root, "", unlink_one, NULL);
	struct timespec old[2] = {{.tv_sec = time(NULL) - 7200}, {.tv_sec = time(NULL) - 7200}};
	for (size_t i = 0; i < t->n; i++) {
		char *full = xasprintf("%s/%s", root, t->v[i].path);
		int fd = open(full, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, t->v[i].data, t->v[i].n) != (ssize_t)t->v[i].n || futimens(fd, old) < 0)
			die_temp("%s:", full);
		close(fd);
		free(full);
	}
}

void tree_print(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		printf("#   %s (%zu)\n", t->v[i].path, t->v[i].n);
}
