/* SIP over TCP and TLS: connections, their octets, their ends. */
#include "connection.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
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
	s->slot[(c->id - 1) % s->slots] = NULL;
	s->connections--;
	connection_forget_message(c);
	stream_close(&c->wire);
	sip_stream_free(&c->stream);
	buf_free(&c->out);
	s->held -= c->held;
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
	if (!c->closing && (!c->half || c->awaited))
		return true;
	connection_end(c, c->closing);
	return false;
}

static bool wants_input(const void *owner)
{
	const struct connection *c = owner;
	return c->out.n <= OUT_PAUSE && !c->closing && !c->half;
}

void connection_put(struct connection *c, struct slice octets)
{
	if (c->out.n + octets.n > OUT_MAX)
		return; /* it reads nothing: the sweep ends it */
	if (!c->out.n)
		c->wire.progress = c->server->now;
	buf_slice(&c->out, octets);
	stream_mark(&c->wire);
}

bool connection_send(struct server *s, uint32_t id, struct slice octets)
{
	struct connection *c = by_id(s, id);
	if (!c || c->wire.octets.broken)
		return false;
	if (c->awaited && !slice_istarts(octets, "SIP/2.0 1"))
		c->awaited--;
	connection_put(c, octets);
	return true;
}

/* ---- events ---- */

static void look_at_certificate(struct connection *c)
{
	c->known = true;
	if (!c->wire.octets.ssl)
		return;
	const struct sip_trust_element *t = tls_trusted(c->server, c->wire.octets.ssl);
	if (t && !c->arrival.trusted) {
		c->arrival.trusted = true;
		c->arrival.label = t->label;
	}
}

static void readable(void *owner)
{
	struct connection *c = owner;
	for (int turn = 0; turn < READS_A_TURN; turn++) {
		char *room = sip_stream_room(&c->stream, STREAM_READ);
		ssize_t n = stream_read(&c->wire, room, STREAM_READ);
		if (!c->known && !octets_handshaking(&c->wire.octets))
			look_at_certificate(c);
		if (n == OCTETS_NONE_NOW)
			break;
		if (n == OCTETS_ENDED && c->awaited && !c->wire.octets.ssl && !sip_stream_inside(&c->stream)) {
			c->half = true; /* it may have closed one direction only, as simple clients do */
			stream_listen(&c->wire, false);
			break;
		}
		if (n <= 0) {
			connection_end(c, sip_stream_inside(&c->stream) ? "ended inside a message"
					  : n				? "read failed"
									: NULL);
			return;
		}
		sip_stream_added(&c->stream, (size_t)n);
		if (!connection_parts(c))
			return;
		if ((size_t)n < STREAM_READ && !octets_pending(&c->wire.octets))
			break;
	}
	connection_account(c);
}

const struct stream_ops connection_ops = {readable, sent, wants_input, lost};

/* ---- beginnings ---- */

static struct connection *connection_new(struct server *s, const struct socket_of *o, int fd,
					 const union sip_addr *peer, bool connecting)
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
	c->stream.max_size = s->max_sip_size;
	c->arrival.source = (struct sip_source){
		.peer = *peer, .transport = (uint8_t)o->transport, .socket = o->index, .conn = c->id};
	const struct sip_trust_element *t = sip_trust_address(&s->trust, peer);
	c->arrival.trusted = t != NULL;
	c->arrival.label = t ? t->label : NULL;
	c->begun = s->now;
	stream_open(&c->wire, &s->streams, fd, connecting, &c->out, c);
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

static void accept_one(void *ctx, int fd, const struct sockaddr *sa)
{
	const struct socket_of *o = ctx;
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
	struct connection *c = connection_new(s, o, fd, &peer, false);
	if (o->transport == SIP_TLS && !octets_secure(&c->wire.octets, SSL_new(s->tls), true))
		die_temp("out of memory");
	stream_listen(&c->wire, true);
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

void connection_open(struct server *s, uint16_t index, const union sip_addr *to, struct slice octets)
{
	const struct socket_of *o = &s->socket[index];
	char text[SIP_ADDR_TEXT];
	const char *lost = NULL;
	int fd = -1;
	if (o->transport == SIP_TLS) /* nobody could say whose certificate to expect */
		lost = "the TLS connection is gone";
	else if (s->connections >= s->slots)
		lost = "too many connections";
	else if ((fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		lost = "no socket";
	if (lost) {
		log_event(LOG_INFO, NULL, "answer-lost", "reason", lost, "peer", sip_addr_text(to, text), NULL);
		return;
	}
	struct connection *c = connection_new(s, o, fd, to, true);
	if (connect(fd, &to->sa, sip_addr_len(to)) != 0 && errno != EINPROGRESS) {
		connection_end(c, "the answer's peer cannot be reached");
		return;
	}
	connection_put(c, octets);
}

/* ---- ends ---- */

static const char *overdue(const struct connection *c, int64_t now, bool crowded)
{
	int64_t still = (now - c->wire.progress) / 1000000, idle = crowded ? CROWDED_IDLE_SECONDS : IDLE_SECONDS;
	if (c->wire.connecting || octets_handshaking(&c->wire.octets))
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

bool connections_unsent(struct server *s)
{
	bool some = false;
	for (uint32_t i = 0; i < s->slots; i++)
		if (s->slot[i] && s->slot[i]->out.n) {
			stream_mark(&s->slot[i]->wire);
			some = true;
		}
	return some;
}

void connections_close(struct server *s)
{
	for (uint32_t i = 0; i < s->slots; i++)
		if (s->slot[i])
			connection_end(s->slot[i], NULL);
	free(s->slot);
	s->slot = NULL;
}
