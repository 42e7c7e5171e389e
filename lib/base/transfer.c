#include "base/transfer.h"

#include "base/text.h"

enum transfer transfer_read(struct slice cte)
{
	cte = slice_trim(cte);
	if (slice_ieq(cte, "base64"))
		return TRANSFER_BASE64;
	if (slice_ieq(cte, "quoted-printable"))
		return TRANSFER_QP;
	return TRANSFER_IDENTITY;
}

static int base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void base64_feed(struct decoder *d, struct slice in, struct buf *out)
{
	char *to = buf_room(out, in.n / 4 * 3 + 4);
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		int v = base64_value((unsigned char)in.p[i]);
		if (v < 0) {
			if (in.p[i] == '=') { /* the end of one run: another may follow */
				d->nbits = 0;
				d->bits = 0;
			}
			continue;
		}
		d->bits = d->bits << 6 | (unsigned)v;
		d->nbits += 6;
		if (d->nbits >= 8) {
			d->nbits -= 8;
			to[n++] = (char)(d->bits >> d->nbits);
		}
	}
	out->n += n;
	out->p[out->n] = '\0';
}

static void flush_held(struct decoder *d, struct buf *out)
{
	buf_put(out, d->held, d->nheld);
	d->nheld = 0;
}

/* One octet behind an '=' that is held. */
static void qp_escape(struct decoder *d, char c, struct buf *out)
{
	d->held[d->nheld++] = c;
	if (c == '\n') { /* soft line end, blanks before it included */
		d->nheld = 0;
	} else if (d->nheld == 3 && hex_value(d->held[1]) >= 0) {
		int lo = hex_value(c);
		if (lo >= 0) {
			buf_putc(out, (char)(hex_value(d->held[1]) * 16 + lo));
			d->nheld = 0;
		} else {
			flush_held(d, out);
		}
	} else if (d->nheld == sizeof d->held ||
		   (c != ' ' && c != '\t' && c != '\r' && !(d->nheld == 2 && hex_value(c) >= 0))) {
		flush_held(d, out);
	}
}

static void qp_feed(struct decoder *d, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (d->nheld && d->held[0] == '=') {
			qp_escape(d, c, out);
			continue;
		}
		bool blank = c == ' ' || c == '\t';
		if (d->nheld && (c == '\r' || c == '\n')) /* blanks at the end of a line came from the transport */
			d->nheld = 0;
		else if (d->nheld && (!blank || d->nheld == sizeof d->held))
			flush_held(d, out);
		if (blank || c == '=')
			d->held[d->nheld++] = c;
		else {
			size_t run = i + 1; /* what stands for itself */
			while (run < in.n && in.p[run] > ' ' && in.p[run] != '=')
				run++;
			buf_put(out, in.p + i, run - i);
			i = run - 1;
		}
	}
}

void decoder_feed(struct decoder *d, struct slice in, struct buf *out)
{
	if (d->from == TRANSFER_BASE64)
		base64_feed(d, in, out);
	else if (d->from == TRANSFER_QP)
		qp_feed(d, in, out);
	else
		buf_slice(out, in);
}

void decoder_end(struct decoder *d, struct buf *out)
{
	if (d->from == TRANSFER_QP && d->nheld && d->held[0] == '=' && d->nheld > 1)
		flush_held(d, out);
	d->nheld = 0;
	d->nbits = 0;
}
