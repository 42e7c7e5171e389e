#include "send.h"

#include "base/clock.h"
#include "base/log.h"
#include "mail/address.h"
#include "map/transient.h"

/* What becomes of the recipients that were refused temporarily. */
enum fate {
	FATE_REJECT, /* the sender is told, nothing is kept */
	FATE_QUEUE,  /* taken; tried again later */
	FATE_EXPIRED /* tried long enough */
};

static int64_t now_ms(const struct send *s, const struct parcel *p)
{
	/* The batch may have waited for the network since its time was taken. */
	return frame_now_ms(p->item->frame) + (clock_mono_us() - s->batch_mono_us) / 1000;
}

static int64_t first_try(const struct send *s, const struct parcel *p)
{
	int64_t first = item_first_try_ms(p->item);
	return first ? first : now_ms(s, p);
}

/* The sender is told at once; knobs may be set for the recipient's domain. */
static bool is_told(const struct send *s, const struct parcel *p, const char *address)
{
	struct buf domain = {0};
	const char *at = strrchr(address, '@');
	mail_put_lower(&domain, slice_of(at ? at + 1 : ""));
	struct conf_scope scope = {.domain = buf_str(&domain), .mail = address};
	int64_t answer_by = record_int(record_get(p->item->in->member, "origin"), "answer_by", 0);
	bool told = transient_is_told(s->conf, &scope, answer_by, now_ms(s, p));
	buf_free(&domain);
	return told;
}

static enum fate fate_of(const struct send *s, const struct parcel *p, const struct smtp_rcpt *r)
{
	/* Taken before: nobody waits any more. Perhaps delivered: the answer must not be "no" (5.1). */
	bool kept = item_retries(p->item) > 0 || p->mail.duplicate_possible;
	if (!kept && is_told(s, p, r->address))
		return FATE_REJECT;
	return transient_is_over(s->conf, first_try(s, p), now_ms(s, p)) ? FATE_EXPIRED : FATE_QUEUE;
}

const struct metric send_metrics[] = {
	{"cpmail_mail_results_total",
	 "Recipients that a mail server or Maildir decided on, by outcome.",
	 {"outcome"},
	 METRIC_COUNTER},
	{"cpmail_possible_duplicates_total",
	 "Mails whose last answer was lost: perhaps delivered.",
	 {0},
	 METRIC_COUNTER},
	{0},
};

static void add_result(json_t *results, const struct smtp_rcpt *r, const char *outcome)
{
	json_t *o = json_object();
	record_set(o, "address", r->address);
	record_set(o, "outcome", outcome);
	record_set_int(o, "code", r->result.code);
	record_set(o, "enhanced", r->result.enhanced);
	if (*r->result.text)
		record_set(o, "text", r->result.text);
	if (*r->result.host)
		record_set(o, "host", r->result.host);
	json_array_append_new(results, o);
}

static void log_result(const struct parcel *p, const struct smtp_rcpt *r, const char *outcome)
{
	char code[12];
	snprintf(code, sizeof(code), "%d", r->result.code);
	log_event(LOG_INFO, p->item->in->trace, "sent", "to", r->address, "outcome", outcome, "code", code, "enhanced",
		  r->result.enhanced, "host", *r->result.host ? r->result.host : NULL, "text",
		  *r->result.text ? r->result.text : NULL, NULL);
}

/* One result per recipient that is not waiting already. Those that go on waiting stay in the record's `to`, in `rest`;
 * those that were not tried to the end are in `left`. */
static const struct smtp_rcpt *sort_out(struct send *s, struct parcel *p, json_t *results, json_t *rest, json_t *left)
{
	const json_t *to = record_get(p->item->in->member, "to");
	const struct smtp_rcpt *waiting = NULL;
	for (size_t i = 0, k = 0; i < json_array_size(to); i++) {
		json_t *recipient = json_array_get(to, i);
		if (!record_str(recipient, "address"))
			continue;
		const struct smtp_rcpt *r = &p->mail.rcpts[k++];
		if (r->result.outcome == SMTP_OPEN) {
			json_array_append(left, recipient);
			continue;
		}
		enum fate fate = r->result.outcome == SMTP_TEMPORARY ? fate_of(s, p, r) : FATE_REJECT;
		const char *outcome = fate == FATE_QUEUE     ? "queued"
				      : fate == FATE_EXPIRED ? "permanent"
							     : smtp_outcome_name(r->result.outcome);
		log_result(p, r, outcome);
		metrics_add(frame_metrics(p->item->frame), &send_metrics[0], outcome, NULL, 1);
		if (fate == FATE_QUEUE) {
			waiting = r;
			json_array_append(rest, recipient);
		}
		if (fate != FATE_QUEUE || item_retries(p->item) == 0)
			add_result(results, r, outcome);
	}
	return waiting;
}

void parcel_tell(struct parcel *p, json_t *results)
{
	const json_t *in = p->item->in->member;
	struct record *out = item_output(p->item, "mail.result");
	record_set_new(out->member, "results", json_incref(results));
	record_set(out->member, "message_id", record_str(in, "message_id"));
	if (record_get(in, "origin"))
		record_set_new(out->member, "origin", json_deep_copy(record_get(in, "origin")));
	if (p->mail.duplicate_possible)
		record_set_bool(out->member, "duplicate_possible", true);
	item_emit(p->item, out);
}

/* To the slow lane: the same mail to those that are left, with the history of its tries. */
static void hand_on(struct parcel *p, json_t *left)
{
	const json_t *in = p->item->in->member, *retry = record_get(p->item->in->root, "retry");
	struct record *out = item_output(p->item, p->item->in->type);
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)in, key, value)
		record_set_new(out->member, key, strcmp(key, "to") == 0 ? json_incref(left) : json_deep_copy(value));
	if (retry)
		record_set_new(out->root, "retry", json_deep_copy(retry));
	item_emit(p->item, out);
}

void parcel_conclude(struct send *s, struct parcel *p)
{
	json_t *in = p->item->in->member, *results = json_array(), *rest = json_array(), *left = json_array();
	const struct smtp_rcpt *waiting = sort_out(s, p, results, rest, left);
	if (p->mail.duplicate_possible)
		metrics_add(frame_metrics(p->item->frame), &send_metrics[1], NULL, NULL, 1);
	if (json_array_size(results))
		parcel_tell(p, results);
	if (json_array_size(left) && p->mail.given_up == SMTP_SLOW)
		hand_on(p, left);
	else if (json_array_size(left))
		json_array_extend(rest, left);
	if (json_array_size(rest)) {
		int64_t now = now_ms(s, p), due = now * 1000;
		record_set_new(in, "to", json_incref(rest));
		if (waiting)
			due = transient_due_us(s->conf, p->item->in->id, item_retries(p->item), first_try(s, p), now);
		if (waiting)
			item_defer(p->item, due, waiting->result.enhanced, "%d %s %s", waiting->result.code,
				   waiting->result.enhanced, waiting->result.text);
		else
			item_defer(p->item, due, "4.3.2", "the program was ended before it was sent");
	}
	json_decref(results);
	json_decref(rest);
	json_decref(left);
}
