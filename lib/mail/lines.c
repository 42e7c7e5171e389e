#include "mail/quote.h"

#include <glib.h>
#include <stdlib.h>

enum {
	WRAPPED_MIN = 65, /* a quoted line of that many octets may have been wrapped by a program that forgot the ">" */
};

/* ---- blanks ---- */

/* Octets of the blank at p: space, tab, CR, and those that HTML and word processors bring; 0: none. */
static size_t blank_at(const char *p, size_t n)
{
	static const char *const wide[] = {"\xc2\xa0",	   "\xe2\x80\xaf", "\xe3\x80\x80",
					   "\xe2\x80\x8b", "\xe2\x80\x89", NULL};
	if (*p == ' ' || *p == '\t' || *p == '\r')
		return 1;
	for (const char *const *w = wide; (unsigned char)*p >= 0xc2 && *w; w++)
		if (n >= strlen(*w) && memcmp(p, *w, strlen(*w)) == 0)
			return strlen(*w);
	return 0;
}

static size_t trimmed(const char *p, size_t n)
{
	for (;;) {
		size_t before = n;
		if (n && blank_at(p + n - 1, 1))
			n--;
		else if (n >= 2 && blank_at(p + n - 2, 2) == 2)
			n -= 2;
		else if (n >= 3 && blank_at(p + n - 3, 3) == 3)
			n -= 3;
		if (n == before)
			return n;
	}
}

/* ---- lines ---- */

static bool begins_quote(struct slice line)
{
	size_t i = 0;
	while (i < line.n && i < 4 && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	struct slice rest = {line.p + i, line.n - i};
	return rest.n && *rest.p == '>' && !slice_eq(slice_trim(rest), ">:"); /* the end of an attribution, wrapped */
}

static struct reply_line line_of(const char *text, size_t from, size_t to)
{
	size_t n = to - from;
	while (n && (text[from + n - 1] == '\r' || text[from + n - 1] == '\n'))
		n--;
	struct slice raw = {text + from, n};
	struct reply_line line = {.at = (uint32_t)from, .n = (uint32_t)trimmed(raw.p, raw.n)};
	line.quoted = begins_quote(raw);
	line.delimiter = slice_eq(raw, "-- ") || slice_eq((struct slice){raw.p, line.n}, "--");
	return line;
}

static void set_marks(struct reply_lines *l, const struct mail_mark *marks, size_t n)
{
	for (size_t i = 0, k = 0; k < n; k++) {
		while (i < l->n && l->v[i].at < marks[k].offset)
			i++;
		if (i < l->n && (!l->v[i].mark || l->v[i].mark == MAIL_MARK_OWN + 1))
			l->v[i].mark = (uint8_t)(marks[k].kind + 1);
	}
}

/* A long quoted line was wrapped and its rest stands without ">" between quoted lines: not an answer, which stands
 * behind a sentence's end or an empty line. */
static void find_wrapped(struct reply_lines *l)
{
	for (size_t i = 1; i + 1 < l->n; i++) {
		struct slice before = reply_line(l, i - 1);
		if (l->v[i].quoted || !l->v[i].n || !l->v[i - 1].quoted || !l->v[i + 1].quoted ||
		    before.n < WRAPPED_MIN)
			continue;
		if (!strchr("?.!:;", before.p[before.n - 1]) && l->v[i].n < WRAPPED_MIN)
			l->v[i].quoted = true;
	}
}

void reply_lines_split(struct reply_lines *l, struct slice text, const struct mail_mark *marks, size_t n_marks)
{
	size_t count = 1, from = 0;
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == '\n';
	*l = (struct reply_lines){.text = text.p, .v = xmalloc(count * sizeof *l->v)};
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n') {
			l->v[l->n++] = line_of(text.p, from, i);
			from = i + 1;
		}
	if (from < text.n)
		l->v[l->n++] = line_of(text.p, from, text.n);
	set_marks(l, marks, n_marks);
	find_wrapped(l);
}

void reply_lines_free(struct reply_lines *l)
{
	free(l->v);
	*l = (struct reply_lines){0};
}

size_t reply_next(const struct reply_lines *l, size_t i, size_t end)
{
	while (i < end && reply_blank(l, i))
		i++;
	return i;
}

/* ---- comparing ---- */

/* Left-to-right marks, embeddings, zero-width joiners: they come with addresses and dates. */
static size_t invisible_at(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	if (n < 3 || u[0] != 0xe2)
		return 0;
	if (u[1] == 0x80 && ((u[2] >= 0x8c && u[2] <= 0x8f) || (u[2] >= 0xaa && u[2] <= 0xae)))
		return 3;
	return u[1] == 0x81 && u[2] >= 0xa0 && u[2] <= 0xa9 ? 3 : 0;
}

void reply_fold(struct buf *out, struct slice line)
{
	size_t start = out->n;
	bool gap = false, marks = false;
	buf_put(out, "", 0);
	for (size_t i = 0, k; i < line.n; i += k) {
		if ((k = blank_at(line.p + i, line.n - i))) {
			gap = out->n > start;
			continue;
		}
		if ((k = invisible_at(line.p + i, line.n - i)) || (line.p[i] == '*' && (k = 1)))
			continue;
		if (gap)
			buf_putc(out, ' ');
		gap = false;
		marks = marks || (unsigned char)line.p[i] == 0xcc || (unsigned char)line.p[i] == 0xcd;
		k = 1;
		while (i + k < line.n && (unsigned char)line.p[i + k] > ' ' && (unsigned char)line.p[i + k] < 128 &&
		       line.p[i + k] != '*')
			k++;
		buf_put(out, line.p + i, k);
	}
	if (!marks)
		return;
	char *composed = g_utf8_validate(out->p + start, (gssize)(out->n - start), NULL)
				 ? g_utf8_normalize(out->p + start, (gssize)(out->n - start), G_NORMALIZE_NFC)
				 : NULL;
	if (composed) {
		out->n = start;
		buf_puts(out, composed);
	}
	g_free(composed);
}

bool reply_begins(struct slice text, const char *words)
{
	if (!*words)
		return true;
	return text.n && !((text.p[0] ^ words[0]) & ~32) &&
	       slice_istarts(text, words); /* most differ in the first octet */
}
