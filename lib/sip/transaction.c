#include "sip/transaction.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATES = SIP_COMPLETED + 1, MALLOC_OVERHEAD = 32 };

static const char cookie[] = "z9hG4bK";

struct queue {
	struct sip_transaction *first, *last;
};

struct sip_transactions {
	struct sip_transaction_limits limits;
	struct sip_transaction **by_key, **by_merge;
	size_t mask, count, octets;
	uint64_t serial;
	struct queue queue[STATES];
	struct buf key, merge; /* of the request in hand */
};

struct sip_transaction_limits sip_transaction_limits_default(int64_t answer_deadline)
{
	return (struct sip_transaction_limits){
		.count = 1 << 18,
		.octets = (size_t)256 << 20,
		.trying_us = 3500000, /* T1 + 2 T1 + 4 T1 with T1 = 0.5 s (RFC 4320) */
		.answer_us = answer_deadline * 1000000,
		.completed_us = 32000000, /* 64 T1 */
	};
}

struct sip_transactions *sip_transactions_new(const struct sip_transaction_limits *limits)
{
	struct sip_transactions *t = xcalloc(1, sizeof *t);
	size_t n = 1024;
	while (n < limits->count / 2)
		n *= 2;
	t->limits = *limits;
	t->mask = n - 1;
	t->by_key = xcalloc_present(n, sizeof *t->by_key);
	t->by_merge = xcalloc_present(n, sizeof *t->by_merge);
	random_octets(&t->serial, sizeof t->serial); /* names of an earlier process match nothing here */
	return t;
}

size_t sip_transactions_count(const struct sip_transactions *t)
{
	return t->count;
}

size_t sip_transactions_octets(const struct sip_transactions *t)
{
	return t->octets;
}

bool sip_transactions_full(const struct sip_transactions *t)
{
	return t->count >= t->limits.count || t->octets >= t->limits.octets;
}

/* ---- keys ---- */

static void put_part(struct buf *b, struct slice s)
{
	buf_slice(b, s);
	buf_putc(b, '\n');
}

static void put_lower(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_putc(b, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i]);
}

/* RFC 3261 17.2.3; ACK belongs to the INVITE that it ends. */
static void make_key(struct buf *b, const struct sip_message *m)
{
	struct slice branch = m->via.branch, method = m->method_id == SIP_ACK ? SLICE("INVITE") : m->method;
	buf_clear(b);
	if (slice_istarts(branch, cookie) && branch.n >= sizeof cookie) {
		put_part(b, branch);
		put_lower(b, m->via.host);
		buf_put(b, &m->via.port, sizeof m->via.port);
		buf_slice(b, method);
		return;
	}
	put_part(b, m->uri);
	put_part(b, m->method_id == SIP_ACK ? SLICE("") : m->to.tag); /* our own tag stands in the ACK only */
	put_part(b, m->from.tag);
	put_part(b, m->call_id);
	buf_put(b, &m->cseq, sizeof m->cseq);
	put_part(b, method);
	buf_slice(b, m->via.raw);
}

static void make_merge(struct buf *b, const struct sip_message *m)
{
	buf_clear(b);
	put_part(b, m->from.tag);
	put_part(b, m->call_id);
	buf_put(b, &m->cseq, sizeof m->cseq);
	buf_slice(b, m->method);
}

struct sip_transaction *sip_transactions_match(struct sip_transactions *t, const struct sip_message *m)
{
	make_key(&t->key, m);
	uint64_t h = hash_keyed(t->key.p, t->key.n);
	struct sip_transaction *tr = t->by_key[h & t->mask];
	while (tr && (tr->hash != h || tr->key_n != t->key.n || memcmp(tr->key, t->key.p, t->key.n) != 0))
		tr = tr->next;
	return tr;
}

bool sip_transactions_merged(struct sip_transactions *t, const struct sip_message *m)
{
	if (m->to.tag.n)
		return false;
	make_merge(&t->merge, m);
	uint64_t h = hash_keyed(t->merge.p, t->merge.n);
	struct sip_transaction *tr = t->by_merge[h & t->mask];
	for (; tr; tr = tr->next_merge)
		if (tr->merge_hash == h && tr->merge_n == t->merge.n &&
		    memcmp(tr->key + tr->key_n, t->merge.p, t->merge.n) == 0)
			return true;
	return false;
}

/* ---- deadline queues ---- */

static void queue_put(struct sip_transactions *t, struct sip_transaction *tr, int state, int64_t due)
{
	struct queue *q = &t->queue[state];
	tr->state = (uint8_t)state;
	tr->due = due;
	tr->later = NULL;
	tr->sooner = q->last;
	if (q->last)
		q->last->later = tr;
	else
		q->first = tr;
	q->last = tr;
}

static void queue_take(struct sip_transactions *t, struct sip_transaction *tr)
{
	struct queue *q = &t->queue[tr->state];
	*(tr->sooner ? &tr->sooner->later : &q->first) = tr->later;
	*(tr->later ? &tr->later->sooner : &q->last) = tr->sooner;
}

/* ---- life ---- */

static size_t weight(const struct sip_transaction *tr)
{
	return sizeof *tr + tr->key_n + tr->merge_n + tr->text_n + MALLOC_OVERHEAD;
}

static void link_merge(struct sip_transactions *t, struct sip_transaction *tr)
{
	tr->merges = true;
	tr->merge_hash = hash_keyed(t->merge.p, t->merge.n);
	tr->next_merge = t->by_merge[tr->merge_hash & t->mask];
	t->by_merge[tr->merge_hash & t->mask] = tr;
}

static void unlink_merge(struct sip_transactions *t, struct sip_transaction *tr)
{
	if (!tr->merges)
		return;
	struct sip_transaction **at = &t->by_merge[tr->merge_hash & t->mask];
	while (*at != tr)
		at = &(*at)->next_merge;
	*at = tr->next_merge;
	tr->merges = false;
}

static void unlink_key(struct sip_transactions *t, struct sip_transaction *tr)
{
	struct sip_transaction **at = &t->by_key[tr->hash & t->mask];
	while (*at != tr)
		at = &(*at)->next;
	*at = tr->next;
}

static void end(struct sip_transactions *t, struct sip_transaction *tr)
{
	unlink_key(t, tr);
	unlink_merge(t, tr);
	queue_take(t, tr);
	t->count--;
	t->octets -= weight(tr);
	free(tr->text);
	free(tr);
}

void sip_transactions_free(struct sip_transactions *t)
{
	if (!t)
		return;
	for (int i = 0; i < STATES; i++)
		while (t->queue[i].first)
			end(t, t->queue[i].first);
	buf_free(&t->key);
	buf_free(&t->merge);
	free(t->by_key);
	free(t->by_merge);
	free(t);
}

static void set_text(struct sip_transactions *t, struct sip_transaction *tr, const struct buf *b)
{
	t->octets -= tr->text_n;
	free(tr->text);
	tr->text = xmalloc(b->n); /* exactly: a buffer that grew by doubling would hold twice as much */
	memcpy(tr->text, b->p, b->n);
	tr->text_n = (uint32_t)b->n;
	t->octets += tr->text_n;
}

struct sip_transaction *sip_transactions_add(struct sip_transactions *t, const struct sip_message *m,
					     const struct sip_source *src, int64_t now)
{
	make_key(&t->key, m);
	make_merge(&t->merge, m);
	struct sip_transaction *tr = xmalloc(sizeof *tr + t->key.n + t->merge.n);
	*tr = (struct sip_transaction){.serial = ++t->serial, .begun = now, .source = *src};
	tr->key_n = (uint32_t)t->key.n;
	tr->merge_n = (uint32_t)t->merge.n;
	memcpy(tr->key, t->key.p, t->key.n);
	memcpy(tr->key + t->key.n, t->merge.p, t->merge.n);
	tr->hash = hash_keyed(t->key.p, t->key.n);
	tr->next = t->by_key[tr->hash & t->mask];
	t->by_key[tr->hash & t->mask] = tr;
	if (!m->to.tag.n)
		link_merge(t, tr);
	sip_response_target(m, src, &tr->target);
	struct buf head = {0};
	size_t to_end;
	sip_response_head(&head, m, src, &to_end);
	tr->to_end = (uint32_t)to_end;
	t->count++;
	t->octets += weight(tr);
	set_text(t, tr, &head);
	buf_free(&head);
	int64_t answer = t->limits.answer_us < 0 ? INT64_MAX : now + t->limits.answer_us;
	if (answer < now + t->limits.trying_us)
		queue_put(t, tr, SIP_PROCEEDING, answer);
	else
		queue_put(t, tr, SIP_TRYING, now + t->limits.trying_us);
	return tr;
}

struct slice sip_transaction_request(const struct sip_transaction *tr)
{
	return (struct slice){tr->key + tr->key_n, tr->merge_n};
}

void sip_transaction_name(const struct sip_transaction *tr, char out[SIP_TRANSACTION_NAME])
{
	snprintf(out, SIP_TRANSACTION_NAME, "%016" PRIx64 "-%016" PRIx64, tr->hash, tr->serial);
}

struct sip_transaction *sip_transactions_named(struct sip_transactions *t, const char *name)
{
	uint64_t hash, serial;
	int used = 0;
	if (sscanf(name, "%16" SCNx64 "-%16" SCNx64 "%n", &hash, &serial, &used) != 2 || name[used])
		return NULL;
	struct sip_transaction *tr = t->by_key[hash & t->mask];
	while (tr && (tr->hash != hash || tr->serial != serial))
		tr = tr->next;
	return tr;
}

static void tag_of(uint64_t a, uint64_t b, char out[SIP_TAG])
{
	uint64_t in[2] = {a, b};
	snprintf(out, SIP_TAG, "%016" PRIx64, hash_keyed(in, sizeof in));
}

void sip_tag_stateless(const struct sip_message *m, char out[SIP_TAG])
{
	struct buf key = {0};
	make_key(&key, m);
	tag_of(hash_keyed(key.p, key.n), 0, out);
	buf_free(&key);
}

bool sip_transaction_answer(struct sip_transactions *t, struct sip_transaction *tr, int status, const char *reason,
			    struct slice extra, int64_t now, struct buf *out)
{
	char tag[SIP_TAG];
	if (tr->status)
		return false;
	struct buf response = {0};
	tag_of(tr->hash, tr->serial, tag);
	sip_response_put(&response, status, reason, (struct slice){tr->text, tr->text_n}, tr->to_end, tag, extra);
	buf_slice(out, slice_buf(&response));
	if (status >= 200) {
		tr->status = (uint16_t)status;
		unlink_merge(t, tr); /* only what is in progress merges, so no chain grows with what is over */
		queue_take(t, tr);
		set_text(t, tr, &response);
		queue_put(t, tr, SIP_COMPLETED, now + t->limits.completed_us);
		if (tr->source.transport != SIP_UDP) /* nothing is lost on a stream (RFC 3261 17.2.2, timer J) */
			end(t, tr);
	}
	buf_free(&response);
	return true;
}

void sip_transaction_repeat(const struct sip_transaction *tr, struct buf *out)
{
	struct slice text = {tr->text, tr->text_n};
	if (tr->status)
		buf_slice(out, text);
	else if (tr->tried)
		sip_response_put(out, 100, NULL, text, tr->to_end, "", SLICE(""));
}

struct sip_transaction *sip_transactions_due(struct sip_transactions *t, int64_t now)
{
	struct sip_transaction *tr;
	while ((tr = t->queue[SIP_COMPLETED].first) && tr->due <= now)
		end(t, tr);
	tr = t->queue[SIP_TRYING].first;
	if (tr && tr->due <= now) {
		tr->tried = true;
		queue_take(t, tr);
		queue_put(t, tr, SIP_PROCEEDING, t->limits.answer_us < 0 ? INT64_MAX : tr->begun + t->limits.answer_us);
		return tr;
	}
	tr = t->queue[SIP_PROCEEDING].first;
	return tr && tr->due <= now ? tr : NULL;
}

int64_t sip_transactions_next(const struct sip_transactions *t)
{
	int64_t next = -1;
	for (int i = 0; i < STATES; i++) {
		const struct sip_transaction *tr = t->queue[i].first;
		if (tr && tr->due < INT64_MAX && (next < 0 || tr->due < next))
			next = tr->due;
	}
	return next;
}
