/* Via, From, To, P-Asserted-Identity: guarded on the text, parsed by libosip2, verified on its result. */
#include "sip/fields.h"
#include "base/log.h"
#include "base/text.h"

#include <osipparser2/osip_parser.h>
#include <stdlib.h>

/* ---- Via ---- */

static bool host_sound(struct slice host)
{
	if (!host.n || host.n > 255)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = (char)(host.p[i] | 32);
		if (!(c >= 'a' && c <= 'z') && !strchr("0123456789.-_:", host.p[i]))
			return false;
	}
	return true;
}

static bool via_params(struct sip_via *v)
{
	osip_list_iterator_t it;
	osip_generic_param_t *p = osip_list_get_first(&v->osip->via_params, &it);
	for (; osip_list_iterator_has_elem(it); p = osip_list_get_next(&it)) {
		if (!p->gname || !is_token(p->gname, strlen(p->gname)))
			return false;
		struct slice value = slice_of(p->gvalue);
		if (strcasecmp(p->gname, "branch") == 0) {
			if (!value.n || v->branch.n || !is_ascii(value.p, value.n))
				return false;
			v->branch = value;
		}
		if (strcasecmp(p->gname, "rport") == 0)
			v->rport = true;
	}
	return true;
}

/* Where the host ends up without brackets. */
static struct slice bare_host(const char *host)
{
	struct slice h = slice_of(host);
	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		return (struct slice){h.p + 1, h.n - 2};
	return h;
}

static bool via_verify(struct sip_via *v)
{
	osip_via_t *o = v->osip;
	if (!o->version || strcmp(o->version, "2.0") != 0 || !o->protocol ||
	    !is_token(o->protocol, strlen(o->protocol)))
		return false;
	v->transport = slice_of(o->protocol);
	v->host = bare_host(o->host);
	if (!host_sound(v->host))
		return false;
	if (o->port) {
		v->port = (int)sip_number(slice_of(o->port), 65535);
		if (v->port <= 0)
			return false;
	}
	return via_params(v);
}

void sip_via_release(struct sip_via *v)
{
	if (v->osip)
		osip_via_free(v->osip);
	memset(v, 0, sizeof *v);
}

bool sip_via_take(struct sip_via *v, struct slice value)
{
	size_t n = sip_find_outside(value, ',');
	v->raw = slice_trim((struct slice){value.p, n});
	if (n < value.n)
		v->rest = slice_trim((struct slice){value.p + n + 1, value.n - n - 1});
	if (osip_via_init(&v->osip) != OSIP_SUCCESS)
		die_temp("out of memory");
	struct buf tidy = {0};
	sip_squeeze(&tidy, v->raw, "/;=");
	bool sound = sip_value_balanced(value) && slice_istarts(slice_buf(&tidy), "SIP/") &&
		     osip_via_parse(v->osip, buf_str(&tidy)) == OSIP_SUCCESS && via_verify(v);
	buf_free(&tidy);
	if (!sound)
		sip_via_release(v);
	return sound;
}

/* ---- name-addr ---- */

/* A quoted string, or tokens and blanks (RFC 3261 25.1 display-name); UTF-8 outside quotes is the field's habit. */
static bool display_sound(struct slice d)
{
	if (!d.n)
		return true;
	if (d.p[0] == '"') {
		for (size_t i = 1; i < d.n; i++) {
			if (d.p[i] == '\\')
				i++;
			else if (d.p[i] == '"')
				return i + 1 == d.n;
		}
		return false;
	}
	for (size_t i = 0; i < d.n; i++)
		if (strchr("()<>@,;:\\\"/[]?={}", d.p[i]))
			return false;
	return true;
}

static void display_take(struct sip_party *p, struct slice d)
{
	if (d.n >= 2 && d.p[0] == '"') {
		d = (struct slice){d.p + 1, d.n - 2};
		for (size_t i = 0; i < d.n; i++) {
			if (d.p[i] == '\\' && i + 1 < d.n)
				i++;
			buf_putc(&p->text, d.p[i]);
		}
	} else {
		buf_slice(&p->text, d);
	}
}

static bool params_take(struct sip_party *p, struct slice params)
{
	struct slice name, value;
	bool bad;
	while (sip_param_next(&params, &name, &value, &bad)) {
		if (!slice_ieq(name, "tag"))
			continue;
		if (p->tag.n || !is_token(value.p, value.n))
			return false;
		p->tag = value;
	}
	return !bad;
}

/* Split the value into display name, URI and parameters. */
static bool party_split(struct sip_party *p, struct slice v, struct slice *display, struct slice *params)
{
	size_t open = 0;
	for (bool quoted = false; open < v.n && (quoted || v.p[open] != '<'); open++) {
		if (quoted && v.p[open] == '\\')
			open++;
		else if (v.p[open] == '"')
			quoted = !quoted;
	}
	if (open >= v.n) { /* addr-spec: what follows a semicolon belongs to the header, not to the URI (RFC 3261 20) */
		size_t end = sip_find_outside(v, ';');
		*display = (struct slice){"", 0};
		p->uri = slice_trim((struct slice){v.p, end});
		*params = (struct slice){v.p + end, v.n - end};
		return !memchr(p->uri.p, ',', p->uri.n) && !memchr(p->uri.p, '?', p->uri.n);
	}
	const char *close = memchr(v.p + open, '>', v.n - open);
	if (!close)
		return false;
	*display = slice_trim((struct slice){v.p, open});
	p->uri = (struct slice){v.p + open + 1, (size_t)(close - v.p) - open - 1};
	*params = (struct slice){close + 1, v.n - (size_t)(close + 1 - v.p)};
	return true;
}

/* libosip2 must read the same URI kind out of it. */
static bool party_osip(struct sip_party *p)
{
	struct buf tidy = {0};
	buf_putc(&tidy, '<');
	buf_slice(&tidy, p->uri);
	buf_putc(&tidy, '>');
	if (osip_from_init(&p->osip) != OSIP_SUCCESS)
		die_temp("out of memory");
	bool good = osip_from_parse(p->osip, buf_str(&tidy)) == OSIP_SUCCESS && p->osip->url && p->osip->url->scheme;
	struct slice scheme = sip_uri_scheme(p->uri);
	if (good && (slice_ieq(scheme, "sip") || slice_ieq(scheme, "sips")))
		good = p->osip->url->host && *p->osip->url->host &&
		       (!p->osip->url->port || sip_number(slice_of(p->osip->url->port), 65535) >= 0);
	buf_free(&tidy);
	return good;
}

bool sip_party_parse(struct sip_party *p, struct slice value)
{
	struct slice display, params;
	memset(p, 0, sizeof *p);
	if (!sip_value_balanced(value) || sip_find_outside(value, ',') < value.n)
		return false;
	if (!party_split(p, value, &display, &params) || !sip_uri_sound(p->uri) || !display_sound(display) ||
	    !params_take(p, params) || !party_osip(p)) {
		sip_party_free(p);
		return false;
	}
	display_take(p, display);
	p->display = slice_buf(&p->text);
	return true;
}

void sip_party_free(struct sip_party *p)
{
	if (p->osip)
		osip_from_free(p->osip);
	buf_free(&p->text);
	memset(p, 0, sizeof *p);
}
