/* One page: a sequence chart (SVG) of each trace, the log lines behind it, where records are now. Nothing is loaded from anywhere, no script runs. */
#include "trace.h"

#include "base/clock.h"
#include "base/logfmt.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LEFT = 150, LANE = 152, TOP = 92, ROW = 42, PAUSE = 26, PAUSE_MS = 1000, BOX = 122, RIGHT = 40 };

static const char *const kind_class[] = {
	[STEP_SIP] = "sip", [STEP_RECORD] = "record", [STEP_SMTP] = "smtp", [STEP_NOTE] = "note", [STEP_WAIT] = "wait", [STEP_BAD] = "bad"};

static const char style[] =
	":root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1c2430;--soft:#66707f;--line:#dfe3e9;--band:#f8f9fb;"
	"--sip:#2563eb;--record:#7c5cc4;--smtp:#0b8f6f;--wait:#b7791f;--bad:#d03b3b;--note:#66707f}\n"
	"@media(prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1a2028;--ink:#e6eaf0;--soft:#93a0b1;--line:#2c3540;--band:#1e252e;"
	"--sip:#74a7ff;--record:#b79cf2;--smtp:#4fd1ae;--wait:#e3b25c;--bad:#ff8080;--note:#93a0b1}}\n"
	"*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
	"main{max-width:1360px;margin:0 auto;padding:36px 24px 64px}h1{font-size:22px;margin:0 0 2px}h2{font-size:16px;margin:28px 0 10px}\n"
	".mono,td,.lane2,.time,.label,code{font-family:ui-monospace,'SF Mono','DejaVu Sans Mono',Menlo,Consolas,monospace}\n"
	".sub{color:var(--soft);margin:0 0 18px;font-size:13px;word-break:break-all}\n"
	".verdict{display:inline-block;padding:5px 14px;border-radius:999px;font-weight:600;font-size:14px;border:1.5px solid}\n"
	".good{color:var(--smtp)}.poor{color:var(--bad)}.open{color:var(--wait)}\n"
	".card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:18px;margin-top:18px;overflow-x:auto}\n"
	"svg{display:block;max-width:100%;height:auto;margin:0 auto}.band{fill:var(--band)}.life{stroke:var(--line);stroke-width:2}\n"
	".box{fill:var(--card);stroke:var(--line);stroke-width:1.5}.edge .box{fill:var(--band)}\n"
	".lane1{fill:var(--ink);font-weight:600;font-size:14px;text-anchor:middle}.lane2{fill:var(--soft);font-size:11px;text-anchor:middle}\n"
	".time{fill:var(--soft);font-size:12px}.delta{fill:var(--ink);font-size:12px;text-anchor:end}\n"
	".label{font-size:12.5px;text-anchor:middle;paint-order:stroke;stroke:var(--card);stroke-width:5px;stroke-linejoin:round}\n"
	".pause{fill:var(--soft);font-size:12px;text-anchor:middle;font-style:italic}.gap{stroke:var(--line);stroke-dasharray:3 5}\n"
	".arrow{fill:none;stroke-width:2}.head{stroke:none}.remark{text-anchor:start}.before{text-anchor:end}\n"
	".sip{stroke:var(--sip);fill:var(--sip)}.record{stroke:var(--record);fill:var(--record)}.smtp{stroke:var(--smtp);fill:var(--smtp)}\n"
	".note{stroke:var(--note);fill:var(--note)}.wait{stroke:var(--wait);fill:var(--wait)}.bad{stroke:var(--bad);fill:var(--bad)}\n"
	".arrow.sip,.arrow.record,.arrow.smtp,.arrow.note,.arrow.wait,.arrow.bad{fill:none}.arrow.record{stroke-dasharray:7 4}\n"
	"text.sip,text.record,text.smtp,text.note,text.wait,text.bad{stroke:var(--card)}.step:hover .arrow{stroke-width:3.5}\n"
	"table{border-collapse:collapse;width:100%;font-size:12.5px}td{padding:5px 12px 5px 0;border-top:1px solid var(--line);vertical-align:top;white-space:nowrap}\n"
	"tr:first-child td{border-top:0}td:last-child{white-space:normal;word-break:break-word;width:100%}td.num{text-align:right;color:var(--soft)}\n"
	"b{font-weight:600}i{font-style:normal;color:var(--soft)}ul{margin:0;padding-left:20px}.legend{display:flex;gap:20px;margin-top:14px;font-size:12.5px;color:var(--soft)}\n"
	".legend span::before{content:'';display:inline-block;width:22px;border-top:2.5px solid;margin-right:7px;vertical-align:middle}\n"
	".legend .l1::before{border-color:var(--sip)}.legend .l2::before{border-color:var(--record);border-top-style:dashed}.legend .l3::before{border-color:var(--smtp)}\n"
	".legend .l4::before{border-color:var(--bad)}\n"
	"@media print{body{background:#fff}.card{border:0;padding:0}}\n";

/* Text of anybody, as text of a page. */
static void put_text(FILE *out, const char *s)
{
	struct buf clean = {0};
	text_sanitise(&clean, slice_of(s), 2000);
	for (const char *p = buf_str(&clean); *p; p++)
		if (*p == '<')
			fputs("&lt;", out);
		else if (*p == '>')
			fputs("&gt;", out);
		else if (*p == '&')
			fputs("&amp;", out);
		else if (*p == '"')
			fputs("&quot;", out);
		else
			fputc(*p, out);
	buf_free(&clean);
}

void html_begin(FILE *out, const char *id)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>trace ",
	      out);
	put_text(out, id);
	fprintf(out, "</title>\n<style>\n%s</style></head><body><main>\n", style);
}

void html_end(FILE *out)
{
	fputs("</main></body></html>\n", out);
}

/* ---- the chart ---- */

struct chart {
	FILE *out;
	const struct steps *s;
	int x[LANES], width;
};

static int chart_height(const struct steps *s)
{
	int y = TOP + ROW;
	for (size_t i = 0; i < s->n; i++)
		y += ROW + (i && s->step[i].ms - s->step[i - 1].ms >= PAUSE_MS ? PAUSE : 0);
	return y;
}

static void put_lanes(const struct chart *c, int height)
{
	for (int i = 0; i < LANES; i++) {
		const char *under = i == LANE_PEER ? c->s->peer : i == LANE_HOST ? c->s->host : NULL;
		bool edge = i == LANE_PEER || i == LANE_HOST;
		if (!c->s->used[i])
			continue;
		fprintf(c->out, "<line class=\"life\" x1=\"%d\" y1=\"60\" x2=\"%d\" y2=\"%d\"/>\n<g%s>", c->x[i], c->x[i], height - 14,
			edge ? " class=\"edge\"" : "");
		fprintf(c->out, "<rect class=\"box\" x=\"%d\" y=\"14\" width=\"%d\" height=\"46\" rx=\"10\"/>", c->x[i] - BOX / 2, BOX);
		fprintf(c->out, "<text class=\"lane1\" x=\"%d\" y=\"%d\">%s</text>", c->x[i], under ? 34 : 42, lane_name[i]);
		if (under) {
			fprintf(c->out, "<text class=\"lane2\" x=\"%d\" y=\"51\">", c->x[i]);
			char *cut = xasprintf("%.17s%s", under, strlen(under) > 17 ? ".." : "");
			put_text(c->out, cut);
			free(cut);
			fputs("</text>", c->out);
		}
		fputs("</g>\n", c->out);
	}
}

static void put_arrow(const struct chart *c, const struct step *t, int y)
{
	const char *class = kind_class[t->kind];
	int a = c->x[t->from], b = c->x[t->to], way = a < b ? 1 : -1, tip = b - 4 * way;
	fprintf(c->out, "<circle class=\"head %s\" cx=\"%d\" cy=\"%d\" r=\"3.5\"/>", class, a, y);
	fprintf(c->out, "<line class=\"arrow %s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", class, a, y, tip - 7 * way, y);
	fprintf(c->out, "<path class=\"head %s\" d=\"M%d %d l%d -5.5 v11 z\"/>", class, tip, y, -11 * way);
	fprintf(c->out, "<text class=\"label %s\" x=\"%d\" y=\"%d\">", class, (a + b) / 2, y - 8);
}

static void put_note(const struct chart *c, const struct step *t, int y)
{
	const char *class = kind_class[t->kind];
	int x = c->x[t->from];
	fprintf(c->out, "<circle class=\"head %s\" cx=\"%d\" cy=\"%d\" r=\"5\"/>", class, x, y);
	bool left = x > c->width / 2; /* where there is room */
	fprintf(c->out, "<text class=\"label %s %s\" x=\"%d\" y=\"%d\">", left ? "before" : "remark", class, left ? x - 12 : x + 12, y + 4);
}

/* The label is kept to its arrow, roughly; the whole line is its title. */
static void put_step(const struct chart *c, const struct step *t, int y)
{
	int span = abs(c->x[t->from] - c->x[t->to]), most = t->from == t->to ? 80 : span / 8 + 2;
	fputs("<g class=\"step\">", c->out);
	if (t->from == t->to)
		put_note(c, t, y);
	else
		put_arrow(c, t, y);
	char *cut = strlen(t->label) > (size_t)most ? xasprintf("%.*s..", most - 2, t->label) : xstrdup(t->label);
	put_text(c->out, cut);
	free(cut);
	fputs("</text><title>", c->out);
	put_text(c->out, t->event->line);
	fputs("</title></g>\n", c->out);
}

static void put_time(const struct chart *c, const struct step *t, int y)
{
	char stamp[CLOCK_ISO];
	clock_iso(t->ms, stamp);
	fprintf(c->out, "<text class=\"time\" x=\"8\" y=\"%d\">%.12s</text>", y + 4, stamp + 11);
	int64_t since = t->ms - c->s->step[0].ms;
	fprintf(c->out, "<text class=\"time delta\" x=\"%d\" y=\"%d\">", LEFT + 14, y + 4);
	if (since < 10000)
		fprintf(c->out, "+%" PRId64 " ms</text>\n", since);
	else
		fprintf(c->out, "+%" PRId64 " s</text>\n", since / 1000);
}

/* Time goes down; a pause is a dashed line that says how long it was. */
static void put_chart(FILE *out, const struct steps *s)
{
	struct chart c = {.out = out, .s = s};
	int at = LEFT + 90, y = TOP, height = chart_height(s);
	for (int i = 0; i < LANES; i++)
		if (s->used[i])
			c.x[i] = at, at += LANE;
	c.width = at - LANE + BOX / 2 + RIGHT;
	fprintf(out, "<svg role=\"img\" aria-label=\"sequence chart\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", c.width, height, c.width,
		height);
	for (size_t i = 0; i < s->n; i += 2) /* bands first: everything else lies on them */
		if (s->step[s->n - 1].ms - s->step[0].ms < PAUSE_MS)
			fprintf(out, "<rect class=\"band\" x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", TOP + (int)i * ROW - 8, c.width, ROW);
	put_lanes(&c, height);
	for (size_t i = 0; i < s->n; i++) {
		int64_t wait = i ? s->step[i].ms - s->step[i - 1].ms : 0;
		if (wait >= PAUSE_MS) {
			fprintf(out, "<line class=\"gap\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", c.width, y + 8, y + 8);
			fprintf(out, "<text class=\"pause\" x=\"%d\" y=\"%d\">%lld.%lld s later</text>\n", LEFT - 24, y + 2, (long long)(wait / 1000),
				(long long)(wait % 1000 / 100));
			y += PAUSE;
		}
		if (!i || s->step[i].ms != s->step[i - 1].ms)
			put_time(&c, &s->step[i], y + ROW / 2 - 4);
		put_step(&c, &s->step[i], y + ROW / 2 - 4);
		y += ROW;
	}
	fputs("</svg>\n<div class=\"legend\"><span class=\"l1\">SIP</span><span class=\"l2\">record, through a queue</span>"
	      "<span class=\"l3\">mail</span><span class=\"l4\">refused or failed</span></div>\n",
	      out);
}

/* ---- what is below ---- */

static void put_line(FILE *out, const struct event *e, int64_t start)
{
	struct buf value = {0}, prog = {0}, what = {0};
	struct slice line = slice_of(e->line), key;
	char stamp[CLOCK_ISO];
	clock_iso(e->ms, stamp);
	logfmt_get(line, "prog", &prog);
	if (!logfmt_get(line, "event", &what))
		logfmt_get(line, "msg", &what);
	fprintf(out, "<tr><td>%.12s</td><td class=\"num\">+%" PRId64 " ms</td><td>", stamp + 11, e->ms - start);
	put_text(out, buf_str(&prog));
	fputs("</td><td><b>", out);
	put_text(out, buf_str(&what));
	fputs("</b></td><td>", out);
	while (logfmt_next(&line, &key, &value)) {
		if (slice_eq(key, "prog") || slice_eq(key, "event") || slice_eq(key, "msg") || slice_eq(key, "trace") || slice_eq(key, "level"))
			continue;
		char *name = slice_dup(key);
		fputs("<i>", out);
		put_text(out, name);
		fputs("</i>=", out);
		put_text(out, buf_str(&value));
		fputc(' ', out);
		free(name);
	}
	fputs("</td></tr>\n", out);
	buf_free(&value);
	buf_free(&prog);
	buf_free(&what);
}

static void put_place(FILE *out, const struct event *e)
{
	char stamp[CLOCK_ISO];
	fputs("<li><b>", out);
	put_text(out, e->type);
	fprintf(out, "</b> %s <b>", place_says[e->state]);
	put_text(out, e->queue);
	fputs("</b>", out);
	if (e->state == SPOOL_DEFERRED) {
		clock_iso(e->due_us / 1000, stamp);
		fprintf(out, ", due %s", stamp);
	}
	if (e->why) {
		fputs(": ", out);
		put_text(out, e->why);
	}
	fputs(" <i class=\"mono\">record ", out);
	put_text(out, e->id);
	fputs("</i></li>\n", out);
}

static void put_head(FILE *out, const struct event *e, const struct steps *s, size_t places)
{
	struct buf verdict = {0};
	char stamp[CLOCK_ISO];
	bool poor = s->status >= 300 || s->refused, open = !poor && (places || !s->status);
	clock_iso(e[0].ms, stamp);
	steps_verdict(s, &verdict);
	fprintf(out, "<h1>The way of a message</h1>\n<p class=\"sub\"><span class=\"mono\">%.10s %.8s</span> · trace <span class=\"mono\">", stamp,
		stamp + 11);
	put_text(out, e[0].trace);
	fprintf(out, "</span></p>\n<span class=\"verdict %s\">", poor ? "poor" : open ? "open" : "good");
	put_text(out, buf_str(&verdict));
	fputs("</span>\n", out);
	buf_free(&verdict);
}

void html_trace(FILE *out, const struct event *e, size_t n)
{
	struct steps s;
	size_t places = 0;
	steps_make(&s, e, n);
	for (size_t i = 0; i < n; i++)
		places += !e[i].line;
	put_head(out, e, &s, places);
	if (s.n) {
		fputs("<div class=\"card\">\n", out);
		put_chart(out, &s);
		fputs("</div>\n", out);
	}
	fputs("<h2>Now</h2><div class=\"card\">", out);
	fputs(places ? "<ul>\n" : "In no queue: nothing is left to be done.", out);
	for (size_t i = 0; i < n; i++)
		if (!e[i].line)
			put_place(out, &e[i]);
	fputs(places ? "</ul></div>\n" : "</div>\n", out);
	fputs("<h2>What was logged</h2><div class=\"card\"><table>\n", out);
	for (size_t i = 0; i < n; i++)
		if (e[i].line)
			put_line(out, &e[i], e[0].ms);
	fputs("</table></div>\n", out);
	steps_free(&s);
}
