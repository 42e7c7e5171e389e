#include "smtp/direct/direct.h"

/* RFC 5321 4.5.2: a line that begins with a dot gets one more. Bodies are canonical (smtp_mail_scan), so LF ends a line
 * and nothing else does. */
static void put_stuffed(struct letter *l, struct buf *out, const char *p, size_t n)
{
	if (l->line_start && *p == '.')
		buf_putc(out, '.');
	l->line_start = p[n - 1] == '\n';
	for (;;) {
		const char *dot = memmem(p, n, "\n.", 2);
		if (!dot)
			break;
		size_t k = (size_t)(dot - p) + 1;
		buf_put(out, p, k);
		buf_putc(out, '.');
		p += k;
		n -= k;
	}
	buf_put(out, p, n);
}

int stream_put(struct letter *l, struct buf *out, char *piece, size_t size)
{
	const char *p = piece;
	int64_t left = l->scan.size - l->offset;
	size_t n = left < (int64_t)size ? (size_t)left : size;
	if (l->offset == 0) {
		l->line_start = true;
		if (l->chunked)
			buf_printf(out, "BDAT %lld LAST\r\n", (long long)l->scan.size);
	}
	if (l->body.fd < 0) {
		p = l->body.p + l->offset;
	} else if (n) {
		ssize_t got = smtp_body_read(&l->body, l->offset, piece, n);
		if (got <= 0)
			return -1; /* shorter than when it was looked over */
		n = (size_t)got;
	}
	if (n && (l->chunked || !l->scan.dots))
		buf_put(out, p, n);
	else if (n)
		put_stuffed(l, out, p, n);
	l->offset += (int64_t)n;
	if (l->offset < l->scan.size)
		return 1;
	if (!l->chunked)
		buf_puts(out, ".\r\n");
	return 0;
}
