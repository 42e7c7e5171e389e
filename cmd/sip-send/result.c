#include "send.h"
#include "base/log.h"
#include "sip/outcome.h"

#include <stdio.h>
#include <stdlib.h>

const struct metric send_metrics[] = {
	{"cpmail_sip_results_total",
	 "Requests that came to an end or wait for another try, by outcome.",
	 {"outcome"},
	 METRIC_COUNTER},
	{0},
};

/* "200 udp 192.0.2.1:5060 OK": what ends the matter; an answer after which it is tried again is not worth a note. */
void task_note(const struct task *t, struct frame_item *it)
{
	enum sip_outcome_action a = sip_outcome(t->status, false)->action;
	struct buf note = {0};
	if (a == SIP_OUTCOME_RETRY || a == SIP_OUTCOME_AUTHENTICATE || a == SIP_OUTCOME_FOLLOW)
		return;
	buf_printf(&note, "%d %s %s %s", t->status, *t->transport ? t->transport : "-", *t->target ? t->target : "-",
		   t->reason);
	item_note(it, buf_str(&note));
	buf_free(&note);
}

bool task_take_note(struct task *t, const char *note)
{
	int status, at = 0;
	char transport[8], target[sizeof t->target];
	_Static_assert(sizeof target == 56, "the width in the format");
	if (sscanf(note, "%3d %7s %55s %n", &status, transport, target, &at) < 3 || status < 200 || status > 699)
		return false;
	t->status = status;
	t->reason = xstrdup(at ? note + at : "");
	snprintf(t->target, sizeof t->target, "%s", target);
	for (int i = SIP_UDP; i <= SIP_TLS; i++)
		if (strcmp(transport, sip_transport_name((enum sip_transport)i)) == 0)
			t->transport = sip_transport_name((enum sip_transport)i);
	log_event(LOG_INFO, t->trace, "noted-before", "id", t->id, "outcome", note, NULL);
	return true;
}

/* ---- 3xx ---- */

static bool host_trusted(const struct send *s, const char *uri)
{
	static const char *const lists[] = {"sip_domains", "trusted_peers"};
	const char *at = strchr(uri, '@'), *item, *own = conf_str(s->conf, "gateway", NULL);
	struct slice rest = slice_of(at ? at + 1 : strchr(uri, ':') ? strchr(uri, ':') + 1 : "");
	rest.n = strcspn(rest.p ? rest.p : "", ":;?");
	if (!rest.n)
		return false;
	if (own && slice_ieq(rest, own))
		return true;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; (item = conf_item(s->conf, lists[k], i, NULL)); i++)
			if (slice_ieq(rest, item))
				return true;
	return false;
}

/* The URI of the first Contact, if it may be followed: once, and inside the trust domain. To be freed. */
static char *new_uri(const struct send *s, const struct task *t)
{
	struct sip_party p = {0};
	char *uri = NULL;
	if (t->contact && !record_bool(t->member, "redirected")) {
		struct slice value = slice_of(t->contact);
		const char *comma = strstr(t->contact, ">,");
		if (comma)
			value.n = (size_t)(comma + 1 - t->contact);
		if (sip_party_parse(&p, value))
			uri = slice_dup(p.uri);
	}
	sip_party_free(&p);
	if (uri && host_trusted(s, uri))
		return uri;
	free(uri);
	return NULL;
}

static bool follow(struct send *s, struct task *t)
{
	char *uri = new_uri(s, t);
	if (!uri)
		return false;
	struct record *out = item_output(t->item, "sip.send");
	const char *key;
	json_t *value;
	json_object_foreach (t->member, key, value)
		if (strcmp(key, "uri") != 0 && strcmp(key, "route") != 0 && strcmp(key, "asking") != 0)
			record_set_new(out->member, key, json_incref(value));
	record_set(out->member, "uri", uri);
	record_set_bool(out->member, "redirected", true);
	log_event(LOG_INFO, t->trace, "redirected", "id", t->id, "to", uri, NULL);
	item_emit(t->item, out);
	free(uri);
	return true;
}

/* ---- what is told ---- */

static void tell(struct send *s, struct task *t, const char *outcome, const char *enhanced)
{
	const char *host = conf_str(s->conf, "gateway", NULL);
	json_t *origin = record_get(t->member, "origin");
	struct record *out = item_output(t->item, "sip.result");
	char *call_id = xasprintf("%s%s%s", t->call_id, host ? "@" : "", host ? host : "");
	char status[8];
	record_set(out->member, "outcome", outcome);
	record_set_int(out->member, "status", t->status);
	record_set(out->member, "reason", t->reason);
	record_set(out->member, "enhanced", enhanced);
	record_set(out->member, "method", t->method);
	record_set(out->member, "uri", t->uri);
	record_set(out->member, "call_id", call_id);
	if (*t->transport)
		record_set(out->member, "transport", t->transport);
	if (*t->target)
		record_set(out->member, "target", t->target);
	if (t->headers && json_array_size(t->headers))
		record_set_new(out->member, "headers", json_incref(t->headers));
	record_set_int(out->member, "tries", t->tries + 1);
	if (t->quirks & QUIRK_TEXT_ONLY)
		record_set_bool(out->member, "as_text", true);
	if (origin)
		record_set_new(out->member, "origin", json_incref(origin));
	snprintf(status, sizeof status, "%d", t->status);
	log_event(LOG_INFO, t->trace, "answered", "id", t->id, "callid", call_id, "uri", t->uri, "status", status, "reason", t->reason,
		  "outcome", outcome, "code", enhanced, "transport", *t->transport ? t->transport : NULL, "target",
		  *t->target ? t->target : NULL, NULL);
	metrics_add(frame_metrics(s->frame), &send_metrics[0], outcome, NULL, 1);
	item_emit(t->item, out);
	free(call_id);
}

/* A report is not worth many tries, nor any where the peer does not just have a bad moment (1.14). */
static bool given_up(const struct task *t)
{
	static const int again[] = {408, 480, 500, 503, 504};
	int64_t most = record_int(t->member, "resend", -1);
	bool moment = false;
	for (size_t i = 0; i < sizeof again / sizeof *again; i++)
		moment = moment || t->status == again[i];
	return most >= 0 && (!moment || t->tries >= most);
}

static void retry(struct send *s, struct task *t, const struct sip_outcome *row)
{
	struct frame_item *it = t->item;
	int64_t now = frame_now_ms(s->frame), first = item_first_try_ms(it);
	int64_t end = (first ? first : now) + conf_int(s->conf, "sip_queue_lifetime", NULL) * 1000;
	int64_t expires = record_int(t->member, "expires", end);
	int64_t due = sip_retry_due(t->tries, now, t->retry_after, expires < end ? expires : end);
	if (due < 0 || given_up(t)) {
		tell(s, t, "permanent", row->finally ? row->finally : row->enhanced);
		return;
	}
	if (t->tries == 0)
		tell(s, t, "queued", row->enhanced);
	item_defer(it, due * 1000, row->enhanced, "%d %s", t->status, t->reason);
}

void task_conclude(struct send *s, struct task *t)
{
	const struct sip_outcome *row = sip_outcome(t->status, t->contact != NULL);
	quirks_learn(s, t);
	switch (row->action) {
	case SIP_OUTCOME_DONE:
		tell(s, t, "done", row->enhanced);
		break;
	case SIP_OUTCOME_FOLLOW:
		if (!follow(s, t))
			tell(s, t, "permanent", row->enhanced);
		break;
	case SIP_OUTCOME_RETRY:
	case SIP_OUTCOME_AUTHENTICATE:
		retry(s, t, row);
		break;
	case SIP_OUTCOME_FAIL:
	case SIP_OUTCOME_PLAIN:
	case SIP_OUTCOME_RENEW:
		tell(s, t, "permanent", row->enhanced);
		break;
	}
}
