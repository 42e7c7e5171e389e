/*
 * naptr.h - what the fields of a NAPTR rule mean (RFC 3403, 6116): pure functions of text, no question is asked here.
 *
 * The rules come from whoever runs the zone: a regular expression is refused unless its cost is bounded.
 */
#ifndef CPMAIL_DNS_NAPTR_H
#define CPMAIL_DNS_NAPTR_H

#include "base/buf.h"

enum {
	ENUM_DIGITS_MAX = 15,  /* E.164 */
	NAPTR_RESULT_MAX = 512 /* octets that a rule may make of a number */
};

/* "+14155550101" and "e164.arpa" -> "1.0.1.0.5.5.5.5.1.4.1.e164.arpa"; false if the number is not "+" and 3..15 digits.
 */
bool enum_domain(struct buf *out, const char *number, const char *suffix);
/* Is the service one of a field like "E2U+sip+email:mailto"? Case does not count; service = "email:mailto". */
bool enum_service(const char *field, const char *service);
/* Apply "!ERE!replacement!flags" to subject. false: it does not match, is malformed, or not worth its cost. */
bool naptr_rewrite(struct buf *out, const char *regexp, const char *subject);
/* "mailto:carol@example.org?..." -> "carol@example.org" (percent-decoded, what follows the "?" dropped); false unless
 * it is one plain address: local part 1..64 octets, domain 1..255, no control octets or blanks. */
bool naptr_mailto(struct buf *out, const char *uri);

#endif
