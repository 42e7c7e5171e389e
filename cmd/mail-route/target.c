#include "router.h"
#include "base/hash.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <stdlib.h>

static struct destination *failed(const char *enhanced, const char *text)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->enhanced = enhanced;
	dest->text = text;
	return dest;
}

/* 8.2: mail to a domain of the gateway itself comes back to it; there is no short cut inside. */
static bool domain_ours(const struct conf *c, const char *domain)
{
	const char *mail, *own = conf_str(c, "mail_domain", NULL);
	if (own && dns_name_same(own, domain))
		return true;
	for (size_t i = 0; conf_item(c, "domain_map", i, &mail); i++)
		if (mail && dns_name_same(mail, domain))
			return true;
	return false;
}

static void target_known(struct target *t, struct destination *dest)
{
	t->dest = dest;
	if (t->counted)
		t->router->wanted--;
	t->counted = false;
}

/* ---- a configured host ---- */

static void fixed_end(struct target *t)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->n = 1;
	dest->host = xcalloc(1, sizeof *dest->host);
	dest->host[0] = t->fixed;
	t->fixed.name = NULL;
	target_known(t, dest);
}

static void got_fixed(void *arg, const struct dns_answer *a)
{
	struct target *t = arg;
	for (size_t i = 0; i < a->n && t->fixed.n < DESTINATION_ADDRESSES_MAX; i++)
		memcpy(t->fixed.address[t->fixed.n++], a->rr[i].address, INET6_ADDRSTRLEN);
	if (t->fixed.n) {
		fixed_end(t);
		return;
	}
	log_event(LOG_WARN, NULL, "smarthost-unresolved", "host", t->fixed.name, "domain", t->domain, NULL);
	target_known(t, failed("4.4.3", "the smarthost has no address at present"));
}

static bool numeric(const char *name, char out[INET6_ADDRSTRLEN])
{
	char octets[sizeof(struct in6_addr)];
	int family = strchr(name, ':') ? AF_INET6 : AF_INET;
	return inet_pton(family, name, octets) == 1 && inet_ntop(family, octets, out, INET6_ADDRSTRLEN);
}

/* "HOST", "HOST:PORT", "[IPV6]:PORT": as conf checked it. */
static void fixed_parse(struct target *t, const char *value)
{
	struct slice rest = slice_of(value), host;
	bool more;
	if (*value == '[') {
		rest.p++, rest.n--;
		host = slice_cut(&rest, ']', &more);
		slice_cut(&rest, ':', &more);
	} else {
		host = slice_cut(&rest, ':', &more);
		if (more && memchr(rest.p, ':', rest.n)) { /* bare IPv6 */
			host = slice_of(value);
			more = false;
		}
	}
	t->fixed = (struct destination_host){.name = slice_dup(host), .weight = 1, .port = t->policy.port};
	if (more)
		t->fixed.port = atoi(rest.p);
}

static void ask_fixed(struct target *t, const char *value)
{
	t->smarthost = true;
	fixed_parse(t, value);
	if (numeric(t->fixed.name, t->fixed.address[0])) {
		t->fixed.n = 1;
		fixed_end(t);
	} else {
		dns_ask(t->router->dns, DNS_HOST, t->fixed.name, got_fixed, t);
	}
}

/* ---- any target ---- */

static void got_destination(void *arg, struct destination *dest)
{
	target_known(arg, dest);
}

static void read_policy(struct target *t, const struct conf_scope *scope)
{
	const struct conf *c = t->router->conf;
	size_t n = 0;
	while (conf_item_in(c, "naptr_services", scope, n, NULL))
		n++;
	t->services = xcalloc(n + 1, sizeof *t->services);
	for (size_t i = 0; i < n; i++)
		t->services[i] = conf_item_in(c, "naptr_services", scope, i, NULL);
	t->policy = (struct destination_policy){
		.naptr = conf_bool(c, "naptr_lookup", scope),
		.services = t->services,
		.port = (int)conf_int(c, "smtp_port", scope),
		.own_name = conf_str(c, "gateway", NULL),
		.own_addresses = t->router->own_addresses,
	};
}

/* The steps of 1.2: smarthost table, then the DNS. */
static void target_ask(struct target *t)
{
	static const char maildir[] = "maildir:";
	struct conf_scope scope = {.domain = t->domain};
	const char *smarthost = conf_str(t->router->conf, "next_hop_smarthost", &scope);
	read_policy(t, &scope);
	if (domain_ours(t->router->conf, t->domain)) {
		t->dest = failed("5.4.6", "mail for this domain would come back here");
	} else if (smarthost && strncmp(smarthost, maildir, sizeof maildir - 1) == 0) {
		t->maildir = smarthost + sizeof maildir - 1;
	} else if (smarthost) {
		ask_fixed(t, smarthost);
	} else if (*t->domain == '[') {
		t->dest = destination_literal(t->domain, &t->policy);
		if (!t->dest)
			t->dest = failed("5.1.2", "no such address literal");
	} else {
		destination_find(t->router->dns, t->domain, &t->policy, got_destination, t);
	}
}

struct target *target_find(struct router *r, struct slice domain)
{
	struct buf name = {0};
	if (domain.n && domain.p[0] == '[')
		buf_slice(&name, domain);
	else if (!dns_name_ascii(&name, domain)) {
		buf_free(&name);
		return NULL;
	}
	struct target **at = &r->targets[hash_keyed(name.p, name.n) % TARGET_BUCKETS];
	while (*at && strcmp((*at)->domain, name.p) != 0)
		at = &(*at)->chain;
	if (*at) {
		buf_free(&name);
		return *at;
	}
	struct target *t = *at = xcalloc(1, sizeof *t);
	t->router = r;
	t->domain = name.p;
	target_ask(t);
	if (target_open(t)) {
		t->counted = true;
		r->wanted++;
	}
	return t;
}

bool target_open(const struct target *t)
{
	return t && !t->dest && !t->maildir;
}

const char *target_failure(const struct target *t, const char **text)
{
	if (!t) {
		*text = "the domain is not a domain name";
		return "5.1.2";
	}
	if (!t->dest || !t->dest->enhanced)
		return NULL;
	*text = t->dest->text;
	return t->dest->enhanced;
}

static void route_hosts(const struct destination *dest, struct slice seed, json_t *hosts)
{
	size_t order[DESTINATION_HOSTS_MAX];
	destination_order(dest, seed, order);
	for (size_t i = 0; i < dest->n; i++) {
		const struct destination_host *h = &dest->host[order[i]];
		json_t *host = json_object();
		record_set(host, "name", h->name);
		record_set_int(host, "port", h->port);
		json_t *addresses = record_array(host, "addresses");
		for (size_t k = 0; k < h->n; k++)
			json_array_append_new(addresses, json_string(h->address[k]));
		json_array_append_new(hosts, host);
	}
}

/* smtp_engine; by itself libesmtp is for a smarthost that knows us by name, ours for everything else. */
static const char *engine_of(const struct target *t, const struct conf_scope *scope, bool auth)
{
	static const char *const words[] = {NULL, "direct", "submit"};
	const char *word = words[conf_enum(t->router->conf, "smtp_engine", scope)];
	return word ? word : auth ? "submit" : "direct";
}

json_t *target_route(const struct target *t, struct slice seed, bool require_tls)
{
	enum { REQUIRED = 2 };
	static const char *const tls[] = {"off", "opportunistic", [REQUIRED] = "required"};
	struct conf_scope scope = {.domain = t->domain};
	json_t *route = json_object();
	bool auth = t->smarthost && conf_item(t->router->conf, "smarthost_auth", 0, NULL);
	record_set(route, "engine", t->maildir ? "maildir" : engine_of(t, &scope, auth));
	record_set(route, "domain", t->domain);
	if (t->maildir) {
		record_set(route, "path", t->maildir);
		return route;
	}
	record_set(route, "tls", tls[require_tls ? REQUIRED : conf_enum(t->router->conf, "tls_mode", &scope)]);
	/* the name of the knob: the secret itself stands in no record */
	if (auth)
		record_set(route, "auth", "smarthost_auth");
	route_hosts(t->dest, seed, record_array(route, "hosts"));
	return route;
}

static void target_free(struct target *t)
{
	destination_free(t->dest);
	free(t->fixed.name);
	free(t->services);
	free(t->domain);
	free(t);
}

void targets_clear(struct router *r)
{
	for (size_t i = 0; i < TARGET_BUCKETS; i++)
		for (struct target **at = &r->targets[i], *t; (t = *at);) {
			if (target_open(t)) {
				t->counted = false;
				at = &t->chain;
			} else {
				*at = t->chain;
				target_free(t);
			}
		}
	r->wanted = 0;
}
