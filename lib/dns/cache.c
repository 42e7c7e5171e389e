#include "dns/cache.h"
#include "base/hash.h"

#include <stdlib.h>

/* Keyed: names come from the network, and may not be chosen to share a set. */
static struct dns_cached *find_set(struct dns_cache *c, enum dns_type type, const char *name)
{
	return c->set[(hash_keyed(name, strlen(name)) ^ (unsigned)type) % DNS_CACHE_SETS];
}

static void forget(struct dns_cached *e)
{
	dns_answer_drop(e->answer);
	free(e->name);
	*e = (struct dns_cached){0};
}

const struct dns_answer *dns_cache_get(struct dns_cache *c, enum dns_type type, const char *name, int64_t now_us)
{
	struct dns_cached *e = find_set(c, type, name);
	for (int i = 0; i < DNS_CACHE_WAYS; i++)
		if (e[i].answer && e[i].type == type && strcmp(e[i].name, name) == 0)
			return e[i].expires_us > now_us ? e[i].answer : NULL;
	return NULL;
}

void dns_cache_put(struct dns_cache *c, enum dns_type type, const char *name, const struct dns_answer *a,
		   int64_t now_us)
{
	struct dns_cached *set = find_set(c, type, name), *to = set;
	uint32_t ttl = a->status == DNS_FAILED ? DNS_FAILURE_TTL : a->ttl;
	if (ttl == 0)
		return;
	for (int i = 0; i < DNS_CACHE_WAYS; i++) {
		if (set[i].answer && set[i].type == type && strcmp(set[i].name, name) == 0) {
			to = &set[i];
			break;
		}
		if (set[i].expires_us < to->expires_us)
			to = &set[i];
	}
	forget(to);
	*to = (struct dns_cached){type, xstrdup(name), dns_answer_keep(a), now_us + (int64_t)ttl * 1000000};
}

void dns_cache_clear(struct dns_cache *c)
{
	for (int s = 0; s < DNS_CACHE_SETS; s++)
		for (int i = 0; i < DNS_CACHE_WAYS; i++)
			forget(&c->set[s][i]);
}
