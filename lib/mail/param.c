#include "mail/header.h"

#include "base/text.h"

enum { PARAM_MAX = 1024, SEGMENT = 50 };

/* attribute-char of RFC 2231 7: a token octet without * ' % */
static bool attribute_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!#$&+-.^_`{|}~", c));
}

static void put_param(struct mail_field *f, struct slice text)
{
	buf_putc(f->out, ';');
	f->col++;
	mail_field_word(f, text);
}

static void put_quoted(struct buf *out, struct slice value)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, value.p[i]);
	}
	buf_putc(out, '"');
}

/* RFC 2231: name*=UTF-8''%C3%B6, cut into name*0*=, name*1*=, ... where it is long. */
static void put_extended(struct mail_field *f, const char *name, struct slice value)
{
	static const char hex[] = "0123456789ABCDEF";
	struct buf coded = {0}, piece = {0};
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (attribute_char(c))
			buf_putc(&coded, (char)c);
		else
			buf_put(&coded, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
	bool single = coded.n <= SEGMENT;
	size_t at = 0;
	for (unsigned k = 0; at < coded.n; k++) {
		size_t n = coded.n - at < SEGMENT ? coded.n - at : SEGMENT;
		if (at + n < coded.n) /* no escape is cut */
			n -= coded.p[at + n - 1] == '%' ? 1 : coded.p[at + n - 2] == '%' ? 2 : 0;
		buf_clear(&piece);
		buf_puts(&piece, name);
		if (!single)
			buf_printf(&piece, "*%u", k);
		buf_puts(&piece, k ? "*=" : "*=UTF-8''");
		buf_put(&piece, coded.p + at, n);
		put_param(f, slice_buf(&piece));
		at += n;
	}
	buf_free(&coded);
	buf_free(&piece);
}

void mail_field_param(struct mail_field *f, const char *name, struct slice value)
{
	struct buf clean = {0}, piece = {0};
	text_sanitise(&clean, value, PARAM_MAX);
	if (!is_ascii(buf_str(&clean), clean.n) || clean.n > SEGMENT + 8) {
		put_extended(f, name, slice_buf(&clean));
	} else {
		buf_puts(&piece, name);
		buf_putc(&piece, '=');
		if (is_token(buf_str(&clean), clean.n))
			buf_slice(&piece, slice_buf(&clean));
		else
			put_quoted(&piece, slice_buf(&clean));
		put_param(f, slice_buf(&piece));
	}
	buf_free(&clean);
	buf_free(&piece);
}
