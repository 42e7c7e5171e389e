/* Answers: stateless ones, repeated ones, those that a commit, a deadline or a record decides. */
#include "listen.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdio.h>

void answer_stateless(struct server *s, const struct sip_message *m, const struct sip_source *src, int status,
		      const char *reason, struct slice headers)
{
	char tag[SIP_TAG];
	struct buf head = {0}, out = {0};
	size_t to_end;
	union sip_addr target;
	sip_response_head(&head, m, src, &to_end);
	sip_tag_stateless(m, tag);
	sip_response_put(&out, status, reason, slice_buf(&head), to_end, tag, headers);
	sip_response_target(m, src, &target);
	source_send(s, src, &target, slice_buf(&out));
	server_count_answer(s, status);
	buf_free(&head);
	buf_free(&out);
}

void answer_repeat(struct server *s, const struct sip_transaction *tr)
{
	struct buf out = {0};
	server_count_repeat(s);
	sip_transaction_repeat(tr, &out);
	if (out.n)
		source_send(s, &tr->source, &tr->target, slice_buf(&out));
	buf_free(&out);
}

static bool answer(struct server *s, struct sip_transaction *tr, int status, const char *reason, struct slice headers)
{
	struct sip_source src = tr->source; /* an answered transaction may be gone */
	union sip_addr target = tr->target;
	struct buf out = {0};
	frame_settle(s->frame); /* an answer is a promise */
	bool counts = sip_transaction_answer(s->transactions, tr, status, reason, headers, s->now, &out);
	if (counts) {
		source_send(s, &src, &target, slice_buf(&out));
		server_count_answer(s, status);
	}
	buf_free(&out);
	return counts;
}

static void log_answer(const char *trace, int status, const char *why)
{
	char text[8];
	snprintf(text, sizeof text, "%d", status);
	log_event(status < 500 ? LOG_INFO : LOG_WARN, trace, "answered", "status", text, "by", why, NULL);
}

void answer_commit(struct server *s)
{
	if (!s->nwaiting)
		return;
	bool failed = frame_show(s->frame) != 0;
	bool now = !frame_has_input(s->frame) || s->answer_deadline == 0;
	for (size_t i = 0; i < s->nwaiting; i++) {
		struct waiting *w = &s->waiting[i];
		if (failed) {
			struct buf headers = {0};
			uint8_t r;
			random_octets(&r, 1);
			buf_printf(&headers, "Retry-After: %d\r\n", RETRY_LEAST + r % RETRY_SPAN);
			answer(s, w->transaction, 503, NULL, slice_buf(&headers));
			buf_free(&headers);
			log_answer(w->id, 503, "commit-failed");
		} else if (now) {
			answer(s, w->transaction, s->success, NULL, SLICE(""));
			log_answer(w->id, s->success, "commit");
		}
	}
	s->nwaiting = 0;
}

void answer_due(struct server *s)
{
	struct sip_transaction *tr;
	while ((tr = sip_transactions_due(s->transactions, s->now)) != NULL) {
		if (tr->due > s->now) {
			answer(s, tr, 100, NULL, SLICE(""));
			continue;
		}
		char id[RECORD_ID];
		record_id_of(tr, id);
		answer(s, tr, s->success, NULL, SLICE(""));
		log_answer(id, s->success, "deadline");
	}
}

/* Header lines of an answer: [[name, value], ...]. */
static void put_headers(struct buf *out, const json_t *headers)
{
	size_t i;
	json_t *pair;
	json_array_foreach (headers, i, pair) {
		const char *name = json_string_value(json_array_get(pair, 0)),
			   *value = json_string_value(json_array_get(pair, 1));
		if (i < 32 && name && value && out->n < 4096)
			sip_header_put(out, name, value);
	}
}

/* The sender was told 202 before this was known; only the log can still say it (1.2). */
static void too_late(const struct record *r, int status)
{
	char text[8];
	snprintf(text, sizeof text, "%d", status);
	log_event(status < 300 ? LOG_DEBUG : LOG_WARN, r->trace, status < 300 ? "late-answer" : "late-failure",
		  "status", text, "reason", record_str(r->member, "reason"), NULL);
}

void answer_record(struct frame_item *it, void *ctx)
{
	struct server *s = ctx;
	const struct record *r = it->in;
	const char *name = record_str(r->member, "transaction");
	int64_t status = record_int(r->member, "status", 0);
	if (!name || status < 200 || status > 699) {
		item_fail(it, "5.6.0", "sip.response needs a transaction and a status of 200 to 699");
		return;
	}
	struct sip_transaction *tr = sip_transactions_named(s->transactions, name);
	struct buf headers = {0};
	put_headers(&headers, record_get(r->member, "headers"));
	if (tr && answer(s, tr, (int)status, record_str(r->member, "reason"), slice_buf(&headers)))
		log_answer(r->trace, (int)status, "record");
	else
		too_late(r, (int)status);
	buf_free(&headers);
}
