/* inline_result: the SMTP client that handed the mail over waits for the answer of the SIP side (5.4). */
#include "report.h"

#include "sip/outcome.h"

#include <stdio.h>

/* An answer that is later under way than this may find the client answered. */
enum { UNDER_WAY_MS = 1000 };

bool inline_answer(struct frame_item *it, const json_t *origin, const char *outcome)
{
	const json_t *result = it->in->member;
	const char *id = record_str(origin, "id"), *rcpt = record_str(origin, "rcpt"),
		   *reason = record_str(result, "reason");
	int64_t answer_by = record_int(origin, "answer_by", 0);
	int status = (int)record_int(result, "status", 0);
	if (!id || !rcpt || strcmp(outcome, "queued") == 0 || frame_now_ms(it->frame) + UNDER_WAY_MS >= answer_by)
		return false;
	const struct sip_outcome *row = sip_outcome(status, false);
	bool done = strcmp(outcome, "done") == 0;
	struct record *out = report_output(it, "smtp.reply", NULL);
	record_set(out->member, "mail", id);
	record_set(out->member, "rcpt", rcpt);
	record_set_int(out->member, "code", row->smtp);
	record_set(out->member, "enhanced", row->smtp_enhanced);
	record_set(out->member, "imdn_id", record_str(origin, "imdn_id"));
	if (!done) {
		char diagnostic[128];
		notice_diagnostic(status, reason, diagnostic);
		record_set(out->member, "status", record_str(result, "enhanced"));
		record_set(out->member, "diagnostic", diagnostic);
	}
	report_emit(it, out, "reply", row->smtp_enhanced, record_str(origin, "msg_id"), rcpt);
	return !done;
}

void report_unsaid(struct report *r, struct frame_item *it)
{
	const json_t *member = it->in->member;
	const char *id = record_str(member, "imdn_id");
	struct mailed_row row;
	struct mailed_part part;
	struct event e = {.source = EVENT_SIP,
			  .what = EVENT_FAILED,
			  .status = record_str(member, "status"),
			  .diagnostic = record_str(member, "diagnostic")};
	if (!id || !mailed_find(&r->mailed, id, &row, &part)) {
		report_count(it, "reply", "nobody", id);
		return;
	}
	notice_note(r, &row, MAILED_FAILED, false);
	report_count(it, "reply", report_to_mail(r, it, &row, &e) ? "told" : "not-asked-or-told-before", id);
	mailed_free(&row);
}
