/* receipt records -> events: which message of ours a report is about, and what it says (5.3, 5.4). */
#include "event.h"
#include "report.h"
#include "table.h"

#include "base/text.h"

enum { ROWS_MAX = 100 };

/* A report may overtake the result that makes its message known to us: it waits a little, then a little more. */
static bool wait_for_it(struct frame_item *it)
{
	static const int64_t seconds[] = {5, 60};
	int tried = item_retries(it);
	if (!frame_has_queue(it->frame) || tried >= (int)(sizeof seconds / sizeof *seconds))
		return false;
	item_defer(it, (frame_now_ms(it->frame) + seconds[tried] * 1000) * 1000, "4.5.0",
		   "no message is known that it is about");
	return true;
}

/* ---- DSN, bounce, MDN: messages of CPM users ---- */

static int correlate(struct report *r, const json_t *about, struct asked_row *rows)
{
	const char *envid = record_str(about, "envid"), *alias = record_str(about, "alias");
	const json_t *ids = record_get(about, "msg_ids");
	int n = envid ? asked_find(&r->asked, ASKED_BY_ENVID, envid, rows, ROWS_MAX) : 0;
	for (size_t i = 0; !n && i < json_array_size(ids); i++)
		if (json_is_string(json_array_get(ids, i)))
			n = asked_find(&r->asked, ASKED_BY_MSGID, json_string_value(json_array_get(ids, i)), rows,
				       ROWS_MAX);
	return n || !alias ? n : asked_find(&r->asked, ASKED_BY_ALIAS, alias, rows, ROWS_MAX);
}

/* "+HH" undone (RFC 3461 4); what is no xtext stays as it is. */
static void xtext_decode(const char *s, struct buf *out)
{
	while (*s) {
		int hi = *s == '+' ? hex_value(s[1]) : -1, lo = hi >= 0 ? hex_value(s[2]) : -1;
		buf_putc(out, lo >= 0 ? (char)(hi << 4 | lo) : *s);
		s += lo >= 0 ? 3 : 1;
	}
}

static struct asked_row *row_of(struct asked_row *rows, int n, const char *address)
{
	for (int i = 0; address && i < n; i++)
		if (strcasecmp(rows[i].rcpt, address) == 0)
			return &rows[i];
	return NULL;
}

/* Original-Recipient as it stands, then decoded; Final-Recipient; else the only one that the mail had (5.3). */
static struct asked_row *match(struct asked_row *rows, int n, const char *original, const char *final)
{
	struct buf decoded = {0};
	struct asked_row *row = row_of(rows, n, original);
	if (!row && original) {
		xtext_decode(original, &decoded);
		row = row_of(rows, n, buf_str(&decoded));
		buf_free(&decoded);
	}
	if (!row)
		row = row_of(rows, n, final);
	return row || n != 1 || record_int(rows[0].origin, "recipients", 1) > 1 ? row : &rows[0];
}

static const char *tell(struct report *r, struct frame_item *it, struct asked_row *row, const struct event *e)
{
	if (e->what == EVENT_NONE)
		return "nothing-to-tell";
	return report_to_cpm(r, it, row, e) ? "told" : "not-asked-or-told-before";
}

/* A list's mail goes out by destination, each with a result of its own: this one's may not have come yet. */
static bool incomplete(const struct asked_row *rows, int n)
{
	return n < record_int(rows[0].origin, "recipients", 1);
}

static void take_dsn(struct report *r, struct frame_item *it, const char *source, struct asked_row *rows, int n)
{
	const json_t *reports = record_get(it->in->member, "reports");
	int64_t wait = 1000 * conf_int(frame_conf(it->frame), "dsn_wait", NULL);
	for (size_t i = 0; i < json_array_size(reports); i++) {
		const json_t *one = json_array_get(reports, i);
		const char *status = record_str(one, "status");
		struct asked_row *row = match(rows, n, record_str(one, "original"), record_str(one, "final"));
		struct event e = {.source = EVENT_DSN,
				  .what = table_dsn(record_str(one, "action"), status),
				  .status = status,
				  .id = record_str(it->in->member, "message_id")};
		if (!row && incomplete(rows, n) && wait_for_it(it))
			return;
		if (!row)
			report_count(it, source, "not-a-recipient", rows[0].msg_id);
		else if (frame_now_ms(it->frame) - row->at > wait)
			report_count(it, source, "too-late", row->msg_id);
		else
			report_count(it, source, tell(r, it, row, &e), row->msg_id);
	}
}

/* An MDN is believed only from the e-mail user of that mail, to the address it was sent from (5.3). */
static void take_mdn(struct report *r, struct frame_item *it, struct asked_row *rows, int n)
{
	const json_t *member = it->in->member, *d = record_get(member, "disposition");
	const char *rcpt = record_str(member, "rcpt"), *sent_from;
	struct asked_row *row = row_of(rows, n, record_str(member, "from"));
	struct event e = {.source = EVENT_MDN,
			  .what = table_mdn(record_str(d, "type"), record_str(d, "modifier")),
			  .id = record_str(member, "message_id")};
	if (!row)
		row = row_of(rows, n, record_str(d, "final"));
	sent_from = row ? record_str(row->origin, "mail_from") : NULL;
	if (!row || !rcpt || !sent_from || strcasecmp(rcpt, sent_from) != 0)
		report_count(it, "mdn", "foreign", rows[0].msg_id);
	else
		report_count(it, "mdn", tell(r, it, row, &e), row->msg_id);
}

static void take_mail_report(struct report *r, struct frame_item *it, const char *source)
{
	struct asked_row rows[ROWS_MAX];
	const json_t *about = record_get(it->in->member, "about");
	int n = correlate(r, about, rows);
	if (!n && (record_str(about, "envid") || record_get(about, "msg_ids") || record_str(about, "alias")) &&
	    wait_for_it(it))
		return;
	if (!n)
		report_count(it, source, "unknown", record_str(it->in->member, "message_id"));
	else if (strcmp(source, "mdn") == 0)
		take_mdn(r, it, rows, n);
	else
		take_dsn(r, it, source, rows, n);
	for (int i = 0; i < n; i++)
		asked_free(&rows[i]);
}

/* ---- IMDN: messages of e-mail users ---- */

/* Several parts of one mail (7.7): delivered when all are; failed as soon as the text did, or, with the part's name, a
 * part. */
static bool settles(struct report *r, const struct mailed_row *row, const char *imdn_id, struct mailed_part *part,
		    struct event *e)
{
	if (e->what == EVENT_DELIVERED) {
		part->state = MAILED_ARRIVED;
		mailed_part(&r->mailed, row, imdn_id, part);
		return mailed_arrived(&r->mailed, row) >= record_int(row->origin, "parts", 1);
	}
	if (e->what == EVENT_FAILED && !part->text)
		notice_part_failed(part, e);
	else if (e->what == EVENT_FAILED && part->status == 404)
		e->status = "5.1.1";
	return true;
}

static void take_imdn(struct report *r, struct frame_item *it)
{
	const json_t *member = it->in->member;
	const char *id = record_str(record_get(member, "about"), "imdn_id"),
		   *notification = record_str(member, "notification"), *status = record_str(member, "status"), *result;
	struct mailed_row row;
	struct mailed_part part;
	if (!id || !notification || !status) {
		item_fail(it, "5.5.4", "an IMDN receipt without imdn_id, notification or status");
		return;
	}
	if (!mailed_find(&r->mailed, id, &row, &part)) {
		if (!wait_for_it(it))
			report_count(it, "imdn", "unknown", id);
		return;
	}
	struct event e = {.source = EVENT_IMDN,
			  .what = table_notification(imdn_notification_of(notification), imdn_status_of(status)),
			  .id = record_str(member, "message_id")};
	if (e.what == EVENT_NONE)
		result = "nothing-to-tell";
	else if (!settles(r, &row, id, &part, &e))
		result = "parts-missing";
	else
		result = report_to_mail(r, it, &row, &e) ? "told" : "not-asked-or-told-before";
	report_count(it, "imdn", result, id);
	mailed_free(&row);
}

void report_receipt(struct report *r, struct frame_item *it)
{
	const char *source = record_str(it->in->member, "source");
	if (source && strcmp(source, "imdn") == 0)
		take_imdn(r, it);
	else if (source && (strcmp(source, "dsn") == 0 || strcmp(source, "mdn") == 0 || strcmp(source, "bounce") == 0))
		take_mail_report(r, it, source);
	else
		item_fail(it, "5.5.4", "a receipt of no known source");
}
