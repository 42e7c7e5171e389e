#include "smtp/direct/direct.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>

struct reply {
	int code;
	const char *text;
};

/* ---- before the first mail ---- */

static void result_of(struct connection *c, enum smtp_at at, const struct reply *r, struct smtp_result *out)
{
	/* 554 and 521 in the greeting: no mail here, whatever the text says (5.1). */
	const char *enhanced = at == SMTP_AT_GREETING && r->code >= 500 ? "5.3.2" : r->code == 0 ? "4.7.0" : NULL;
	smtp_result_set(out, at, r->code, enhanced, r->text, c->name);
	if (enhanced && r->code) { /* the text without the code of its own */
		char own[SMTP_ENHANCED_MAX];
		const char *rest;
		if (smtp_enhanced_parse(r->text, r->code, own, &rest))
			smtp_result_set(out, at, r->code, enhanced, rest, c->name);
	}
}

/* The host refuses. To the greeting: this host, not the others; 5yz to EHLO or AUTH is final; 4yz: the next host (1.2
 * step 1). */
static void refused(struct connection *c, enum smtp_at at, const struct reply *r)
{
	struct destination *dest = c->dest;
	size_t host = c->host;
	struct smtp_result result;
	result_of(c, at, r, &result);
	log_event(at == SMTP_AT_AUTH ? LOG_ERROR : LOG_WARN, NULL, at == SMTP_AT_AUTH ? "auth-refused" : "refused",
		  "host", c->name, "text", r->text, NULL);
	bool others = dest && dest->hosts[host].ready > 0;
	connection_kill(c);
	if (!dest)
		return;
	if (others && r->code < 500)
		host_failed(dest, host, &result, false);
	else if (at != SMTP_AT_GREETING && r->code >= 500)
		host_final(dest, host, &result);
	else
		host_down(dest, host, &result, false);
}

static void no_tls(struct connection *c, const char *why, bool once_more)
{
	struct destination *dest = c->dest;
	size_t host = c->host;
	struct smtp_result result;
	log_event(LOG_WARN, NULL, "tls-failed", "host", c->name, "error", why, NULL);
	smtp_result_set(&result, SMTP_AT_TLS, 0, "4.7.5", why, c->name);
	once_more = once_more && c->tls == SMTP_TLS_OPPORTUNISTIC;
	connection_kill(c);
	if (once_more)
		dest->hosts[host].clear = true;
	else
		host_down(dest, host, &result, false);
}

static void say(struct connection *c, enum step step, const char *verb, const char *argument)
{
	buf_printf(&c->out, "%s%s\r\n", verb, argument);
	connection_expect(c, step, NULL, 0);
}

static void ready(struct connection *c)
{
	c->phase = PHASE_READY;
	c->counted = true;
	c->dest->hosts[c->host].ready++;
}

/* AUTH only ever under TLS, and without it no mail goes out in the name of a user (1.2 step 2). */
static void authenticate(struct connection *c)
{
	const struct smtp_route *r = c->dest->route;
	if (!r->user || !r->password || !c->secure) {
		ready(c);
		return;
	}
	if (!(c->offers.keywords & KEYWORD_AUTH_PLAIN)) {
		refused(c, SMTP_AT_AUTH, &(struct reply){0, "AUTH is not offered"});
		return;
	}
	struct buf plain = {0}, line = {0};
	buf_putc(&plain, '\0');
	buf_puts(&plain, r->user);
	buf_putc(&plain, '\0');
	buf_puts(&plain, r->password);
	base64_put(&line, plain.p, plain.n);
	say(c, STEP_AUTH, "AUTH PLAIN ", buf_str(&line));
	explicit_bzero(plain.p, plain.n);
	explicit_bzero(line.p, line.n);
	buf_free(&plain);
	buf_free(&line);
}

static void after_hello(struct connection *c)
{
	bool want = !c->secure && (c->tls == SMTP_TLS_OPPORTUNISTIC || c->tls == SMTP_TLS_REQUIRED);
	if (want && (c->offers.keywords & KEYWORD_STARTTLS))
		say(c, STEP_STARTTLS, "STARTTLS", "");
	else if (want && c->tls == SMTP_TLS_REQUIRED)
		no_tls(c, "STARTTLS is not offered", false);
	else
		authenticate(c);
}

void dialogue_secure(struct connection *c)
{
	smtp_reader_free(&c->reader);
	if (!c->count) /* with TLS from the first octet the greeting is still to come */
		say(c, STEP_EHLO, "EHLO ", c->engine->settings.hostname);
	connection_flush(c);
}

static void on_greeting(struct connection *c, const struct reply *r)
{
	if (r->code == 220)
		say(c, STEP_EHLO, "EHLO ", c->engine->settings.hostname);
	else if (r->code >= 400)
		refused(c, SMTP_AT_GREETING, r);
	else
		connection_lost(c, "the greeting is not SMTP", false);
}

static void on_hello(struct connection *c, enum step step, const struct reply *r)
{
	static const struct slice none = {"", 0};
	bool unknown = r->code == 500 || r->code == 501 || r->code == 502 || r->code == 504;
	if (step == STEP_EHLO && unknown) {
		say(c, STEP_HELO, "HELO ", c->engine->settings.hostname);
	} else if (r->code / 100 == 2) {
		offers_read(&c->offers, step == STEP_EHLO ? slice_of(r->text) : none);
		after_hello(c);
	} else if (r->code >= 400) {
		refused(c, SMTP_AT_HELLO, r);
	} else {
		connection_lost(c, "the reply is not SMTP", false);
	}
}

/* What follows the 220 in clear would be read as if it had come under TLS (CVE-2011-0411): such a host is not trusted
 * at all. */
static void on_starttls(struct connection *c, const struct reply *r, size_t left)
{
	if (r->code == 220 && left)
		no_tls(c, "octets in clear behind the answer to STARTTLS", false);
	else if (r->code == 220)
		connection_start_tls(c);
	else
		no_tls(c, r->text, true);
}

/* ---- a mail ---- */

/* All that was written for l is answered, and nothing more will be. */
static void end_letter(struct connection *c, struct letter *l)
{
	if (c->letter == l)
		c->letter = NULL;
	letter_end(l);
}

static void on_mail(struct connection *c, struct letter *l, const struct reply *r)
{
	if (r->code / 100 == 2)
		return;
	letter_answer_all(l, SMTP_AT_MAIL, r->code, NULL, r->text, c->name);
	l->refused = true;
	if (l->stage == STAGE_ENVELOPE)
		l->stage = STAGE_DRAIN;
}

static void on_rcpt(struct connection *c, struct letter *l, size_t i, const struct reply *r)
{
	if (l->refused) {
		l->odd = l->odd || r->code / 100 == 2;
		return;
	}
	if (r->code / 100 == 2) {
		l->to[i].state = ADDRESSEE_TAKEN;
		l->taken++;
	} else {
		letter_answer(l, i, SMTP_AT_RCPT, r->code, NULL, r->text, c->name);
	}
}

/* DATA is allowed although nobody is to get the mail (RFC 2920 3.1): an empty one, whose answer says nothing. Where a
 * recipient was taken behind a refused MAIL that empty one might be delivered: rather no connection. */
static void go_ahead_for_none(struct connection *c, struct letter *l)
{
	if (l->odd || c->closing) {
		connection_kill(c);
		letter_end(l);
		return;
	}
	l->stage = STAGE_FINAL;
	l->refused = true;
	buf_puts(&c->out, ".\r\n");
	connection_expect(c, STEP_END, l, 0);
	c->letter = NULL;
}

static void on_data(struct connection *c, struct letter *l, const struct reply *r)
{
	if (r->code == 354) {
		l->stage = STAGE_BODY;
		if (l->refused || !l->taken)
			go_ahead_for_none(c, l);
		return;
	}
	if (!l->refused && l->taken)
		letter_answer_all(l, SMTP_AT_DATA, r->code >= 400 ? r->code : 0, r->code >= 400 ? NULL : "4.4.2",
				  r->text, c->name);
	c->reset = !l->refused;
	end_letter(c, l);
}

static void on_end(struct connection *c, struct letter *l, const struct reply *r)
{
	/* Before it was written to the end there can be no "taken". */
	bool early = c->sent < l->end_at && !l->refused;
	if (!l->refused && l->taken && !(early && r->code < 400)) {
		letter_answer_all(l, SMTP_AT_DATA, r->code, NULL, r->text, c->name);
		c->progress = true;
		c->kept = false;
		if (c->dest)
			c->dest->hosts[c->host].strikes = 0;
	}
	if (early) {
		c->closing = true;
		connection_lost(c, "a reply before the end of the mail", false);
		return;
	}
	end_letter(c, l);
}

/* The server speaks while we send the mail: it will not take it. */
static void unasked(struct connection *c, const struct reply *r)
{
	struct letter *l = c->letter;
	c->closing = true;
	if (l && l->stage == STAGE_BODY && r->code >= 400)
		letter_answer_all(l, SMTP_AT_DATA, r->code, NULL, r->text, c->name);
	if (!c->dest)
		connection_kill(c);
	else
		connection_lost(c, "a reply that nobody asked for", false);
}

static void of_letter(struct connection *c, const struct expected *e, const struct reply *r)
{
	struct letter *l = e->letter;
	l->pending--;
	l->answered = true;
	switch (e->step) {
	case STEP_MAIL:
		on_mail(c, l, r);
		break;
	case STEP_RCPT:
		on_rcpt(c, l, e->rcpt, r);
		break;
	case STEP_DATA:
		on_data(c, l, r);
		return;
	default:
		on_end(c, l, r);
		return;
	}
	if (l->stage == STAGE_DRAIN && !l->pending)
		end_letter(c, l);
}

static void of_connection(struct connection *c, const struct expected *e, const struct reply *r, size_t left)
{
	switch (e->step) {
	case STEP_GREETING:
		on_greeting(c, r);
		break;
	case STEP_EHLO:
	case STEP_HELO:
		on_hello(c, e->step, r);
		break;
	case STEP_STARTTLS:
		on_starttls(c, r, left);
		break;
	case STEP_AUTH:
		if (r->code == 235)
			ready(c);
		else
			refused(c, SMTP_AT_AUTH, r->code >= 400 ? r : &(struct reply){0, "AUTH went wrong"});
		break;
	case STEP_RSET:
		c->closing = c->closing || r->code != 250;
		break;
	default:
		connection_kill(c);
		break;
	}
}

static void replied(struct connection *c, size_t left)
{
	struct reply r = {c->reader.code, buf_str(&c->reader.text)};
	if (!c->count) {
		unasked(c, &r);
		return;
	}
	struct expected e = c->expected[c->head];
	c->head = (c->head + 1) % c->room;
	c->count--;
	c->waiting_us = clock_mono_us();
	/* The server closes behind it: what is not answered yet goes elsewhere. */
	if (r.code == 421)
		c->closing = true;
	if (e.letter)
		of_letter(c, &e, &r);
	else
		of_connection(c, &e, &r, left);
}

void dialogue_read(struct connection *c, const char *p, size_t n)
{
	while (n && c->phase != PHASE_DEAD && c->phase != PHASE_HANDSHAKE) {
		bool done;
		size_t used = smtp_reader_feed(&c->reader, p, n, &done);
		p += used;
		n -= used;
		if (c->reader.broken)
			connection_lost(c, "the reply is not SMTP", false);
		else if (done)
			replied(c, n);
	}
}
