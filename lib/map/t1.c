#include "base/clock.h"
#include "mail/address.h"
#include "map/table.h"

#include <stdlib.h>

/* ---- converters ---- */

static bool mapped(struct pager *p, struct slice uri, struct buf *out)
{
	char *s = slice_dup(uri);
	bool good = map_to_mail(p->tools->names, s, out);
	free(s);
	return good;
}

/* 2.6: one alias a message, for whoever reads the mail not to be traced back. */
static bool alias(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	if (!p->rcpt.n)
		return false;
	token_alias(map_keys(p->tools->names), buf_str(&p->originator_uri), p->rcpt.v[0], buf_str(&p->contr), out);
	buf_printf(out, "@%s", map_mail_domain(p->tools->names));
	return true;
}

static bool request_uri(struct pager *p, struct slice uri, struct buf *out)
{
	return recipient_of_uri(p, uri, out);
}

static bool list_entries(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	return recipients_of_list(p, out);
}

static bool ret_policy(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_puts(out, conf_enum(p->tools->conf, "ret_policy", NULL) ? "FULL" : "HDRS");
	return true;
}

static bool envid(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	token_envid(map_keys(p->tools->names), buf_str(&p->msgid), p->rcpt.v[0], out);
	return true;
}

static void want_delay(const struct pager *p, struct buf *out)
{
	if (conf_bool(p->tools->conf, "want_delay", NULL))
		buf_puts(out, ",DELAY");
}

static bool notify_wanted(struct pager *p, struct slice unused, struct buf *out)
{
	bool success = p->cpim.wanted & IMDN_POSITIVE_DELIVERY, failure = p->cpim.wanted & IMDN_NEGATIVE_DELIVERY;
	(void)unused;
	if (!success && !failure)
		return false;
	buf_puts(out, success && failure ? "SUCCESS,FAILURE" : success ? "SUCCESS" : "FAILURE");
	want_delay(p, out);
	return true;
}

static bool notify_default(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	if (conf_enum(p->tools->conf, "notify_default", NULL)) {
		buf_puts(out, "NEVER"); /* stands alone (RFC 3461 4.1) */
		return true;
	}
	buf_puts(out, "FAILURE");
	want_delay(p, out);
	return true;
}

static bool orcpt(struct pager *p, struct slice address, struct buf *out)
{
	(void)p;
	return mail_orcpt_put(out, address);
}

static int64_t by_limit(const struct pager *p)
{
	const char *at = p->rcpt.n ? strrchr(p->rcpt.v[0], '@') : NULL;
	return conf_int(p->tools->conf, "by_standalone", &(struct conf_scope){.domain = at ? at + 1 : NULL});
}

static bool by_expires(struct pager *p, struct slice unused, struct buf *out)
{
	int64_t limit = by_limit(p);
	(void)unused;
	buf_printf(out, "%lld", (long long)(p->expires < limit ? p->expires : limit));
	return true;
}

static bool by_standalone(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_printf(out, "%lld", (long long)by_limit(p));
	return true;
}

static bool size(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	buf_printf(out, "%lld", (long long)p->size);
	return true;
}

static bool body_8bit(struct pager *p, struct slice unused, struct buf *out)
{
	(void)unused;
	if (!p->eightbit)
		return false;
	buf_puts(out, "8BITMIME");
	return true;
}

/* ---- T1 (3.1): MESSAGE -> SMTP envelope ---- */

/* clang-format off */
const struct map_row T1[] = {
	{"MAIL FROM", 'M', FROM_PAI,         IF_OPEN,        MAPPED(mapped),          "2.1"},
	{"MAIL FROM", 'M', FROM_FROM,        IF_OPEN,        MAPPED(mapped),          "2.1"},
	{"MAIL FROM", 'M', FROM_PRIVACY,     IF_PRIVATE,     MAPPED(alias),           "2.6"},
	{"RCPT TO",   'M', FROM_REQUEST_URI, IF_NOT_EXPLODE, MAPPED(request_uri),     "2.4"},
	{"RCPT TO",   'M', FROM_LIST,        IF_EXPLODE,     MAPPED(list_entries),    "1.4"},
	{"RET",       'C', FROM_NOWHERE,     ALWAYS,         MAPPED(ret_policy),      "RFC 3461 4.3"},
	{"ENVID",     'C', FROM_NOWHERE,     ALWAYS,         MAPPED(envid),           "3.12"},
	{"NOTIFY",    'C', FROM_IMDN_WANTED, ALWAYS,         MAPPED(notify_wanted),   "3.1"},
	{"NOTIFY",    'C', FROM_NOWHERE,     ALWAYS,         MAPPED(notify_default),  "3.1"},
	{"ORCPT",     'C', FROM_RCPT,        ALWAYS,         MAPPED(orcpt),           "RFC 3461 4.2"},
	{"BY",        'C', FROM_EXPIRES,     ALWAYS,         MAPPED(by_expires),      "RFC 2852"},
	{"BY",        'C', FROM_NOWHERE,     ALWAYS,         MAPPED(by_standalone),   "RFC 2852"},
	{"SIZE",      'C', FROM_MAIL,        ALWAYS,         MAPPED(size),            "RFC 1870"},
	{"BODY",      'C', FROM_MAIL,        ALWAYS,         MAPPED(body_8bit),       "RFC 6152"},
};
/* clang-format on */
const size_t T1_rows = sizeof T1 / sizeof *T1;
