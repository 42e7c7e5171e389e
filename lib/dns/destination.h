/*
 * destination.h - from a mail domain to the hosts that take its mail: NAPTR, SRV, MX, addresses, in the order of 1.2.
 *
 * Ownership: the destination handed to the callback is the receiver's: destination_free(). It never changes afterwards.
 */
#ifndef CPMAIL_DNS_DESTINATION_H
#define CPMAIL_DNS_DESTINATION_H

#include "dns/dns.h"

enum {
	DESTINATION_HOSTS_MAX = 32,
	DESTINATION_ADDRESSES_MAX = 16 /* of one host */
};

/* What is asked for, and who we are. The strings outlive the lookup. */
struct destination_policy {
	bool naptr;			  /* ask NAPTR at all */
	const char *const *services;	  /* NAPTR service fields taken, NULL-ended */
	int port;			  /* of hosts found by anything but SRV */
	const char *own_name;		  /* our host name; NULL = unknown */
	const char *const *own_addresses; /* numeric, NULL-ended; NULL = none */
};

struct destination_host {
	char *name;
	int port;
	uint64_t rank;	 /* smaller is tried first */
	uint32_t weight; /* share of the first place among equal ranks */
	size_t n;
	char address[DESTINATION_ADDRESSES_MAX][INET6_ADDRSTRLEN]; /* IPv6, then IPv4, each as the resolver gave them */
	int transport; /* of SIP servers only: enum dns_sip_transport */
};

struct destination {
	const char *enhanced; /* RFC 3463 code of the failure; NULL: there are hosts */
	const char *text;     /* and what a person may know */
	size_t n;
	struct destination_host *host;
};

typedef void destination_done(void *arg, struct destination *dest);
/* domain: in A-labels (dns_name_ascii()). done is called from dns_wait(). */
void destination_find(struct dns *d, const char *domain, const struct destination_policy *policy,
		      destination_done *done, void *arg);
/* A domain like "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3): no question is asked. NULL if it is none. */
struct destination *destination_literal(const char *domain, const struct destination_policy *policy);
/* The order in which the hosts are tried, as indices: by rank; among equals by chance and weight, the chance being a
 * function of the seed alone. */
void destination_order(const struct destination *dest, struct slice seed, size_t order[DESTINATION_HOSTS_MAX]);
void destination_free(struct destination *dest);

#endif
