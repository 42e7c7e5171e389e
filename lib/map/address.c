#include "map/names.h"

#include "mail/address.h"

static void cut_back(struct buf *b, size_t n)
{
	b->n = n;
	if (b->p)
		b->p[n] = '\0';
}

bool names_is_phone(const struct map_names *names, const struct map_uri *u)
{
	if (u->kind == MAP_URI_TEL)
		return true;
	if (u->kind != MAP_URI_SIP || !u->number.n)
		return false;
	if (u->phone)
		return true;
	return u->user.n && u->user.p[0] == '+' && map_digits((struct slice){u->user.p + 1, u->user.n - 1}, 7, 15) &&
	       names_sip_served(names, buf_str(&u->host));
}

bool names_put_number(const struct map_names *names, struct slice digits, struct buf *out)
{
	size_t start = out->n;
	if (digits.n && digits.p[0] == '+') {
		buf_slice(out, digits);
	} else if (slice_istarts(digits, "00")) {
		buf_putc(out, '+');
		buf_put(out, digits.p + 2, digits.n - 2);
	} else if (names->default_cc && digits.n) {
		size_t trunk = digits.p[0] == '0';
		buf_printf(out, "+%s", names->default_cc);
		buf_put(out, digits.p + trunk, digits.n - trunk);
	}
	if (out->n > start && map_number_global((struct slice){out->p + start, out->n - start}))
		return true;
	cut_back(out, start);
	return false;
}

/* Number of a telephone URI as it stands behind "tel:": global, or local with its context. */
static bool put_phone(const struct map_names *names, const struct map_uri *u, struct buf *out)
{
	struct slice number = slice_buf(&u->number);
	if (u->context.n) {
		buf_slice(out, number);
		buf_puts(out, ";phone-context=");
		buf_slice(out, slice_buf(&u->context));
		return true;
	}
	/* A local number without context is no RFC 3966 number; field devices dial so: it is national. */
	if (number.p[0] != '+' && !map_digits(number, 3, 15))
		return false;
	return names_put_number(names, number, out);
}

/* Is the domain one that mail can go to (2.4, last paragraph)? */
static bool domain_wanted(const struct map_names *names, const struct mail_address *a)
{
	if (a->literal)
		return names->address_literals;
	if (memchr(a->domain.p, '.', a->domain.n))
		return true;
	for (size_t i = 0; i < names->dotless_domains.n; i++)
		if (slice_ieq(a->domain, names->dotless_domains.rows[i].mail))
			return true;
	return false;
}

/* Append text as an address in its normal form; false if it is none that mail can go to. */
static bool put_address(const struct map_names *names, struct slice text, struct buf *out)
{
	struct mail_address a;
	if (!mail_address_parse(text, &a) || !domain_wanted(names, &a))
		return false;
	mail_address_put(out, &a);
	return true;
}

bool names_put_uri(const struct map_names *names, const struct map_uri *u, struct buf *out)
{
	size_t start = out->n;
	if (u->control || u->list)
		return false;
	if (names_is_phone(names, u)) {
		buf_puts(out, "tel:");
		if (put_phone(names, u, out))
			return true;
		cut_back(out, start);
		if (u->kind == MAP_URI_TEL)
			return false;
	}
	if (u->kind == MAP_URI_MAIL) {
		buf_puts(out, "mailto:");
		if (put_address(names, slice_buf(&u->user), out))
			return true;
		cut_back(out, start);
		return false;
	}
	buf_puts(out, "sip:");
	if (u->user.n) {
		map_pct(out, slice_buf(&u->user));
		buf_putc(out, '@');
	}
	map_uri_put_host(out, u);
	return true;
}

bool map_normalise_uri(const struct map_names *names, const char *uri, struct buf *out)
{
	struct map_uri u;
	bool good = map_uri_parse(uri, &u) == MAP_URI_OK && names_put_uri(names, &u, out);
	map_uri_free(&u);
	return good;
}

/* Append enc(plain)@domain, or the x- token where that is too long for a local part (2.1); uri is whom it stands for. */
static void put_encoded(const struct map_names *names, struct slice plain, const char *domain, const struct buf *whole,
			const char *uri, struct buf *out)
{
	struct buf local = {0};
	map_enc(&local, plain, names->subaddress ? MAP_ENC_HYPHEN : MAP_ENC_LOCAL);
	if (local.n > MAIL_LOCAL_MAX) {
		buf_clear(&local);
		token_long(&names->keys, buf_str(whole), &local);
		if (names->long_made)
			names->long_made(names->long_ctx, buf_str(&local), uri);
		domain = names->mail_domain;
	}
	buf_slice(out, slice_buf(&local));
	buf_putc(out, '@');
	buf_puts(out, domain);
	buf_free(&local);
}

/* 2.1 rule 2: what the decoding of 2.2 would take for something else must not stand alone as a local part. */
static bool plain_local(struct slice user)
{
	struct slice digits = user;
	if (digits.n && digits.p[0] == '+')
		digits.p++, digits.n--;
	return !memchr(user.p, '@', user.n) && !memmem(user.p, user.n, ";phone-context=", 15) &&
	       !map_digits(digits, 3, 15) && !names_role(user) && !token_local_form(user);
}

static void user_to_mail(const struct map_names *names, const struct map_uri *u, const char *uri, struct buf *out)
{
	struct slice user = slice_buf(&u->user);
	struct buf whole = {0};
	const char *domain = u->port ? NULL : names_mail_domain_of(names, buf_str(&u->host));
	buf_slice(&whole, user);
	buf_putc(&whole, '@');
	map_uri_put_host(&whole, u);
	if (domain && plain_local(user))
		put_encoded(names, user, domain, &whole, uri, out);
	else
		put_encoded(names, slice_buf(&whole), names->mail_domain, &whole, uri, out);
	buf_free(&whole);
}

static bool uri_to_mail(const struct map_names *names, const struct map_uri *u, struct buf *out)
{
	struct buf normal = {0};
	bool good = names_put_uri(names, u, &normal);
	const char *known = good ? names_mail_of(names, buf_str(&normal)) : NULL;
	if (known) {
		buf_puts(out, known);
	} else if (good && u->kind == MAP_URI_MAIL) {
		buf_put(out, normal.p + 7, normal.n - 7);
	} else if (!good || names->addr_map_only) {
		good = false;
	} else if (slice_istarts(slice_buf(&normal), "tel:")) {
		struct slice number = {normal.p + 4, normal.n - 4};
		struct buf whole = {0};
		buf_slice(&whole, number);
		put_encoded(names, number, names->mail_domain, &whole, buf_str(&normal), out);
		buf_free(&whole);
	} else if (u->user.n) {
		user_to_mail(names, u, buf_str(&normal), out);
	} else {
		good = false;
	}
	buf_free(&normal);
	return good;
}

bool map_to_mail(const struct map_names *names, const char *uri, struct buf *address)
{
	struct map_uri u;
	bool good = map_uri_parse(uri, &u) == MAP_URI_OK && uri_to_mail(names, &u, address);
	map_uri_free(&u);
	return good;
}

/* 2.4 rows 2 and 3: the user part at a host of ours is an address, percent-decoded or in =HH form. */
static bool from_gateway_user(const struct map_names *names, const struct map_uri *u, struct buf *out)
{
	struct buf plain = {0};
	struct slice user = slice_buf(&u->user);
	bool good = memchr(user.p, '@', user.n) ? true : map_dec(&plain, user);
	if (good)
		good = put_address(names, plain.n ? slice_buf(&plain) : user, out);
	buf_free(&plain);
	return good;
}

/* 2.4 row 4: user@host of a domain that is not served by SIP. */
static bool from_foreign_user(const struct map_names *names, const struct map_uri *u, struct buf *out)
{
	struct buf text = {0};
	if (!names->accept_foreign_domain || names_sip_served(names, buf_str(&u->host)) || u->host.p[0] == '[')
		return false;
	buf_slice(&text, slice_buf(&u->user));
	buf_putc(&text, '@');
	buf_slice(&text, slice_buf(&u->host));
	bool good = put_address(names, slice_buf(&text), out);
	buf_free(&text);
	return good;
}

/* 2.4 row 7 and the provisioned users: addr_map, where it leads out of the gateway's own mail domains. */
static bool from_addr_map(const struct map_names *names, const char *normal, struct buf *out)
{
	struct mail_address a;
	const char *known = names_mail_of(names, normal);
	if (!known || !mail_address_parse(slice_of(known), &a) || map_domain_ours(names, a.domain))
		return false;
	buf_puts(out, known);
	return true;
}

static enum map_verdict from_uri(const struct map_names *names, const struct map_uri *u, struct buf *out)
{
	struct buf normal = {0};
	enum map_verdict v = MAP_NONE;
	if (u->list)
		return MAP_BAD;
	if (u->control)
		return MAP_NONE;
	if (names_put_uri(names, u, &normal) && from_addr_map(names, buf_str(&normal), out)) {
		v = MAP_OK;
	} else if (normal.n && u->kind == MAP_URI_MAIL) {
		buf_put(out, normal.p + 7, normal.n - 7);
		v = MAP_OK;
	} else if (slice_istarts(slice_buf(&normal), "tel:+")) {
		buf_put(out, normal.p + 4, normal.n - 4);
		v = MAP_ENUM;
	} else if (u->kind == MAP_URI_SIP && u->user.n && !slice_istarts(slice_buf(&normal), "tel:")) {
		bool ours = names_host_ours(names, buf_str(&u->host));
		if (ours ? from_gateway_user(names, u, out) : from_foreign_user(names, u, out))
			v = MAP_OK;
	}
	buf_free(&normal);
	return v;
}

enum map_verdict map_from_request_uri(const struct map_names *names, const char *uri, struct buf *address)
{
	struct map_uri u;
	enum map_verdict v;
	switch (map_uri_parse(uri, &u)) {
	case MAP_URI_SCHEME:
		v = MAP_SCHEME;
		break;
	case MAP_URI_MALFORMED:
		v = MAP_BAD;
		break;
	default:
		v = from_uri(names, &u, address);
	}
	map_uri_free(&u);
	return v;
}

bool map_listed(const struct map_names *names, const char *uri, struct buf *address)
{
	size_t start = address->n;
	if (map_from_request_uri(names, uri, address) == MAP_OK)
		return true;
	cut_back(address, start);
	return map_to_mail(names, uri, address);
}

const char *map_choose(const struct map_names *names, const char *const *uris, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct map_uri u;
		enum map_uri_kind wanted = names->prefer_tel ? MAP_URI_TEL : MAP_URI_SIP;
		bool match = map_uri_parse(uris[i], &u) == MAP_URI_OK && u.kind == wanted;
		map_uri_free(&u);
		if (match)
			return uris[i];
	}
	return n ? uris[0] : NULL;
}

bool map_needs_tls(const struct map_names *names, const char *uri)
{
	struct map_uri u;
	bool secure = map_uri_parse(uri, &u) == MAP_URI_OK && u.secure;
	map_uri_free(&u);
	return secure && names->sips_needs_tls;
}

bool map_is_anonymous(const char *uri)
{
	struct map_uri u;
	bool anonymous = map_uri_parse(uri, &u) == MAP_URI_OK && u.kind == MAP_URI_SIP &&
			 slice_eq(slice_buf(&u.host), "anonymous.invalid");
	map_uri_free(&u);
	return anonymous;
}

bool map_sip_identity(const struct map_names *names, const char *address, struct buf *uri)
{
	struct mail_address a;
	struct buf text = {0};
	if (!mail_address_parse(slice_of(address), &a))
		return false;
	mail_address_put(&text, &a);
	buf_puts(uri, "sip:");
	map_pct(uri, slice_buf(&text));
	buf_putc(uri, '@');
	buf_puts(uri, names->gateway);
	buf_free(&text);
	return true;
}
