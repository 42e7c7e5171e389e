#include "dns/destination.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { RULES_MAX = 16 }; /* usable NAPTR rules that are followed */

/* The answers of 1.2 to a domain that has no way to it. */
static const char no_domain[] = "5.1.2", null_mx[] = "5.1.10", dns_trouble[] = "4.4.3", own_loop[] = "5.4.6";

struct lookup;

/* A host on the way to its addresses. */
struct candidate {
	struct lookup *lookup;
	struct destination_host host;
	const struct dns_answer *v6, *v4;
};

struct rule {
	struct lookup *lookup;
	uint64_t rank;
};

struct lookup {
	struct dns *dns;
	char *domain;
	const struct destination_policy *policy;
	destination_done *done;
	void *arg;
	void (*then)(struct lookup *l); /* when the last open question is answered */
	int open;
	size_t rules;
	struct rule rule[RULES_MAX];
	size_t n;
	struct candidate candidate[DESTINATION_HOSTS_MAX];
};

static void lookup_end(struct lookup *l, struct destination *dest)
{
	l->done(l->arg, dest);
	free(l->domain);
	free(l);
}

static struct destination *destination_failed(const char *enhanced, const char *text)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->enhanced = enhanced;
	dest->text = text;
	return dest;
}

static void lookup_fail(struct lookup *l, const char *enhanced, const char *text)
{
	lookup_end(l, destination_failed(enhanced, text));
}

static void answered(struct lookup *l)
{
	if (--l->open == 0)
		l->then(l);
}

/* ---- hosts and their addresses ---- */

static void candidate_add(struct lookup *l, const char *name, int port, uint64_t rank, uint32_t weight)
{
	if (l->n == DESTINATION_HOSTS_MAX || strcmp(name, ".") == 0)
		return;
	struct candidate *c = &l->candidate[l->n++];
	*c = (struct candidate){.lookup = l,
				.host = {.name = xstrdup(name), .port = port, .rank = rank, .weight = weight}};
	size_t n = strlen(c->host.name);
	if (n > 1 && c->host.name[n - 1] == '.')
		c->host.name[n - 1] = '\0';
}

static void candidates_clear(struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->candidate[i].host.name);
		dns_answer_drop(l->candidate[i].v6);
		dns_answer_drop(l->candidate[i].v4);
	}
	l->n = 0;
}

static void got_v6(void *arg, const struct dns_answer *a)
{
	struct candidate *c = arg;
	c->v6 = dns_answer_keep(a);
	answered(c->lookup);
}

static void got_v4(void *arg, const struct dns_answer *a)
{
	struct candidate *c = arg;
	c->v4 = dns_answer_keep(a);
	answered(c->lookup);
}

/* Both families of every candidate at once. */
static void ask_addresses(struct lookup *l, void (*then)(struct lookup *))
{
	l->then = then;
	l->open = 2 * (int)l->n;
	for (size_t i = 0; i < l->n; i++) {
		dns_ask(l->dns, DNS_AAAA, l->candidate[i].host.name, got_v6, &l->candidate[i]);
		dns_ask(l->dns, DNS_A, l->candidate[i].host.name, got_v4, &l->candidate[i]);
	}
}

static void take_addresses(struct destination_host *h, const struct dns_answer *a, size_t most)
{
	for (size_t i = 0; i < a->n && h->n < most; i++)
		memcpy(h->address[h->n++], a->rr[i].address, INET6_ADDRSTRLEN);
}

/* Half of the places are kept for IPv4: a host with very many IPv6 addresses must not hide its others. */
static void resolve_candidates(struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct candidate *c = &l->candidate[i];
		size_t v4 = c->v4->n < DESTINATION_ADDRESSES_MAX / 2 ? c->v4->n : DESTINATION_ADDRESSES_MAX / 2;
		take_addresses(&c->host, c->v6, DESTINATION_ADDRESSES_MAX - v4);
		take_addresses(&c->host, c->v4, DESTINATION_ADDRESSES_MAX);
	}
}

static bool address_ours(const struct destination_policy *p, const char *address)
{
	for (const char *const *own = p->own_addresses; own && *own; own++)
		if (strcasecmp(*own, address) == 0)
			return true;
	return false;
}

static bool host_ours(const struct destination_policy *p, const struct destination_host *h)
{
	if (p->own_name && dns_name_same(h->name, p->own_name))
		return true;
	for (size_t i = 0; i < h->n; i++)
		if (address_ours(p, h->address[i]))
			return true;
	return false;
}

/* The rank from which on a host would lead back to us (RFC 5321 5.1); UINT64_MAX if none does. */
static uint64_t loop_rank(const struct lookup *l)
{
	uint64_t rank = UINT64_MAX;
	for (size_t i = 0; i < l->n; i++)
		if (host_ours(l->policy, &l->candidate[i].host) && l->candidate[i].host.rank < rank)
			rank = l->candidate[i].host.rank;
	return rank;
}

static bool any_address(const struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->candidate[i].host.n)
			return true;
	return false;
}

static bool any_failure(const struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->candidate[i].v6->status == DNS_FAILED || l->candidate[i].v4->status == DNS_FAILED)
			return true;
	return false;
}

/* All candidates are resolved: those that are left make the destination. */
static void conclude(struct lookup *l)
{
	uint64_t loop = loop_rank(l);
	struct destination *dest = xcalloc(1, sizeof *dest);
	size_t before_loop = 0;
	dest->host = xcalloc(l->n, sizeof *dest->host);
	for (size_t i = 0; i < l->n; i++) {
		struct destination_host *h = &l->candidate[i].host;
		if (h->rank >= loop)
			continue;
		before_loop++;
		if (h->n) {
			dest->host[dest->n++] = *h;
			h->name = NULL;
		}
	}
	if (dest->n == 0) {
		bool back = loop != UINT64_MAX && before_loop == 0;
		dest->enhanced = back ? own_loop : dns_trouble;
		dest->text = back ? "mail for this domain would come back here" : "no mail exchanger has an address";
	}
	candidates_clear(l);
	lookup_end(l, dest);
}

/* ---- step 4 to 6: MX, or the domain itself ---- */

static void implicit_resolved(struct lookup *l)
{
	resolve_candidates(l);
	if (any_address(l) || loop_rank(l) != UINT64_MAX) {
		conclude(l);
		return;
	}
	bool trouble = any_failure(l);
	candidates_clear(l);
	if (trouble)
		lookup_fail(l, dns_trouble, "DNS failure at the address of the domain");
	else
		lookup_fail(l, no_domain, "domain has neither mail exchanger nor address");
}

static void mx_resolved(struct lookup *l)
{
	resolve_candidates(l);
	conclude(l);
}

static void take_mx(struct lookup *l, const struct dns_answer *a)
{
	if (a->n == 1 && strcmp(a->rr[0].name, ".") == 0) {
		lookup_fail(l, null_mx, "domain accepts no mail");
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		candidate_add(l, a->rr[i].name, l->policy->port, a->rr[i].priority, 1);
	if (l->n)
		ask_addresses(l, mx_resolved);
	else
		lookup_fail(l, dns_trouble, "no mail exchanger has an address");
}

static void got_mx(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	switch (a->status) {
	case DNS_OK:
		take_mx(l, a);
		break;
	case DNS_NODATA:
		candidate_add(l, l->domain, l->policy->port, 0, 1);
		ask_addresses(l, implicit_resolved);
		break;
	case DNS_NXDOMAIN:
		lookup_fail(l, no_domain, "domain does not exist");
		break;
	case DNS_FAILED:
		lookup_fail(l, dns_trouble, "DNS failure at the mail exchangers of the domain");
		break;
	}
}

static void ask_mx(struct lookup *l)
{
	candidates_clear(l);
	dns_ask(l->dns, DNS_MX, l->domain, got_mx, l);
}

/* ---- step 3: NAPTR ---- */

static void naptr_resolved(struct lookup *l)
{
	resolve_candidates(l);
	if (any_address(l))
		conclude(l);
	else
		ask_mx(l);
}

static void rules_followed(struct lookup *l)
{
	if (l->n)
		ask_addresses(l, naptr_resolved);
	else
		ask_mx(l);
}

static void got_srv(void *arg, const struct dns_answer *a)
{
	struct rule *r = arg;
	for (size_t i = 0; i < a->n; i++)
		candidate_add(r->lookup, a->rr[i].name, a->rr[i].port, r->rank | a->rr[i].priority, a->rr[i].weight);
	answered(r->lookup);
}

static bool rule_usable(const struct destination_policy *p, const struct dns_rr *rr)
{
	if (*rr->regexp || (strcasecmp(rr->flags, "s") != 0 && strcasecmp(rr->flags, "a") != 0))
		return false;
	for (const char *const *service = p->services; *service; service++)
		if (strcasecmp(*service, rr->service) == 0)
			return true;
	return false;
}

static void got_naptr(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	l->then = rules_followed;
	l->open = 1; /* this answer, until all its rules are on their way */
	for (size_t i = 0; i < a->n && l->rules < RULES_MAX; i++) {
		const struct dns_rr *rr = &a->rr[i];
		uint64_t rank = (uint64_t)rr->priority << 32 | (uint64_t)rr->weight << 16;
		if (!rule_usable(l->policy, rr))
			continue;
		struct rule *r = &l->rule[l->rules++];
		*r = (struct rule){l, rank};
		if (strcasecmp(rr->flags, "a") == 0) {
			candidate_add(l, rr->name, l->policy->port, rank, 1);
		} else {
			l->open++;
			dns_ask(l->dns, DNS_SRV, rr->name, got_srv, r);
		}
	}
	answered(l);
}

void destination_find(struct dns *d, const char *domain, const struct destination_policy *policy,
		      destination_done *done, void *arg)
{
	struct lookup *l = xcalloc(1, sizeof *l);
	l->dns = d;
	l->domain = xstrdup(domain);
	l->policy = policy;
	l->done = done;
	l->arg = arg;
	if (policy->naptr)
		dns_ask(d, DNS_NAPTR, domain, got_naptr, l);
	else
		ask_mx(l);
}

/* ---- without questions ---- */

struct destination *destination_literal(const char *domain, const struct destination_policy *policy)
{
	static const char tag[] = "IPv6:";
	char text[INET6_ADDRSTRLEN + sizeof tag], octets[sizeof(struct in6_addr)];
	size_t n = strlen(domain);
	if (n < 3 || domain[0] != '[' || domain[n - 1] != ']' || n - 2 >= sizeof text)
		return NULL;
	memcpy(text, domain + 1, n - 2);
	text[n - 2] = '\0';
	bool six = strncasecmp(text, tag, sizeof tag - 1) == 0;
	const char *numeric = six ? text + sizeof tag - 1 : text;
	if (inet_pton(six ? AF_INET6 : AF_INET, numeric, octets) != 1)
		return NULL;
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->host = xcalloc(1, sizeof *dest->host);
	struct destination_host *h = &dest->host[0];
	inet_ntop(six ? AF_INET6 : AF_INET, octets, h->address[0], sizeof h->address[0]);
	h->n = dest->n = 1;
	h->name = xstrdup(h->address[0]);
	h->port = policy->port;
	h->weight = 1;
	if (!host_ours(policy, h))
		return dest;
	destination_free(dest);
	return destination_failed(own_loop, "mail for this address would come back here");
}

/* A number that depends on the seed, the place that is to be filled and the host that stands there, and on nothing
 * else. */
static uint64_t chance(struct slice seed, size_t place, const struct destination_host *h)
{
	uint64_t x = hash64(hash64(0, seed.p, seed.n), h->name, strlen(h->name));
	return hash64(x, &place, sizeof place);
}

/* A weight of 0 keeps a small chance beside others (RFC 2782). */
static uint64_t share(const struct destination_host *h)
{
	return h->weight ? h->weight * 1000ull : 1;
}

/* Which of order[from..end) is next: by weight, the lot drawn from the first one's chance. */
static size_t draw(const struct destination *dest, struct slice seed, const size_t *order, size_t from, size_t end)
{
	uint64_t sum = 0, lot;
	for (size_t i = from; i < end; i++)
		sum += share(&dest->host[order[i]]);
	lot = chance(seed, from, &dest->host[order[from]]) % sum;
	while (lot >= share(&dest->host[order[from]]))
		lot -= share(&dest->host[order[from++]]);
	return from;
}

static bool host_after(const struct destination_host *a, const struct destination_host *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	int names = strcasecmp(a->name, b->name); /* the server may turn its list round: the lot must not see it */
	return names > 0 || (names == 0 && a->port > b->port);
}

void destination_order(const struct destination *dest, struct slice seed, size_t order[DESTINATION_HOSTS_MAX])
{
	for (size_t i = 0; i < dest->n; i++) {
		size_t k = i;
		for (; k && host_after(&dest->host[order[k - 1]], &dest->host[i]); k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	for (size_t from = 0, end; from < dest->n; from++) {
		for (end = from + 1; end < dest->n; end++)
			if (dest->host[order[end]].rank != dest->host[order[from]].rank)
				break;
		size_t pick = draw(dest, seed, order, from, end), swap = order[pick];
		order[pick] = order[from];
		order[from] = swap;
	}
}

void destination_free(struct destination *dest)
{
	if (!dest)
		return;
	for (size_t i = 0; i < dest->n; i++)
		free(dest->host[i].name);
	free(dest->host);
	free(dest);
}
