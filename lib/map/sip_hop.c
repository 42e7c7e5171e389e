#include "map/sip_hop.h"

#include <stdlib.h>

enum { HOPS_MAX = 16 }; /* targets of one request */

static void put_hop(json_t *hops, const char *host, const struct destination_host *h, const char *address)
{
	static const char *const name[] = {"udp", "tcp", "tls"};
	json_t *hop = json_object();
	record_set(hop, "transport", name[h->transport]);
	record_set(hop, "address", address);
	record_set_int(hop, "port", h->port);
	record_set(hop, "name", host); /* what was asked for, not what the DNS made of it (RFC 5922 7.2) */
	json_array_append_new(hops, hop);
}

static void put_proxy(json_t *route, const char *proxy)
{
	if (!proxy || !*proxy)
		return;
	char *value = xasprintf("<%s%s>", proxy, strcasestr(proxy, ";lr") ? "" : ";lr");
	record_set(route, "proxy", value);
	free(value);
}

json_t *sip_hop_route(const struct conf *c, const struct dns_sip_target *target, const struct destination *dest,
		      struct slice seed)
{
	size_t order[DESTINATION_HOSTS_MAX];
	json_t *route = json_object(), *hops = record_array(route, "hops");
	destination_order(dest, seed, order);
	for (size_t i = 0; i < dest->n; i++) {
		const struct destination_host *h = &dest->host[order[i]];
		for (size_t k = 0; k < h->n && json_array_size(hops) < HOPS_MAX; k++)
			put_hop(hops, target->host, h, h->address[k]);
	}
	put_proxy(route, conf_str(c, "outbound_proxy", NULL));
	return route;
}

/* ENUM (2.7) may change the Request-URI. */
static bool wants_enum(const struct conf *c, const char *uri)
{
	const char *suffix = conf_str(c, "enum_suffix", NULL);
	char *number = conf_bool(c, "enum_for_sip", NULL) && suffix && *suffix ? dns_sip_number(uri) : NULL;
	bool wanted = number != NULL;
	free(number);
	return wanted;
}

json_t *sip_hop_known(const struct conf *c, const char *uri)
{
	const char *proxy = conf_str(c, "outbound_proxy", NULL), *to = proxy && *proxy ? proxy : uri;
	struct dns_sip_target target;
	if (!uri || wants_enum(c, uri) || !dns_sip_target_parse(&target, to))
		return NULL;
	struct dns_sip_question q = {.host = target.host,
				     .port = target.port,
				     .transport = target.transport,
				     .sips = target.sips || strncasecmp(uri, "sips:", 5) == 0};
	struct destination *dest = dns_sip_numeric(&q);
	json_t *route = dest && !dest->enhanced ? sip_hop_route(c, &target, dest, (struct slice){"", 0}) : NULL;
	if (dest)
		destination_free(dest);
	dns_sip_target_free(&target);
	return route;
}
