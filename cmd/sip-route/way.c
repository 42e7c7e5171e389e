#include "router.h"

#include <stdlib.h>

static void way_free(struct way *w)
{
	destination_free(w->dest);
	sip_target_free(&w->target);
	free(w->uri);
	free(w->number);
	free(w);
}

static void way_known(struct way *w)
{
	w->open = false;
	if (w->counted)
		w->router->wanted--;
	w->counted = false;
	if (w->orphan)
		way_free(w);
}

static void way_failed(struct way *w, int status, const char *reason, const char *enhanced)
{
	w->status = status;
	w->reason = reason;
	w->enhanced = enhanced;
	way_known(w);
}

static void got_servers(void *arg, struct destination *dest)
{
	struct way *w = arg;
	w->dest = dest;
	if (!dest->enhanced)
		way_known(w);
	else if (dest->enhanced[0] == '4')
		way_failed(w, 503, dest->text, dest->enhanced);
	else
		way_failed(w, 404, dest->text, dest->enhanced);
}

/* The proxy, or the host of the URI (2.8). A number needs the proxy. */
static void ask_servers(struct way *w)
{
	const char *proxy = conf_str(w->router->conf, "outbound_proxy", NULL);
	const char *to = proxy && *proxy ? proxy : w->uri;
	if (to == w->uri && strncasecmp(to, "tel:", 4) == 0) {
		way_failed(w, 404, "no outbound_proxy takes telephone numbers", "5.1.1");
		return;
	}
	if (!sip_target_parse(&w->target, to)) {
		way_failed(w, 416, "not a SIP URI that can be reached", "5.1.3");
		return;
	}
	struct dns_sip_question q = {.host = w->target.host,
				     .port = w->target.port,
				     .transport = w->target.transport,
				     .sips = w->target.sips || strncasecmp(w->uri, "sips:", 5) == 0};
	dns_sip_find(w->router->dns, &q, got_servers, w);
}

static void got_number(void *arg, enum enum_result result, const char *uri)
{
	struct way *w = arg;
	if (result == ENUM_UNKNOWN) {
		way_failed(w, 480, "the number cannot be looked up now", "4.4.3");
		return;
	}
	if (result == ENUM_FOUND) {
		free(w->uri);
		w->uri = xstrdup(uri);
	}
	ask_servers(w);
}

struct way *way_find(struct router *r, const char *uri)
{
	const char *suffix = conf_str(r->conf, "enum_suffix", NULL);
	struct way *w = xcalloc(1, sizeof *w);
	w->router = r;
	w->uri = xstrdup(uri);
	w->open = w->counted = true;
	r->wanted++;
	if (conf_bool(r->conf, "enum_for_sip", NULL) && suffix && *suffix)
		w->number = uri_number(uri);
	if (w->number)
		enum_find_sip(r->dns, w->number, suffix, got_number, w);
	else
		ask_servers(w);
	return w;
}

void way_leave(struct way *w)
{
	if (!w->open) {
		way_free(w);
		return;
	}
	w->orphan = true;
	if (w->counted)
		w->router->wanted--;
	w->counted = false;
}

static void put_hop(json_t *hops, const struct way *w, const struct destination_host *h, const char *address)
{
	static const char *const name[] = {"udp", "tcp", "tls"};
	json_t *hop = json_object();
	record_set(hop, "transport", name[h->transport]);
	record_set(hop, "address", address);
	record_set_int(hop, "port", h->port);
	record_set(hop, "name", w->target.host); /* what was asked for, not what the DNS made of it (RFC 5922 7.2) */
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

json_t *way_route(const struct way *w, struct slice seed)
{
	size_t order[DESTINATION_HOSTS_MAX];
	json_t *route = json_object(), *hops = record_array(route, "hops");
	destination_order(w->dest, seed, order);
	for (size_t i = 0; i < w->dest->n; i++) {
		const struct destination_host *h = &w->dest->host[order[i]];
		for (size_t k = 0; k < h->n && json_array_size(hops) < HOPS_MAX; k++)
			put_hop(hops, w, h, h->address[k]);
	}
	put_proxy(route, conf_str(w->router->conf, "outbound_proxy", NULL));
	return route;
}
