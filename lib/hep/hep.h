/*
 * hep.h - copies of what goes over the wire, and of what happens to it, to a capture server: HEP version 3 over UDP (Homer, heplify-server,
 * sngrep).
 *
 * One datagram a packet, never waited for: what the socket does not take is lost, and the gateway goes on. Ownership: a struct hep owns its
 * socket; slices are the caller's.
 */
#ifndef CPMAIL_HEP_H
#define CPMAIL_HEP_H

#include "base/buf.h"

#include <stdint.h>
#include <sys/socket.h>

enum { HEP_PORT = 9060, HEP_PAYLOAD_MAX = 60000 };

/* Protocol types of chunk 11. */
enum hep_type { HEP_SIP = 1, HEP_LOG = 100 };

struct hep_packet {
	enum hep_type type;
	int protocol;			   /* IPPROTO_UDP, IPPROTO_TCP */
	const struct sockaddr *from, *to;  /* of one family; NULL: this host */
	int64_t time_us;		   /* since 1970 */
	struct slice payload;		   /* cut to HEP_PAYLOAD_MAX */
	struct slice correlation;	   /* the Call-ID; empty: none */
};

struct hep;

/* address: "192.0.2.1", "192.0.2.1:9060", "[2001:db8::1]:9060". id: ours at the server. key: may be NULL; copied. NULL: the address is none, or (errno) no
 * socket can be had. */
struct hep *hep_open(const char *address, uint32_t id, const char *key);
void hep_send(struct hep *h, const struct hep_packet *p);
void hep_close(struct hep *h);

#endif
