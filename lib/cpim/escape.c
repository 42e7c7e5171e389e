#include "base/text.h"
#include "cpim/cpim.h"

/* A UTF-16 code unit "XXXX" -> its value, -1 if it is none. */
static int code_unit(const char *p, size_t n)
{
	int v = 0;
	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int h = hex_value(p[i]);
		if (h < 0)
			return -1;
		v = v * 16 + h;
	}
	return v;
}

static size_t put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* \uXXXX at p (behind the u), with its second half if it is a surrogate pair; *used: octets taken. A half alone:
 * U+FFFD. */
static size_t unicode(char *to, const char *p, size_t n, size_t *used)
{
	int hi = code_unit(p, n);
	*used = 4;
	if (hi < 0) { /* an unknown escape stands for itself */
		*used = 0;
		to[0] = 'u';
		return 1;
	}
	if (hi < 0xd800 || hi > 0xdfff)
		return put_utf8(to, (unsigned)hi);
	if (hi < 0xdc00 && n >= 10 && p[4] == '\\' && p[5] == 'u') {
		int lo = code_unit(p + 6, n - 6);
		if (lo >= 0xdc00 && lo <= 0xdfff) {
			*used = 10;
			return put_utf8(to, 0x10000u + ((unsigned)(hi - 0xd800) << 10) + (unsigned)(lo - 0xdc00));
		}
	}
	return put_utf8(to, 0xfffd);
}

size_t cpim_unescape(char *to, struct slice in)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\\') {
			to[n++] = in.p[i];
			continue;
		}
		if (++i == in.n)
			break; /* a lone backslash at the end is dropped */
		size_t used = 0;
		switch (in.p[i]) {
		case 'b':
			to[n++] = '\b';
			break;
		case 't':
			to[n++] = '\t';
			break;
		case 'n':
			to[n++] = '\n';
			break;
		case 'r':
			to[n++] = '\r';
			break;
		case 'u':
			n += unicode(to + n, in.p + i + 1, in.n - i - 1, &used);
			i += used;
			break;
		default:
			to[n++] = in.p[i];
		}
	}
	return n;
}

void cpim_escape(struct buf *out, struct slice value, bool quoted)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		switch (c) {
		case '\\':
			buf_puts(out, "\\\\");
			break;
		case '\t':
			buf_puts(out, "\\t");
			break;
		case '\r':
			buf_puts(out, "\\r");
			break;
		case '\n':
			buf_puts(out, "\\n");
			break;
		case '\b':
			buf_puts(out, "\\b");
			break;
		default:
			if (c < 32 || c == 127)
				buf_printf(out, "\\u%04x", c);
			else if (c == '"' && quoted)
				buf_puts(out, "\\\"");
			else
				buf_putc(out, (char)c);
		}
	}
}
