#include "sip/client.h"
#include "base/hash.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 1024 };

/* A hash table for responses, a heap by due for timers. */
struct sip_clients {
	struct sip_client *bucket[BUCKETS];
	struct sip_client **heap;
	size_t n, cap;
};

struct sip_clients *sip_clients_new(void)
{
	return xcalloc(1, sizeof(struct sip_clients));
}

size_t sip_clients_count(const struct sip_clients *t)
{
	return t->n;
}

static struct sip_client **chain(struct sip_clients *t, struct slice branch)
{
	return &t->bucket[hash_keyed(branch.p, branch.n) % BUCKETS];
}

/* ---- the heap ---- */

static void place(struct sip_clients *t, size_t i, struct sip_client *c)
{
	t->heap[i] = c;
	c->place = i;
}

static void sift_up(struct sip_clients *t, size_t i, struct sip_client *c)
{
	for (; i && t->heap[(i - 1) / 2]->due > c->due; i = (i - 1) / 2)
		place(t, i, t->heap[(i - 1) / 2]);
	place(t, i, c);
}

static void sift_down(struct sip_clients *t, size_t i, struct sip_client *c)
{
	for (size_t child; (child = 2 * i + 1) < t->n; i = child) {
		if (child + 1 < t->n && t->heap[child + 1]->due < t->heap[child]->due)
			child++;
		if (t->heap[child]->due >= c->due)
			break;
		place(t, i, t->heap[child]);
	}
	place(t, i, c);
}

static void reschedule(struct sip_clients *t, struct sip_client *c, int64_t due)
{
	bool sooner = due < c->due;
	c->due = due;
	if (sooner)
		sift_up(t, c->place, c);
	else
		sift_down(t, c->place, c);
}

/* ---- life ---- */

struct sip_client *sip_client_start(struct sip_clients *t, const char *branch, const char *method, bool reliable,
				    void *data, int64_t now)
{
	struct sip_client *c = xcalloc(1, sizeof *c);
	c->reliable = reliable;
	c->data = data;
	c->interval = SIP_T1_US;
	c->timeout = now + 64 * (int64_t)SIP_T1_US;
	c->due = reliable ? c->timeout : now + SIP_T1_US;
	c->sent = 1;
	snprintf(c->method, sizeof c->method, "%s", method);
	snprintf(c->branch, sizeof c->branch, "%s", branch);
	struct sip_client **head = chain(t, slice_of(c->branch));
	c->next = *head;
	*head = c;
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->heap = xrealloc(t->heap, t->cap * sizeof(*t->heap));
	}
	t->n++;
	sift_up(t, t->n - 1, c);
	return c;
}

void sip_client_postpone(struct sip_clients *t, struct sip_client *c, int64_t now)
{
	if (!c->reliable || c->state == SIP_CLIENT_COMPLETED)
		return;
	c->timeout = now + 64 * (int64_t)SIP_T1_US;
	reschedule(t, c, c->timeout);
}

void sip_client_end(struct sip_clients *t, struct sip_client *c)
{
	struct sip_client **at = chain(t, slice_of(c->branch));
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	struct sip_client *last = t->heap[--t->n];
	if (last != c) {
		place(t, c->place, last);
		sift_down(t, last->place, last);
		sift_up(t, last->place, last);
	}
	free(c);
}

void sip_clients_free(struct sip_clients *t)
{
	while (t && t->n)
		sip_client_end(t, t->heap[t->n - 1]);
	if (t)
		free(t->heap);
	free(t);
}

struct sip_client *sip_clients_match(struct sip_clients *t, const struct sip_message *m)
{
	const struct sip_field *cseq = sip_message_field(m, SIP_CSEQ, 0);
	if (!cseq || !m->via.branch.n)
		return NULL;
	struct slice method = cseq->value;
	for (size_t i = 0; i < method.n; i++)
		if (method.p[i] == ' ' || method.p[i] == '\t') {
			method = slice_trim((struct slice){method.p + i, method.n - i});
			break;
		}
	struct sip_client *c = *chain(t, m->via.branch);
	while (c && !(slice_eq(m->via.branch, c->branch) && slice_eq(method, c->method)))
		c = c->next;
	return c;
}

/* A stream loses nothing: timer K is 0 there. */
static void complete(struct sip_clients *t, struct sip_client *c, int64_t now)
{
	c->state = SIP_CLIENT_COMPLETED;
	c->data = NULL;
	if (c->reliable)
		sip_client_end(t, c);
	else
		reschedule(t, c, now + SIP_T4_US);
}

enum sip_client_event sip_client_response(struct sip_clients *t, struct sip_client *c, int status, int64_t now)
{
	if (c->state == SIP_CLIENT_COMPLETED)
		return SIP_CLIENT_NOTHING;
	if (status >= 200) {
		complete(t, c, now);
		return SIP_CLIENT_FINAL;
	}
	c->state = SIP_CLIENT_PROCEEDING;
	return SIP_CLIENT_PROGRESS;
}

static void again(struct sip_clients *t, struct sip_client *c)
{
	c->interval = c->state == SIP_CLIENT_PROCEEDING || 2 * c->interval > SIP_T2_US ? SIP_T2_US : 2 * c->interval;
	c->sent++;
	int64_t due = c->due + c->interval;
	reschedule(t, c, due < c->timeout ? due : c->timeout);
}

enum sip_client_event sip_clients_due(struct sip_clients *t, int64_t now, struct sip_client **c)
{
	while (t->n && t->heap[0]->due <= now) {
		*c = t->heap[0];
		if ((*c)->state == SIP_CLIENT_COMPLETED) {
			sip_client_end(t, *c);
			continue;
		}
		if (now >= (*c)->timeout)
			return SIP_CLIENT_TIMEOUT;
		again(t, *c);
		return SIP_CLIENT_RESEND;
	}
	return SIP_CLIENT_NOTHING;
}

int64_t sip_clients_next(const struct sip_clients *t)
{
	return t->n ? t->heap[0]->due : -1;
}
