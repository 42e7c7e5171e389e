/*
 * address.h - e-mail addresses as (local part, domain): taken apart strictly, put together again, never pasted (8.5).
 *
 * Ownership: the slices of a struct mail_address point into the text that was parsed.
 */
#ifndef CPMAIL_MAIL_ADDRESS_H
#define CPMAIL_MAIL_ADDRESS_H

#include "base/buf.h"

enum {
	MAIL_LOCAL_MAX = 64, /* octets, RFC 5321 4.5.3.1.1 */
	MAIL_DOMAIN_MAX = 255,
	MAIL_ORCPT_MAX = 500, /* octets of an ORCPT value, RFC 3461 4.2 */
};

struct mail_address {
	struct slice local;  /* a quoted local part keeps its quotes */
	struct slice domain; /* host name, or [address literal] */
	bool quoted;
	bool literal; /* the domain is an address literal */
	bool ascii;   /* false: needs SMTPUTF8 (RFC 6531) */
};

/*
 * The whole of s is one RFC 5321 Mailbox: dot-atom or quoted string, "@", host name or address literal. UTF-8 is taken
 * (RFC 6531). Refused: control characters even where quoted, blanks around, source routes, comments, a numeric last
 * label, anything over the limits. A domain without a dot passes: whether it is wanted is the caller's question.
 */
bool mail_address_parse(struct slice s, struct mail_address *out);
/* Append local@domain, the domain in lower case, the local part as it stands. */
void mail_address_put(struct buf *out, const struct mail_address *a);
/* Append the local part without its quotes and backslashes. */
void mail_local_plain(struct buf *out, const struct mail_address *a);
/* A host name: labels of 1 to 63 letters, digits, hyphens (inside) or UTF-8 octets, at most MAIL_DOMAIN_MAX, no final
 * dot. */
bool mail_domain_valid(struct slice s);
/* Append s with A-Z as a-z. */
void mail_put_lower(struct buf *out, struct slice s);

/* xtext (RFC 3461 4): octets 33..126 but "+" and "=" as they are, all others as +HH. */
void xtext_put(struct buf *out, struct slice s);
/* false on a bad escape or an octet that xtext cannot hold. */
bool xtext_get(struct buf *out, struct slice s);
/* "rfc822;" and the address in xtext. false, nothing appended: the address is not ASCII or the value would be over
 * MAIL_ORCPT_MAX. */
bool mail_orcpt_put(struct buf *out, struct slice address);

#endif
