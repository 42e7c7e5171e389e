#include "sip/net.h"

#include <arpa/inet.h>
#include <stdlib.h>

const char *sip_transport_name(enum sip_transport t)
{
	static const char *const name[] = {"udp", "tcp", "tls"};
	return name[t];
}

int sip_transport_port(enum sip_transport t)
{
	return t == SIP_TLS ? SIP_PORT_TLS : SIP_PORT;
}

void sip_addr_set(union sip_addr *a, const struct sockaddr *sa)
{
	memset(a, 0, sizeof *a);
	if (sa->sa_family == AF_INET) {
		memcpy(&a->in4, sa, sizeof a->in4);
		return;
	}
	if (sa->sa_family != AF_INET6)
		return;
	memcpy(&a->in6, sa, sizeof a->in6);
	if (!IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = a->in6.sin6_port};
	memcpy(&v4.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
	memset(a, 0, sizeof *a);
	a->in4 = v4;
}

bool sip_addr_parse(union sip_addr *a, struct slice host, int port)
{
	char text[SIP_ADDR_TEXT];
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){host.p + 1, host.n - 2};
	if (!host.n || host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		sip_addr_set(a, (const struct sockaddr *)&v4);
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		sip_addr_set(a, (const struct sockaddr *)&v6);
	else
		return false;
	return true;
}

socklen_t sip_addr_len(const union sip_addr *a)
{
	return a->sa.sa_family == AF_INET ? sizeof a->in4 : sizeof a->in6;
}

int sip_addr_port(const union sip_addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->in4.sin_port : a->in6.sin6_port);
}

void sip_addr_set_port(union sip_addr *a, int port)
{
	if (a->sa.sa_family == AF_INET)
		a->in4.sin_port = htons((uint16_t)port);
	else
		a->in6.sin6_port = htons((uint16_t)port);
}

const char *sip_addr_text(const union sip_addr *a, char out[SIP_ADDR_TEXT])
{
	const void *octets =
		a->sa.sa_family == AF_INET ? (const void *)&a->in4.sin_addr : (const void *)&a->in6.sin6_addr;
	if (!inet_ntop(a->sa.sa_family, octets, out, SIP_ADDR_TEXT))
		out[0] = '\0';
	return out;
}

bool sip_addr_same_host(const union sip_addr *a, const union sip_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
}

static bool port_parse(struct slice s, int *port)
{
	int n = 0;
	if (!s.n || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (s.p[i] - '0');
	}
	*port = n;
	return n < 65536;
}

bool sip_listen_parse(const char *text, enum sip_transport *t, bool *both, bool *every, union sip_addr *a,
		      const char **why)
{
	struct slice rest = slice_trim(slice_of(text)), host;
	int port;
	*both = true;
	*every = false;
	*t = SIP_UDP;
	for (int i = SIP_UDP; i <= SIP_TLS; i++)
		if (slice_istarts(rest, sip_transport_name((enum sip_transport)i)) && rest.n > 3 && rest.p[3] == ':') {
			*t = (enum sip_transport)i;
			*both = false;
			rest = (struct slice){rest.p + 4, rest.n - 4};
		}
	port = sip_transport_port(*t);
	if (sip_addr_parse(a, rest, port)) {
		return true;
	} else if (rest.n && rest.p[0] == '[') {
		const char *end = memchr(rest.p, ']', rest.n);
		size_t n = end ? (size_t)(end - rest.p) + 1 : rest.n;
		host = (struct slice){rest.p, n};
		*why = "the port is not a number below 65536";
		if (n < rest.n &&
		    (rest.p[n] != ':' || !port_parse((struct slice){rest.p + n + 1, rest.n - n - 1}, &port)))
			return false;
	} else {
		bool more;
		host = slice_cut(&rest, ':', &more);
		*why = "the port is not a number below 65536 (an IPv6 address stands in brackets)";
		if (more && !port_parse(rest, &port))
			return false;
	}
	*every = slice_eq(host, "*");
	if (*every)
		host = SLICE("0.0.0.0");
	*why = "not [udp:|tcp:|tls:]ADDRESS[:PORT] with a numeric address";
	return sip_addr_parse(a, host, port);
}
