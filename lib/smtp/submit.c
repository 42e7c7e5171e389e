#include <openssl/ssl.h>

#include "smtp/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "smtp/connect.h"
#include "smtp/prepare.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SUBMIT_MESSAGES = 200, /* of one connection: libesmtp keeps about 4 KB of each until its end */
	SUBMIT_CONNECT_S = 10,
	SUBMIT_REST_S = 60, /* an address that did not answer is left alone so long: others wait behind it */
	SUBMIT_RESTING = 64
};

struct submit {
	struct smtp_settings settings;
	struct smtp_tls_context *tls;
	int listener;
	struct {
		char address[64];
		int port;
		int64_t until_us;
	} resting[SUBMIT_RESTING];
	size_t next_resting;
};

/* One deliver() call. */
struct delivery {
	struct submit *engine;
	const struct smtp_route *route;
	struct job *jobs;
	size_t njobs;
	size_t host; /* in use, counted from 1 */
	bool last_host;
	size_t answers; /* that were read: progress */
	bool tls12;	/* the next connection goes no further than TLS 1.2 */
};

static void *submit_open(const struct smtp_settings *s)
{
	struct submit *e = xcalloc(1, sizeof(*e));
	e->settings = *s;
	e->listener = session_listen();
	if (e->listener < 0)
		die_temp("listening on the loopback:");
	if (!smtp_word_valid(s->hostname ? s->hostname : "", 255))
		die_perm("\"%s\" is no name for EHLO", s->hostname ? s->hostname : "");
	e->tls = smtp_tls_new(s->ca_file);
	if (!e->tls)
		die_perm("TLS cannot be set up");
	signal(SIGPIPE, SIG_IGN);
	/* libesmtp looks for certificates under the home directory, and refuses TLS where it may not look (hardened
	 * services). There are none: all that it needs is in our context. */
	setenv("HOME", "/nonexistent", 1);
	unsetenv("XDG_CONFIG_DIR");
	return e;
}

static void submit_close(void *engine)
{
	struct submit *e = engine;
	close(e->listener);
	smtp_tls_free(e->tls);
	free(e);
}

/* ---- addresses that do not answer ---- */

static bool is_resting(const struct submit *e, const char *address, int port)
{
	for (size_t i = 0; i < SUBMIT_RESTING; i++)
		if (e->resting[i].until_us > clock_mono_us() && e->resting[i].port == port &&
		    strcmp(e->resting[i].address, address) == 0)
			return true;
	return false;
}

static void let_rest(struct submit *e, const char *address, int port)
{
	size_t i = e->next_resting++ % SUBMIT_RESTING;
	snprintf(e->resting[i].address, sizeof(e->resting[i].address), "%s", address);
	e->resting[i].port = port;
	e->resting[i].until_us = clock_mono_us() + SUBMIT_REST_S * 1000000LL;
}

/* ---- results ---- */

static void notify_caller(struct delivery *d, struct smtp_mail *m)
{
	if (d->engine->settings.decided)
		d->engine->settings.decided(m, d->engine->settings.ctx);
}

/* Keep what a host said in case none says better: temporary beats permanent, as then it is worth another try. */
static void hold(struct delivery *d, struct job *j, size_t i, const struct smtp_result *r)
{
	if (j->held[i].outcome == SMTP_OPEN || j->held[i].outcome == SMTP_PERMANENT || r->outcome == SMTP_TEMPORARY)
		j->held[i] = *r;
	j->held_at[i] = d->host;
}

static void hold_all(struct delivery *d, enum smtp_at at, int code, const char *enhanced, const char *text,
		     const char *host)
{
	struct smtp_result r;
	smtp_result_set(&r, at, code, enhanced, text, host);
	for (size_t k = 0; k < d->njobs; k++)
		for (size_t i = 0; i < d->jobs[k].mail->nrcpts; i++)
			if (d->jobs[k].mail->rcpts[i].result.outcome == SMTP_OPEN)
				hold(d, &d->jobs[k], i, &r);
}

static void decide_all(struct delivery *d, enum smtp_at at, int code, const char *enhanced, const char *text,
		       const char *host)
{
	for (size_t k = 0; k < d->njobs; k++)
		if (smtp_mail_open(d->jobs[k].mail)) {
			smtp_mail_decide(d->jobs[k].mail, at, code, enhanced, text, host);
			notify_caller(d, d->jobs[k].mail);
		}
}

/* 455, 555 and their kin: the parameters of DSN were not liked. Once more without them (5.1). */
static bool without_parameters(struct job *j, const struct smtp_result *r)
{
	if (j->no_dsn || !smtp_mail_has_dsn(j->mail) || !smtp_result_of_parameters(r))
		return false;
	log_event(LOG_INFO, j->mail->trace, "without-dsn", "host", r->host, "text", r->text, NULL);
	return true;
}

/* "Too many recipients" while others of the same transaction were taken: the rest in a further one (1.2 step 4). */
static bool split(const struct job *j, const struct smtp_result *r)
{
	if (r->code != 452 || strcmp(r->enhanced, "4.5.3") != 0)
		return false;
	for (size_t i = 0; i < j->mail->nrcpts; i++) {
		const smtp_status_t *st = j->rcpts[i] ? smtp_recipient_status(j->rcpts[i]) : NULL;
		if (st && st->code >= 200 && st->code < 300)
			return true;
	}
	return false;
}

static void answered(struct job *j, size_t i, struct smtp_result *r, void *ctx)
{
	struct delivery *d = ctx;
	struct smtp_result *to = &j->mail->rcpts[i].result;
	d->answers++;
	if (to->outcome != SMTP_OPEN)
		return;
	if (without_parameters(j, r)) {
		j->strip = true;
		return;
	}
	if (split(j, r))
		return;
	/* After the final dot a second host might deliver it twice: the caller decides when to try again. */
	if (r->outcome == SMTP_TEMPORARY && !d->last_host && !(r->code == 0 && j->sent))
		hold(d, j, i, r);
	else
		*to = *r;
}

static void finished(struct job *j, void *ctx)
{
	notify_caller(ctx, j->mail);
}

/* ---- jobs ---- */

/* The body in 7-bit form. */
static bool convert(struct delivery *d, struct job *j)
{
	struct smtp_scan scan;
	j->converted = smtp_mail_seven_bit(&d->engine->settings, j->mail, &j->body, &scan);
	if (!j->converted) {
		notify_caller(d, j->mail);
		return false;
	}
	j->eight_bit = false;
	j->size = scan.size;
	return true;
}

static void prepare(struct delivery *d, struct job *j, struct smtp_mail *m)
{
	struct smtp_scan scan;
	*j = (struct job){.mail = m, .body = m->body};
	j->held = xcalloc(m->nrcpts ? m->nrcpts : 1, sizeof(*j->held));
	j->held_at = xcalloc(m->nrcpts ? m->nrcpts : 1, sizeof(*j->held_at));
	j->rcpts = xcalloc(m->nrcpts ? m->nrcpts : 1, sizeof(*j->rcpts));
	smtp_mail_check(m, false);
	smtp_mail_scan(m, &scan);
	if (!smtp_mail_open(m)) {
		notify_caller(d, m);
		return;
	}
	j->size = scan.size;
	j->eight_bit = scan.eight_bit;
	if (m->by.mode)
		log_event(LOG_INFO, m->trace, "deliverby-left-out", "engine", "submit", NULL);
	if (scan.long_line) /* over 998 octets: no server has to take it as it is */
		convert(d, j);
}

static void release(struct job *j)
{
	if (j->converted)
		close(j->body.fd);
	free(j->held);
	free(j->held_at);
	free(j->rcpts);
}

/* Mark the recipients that this host has not spoken about yet. */
static bool takes_part(struct delivery *d, struct job *j)
{
	static int mark;
	bool any = false;
	j->no_dsn = j->no_dsn || j->strip;
	for (size_t i = 0; i < j->mail->nrcpts; i++) {
		bool part = j->mail->rcpts[i].result.outcome == SMTP_OPEN && j->held_at[i] != d->host;
		j->rcpts[i] = part ? (smtp_recipient_t)(void *)&mark : NULL;
		any = any || part;
	}
	return any;
}

/* ---- hosts ---- */

enum next { NEXT_AGAIN, NEXT_ADDRESS, NEXT_HOST };

static const char *fault_text(enum wire_fault f)
{
	switch (f) {
	case WIRE_SLOW:
		return "the reply took too long";
	case WIRE_BROKEN:
		return "the reply is not SMTP";
	default:
		return "connection lost before the final reply";
	}
}

/* What was not answered although its turn had come. */
static void hold_interrupted(struct delivery *d, struct session *s, bool all)
{
	struct smtp_result r;
	smtp_result_set(&r, SMTP_AT_LOCAL, 0, "4.4.2", fault_text(s->wire.fault), s->host);
	for (size_t k = 0; k < s->njobs; k++) {
		struct job *j = s->jobs[k];
		for (size_t i = 0; (all || j->started) && !j->final && i < j->mail->nrcpts; i++)
			if (j->rcpts[i] && j->mail->rcpts[i].result.outcome == SMTP_OPEN && j->held_at[i] != d->host) {
				hold(d, j, i, &r);
				d->answers++;
			}
	}
}

static enum next auth_failed(struct delivery *d, struct session *s)
{
	struct smtp_result *r = &s->wire.refusal;
	bool said = r->outcome != SMTP_OPEN;
	log_event(LOG_ERROR, NULL, "auth-refused", "host", s->host, "user", s->user, "text",
		  said ? r->text : "AUTH is not offered", NULL);
	if (said && r->outcome == SMTP_PERMANENT)
		decide_all(d, SMTP_AT_AUTH, r->code, r->enhanced, r->text, s->host);
	else
		hold_all(d, SMTP_AT_AUTH, said ? r->code : 0, said ? r->enhanced : "4.7.0",
			 said ? r->text : "AUTH is not offered", s->host);
	return NEXT_HOST;
}

static enum next tls_failed(struct delivery *d, struct session *s, enum smtp_tls *mode)
{
	const char *why = s->tls_error[0] ? s->tls_error : "the TLS handshake failed";
	if (s->wire.fault == WIRE_INJECTED)
		why = "octets in clear behind the answer to STARTTLS";
	log_event(LOG_WARN, NULL, "tls-failed", "host", s->host, "error", why, NULL);
	if (*mode == SMTP_TLS_OPPORTUNISTIC && s->wire.fault != WIRE_INJECTED) {
		*mode = SMTP_TLS_OFF;
		return NEXT_AGAIN;
	}
	hold_all(d, SMTP_AT_TLS, 0, "4.7.5", why, s->host);
	return NEXT_HOST;
}

/* 554 or 521: this host refuses mail (5.3.2 when all do); any other 5yz to EHLO is final; 4yz: the next host. */
static enum next host_refused(struct delivery *d, struct session *s)
{
	struct smtp_result *r = &s->wire.refusal;
	bool greeting = s->wire.refused_at == SMTP_AT_GREETING;
	if (r->outcome == SMTP_PERMANENT && !greeting)
		decide_all(d, s->wire.refused_at, r->code, r->enhanced, r->text, s->host);
	else
		hold_all(d, s->wire.refused_at, r->code, greeting && r->code >= 500 ? "5.3.2" : r->enhanced, r->text,
			 s->host);
	return NEXT_HOST;
}

static enum next judge(struct delivery *d, struct session *s, enum session_end end, enum smtp_tls *mode)
{
	switch (end) {
	case SESSION_LOCAL:
		hold_all(d, SMTP_AT_LOCAL, 0, "4.3.0", strerror(errno), s->host);
		return NEXT_HOST;
	case SESSION_REFUSED:
		return host_refused(d, s);
	case SESSION_NO_TLS:
		return tls_failed(d, s, mode);
	default:
		break;
	}
	if (s->wire.fault == WIRE_NO_AUTH)
		return auth_failed(d, s);
	if (s->wire.fault == WIRE_STUCK)
		return NEXT_AGAIN;
	if (s->wire.fault == WIRE_SEVEN_BIT) {
		for (size_t k = 0; k < s->njobs; k++)
			if (s->jobs[k]->eight_bit)
				convert(d, s->jobs[k]);
		return NEXT_AGAIN;
	}
	hold_interrupted(d, s, false);
	return NEXT_AGAIN;
}

static int open_connection(struct submit *e, const struct smtp_host *host, const char *address)
{
	int most = SUBMIT_CONNECT_S;
	if (is_resting(e, address, host->port)) {
		log_event(LOG_INFO, NULL, "resting", "host", host->name, "address", address, NULL);
		return -1;
	}
	if (e->settings.timeout_s && e->settings.timeout_s < most)
		most = e->settings.timeout_s;
	int fd = smtp_connect(address, host->port, most * 1000);
	if (fd >= 0)
		return fd;
	const char *error = strerror(errno);
	if (errno == ETIMEDOUT)
		let_rest(e, address, host->port);
	log_event(LOG_WARN, NULL, "connect", "host", host->name, "address", address, "error", error, NULL);
	return -1;
}

/* Would the same again lead to something else? */
static bool changed(const struct delivery *d, const struct session *s, size_t answers_before, enum smtp_tls mode_before,
		    enum smtp_tls mode)
{
	return d->answers != answers_before || mode != mode_before || s->wire.fault == WIRE_SEVEN_BIT ||
	       (s->wire.fault == WIRE_STUCK && !d->tls12);
}

/* One connection. */
static enum next converse(struct delivery *d, const struct smtp_host *host, const char *address, enum smtp_tls *mode,
			  struct job **jobs, size_t n)
{
	struct submit *e = d->engine;
	int64_t begin = clock_mono_us();
	size_t answers_before = d->answers;
	enum smtp_tls mode_before = *mode;
	int fd = open_connection(e, host, address);
	if (fd < 0)
		return NEXT_ADDRESS;
	struct session *s = xcalloc(1, sizeof(*s));
	s->settings = &e->settings;
	s->tls = e->tls;
	s->tls_mode = *mode;
	s->host = host->name;
	s->user = d->route->user;
	s->password = d->route->password;
	s->jobs = jobs;
	s->njobs = n;
	s->answered = answered;
	s->finished = finished;
	s->ctx = d;
	smtp_tls_limit(e->tls, d->tls12);
	enum session_end end = session_run(s, e->listener, fd);
	enum next next = judge(d, s, end, mode);
	if (s->wire.last.outcome == SMTP_OPEN && clock_mono_us() - begin > SUBMIT_CONNECT_S * 1000000LL)
		let_rest(e, address, host->port); /* it connects, and says nothing */
	if (next == NEXT_AGAIN && !changed(d, s, answers_before, mode_before, *mode)) {
		hold_interrupted(d, s, true);
		next = NEXT_HOST;
	}
	d->tls12 = s->wire.fault == WIRE_STUCK; /* no tickets behind the handshake there */
	session_free(s);
	free(s);
	return next;
}

static enum next try_address(struct delivery *d, const struct smtp_host *host, const char *address)
{
	struct job *part[SUBMIT_MESSAGES];
	enum smtp_tls mode = d->route->tls;
	enum next next = NEXT_AGAIN;
	while (next == NEXT_AGAIN) {
		size_t n = 0;
		for (size_t k = 0; k < d->njobs && n < SUBMIT_MESSAGES; k++)
			if (takes_part(d, &d->jobs[k]))
				part[n++] = &d->jobs[k];
		if (!n)
			return NEXT_HOST;
		next = converse(d, host, address, &mode, part, n);
	}
	return next;
}

static void submit_deliver(void *engine, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n)
{
	struct delivery d = {.engine = engine, .route = route, .njobs = n};
	d.jobs = xcalloc(n ? n : 1, sizeof(*d.jobs));
	for (size_t k = 0; k < n; k++)
		prepare(&d, &d.jobs[k], mails[k]);
	for (size_t h = 0; h < route->nhosts; h++) {
		const struct smtp_host *host = &route->hosts[h];
		enum next next = NEXT_ADDRESS;
		d.host = h + 1;
		d.last_host = d.host == route->nhosts;
		for (size_t a = 0; a < host->naddresses && next == NEXT_ADDRESS; a++)
			next = try_address(&d, host, host->addresses[a]);
		if (next == NEXT_ADDRESS)
			hold_all(&d, SMTP_AT_LOCAL, 0, "4.4.1", "no connection", host->name);
	}
	for (size_t k = 0; k < n; k++) {
		struct job *j = &d.jobs[k];
		bool open = smtp_mail_open(j->mail);
		for (size_t i = 0; i < j->mail->nrcpts; i++)
			if (j->mail->rcpts[i].result.outcome == SMTP_OPEN && j->held[i].outcome != SMTP_OPEN)
				j->mail->rcpts[i].result = j->held[i];
		smtp_mail_decide(j->mail, SMTP_AT_LOCAL, 0, "4.4.1", "no host to connect to", NULL);
		if (open)
			notify_caller(&d, j->mail);
		release(j);
	}
	free(d.jobs);
}

const struct smtp_engine smtp_submit = {
	.name = "submit", .open = submit_open, .deliver = submit_deliver, .close = submit_close};
