/*
 * spool-put - put records from standard input into a queue, durably.
 */
#include "base/log.h"
#include "base/tool.h"
#include "record/record.h"
#include "spool/list.h"
#include "spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH_LINES = 1000, BATCH_BLOBS = 64, BATCH_OCTETS = 4 << 20 };

struct put {
	struct spool_producer *producer;
	char *root; /* of the queue: its blobs stand there */
	bool keep;  /* members `retry` and `fail` stay */
	struct spool_blob *blob[BATCH_BLOBS];
	int blobs, lines, bad;
	size_t octets;
	int64_t number, done;
};

static void commit(struct put *p)
{
	if (p->lines && spool_producer_commit(p->producer) < 0)
		die_temp("the queue took %lld records, then:", (long long)p->done);
	p->done += p->lines;
	p->lines = 0;
	p->octets = 0;
	while (p->blobs)
		spool_blob_close(p->blob[--p->blobs]);
}

/* ---- blobs: a blob lives as long as a batch names it, so a record that is put gets a copy of its own ---- */

/* Any link of the blob; -1 with errno. */
static int blob_open_any(const char *root, const char *id)
{
	char *path = xasprintf("%s/blob", root);
	DIR *d = opendir(path);
	size_t n = strlen(id);
	int fd = -1;
	errno = ENOENT;
	for (struct dirent *e; d && fd < 0 && (e = readdir(d));)
		if (strncmp(e->d_name, id, n) == 0 && e->d_name[n] == '.')
			fd = spool_blob_open(root, id, e->d_name + n + 1);
	int err = errno;
	if (d)
		closedir(d);
	free(path);
	errno = err;
	return fd;
}

static struct spool_blob *blob_copy(const char *root, const char *id)
{
	char block[65536];
	int fd = blob_open_any(root, id);
	if (fd < 0)
		return NULL;
	struct spool_blob *b = spool_blob_create(root);
	ssize_t n = b ? 1 : -1;
	while (n > 0) {
		n = read(fd, block, sizeof block);
		if (n > 0 && spool_blob_write(b, block, (size_t)n) < 0)
			n = -1;
	}
	close(fd);
	if (b && (n < 0 || spool_blob_finish(b) < 0)) {
		spool_blob_close(b);
		return NULL;
	}
	return b;
}

/* The blob of the record's body becomes a copy of its own. NULL without why: there is none. */
static struct spool_blob *own_blob(const struct put *p, struct record *r, const char **why)
{
	json_t *body = record_get(r->member, "body");
	const char *id = body ? record_body_blobid(body) : NULL;
	if (!id)
		return NULL;
	struct spool_blob *b = blob_copy(p->root, id);
	if (!b)
		*why = strerror(errno);
	else
		record_set(body, "blob", spool_blob_id(b));
	return b;
}

/* ---- lines ---- */

static void refuse(struct put *p, const char *why)
{
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)p->number);
	log_event(LOG_ERROR, NULL, "refused", "line", number, "why", why, NULL);
	p->bad++;
}

static void put_line(struct put *p, struct slice line)
{
	char refused[128];
	const char *why = NULL;
	struct buf text = {0};
	struct record *r = record_parse(line.p, line.n, refused);
	if (!r) {
		refuse(p, refused);
		return;
	}
	if (!p->keep) {
		json_object_del(r->root, "retry");
		json_object_del(r->root, "fail");
	}
	struct spool_blob *b = own_blob(p, r, &why);
	if (why) {
		refuse(p, why);
	} else if (!record_line(r, &text)) {
		refuse(p, "over 1 MiB");
	} else {
		struct spool_blobref ref = {b, b ? spool_blob_id(b) : NULL};
		spool_producer_put(p->producer, text.p, text.n, &ref, b ? 1 : 0);
		p->lines++;
		p->octets += text.n;
		if (b)
			p->blob[p->blobs++] = b;
	}
	if (p->lines == BATCH_LINES || p->octets >= BATCH_OCTETS || p->blobs == BATCH_BLOBS)
		commit(p);
	buf_free(&text);
	record_free(r);
}

static char *root_of(const char *queue)
{
	const char *slash = strrchr(queue, '/');
	return slash && slash > queue ? slice_dup((struct slice){queue, (size_t)(slash - queue)})
				      : xstrdup(slash ? "/" : ".");
}

int main(int argc, char **argv)
{
	struct put p = {0};
	bool make = false;
	const struct tool_option options[] = {{"make", 'm', NULL, "make the queue if it is not there", .flag = &make},
					      {"keep", 'k', NULL,
					       "keep what the records say of earlier tries (members retry and fail)",
					       .flag = &p.keep},
					      {0}};
	const struct tool tool = {"spool-put", "put records from standard input into a queue, durably", "QUEUE", 1, 1,
				  options};
	const char *queue = argv[tool_options(argc, argv, &tool)];

	if (!make && !spool_is_queue(queue))
		die_perm("%s is not a queue", queue);
	if (make && spool_make_queue(queue) < 0)
		die_temp("%s:", queue);
	p.root = root_of(queue);
	p.producer = spool_producer_open(queue);
	if (!p.producer)
		die_temp("%s:", queue);
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
		p.number++;
		if (line[n - 1] == '\n')
			put_line(&p, (struct slice){line, (size_t)n - 1});
		else
			refuse(&p, "the last line has no end: it may be cut off");
	}
	if (ferror(stdin))
		die_temp("standard input:");
	commit(&p);
	free(line);
	free(p.root);
	spool_producer_close(p.producer);
	log_flush();
	return p.bad ? EXIT_PERM : 0;
}
