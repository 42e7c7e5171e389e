#include "mail/calendar.h"

#include "base/text.h"

enum { VALUE_MAX = 300 };

struct event {
	struct buf summary, location, from, to, zone;
};

/* The next content line, unfolded (RFC 5545 3.1); false at the end. */
static bool next_line(struct slice *in, struct buf *line)
{
	bool more = true, any = false;
	buf_clear(line);
	while (in->n && more) {
		struct slice l = slice_cut(in, '\n', &more);
		if (l.n && l.p[l.n - 1] == '\r')
			l.n--;
		if (any && l.n)
			l.p++, l.n--; /* the blank of the fold */
		buf_slice(line, l);
		any = true;
		if (!in->n || (in->p[0] != ' ' && in->p[0] != '\t'))
			break;
	}
	return any;
}

/* TEXT (3.3.11): "\n", "\," and the like. */
static void put_value(struct buf *out, struct slice v)
{
	struct buf plain = {0};
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\' && i + 1 < v.n)
			buf_putc(&plain, (v.p[++i] | 32) == 'n' ? ' ' : v.p[i]);
		else
			buf_putc(&plain, v.p[i]);
	}
	buf_clear(out);
	text_sanitise(out, slice_buf(&plain), VALUE_MAX);
	buf_free(&plain);
}

/* 20260305T101500Z as 2026-03-05 10:15 UTC, 20260305 as 2026-03-05. */
static void put_time(struct buf *out, struct slice v)
{
	bool digits = v.n >= 8 && v.n < 20;
	for (size_t i = 0; digits && i < 8; i++)
		digits = v.p[i] >= '0' && v.p[i] <= '9';
	if (!digits) {
		put_value(out, v);
		return;
	}
	buf_clear(out);
	buf_printf(out, "%.4s-%.2s-%.2s", v.p, v.p + 4, v.p + 6);
	if (v.n >= 13 && v.p[8] == 'T' && v.p[9] >= '0' && v.p[9] <= '2' && is_ascii(v.p, v.n))
		buf_printf(out, " %.2s:%.2s%s", v.p + 9, v.p + 11, v.p[v.n - 1] == 'Z' ? " UTC" : "");
}

static void take_zone(struct buf *zone, struct slice parameters)
{
	bool more = true;
	while (parameters.n && more) {
		struct slice p = slice_cut(&parameters, ';', &more);
		if (slice_istarts(p, "TZID="))
			put_value(zone, (struct slice){p.p + 5, p.n - 5});
	}
}

static void take_line(struct event *e, struct slice line, bool within)
{
	struct slice head = line, value;
	const char *colon = memchr(line.p, ':', line.n);
	bool more;
	if (!colon)
		return;
	head.n = (size_t)(colon - line.p);
	value = (struct slice){colon + 1, line.n - head.n - 1};
	struct slice name = slice_cut(&head, ';', &more);
	if (!within)
		return;
	if (slice_ieq(name, "SUMMARY"))
		put_value(&e->summary, value);
	else if (slice_ieq(name, "LOCATION"))
		put_value(&e->location, value);
	else if (slice_ieq(name, "DTEND"))
		put_time(&e->to, value);
	else if (slice_ieq(name, "DTSTART")) {
		put_time(&e->from, value);
		take_zone(&e->zone, head);
	}
}

static void put_event(struct buf *out, const struct event *e, bool cancelled)
{
	buf_puts(out, cancelled ? "[appointment cancelled" : "[appointment");
	if (e->summary.n)
		buf_printf(out, ": %s", buf_str(&e->summary));
	buf_puts(out, "]\n");
	if (e->from.n) {
		buf_printf(out, "When: %s", buf_str(&e->from));
		if (e->to.n && strcmp(buf_str(&e->from), buf_str(&e->to)) != 0)
			buf_printf(out, " - %s", buf_str(&e->to));
		if (e->zone.n)
			buf_printf(out, " (%s)", buf_str(&e->zone));
		buf_putc(out, '\n');
	}
	if (e->location.n)
		buf_printf(out, "Where: %s\n", buf_str(&e->location));
}

void mail_calendar_put(struct buf *out, struct slice calendar)
{
	struct event e = {0};
	struct buf line = {0};
	bool within = false, done = false, cancelled = false;
	int inner = 0; /* depth of components within the event, such as VALARM */
	while (!done && next_line(&calendar, &line)) {
		struct slice l = slice_trim(slice_buf(&line));
		if (slice_ieq(l, "METHOD:CANCEL") || (within && slice_ieq(l, "STATUS:CANCELLED")))
			cancelled = true;
		else if (slice_ieq(l, "BEGIN:VEVENT"))
			within = true;
		else if (slice_ieq(l, "END:VEVENT"))
			done = true;
		else if (within && slice_istarts(l, "BEGIN:"))
			inner++;
		else if (within && slice_istarts(l, "END:"))
			inner--;
		else
			take_line(&e, l, within && inner <= 0);
	}
	put_event(out, &e, cancelled);
	buf_free(&e.summary), buf_free(&e.location), buf_free(&e.from), buf_free(&e.to), buf_free(&e.zone);
	buf_free(&line);
}
