#include "mail/body.h"

#include "base/text.h"

enum { LINE_MAX_OCTETS = 998, QP_LINE = 76, B64_LINE = 57 };

const char *mail_cte_name(enum mail_cte cte)
{
	static const char *const name[] = {
		[MAIL_7BIT] = "7bit", [MAIL_8BIT] = "8bit", [MAIL_QP] = "quoted-printable", [MAIL_BASE64] = "base64"};
	return name[cte];
}

void mail_scan(struct mail_scan *s, struct slice piece)
{
	for (size_t i = 0; i < piece.n; i++) {
		unsigned char c = (unsigned char)piece.p[i];
		if (c == '\n' || s->cr) /* every CR and every LF ends a line, as the encoder writes it */
			s->line = 0;
		s->cr = c == '\r';
		if (c == '\n' || c == '\r')
			continue;
		s->high += c >= 128;
		s->nul = s->nul || c == '\0';
		if (++s->line > s->longest)
			s->longest = s->line;
	}
	s->octets += (int64_t)piece.n;
}

enum mail_cte mail_text_cte(const struct mail_scan *s, bool eightbit)
{
	bool fits = s->longest <= LINE_MAX_OCTETS && !s->nul;
	if (fits && !s->high)
		return MAIL_7BIT;
	if (fits && eightbit)
		return MAIL_8BIT;
	return s->high > s->octets / 6 ? MAIL_BASE64 : MAIL_QP; /* 3 octets for one there, 4 for 3 here */
}

void mail_encode_begin(struct mail_encoder *e, enum mail_cte cte, bool text)
{
	*e = (struct mail_encoder){.cte = cte, .text = text || cte != MAIL_BASE64};
}

static void b64_line(struct mail_encoder *e, struct buf *out)
{
	base64_put(out, e->hold, e->held);
	buf_puts(out, "\r\n");
	e->held = 0;
}

static void b64_put(struct mail_encoder *e, const char *p, size_t n, struct buf *out)
{
	while (n) {
		if (!e->held && n >= B64_LINE) { /* whole lines straight from the input */
			base64_put(out, p, B64_LINE);
			buf_puts(out, "\r\n");
			p += B64_LINE, n -= B64_LINE;
			continue;
		}
		size_t k = B64_LINE - e->held < n ? B64_LINE - e->held : n;
		memcpy(e->hold + e->held, p, k);
		e->held += k;
		p += k, n -= k;
		if (e->held == B64_LINE)
			b64_line(e, out);
	}
}

/* One octet of a line as QP, with a soft line break before it where it does not fit. */
static void qp_octet(struct mail_encoder *e, unsigned char c, bool escape, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = escape ? 3 : 1;
	if (e->col + n > QP_LINE - 1) {
		buf_puts(out, "=\r\n");
		e->col = 0;
	}
	if (escape)
		buf_put(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
	else
		buf_putc(out, (char)c);
	e->col += n;
}

/* The blank that waited: inside a line as it is, at its end escaped. */
static void qp_blank(struct mail_encoder *e, bool at_end, struct buf *out)
{
	if (e->blank)
		qp_octet(e, (unsigned char)e->blank_octet, at_end, out);
	e->blank = false;
}

static void qp_put(struct mail_encoder *e, const char *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		qp_blank(e, false, out);
		if (c == ' ' || c == '\t') {
			e->blank = true;
			e->blank_octet = (char)c;
		} else {
			/* a dot or From_ that begins a line is what relays and mailboxes change */
			bool first = (e->col == 0 || e->col == QP_LINE - 1) && (c == '.' || c == 'F');
			qp_octet(e, c, c < 33 || c > 126 || c == '=' || first, out);
		}
	}
}

static void line_end(struct mail_encoder *e, struct buf *out)
{
	if (e->cte == MAIL_BASE64) {
		b64_put(e, "\r\n", 2, out);
		return;
	}
	if (e->cte == MAIL_QP)
		qp_blank(e, true, out);
	buf_puts(out, "\r\n");
	e->col = 0;
}

static void put_run(struct mail_encoder *e, const char *p, size_t n, struct buf *out)
{
	if (e->cte == MAIL_BASE64) {
		b64_put(e, p, n, out);
	} else if (e->cte == MAIL_QP) {
		qp_put(e, p, n, out);
	} else {
		buf_put(out, p, n);
		e->col += n;
	}
}

void mail_encode(struct mail_encoder *e, struct slice piece, struct buf *out)
{
	buf_put(out, "", 0);
	if (!e->text) {
		b64_put(e, piece.p, piece.n, out);
		return;
	}
	for (size_t i = 0; i < piece.n;) {
		if (e->cr) {
			e->cr = false;
			line_end(e, out);
			if (piece.p[i] == '\n') {
				i++;
				continue;
			}
		}
		size_t run = i;
		while (run < piece.n && piece.p[run] != '\r' && piece.p[run] != '\n')
			run++;
		if (run > i)
			put_run(e, piece.p + i, run - i, out);
		if (run < piece.n) {
			if (piece.p[run] == '\r')
				e->cr = true;
			else
				line_end(e, out);
			run++;
		}
		i = run;
	}
}

void mail_encode_end(struct mail_encoder *e, struct buf *out)
{
	buf_put(out, "", 0);
	if (e->cr)
		line_end(e, out);
	e->cr = false;
	if (e->cte == MAIL_BASE64) {
		if (e->held)
			b64_line(e, out);
	} else if (e->col || e->blank) {
		line_end(e, out);
	}
}

int64_t mail_base64_size(int64_t n)
{
	int64_t lines = (n + B64_LINE - 1) / B64_LINE;
	return (n + 2) / 3 * 4 + 2 * lines;
}
