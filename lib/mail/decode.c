#include "mail/decode.h"

#include "base/transfer.h"

enum { PIECE = 16 << 10 };

enum { UU_LINE = 128 };

/* ---- uuencode: lines between "begin MODE NAME" and "end" ---- */

struct uu {
	bool begun, ended;
	char line[UU_LINE];
	size_t n;
};

static void uu_line(struct uu *u, struct buf *out)
{
	struct slice l = slice_trim((struct slice){u->line, u->n});
	u->n = 0;
	if (!u->begun) {
		u->begun = slice_istarts(l, "begin ");
		return;
	}
	if (u->ended || !l.n || slice_eq(l, "end")) {
		u->ended = u->ended || l.n;
		return;
	}
	size_t octets = (size_t)(l.p[0] - 32) & 63, done = 0;
	for (size_t i = 1; done < octets; i += 4) {
		unsigned bits = 0;
		for (size_t k = 0; k < 4; k++) /* blanks at the end of a line may be lost */
			bits = bits << 6 | (i + k < l.n ? (unsigned)(l.p[i + k] - 32) & 63 : 0);
		for (int shift = 16; shift >= 0 && done < octets; shift -= 8, done++)
			buf_putc(out, (char)(bits >> shift));
	}
}

static void uu_feed(struct uu *u, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n')
			uu_line(u, out);
		else if (u->n < sizeof u->line) /* what is longer is no such line */
			u->line[u->n++] = in.p[i];
	}
}

/* ---- a part ---- */

/* All by our own machines: the library's base64 stops at the first padding, and pieces that were encoded one by one and
 * then put together are met in old mails. */
struct state {
	bool uuencode;
	struct decoder own;
	struct uu uu;
	struct buf out;
};

static void begin(struct state *s, GMimeContentEncoding cte)
{
	s->uuencode = cte == GMIME_CONTENT_ENCODING_UUENCODE;
	s->own.from = cte == GMIME_CONTENT_ENCODING_BASE64	      ? TRANSFER_BASE64
		      : cte == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE ? TRANSFER_QP
								      : TRANSFER_IDENTITY;
}

static void feed(struct state *s, struct slice in)
{
	buf_clear(&s->out);
	if (s->uuencode)
		uu_feed(&s->uu, in, &s->out);
	else
		decoder_feed(&s->own, in, &s->out);
}

bool mail_part_decode(GMimePart *part, mail_sink *sink, void *ctx)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream = content ? g_mime_data_wrapper_get_stream(content) : NULL;
	struct state s = {0};
	bool good = stream && g_mime_stream_reset(stream) == 0;
	char piece[PIECE];
	ssize_t n = 0;
	begin(&s, content ? g_mime_data_wrapper_get_encoding(content) : GMIME_CONTENT_ENCODING_DEFAULT);
	while (good && (n = g_mime_stream_read(stream, piece, sizeof piece)) > 0) {
		feed(&s, (struct slice){piece, (size_t)n});
		good = !s.out.n || sink(ctx, slice_buf(&s.out));
	}
	good = good && (n == 0 || g_mime_stream_eos(stream)); /* behind its end a file stream gives an error */
	buf_clear(&s.out);
	if (good && !s.uuencode)
		decoder_end(&s.own, &s.out);
	good = good && (!s.out.n || sink(ctx, slice_buf(&s.out)));
	buf_free(&s.out);
	return good;
}

bool mail_attachment_read(const struct mail_attachment *a, mail_sink *sink, void *ctx)
{
	return GMIME_IS_PART(a->part) && mail_part_decode(GMIME_PART(a->part), sink, ctx);
}
