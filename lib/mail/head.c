#include "mail/head.h"

#include "mail/address.h"

#include <stdlib.h>

/* ---- fields ---- */

/* RFC 5322 ftext. */
static bool name_octets(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] == 127)
			return false;
	return n > 0;
}

/* The line at the start of in with its end; *n: octets without the end. */
static size_t line_of(struct slice in, size_t *n)
{
	const char *lf = in.n ? memchr(in.p, '\n', in.n) : NULL;
	size_t whole = lf ? (size_t)(lf - in.p) + 1 : in.n;
	*n = lf ? whole - 1 : whole;
	while (*n && in.p[*n - 1] == '\r')
		--*n;
	return whole;
}

static void field_add(struct mail_head *h, size_t *cap, struct slice name, struct slice value)
{
	if (h->n == *cap) {
		*cap = *cap ? 2 * *cap : 32;
		h->v = xrealloc(h->v, *cap * sizeof *h->v);
	}
	h->v[h->n++] = (struct mail_head_field){name, value};
}

/* One line into the arena at *to: CR, LF and NUL cannot stand in a value. */
static void put_line(char **to, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(*to)++ = p[i] == '\r' || p[i] == '\0' ? ' ' : p[i];
}

static bool begins_field(const char *p, size_t n, size_t *name, size_t *value)
{
	const char *colon = n ? memchr(p, ':', n) : NULL;
	if (!colon)
		return false;
	*name = (size_t)(colon - p);
	*value = *name + 1;
	while (*name && (p[*name - 1] == ' ' || p[*name - 1] == '\t')) /* obs: blanks before the colon */
		--*name;
	return name_octets(p, *name);
}

/* Ends the field whose value began at from: trimmed, NUL behind it. */
static char *end_value(struct mail_head *h, char *from, char *to)
{
	struct slice value = slice_trim((struct slice){from, (size_t)(to - from)});
	if (h->n)
		h->v[h->n - 1].value = value;
	char *end = (char *)value.p + value.n;
	*end = '\0';
	return end + 1;
}

void mail_head_read(struct mail_head *h, struct slice in)
{
	size_t cap = 0, n, name, value, whole = 0;
	char *to, *from = NULL;
	*h = (struct mail_head){0};
	if (in.n > MAIL_HEAD_MAX)
		in.n = MAIL_HEAD_MAX;
	to = h->arena = xmalloc(2 * in.n + 2);
	if (slice_istarts(in, "From ") && (whole = line_of(in, &n)) > 0)
		h->body = whole;
	for (; h->body < in.n; h->body += whole) {
		struct slice rest = {in.p + h->body, in.n - h->body};
		whole = line_of(rest, &n);
		if (n == 0) {
			h->body += whole;
			break;
		}
		if (from && (rest.p[0] == ' ' || rest.p[0] == '\t')) {
			put_line(&to, rest.p, n);
			continue;
		}
		if (!begins_field(rest.p, n, &name, &value) || h->n == MAIL_HEAD_FIELDS)
			break;
		if (from)
			to = end_value(h, from, to);
		field_add(h, &cap, (struct slice){to, name}, (struct slice){"", 0});
		put_line(&to, rest.p, name);
		*to++ = '\0';
		from = to;
		put_line(&to, rest.p + value, n - value);
	}
	if (from)
		end_value(h, from, to);
}

void mail_head_free(struct mail_head *h)
{
	free(h->v);
	free(h->arena);
	*h = (struct mail_head){0};
}

struct slice mail_head_get(const struct mail_head *h, const char *name, size_t k)
{
	for (size_t i = 0; i < h->n; i++)
		if (slice_ieq(h->v[i].name, name) && k-- == 0)
			return h->v[i].value;
	return (struct slice){NULL, 0};
}

size_t mail_head_count(const struct mail_head *h, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < h->n; i++)
		count += slice_ieq(h->v[i].name, name);
	return count;
}

/* ---- mailboxes ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of the quoted string or comment that begins at i: behind its last octet, or the end of s. */
static size_t skip_quoted(struct slice s, size_t i)
{
	for (i++; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return s.n;
}

static size_t skip_comment(struct slice s, size_t i, struct slice *inner)
{
	size_t depth = 0, start = i + 1;
	for (; i < s.n; i++) {
		if (s.p[i] == '\\') {
			i++;
		} else if (s.p[i] == '(') {
			depth++;
		} else if (s.p[i] == ')' && --depth == 0) {
			*inner = (struct slice){s.p + start, i - start};
			return i + 1;
		}
	}
	*inner = (struct slice){s.p + (start < s.n ? start : s.n), s.n > start ? s.n - start : 0};
	return s.n;
}

static void unquote(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		buf_putc(out, s.p[i]);
	}
}

static void take_address(struct slice s, struct mail_mailbox *m)
{
	struct mail_address a;
	s = slice_trim(s);
	if (s.n && s.p[0] == '@') { /* a source route counts for nothing (RFC 5321 appendix C) */
		const char *colon = memchr(s.p, ':', s.n);
		if (colon)
			s = slice_trim((struct slice){colon + 1, s.n - (size_t)(colon + 1 - s.p)});
	}
	buf_clear(&m->address);
	if (s.n && mail_address_parse(s, &a))
		mail_address_put(&m->address, &a);
}

/* What was collected of one mailbox: words before <, the text in it, a comment. */
struct pieces {
	struct buf words;   /* unquoted, raw; also a bare address */
	struct slice angle; /* p NULL: none */
	struct slice comment;
	bool any;
};

/* One mailbox up to its comma; the octets that it took. *group: a group name ended with a colon. */
static size_t collect(struct slice s, struct pieces *p, bool *group)
{
	size_t i = 0;
	*group = false;
	while (i < s.n) {
		char c = s.p[i];
		if (c == ',' || c == ';')
			return i + 1;
		p->any |= !blank(c);
		if (c == '"') {
			size_t end = skip_quoted(s, i);
			bool local = end < s.n && s.p[end] == '@'; /* a quoted local part keeps its quotes */
			struct slice in = {s.p + i + 1,
					   end > i + 1 ? end - i - 2 + (end == s.n && s.p[end - 1] != '"') : 0};
			if (local)
				buf_put(&p->words, s.p + i, end - i);
			else
				unquote(&p->words, in);
			i = end;
		} else if (c == '(') {
			i = skip_comment(s, i, &p->comment);
		} else if (c == '<') {
			size_t end = i + 1;
			while (end < s.n && s.p[end] != '>')
				end = s.p[end] == '"' ? skip_quoted(s, end) : end + 1;
			p->angle = (struct slice){s.p + i + 1, end - i - 1};
			i = end < s.n ? end + 1 : s.n;
		} else if (c == ':' && !p->angle.p && !memchr(buf_str(&p->words), '@', p->words.n)) {
			*group = true;
			return i + 1;
		} else {
			/* within an encoded word nothing has a meaning, whatever octets it should not hold */
			size_t n = c == '=' ? mail_word_octets((struct slice){s.p + i, s.n - i}) : 0;
			n = n ? n : 1;
			if (!p->angle.p)
				buf_put(&p->words, s.p + i, n);
			i += n;
		}
	}
	return i;
}

bool mail_mailbox_next(struct slice *list, struct mail_mailbox *m)
{
	struct pieces p = {0};
	bool group, found = false;
	while (list->n && !found) {
		buf_clear(&p.words);
		p.angle = p.comment = (struct slice){NULL, 0};
		p.any = false;
		size_t took = collect(*list, &p, &group);
		list->p += took;
		list->n -= took;
		found = p.any && !group;
	}
	buf_clear(&m->display);
	buf_clear(&m->address);
	if (found && p.angle.p) {
		take_address(p.angle, m);
		mail_words_decode(&m->display, slice_trim(slice_buf(&p.words)));
	} else if (found) {
		take_address(slice_buf(&p.words), m);
		mail_words_decode(&m->display, p.comment);
	}
	buf_free(&p.words);
	return found;
}

void mail_mailbox_free(struct mail_mailbox *m)
{
	buf_free(&m->display);
	buf_free(&m->address);
}

bool mail_msgid_next(struct slice *value, struct slice *id)
{
	while (value->n) {
		const char *open = memchr(value->p, '<', value->n);
		size_t left = open ? value->n - (size_t)(open + 1 - value->p) : 0;
		const char *close = left ? memchr(open + 1, '>', left) : NULL;
		if (!close)
			break;
		*id = (struct slice){open + 1, (size_t)(close - open) - 1};
		value->n -= (size_t)(close + 1 - value->p);
		value->p = close + 1;
		bool good = id->n > 0;
		for (size_t i = 0; i < id->n && good; i++)
			good = id->p[i] > ' ' && id->p[i] != 127 && id->p[i] != '<';
		if (good)
			return true;
	}
	value->n = 0;
	return false;
}
