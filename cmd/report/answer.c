#include "report.h"

#include "base/log.h"
#include "smtp.h"

#include <stdio.h>

/* An answer that leaves so shortly before the deadline meets the 202 that was sent at it: then the 202 counts, and what
 * is to be told is told as IMDN. */
enum { UNDER_WAY_MS = 250 };

/* ---- what goes out ---- */

static void respond(struct frame_item *it, const char *transaction, int shard, const struct answer *a)
{
	struct record *out = item_output(it, "sip.response");
	if (shard >= 0)
		record_set_int(out->root, "shard", shard);
	else
		json_object_del(out->root, "shard");
	record_set(out->member, "transaction", transaction);
	record_set_int(out->member, "status", a->status);
	record_set(out->member, "reason", a->reason);
	if (a->retry_after) {
		char seconds[16];
		snprintf(seconds, sizeof(seconds), "%d", a->retry_after);
		record_header_add(record_array(out->member, "headers"), SLICE("Retry-After"), slice_of(seconds));
	}
	item_emit(it, out);
}

struct waiting {
	struct frame_item *it;
	const struct answer *answer;
};

static void respond_to_joined(const char *transaction, int shard, void *ctx)
{
	struct waiting *w = ctx;
	respond(w->it, transaction, shard, w->answer);
}

/* A key that got a negative answer may be tried again at once (1.2 Idempotence). */
static void forget(struct frame_item *it, const char *key)
{
	struct record *out = item_output(it, "sip.forget");
	record_set(out->member, "key", key);
	item_emit(it, out);
}

static void log_answer(const struct frame_item *it, const char *event, const struct answer *a)
{
	char status[16];
	snprintf(status, sizeof(status), "%d", a->status);
	log_event(LOG_INFO, it->in->trace, event, "status", status, "reason", a->reason, NULL);
}

/* ---- results to answers ---- */

/* The row of 5.1 for one recipient. */
static void answer_of(const struct frame_item *it, const json_t *result, const char *outcome, struct answer *a)
{
	int code = (int)record_int(result, "code", 0);
	const char *enhanced = record_str(result, "enhanced");
	const struct status_row *row = smtp_row(result);
	a->status = row->message;
	a->retry_after = row->retry_after;
	if (strcmp(outcome, "done") == 0 && conf_enum(frame_conf(it->frame), "message_success_code", NULL) == 1)
		a->status = 200;
	/* Never the words of the mail server. */
	if (a->status >= 300 && code >= 400)
		snprintf(a->reason, sizeof(a->reason), "SMTP %d%s%s", code, enhanced ? " " : "",
			 enhanced ? enhanced : "");
	else
		snprintf(a->reason, sizeof(a->reason), "%s", status_reason(a->status));
	if (row->action == STATUS_ALARM)
		log_event(LOG_ERROR, it->in->trace, "mail-server-refuses-us", "reason", a->reason, "text",
			  record_str(result, "text"), "host", record_str(result, "host"), NULL);
}

/* What an answer belongs to. A message that was refused and is sent again has the id that it had before (1.2): with the
 * id alone the answer of the first attempt would be taken for that of the second, whose mail may fare otherwise. */
static const char *attempt_of(const json_t *member, const char *attempt, const char *id)
{
	const char *name = record_str(member, attempt);
	return name ? name : record_str(member, id);
}

/* All results of the record, in the light of those before: true and the answer when it stands. */
static bool judge(struct report *r, struct frame_item *it, const json_t *origin, struct answer *final)
{
	const json_t *results = record_get(it->in->member, "results");
	const char *request = attempt_of(origin, "transaction", "id");
	int64_t recipients = record_int(origin, "recipients", 1);
	int refused = 0;
	for (size_t i = 0; i < json_array_size(results); i++) {
		const char *outcome = record_str(json_array_get(results, i), "outcome");
		if (outcome && smtp_accepted(outcome)) {
			answer_of(it, json_array_get(results, i), outcome, final);
			return true;
		}
	}
	for (size_t i = 0; i < json_array_size(results); i++) {
		const json_t *one = json_array_get(results, i);
		const char *outcome = record_str(one, "outcome"), *address = record_str(one, "address"),
			   *enhanced = record_str(one, "enhanced");
		struct answer a;
		if (!outcome || !address)
			continue;
		answer_of(it, one, outcome, &a);
		bool temporary = strcmp(outcome, "temporary") == 0 || (enhanced && enhanced[0] == '4');
		if (recipients <= 1) {
			*final = a;
			return true;
		}
		refused = store_refuse(&r->store, request, frame_now_ms(it->frame), address, temporary, &a, final);
	}
	return refused >= recipients;
}

/* A refusal that its sender will not see as an answer. */
static void log_late(const struct frame_item *it, const struct answer *given)
{
	const json_t *results = record_get(it->in->member, "results");
	char status[16];
	snprintf(status, sizeof(status), "%d", given->status);
	for (size_t i = 0; i < json_array_size(results); i++) {
		const json_t *one = json_array_get(results, i);
		const char *outcome = record_str(one, "outcome");
		if (!outcome || smtp_accepted(outcome))
			continue;
		log_event(LOG_INFO, it->in->trace, "late", "answered", status, "to", record_str(one, "address"),
			  "outcome", record_str(one, "outcome"), "enhanced", record_str(one, "enhanced"), NULL);
	}
}

/* What became of a DSN or MDN of ours: never a report about a report (8.1). */
static void own_report(const struct frame_item *it, const json_t *origin)
{
	const json_t *results = record_get(it->in->member, "results");
	for (size_t i = 0; i < json_array_size(results); i++) {
		const json_t *one = json_array_get(results, i);
		log_event(LOG_INFO, it->in->trace, "report-result", "form", record_str(origin, "kind"), "to",
			  record_str(one, "address"), "outcome", record_str(one, "outcome"), "enhanced",
			  record_str(one, "enhanced"), NULL);
	}
}

void report_mail_result(struct report *r, struct frame_item *it)
{
	json_t *origin = record_get(it->in->member, "origin");
	const char *request = attempt_of(origin, "transaction", "id"), *transaction = record_str(origin, "transaction"),
		   *key = record_str(origin, "key");
	int64_t answer_by = record_int(origin, "answer_by", 0), now = frame_now_ms(it->frame);
	struct answer a, given;
	if (record_str(origin, "kind")) {
		own_report(it, origin);
		return;
	}
	if (!request) {
		log_event(LOG_INFO, it->in->trace, "result-of-nobody", "message_id",
			  record_str(it->in->member, "message_id"), NULL);
		return;
	}
	if (store_find(&r->store, request, &given)) {
		log_late(it, &given);
		if (given.status < 300)
			smtp_report(r, it, origin, NULL);
		return;
	}
	/* Nobody waits: the deadline has answered in our place, or the request was answered when it was stored, and
	 * with yes (1.2). That holds for everybody who asks later, and the message counts as sent. */
	bool late = now + UNDER_WAY_MS >= answer_by;
	if (late) {
		a.status = status_named(STATUS_DEADLINE)->message;
		a.retry_after = 0;
		snprintf(a.reason, sizeof(a.reason), "%s", status_reason(a.status));
		log_late(it, &a);
	} else if (!judge(r, it, origin, &a)) {
		return;
	}
	if (transaction && !late) {
		respond(it, transaction, (int)record_int(origin, "shard", -1), &a);
		log_answer(it, "answered", &a);
	}
	if (a.status < 300)
		smtp_report(r, it, origin, request);
	store_keep(&r->store, request, now, &a);
	store_joined(&r->store, request, respond_to_joined, &(struct waiting){it, &a});
	if (a.status >= 300 && key)
		forget(it, key);
}

void report_join(struct report *r, struct frame_item *it)
{
	const char *transaction = record_str(it->in->member, "transaction"),
		   *original = attempt_of(it->in->member, "attempt", "original");
	struct answer a;
	if (!transaction || !original) {
		item_fail(it, "5.5.4", "sip.join without %s", transaction ? "original" : "transaction");
		return;
	}
	if (store_find(&r->store, original, &a)) {
		respond(it, transaction, record_shard(it->in), &a);
		log_answer(it, "answered-again", &a);
	} else {
		store_join(&r->store, original, frame_now_ms(it->frame), transaction, record_shard(it->in));
	}
}
