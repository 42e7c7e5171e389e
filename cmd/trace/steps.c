/* What the log lines of the programs tell of the way: one row for each event that is a step. */
#include "trace.h"

#include "base/logfmt.h"
#include "base/text.h"

#include <stdlib.h>

const char *const lane_name[LANES] = {"SIP peer", "sip-listen", "sip-send",	"sip-route",   "report",	 "cpm2mail",
				      "mail2cpm", "mail-route", "smtp-send", "smtp-listen", "mail host"};

enum { ARROWS = 4, ALWAYS = 0, ONCE = 1, LABEL_MAX = 120 };

struct arrow {
	enum lane from, to;
	enum step_kind kind;
	const char *label; /* $key stands for the value of the line's key; NULL: no arrow */
	int when;	   /* ONCE: not if a record of this label came to this lane before */
};

static const struct rule {
	const char *prog, *event; /* prog NULL: any, on its own lane */
	struct arrow arrow[ARROWS];
} rules[] = {
	{"sip-listen", "accepted", {{LANE_PEER, LANE_SIP_LISTEN, STEP_SIP, "MESSAGE", ALWAYS}}},
	{"sip-listen", "answered", {{LANE_SIP_LISTEN, LANE_PEER, STEP_SIP, "$status", ALWAYS}}},
	{"sip-listen", "deadline", {{LANE_SIP_LISTEN, LANE_PEER, STEP_SIP, "answered at the deadline", ALWAYS}}},
	{"cpm2mail", "mapped", {{LANE_SIP_LISTEN, LANE_CPM2MAIL, STEP_RECORD, "sip.request", ONCE}}},
	{"cpm2mail",
	 "answered",
	 {{LANE_SIP_LISTEN, LANE_CPM2MAIL, STEP_RECORD, "sip.request", ONCE},
	  {LANE_CPM2MAIL, LANE_SIP_LISTEN, STEP_RECORD, "sip.response $status", ALWAYS}}},
	{"cpm2mail",
	 "joined",
	 {{LANE_SIP_LISTEN, LANE_CPM2MAIL, STEP_RECORD, "sip.request", ALWAYS},
	  {LANE_CPM2MAIL, LANE_REPORT, STEP_RECORD, "sip.join", ALWAYS}}},
	{"cpm2mail",
	 "enum-wanted",
	 {{LANE_SIP_LISTEN, LANE_CPM2MAIL, STEP_RECORD, "sip.request", ONCE},
	  {LANE_CPM2MAIL, LANE_MAIL_ROUTE, STEP_RECORD, "whose is the number?", ALWAYS}}},
	{"mail-route", "enum", {{LANE_MAIL_ROUTE, LANE_CPM2MAIL, STEP_RECORD, "$result $address", ALWAYS}}},
	{"mail-route", "routed", {{LANE_CPM2MAIL, LANE_MAIL_ROUTE, STEP_RECORD, "mail.out", ONCE}}},
	{"mail-route",
	 "unroutable",
	 {{LANE_CPM2MAIL, LANE_MAIL_ROUTE, STEP_RECORD, "mail.out", ONCE},
	  {LANE_MAIL_ROUTE, LANE_REPORT, STEP_BAD, "mail.result", ALWAYS}}},
	{"smtp-send",
	 "sent",
	 {{LANE_MAIL_ROUTE, LANE_SMTP_SEND, STEP_RECORD, "mail.out", ONCE},
	  {LANE_SMTP_SEND, LANE_HOST, STEP_SMTP, "$to", ALWAYS},
	  {LANE_HOST, LANE_SMTP_SEND, STEP_SMTP, "$code $enhanced", ALWAYS}}},
	{"report",
	 "answered",
	 {{LANE_SMTP_SEND, LANE_REPORT, STEP_RECORD, "mail.result", ONCE},
	  {LANE_REPORT, LANE_SIP_LISTEN, STEP_RECORD, "sip.response $status", ALWAYS}}},
	{"report", "answered-again", {{LANE_REPORT, LANE_SIP_LISTEN, STEP_RECORD, "sip.response $status", ALWAYS}}},
	{"report", "late", {{LANE_SMTP_SEND, LANE_REPORT, STEP_RECORD, "mail.result", ALWAYS}}},
	{"smtp-listen", "accepted", {{LANE_HOST, LANE_SMTP_LISTEN, STEP_SMTP, "mail for $rcpt", ALWAYS}}},
	{"mail-inject", "accepted", {{LANE_HOST, LANE_SMTP_LISTEN, STEP_SMTP, "mail for $rcpt", ALWAYS}}},
	{"mail2cpm", "read", {{LANE_SMTP_LISTEN, LANE_MAIL2CPM, STEP_RECORD, "mail.in", ONCE}}},
	{"mail2cpm", "mapped", {{LANE_SMTP_LISTEN, LANE_MAIL2CPM, STEP_RECORD, "mail.in", ONCE}}},
	{"mail2cpm",
	 "refused",
	 {{LANE_SMTP_LISTEN, LANE_MAIL2CPM, STEP_RECORD, "mail.in", ONCE},
	  {LANE_MAIL2CPM, LANE_REPORT, STEP_BAD, "sip.result $code", ALWAYS}}},
	{"mail2cpm",
	 "discarded",
	 {{LANE_SMTP_LISTEN, LANE_MAIL2CPM, STEP_RECORD, "mail.in", ONCE},
	  {LANE_MAIL2CPM, LANE_MAIL2CPM, STEP_BAD, "dropped: $why", ALWAYS}}},
	{"mail2cpm",
	 "receipt",
	 {{LANE_SMTP_LISTEN, LANE_MAIL2CPM, STEP_RECORD, "mail.in", ONCE},
	  {LANE_MAIL2CPM, LANE_REPORT, STEP_RECORD, "receipt", ALWAYS}}},
	{"mail2cpm",
	 "forwarded",
	 {{LANE_SMTP_LISTEN, LANE_MAIL2CPM, STEP_RECORD, "mail.in", ONCE},
	  {LANE_MAIL2CPM, LANE_MAIL_ROUTE, STEP_RECORD, "mail.out", ALWAYS}}},
	{"sip-route", "routed", {{LANE_MAIL2CPM, LANE_SIP_ROUTE, STEP_RECORD, "sip.send", ALWAYS}}},
	{"sip-route",
	 "unroutable",
	 {{LANE_MAIL2CPM, LANE_SIP_ROUTE, STEP_RECORD, "sip.send", ONCE},
	  {LANE_SIP_ROUTE, LANE_REPORT, STEP_BAD, "sip.result $code", ALWAYS}}},
	{"sip-send",
	 "answered",
	 {{LANE_SIP_ROUTE, LANE_SIP_SEND, STEP_RECORD, "sip.send", ALWAYS},
	  {LANE_SIP_SEND, LANE_PEER, STEP_SIP, "MESSAGE", ALWAYS},
	  {LANE_PEER, LANE_SIP_SEND, STEP_SIP, "$status $reason", ALWAYS},
	  {LANE_SIP_SEND, LANE_REPORT, STEP_RECORD, "sip.result $outcome", ALWAYS}}},
	{NULL, "deferred", {{LANES, LANES, STEP_WAIT, "tried again later: $why", ALWAYS}}},
	{NULL, "failed", {{LANES, LANES, STEP_BAD, "failed: $why", ALWAYS}}},
};

static enum lane lane_of(const char *prog)
{
	for (int i = 0; i < LANES; i++)
		if (strcmp(lane_name[i], prog) == 0)
			return (enum lane)i;
	return LANES;
}

/* "$status $reason" with the values of the line. */
static char *expand(const char *text, struct slice line)
{
	struct buf out = {0}, value = {0}, clean = {0};
	while (*text) {
		size_t n = strcspn(text, "$");
		buf_put(&out, text, n);
		text += n;
		if (!*text)
			break;
		n = strspn(++text, "abcdefghijklmnopqrstuvwxyz_");
		char *key = slice_dup((struct slice){text, n});
		if (logfmt_get(line, key, &value))
			buf_slice(&out, slice_buf(&value));
		free(key);
		text += n;
	}
	text_sanitise(&clean, slice_buf(&out), LABEL_MAX);
	buf_free(&out);
	buf_free(&value);
	char *label = xstrdup(buf_str(&clean)[0] ? clean.p : "-");
	buf_free(&clean);
	return label;
}

static bool came_before(const struct steps *s, const struct arrow *a)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->step[i].to == a->to && s->step[i].from != a->to && strcmp(s->step[i].label, a->label) == 0)
			return true;
	return false;
}

static struct step *add(struct steps *s, const struct event *e, enum lane from, enum lane to, enum step_kind kind, char *label)
{
	if ((s->n & (s->n - 1)) == 0)
		s->step = xrealloc(s->step, (s->n ? 2 * s->n : 1) * sizeof *s->step);
	s->step[s->n] = (struct step){.ms = e->ms, .from = from, .to = to, .kind = kind, .label = label, .event = e};
	s->used[from] = s->used[to] = true;
	return &s->step[s->n++];
}

static int number(struct slice line, const char *key)
{
	struct buf value = {0};
	int n = logfmt_get(line, key, &value) ? atoi(buf_str(&value)) : 0;
	buf_free(&value);
	return n;
}

static void keep(char **where, struct slice line, const char *key)
{
	struct buf value = {0}, clean = {0};
	if (!*where && logfmt_get(line, key, &value)) {
		text_sanitise(&clean, slice_buf(&value), 40);
		*where = xstrdup(buf_str(&clean));
	}
	buf_free(&value);
	buf_free(&clean);
}

/* What the outer lanes are called, and how it ended. */
static void notice(struct steps *s, struct slice line, const char *prog, const char *event)
{
	struct buf outcome = {0};
	if (strcmp(prog, "sip-listen") == 0) {
		keep(&s->peer, line, "peer");
		if (strcmp(event, "answered") == 0 && number(line, "status") >= 200)
			s->status = number(line, "status");
	}
	s->from_mail = s->from_mail || strcmp(prog, "smtp-listen") == 0 || strcmp(prog, "mail-inject") == 0 ||
		       strcmp(prog, "mail2cpm") == 0;
	if (strcmp(prog, "sip-send") == 0 && strcmp(event, "answered") == 0) {
		keep(&s->peer, line, "target");
		s->sent = number(line, "status");
	}
	if (strcmp(prog, "smtp-send") == 0 && strcmp(event, "sent") == 0 && logfmt_get(line, "outcome", &outcome)) {
		keep(&s->host, line, "host");
		s->delivered += strcmp(buf_str(&outcome), "done") == 0;
		s->refused += strcmp(buf_str(&outcome), "permanent") == 0 || strcmp(buf_str(&outcome), "temporary") == 0;
	}
	buf_free(&outcome);
}

static void apply(struct steps *s, const struct event *e, const struct rule *r, enum lane own)
{
	struct slice line = slice_of(e->line);
	for (int i = 0; i < ARROWS && r->arrow[i].label; i++) {
		const struct arrow *a = &r->arrow[i];
		enum lane from = a->from == LANES ? own : a->from, to = a->to == LANES ? own : a->to;
		/* what had its next hop from the configuration went past mail-route, or sip-route */
		if (from == LANE_MAIL_ROUTE && to == LANE_SMTP_SEND && !s->used[LANE_MAIL_ROUTE])
			from = LANE_CPM2MAIL;
		if (from == LANE_SIP_ROUTE && to == LANE_SIP_SEND && !s->used[LANE_SIP_ROUTE])
			from = s->used[LANE_MAIL2CPM] ? LANE_MAIL2CPM : LANE_REPORT;
		/* a report of ours is no mail */
		if (from == LANE_MAIL2CPM && to == LANE_SIP_ROUTE && !s->used[LANE_MAIL2CPM])
			from = LANE_REPORT;
		if (a->when == ONCE && came_before(s, a))
			continue;
		struct step *step = add(s, e, from, to, a->kind, expand(a->label, line));
		bool answer = to == LANE_PEER || strstr(a->label, "$status");
		if ((answer && number(line, "status") >= 300) || (from == LANE_HOST && number(line, "code") >= 400))
			step->kind = STEP_BAD;
	}
}

static void step_of(struct steps *s, const struct event *e)
{
	struct buf prog = {0}, event = {0};
	struct slice line = slice_of(e->line);
	if (!logfmt_get(line, "prog", &prog) || !logfmt_get(line, "event", &event))
		goto out;
	enum lane own = lane_of(buf_str(&prog));
	const struct rule *r = NULL;
	notice(s, line, buf_str(&prog), buf_str(&event));
	for (size_t i = 0; !r && i < sizeof rules / sizeof rules[0]; i++)
		if (strcmp(rules[i].event, buf_str(&event)) == 0 && (!rules[i].prog || strcmp(rules[i].prog, buf_str(&prog)) == 0))
			r = &rules[i];
	if (r && (r->prog || own != LANES))
		apply(s, e, r, own);
	else if (own != LANES)
		add(s, e, own, own, STEP_NOTE, expand(buf_str(&event), line));
out:
	buf_free(&prog);
	buf_free(&event);
}

void steps_make(struct steps *s, const struct event *e, size_t n)
{
	*s = (struct steps){0};
	for (size_t i = 0; i < n; i++)
		if (e[i].line)
			step_of(s, &e[i]);
		else
			s->waiting += e[i].state != SPOOL_FAILED;
}

void steps_free(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->step[i].label);
	free(s->step);
	free(s->peer);
	free(s->host);
}

void steps_verdict(const struct steps *s, struct buf *out)
{
	if (s->status)
		buf_printf(out, "answered %d", s->status);
	else if (s->sent)
		buf_printf(out, "the user's side answered %d", s->sent);
	else
		buf_puts(out, s->from_mail ? "not sent yet" : "not answered yet");
	if (s->delivered)
		buf_printf(out, ", delivered to %d recipient%s", s->delivered, s->delivered > 1 ? "s" : "");
	if (s->refused)
		buf_printf(out, ", refused for %d", s->refused);
	if (s->waiting)
		buf_puts(out, ", still on its way");
	long long took = s->n ? (long long)(s->step[s->n - 1].ms - s->step[0].ms) : 0;
	if (took)
		buf_printf(out, took < 10000 ? ", %lld ms" : ", %lld s", took < 10000 ? took : took / 1000);
}
