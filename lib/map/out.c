#include "base/text.h"
#include "map/content.h"
#include "map/table.h"

#include <stdlib.h>

static bool too_large(struct pager *p)
{
	const char *at = strrchr(p->rcpt.v[0], '@');
	int64_t max = conf_int(p->tools->conf, "max_mail_out", &(struct conf_scope){.domain = at ? at + 1 : NULL});
	if (p->size <= max)
		return false;
	pager_answer(p, 413, "Request Entity Too Large", "the mail is over max_mail_out");
	return true;
}

json_t *pager_build(struct pager *p)
{
	struct buf head = {0};
	struct sink out = {.io = p->tools->io};
	content_boundaries(p);
	if (!map_walk(p, T2, T2_rows, &head))
		pager_answer(p, 500, "Server Internal Error", "a mandatory header field has no value");
	buf_puts(&head, "\r\n");
	sink_buf(&out, &head);
	buf_free(&head);
	content_write(p, p->content, &out);
	p->size = out.size;
	if (out.error)
		pager_trouble(p, out.error);
	if (p->verdict != PAGER_MAIL || too_large(p)) {
		sink_drop(&out);
		return NULL;
	}
	json_t *body = sink_finish(&out, "message/rfc822");
	if (!body)
		pager_trouble(p, out.error);
	return body;
}

static bool value(struct pager *p, const char *element, struct buf *out)
{
	buf_clear(out);
	buf_put(out, "", 0);
	return map_element(p, T1, T1_rows, element, out);
}

static void put_recipient(struct pager *p, json_t *to, struct buf *b)
{
	json_t *rcpt = json_object();
	record_set(rcpt, "address", p->rcpt.v[p->rcpt_at]);
	if (value(p, "NOTIFY", b)) {
		json_t *notify = record_array(rcpt, "notify");
		struct slice list = slice_buf(b);
		bool more = true;
		while (more) {
			struct slice word = slice_cut(&list, ',', &more);
			json_array_append_new(notify, json_stringn(word.p, word.n));
		}
	}
	if (value(p, "ORCPT", b))
		record_set(rcpt, "orcpt", buf_str(b));
	json_array_append_new(to, rcpt);
}

static void set_slice(json_t *obj, const char *key, struct slice s)
{
	if (s.n)
		record_set_octets(obj, key, s.p, s.n);
}

/* What a later IMDN about this message needs (1.1, 3.12). */
static void put_imdn(const struct pager *p, json_t *origin)
{
	static const struct {
		enum imdn_wanted flag;
		const char *word;
	} words[] = {{IMDN_POSITIVE_DELIVERY, "positive-delivery"},
		     {IMDN_NEGATIVE_DELIVERY, "negative-delivery"},
		     {IMDN_PROCESSING, "processing"},
		     {IMDN_DISPLAY, "display"}};
	json_t *reports = record_array(origin, "reports");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (p->cpim.wanted & words[i].flag)
			json_array_append_new(reports, json_string(words[i].word));
	if (!p->cpim.message_id.n)
		return;
	json_t *imdn = record_object(origin, "imdn");
	set_slice(imdn, "message_id", p->cpim.message_id);
	set_slice(imdn, "datetime", p->cpim.datetime);
	set_slice(imdn, "from", p->cpim.from.uri);
	if (p->cpim.wanted && p->cpim.from.name.n) {
		struct buf clean = {0};
		text_sanitise(&clean, p->cpim.from.name, 512);
		record_set(imdn, "from_name", buf_str(&clean));
		buf_free(&clean);
	}
	set_slice(imdn, "to", p->cpim.nto ? p->cpim.to[0].uri : (struct slice){"", 0});
	set_slice(imdn, "original_to", p->cpim.original_to);
	if (p->cpim.nrecord_route) {
		json_t *route = record_array(imdn, "record_route");
		for (size_t i = 0; i < p->cpim.nrecord_route; i++) {
			struct buf clean = {0};
			text_sanitise(&clean, p->cpim.record_route[i], 1024);
			json_array_append_new(route, json_stringn(buf_str(&clean), clean.n));
			buf_free(&clean);
		}
	}
}

/* What a DSN or MDN about the mail is matched with; nobody asks for it unless the sender asked for a report. */
static void put_matching(const struct pager *p, const json_t *mail, json_t *origin)
{
	const char *from = buf_str(&p->mail_from);
	if (!p->cpim.wanted || !p->cpim.message_id.n)
		return;
	record_set(origin, "envid", record_str(mail, "envid"));
	record_set(origin, "mail_from", from);
	struct slice local = {from, strcspn(from, "@")};
	if (token_local_form(local) != 'a')
		local = token_suffix_form(local);
	if (local.n)
		record_set_octets(origin, "alias", local.p, local.n);
	if (p->list_kind == LIST_EXPLODE)
		record_set_bool(origin, "list", true);
}

static void put_origin(struct pager *p, const json_t *mail, json_t *origin, const char *key)
{
	record_set(origin, "id", p->in->id);
	record_set(origin, "transaction", record_str(p->sip, "transaction"));
	if (record_shard(p->in) >= 0)
		record_set_int(origin, "shard", record_shard(p->in));
	int64_t answer_by = record_int(p->sip, "answer_by", -1);
	if (answer_by >= 0)
		record_set_int(origin, "answer_by", answer_by);
	record_set_int(origin, "recipients", (int64_t)p->rcpt.n);
	record_set(origin, "msg_id", buf_str(&p->msgid));
	record_set(origin, "key", key);
	put_imdn(p, origin);
	put_matching(p, mail, origin);
	record_set(origin, "uri", record_str(p->sip, "uri"));
	if (conf_str(p->tools->conf, "hep_address", NULL)) /* a capture server finds the events by it */
		record_set(origin, "call_id", p->call_id);
	record_set(origin, "from", p->originator);
	record_set(origin, "conversation", buf_str(&p->conv));
	record_set(origin, "contribution", buf_str(&p->contr));
	if (p->private)
		record_set_bool(origin, "private", true);
	if (p->blind)
		record_set_bool(origin, "blind", true);
	if (!p->nrefused)
		return;
	json_t *refused = record_array(origin, "refused");
	for (size_t i = 0; i < p->nrefused; i++) {
		json_t *one = json_object();
		record_set_octets(one, "uri", p->refused[i].uri, strlen(p->refused[i].uri));
		record_set(one, "enhanced", p->refused[i].enhanced);
		json_array_append_new(refused, one);
	}
}

void pager_fill(struct pager *p, json_t *mail, json_t *body, const char *key)
{
	struct buf b = {0};
	record_set(mail, "from", buf_str(&p->mail_from));
	json_t *to = record_array(mail, "to");
	for (p->rcpt_at = 0; p->rcpt_at < p->rcpt.n; p->rcpt_at++)
		put_recipient(p, to, &b);
	if (value(p, "RET", &b))
		record_set(mail, "ret", buf_str(&b));
	if (value(p, "ENVID", &b))
		record_set(mail, "envid", buf_str(&b));
	if (value(p, "BY", &b)) {
		json_t *by = record_object(mail, "by");
		record_set_int(by, "seconds", strtoll(buf_str(&b), NULL, 10));
		const char *at = p->rcpt.n ? strrchr(p->rcpt.v[0], '@') : NULL;
		const struct conf_scope scope = {.domain = at ? at + 1 : NULL};
		record_set(by, "mode", conf_enum(p->tools->conf, "by_mode", &scope) ? "R" : "N");
		record_set_int(by, "at", p->received_ms);
	}
	record_set_bool(mail, "smtputf8", p->utf8);
	record_set_bool(mail, "eightbit", value(p, "BODY", &b));
	if (map_needs_tls(p->tools->names, record_str(p->sip, "uri")) || map_needs_tls(p->tools->names, p->originator))
		record_set_bool(mail, "require_tls", true);
	record_set(mail, "message_id", buf_str(&p->msgid));
	if (value(p, "SIZE", &b))
		record_set_int(mail, "size", strtoll(buf_str(&b), NULL, 10));
	record_set_new(mail, "body", body);
	put_origin(p, mail, record_object(mail, "origin"), key);
	buf_free(&b);
}

bool pager_expired(struct pager *p, json_t *result)
{
	json_t *results = json_array(), *mail = json_object();
	p->verdict = PAGER_MAIL;
	bool good = p->expired && p->cpim.wanted & IMDN_NEGATIVE_DELIVERY && p->cpim.message_id.n &&
		    pager_recipients(p) == PAGER_MAIL;
	pager_answer(p, 202, "Accepted", p->why);
	for (size_t i = 0; good && i < p->rcpt.n; i++) {
		json_t *one = json_object();
		record_set(one, "address", p->rcpt.v[i]);
		record_set(one, "outcome", "permanent");
		record_set_int(one, "code", 0);
		record_set(one, "enhanced", "5.4.7");
		json_array_append_new(results, one);
	}
	if (good) {
		record_set_new(result, "results", json_incref(results));
		record_set(result, "message_id", buf_str(&p->msgid));
		put_origin(p, mail, record_object(result, "origin"), NULL);
		json_t *origin = record_get(result, "origin");
		json_object_del(origin, "transaction");
		json_object_del(origin, "answer_by");
	}
	json_decref(results), json_decref(mail);
	return good;
}
