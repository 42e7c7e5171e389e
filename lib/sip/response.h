/*
 * response.h - what a response takes from its request, and the octets of a response (RFC 3261 8.2.6, 18.2; 1.16).
 *
 * Ownership: nothing is kept; everything is appended to the caller's buffers.
 */
#ifndef CPMAIL_SIP_RESPONSE_H
#define CPMAIL_SIP_RESPONSE_H

#include "sip/message.h"
#include "sip/net.h"

enum { SIP_TAG = 17 };

/* Where a request came from, and with that where its response goes. */
struct sip_source {
	union sip_addr peer;
	uint32_t conn;	   /* streams: which connection; 0 = none */
	uint16_t socket;   /* the listener's socket that took it */
	uint8_t transport; /* enum sip_transport */
	uint8_t local_n;   /* octets of local: 4, 16; 0 = the socket's own address */
	uint8_t local[16]; /* datagrams: the address of ours that was written to, and answers from */
};

/*
 * Via (all, the top one with received and rport), From, To, Call-ID, CSeq, as lines. *to_end: where in out the tag goes
 * that the To line lacks; 0: it has one.
 */
void sip_response_head(struct buf *out, const struct sip_message *m, const struct sip_source *src, size_t *to_end);
/*
 * The whole response without a body. reason NULL: the standard phrase. extra: further header lines, each with its CRLF.
 * A tag is put in unless status is 100 or to_end is 0.
 */
void sip_response_put(struct buf *out, int status, const char *reason, struct slice head, size_t to_end,
		      const char *tag, struct slice extra);
/* Where the response to a datagram, or to a stream that is gone, goes: received:rport, or received:port of sent-by. */
void sip_response_target(const struct sip_message *m, const struct sip_source *src, union sip_addr *to);

const char *sip_reason(int status);
/* Append "Name: value" as a line; the value sanitised (8.5). False, and nothing, if the name is no token or one that a
 * response has already. */
bool sip_header_put(struct buf *out, const char *name, const char *value);

/* What the gateway takes (1.1, 1.16): header values. */
extern const char sip_allow[], sip_accept[], sip_accept_encoding[], sip_supported[];

#endif
