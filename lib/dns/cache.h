/*
 * cache.h - answers kept for their TTL, in a bounded table of sets; a full set loses what would expire first.
 *
 * Ownership: the cache holds one reference of every answer in it.
 */
#ifndef CPMAIL_DNS_CACHE_H
#define CPMAIL_DNS_CACHE_H

#include "dns/dns.h"

enum {
	DNS_CACHE_SETS = 512,
	DNS_CACHE_WAYS = 4,
	/* seconds that a failure is remembered (RFC 2308 7): a dead server costs one wait, not one a mail */
	DNS_FAILURE_TTL = 10
};

struct dns_cached {
	enum dns_type type;
	char *name;
	const struct dns_answer *answer; /* NULL: free */
	int64_t expires_us;
};

struct dns_cache {
	struct dns_cached set[DNS_CACHE_SETS][DNS_CACHE_WAYS];
};

/* The answer that is still good at now (monotonic µs), or NULL; lent. The name: lower case, no final dot. */
const struct dns_answer *dns_cache_get(struct dns_cache *c, enum dns_type type, const char *name, int64_t now_us);
/* Keep an answer for its TTL; 0 seconds: not at all. */
void dns_cache_put(struct dns_cache *c, enum dns_type type, const char *name, const struct dns_answer *a,
		   int64_t now_us);
void dns_cache_clear(struct dns_cache *c);

#endif
