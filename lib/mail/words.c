/* Encoded words (RFC 2047) and raw octets of unstructured header values to UTF-8. */
#include "base/text.h"
#include "mail/head.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

struct word {
	struct slice charset, text;
	char encoding; /* B or Q */
	size_t whole;
};

/* "=?charset*lang?B?text?=" at the start of s. */
static bool word_read(struct slice s, struct word *w)
{
	struct slice rest = s, part[3];
	if (s.n < 8 || s.p[0] != '=' || s.p[1] != '?')
		return false;
	rest.p += 2, rest.n -= 2;
	for (int i = 0; i < 3; i++) {
		bool more;
		part[i] = slice_cut(&rest, '?', &more);
		if (!more)
			return false;
	}
	if (!rest.n || rest.p[0] != '=' || part[1].n != 1 || !part[0].n || memchr(s.p, ' ', (size_t)(rest.p - s.p)))
		return false;
	bool more;
	w->charset = slice_cut(&part[0], '*', &more);
	w->encoding = (char)(part[1].p[0] & ~32);
	w->text = part[2];
	w->whole = (size_t)(rest.p + 1 - s.p);
	return w->encoding == 'B' || w->encoding == 'Q';
}

size_t mail_word_octets(struct slice s)
{
	struct word w;
	return word_read(s, &w) ? w.whole : 0;
}

static void put_q(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int hi = s.p[i] == '=' && i + 2 < s.n ? hex_value(s.p[i + 1]) : -1,
		    lo = hi >= 0 ? hex_value(s.p[i + 2]) : -1;
		if (lo >= 0) {
			buf_putc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_putc(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
}

/* Liberal: what is no base64 is skipped, padding ends a group only. */
static void put_b(struct buf *out, struct slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0;
	int n = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(digits, s.p[i]) : NULL;
		if (s.p[i] == '=')
			bits = 0, n = 0;
		if (!at)
			continue;
		bits = bits << 6 | (unsigned)(at - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_putc(out, (char)(bits >> n & 255));
		}
	}
}

static void put_replacement(struct buf *out)
{
	buf_puts(out, "\xef\xbf\xbd");
}

static void convert(struct buf *out, struct slice in, iconv_t cd)
{
	char *from = (char *)in.p;
	size_t left = in.n;
	while (left) {
		size_t room = left * 2 + 16, free_octets = room;
		char *to = buf_room(out, room);
		size_t r = iconv(cd, &from, &left, &to, &free_octets);
		out->n += room - free_octets;
		if (r != (size_t)-1 || errno == E2BIG)
			continue;
		put_replacement(out);
		if (errno == EINVAL)
			break;
		from++, left--;
		iconv(cd, NULL, NULL, NULL, NULL);
	}
}

static void to_utf8(struct buf *out, struct slice in, struct slice charset)
{
	char name[64] = "WINDOWS-1252";
	bool utf8 = slice_ieq(charset, "utf-8") || slice_ieq(charset, "utf8");
	if (utf8 || ((!charset.n || slice_ieq(charset, "us-ascii")) && utf8_valid(in.p, in.n))) {
		utf8_scrub(out, in.p, in.n);
		return;
	}
	if (charset.n && charset.n < sizeof name && is_token(charset.p, charset.n) && !slice_ieq(charset, "us-ascii")) {
		memcpy(name, charset.p, charset.n);
		name[charset.n] = '\0';
	}
	iconv_t cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1)
		cd = iconv_open("UTF-8", "WINDOWS-1252");
	if (cd == (iconv_t)-1) {
		utf8_scrub(out, in.p, in.n);
		return;
	}
	convert(out, in, cd);
	iconv_close(cd);
	buf_put(out, "", 0); /* iconv ends nothing with NUL */
}

/* A run of encoded words of one charset, blanks between them not counted (RFC 2047 6.2). The octets that it took. */
static size_t put_run(struct buf *out, struct slice s, const struct word *first)
{
	struct buf octets = {0};
	struct word w = *first;
	size_t at = 0;
	buf_put(&octets, "", 0);
	for (;;) {
		if (w.encoding == 'Q')
			put_q(&octets, w.text);
		else
			put_b(&octets, w.text);
		at += w.whole;
		size_t next = at;
		while (next < s.n && (s.p[next] == ' ' || s.p[next] == '\t'))
			next++;
		if (!word_read((struct slice){s.p + next, s.n - next}, &w))
			break;
		at = next;
		if (w.charset.n != first->charset.n || strncasecmp(w.charset.p, first->charset.p, w.charset.n) != 0)
			break;
	}
	to_utf8(out, slice_buf(&octets), first->charset);
	buf_free(&octets);
	return at;
}

void mail_words_decode(struct buf *out, struct slice value)
{
	size_t raw = 0, i = 0;
	buf_put(out, "", 0);
	while (i < value.n) {
		struct word w;
		const char *at = memchr(value.p + i, '=', value.n - i);
		i = at ? (size_t)(at - value.p) : value.n;
		if (i < value.n && word_read((struct slice){value.p + i, value.n - i}, &w)) {
			to_utf8(out, (struct slice){value.p + raw, i - raw}, (struct slice){"", 0});
			i += put_run(out, (struct slice){value.p + i, value.n - i}, &w);
			raw = i;
		} else if (i < value.n) {
			i++;
		}
	}
	if (raw < value.n)
		to_utf8(out, (struct slice){value.p + raw, value.n - raw}, (struct slice){"", 0});
}
