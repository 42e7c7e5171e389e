#include "dns/sip.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool port_read(struct slice s, int *port)
{
	*port = 0;
	if (!s.n || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!isdigit((unsigned char)s.p[i]))
			return false;
		*port = *port * 10 + (s.p[i] - '0');
	}
	return *port > 0 && *port < 65536;
}

static bool transport_read(struct slice params, enum dns_sip_transport *t)
{
	static const char *const name[] = {"udp", "tcp", "tls"};
	bool more = true;
	while (more) {
		struct slice value = slice_cut(&params, ';', &more), word;
		bool has;
		word = slice_cut(&value, '=', &has);
		if (!slice_ieq(word, "transport"))
			continue;
		for (int i = DNS_SIP_UDP; i <= DNS_SIP_TLS; i++)
			if (slice_ieq(value, name[i])) {
				*t = (enum dns_sip_transport)i;
				return true;
			}
		return false;
	}
	return true;
}

static bool host_read(struct dns_sip_target *t, struct slice at)
{
	struct buf name = {0};
	struct slice host, port = {0};
	bool more = false;
	if (at.n && at.p[0] == '[') {
		const char *end = memchr(at.p, ']', at.n);
		if (!end)
			return false;
		t->host = slice_dup((struct slice){at.p + 1, (size_t)(end - at.p) - 1});
		port = (struct slice){end + 1, at.n - (size_t)(end + 1 - at.p)};
		more = port.n && port.p[0] == ':';
		if (port.n && !more)
			return false;
		if (more)
			port = (struct slice){port.p + 1, port.n - 1};
	} else {
		host = slice_cut(&at, ':', &more);
		port = at;
		if (!dns_name_ascii(&name, host)) {
			buf_free(&name);
			return false;
		}
		t->host = name.p;
	}
	return !more || port_read(port, &t->port);
}

bool dns_sip_target_parse(struct dns_sip_target *t, const char *uri)
{
	struct slice rest = slice_of(uri), scheme, user;
	bool more, params, at;
	*t = (struct dns_sip_target){.transport = DNS_SIP_NONE};
	scheme = slice_cut(&rest, ':', &more);
	t->sips = slice_ieq(scheme, "sips");
	if (!more || (!t->sips && !slice_ieq(scheme, "sip")))
		return false;
	struct slice all = rest;
	user = slice_cut(&rest, '@', &at);
	(void)user;
	if (!at)
		rest = all;
	rest.n = rest.n ? strcspn(rest.p, "?") : 0;
	struct slice host = slice_cut(&rest, ';', &params);
	if (host_read(t, host) && (!params || transport_read(rest, &t->transport)))
		return true;
	dns_sip_target_free(t);
	return false;
}

void dns_sip_target_free(struct dns_sip_target *t)
{
	free(t->host);
	*t = (struct dns_sip_target){.transport = DNS_SIP_NONE};
}

char *dns_sip_number(const char *uri)
{
	struct buf number = {0};
	bool tel = strncasecmp(uri, "tel:", 4) == 0;
	if (!tel && !strcasestr(uri, ";user=phone"))
		return NULL;
	const char *p = strchr(uri, ':') + 1;
	if (*p++ != '+')
		return NULL;
	buf_putc(&number, '+');
	for (; *p && *p != ';' && *p != '@'; p++)
		if (isdigit((unsigned char)*p)) {
			buf_putc(&number, *p);
		} else if (!strchr("-.()", *p)) { /* visual separators, RFC 3966 3 */
			buf_free(&number);
			return NULL;
		}
	return number.p;
}
