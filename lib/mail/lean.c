#include "mail/lean.h"

#include "mail/html.h"

#include <stdint.h>

/* ---- characters ---- */

static bool letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool contains(struct slice s, const char *words)
{
	size_t n = strlen(words);
	for (size_t i = 0; i + n <= s.n; i++)
		if (!((s.p[i] ^ words[0]) & ~32) && strncasecmp(s.p + i, words, n) == 0)
			return true;
	return false;
}

/* ---- elements ---- */

/* Is it an element that ends without an end tag? */
static bool closed_alone(struct slice tag)
{
	static const char *const names[] = {"p",   "li",     "br",   "td",    "tr",   "th",    "hr",
					    "img", "meta",   "link", "input", "col",  "dd",    "dt",
					    "o:p", "option", "wbr",  "area",  "base", "tbody", NULL};
	for (const char *const *name = names; *name; name++)
		if (!((tag.p[0] ^ **name) & ~32) && slice_ieq(tag, *name))
			return true;
	return false;
}

/* Elements whose content is text up to their end tag. Those that are never shown go. */
static bool raw_text(struct slice tag, bool *shown)
{
	static const char *const hidden[] = {"style", "script", "title", NULL};
	static const char *const others[] = {"textarea", "xmp", "iframe", "noembed", "noframes", "plaintext", NULL};
	for (const char *const *name = hidden; *name; name++)
		if (slice_ieq(tag, *name)) {
			*shown = false;
			return true;
		}
	*shown = true;
	for (const char *const *name = others; *name; name++)
		if (slice_ieq(tag, *name))
			return true;
	return false;
}

/* Behind the end tag of such an element, or the end. */
static const char *raw_end(const char *p, const char *end, struct slice tag)
{
	for (; (p = memchr(p, '<', (size_t)(end - p))); p++) {
		struct slice rest = {p + 2, (size_t)(end - p) > 2 ? (size_t)(end - p) - 2 : 0};
		if (end - p > 1 && p[1] == '/' && rest.n >= tag.n && strncasecmp(rest.p, tag.p, tag.n) == 0 &&
		    (rest.n == tag.n || !letter(rest.p[tag.n]))) {
			const char *close = memchr(p, '>', (size_t)(end - p));
			return close ? close + 1 : end;
		}
	}
	return end;
}

/* Behind "<!...>" or "<?...>". */
static const char *markup_end(const char *p, const char *end)
{
	bool comment = end - p > 3 && memcmp(p, "<!--", 4) == 0;
	if (!comment) {
		p = memchr(p, '>', (size_t)(end - p));
		return p ? p + 1 : end;
	}
	if (end - p > 4 && p[4] == '>') /* "<!-->" is whole */
		return p + 5;
	p = memmem(p + 4, (size_t)(end - p - 4), "-->", 3);
	return p ? p + 3 : end;
}

/* Elements that only change how their text looks: without them it is the same text. */
static bool looks(struct slice tag)
{
	static const char *const names[] = {"b", "i", "u", "em", "strong", "font", "small", "big", "o:p", "tt", NULL};
	for (const char *const *name = names; *name; name++)
		if (slice_ieq(tag, *name))
			return true;
	return false;
}

/* The open span elements: which of them were left out. */
struct spans {
	uint64_t bits[HTML_DEPTH_MAX / 64 + 1];
	int n;
};

/* A span tag, put or not: is it to be left out? One without attributes tells nothing. */
static bool span_goes(struct spans *s, bool close, bool bare)
{
	if (!close && s->n <= HTML_DEPTH_MAX) {
		uint64_t bit = UINT64_C(1) << s->n % 64, *word = &s->bits[s->n++ / 64];
		*word = bare ? *word | bit : *word & ~bit;
		return bare;
	}
	if (!close || !s->n)
		return close;
	s->n--;
	return s->bits[s->n / 64] >> s->n % 64 & 1;
}

/* ---- attributes ---- */

/* The bit of an attribute that is looked at; 0: of no use. */
static unsigned wanted(struct slice name, struct slice value)
{
	static const char *const names[] = {"class", "id",     "name",	 "href",	   "alt",	  "width",
					    "style", "height", "hidden", "data-smartmail", "data-marker", NULL};
	for (unsigned i = 0; names[i]; i++) {
		if (!slice_ieq(name, names[i]))
			continue;
		if (i == 6 && !contains(value, "none") && !contains(value, "border-top"))
			return 0;
		return 1u << i;
	}
	return 0;
}

/* One attribute at p, which is no blank, "/" or ">" (HTML 13.2.5.32 ff.): behind it, NULL if its value does not end. */
static const char *attribute(const char *p, const char *end, unsigned *seen, struct buf *out)
{
	const char *from = p;
	while (p < end && !blank(*p) && *p != '/' && *p != '>' && (*p != '=' || p == from))
		p++;
	struct slice name = {from, (size_t)(p - from)}, value = {"", 0};
	const char *v = p;
	while (v < end && blank(*v))
		v++;
	if (v < end && *v == '=') {
		for (v++; v < end && blank(*v);)
			v++;
		if (v < end && (*v == '"' || *v == '\'')) {
			const char *close = memchr(v + 1, *v, (size_t)(end - v - 1));
			if (!close)
				return NULL;
			value = (struct slice){v + 1, (size_t)(close - v - 1)};
			p = close + 1;
		} else {
			for (p = v; p < end && !blank(*p) && *p != '>';)
				p++;
			value = (struct slice){v, (size_t)(p - v)};
		}
	}
	unsigned bit = wanted(name, value);
	if (bit & ~*seen) {
		*seen |= bit;
		buf_putc(out, ' ');
		buf_put(out, from, (size_t)(p - from));
	}
	return p;
}

/* The tag at p ("<" and a letter, or "</" and a letter): behind its ">", NULL if it does not end. */
static const char *tag_at(const char *p, const char *end, struct slice *name, struct buf *out)
{
	const char *from = p++;
	unsigned seen = 0;
	p += *p == '/';
	name->p = p;
	while (p < end && !blank(*p) && *p != '/' && *p != '>')
		p++;
	name->n = (size_t)(p - name->p);
	buf_put(out, from, (size_t)(p - from));
	while (p && p < end && *p != '>') {
		if (blank(*p) || *p == '/')
			p++;
		else
			p = attribute(p, end, &seen, out);
	}
	if (!p || p == end)
		return NULL;
	buf_putc(out, '>');
	return p + 1;
}

/* ---- all ---- */

struct lean {
	struct buf *out;
	const char *end;
	struct spans spans;
	int depth;
};

static void take_back(struct lean *l, size_t n)
{
	l->out->p[l->out->n = n] = '\0';
}

/* The tag at p, and the content of an element whose content is text: behind it, NULL if it does not end. */
static const char *put_tag(struct lean *l, const char *p)
{
	struct slice name;
	size_t before = l->out->n;
	bool close = p[1] == '/', shown;
	const char *behind = tag_at(p, l->end, &name, l->out);
	if (!behind) {
		take_back(l, before);
		return NULL;
	}
	if (!close && raw_text(name, &shown)) {
		const char *content = behind;
		behind = raw_end(content, l->end, name);
		if (shown)
			buf_put(l->out, content, (size_t)(behind - content));
		else
			take_back(l, before);
		return behind;
	}
	bool bare = l->out->n - before == (size_t)(name.p - p) + name.n + 1;
	if (looks(name) || (slice_ieq(name, "span") && span_goes(&l->spans, close, bare)))
		take_back(l, before);
	else if (!closed_alone(name))
		l->depth += close ? -1 : 1;
	if (l->depth < 0)
		l->depth = 0;
	return behind;
}

bool lean_html(struct buf *out, struct slice html)
{
	struct lean l = {.out = out, .end = html.p + html.n};
	const char *p = html.p;
	while (p && p < l.end && l.depth <= HTML_DEPTH_MAX) {
		const char *tag = memchr(p, '<', (size_t)(l.end - p));
		buf_put(out, p, (size_t)((tag ? tag : l.end) - p));
		p = tag;
		if (!tag)
			break;
		bool close = l.end - tag > 1 && tag[1] == '/';
		if (l.end - tag > 1 + close && letter(tag[1 + close])) {
			p = put_tag(&l, tag); /* NULL: the parser, too, drops a tag that does not end */
		} else if (l.end - tag > 1 && (tag[1] == '!' || tag[1] == '?')) {
			p = markup_end(tag, l.end);
			if (l.end - tag > 2 && (tag[2] | 32) == 'd') /* <!DOCTYPE> decides how tables nest */
				buf_put(out, tag, (size_t)(p - tag));
		} else {
			buf_putc(out, '<');
			p++;
		}
	}
	return l.depth <= HTML_DEPTH_MAX;
}
