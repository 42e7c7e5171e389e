/* What the checks ask the configuration: own names, addresses, deny lists (1.3, 8.2). */
#include "listen.h"

#include <stdlib.h>

static bool names_us(const char *element, struct slice host, int port)
{
	struct slice rest = slice_of(element), name;
	bool more;
	if (rest.n && rest.p[0] == '[') {
		const char *end = memchr(rest.p, ']', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		name = (struct slice){rest.p + 1, n - 1};
		rest = n + 2 < rest.n ? (struct slice){rest.p + n + 2, rest.n - n - 2} : (struct slice){"", 0};
	} else {
		name = slice_cut(&rest, ':', &more);
	}
	if (name.n != host.n || strncasecmp(name.p, host.p, host.n) != 0)
		return false;
	return !rest.n || !port || atoi(rest.p) == port;
}

static bool is_own(void *ctx, struct slice host, int port)
{
	struct server *s = ctx;
	const char *element;
	union sip_addr a;
	for (size_t i = 0; (element = conf_item(frame_conf(s->frame), "advertise", i, NULL)); i++)
		if (names_us(element, host, port))
			return true;
	if (names_us(map_gateway(s->names), host, 0))
		return true;
	if (!sip_addr_parse(&a, host, port))
		return false;
	for (size_t i = 0; i < s->sockets; i++)
		if (sip_addr_same_host(&a, &s->socket[i].addr) && (!port || port == sip_addr_port(&s->socket[i].addr)))
			return true;
	return false;
}

/* 2.4; a telephone number is asked for in DNS later, by who knows DNS. */
static int address(void *ctx, struct slice uri)
{
	struct server *s = ctx;
	char *text = slice_dup(uri);
	buf_clear(&s->recipient);
	enum map_verdict v = map_from_request_uri(s->names, text, &s->recipient);
	free(text);
	switch (v) {
	case MAP_OK:
	case MAP_ENUM:
		return 0;
	case MAP_SCHEME:
		return 416;
	case MAP_BAD:
		return 400;
	case MAP_NONE:
		break;
	}
	return 404;
}

static struct slice host_of(struct slice address)
{
	const char *at = memrchr(address.p, '@', address.n);
	struct slice host =
		at ? (struct slice){at + 1, address.n - (size_t)(at + 1 - address.p)} : (struct slice){"", 0};
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] == ';' || host.p[i] == ':' || host.p[i] == '?')
			host.n = i;
	return host;
}

static bool listed(const struct conf *c, const char *knob, struct slice value)
{
	const char *element;
	for (size_t i = 0; value.n && (element = conf_item(c, knob, i, NULL)); i++)
		if (slice_ieq(value, element))
			return true;
	return false;
}

/* Two URIs are one user if they have one normal form (2.1). */
static bool originator_barred(struct server *s, struct slice identity)
{
	const struct conf *c = frame_conf(s->frame);
	if (!conf_item(c, "barred", 0, NULL) || !identity.n)
		return false;
	if (listed(c, "barred", host_of(identity)) || listed(c, "barred", identity))
		return true;
	char *text = slice_dup(identity);
	struct buf mine = {0}, other = {0};
	const char *element;
	bool found = false;
	if (map_normalise_uri(s->names, text, &mine))
		for (size_t i = 0; !found && (element = conf_item(c, "barred", i, NULL)); i++) {
			buf_clear(&other);
			found = map_normalise_uri(s->names, element, &other) &&
				strcmp(buf_str(&mine), buf_str(&other)) == 0;
		}
	buf_free(&mine);
	buf_free(&other);
	free(text);
	return found;
}

/* Row "address" went before: s->recipient is the address of this Request-URI, or empty where it was not asked. */
static int barred(void *ctx, struct slice identity, struct slice uri)
{
	struct server *s = ctx;
	const struct conf *c = frame_conf(s->frame);
	struct slice to = slice_buf(&s->recipient);
	(void)uri;
	bool no = listed(c, "deny_domains", host_of(to)) || listed(c, "opt_out", to) || originator_barred(s, identity);
	return no ? 403 : 0;
}

void request_policy(struct server *s)
{
	const struct conf *c = frame_conf(s->frame);
	s->policy = (struct sip_policy){
		.refuse_untrusted = conf_enum(c, "untrusted", NULL) == 0,
		.max_body = conf_int(c, "max_pager_in", NULL),
		.is_own = is_own,
		.address = address,
		.barred = barred,
		.ctx = s,
	};
}
