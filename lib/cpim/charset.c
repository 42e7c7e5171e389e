#include "cpim/charset.h"
#include "base/text.h"

#include <errno.h>
#include <iconv.h>

static void latin1(struct buf *out, struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c < 0x80) {
			buf_putc(out, (char)c);
		} else {
			buf_putc(out, (char)(0xc0 | (c >> 6)));
			buf_putc(out, (char)(0x80 | (c & 63)));
		}
	}
}

/* NUL survives: only the sanitiser of its target may change it. */
static bool scrub(struct buf *out, struct slice in)
{
	bool clean = true;
	while (in.n) {
		const char *nul = memchr(in.p, '\0', in.n);
		size_t n = nul ? (size_t)(nul - in.p) : in.n;
		clean = utf8_scrub(out, in.p, n) && clean;
		if (nul) {
			buf_putc(out, '\0');
			n++;
		}
		in.p += n;
		in.n -= n;
	}
	return clean;
}

static bool convert(struct buf *out, struct slice in, iconv_t cd)
{
	char *from = (char *)in.p;
	size_t left = in.n;
	bool clean = true;
	while (left) {
		size_t room = left * 2 + 16;
		char *to = buf_room(out, room);
		size_t free_octets = room;
		size_t r = iconv(cd, &from, &left, &to, &free_octets);
		out->n += room - free_octets;
		if (r != (size_t)-1 || errno == E2BIG)
			continue;
		buf_puts(out, "\xef\xbf\xbd"); /* EILSEQ: one octet is bad; EINVAL: the text ends within a character */
		clean = false;
		if (errno == EINVAL)
			break;
		from++;
		left--;
		iconv(cd, NULL, NULL, NULL, NULL);
	}
	buf_put(out, "", 0);
	return clean;
}

bool charset_to_utf8(struct buf *out, struct slice in, struct slice charset)
{
	buf_put(out, "", 0);
	if (slice_ieq(charset, "utf-8") || slice_ieq(charset, "utf8"))
		return scrub(out, in);
	iconv_t cd = (iconv_t)-1;
	char name[64];
	if (charset.n && charset.n < sizeof name && is_token(charset.p, charset.n) && !slice_ieq(charset, "us-ascii")) {
		memcpy(name, charset.p, charset.n);
		name[charset.n] = '\0';
		cd = iconv_open("UTF-8", name);
	}
	if (cd != (iconv_t)-1) {
		bool clean = convert(out, in, cd);
		iconv_close(cd);
		return clean;
	}
	if (utf8_valid(in.p, in.n))
		buf_put(out, in.p, in.n);
	else
		latin1(out, in);
	return true;
}
