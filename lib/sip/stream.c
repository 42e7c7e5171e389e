#include "sip/stream.h"

enum { BETWEEN, HEAD, BODY, END, LOST };
enum { SLACK = 1024 }; /* octets that are not worth giving back */

static void compact(struct sip_stream *s)
{
	if (s->pos)
		memmove(s->in.p, s->in.p + s->pos, s->in.n - s->pos);
	s->in.n -= s->pos;
	s->pos = 0;
}

char *sip_stream_room(struct sip_stream *s, size_t n)
{
	compact(s);
	return buf_room(&s->in, n);
}

void sip_stream_shrink(struct sip_stream *s)
{
	compact(s);
	if (!s->in.n) {
		buf_free(&s->in);
	} else if (s->in.cap > s->in.n + SLACK) {
		s->in.cap = s->in.n + 1;
		s->in.p = xrealloc(s->in.p, s->in.cap);
	}
}

void sip_stream_added(struct sip_stream *s, size_t n)
{
	s->in.n += n;
}

bool sip_stream_inside(const struct sip_stream *s)
{
	return s->state != BETWEEN || s->pos < s->in.n;
}

size_t sip_stream_held(const struct sip_stream *s)
{
	return s->in.cap;
}

void sip_stream_free(struct sip_stream *s)
{
	buf_free(&s->in);
	*s = (struct sip_stream){.max_size = s->max_size};
}

/* Does a header line carry this name? Returns its value, or an empty slice with p == NULL. */
static struct slice line_value(struct slice line, const char *name)
{
	size_t n = strlen(name);
	if (!slice_istarts(line, name))
		return (struct slice){NULL, 0};
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	if (n >= line.n || line.p[n] != ':')
		return (struct slice){NULL, 0};
	return slice_trim((struct slice){line.p + n + 1, line.n - n - 1});
}

static bool length_parse(struct slice v, int64_t *length)
{
	int64_t n = 0;
	if (!v.n || v.n > SIP_LENGTH_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*length = n;
	return true;
}

int sip_content_length(struct slice head, int64_t *length)
{
	int found = 0;
	bool more = true, bad = false;
	while (more && head.n) {
		struct slice line = slice_cut(&head, '\n', &more);
		struct slice v = line_value(line, "Content-Length");
		if (!v.p)
			v = line_value(line, "l");
		if (!v.p)
			continue;
		struct buf joined = {0};
		buf_slice(&joined, v);
		while (head.n && (head.p[0] == ' ' || head.p[0] == '\t')) { /* a folded line counts as one */
			buf_putc(&joined, ' ');
			buf_slice(&joined, slice_trim(slice_cut(&head, '\n', &more)));
		}
		if (found++ || !length_parse(slice_trim(slice_buf(&joined)), length))
			bad = true;
		buf_free(&joined);
	}
	return bad ? -1 : found;
}

static struct sip_part lost(struct sip_stream *s, struct slice head, int status, const char *why)
{
	s->state = LOST;
	return (struct sip_part){SIP_PART_BAD, head, 0, status, why};
}

/* CRLF before a message is ignored, two of them are a keep-alive that wants an answer. */
static bool between(struct sip_stream *s, struct sip_part *part)
{
	while (s->in.n - s->pos >= 2 && s->in.p[s->pos] == '\r' && s->in.p[s->pos + 1] == '\n') {
		s->pos += 2;
		if (++s->crlfs == 2) {
			s->crlfs = 0;
			*part = (struct sip_part){.kind = SIP_PART_PING};
			return true;
		}
	}
	size_t n = s->in.n - s->pos;
	if (n == 0 || (n == 1 && s->in.p[s->pos] == '\r')) {
		*part = (struct sip_part){.kind = SIP_PART_MORE};
		return true;
	}
	s->crlfs = 0;
	s->scanned = 0;
	s->state = HEAD;
	return false;
}

static struct sip_part head_part(struct sip_stream *s)
{
	const char *p = s->in.p + s->pos;
	size_t n = s->in.n - s->pos, from = s->scanned > 3 ? s->scanned - 3 : 0;
	const char *end = memmem(p + from, n - from, "\r\n\r\n", 4);
	if (!end && n <= SIP_HEAD_MAX) {
		s->scanned = n;
		return (struct sip_part){.kind = SIP_PART_MORE};
	}
	struct slice head = {p, end ? (size_t)(end + 4 - p) : n};
	if (!end || head.n > SIP_HEAD_MAX) {
		head.n = SIP_HEAD_MAX;
		return lost(s, head, 400, "Header Section Too Long");
	}
	int64_t length = 0;
	int found = sip_content_length(head, &length);
	if (found == 0)
		return lost(s, head, 400, "Missing Content-Length");
	if (found < 0)
		return lost(s, head, 400, "Bad Content-Length");
	if (length > s->max_size - (int64_t)head.n)
		return lost(s, head, 413, NULL);
	s->pos += head.n;
	s->left = length;
	s->state = length ? BODY : END;
	return (struct sip_part){SIP_PART_HEAD, head, length, 0, NULL};
}

static struct sip_part body_part(struct sip_stream *s)
{
	size_t n = s->in.n - s->pos;
	if (!n)
		return (struct sip_part){.kind = SIP_PART_MORE};
	if ((int64_t)n > s->left)
		n = (size_t)s->left;
	struct slice piece = {s->in.p + s->pos, n};
	s->pos += n;
	s->left -= (int64_t)n;
	if (!s->left)
		s->state = END;
	return (struct sip_part){SIP_PART_BODY, piece, 0, 0, NULL};
}

struct sip_part sip_stream_next(struct sip_stream *s)
{
	struct sip_part part = {.kind = SIP_PART_MORE};
	switch (s->state) {
	case BETWEEN:
		if (between(s, &part))
			return part;
		return head_part(s);
	case HEAD:
		return head_part(s);
	case BODY:
		return body_part(s);
	case END:
		s->state = BETWEEN;
		return (struct sip_part){.kind = SIP_PART_END};
	default:
		return part;
	}
}

int sip_datagram_cut(struct slice d, struct slice *head, struct slice *body, const char **why)
{
	while (d.n && (d.p[0] == '\r' || d.p[0] == '\n'))
		d.p++, d.n--;
	size_t zeros = 0;
	while (zeros < d.n && d.p[zeros] == '\0')
		zeros++;
	if (zeros == d.n)
		return -1; /* CRLF and NUL octets keep the bindings of NATs open */
	*head = d;
	*body = (struct slice){"", 0};
	const char *end = memmem(d.p, d.n, "\r\n\r\n", 4);
	*why = "Missing Empty Line";
	if (!end)
		return 400;
	head->n = (size_t)(end + 4 - d.p);
	*body = (struct slice){end + 4, d.n - head->n};
	int64_t length = 0;
	int found = sip_content_length(*head, &length);
	*why = "Bad Content-Length";
	if (found < 0)
		return 400;
	*why = "Content-Length Exceeds Datagram";
	if (found && length > (int64_t)body->n)
		return 400;
	if (found)
		body->n = (size_t)length;
	return 0;
}
