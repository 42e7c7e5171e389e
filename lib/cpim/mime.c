#include "cpim/mime.h"
#include "base/text.h"
#include "base/charset.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next line without its line end; *next: where the one after it starts. */
static struct slice line_at(struct slice in, size_t at, size_t *next)
{
	const char *nl = memchr(in.p + at, '\n', in.n - at);
	size_t end = nl ? (size_t)(nl - in.p) : in.n;
	*next = nl ? end + 1 : in.n;
	if (end > at && in.p[end - 1] == '\r')
		end--;
	return (struct slice){in.p + at, end - at};
}

/* "Name: value": blanks between name and colon are tolerated. */
static bool field_of(struct slice line, struct mime_field *f)
{
	bool colon;
	f->name = slice_cut(&line, ':', &colon);
	while (f->name.n && is_blank(f->name.p[f->name.n - 1]))
		f->name.n--;
	f->value = slice_trim(line);
	if (!colon || !f->name.n)
		return false;
	for (size_t i = 0; i < f->name.n; i++)
		if ((unsigned char)f->name.p[i] <= ' ' || (unsigned char)f->name.p[i] >= 127)
			return false;
	return true;
}

bool mime_fields_read(struct mime_fields *f, struct slice in, size_t *body)
{
	size_t used = 0, room = 0;
	*f = (struct mime_fields){0};
	*body = 0;
	if (in.n > MIME_HEAD_MAX)
		in.n = MIME_HEAD_MAX;
	if (in.n && (in.p[0] == '\n' || (in.n > 1 && in.p[0] == '\r' && in.p[1] == '\n'))) {
		*body = in.p[0] == '\n' ? 1 : 2;
		return true;
	}
	f->arena = xmalloc(in.n + 1);
	for (size_t at = 0, next; at < in.n; at = next) {
		struct slice line = line_at(in, at, &next);
		*body = next;
		if (!line.n)
			return true;
		char *copy = f->arena + used;
		memcpy(copy, line.p, line.n);
		used += line.n;
		if (is_blank(line.p[0])) { /* folded: the line end goes, the blank stays */
			if (!f->n)
				return false;
			struct slice *value = &f->v[f->n - 1].value;
			value->n = (size_t)(copy + line.n - value->p);
			*value = slice_trim(*value);
			continue;
		}
		if (f->n == MIME_FIELDS_MAX)
			return false;
		if (f->n == room) {
			room = room ? room * 2 : 8;
			f->v = xrealloc(f->v, room * sizeof *f->v);
		}
		if (!field_of((struct slice){copy, line.n}, &f->v[f->n]))
			return false;
		f->n++;
	}
	return in.n < MIME_HEAD_MAX;
}

void mime_fields_free(struct mime_fields *f)
{
	free(f->v);
	free(f->arena);
	*f = (struct mime_fields){0};
}

struct slice mime_field(const struct mime_fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (slice_ieq(f->v[i].name, name))
			return f->v[i].value;
	return (struct slice){"", 0};
}

bool mime_word(struct slice value, struct buf *out)
{
	bool more, slash;
	struct slice word = slice_trim(slice_cut(&value, ';', &more)), rest = word;
	struct slice type = slice_cut(&rest, '/', &slash);
	buf_clear(out);
	buf_put(out, "", 0);
	if (!is_token(type.p, type.n) || (slash && !is_token(rest.p, rest.n)) || word.n > 128)
		return false;
	for (size_t i = 0; i < word.n; i++)
		buf_putc(out, (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] + 32 : word.p[i]));
	return true;
}

/* One parameter from the front of *s (which stands behind a ';'): name and its value with quoting undone. */
static bool next_param(struct slice *s, struct slice *name, struct buf *value)
{
	buf_clear(value);
	buf_put(value, "", 0);
	*s = slice_trim(*s);
	size_t i = 0;
	while (i < s->n && s->p[i] != '=' && s->p[i] != ';')
		i++;
	*name = slice_trim((struct slice){s->p, i});
	bool has_value = i < s->n && s->p[i] == '=';
	if (has_value)
		for (i++; i < s->n && is_blank(s->p[i]); i++)
			;
	if (has_value && i < s->n && s->p[i] == '"') {
		for (i++; i < s->n && s->p[i] != '"'; i++) {
			if (s->p[i] == '\\' && i + 1 < s->n)
				i++;
			buf_putc(value, s->p[i]);
		}
		while (i < s->n && s->p[i] != ';')
			i++;
	} else {
		size_t from = i;
		while (i < s->n && s->p[i] != ';')
			i++;
		if (has_value)
			buf_slice(value, slice_trim((struct slice){s->p + from, i - from}));
	}
	bool more = i < s->n;
	if (more)
		i++;
	s->p += i;
	s->n -= i;
	return name->n || more;
}

/* A section of RFC 2231: the first extended one begins with charset'language'. */
static void add_section(struct buf *out, struct buf *charset, struct slice v, bool extended, bool first)
{
	if (extended && first) {
		bool one, two;
		struct slice rest = v, set = slice_cut(&rest, '\'', &one);
		slice_cut(&rest, '\'', &two);
		if (one && two) {
			buf_slice(charset, set);
			v = rest;
		}
	}
	if (!extended || !percent_decode(out, v))
		buf_slice(out, v);
}

/* name*N or name*N*: the sections in order; false if there is none. */
static bool continued(struct slice params, const char *name, struct buf *out)
{
	struct buf raw = {0}, charset = {0}, value = {0};
	int n = 0;
	for (bool found = true; found && n < 64; n += found) {
		char plain[80], extended[80];
		struct slice s = params, have;
		snprintf(plain, sizeof plain, "%.60s*%d", name, n);
		snprintf(extended, sizeof extended, "%.60s*%d*", name, n);
		found = false;
		while (!found && next_param(&s, &have, &value)) {
			bool ext = slice_ieq(have, extended);
			if (ext || slice_ieq(have, plain)) {
				size_t start = raw.n;
				add_section(&raw, &charset, slice_buf(&value), ext, n == 0);
				found = raw.n >= start;
			}
		}
	}
	if (n)
		charset_to_utf8(out, slice_buf(&raw), slice_buf(&charset));
	buf_free(&raw), buf_free(&charset), buf_free(&value);
	return n > 0;
}

bool mime_param(struct slice value, const char *name, struct buf *out)
{
	struct buf v = {0}, charset = {0}, raw = {0};
	struct slice have, s;
	bool more, found = false;
	char star[80];
	snprintf(star, sizeof star, "%.70s*", name);
	buf_clear(out);
	buf_put(out, "", 0);
	slice_cut(&value, ';', &more);
	/* The extended form wins over the plain one (RFC 2231 leaves it open, RFC 6266 4.3 says so). */
	for (s = value; !found && next_param(&s, &have, &v);)
		if (slice_ieq(have, star)) {
			add_section(&raw, &charset, slice_buf(&v), true, true);
			charset_to_utf8(out, slice_buf(&raw), slice_buf(&charset));
			found = true;
		}
	if (!found && value.n && memchr(value.p, '*', value.n))
		found = continued(value, name, out);
	for (s = value; !found && next_param(&s, &have, &v);)
		if (slice_ieq(have, name)) {
			charset_to_utf8(out, slice_buf(&v), (struct slice){"", 0});
			found = true;
		}
	buf_free(&v), buf_free(&charset), buf_free(&raw);
	return found;
}
