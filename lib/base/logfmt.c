#include "base/logfmt.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>

static void skip(struct slice *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static size_t word_length(struct slice s, const char *ends)
{
	size_t n = 0;
	while (n < s.n && !strchr(ends, s.p[n]))
		n++;
	return n;
}

/* One escape behind the backslash; returns how many octets it takes. */
static size_t unescape(struct slice s, struct buf *value)
{
	if (s.p[0] == 'x' && s.n >= 3 && hex_value(s.p[1]) >= 0 && hex_value(s.p[2]) >= 0) {
		buf_putc(value, (char)(hex_value(s.p[1]) * 16 + hex_value(s.p[2])));
		return 3;
	}
	buf_putc(value, s.p[0] == 'n' ? '\n' : s.p[0] == 'r' ? '\r' : s.p[0]);
	return 1;
}

static void quoted(struct slice *line, struct buf *value)
{
	skip(line, 1);
	while (line->n && line->p[0] != '"') {
		if (line->p[0] == '\\' && line->n > 1) {
			skip(line, 1);
			skip(line, unescape(*line, value));
			continue;
		}
		buf_putc(value, line->p[0]);
		skip(line, 1);
	}
	if (line->n)
		skip(line, 1);
}

bool logfmt_next(struct slice *line, struct slice *key, struct buf *value)
{
	buf_clear(value);
	for (;;) {
		while (line->n && line->p[0] == ' ')
			skip(line, 1);
		if (!line->n)
			return false;
		size_t n = word_length(*line, " =");
		*key = (struct slice){line->p, n};
		skip(line, n);
		if (line->n && line->p[0] == '=' && n)
			break;
		if (line->n)
			skip(line, 1);
	}
	skip(line, 1);
	buf_put(value, "", 0);
	if (line->n && line->p[0] == '"') {
		quoted(line, value);
		return true;
	}
	size_t n = word_length(*line, " ");
	buf_put(value, line->p, n);
	skip(line, n);
	return true;
}

bool logfmt_get(struct slice line, const char *key, struct buf *value)
{
	struct slice k;
	while (logfmt_next(&line, &k, value))
		if (slice_eq(k, key))
			return true;
	return false;
}

bool logfmt_time(struct slice line, int64_t *ms)
{
	char text[CLOCK_ISO];
	bool found = false;
	while (line.n) {
		while (line.n && line.p[0] == ' ')
			skip(&line, 1);
		size_t n = word_length(line, " ");
		if (memchr(line.p, '=', n))
			break;
		snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : 0), line.p);
		found = clock_parse_iso(text, ms, NULL) || found;
		skip(&line, n);
	}
	return found;
}
