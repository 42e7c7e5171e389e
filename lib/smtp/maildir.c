#include "smtp/scan.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct maildir {
	struct smtp_settings settings;
	char *host;   /* as part of a file name */
	char **known; /* Maildirs whose cur/ was looked through */
	size_t nknown;
};

/* One mail on its way from tmp/ to new/. */
struct file {
	struct smtp_mail *mail;
	char *name;
	bool written, present;
};

static void *maildir_open(const struct smtp_settings *s)
{
	struct maildir *d = xcalloc(1, sizeof(*d));
	d->settings = *s;
	d->host = xstrdup(s->hostname && *s->hostname ? s->hostname : "localhost");
	for (char *p = d->host; *p; p++)
		if (*p == '/' || *p == ':' || *p <= ' ' || *p >= 127)
			*p = '_';
	return d;
}

/* The Maildir and its parts, not its parents: a mistyped path must not swallow mail. Each new directory is made durable by
 * syncing its parent. */
static int make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? 0 : -1;
	char *parent = xasprintf("%s/..", path);
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(parent);
	return rc;
}

static int make_maildir(const char *path)
{
	static const char *const parts[] = {"tmp", "cur", "new"};
	struct stat st;
	char *last = xasprintf("%s/new", path);
	int rc = 0;
	if (stat(last, &st) != 0 && (rc = make_directory(path)) == 0)
		for (size_t i = 0; i < 3 && rc == 0; i++) {
			char *dir = xasprintf("%s/%s", path, parts[i]);
			rc = make_directory(dir);
			free(dir);
		}
	free(last);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	return strcmp(x->name, y->name);
}

/*
 * A reader moves files to cur/ and adds ":2,flags". A repeat comes only from a predecessor that died before it could
 * note the outcome, so the first batch of a process is the only one that has to be compared with cur/.
 */
static void find_in_cur(struct maildir *d, const char *path, struct file *files, size_t n)
{
	for (size_t i = 0; i < d->nknown; i++)
		if (strcmp(d->known[i], path) == 0)
			return;
	d->known = xrealloc(d->known, (d->nknown + 1) * sizeof(*d->known));
	d->known[d->nknown++] = xstrdup(path);
	char *cur = xasprintf("%s/cur", path);
	DIR *dir = opendir(cur);
	free(cur);
	if (!dir)
		return;
	qsort(files, n, sizeof(*files), by_name);
	for (struct dirent *e; (e = readdir(dir));) {
		struct file key = {.name = e->d_name};
		e->d_name[strcspn(e->d_name, ":")] = '\0';
		struct file *hit = bsearch(&key, files, n, sizeof(*files), by_name);
		if (hit)
			hit->present = true;
	}
	closedir(dir);
}

/* The lines a delivery agent writes in front (RFC 5321 4.4: Return-Path; the others by the habit of MTAs). */
static void put_envelope(const struct smtp_mail *m, struct buf *out)
{
	buf_printf(out, "Return-Path: <%s>\n", m->from);
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].result.outcome == SMTP_OPEN)
			buf_printf(out, "Delivered-To: %s\nX-Original-To: %s\n", m->rcpts[i].address,
				   m->rcpts[i].address);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* The mail with LF line ends, as all readers of a Maildir expect; in pieces, so that its size does not matter. */
static int write_mail(int fd, const struct smtp_mail *m)
{
	struct buf out = {0};
	char piece[32 << 10];
	int64_t at = 0;
	ssize_t got;
	int rc = 0;
	put_envelope(m, &out);
	while (rc == 0 && (got = smtp_body_read(&m->body, at, piece, sizeof(piece))) > 0) {
		for (ssize_t i = 0, line = 0; line < got; line = i) {
			char *cr = memchr(piece + line, '\r', (size_t)(got - line));
			i = cr ? cr - piece + 1 : got;
			buf_put(&out, piece + line, (size_t)(i - line) - (cr ? 1 : 0));
		}
		at += got;
		rc = write_all(fd, out.p, out.n);
		buf_clear(&out);
	}
	if (rc == 0 && got < 0)
		rc = -1;
	if (rc == 0 && out.n)
		rc = write_all(fd, out.p, out.n);
	buf_free(&out);
	return rc;
}

/* An error of the file system: this mail waits. */
static void put_off(struct smtp_mail *m, const char *what)
{
	int error = errno;
	bool full = error == ENOSPC || error == EDQUOT;
	char text[160];
	snprintf(text, sizeof(text), "%s: %s", what, strerror(error));
	log_event(LOG_WARN, m->trace, "maildir", "error", text, NULL);
	smtp_mail_decide(m, SMTP_AT_LOCAL, 0, full ? "4.3.1" : "4.3.0", text, NULL);
}

/* Written to tmp/, not yet durable. A file of the same name in tmp/ is what an attempt left that died: it is written
 * anew. */
static void write_tmp(struct file *f, const char *path, bool sync)
{
	char *tmp = xasprintf("%s/tmp/%s", path, f->name);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 ? -1 : write_mail(fd, f->mail);
	if (rc == 0 && sync)
		rc = fsync(fd);
	if (fd >= 0) {
		int error = errno;
		if (close(fd) != 0)
			rc = -1;
		else
			errno = error;
	}
	if (rc == 0) {
		f->written = true;
	} else {
		put_off(f->mail, tmp);
		unlink(tmp);
	}
	free(tmp);
}

/* Everything of a batch that was written to tmp/ becomes durable with one flush. */
static int sync_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : syncfs(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int sync_new(const char *path)
{
	char *dir = xasprintf("%s/new", path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

/* After the flush: into new/. A failed flush may have lost any of the pages (and says so only once): nothing of the
 * batch counts as written. */
static void publish(struct file *files, size_t n, const char *path, int flushed)
{
	for (size_t i = 0; i < n; i++) {
		if (!files[i].written)
			continue;
		char *from = xasprintf("%s/tmp/%s", path, files[i].name),
		     *to = xasprintf("%s/new/%s", path, files[i].name);
		if (flushed != 0 || rename(from, to) != 0) {
			put_off(files[i].mail, path);
			unlink(from);
			files[i].written = false;
		}
		free(from);
		free(to);
	}
}

/* Is the mail fit to be written, and is it there already? */
static bool fit(struct file *f, const char *path)
{
	struct smtp_mail *m = f->mail;
	struct smtp_scan scan;
	struct stat st;
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].result.outcome == SMTP_OPEN && !smtp_path_valid_utf8(m->rcpts[i].address, false))
			smtp_result_set(&m->rcpts[i].result, SMTP_AT_LOCAL, 0, "5.1.3", "not an address", NULL);
	if (!smtp_path_valid_utf8(m->from, true))
		smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "5.1.7", "not a reverse path", NULL);
	else if (!smtp_scan_body(&m->body, &scan))
		put_off(m, "reading the mail");
	else if (scan.bare || !scan.headers)
		smtp_mail_decide(m, SMTP_AT_LOCAL, 0, "5.6.0", "the mail is not in canonical form", NULL);
	if (!smtp_mail_open(m))
		return false;
	char *there = xasprintf("%s/new/%s", path, f->name);
	f->present = f->present || stat(there, &st) == 0;
	free(there);
	if (f->present)
		log_event(LOG_INFO, m->trace, "maildir-repeat", "file", f->name, NULL);
	return !f->present;
}

static void conclude(struct maildir *d, struct file *f)
{
	if (f->written || f->present)
		smtp_mail_decide(f->mail, SMTP_AT_DATA, 250, "2.0.0", f->name, "maildir");
	if (d->settings.decided)
		d->settings.decided(f->mail, d->settings.ctx);
	free(f->name);
}

static void maildir_deliver(void *engine, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n)
{
	struct maildir *d = engine;
	struct file *files = xcalloc(n ? n : 1, sizeof(*files));
	const char *path = route->path && *route->path ? route->path : NULL;
	size_t written = 0;
	int error = 0;
	for (size_t i = 0; i < n; i++) {
		files[i].mail = mails[i];
		files[i].name = xasprintf("%lld.R%s.%s", (long long)(mails[i]->time_ms / 1000), mails[i]->id, d->host);
	}
	if (!path || make_maildir(path) != 0) {
		error = path ? errno : ENOENT;
	} else {
		find_in_cur(d, path, files, n);
		for (size_t i = 0; i < n; i++)
			if (fit(&files[i], path)) {
				write_tmp(&files[i], path, n == 1);
				written += files[i].written;
			}
		publish(files, n, path, written && n > 1 ? sync_all(path) : 0);
		if (written && sync_new(path) != 0)
			error = errno;
	}
	for (size_t i = 0; i < n; i++) {
		if (error) {
			files[i].written = files[i].present = false;
			errno = error;
			if (smtp_mail_open(mails[i]))
				put_off(mails[i], path ? path : "no path");
		}
		conclude(d, &files[i]);
	}
	free(files);
}

static void maildir_close(void *engine)
{
	struct maildir *d = engine;
	for (size_t i = 0; i < d->nknown; i++)
		free(d->known[i]);
	free(d->known);
	free(d->host);
	free(d);
}

const struct smtp_engine smtp_maildir = {
	.name = "maildir", .open = maildir_open, .deliver = maildir_deliver, .close = maildir_close};
