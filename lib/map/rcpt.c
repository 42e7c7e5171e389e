#include "map/names.h"

#include "mail/address.h"

#include <stdlib.h>

/* 2.2 in its order, over the local part of an address at a domain of ours. */
struct rcpt {
	const struct map_names *names;
	const struct map_aliases *aliases;
	struct buf address; /* as tables hold it: lower case */
	struct buf local;   /* lower case, unquoted */
	struct buf domain;
	struct buf plain; /* local decoded */
};

static void put_phone_uri(const struct rcpt *r, struct slice number, struct buf *uri)
{
	const struct map_names *names = r->names;
	const char *host = names_sip_domain_of(names, buf_str(&r->domain));
	if (!host && names->sip_domains.n)
		host = names->sip_domains.rows[0].cpm;
	if (names->uri_form == MAP_FORM_TEL || !host)
		buf_printf(uri, "tel:%.*s", (int)number.n, number.p);
	else
		buf_printf(uri, "sip:%.*s@%s;user=phone", (int)number.n, number.p, host);
}

/* Rules 3 and 4: digits, and the /TYPE=PLMN of MMS. false: no telephone number. */
static bool phone_rule(const struct rcpt *r, struct buf *uri, enum map_rcpt *verdict)
{
	struct slice s = slice_buf(&r->local), digits;
	struct buf number = {0};
	if (s.n > 10 && slice_ieq((struct slice){s.p + s.n - 10, 10}, "/type=plmn"))
		s.n -= 10;
	digits = s;
	if (digits.n && digits.p[0] == '+')
		digits.p++, digits.n--;
	if (!map_digits(digits, 3, 15))
		return false;
	*verdict = MAP_RCPT_SYNTAX;
	if (names_put_number(r->names, s, &number)) {
		put_phone_uri(r, slice_buf(&number), uri);
		*verdict = MAP_RCPT_OK;
	}
	buf_free(&number);
	return true;
}

/* A URI made of decoded pieces must come out of the parser as it went in: hosts, numbers and controls are checked
 * there. */
static enum map_rcpt checked(const struct map_names *names, const struct buf *made, struct buf *uri)
{
	return map_normalise_uri(names, buf_str(made), uri) ? MAP_RCPT_OK : MAP_RCPT_SYNTAX;
}

/* Rules 5 to 7. */
static enum map_rcpt name_rule(const struct rcpt *r, struct buf *uri)
{
	struct slice plain = slice_buf(&r->plain);
	struct buf made = {0};
	enum map_rcpt v;
	const char *at = plain.n ? memrchr(plain.p, '@', plain.n) : NULL;
	const char *sip = names_sip_domain_of(r->names, buf_str(&r->domain));
	if (at) {
		size_t user = (size_t)(at - plain.p);
		buf_puts(&made, "sip:");
		map_pct(&made, (struct slice){plain.p, user});
		buf_put(&made, at, plain.n - user);
	} else if (memmem(plain.p, plain.n, ";phone-context=", 15)) {
		buf_puts(&made, "tel:");
		buf_slice(&made, plain);
	} else if (sip) {
		buf_puts(&made, "sip:");
		map_pct(&made, plain);
		buf_printf(&made, "@%s", sip);
	} else {
		return MAP_RCPT_UNKNOWN;
	}
	/* Behind an @ stands a host that we wrote: no parameters, no header fields. */
	bool host_only = !at || (!strpbrk(at, ";?") && strlen(at) == plain.n - (size_t)(at - plain.p));
	v = host_only && !memchr(made.p, '\0', made.n) ? checked(r->names, &made, uri) : MAP_RCPT_SYNTAX;
	buf_free(&made);
	return v;
}

static enum map_rcpt alias_rule(const struct rcpt *r, struct buf *uri)
{
	enum map_alias a = r->aliases ? r->aliases->find(r->aliases->ctx, buf_str(&r->local), uri) : MAP_ALIAS_NONE;
	if (a != MAP_ALIAS_NONE)
		return a == MAP_ALIAS_FOUND ? MAP_RCPT_OK : MAP_RCPT_LATER;
	return token_local_form(slice_buf(&r->local)) == 'x' ? MAP_RCPT_UNKNOWN : MAP_RCPT_GONE;
}

/* Where the "--" begins behind which a correlation suffix stands (2.1); 0: nowhere. */
static size_t suffix_at(struct slice local)
{
	for (size_t i = local.n; i-- > 2;)
		if (local.p[i - 1] == '-' && local.p[i - 2] == '-')
			return i - 2;
	return 0;
}

static void drop_suffix(struct buf *local)
{
	size_t at = suffix_at(slice_buf(local));
	if (at)
		local->p[local->n = at] = '\0';
}

bool map_suffix(const struct map_names *names, struct slice local, struct buf *out)
{
	size_t at = names->subaddress ? suffix_at(local) : 0;
	if (at)
		buf_put(out, local.p + at + 2, local.n - at - 2);
	return at > 0;
}

static enum map_rcpt local_rule(struct rcpt *r, struct buf *uri)
{
	enum map_rcpt v;
	if (names_role(slice_buf(&r->local)))
		return MAP_RCPT_ROLE;
	if (token_local_form(slice_buf(&r->local)))
		return alias_rule(r, uri);
	if (r->names->addr_map_only)
		return MAP_RCPT_UNKNOWN;
	if (phone_rule(r, uri, &v))
		return v;
	if (!map_dec(&r->plain, slice_buf(&r->local)))
		return MAP_RCPT_SYNTAX;
	return name_rule(r, uri);
}

static enum map_rcpt rcpt_rules(struct rcpt *r, const struct mail_address *a, struct buf *uri)
{
	bool ours = map_domain_ours(r->names, a->domain);
	struct buf plain = {0};
	mail_local_plain(&plain, a);
	mail_put_lower(&r->local, slice_buf(&plain));
	buf_free(&plain);
	mail_put_lower(&r->domain, a->domain);
	if (ours && r->names->subaddress)
		drop_suffix(&r->local);
	buf_slice(&r->address, ours ? slice_buf(&r->local) : a->local);
	buf_putc(&r->address, '@');
	buf_slice(&r->address, slice_buf(&r->domain));
	const char *known = names_cpm_of(r->names, buf_str(&r->address));
	if (known) {
		buf_puts(uri, known);
		return MAP_RCPT_OK;
	}
	return ours ? local_rule(r, uri) : MAP_RCPT_FOREIGN;
}

enum map_rcpt map_to_cpm(const struct map_names *names, const char *rcpt, const struct map_aliases *aliases,
			 struct buf *uri)
{
	struct mail_address a;
	struct rcpt r = {.names = names, .aliases = aliases};
	if (!mail_address_parse(slice_of(rcpt), &a))
		return MAP_RCPT_SYNTAX;
	enum map_rcpt v = rcpt_rules(&r, &a, uri);
	buf_free(&r.address);
	buf_free(&r.local);
	buf_free(&r.domain);
	buf_free(&r.plain);
	return v;
}

const char *map_rcpt_code(enum map_rcpt verdict)
{
	static const char *const code[] = {
		[MAP_RCPT_OK] = "2.1.5",     [MAP_RCPT_ROLE] = "2.1.5", [MAP_RCPT_UNKNOWN] = "5.1.1",
		[MAP_RCPT_SYNTAX] = "5.1.3", [MAP_RCPT_GONE] = "5.1.6", [MAP_RCPT_FOREIGN] = "5.7.1",
		[MAP_RCPT_LATER] = "4.3.0",
	};
	return code[verdict];
}
