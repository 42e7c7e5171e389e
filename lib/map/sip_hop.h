/*
 * sip_hop.h - the route of an outgoing SIP request (2.8): where it goes, and the Route header that it bears.
 *
 * Where the configuration or the Request-URI holds an address no name has to be looked up: the map that makes the request
 * puts the route into it, and it goes past sip-route. Ownership: routes are new references.
 */
#ifndef CPMAIL_MAP_SIP_HOP_H
#define CPMAIL_MAP_SIP_HOP_H

#include "base/buf.h"
#include "conf/conf.h"
#include "dns/sip.h"
#include "record/record.h"

/* The member "route" (cpmail-record(5)): the servers in the order that the seed gives, and outbound_proxy. */
json_t *sip_hop_route(const struct conf *c, const struct dns_sip_target *target, const struct destination *dest,
		      struct slice seed);
/* The same for a Request-URI if no name has to be asked for; NULL: sip-route has to see it. */
json_t *sip_hop_known(const struct conf *c, const char *uri);

#endif
