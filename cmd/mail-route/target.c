#include "router.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static struct destination *failed(const char *enhanced, const char *text)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	dest->enhanced = enhanced;
	dest->text = text;
	return dest;
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

static void ask_fixed(struct target *t)
{
	t->fixed = (struct destination_host){.name = xstrdup(t->hop.host), .weight = 1, .port = t->hop.port};
	if (t->hop.numeric) {
		snprintf(t->fixed.address[0], sizeof t->fixed.address[0], "%s", t->hop.host);
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
	struct conf_scope scope = {.domain = t->domain};
	next_hop_find(t->router->conf, t->domain, &t->hop);
	read_policy(t, &scope);
	if (t->hop.ours) {
		t->dest = failed("5.4.6", "mail for this domain would come back here");
	} else if (t->hop.host) {
		ask_fixed(t);
	} else if (!t->hop.maildir && *t->domain == '[') {
		t->dest = destination_literal(t->domain, &t->policy);
		if (!t->dest)
			t->dest = failed("5.1.2", "no such address literal");
	} else if (!t->hop.maildir) {
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
	return t && !t->dest && !t->hop.maildir;
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

json_t *target_route(const struct target *t, struct slice seed, bool require_tls)
{
	size_t order[DESTINATION_HOSTS_MAX];
	json_t *route = next_hop_route(t->router->conf, t->domain, &t->hop, require_tls);
	if (t->hop.maildir)
		return route;
	destination_order(t->dest, seed, order);
	for (size_t i = 0; i < t->dest->n; i++) {
		const struct destination_host *h = &t->dest->host[order[i]];
		json_t *addresses = next_hop_add_host(route, h->name, h->port);
		for (size_t k = 0; k < h->n; k++)
			json_array_append_new(addresses, json_string(h->address[k]));
	}
	return route;
}

static void target_free(struct target *t)
{
	destination_free(t->dest);
	free(t->fixed.name);
	next_hop_end(&t->hop);
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
