/* SIP over UDP. */
#include "listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>

enum { SEND_BATCH = 64 };

/* Room for the address of ours that a datagram was sent to. */
union control {
	struct cmsghdr align;
	char octets[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/* A machine with several addresses answers from the one that was asked: others would not be recognised. */
static void local_take(struct sip_source *src, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			src->local_n = 4;
			memcpy(src->local, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			src->local_n = 16;
			memcpy(src->local, &info.ipi6_addr, 16);
		}
}

static void local_put(struct msghdr *m, union control *room, const struct parcel *p)
{
	struct in_pktinfo v4 = {0};
	struct in6_pktinfo v6 = {0};
	bool four = p->local_n == 4;
	size_t n = four ? sizeof v4 : sizeof v6;
	if (!p->local_n)
		return;
	memset(room, 0, sizeof *room);
	m->msg_control = room->octets;
	m->msg_controllen = CMSG_SPACE(n);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(n),
			      .cmsg_level = four ? IPPROTO_IP : IPPROTO_IPV6,
			      .cmsg_type = four ? IP_PKTINFO : IPV6_PKTINFO};
	memcpy(&v4.ipi_spec_dst, p->local, 4);
	memcpy(&v6.ipi6_addr, p->local, 16);
	memcpy(CMSG_DATA(c), four ? (void *)&v4 : (void *)&v6, n);
}

static void datagram_take(struct socket_of *o, struct msghdr *from, struct slice octets)
{
	struct server *s = o->server;
	struct arrival a = {.source = {.transport = SIP_UDP, .socket = o->index}};
	struct slice head, body;
	const char *why = NULL;
	sip_addr_set(&a.source.peer, from->msg_name);
	local_take(&a.source, from);
	int fault = sip_datagram_cut(octets, &head, &body, &why);
	if (fault < 0)
		return;
	capture_in(s, &a.source, octets);
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
	static union control control[DATAGRAMS];
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
							 .msg_iovlen = 1,
							 .msg_control = &control[i],
							 .msg_controllen = sizeof control[i]};
		}
		int n = recvmmsg(fd, msg, DATAGRAMS, MSG_DONTWAIT, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			log_msg(LOG_WARN, "recvmmsg:");
		for (int i = 0; i < n; i++)
			if (!(msg[i].msg_hdr.msg_flags & MSG_TRUNC))
				datagram_take(o, &msg[i].msg_hdr, (struct slice){iov[i].iov_base, msg[i].msg_len});
		if (n < DATAGRAMS)
			return;
	}
}

void datagram_send(struct server *s, const struct sip_source *src, const union sip_addr *to, struct slice octets)
{
	if (s->parcels == s->parcel_room) {
		s->parcel_room = s->parcel_room ? 2 * s->parcel_room : 256;
		s->parcel = xrealloc(s->parcel, s->parcel_room * sizeof *s->parcel);
	}
	struct parcel *p = &s->parcel[s->parcels++];
	*p = (struct parcel){.to = *to, .socket = &s->socket[src->socket], .at = s->out.n, .n = octets.n};
	p->local_n = src->local_n;
	memcpy(p->local, src->local, sizeof p->local);
	buf_slice(&s->out, octets);
	if (s->parcels >= 2 * TURN_REQUESTS)
		datagrams_flush(s);
}

/* What the socket does not take is lost, as datagrams may be: the peer asks again and gets the stored answer. */
static size_t send_run(struct server *s, size_t from)
{
	struct mmsghdr msg[SEND_BATCH] = {0};
	struct iovec iov[SEND_BATCH];
	union control control[SEND_BATCH];
	unsigned n = 0;
	const struct socket_of *socket = s->parcel[from].socket;
	for (; n < SEND_BATCH && from + n < s->parcels && s->parcel[from + n].socket == socket; n++) {
		struct parcel *p = &s->parcel[from + n];
		iov[n] = (struct iovec){s->out.p + p->at, p->n};
		msg[n].msg_hdr = (struct msghdr){
			.msg_name = &p->to, .msg_namelen = sip_addr_len(&p->to), .msg_iov = &iov[n], .msg_iovlen = 1};
		local_put(&msg[n].msg_hdr, &control[n], p);
	}
	int sent = sendmmsg(socket->fd, msg, n, MSG_DONTWAIT);
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
