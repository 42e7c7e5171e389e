/* What an answer, or none, means for a request: another target, credentials, plain text, or the end (1.16). */
#include "send.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "sip/outcome.h"

#include <stdlib.h>

static const struct sip_field *field_named(const struct sip_message *m, const char *name)
{
	for (size_t i = 0; i < m->nfields; i++)
		if (slice_ieq(m->fields[i].name, name))
			return &m->fields[i];
	return NULL;
}

/* "18000;duration=3600 (at lunch)" */
static int64_t seconds_of(const struct sip_field *f)
{
	int64_t n = 0;
	for (size_t i = 0; f && i < f->value.n && f->value.p[i] >= '0' && f->value.p[i] <= '9' && n < 1000000; i++)
		n = n * 10 + (f->value.p[i] - '0');
	return n;
}

static char *value_of(const struct sip_field *f)
{
	struct buf b = {0};
	if (!f)
		return NULL;
	text_sanitise(&b, f->value, 256);
	buf_puts(&b, "");
	return b.p;
}

/* ---- targets that said 503 ---- */

bool target_rests(const struct send *s, const union sip_addr *peer)
{
	int64_t now = clock_mono_us();
	for (size_t i = 0; i < RESTS_MAX; i++)
		if (s->rests[i].until > now && sip_addr_same_host(&s->rests[i].peer, peer) &&
		    sip_addr_port(&s->rests[i].peer) == sip_addr_port(peer))
			return true;
	return false;
}

/* A full table loses the one that would be free first. */
static void target_rest(struct send *s, const union sip_addr *peer, int64_t seconds)
{
	size_t k = 0;
	for (size_t i = 1; i < RESTS_MAX; i++)
		if (s->rests[i].until < s->rests[k].until)
			k = i;
	if (seconds <= 0)
		seconds = REST_DEFAULT_S;
	s->rests[k].peer = *peer;
	s->rests[k].until = clock_mono_us() + (seconds < REST_MAX_S ? seconds : REST_MAX_S) * 1000000;
}

/* ---- the end ---- */

/* A first try that is to be repeated (7.8), by us. */
static bool will_hold_up(const struct send *s, const struct task *t)
{
	enum sip_outcome_action a = sip_outcome(t->status, false)->action;
	return !s->patient && t->tries == 0 && record_int(t->member, "resend", -1) != 0 &&
	       (a == SIP_OUTCOME_RETRY || a == SIP_OUTCOME_AUTHENTICATE);
}

void task_done(struct send *s, struct task *t, int status, const char *reason)
{
	struct lane *l = t->lane;
	t->state = TASK_DONE;
	t->done_at = clock_mono_us();
	t->status = status;
	free(t->reason);
	t->reason = xstrdup(reason);
	s->under_way--;
	if (t->fresh)
		s->wanted--;
	t->fresh = false;
	lane_leave(s, t);
	if (will_hold_up(s, t))
		lane_block(s, l, t);
	else if (l->first)
		task_ready(s, l->first);
	if (t->item)
		task_note(t, t->item);
}

static bool next_hop(struct send *s, struct task *t)
{
	t->no_tcp = false;
	if (t->hop + 1 >= t->nhops)
		return false;
	t->hop++;
	task_ready(s, t);
	return true;
}

/* Connection refused or gone, no such certificate, ICMP: as 503 (RFC 3261 8.1.3.1). */
void task_lost(struct send *s, struct task *t, const char *why)
{
	char reason[sizeof t->lost];
	memcpy(reason, why, sizeof reason);
	*t->lost = '\0';
	if (t->client)
		sip_client_end(s->clients, t->client);
	t->client = NULL;
	log_event(LOG_INFO, t->trace, "target-lost", "id", t->id, "transport", t->transport, "target", t->target, "why",
		  reason, NULL);
	if (t->by_tcp && t->rest.fd < 0) { /* what is too large for UDP goes by it all the same before it does not go at all (18.1.1) */
		t->no_tcp = true;
		task_ready(s, t);
	} else if (!next_hop(s, t)) {
		task_done(s, t, 503, reason);
	}
}

void task_timed_out(struct send *s, struct task *t)
{
	log_event(LOG_INFO, t->trace, "target-silent", "id", t->id, "transport", t->transport, "target", t->target,
		  NULL);
	if (!next_hop(s, t))
		task_done(s, t, 408, "no answer");
}

/* ---- answers ---- */

static void take_headers(struct task *t, const struct sip_message *m)
{
	static const char *const wanted[] = {"Retry-After", "Warning", "Contact", "Server", "User-Agent", "Accept"};
	const struct sip_field *server = field_named(m, "Server"), *contact = field_named(m, "Contact");
	json_decref(t->headers);
	t->headers = json_array();
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		char *value = value_of(field_named(m, wanted[i]));
		if (value)
			record_header_add(t->headers, slice_of(wanted[i]), slice_of(value));
		free(value);
	}
	t->retry_after = seconds_of(field_named(m, "Retry-After"));
	free(t->product);
	t->product = value_of(server ? server : field_named(m, "User-Agent"));
	free(t->contact);
	t->contact = value_of(contact);
}

static void again(struct send *s, struct task *t)
{
	t->cseq++;
	task_ready(s, t);
}

/* A 488 of who knows CPIM (Linphone) means a header that he does not take: the same without, so that reports about the
 * message stay possible, before it goes as bare text. */
static bool fall_back_plain_cpim(struct task *t, int status)
{
	if (status != 488 || (t->quirks & QUIRK_PLAIN_CPIM) == QUIRK_PLAIN_CPIM || (t->quirks & QUIRK_TEXT_ONLY) ||
	    !quirks_is_cpim(t))
		return false;
	t->quirks |= QUIRK_PLAIN_CPIM;
	t->fell_back = true;
	log_event(LOG_INFO, t->trace, "as-plain-cpim", "id", t->id, "uri", t->uri, NULL);
	return true;
}

static bool fall_back(struct task *t, int status)
{
	if (fall_back_plain_cpim(t, status))
		return true;
	if (sip_outcome(status, false)->action != SIP_OUTCOME_PLAIN || (t->quirks & QUIRK_TEXT_ONLY) ||
	    !quirks_has_text(t))
		return false;
	t->quirks |= QUIRK_TEXT_ONLY;
	t->fell_back = true;
	log_event(LOG_INFO, t->trace, "as-text", "id", t->id, "uri", t->uri, NULL);
	return true;
}

/* 481: somebody takes the request for one of a dialog that he does not know. */
static bool renew(struct task *t, int status)
{
	if (sip_outcome(status, false)->action != SIP_OUTCOME_RENEW || t->renewed)
		return false;
	t->renewed = true;
	task_make_ids(t);
	t->cseq = 0; /* again() counts on */
	return true;
}

void task_answered(struct send *s, struct task *t, const struct sip_message *m, const char *reason)
{
	int status = m->code;
	take_headers(t, m);
	if (status == 503)
		target_rest(s, &t->now.addr, t->retry_after);
	if (status == 503 && next_hop(s, t))
		return;
	if ((status == 401 || status == 407) && auth_challenged(s, t, m)) {
		again(s, t);
		return;
	}
	if (status == 401 || status == 407)
		log_event(LOG_ERROR, t->trace, "not-authenticated", "id", t->id, "target", t->target, "msg",
			  "no credentials in sip_auth, or they were refused", NULL);
	if (fall_back(t, status) || renew(t, status))
		again(s, t);
	else
		task_done(s, t, status, *reason ? reason : sip_outcome(status, false)->enhanced);
}
