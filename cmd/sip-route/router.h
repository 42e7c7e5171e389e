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
	HOPS_MAX = 16	       /* targets of one request */
};

struct router {
	const struct conf *conf;
	struct dns *dns;
	int wanted;   /* open look-ups that this batch began */
	bool patient; /* there is no queue to come back from */
};

/* A URI taken apart; the strings are its own. */
struct sip_target {
	char *host; /* A-labels, or numeric without brackets */
	int port;
	enum dns_sip_transport transport;
	bool sips;
};

struct way {
	struct router *router;
	bool open, orphan, counted;
	char *uri;    /* the Request-URI, perhaps by ENUM */
	char *number; /* tel: or user=phone: "+14155550101"; NULL otherwise */
	struct sip_target target;
	struct destination *dest;
	int status; /* what it failed with; 0: there is a way */
	const char *reason, *enhanced;
};

/* uri.c */
/* False: not a sip or sips URI with a host that can be asked for. */
bool sip_target_parse(struct sip_target *t, const char *uri);
void sip_target_free(struct sip_target *t);
/* The number of a tel URI, or of a sip URI with user=phone, in global form; NULL if it has none. To be freed. */
char *uri_number(const char *uri);

/* way.c */
/* Begin the look-ups of a Request-URI. */
struct way *way_find(struct router *r, const char *uri);
/* The batch is over. */
void way_leave(struct way *w);
/* The "route" member, in the order that the seed gives. */
json_t *way_route(const struct way *w, struct slice seed);

#endif
