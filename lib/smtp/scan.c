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

static void scan_octets(struct smtp_scan *out, struct state *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if ((unsigned char)c >= 128)
			out->eight_bit = true;
		if ((c == '\n') != (s->last == '\r') || c == '\0')
			out->bare = true;
		s->column = c == '\n' ? 0 : s->column + (c != '\r');
		if (s->column > 998)
			out->long_line = true;
		s->last = c;
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
