/*
 * uri.h - the URIs that name users (sip, sips, tel, mailto, im), taken apart for address mapping. Private to lib/map.
 *
 * Ownership: a struct map_uri owns its buffers; map_uri_free() ends it; a zeroed one is valid and empty.
 */
#ifndef CPMAIL_MAP_URI_H
#define CPMAIL_MAP_URI_H

#include "base/buf.h"

enum map_uri_kind { MAP_URI_SIP, MAP_URI_TEL, MAP_URI_MAIL };

struct map_uri {
	enum map_uri_kind kind;
	struct buf user;    /* SIP: percent-decoded, without password; MAIL: the decoded address */
	struct buf host;    /* SIP: lower case, IPv6 in brackets in its shortest form */
	struct buf number;  /* TEL: visual separators removed, "+" kept */
	struct buf context; /* TEL: phone-context of a local number, lower case, else empty */
	unsigned port;	    /* SIP: 0 = none or default */
	bool secure;	    /* sips */
	bool phone;	    /* SIP: user=phone */
	bool control;	    /* a decoded octet is NUL, CR or LF: nobody's name */
	bool list;	    /* MAIL: a literal comma, more than one address */
};

enum map_uri_error { MAP_URI_OK, MAP_URI_SCHEME, MAP_URI_MALFORMED };

/* A URI, an addr-spec in <>, or a name-addr with display name. On error out is empty. */
enum map_uri_error map_uri_parse(const char *s, struct map_uri *out);
void map_uri_free(struct map_uri *u);
/* Append a host in its one form: lower case, IPv6 in brackets (taken without them too). false: no host. */
bool map_put_host(struct buf *out, struct slice host);
/* host[:port] */
void map_uri_put_host(struct buf *out, const struct map_uri *u);
/* "+" and 3 to 15 digits: a number of the international plan. */
bool map_number_global(struct slice s);
/* Digits only, min to max of them. */
bool map_digits(struct slice s, size_t min, size_t max);

#endif
