/*
 * request.h - a request of our own as it leaves: the one place that knows its octets, for who sends it and for who has
 * to know beforehand how many they are (7.7).
 *
 * Ownership: everything in the struct is borrowed.
 */
#ifndef CPMAIL_SIP_REQUEST_H
#define CPMAIL_SIP_REQUEST_H

#include "record/record.h"

enum {
	SIP_REQUEST_BRANCH = 25, /* octets of a branch of ours: the mark of the gateway (8.2) and 16 hex digits */
	SIP_REQUEST_TAG = 15,	 /* of a From tag, "gw-" and 12 hex digits */
	SIP_REQUEST_CALL_ID = 18 /* of a Call-ID before its host, "e-" and 16 hex digits */
};

struct sip_request {
	const char *method, *uri;
	const char *transport; /* "UDP", "TCP", "TLS" */
	const char *sent_by;   /* host[:port] of Via */
	const char *branch;
	const char *proxy;	    /* value of Route; NULL: none */
	const char *tag;	    /* for a From without one */
	const char *call_id, *host; /* Call-ID is call_id[@host]; host may be NULL */
	uint32_t cseq;
	const json_t *headers;	 /* of the sip.send record */
	const char *credentials; /* complete header lines; NULL or empty: none */
	const char *type;	 /* Content-Type; NULL or empty: none */
	size_t body;		 /* octets that follow */
};

/* Append the head, up to and with its empty line. Of headers those that the transaction layer writes itself are left
 * out, or used for it (From, To, Max-Forwards). */
void sip_request_head(const struct sip_request *r, struct buf *out);

#endif
