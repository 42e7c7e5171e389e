/* Connections: their octets, their ends. */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void unlink_dirty(struct connection *c)
{
	for (struct connection **at = &c->server->dirty; c->dirty && *at; at = &(*at)->next_dirty)
		if (*at == c) {
			*at = c->next_dirty;
			c->dirty = false;
			break;
		}
}

void connection_end(struct connection *c, const char *why)
{
	struct server *s = c->server;
	if (why && server_may_log(s))
		log_event(LOG_INFO, NULL, "closed", "reason", why, "peer", c->name, NULL);
	unlink_dirty(c);
	if (c->waiting)
		s->waiting[c->waiting - 1] = NULL;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->sessions--;
	event_free(c->readable);
	event_free(c->writable);
	if (c->ssl) {
		if (SSL_is_init_finished(c->ssl) && !c->broken)
			SSL_shutdown(c->ssl); /* one way: the peer's answer is not waited for */
		SSL_free(c->ssl);
		ERR_clear_error();
	}
	close(c->fd);
	mail_store_forget(&c->store);
	smtpd_free(&c->smtp);
	buf_free(&c->in);
	free(c);
}

void connection_dirty(struct connection *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = c->server->dirty;
	c->server->dirty = c;
}

/* ---- sending ---- */

static bool start_tls(struct connection *c)
{
	struct server *s = c->server;
	c->ssl = s->tls ? SSL_new(s->tls) : NULL;
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1) {
		connection_end(c, "TLS cannot be started");
		return false;
	}
	SSL_set_accept_state(c->ssl);
	c->command = s->now;
	return true;
}

static bool wants_input(const struct connection *c)
{
	enum smtpd_state at = c->smtp.state;
	return c->smtp.out.n <= OUT_PAUSE && at != SMTPD_STORING && at != SMTPD_CLOSING;
}

/* Send what waits; the connection may end. */
static void flush(struct connection *c)
{
	struct buf *out = &c->smtp.out;
	size_t done = 0;
	ssize_t n = 1;
	while (done < out->n && n > 0) {
		n = octets_write(c, out->p + done, out->n - done);
		if (n > 0)
			done += (size_t)n;
	}
	if (n == 0 || n == -2) {
		c->broken = true;
		connection_end(c, "write failed");
		return;
	}
	if (done) {
		memmove(out->p, out->p + done, out->n - done);
		out->n -= done;
		c->progress = c->server->now;
	}
	if (out->n) {
		event_add(c->writable, NULL);
	} else {
		event_del(c->writable);
		buf_free(out);
		if (c->smtp.state == SMTPD_CLOSING) {
			connection_end(c, NULL);
			return;
		}
		if (c->smtp.state == SMTPD_STARTING_TLS && !c->ssl && !start_tls(c))
			return;
	}
	if (wants_input(c))
		event_add(c->readable, NULL);
	else
		event_del(c->readable);
}

void connections_flush(struct server *s)
{
	struct connection *c;
	while ((c = s->dirty) != NULL) {
		s->dirty = c->next_dirty;
		c->dirty = false;
		flush(c);
	}
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
		event_del(c->readable);
	connection_dirty(c);
}

void connection_go_on(struct connection *c)
{
	struct buf in = c->in;
	c->command = c->server->now;
	c->in = (struct buf){0};
	if (in.n)
		feed(c, in.p, in.n);
	buf_free(&in);
	connection_dirty(c);
	if (!wants_input(c))
		return;
	event_add(c->readable, NULL); /* first: one that is active is not added */
	event_active(c->readable, EV_READ, 0); /* TLS may hold octets that the socket does not tell of */
}

/* false: the connection has ended, or waits for its handshake. */
static bool established(struct connection *c)
{
	if (!c->ssl || SSL_is_init_finished(c->ssl))
		return true;
	int k = octets_handshake(c);
	if (k == -2)
		connection_end(c, "TLS handshake failed");
	if (k != 1)
		return false;
	smtpd_tls_started(&c->smtp);
	c->command = c->progress = c->server->now;
	return true;
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	static char room[READ_SIZE];
	struct connection *c = arg;
	(void)fd, (void)what;
	c->server->now = clock_mono_us();
	if (c->smtp.state == SMTPD_STARTING_TLS && !c->ssl)
		return; /* its reply has not gone out yet */
	if (!established(c))
		return;
	for (int turn = 0; turn < READS_A_TURN && wants_input(c); turn++) {
		ssize_t n = octets_read(c, room, sizeof room);
		if (n == -1)
			return;
		if (n <= 0) {
			bool inside = smtpd_inside(&c->smtp);
			connection_end(c, inside ? "ended inside a mail" : n ? "read failed" : NULL);
			return;
		}
		c->progress = c->server->now;
		feed(c, room, (size_t)n);
		if (c->smtp.state == SMTPD_STARTING_TLS)
			return;
	}
	if (wants_input(c) && c->ssl && SSL_pending(c->ssl))
		event_active(c->readable, EV_READ, 0);
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd;
	c->server->now = clock_mono_us();
	if (c->ssl && !SSL_is_init_finished(c->ssl)) {
		event_del(c->writable);
		readable(c->fd, what, c);
		return;
	}
	flush(c);
}

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

static void connection_new(struct socket_of *o, int fd, const union sip_addr *peer, const char *name)
{
	struct server *s = o->server;
	struct connection *c = xcalloc(1, sizeof *c);
	struct smtpd_rules rules = s->rules;
	int on = 1;
	if (!o->local)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->server = s;
	c->fd = fd;
	c->lmtp = rules.lmtp = o->lmtp;
	c->local = o->local;
	rules.starttls &= !o->local;
	rules.require_tls &= !o->local;
	c->peer = *peer;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->store.frame = s->frame;
	c->progress = c->command = s->now;
	c->next = s->connections;
	if (c->next)
		c->next->prev = c;
	s->connections = c;
	s->sessions++;
	c->readable = event_new(s->base, fd, EV_READ | EV_PERSIST, readable, c);
	c->writable = event_new(s->base, fd, EV_WRITE | EV_PERSIST, writable, c);
	if (!c->readable || !c->writable)
		die_temp("out of memory");
	smtpd_begin(&c->smtp, &rules, s->gateway, &session_ops, c);
	connection_dirty(c);
}

static void accept_one(struct socket_of *o, int fd, const struct sockaddr *sa)
{
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
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof from;
		int new = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (new >= 0) {
			accept_one(o, new, (struct sockaddr *)&from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_msg(LOG_WARN, "accept:");
			o->server->accept_paused = true; /* until the next sweep: the loop must not spin on it */
			event_del(o->readable);
		}
		return;
	}
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
	if (c->waiting)
		return;
	if (c->smtp.out.n) {
		if (seconds(s->now, c->progress) > STALL_SECONDS)
			connection_end(c, "takes no answers");
		return;
	}
	if (c->smtp.state == SMTPD_STARTING_TLS) {
		if (seconds(s->now, c->command) > HANDSHAKE_SECONDS)
			connection_end(c, "handshake takes too long");
		return;
	}
	bool inside = smtpd_inside(&c->smtp);
	if (seconds(s->now, inside ? c->progress : c->command) < idle &&
	    !(inside && seconds(s->now, c->command) > DATA_SECONDS))
		return;
	smtpd_end(&c->smtp, SMTPD_IDLE);
	connection_dirty(c);
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
		connection_dirty(c);
	}
	connections_flush(s);
}

void connections_close(struct server *s)
{
	while (s->connections)
		connection_end(s->connections, NULL);
}
