/* SIP over TCP and TLS: connections, their octets, their ends. */
#include "connection.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <unistd.h>

void connections_init(struct server *s, uint32_t most)
{
	s->slots = most;
	s->slot = xcalloc(most, sizeof *s->slot);
}

static struct connection *by_id(struct server *s, uint32_t id)
{
	struct connection *c = id ? s->slot[(id - 1) % s->slots] : NULL;
	return c && c->id == id ? c : NULL;
}

void connection_end(struct connection *c, const char *why)
{
	struct server *s = c->server;
	char peer[SIP_ADDR_TEXT];
	if (why)
		log_event(LOG_INFO, NULL, "closed", "reason", why, "peer", sip_addr_text(&c->arrival.source.peer, peer),
			  NULL);
	for (struct connection **at = &s->dirty; c->dirty && *at; at = &(*at)->next_dirty)
		if (*at == c) {
			*at = c->next_dirty;
			break;
		}
	s->slot[(c->id - 1) % s->slots] = NULL;
	s->connections--;
	connection_forget_message(c);
	event_free(c->readable);
	event_free(c->writable);
	if (c->ssl) {
		if (c->established && !c->broken)
			SSL_shutdown(c->ssl); /* one way: the peer's answer is not waited for */
		SSL_free(c->ssl);
		ERR_clear_error();
	}
	close(c->fd);
	sip_stream_free(&c->stream);
	buf_free(&c->out);
	s->held -= c->held;
	free(c);
}

/* ---- octets ---- */

/* > 0: octets; 0: the peer has ended; -1: none now; -2: broken. */
static ssize_t tls_result(struct connection *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return -1;
	case SSL_ERROR_WANT_WRITE:
		event_add(c->writable, NULL);
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		c->broken = true;
		ERR_clear_error();
		return -2;
	}
}

static ssize_t octets_read(struct connection *c, char *p, size_t n)
{
	if (c->ssl) {
		ERR_clear_error();
		int k = SSL_read(c->ssl, p, (int)n);
		return k > 0 ? k : tls_result(c, k);
	}
	ssize_t k = read(c->fd, p, n);
	if (k >= 0)
		return k;
	return errno == EAGAIN || errno == EINTR ? -1 : -2;
}

static ssize_t octets_write(struct connection *c, const char *p, size_t n)
{
	if (c->ssl) {
		ERR_clear_error();
		int k = SSL_write(c->ssl, p, (int)(n < 65536 ? n : 65536));
		return k > 0 ? k : tls_result(c, k);
	}
	ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);
	if (k >= 0)
		return k;
	return errno == EAGAIN || errno == EINTR ? -1 : -2;
}

/* Send what waits; false: the connection has ended. */
static bool flush(struct connection *c)
{
	size_t done = 0;
	ssize_t n = 1;
	while (done < c->out.n && n > 0) {
		n = octets_write(c, c->out.p + done, c->out.n - done);
		if (n > 0)
			done += (size_t)n;
	}
	if (n == 0 || n == -2) {
		connection_end(c, "write failed");
		return false;
	}
	if (done) {
		memmove(c->out.p, c->out.p + done, c->out.n - done);
		c->out.n -= done;
		c->progress = c->server->now;
	}
	if (c->out.n) {
		event_add(c->writable, NULL);
	} else {
		event_del(c->writable);
		buf_free(&c->out);
		if (c->closing || (c->half && !c->awaited)) {
			connection_end(c, c->closing);
			return false;
		}
	}
	if (c->out.n > OUT_PAUSE || c->closing || c->half)
		event_del(c->readable);
	else
		event_add(c->readable, NULL);
	return true;
}

void connection_put(struct connection *c, struct slice octets)
{
	if (c->out.n + octets.n > OUT_MAX)
		return; /* it reads nothing: the sweep ends it */
	if (!c->out.n)
		c->progress = c->server->now;
	buf_slice(&c->out, octets);
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = c->server->dirty;
	c->server->dirty = c;
}

bool connection_send(struct server *s, uint32_t id, struct slice octets)
{
	struct connection *c = by_id(s, id);
	if (!c || c->broken)
		return false;
	if (c->awaited && !slice_istarts(octets, "SIP/2.0 1"))
		c->awaited--;
	connection_put(c, octets);
	return true;
}

void connections_flush(struct server *s)
{
	struct connection *c;
	while ((c = s->dirty) != NULL) {
		s->dirty = c->next_dirty;
		c->dirty = false;
		if (!c->connecting)
			flush(c);
	}
}

/* ---- events ---- */

static void established(struct connection *c)
{
	c->established = true;
	if (!c->ssl)
		return;
	const struct sip_trust_element *t = tls_trusted(c->server, c->ssl);
	if (t && !c->arrival.trusted) {
		c->arrival.trusted = true;
		c->arrival.label = t->label;
	}
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd, (void)what;
	c->server->now = clock_mono_us();
	for (int turn = 0; turn < READS_A_TURN; turn++) {
		char *room = sip_stream_room(&c->stream, READ_SIZE);
		ssize_t n = octets_read(c, room, READ_SIZE);
		if (c->ssl && !c->established && SSL_is_init_finished(c->ssl))
			established(c);
		if (n == -1)
			break;
		if (n == 0 && c->awaited && !c->ssl && !sip_stream_inside(&c->stream)) {
			c->half = true; /* it may have closed one direction only, as simple clients do */
			event_del(c->readable);
			break;
		}
		if (n <= 0) {
			connection_end(c, sip_stream_inside(&c->stream) ? "ended inside a message"
					  : n				? "read failed"
									: NULL);
			return;
		}
		sip_stream_added(&c->stream, (size_t)n);
		c->progress = c->server->now;
		if (!connection_parts(c))
			return;
		if ((size_t)n < READ_SIZE && !(c->ssl && SSL_pending(c->ssl)))
			break;
	}
	connection_account(c);
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd;
	c->server->now = clock_mono_us();
	if (c->connecting) {
		int err = 0;
		socklen_t len = sizeof err;
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err) {
			c->broken = true;
			connection_end(c, "the answer's peer cannot be reached");
			return;
		}
		c->connecting = false;
		c->established = true;
	}
	if (c->ssl && !SSL_is_init_finished(c->ssl)) {
		event_del(c->writable);
		readable(c->fd, what, c);
		return;
	}
	flush(c);
}

/* ---- beginnings ---- */

static struct connection *connection_new(struct server *s, struct socket_of *o, int fd, const union sip_addr *peer)
{
	struct connection *c = xcalloc(1, sizeof *c);
	uint32_t slot = 0;
	while (s->slot[slot = s->generation++ % s->slots])
		; /* fewer than slots are taken */
	uint32_t turns = UINT32_MAX / s->slots - 1;
	c->id = (s->generation / s->slots % turns) * s->slots + slot + 1;
	s->slot[slot] = c;
	s->connections++;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->server = s;
	c->fd = fd;
	c->stream.max_size = s->max_sip_size;
	c->arrival.source = (struct sip_source){
		.peer = *peer, .transport = (uint8_t)o->transport, .socket = o->index, .conn = c->id};
	const struct sip_trust_element *t = sip_trust_address(&s->trust, peer);
	c->arrival.trusted = t != NULL;
	c->arrival.label = t ? t->label : NULL;
	c->begun = c->progress = s->now;
	c->readable = event_new(s->base, fd, EV_READ | EV_PERSIST, readable, c);
	c->writable = event_new(s->base, fd, EV_WRITE | EV_PERSIST, writable, c);
	if (!c->readable || !c->writable)
		die_temp("out of memory");
	return c;
}

/* One address may not take all connections from the others. */
static bool too_many(struct server *s, const union sip_addr *peer)
{
	int n = 0;
	if (s->connections >= s->slots)
		return true;
	if (sip_trust_address(&s->trust, peer))
		return false;
	for (uint32_t i = 0; i < s->slots; i++)
		n += s->slot[i] && sip_addr_same_host(&s->slot[i]->arrival.source.peer, peer);
	return n >= PEER_CONNECTIONS;
}

static void accept_one(struct socket_of *o, int fd, const struct sockaddr *sa)
{
	struct server *s = o->server;
	union sip_addr peer;
	char text[SIP_ADDR_TEXT];
	sip_addr_set(&peer, sa);
	if (too_many(s, &peer)) {
		if (s->refusals++ < 10)
			log_event(LOG_WARN, NULL, "refused", "reason", "too many connections", "peer",
				  sip_addr_text(&peer, text), NULL);
		close(fd);
		return;
	}
	struct connection *c = connection_new(s, o, fd, &peer);
	if (o->transport == SIP_TLS) {
		c->ssl = SSL_new(s->tls);
		if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1)
			die_temp("out of memory");
		SSL_set_accept_state(c->ssl);
	} else {
		c->established = true;
	}
	event_add(c->readable, NULL);
}

void connection_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct socket_of *o = arg;
	(void)what;
	o->server->now = clock_mono_us();
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		union sip_addr from;
		socklen_t len = sizeof from;
		int new = accept4(fd, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (new >= 0) {
			accept_one(o, new, &from.sa);
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

void connection_open(struct server *s, uint16_t socket, const union sip_addr *to, struct slice octets)
{
	struct socket_of *o = &s->socket[socket];
	char text[SIP_ADDR_TEXT];
	const char *lost = NULL;
	int fd = -1;
	if (o->transport == SIP_TLS) /* nobody could say whose certificate to expect */
		lost = "the TLS connection is gone";
	else if (s->connections >= s->slots)
		lost = "too many connections";
	else if ((fd = socket_nonblocking(to)) < 0)
		lost = "no socket";
	if (lost) {
		log_event(LOG_INFO, NULL, "answer-lost", "reason", lost, "peer", sip_addr_text(to, text), NULL);
		return;
	}
	struct connection *c = connection_new(s, o, fd, to);
	c->connecting = true;
	if (connect(fd, &to->sa, sip_addr_len(to)) != 0 && errno != EINPROGRESS) {
		connection_end(c, "the answer's peer cannot be reached");
		return;
	}
	connection_put(c, octets);
	event_add(c->writable, NULL);
}

/* ---- ends ---- */

static const char *overdue(const struct connection *c, int64_t now, bool crowded)
{
	int64_t still = (now - c->progress) / 1000000, idle = crowded ? CROWDED_IDLE_SECONDS : IDLE_SECONDS;
	if (!c->established)
		return now - c->begun > HANDSHAKE_SECONDS * INT64_C(1000000) ? "handshake takes too long" : NULL;
	if (c->out.n || c->half)
		return still > STALL_SECONDS ? c->half ? "ended" : "takes no answers" : NULL;
	if (c->message_begun) {
		int64_t age = (now - c->message_begun) / 1000000;
		if (still > STALL_SECONDS || age > (c->in_body ? MESSAGE_SECONDS : HEAD_SECONDS))
			return "message comes too slowly";
		return NULL;
	}
	return still > idle ? "idle" : NULL;
}

void connections_sweep(struct server *s)
{
	bool crowded = s->connections > s->slots / 4 * 3;
	for (uint32_t i = 0; i < s->slots && s->connections; i++) {
		const char *why = s->slot[i] ? overdue(s->slot[i], s->now, crowded) : NULL;
		if (why)
			connection_end(s->slot[i], why);
	}
	if (s->accept_paused)
		for (size_t i = 0; i < s->sockets; i++)
			event_add(s->socket[i].readable, NULL);
	s->accept_paused = false;
}

bool connections_unsent(const struct server *s)
{
	for (uint32_t i = 0; i < s->slots; i++)
		if (s->slot[i] && s->slot[i]->out.n)
			return true;
	return false;
}

void connections_close(struct server *s)
{
	for (uint32_t i = 0; i < s->slots; i++)
		if (s->slot[i])
			connection_end(s->slot[i], NULL);
	free(s->slot);
	s->slot = NULL;
}
