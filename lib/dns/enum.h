/*
 * enum.h - from a telephone number to an e-mail address (2.7, RFC 6116).
 *
 * Ownership: the lookup frees itself after its callback; the address is the callback's to read, not to keep.
 */
#ifndef CPMAIL_DNS_ENUM_H
#define CPMAIL_DNS_ENUM_H

#include "dns/dns.h"

enum {
	ENUM_DEPTH_MAX = 5,	/* non-terminal rules that lead to one another */
	ENUM_QUESTIONS_MAX = 16,/* over all branches */
	ENUM_RULES_MAX = 8	/* likewise: rules for the service that are tried; each may cost some ms */
};

enum enum_result {
	ENUM_FOUND,
	ENUM_NONE,   /* no such number, or no rule that gives an address: 404 */
	ENUM_UNKNOWN /* no rule found, and a server failed or was silent: 480 */
};

typedef void enum_done(void *arg, enum enum_result result, const char *address);
/* The same for a SIP URI (service E2U+sip): it is handed over in the place of the address. */
void enum_find_sip(struct dns *d, const char *number, const char *suffix, enum_done *done, void *arg);
/* number: "+14155550101"; suffix: "e164.arpa". done is called from dns_wait(). */
void enum_find(struct dns *d, const char *number, const char *suffix, enum_done *done, void *arg);

#endif
