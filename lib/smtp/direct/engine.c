#include "smtp/direct/direct.h"

#include "base/clock.h"
#include "base/log.h"

#include <signal.h>
#include <stdlib.h>

enum { TICK_MS = 100, BATCH_PATIENCES = 5, CONNECTIONS = 100, CONNECTIONS_PER_HOST = 20 };

/* ---- the clock ---- */

static void give_up_all(struct direct *d, enum smtp_given_up why)
{
	for (struct destination *dest = d->destinations; dest; dest = dest->next)
		if (destination_waits(dest))
			destination_give_up(dest, why);
}

/* Asked to end: what was not begun stays in the queue, and what hangs before the end of its mail as well. */
static void stop(struct direct *d)
{
	d->stopped = true;
	for (struct destination *dest = d->destinations; dest; dest = dest->next)
		destination_give_up(dest, SMTP_STOPPED);
	for (struct connection *c = d->connections; c; c = c->next)
		if (c->dest && c->phase < PHASE_READY)
			connection_lost(c, "the program ends", false);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct direct *d = arg;
	int64_t now = clock_mono_us();
	(void)fd, (void)what;
	for (struct connection *c = d->connections; c; c = c->next)
		connection_watch(c, now);
	if (d->settings.patience_ms && now - d->begun_us > BATCH_PATIENCES * d->settings.patience_ms * 1000LL)
		give_up_all(d, SMTP_SLOW);
	if (!d->stopped && d->settings.stopping && d->settings.stopping(d->settings.ctx))
		stop(d);
}

/* ---- the loop ---- */

static void reap(struct direct *d)
{
	for (struct connection **at = &d->connections; *at;) {
		struct connection *c = *at;
		if (c->phase != PHASE_DEAD) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		connection_free(c);
	}
}

/* No destination gets more than its part of the connections while others wait; each turn another is the first. */
static void schedule(struct direct *d)
{
	size_t waiting = 0, per_host = (size_t)d->settings.connections_per_host, share;
	for (struct destination *dest = d->destinations; dest; dest = dest->next)
		waiting += destination_waits(dest);
	if (!waiting)
		return;
	share = (size_t)d->settings.connections / waiting;
	d->share = share = share < 1 ? 1 : share > per_host ? per_host : share;
	d->starving = false;
	size_t first = d->turn++ % waiting, i = 0;
	for (int round = 0; round < 2; round++, i = 0)
		for (struct destination *dest = d->destinations; dest; dest = dest->next) {
			bool mine = round == 0 ? i >= first : i < first;
			if (!destination_waits(dest))
				continue;
			i++;
			if (mine)
				destination_schedule(dest, share);
		}
}

static void turn(struct direct *d, int flags)
{
	if (event_base_loop(d->base, flags) < 0)
		die_temp("event loop:");
	reap(d);
}

static void direct_finish(void *engine)
{
	struct direct *d = engine;
	const struct timeval tick = {0, TICK_MS * 1000};
	d->begun_us = clock_mono_us();
	event_add(d->tick, &tick);
	while (d->open) {
		schedule(d);
		if (d->open)
			turn(d, EVLOOP_ONCE);
	}
	event_del(d->tick);
	for (struct connection *c = d->connections; c; c = c->next) {
		if (!c->dest)
			continue;
		if (c->phase == PHASE_READY && !c->letter && !c->count && !c->closing)
			kept_give(c);
		else
			connection_kill(c);
	}
	while (d->destinations) {
		struct destination *dest = d->destinations;
		d->destinations = dest->next;
		destination_free(dest);
	}
	reap(d);
}

static int direct_idle(void *engine)
{
	struct direct *d = engine;
	bool quitting = false;
	int next = kept_expire(d);
	turn(d, EVLOOP_NONBLOCK);
	for (struct connection *c = d->connections; c; c = c->next) {
		connection_watch(c, clock_mono_us());
		quitting = quitting || c->phase == PHASE_QUIT;
	}
	reap(d);
	return quitting && (next < 0 || next > TICK_MS) ? TICK_MS : next;
}

/* ---- the engine ---- */

static void *direct_open(const struct smtp_settings *s)
{
	struct direct *d = xcalloc(1, sizeof(*d));
	d->settings = *s;
	if (d->settings.connections <= 0)
		d->settings.connections = CONNECTIONS;
	if (d->settings.connections_per_host <= 0)
		d->settings.connections_per_host = CONNECTIONS_PER_HOST;
	if (!smtp_word_valid(s->hostname ? s->hostname : "", 255))
		die_perm("\"%s\" is no name for EHLO", s->hostname ? s->hostname : "");
	d->tls = smtp_tls_new(s->ca_file);
	if (!d->tls)
		die_perm("TLS cannot be set up");
	d->base = event_base_new();
	d->tick = d->base ? event_new(d->base, -1, EV_PERSIST, on_tick, d) : NULL;
	if (!d->tick)
		die_temp("no event loop");
	signal(SIGPIPE, SIG_IGN);
	return d;
}

static void direct_deliver(void *engine, const struct smtp_route *route, struct smtp_mail *const *mails, size_t n)
{
	struct direct *d = engine;
	d->stopped = false;
	destination_add(d, route, mails, n);
}

/* QUIT to all, and a short while for their answers. */
static void direct_close(void *engine)
{
	struct direct *d = engine;
	const struct timeval tick = {0, TICK_MS * 1000};
	for (struct connection *c = d->connections; c; c = c->next)
		if (c->phase == PHASE_READY)
			connection_quit(c);
	event_add(d->tick, &tick);
	reap(d);
	while (d->connections)
		turn(d, EVLOOP_ONCE);
	event_free(d->tick);
	event_base_free(d->base);
	smtp_tls_free(d->tls);
	free(d);
}

const struct smtp_engine smtp_direct = {
	.name = "direct",
	.open = direct_open,
	.deliver = direct_deliver,
	.finish = direct_finish,
	.idle = direct_idle,
	.close = direct_close,
};
