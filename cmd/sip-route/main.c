/*
 * sip-route - where an outgoing SIP request goes: the outbound proxy, ENUM, NAPTR, SRV, addresses (2.7, 2.8).
 */
#include "router.h"
#include "base/log.h"
#include "sip/outcome.h"

#include <stdlib.h>

static int tries_of(const struct frame_item *it)
{
	return item_retries(it) - (int)record_int(it->in->member, "asking", 0);
}

static void emit_send(struct frame_item *it, const struct way *w)
{
	struct record *out = item_output(it, "sip.send.routed");
	const char *key;
	json_t *value;
	json_object_foreach (it->in->member, key, value)
		if (strcmp(key, "route") != 0 && strcmp(key, "asking") != 0 && strcmp(key, "uri") != 0)
			record_set_new(out->member, key, json_incref(value));
	record_set(out->member, "uri", w->uri);
	record_set_new(out->member, "route", way_route(w, slice_of(it->in->id)));
	const json_t *hop = json_array_get(record_get(record_get(out->member, "route"), "hops"), 0);
	log_event(LOG_INFO, it->in->trace, "routed", "id", out->id, "uri", w->uri, "transport",
		  record_str(hop, "transport"), "address", record_str(hop, "address"), NULL);
	item_emit(it, out);
}

static void emit_result(struct frame_item *it, const struct way *w, const char *outcome)
{
	struct record *out = item_output(it, "sip.result");
	json_t *origin = record_get(it->in->member, "origin");
	record_set(out->member, "outcome", outcome);
	record_set_int(out->member, "status", w->status);
	record_set(out->member, "reason", w->reason);
	record_set(out->member, "enhanced", w->enhanced);
	record_set(out->member, "method", record_str(it->in->member, "method"));
	record_set(out->member, "uri", w->uri);
	record_set_int(out->member, "tries", tries_of(it) + 1);
	if (origin)
		record_set_new(out->member, "origin", json_incref(origin));
	item_emit(it, out);
}

/* Nothing answers for a temporary failure: tried again by 5.5, until nobody wants it any more. */
static void temporary(struct router *r, struct frame_item *it, const struct way *w)
{
	int64_t now = frame_now_ms(it->frame), first = item_first_try_ms(it);
	int64_t end = (first ? first : now) + conf_int(r->conf, "sip_queue_lifetime", NULL) * 1000;
	int64_t expires = record_int(it->in->member, "expires", end);
	int64_t due = sip_retry_due(tries_of(it), now, 0, expires < end ? expires : end);
	int64_t most = record_int(it->in->member, "resend", -1); /* a report, or somebody waits (1.14, 5.4) */
	if (due < 0 || (most >= 0 && tries_of(it) >= most)) {
		emit_result(it, w, "permanent");
		return;
	}
	if (tries_of(it) == 0)
		emit_result(it, w, "queued");
	item_defer(it, due * 1000, w->enhanced, "%s: %s", w->uri, w->reason);
}

static void answer(struct router *r, struct frame_item *it)
{
	struct way *w = it->data;
	if (!w) {
		item_fail(it, "5.5.4", "sip.send without uri");
		return;
	}
	if (w->open) {
		record_set_int(it->in->member, "asking", record_int(it->in->member, "asking", 0) + 1);
		item_defer(it, frame_now_ms(it->frame) * 1000 + PATIENCE_MS * 1000 + COME_BACK_US, "4.4.3",
			   "%s: the name servers have not answered yet", w->uri);
	} else if (!w->status) {
		emit_send(it, w);
	} else {
		log_event(LOG_INFO, it->in->trace, "unroutable", "id", it->in->id, "uri", w->uri, "code", w->enhanced,
			  "why", w->reason, NULL);
		if (w->enhanced[0] == '4')
			temporary(r, it, w);
		else
			emit_result(it, w, "permanent");
	}
	way_leave(w);
}

/* Who made it knew the way. */
static bool is_routed(const struct frame_item *it)
{
	return strcmp(it->in->type, "sip.send.routed") == 0;
}

static void batch(struct frame_item *items, size_t n, void *ctx)
{
	struct router *r = ctx;
	for (size_t i = 0; i < n; i++) {
		const char *uri = record_str(items[i].in->member, "uri");
		items[i].data = uri && !is_routed(&items[i]) ? way_find(r, uri) : NULL;
	}
	if (r->patient)
		dns_wait(r->dns);
	else
		dns_wait_for(r->dns, &r->wanted, PATIENCE_MS);
	for (size_t i = 0; i < n; i++)
		if (is_routed(&items[i]))
			item_pass(&items[i]);
		else
			answer(r, &items[i]);
}

static void start(struct frame *f, void *ctx)
{
	struct router *r = ctx;
	r->conf = frame_conf(f);
	r->patient = !frame_has_queue(f);
	r->dns = dns_open_configured(r->conf);
}

static void stop(struct frame *f, void *ctx)
{
	struct router *r = ctx;
	(void)f;
	dns_close(r->dns);
}

static void reload(struct frame *f, void *ctx)
{
	stop(f, ctx);
	*(struct router *)ctx = (struct router){0};
	start(f, ctx);
}

int main(int argc, char **argv)
{
	static const char *const takes[] = {"sip.send", "sip.send.routed", NULL};
	static const struct frame_program program = {
		.name = "sip-route",
		.summary = "find the servers that take an outgoing SIP request (proxy, ENUM, NAPTR, SRV)",
		.takes = takes,
		.start = start,
		.batch = batch,
		.reload = reload,
		.stop = stop,
	};
	static struct router router;
	return frame_run(argc, argv, &program, &router);
}
