/*
 * sip.h - from the host of a SIP URI to the servers that take its requests (RFC 3263; 2.8): NAPTR, SRV, addresses.
 *
 * Ownership: the destination handed to the callback is the receiver's: destination_free(). Its order is that of
 * destination_order().
 */
#ifndef CPMAIL_DNS_SIP_H
#define CPMAIL_DNS_SIP_H

#include "dns/destination.h"

/* As in lib/sip; NONE: the URI names no transport. */
enum dns_sip_transport { DNS_SIP_NONE = -1, DNS_SIP_UDP, DNS_SIP_TCP, DNS_SIP_TLS };

/* A URI taken apart; the string is its own. */
struct dns_sip_target {
	char *host; /* A-labels, or numeric without brackets */
	int port;
	enum dns_sip_transport transport;
	bool sips;
};

/* False: not a sip or sips URI with a host that can be asked for. */
bool dns_sip_target_parse(struct dns_sip_target *t, const char *uri);
void dns_sip_target_free(struct dns_sip_target *t);
/* The number of a tel URI, or of a sip URI with user=phone, in global form; NULL if it has none. To be freed. */
char *dns_sip_number(const char *uri);

struct dns_sip_question {
	const char *host; /* name in A-labels, or a numeric address without brackets */
	int port;	  /* 0: none written */
	enum dns_sip_transport transport;
	bool sips; /* TLS and nothing else */
};

/*
 * Numeric host: no question. Explicit port: addresses only. transport: no NAPTR. Otherwise NAPTR (SIPS+D2T, SIP+D2T,
 * SIP+D2U), else SRV of all transports, else the host's own addresses. Each host of the answer has its transport.
 * Failures: 5.1.2 (there is no such host), 4.4.3 (the DNS failed), 5.1.3 (the question cannot be one). done is called
 * from dns_wait(); for a numeric host at once.
 */
void dns_sip_find(struct dns *d, const struct dns_sip_question *q, destination_done *done, void *arg);

/* The answer for a numeric host; NULL: a name has to be asked for. */
struct destination *dns_sip_numeric(const struct dns_sip_question *q);

#endif
