#include "mail/address.h"

#include "base/text.h"

#include <arpa/inet.h>

static bool atext(char ch)
{
	unsigned char c = (unsigned char)ch;
	bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
	return alnum || c >= 128 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool dot_atom(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool edge = i == 0 || i + 1 == s.n;
		if (s.p[i] == '.' ? edge || s.p[i - 1] == '.' : !atext(s.p[i]))
			return false;
	}
	return s.n > 0;
}

/* Octets of the quoted string at the start of s, 0 if there is none. */
static size_t quoted_string(struct slice s)
{
	for (size_t i = 1; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"')
			return i + 1;
		if (c == '\\' && ++i < s.n)
			c = (unsigned char)s.p[i];
		if (c < ' ' || c == 127)
			return 0;
	}
	return 0;
}

static bool address_literal(struct slice s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char raw[16];
	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	struct slice in = {s.p + 1, s.n - 2};
	int family = AF_INET;
	if (slice_istarts(in, "IPv6:")) {
		family = AF_INET6;
		in.p += 5, in.n -= 5;
	}
	if (in.n >= sizeof text || memchr(in.p, '\0', in.n))
		return false;
	memcpy(text, in.p, in.n);
	text[in.n] = '\0';
	return inet_pton(family, text, raw) == 1;
}

bool mail_domain_valid(struct slice s)
{
	size_t label = 0;
	bool digits = true;
	if (s.n == 0 || s.n > MAIL_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '.') {
			if (label == 0 || s.p[i - 1] == '-')
				return false;
			label = 0;
			digits = true;
			continue;
		}
		bool digit = c >= '0' && c <= '9', letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 128;
		if (!digit && !letter && (c != '-' || label == 0))
			return false;
		digits = digits && digit;
		if (++label > 63)
			return false;
	}
	/* A numeric last label is an address that lost its brackets. */
	return label > 0 && !digits && s.p[s.n - 1] != '-';
}

bool mail_address_parse(struct slice s, struct mail_address *out)
{
	size_t local;
	bool quoted = s.n && s.p[0] == '"';
	if (quoted) {
		local = quoted_string(s);
	} else {
		const char *at = s.n ? memchr(s.p, '@', s.n) : NULL;
		local = at ? (size_t)(at - s.p) : 0;
		if (!dot_atom((struct slice){s.p, local}))
			return false;
	}
	if (local == 0 || local > MAIL_LOCAL_MAX || local >= s.n || s.p[local] != '@')
		return false;
	struct slice domain = {s.p + local + 1, s.n - local - 1};
	bool literal = domain.n && domain.p[0] == '[';
	if (literal ? !address_literal(domain) : !mail_domain_valid(domain))
		return false;
	if (!utf8_valid(s.p, s.n))
		return false;
	for (size_t i = 0; i + 1 < s.n; i++) /* C1 controls, written in UTF-8 */
		if ((unsigned char)s.p[i] == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0)
			return false;
	*out = (struct mail_address){{s.p, local}, domain, quoted, literal, is_ascii(s.p, s.n)};
	return true;
}

void mail_put_lower(struct buf *out, struct slice s)
{
	char *to = buf_room(out, s.n);
	for (size_t i = 0; i < s.n; i++)
		to[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 32) : s.p[i];
	out->n += s.n;
	out->p[out->n] = '\0';
}

void mail_address_put(struct buf *out, const struct mail_address *a)
{
	buf_slice(out, a->local);
	buf_putc(out, '@');
	mail_put_lower(out, a->domain);
}

void mail_local_plain(struct buf *out, const struct mail_address *a)
{
	if (!a->quoted) {
		buf_slice(out, a->local);
		return;
	}
	buf_put(out, "", 0);
	for (size_t i = 1; i + 1 < a->local.n; i++) {
		if (a->local.p[i] == '\\')
			i++;
		buf_putc(out, a->local.p[i]);
	}
}

void xtext_put(struct buf *out, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";
	buf_put(out, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c > 32 && c < 127 && c != '+' && c != '=')
			buf_putc(out, (char)c);
		else
			buf_put(out, (char[]){'+', hex[c >> 4], hex[c & 15]}, 3);
	}
}

bool xtext_get(struct buf *out, struct slice s)
{
	buf_put(out, "", 0);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= 32 || c >= 127 || c == '=')
			return false;
		if (c == '+') {
			int hi = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1,
			    lo = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				return false;
			c = (unsigned char)(hi * 16 + lo);
			i += 2;
		}
		buf_putc(out, (char)c);
	}
	return true;
}

bool mail_orcpt_put(struct buf *out, struct slice address)
{
	size_t start = out->n;
	if (!is_ascii(address.p, address.n))
		return false;
	buf_puts(out, "rfc822;");
	xtext_put(out, address);
	if (out->n - start <= MAIL_ORCPT_MAX)
		return true;
	out->n = start;
	out->p[start] = '\0';
	return false;
}
