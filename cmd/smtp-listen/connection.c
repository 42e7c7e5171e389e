/* Connections: their octets, their ends. */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void connection_end(struct connection *c, const char *why)
{
	struct server *s = c->server;
	if (why && server_may_log(s))
		log_event(LOG_INFO, NULL, "closed", "reason", why, "peer", c->name, NULL);
	if (c->waiting)
		s->waiting[c->waiting - 1] = NULL;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->sessions--;
	stream_close(&c->stream);
	mail_store_forget(&c->store);
	smtpd_free(&c->smtp);
	buf_free(&c->in);
	free(c->said);
	free(c);
}

/* ---- sending ---- */

static void lost(void *owner, const char *why)
{
	connection_end(owner, why);
}

static bool sent(void *owner)
{
	struct connection *c = owner;
	struct server *s = c->server;
	if (c->smtp.state == SMTPD_CLOSING) {
		connection_end(c, NULL);
		return false;
	}
	if (c->smtp.state != SMTPD_STARTING_TLS || c->stream.octets.ssl)
		return true;
	if (!octets_secure(&c->stream.octets, s->tls ? SSL_new(s->tls) : NULL, true)) {
		connection_end(c, "TLS cannot be started");
		return false;
	}
	c->command = s->now;
	return true;
}

static bool wants_input(const void *owner)
{
	const struct connection *c = owner;
	enum smtpd_state at = c->smtp.state;
	return c->smtp.out.n <= OUT_PAUSE && at != SMTPD_STORING && at != SMTPD_CLOSING;
}

/* ---- reading ---- */

/* Hand the session what it takes now; the rest is kept until it goes on. */
static void feed(struct connection *c, const char *p, size_t n)
{
	size_t k = smtpd_feed(&c->smtp, p, n);
	if (c->smtp.commands != c->commands) {
		c->commands = c->smtp.commands;
		c->command = c->server->now;
	}
	if (k < n && c->smtp.state != SMTPD_CLOSING)
		buf_put(&c->in, p + k, n - k);
	if (!wants_input(c))
		stream_listen(&c->stream, false);
	stream_mark(&c->stream);
}

void connection_go_on(struct connection *c)
{
	struct buf in = c->in;
	c->command = c->server->now;
	c->in = (struct buf){0};
	if (in.n)
		feed(c, in.p, in.n);
	buf_free(&in);
	stream_mark(&c->stream);
	if (wants_input(c))
		stream_again(&c->stream); /* TLS may hold octets that the socket does not tell of */
}

/* false: the connection has ended, or waits for its handshake. */
static bool established(struct connection *c)
{
	if (!octets_handshaking(&c->stream.octets))
		return true;
	int k = stream_handshake(&c->stream);
	if (k == OCTETS_BROKEN)
		connection_end(c, "TLS handshake failed");
	if (k != 1)
		return false;
	smtpd_tls_started(&c->smtp);
	c->command = c->server->now;
	return true;
}

static void readable(void *owner)
{
	static char room[STREAM_READ];
	struct connection *c = owner;
	if (c->smtp.state == SMTPD_STARTING_TLS && !c->stream.octets.ssl)
		return; /* its reply has not gone out yet */
	if (!established(c))
		return;
	for (int turn = 0; turn < READS_A_TURN && wants_input(c); turn++) {
		ssize_t n = stream_read(&c->stream, room, sizeof room);
		if (n == OCTETS_NONE_NOW)
			return;
		if (n <= 0) {
			connection_end(c, smtpd_inside(&c->smtp) ? "ended inside a mail" : n ? "read failed" : NULL);
			return;
		}
		feed(c, room, (size_t)n);
		if (c->smtp.state == SMTPD_STARTING_TLS)
			return;
	}
	if (wants_input(c) && octets_pending(&c->stream.octets))
		stream_again(&c->stream);
}

const struct stream_ops connection_ops = {readable, sent, wants_input, lost};

/* ---- beginnings ---- */

static size_t sessions_of(const struct server *s, const union sip_addr *peer)
{
	size_t n = 0;
	for (const struct connection *c = s->connections; c; c = c->next)
		n += !c->local && sip_addr_same_host(&c->peer, peer);
	return n;
}

/* SMTPD_GREETING: welcome. */
static enum smtpd_answer judge_peer(struct server *s, const struct socket_of *o, const union sip_addr *peer)
{
	if (!o->local && sip_trust_address(&s->blocked, peer))
		return SMTPD_BLOCKED;
	if ((int64_t)s->sessions >= s->sessions_most || server_full(s))
		return SMTPD_OVERLOADED;
	if (!o->local && (int64_t)sessions_of(s, peer) >= s->sessions_peer)
		return SMTPD_OVERLOADED;
	return SMTPD_GREETING;
}

static void turn_away(struct server *s, int fd, const char *name, enum smtpd_answer a)
{
	struct buf out = {0};
	char code[8];
	smtpd_reply(&out, a);
	server_count_answer(s, a);
	snprintf(code, sizeof code, "%d", smtpd_row(a)->code);
	if (server_may_log(s))
		log_event(LOG_WARN, NULL, "refused", "peer", name, "code", code, "reason", smtpd_row(a)->situation, NULL);
	if (send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_event(LOG_DEBUG, NULL, "closed", "reason", strerror(errno), "peer", name, NULL);
	buf_free(&out);
	close(fd);
}

static void connection_new(const struct socket_of *o, int fd, const union sip_addr *peer, const char *name)
{
	struct server *s = o->server;
	struct connection *c = xcalloc(1, sizeof *c);
	struct smtpd_rules rules = s->rules;
	int on = 1;
	if (!o->local)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->server = s;
	c->lmtp = rules.lmtp = o->lmtp;
	c->local = o->local;
	rules.starttls &= !o->local;
	rules.require_tls &= !o->local;
	c->peer = *peer;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->store.frame = s->frame;
	c->command = s->now;
	c->next = s->connections;
	if (c->next)
		c->next->prev = c;
	s->connections = c;
	s->sessions++;
	smtpd_begin(&c->smtp, &rules, s->gateway, &session_ops, c);
	stream_open(&c->stream, &s->streams, fd, false, &c->smtp.out, c);
	stream_mark(&c->stream);
}

static void accept_one(void *ctx, int fd, const struct sockaddr *sa)
{
	const struct socket_of *o = ctx;
	struct server *s = o->server;
	union sip_addr peer = {0};
	char name[SIP_ADDR_TEXT] = "local";
	if (!o->local) {
		sip_addr_set(&peer, sa);
		sip_addr_text(&peer, name);
	}
	enum smtpd_answer a = judge_peer(s, o, &peer);
	if (a == SMTPD_GREETING)
		connection_new(o, fd, &peer, name);
	else
		turn_away(s, fd, name, a);
}

void connection_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct socket_of *o = arg;
	(void)what;
	o->server->now = clock_mono_us();
	if (listen_accept(fd, accept_one, o))
		return;
	o->server->accept_paused = true; /* until the next sweep: the loop must not spin on it */
	event_del(o->readable);
}

/* ---- ends ---- */

static int64_t seconds(int64_t now, int64_t since)
{
	return (now - since) / 1000000;
}

static void look_after(struct connection *c, bool crowded)
{
	const struct server *s = c->server;
	int64_t idle = crowded && s->idle_seconds > CROWDED_SECONDS ? CROWDED_SECONDS : s->idle_seconds;
	if (c->asking && s->now > c->ask_until)
		inline_settle(c);
	if (c->waiting || c->asking)
		return;
	if (c->smtp.out.n) {
		if (seconds(s->now, c->stream.progress) > STALL_SECONDS)
			connection_end(c, "takes no answers");
		return;
	}
	if (c->smtp.state == SMTPD_STARTING_TLS) {
		if (seconds(s->now, c->command) > HANDSHAKE_SECONDS)
			connection_end(c, "handshake takes too long");
		return;
	}
	bool inside = smtpd_inside(&c->smtp);
	if (seconds(s->now, inside ? c->stream.progress : c->command) < idle &&
	    !(inside && seconds(s->now, c->command) > DATA_SECONDS))
		return;
	smtpd_end(&c->smtp, SMTPD_IDLE);
	stream_mark(&c->stream);
}

void connections_sweep(struct server *s)
{
	bool crowded = (int64_t)s->sessions > s->sessions_most / 4 * 3;
	for (struct connection *c = s->connections, *next; c; c = next) {
		next = c->next;
		look_after(c, crowded);
	}
	for (size_t i = 0; s->accept_paused && i < s->sockets; i++)
		event_add(s->socket[i]->readable, NULL);
	s->accept_paused = false;
}

void connections_shutdown(struct server *s)
{
	for (struct connection *c = s->connections; c; c = c->next) {
		if (c->smtp.state == SMTPD_STARTING_TLS)
			continue;
		smtpd_end(&c->smtp, SMTPD_SHUTDOWN);
		stream_mark(&c->stream);
	}
	streams_flush(&s->streams);
}

void connections_close(struct server *s)
{
	while (s->connections)
		connection_end(s->connections, NULL);
}
