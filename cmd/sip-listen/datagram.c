/* SIP over UDP. */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>

enum { SEND_BATCH = 64 };

static void datagram_take(struct socket_of *o, const struct sockaddr *from, struct slice octets)
{
	struct server *s = o->server;
	struct arrival a = {.source = {.transport = SIP_UDP, .socket = o->index}};
	struct slice head, body;
	const char *why = NULL;
	sip_addr_set(&a.source.peer, from);
	int fault = sip_datagram_cut(octets, &head, &body, &why);
	if (fault < 0)
		return;
	const struct sip_trust_element *t = sip_trust_address(&s->trust, &a.source.peer);
	a.trusted = t != NULL;
	a.label = t ? t->label : NULL;
	struct sip_message *m = &s->message;
	sip_message_parse(m, head);
	if (!request_judge(s, m, &a, (int64_t)body.n, fault, why))
		return;
	const struct sip_field *type = sip_message_field(m, SIP_CONTENT_TYPE, 0);
	request_take(s, m, &a, body.n ? record_body_inline(type ? type->value.p : "", body.p, body.n) : NULL);
}

/* All that waits, up to what one commit should carry. */
void datagram_readable(evutil_socket_t fd, short what, void *arg)
{
	static char *octets;
	static struct mmsghdr msg[DATAGRAMS];
	static struct iovec iov[DATAGRAMS];
	static union sip_addr from[DATAGRAMS];
	struct socket_of *o = arg;
	(void)what;
	o->server->now = clock_mono_us();
	if (!octets)
		octets = xmalloc((size_t)DATAGRAMS * DATAGRAM_MAX);
	for (int turn = 0; turn < TURN_REQUESTS / DATAGRAMS; turn++) {
		for (int i = 0; i < DATAGRAMS; i++) {
			iov[i] = (struct iovec){octets + (size_t)i * DATAGRAM_MAX, DATAGRAM_MAX};
			msg[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
							 .msg_namelen = sizeof from[i],
							 .msg_iov = &iov[i],
							 .msg_iovlen = 1};
		}
		int n = recvmmsg(fd, msg, DATAGRAMS, MSG_DONTWAIT, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			log_msg(LOG_WARN, "recvmmsg:");
		for (int i = 0; i < n; i++)
			if (!(msg[i].msg_hdr.msg_flags & MSG_TRUNC))
				datagram_take(o, &from[i].sa, (struct slice){iov[i].iov_base, msg[i].msg_len});
		if (n < DATAGRAMS)
			return;
	}
}

void datagram_send(struct server *s, uint16_t socket, const union sip_addr *to, struct slice octets)
{
	if (s->parcels == s->parcel_room) {
		s->parcel_room = s->parcel_room ? 2 * s->parcel_room : 256;
		s->parcel = xrealloc(s->parcel, s->parcel_room * sizeof *s->parcel);
	}
	s->parcel[s->parcels++] = (struct parcel){.to = *to, .socket = socket, .at = s->out.n, .n = octets.n};
	buf_slice(&s->out, octets);
	if (s->parcels >= 2 * TURN_REQUESTS)
		datagrams_flush(s);
}

/* What the socket does not take is lost, as datagrams may be: the peer asks again and gets the stored answer. */
static size_t send_run(struct server *s, size_t from)
{
	struct mmsghdr msg[SEND_BATCH] = {0};
	struct iovec iov[SEND_BATCH];
	unsigned n = 0;
	uint16_t socket = s->parcel[from].socket;
	for (; n < SEND_BATCH && from + n < s->parcels && s->parcel[from + n].socket == socket; n++) {
		struct parcel *p = &s->parcel[from + n];
		iov[n] = (struct iovec){s->out.p + p->at, p->n};
		msg[n].msg_hdr = (struct msghdr){
			.msg_name = &p->to, .msg_namelen = sip_addr_len(&p->to), .msg_iov = &iov[n], .msg_iovlen = 1};
	}
	int sent = sendmmsg(s->socket[socket].fd, msg, n, MSG_DONTWAIT);
	if (sent <= 0) {
		log_event(LOG_DEBUG, NULL, "send", "error", strerror(errno), NULL);
		return 1; /* the first one is the one that failed */
	}
	return (size_t)sent;
}

void datagrams_flush(struct server *s)
{
	for (size_t done = 0; done < s->parcels;)
		done += send_run(s, done);
	s->parcels = 0;
	buf_clear(&s->out);
}
