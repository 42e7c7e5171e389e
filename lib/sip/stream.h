/*
 * stream.h - where one SIP message ends and the next begins (1.16, RFC 3261 18.3).
 *
 * A stream is fed with whatever a read brought and asked for parts until it wants more; a datagram is cut in one call.
 * Ownership: a struct sip_stream owns its buffer (zeroed = empty, sip_stream_free() ends it); parts point into that
 * buffer and live until the next sip_stream_room(). Memory is bounded by SIP_HEAD_MAX plus the largest read: bodies are
 * handed out in the pieces they come in and never collected here.
 */
#ifndef CPMAIL_SIP_STREAM_H
#define CPMAIL_SIP_STREAM_H

#include "base/buf.h"

#include <stdint.h>

enum {
	SIP_HEAD_MAX = 32 << 10,    /* octets of start line and headers */
	SIP_FIELDS_MAX = 256,	    /* headers of a message */
	SIP_VALUE_MAX = 8 << 10,    /* octets of one header, unfolded */
	SIP_URI_MAX = 2048,	    /* octets of the Request-URI */
	SIP_LENGTH_DIGITS_MAX = 15, /* of Content-Length; more is garbage */
};

enum sip_part_kind {
	SIP_PART_MORE, /* nothing until more octets are fed */
	SIP_PART_PING, /* CRLFCRLF between messages: answer CRLF (RFC 5626 3.5.1) */
	SIP_PART_HEAD, /* octets: start line to empty line; length: octets of the body */
	SIP_PART_BODY, /* octets: the next piece of the body */
	SIP_PART_END,  /* the message is complete */
	SIP_PART_BAD   /* framing is lost: answer status to octets (what there is of the head), then close */
};

struct sip_part {
	enum sip_part_kind kind;
	struct slice octets;
	int64_t length;
	int status;
	const char *why;
};

struct sip_stream {
	int64_t max_size; /* of a whole message: set by the owner */
	struct buf in;
	size_t pos;	/* consumed octets of in */
	size_t scanned; /* from pos: known not to hold the end of the head */
	int64_t left;	/* of the body */
	int crlfs;	/* of a ping: seen since the last message */
	int state;
};

/* Room for n octets that are read from the peer, and how many of them came. */
char *sip_stream_room(struct sip_stream *s, size_t n);
void sip_stream_added(struct sip_stream *s, size_t n);
/* The next part; call until it says MORE or BAD. */
struct sip_part sip_stream_next(struct sip_stream *s);
/* Is a message, or part of one, waiting for its rest? */
bool sip_stream_inside(const struct sip_stream *s);
/* Give back the memory that the unfinished rest does not need: between reads. Parts handed out are gone. */
void sip_stream_shrink(struct sip_stream *s);
/* Octets held in memory. */
size_t sip_stream_held(const struct sip_stream *s);
void sip_stream_free(struct sip_stream *s);

/*
 * Cut a datagram into head (with its empty line) and body. 0: done; 400 with the reason: the head is there but the body
 * is not what it announces; -1: nothing but keep-alive octets. A datagram without an empty line gives 400 and the whole
 * as head.
 */
int sip_datagram_cut(struct slice datagram, struct slice *head, struct slice *body, const char **why);

/* The Content-Length of a head: 1 and *length; 0: there is none; -1: it is no number, or there are several. */
int sip_content_length(struct slice head, int64_t *length);

#endif
