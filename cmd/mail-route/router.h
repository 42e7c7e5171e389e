/*
 * router.h - the parts of mail-route: where each domain of a batch leads to, what becomes of each record.
 *
 * Ownership: a struct router lives as long as the process; its targets as long as the batch.
 */
#ifndef CPMAIL_MAIL_ROUTE_H
#define CPMAIL_MAIL_ROUTE_H

#include "dns/destination.h"
#include "dns/dns.h"
#include "dns/enum.h"
#include "frame/frame.h"
#include "map/next_hop.h"

enum {
	TARGET_BUCKETS = 256,
	OWN_ADDRESSES_MAX = 32,
	PATIENCE_MS = 300,     /* how long a batch waits for names nobody asked for before */
	COME_BACK_US = 400000, /* when a record whose names are still open is tried again */
};

/* Where the mail for one domain goes. Looked up once a batch, however many records ask; one that is still open at the
 * end of the batch goes on, and is there when the records come back. */
struct target {
	struct router *router;
	char *domain;		  /* A-labels in lower case, or an address literal */
	struct next_hop hop;	  /* what the configuration says of it */
	struct destination *dest; /* NULL: maildir, or still open */
	bool counted;		  /* as one of router.wanted */
	struct destination_policy policy;
	const char **services;
	struct destination_host fixed; /* the smarthost while its addresses are asked for */
	struct target *chain;
};

struct router {
	const struct conf *conf;
	struct dns *dns;
	const char *own_addresses[OWN_ADDRESSES_MAX + 1];
	struct target *targets[TARGET_BUCKETS];
	struct question *questions; /* telephone numbers */
	int wanted;		    /* open look-ups that this batch began */
	bool patient;		    /* wait until everything is known: there is no queue to come back from */
};

/* ---- target.c ---- */
/* The target of a domain (any case, IDN or address literal); questions it needs are on their way.
 * NULL: it cannot be a domain. */
struct target *target_find(struct router *r, struct slice domain);
/* RFC 3463 code and text of a target that cannot be reached, NULL otherwise. */
const char *target_failure(const struct target *t, const char **text);
/* The "route" member: engine, domain, hosts in the order that the seed gives. require_tls: whatever tls_mode says
 * (sips, 2.1). */
json_t *target_route(const struct target *t, struct slice seed, bool require_tls);
bool target_open(const struct target *t);
/* The batch is over: those that are known go. */
void targets_clear(struct router *r);

/* ---- mail.c: mail.out ---- */
/* Start the look-ups of a mail's recipients. */
void mail_ask(struct router *r, struct frame_item *it);
/* Once the names are looked up: a mail.out.routed for each domain, a mail.result for what has no way, the rest deferred. */
void mail_answer(struct router *r, struct frame_item *it);

/* ---- number.c: sip.request ---- */
void number_ask(struct router *r, struct frame_item *it);
void number_answer(struct frame_item *it);
void numbers_clear(struct router *r);

#endif
