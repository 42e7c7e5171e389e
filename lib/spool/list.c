#include "spool/list.h"
#include "spool/ready.h"
#include "spool/name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const char *const spool_state_name[SPOOL_STATES] = {"waiting", "claimed", "leaving", "deferred", "failed",
							  "held"};

struct names {
	char **p;
	size_t n, cap;
};

static void names_add(struct names *l, const char *s)
{
	if (l->n + 1 >= l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->p = xrealloc(l->p, l->cap * sizeof *l->p);
	}
	l->p[l->n++] = xstrdup(s);
	l->p[l->n] = NULL;
}

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entries of a directory without those that begin with a dot, sorted; the list is empty if it is not there. -1 with
 * errno else. */
static int read_names(const char *path, struct names *out)
{
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			names_add(out, e->d_name);
	closedir(d);
	if (out->n)
		qsort(out->p, out->n, sizeof *out->p, by_octets);
	return 0;
}

void spool_names_free(char **names)
{
	for (char **p = names; p && *p; p++)
		free(*p);
	free(names);
}

bool spool_is_queue(const char *path)
{
	char sub[PATH_MAX];
	struct stat st;
	int n = snprintf(sub, sizeof sub, "%s/new", path);
	return n > 0 && (size_t)n < sizeof sub && stat(sub, &st) == 0 && S_ISDIR(st.st_mode);
}

char **spool_queue_names(const char *root)
{
	struct names all = {0}, queues = {0};
	struct stat st;
	if (stat(root, &st) != 0 || read_names(root, &all) < 0)
		return NULL;
	for (size_t i = 0; i < all.n; i++) {
		char path[PATH_MAX];
		int n = snprintf(path, sizeof path, "%s/%s", root, all.p[i]);
		if (n > 0 && (size_t)n < sizeof path && name_is_queue(all.p[i]) && spool_is_queue(path))
			names_add(&queues, all.p[i]);
	}
	spool_names_free(all.p);
	return queues.p ? queues.p : xcalloc(1, sizeof *queues.p);
}

/* ---- one queue ---- */

struct listing {
	const char *path;  /* ROOT/QUEUE */
	const char *queue; /* QUEUE */
	spool_file_h *each;
	void *ctx;
	bool ended;
};

static int64_t file_time(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000 : 0;
}

/* A file of new/, defer/ or fail/. */
static void tell_plain(struct listing *l, enum spool_state state, const char *dir, const char *file)
{
	char path[PATH_MAX];
	struct spool_name n;
	snprintf(path, sizeof path, "%s/%s/%s", l->path, dir, file);
	bool named = name_parse(file, &n);
	struct spool_file f = {.queue = l->queue,
			       .state = state,
			       .path = path,
			       .batch = named ? n.name : "",
			       .due_us = -1,
			       .records = -1};
	if (!named && state != SPOOL_FAILED)
		return; /* not of the grammar: nobody will ever read it */
	if (named) {
		f.stamp_us = n.stamp;
		f.due_us = state == SPOOL_DEFERRED ? n.due : -1;
		f.records = n.records;
		f.kills = n.kills;
	} else {
		f.stamp_us = file_time(path);
	}
	l->ended = l->ended || !l->each(l->ctx, &f);
}

static int list_plain(struct listing *l, enum spool_state state, const char *dir)
{
	char path[PATH_MAX];
	struct names files = {0};
	int n = snprintf(path, sizeof path, "%s/%s", l->path, dir);
	if (n < 0 || (size_t)n >= sizeof path - NAME_SLOT_SIZE || read_names(path, &files) < 0)
		return -1;
	for (size_t i = 0; i < files.n && !l->ended; i++)
		tell_plain(l, state, dir, files.p[i]);
	spool_names_free(files.p);
	return 0;
}

/* What a file of a slot is depends on whether its transaction has its mark (docs/spool.md, "States"). */
static bool committed(const struct names *files, const char *lead)
{
	for (size_t i = 0; i < files->n; i++) {
		struct slot_name n;
		if (name_parse_slot(files->p[i], &n) && (n.role == 'c' || n.role == 's') && strcmp(n.lead, lead) == 0)
			return true;
	}
	return false;
}

/* The single mark is the input until the part has taken its place; then it is the part. */
static enum spool_state slot_state(const struct names *files, const struct slot_name *n, bool *skip)
{
	bool done = committed(files, n->lead);
	*skip = strchr("cnr", n->role) || (n->role == 'i' && done) || (n->role == 'o' && !done);
	if (n->role == 's')
		for (size_t i = 0; i < files->n; i++) {
			struct slot_name part;
			if (name_parse_slot(files->p[i], &part) && part.role == 'o' && strcmp(part.lead, n->lead) == 0)
				*skip = true;
		}
	return n->role == 'i' ? SPOOL_CLAIMED : SPOOL_LEAVING;
}

static void list_slot(struct listing *l, unsigned states, const char *slot)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct names files = {0};
	int len = snprintf(dir, sizeof dir, "%s/cur/%s", l->path, slot);
	if (len < 0 || (size_t)len >= sizeof dir - NAME_SLOT_SIZE || read_names(dir, &files) < 0)
		return;
	for (size_t i = 0; i < files.n && !l->ended; i++) {
		struct slot_name n;
		bool skip;
		if (!name_parse_slot(files.p[i], &n))
			continue;
		enum spool_state state = slot_state(&files, &n, &skip);
		if (skip || !(states & 1u << state))
			continue;
		snprintf(path, sizeof path, "%.*s/%s", (int)(sizeof path - NAME_SLOT_SIZE - 1), dir, files.p[i]);
		struct spool_file f = {l->queue,
				       state,
				       path,
				       n.target.name,
				       n.target.stamp,
				       -1,
				       n.target.records,
				       n.target.kills,
				       atoi(slot),
				       state == SPOOL_LEAVING ? n.dest : NULL};
		l->ended = !l->each(l->ctx, &f);
	}
	spool_names_free(files.p);
}

static int list_slots(struct listing *l, unsigned states)
{
	char path[PATH_MAX];
	struct names slots = {0};
	int n = snprintf(path, sizeof path, "%s/cur", l->path);
	if (n < 0 || (size_t)n >= sizeof path || read_names(path, &slots) < 0)
		return -1;
	for (size_t i = 0; i < slots.n && !l->ended; i++)
		list_slot(l, states, slots.p[i]);
	spool_names_free(slots.p);
	return 0;
}

int spool_list(const char *queue, unsigned states, spool_file_h *each, void *ctx)
{
	const char *slash = strrchr(queue, '/');
	struct listing l = {queue, slash ? slash + 1 : queue, each, ctx, false};
	if (!spool_is_queue(queue)) {
		errno = ENOENT;
		return -1;
	}
	/* with the stream: what moves on while we look is then seen twice rather than not at all */
	if (states & 1u << SPOOL_WAITING && list_plain(&l, SPOOL_WAITING, "new") < 0)
		return -1;
	if (states & 1u << SPOOL_DEFERRED && list_plain(&l, SPOOL_DEFERRED, "defer") < 0)
		return -1;
	if (states & (1u << SPOOL_CLAIMED | 1u << SPOOL_LEAVING) && list_slots(&l, states) < 0)
		return -1;
	if (states & 1u << SPOOL_FAILED && list_plain(&l, SPOOL_FAILED, "fail") < 0)
		return -1;
	if (states & 1u << SPOOL_HELD && list_plain(&l, SPOOL_HELD, "hold") < 0)
		return -1;
	return l.ended;
}

/* Does somebody hold a flock on the file? A line of /proc/locks ends in MAJOR:MINOR:INODE START END. */
static bool held(const char *path, const char *locks)
{
	struct stat st;
	char id[64];
	if (stat(path, &st) != 0)
		return false;
	snprintf(id, sizeof id, " %02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino);
	for (const char *line = locks; line;) {
		const char *end = strchr(line, '\n'), *flock = strstr(line, " FLOCK "), *there = strstr(line, id);
		if (!end)
			return false;
		if (flock && flock < end && there && there < end)
			return true;
		line = end + 1;
	}
	return false;
}

int spool_workers(const char *queue)
{
	const struct spool_file all = {.path = "/proc/locks"};
	char path[PATH_MAX];
	struct buf locks = {0};
	struct names slots = {0};
	int n = snprintf(path, sizeof path, "%s/cur", queue), alive = 0;
	bool known =
		n > 0 && (size_t)n < sizeof path - 32 && spool_file_read(&all, &locks) && read_names(path, &slots) == 0;
	for (size_t i = 0; known && i < slots.n; i++) {
		snprintf(path, sizeof path, "%.*s/cur/%.8s/lock", (int)sizeof path - 32, queue, slots.p[i]);
		alive += held(path, buf_str(&locks));
	}
	spool_names_free(slots.p);
	buf_free(&locks);
	return known ? alive : -1;
}

bool spool_file_read(const struct spool_file *f, struct buf *out)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : 1;
	while (n > 0) {
		n = read(fd, buf_room(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->n += (size_t)n;
	}
	int err = errno;
	if (fd >= 0)
		close(fd);
	buf_put(out, "", 0); /* ended by NUL */
	ready_trim(out, 0);
	errno = err;
	return n == 0;
}
