#include "router.h"
#include "map/sip_hop.h"

#include <stdlib.h>

static void way_free(struct way *w)
{
	destination_free(w->dest);
	dns_sip_target_free(&w->target);
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
	if (!dns_sip_target_parse(&w->target, to)) {
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
		w->number = dns_sip_number(uri);
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

json_t *way_route(const struct way *w, struct slice seed)
{
	return sip_hop_route(w->router->conf, &w->target, w->dest, seed);
}
