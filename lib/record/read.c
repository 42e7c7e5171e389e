#include "base/text.h"
#include "record/json.h"

#include <errno.h>
#include <stdlib.h>

struct reader {
	const char *p, *end;
	int depth;
	const char *why;
	struct buf scratch; /* a string with escapes */
};

static json_t *read_value(struct reader *r);

static void *wrong(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return NULL;
}

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static int hex4(struct reader *r)
{
	int v = 0;
	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_value(*r->p++);
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static void put_utf8(struct buf *b, int c)
{
	char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = n; i-- > 1; c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(lead[n] | c);
	buf_put(b, s, n);
}

/* \uXXXX, with its other half where it is one of a pair. */
static bool unicode(struct reader *r)
{
	int c = hex4(r);
	if (c >= 0xd800 && c < 0xdc00) {
		int low = r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u' ? (r->p += 2, hex4(r)) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(r, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xdc00 && c <= 0xdfff) {
		return wrong(r, "half of a surrogate pair");
	}
	if (c < 0)
		return wrong(r, "invalid escape");
	if (c == 0)
		return wrong(r, "\\u0000 is not allowed");
	put_utf8(&r->scratch, c);
	return true;
}

static bool escape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (r->p == r->end)
		return wrong(r, "string without an end");
	char c = *r->p++;
	if (c == 'u')
		return unicode(r);
	const char *at = c ? strchr(from, c) : NULL;
	if (!at)
		return wrong(r, "invalid escape");
	buf_putc(&r->scratch, to[at - from]);
	return true;
}

/* Behind the opening quote. The slice points into the line, or into the scratch if there were escapes. */
static bool read_string(struct reader *r, struct slice *s)
{
	unsigned char high = 0;
	const char *start = r->p;
	bool escaped = false;
	for (;;) {
		const char *stop = json_plain(r->p, r->end, &high);
		if (escaped)
			buf_put(&r->scratch, r->p, (size_t)(stop - r->p));
		r->p = stop;
		if (stop == r->end)
			return wrong(r, "string without an end");
		if (*stop == '"')
			break;
		if (*stop != '\\')
			return wrong(r, "control octet in a string");
		if (!escaped) {
			buf_clear(&r->scratch);
			buf_put(&r->scratch, start, (size_t)(stop - start));
			escaped = true;
		}
		r->p++;
		if (!escape(r))
			return false;
	}
	*s = escaped ? slice_buf(&r->scratch) : (struct slice){start, (size_t)(r->p - start)};
	r->p++;
	return (high < 0x80 || utf8_valid(s->p, s->n)) || wrong(r, "not UTF-8");
}

static json_t *read_number(struct reader *r)
{
	char text[64], *end;
	size_t n = 0;
	bool real = false;
	while (r->p < r->end && n < sizeof text - 1 && *r->p && strchr("+-.eE0123456789", *r->p)) {
		real = real || *r->p == '.' || *r->p == 'e' || *r->p == 'E';
		text[n++] = *r->p++;
	}
	text[n] = '\0';
	const char *digit = text + (*text == '-');
	if (real)
		return wrong(r, "a number that is no integer");
	if (*digit < '0' || *digit > '9' || (*digit == '0' && digit[1]))
		return wrong(r, "invalid token");
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno == ERANGE || n == sizeof text - 1)
		return wrong(r, "too big integer");
	return *end ? wrong(r, "invalid token") : json_integer(v);
}

static json_t *read_word(struct reader *r)
{
	static const struct {
		const char *text;
		json_t *(*make)(void);
	} words[] = {{"true", json_true}, {"false", json_false}, {"null", json_null}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i].text);
		if ((size_t)(r->end - r->p) >= n && memcmp(r->p, words[i].text, n) == 0) {
			r->p += n;
			return words[i].make();
		}
	}
	return wrong(r, "invalid token");
}

static bool read_member(struct reader *r, json_t *object)
{
	struct slice key;
	if (!take(r, '"'))
		return wrong(r, "a key is missing");
	if (!read_string(r, &key))
		return false;
	if (json_object_getn(object, key.p, key.n))
		return wrong(r, "duplicate object key");
	char *own = key.p == r->scratch.p ? slice_dup(key) : NULL; /* the value may have escapes too */
	json_t *value = take(r, ':') ? read_value(r) : wrong(r, "':' is missing");
	bool good = value && json_object_setn_new_nocheck(object, own ? own : key.p, key.n, value) == 0;
	free(own);
	return good;
}

static bool read_element(struct reader *r, json_t *array)
{
	json_t *value = read_value(r);
	return value && json_array_append_new(array, value) == 0;
}

static json_t *read_list(struct reader *r, json_t *list, char close, bool (*one)(struct reader *, json_t *))
{
	bool good = r->depth-- > 0 || wrong(r, "nested deeper than 16");
	if (good && !take(r, close)) {
		do
			good = one(r, list);
		while (good && take(r, ','));
		good = good && (take(r, close) || wrong(r, close == '}' ? "'}' is missing" : "']' is missing"));
	}
	r->depth++;
	if (good)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *read_value(struct reader *r)
{
	struct slice s;
	blanks(r);
	if (r->p == r->end)
		return wrong(r, "a value is missing");
	switch (*r->p) {
	case '{':
		r->p++;
		return read_list(r, json_object(), '}', read_member);
	case '[':
		r->p++;
		return read_list(r, json_array(), ']', read_element);
	case '"':
		r->p++;
		return read_string(r, &s) ? json_stringn_nocheck(s.p, s.n) : NULL;
	case 't':
	case 'f':
	case 'n':
		return read_word(r);
	default:
		return read_number(r);
	}
}

json_t *json_read(const char *p, size_t n, int depth, const char **why, size_t *at)
{
	struct reader r = {.p = p, .end = p + n, .depth = depth};
	json_t *value = read_value(&r);
	blanks(&r);
	if (value && r.p < r.end) {
		wrong(&r, "something follows the value");
		json_decref(value);
		value = NULL;
	}
	*why = r.why;
	*at = (size_t)(r.p - p);
	buf_free(&r.scratch);
	return value;
}
