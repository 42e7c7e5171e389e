#include "smtp.h"

#include "event.h"

bool smtp_accepted(const char *outcome)
{
	return strcmp(outcome, "done") == 0 || strcmp(outcome, "queued") == 0;
}

const struct status_row *smtp_row(const json_t *result)
{
	int code = (int)record_int(result, "code", 0);
	const char *enhanced = record_str(result, "enhanced"), *outcome = record_str(result, "outcome");
	if (outcome && strcmp(outcome, "queued") == 0)
		return status_named(STATUS_QUEUED);
	if (code == 0 && enhanced && strcmp(enhanced, "5.3.5") == 0) /* no server was asked */
		return status_named(STATUS_INTERNAL);
	return status_smtp(code, enhanced, false);
}

/* Column IMDN. A refusal that comes now is the last word: what could be repeated was. */
static enum event_what what_of(const struct status_row *row)
{
	switch (row->imdn) {
	case STATUS_IMDN_NONE:
		return EVENT_NONE;
	case STATUS_IMDN_PROCESSED:
		return EVENT_PROCESSED;
	case STATUS_IMDN_STORED:
		return EVENT_STORED;
	case STATUS_IMDN_ERROR:
		return EVENT_ERROR;
	case STATUS_IMDN_FAILED:
	case STATUS_IMDN_FAILED_AFTER_RETRIES:
	case STATUS_IMDN_RETRY_RESULT:
	case STATUS_IMDN_LATER:
		break;
	}
	return EVENT_FAILED;
}

struct telling {
	struct report *r;
	struct frame_item *it;
	json_t *origin;
};

static void tell(const struct telling *t, const char *rcpt, enum event_what what, const char *status)
{
	struct asked_row row;
	struct event e = {.source = EVENT_SMTP, .what = what, .status = status};
	asked_open(&t->r->asked, record_str(t->origin, "msg_id"), rcpt, t->origin, t->it->in->trace,
		   frame_now_ms(t->it->frame), &row);
	report_to_cpm(t->r, t->it, &row, &e);
	asked_free(&row);
}

static void tell_refused(const char *address, void *ctx)
{
	tell(ctx, address, EVENT_FAILED, NULL);
}

/* What the next server takes is delivered, where it is known that no DSN will say so (1.3 step 7). */
static bool assumes_delivered(const struct frame_item *it, const char *address)
{
	const char *at = strrchr(address, '@');
	return conf_bool(frame_conf(it->frame), "assume_delivered_on_250",
			 &(struct conf_scope){.domain = at ? at + 1 : NULL});
}

static void tell_result(const struct telling *t, const json_t *result)
{
	const char *address = record_str(result, "address"), *outcome = record_str(result, "outcome");
	if (!address || !outcome)
		return;
	tell(t, address, what_of(smtp_row(result)), record_str(result, "enhanced"));
	if (strcmp(outcome, "done") == 0 && assumes_delivered(t->it, address))
		tell(t, address, EVENT_DELIVERED, NULL);
}

void smtp_report(struct report *r, struct frame_item *it, json_t *origin, const char *request)
{
	struct telling t = {r, it, origin};
	const json_t *results = record_get(it->in->member, "results"), *refused = record_get(origin, "refused");
	if (!json_array_size(record_get(origin, "reports")) || !record_str(record_get(origin, "imdn"), "message_id") ||
	    !record_str(origin, "msg_id"))
		return;
	for (size_t i = 0; i < json_array_size(results); i++)
		tell_result(&t, json_array_get(results, i));
	if (!request)
		return;
	store_refused(&r->store, request, tell_refused, &t);
	for (size_t i = 0; i < json_array_size(refused); i++) {
		const char *uri = record_str(json_array_get(refused, i), "uri");
		if (uri)
			tell(&t, uri, EVENT_FAILED, NULL);
	}
}
