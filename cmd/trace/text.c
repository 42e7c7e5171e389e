/* A trace in a terminal: the ladder, the lines of the logs, the places; and as JSON. */
#include "trace.h"

#include "base/clock.h"
#include "base/logfmt.h"
#include "base/text.h"
#include "record/record.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>

const char *const place_says[SPOOL_STATES] = {
	"waits for", "is in work at", "is on its way to", "waits for its next try at", "has failed at", "is held at"};

static void put_clean(struct buf *out, struct slice text)
{
	text_sanitise(out, text, 400);
}

static void line_text(const struct event *e, int64_t start)
{
	struct buf prog = {0}, what = {0}, value = {0}, rest = {0};
	struct slice line = slice_of(e->line), key;
	char stamp[CLOCK_ISO];
	clock_iso(e->ms, stamp);
	while (logfmt_next(&line, &key, &value)) {
		if (slice_eq(key, "prog"))
			put_clean(&prog, slice_buf(&value));
		else if (slice_eq(key, "event") || slice_eq(key, "msg"))
			put_clean(&what, slice_buf(&value));
		else if (!slice_eq(key, "trace") && !(slice_eq(key, "level") && strcmp(buf_str(&value), "info") == 0)) {
			buf_printf(&rest, " %.*s=", (int)key.n, key.p);
			put_clean(&rest, slice_buf(&value));
		}
	}
	printf("%.12s %+8" PRId64 " ms  %-11s %s%s\n", stamp + 11, e->ms - start, buf_str(&prog), buf_str(&what),
	       buf_str(&rest));
	buf_free(&prog), buf_free(&what), buf_free(&value), buf_free(&rest);
}

static void place_text(const struct event *e)
{
	static const char *const says[SPOOL_STATES] = {"waits for",	   "is in work at",
						       "is on its way to", "waits for its next try at",
						       "has failed at",	   "is held at"};
	struct buf out = {0};
	put_clean(&out, slice_of(e->type));
	buf_printf(&out, " %s %s", says[e->state], e->queue);
	if (e->state == SPOOL_DEFERRED) {
		char stamp[CLOCK_ISO];
		clock_iso(e->due_us / 1000, stamp);
		buf_printf(&out, ", due %s", stamp);
	}
	if (e->why) {
		buf_puts(&out, ": ");
		put_clean(&out, slice_of(e->why));
	}
	buf_puts(&out, " (record ");
	put_clean(&out, slice_of(e->id));
	printf("now: %s)\n", buf_str(&out));
	buf_free(&out);
}

static void line_json(const struct event *e, int64_t start)
{
	struct buf value = {0};
	struct slice line = slice_of(e->line), key;
	json_t *o = json_object();
	char stamp[CLOCK_ISO], name[64];
	clock_iso(e->ms, stamp);
	record_set(o, "time", stamp);
	record_set_int(o, "elapsed_ms", e->ms - start);
	while (logfmt_next(&line, &key, &value)) {
		snprintf(name, sizeof name, "%.*s", (int)key.n, key.p);
		if (utf8_valid(key.p, key.n))
			record_set_octets(o, name, buf_str(&value), value.n);
	}
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
	buf_free(&value);
}

static void place_json(const struct event *e)
{
	json_t *o = json_object(), *now;
	char stamp[CLOCK_ISO];
	record_set(o, "trace", e->trace);
	now = record_object(o, "now");
	record_set(now, "queue", e->queue);
	record_set(now, "state", spool_state_name[e->state]);
	record_set(now, "id", e->id);
	record_set(now, "type", e->type);
	record_set(now, "why", e->why);
	clock_iso(e->ms, stamp);
	record_set(now, "since", stamp);
	if (e->due_us >= 0) {
		clock_iso(e->due_us / 1000, stamp);
		record_set(now, "due", stamp);
	}
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

/* ---- the ladder ---- */

enum { LANE_WIDTH = 16, MARGIN = 22 };

struct glyphs {
	const char *bar, *line, *right, *left, *note;
};

static const struct glyphs *glyphs(void)
{
	static const struct glyphs ascii = {"|", "-", ">", "<", "* "}, unicode = {"│", "─", "▶", "◀", "● "};
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? &unicode : &ascii;
}

/* Columns that UTF-8 text takes, as far as a ladder must know. */
static int columns(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void put_cut(struct buf *out, const char *s, int most)
{
	int n = 0;
	for (; *s && (n < most || ((unsigned char)*s & 0xc0) == 0x80); s++) {
		n += ((unsigned char)*s & 0xc0) != 0x80;
		buf_putc(out, *s);
	}
}

static void put_times(struct buf *out, const char *glyph, int times)
{
	while (times-- > 0)
		buf_puts(out, glyph);
}

/* Where a lane stands among those that are used. */
static int place_of(const struct steps *s, enum lane lane)
{
	int at = 0;
	for (int i = 0; i < (int)lane; i++)
		at += s->used[i];
	return at;
}

static void ladder_names(const struct steps *s)
{
	struct buf first = {0}, second = {0};
	for (int i = 0; i < LANES; i++) {
		const char *under = i == LANE_PEER ? s->peer : i == LANE_HOST ? s->host : NULL;
		if (!s->used[i])
			continue;
		buf_printf(&first, "%-*s", LANE_WIDTH, lane_name[i]);
		int before = (int)second.n;
		put_cut(&second, under ? under : "", LANE_WIDTH - 2);
		put_times(&second, " ", LANE_WIDTH - columns(buf_str(&second) + before));
	}
	printf("%*s%s\n%*s%s\n", MARGIN, "", buf_str(&first), MARGIN, "", buf_str(&second));
	buf_free(&first);
	buf_free(&second);
}

/* The row of an arrow: bars outside of it, its label in the middle of its line. */
static void put_arrow(const struct steps *s, const struct step *t, const struct glyphs *g, struct buf *row, int lanes)
{
	int a = place_of(s, t->from), b = place_of(s, t->to), left = a < b ? a : b, right = a < b ? b : a;
	int room = (right - left) * LANE_WIDTH - 1;
	struct buf label = {0};
	const char *text = t->label, *dot = strchr(text, '.');
	if (columns(text) > room - 3 && t->kind == STEP_RECORD && dot) /* "response 202" says it, too */
		text = dot + 1;
	put_cut(&label, text, room - 3);
	int rest = room - columns(buf_str(&label)) - 3, before = rest / 2;
	for (int i = 0; i < left; i++) {
		buf_puts(row, g->bar);
		put_times(row, " ", LANE_WIDTH - 1);
	}
	buf_puts(row, g->bar);
	buf_puts(row, a < b ? "" : g->left);
	put_times(row, g->line, before);
	buf_printf(row, " %s ", buf_str(&label));
	put_times(row, g->line, rest - before);
	buf_puts(row, a < b ? g->right : "");
	for (int i = right; i < lanes; i++) {
		buf_puts(row, g->bar);
		put_times(row, " ", i + 1 < lanes ? LANE_WIDTH - 1 : 0);
	}
	buf_free(&label);
}

/* A note begins on its lane and may run over those to the right. */
static void put_note(const struct steps *s, const struct step *t, const struct glyphs *g, struct buf *row, int lanes)
{
	int at = place_of(s, t->from);
	for (int i = 0; i < at; i++) {
		buf_puts(row, g->bar);
		put_times(row, " ", LANE_WIDTH - 1);
	}
	size_t begin = row->n;
	buf_puts(row, g->note);
	put_cut(row, t->label, 70);
	int used = columns(row->p + begin), lane = at + (used + LANE_WIDTH) / LANE_WIDTH;
	put_times(row, " ", (lane - at) * LANE_WIDTH - used);
	for (int i = lane; i < lanes; i++) {
		buf_puts(row, g->bar);
		put_times(row, " ", i + 1 < lanes ? LANE_WIDTH - 1 : 0);
	}
}

static void ladder(const struct event *e, size_t n)
{
	const struct glyphs *g = glyphs();
	struct steps s;
	struct buf verdict = {0};
	steps_make(&s, e, n);
	int lanes = place_of(&s, LANES);
	if (s.n) {
		steps_verdict(&s, &verdict);
		printf("%s\n\n", buf_str(&verdict));
		ladder_names(&s);
	}
	for (size_t i = 0; i < s.n; i++) {
		struct buf row = {0};
		char stamp[CLOCK_ISO];
		clock_iso(s.step[i].ms, stamp);
		if (s.step[i].from == s.step[i].to)
			put_note(&s, &s.step[i], g, &row, lanes);
		else
			put_arrow(&s, &s.step[i], g, &row, lanes);
		printf("%.12s %+6" PRId64 " %s\n", stamp + 11, s.step[i].ms - s.step[0].ms, buf_str(&row));
		buf_free(&row);
	}
	if (s.n)
		putchar('\n');
	buf_free(&verdict);
	steps_free(&s);
}

void text_trace(const struct event *e, size_t n, bool with_ladder)
{
	char stamp[CLOCK_ISO];
	size_t places = 0;
	clock_iso(e[0].ms, stamp);
	printf("trace %s, %.10s\n", e[0].trace, stamp);
	if (with_ladder)
		ladder(e, n);
	for (size_t i = 0; i < n; i++) {
		places += !e[i].line;
		if (e[i].line)
			line_text(&e[i], e[0].ms);
		else
			place_text(&e[i]);
	}
	if (!places)
		printf("now: in no queue: nothing is left to be done\n");
}

void json_trace(const struct event *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (e[i].line)
			line_json(&e[i], e[0].ms);
		else
			place_json(&e[i]);
}
