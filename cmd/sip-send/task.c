#include "send.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "map/sip_hop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BEGINNING = 64 << 10, URI_MAX = 2048, FORGOTTEN_S = 3600 };

static struct task **bucket(struct send *s, const char *id)
{
	return &s->tasks[hash64(0, id, strlen(id)) % BUCKETS];
}

int task_tries(const struct frame_item *it)
{
	return item_retries(it) - (int)record_int(it->in->member, "asking", 0);
}

void task_ready(struct send *s, struct task *t)
{
	if (t->ready)
		return;
	t->ready = true;
	t->next_ready = NULL;
	if (!s->ready)
		s->ready_end = &s->ready;
	*s->ready_end = t;
	s->ready_end = &t->next_ready;
}

/* ---- out of a record ---- */

static bool uri_sound(const char *uri)
{
	for (const char *p = uri; *p; p++)
		if (*p <= ' ' || *p == 127 || *p == '<' || *p == '>' || *p == '"')
			return false;
	return *uri && strlen(uri) <= URI_MAX;
}

static bool read_hop(const json_t *from, struct hop *h)
{
	const char *transport = record_str(from, "transport"), *address = record_str(from, "address"),
		   *name = record_str(from, "name");
	int64_t port = record_int(from, "port", 0);
	if (!transport || !address || port < 1 || port > 65535 ||
	    !sip_addr_parse(&h->target.addr, slice_of(address), (int)port))
		return false;
	for (int i = SIP_UDP; i <= SIP_TLS; i++)
		if (strcmp(transport, sip_transport_name((enum sip_transport)i)) == 0) {
			h->target.transport = (enum sip_transport)i;
			h->name = xstrdup(name ? name : address);
			h->target.name = h->name;
			return true;
		}
	return false;
}

static const char *read_body(struct task *t, struct frame_item *it)
{
	const json_t *body = record_get(t->member, "body");
	if (!body)
		return NULL;
	if (!record_body_blobid(body))
		return record_body_octets(body, &t->body) ? NULL : "the body is malformed";
	/* Quirks concern the beginning; the rest is only ever sent. */
	int64_t size = record_body_size(body);
	ssize_t r = -1;
	t->rest.fd = item_blob_open(it, body);
	while (t->rest.fd >= 0 && t->body.n < BEGINNING &&
	       (r = pread(t->rest.fd, buf_room(&t->body, BEGINNING), BEGINNING - t->body.n, (off_t)t->body.n)) > 0)
		t->body.n += (size_t)r;
	t->rest.from = (int64_t)t->body.n;
	t->rest.to = size;
	if (r >= 0 && t->rest.from == size) { /* all of it */
		close(t->rest.fd);
		t->rest.fd = -1;
	}
	return r < 0 || size < t->rest.from ? "the blob of the body cannot be read" : NULL;
}

/* What waited may have the route of a configuration that is no longer in force. */
static void renew_route(struct task *t, struct frame_item *it)
{
	json_t *now = t->tries > 0 ? sip_hop_known(frame_conf(it->frame), t->uri) : NULL;
	if (now)
		record_set_new(t->member, "route", now);
}

static const char *read_record(struct task *t, struct frame_item *it)
{
	renew_route(t, it);
	const json_t *hops = record_get(record_get(t->member, "route"), "hops");
	if (!t->method || !is_token(t->method, strlen(t->method)) || strlen(t->method) > 15)
		return "sip.send without a method";
	if (!t->uri || !uri_sound(t->uri))
		return "sip.send without a sound uri";
	if (!record_header(record_get(t->member, "headers"), "From", 0))
		return "sip.send without From";
	for (size_t i = 0; i < json_array_size(hops) && t->nhops < HOPS_MAX; i++)
		t->nhops += read_hop(json_array_get(hops, i), &t->hops[t->nhops]);
	if (!t->nhops)
		return "sip.send without a way (route.hops)";
	return read_body(t, it);
}

/* A new Call-ID for every try (5.5), the same for every process. */
void task_make_ids(struct task *t)
{
	unsigned char digest[SHA256_LEN];
	struct buf b = {0}, call = {0}, tag = {0};
	buf_printf(&b, "call %s %d%s", t->id, t->tries, t->renewed ? " renewed" : "");
	sha256(b.p, b.n, digest);
	buf_puts(&call, "e-");
	hex_put(&call, digest, 16);
	hex_put(&tag, digest + 8, 12);
	snprintf(t->call_id, sizeof t->call_id, "%s", call.p);
	snprintf(t->tag, sizeof t->tag, "gw-%s", tag.p);
	t->cseq = 1;
	buf_free(&b);
	buf_free(&call);
	buf_free(&tag);
}

void task_free(struct send *s, struct task *t)
{
	struct task **at = bucket(s, t->id);
	while (*at && *at != t)
		at = &(*at)->chain;
	if (*at)
		*at = t->chain;
	for (size_t i = 0; i < t->nhops; i++)
		free(t->hops[i].name);
	sip_challenge_free(&t->challenge);
	json_decref(t->headers);
	json_decref(t->member);
	buf_free(&t->body);
	if (t->rest.fd >= 0)
		close(t->rest.fd);
	buf_free(&t->wire);
	free(t->reason);
	free(t->product);
	free(t->contact);
	free(t->trace);
	free(t);
}

static struct task *task_new(struct frame_item *it)
{
	struct task *t = xcalloc(1, sizeof *t);
	snprintf(t->id, sizeof t->id, "%s", it->in->id);
	t->trace = xstrdup(it->in->trace);
	t->tries = task_tries(it);
	t->member = json_incref(it->in->member);
	t->method = record_str(t->member, "method");
	t->uri = record_str(t->member, "uri");
	t->item = it;
	t->transport = "";
	t->rest.fd = -1;
	return t;
}

/* The others behind one that is to be tried again wait a minute, then they overtake (7.8). */
static bool held_up(struct send *s, struct frame_item *it)
{
	const char *uri = record_str(it->in->member, "uri");
	struct lane *l = s->patient || !uri ? NULL : lane_of(s, uri);
	if (!l || l->blocked_until <= frame_now_ms(s->frame) || strcmp(l->blocked_by, it->in->id) == 0)
		return false;
	record_set_int(it->in->member, "asking", record_int(it->in->member, "asking", 0) + 1);
	item_defer(it, l->blocked_until * 1000, "4.2.0", "behind another message to %s", uri);
	return true;
}

static void task_enter(struct send *s, struct task *t)
{
	struct task **at = bucket(s, t->id);
	t->chain = *at;
	*at = t;
	t->lane = lane_of(s, t->uri);
	if (t->lane->last)
		t->lane->last->behind = t;
	else
		t->lane->first = t;
	t->lane->last = t;
	s->under_way++;
	t->fresh = true;
	s->wanted++;
	if (t->lane->first == t)
		task_ready(s, t);
}

struct task *task_of(struct send *s, struct frame_item *it)
{
	struct task *t = *bucket(s, it->in->id);
	while (t && !(strcmp(t->id, it->in->id) == 0 && t->tries == task_tries(it)))
		t = t->chain;
	if (t) {
		t->item = it;
		return t;
	}
	if (!it->outcome && held_up(s, it))
		return NULL;
	t = task_new(it);
	const char *why = read_record(t, it);
	if (why) {
		item_fail(it, "5.5.4", "%s", why);
		task_free(s, t);
		return NULL;
	}
	task_make_ids(t);
	if (it->outcome && task_take_note(t, it->outcome)) {
		t->state = TASK_DONE;
		return t;
	}
	t->quirks = quirks_find(s, t);
	task_enter(s, t);
	return t;
}

/* ---- on its way ---- */

static bool too_large(const struct task *t)
{
	bool large = t->wire.n > UDP_MAX || record_bool(t->member, "stream");
	return t->now.transport == SIP_UDP && (t->rest.fd >= 0 || (large && !t->no_tcp));
}

static bool put_on_wire(struct send *s, struct task *t, const char **why)
{
	return wires_send(s->wires, &t->now, slice_buf(&t->wire), t->rest.fd >= 0 ? &t->rest : NULL, &t->link, why);
}

static void task_go(struct send *s, struct task *t)
{
	const char *why;
	while (t->hop < t->nhops && target_rests(s, &t->hops[t->hop].target.addr))
		t->hop++;
	if (t->hop == t->nhops) {
		t->retry_after = t->retry_after ? t->retry_after : REST_DEFAULT_S;
		task_done(s, t, 503, "the targets rest");
		return;
	}
	t->state = TASK_ACTIVE;
	t->now = t->hops[t->hop].target;
	t->by_tcp = false;
	t->sends++;
	request_build(s, t);
	if (too_large(t)) {
		t->by_tcp = true;
		t->now.transport = SIP_TCP;
		request_build(s, t);
	}
	t->transport = sip_transport_name(t->now.transport);
	char text[SIP_ADDR_TEXT];
	bool six = t->now.addr.sa.sa_family == AF_INET6;
	snprintf(t->target, sizeof t->target, six ? "[%s]:%d" : "%s:%d", sip_addr_text(&t->now.addr, text),
		 sip_addr_port(&t->now.addr));
	if (!put_on_wire(s, t, &why)) {
		snprintf(t->lost, sizeof t->lost, "%s", why);
		task_ready(s, t);
		return;
	}
	t->client = sip_client_start(s->clients, t->branch, t->method, t->now.transport != SIP_UDP, t, clock_mono_us());
}

static void resend(struct send *s, struct task *t)
{
	const char *why;
	if (!put_on_wire(s, t, &why)) {
		snprintf(t->lost, sizeof t->lost, "%s", why);
		task_ready(s, t);
	}
}

static void run_ready(struct send *s)
{
	for (struct task *t; (t = s->ready);) {
		s->ready = t->next_ready;
		t->ready = false;
		if (t->state == TASK_DONE)
			continue;
		if (*t->lost)
			task_lost(s, t, t->lost);
		else
			task_go(s, t);
	}
}

static void run_timers(struct send *s)
{
	struct sip_client *c;
	enum sip_client_event e;
	while ((e = sip_clients_due(s->clients, clock_mono_us(), &c)) != SIP_CLIENT_NOTHING) {
		struct task *t = c->data;
		if (e == SIP_CLIENT_RESEND) {
			resend(s, t);
			continue;
		}
		sip_client_end(s->clients, c);
		t->client = NULL;
		task_timed_out(s, t);
	}
}

void tasks_run(struct send *s, int ms)
{
	run_ready(s);
	wires_run(s->wires, tasks_wait(s, ms));
	run_ready(s);
	run_timers(s);
	run_ready(s);
}

int tasks_wait(const struct send *s, int most)
{
	int64_t next = sip_clients_next(s->clients);
	if (s->ready)
		return 0;
	if (next < 0)
		return most;
	int64_t ms = (next - clock_mono_us()) / 1000 + 1;
	return ms < 0 ? 0 : ms < most || most < 0 ? (int)ms : most;
}

void tasks_lost(void *ctx, uint64_t link, const union sip_addr *peer, const char *why)
{
	struct send *s = ctx;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct task *t = s->tasks[i]; t; t = t->chain) {
			bool udp = t->now.transport == SIP_UDP && sip_addr_same_host(&t->now.addr, peer) &&
				   sip_addr_port(&t->now.addr) == sip_addr_port(peer);
			if (t->state != TASK_ACTIVE || !t->client || (link ? t->link != link : !udp))
				continue;
			snprintf(t->lost, sizeof t->lost, "%s", why);
			task_ready(s, t);
		}
}

/* Timer F begins when the request is out. */
void tasks_progress(void *ctx, uint64_t link)
{
	struct send *s = ctx;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct task *t = s->tasks[i]; t; t = t->chain)
			if (t->state == TASK_ACTIVE && t->client && t->link == link)
				sip_client_postpone(s->clients, t->client, clock_mono_us());
}

/* What stands behind the status code. */
static void reason_of(struct slice head, struct buf *out)
{
	bool more;
	struct slice line = slice_trim(slice_cut(&head, '\n', &more));
	slice_cut(&line, ' ', &more);
	slice_cut(&line, ' ', &more);
	text_sanitise(out, line, 128);
}

void tasks_received(void *ctx, const union sip_addr *peer, struct slice head)
{
	struct send *s = ctx;
	struct sip_message *m = &s->response;
	(void)peer;
	sip_message_parse(m, head);
	struct sip_client *c = m->request || m->code < 100 || m->code > 699 ? NULL : sip_clients_match(s->clients, m);
	struct task *t = c ? c->data : NULL;
	if (!c || sip_client_response(s->clients, c, m->code, clock_mono_us()) != SIP_CLIENT_FINAL || !t)
		return;
	struct buf reason = {0};
	reason_of(head, &reason);
	t->client = NULL;
	*t->lost = '\0';
	task_answered(s, t, m, buf_str(&reason));
	buf_free(&reason);
}

void tasks_sweep(struct send *s)
{
	int64_t now = clock_mono_us();
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct task *t = s->tasks[i], *next; t; t = next) {
			next = t->chain;
			if (t->state == TASK_DONE && !t->item && !t->ready &&
			    now - t->done_at > FORGOTTEN_S * 1000000LL)
				task_free(s, t);
		}
}

void tasks_end(struct send *s)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (s->tasks[i]) {
			if (s->tasks[i]->lane)
				lane_leave(s, s->tasks[i]);
			task_free(s, s->tasks[i]);
		}
	}
	s->ready = NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct lane *l; (l = s->lanes[i]);) {
			s->lanes[i] = l->chain;
			free(l->uri);
			free(l);
		}
}
