#include "base/charset.h"
#include "base/text.h"

#include <errno.h>
#include <iconv.h>

/*
 * What mails call a charset and what they mean by it: supersets that senders use under the older name, and names that
 * iconv does not know. ISO-8859-1 is windows-1252 wherever it comes from a mail program.
 */
static const struct {
	const char *name, *meant;
} aliases[] = {
	{"iso-8859-1", "windows-1252"},
	{"latin1", "windows-1252"},
	{"iso8859-1", "windows-1252"},
	{"iso-8859-9", "windows-1254"},
	{"iso-8859-11", "windows-874"},
	{"tis-620", "windows-874"},
	{"gb2312", "gb18030"},
	{"gbk", "gb18030"},
	{"x-gbk", "gb18030"},
	{"gb_2312-80", "gb18030"},
	{"ks_c_5601-1987", "cp949"},
	{"euc-kr", "cp949"},
	{"shift_jis", "cp932"},
	{"shift-jis", "cp932"},
	{"x-sjis", "cp932"},
	{"windows-31j", "cp932"},
	{"iso-8859-8-i", "iso-8859-8"},
	{"iso-8859-6-i", "iso-8859-6"},
	{"unicode-1-1-utf-7", "utf-7"},
	{"x-unknown", ""},
	{"unknown-8bit", ""},
	{"us-ascii", ""},
	{"ascii", ""},
	{"ansi_x3.4-1968", ""},
	{"default", ""},
	{"binary", ""},
};

/* NUL survives: only the sanitiser of its target may change it. */
static bool scrub(struct buf *out, struct slice in)
{
	bool clean = true;
	if (utf8_valid(in.p, in.n)) {
		buf_put(out, in.p, in.n);
		return true;
	}
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

static iconv_t from_charset(struct slice charset)
{
	char name[64];
	if (!charset.n || charset.n >= sizeof name || !is_token(charset.p, charset.n))
		return (iconv_t)-1;
	memcpy(name, charset.p, charset.n);
	name[charset.n] = '\0';
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (slice_ieq(charset, aliases[i].name))
			return *aliases[i].meant ? iconv_open("UTF-8", aliases[i].meant) : (iconv_t)-1;
	return iconv_open("UTF-8", name);
}

bool charset_to_utf8(struct buf *out, struct slice in, struct slice charset)
{
	buf_put(out, "", 0);
	if (slice_ieq(charset, "utf-8") || slice_ieq(charset, "utf8"))
		return scrub(out, in);
	iconv_t cd = from_charset(charset);
	if (cd == (iconv_t)-1 && utf8_valid(in.p, in.n)) {
		buf_put(out, in.p, in.n);
		return true;
	}
	if (cd == (iconv_t)-1)
		cd = iconv_open("UTF-8", "windows-1252");
	if (cd == (iconv_t)-1)
		return scrub(out, in);
	struct buf wide = {0};
	bool clean = convert(&wide, in, cd);
	iconv_close(cd);
	clean = scrub(out, slice_buf(&wide)) && clean; /* some converters let pass what is no character */
	buf_free(&wide);
	return clean;
}
