#include "mail/part.h"

#include <stdio.h>

static bool type_octet(char c)
{
	return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"[]?=", c);
}

void mail_type_read(struct slice value, char out[MAIL_TYPE_MAX])
{
	size_t n = 0, slashes = 0;
	value = slice_trim(value);
	while (n < value.n && n + 1 < MAIL_TYPE_MAX && type_octet(value.p[n])) {
		char c = value.p[n];
		slashes += c == '/';
		out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	out[n] = '\0';
	if (slashes != 1 || out[0] == '/' || out[n - 1] == '/')
		snprintf(out, MAIL_TYPE_MAX, "text/plain");
}

/* ---- parameters ---- */

/* One parameter at the start of *s (behind its ';'): name and raw value; *s goes behind it. */
static bool next_param(struct slice *s, struct slice *name, struct slice *value, bool *quoted)
{
	const char *semi = s->n ? memchr(s->p, ';', s->n) : NULL;
	if (!semi)
		return false;
	struct slice in = {semi + 1, s->n - (size_t)(semi + 1 - s->p)};
	size_t i = 0;
	while (i < in.n && in.p[i] != '=' && in.p[i] != ';')
		i++;
	*name = slice_trim((struct slice){in.p, i});
	*value = (struct slice){"", 0};
	*quoted = false;
	if (i < in.n && in.p[i] == '=') {
		i++;
		while (i < in.n && (in.p[i] == ' ' || in.p[i] == '\t'))
			i++;
		size_t from = i;
		*quoted = i < in.n && in.p[i] == '"';
		if (*quoted) {
			for (from = ++i; i < in.n && in.p[i] != '"'; i++)
				i += in.p[i] == '\\' && i + 1 < in.n;
			*value = (struct slice){in.p + from, (i < in.n ? i : in.n) - from};
		} else {
			while (i < in.n && in.p[i] != ';' && in.p[i] != ' ' && in.p[i] != '\t')
				i++;
			*value = (struct slice){in.p + from, i - from};
		}
	}
	*s = (struct slice){in.p + (i < in.n ? i : in.n), in.n - (i < in.n ? i : in.n)};
	return true;
}

static void put_value(struct buf *out, struct slice value, bool quoted)
{
	for (size_t i = 0; i < value.n; i++) {
		if (quoted && value.p[i] == '\\' && i + 1 < value.n)
			i++;
		buf_putc(out, (unsigned char)value.p[i] < ' ' ? ' ' : value.p[i]);
	}
}

bool mail_param_read(struct slice value, const char *name, struct buf *out)
{
	struct slice key, raw;
	bool quoted, found = false;
	size_t n = strlen(name);
	while (next_param(&value, &key, &raw, &quoted)) {
		bool continued = slice_istarts(key, name) && key.n > n && key.p[n] == '*';
		if (!slice_ieq(key, name) && !continued)
			continue;
		put_value(out, raw, quoted);
		found = true;
		if (!continued)
			break;
	}
	return found;
}

/* ---- multipart ---- */

/* Is this line a delimiter? *last: the closing one. */
static bool is_delimiter(struct slice line, struct slice boundary, bool *last)
{
	if (line.n < boundary.n + 2 || line.p[0] != '-' || line.p[1] != '-' ||
	    memcmp(line.p + 2, boundary.p, boundary.n) != 0)
		return false;
	struct slice rest = {line.p + 2 + boundary.n, line.n - 2 - boundary.n};
	*last = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
	return *last || slice_trim(rest).n == 0;
}

/* Where the next delimiter's line starts, s.n if there is none; *after: behind that line. */
static size_t find_delimiter(struct slice s, struct slice boundary, size_t *after, bool *last)
{
	for (size_t at = 0, next; at < s.n; at = next) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);
		next = lf ? (size_t)(lf - s.p) + 1 : s.n;
		if (is_delimiter((struct slice){s.p + at, next - at}, boundary, last)) {
			*after = next;
			return at;
		}
	}
	*after = s.n;
	*last = true;
	return s.n;
}

bool mail_part_next(struct slice *rest, struct slice boundary, struct slice *part)
{
	size_t after, end;
	bool last;
	if (!rest->n || !boundary.n || boundary.n > MAIL_BOUNDARY_MAX)
		return false;
	size_t at = find_delimiter(*rest, boundary, &after, &last);
	if (at == rest->n || last) {
		rest->n = 0;
		return false;
	}
	*part = (struct slice){rest->p + after, rest->n - after};
	end = find_delimiter(*part, boundary, &after, &last);
	*rest = (struct slice){part->p + end, part->n - end}; /* the next part begins at that delimiter */
	part->n = end;
	if (rest->n && part->n && part->p[part->n - 1] == '\n')
		part->n--;
	if (rest->n && part->n && part->p[part->n - 1] == '\r')
		part->n--;
	return true;
}
