/*
 * message.h - the head of a SIP message: guarded, parsed by libosip2 header by header, verified.
 *
 * The body never comes near the parser, and neither does Content-Length: both are the framing's (stream.h).
 * Ownership: a struct sip_message owns all that its members point to; sip_message_parse() may be called again and again
 * on the same one, sip_message_free() ends it. Zeroed = empty.
 */
#ifndef CPMAIL_SIP_MESSAGE_H
#define CPMAIL_SIP_MESSAGE_H

#include "base/buf.h"
#include "sip/stream.h"

#include <stdint.h>

struct osip_via;
struct osip_from;
struct osip_content_type;

enum sip_method {
	SIP_INVITE,
	SIP_ACK,
	SIP_CANCEL,
	SIP_BYE,
	SIP_UPDATE,
	SIP_OPTIONS,
	SIP_MESSAGE,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_OTHER_METHOD
};

/* The headers that somebody here looks at; all others are carried as they are. */
enum sip_header {
	SIP_VIA,
	SIP_FROM,
	SIP_TO,
	SIP_CALL_ID,
	SIP_CSEQ,
	SIP_MAX_FORWARDS,
	SIP_CONTENT_LENGTH,
	SIP_CONTENT_TYPE,
	SIP_CONTENT_ENCODING,
	SIP_CONTENT_DISPOSITION,
	SIP_REQUIRE,
	SIP_TIMESTAMP,
	SIP_ASSERTED_IDENTITY,
	SIP_ASSERTED_SERVICE,
	SIP_PREFERRED_SERVICE,
	SIP_ACCEPT_CONTACT,
	SIP_CONVERSATION_ID,
	SIP_CONTACT,
	SIP_EXPIRES,
	SIP_DATE,
	SIP_SUBJECT,
	SIP_OTHER_HEADER
};

struct sip_field {
	enum sip_header id;
	struct slice name;
	struct slice value; /* unfolded, trimmed; a NUL stands behind it */
};

/* The topmost Via. */
struct sip_via {
	struct osip_via *osip;
	struct slice raw;  /* its value, as it stood */
	struct slice rest; /* further values of the same header line, without the comma */
	struct slice transport;
	struct slice host;   /* without brackets */
	int port;	     /* 0: none written */
	struct slice branch; /* empty: none */
	bool rport;	     /* asked for (RFC 3581) */
};

/* A From, To or P-Asserted-Identity value. */
struct sip_party {
	struct osip_from *osip;
	struct slice display; /* without quotes and escapes; octets as sent */
	struct slice uri;     /* as it stood */
	struct slice tag;     /* empty: none */
	struct buf text;
};

struct sip_message {
	struct buf text;
	struct sip_field *fields; /* in wire order */
	size_t nfields, cap;
	bool request;
	int code; /* of a response */
	enum sip_method method_id;
	struct slice method, uri;
	struct sip_via via;
	struct sip_party from, to;
	struct sip_party identity; /* sip_identity() fills it when it is asked for */
	bool identified;
	struct slice call_id;
	uint32_t cseq;
	int max_forwards;	 /* -1: none */
	struct buf content_type; /* "type/subtype" in lower case; empty: none */
	int status;		 /* what is wrong with it: 400, 505; 0: nothing */
	const char *why;
};

/* Once, before anything else of this library: takes the parser's trace, which would go to standard output, into the
 * log. */
void sip_init(void);

/*
 * Parse a head (with or without its empty line). 0: sound. 400 or 505: why says what is wrong, and what could be
 * understood is there. A message whose top Via cannot be understood cannot be answered: sip_message_answerable() tells.
 */
int sip_message_parse(struct sip_message *m, struct slice head);
bool sip_message_answerable(const struct sip_message *m);
void sip_message_free(struct sip_message *m);

/* The n-th field of an id (from 0), NULL behind the last. */
const struct sip_field *sip_message_field(const struct sip_message *m, enum sip_header id, int n);
/*
 * Walk the comma-separated elements of all fields of an id: *cursor starts at 0. False behind the last. Empty elements
 * are skipped, commas in quotes and angle brackets do not count.
 */
struct sip_cursor {
	size_t field;
	struct slice rest;
};
bool sip_message_element(const struct sip_message *m, enum sip_header id, struct sip_cursor *cursor,
			 struct slice *element);

/* Parse name-addr or addr-spec with parameters; strict (RFC 3261 20.10, 25.1). sip_party_free() in both cases. */
bool sip_party_parse(struct sip_party *p, struct slice value);
void sip_party_free(struct sip_party *p);

/* Scheme of a URI, without the colon; empty if there is none. */
struct slice sip_uri_scheme(struct slice uri);

const char *sip_method_name(enum sip_method m);
/* The full name of a header ("Via"), NULL for SIP_OTHER_HEADER. */
const char *sip_header_name(enum sip_header id);
enum sip_method sip_method_of(struct slice name);
enum sip_header sip_header_of(struct slice name);

#endif
