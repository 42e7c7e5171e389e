/*
 * wires.h - sockets of a SIP client: one UDP socket for each family, TCP and TLS connections that are kept and shared.
 *
 * Nothing blocks; wires_run() polls. Ownership: a struct wires owns its sockets; targets are values, their names are
 * read during wires_send() only. A connection is known by a number (link) that is never used twice; 0 means datagrams.
 */
#ifndef CPMAIL_SIP_SEND_WIRES_H
#define CPMAIL_SIP_SEND_WIRES_H

#include "base/buf.h"
#include "sip/net.h"

#include <stdint.h>

struct conf;
struct wires;

struct wire_target {
	enum sip_transport transport;
	union sip_addr addr;
	const char *name; /* TLS: the name that the certificate must bear */
};

/* Octets of a file that follow those in memory: from..to. fd -1: none. */
struct wire_rest {
	int fd;
	int64_t from, to;
};

/* A message as it went out or came in, of a large one the beginning. */
struct wire_seen {
	bool out;
	enum sip_transport transport;
	union sip_addr own, peer;
	struct slice octets;
};

struct wires_hooks {
	/* A message came; what is not a response is the hook's to ignore. */
	void (*received)(void *ctx, const union sip_addr *peer, struct slice head);
	/* A connection is gone (link), or datagrams to peer are refused (link 0). */
	void (*lost)(void *ctx, uint64_t link, const union sip_addr *peer, const char *why);
	/* Octets of a file went out on a connection: who waits for an answer to it waits from now. */
	void (*progress)(void *ctx, uint64_t link);
	/* What goes over the wire, for who wants to look on; NULL: nobody does. */
	void (*seen)(void *ctx, const struct wire_seen *m);
	void *ctx;
};

struct wires *wires_open(const struct conf *c, const struct wires_hooks *hooks);
void wires_close(struct wires *w);
/* Send, opening a connection if there is none. rest: NULL, or what follows (its descriptor is duplicated; a stream only).
 * False with the reason: it cannot go there. */
bool wires_send(struct wires *w, const struct wire_target *t, struct slice octets, const struct wire_rest *rest,
		uint64_t *link, const char **why);
/* Append "host:port" for Via: where a response to a request to t can be sent. */
void wires_sent_by(struct wires *w, const struct wire_target *t, struct buf *out);
/* Wait at most ms for anything to happen and deal with it. */
void wires_run(struct wires *w, int ms);
/* Are there connections to be looked after? */
bool wires_busy(const struct wires *w);

#endif
