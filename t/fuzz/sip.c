/*
 * Fuzz target: the first octet says how the rest is cut into reads; framed as a stream and as one datagram, parsed,
 * judged, answered. However it is cut, the stream must say the same; an answer must itself frame as one message without
 * a body.
 */
#include "base/log.h"
#include "sip/check.h"
#include "sip/transaction.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct sip_policy policy = {.refuse_untrusted = true, .max_body = 1000};

static void answer(const struct sip_message *m, const struct sip_verdict *v)
{
	struct sip_source src = {.transport = SIP_TCP};
	struct buf head = {0}, out = {0};
	size_t to_end;
	sip_addr_parse(&src.peer, SLICE("192.0.2.1"), 5060);
	sip_response_head(&head, m, &src, &to_end);
	sip_response_put(&out, v->status ? v->status : 202, v->reason, slice_buf(&head), to_end, "tag",
			 slice_buf(&v->headers));
	struct sip_stream s = {.max_size = INT64_MAX};
	memcpy(sip_stream_room(&s, out.n), out.p, out.n);
	sip_stream_added(&s, out.n);
	struct sip_part p = sip_stream_next(&s);
	/* Via and To of a sound request lie within the bounds of a message; what is added may go beyond them. */
	bool fits = out.n <= SIP_HEAD_MAX;
	if (fits && (p.kind != SIP_PART_HEAD || p.length != 0 || p.octets.n != out.n))
		abort();
	sip_stream_free(&s);
	buf_free(&head);
	buf_free(&out);
}

static void judge(struct slice head, int64_t body)
{
	static struct sip_message m;
	static struct sip_transactions *table;
	struct sip_transaction_limits limits = sip_transaction_limits_default(10);
	limits.count = 16;
	sip_message_parse(&m, head);
	if (!sip_message_answerable(&m))
		return;
	struct sip_verdict v = {0};
	struct sip_question q = {.m = &m,
				 .policy = &policy,
				 .identity = sip_identity(&m, true)->uri,
				 .trusted = true,
				 .body_size = body};
	if (m.method_id == SIP_MESSAGE)
		sip_check_message(&q, &v);
	else
		sip_check_other(&q, &v);
	answer(&m, &v);
	table = sip_transactions_new(&limits);
	struct sip_source src = {.transport = SIP_UDP};
	sip_addr_parse(&src.peer, SLICE("192.0.2.1"), 5060);
	if (!m.status) {
		struct sip_transaction *tr = sip_transactions_add(table, &m, &src, 0);
		if (m.method_id != SIP_ACK && sip_transactions_match(table, &m) != tr)
			abort();
		if (sip_transactions_merged(table, &m) != !m.to.tag.n)
			abort();
	}
	sip_transactions_free(table);
	buf_free(&v.headers);
}

/* Everything the stream says, as octets. */
static void frame(const uint8_t *data, size_t n, size_t chunk, struct buf *said)
{
	struct sip_stream s = {.max_size = 5000};
	for (size_t at = 0; at < n;) {
		size_t k = n - at < chunk ? n - at : chunk;
		memcpy(sip_stream_room(&s, k), data + at, k);
		sip_stream_added(&s, k);
		at += k;
		struct sip_part p;
		while ((p = sip_stream_next(&s)).kind != SIP_PART_MORE) {
			if (p.kind != SIP_PART_BODY)
				buf_printf(said, "[%d %d %lld]", p.kind, p.status, (long long)p.length);
			if (p.kind != SIP_PART_BAD)
				buf_slice(said, p.octets);
			if ((p.kind == SIP_PART_HEAD || p.kind == SIP_PART_BAD) && chunk > 1000)
				judge(p.octets, p.length);
			if (p.kind == SIP_PART_BAD)
				break;
		}
	}
	sip_stream_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	log_set_level(LOG_ERROR);
	sip_init();
	if (!n)
		return 0;
	struct buf one = {0}, two = {0};
	struct slice head, body;
	const char *why;
	frame(data + 1, n - 1, SIZE_MAX, &one);
	frame(data + 1, n - 1, 1 + data[0] % 97, &two);
	if (one.n != two.n || (one.n && memcmp(one.p, two.p, one.n) != 0))
		abort();
	if (sip_datagram_cut((struct slice){(const char *)data + 1, n - 1}, &head, &body, &why) >= 0)
		judge(head, (int64_t)body.n);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
