#include "smtp/direct/direct.h"

#include "base/clock.h"

/* ---- commands ---- */

/* xtext (RFC 3461 4): octets 33 to 126 but "+" and "=" as they are. */
static void put_xtext(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char o = (unsigned char)*s;
		if (o > 32 && o < 127 && o != '+' && o != '=')
			buf_putc(out, *s);
		else
			buf_printf(out, "+%02X", o);
	}
}

/* BY (3.1): what is left of the time; the server's minimum binds mode R only. */
static void put_by(struct buf *out, const struct smtp_by *by, const struct offers *o)
{
	int64_t seconds = (by->until_ms - clock_real_us() / 1000) / 1000;
	if (by->mode == 'R' && seconds < 1)
		seconds = 1;
	if (by->mode == 'R' && seconds < o->by_minimum)
		seconds = o->by_minimum;
	seconds = seconds > 999999999 ? 999999999 : seconds < -999999999 ? -999999999 : seconds;
	buf_printf(out, " BY=%lld;%c", (long long)seconds, by->mode);
}

static bool needs_utf8(const struct letter *l)
{
	bool needs = l->mail->smtputf8;
	for (const char *p = l->mail->from; *p && !needs; p++)
		needs = (unsigned char)*p > 127;
	for (size_t i = 0; i < l->naddressees && !needs; i++)
		for (const char *p = l->mail->rcpts[i].address; l->to[i].state == ADDRESSEE_ASKED && *p && !needs; p++)
			needs = (unsigned char)*p > 127;
	return needs;
}

/* Only what the server offers (1.2 step 3). */
static void put_mail(struct connection *c, struct letter *l)
{
	const struct smtp_mail *m = l->mail;
	struct buf *out = &c->out;
	unsigned k = c->offers.keywords;
	buf_printf(out, "MAIL FROM:<%s>", m->from);
	if (k & KEYWORD_SIZE)
		buf_printf(out, " SIZE=%lld", (long long)l->scan.size);
	if ((k & KEYWORD_8BITMIME) && l->scan.eight_bit)
		buf_puts(out, " BODY=8BITMIME");
	l->with_dsn = (k & KEYWORD_DSN) && !l->no_dsn && smtp_mail_has_dsn(m);
	if (l->with_dsn && m->ret != SMTP_RET_NONE)
		buf_printf(out, " RET=%s", m->ret == SMTP_RET_FULL ? "FULL" : "HDRS");
	if (l->with_dsn && m->envid && smtp_word_valid(m->envid, 80)) {
		buf_puts(out, " ENVID=");
		put_xtext(out, m->envid);
	}
	l->with_by = m->by.mode && !l->no_by && (k & KEYWORD_DELIVERBY);
	if (l->with_by)
		put_by(out, &m->by, &c->offers);
	if (needs_utf8(l))
		buf_puts(out, " SMTPUTF8");
	for (size_t i = 0; i < m->nparams; i++)
		if (offers_word(&c->offers, m->params[i].keyword))
			buf_printf(out, " %s", m->params[i].text);
	buf_puts(out, "\r\n");
	connection_expect(c, STEP_MAIL, l, 0);
}

static void put_notify(struct buf *out, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {{SMTP_NOTIFY_SUCCESS, "SUCCESS"}, {SMTP_NOTIFY_FAILURE, "FAILURE"}, {SMTP_NOTIFY_DELAY, "DELAY"}};
	char comma = '=';
	if (!notify)
		return;
	buf_puts(out, " NOTIFY");
	if (notify & SMTP_NOTIFY_NEVER) { /* never beside others */
		buf_puts(out, "=NEVER");
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (notify & words[i].bit) {
			buf_putc(out, comma);
			buf_puts(out, words[i].word);
			comma = ',';
		}
}

/* At most 500 octets of xtext (RFC 3461 4.2), and none for an address that is not ASCII (3.1). */
static void put_orcpt(struct buf *out, const char *orcpt)
{
	struct buf x = {0};
	bool plain = orcpt && *orcpt;
	for (const char *p = orcpt; plain && *p; p++)
		plain = *p >= ' ' && *p < 127;
	if (plain)
		put_xtext(&x, orcpt);
	if (x.n && x.n <= 490) {
		buf_puts(out, " ORCPT=rfc822;");
		buf_slice(out, slice_buf(&x));
	}
	buf_free(&x);
}

static void put_rcpt(struct connection *c, struct letter *l, size_t i)
{
	const struct smtp_rcpt *r = &l->mail->rcpts[i];
	buf_printf(&c->out, "RCPT TO:<%s>", r->address);
	if (l->with_dsn) {
		put_notify(&c->out, r->notify);
		put_orcpt(&c->out, r->orcpt);
	}
	buf_puts(&c->out, "\r\n");
	connection_expect(c, STEP_RCPT, l, i);
}

/* ---- what comes next ---- */

static size_t pending(const struct connection *c)
{
	return c->out.n - c->out_done;
}

static bool pipelines(const struct connection *c)
{
	return (c->offers.keywords & KEYWORD_PIPELINING) != 0;
}

/* Nobody was taken and DATA was not said: nothing more to write for it. */
static void abandon(struct connection *c, struct letter *l)
{
	c->reset = !l->refused;
	c->letter = NULL;
	letter_end(l);
}

/* Behind the recipients: DATA, or BDAT if that is offered. false: wait for replies. */
static bool put_go_ahead(struct connection *c, struct letter *l)
{
	bool chunks = c->offers.keywords & KEYWORD_CHUNKING;
	/* A large mail is not sent on the chance that somebody takes it. */
	bool wait = !pipelines(c) || (chunks && l->scan.size > BDAT_AT_ONCE);
	if (wait && l->pending)
		return false;
	if (wait && !l->taken) {
		abandon(c, l);
		return true;
	}
	l->chunked = chunks;
	if (chunks) {
		l->stage = STAGE_BODY;
		return true;
	}
	l->stage = STAGE_GO_AHEAD;
	buf_puts(&c->out, "DATA\r\n");
	connection_expect(c, STEP_DATA, l, 0);
	return true;
}

static bool put_envelope(struct connection *c, struct letter *l)
{
	if (!pipelines(c) && c->count)
		return false;
	if (l->cursor == 0) {
		if (c->reset) {
			buf_puts(&c->out, "RSET\r\n");
			connection_expect(c, STEP_RSET, NULL, 0);
			c->reset = false;
			if (!pipelines(c))
				return false;
		}
		put_mail(c, l);
		l->cursor = 1;
		return true;
	}
	while (l->cursor <= l->naddressees && l->to[l->cursor - 1].state != ADDRESSEE_ASKED)
		l->cursor++;
	if (l->cursor > l->naddressees)
		return put_go_ahead(c, l);
	put_rcpt(c, l, l->cursor++ - 1);
	return true;
}

static bool put_body(struct connection *c, struct letter *l)
{
	int more = stream_put(l, &c->out, c->engine->piece, sizeof(c->engine->piece));
	if (more > 0)
		return true;
	if (more < 0) {
		letter_answer_all(l, SMTP_AT_LOCAL, 0, "4.3.0", "the mail cannot be read", NULL);
		connection_lost(c, "the mail cannot be read", false);
		return false;
	}
	l->stage = STAGE_FINAL;
	l->end_at = c->sent + (int64_t)pending(c);
	connection_expect(c, STEP_END, l, 0);
	c->letter = NULL;
	return true;
}

/* Behind the end of a mail the next begins if the server pipelines; with BDAT a few may be on their way. */
static bool may_begin(const struct connection *c)
{
	enum { AHEAD_DATA = 1, AHEAD_BDAT = 6 };
	size_t ends = 0;
	if (!c->count)
		return true;
	if (!pipelines(c))
		return false;
	for (size_t i = 0; i < c->count; i++)
		ends += c->expected[(c->head + i) % c->room].step == STEP_END;
	return ends <= (c->offers.keywords & KEYWORD_CHUNKING ? AHEAD_BDAT : AHEAD_DATA);
}

/* Others have no connection at all, and this destination has more than its part. */
static bool must_yield(const struct connection *c, const struct host *h)
{
	return c->engine->starving && h->connections > c->engine->share;
}

static bool take_letter(struct connection *c)
{
	struct host *h = c->dest ? &c->dest->hosts[c->host] : NULL;
	if (h && must_yield(c, h))
		return false;
	while (h && h->first && may_begin(c)) {
		struct letter *l = h->first;
		h->first = l->next;
		if (!h->first)
			h->last = &h->first;
		h->waiting--;
		if (!letter_fits(l, c))
			continue;
		letter_begin(l);
		c->letter = l;
		return true;
	}
	return false;
}

/* One step; false: nothing can be written now. */
static bool advance(struct connection *c)
{
	if (!c->letter && (c->closing || !take_letter(c)))
		return false;
	switch (c->letter->stage) {
	case STAGE_ENVELOPE:
		return put_envelope(c, c->letter);
	case STAGE_BODY:
		return put_body(c, c->letter);
	default:
		return false;
	}
}

void pipeline_pump(struct connection *c)
{
	enum { ROUNDS = 16 };
	int rounds = 0;
	do {
		while (c->phase == PHASE_READY && pending(c) < PIPE_ROOM && advance(c))
			continue;
		connection_flush(c);
	} while (c->phase == PHASE_READY && !pending(c) && !c->closing && c->letter && c->letter->stage == STAGE_BODY &&
		 rounds++ < ROUNDS);
	if (rounds > ROUNDS)
		connection_continue(c);
	if (c->phase != PHASE_READY || c->letter || c->count)
		return;
	if (c->closing)
		connection_quit(c);
	else
		kept_give(c);
}
