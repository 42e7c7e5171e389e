#include "map/receipt.h"

#include "base/text.h"
#include "mail/address.h"

bool receipt_ours(void *names, struct slice msgid)
{
	const struct map_names *n = names;
	struct token_parsed t;
	if (!token_msgid_parse(map_keys(n), msgid, map_mail_domain(n), &t))
		return false;
	token_parsed_free(&t);
	return true;
}

/* ---- from a mail ---- */

static void put_ids(json_t *about, const char *key, const struct report *r, bool ours)
{
	json_t *list = NULL;
	for (size_t i = 0; i < r->nids; i++) {
		if (r->ids[i].ours != ours)
			continue;
		if (!list)
			list = record_array(about, key);
		json_array_append_new(list, json_string(r->ids[i].id));
	}
}

/* The local part of rcpt, if it has the form of an alias (2.5, 2.6), or the suffix of a sub-address (2.1). */
static void put_alias(json_t *about, const char *rcpt)
{
	struct mail_address a;
	struct buf local = {0};
	if (mail_address_parse(slice_of(rcpt), &a)) {
		mail_put_lower(&local, a.local);
		struct slice suffix = token_suffix_form(slice_buf(&local));
		if (token_local_form(slice_buf(&local)))
			record_set(about, "alias", buf_str(&local));
		else if (suffix.n)
			record_set_octets(about, "alias", suffix.p, suffix.n);
	}
	buf_free(&local);
}

static void put_reports(json_t *receipt, const struct report *r)
{
	json_t *list = record_array(receipt, "reports");
	for (size_t i = 0; i < r->nrecipients; i++) {
		const struct report_recipient *b = &r->recipients[i];
		json_t *one = json_object();
		record_set(one, "original", b->original);
		record_set(one, "final", b->final);
		record_set(one, "action", b->action);
		record_set(one, "status", b->status);
		record_set(one, "diagnostic", b->diagnostic);
		json_array_append_new(list, one);
	}
}

static void put_disposition(json_t *receipt, const struct report_disposition *d)
{
	json_t *to = record_object(receipt, "disposition");
	record_set(to, "type", d->type);
	record_set(to, "modifier", d->modifier);
	record_set(to, "final", d->final);
	record_set(to, "original", d->original);
}

bool receipt_of_report(json_t *receipt, const struct report *r, const char *rcpt)
{
	static const char *const sources[] = {[REPORT_DSN] = "dsn", [REPORT_MDN] = "mdn", [REPORT_BOUNCE] = "bounce"};
	if (r->kind == REPORT_NONE || (r->kind == REPORT_MDN && !r->from && !r->disposition.final))
		return false;
	json_t *about = json_object();
	record_set(about, "envid", r->envid);
	put_ids(about, "msg_ids", r, true);
	put_alias(about, rcpt);
	put_ids(about, "foreign", r, false);
	if (!json_object_size(about)) {
		json_decref(about);
		return false;
	}
	record_set(receipt, "source", sources[r->kind]);
	record_set(receipt, "from", r->from);
	record_set(receipt, "rcpt", rcpt);
	record_set(receipt, "message_id", r->message_id);
	record_set_new(receipt, "about", about);
	if (r->kind == REPORT_MDN)
		put_disposition(receipt, &r->disposition);
	else
		put_reports(receipt, r);
	return true;
}

/* ---- from an IMDN ---- */

/* CPIM values may hold any octet. */
static void put_clean(json_t *receipt, const char *key, const char *value)
{
	struct buf clean = {0};
	text_sanitise(&clean, slice_of(value), IMDN_VALUE_MAX);
	if (clean.n)
		record_set(receipt, key, clean.p);
	buf_free(&clean);
}

bool receipt_of_imdn(json_t *receipt, const struct imdn *i, const char *from, const char *message_id)
{
	if (i->notification == IMDN_NOTE_NONE || i->status == IMDN_STATUS_NONE)
		return false;
	record_set(receipt, "source", "imdn");
	put_clean(receipt, "from", from);
	if (message_id)
		put_clean(receipt, "message_id", message_id);
	record_set(record_object(receipt, "about"), "imdn_id", i->message_id);
	record_set(receipt, "notification", imdn_notification_name(i->notification));
	record_set(receipt, "status", imdn_status_name(i->status));
	record_set(receipt, "recipient", i->recipient);
	record_set(receipt, "original_recipient", i->original_recipient);
	record_set(receipt, "datetime", i->datetime);
	return true;
}
