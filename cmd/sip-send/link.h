/*
 * link.h - one TCP or TLS connection to a peer: what is still to be written, what was read of a message.
 *
 * Ownership: a struct link owns its socket and buffers; link_free() ends it.
 */
#ifndef CPMAIL_SIP_SEND_LINK_H
#define CPMAIL_SIP_SEND_LINK_H

#include "net/octets.h"
#include "sip/stream.h"
#include "wires.h"

enum { LINK_CONNECT_MS = 5000, LINK_IDLE_MS = 120000, LINK_RESPONSE_MAX = 64 << 10 };

enum link_state { LINK_CONNECTING, LINK_HANDSHAKE, LINK_OPEN, LINK_DEAD };

/* Octets, and those of a file behind them. */
struct link_piece {
	struct link_piece *next;
	struct buf octets;
	struct wire_rest rest; /* its descriptor is ours */
};

struct link {
	struct link *next;
	uint64_t number;
	enum sip_transport transport;
	union sip_addr peer;
	char *name;
	struct octets octets;
	enum link_state state;
	const char *why; /* dead: the reason */
	struct link_piece *out, **out_end; /* what is still to be written */
	struct buf window;		   /* of the file in turn */
	size_t written;			   /* of the octets in turn */
	struct sip_stream in;
	struct buf head;
	int64_t used; /* monotonic: begun, or last used */
};

/* Begin to connect; ssl NULL for TCP. A link that is dead at once says why. */
struct link *link_new(const struct wire_target *t, SSL_CTX *tls, uint64_t number, int64_t now);
void link_free(struct link *l);
/* What poll should ask for. */
short link_events(const struct link *l);
/* To be written when its turn comes. false, why: there is no descriptor left. */
bool link_put(struct link *l, struct slice octets, const struct wire_rest *rest, const char **why);
/* Go on with connecting, writing and reading; every message that is complete goes to received(). true: octets of a file
 * went out. */
bool link_run(struct link *l, void (*received)(void *ctx, struct link *l, struct slice head), void *ctx);

#endif
