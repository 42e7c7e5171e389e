/*
 * next_hop.h - the route of a mail as far as the configuration knows it (1.2): a Maildir, or a smarthost with a numeric address.
 *
 * Where it is known no name has to be looked up: the map that makes the mail puts the route into it, and the mail goes past mail-route.
 * Ownership: routes are new references.
 */
#ifndef CPMAIL_MAP_NEXT_HOP_H
#define CPMAIL_MAP_NEXT_HOP_H

#include "conf/conf.h"
#include "record/record.h"

#include <netinet/in.h>

/* How next_hop_smarthost (1.2) answers for a domain. */
struct next_hop {
	const char *maildir; /* the path; NULL: no Maildir */
	char *host;	     /* name or address of the smarthost; NULL: none, the DNS decides */
	int port;
	bool numeric; /* host is an address, in its shortest form */
	bool ours;    /* 8.2: mail for the domain would come back to us; there is no way */
};

/* domain: A-labels in lower case, or an address literal. To be ended with next_hop_end(). */
void next_hop_find(const struct conf *c, const char *domain, struct next_hop *out);
void next_hop_end(struct next_hop *h);

/* The member "route" (cpmail-record(5)) but for its hosts: engine, domain, path or tls and auth. require_tls: whatever tls_mode says (sips,
 * 2.1). */
json_t *next_hop_route(const struct conf *c, const char *domain, const struct next_hop *h, bool require_tls);
/* One more host of a route; its addresses go into the array that is returned. */
json_t *next_hop_add_host(json_t *route, const char *name, int port);

/* The whole route of a mail ("to" filled, require_tls set if it is) if the configuration alone decides it and all recipients are in one
 * domain; else NULL: mail-route has to see it. */
json_t *next_hop_of_mail(const struct conf *c, const json_t *mail);

#endif
