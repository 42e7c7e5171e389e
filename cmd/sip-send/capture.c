/* Copies of requests and responses for a capture server. */
#include "send.h"
#include "base/clock.h"
#include "hep/hep.h"

void send_seen(void *ctx, const struct wire_seen *m)
{
	struct send *s = ctx;
	struct hep *h = frame_hep(s->frame);
	if (!h || !m->octets.n)
		return;
	hep_send(h, &(struct hep_packet){.type = HEP_SIP,
					 .protocol = m->transport == SIP_UDP ? IPPROTO_UDP : IPPROTO_TCP,
					 .from = m->out ? &m->own.sa : &m->peer.sa,
					 .to = m->out ? &m->peer.sa : &m->own.sa,
					 .time_us = clock_real_us(),
					 .payload = m->octets});
}
