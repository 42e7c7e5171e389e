#include "smtp/scan.h"

#include <errno.h>
#include <unistd.h>

ssize_t smtp_body_read(const struct smtp_body *b, int64_t offset, char *p, size_t n)
{
	if (b->fd >= 0) {
		ssize_t got;
		do
			got = pread(b->fd, p, n, offset);
		while (got < 0 && errno == EINTR);
		return got;
	}
	if (offset >= b->n)
		return 0;
	if ((int64_t)n > b->n - offset)
		n = (size_t)(b->n - offset);
	memcpy(p, b->p + offset, n);
	return (ssize_t)n;
}

struct state {
	char last;
	int64_t column;
};

static bool has_eight_bit(const char *p, size_t n)
{
	uint64_t all = 0, word;
	size_t i = 0;
	for (; i + sizeof(word) <= n; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		all |= word;
	}
	for (; i < n; i++)
		all |= (unsigned char)p[i];
	return (all & 0x8080808080808080) != 0;
}

/* Octets without LF: a CR may only be the last, and then an LF must follow. */
static void scan_line(struct smtp_scan *out, struct state *s, const char *p, size_t n, bool ends)
{
	const char *cr = n ? memchr(p, '\r', n) : NULL;
	bool after_cr = s->last == '\r';
	if (n && after_cr)
		out->bare = true;
	if (cr && cr != p + n - 1)
		out->bare = true;
	if (n) {
		s->last = p[n - 1];
		s->column += (int64_t)n - (s->last == '\r');
	}
	if (s->column > 998)
		out->long_line = true;
	if (!ends)
		return;
	if (s->last != '\r')
		out->bare = true;
	s->last = '\n';
	s->column = 0;
}

static void scan_octets(struct smtp_scan *out, struct state *s, const char *p, size_t n)
{
	out->eight_bit = out->eight_bit || has_eight_bit(p, n);
	out->bare = out->bare || memchr(p, '\0', n);
	while (n) {
		const char *lf = memchr(p, '\n', n);
		size_t k = lf ? (size_t)(lf - p) : n;
		if (*p == '.' && (s->last == '\n' || !s->last))
			out->dots = true;
		scan_line(out, s, p, k, lf != NULL);
		p += k + (lf != NULL);
		n -= k + (lf != NULL);
	}
}

/* "Name:" with printable octets in front of the colon (RFC 5322 2.2). */
static bool header_line(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && p[i] > ' ' && p[i] < 127 && p[i] != ':')
		i++;
	return i > 0 && i < n && p[i] == ':';
}

bool smtp_scan_body(const struct smtp_body *b, struct smtp_scan *out)
{
	char piece[32 << 10];
	struct state s = {0};
	ssize_t got;
	*out = (struct smtp_scan){0};
	while ((got = smtp_body_read(b, out->size, piece, sizeof(piece))) > 0) {
		if (!out->size)
			out->headers = header_line(piece, (size_t)got);
		scan_octets(out, &s, piece, (size_t)got);
		out->size += got;
	}
	if (s.last == '\r')
		out->bare = true;
	out->unterminated = out->size && s.last != '\n';
	return got == 0;
}
