#include "map/uri.h"

#include "base/text.h"
#include "mail/address.h"

#include <arpa/inet.h>

void map_uri_free(struct map_uri *u)
{
	buf_free(&u->user);
	buf_free(&u->host);
	buf_free(&u->number);
	buf_free(&u->context);
}

bool map_digits(struct slice s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= min && s.n <= max;
}

bool map_number_global(struct slice s)
{
	return s.n && s.p[0] == '+' && map_digits((struct slice){s.p + 1, s.n - 1}, 3, 15);
}

/* The URI inside "Display" <uri>, or s itself; false if the angle brackets do not close. */
static bool addr_spec(struct slice *s)
{
	*s = slice_trim(*s);
	bool quoted = false;
	for (size_t i = 0; i < s->n; i++) {
		if (quoted && s->p[i] == '\\')
			i++;
		else if (s->p[i] == '"')
			quoted = !quoted;
		else if (s->p[i] == '<' && !quoted) {
			bool closed;
			struct slice in = {s->p + i + 1, s->n - i - 1};
			*s = slice_cut(&in, '>', &closed);
			return closed;
		} else if (s->p[i] == ':' && !quoted) {
			return true;
		}
	}
	return true;
}

static bool has_control(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] == '\0' || b->p[i] == '\r' || b->p[i] == '\n')
			return true;
	return false;
}

/* Octets that may stand bare somewhere in a URI: no blanks, controls, quotes, brackets of a name-addr. */
static bool uri_octets(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127 || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return true;
}

/* hostport of RFC 3261 25.1; the port in *port, 0 if none or if it is the default of a scheme. */
static bool parse_host(struct slice s, struct buf *host, unsigned *port)
{
	struct slice name = s, digits = {"", 0};
	*port = 0;
	if (s.n && s.p[0] == '[') {
		char text[INET6_ADDRSTRLEN];
		unsigned char raw[16];
		const char *end = memchr(s.p, ']', s.n);
		size_t n = end ? (size_t)(end - s.p) - 1 : 0;
		if (n == 0 || n >= sizeof text)
			return false;
		memcpy(text, s.p + 1, n);
		text[n] = '\0';
		if (inet_pton(AF_INET6, text, raw) != 1)
			return false;
		inet_ntop(AF_INET6, raw, text, sizeof text); /* RFC 5952 */
		buf_printf(host, "[%s]", text);
		name = (struct slice){s.p, n + 2};
	} else {
		const char *colon = memchr(s.p, ':', s.n);
		if (colon)
			name.n = (size_t)(colon - s.p);
		unsigned char raw[4];
		struct buf ip = {0};
		mail_put_lower(&ip, name);
		bool good = mail_domain_valid(name) ||
			    (!memchr(name.p, '\0', name.n) && inet_pton(AF_INET, ip.p, raw) == 1);
		buf_put(host, ip.p, ip.n);
		buf_free(&ip);
		if (!good)
			return false;
	}
	if (name.n == s.n)
		return true;
	digits = (struct slice){s.p + name.n + 1, s.n - name.n - 1};
	if (s.p[name.n] != ':' || !map_digits(digits, 1, 5))
		return false;
	for (size_t i = 0; i < digits.n; i++)
		*port = *port * 10 + (unsigned)(digits.p[i] - '0');
	if (*port == 0 || *port > 65535)
		return false;
	if (*port == 5060 || *port == 5061)
		*port = 0;
	return true;
}

bool map_put_host(struct buf *out, struct slice host)
{
	struct buf text = {0}, one = {0};
	unsigned port;
	bool bare6 = host.n && host.p[0] != '[' && memchr(host.p, ':', host.n);
	buf_printf(&text, bare6 ? "[%.*s]" : "%.*s", (int)host.n, host.p);
	bool good = parse_host(slice_buf(&text), &one, &port) &&
		    (bare6 || text.p[text.n - 1] == ']' || !strchr(text.p, ':'));
	if (good)
		buf_slice(out, slice_buf(&one));
	buf_free(&text);
	buf_free(&one);
	return good;
}

static bool phone_param(struct slice params)
{
	bool more = params.n > 0;
	while (more) {
		struct slice p = slice_cut(&params, ';', &more);
		if (slice_ieq(slice_trim(p), "user=phone"))
			return true;
	}
	return false;
}

/* number and parameters of RFC 3966, as in a tel URI or in the user part of a SIP URI. */
static bool parse_tel(struct slice s, struct map_uri *out)
{
	bool more;
	struct slice number = slice_cut(&s, ';', &more);
	for (size_t i = 0; i < number.n; i++) {
		char c = number.p[i];
		bool digit = c >= '0' && c <= '9', extra = c && strchr("*#ABCDabcd", c) && number.p[0] != '+';
		if (digit || extra || (c == '+' && i == 0))
			buf_putc(&out->number, c);
		else if (!c || !strchr("-.()", c))
			return false;
	}
	while (more) {
		struct slice p = slice_cut(&s, ';', &more);
		if (!slice_istarts(p, "phone-context=") || out->context.n)
			continue;
		p.p += 14, p.n -= 14;
		if (mail_domain_valid(p)) {
			mail_put_lower(&out->context, p);
			continue;
		}
		for (size_t i = 0; i < p.n; i++)
			if ((p.p[i] >= '0' && p.p[i] <= '9') || (p.p[i] == '+' && i == 0))
				buf_putc(&out->context, p.p[i]);
			else if (!p.p[i] || !strchr("-.()", p.p[i]))
				return false;
	}
	if (out->number.n && out->number.p[0] == '+')
		buf_clear(&out->context); /* a global number needs none */
	return out->number.n > 0 && !slice_eq(slice_buf(&out->number), "+");
}

static bool parse_sip(struct slice s, struct map_uri *out)
{
	bool has_user, more;
	struct slice rest = s, user = slice_cut(&rest, '@', &has_user);
	if (!has_user)
		rest = s, user = (struct slice){"", 0};
	if (memchr(rest.p, '@', rest.n)) /* two bare @: no RFC 3261 URI, and parsers disagree which one counts */
		return false;
	user = slice_cut(&user, ':', &more); /* the password goes */
	if (has_user && user.n == 0)
		return false;
	struct slice params = slice_cut(&rest, '?', &more);
	struct slice host = slice_cut(&params, ';', &more);
	if (!percent_decode(&out->user, user) || !parse_host(host, &out->host, &out->port))
		return false;
	out->control = has_control(&out->user);
	out->phone = phone_param(params);
	return true;
}

static bool parse_mail(struct slice s, struct map_uri *out)
{
	bool more;
	struct slice address = slice_cut(&s, '?', &more); /* header fields in a URI are an injection */
	out->list = address.n && memchr(address.p, ',', address.n);
	if (!percent_decode(&out->user, address))
		return false;
	out->control = has_control(&out->user);
	return out->user.n > 0;
}

enum map_uri_error map_uri_parse(const char *text, struct map_uri *out)
{
	bool has_scheme, good;
	struct slice s = slice_of(text);
	*out = (struct map_uri){0};
	if (!addr_spec(&s))
		return MAP_URI_MALFORMED;
	struct slice rest = s, scheme = slice_cut(&rest, ':', &has_scheme);
	if (!has_scheme || !is_token(scheme.p, scheme.n))
		return MAP_URI_MALFORMED;
	if (slice_ieq(scheme, "sip") || slice_ieq(scheme, "sips")) {
		out->kind = MAP_URI_SIP;
		out->secure = scheme.n == 4;
		good = uri_octets(rest) && parse_sip(rest, out);
	} else if (slice_ieq(scheme, "tel")) {
		out->kind = MAP_URI_TEL;
		good = uri_octets(rest) && parse_tel(rest, out);
	} else if (slice_ieq(scheme, "mailto") || slice_ieq(scheme, "im")) {
		out->kind = MAP_URI_MAIL;
		good = uri_octets(rest) && parse_mail(rest, out);
	} else {
		return MAP_URI_SCHEME;
	}
	if (good && out->kind == MAP_URI_SIP && out->user.n) {
		/* user=phone: the user part is a telephone-subscriber; one that cannot be read stays a plain user */
		struct map_uri tel = {0};
		bool number = parse_tel(slice_buf(&out->user), &tel);
		if (number && (map_number_global(slice_buf(&tel.number)) || (out->phone && tel.context.n))) {
			out->number = tel.number;
			out->context = tel.context;
			tel.number = tel.context = (struct buf){0};
		}
		map_uri_free(&tel);
	}
	if (good)
		return MAP_URI_OK;
	map_uri_free(out);
	return MAP_URI_MALFORMED;
}

void map_uri_put_host(struct buf *out, const struct map_uri *u)
{
	buf_slice(out, slice_buf(&u->host));
	if (u->port)
		buf_printf(out, ":%u", u->port);
}
