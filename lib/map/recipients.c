#include "base/hash.h"
#include "base/text.h"
#include "mail/address.h"
#include "map/table.h"

#include <stdlib.h>

bool address_set_has(const struct address_set *set, struct slice address)
{
	for (size_t i = 0; i < set->n; i++)
		if (slice_ieq(address, set->v[i]))
			return true;
	return false;
}

bool address_set_add(struct address_set *set, struct slice address)
{
	if (set->n == PAGER_ADDRESSES_MAX || address_set_has(set, address))
		return false;
	if ((set->n & (set->n - 1)) == 0)
		set->v = xrealloc(set->v, (set->n ? set->n * 2 : 1) * sizeof *set->v);
	set->v[set->n++] = slice_dup(address);
	return true;
}

static void refuse(struct pager *p, const char *uri, const char *enhanced)
{
	if ((p->nrefused & (p->nrefused - 1)) == 0)
		p->refused = xrealloc(p->refused, (p->nrefused ? p->nrefused * 2 : 1) * sizeof *p->refused);
	p->refused[p->nrefused++] = (struct refused){xstrdup(uri), enhanced};
}

static bool in_list(const struct conf *conf, const char *knob, struct slice value)
{
	const char *item;
	for (size_t i = 0; (item = conf_item(conf, knob, i, NULL)); i++)
		if (slice_ieq(value, item))
			return true;
	return false;
}

/* May this address get the mail? NULL: yes; else why not. */
static const char *forbidden(const struct pager *p, struct slice address)
{
	struct mail_address a;
	if (!mail_address_parse(address, &a))
		return "5.1.3";
	if (map_domain_ours(p->tools->names, a.domain))
		return "5.4.6"; /* no short cut through the mail side (8.2) */
	if (in_list(p->tools->conf, "deny_domains", a.domain) || in_list(p->tools->conf, "opt_out", address))
		return "5.7.1";
	return NULL;
}

static bool take(struct pager *p, const char *uri, struct slice address, struct buf *out)
{
	const char *why = forbidden(p, address);
	if (why) {
		refuse(p, uri, why);
		return false;
	}
	if (!address_set_add(&p->rcpt, address))
		return false;
	if (out->n)
		buf_putc(out, ',');
	buf_slice(out, address);
	return true;
}

static bool by_enum(struct pager *p, const char *uri, struct slice number, struct buf *out)
{
	const json_t *answer = record_get(p->sip, "enum");
	const char *have = record_str(answer, "number"), *address = record_str(answer, "address");
	if (!have || !slice_eq(number, have)) {
		buf_slice(&p->enum_wanted, number);
		p->verdict = PAGER_ENUM;
		return false;
	}
	if (address)
		return take(p, uri, slice_of(address), out);
	pager_answer(p, 404, "Not Found", "the number has no mail address");
	return false;
}

bool recipient_of_uri(struct pager *p, struct slice value, struct buf *out)
{
	struct buf address = {0};
	char *uri = slice_dup(value);
	bool good = false;
	switch (map_from_request_uri(p->tools->names, uri, &address)) {
	case MAP_OK:
		good = take(p, uri, slice_buf(&address), out);
		break;
	case MAP_ENUM:
		good = by_enum(p, uri, slice_buf(&address), out);
		break;
	case MAP_SCHEME:
		pager_answer(p, 416, "Unsupported URI Scheme", "scheme of the Request-URI");
		break;
	case MAP_BAD:
		pager_answer(p, 400, "Bad Request-URI", "the Request-URI names more than one address");
		break;
	case MAP_NONE:
		pager_answer(p, 404, "Not Found", "the Request-URI is nobody's mail address");
		break;
	}
	free(uri);
	buf_free(&address);
	return good;
}

/* 1.4: one RCPT for each entry that is an e-mail user; the others have failed. */
bool recipients_of_list(struct pager *p, struct buf *out)
{
	for (size_t i = 0; i < p->list.n; i++) {
		const struct lists_entry *e = &p->list.v[i];
		struct buf address = {0};
		if (lists_is_hidden(e)) /* whom the network has hidden, it serves itself: only counted */
			continue;
		if (map_from_request_uri(p->tools->names, e->uri, &address) == MAP_OK)
			take(p, e->uri, slice_buf(&address), out);
		else
			refuse(p, e->uri, "5.1.1");
		buf_free(&address);
	}
	return p->rcpt.n > 0;
}

/* Nobody is left: the answer of what was refused first (1.4, 5.1). */
static enum pager_verdict nobody(struct pager *p)
{
	const char *code = p->nrefused ? p->refused[0].enhanced : "5.1.1";
	if (strcmp(code, "5.7.1") == 0)
		return pager_answer(p, 403, "Forbidden", "recipient is denied or opted out");
	if (strcmp(code, "5.4.6") == 0)
		return pager_answer(p, 482, "Loop Detected", "recipient's mail domain is the gateway's own");
	return pager_answer(p, 404, "Not Found", "no recipient is an e-mail user");
}

/* 1.4: the history does not show the recipient of this copy, or shows it as bcc. */
static bool is_blind(const struct pager *p)
{
	for (size_t i = 0; i < p->list.n; i++) {
		const struct lists_entry *e = &p->list.v[i];
		struct buf address = {0};
		bool same = map_from_request_uri(p->tools->names, e->uri, &address) == MAP_OK &&
			    slice_ieq(slice_buf(&address), p->rcpt.v[0]);
		buf_free(&address);
		if (same)
			return e->copy == COPY_BCC;
	}
	return true;
}

/* 2.1, subaddress: the reverse-path, where replies and reports come back, gets a suffix that names the message. */
static void put_suffix(struct pager *p)
{
	struct mail_address a;
	buf_slice(&p->author, slice_buf(&p->mail_from));
	if (p->private || !conf_bool(p->tools->conf, "subaddress", NULL) ||
	    !mail_address_parse(slice_buf(&p->author), &a) || a.quoted ||
	    a.local.n + 2 + TOKEN_SUFFIX > MAIL_LOCAL_MAX || !map_domain_ours(p->tools->names, a.domain))
		return;
	buf_clear(&p->mail_from);
	buf_slice(&p->mail_from, a.local);
	buf_puts(&p->mail_from, "--");
	token_suffix(map_keys(p->tools->names), buf_str(&p->msgid), p->rcpt.v[0], &p->mail_from);
	buf_putc(&p->mail_from, '@');
	buf_slice(&p->mail_from, a.domain);
}

enum pager_verdict pager_recipients(struct pager *p)
{
	struct buf all = {0};
	if (!map_normalise_uri(p->tools->names, p->originator, &p->originator_uri))
		buf_puts(&p->originator_uri, p->originator);
	bool some = map_element(p, T1, T1_rows, "RCPT TO", &all);
	buf_free(&all);
	if (p->verdict != PAGER_MAIL)
		return p->verdict;
	if (!some)
		return nobody(p);
	if (!map_element(p, T1, T1_rows, "MAIL FROM", &p->mail_from))
		return pager_answer(p, 400, "Bad From", "the originator has no mail address");
	put_suffix(p);
	for (size_t i = 0; i < p->rcpt.n; i++)
		p->utf8 = p->utf8 || !is_ascii(p->rcpt.v[i], strlen(p->rcpt.v[i]));
	p->blind = p->list_kind == LIST_HISTORY && is_blind(p);
	return PAGER_MAIL;
}

/* ---- the idempotence key (1.2) ---- */

static void key_part(struct buf *b, const char *p, size_t n)
{
	buf_printf(b, "%zu:", n); /* lengths, so that no two sets of parts look the same */
	buf_put(b, p, n);
}

void pager_key(const struct pager *p, struct buf *out)
{
	struct buf b = {0};
	uint8_t sum[SHA256_LEN];
	const char *to = record_str(p->sip, "uri");
	key_part(&b, buf_str(&p->originator_uri), p->originator_uri.n);
	if (p->list_kind != LIST_EXPLODE && p->rcpt.n)
		to = p->rcpt.v[0];
	key_part(&b, to ? to : "", to ? strlen(to) : 0);
	if (p->cpim.message_id.n) {
		key_part(&b, buf_str(&p->contr), p->contr.n);
		key_part(&b, p->cpim.message_id.p, p->cpim.message_id.n);
	} else {
		const char *tag = p->from.tag ? p->from.tag : "";
		key_part(&b, p->call_id, strlen(p->call_id));
		key_part(&b, p->cseq, strlen(p->cseq));
		key_part(&b, tag, strlen(tag));
	}
	sha256(b.p, b.n, sum);
	hex_put(out, sum, 2 * SHA256_LEN);
	buf_free(&b);
}
