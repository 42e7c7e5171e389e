#include "conf/knobs.h"
#include "base/clock.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* "64 KiB", "10MiB", "65536": octets. */
static bool parse_size(const char *s, int64_t *out)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"K", 10}, {"M", 20}, {"G", 30}};
	char *end;
	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	long long n = strtoll(s, &end, 10);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].unit) == 0) {
			if (errno || n > INT64_MAX >> units[i].shift)
				return false;
			*out = (int64_t)n << units[i].shift;
			return true;
		}
	return false;
}

static const char *read_word(const struct knob *k, const char *text, struct knob_value *out)
{
	struct slice rest = slice_of(k->words);
	bool more = true;
	for (int i = 0; more; i++) {
		struct slice word = slice_cut(&rest, '|', &more);
		if (slice_eq(word, text)) {
			out->number = i;
			out->text = slice_dup(word);
			return NULL;
		}
	}
	return k->words;
}

static const char *read_bool(const char *text, struct knob_value *out)
{
	if (strcmp(text, "on") == 0 || strcmp(text, "true") == 0 || strcmp(text, "yes") == 0)
		out->number = 1;
	else if (strcmp(text, "off") == 0 || strcmp(text, "false") == 0 || strcmp(text, "no") == 0)
		out->number = 0;
	else
		return "on|off";
	return NULL;
}

/* Text that may cross into a log, a header or a file name: UTF-8 without controls. */
static const char *plain(const char *s)
{
	if (!utf8_valid(s, strlen(s)))
		return "UTF-8";
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return "text without control characters";
	return NULL;
}

const char *knob_read_number(const struct knob *k, int64_t number, struct knob_value *out)
{
	char text[32];
	switch (k->type) {
	case KNOB_ENUM:
		snprintf(text, sizeof text, "%lld", (long long)number);
		return read_word(k, text, out);
	case KNOB_INT:
	case KNOB_SIZE:
	case KNOB_DURATION:
		if (number < k->min || number > k->max)
			return "a number within its bounds";
		out->number = number;
		return NULL;
	default:
		return "no number";
	}
}

const char *knob_read_text(const struct knob *k, const char *text, struct knob_value *out)
{
	const char *want = plain(text);
	if (want)
		return want;
	int64_t n;
	switch (k->type) {
	case KNOB_STRING:
		if (!*text)
			return NULL;
		want = k->check ? k->check(text, NULL) : NULL;
		if (!want)
			out->text = xstrdup(text);
		return want;
	case KNOB_BOOL:
		return read_bool(text, out);
	case KNOB_ENUM:
		return read_word(k, text, out);
	case KNOB_DURATION:
		return clock_parse_duration(text, &n) ? knob_read_number(k, n, out)
						      : "a duration (90, \"10m\", \"4h\", \"7d\")";
	case KNOB_SIZE:
		return parse_size(text, &n) ? knob_read_number(k, n, out) : "a size (65536, \"64 KiB\", \"10 MiB\")";
	case KNOB_INT:
		return parse_size(text, &n) && isdigit((unsigned char)text[strlen(text) - 1])
			       ? knob_read_number(k, n, out)
			       : "an integer";
	default:
		return knob_add_item(k, text, NULL, out);
	}
}

const char *knob_add_item(const struct knob *k, const char *first, const char *second, struct knob_value *out)
{
	const char *want = plain(first);
	if (!want && second)
		want = plain(second);
	if (!want && !*first)
		want = "text that is not empty";
	if (!want && k->check)
		want = k->check(first, second);
	if (want)
		return want;
	/* grows by doubling: an address map may hold 100 000 pairs */
	if ((out->count & (out->count - 1)) == 0)
		out->items = xrealloc(out->items, (out->count ? out->count * 2 : 1) * sizeof *out->items);
	out->items[out->count++] = (struct knob_pair){xstrdup(first), second ? xstrdup(second) : NULL};
	return NULL;
}

void knob_read_default(const struct knob *k, const char *text, struct knob_value *out)
{
	if (!text)
		return;
	const char *want = NULL;
	if (k->type < KNOB_LIST) {
		want = knob_read_text(k, text, out);
	} else {
		struct slice rest = slice_of(text);
		for (bool more = true; more && !want;) {
			char *item = slice_dup(slice_trim(slice_cut(&rest, ',', &more)));
			want = knob_add_item(k, item, NULL, out);
			free(item);
		}
	}
	if (want)
		abort(); /* the table itself is wrong: the unit test sees it first */
}

void knob_value_free(struct knob_value *v)
{
	for (size_t i = 0; i < v->count; i++) {
		free(v->items[i].first);
		free(v->items[i].second);
	}
	free(v->items);
	free(v->text);
	free(v->file);
	*v = (struct knob_value){0};
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool knob_value_same(const struct knob *k, const struct knob_value *a, const struct knob_value *b)
{
	(void)k;
	if (a->number != b->number || a->count != b->count || !same_text(a->text, b->text))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_text(a->items[i].first, b->items[i].first) ||
		    !same_text(a->items[i].second, b->items[i].second))
			return false;
	return true;
}

static void put_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '"');
	for (; s && *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

static void put_pair(struct buf *out, const struct knob_pair *p)
{
	if (!p->second) {
		put_quoted(out, p->first);
		return;
	}
	buf_puts(out, "(");
	put_quoted(out, p->first);
	buf_puts(out, ", ");
	put_quoted(out, p->second);
	buf_puts(out, ")");
}

/* Large numbers need the suffix L: libconfig cuts them to 32 bits without it. */
static void put_number(struct buf *out, int64_t n)
{
	buf_printf(out, "%lld%s", (long long)n, n > INT32_MAX ? "L" : "");
}

void knob_value_put(const struct knob *k, const struct knob_value *v, struct buf *out)
{
	switch (k->type) {
	case KNOB_BOOL:
		buf_puts(out, v->number ? "true" : "false");
		return;
	case KNOB_STRING:
	case KNOB_ENUM:
		put_quoted(out, v->text);
		return;
	case KNOB_INT:
	case KNOB_SIZE:
	case KNOB_DURATION:
		put_number(out, v->number);
		return;
	case KNOB_PAIR:
		if (v->count)
			put_pair(out, v->items);
		else
			buf_puts(out, "()");
		return;
	case KNOB_LIST:
	case KNOB_PAIRS:
		buf_putc(out, k->type == KNOB_LIST ? '[' : '(');
		for (size_t i = 0; i < v->count; i++) {
			buf_puts(out, i ? ", " : "");
			put_pair(out, v->items + i);
		}
		buf_putc(out, k->type == KNOB_LIST ? ']' : ')');
		return;
	}
}
