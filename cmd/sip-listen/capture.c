/* Copies of requests and answers for a capture server. */
#include "listen.h"
#include "base/clock.h"
#include "hep/hep.h"

/* The address of ours that the peer sees. */
static void own_address(const struct server *s, const struct sip_source *src, union sip_addr *own)
{
	*own = s->socket[src->socket].addr;
	if (src->local_n == 4 && own->sa.sa_family == AF_INET)
		memcpy(&own->in4.sin_addr, src->local, 4);
	else if (src->local_n == 16 && own->sa.sa_family == AF_INET6)
		memcpy(&own->in6.sin6_addr, src->local, 16);
}

static void capture(struct server *s, const struct sip_source *src, const union sip_addr *peer, struct slice octets, bool out)
{
	struct hep *h = frame_hep(s->frame);
	union sip_addr own;
	if (!h || !octets.n)
		return;
	own_address(s, src, &own);
	hep_send(h, &(struct hep_packet){.type = HEP_SIP,
					 .protocol = src->transport == SIP_UDP ? IPPROTO_UDP : IPPROTO_TCP,
					 .from = out ? &own.sa : &peer->sa,
					 .to = out ? &peer->sa : &own.sa,
					 .time_us = clock_real_us(),
					 .payload = octets});
}

void capture_in(struct server *s, const struct sip_source *src, struct slice octets)
{
	capture(s, src, &src->peer, octets, false);
}

void capture_out(struct server *s, const struct sip_source *src, const union sip_addr *target, struct slice octets)
{
	capture(s, src, src->transport == SIP_UDP ? target : &src->peer, octets, true);
}
