/* What a request deserves: its transaction's old answer, an answer of its own at once, or to be stored. */
#include "listen.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFUSALS_A_SECOND = 50 };

/* A flood of bad requests may not become a flood of log lines. */
static bool may_log(struct server *s)
{
	if (s->now - s->refusals_since >= 1000000) {
		if (s->refusals > REFUSALS_A_SECOND)
			log_msg(LOG_WARN, "%d more refusals were not logged", s->refusals - REFUSALS_A_SECOND);
		s->refusals_since = s->now;
		s->refusals = 0;
	}
	return s->refusals++ < REFUSALS_A_SECOND;
}

static void log_refusal(struct server *s, const struct sip_message *m, const struct arrival *a,
			const struct sip_verdict *v)
{
	char peer[SIP_ADDR_TEXT], status[8];
	if (!may_log(s))
		return;
	struct buf call_id = {0};
	buf_slice(&call_id, m->call_id);
	snprintf(status, sizeof status, "%d", v->status);
	log_event(LOG_INFO, NULL, v->status < 300 ? "answered" : "refused", "status", status, "check", v->check,
		  "reason", v->reason, "method",
		  m->method_id < SIP_OTHER_METHOD ? sip_method_name(m->method_id) : "other", "callid",
		  call_id.n ? buf_str(&call_id) : NULL, "peer", sip_addr_text(&a->source.peer, peer), "transport",
		  sip_transport_name((enum sip_transport)a->source.transport), NULL);
	buf_free(&call_id);
}

static void log_dropped(struct server *s, const struct sip_message *m, const struct arrival *a)
{
	char peer[SIP_ADDR_TEXT];
	if (m->method_id == SIP_ACK || !may_log(s))
		return;
	log_event(LOG_INFO, NULL, "dropped", "reason", m->why ? m->why : "a response that nobody waits for", "peer",
		  sip_addr_text(&a->source.peer, peer), "transport",
		  sip_transport_name((enum sip_transport)a->source.transport), NULL);
}

void request_busy(struct server *s, const struct sip_message *m, const struct arrival *a)
{
	struct buf headers = {0};
	uint8_t r;
	random_octets(&r, 1);
	buf_printf(&headers, "Retry-After: %d\r\n", RETRY_LEAST + r % RETRY_SPAN);
	answer_stateless(s, m, &a->source, 503, NULL, slice_buf(&headers));
	buf_free(&headers);
}

/* Asked once a turn: the figures behind it change slowly. */
static bool overloaded(struct server *s)
{
	if (!s->full_known) {
		s->full = frame_full(s->frame);
		s->full_known = true;
	}
	return s->full || sip_transactions_full(s->transactions);
}

static void check(struct server *s, struct sip_message *m, const struct arrival *a, int64_t body_size,
		  struct sip_verdict *v)
{
	struct sip_question q = {
		.m = m,
		.policy = &s->policy,
		.identity = sip_identity(m, a->trusted)->uri,
		.trusted = a->trusted,
		.merged = m->method_id == SIP_MESSAGE && !m->status && sip_transactions_merged(s->transactions, m),
		.body_size = body_size,
	};
	if (m->method_id == SIP_MESSAGE)
		sip_check_message(&q, v);
	else
		sip_check_other(&q, v);
}

/* A merged request keeps its 482 even when the first has ended meanwhile; every other refusal is the same when it is
 * asked for again. */
static void refuse(struct server *s, const struct sip_message *m, const struct arrival *a, const struct sip_verdict *v)
{
	if (v->status == 482 && !sip_transactions_full(s->transactions)) {
		struct buf out = {0};
		struct sip_transaction *tr = sip_transactions_add(s->transactions, m, &a->source, s->now);
		union sip_addr target = tr->target;
		sip_transaction_answer(s->transactions, tr, v->status, v->reason, slice_buf(&v->headers), s->now, &out);
		source_send(s, &a->source, &target, slice_buf(&out));
		server_count_answer(s, v->status);
		buf_free(&out);
	} else {
		answer_stateless(s, m, &a->source, v->status, v->reason, slice_buf(&v->headers));
	}
}

bool request_judge(struct server *s, struct sip_message *m, const struct arrival *a, int64_t body_size, int fault,
		   const char *why)
{
	if (fault && !m->status) {
		m->status = fault;
		m->why = why;
	}
	if (!sip_message_answerable(m)) {
		log_dropped(s, m, a);
		return false;
	}
	struct sip_transaction *tr = m->status ? NULL : sip_transactions_match(s->transactions, m);
	if (tr) {
		if (a->source.transport != SIP_UDP && tr->source.transport == a->source.transport)
			tr->source = a->source; /* the connection of the first may be gone */
		answer_repeat(s, tr);
		return false;
	}
	struct sip_verdict v = {0};
	if (overloaded(s) && !m->status && !m->to.tag.n &&
	    (m->method_id == SIP_MESSAGE || m->method_id == SIP_OPTIONS)) {
		v.status = 503;
		v.check = "overload";
		request_busy(s, m, a);
	} else {
		check(s, m, a, body_size, &v);
		if (v.status)
			refuse(s, m, a, &v);
	}
	if (v.status && (v.status >= 300 || log_wants(LOG_DEBUG)))
		log_refusal(s, m, a, &v);
	buf_free(&v.headers);
	return !v.status;
}

static void log_accepted(const struct record *rec, const struct sip_message *m, const struct arrival *a)
{
	char peer[SIP_ADDR_TEXT];
	if (!log_wants(LOG_INFO))
		return;
	char *call_id = slice_dup(m->call_id);
	log_event(LOG_INFO, rec->trace, "accepted", "callid", call_id, "peer", sip_addr_text(&a->source.peer, peer),
		  "transport", sip_transport_name((enum sip_transport)a->source.transport), NULL);
	free(call_id);
}

void request_take(struct server *s, struct sip_message *m, const struct arrival *a, json_t *body)
{
	struct sip_transaction *tr = sip_transactions_add(s->transactions, m, &a->source, s->now);
	struct record *rec = record_of_request(s, m, a, tr, body);
	log_accepted(rec, m, a);
	if (s->nwaiting == s->waiting_room) {
		s->waiting_room = s->waiting_room ? 2 * s->waiting_room : 256;
		s->waiting = xrealloc(s->waiting, s->waiting_room * sizeof *s->waiting);
	}
	struct waiting *w = &s->waiting[s->nwaiting++];
	w->transaction = tr;
	memcpy(w->id, rec->id, sizeof w->id);
	frame_produce(s->frame, rec);
	if (s->nwaiting >= TURN_REQUESTS)
		answer_commit(s);
}
