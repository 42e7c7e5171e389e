/* sip.result -> events: what became of the MESSAGE that a mail became (5.4), and the timers that begin with it. */
#include "event.h"
#include "report.h"

#include "base/log.h"

#include <stdio.h>

enum { KEPT_LONGER_S = 600 };

/* ---- timers ---- */

/* The result itself comes back when the time is over: nothing else has to survive a restart. What it returned lies in
 * the store by now. true: the time is over. */
static bool timer(struct frame_item *it, int64_t due_ms)
{
	if (frame_now_ms(it->frame) >= due_ms)
		return true;
	if (!frame_has_queue(it->frame))
		return false;
	json_object_del(record_get(it->in->member, "origin"), "returned");
	json_object_del(record_get(it->in->member, "origin"), "returned_base64");
	item_defer(it, due_ms * 1000, "4.4.0", "waits for a report");
	return false;
}

static int64_t began(const struct frame_item *it)
{
	int64_t first = item_first_try_ms(it);
	return first ? first : frame_now_ms(it->frame);
}

/* When the mail's BY is over; 0: it has none of that mode (RFC 2852). */
static int64_t by_over(const json_t *origin, const char *mode)
{
	const json_t *by = record_get(origin, "by");
	const char *have = record_str(by, "mode");
	if (!have || strcasecmp(have, mode) != 0)
		return 0;
	return record_int(by, "at", 0) + 1000 * record_int(by, "seconds", 0);
}

/* A duration that a row must outlive. */
static int64_t patience_ms(const struct frame_item *it, const char *knob)
{
	int64_t wait = conf_int(frame_conf(it->frame), knob, NULL),
		kept = conf_int(frame_conf(it->frame), "state_ttl", NULL);
	return 1000 * (wait < kept - KEPT_LONGER_S ? wait : kept - KEPT_LONGER_S);
}

/* ---- outcomes ---- */

/* No IMDN within imdn_wait: relayed. Without its wrapper the message asked for none: it need not be waited for. */
static void taken(struct report *r, struct frame_item *it, struct mailed_row *row)
{
	int64_t wait = record_bool(it->in->member, "as_text") ? 0 : patience_ms(it, "imdn_wait");
	if (row->told & MAILED_TERMINAL || !notice_wanted(row->origin, EVENT_RELAYED) || !timer(it, began(it) + wait))
		return;
	struct event e = {.source = EVENT_TIMER, .what = EVENT_RELAYED};
	report_count(it, "timer", report_to_mail(r, it, row, &e) ? "told" : "not-asked-or-told-before",
		     record_str(row->origin, "msg_id"));
}

/* It is tried again: after delay_warning, or when BY is over in mode N, the sender learns of it. */
static void waits(struct report *r, struct frame_item *it, struct mailed_row *row, const struct mailed_part *part)
{
	int64_t due = began(it) + patience_ms(it, "delay_warning"), by = by_over(row->origin, "N");
	struct event e = {.source = EVENT_TIMER, .what = EVENT_DELAYED};
	if (by && by < due) {
		due = by;
		e.status = "4.4.7";
	}
	if (part->state != MAILED_QUEUED || row->told & (MAILED_TERMINAL | MAILED_DELAYED) ||
	    !notice_wanted(row->origin, e.what) || !timer(it, due))
		return;
	report_count(it, "timer", report_to_mail(r, it, row, &e) ? "told" : "not-asked-or-told-before",
		     record_str(row->origin, "msg_id"));
}

static void refused(struct report *r, struct frame_item *it, struct mailed_row *row, const struct mailed_part *part)
{
	const json_t *result = it->in->member;
	int64_t by = by_over(row->origin, "R");
	char diagnostic[128];
	struct event e = {.source = EVENT_SIP, .what = EVENT_FAILED, .status = record_str(result, "enhanced")};
	notice_diagnostic(part->status, record_str(result, "reason"), diagnostic);
	e.diagnostic = diagnostic;
	if (by && frame_now_ms(it->frame) >= by)
		e.status = "5.4.7";
	if (!part->text)
		notice_part_failed(part, &e);
	report_count(it, "sip", report_to_mail(r, it, row, &e) ? "told" : "not-asked-or-told-before",
		     record_str(row->origin, "msg_id"));
}

static void part_of(const json_t *result, struct mailed_part *part)
{
	const json_t *origin = record_get(result, "origin"), *described = record_get(origin, "part");
	const char *outcome = record_str(result, "outcome"), *kind = record_str(described, "kind"),
		   *name = json_string_value(json_array_get(record_get(described, "names"), 0));
	*part = (struct mailed_part){.text = !kind || strcmp(kind, "attachment") != 0,
				     .state = outcome && strcmp(outcome, "done") == 0 ? MAILED_SENT : MAILED_QUEUED,
				     .status = (int)record_int(result, "status", 0)};
	snprintf(part->name, sizeof part->name, "%s", name && !part->text ? name : "");
}

static void mail_result(struct report *r, struct frame_item *it, const json_t *origin, const char *outcome)
{
	const char *id = record_str(origin, "imdn_id");
	struct mailed_row row;
	struct mailed_part part, known;
	part_of(it->in->member, &part);
	bool answered = part.text && id && inline_answer(it, origin, outcome);
	if (!id || !notice_possible(origin)) {
		report_count(it, "sip", "nobody", record_str(origin, "msg_id"));
		return;
	}
	mailed_open(&r->mailed, id, origin, it->in->trace, frame_now_ms(it->frame), &row);
	/* the client has come again: what it was told of the try before counts no more (5.4) */
	if (!row.fresh && part.text && item_retries(it) == 0 && record_get(origin, "answer_by"))
		notice_note(r, &row, MAILED_FAILED, false);
	known = part;
	mailed_part(&r->mailed, &row, id, &known);
	if (answered) /* the client's own server tells its sender */
		notice_note(r, &row, MAILED_FAILED, true);
	else if (strcmp(outcome, "done") == 0)
		taken(r, it, &row);
	else if (strcmp(outcome, "queued") == 0)
		waits(r, it, &row, &known);
	else
		refused(r, it, &row, &part);
	mailed_free(&row);
}

void report_sip_result(struct report *r, struct frame_item *it)
{
	const json_t *origin = record_get(it->in->member, "origin");
	const char *kind = record_str(origin, "kind"), *outcome = record_str(it->in->member, "outcome");
	char status[16];
	if (!outcome) {
		item_fail(it, "5.5.4", "sip.result without an outcome");
		return;
	}
	if (kind && strcmp(kind, "mail") == 0) {
		mail_result(r, it, origin, outcome);
		return;
	}
	/* never a report about a report (1.14, 8.1) */
	snprintf(status, sizeof status, "%d", (int)record_int(it->in->member, "status", 0));
	log_event(LOG_INFO, it->in->trace, "report-result", "form", kind ? kind : "?", "about",
		  record_str(origin, "msg_id"), "outcome", outcome, "status", status, NULL);
}
