#include "map/names.h"

#include "base/text.h"
#include "mail/address.h"

#include <stdio.h>
#include <stdlib.h>

static int row_by_cpm(const void *a, const void *b)
{
	return strcmp(((const struct map_row *)a)->cpm, ((const struct map_row *)b)->cpm);
}

static int row_by_mail(const void *a, const void *b)
{
	return strcmp(((const struct map_row *)a)->mail, ((const struct map_row *)b)->mail);
}

static void table_add(struct map_table *t, char *cpm, char *mail)
{
	if ((t->n & (t->n - 1)) == 0)
		t->rows = xrealloc(t->rows, (t->n ? 2 * t->n : 1) * sizeof *t->rows);
	t->rows[t->n++] = (struct map_row){cpm, mail};
}

static void table_free(struct map_table *t, bool owner)
{
	for (size_t i = 0; owner && i < t->n; i++) {
		free(t->rows[i].cpm);
		free(t->rows[i].mail);
	}
	free(t->rows);
}

static char *lower_dup(const char *s)
{
	struct buf b = {0};
	mail_put_lower(&b, slice_of(s));
	return b.p;
}

const char *names_mail_of(const struct map_names *names, const char *cpm)
{
	struct map_row key = {.cpm = (char *)(uintptr_t)cpm}, *at = NULL;
	if (names->by_cpm.n)
		at = bsearch(&key, names->by_cpm.rows, names->by_cpm.n, sizeof key, row_by_cpm);
	return at ? at->mail : NULL;
}

const char *names_cpm_of(const struct map_names *names, const char *mail)
{
	struct map_row key = {.mail = (char *)(uintptr_t)mail}, *at = NULL;
	if (names->by_mail.n)
		at = bsearch(&key, names->by_mail.rows, names->by_mail.n, sizeof key, row_by_mail);
	return at ? at->cpm : NULL;
}

bool names_host_ours(const struct map_names *names, const char *host)
{
	if (strcmp(host, names->gateway) == 0)
		return true;
	for (size_t i = 0; i < names->sip_domains.n; i++)
		if (strcmp(names->sip_domains.rows[i].cpm, host) == 0)
			return true;
	return false;
}

bool names_sip_served(const struct map_names *names, const char *host)
{
	for (size_t i = 0; i < names->domains.n; i++)
		if (strcmp(names->domains.rows[i].cpm, host) == 0)
			return true;
	return names_host_ours(names, host);
}

const char *names_sip_domain_of(const struct map_names *names, const char *mail)
{
	for (size_t i = 0; i < names->domains.n; i++)
		if (strcmp(names->domains.rows[i].mail, mail) == 0)
			return names->domains.rows[i].cpm;
	return NULL;
}

const char *names_mail_domain_of(const struct map_names *names, const char *sip)
{
	for (size_t i = 0; i < names->domains.n; i++) {
		const struct map_row *row = &names->domains.rows[i];
		/* Two SIP domains on one mail domain: only the first owns its plain local parts. */
		if (strcmp(row->cpm, sip) == 0 && strcmp(names_sip_domain_of(names, row->mail), sip) == 0)
			return row->mail;
	}
	return NULL;
}

bool names_role(struct slice local)
{
	return slice_ieq(local, "postmaster") || slice_ieq(local, "abuse") || slice_ieq(local, "mailer-daemon");
}

bool map_domain_ours(const struct map_names *names, struct slice domain)
{
	if (slice_ieq(domain, names->mail_domain))
		return true;
	for (size_t i = 0; i < names->domains.n; i++)
		if (slice_ieq(domain, names->domains.rows[i].mail))
			return true;
	return false;
}

void map_watch_long(struct map_names *names, void (*made)(void *ctx, const char *local, const char *uri), void *ctx)
{
	names->long_made = made;
	names->long_ctx = ctx;
}

const struct token_keys *map_keys(const struct map_names *names)
{
	return &names->keys;
}

const char *map_gateway(const struct map_names *names)
{
	return names->gateway;
}

const char *map_mail_domain(const struct map_names *names)
{
	return names->mail_domain;
}

static bool wrong(char why[128], const char *knob, const char *what)
{
	snprintf(why, 128, "%s: \"%.80s\" is wrong", knob, what);
	return false;
}

static bool take_domains(struct map_names *names, const struct map_settings *s, char why[128])
{
	for (const char *const *d = s->sip_domains; d && *d; d++) {
		struct buf host = {0};
		if (!map_put_host(&host, slice_of(*d)))
			return wrong(why, "sip_domains", *d);
		table_add(&names->sip_domains, host.p, NULL);
	}
	for (const char *const *d = s->dotless_domains; d && *d; d++)
		table_add(&names->dotless_domains, NULL, lower_dup(*d));
	for (const struct map_pair *p = s->domain_map; p && p->cpm; p++) {
		struct buf host = {0};
		if (!map_put_host(&host, slice_of(p->cpm)))
			return wrong(why, "domain_map", p->cpm);
		table_add(&names->domains, host.p, p->mail ? lower_dup(p->mail) : NULL);
		if (!p->mail || !mail_domain_valid(slice_of(p->mail)))
			return wrong(why, "domain_map", p->mail ? p->mail : p->cpm);
	}
	return true;
}

/* As it is compared: all of it in lower case where the domain is ours, else the domain alone (2.1). */
static char *comparable(const struct map_names *names, const char *mail)
{
	struct mail_address a;
	struct buf b = {0};
	if (!mail || !mail_address_parse(slice_of(mail), &a))
		return NULL;
	if (map_domain_ours(names, a.domain))
		mail_put_lower(&b, slice_of(mail));
	else
		mail_address_put(&b, &a);
	return b.p;
}

static bool take_addresses(struct map_names *names, const struct map_settings *s, char why[128])
{
	for (const struct map_pair *p = s->addr_map; p && p->cpm; p++) {
		struct buf uri = {0};
		char *mail = comparable(names, p->mail);
		if (!mail || !map_normalise_uri(names, p->cpm, &uri)) {
			free(mail);
			buf_free(&uri);
			return wrong(why, "addr_map", p->cpm);
		}
		table_add(&names->by_cpm, uri.p, mail);
		table_add(&names->by_mail, uri.p, mail);
	}
	if (!names->by_cpm.n)
		return true;
	qsort(names->by_cpm.rows, names->by_cpm.n, sizeof(struct map_row), row_by_cpm);
	qsort(names->by_mail.rows, names->by_mail.n, sizeof(struct map_row), row_by_mail);
	for (size_t i = 1; i < names->by_cpm.n; i++) {
		if (row_by_cpm(&names->by_cpm.rows[i - 1], &names->by_cpm.rows[i]) == 0)
			return wrong(why, "addr_map (twice)", names->by_cpm.rows[i].cpm);
		if (row_by_mail(&names->by_mail.rows[i - 1], &names->by_mail.rows[i]) == 0)
			return wrong(why, "addr_map (twice)", names->by_mail.rows[i].mail);
	}
	return true;
}

struct map_names *map_names_make(const struct map_settings *s, char why[128])
{
	struct map_names *names = xcalloc(1, sizeof *names);
	names->gateway = lower_dup(s->gateway ? s->gateway : "localhost");
	names->mail_domain = s->mail_domain ? lower_dup(s->mail_domain) : xstrdup(names->gateway);
	names->default_cc = s->default_cc && *s->default_cc ? xstrdup(s->default_cc) : NULL;
	names->keys = s->keys ? *s->keys : (struct token_keys){0};
	names->uri_form = s->uri_form;
	names->prefer_tel = s->prefer_tel;
	names->accept_foreign_domain = s->accept_foreign_domain;
	names->addr_map_only = s->addr_map_only;
	names->sips_needs_tls = s->sips_needs_tls;
	names->subaddress = s->subaddress;
	names->address_literals = s->address_literals;
	bool good = true;
	if (!names->keys.n)
		good = wrong(why, "msgid_key", "none");
	else if (names->default_cc && !map_digits(slice_of(names->default_cc), 1, 4))
		good = wrong(why, "default_cc", names->default_cc);
	if (good && take_domains(names, s, why) && take_addresses(names, s, why))
		return names;
	map_names_free(names);
	return NULL;
}

void map_names_free(struct map_names *names)
{
	if (!names)
		return;
	free(names->gateway);
	free(names->mail_domain);
	free(names->default_cc);
	table_free(&names->sip_domains, true);
	table_free(&names->dotless_domains, true);
	table_free(&names->domains, true);
	table_free(&names->by_cpm, true);
	table_free(&names->by_mail, false);
	free(names);
}
