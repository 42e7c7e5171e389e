#include "mail/body.h"

#include "base/text.h"

#include <stdlib.h>

enum { NAME_MAX_OCTETS = 128, EXTENSION_MAX = 16 };

const char *mail_extension(struct slice type)
{
	static const struct {
		const char *type, *extension;
	} table[] = {
		{"image/jpeg", "jpg"},	      {"image/png", "png"},	  {"image/gif", "gif"},
		{"image/webp", "webp"},	      {"image/heic", "heic"},	  {"image/svg+xml", "svg"},
		{"audio/amr", "amr"},	      {"audio/3gpp", "3gp"},	  {"audio/mpeg", "mp3"},
		{"audio/mp4", "m4a"},	      {"audio/ogg", "ogg"},	  {"audio/wav", "wav"},
		{"video/3gpp", "3gp"},	      {"video/mp4", "mp4"},	  {"video/quicktime", "mov"},
		{"video/webm", "webm"},	      {"text/plain", "txt"},	  {"text/html", "html"},
		{"text/vcard", "vcf"},	      {"text/x-vcard", "vcf"},	  {"text/calendar", "ics"},
		{"application/pdf", "pdf"},   {"application/zip", "zip"}, {"application/xml", "xml"},
		{"application/json", "json"}, {"message/rfc822", "eml"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (slice_ieq(type, table[i].type))
			return table[i].extension;
	return "bin";
}

/* U+200E, U+200F, U+202A..U+202E, U+2066..U+2069, U+061C, U+FEFF: they make a name read backwards or hide. Octets of
 * it, 0 if none. */
static size_t bidi(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	if (s.n >= 2 && p[0] == 0xd8 && p[1] == 0x9c)
		return 2;
	if (s.n < 3)
		return 0;
	if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae)))
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf ? 3 : 0;
}

/* What file systems or shells of receivers take amiss becomes "_", bidi controls go. */
static void put_harmless(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n;) {
		size_t skip = bidi((struct slice){s.p + i, s.n - i});
		if (!skip)
			buf_putc(out, strchr("<>:\"|?*/\\", s.p[i]) ? '_' : s.p[i]);
		i += skip ? skip : 1;
	}
}

/* Cut a UTF-8 text down to max octets at a character's edge. */
static void cut(struct buf *b, size_t max)
{
	if (b->n <= max)
		return;
	while (max && ((unsigned char)b->p[max] & 0xc0) == 0x80)
		max--;
	b->p[b->n = max] = '\0';
}

static void limit(struct buf *name)
{
	const char *dot = name->n ? memrchr(name->p, '.', name->n) : NULL;
	size_t tail = dot ? name->n - (size_t)(dot - name->p) : 0;
	if (name->n <= NAME_MAX_OCTETS)
		return;
	if (tail > EXTENSION_MAX || tail < 2)
		tail = 0;
	char *extension = slice_dup((struct slice){name->p + name->n - tail, tail});
	cut(name, NAME_MAX_OCTETS - tail);
	buf_put(name, extension, tail);
	free(extension);
}

void mail_file_name(struct buf *out, struct slice name, struct slice type)
{
	struct buf clean = {0}, safe = {0};
	text_sanitise(&clean, name, 4096);
	struct slice s = slice_buf(&clean);
	for (size_t i = s.n; i-- > 0;) /* the last component, of either kind of path */
		if (s.p[i] == '/' || s.p[i] == '\\') {
			s.p += i + 1, s.n -= i + 1;
			break;
		}
	put_harmless(&safe, s);
	s = slice_buf(&safe);
	while (s.n && (s.p[0] == '.' || s.p[0] == ' '))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == '.' || s.p[s.n - 1] == ' '))
		s.n--;
	buf_clear(&clean);
	buf_slice(&clean, s);
	limit(&clean);
	if (clean.n)
		buf_slice(out, slice_buf(&clean));
	else
		buf_printf(out, "file.%s", mail_extension(type));
	buf_free(&clean);
	buf_free(&safe);
}
