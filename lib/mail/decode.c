#include "mail/decode.h"

#include "base/transfer.h"

enum { PIECE = 16 << 10 };

/* Base64 and quoted-printable by our own machines: the library's base64 stops at the first padding, and pieces that
 * were encoded one by one and then put together are met in old mails. */
struct state {
	bool uuencode;
	struct decoder own;
	GMimeEncoding uu;
	struct buf out;
};

static void begin(struct state *s, GMimeContentEncoding cte)
{
	s->uuencode = cte == GMIME_CONTENT_ENCODING_UUENCODE;
	s->own.from = cte == GMIME_CONTENT_ENCODING_BASE64		? TRANSFER_BASE64
		      : cte == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE ? TRANSFER_QP
								      : TRANSFER_IDENTITY;
	g_mime_encoding_init_decode(&s->uu, GMIME_CONTENT_ENCODING_UUENCODE);
}

static void feed(struct state *s, struct slice in)
{
	buf_clear(&s->out);
	if (s->uuencode) {
		char *to = buf_room(&s->out, g_mime_encoding_outlen(&s->uu, in.n));
		s->out.n += g_mime_encoding_step(&s->uu, in.p, in.n, to);
	} else {
		decoder_feed(&s->own, in, &s->out);
	}
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
	good = good && n == 0;
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
