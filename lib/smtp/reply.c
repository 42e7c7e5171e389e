#include "smtp/reply.h"

#include "base/text.h"

#include <stdio.h>

/* One to three digits; NULL if there are none or more. */
static const char *digits(const char *p, const char *end)
{
	const char *start = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > start && p - start <= 3 ? p : NULL;
}

bool smtp_enhanced_parse(const char *text, int code, char enhanced[SMTP_ENHANCED_MAX], const char **rest)
{
	const char *end = text + strnlen(text, SMTP_ENHANCED_MAX), *p = text;
	*rest = text;
	if (end - p < 5 || p[0] != '0' + code / 100 || p[1] != '.' || !strchr("245", p[0]))
		return false;
	p = digits(p + 2, end);
	if (!p || p >= end || *p != '.')
		return false;
	p = digits(p + 1, end);
	if (!p || (*p && !strchr(" \t\r\n", *p)))
		return false;
	memcpy(enhanced, text, (size_t)(p - text));
	enhanced[p - text] = '\0';
	*rest = p + strspn(p, " \t");
	return true;
}

/* clang-format off: a row a line */
/* 5.1, column "enhanced code seen or implied"; the first row that fits decides. at: the only place, or SMTP_AT_LOCAL
 * for any. */
static const struct {
	int code;
	enum smtp_at at;
	const char *enhanced;
} implied[] = {
	{554, SMTP_AT_GREETING, "5.3.2"}, {521, SMTP_AT_LOCAL, "5.3.2"},  {421, SMTP_AT_LOCAL, "4.3.2"},
	{450, SMTP_AT_LOCAL, "4.2.0"},	  {451, SMTP_AT_LOCAL, "4.3.0"},  {452, SMTP_AT_RCPT, "4.5.3"},
	{452, SMTP_AT_LOCAL, "4.3.1"},	  {454, SMTP_AT_TLS, "4.7.5"},	  {454, SMTP_AT_AUTH, "4.7.0"},
	{455, SMTP_AT_LOCAL, "4.5.4"},	  {555, SMTP_AT_LOCAL, "5.5.4"},  {501, SMTP_AT_LOCAL, "5.5.2"},
	{500, SMTP_AT_LOCAL, "5.5.1"},	  {502, SMTP_AT_LOCAL, "5.5.1"},  {503, SMTP_AT_LOCAL, "5.5.1"},
	{504, SMTP_AT_LOCAL, "5.5.1"},	  {530, SMTP_AT_LOCAL, "5.7.0"},  {534, SMTP_AT_LOCAL, "5.7.9"},
	{535, SMTP_AT_LOCAL, "5.7.8"},	  {538, SMTP_AT_LOCAL, "5.7.11"}, {556, SMTP_AT_LOCAL, "5.1.10"},
	{551, SMTP_AT_LOCAL, "5.1.6"},	  {553, SMTP_AT_LOCAL, "5.1.3"},  {550, SMTP_AT_RCPT, "5.1.1"},
	{550, SMTP_AT_LOCAL, "5.7.1"},	  {552, SMTP_AT_RCPT, "5.2.2"},	  {552, SMTP_AT_LOCAL, "5.3.4"},
	{554, SMTP_AT_LOCAL, "5.7.1"},
};
/* clang-format on */

const char *smtp_enhanced_implied(int code, enum smtp_at at)
{
	for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++)
		if (implied[i].code == code && (implied[i].at == SMTP_AT_LOCAL || implied[i].at == at))
			return implied[i].enhanced;
	return code >= 500 ? "5.0.0" : code >= 400 ? "4.0.0" : "2.0.0";
}

void smtp_result_set(struct smtp_result *r, enum smtp_at at, int code, const char *enhanced, const char *text,
		     const char *host)
{
	struct buf clean = {0};
	const char *rest = text ? text : "";
	r->code = code;
	if (enhanced)
		snprintf(r->enhanced, sizeof(r->enhanced), "%s", enhanced);
	else if (!smtp_enhanced_parse(rest, code, r->enhanced, &rest))
		snprintf(r->enhanced, sizeof(r->enhanced), "%s", smtp_enhanced_implied(code, at));
	r->outcome = r->enhanced[0] == '2' ? SMTP_DONE : r->enhanced[0] == '5' ? SMTP_PERMANENT : SMTP_TEMPORARY;
	text_sanitise(&clean, slice_of(rest), SMTP_TEXT_MAX);
	snprintf(r->text, sizeof(r->text), "%s", buf_str(&clean));
	snprintf(r->host, sizeof(r->host), "%s", host ? host : "");
	buf_free(&clean);
}

const char *smtp_outcome_name(enum smtp_outcome o)
{
	static const char *const names[] = {"open", "done", "temporary", "permanent"};
	return names[o];
}

/* A line is complete: "250-text", "250 text" or "250". Returns whether it is the last of its reply. */
static bool take_line(struct smtp_reader *r, struct slice line)
{
	int code = 0;
	while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
		line.n--;
	for (size_t i = 0; i < 3 && i < line.n; i++)
		code = line.p[i] >= '0' && line.p[i] <= '9' ? code * 10 + line.p[i] - '0' : -10000;
	bool more = line.n > 3 && line.p[3] == '-';
	if (line.n < 3 || code < 200 || code > 599 || (line.n > 3 && line.p[3] != ' ' && !more) ||
	    (r->lines && code != r->code) || r->lines >= 128) {
		r->broken = true;
		return true;
	}
	if (r->lines++)
		buf_putc(&r->text, '\n');
	r->code = code;
	buf_put(&r->text, line.p + (line.n > 3 ? 4 : 3), line.n - (line.n > 3 ? 4 : 3));
	return !more;
}

/* Of a line over the limit the beginning is kept. */
static void add_octets(struct smtp_reader *r, const char *p, size_t n)
{
	enum { LINE_MAX_OCTETS = 1000 };
	size_t room = r->line.n < LINE_MAX_OCTETS ? LINE_MAX_OCTETS - r->line.n : 0;
	r->long_line = r->long_line || n > room;
	buf_put(&r->line, p, n < room ? n : room);
}

size_t smtp_reader_feed(struct smtp_reader *r, const char *p, size_t n, bool *done)
{
	size_t used = 0;
	if (r->ended) {
		buf_clear(&r->text);
		r->code = r->lines = 0;
		r->long_line = r->ended = false;
	}
	while (used < n && !r->ended) {
		const char *lf = memchr(p + used, '\n', n - used);
		size_t k = lf ? (size_t)(lf - p) + 1 - used : n - used;
		add_octets(r, p + used, k);
		used += k;
		if (lf) {
			r->ended = take_line(r, slice_buf(&r->line));
			buf_clear(&r->line);
		}
	}
	*done = r->ended;
	return used;
}

void smtp_reader_free(struct smtp_reader *r)
{
	buf_free(&r->line);
	buf_free(&r->text);
	*r = (struct smtp_reader){0};
}
