#include "record/long.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdio.h>

/*
 * jansson reads strings octet by octet: a mail of 10 KB takes it some 100 us, which is more than all the rest of its
 * way. So long strings are cut out of the line before it is parsed, and put in afterwards. Whatever is not quite
 * regular (a control octet, a \u escape beyond ASCII, bad UTF-8) goes the ordinary way, and fails or succeeds there.
 */
enum { LONG = 512, LONG_MAX = 16, MARK = 17 };

struct cut {
	struct slice raw; /* between the quotes */
};

const char *json_string_end(const char *p, const char *end)
{
	for (const char *quote = p; quote < end; quote++) {
		quote = memchr(quote, '"', (size_t)(end - quote));
		if (!quote)
			return NULL;
		const char *slash = quote;
		while (slash > p && slash[-1] == '\\')
			slash--;
		if ((quote - slash) % 2 == 0)
			return quote;
	}
	return NULL;
}

static const char *mark(void)
{
	static char text[MARK + 1];
	if (!*text) {
		uint8_t octets[8];
		struct buf b = {0};
		random_octets(octets, sizeof octets);
		buf_putc(&b, '@');
		hex_put(&b, octets, 16);
		memcpy(text, buf_str(&b), MARK);
		buf_free(&b);
	}
	return text;
}

/* The line with a mark in place of each long value; the number of cuts, -1: better not. */
static int cut_out(const char *line, size_t n, struct buf *out, struct cut cuts[LONG_MAX])
{
	const char *p = line, *end = line + n, *from = line;
	int count = 0;
	while ((p = memchr(p, '"', (size_t)(end - p)))) {
		const char *stop = json_string_end(p + 1, end);
		if (!stop)
			return -1;
		bool key = stop + 1 < end && stop[1] == ':';
		if (stop - p > LONG && !key && count < LONG_MAX) {
			buf_put(out, from, (size_t)(p - from));
			buf_printf(out, "\"%s%x\"", mark(), (unsigned)count);
			cuts[count++].raw = (struct slice){p + 1, (size_t)(stop - p) - 1};
			from = stop + 1;
		}
		p = stop + 1;
	}
	buf_put(out, from, (size_t)(end - from));
	return count;
}

static int hex4(const char *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		int d = hex_value(p[i]);
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* One escape at p, behind the backslash; its length, 0: not one of the simple ones. */
static size_t escape(const char *p, size_t n, char *octet)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = n && *p ? strchr(from, *p) : NULL;
	if (at) {
		*octet = to[at - from];
		return 1;
	}
	int v = n >= 5 && *p == 'u' ? hex4(p + 1) : -1;
	*octet = (char)v;
	return v > 0 && v < 128 ? 5 : 0;
}

static bool has_control(const char *p, size_t n)
{
	unsigned char low = 0;
	for (size_t i = 0; i < n; i++)
		low |= (unsigned char)p[i] < ' ';
	return low;
}

static bool unescape(struct slice raw, struct buf *out)
{
	buf_clear(out);
	if (has_control(raw.p, raw.n))
		return false;
	while (raw.n) {
		const char *slash = memchr(raw.p, '\\', raw.n);
		size_t plain = slash ? (size_t)(slash - raw.p) : raw.n, k;
		char octet;
		buf_put(out, raw.p, plain);
		if (!slash)
			break;
		raw.p += plain + 1;
		raw.n -= plain + 1;
		k = escape(raw.p, raw.n, &octet);
		if (!k)
			return false;
		buf_putc(out, octet);
		raw.p += k;
		raw.n -= k;
	}
	return is_ascii(buf_str(out), out->n) || utf8_valid(buf_str(out), out->n);
}

/* Returns how many marks were found and replaced; a negative number if one could not be. */
static int put_in(json_t *value, struct cut cuts[], int count, struct buf *scratch)
{
	const char *key;
	json_t *child;
	size_t i;
	int done = 0;
	if (json_is_string(value)) {
		const char *s = json_string_value(value);
		if (json_string_length(value) != MARK + 1 || memcmp(s, mark(), MARK) != 0)
			return 0;
		int k = hex_value(s[MARK]);
		if (k < 0 || k >= count || !unescape(cuts[k].raw, scratch) ||
		    json_string_setn_nocheck(value, buf_str(scratch), scratch->n) != 0)
			return -LONG_MAX * LONG_MAX;
		return 1;
	}
	if (json_is_object(value)) {
		json_object_foreach (value, key, child)
			done += put_in(child, cuts, count, scratch);
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, child)
			done += put_in(child, cuts, count, scratch);
	}
	return done;
}

json_t *json_load_line(const char *line, size_t n, size_t flags, json_error_t *err)
{
	struct cut cuts[LONG_MAX];
	struct buf shorter = {0}, scratch = {0};
	json_t *root = NULL;
	int count = n > LONG ? cut_out(line, n, &shorter, cuts) : 0;
	if (count > 0 && !memmem(line, n, mark(), MARK))
		root = json_loadb(shorter.p, shorter.n, flags, err);
	if (root && put_in(root, cuts, count, &scratch) != count) {
		json_decref(root);
		root = NULL;
	}
	buf_free(&shorter);
	buf_free(&scratch);
	return root ? root : json_loadb(line, n, flags, err);
}
