#include "map/next_hop.h"
#include "dns/dns.h"
#include "mail/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

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

/* "HOST", "HOST:PORT", "[IPV6]:PORT", bare IPv6: as conf checked it. */
static void split(struct next_hop *h, const char *value)
{
	struct slice rest = slice_of(value), host;
	bool more;
	if (*value == '[') {
		rest.p++, rest.n--;
		host = slice_cut(&rest, ']', &more);
		slice_cut(&rest, ':', &more);
	} else {
		host = slice_cut(&rest, ':', &more);
		if (more && memchr(rest.p, ':', rest.n)) {
			host = slice_of(value);
			more = false;
		}
	}
	h->host = slice_dup(host);
	if (more)
		h->port = atoi(rest.p);
}

/* An address in the form that inet_ntop() gives it. */
static void shorten(struct next_hop *h)
{
	char octets[sizeof(struct in6_addr)], text[INET6_ADDRSTRLEN];
	int family = strchr(h->host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, h->host, octets) != 1 || !inet_ntop(family, octets, text, sizeof text))
		return;
	free(h->host);
	h->host = xstrdup(text);
	h->numeric = true;
}

void next_hop_find(const struct conf *c, const char *domain, struct next_hop *out)
{
	static const char maildir[] = "maildir:";
	struct conf_scope scope = {.domain = domain};
	const char *smarthost = conf_str(c, "next_hop_smarthost", &scope);
	*out = (struct next_hop){.port = (int)conf_int(c, "smtp_port", &scope), .ours = domain_ours(c, domain)};
	if (out->ours || !smarthost)
		return;
	if (strncmp(smarthost, maildir, sizeof maildir - 1) == 0) {
		out->maildir = smarthost + sizeof maildir - 1;
		return;
	}
	split(out, smarthost);
	shorten(out);
}

void next_hop_end(struct next_hop *h)
{
	free(h->host);
	*h = (struct next_hop){0};
}

/* smtp_engine; by itself libesmtp is for a smarthost that knows us by name, ours for everything else. */
static const char *engine_of(const struct conf *c, const struct conf_scope *scope, bool auth)
{
	static const char *const words[] = {NULL, "direct", "submit"};
	const char *word = words[conf_enum(c, "smtp_engine", scope)];
	return word ? word : auth ? "submit" : "direct";
}

json_t *next_hop_route(const struct conf *c, const char *domain, const struct next_hop *h, bool require_tls)
{
	enum { REQUIRED = 2 };
	static const char *const tls[] = {"off", "opportunistic", [REQUIRED] = "required"};
	struct conf_scope scope = {.domain = domain};
	json_t *route = json_object();
	bool auth = h->host && conf_item(c, "smarthost_auth", 0, NULL);
	record_set(route, "engine", h->maildir ? "maildir" : engine_of(c, &scope, auth));
	record_set(route, "domain", domain);
	if (h->maildir) {
		record_set(route, "path", h->maildir);
		return route;
	}
	record_set(route, "tls", tls[require_tls ? REQUIRED : conf_enum(c, "tls_mode", &scope)]);
	/* the name of the knob: the secret itself stands in no record */
	if (auth)
		record_set(route, "auth", "smarthost_auth");
	record_array(route, "hosts");
	return route;
}

json_t *next_hop_add_host(json_t *route, const char *name, int port)
{
	json_t *host = json_object();
	record_set(host, "name", name);
	record_set_int(host, "port", port);
	json_array_append_new(record_get(route, "hosts"), host);
	return record_array(host, "addresses");
}

/* The domain of an address as the DNS writes it, or a literal as it stands. */
static bool domain_of(const json_t *rcpt, struct buf *out)
{
	const char *address = record_str(rcpt, "address");
	struct mail_address a;
	if (!address || !mail_address_parse(slice_of(address), &a))
		return false;
	if (!a.literal)
		return dns_name_ascii(out, a.domain);
	buf_slice(out, a.domain);
	return true;
}

static bool one_domain(const json_t *to, struct buf *domain)
{
	bool one = json_array_size(to) && domain_of(json_array_get(to, 0), domain);
	for (size_t i = 1; one && i < json_array_size(to); i++) {
		struct buf other = {0};
		one = domain_of(json_array_get(to, i), &other) && strcmp(buf_str(&other), buf_str(domain)) == 0;
		buf_free(&other);
	}
	return one;
}

json_t *next_hop_of_mail(const struct conf *c, const json_t *mail)
{
	struct buf domain = {0};
	struct next_hop h = {0};
	json_t *route = NULL;
	if (one_domain(record_get(mail, "to"), &domain))
		next_hop_find(c, domain.p, &h);
	if (h.maildir || h.numeric)
		route = next_hop_route(c, domain.p, &h, record_bool(mail, "require_tls"));
	if (route && h.numeric)
		json_array_append_new(next_hop_add_host(route, h.host, h.port), json_string(h.host));
	next_hop_end(&h);
	buf_free(&domain);
	return route;
}
