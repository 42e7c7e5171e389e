/* One session: which command may come when, and what it is answered. */
#include "smtp/server/private.h"
#include "base/text.h"

#include <stdlib.h>

void smtpd_say(struct smtpd *s, enum smtpd_answer a)
{
	s->last = a;
	smtpd_reply(&s->out, a);
	if (a == SMTPD_QUEUED)
		s->errors = 0;
	if (smtpd_row(a)->code < 400)
		return;
	s->ops->refused(s->ctx, a);
	if (++s->errors >= (s->rules.lmtp ? SMTPD_LMTP_ERRORS_MAX : SMTPD_ERRORS_MAX))
		smtpd_end(s, SMTPD_ERRORS);
}

void smtpd_end(struct smtpd *s, enum smtpd_answer a)
{
	s->last = a;
	smtpd_reply(&s->out, a);
	s->ops->refused(s->ctx, a);
	s->state = SMTPD_CLOSING;
}

void smtpd_forget(struct smtpd *s)
{
	smtpd_mail_free(&s->mail);
	s->chunks = SMTPD_UNCHUNKED;
	s->ops->forget(s->ctx);
}

static bool take_content(void *ctx, const char *p, size_t n)
{
	struct smtpd *s = ctx;
	return s->ops->content(s->ctx, p, n);
}

void smtpd_begin(struct smtpd *s, const struct smtpd_rules *rules, const char *gateway, const struct smtpd_ops *ops,
		 void *ctx)
{
	*s = (struct smtpd){.rules = *rules, .ops = ops, .ctx = ctx};
	s->content.gateway = gateway;
	s->content.max = rules->max_size;
	s->content.sink = take_content;
	s->content.ctx = s;
	buf_printf(&s->out, "220 %s %s\r\n", rules->host, rules->lmtp ? "LMTP" : smtpd_row(SMTPD_GREETING)->text);
}

void smtpd_free(struct smtpd *s)
{
	smtpd_mail_free(&s->mail);
	smtpd_content_free(&s->content);
	buf_free(&s->out);
	buf_free(&s->line);
	free(s->helo);
	s->helo = NULL;
}

/* ---- commands ---- */

static void keywords(struct smtpd *s)
{
	const struct smtpd_rules *r = &s->rules;
	buf_printf(&s->out, "250-%s\r\n250-PIPELINING\r\n250-SIZE %lld\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
		   "250-CHUNKING\r\n",
		   r->host, (long long)r->max_size);
	if (r->starttls && !s->tls)
		buf_puts(&s->out, "250-STARTTLS\r\n");
	if (r->deliverby)
		buf_puts(&s->out, "250-DELIVERBY\r\n");
	if (r->smtputf8)
		buf_puts(&s->out, "250-SMTPUTF8\r\n");
	buf_puts(&s->out, "250 DSN\r\n");
}

static void hello(struct smtpd *s, enum smtpd_verb verb, struct slice name)
{
	if ((verb == SMTPD_V_LHLO) != s->rules.lmtp) {
		smtpd_say(s, SMTPD_NOT_OFFERED);
		return;
	}
	bool good = name.n > 0 && name.n <= 255 && utf8_valid(name.p, name.n);
	for (size_t i = 0; i < name.n; i++)
		good = good && (unsigned char)name.p[i] > ' ' && name.p[i] != '<' && name.p[i] != '>';
	if (!good) {
		smtpd_say(s, SMTPD_SYNTAX);
		return;
	}
	smtpd_forget(s);
	free(s->helo);
	s->helo = slice_dup(name);
	s->esmtp = verb != SMTPD_V_HELO;
	s->last = SMTPD_HELLO;
	if (s->esmtp)
		keywords(s);
	else
		buf_printf(&s->out, "250 %s\r\n", s->rules.host);
}

static void mail(struct smtpd *s, struct slice rest)
{
	struct slice address, params;
	if (!s->helo || s->mail.from) {
		smtpd_say(s, SMTPD_SEQUENCE);
		return;
	}
	if (!smtpd_path(rest, "FROM:", &address, &params)) {
		smtpd_say(s, SMTPD_SYNTAX);
		return;
	}
	enum smtpd_answer a = smtpd_mail_params(&s->rules, params, &s->mail);
	if (a == SMTPD_SENDER_OK && !is_ascii(address.p, address.n) && !s->mail.smtputf8)
		a = SMTPD_NEEDS_UTF8;
	if (a == SMTPD_SENDER_OK)
		a = s->ops->sender(s->ctx, address);
	if (a == SMTPD_SENDER_OK)
		s->mail.from = slice_dup(address);
	else
		smtpd_mail_free(&s->mail);
	smtpd_say(s, a);
}

static enum smtpd_answer recipient(struct smtpd *s, struct slice rest, struct smtpd_recipient *to)
{
	struct slice address, params;
	if (!s->mail.from || s->chunks != SMTPD_UNCHUNKED)
		return SMTPD_SEQUENCE;
	if (s->mail.recipients >= (size_t)s->rules.max_rcpt)
		return SMTPD_TOO_MANY_RCPT;
	if (!smtpd_path(rest, "TO:", &address, &params) || !address.n)
		return SMTPD_SYNTAX;
	enum smtpd_answer a = smtpd_rcpt_params(params, to);
	if (a != SMTPD_RCPT_OK)
		return a;
	if (!is_ascii(address.p, address.n) && !s->mail.smtputf8)
		return SMTPD_NEEDS_UTF8;
	to->address = slice_dup(address);
	return s->ops->recipient(s->ctx, to);
}

/* One that is named twice is kept twice: LMTP has a reply for each (RFC 2033 4.2). */
static void rcpt(struct smtpd *s, struct slice rest)
{
	struct smtpd_recipient to = {0};
	enum smtpd_answer a = recipient(s, rest, &to);
	if (smtpd_row(a)->code == 250) {
		struct smtpd_mail *m = &s->mail;
		if ((m->recipients & (m->recipients - 1)) == 0)
			m->to = xrealloc(m->to, (m->recipients ? 2 * m->recipients : 1) * sizeof *m->to);
		m->to[m->recipients++] = to;
	} else {
		smtpd_recipient_free(&to);
	}
	smtpd_say(s, a);
}

static void data(struct smtpd *s, struct slice rest)
{
	if (rest.n) {
		smtpd_say(s, SMTPD_SYNTAX);
		return;
	}
	if (s->chunks != SMTPD_UNCHUNKED) {
		smtpd_chunks_fail(s); /* not both in one transaction (RFC 3030 3) */
		smtpd_say(s, SMTPD_SEQUENCE);
		return;
	}
	enum smtpd_answer a = s->mail.recipients ? s->ops->data(s->ctx) : SMTPD_SEQUENCE;
	smtpd_say(s, a);
	if (a != SMTPD_GO_ON)
		return;
	s->content.max = s->rules.max_size;
	smtpd_content_begin(&s->content);
	s->state = SMTPD_DATA;
}

/* What was sent behind STARTTLS in clear must not be read as if it had come under TLS. */
static void starttls(struct smtpd *s, struct slice rest, bool behind)
{
	if (!s->rules.starttls) {
		smtpd_say(s, SMTPD_NOT_OFFERED);
	} else if (rest.n) {
		smtpd_say(s, SMTPD_SYNTAX);
	} else if (s->tls || !s->helo) {
		smtpd_say(s, SMTPD_SEQUENCE);
	} else if (behind) {
		smtpd_say(s, SMTPD_SEQUENCE);
		s->state = SMTPD_CLOSING;
	} else {
		smtpd_say(s, SMTPD_TLS_READY);
		s->state = SMTPD_STARTING_TLS;
	}
}

bool smtpd_needs_tls(const struct smtpd *s, enum smtpd_verb v)
{
	return s->rules.require_tls && !s->tls && v != SMTPD_V_EHLO && v != SMTPD_V_LHLO && v != SMTPD_V_NOOP &&
	       v != SMTPD_V_QUIT && v != SMTPD_V_STARTTLS && v != SMTPD_V_NONE && v != SMTPD_V_ABSENT;
}

static void simple(struct smtpd *s, enum smtpd_verb v, struct slice rest)
{
	static const enum smtpd_answer says[] = {
		[SMTPD_V_NONE] = SMTPD_UNKNOWN_COMMAND, [SMTPD_V_ABSENT] = SMTPD_NOT_OFFERED, [SMTPD_V_RSET] = SMTPD_RESET,
		[SMTPD_V_NOOP] = SMTPD_NOOP,		[SMTPD_V_HELP] = SMTPD_HELP,	      [SMTPD_V_VRFY] = SMTPD_VRFY,
		[SMTPD_V_EXPN] = SMTPD_EXPN,		[SMTPD_V_QUIT] = SMTPD_BYE,
	};
	if (rest.n && (v == SMTPD_V_RSET || v == SMTPD_V_QUIT)) {
		smtpd_say(s, SMTPD_SYNTAX);
		return;
	}
	if (v == SMTPD_V_RSET)
		smtpd_forget(s);
	smtpd_say(s, says[v]);
	if (v == SMTPD_V_QUIT)
		s->state = SMTPD_CLOSING;
}

static bool leads_on(enum smtpd_verb v)
{
	return v == SMTPD_V_MAIL || v == SMTPD_V_RCPT || v == SMTPD_V_DATA || v == SMTPD_V_BDAT || v == SMTPD_V_STARTTLS;
}

static void command(struct smtpd *s, struct slice line, bool behind)
{
	struct slice rest;
	enum smtpd_verb v = smtpd_verb(line, &rest);
	if (!leads_on(v) && v != SMTPD_V_QUIT && ++s->idling > SMTPD_IDLING_MAX) {
		smtpd_end(s, SMTPD_ERRORS);
		return;
	}
	if (v != SMTPD_V_BDAT && smtpd_needs_tls(s, v)) {
		smtpd_say(s, SMTPD_NEEDS_TLS);
		return;
	}
	switch (v) {
	case SMTPD_V_HELO:
	case SMTPD_V_EHLO:
	case SMTPD_V_LHLO:
		hello(s, v, rest);
		break;
	case SMTPD_V_MAIL:
		mail(s, rest);
		break;
	case SMTPD_V_RCPT:
		rcpt(s, rest);
		break;
	case SMTPD_V_DATA:
		data(s, rest);
		break;
	case SMTPD_V_BDAT:
		smtpd_bdat(s, rest); /* whatever is wrong, its octets must not be read as commands */
		break;
	case SMTPD_V_STARTTLS:
		starttls(s, rest, behind);
		break;
	default:
		simple(s, v, rest);
	}
}

/* ---- octets ---- */

/* A line ends with CRLF and has no other control octets but a tab. */
static bool line_good(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 127)
			return false;
	return true;
}

static size_t feed_line(struct smtpd *s, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t k = lf ? (size_t)(lf - p) + 1 : n;
	if (s->line_long || s->line.n + k > SMTPD_LINE_MAX) {
		s->line_long = true;
		buf_free(&s->line);
	} else {
		buf_put(&s->line, p, k);
	}
	if (!lf)
		return k;
	struct buf whole = s->line;
	bool too_long = s->line_long;
	s->line = (struct buf){0};
	s->line_long = false;
	s->commands++;
	if (too_long)
		smtpd_say(s, SMTPD_LINE_LONG);
	else if (whole.n < 2 || whole.p[whole.n - 2] != '\r' || !line_good((struct slice){whole.p, whole.n - 2}))
		smtpd_say(s, SMTPD_UNKNOWN_COMMAND);
	else
		command(s, (struct slice){whole.p, whole.n - 2}, k < n);
	buf_free(&whole);
	return k;
}

void smtpd_settle(struct smtpd *s, enum smtpd_answer a)
{
	size_t times = s->rules.lmtp ? s->mail.recipients : 1;
	s->state = SMTPD_COMMANDS;
	for (size_t i = 1; i < times; i++)
		smtpd_reply(&s->out, a);
	smtpd_say(s, a);
	smtpd_forget(s);
}

static void put_said(struct smtpd *s, const struct smtpd_said *said)
{
	static const char *const texts[] = {"the message was taken", "", "the user cannot be reached now",
					    "the message was refused"};
	if (said->code < 200 || said->code > 599)
		smtpd_reply(&s->out, SMTPD_QUEUED);
	else
		buf_printf(&s->out, "%d %s %s\r\n", said->code, said->enhanced, texts[said->code / 100 - 2]);
}

void smtpd_settle_said(struct smtpd *s, const struct smtpd_said *said)
{
	size_t times = s->rules.lmtp ? s->mail.recipients : 1;
	s->state = SMTPD_COMMANDS;
	s->last = SMTPD_QUEUED;
	s->errors = 0;
	for (size_t i = 0; i < times; i++)
		put_said(s, &said[i]);
	smtpd_forget(s);
}

void smtpd_complete(struct smtpd *s)
{
	struct smtpd_content *c = &s->content;
	s->commands++;
	smtpd_content_finish(c);
	enum smtpd_answer a = smtpd_content_judge(c, s->rules.max_received);
	if (a != SMTPD_QUEUED) {
		smtpd_settle(s, a);
		return;
	}
	s->state = SMTPD_STORING;
	s->idling = 0;
	s->ops->store(s->ctx);
}

/* Octets of a mail that is refused for its size anyway: more, and the connection ends. */
int64_t smtpd_patience(const struct smtpd *s)
{
	return 2 * s->rules.max_size + (1 << 20);
}

static size_t feed_content(struct smtpd *s, const char *p, size_t n)
{
	bool end;
	struct smtpd_content *c = &s->content;
	size_t k = smtpd_content_feed(c, p, n, &end);
	if (end)
		smtpd_complete(s);
	else if (c->taken > smtpd_patience(s))
		smtpd_end(s, SMTPD_TOO_BIG);
	return k;
}

static size_t feed(struct smtpd *s, const char *p, size_t n)
{
	switch (s->state) {
	case SMTPD_COMMANDS:
		return feed_line(s, p, n);
	case SMTPD_DATA:
		return feed_content(s, p, n);
	case SMTPD_CHUNK:
		return smtpd_feed_chunk(s, p, n);
	default:
		return 0;
	}
}

size_t smtpd_feed(struct smtpd *s, const char *p, size_t n)
{
	size_t done = 0, k = 1;
	for (; done < n && k; done += k)
		k = feed(s, p + done, n - done);
	return done;
}

bool smtpd_inside(const struct smtpd *s)
{
	return s->state == SMTPD_DATA || s->state == SMTPD_CHUNK;
}

void smtpd_tls_started(struct smtpd *s)
{
	smtpd_forget(s);
	free(s->helo);
	s->helo = NULL;
	s->tls = true;
	s->state = SMTPD_COMMANDS;
}
