#include "map/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static enum pager_verdict open_raw(struct pager *p, const json_t *body)
{
	if (!record_body_blobid(body)) {
		if (body && !record_body_octets(body, &p->body_octets))
			return pager_answer(p, 400, "Bad Body", "body of the record is malformed");
		source_memory(&p->body, slice_buf(&p->body_octets));
		return PAGER_MAIL;
	}
	const struct map_io *io = p->tools->io;
	errno = ENOTSUP;
	p->body_fd = io && io->open ? io->open(io->ctx, body) : -1;
	if (p->body_fd < 0)
		return pager_trouble(p, errno);
	source_file(&p->body, p->body_fd, record_body_size(body));
	return PAGER_MAIL;
}

/* Where inflated octets go: memory up to a window, then a file without a name. */
struct inflated {
	struct buf memory;
	int fd;
	int64_t size;
};

static bool keep(struct inflated *to, const char *p, size_t n)
{
	to->size += (int64_t)n;
	if (to->fd < 0 && to->memory.n + n <= SOURCE_WINDOW) {
		buf_put(&to->memory, p, n);
		return true;
	}
	if (to->fd < 0) {
		FILE *f = tmpfile();
		if (!f)
			return false;
		to->fd = dup(fileno(f));
		fclose(f);
		if (to->fd < 0 || write(to->fd, to->memory.p, to->memory.n) != (ssize_t)to->memory.n)
			return false;
		buf_clear(&to->memory);
	}
	return write(to->fd, p, n) == (ssize_t)n;
}

/* Z_STREAM_END: all of it is there; Z_BUF_ERROR: over the limit; Z_ERRNO: no room; else broken. */
static int inflate_all(struct source *from, struct inflated *to, int64_t limit)
{
	char out[16384];
	z_stream z = {0};
	int r = inflateInit(&z);
	for (int64_t at = 0; r == Z_OK && at < from->size;) {
		struct slice in = source_at(from, at, SOURCE_WINDOW);
		if (!in.n)
			break;
		z.next_in = (Bytef *)in.p;
		z.avail_in = (uInt)in.n;
		do {
			z.next_out = (Bytef *)out;
			z.avail_out = sizeof out;
			r = inflate(&z, Z_NO_FLUSH);
			size_t n = sizeof out - z.avail_out;
			if (r == Z_BUF_ERROR)
				r = Z_OK; /* wants more input */
			if ((r == Z_OK || r == Z_STREAM_END) && to->size + (int64_t)n > limit)
				r = Z_BUF_ERROR;
			else if ((r == Z_OK || r == Z_STREAM_END) && !keep(to, out, n))
				r = Z_ERRNO;
		} while (r == Z_OK && z.avail_out == 0);
		at += (int64_t)in.n - z.avail_in;
	}
	inflateEnd(&z);
	return r;
}

static enum pager_verdict inflate_body(struct pager *p, int64_t limit)
{
	struct inflated to = {.fd = -1};
	int r = inflate_all(&p->body, &to, limit);
	int error = p->body.error ? p->body.error : errno;
	bool unread = p->body.error != 0;
	source_end(&p->body);
	if (p->body_fd >= 0)
		close(p->body_fd);
	p->body_fd = to.fd;
	buf_free(&p->body_octets);
	p->body_octets = to.memory;
	if (unread || r == Z_ERRNO)
		return pager_trouble(p, error);
	if (r == Z_BUF_ERROR)
		return pager_answer(p, 413, "Request Entity Too Large", "inflated body is over max_pager_in");
	if (r != Z_STREAM_END)
		return pager_answer(p, 400, "Bad Content-Encoding", "body cannot be inflated");
	if (to.fd >= 0)
		source_file(&p->body, to.fd, to.size);
	else
		source_memory(&p->body, slice_buf(&p->body_octets));
	return PAGER_MAIL;
}

enum pager_verdict body_open(struct pager *p)
{
	const json_t *body = record_get(p->sip, "body");
	const char *encoding = record_str(p->sip, "content_encoding");
	int64_t limit = conf_int(p->tools->conf, "max_pager_in", NULL);
	if (!encoding)
		encoding = pager_header(p, "Content-Encoding");
	if (body && record_body_size(body) > limit)
		return pager_answer(p, 413, "Request Entity Too Large", "body is over max_pager_in");
	if (open_raw(p, body) != PAGER_MAIL)
		return p->verdict;
	struct slice word = slice_trim(slice_of(encoding ? encoding : ""));
	if (!word.n || slice_ieq(word, "identity") || !body)
		return PAGER_MAIL;
	if (slice_ieq(word, "deflate"))
		return inflate_body(p, limit);
	p->header = "Accept-Encoding";
	p->header_value = "deflate, identity";
	return pager_answer(p, 415, "Unsupported Media Type", "Content-Encoding is unknown");
}
