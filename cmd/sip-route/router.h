/*
 * router.h - sip-route: what its files share.
 *
 * Ownership: a struct way belongs to its record while the batch lasts; one whose look-up is still open then frees
 * itself when the answer comes (the answer stays in the cache for the record that comes back).
 */
#ifndef CPMAIL_SIP_ROUTE_H
#define CPMAIL_SIP_ROUTE_H

#include "dns/enum.h"
#include "dns/sip.h"
#include "frame/frame.h"

enum {
	PATIENCE_MS = 300,     /* how long a batch waits for names nobody asked for before */
	COME_BACK_US = 400000, /* when a record whose names are still open is tried again */
};

struct router {
	const struct conf *conf;
	struct dns *dns;
	int wanted;   /* open look-ups that this batch began */
	bool patient; /* there is no queue to come back from */
};

struct way {
	struct router *router;
	bool open, orphan, counted;
	char *uri;    /* the Request-URI, perhaps by ENUM */
	char *number; /* tel: or user=phone: "+14155550101"; NULL otherwise */
	struct dns_sip_target target;
	struct destination *dest;
	int status; /* what it failed with; 0: there is a way */
	const char *reason, *enhanced;
};

/* way.c */
/* Begin the look-ups of a Request-URI. */
struct way *way_find(struct router *r, const char *uri);
/* The batch is over. */
void way_leave(struct way *w);
/* The "route" member, in the order that the seed gives. */
json_t *way_route(const struct way *w, struct slice seed);

#endif
