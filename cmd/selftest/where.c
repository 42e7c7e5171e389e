#include "selftest.h"

#include "base/clock.h"
#include "base/text.h"
#include "spool/list.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_MAX = 1 << 20 };

struct look {
	const char *trace;
	int64_t since_us; /* older files cannot hold it */
	struct where *w;
};

static void say(struct look *l, const struct spool_file *f, const struct record *r)
{
	static const char *const says[SPOOL_STATES] = {"waits for",	   "is in work at",
						       "is on its way to", "waits for its next try at",
						       "has failed at",	   "is held at"};
	json_t *o = record_get(r->root, "fail");
	o = o ? o : record_get(r->root, "retry");
	const char *code = record_str(o, "code"), *why = record_str(o, "why");
	struct buf text = {0}, clean = {0};
	buf_printf(&text, "%s %s %s", r->type, says[f->state], f->dest ? f->dest : f->queue);
	if (why)
		buf_printf(&text, ": %s%s%s", code ? code : "", code ? " " : "", why);
	text_sanitise(&clean, slice_buf(&text), sizeof l->w->text - 1);
	snprintf(l->w->text, sizeof l->w->text, "%s", buf_str(&clean));
	l->w->found = true;
	l->w->failed = f->state == SPOOL_FAILED;
	buf_free(&text);
	buf_free(&clean);
}

static bool see(void *ctx, const struct spool_file *f)
{
	struct look *l = ctx;
	struct buf lines = {0};
	char why[128];
	bool more = true;
	if (f->stamp_us < l->since_us || !spool_file_read(f, &lines))
		return true;
	for (struct slice rest = slice_buf(&lines); more && rest.n && !l->w->failed;) {
		struct slice line = slice_cut(&rest, '\n', &more);
		struct record *r =
			memmem(line.p, line.n, l->trace, strlen(l->trace)) ? record_parse(line.p, line.n, why) : NULL;
		if (r && strcmp(r->trace, l->trace) == 0)
			say(l, f, r);
		record_free(r);
	}
	buf_free(&lines);
	return !l->w->failed;
}

void where_look(const char *root, const char *trace, struct where *w)
{
	const int64_t hour_us = 3600 * 1000000LL;
	struct look l = {.trace = trace, .since_us = clock_real_us() - hour_us, .w = w};
	char **names = spool_queue_names(root);
	*w = (struct where){0};
	for (char **n = names; n && *n && !w->failed; n++) {
		char *path = xasprintf("%s/%s", root, *n);
		spool_list(path, (1u << SPOOL_STATES) - 1, see, &l);
		free(path);
	}
	spool_names_free(names);
}

static bool holds(int dir, const char *name, const char *token)
{
	static char text[READ_MAX];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(text, (size_t)n, token, strlen(token));
}

bool where_in_maildir(const char *maildir, const char *token)
{
	bool found = false;
	for (int i = 0; i < 2 && !found; i++) {
		char *path = xasprintf("%s/%s", maildir, i ? "cur" : "new");
		DIR *d = opendir(path);
		for (struct dirent *e; !found && d && (e = readdir(d));)
			found = e->d_name[0] != '.' && holds(dirfd(d), e->d_name, token);
		if (d)
			closedir(d);
		free(path);
	}
	return found;
}
