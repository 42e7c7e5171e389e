#include "dns/sip.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { RULES_MAX = 16, PORT = 5060, PORT_TLS = 5061 };

static const char no_host[] = "5.1.2", trouble[] = "4.4.3";

/* The services taken, and where their SRV records stand when no NAPTR leads to them; in the order of preference. */
static const struct service {
	const char *naptr, *srv;
	enum dns_sip_transport transport;
	bool sips;
} services[] = {
	{"SIPS+D2T", "_sips._tcp.", DNS_SIP_TLS, true},
	{"SIP+D2T", "_sip._tcp.", DNS_SIP_TCP, false},
	{"SIP+D2U", "_sip._udp.", DNS_SIP_UDP, false},
};
enum { SERVICES = sizeof services / sizeof *services };

struct lookup;

struct candidate {
	struct lookup *lookup;
	struct destination_host host;
	const struct dns_answer *v6, *v4;
};

struct rule {
	struct lookup *lookup;
	uint64_t rank;
	enum dns_sip_transport transport;
};

struct lookup {
	struct dns *dns;
	char *host;
	struct dns_sip_question q;
	destination_done *done;
	void *arg;
	void (*then)(struct lookup *l); /* when the last open question is answered */
	int open;
	bool failed; /* a name server failed: nothing is said about the rest */
	size_t rules;
	struct rule rule[RULES_MAX];
	size_t n;
	struct candidate candidate[DESTINATION_HOSTS_MAX];
};

static int default_port(enum dns_sip_transport t)
{
	return t == DNS_SIP_TLS ? PORT_TLS : PORT;
}

/* What an URI without NAPTR and SRV means: UDP, TLS for sips (RFC 3263 4.1). */
static enum dns_sip_transport plain_transport(const struct dns_sip_question *q)
{
	if (q->sips)
		return DNS_SIP_TLS;
	return q->transport == DNS_SIP_NONE ? DNS_SIP_UDP : q->transport;
}

static struct destination *failure(const char *enhanced, const char *text)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->enhanced = enhanced;
	dest->text = text;
	return dest;
}

static void answered(struct lookup *l)
{
	if (--l->open == 0)
		l->then(l);
}

/* ---- hosts and their addresses ---- */

static void candidate_add(struct lookup *l, const char *name, int port, enum dns_sip_transport t, uint64_t rank,
			  uint32_t weight)
{
	size_t n = strlen(name);
	if (l->n == DESTINATION_HOSTS_MAX || !n || strcmp(name, ".") == 0 || port < 1)
		return;
	struct candidate *c = &l->candidate[l->n++];
	*c = (struct candidate){
		.lookup = l,
		.host = {.name = xstrdup(name), .port = port, .transport = (int)t, .rank = rank, .weight = weight}};
	if (name[n - 1] == '.')
		c->host.name[n - 1] = '\0';
}

static void take(struct destination_host *h, const struct dns_answer *a, size_t most)
{
	for (size_t i = 0; i < a->n && h->n < most; i++)
		memcpy(h->address[h->n++], a->rr[i].address, INET6_ADDRSTRLEN);
}

static void lookup_end(struct lookup *l, struct destination *dest)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->candidate[i].host.name);
		dns_answer_drop(l->candidate[i].v6);
		dns_answer_drop(l->candidate[i].v4);
	}
	l->done(l->arg, dest);
	free(l->host);
	free(l);
}

/* Half of the places are kept for IPv4, as for mail servers. */
static void resolved(struct lookup *l)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->host = xcalloc(l->n, sizeof *dest->host);
	for (size_t i = 0; i < l->n; i++) {
		struct candidate *c = &l->candidate[i];
		size_t v4 = c->v4->n < DESTINATION_ADDRESSES_MAX / 2 ? c->v4->n : DESTINATION_ADDRESSES_MAX / 2;
		l->failed |= c->v6->status == DNS_FAILED || c->v4->status == DNS_FAILED;
		take(&c->host, c->v6, DESTINATION_ADDRESSES_MAX - v4);
		take(&c->host, c->v4, DESTINATION_ADDRESSES_MAX);
		if (c->host.n) {
			dest->host[dest->n++] = c->host;
			c->host.name = NULL;
		}
	}
	if (!dest->n) {
		dest->enhanced = l->failed ? trouble : no_host;
		dest->text = l->failed ? "DNS failure at the host of the URI" : "the host of the URI has no address";
	}
	lookup_end(l, dest);
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

static void ask_addresses(struct lookup *l)
{
	if (!l->n) {
		lookup_end(l, failure("5.1.3", "the host of the URI is none"));
		return;
	}
	l->then = resolved;
	l->open = 2 * (int)l->n;
	for (size_t i = 0; i < l->n; i++) {
		dns_ask(l->dns, DNS_AAAA, l->candidate[i].host.name, got_v6, &l->candidate[i]);
		dns_ask(l->dns, DNS_A, l->candidate[i].host.name, got_v4, &l->candidate[i]);
	}
}

static void ask_plain(struct lookup *l)
{
	enum dns_sip_transport t = plain_transport(&l->q);
	candidate_add(l, l->host, l->q.port ? l->q.port : default_port(t), t, 0, 1);
	ask_addresses(l);
}

/* ---- SRV ---- */

static void got_srv(void *arg, const struct dns_answer *a)
{
	struct rule *r = arg;
	r->lookup->failed |= a->status == DNS_FAILED;
	for (size_t i = 0; i < a->n; i++)
		candidate_add(r->lookup, a->rr[i].name, a->rr[i].port, r->transport, r->rank | a->rr[i].priority,
			      a->rr[i].weight);
	answered(r->lookup);
}

/* A server that failed to name the SRV records must not send the request past them to the bare host. */
static void srv_known(struct lookup *l)
{
	if (l->n)
		ask_addresses(l);
	else if (l->failed)
		lookup_end(l, failure(trouble, "DNS failure at the servers of the host"));
	else
		ask_plain(l);
}

static void ask_srv(struct lookup *l, const char *name, enum dns_sip_transport t, uint64_t rank)
{
	struct rule *r = &l->rule[l->rules++];
	*r = (struct rule){l, rank, t};
	l->open++;
	dns_ask(l->dns, DNS_SRV, name, got_srv, r);
}

static bool transport_wanted(const struct dns_sip_question *q, const struct service *s)
{
	if (q->sips)
		return s->sips;
	return q->transport == DNS_SIP_NONE || q->transport == s->transport;
}

static void ask_all_srv(struct lookup *l)
{
	l->then = srv_known;
	l->open = 1; /* until all are on their way */
	l->rules = 0;
	for (size_t i = 0; i < SERVICES; i++)
		if (transport_wanted(&l->q, &services[i])) {
			struct buf name = {0};
			buf_printf(&name, "%s%s", services[i].srv, l->host);
			ask_srv(l, buf_str(&name), services[i].transport, (uint64_t)i << 32);
			buf_free(&name);
		}
	answered(l);
}

/* ---- NAPTR ---- */

static const struct service *rule_service(const struct dns_sip_question *q, const struct dns_rr *rr)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (strcasecmp(rr->service, services[i].naptr) == 0)
			return transport_wanted(q, &services[i]) ? &services[i] : NULL;
	return NULL;
}

static void naptr_followed(struct lookup *l)
{
	if (l->n)
		ask_addresses(l);
	else
		ask_all_srv(l);
}

static void got_naptr(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	l->then = naptr_followed;
	l->open = 1;
	for (size_t i = 0; i < a->n && l->rules < RULES_MAX; i++) {
		const struct dns_rr *rr = &a->rr[i];
		const struct service *s = rule_service(&l->q, rr);
		uint64_t rank = (uint64_t)rr->priority << 32 | (uint64_t)rr->weight << 16;
		if (!s || *rr->regexp)
			continue;
		if (strcasecmp(rr->flags, "s") == 0)
			ask_srv(l, rr->name, s->transport, rank);
		else if (strcasecmp(rr->flags, "a") == 0)
			candidate_add(l, rr->name, default_port(s->transport), s->transport, rank, 1);
	}
	answered(l);
}

/* ---- beginning ---- */

static bool numeric(struct destination_host *h, const char *host)
{
	char octets[sizeof(struct in6_addr)];
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, host, octets) != 1 || !inet_ntop(family, octets, h->address[0], INET6_ADDRSTRLEN))
		return false;
	h->n = 1;
	return true;
}

struct destination *dns_sip_numeric(const struct dns_sip_question *q)
{
	struct destination_host h = {0};
	if (q->sips && q->transport == DNS_SIP_UDP)
		return failure("5.1.3", "sips over UDP cannot be");
	if (!numeric(&h, q->host))
		return NULL;
	struct destination *dest = xcalloc(1, sizeof *dest);
	enum dns_sip_transport t = plain_transport(q);
	h.name = xstrdup(q->host);
	h.transport = (int)t;
	h.port = q->port ? q->port : default_port(t);
	h.weight = 1;
	dest->n = 1;
	dest->host = xcalloc(1, sizeof *dest->host);
	dest->host[0] = h;
	return dest;
}

void dns_sip_find(struct dns *d, const struct dns_sip_question *q, destination_done *done, void *arg)
{
	struct destination *known = dns_sip_numeric(q);
	if (known) {
		done(arg, known);
		return;
	}
	struct lookup *l = xcalloc(1, sizeof *l);
	l->dns = d;
	l->host = xstrdup(q->host);
	l->q = *q;
	l->q.host = l->host;
	l->done = done;
	l->arg = arg;
	if (q->port)
		ask_plain(l);
	else if (q->transport != DNS_SIP_NONE)
		ask_all_srv(l);
	else
		dns_ask(d, DNS_NAPTR, l->host, got_naptr, l);
}
