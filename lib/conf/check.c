#include "conf/knobs.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

static bool is_domain(struct slice s)
{
	if (!s.n || s.n > 253)
		return false;
	bool more = true;
	while (more) {
		struct slice label = slice_cut(&s, '.', &more);
		if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		bool digits = true;
		for (size_t i = 0; i < label.n; i++) {
			unsigned char c = (unsigned char)label.p[i];
			digits = digits && isdigit(c);
			if (c < 128 && !isalnum(c) && c != '-' && c != '_')
				return false;
		}
		if (!more && digits) /* a mistyped address */
			return false;
	}
	return true;
}

static bool is_numeric(struct slice s, bool allow_v4)
{
	char text[64];
	unsigned char bin[16];
	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return (allow_v4 && inet_pton(AF_INET, text, bin) == 1) || inet_pton(AF_INET6, text, bin) == 1;
}

static bool is_port(struct slice s)
{
	int n = 0;
	if (!s.n || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!isdigit((unsigned char)s.p[i]))
			return false;
		n = n * 10 + s.p[i] - '0';
	}
	return n >= 1 && n <= 65535;
}

/* HOST[:PORT], IPv6 in brackets when a port follows (bare otherwise allowed). */
static bool is_host_port(struct slice s, bool any)
{
	if (s.n && s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.n);
		if (!close || !is_numeric((struct slice){s.p + 1, (size_t)(close - s.p - 1)}, false))
			return false;
		struct slice rest = {close + 1, s.n - (size_t)(close + 1 - s.p)};
		return !rest.n || (rest.p[0] == ':' && is_port((struct slice){rest.p + 1, rest.n - 1}));
	}
	if (is_numeric(s, false))
		return true;
	bool port;
	struct slice rest = s, host = slice_cut(&rest, ':', &port);
	if (port && !is_port(rest))
		return false;
	return (any && slice_eq(host, "*")) || is_numeric(host, true) || is_domain(host);
}

const char *check_domain(const char *v, const char *unused)
{
	(void)unused;
	return is_domain(slice_of(v)) || is_numeric(slice_of(v), true) ? NULL : "a domain name";
}

const char *check_host_port(const char *v, const char *unused)
{
	(void)unused;
	return is_host_port(slice_of(v), false) ? NULL : "HOST, HOST:PORT or [IPV6]:PORT";
}

const char *check_numeric(const char *v, const char *unused)
{
	(void)unused;
	struct slice rest = slice_of(v);
	bool port, numeric = v[0] == '[' || is_numeric(rest, false);
	if (!numeric)
		numeric = is_numeric(slice_cut(&rest, ':', &port), true);
	return numeric && is_host_port(slice_of(v), false) ? NULL : "ADDRESS, ADDRESS:PORT or [IPV6]:PORT, numeric";
}

const char *check_advertise(const char *v, const char *unused)
{
	return check_host_port(v, unused);
}

const char *check_smarthost(const char *v, const char *unused)
{
	if (strncmp(v, "maildir:", 8) == 0)
		return v[8] == '/' ? NULL : "maildir:PATH, the path from the root";
	return check_host_port(v, unused) ? "HOST, HOST:PORT, [IPV6]:PORT or maildir:PATH" : NULL;
}

const char *check_listen(const char *v, const char *unused)
{
	(void)unused;
	static const char want[] =
		"udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT (ADDRESS numeric, [IPv6] or *)";
	bool more;
	struct slice rest = slice_of(v), transport = slice_cut(&rest, ':', &more);
	if (!more || (!slice_eq(transport, "udp") && !slice_eq(transport, "tcp") && !slice_eq(transport, "tls")))
		return want;
	if (!is_host_port(rest, true))
		return want;
	if (rest.p[0] == '[' || rest.p[0] == '*')
		return NULL;
	struct slice tail = rest;
	bool port;
	struct slice host = slice_cut(&tail, ':', &port);
	return is_numeric(host, true) || is_numeric(rest, false) ? NULL : want;
}

/* smtp:ADDRESS:PORT, lmtp:ADDRESS:PORT, lmtp:/PATH. */
const char *check_mail_listen(const char *v, const char *unused)
{
	(void)unused;
	static const char want[] = "smtp:ADDRESS:PORT, lmtp:ADDRESS:PORT (ADDRESS numeric, [IPv6] or *) or lmtp:/PATH";
	bool more, port;
	struct slice rest = slice_of(v), protocol = slice_cut(&rest, ':', &more);
	if (!more || !rest.n || (!slice_eq(protocol, "smtp") && !slice_eq(protocol, "lmtp")))
		return want;
	if (rest.p[0] == '/')
		return slice_eq(protocol, "lmtp") && rest.n > 1 && rest.n < 100 ? NULL : want;
	if (!is_host_port(rest, true) || rest.p[rest.n - 1] == ']')
		return want;
	if (rest.p[0] == '[')
		return NULL;
	struct slice tail = rest, host = slice_cut(&tail, ':', &port);
	return port && (slice_eq(host, "*") || is_numeric(host, true)) ? NULL : want;
}

/* An address, ADDRESS/BITS, or the name in a TLS certificate. */
const char *check_network(const char *v, const char *unused)
{
	(void)unused;
	static const char want[] = "an address, ADDRESS/BITS or a host name";
	bool bits;
	struct slice rest = slice_of(v), host = slice_cut(&rest, '/', &bits);
	if (!bits)
		return is_numeric(host, true) || is_domain(host) ? NULL : want;
	if (!is_numeric(host, true) || !rest.n || rest.n > 3)
		return want;
	for (size_t i = 0; i < rest.n; i++)
		if (!isdigit((unsigned char)rest.p[i]))
			return want;
	return atoi(rest.p) <= (memchr(host.p, ':', host.n) ? 128 : 32) ? NULL : want;
}

const char *check_uri(const char *v, const char *unused)
{
	(void)unused;
	static const char *const schemes[] = {"sip:", "sips:", "tel:", "im:", "mailto:"};
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strncasecmp(v, schemes[i], strlen(schemes[i])) == 0 && v[strlen(schemes[i])] &&
		    !strpbrk(v, " <>\""))
			return NULL;
	return "a sip, sips, tel or mailto URI";
}

const char *check_address(const char *v, const char *unused)
{
	(void)unused;
	const char *at = strrchr(v, '@');
	bool good = at && at > v && at - v <= 64 && is_domain(slice_of(at + 1));
	return good && !strpbrk(v, " <>,;:\"") ? NULL : "a mail address";
}

const char *check_digits(const char *v, const char *unused)
{
	(void)unused;
	size_t n = strspn(v, "0123456789");
	return n >= 1 && n <= 3 && !v[n] && v[0] != '0' ? NULL : "a country code of one to three digits";
}

const char *check_party(const char *v, const char *unused)
{
	return check_uri(v, unused) && check_domain(v, unused) ? "a URI or a host name" : NULL;
}

const char *check_uri_address(const char *first, const char *second)
{
	if (check_uri(first, NULL) || !second || check_address(second, NULL))
		return "(\"URI\", \"mail address\")";
	return NULL;
}

const char *check_domains(const char *first, const char *second)
{
	if (check_domain(first, NULL) || !second || check_domain(second, NULL))
		return "(\"SIP domain\", \"mail domain\")";
	return NULL;
}

const char *check_user_file(const char *first, const char *second)
{
	(void)first;
	return second && *second ? NULL : "(\"user\", \"file with the password\")";
}

const char *check_sip_uri(const char *v, const char *unused)
{
	(void)unused;
	bool sip = strncasecmp(v, "sip:", 4) == 0 || strncasecmp(v, "sips:", 5) == 0;
	return sip && !check_uri(v, NULL) && !strchr(v, '?') && !strpbrk(v, "\r\n,") ? NULL : "a sip or sips URI";
}

/* A realm may hold blanks, a user name does not. */
const char *check_realm_user_file(const char *first, const char *second)
{
	const char *user = strrchr(first, ' ');
	return user && user > first && user[1] && second && *second ? NULL : "(\"REALM USER\", \"file with the password\")";
}

const char *check_quirks(const char *first, const char *second)
{
	static const char *const words[] = {"text-only", "no-datetime", "from-same"};
	static const char want[] = "(\"product or host\", \"words of text-only, no-datetime, from-same\")";
	struct slice rest = slice_of(second);
	bool more = second && *second && *first;
	if (!more)
		return want;
	while (more) {
		struct slice word = slice_cut(&rest, ' ', &more);
		size_t i = 0;
		while (i < sizeof words / sizeof *words && !slice_eq(word, words[i]))
			i++;
		if (i == sizeof words / sizeof *words)
			return want;
	}
	return NULL;
}
