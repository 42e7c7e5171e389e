/*
 * cpim.h - message/cpim (RFC 3862) with its IMDN headers (RFC 5438): a liberal reader and an exact writer.
 *
 * Ownership: a struct cpim that was read owns its arena, which all its slices point into, and its arrays; cpim_free()
 * ends them. A zeroed one is valid and empty. All values are un-escaped and may hold any octet, CR, LF and NUL
 * included: sanitise them before they cross into another protocol (8.5).
 */
#ifndef CPMAIL_CPIM_H
#define CPMAIL_CPIM_H

#include "base/buf.h"
#include "cpim/mime.h"

enum {
	CPIM_HEAD_MAX = 64 << 10, /* octets of both header blocks */
	CPIM_HEADERS_MAX = 1024,
	CPIM_NAMESPACES_MAX = 32
};

#define CPIM_NAMESPACE "urn:ietf:params:cpim-headers:"
#define IMDN_NAMESPACE "urn:ietf:params:imdn"

/* What imdn.Disposition-Notification asks for, as a set. */
enum imdn_wanted { IMDN_POSITIVE_DELIVERY = 1, IMDN_NEGATIVE_DELIVERY = 2, IMDN_PROCESSING = 4, IMDN_DISPLAY = 8 };

struct cpim_address {
	struct slice name; /* formal name, empty if there is none */
	struct slice uri;
};

struct cpim_subject {
	struct slice lang; /* empty: no ;lang */
	struct slice text;
};

struct cpim {
	struct cpim_address from; /* uri.n == 0: none */
	struct cpim_address *to, *cc;
	size_t nto, ncc;
	struct slice datetime; /* RFC 3339, as it stood */
	struct cpim_subject *subjects;
	size_t nsubjects;

	struct slice message_id; /* imdn.Message-ID */
	unsigned wanted;	 /* set of enum imdn_wanted */
	struct slice original_to;
	struct slice *record_route; /* imdn.IMDN-Record-Route, in order */
	size_t nrecord_route;
	struct slice *route; /* imdn.IMDN-Route of a report, in order */
	size_t nroute;

	struct mime_fields content; /* MIME header of the content */
	size_t body;		    /* where the content starts, octets from the start of the message */
	char *arena;
};

enum cpim_verdict {
	CPIM_OK,
	CPIM_BAD,	      /* unparsable: 400 (1.3) */
	CPIM_UNKNOWN_REQUIRED /* Require names what this reader does not know: 415 (1.1) */
};

/*
 * Read the two header blocks; in: the whole message or at least its first CPIM_HEAD_MAX octets. Names are compared by
 * namespace URI, never by prefix. Tolerated: LF line ends, no blank after the colon or before <, a bare URI, merged
 * header blocks where no empty line stands before a Content-* header. why[128]: for a person, when the verdict is not
 * CPIM_OK. On any verdict cpim_free() is due.
 */
enum cpim_verdict cpim_read(struct cpim *c, struct slice in, char why[128]);
void cpim_free(struct cpim *c);

/*
 * Append the message: From, To, cc, DateTime, Subject and IMDN headers of c in this order (absent ones left out), an
 * empty line, the MIME header lines of content (complete lines, CRLF-ended, e.g. "Content-Type:
 * text/plain;charset=UTF-8\r\n"), an empty line, body.
 */
void cpim_write(struct buf *out, const struct cpim *c, struct slice content, struct slice body);

/* "positive-delivery, display" -> set; unknown words are ignored, words compare case-insensitively (RFC 5438 6.4). */
unsigned imdn_wanted_read(struct slice list);
/* The set as a list, in the order of the enum. */
void imdn_wanted_write(struct buf *out, unsigned wanted);

/* Is content with these MIME header values an IMDN report (1.1)? disposition may be empty: a bare message/imdn+xml is
 * one as well (A.4). Or an aggregate: multipart/mixed with Content-Disposition: notification. */
bool imdn_is_report(struct slice content_type, struct slice disposition);

/* Un-escape a header value into to, which has room for in.n octets; the number of octets written. */
size_t cpim_unescape(char *to, struct slice in);
/* Append value with the escapes that output must have; quoted: inside a quoted name. */
void cpim_escape(struct buf *out, struct slice value, bool quoted);

#endif
