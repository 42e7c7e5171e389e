#include "map/address.h"

#include "base/text.h"

static const char upper_hex[] = "0123456789ABCDEF";

static void put_escape(struct buf *out, char sign, unsigned char c)
{
	buf_put(out, (char[]){sign, upper_hex[c >> 4], upper_hex[c & 15]}, 3);
}

void map_enc(struct buf *out, struct slice s, unsigned rule)
{
	buf_put(out, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+';
		if (c == '.') /* a dot-atom has single dots inside only */
			keep = !(rule & MAP_ENC_DOT) && i > 0 && i + 1 < s.n && s.p[i - 1] != '.';
		else if (c == '-')
			keep = !(rule & MAP_ENC_HYPHEN) || i == 0 || s.p[i - 1] != '-';
		if (keep)
			buf_putc(out, (char)c);
		else
			put_escape(out, '=', c);
	}
}

bool map_dec(struct buf *out, struct slice s)
{
	size_t start = out->n;
	buf_put(out, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '=') {
			int hi = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1,
			    lo = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			if (hi < 0 || lo < 0) {
				out->n = start;
				out->p[start] = '\0';
				return false;
			}
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		buf_putc(out, c);
	}
	return true;
}

void map_pct(struct buf *out, struct slice s)
{
	buf_put(out, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (alnum || (c && strchr("-_.!~*'()+=", c)))
			buf_putc(out, (char)c);
		else
			put_escape(out, '%', c);
	}
}
